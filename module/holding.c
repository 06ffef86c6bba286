// SPDX-License-Identifier: GPL-2.0
/* What a client does with blocks and handles; see holding.h. */
#include "holding.h"

#include <linux/bitops.h>
#include <linux/err.h>
#include <linux/sched.h>
#include <linux/string.h>

#include "client_scope.h"
#include "revoke.h"
#include "word.h"

static __always_inline int resolve(struct client *client, u64 value,
				   struct holding *handle)
{
	u32 unit = FIXEDPOOL_HANDLE_SLOT(value) >> SLOT_UNIT_SHIFT;

	handle->value = value;
	handle->version = FIXEDPOOL_HANDLE_VERSION(value);
	if (!(handle->version & 1))
		return -EINVAL;
	if (handle->att && !attachment_has(handle->att, unit)) {
		attachment_put(handle->att);
		handle->att = NULL;
	}
	if (!handle->att)
		handle->att = client_borrow(client, unit);
	if (!handle->att)
		return -ENXIO;
	return pool_resolve(handle->att->pool, value, &handle->index);
}

/**
 * holding_resolve() - look at a handle that came from a client
 * @client: the client
 * @value: the handle
 * @handle: filled in; zeroed before the first use, and ended by
 *	holding_done()
 *
 * Context: process.
 * Return: 0; -EINVAL if no allocation can have this handle; -ENXIO if it is of
 * no pool this client is attached to; -ERANGE if its index is beyond the end.
 */
int holding_resolve(struct client *client, u64 value,
		    struct holding *handle)
{
	return resolve(client, value, handle);
}

/**
 * holding_done() - end of a look at handles
 * @client: the client
 * @handle: from holding_resolve()
 *
 * Context: process; may sleep.
 */
void holding_done(struct client *client, struct holding *handle)
{
	if (handle->att)
		client_return(client, handle->att);
	handle->att = NULL;
}

/**
 * holding_refuse() - count a refusal, if the handle is of a pool
 * @handle: from holding_resolve()
 * @error: why, or 0
 *
 * Context: any.
 */
void holding_refuse(const struct holding *handle, int error)
{
	/* What no allocation can have names no pool; there may be an attachment
	 * all the same, from a look before.
	 */
	if (handle->att && error != -EINVAL)
		pool_refuse(handle->att->pool, handle->value, error);
}

static void zero_blocks(struct fixedpool *pool, u32 word, unsigned long mask)
{
	for (; mask; mask &= mask - 1) {
		memset(pool_block(pool, word * POOL_BATCH + __ffs(mask)), 0,
		       pool_geometry(pool)->block_size);
		cond_resched();
	}
}

/* Puts new blocks into a scope; where that fails they are free again. */
static __always_inline int put_claim(struct client *client,
				     struct attachment *att, u32 scope,
				     bool zero, u32 word, unsigned long mask)
{
	int error;

	/* Before the bits are set, so that nobody can end the client's hold: a
	 * block must not be somebody else's by the time it is zeroed.
	 */
	if (unlikely(zero))
		zero_blocks(att->pool, word, mask);
	if (likely(scope == SCOPE_ROOT)) {
		attachment_add(att, word, mask);
		return 0;
	}
	error = client_scope_put(client, att, scope, word, mask);
	if (error)
		pool_drop_word(att->pool, word, mask, HOLDER_CLIENT);
	return error;
}

/**
 * holding_claim() - allocate reserved blocks for a client
 * @client: the client
 * @att: where it is attached; the blocks come from a pool_reserve() there
 * @scope: number of the scope that is to hold them
 * @zero: fill them with zeroes
 * @want: how many of the reservation, at least 1
 * @claim: filled in, with one block at least and @want at most
 *
 * Context: process; may sleep.
 * Return: 0; for a scope below the root also an error of client_scope_put(), and
 * the blocks in @claim, of which nobody has been told, are free again.
 */
int holding_claim(struct client *client, struct attachment *att, u32 scope,
		  bool zero, unsigned int want, struct claim *claim)
{
	claim->mask = pool_claim_word(att->pool, HOLDER_CLIENT, want,
				      &claim->word, claim->handles);
	claim->count = hweight_long(claim->mask);
	return put_claim(client, att, scope, zero, claim->word, claim->mask);
}

/**
 * holding_claim_one() - allocate a block that is at hand, for a client
 * @client: the client
 * @att: where it is attached
 * @scope: number of the scope that is to hold it
 * @zero: fill it with zeroes
 * @value: set to its handle
 *
 * Context: process; may sleep.
 * Return: 0; -ENOBUFS if none is within reach, which holding_claim() of a
 * reservation may still find; else as there.
 */
int holding_claim_one(struct client *client, struct attachment *att, u32 scope,
		      bool zero, u64 *value)
{
	u32 index = pool_try_take(att->pool);

	if (unlikely(index == FIXEDPOOL_NO_INDEX))
		return -ENOBUFS;
	*value = pool_begin(att->pool, index, HOLDER_CLIENT);
	return put_claim(client, att, scope, zero, index / POOL_BATCH,
			 BIT(index % POOL_BATCH));
}

/* Why a handle is refused by a client that does not hold its block. */
static noinline int not_held(const struct holding *handle)
{
	return pool_check(handle->att->pool, handle->index, handle->version) ?:
	       -EPERM;
}

/*
 * Takes the client's hold out of a bitmap: from then on it is the caller's.
 * @word has the bit of the handle's block.
 *
 * The version is compared twice. Before, so that a stale handle touches
 * nothing. And after, since another thread of the client may have freed this
 * very handle and been given the same block again in between: then the hold is
 * of the new allocation, and goes back where it was.
 *
 * Returns -ENODATA if the hold is not there.
 */
static __always_inline int try_take(const struct holding *handle,
				    unsigned long *word)
{
	unsigned int bit = handle->index % BITS_PER_LONG;
	struct fixedpool *pool = handle->att->pool;
	int error;

	if (!test_bit(bit, word))
		return -ENODATA;
	error = pool_check(pool, handle->index, handle->version);
	if (error)
		return error;
	if (!test_and_clear_bit(bit, word))
		return -ENODATA;
	error = pool_check(pool, handle->index, handle->version);
	/* if somebody has shared the block with the client meanwhile, the bit
	 * stands for that hold, and ours is one too many
	 */
	if (error && test_and_set_bit(bit, word))
		pool_drop(pool, handle->index, HOLDER_CLIENT);
	return error;
}

/*
 * The same where the block may be in a scope. Under the lock no block is on its
 * way from a scope to its parent, but it may have been before: so look again.
 */
static noinline int try_take_anywhere(const struct holding *handle,
				      unsigned long *root)
{
	struct parts *parts = &handle->att->parts;
	unsigned long *word;
	int error;

	down_read(&parts->lock);
	error = try_take(handle, root);
	if (error == -ENODATA) {
		word = parts_word(parts, handle->index);
		if (word)
			error = try_take(handle, word);
	}
	up_read(&parts->lock);
	return error;
}

/* Takes the hold wherever it is; nothing that the client has mapped shows the
 * block then, if that is the way of the pool.
 */
static __always_inline int take_hold(const struct holding *handle)
{
	struct attachment *att = handle->att;
	unsigned long *root = &att->held[handle->index / BITS_PER_LONG];
	int error = try_take(handle, root);

	if (error == -ENODATA && parts_used(&att->parts))
		error = try_take_anywhere(handle, root);
	/* without the lock of the parts, which faults take inside theirs */
	if (!error)
		revoke_blocks(att->pool, handle->index, 1);
	return error == -ENODATA ? not_held(handle) : error;
}

/**
 * holding_take() - take a hold away from the client
 * @handle: looked up
 *
 * Context: process; may sleep.
 * Return: 0, and the caller has a HOLDER_CLIENT hold of the block; -EALREADY if
 * it has been freed; -ESTALE if it has been freed and the block was allocated
 * again; -EPERM if this client does not hold it.
 */
int holding_take(const struct holding *handle)
{
	return take_hold(handle);
}

/* Gives a block back; answers as take_hold(). */
static __always_inline int free_one(const struct holding *handle)
{
	struct fixedpool *pool = handle->att->pool;
	int error = take_hold(handle);

	if (error)
		return error;
	pool_drop(pool, handle->index, HOLDER_CLIENT);
	return 0;
}

/**
 * holding_free() - give a block back
 * @client: the client
 * @value: handle that came from it
 *
 * Context: process; may sleep.
 * Return: 0; an error of holding_resolve() or holding_take(). A refusal has
 * been counted.
 */
int holding_free(struct client *client, u64 value)
{
	struct holding handle = {};
	int error = resolve(client, value, &handle);

	if (likely(!error))
		error = free_one(&handle);
	if (unlikely(error))
		holding_refuse(&handle, error);
	holding_done(client, &handle);
	return error;
}

/* Is the block of a handle the client's? Answers as take_hold(). */
static int check_held(const struct holding *handle)
{
	if (!attachment_holds(handle->att, handle->index))
		return not_held(handle);
	return pool_check(handle->att->pool, handle->index, handle->version);
}

/**
 * holding_accept() - let a client have a hold, in its root scope
 * @att: where it is attached
 * @index: a block of which the caller has a HOLDER_CLIENT hold
 *
 * Should the client leave meanwhile, the block goes back with the rest of what
 * it held. If it holds the block already, in whichever scope, the hold is one too many.
 *
 * Context: process; may sleep.
 * Return: whether the client did not hold the block before.
 */
bool holding_accept(struct attachment *att, u32 index)
{
	if (!attachment_holds(att, index) && !test_and_set_bit(index, att->held))
		return true;
	pool_drop(att->pool, index, HOLDER_CLIENT);
	return false;
}

/**
 * holding_give() - let another client hold a block instead
 * @handle: looked up
 * @receiver: number of the other client
 *
 * Should the receiver leave meanwhile, the block goes back with the rest of
 * what it held.
 *
 * Context: process; may sleep.
 * Return: 0; -ESRCH; -ENOTCONN; -ESTALE; -EPERM.
 */
int holding_give(struct holding *handle, u32 receiver)
{
	struct fixedpool *pool = handle->att->pool;
	struct attachment *to = client_attachment_of(receiver, pool);
	int error;

	if (IS_ERR(to))
		return PTR_ERR(to);
	if (to == handle->att) {
		error = check_held(handle);
	} else {
		error = take_hold(handle);
		if (!error)
			holding_accept(to, handle->index);
	}
	attachment_put(to);
	return error == -EALREADY ? -ESTALE : error;
}

/**
 * holding_double() - one more hold of a block of the client's
 * @handle: looked up
 *
 * Context: process; may sleep.
 * Return: 0, and the caller has a HOLDER_CLIENT hold of the block; as
 * holding_take(); -EBUSY if there are too many holders.
 */
int holding_double(const struct holding *handle)
{
	int error = check_held(handle);

	if (!error)
		error = pool_hold(handle->att->pool, handle->index,
				  handle->version, HOLDER_CLIENT);
	if (error || attachment_holds(handle->att, handle->index))
		return error;
	/* another thread has let go of it meanwhile */
	pool_drop(handle->att->pool, handle->index, HOLDER_CLIENT);
	return -EPERM;
}

/**
 * holding_share() - let another client hold a block, too
 * @handle: looked up
 * @receiver: number of the other client
 *
 * Context: process; may sleep.
 * Return: 0, also if the receiver has it; -ESRCH; -ENOTCONN; -ESTALE; -EPERM;
 * -EBUSY if there are too many holders.
 */
int holding_share(struct holding *handle, u32 receiver)
{
	struct attachment *to = client_attachment_of(receiver,
						     handle->att->pool);
	int error;

	if (IS_ERR(to))
		return PTR_ERR(to);
	if (attachment_holds(to, handle->index)) {
		error = check_held(handle);
	} else {
		error = holding_double(handle);
		if (!error)
			holding_accept(to, handle->index);
	}
	attachment_put(to);
	return error == -EALREADY ? -ESTALE : error;
}

/**
 * holding_drain() - give back a block that is in the client's cache
 * @handle: a block of the attachment; the version does not count
 *
 * Context: process; may sleep.
 * Return: 0; -EADDRINUSE if its version says that it is allocated; -EPERM if
 * the client does not hold it.
 */
int holding_drain(struct holding *handle)
{
	struct fixedpool *pool = handle->att->pool;

	handle->version = pool_version(pool, handle->index);
	if (!attachment_holds(handle->att, handle->index))
		return -EPERM;
	if (handle->version & 1)
		return -EADDRINUSE;
	if (take_hold(handle))
		return pool_version(pool, handle->index) & 1 ? -EADDRINUSE :
							       -EPERM;
	pool_uncache_word(pool, handle->index / POOL_BATCH,
			  BIT(handle->index % POOL_BATCH), HOLDER_CLIENT);
	return 0;
}

/**
 * holding_check() - what a handle is worth
 * @handle: looked up
 *
 * Context: process.
 * Return: FIXEDPOOL_CHECK_* bits.
 */
u32 holding_check(const struct holding *handle)
{
	struct attachment *att = handle->att;
	u32 state = FIXEDPOOL_CHECK_ALIVE;

	if (pool_check(att->pool, handle->index, handle->version))
		return 0;
	if (attachment_holds(att, handle->index))
		state |= FIXEDPOOL_CHECK_MINE;
	if (pool_shared(att->pool, handle->index))
		state |= FIXEDPOOL_CHECK_SHARED;
	return state;
}

/**
 * holding_borrow() - hold a block of the client while working on its bytes
 * @handle: looked up
 *
 * Other threads may free it meanwhile; it then becomes free with
 * holding_return().
 *
 * Context: process.
 * Return: 0; -ESTALE; -EPERM; -EBUSY.
 */
int holding_borrow(struct holding *handle)
{
	struct attachment *att = handle->att;
	int error;

	/* first, so as not to hold what is none of the client's business */
	if (!attachment_holds(att, handle->index)) {
		error = not_held(handle);
		return error == -EALREADY ? -ESTALE : error;
	}
	error = pool_hold(att->pool, handle->index, handle->version,
			  HOLDER_KERNEL);
	if (error)
		return error;
	if (attachment_holds(att, handle->index))
		return 0;
	holding_return(handle);
	return -EPERM;
}

/**
 * holding_return() - end of holding_borrow()
 * @handle: looked up
 *
 * Context: process.
 */
void holding_return(struct holding *handle)
{
	pool_drop(handle->att->pool, handle->index, HOLDER_KERNEL);
}
