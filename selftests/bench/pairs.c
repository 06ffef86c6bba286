// SPDX-License-Identifier: GPL-2.0
/*
 * Medians of many batches, each timed as a whole; where the time stamp counter
 * counts instructions, that is what comes out.
 */

#include <linux/err.h>
#include <linux/math64.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/sort.h>

#include "order.h"
#include "pairs.h"
#include "report.h"
#include "subject.h"

#define POOL_BLOCKS	65536U
#define BATCHES		51U	/* odd, so that one is in the middle */
#define BATCHES_RANDOM	15U	/* each of BENCH_LIVE pairs */
#define BATCHES_WARM	5U	/* not counted */
#define BATCHES_LOST	100U	/* that a switch of tasks may spoil */
#define BATCH_PAIRS	1024U	/* a multiple of every bulk */
#define CHURN_WARM	100000U	/* pairs until the order of free blocks is random */

/**
 * struct measurement - one subject, while it is measured
 * @subject: what
 * @pool: its pool
 * @order: chance
 * @tokens: BENCH_LIVE tokens
 * @pick: the next of the picks
 */
struct measurement {
	const struct bench_subject *subject;
	void *pool;
	const struct bench_order *order;
	u64 *tokens;
	u32 pick;
};

typedef int (*batch_fn)(struct measurement *m);

static int tight(struct measurement *m)
{
	return m->subject->loops->tight(m->pool, BATCH_PAIRS);
}

static int bulk(struct measurement *m)
{
	return m->subject->loops->bulk(m->pool, BATCH_PAIRS);
}

static int fill(struct measurement *m)
{
	return m->subject->loops->fill(m->pool, m->tokens, BENCH_LIVE);
}

static int drain(struct measurement *m)
{
	return m->subject->loops->drain(m->pool, m->tokens, m->order->order,
					BENCH_LIVE);
}

static int fill_and_drain(struct measurement *m)
{
	int err = fill(m);

	return err ?: drain(m);
}

static int churn_some(struct measurement *m, u32 pairs)
{
	const u32 *picks;

	if (m->pick + pairs > BENCH_PICKS)
		m->pick = 0;
	picks = m->order->picks + m->pick;
	m->pick += pairs;
	return m->subject->loops->churn(m->pool, m->tokens, picks, pairs);
}

static int churn(struct measurement *m)
{
	return churn_some(m, BATCH_PAIRS);
}

static int compare(const void *a, const void *b)
{
	u64 left = *(const u64 *)a, right = *(const u64 *)b;

	return left < right ? -1 : left > right;
}

/*
 * A task that waits for this CPU makes every preempt_enable() one instruction
 * longer, so batches that end with one waiting are made again.
 */
static int median(struct measurement *m, const char *measure, batch_fn batch,
		  u32 pairs, u32 batches)
{
	u32 lost = 0, done = 0, warm = 0;
	u64 ticks[BATCHES], start;
	int err;

	while (done < batches) {
		cond_resched();
		start = rdtsc_ordered();
		err = batch(m);
		ticks[done] = rdtsc_ordered() - start;
		if (err)
			return err;
		if (warm < BATCHES_WARM)
			warm++;
		else if (!need_resched() || ++lost > BATCHES_LOST)
			done++;
	}
	sort(ticks, batches, sizeof(*ticks), compare, NULL);
	return report_row(m->subject->name, measure,
			  div_u64(ticks[batches / 2] * 1000, pairs));
}

static int measure_churn(struct measurement *m)
{
	int err;

	err = fill(m);
	if (err)
		return err;
	err = churn_some(m, CHURN_WARM);
	if (err)
		return err;
	err = median(m, "churn", churn, BATCH_PAIRS, BATCHES);
	if (err)
		return err;
	return drain(m);
}

static int give_rest(struct measurement *m, struct bench_worst *worst)
{
	u32 i;
	int err;

	for (i = 0; i < BENCH_LIVE; i++) {
		if (!m->tokens[i])
			continue;
		err = m->subject->loops->walk(m->pool, m->tokens, &i, 1, worst);
		if (err)
			return err;
	}
	return 0;
}

/*
 * The number of live blocks goes up and down at random, some half of
 * BENCH_LIVE: caches run full and empty. The first round is not looked at.
 */
static int measure_worst(struct measurement *m)
{
	const struct bench_loops *loops = m->subject->loops;
	struct bench_worst ignored = {}, worst = {};
	int err;

	memset(m->tokens, 0, BENCH_LIVE * sizeof(*m->tokens));
	err = loops->walk(m->pool, m->tokens, m->order->picks, CHURN_WARM,
			  &ignored);
	if (err)
		return err;
	err = loops->walk(m->pool, m->tokens, m->order->picks, BENCH_PICKS,
			  &worst);
	if (err)
		return err;
	err = report_row(m->subject->name, "worst-alloc", worst.taking * 1000);
	if (err)
		return err;
	err = report_row(m->subject->name, "worst-free", worst.freeing * 1000);
	if (err)
		return err;
	return give_rest(m, &ignored);
}

static int measure(struct measurement *m)
{
	int err;

	err = median(m, "tight", tight, BATCH_PAIRS, BATCHES);
	if (err)
		return err;
	err = median(m, "random", fill_and_drain, BENCH_LIVE, BATCHES_RANDOM);
	if (err)
		return err;
	err = measure_churn(m);
	if (err)
		return err;
	if (m->subject->loops->bulk) {
		err = median(m, m->subject->bulk_name, bulk, BATCH_PAIRS,
			     BATCHES);
		if (err)
			return err;
	}
	err = measure_worst(m);
	if (err)
		return err;
	/* A free that was refused would have been a cheap one. */
	if (m->subject->in_use && m->subject->in_use(m->pool))
		return -EBADE;
	return 0;
}

/**
 * pairs_measure - measure and report everything about one subject
 * @subject: what
 * @order: chance
 *
 * Context: Process context; may sleep.
 * Return: 0; -ENOBUFS if there was no block, -EBADE if a free was refused, or
 * what creating the pool gave. What this kernel does not have is reported as
 * skipped and no error.
 */
int pairs_measure(const struct bench_subject *subject,
		  const struct bench_order *order)
{
	struct measurement m = { .subject = subject, .order = order };
	int err;

	m.pool = subject->create(subject, POOL_BLOCKS);
	if (m.pool == ERR_PTR(-EOPNOTSUPP))
		return report_skip(subject->name, "this kernel has none");
	if (IS_ERR(m.pool))
		return PTR_ERR(m.pool);
	m.tokens = kvcalloc(BENCH_LIVE, sizeof(*m.tokens), GFP_KERNEL);
	err = m.tokens ? measure(&m) : -ENOMEM;
	kvfree(m.tokens);
	subject->destroy(m.pool);
	return err;
}
