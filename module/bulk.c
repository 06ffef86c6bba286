// SPDX-License-Identifier: GPL-2.0
/*
 * Many blocks at once for modules: whole groups of 64 neighbours where there are
 * such, whose words are read and written several at a time.
 */
#include <linux/fixedpool.h>

#include <linux/bitops.h>

#include "compat.h"
#include "group.h"
#include "pool.h"

static u64 word_slot(const struct fixedpool *pool, u32 word)
{
	return pool->hot.first_slot + (u64)word * POOL_BATCH;
}

/* The allocations of a group of blocks begin; see pool_begin(). */
static void begin_word(struct fixedpool *pool, u32 word, u64 *handles)
{
	u32 version = group_begin_versions(pool, word);

	set_all(group_holds(pool, word), POOL_BATCH / 4,
		HOLDER_MODULE * FOURFOLD);
	set_handles(handles,
		    FIXEDPOOL_HANDLE(version, word_slot(pool, word)));
}

/* Frees a group if these are the handles of one that nobody else can hold. */
static bool free_word(struct fixedpool *pool, const u64 *handles)
{
	u32 index = FIXEDPOOL_HANDLE_SLOT(handles[0]) - pool->hot.first_slot;
	u32 version = FIXEDPOOL_HANDLE_VERSION(handles[0]);
	u32 word = index / POOL_BATCH;
	u64 *holds = group_holds(pool, word);

	if (index % POOL_BATCH || pool_attended(pool) ||
	    (unsigned long)index + POOL_BATCH > pool->hot.blocks)
		return false;
	if (!handles_follow(handles, handles[0]) ||
	    !group_has_version(pool, word, version) ||
	    !all_equal(holds, POOL_BATCH / 4, HOLDER_MODULE * FOURFOLD))
		return false;
	set_all(holds, POOL_BATCH / 4, 0);
	set_all(group_versions(pool, word), POOL_BATCH / 2,
		(u32)(version + 1) * TWICE);
	pool_count(pool, POOL_ENDED, POOL_BATCH);
	magazine_give_word(&pool->magazines, word);
	return true;
}

/* One that is no part of a whole group. */
static noinline int free_one(struct fixedpool *pool, u64 handle)
{
	return fixedpool_free(pool, handle);
}

/* Some blocks of a group, by their bits. */
static void begin_bits(struct fixedpool *pool, u32 word, unsigned long mask,
		       u64 *handles)
{
	for (; mask; mask &= mask - 1)
		*handles++ = pool_begin(pool, word * POOL_BATCH + __ffs(mask),
					HOLDER_MODULE);
}

/* Up to a group of blocks from the depot; returns how many. */
static noinline unsigned int take_from_depot(struct fixedpool *pool,
					     u64 *handles)
{
	u32 reserved = pool_reserve_some(pool, POOL_BATCH);
	unsigned long mask;
	unsigned int count;
	u32 word;

	if (!reserved)
		return 0;
	mask = depot_claim_word(&pool->depot, reserved, &word);
	count = hweight_long(mask);
	if (count < reserved)
		pool_cancel(pool, reserved - count);
	if (count == POOL_BATCH)
		begin_word(pool, word, handles);
	else
		begin_bits(pool, word, mask, handles);
	pool_count(pool, POOL_CLAIMS, count);
	return count;
}

static unsigned int take_group(struct fixedpool *pool, u64 *handles)
{
	u32 word = magazine_take_word(&pool->magazines);

	if (word == FIXEDPOOL_NO_INDEX)
		return take_from_depot(pool, handles);
	begin_word(pool, word, handles);
	return POOL_BATCH;
}

/* The rest of a request, one by one. */
static noinline unsigned int take_singly(struct fixedpool *pool, u64 *handles,
					 unsigned int count,
					 unsigned long caller)
{
	unsigned int taken;

	for (taken = 0; taken < count; taken++) {
		u32 index = pool_take(pool);

		if (index == FIXEDPOOL_NO_INDEX)
			break;
		pool_note_caller(pool, index, caller);
		handles[taken] = pool_begin(pool, index, HOLDER_MODULE);
	}
	return taken;
}

/**
 * fixedpool_alloc_bulk() - take several blocks
 * @pool: the pool
 * @handles: filled with handles
 * @count: how many are wanted
 *
 * Multiples of 64 are taken fastest. As with fixedpool_alloc(), nobody else can
 * come to hold the blocks before fixedpool_publish().
 *
 * Context: Any, NMI included.
 * Return: How many were taken, less than @count only if no more were free within
 * reach, see there.
 */
unsigned int fixedpool_alloc_bulk(struct fixedpool *pool, u64 *handles,
				  unsigned int count)
{
	unsigned int taken = 0;

	while (count - taken >= POOL_BATCH && !pool_attended(pool)) {
		unsigned int group = take_group(pool, handles + taken);

		if (!group)
			break;
		taken += group;
	}
	if (taken < count)
		taken += take_singly(pool, handles + taken, count - taken,
				     _RET_IP_);
	return taken;
}
FIXEDPOOL_EXPORT(fixedpool_alloc_bulk);

/**
 * fixedpool_free_bulk() - give back several blocks
 * @pool: the pool
 * @handles: the blocks
 * @count: how many
 * @error: set to 0, or to why handle number «return value» was refused; may be
 *	NULL
 *
 * Stops at the first handle that is refused; see fixedpool_free(). Blocks that
 * were taken together by fixedpool_alloc_bulk(), in the same order, are given
 * back fastest.
 *
 * Context: Any, NMI included.
 * Return: How many were given back.
 */
unsigned int fixedpool_free_bulk(struct fixedpool *pool, const u64 *handles,
				 unsigned int count, int *error)
{
	unsigned int done = 0;
	int why = 0;

	while (done < count) {
		if (count - done >= POOL_BATCH &&
		    free_word(pool, handles + done)) {
			done += POOL_BATCH;
			continue;
		}
		why = free_one(pool, handles[done]);
		if (why)
			break;
		done++;
	}
	if (error)
		*error = why;
	return done;
}
FIXEDPOOL_EXPORT(fixedpool_free_bulk);
