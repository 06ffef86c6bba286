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

struct crowd {
	struct depot depot;
	unsigned long owned[BITS_TO_LONGS(CROWD_BLOCKS)];
	atomic_t twice;
	atomic_t refused;
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

static void a_crowd_never_shares_a_block_and_is_never_refused(struct kunit *test)
{
	struct crowd *crowd = kzalloc(sizeof(*crowd), GFP_KERNEL);
	struct hammer hammers[HAMMERS];
	u32 i;

	KUNIT_ASSERT_NOT_NULL(test, crowd);
	KUNIT_ASSERT_EQ(test, 0, depot_init(&crowd->depot, CROWD_BLOCKS));
	/* just enough, thinly spread, so that the search is hard */
	for (i = 0; i < HAMMERS * 16; i++)
		give_one(&crowd->depot, i * 70);
	for (i = 0; i < HAMMERS; i++) {
		struct task_struct *task;

		init_completion(&crowd->done[i]);
		hammers[i] = (struct hammer) { crowd, i };
		task = kthread_run(hammer, &hammers[i], "depot-hammer/%u", i);
		if (IS_ERR(task)) {
			KUNIT_FAIL(test, "no thread");
			complete(&crowd->done[i]);
		}
	}
	for (i = 0; i < HAMMERS; i++)
		wait_for_completion(&crowd->done[i]);
	KUNIT_EXPECT_EQ(test, atomic_read(&crowd->twice), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&crowd->refused), 0);
	KUNIT_EXPECT_EQ(test, depot_free(&crowd->depot), HAMMERS * 16ul);
	KUNIT_EXPECT_TRUE(test, depot_valid(&crowd->depot));
	depot_exit(&crowd->depot);
	kfree(crowd);
}

static struct kunit_case depot_cases[] = {
	KUNIT_CASE(all_blocks_come_out_once_at_every_depth),
	KUNIT_CASE(a_reservation_is_all_that_is_asked_or_nothing),
	KUNIT_CASE(a_lone_free_block_is_found_wherever_it_is),
	KUNIT_CASE(books_that_do_not_balance_are_noticed),
	KUNIT_CASE(a_crowd_never_shares_a_block_and_is_never_refused),
	{}
};

static struct kunit_suite depot_suite = {
	.name = "fixedpool_depot",
	.test_cases = depot_cases,
};
kunit_test_suite(depot_suite);
