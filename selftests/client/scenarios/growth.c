// SPDX-License-Identifier: GPL-2.0
/* Scenarios: pools that grow for those who cannot wait for it. */

#include <linux/delay.h>
#include <linux/err.h>
#include <linux/irq_work.h>
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "scenarios/nmi.h"
#include "scenarios/scenario.h"

#define BLOCKS		4U
#define MAX_BLOCKS	4000U
/* How long a pool may take to grow by something, on a busy machine. */
#define PATIENCE	(20 * HZ)

/**
 * struct visitor - takes all blocks of a pool, from wherever it is sent
 * @scenario: whose checks these are
 * @pool: the pool
 * @work: brings a hard interrupt
 * @taken: how many it has
 * @handles: their handles, with room for one more than there can be
 */
struct visitor {
	struct scenario *scenario;
	struct fixedpool *pool;
	struct irq_work work;
	unsigned int taken;
	u64 handles[MAX_BLOCKS + 1];
};

static void visit(struct visitor *visitor)
{
	u64 *handles = visitor->handles;

	while (visitor->taken <= MAX_BLOCKS &&
	       fixedpool_alloc(visitor->pool, &handles[visitor->taken]))
		visitor->taken++;
}

static void visit_in_irq_work(struct irq_work *work)
{
	visit(container_of(work, struct visitor, work));
}

static void visit_in_nmi(void *data)
{
	struct visitor *visitor = data;
	static atomic_t inside = ATOMIC_INIT(0);

	/* each CPU gets one */
	if (!atomic_xchg(&inside, 1)) {
		visit(visitor);
		atomic_set(&inside, 0);
	}
}

static void send_interrupt(struct visitor *visitor)
{
	irq_work_queue(&visitor->work);
	irq_work_sync(&visitor->work);
}

static void send_nmi(struct visitor *visitor)
{
	EXPECT_EQ(visitor->scenario, nmi_send(), 0);
}

/* Sends it until it has all that there can be, and then once more. */
static void take_all(struct visitor *visitor,
		     void (*send)(struct visitor *visitor))
{
	struct scenario *s = visitor->scenario;
	unsigned long latest = jiffies + PATIENCE;
	unsigned int before = 0;

	send(visitor);
	/* what there was at once */
	EXPECT(s, visitor->taken < MAX_BLOCKS);
	while (visitor->taken < MAX_BLOCKS && time_before(jiffies, latest)) {
		if (visitor->taken > before)
			latest = jiffies + PATIENCE;
		before = visitor->taken;
		usleep_range(500, 1000);
		send(visitor);
	}
	EXPECT_EQ(s, visitor->taken, MAX_BLOCKS);
	EXPECT_EQ(s, fixedpool_blocks(visitor->pool), MAX_BLOCKS);
	usleep_range(500, 1000);
	send(visitor);
	EXPECT_EQ(s, visitor->taken, MAX_BLOCKS);
}

static struct visitor *visitor_begin(struct scenario *s)
{
	struct fixedpool_params params =
		FIXEDPOOL_PARAMS("scenario", 64, BLOCKS);
	struct visitor *visitor = kvzalloc(sizeof(*visitor), GFP_KERNEL);

	if (!EXPECT(s, visitor))
		return NULL;
	params.storage = s->storage;
	params.max_blocks = MAX_BLOCKS;
	visitor->scenario = s;
	visitor->work = IRQ_WORK_INIT_HARD(visit_in_irq_work);
	visitor->pool = fixedpool_create(&params);
	if (!EXPECT_EQ(s, PTR_ERR_OR_ZERO(visitor->pool), 0)) {
		kvfree(visitor);
		return NULL;
	}
	EXPECT_EQ(s, fixedpool_blocks(visitor->pool), BLOCKS);
	return visitor;
}

/* All that was taken is there, apart, and goes back. */
static void visitor_end(struct visitor *visitor)
{
	struct scenario *s = visitor->scenario;
	unsigned int i;

	for (i = 0; i < visitor->taken; i++) {
		u64 *block = fixedpool_pointer(visitor->pool,
					       visitor->handles[i]);

		if (!EXPECT(s, block))
			break;
		EXPECT_EQ(s, *block, 0);
		*block = visitor->handles[i];
	}
	EXPECT_EQ(s, fixedpool_free_bulk(visitor->pool, visitor->handles,
					 visitor->taken, NULL), visitor->taken);
	scenario_pool_end(s, visitor->pool);
	kvfree(visitor);
}

void a_pool_grows_soon_for_a_hard_interrupt(struct scenario *s)
{
	struct visitor *visitor = visitor_begin(s);

	if (!visitor)
		return;
	take_all(visitor, send_interrupt);
	visitor_end(visitor);
}

void a_pool_grows_soon_for_an_nmi(struct scenario *s)
{
	struct visitor *visitor = visitor_begin(s);
	int err;

	if (!visitor)
		return;
	err = nmi_begin(visit_in_nmi, visitor);
	if (!err) {
		take_all(visitor, send_nmi);
		nmi_end();
	} else if (err == -EOPNOTSUPP) {
		scenario_skip(s, "no NMI can be sent on this machine");
	} else {
		EXPECT_EQ(s, err, 0);
	}
	visitor_end(visitor);
}

/* Nobody else takes anything, so there is always something for an interrupt. */
void a_pool_grows_before_it_is_empty(struct scenario *s)
{
	struct visitor *visitor = visitor_begin(s);
	unsigned long latest = jiffies + PATIENCE;
	unsigned int i;

	if (!visitor)
		return;
	for (i = 0; i < BLOCKS; i++) {
		if (EXPECT(s, fixedpool_alloc(visitor->pool,
					      &visitor->handles[i])))
			visitor->taken++;
	}
	while (fixedpool_blocks(visitor->pool) == BLOCKS &&
	       time_before(jiffies, latest))
		usleep_range(500, 1000);
	EXPECT(s, fixedpool_blocks(visitor->pool) > BLOCKS);
	EXPECT(s, fixedpool_alloc(visitor->pool, &visitor->handles[i]));
	visitor->taken++;
	visitor_end(visitor);
}
