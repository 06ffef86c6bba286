// SPDX-License-Identifier: GPL-2.0
/*
 * What a client does with many handles at a time; see holding_batch.h. Handles
 * that name neighbours move together: a group of 64 that were allocated at once
 * by a few comparisons of words, others in runs, and what is left one by one.
 */
#include "holding_batch.h"

#include <linux/bitops.h>

#include "group.h"
#include "revoke.h"
#include "word.h"

/**
 * struct run - handles in a row that name neighbours
 * @word: number of their group of 64 blocks
 * @count: how many
 * @straight: how many of these, from the first on, name one block after the other
 * @mask: which blocks of the group
 */
struct run {
	u32 word;
	unsigned int count;
	unsigned int straight;
	unsigned long mask;
};

/*
 * How many of the handles from @values on name blocks one after the other, with
 * the versions from @versions on. This is how ALLOC hands them out.
 */
static unsigned int straight_handles(const u64 *values, unsigned int count,
				     const u32 *versions)
{
	u32 slot = FIXEDPOOL_HANDLE_SLOT(values[0]);
	unsigned int i;

	for (i = 0; i < count; i++)
		if (values[i] != FIXEDPOOL_HANDLE(READ_ONCE(versions[i]), slot + i) ||
		    !(values[i] & FIXEDPOOL_HANDLE(1, 0)))
			break;
	return i;
}

/*
 * The handles from @values on that could be taken together with the first,
 * which is of @att and names block @index: of its group, no block twice, held in
 * the root scope, not stale.
 */
static void find_run(const struct attachment *att, u32 index, const u64 *values,
		     unsigned int count, struct run *run)
{
	u32 base = FIXEDPOOL_HANDLE_SLOT(values[0]) & ~(BITS_PER_LONG - 1);
	unsigned int first = index % BITS_PER_LONG;
	const u32 *versions = att->pool->hot.versions + (index - first);
	unsigned long held, mask;
	unsigned int i;

	*run = (struct run) { .word = index / BITS_PER_LONG };
	/* a bit that is held is of a block that is there */
	held = READ_ONCE(att->held[run->word]);
	if (!(held & BIT(first)))
		return;
	i = min_t(unsigned int, count, BITS_PER_LONG - first);
	if (~(held >> first))
		i = min_t(unsigned int, i, ffz(held >> first));
	i = straight_handles(values, i, versions + first);
	if (!i)
		return;
	run->straight = i;
	mask = GENMASK(first + i - 1, first);
	for (; i < count; i++) {
		u64 value = values[i];
		u32 bit = FIXEDPOOL_HANDLE_SLOT(value) - base;
		u32 version = FIXEDPOOL_HANDLE_VERSION(value);

		if (bit >= BITS_PER_LONG)
			break;
		bit = array_index_nospec(bit, BITS_PER_LONG);
		if (!(held & ~mask & BIT(bit)))
			break;
		if (!(version & 1) || READ_ONCE(versions[bit]) != version)
			break;
		mask |= BIT(bit);
	}
	run->mask = mask;
	run->count = i;
}

/* Those of @values, up to @count, whose blocks are not in @mask come back. */
static unsigned int first_not_in(const u64 *values, unsigned int count,
				 unsigned long mask)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		if (!(mask & BIT(values[i] % BITS_PER_LONG)))
			break;
	return i;
}

static unsigned long mask_of(const u64 *values, unsigned int count)
{
	unsigned long mask = 0;

	while (count--)
		mask |= BIT(*values++ % BITS_PER_LONG);
	return mask;
}

/* Of @mask, the blocks whose versions are still those of the handles. */
static unsigned long still_alive(const struct fixedpool *pool,
				 const struct run *run, const u64 *values,
				 unsigned long mask)
{
	const u32 *versions = pool->hot.versions + run->word * BITS_PER_LONG;
	unsigned int i;

	i = straight_handles(values, run->straight,
			     versions + values[0] % BITS_PER_LONG);
	for (; i < run->count; i++) {
		unsigned int bit = values[i] % BITS_PER_LONG;

		if (unlikely(READ_ONCE(versions[bit]) !=
			     FIXEDPOOL_HANDLE_VERSION(values[i])))
			mask &= ~BIT(bit);
	}
	return mask;
}

/*
 * Takes the holds of a run: what try_take() in holding.c does, for all its
 * blocks at once. Others may have been faster with some. The run ends before the
 * first of those then, and holds that were taken behind it go back. Returns how
 * many were taken, and in the run's mask, which.
 */
static unsigned int take_run(struct attachment *att, struct run *run,
			     const u64 *values)
{
	atomic_long_t *held = attachment_word(att, run->word);
	unsigned int count = run->count;
	unsigned long won, good, back, twice;

	won = run->mask & atomic_long_fetch_andnot(run->mask, held);
	good = still_alive(att->pool, run, values, won);
	if (unlikely(good != run->mask)) {
		count = first_not_in(values, count, good);
		good = mask_of(values, count);
		back = won & ~good;
		/* shared with the client meanwhile, as in try_take() */
		twice = back & atomic_long_fetch_or(back, held);
		if (twice)
			pool_drop_word(att->pool, run->word, twice,
				       HOLDER_CLIENT);
	}
	run->mask = good;
	return count;
}

/*
 * The same for a whole group of blocks that were allocated together, in their
 * order. Returns whether these handles are such; nothing was done if not.
 */
static __always_inline bool take_group(const struct holding *handle,
				       const u64 *values)
{
	struct attachment *att = handle->att;
	u32 word = handle->index / BITS_PER_LONG;
	atomic_long_t *held = attachment_word(att, word);
	unsigned long mask = ~0UL;

	if (handle->index % BITS_PER_LONG || atomic_long_read(held) != ~0UL)
		return false;
	if (!handles_follow(values, values[0]) ||
	    !group_has_version(att->pool, word, handle->version))
		return false;
	if (!atomic_long_try_cmpxchg(held, (long *)&mask, 0))
		return false;
	if (unlikely(!group_has_version(att->pool, word, handle->version))) {
		/* as in take_run() */
		mask = atomic_long_fetch_or(~0UL, held);
		if (mask)
			pool_drop_word(att->pool, word, mask, HOLDER_CLIENT);
		return false;
	}
	return true;
}

/*
 * Takes the holds of some of the handles from the first on, which has been
 * looked up. Returns how many, and sets @mask to their blocks in the group of
 * the first; or returns why not even the first.
 */
static __always_inline int take_some(const struct holding *handle,
				     const u64 *values, unsigned int count,
				     unsigned long *mask)
{
	struct attachment *att = handle->att;
	struct run run;

	if (count >= BITS_PER_LONG && take_group(handle, values)) {
		*mask = ~0UL;
		revoke_mask(att->pool, handle->index / BITS_PER_LONG, ~0UL);
		return BITS_PER_LONG;
	}
	if (count > 1) {
		find_run(att, handle->index, values, count, &run);
		count = run.count > 1 ? take_run(att, &run, values) : 0;
		if (count) {
			*mask = run.mask;
			revoke_mask(att->pool, run.word, run.mask);
			return count;
		}
	}
	*mask = BIT(handle->index % BITS_PER_LONG);
	return holding_take(handle) ?: 1;
}

/* Lets go of what take_some() has taken. A single block goes to a magazine. */
static void drop(const struct holding *handle, unsigned int count,
		 unsigned long mask)
{
	struct fixedpool *pool = handle->att->pool;

	if (count > 1)
		pool_drop_word(pool, handle->index / POOL_BATCH, mask,
			       HOLDER_CLIENT);
	else
		pool_drop(pool, handle->index, HOLDER_CLIENT);
}

/**
 * holding_free_batch() - give blocks back
 * @client: the client
 * @values: handles that came from it
 * @count: how many
 * @handle: for holding_resolve(), and for the caller to end
 * @done: the number of blocks given back is added
 *
 * Stops at the first that is refused.
 *
 * Context: process; may sleep.
 * Return: 0; an error of holding_resolve() or holding_take().
 */
int holding_free_batch(struct client *client, const u64 *values,
		       unsigned int count, struct holding *handle, u32 *done)
{
	while (count) {
		int freed = holding_resolve(client, *values, handle);
		unsigned long mask;

		if (freed)
			return freed;
		freed = take_some(handle, values, count, &mask);
		if (freed < 0)
			return freed;
		drop(handle, freed, mask);
		values += freed;
		count -= freed;
		*done += freed;
	}
	return 0;
}

/**
 * holding_unclaim() - undo holding_claim() or holding_claim_one()
 * @client: the client
 * @handles: from there; another thread may have guessed and freed some
 * @count: how many
 *
 * Context: process; may sleep.
 */
void holding_unclaim(struct client *client, const u64 *handles,
		     unsigned int count)
{
	struct holding handle = {};
	u32 done = 0;

	/* past each that is refused */
	while (done < count) {
		if (holding_free_batch(client, handles + done, count - done,
				       &handle, &done))
			done++;
	}
	holding_done(client, &handle);
}

/**
 * holding_take_batch() - take holds away from the client
 * @att: where it is attached
 * @values: handles that came from it
 * @count: how many
 * @error: set to why no more than returned, or left alone
 *
 * Stops at the first that is refused.
 *
 * Context: process; may sleep.
 * Return: how many holds are the caller's now, of kind HOLDER_CLIENT.
 */
unsigned int holding_take_batch(struct attachment *att, const u64 *values,
				unsigned int count, int *error)
{
	struct holding handle = { .att = att };
	unsigned int done = 0;

	while (done < count) {
		unsigned long mask;
		int taken;

		handle.version = FIXEDPOOL_HANDLE_VERSION(values[done]);
		taken = pool_resolve(att->pool, values[done], &handle.index);
		if (!taken)
			taken = take_some(&handle, values + done, count - done,
					  &mask);
		if (taken < 0) {
			*error = taken;
			break;
		}
		done += taken;
	}
	return done;
}

static u32 index_of(const struct fixedpool *pool, u64 handle)
{
	return FIXEDPOOL_HANDLE_SLOT(handle) - pool->hot.first_slot;
}

/* A whole group that the client holds nothing of, in one step. */
static bool accept_group(struct attachment *att, const u64 *values)
{
	u32 index = index_of(att->pool, values[0]);
	atomic_long_t *held = attachment_word(att, index / POOL_BATCH);
	unsigned long none = 0;

	return index % POOL_BATCH == 0 && !parts_used(&att->parts) &&
	       handles_follow(values, values[0]) &&
	       atomic_long_try_cmpxchg(held, (long *)&none, -1L);
}

/**
 * holding_accept_batch() - holding_accept() for many blocks
 * @att: where the client is attached
 * @values: handles of blocks of its pool, of each of which the caller has a
 *	HOLDER_CLIENT hold
 * @count: how many, up to POOL_BATCH
 *
 * Context: process; may sleep.
 * Return: a set bit for each that the client held already.
 */
u64 holding_accept_batch(struct attachment *att, const u64 *values,
			 unsigned int count)
{
	u64 doubled = 0;
	unsigned int i;

	if (count == POOL_BATCH && accept_group(att, values))
		return 0;
	for (i = 0; i < count; i++) {
		if (!holding_accept(att, index_of(att->pool, values[i])))
			doubled |= BIT_ULL(i);
	}
	return doubled;
}

/**
 * holding_unaccept() - undo holding_accept_batch() for one block
 * @att: where the client is attached
 * @value: the handle
 * @doubled: the client held it already
 *
 * Context: process; may sleep.
 * Return: whether the caller has a HOLDER_CLIENT hold of it again; another thread
 * of the client may have let go of it.
 */
bool holding_unaccept(struct attachment *att, u64 value, bool doubled)
{
	const struct holding handle = {
		.att = att,
		.index = index_of(att->pool, value),
		.version = FIXEDPOOL_HANDLE_VERSION(value),
	};

	return !(doubled ? holding_double(&handle) : holding_take(&handle));
}
