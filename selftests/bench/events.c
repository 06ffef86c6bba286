// SPDX-License-Identifier: GPL-2.0
/*
 * A window of each pattern is stepped through; the rest of it runs freely.
 */

#include <linux/err.h>
#include <linux/math64.h>
#include <linux/slab.h>

#include "events.h"
#include "order.h"
#include "report.h"
#include "step.h"
#include "subject.h"

#define POOL_BLOCKS	65536U
#define WINDOW		256U	/* pairs: some magazines full */
#define WINDOW_AT	(BENCH_LIVE / 2)
#define CHURN_WARM	20000U

/**
 * struct window - what is stepped through
 * @loops: of the subject
 * @pool: its pool
 * @order: chance
 * @tokens: BENCH_LIVE tokens
 */
struct window {
	const struct bench_loops *loops;
	void *pool;
	const struct bench_order *order;
	u64 *tokens;
};

static int window_tight(void *data)
{
	struct window *w = data;

	return w->loops->tight(w->pool, WINDOW);
}

static int window_fill(void *data)
{
	struct window *w = data;

	return w->loops->fill(w->pool, w->tokens + WINDOW_AT, WINDOW);
}

static int window_drain(void *data)
{
	struct window *w = data;

	return w->loops->drain(w->pool, w->tokens,
			       w->order->order + WINDOW_AT, WINDOW);
}

static int window_churn(void *data)
{
	struct window *w = data;

	return w->loops->churn(w->pool, w->tokens,
			       w->order->picks + CHURN_WARM, WINDOW);
}

static int tight(struct window *w, struct step_counts *counts)
{
	/* Once without, so that caches are warm. */
	return window_tight(w) ?: step_through(window_tight, w, counts);
}

static int fill(struct window *w, struct step_counts *counts)
{
	const u32 rest = WINDOW_AT + WINDOW;

	return w->loops->fill(w->pool, w->tokens, WINDOW_AT) ?:
	       step_through(window_fill, w, counts) ?:
	       w->loops->fill(w->pool, w->tokens + rest, BENCH_LIVE - rest);
}

static int drain(struct window *w, struct step_counts *counts)
{
	const u32 rest = WINDOW_AT + WINDOW;
	const u32 *order = w->order->order;

	return w->loops->drain(w->pool, w->tokens, order, WINDOW_AT) ?:
	       step_through(window_drain, w, counts) ?:
	       w->loops->drain(w->pool, w->tokens, order + rest,
			       BENCH_LIVE - rest);
}

static int fill_and_drain(struct window *w, struct step_counts *counts)
{
	return fill(w, counts) ?: drain(w, counts);
}

static int churn(struct window *w, struct step_counts *counts)
{
	const struct bench_loops *loops = w->loops;

	return loops->fill(w->pool, w->tokens, BENCH_LIVE) ?:
	       loops->churn(w->pool, w->tokens, w->order->picks, CHURN_WARM) ?:
	       step_through(window_churn, w, counts) ?:
	       loops->drain(w->pool, w->tokens, w->order->order, BENCH_LIVE);
}

static int report(const struct bench_subject *subject, const char *pattern,
		  const char *event, u64 count)
{
	char measure[32];

	snprintf(measure, sizeof(measure), "%s-%s", pattern, event);
	return report_row(subject->name, measure,
			  div_u64(count * 1000, WINDOW));
}

static int measure_pattern(const struct bench_subject *subject,
			   struct window *w, const char *pattern,
			   int (*step)(struct window *w,
				       struct step_counts *counts))
{
	struct step_counts counts = {};
	int err = step(w, &counts);

	return err ?: report(subject, pattern, "stepped", counts.all) ?:
		      report(subject, pattern, "locked", counts.locked) ?:
		      report(subject, pattern, "cmpxchg16b",
			     counts.cmpxchg16b) ?:
		      report(subject, pattern, "cli-sti", counts.interrupts);
}

static int measure(const struct bench_subject *subject, struct window *w)
{
	return measure_pattern(subject, w, "tight", tight) ?:
	       measure_pattern(subject, w, "random", fill_and_drain) ?:
	       measure_pattern(subject, w, "churn", churn);
}

/**
 * events_measure - count and report the events of one subject, for each pair
 * @subject: what; skipped silently if this kernel does not have it
 * @order: chance
 *
 * Context: Process context; may sleep; after step_init().
 * Return: 0, or an error as of pairs_measure()
 */
int events_measure(const struct bench_subject *subject,
		   const struct bench_order *order)
{
	struct window w = { .loops = subject->loops, .order = order };
	int err;

	w.pool = subject->create(subject, POOL_BLOCKS);
	if (w.pool == ERR_PTR(-EOPNOTSUPP))
		return 0;
	if (IS_ERR(w.pool))
		return PTR_ERR(w.pool);
	w.tokens = kvcalloc(BENCH_LIVE, sizeof(*w.tokens), GFP_KERNEL);
	err = w.tokens ? measure(subject, &w) : -ENOMEM;
	if (!err && subject->in_use && subject->in_use(w.pool))
		err = -EBADE;
	kvfree(w.tokens);
	subject->destroy(w.pool);
	return err;
}
