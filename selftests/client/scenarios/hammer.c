// SPDX-License-Identifier: GPL-2.0
/*
 * Scenarios: one pool under many hands. Every block is marked while somebody
 * has it, so that a block given out twice, or bytes that belong to two blocks,
 * are seen at once. Blocks change hands through mailboxes: most are freed by
 * another thread, or in another context, than took them.
 */

#include <linux/atomic.h>
#include <linux/cpu.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/hash.h>
#include <linux/hrtimer.h>
#include <linux/jiffies.h>
#include <linux/log2.h>
#include <linux/kthread.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "compat.h"
#include "scenarios/nmi.h"
#include "scenarios/scenario.h"

/* Neither is a multiple of a word of a bitmap. The first is too small for
 * magazines, the second has them, and shuts them again and again.
 */
#define FEW_BLOCKS	100U
#define MANY_BLOCKS	2101U
#define BULK		70U	/* more than a word */
#define BLOCK_WORDS	8U
#define THREADS_PER_CPU	2U
#define DURATION_MS	500U
#define PATIENCE_MS	60000U	/* of a machine that has other things to do */
#define STEPS_ENOUGH	1000U
#define TICKS_ENOUGH	10U
#define TIMER_NS	(200 * NSEC_PER_USEC)

/**
 * struct hammer - the pool and what is known of its blocks
 * @scenario: whose checks these are
 * @pool: the pool
 * @step: what everybody does again and again; any context
 * @common: a block that everybody holds now and then, or zero
 * @blocks: blocks in the pool
 * @boxes: number of mailboxes: a power of two, and more than there are blocks
 * @mailboxes: handles that somebody put down for anybody; zero: empty
 * @taken: by index, whether somebody has the block
 * @steps: steps made so far; also where each step gets its number from
 */
struct hammer {
	struct scenario *scenario;
	struct fixedpool *pool;
	void (*step)(struct hammer *hammer);
	u64 common;
	u32 blocks;
	u32 boxes;
	atomic64_t *mailboxes;
	atomic_t *taken;
	atomic_t steps;
};

/**
 * struct hammer_thread - a thread, bound to a CPU, and a timer that interrupts
 *	it
 * @hammer: what it works on
 * @task: the thread
 * @timer: runs on the thread's CPU when @ticking
 * @ticking: whether the timer is wanted
 * @steps: steps of the thread
 * @ticks: steps of the timer
 */
struct hammer_thread {
	struct hammer *hammer;
	struct task_struct *task;
	struct hrtimer timer;
	bool ticking;
	unsigned long steps;
	unsigned long ticks;
};

static atomic_t *mark_of(struct hammer *hammer, u64 handle)
{
	/* The slots of a pool this small begin at a multiple of 2^16. */
	u32 index = FIXEDPOOL_HANDLE_SLOT(handle) & 0xffff;

	return EXPECT(hammer->scenario, index < hammer->blocks) ?
		       &hammer->taken[index] : NULL;
}

/* The block is the caller's from here on: mark it, fill it. */
static void begin(struct hammer *hammer, u64 handle)
{
	struct scenario *s = hammer->scenario;
	u64 *block = fixedpool_pointer(hammer->pool, handle);
	atomic_t *mark = mark_of(hammer, handle);

	if (mark)
		EXPECT_EQ(s, atomic_xchg(mark, 1), 0);
	if (EXPECT(s, block))
		memset64(block, handle, BLOCK_WORDS);
}

static void expect_filled(struct hammer *hammer, const u64 *block, u64 handle)
{
	unsigned int i;

	for (i = 0; i < BLOCK_WORDS; i++)
		EXPECT_EQ(hammer->scenario, block[i], handle);
}

/* The caller will free the block: is it still as begin() left it? */
static void end(struct hammer *hammer, u64 handle)
{
	struct scenario *s = hammer->scenario;
	u64 *block = fixedpool_pointer(hammer->pool, handle);
	atomic_t *mark = mark_of(hammer, handle);

	if (EXPECT(s, block))
		expect_filled(hammer, block, handle);
	if (mark)
		EXPECT_EQ(s, atomic_xchg(mark, 0), 1);
}

static u64 take(struct hammer *hammer, bool shared)
{
	u64 handle = 0;

	if (!fixedpool_alloc(hammer->pool, &handle))
		return 0;
	if (shared)
		EXPECT_EQ(hammer->scenario,
			  fixedpool_publish(hammer->pool, handle), 0);
	begin(hammer, handle);
	return handle;
}

static void give(struct hammer *hammer, u64 handle)
{
	end(hammer, handle);
	EXPECT_EQ(hammer->scenario, fixedpool_free(hammer->pool, handle), 0);
}

static void take_and_give_some(struct hammer *hammer)
{
	struct fixedpool *pool = hammer->pool;
	unsigned int taken, i;
	u64 handles[BULK];

	taken = fixedpool_alloc_bulk(pool, handles, ARRAY_SIZE(handles));
	for (i = 0; i < taken; i++)
		begin(hammer, handles[i]);
	for (i = 0; i < taken; i++)
		end(hammer, handles[i]);
	EXPECT_EQ(hammer->scenario,
		  fixedpool_free_bulk(pool, handles, taken, NULL), taken);
}

/* Whoever put the block there, or took it out, may free it at any moment. */
static void look_into(struct hammer *hammer, atomic64_t *mailbox)
{
	struct scenario *s = hammer->scenario;
	u64 handle = atomic64_read(mailbox);
	void *block;

	if (!handle)
		return;
	block = fixedpool_lookup(hammer->pool, handle);
	if (IS_ERR(block)) {
		long error = PTR_ERR(block);

		EXPECT(s, error == -ESTALE || error == -EACCES);
		return;
	}
	expect_filled(hammer, block, handle);
	EXPECT_EQ(s, fixedpool_free(hammer->pool, handle), 0);
}

/* Frees what is in some mailbox, and puts a new block there, if there is one,
 * or nothing: for some time this, then that, so that the pool runs dry and fills
 * up again. Some blocks are shared before they are put down, some are not.
 */
static void exchange(struct hammer *hammer)
{
	u32 number = atomic_inc_return(&hammer->steps);
	u32 mailbox = hash_32(number, ilog2(hammer->boxes));
	bool taking = number & (2 * hammer->boxes);
	u64 handle;

	if (number % 16 == 0)
		take_and_give_some(hammer);
	if (number % 4 == 0)
		look_into(hammer,
			  &hammer->mailboxes[number / 4 % hammer->boxes]);
	handle = atomic64_xchg(&hammer->mailboxes[mailbox],
			       taking ? take(hammer, number & 1) : 0);
	if (handle)
		give(hammer, handle);
}

static void hold_and_let_go(struct hammer *hammer)
{
	void *block = fixedpool_lookup(hammer->pool, hammer->common);

	if (EXPECT_EQ(hammer->scenario, PTR_ERR_OR_ZERO(block), 0))
		EXPECT_EQ(hammer->scenario,
			  fixedpool_free(hammer->pool, hammer->common), 0);
}

static enum hrtimer_restart tick(struct hrtimer *timer)
{
	struct hammer_thread *thread =
		container_of(timer, struct hammer_thread, timer);

	thread->hammer->step(thread->hammer);
	WRITE_ONCE(thread->ticks, thread->ticks + 1);
	hrtimer_forward_now(timer, ns_to_ktime(TIMER_NS));
	return HRTIMER_RESTART;
}

static int work(void *data)
{
	struct hammer_thread *thread = data;

	hrtimer_setup(&thread->timer, tick, CLOCK_MONOTONIC,
		      HRTIMER_MODE_REL_PINNED_HARD);
	if (thread->ticking)
		hrtimer_start(&thread->timer, ns_to_ktime(TIMER_NS),
			      HRTIMER_MODE_REL_PINNED_HARD);
	while (!kthread_should_stop()) {
		thread->hammer->step(thread->hammer);
		WRITE_ONCE(thread->steps, thread->steps + 1);
		cond_resched();
	}
	hrtimer_cancel(&thread->timer);
	return 0;
}

static bool start(struct hammer_thread *thread, struct hammer *hammer,
		  bool ticking, unsigned int cpu)
{
	thread->hammer = hammer;
	thread->ticking = ticking;
	thread->task = kthread_create_on_node(work, thread, cpu_to_node(cpu),
					      "fixedpool_hammer/%u", cpu);
	if (!EXPECT_EQ(hammer->scenario, PTR_ERR_OR_ZERO(thread->task), 0))
		return false;
	kthread_bind(thread->task, cpu);
	wake_up_process(thread->task);
	return true;
}

/* Every thread, and every timer that is wanted, has had its share. */
static bool worked(const struct hammer_thread *threads, unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i++) {
		if (READ_ONCE(threads[i].steps) < STEPS_ENOUGH)
			return false;
		if (threads[i].ticking &&
		    READ_ONCE(threads[i].ticks) < TICKS_ENOUGH)
			return false;
	}
	return true;
}

static void empty_mailboxes(struct hammer *hammer)
{
	unsigned int i;

	for (i = 0; i < hammer->boxes; i++) {
		u64 handle = atomic64_xchg(&hammer->mailboxes[i], 0);

		if (handle)
			give(hammer, handle);
	}
}

/*
 * Takes all blocks, and would take one more. What lies in the magazine of another
 * CPU is out of reach at first, but not for long.
 */
static unsigned int take_all(struct hammer *hammer, u64 *handles)
{
	unsigned long latest = jiffies + msecs_to_jiffies(PATIENCE_MS);
	unsigned int taken = 0;

	while (taken < hammer->blocks && time_before(jiffies, latest)) {
		taken += fixedpool_alloc_bulk(hammer->pool, handles + taken,
					      hammer->blocks + 1 - taken);
		if (taken < hammer->blocks)
			msleep(20);
	}
	return taken;
}

/*
 * Nothing is in use: a block on its way out of a magazine, that a worker who was
 * asked for when the pool was low is shutting, seems so for a moment.
 */
static bool comes_to_rest(struct hammer *hammer)
{
	unsigned long latest = jiffies + msecs_to_jiffies(PATIENCE_MS);

	while (fixedpool_in_use(hammer->pool)) {
		if (time_after(jiffies, latest))
			return false;
		msleep(20);
	}
	return true;
}

/* Every block comes out of the pool again, each once. */
static void expect_all_back(struct hammer *hammer)
{
	struct scenario *s = hammer->scenario;
	u64 *handles = kvcalloc(hammer->blocks + 1, sizeof(*handles),
				GFP_KERNEL);
	unsigned int taken, i;
	atomic_t *mark;

	if (!EXPECT(s, handles))
		return;
	EXPECT(s, comes_to_rest(hammer));
	taken = take_all(hammer, handles);
	EXPECT_EQ(s, taken, hammer->blocks);
	for (i = 0; i < taken; i++) {
		mark = mark_of(hammer, handles[i]);
		if (mark)
			EXPECT_EQ(s, atomic_xchg(mark, 1), 0);
	}
	EXPECT_EQ(s, fixedpool_free_bulk(hammer->pool, handles, taken, NULL),
		  taken);
	EXPECT(s, comes_to_rest(hammer));
	kvfree(handles);
}

/* Lets threads work for a while, during which @meanwhile is called again and
 * again.
 */
static void hammer_pool(struct hammer *hammer, bool ticking,
			void (*meanwhile)(struct hammer *hammer))
{
	struct scenario *s = hammer->scenario;
	unsigned int wanted = num_online_cpus() * THREADS_PER_CPU;
	unsigned int started = 0, cpu, i;
	struct hammer_thread *threads;
	unsigned long end, latest;

	threads = kcalloc(wanted, sizeof(*threads), GFP_KERNEL);
	if (!EXPECT(s, threads))
		return;
	cpus_read_lock();
	for_each_online_cpu(cpu)
		for (i = 0; i < THREADS_PER_CPU && started < wanted; i++)
			if (start(&threads[started], hammer, ticking, cpu))
				started++;
	cpus_read_unlock();

	end = jiffies + msecs_to_jiffies(DURATION_MS);
	latest = jiffies + msecs_to_jiffies(PATIENCE_MS);
	while (time_before(jiffies, end) ||
	       (!worked(threads, started) && time_before(jiffies, latest)))
		meanwhile(hammer);
	EXPECT(s, worked(threads, started));

	for (i = 0; i < started; i++)
		EXPECT_EQ(s, kthread_stop(threads[i].task), 0);
	kfree(threads);
}

static void hammer_free(struct hammer *hammer)
{
	kvfree(hammer->mailboxes);
	kvfree(hammer->taken);
	kfree(hammer);
}

static struct hammer *hammer_create(struct scenario *s, u32 blocks,
				    void (*step)(struct hammer *hammer))
{
	struct hammer *hammer = kzalloc(sizeof(*hammer), GFP_KERNEL);

	if (!EXPECT(s, hammer))
		return NULL;
	hammer->scenario = s;
	hammer->step = step;
	hammer->blocks = blocks;
	hammer->boxes = roundup_pow_of_two(blocks);
	hammer->mailboxes = kvcalloc(hammer->boxes, sizeof(atomic64_t),
				     GFP_KERNEL);
	hammer->taken = kvcalloc(blocks, sizeof(atomic_t), GFP_KERNEL);
	if (EXPECT(s, hammer->mailboxes) && EXPECT(s, hammer->taken))
		hammer->pool = scenario_pool(s, "scenario",
					     BLOCK_WORDS * sizeof(u64), blocks);
	if (!hammer->pool) {
		hammer_free(hammer);
		return NULL;
	}
	return hammer;
}

static void hammer_destroy(struct hammer *hammer)
{
	empty_mailboxes(hammer);
	expect_all_back(hammer);
	scenario_pool_end(hammer->scenario, hammer->pool);
	hammer_free(hammer);
}

static void sleep_a_little(struct hammer *hammer)
{
	msleep(20);
}

static void hammer_with_threads(struct scenario *s, u32 blocks, bool ticking)
{
	struct hammer *hammer = hammer_create(s, blocks, exchange);

	if (!hammer)
		return;
	hammer_pool(hammer, ticking, sleep_a_little);
	hammer_destroy(hammer);
}

void threads_never_share_a_block(struct scenario *s)
{
	hammer_with_threads(s, FEW_BLOCKS, false);
}

void threads_never_share_one_of_many_blocks(struct scenario *s)
{
	hammer_with_threads(s, MANY_BLOCKS, false);
}

void threads_and_interrupts_never_share_a_block(struct scenario *s)
{
	hammer_with_threads(s, FEW_BLOCKS, true);
}

void threads_and_interrupts_never_share_one_of_many_blocks(struct scenario *s)
{
	hammer_with_threads(s, MANY_BLOCKS, true);
}

static void step_in_nmi(void *data)
{
	struct hammer *hammer = data;

	hammer->step(hammer);
}

static void send_nmi(struct hammer *hammer)
{
	EXPECT_EQ(hammer->scenario, nmi_send(), 0);
	usleep_range(50, 100);
}

static void hammer_with_nmis(struct scenario *s, u32 blocks)
{
	struct hammer *hammer = hammer_create(s, blocks, exchange);
	int err;

	if (!hammer)
		return;
	err = nmi_begin(step_in_nmi, hammer);
	if (!err) {
		hammer_pool(hammer, true, send_nmi);
		nmi_end();
	} else if (err == -EOPNOTSUPP) {
		scenario_skip(s, "no NMI can be sent on this machine");
	} else {
		EXPECT_EQ(s, err, 0);
	}
	hammer_destroy(hammer);
}

void threads_and_nmis_never_share_a_block(struct scenario *s)
{
	hammer_with_nmis(s, FEW_BLOCKS);
}

void threads_and_nmis_never_share_one_of_many_blocks(struct scenario *s)
{
	hammer_with_nmis(s, MANY_BLOCKS);
}

void no_hold_of_a_common_block_is_lost(struct scenario *s)
{
	struct hammer *hammer = hammer_create(s, FEW_BLOCKS, hold_and_let_go);

	if (!hammer)
		return;
	if (EXPECT(s, fixedpool_alloc(hammer->pool, &hammer->common))) {
		EXPECT_EQ(s, fixedpool_publish(hammer->pool, hammer->common),
			  0);
		hammer_pool(hammer, true, sleep_a_little);
		EXPECT_EQ(s, fixedpool_in_use(hammer->pool), 1);
		EXPECT_EQ(s, fixedpool_free(hammer->pool, hammer->common), 0);
		EXPECT_EQ(s, fixedpool_free(hammer->pool, hammer->common),
			  -EALREADY);
	}
	hammer_destroy(hammer);
}
