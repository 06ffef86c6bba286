// SPDX-License-Identifier: GPL-2.0
/* The depot: every free block is found, once, whoever else is at it. */
#include <kunit/test.h>
#include <linux/bitmap.h>
#include <linux/completion.h>
#include <linux/kthread.h>
#include <linux/prandom.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "depot.h"

static void fill(struct depot *depot, u32 blocks)
{
	u32 i;

	for (i = 0; i < blocks / 64; i++)
		depot_give(depot, i, ~0UL);
	if (blocks % 64)
		depot_give(depot, i, BIT(blocks % 64) - 1);
}

static void give_one(struct depot *depot, u32 index)
{
	depot_give(depot, index / 64, BIT(index % 64));
}

/* Takes all there is in batches; each block must come once. */
static void take_all(struct kunit *test, struct depot *depot, u32 blocks,
		     u32 batch)
{
	unsigned long *seen = vzalloc(BITS_TO_LONGS(blocks) * sizeof(long));
	u32 indices[64];
	u32 total = 0;

	KUNIT_ASSERT_NOT_NULL(test, seen);
	for (;;) {
		u32 count = depot_reserve(depot, 1, batch);
		u32 i;

		if (!count)
			break;
		depot_claim(depot, indices, count);
		for (i = 0; i < count; i++) {
			if (indices[i] >= blocks ||
			    test_and_set_bit(indices[i], seen)) {
				KUNIT_FAIL(test, "block %u of %u twice",
					   indices[i], blocks);
				goto out;
			}
		}
		total += count;
	}
	KUNIT_EXPECT_EQ(test, total, blocks);
	KUNIT_EXPECT_TRUE(test, depot_valid(depot));
out:
	vfree(seen);
}

static void all_blocks_come_out_once_at_every_depth(struct kunit *test)
{
	static const u32 counts[] = {
		1, 63, 64, 65, 4095, 4096, 4097, 262143, 262144, 262145,
		(1 << 24) + 1,
	};
	struct depot depot;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(counts); i++) {
		KUNIT_ASSERT_EQ(test, 0, depot_init(&depot, counts[i]));
		KUNIT_EXPECT_EQ(test, depot_reserve(&depot, 1, 1), 0ul);
		fill(&depot, counts[i]);
		KUNIT_EXPECT_TRUE(test, depot_valid(&depot));
		take_all(test, &depot, counts[i], i % 2 ? 64 : 17);
		depot_exit(&depot);
	}
}

static void a_reservation_is_all_that_is_asked_or_nothing(struct kunit *test)
{
	struct depot depot;
	u32 indices[64];

	KUNIT_ASSERT_EQ(test, 0, depot_init(&depot, 100));
	fill(&depot, 100);
	KUNIT_EXPECT_EQ(test, depot_reserve(&depot, 101, 200), 0ul);
	KUNIT_EXPECT_EQ(test, depot_free(&depot), 100ul);
	KUNIT_EXPECT_EQ(test, depot_reserve(&depot, 1, 200), 100ul);
	KUNIT_EXPECT_EQ(test, depot_reserve(&depot, 1, 1), 0ul);
	depot_cancel(&depot, 60);
	KUNIT_EXPECT_EQ(test, depot_reserve(&depot, 60, 60), 60ul);
	depot_claim(&depot, indices, 60);
	depot_claim(&depot, indices, 40);
	KUNIT_EXPECT_TRUE(test, depot_valid(&depot));
	depot_exit(&depot);
}

static void a_lone_free_block_is_found_wherever_it_is(struct kunit *test)
{
	u32 blocks = 300000;
	struct depot depot;
	u32 index, i;

	KUNIT_ASSERT_EQ(test, 0, depot_init(&depot, blocks));
	for (i = 0; i < blocks; i += 997) {
		give_one(&depot, i);
		KUNIT_ASSERT_EQ(test, depot_reserve(&depot, 1, 1), 1ul);
		depot_claim(&depot, &index, 1);
		KUNIT_ASSERT_EQ(test, index, i);
	}
	KUNIT_EXPECT_TRUE(test, depot_valid(&depot));
	depot_exit(&depot);
}

/* At the borders of words and of groups of words, and across many. */
static const struct {
	u32 first, end;
} ranges[] = {
	{ 0, 1 }, { 0, 64 }, { 0, 65 }, { 5, 9 }, { 63, 65 }, { 60, 192 },
	{ 4095, 4097 }, { 4000, 13000 }, { 262143, 262145 },
	{ 100, 299999 }, { 299999, 300000 }, { 0, 300000 },
};

static void a_range_is_taken_whole_and_nothing_beside_it(struct kunit *test)
{
	u32 blocks = 300000;
	struct depot depot;
	u32 i, k;

	KUNIT_ASSERT_EQ(test, 0, depot_init(&depot, blocks));
	fill(&depot, blocks);
	for (i = 0; i < ARRAY_SIZE(ranges); i++) {
		u32 first = ranges[i].first, end = ranges[i].end;

		KUNIT_ASSERT_TRUE(test, depot_claim_range(&depot, first, end));
		KUNIT_EXPECT_EQ(test, depot_free(&depot),
				0ul + blocks - (end - first));
		KUNIT_EXPECT_TRUE(test, depot_valid(&depot));
		for (k = 0; k < blocks; k++) {
			bool free = atomic_long_read(&depot.level[0].words[k / 64]) &
				    BIT(k % 64);

			if (free == (k >= first && k < end))
				KUNIT_FAIL(test, "block %u of %u to %u", k, first, end);
		}
		KUNIT_EXPECT_FALSE(test, depot_claim_range(&depot, first, end));
		depot_give_range(&depot, first, end);
		KUNIT_EXPECT_EQ(test, depot_free(&depot), 0ul + blocks);
		KUNIT_EXPECT_TRUE(test, depot_valid(&depot));
	}
	depot_exit(&depot);
}

static void a_range_with_a_block_that_is_not_free_stays_whole(struct kunit *test)
{
	u32 blocks = 300000;
	struct depot depot;
	u32 i, k;

	KUNIT_ASSERT_EQ(test, 0, depot_init(&depot, blocks));
	fill(&depot, blocks);
	for (i = 0; i < ARRAY_SIZE(ranges); i++) {
		u32 taken[] = {
			ranges[i].first, ranges[i].end - 1,
			(ranges[i].first + ranges[i].end) / 2,
		};

		for (k = 0; k < ARRAY_SIZE(taken); k++) {
			KUNIT_ASSERT_TRUE(test, depot_claim_range(&depot, taken[k],
								  taken[k] + 1));
			KUNIT_EXPECT_FALSE(test,
					   depot_claim_range(&depot, ranges[i].first,
							     ranges[i].end));
			KUNIT_EXPECT_EQ(test, depot_free(&depot), blocks - 1ul);
			KUNIT_EXPECT_TRUE(test, depot_valid(&depot));
			give_one(&depot, taken[k]);
		}
	}
	depot_exit(&depot);
}

/* Reserved, and not yet found: enough blocks must be left for that. */
static void a_range_leaves_enough_for_reservations(struct kunit *test)
{
	u32 blocks = 300000;
	u32 indices[64];
	struct depot depot;
	u32 i;

	KUNIT_ASSERT_EQ(test, 0, depot_init(&depot, blocks));
	fill(&depot, blocks);
	KUNIT_ASSERT_EQ(test, depot_reserve(&depot, 64, 64), 64ul);
	KUNIT_EXPECT_FALSE(test, depot_claim_range(&depot, 0, blocks));
	KUNIT_EXPECT_FALSE(test, depot_claim_range(&depot, 0, blocks - 63));
	KUNIT_ASSERT_TRUE(test, depot_claim_range(&depot, 64, blocks));
	depot_claim(&depot, indices, 64);
	for (i = 0; i < 64; i++)
		KUNIT_EXPECT_LT(test, indices[i], 64u);
	KUNIT_EXPECT_TRUE(test, depot_valid(&depot));
	depot_exit(&depot);
}

static void what_is_promised_is_told_from_what_is_wrong(struct kunit *test)
{
	struct depot depot;
	u32 indices[2], word;

	KUNIT_ASSERT_EQ(test, 0, depot_init(&depot, 5000));
	fill(&depot, 5000);
	KUNIT_EXPECT_EQ(test, depot_promised(&depot), 0L);
	KUNIT_ASSERT_EQ(test, depot_reserve(&depot, 70, 70), 70ul);
	KUNIT_EXPECT_EQ(test, depot_promised(&depot), 70L);
	depot_claim(&depot, indices, 2);
	KUNIT_EXPECT_EQ(test, depot_promised(&depot), 68L);
	/* the rest of the first group */
	KUNIT_ASSERT_EQ(test, depot_claim_word(&depot, 68, &word), ~3ul);
	KUNIT_EXPECT_EQ(test, depot_promised(&depot), 6L);
	atomic_inc(&depot.level[1].counters[1]);
	KUNIT_EXPECT_LT(test, depot_promised(&depot), 0L);
	atomic_dec(&depot.level[1].counters[1]);
	depot_cancel(&depot, 6);
	KUNIT_EXPECT_EQ(test, depot_promised(&depot), 0L);
	depot_exit(&depot);
}

static void books_that_do_not_balance_are_noticed(struct kunit *test)
{
	struct depot depot;

	KUNIT_ASSERT_EQ(test, 0, depot_init(&depot, 5000));
	fill(&depot, 5000);
	atomic_long_inc(&depot.free);
	KUNIT_EXPECT_FALSE(test, depot_valid(&depot));
	atomic_long_dec(&depot.free);
	atomic_inc(&depot.level[1].counters[1]);
	KUNIT_EXPECT_FALSE(test, depot_valid(&depot));
	atomic_dec(&depot.level[1].counters[1]);
	KUNIT_EXPECT_TRUE(test, depot_valid(&depot));
	atomic_long_set(&depot.level[0].words[3], 0);
	KUNIT_EXPECT_FALSE(test, depot_valid(&depot));
	depot_exit(&depot);
}

#define HAMMERS		4
#define ROUNDS		20000
#define CROWD_BLOCKS	4500	/* two groups of words, mostly empty */
#define MAX_RANGE	300

struct crowd {
	struct depot depot;
	unsigned long owned[BITS_TO_LONGS(CROWD_BLOCKS)];
	atomic_t twice;
	atomic_t refused;
	atomic_t ranges;
	struct completion done[HAMMERS];
};

struct hammer {
	struct crowd *crowd;
	unsigned int number;
};

/* Takes and gives up to 16 at a time; nobody else may own them meanwhile. */
static int hammer(void *data)
{
	struct hammer *self = data;
	struct crowd *crowd = self->crowd;
	struct rnd_state random;
	u32 indices[16];
	u32 round, i;

	prandom_seed_state(&random, 42 + self->number);
	for (round = 0; round < ROUNDS; round++) {
		u32 want = 1 + prandom_u32_state(&random) % 16;

		/* enough for all of them at once, so it may never fail */
		if (!depot_reserve(&crowd->depot, want, want)) {
			atomic_inc(&crowd->refused);
			continue;
		}
		depot_claim(&crowd->depot, indices, want);
		for (i = 0; i < want; i++) {
			if (test_and_set_bit(indices[i], crowd->owned))
				atomic_inc(&crowd->twice);
		}
		if (round % 16 == 0)
			cond_resched();
		for (i = 0; i < want; i++) {
			clear_bit(indices[i], crowd->owned);
			give_one(&crowd->depot, indices[i]);
		}
	}
	complete(&crowd->done[self->number]);
	return 0;
}

/* Takes and gives ranges that are free at that moment. */
static int range_hammer(void *data)
{
	struct hammer *self = data;
	struct crowd *crowd = self->crowd;
	struct rnd_state random;
	u32 round, i;

	prandom_seed_state(&random, 42 + self->number);
	for (round = 0; round < ROUNDS; round++) {
		u32 first = prandom_u32_state(&random) % MAX_RANGE;
		u32 end = first + 1 + prandom_u32_state(&random) % MAX_RANGE;

		if (round % 16 == 0)
			cond_resched();
		if (!depot_claim_range(&crowd->depot, first, end))
			continue;
		atomic_inc(&crowd->ranges);
		for (i = first; i < end; i++) {
			if (test_and_set_bit(i, crowd->owned))
				atomic_inc(&crowd->twice);
		}
		for (i = first; i < end; i++)
			clear_bit(i, crowd->owned);
		depot_give_range(&crowd->depot, first, end);
	}
	complete(&crowd->done[self->number]);
	return 0;
}

/* What each of a crowd does; @crowd->depot has what they need at most. */
static void let_loose(struct kunit *test, struct crowd *crowd,
		      int (*const acts[HAMMERS])(void *data))
{
	unsigned long blocks = depot_free(&crowd->depot);
	struct hammer hammers[HAMMERS];
	u32 i;

	for (i = 0; i < HAMMERS; i++) {
		struct task_struct *task;

		init_completion(&crowd->done[i]);
		hammers[i] = (struct hammer) { crowd, i };
		task = kthread_run(acts[i], &hammers[i], "depot-hammer/%u", i);
		if (IS_ERR(task)) {
			KUNIT_FAIL(test, "no thread");
			complete(&crowd->done[i]);
		}
	}
	for (i = 0; i < HAMMERS; i++)
		wait_for_completion(&crowd->done[i]);
	KUNIT_EXPECT_EQ(test, atomic_read(&crowd->twice), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&crowd->refused), 0);
	KUNIT_EXPECT_EQ(test, depot_free(&crowd->depot), blocks);
	KUNIT_EXPECT_TRUE(test, depot_valid(&crowd->depot));
}

static void a_crowd_never_shares_a_block_and_is_never_refused(struct kunit *test)
{
	int (*const acts[HAMMERS])(void *data) = { hammer, hammer, hammer, hammer };
	struct crowd *crowd = kzalloc(sizeof(*crowd), GFP_KERNEL);
	u32 i;

	KUNIT_ASSERT_NOT_NULL(test, crowd);
	KUNIT_ASSERT_EQ(test, 0, depot_init(&crowd->depot, CROWD_BLOCKS));
	/* just enough, thinly spread, so that the search is hard */
	for (i = 0; i < HAMMERS * 16; i++)
		give_one(&crowd->depot, i * 70);
	let_loose(test, crowd, acts);
	depot_exit(&crowd->depot);
	kfree(crowd);
}

static void a_crowd_is_never_refused_because_of_ranges(struct kunit *test)
{
	int (*const acts[HAMMERS])(void *data) = {
		hammer, range_hammer, hammer, range_hammer,
	};
	struct crowd *crowd = kzalloc(sizeof(*crowd), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, crowd);
	KUNIT_ASSERT_EQ(test, 0, depot_init(&crowd->depot, CROWD_BLOCKS));
	depot_give_range(&crowd->depot, 0, 2 * (MAX_RANGE + 16));
	let_loose(test, crowd, acts);
	KUNIT_EXPECT_LT(test, 0, atomic_read(&crowd->ranges));
	depot_exit(&crowd->depot);
	kfree(crowd);
}

static struct kunit_case depot_cases[] = {
	KUNIT_CASE(all_blocks_come_out_once_at_every_depth),
	KUNIT_CASE(a_reservation_is_all_that_is_asked_or_nothing),
	KUNIT_CASE(a_lone_free_block_is_found_wherever_it_is),
	KUNIT_CASE(a_range_is_taken_whole_and_nothing_beside_it),
	KUNIT_CASE(a_range_with_a_block_that_is_not_free_stays_whole),
	KUNIT_CASE(a_range_leaves_enough_for_reservations),
	KUNIT_CASE(what_is_promised_is_told_from_what_is_wrong),
	KUNIT_CASE(books_that_do_not_balance_are_noticed),
	KUNIT_CASE(a_crowd_never_shares_a_block_and_is_never_refused),
	KUNIT_CASE(a_crowd_is_never_refused_because_of_ranges),
	{}
};

static struct kunit_suite depot_suite = {
	.name = "fixedpool_depot",
	.test_cases = depot_cases,
};
kunit_test_suite(depot_suite);
