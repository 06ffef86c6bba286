// SPDX-License-Identifier: GPL-2.0
/* What a client does with blocks and handles; see holding.h. */
#include "holding.h"

#include <linux/bitops.h>
#include <linux/err.h>

#include "revoke.h"

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
	u32 unit = FIXEDPOOL_HANDLE_SLOT(value) >> SLOT_UNIT_SHIFT;

	handle->version = FIXEDPOOL_HANDLE_VERSION(value);
	if (!(handle->version & 1))
		return -EINVAL;
	if (handle->att && unit - handle->att->pool->id >= handle->att->pool->units)
		holding_done(handle);
	if (!handle->att)
		handle->att = client_attachment(client, unit);
	if (!handle->att)
		return -ENXIO;
	return pool_resolve(handle->att->pool, value, &handle->index);
}

/**
 * holding_done() - end of a look at handles
 * @handle: from holding_resolve()
 *
 * Context: process; may sleep.
 */
void holding_done(struct holding *handle)
{
	attachment_put(handle->att);
	handle->att = NULL;
}

/**
 * holding_claim() - allocate reserved blocks for a client
 * @att: where it is attached; the blocks come from a pool_reserve() there
 * @indices: filled with the blocks
 * @handles: filled with the handles
 * @count: how many, up to POOL_BATCH
 *
 * Context: process.
 */
void holding_claim(struct attachment *att, u32 *indices, u64 *handles,
		   unsigned int count)
{
	unsigned int i;

	pool_claim(att->pool, HOLDER_CLIENT, indices, handles, count);
	/* Pairs with the test_and_clear_bit() in take_hold(): who takes the bit
	 * compares the version of this allocation, not of the one before.
	 */
	smp_mb__before_atomic();
	for (i = 0; i < count; i++)
		set_bit(indices[i], att->held);
}

/* Why a handle is refused by a client that does not hold its block. */
static int not_held(const struct holding *handle)
{
	return pool_check(handle->att->pool, handle->index, handle->version) ?:
	       -EPERM;
}

/*
 * Takes the client's hold out of its bitmap: from then on it is the caller's,
 * and nothing that the client has mapped shows the block, if that is the way of
 * the pool.
 *
 * The version is compared twice. Before, so that a stale handle touches
 * nothing. And after, since another thread of the client may have freed this
 * very handle and been given the same block again in between: then the hold is
 * of the new allocation, and goes back where it was.
 */
static int take_hold(struct holding *handle)
{
	struct attachment *att = handle->att;
	int error;

	if (!test_bit(handle->index, att->held))
		return not_held(handle);
	error = pool_check(att->pool, handle->index, handle->version);
	if (error)
		return error;
	if (!test_and_clear_bit(handle->index, att->held))
		return not_held(handle);
	error = pool_check(att->pool, handle->index, handle->version);
	if (error)
		set_bit(handle->index, att->held);
	else
		revoke_blocks(att->pool, handle->index, 1);
	return error;
}

/**
 * holding_free() - give a block back
 * @handle: looked up
 *
 * Context: process.
 * Return: 0; -EALREADY if it has been freed; -ESTALE if it has been freed and
 * the block was allocated again; -EPERM if this client does not hold it.
 */
int holding_free(struct holding *handle)
{
	struct fixedpool *pool = handle->att->pool;
	int error = take_hold(handle);

	if (error)
		return error;
	pool_drop(pool, handle->index, HOLDER_CLIENT);
	return 0;
}

/**
 * holding_unclaim() - undo holding_claim()
 * @att: where the client is attached
 * @indices: the blocks
 * @handles: their handles, which another thread may have guessed and freed
 * @count: how many
 *
 * Context: process.
 */
void holding_unclaim(struct attachment *att, const u32 *indices,
		     const u64 *handles, unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i++) {
		struct holding handle = {
			.att = att,
			.index = indices[i],
			.version = FIXEDPOOL_HANDLE_VERSION(handles[i]),
		};

		holding_free(&handle);
	}
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
	error = take_hold(handle);
	if (error == -EALREADY)
		error = -ESTALE;
	/* if the receiver has a hold already, ours is one too many */
	if (!error && test_and_set_bit(handle->index, to->held))
		pool_drop(pool, handle->index, HOLDER_CLIENT);
	attachment_put(to);
	return error;
}

/**
 * holding_take() - take a hold away from the client
 * @handle: looked up
 *
 * Context: process.
 * Return: 0, and the caller has a HOLDER_CLIENT hold of the block; -ESTALE;
 * -EPERM.
 */
int holding_take(struct holding *handle)
{
	int error = take_hold(handle);

	return error == -EALREADY ? -ESTALE : error;
}

/**
 * holding_accept() - let a client have a hold
 * @att: where it is attached
 * @index: a block of which the caller has a HOLDER_CLIENT hold
 *
 * Should the client leave meanwhile, the block goes back with the rest of what
 * it held. If it holds the block already, the hold is one too many.
 *
 * Context: process.
 */
void holding_accept(struct attachment *att, u32 index)
{
	if (test_and_set_bit(index, att->held))
		pool_drop(att->pool, index, HOLDER_CLIENT);
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
	const struct attachment *att = handle->att;
	u32 state = FIXEDPOOL_CHECK_ALIVE;

	if (pool_check(att->pool, handle->index, handle->version))
		return 0;
	if (test_bit(handle->index, att->held))
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
	if (!test_bit(handle->index, att->held)) {
		error = not_held(handle);
		return error == -EALREADY ? -ESTALE : error;
	}
	error = pool_hold(att->pool, handle->index, handle->version,
			  HOLDER_KERNEL);
	if (error)
		return error;
	if (test_bit(handle->index, att->held))
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
