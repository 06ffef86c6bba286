/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Groups of 64 blocks that are neighbours, whole: their versions, holds and
 * handles, several at a time.
 *
 * A group that is handed out whole gets one version for all its blocks. Where
 * they have been handed out one by one before, some of them skip versions for
 * that.
 */
#ifndef FIXEDPOOL_GROUP_H
#define FIXEDPOOL_GROUP_H

#include "pool.h"

/* The same in both halves, or all four quarters, of a word. */
#define TWICE		0x0000000100000001ULL
#define FOURFOLD	0x0001000100010001ULL

u32 group_latest_version(const struct fixedpool *pool, u32 word);

static inline u64 *group_versions(const struct fixedpool *pool, u32 word)
{
	return (u64 *)(pool->hot.versions + (size_t)word * POOL_BATCH);
}

static inline u64 *group_holds(const struct fixedpool *pool, u32 word)
{
	return (u64 *)(pool->hot.holds + (size_t)word * POOL_BATCH);
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

/* The bits that any of the words has. */
static __always_inline u64 any_of(const u64 *words, unsigned int count)
{
	u64 bits = 0;
	unsigned int i;

#pragma GCC unroll 16
	for (i = 0; i < count; i++)
		bits |= data_race(words[i]); /* as in all_equal() */
	return bits;
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

/* All versions of a group are this one. */
static __always_inline bool group_has_version(const struct fixedpool *pool,
					      u32 word, u32 version)
{
	return all_equal(group_versions(pool, word), POOL_BATCH / 2,
			 version * TWICE);
}

/**
 * group_begin_versions() - one version for all blocks of a group
 * @pool: the pool
 * @word: number of the group, whose blocks are the caller's alone
 *
 * Return: the version, which is odd.
 */
static __always_inline u32 group_begin_versions(struct fixedpool *pool,
						u32 word)
{
	u32 version = pool_version(pool, word * POOL_BATCH);

	if (!group_has_version(pool, word, version))
		version = group_latest_version(pool, word);
	version |= 1;
	set_all(group_versions(pool, word), POOL_BATCH / 2, version * TWICE);
	return version;
}

#endif /* FIXEDPOOL_GROUP_H */
