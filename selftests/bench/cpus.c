// SPDX-License-Identifier: GPL-2.0
/*
 * Threads bound to CPUs, in nanoseconds of real time: instructions do not tell
 * what a cache line costs that two CPUs want. On an emulated machine the
 * figures say little, and only beside each other.
 */

#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "cpus.h"
#include "order.h"
#include "report.h"
#include "subject.h"

#define THREADS		2U
#define POOL_BLOCKS	65536U
#define ROUND_PAIRS	1000U	/* pairs between two looks at the scheduler */
#define ROUNDS		100U
#define QUEUE_ROUNDS	4U	/* rounds of tokens on their way to the other CPU */

struct run;

/**
 * struct thread - one of the threads of a run
 * @run: the run
 * @number: from zero
 * @task: the thread
 * @tokens: BENCH_LIVE tokens of its own
 * @work: what it does
 * @err: what came out
 * @ns: how long @work took
 */
struct thread {
	struct run *run;
	unsigned int number;
	struct task_struct *task;
	u64 *tokens;
	int (*work)(struct thread *thread);
	int err;
	u64 ns;
};

/**
 * struct run - one subject under several threads
 * @subject: what
 * @pool: its pool
 * @order: chance
 * @identity: the numbers below ROUND_PAIRS
 * @waiting: threads that have yet to arrive before all begin
 * @finished: completed by each thread
 * @threads: the threads
 * @filled: rounds of tokens that thread 0 has taken, written by it alone
 * @drained: rounds that thread 1 has given back, written by it alone
 * @failed: a thread has given up, nobody shall wait for it
 */
struct run {
	const struct bench_subject *subject;
	void *pool;
	const struct bench_order *order;
	u32 *identity;
	atomic_t waiting;
	struct completion finished;
	struct thread threads[THREADS];
	u32 filled;
	u32 drained;
	bool failed;
};

static int work_tight(struct thread *thread)
{
	struct run *run = thread->run;
	u32 round;
	int err;

	for (round = 0; round < ROUNDS; round++) {
		err = run->subject->loops->tight(run->pool, ROUND_PAIRS);
		if (err)
			return err;
		cond_resched();
	}
	return 0;
}

static int work_churn(struct thread *thread)
{
	struct run *run = thread->run;
	const struct bench_loops *loops = run->subject->loops;
	const u32 *picks = run->order->picks +
			   thread->number * ROUNDS * ROUND_PAIRS;
	u32 round;
	int err;

	for (round = 0; round < ROUNDS; round++) {
		err = loops->churn(run->pool, thread->tokens,
				   picks + round * ROUND_PAIRS, ROUND_PAIRS);
		if (err)
			return err;
		cond_resched();
	}
	return 0;
}

/* Until the other side has come to @round. */
static int wait_for(struct run *run, const u32 *theirs, u32 round)
{
	/* Pairs with the release in done(): the tokens are the waiter's. */
	while (smp_load_acquire(theirs) < round) {
		if (READ_ONCE(run->failed))
			return -ECANCELED;
		cpu_relax();
		cond_resched();
	}
	return 0;
}

static void done(u32 *mine, u32 round)
{
	/* Pairs with the acquire in wait_for(): done with the tokens. */
	smp_store_release(mine, round);
}

static u64 *tokens_of_round(struct run *run, u32 round)
{
	return run->threads[0].tokens + round % QUEUE_ROUNDS * ROUND_PAIRS;
}

static int work_produce(struct thread *thread)
{
	struct run *run = thread->run;
	u32 round;
	int err;

	for (round = 0; round < ROUNDS; round++) {
		if (round >= QUEUE_ROUNDS) {
			err = wait_for(run, &run->drained,
				       round - QUEUE_ROUNDS + 1);
			if (err)
				return err;
		}
		err = run->subject->loops->fill(run->pool,
						tokens_of_round(run, round),
						ROUND_PAIRS);
		if (err)
			return err;
		done(&run->filled, round + 1);
	}
	return 0;
}

static int work_consume(struct thread *thread)
{
	struct run *run = thread->run;
	u32 round;
	int err;

	for (round = 0; round < ROUNDS; round++) {
		err = wait_for(run, &run->filled, round + 1);
		if (err)
			return err;
		err = run->subject->loops->drain(run->pool,
						 tokens_of_round(run, round),
						 run->identity, ROUND_PAIRS);
		if (err)
			return err;
		done(&run->drained, round + 1);
	}
	return 0;
}

static int thread_main(void *data)
{
	struct thread *thread = data;
	struct run *run = thread->run;
	u64 start;

	atomic_dec(&run->waiting);
	while (atomic_read(&run->waiting) > 0) {
		cpu_relax();
		cond_resched();
	}
	start = ktime_get_ns();
	thread->err = thread->work(thread);
	thread->ns = ktime_get_ns() - start;
	if (thread->err)
		WRITE_ONCE(run->failed, true);
	/* From here on the module, and @run, may go. */
	kthread_complete_and_exit(&run->finished, 0);
}

static int threads_create(struct run *run, unsigned int count)
{
	int cpu = -1;
	unsigned int i;

	for (i = 0; i < count; i++) {
		struct thread *thread = &run->threads[i];

		cpu = cpumask_next(cpu, cpu_online_mask);
		thread->task = kthread_create(thread_main, thread,
					      "fixedpool_bench/%u", i);
		if (IS_ERR(thread->task))
			break;
		kthread_bind(thread->task, cpu);
	}
	if (i == count)
		return 0;
	/* None of them has run: this is the end of each. */
	while (i--)
		kthread_stop(run->threads[i].task);
	return -ENOMEM;
}

/* The time of the slowest thread, of which each did ROUNDS of ROUND_PAIRS. */
static int run_threads(struct run *run, unsigned int count, u64 *ns)
{
	unsigned int i;
	int err;

	atomic_set(&run->waiting, count);
	init_completion(&run->finished);
	run->filled = 0;
	run->drained = 0;
	err = threads_create(run, count);
	if (err)
		return err;
	for (i = 0; i < count; i++)
		wake_up_process(run->threads[i].task);
	for (i = 0; i < count; i++)
		wait_for_completion(&run->finished);

	*ns = 0;
	for (i = 0; i < count; i++) {
		err = err ?: run->threads[i].err;
		*ns = max(*ns, run->threads[i].ns);
	}
	return err;
}

static int measure(struct run *run, const char *measure, unsigned int count,
		   int (*first)(struct thread *thread),
		   int (*second)(struct thread *thread))
{
	u64 ns;
	int err;

	run->threads[0].work = first;
	run->threads[1].work = second;
	err = run_threads(run, count, &ns);
	return err ?: report_row(run->subject->name, measure,
				 div_u64(ns * 1000, ROUNDS * ROUND_PAIRS));
}

static int measure_churn(struct run *run)
{
	const struct bench_loops *loops = run->subject->loops;
	unsigned int i;
	int err;

	for (i = 0; i < THREADS; i++) {
		err = loops->fill(run->pool, run->threads[i].tokens,
				  BENCH_LIVE);
		if (err)
			return err;
	}
	err = measure(run, "ns-churn-1", 1, work_churn, NULL) ?:
	      measure(run, "ns-churn-2", 2, work_churn, work_churn);
	for (i = 0; !err && i < THREADS; i++)
		err = loops->drain(run->pool, run->threads[i].tokens,
				   run->order->order, BENCH_LIVE);
	return err;
}

static int measure_all(struct run *run)
{
	return measure(run, "ns-tight-1", 1, work_tight, NULL) ?:
	       measure(run, "ns-tight-2", 2, work_tight, work_tight) ?:
	       measure_churn(run) ?:
	       measure(run, "ns-handover", 2, work_produce, work_consume);
}

static int tokens_create(struct run *run)
{
	unsigned int i;

	run->identity = kvmalloc_array(ROUND_PAIRS, sizeof(*run->identity),
				       GFP_KERNEL);
	if (!run->identity)
		return -ENOMEM;
	for (i = 0; i < ROUND_PAIRS; i++)
		run->identity[i] = i;
	for (i = 0; i < THREADS; i++) {
		run->threads[i].run = run;
		run->threads[i].number = i;
		run->threads[i].tokens = kvcalloc(BENCH_LIVE, sizeof(u64),
						  GFP_KERNEL);
		if (!run->threads[i].tokens)
			return -ENOMEM;
	}
	return 0;
}

static void tokens_free(struct run *run)
{
	unsigned int i;

	for (i = 0; i < THREADS; i++)
		kvfree(run->threads[i].tokens);
	kvfree(run->identity);
}

/**
 * cpus_measure - measure and report one subject under one and two threads
 * @subject: what; must be usable from any CPU
 * @order: chance
 *
 * Context: Process context; may sleep.
 * Return: 0; -ENODEV if there is one CPU only; or an error as of
 * pairs_measure()
 */
int cpus_measure(const struct bench_subject *subject,
		 const struct bench_order *order)
{
	struct run run = { .subject = subject, .order = order };
	int err;

	BUILD_BUG_ON(QUEUE_ROUNDS * ROUND_PAIRS > BENCH_LIVE);
	BUILD_BUG_ON(THREADS * ROUNDS * ROUND_PAIRS > BENCH_PICKS);

	if (num_online_cpus() < THREADS)
		return -ENODEV;
	run.pool = subject->create(subject, POOL_BLOCKS);
	if (run.pool == ERR_PTR(-EOPNOTSUPP))
		return report_skip(subject->name, "this kernel has none");
	if (IS_ERR(run.pool))
		return PTR_ERR(run.pool);
	err = tokens_create(&run) ?: measure_all(&run);
	tokens_free(&run);
	subject->destroy(run.pool);
	return err;
}
