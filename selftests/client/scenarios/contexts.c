// SPDX-License-Identifier: GPL-2.0
/*
 * Scenarios: a pool used where nothing may sleep. The same visit is made in
 * each context.
 */

#include <linux/completion.h>
#include <linux/err.h>
#include <linux/hrtimer.h>
#include <linux/interrupt.h>
#include <linux/irq_work.h>
#include <linux/preempt.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>

#include "compat.h"
#include "scenarios/nmi.h"
#include "scenarios/scenario.h"

#define BLOCKS		4
#define BLOCK_BYTES	64

/**
 * struct visit - one use of a pool
 * @scenario: whose checks these are
 * @pool: the pool, with BLOCKS blocks, none of them in use
 * @kept: a block taken during the visit, which outlives it
 * @begun: whether somebody began it; used where several could
 * @ended: whether it came to its end
 * @done: completed by those contexts that can
 * @work: brings a hard interrupt
 * @timer: brings a timer interrupt
 * @tasklet: brings a softirq
 */
struct visit {
	struct scenario *scenario;
	struct fixedpool *pool;
	u64 kept;
	atomic_t begun;
	bool ended;
	struct completion done;
	union {
		struct irq_work work;
		struct hrtimer timer;
		struct tasklet_struct tasklet;
	};
};

/* Uses every function that any context may call, and keeps one block. */
static void visit_pool(struct visit *visit)
{
	struct scenario *s = visit->scenario;
	struct fixedpool *pool = visit->pool;
	u64 handle = 0, bulk[BLOCKS];
	unsigned int taken;
	void *block;

	EXPECT_EQ(s, fixedpool_in_use(pool), 0);
	taken = fixedpool_alloc_bulk(pool, bulk, BLOCKS);
	EXPECT_EQ(s, taken, BLOCKS);
	EXPECT(s, !fixedpool_alloc(pool, &handle));
	EXPECT_EQ(s, fixedpool_free_bulk(pool, bulk, taken, NULL), taken);
	EXPECT_EQ(s, fixedpool_free(pool, bulk[0]), -EALREADY);

	block = fixedpool_alloc(pool, &handle);
	if (EXPECT(s, block)) {
		memset(block, 0xa5, BLOCK_BYTES);
		EXPECT_EQ(s, fixedpool_handle(pool, block), handle);
		EXPECT(s, fixedpool_pointer(pool, handle) == block);
		EXPECT(s, fixedpool_lookup(pool, handle) ==
				  ERR_PTR(-EACCES));
		EXPECT_EQ(s, fixedpool_publish(pool, handle), 0);
		EXPECT(s, fixedpool_lookup(pool, handle) == block);
		EXPECT_EQ(s, fixedpool_free(pool, handle), 0);
		EXPECT_EQ(s, fixedpool_free_block(pool, block), 0);
		EXPECT(s, IS_ERR(fixedpool_lookup(pool, handle)));
	}
	EXPECT(s, fixedpool_alloc(pool, &visit->kept));
	visit->ended = true;
}

static struct visit *visit_begin(struct scenario *s)
{
	struct visit *visit = kzalloc(sizeof(*visit), GFP_KERNEL);

	if (!EXPECT(s, visit))
		return NULL;
	visit->scenario = s;
	visit->pool = scenario_pool(s, "scenario", BLOCK_BYTES, BLOCKS);
	if (!visit->pool) {
		kfree(visit);
		return NULL;
	}
	init_completion(&visit->done);
	return visit;
}

/* What was taken in the other context is given back in this one. */
static void visit_end(struct visit *visit)
{
	struct scenario *s = visit->scenario;

	EXPECT(s, visit->ended);
	EXPECT_EQ(s, fixedpool_free(visit->pool, visit->kept), 0);
	scenario_pool_end(s, visit->pool);
	kfree(visit);
}

void a_pool_serves_with_interrupts_off(struct scenario *s)
{
	struct visit *visit = visit_begin(s);
	unsigned long flags;

	if (!visit)
		return;
	local_irq_save(flags);
	visit_pool(visit);
	EXPECT(s, irqs_disabled());
	local_irq_restore(flags);
	visit_end(visit);
}

void a_pool_serves_under_a_raw_spinlock(struct scenario *s)
{
	static DEFINE_RAW_SPINLOCK(lock);
	struct visit *visit = visit_begin(s);

	if (!visit)
		return;
	raw_spin_lock(&lock);
	visit_pool(visit);
	raw_spin_unlock(&lock);
	visit_end(visit);
}

static void visit_in_tasklet(struct tasklet_struct *tasklet)
{
	struct visit *visit = container_of(tasklet, struct visit, tasklet);

	EXPECT(visit->scenario, in_serving_softirq());
	visit_pool(visit);
	complete(&visit->done);
}

void a_pool_serves_a_tasklet(struct scenario *s)
{
	struct visit *visit = visit_begin(s);

	if (!visit)
		return;
	tasklet_setup(&visit->tasklet, visit_in_tasklet);
	tasklet_schedule(&visit->tasklet);
	wait_for_completion(&visit->done);
	tasklet_kill(&visit->tasklet);
	visit_end(visit);
}

static void visit_in_irq_work(struct irq_work *work)
{
	struct visit *visit = container_of(work, struct visit, work);

	EXPECT(visit->scenario, in_hardirq());
	visit_pool(visit);
	complete(&visit->done);
}

void a_pool_serves_a_hard_interrupt(struct scenario *s)
{
	struct visit *visit = visit_begin(s);

	if (!visit)
		return;
	visit->work = IRQ_WORK_INIT_HARD(visit_in_irq_work);
	EXPECT(s, irq_work_queue(&visit->work));
	wait_for_completion(&visit->done);
	irq_work_sync(&visit->work);
	visit_end(visit);
}

static enum hrtimer_restart visit_in_timer(struct hrtimer *timer)
{
	struct visit *visit = container_of(timer, struct visit, timer);

	EXPECT(visit->scenario, in_hardirq());
	visit_pool(visit);
	complete(&visit->done);
	return HRTIMER_NORESTART;
}

void a_pool_serves_a_hard_timer(struct scenario *s)
{
	struct visit *visit = visit_begin(s);

	if (!visit)
		return;
	hrtimer_setup(&visit->timer, visit_in_timer, CLOCK_MONOTONIC,
		      HRTIMER_MODE_REL_HARD);
	hrtimer_start(&visit->timer, ns_to_ktime(NSEC_PER_USEC),
		      HRTIMER_MODE_REL_HARD);
	wait_for_completion(&visit->done);
	hrtimer_cancel(&visit->timer);
	visit_end(visit);
}

/* Each CPU gets an NMI; the first of them makes the visit. */
static void visit_in_nmi(void *data)
{
	struct visit *visit = data;

	EXPECT(visit->scenario, in_nmi());
	if (!atomic_xchg(&visit->begun, 1))
		visit_pool(visit);
}

void a_pool_serves_an_nmi(struct scenario *s)
{
	struct visit *visit = visit_begin(s);
	int err;

	if (!visit)
		return;
	err = nmi_begin(visit_in_nmi, visit);
	if (!err) {
		EXPECT_EQ(s, nmi_send(), 0);
		nmi_end();
		visit_end(visit);
		return;
	}
	if (err == -EOPNOTSUPP)
		scenario_skip(s, "no NMI can be sent on this machine");
	else
		EXPECT_EQ(s, err, 0);
	fixedpool_destroy(visit->pool);
	kfree(visit);
}
