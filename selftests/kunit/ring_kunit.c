// SPDX-License-Identifier: GPL-2.0
/* The queue: first in, first out, never more than its capacity, never lost. */
#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/prandom.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "ring.h"

#define MOST	64

/* As if @pos words had gone through it. */
static void forward(struct ring *ring, unsigned long pos)
{
	unsigned long i;

	for (i = 0; i <= ring->mask; i++)
		ring->cells[(pos + i) & ring->mask].turn = pos + i;
	atomic_long_set(&ring->tail, pos);
	atomic_long_set(&ring->head, pos);
}

/* Words that count up go in and out in batches of any size. */
static void play(struct kunit *test, u32 capacity, unsigned long start)
{
	u64 values[MOST], in = 0, out = 0;
	struct rnd_state random;
	struct ring ring;
	u32 round, i;

	KUNIT_ASSERT_EQ(test, 0, ring_init(&ring, capacity));
	forward(&ring, start);
	prandom_seed_state(&random, capacity);
	for (round = 0; round < 2000; round++) {
		u32 count = prandom_u32_state(&random) % (MOST + 1), done;
		u32 queued = in - out;

		KUNIT_ASSERT_EQ(test, ring_queued(&ring), queued);
		KUNIT_ASSERT_EQ(test, ring_room(&ring), capacity - queued);
		KUNIT_ASSERT_EQ(test, ring_ready(&ring), queued > 0);
		if (prandom_u32_state(&random) & 1) {
			for (i = 0; i < count; i++)
				values[i] = in + i;
			done = ring_push(&ring, values, count);
			KUNIT_ASSERT_EQ(test, done,
					min(count, capacity - queued));
			in += done;
		} else {
			done = ring_pop(&ring, values, count);
			KUNIT_ASSERT_EQ(test, done, min(count, queued));
			for (i = 0; i < done; i++)
				KUNIT_ASSERT_EQ(test, values[i], out + i);
			out += done;
		}
	}
	ring_exit(&ring);
}

static const u32 capacities[] = { 1, 2, 3, 4, 5, 63, 64, 65, 100, 1000, 65536 };

static void words_come_out_in_order_and_none_is_lost(struct kunit *test)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(capacities); i++)
		play(test, capacities[i], 0);
}

static void positions_may_wrap_around(struct kunit *test)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(capacities); i++) {
		play(test, capacities[i], -100UL);
		play(test, capacities[i], LONG_MAX - 100);
	}
}

static void memory_is_sixteen_bytes_a_word_of_the_next_power_of_two(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, ring_bytes(1), (size_t)32);
	KUNIT_EXPECT_EQ(test, ring_bytes(2), (size_t)32);
	KUNIT_EXPECT_EQ(test, ring_bytes(3), (size_t)64);
	KUNIT_EXPECT_EQ(test, ring_bytes(65536), (size_t)1 << 20);
}

#define PRODUCERS	2
#define CONSUMERS	2
#define WORDS		20000	/* of each producer */

struct crowd {
	struct ring ring;
	atomic_t taken;
	atomic_t wrong;
	unsigned long seen[PRODUCERS][BITS_TO_LONGS(WORDS)];
	struct completion done[PRODUCERS + CONSUMERS];
};

struct hammer {
	struct crowd *crowd;
	u32 number;
};

static int produce(void *data)
{
	struct hammer *self = data;
	struct crowd *crowd = self->crowd;
	u32 next = 0;

	while (next < WORDS) {
		u64 values[7];
		u32 count = min_t(u32, WORDS - next, 1 + next % 7), done, i;

		for (i = 0; i < count; i++)
			values[i] = (u64)self->number << 32 | (next + i);
		done = ring_push(&crowd->ring, values, count);
		next += done;
		if (done < count)
			cond_resched();
	}
	complete(&crowd->done[self->number]);
	return 0;
}

/* Words of one producer come to one consumer in their order, if with gaps. */
static int consume(void *data)
{
	struct hammer *self = data;
	struct crowd *crowd = self->crowd;
	s64 last[PRODUCERS] = { -1, -1 };

	while (atomic_read(&crowd->taken) < PRODUCERS * WORDS) {
		u64 values[5];
		u32 count = ring_pop(&crowd->ring, values, 5), i;

		for (i = 0; i < count; i++) {
			u32 who = values[i] >> 32, word = values[i];

			if (who >= PRODUCERS || word >= WORDS ||
			    (s64)word <= last[who] ||
			    test_and_set_bit(word, crowd->seen[who])) {
				atomic_inc(&crowd->wrong);
				continue;
			}
			last[who] = word;
		}
		atomic_add(count, &crowd->taken);
		if (!count)
			cond_resched();
	}
	complete(&crowd->done[self->number]);
	return 0;
}

static void a_crowd_gets_each_word_once_and_in_order(struct kunit *test)
{
	struct hammer hammers[PRODUCERS + CONSUMERS];
	struct crowd *crowd = kzalloc(sizeof(*crowd), GFP_KERNEL);
	u32 i;

	KUNIT_ASSERT_NOT_NULL(test, crowd);
	KUNIT_ASSERT_EQ(test, 0, ring_init(&crowd->ring, 11));
	for (i = 0; i < ARRAY_SIZE(hammers); i++) {
		struct task_struct *task;

		init_completion(&crowd->done[i]);
		hammers[i] = (struct hammer) { crowd, i };
		task = kthread_run(i < PRODUCERS ? produce : consume,
				   &hammers[i], "ring-hammer/%u", i);
		/* those that run would wait for it for ever */
		KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	}
	for (i = 0; i < ARRAY_SIZE(hammers); i++)
		wait_for_completion(&crowd->done[i]);
	KUNIT_EXPECT_EQ(test, atomic_read(&crowd->wrong), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&crowd->taken), PRODUCERS * WORDS);
	KUNIT_EXPECT_EQ(test, ring_queued(&crowd->ring), 0u);
	ring_exit(&crowd->ring);
	kfree(crowd);
}

static struct kunit_case ring_cases[] = {
	KUNIT_CASE(words_come_out_in_order_and_none_is_lost),
	KUNIT_CASE(positions_may_wrap_around),
	KUNIT_CASE(memory_is_sixteen_bytes_a_word_of_the_next_power_of_two),
	KUNIT_CASE(a_crowd_gets_each_word_once_and_in_order),
	{}
};

static struct kunit_suite ring_suite = {
	.name = "fixedpool_ring",
	.test_cases = ring_cases,
};
kunit_test_suite(ring_suite);
