// SPDX-License-Identifier: GPL-2.0
/* Scenarios: modules that wait for blocks, and those who free them. */

#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/irq_work.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "scenarios/nmi.h"
#include "scenarios/scenario.h"

#define BLOCKS		8U
#define BLOCK_BYTES	64U
/* Whoever waits that long has been forgotten. */
#define FORGOTTEN_MS	30000U
/* Enough to see that somebody goes on waiting. */
#define MOMENT_MS	50U
/* Until what is to happen is given up, on a machine that has other things to do. */
#define PATIENCE_MS	60000U

static ktime_t after_ms(unsigned int ms)
{
	return ktime_add_ms(ktime_get(), ms);
}

/**
 * struct wait - a thread that waits for blocks of a pool without any
 * @scenario: whose checks these are
 * @pool: the pool
 * @handles: all of its blocks but those the thread gets
 * @count: blocks that the thread wants
 * @got: what it got
 * @error: or why not
 * @task: the thread
 * @done: completed by it
 * @work: frees @handles[0] in a hard interrupt
 * @begun: somebody has freed @handles[0] in an NMI
 */
struct wait {
	struct scenario *scenario;
	struct fixedpool *pool;
	u64 handles[BLOCKS];
	unsigned int count;
	u64 got[BLOCKS];
	int error;
	struct task_struct *task;
	struct completion done;
	struct irq_work work;
	atomic_t begun;
};

static int wait_for_one(struct wait *wait)
{
	void *block = fixedpool_alloc_wait(wait->pool, wait->got,
					   after_ms(FORGOTTEN_MS));

	if (IS_ERR(block))
		return PTR_ERR(block);
	EXPECT(wait->scenario,
	       fixedpool_pointer(wait->pool, wait->got[0]) == block);
	return 0;
}

static int wait_in_thread(void *data)
{
	struct wait *wait = data;

	allow_signal(SIGKILL);
	if (wait->count == 1)
		wait->error = wait_for_one(wait);
	else
		wait->error = fixedpool_alloc_bulk_wait(wait->pool, wait->got,
							wait->count,
							after_ms(FORGOTTEN_MS));
	complete(&wait->done);
	while (!kthread_should_stop())
		msleep(20);
	return 0;
}

/* Whether the thread sleeps in its call: nothing else makes it sleep like that. */
static bool has_begun(struct wait *wait)
{
	unsigned long latest = jiffies + msecs_to_jiffies(PATIENCE_MS);

	while (READ_ONCE(wait->task->__state) != TASK_KILLABLE) {
		if (time_after(jiffies, latest) || completion_done(&wait->done))
			return false;
		msleep(20);
	}
	return true;
}

/* Somebody waits for @count blocks of a pool without any. */
static struct wait *wait_begin(struct scenario *s, unsigned int count)
{
	struct wait *wait = kzalloc(sizeof(*wait), GFP_KERNEL);

	if (!EXPECT(s, wait))
		return NULL;
	wait->scenario = s;
	wait->count = count;
	init_completion(&wait->done);
	wait->pool = scenario_pool(s, "scenario", BLOCK_BYTES, BLOCKS);
	if (!wait->pool) {
		kfree(wait);
		return NULL;
	}
	EXPECT_EQ(s, fixedpool_alloc_bulk(wait->pool, wait->handles, BLOCKS),
		  BLOCKS);
	wait->task = kthread_run(wait_in_thread, wait, "fixedpool_wait");
	if (EXPECT(s, !IS_ERR(wait->task)))
		EXPECT(s, has_begun(wait));
	return wait;
}

/* The call of the thread has returned @error. */
static void wait_expect(struct wait *wait, int error)
{
	struct scenario *s = wait->scenario;

	wait_for_completion(&wait->done);
	EXPECT_EQ(s, wait->error, error);
	if (!error)
		EXPECT_EQ(s, fixedpool_free_bulk(wait->pool, wait->got,
						 wait->count, NULL),
			  wait->count);
}

/* Frees those of @handles that have not been freed, from number @first on. */
static void wait_end(struct wait *wait, unsigned int first)
{
	struct scenario *s = wait->scenario;

	if (!IS_ERR(wait->task))
		kthread_stop(wait->task);
	EXPECT_EQ(s, fixedpool_free_bulk(wait->pool, wait->handles + first,
					 BLOCKS - first, NULL),
		  BLOCKS - first);
	scenario_pool_end(s, wait->pool);
	kfree(wait);
}

static void free_first(struct wait *wait)
{
	EXPECT_EQ(wait->scenario, fixedpool_free(wait->pool, wait->handles[0]),
		  0);
}

void a_waiter_gets_the_block_that_is_freed(struct scenario *s)
{
	struct wait *wait = wait_begin(s, 1);
	u64 handle;

	if (!wait)
		return;
	free_first(wait);
	EXPECT(s, !fixedpool_alloc(wait->pool, &handle));
	wait_expect(wait, 0);
	wait_end(wait, 1);
}

void a_waiter_for_many_gets_all_of_them(struct scenario *s)
{
	struct wait *wait = wait_begin(s, 3);
	u64 handle;

	if (!wait)
		return;
	EXPECT_EQ(s, fixedpool_free_bulk(wait->pool, wait->handles, 2, NULL),
		  2);
	EXPECT(s, !wait_for_completion_timeout(&wait->done,
					       msecs_to_jiffies(MOMENT_MS)));
	/* those are not for us */
	EXPECT(s, !fixedpool_alloc(wait->pool, &handle));
	EXPECT_EQ(s, fixedpool_alloc_bulk(wait->pool, &handle, 1), 0);
	EXPECT_EQ(s, fixedpool_free(wait->pool, wait->handles[2]), 0);
	wait_expect(wait, 0);
	wait_end(wait, 3);
}

void who_waits_for_nothing_gives_up_in_time(struct scenario *s)
{
	struct fixedpool *pool = scenario_pool(s, "scenario", BLOCK_BYTES, 1);
	ktime_t deadline = after_ms(MOMENT_MS);
	u64 handle, handles[2];

	if (!pool)
		return;
	EXPECT(s, !IS_ERR(fixedpool_alloc_wait(pool, &handle, 0)));
	EXPECT(s, fixedpool_alloc_wait(pool, handles, deadline) ==
			  ERR_PTR(-ETIMEDOUT));
	EXPECT(s, ktime_compare(ktime_get(), deadline) >= 0);
	EXPECT(s, fixedpool_alloc_wait(pool, handles, 0) ==
			  ERR_PTR(-ETIMEDOUT));
	EXPECT_EQ(s, fixedpool_alloc_bulk_wait(pool, handles, 2, KTIME_MAX),
		  -EFBIG);
	EXPECT_EQ(s, fixedpool_free(pool, handle), 0);
	scenario_pool_end(s, pool);
}

static void free_in_irq_work(struct irq_work *work)
{
	struct wait *wait = container_of(work, struct wait, work);

	EXPECT(wait->scenario, in_hardirq());
	free_first(wait);
}

void a_block_freed_in_a_hard_interrupt_reaches_a_waiter(struct scenario *s)
{
	struct wait *wait = wait_begin(s, 1);

	if (!wait)
		return;
	wait->work = IRQ_WORK_INIT_HARD(free_in_irq_work);
	EXPECT(s, irq_work_queue(&wait->work));
	wait_expect(wait, 0);
	irq_work_sync(&wait->work);
	wait_end(wait, 1);
}

static void free_in_nmi(void *data)
{
	struct wait *wait = data;

	EXPECT(wait->scenario, in_nmi());
	if (!atomic_xchg(&wait->begun, 1))
		free_first(wait);
}

void a_block_freed_in_an_nmi_reaches_a_waiter(struct scenario *s)
{
	struct wait *wait = wait_begin(s, 1);
	int error;

	if (!wait)
		return;
	error = nmi_begin(free_in_nmi, wait);
	if (error) {
		if (error == -EOPNOTSUPP)
			scenario_skip(s, "no NMI can be sent on this machine");
		else
			EXPECT_EQ(s, error, 0);
		free_first(wait);
	} else {
		EXPECT_EQ(s, nmi_send(), 0);
	}
	wait_expect(wait, 0);
	if (!error)
		nmi_end();
	wait_end(wait, 1);
}

void a_waiter_that_is_killed_gives_up(struct scenario *s)
{
	struct wait *wait = wait_begin(s, 1);

	if (!wait)
		return;
	if (!IS_ERR(wait->task))
		send_sig(SIGKILL, wait->task, 1);
	wait_expect(wait, -EINTR);
	wait_end(wait, 0);
}

void a_destroyed_pool_sends_its_waiters_away(struct scenario *s)
{
	struct wait *wait = wait_begin(s, 1);
	struct fixedpool *pool;

	if (!wait)
		return;
	pool = fixedpool_get("scenario");
	if (EXPECT(s, !IS_ERR(pool)))
		fixedpool_destroy(pool);
	wait_expect(wait, -EIDRM);
	wait_end(wait, 0);
}

/*
 * Many hands, and nobody is forgotten.
 */

#define FEW_BLOCKS	7U
/* The pool has magazines, and they are shut and opened again and again. */
#define MANY_BLOCKS	2101U
#define THREADS_PER_CPU	3U
#define DURATION_MS	1000U
#define STEPS_ENOUGH	100U

/**
 * struct crowd - threads that wait for each other's blocks
 * @scenario: whose checks these are
 * @pool: the pool
 * @most: blocks that one of them takes at a time, at most
 * @steps: turns so far
 */
struct crowd {
	struct scenario *scenario;
	struct fixedpool *pool;
	unsigned int most;
	atomic_t steps;
};

/* Takes some, sooner or later, and gives them back. */
static void crowd_step(struct crowd *crowd, u64 *handles)
{
	struct scenario *s = crowd->scenario;
	unsigned int number = atomic_inc_return(&crowd->steps);
	unsigned int count = 1 + number * 7 % crowd->most;
	int error;

	if (number % 4 == 0) {
		count = fixedpool_alloc_bulk(crowd->pool, handles, count);
		error = 0;
	} else if (number % 4 == 1) {
		/* in a hurry */
		error = fixedpool_alloc_bulk_wait(crowd->pool, handles, count,
						  ktime_add_us(ktime_get(),
							       number % 100));
		if (error == -ETIMEDOUT)
			return;
	} else {
		error = fixedpool_alloc_bulk_wait(crowd->pool, handles, count,
						  after_ms(FORGOTTEN_MS));
	}
	if (!EXPECT_EQ(s, error, 0))
		return;
	if (number % 8 == 0)
		cond_resched();
	EXPECT_EQ(s, fixedpool_free_bulk(crowd->pool, handles, count, NULL),
		  count);
}

static int crowd_work(void *data)
{
	struct crowd *crowd = data;
	u64 *handles = kcalloc(crowd->most, sizeof(*handles), GFP_KERNEL);

	while (!kthread_should_stop()) {
		if (handles)
			crowd_step(crowd, handles);
		cond_resched();
	}
	kfree(handles);
	return 0;
}

static void crowd_run(struct scenario *s, u32 blocks, unsigned int most)
{
	struct crowd crowd = { .scenario = s, .most = most };
	struct task_struct *threads[8];
	unsigned int wanted, started;
	unsigned long end, latest;

	crowd.pool = scenario_pool(s, "scenario", BLOCK_BYTES, blocks);
	if (!crowd.pool)
		return;
	wanted = min_t(unsigned int, num_online_cpus() * THREADS_PER_CPU,
		       ARRAY_SIZE(threads));
	for (started = 0; started < wanted; started++) {
		threads[started] = kthread_run(crowd_work, &crowd,
					       "fixedpool_crowd");
		if (!EXPECT(s, !IS_ERR(threads[started])))
			break;
	}
	end = jiffies + msecs_to_jiffies(DURATION_MS);
	latest = jiffies + msecs_to_jiffies(PATIENCE_MS);
	while (time_before(jiffies, end) ||
	       (atomic_read(&crowd.steps) < STEPS_ENOUGH &&
		time_before(jiffies, latest)))
		msleep(20);
	while (started--)
		kthread_stop(threads[started]);
	EXPECT(s, atomic_read(&crowd.steps) >= STEPS_ENOUGH);
	scenario_pool_end(s, crowd.pool);
}

void nobody_who_waits_is_forgotten(struct scenario *s)
{
	crowd_run(s, FEW_BLOCKS, 4);
}

void nobody_who_waits_for_many_blocks_is_forgotten(struct scenario *s)
{
	crowd_run(s, MANY_BLOCKS, 1000);
}
