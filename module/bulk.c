// SPDX-License-Identifier: GPL-2.0
/*
 * Many blocks at once for modules: whole groups of 64 neighbours where there are
 * such, whose words are read and written several at a time.
 */
#include <linux/fixedpool.h>

#include <linux/bitops.h>

#include "compat.h"
#include "pool.h"

/* The same in both halves, or all four quarters, of a word. */
#define TWICE	0x0000000100000001ULL
#define FOURFOLD	0x0001000100010001ULL

static u64 *word_versions(const struct fixedpool *pool, u32 word)
{
	return (u64 *)(pool->hot.versions + (size_t)word * POOL_BATCH);
}

static u64 *word_holds(const struct fixedpool *pool, u32 word)
{
	return (u64 *)(pool->hot.holds + (size_t)word * POOL_BATCH);
}

static u64 word_slot(const struct fixedpool *pool, u32 word)
{
	return pool->hot.first_slot + (u64)word * POOL_BATCH;
}

/*
 * The hot loops. Whoever gets here owns the group, or thinks so and is about to
 * find out: words are compared as they are at that moment.
 */
static __always_inline bool all_equal(const u64 *words, unsigned int count,
				      u64 value)
{
	unsigned int i;

#pragma GCC unroll 16
	for (i = 0; i < count; i++) {
		/* of others, if not ours; then any value will do */
		if (data_race(words[i]) != value)
			return false;
	}
	return true;
}

/* Others may look at the words of blocks that are not theirs. */
static __always_inline void set_all(u64 *words, unsigned int count, u64 value)
{
	u64 *end = words + count;

	/* not a memset64(), which is slow to start */
	for (; words < end; words += 8) {
		WRITE_ONCE(words[0], value);
		WRITE_ONCE(words[1], value);
		WRITE_ONCE(words[2], value);
		WRITE_ONCE(words[3], value);
		WRITE_ONCE(words[4], value);
		WRITE_ONCE(words[5], value);
		WRITE_ONCE(words[6], value);
		WRITE_ONCE(words[7], value);
	}
}

/* handles[i] is @first + i */
static __always_inline void set_handles(u64 *handles, u64 first)
{
	unsigned int i;

#pragma GCC unroll 16
	for (i = 0; i < POOL_BATCH; i++)
		handles[i] = first + i;
}

static __always_inline bool handles_follow(const u64 *handles, u64 first)
{
	unsigned int i;

#pragma GCC unroll 16
	for (i = 0; i < POOL_BATCH; i++) {
		if (handles[i] != first + i)
			return false;
	}
	return true;
}

/* The version that is ahead of all others of a group, as long as they are less
 * than 2^31 apart. Where they are not, a block of it repeats versions earlier.
 */
static u32 latest_version(const struct fixedpool *pool, u32 word)
{
	u32 index = word * POOL_BATCH;
	u32 latest = pool_version(pool, index);
	unsigned int i;

	for (i = 1; i < POOL_BATCH; i++) {
		u32 version = pool_version(pool, index + i);

		if ((s32)(version - latest) > 0)
			latest = version;
	}
	return latest;
}

/*
 * The allocations of a group of blocks begin; see pool_begin(). A group that is
 * handed out whole has one version. Where its blocks have been handed out one by
 * one before, some of them skip versions for that.
 */
static void begin_word(struct fixedpool *pool, u32 word, u64 *handles)
{
	u64 *versions = word_versions(pool, word);
	u32 version = pool_version(pool, word * POOL_BATCH);

	if (!all_equal(versions, POOL_BATCH / 2, version * TWICE))
		version = latest_version(pool, word);
	version |= 1;
	set_all(versions, POOL_BATCH / 2, version * TWICE);
	set_all(word_holds(pool, word), POOL_BATCH / 4,
		HOLDER_MODULE * FOURFOLD);
	set_handles(handles,
		    FIXEDPOOL_HANDLE(version, word_slot(pool, word)));
}

/* Frees a group if these are the handles of one that nobody else can hold. */
static bool free_word(struct fixedpool *pool, const u64 *handles)
{
	u32 index = FIXEDPOOL_HANDLE_SLOT(handles[0]) - pool->hot.first_slot;
	u64 version = FIXEDPOOL_HANDLE_VERSION(handles[0]);
	u32 word = index / POOL_BATCH;
	u64 *versions = word_versions(pool, word);
	u64 *holds = word_holds(pool, word);

	if (index % POOL_BATCH || pool_hygienic(pool) ||
	    (unsigned long)index + POOL_BATCH > pool->hot.blocks)
		return false;
	if (!handles_follow(handles, handles[0]) ||
	    !all_equal(versions, POOL_BATCH / 2, version * TWICE) ||
	    !all_equal(holds, POOL_BATCH / 4, HOLDER_MODULE * FOURFOLD))
		return false;
	set_all(holds, POOL_BATCH / 4, 0);
	set_all(versions, POOL_BATCH / 2, (u32)(version + 1) * TWICE);
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
		depot_cancel(&pool->depot, reserved - count);
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
					 unsigned int count)
{
	unsigned int taken;

	for (taken = 0; taken < count; taken++) {
		u32 index = pool_take(pool);

		if (index == FIXEDPOOL_NO_INDEX)
			break;
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

	while (count - taken >= POOL_BATCH && !pool_hygienic(pool)) {
		unsigned int group = take_group(pool, handles + taken);

		if (!group)
			break;
		taken += group;
	}
	if (taken < count)
		taken += take_singly(pool, handles + taken, count - taken);
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
