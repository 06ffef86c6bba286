// SPDX-License-Identifier: GPL-2.0
/* Blocks by the word are what the same blocks are one by one. */
#include <linux/prandom.h>

#include "pools.h"
#include "word.h"

#define ID	7
#define BLOCKS	200	/* three groups of 64, and one of 8 */

static struct fixedpool *make(struct kunit *test)
{
	return pool_for(test, ID, 64, BLOCKS);
}

/* All of the next group, in which everything is free. */
static u32 claim_all(struct kunit *test, struct fixedpool *pool, u64 *handles)
{
	u32 word;

	KUNIT_ASSERT_EQ(test, pool_reserve(pool, 64, 64), 64u);
	KUNIT_ASSERT_EQ(test, ~0UL, pool_claim_word(pool, HOLDER_CLIENT, 64,
						    &word, handles));
	return word;
}

static u32 cache_all(struct kunit *test, struct fixedpool *pool)
{
	u32 word;

	KUNIT_ASSERT_EQ(test, pool_reserve(pool, 64, 64), 64u);
	KUNIT_ASSERT_EQ(test, ~0UL, pool_cache_word(pool, HOLDER_CLIENT, 64,
						    &word));
	return word;
}

static void expect_empty(struct kunit *test, struct fixedpool *pool)
{
	KUNIT_EXPECT_EQ(test, pool_in_use(pool), 0u);
	KUNIT_EXPECT_TRUE(test, pool_valid(pool));
	pool_exit(pool);
}

static void blocks_come_with_their_own_handles(struct kunit *test)
{
	struct fixedpool *pool = make(test);
	struct rnd_state random;
	u32 round;

	prandom_seed_state(&random, 1);
	for (round = 0; round < 2000; round++) {
		u32 want = 1 + prandom_u32_state(&random) % 64;
		unsigned long mask, rest;
		u64 handles[64], *handle = handles;
		u32 word;

		KUNIT_ASSERT_EQ(test, pool_reserve(pool, want, want), want);
		mask = pool_claim_word(pool, HOLDER_CLIENT, want, &word,
				       handles);
		KUNIT_ASSERT_NE(test, mask, 0ul);
		KUNIT_ASSERT_LE(test, (u32)hweight_long(mask), want);
		pool_cancel(pool, want - hweight_long(mask));
		for (rest = mask; rest; rest &= rest - 1) {
			u32 index = word * 64 + __ffs(rest);

			KUNIT_ASSERT_LT(test, index, (u32)BLOCKS);
			KUNIT_ASSERT_EQ(test, *handle, pool_handle(pool, index));
			KUNIT_ASSERT_EQ(test, *handle >> 32 & 1, 1ull);
			KUNIT_ASSERT_TRUE(test, pool_allocated(pool, index));
			handle++;
		}
		/* some of them stay for a while, so that the next are scattered */
		rest = mask & prandom_u32_state(&random) &
		       ((u64)prandom_u32_state(&random) << 32 | U32_MAX);
		pool_drop_word(pool, word, mask & ~rest, HOLDER_CLIENT);
		for (handle = handles; mask; mask &= mask - 1, handle++) {
			u32 index = word * 64 + __ffs(mask);
			bool kept = rest & BIT(index % 64);

			KUNIT_ASSERT_EQ(test, pool_version(pool, index),
					(u32)(*handle >> 32) + !kept);
			KUNIT_ASSERT_EQ(test, pool_allocated(pool, index), kept);
		}
		pool_drop_word(pool, word, rest, HOLDER_CLIENT);
	}
	expect_empty(test, pool);
}

static void shared_ones_stay_with_the_other_holder(struct kunit *test)
{
	struct fixedpool *pool = make(test);
	u32 word, first, version, i;
	u64 handles[64];

	word = claim_all(test, pool, handles);
	first = word * 64;
	for (i = 0; i < 64; i += 21) {
		version = handles[i] >> 32;
		KUNIT_ASSERT_EQ(test, 0, pool_hold(pool, first + i, version,
						   HOLDER_KERNEL));
	}
	pool_drop_word(pool, word, ~0UL, HOLDER_CLIENT);
	KUNIT_EXPECT_EQ(test, pool_in_use(pool), 4u);
	for (i = 0; i < 64; i++) {
		version = handles[i] >> 32;
		KUNIT_EXPECT_EQ(test, i % 21 ? -EALREADY : 0,
				pool_check(pool, first + i, version));
	}
	pool_drop_word(pool, word, BIT(0) | BIT(21) | BIT(42) | BIT(63),
		       HOLDER_KERNEL);
	expect_empty(test, pool);
}

/* The largest version next to others: nothing is carried from one to the next. */
static void versions_wrap_around_each_for_itself(struct kunit *test)
{
	struct fixedpool *pool = make(test);
	u32 word, i, at;
	u64 handles[64];

	for (at = 0; at < 64; at++) {
		word = claim_all(test, pool, handles);
		for (i = 0; i < 64; i++)
			pool->hot.versions[word * 64 + i] = i == at ? U32_MAX : 5;
		pool_drop_word(pool, word, ~0UL, HOLDER_CLIENT);
		for (i = 0; i < 64; i++)
			KUNIT_ASSERT_EQ(test, i == at ? 0u : 6u,
					pool_version(pool, word * 64 + i));
	}
	expect_empty(test, pool);
}

static void a_handle_is_odd_whatever_has_been_scribbled(struct kunit *test)
{
	struct fixedpool *pool = make(test);
	struct rnd_state random;
	u32 round, word, i;
	u64 handles[64];

	prandom_seed_state(&random, 2);
	for (round = 0; round < 200; round++) {
		for (i = 0; i < BLOCKS; i++) {
			u32 version = prandom_u32_state(&random);

			if (version % 5 == 0)
				version = U32_MAX - version % 2;
			pool->hot.versions[i] = version;
		}
		word = claim_all(test, pool, handles);
		for (i = 0; i < 64; i++)
			KUNIT_EXPECT_EQ(test, handles[i] >> 32 & 1, 1ull);
		pool_drop_word(pool, word, ~0UL, HOLDER_CLIENT);
	}
	expect_empty(test, pool);
}

static void a_cache_leaves_versions_alone(struct kunit *test)
{
	struct fixedpool *pool = make(test);
	u32 before[BLOCKS], word, i;

	for (i = 0; i < BLOCKS; i++)
		before[i] = pool_version(pool, i);
	word = cache_all(test, pool);
	for (i = 0; i < 64; i++)
		KUNIT_EXPECT_TRUE(test, pool_allocated(pool, word * 64 + i));
	pool_uncache_word(pool, word, 0xf0f0ff0700000011UL, HOLDER_CLIENT);
	pool_uncache_word(pool, word, ~0xf0f0ff0700000011UL, HOLDER_CLIENT);
	for (i = 0; i < BLOCKS; i++)
		KUNIT_EXPECT_EQ(test, before[i], pool_version(pool, i));
	/* nor is an end of an allocation what only looks like one */
	word = cache_all(test, pool);
	pool_drop_word(pool, word, ~0UL, HOLDER_CLIENT);
	for (i = 0; i < 64; i++)
		KUNIT_EXPECT_EQ(test, 0u, pool_version(pool, word * 64 + i) & 1);
	expect_empty(test, pool);
}

static void a_cache_gets_even_versions_that_were_not_there(struct kunit *test)
{
	struct fixedpool *pool = make(test);
	u32 word, i;

	for (i = 0; i < BLOCKS; i++)
		pool->hot.versions[i] = i % 3 ? 7 : U32_MAX;
	word = cache_all(test, pool);
	for (i = word * 64; i < word * 64 + 64; i++)
		KUNIT_EXPECT_EQ(test, i % 3 ? 8u : 0u, pool_version(pool, i));
	pool_uncache_word(pool, word, ~0UL, HOLDER_CLIENT);
	expect_empty(test, pool);
}

/*
 * The library allocates blocks of its cache by their versions. Where they leave
 * the cache all the same, the handles that were made so are dead for good.
 */
static void leave_allocated(struct kunit *test, unsigned long allocated,
			    unsigned long left)
{
	struct fixedpool *pool = make(test);
	u32 word = cache_all(test, pool), again, i;
	u64 made[64], handles[64];

	for (i = 0; i < 64; i++) {
		if (allocated & BIT(i))
			pool->hot.versions[word * 64 + i]++;
		made[i] = pool_handle(pool, word * 64 + i);
	}
	pool_uncache_word(pool, word, left, HOLDER_CLIENT);
	pool_uncache_word(pool, word, ~left, HOLDER_CLIENT);
	again = claim_all(test, pool, handles);
	KUNIT_ASSERT_EQ(test, word, again);
	for (i = 0; i < 64; i++)
		KUNIT_ASSERT_NE(test, made[i], handles[i]);
	pool_drop_word(pool, word, ~0UL, HOLDER_CLIENT);
	expect_empty(test, pool);
}

static void a_handle_does_not_come_again_after_a_cache(struct kunit *test)
{
	leave_allocated(test, ~0UL, ~0UL);
	leave_allocated(test, BIT(17), ~0UL);
	leave_allocated(test, 0xff00ff00ff00ff00UL, 0x00ffff0000ffff00UL);
	leave_allocated(test, ~0UL, 0x1111111111111111UL);
}

static struct kunit_case word_cases[] = {
	KUNIT_CASE(blocks_come_with_their_own_handles),
	KUNIT_CASE(shared_ones_stay_with_the_other_holder),
	KUNIT_CASE(versions_wrap_around_each_for_itself),
	KUNIT_CASE(a_handle_is_odd_whatever_has_been_scribbled),
	KUNIT_CASE(a_cache_leaves_versions_alone),
	KUNIT_CASE(a_cache_gets_even_versions_that_were_not_there),
	KUNIT_CASE(a_handle_does_not_come_again_after_a_cache),
	{}
};

static struct kunit_suite word_suite = {
	.name = "fixedpool_word",
	.suite_init = pools_begin,
	.suite_exit = pools_end,
	.test_cases = word_cases,
};
kunit_test_suite(word_suite);
