// SPDX-License-Identifier: GPL-2.0
/*
 * Scenario: no memory anywhere else. It needs a kernel that can make the
 * allocations of one task fail, and somebody who told it to (see reserve.sh).
 */

#include <linux/sched.h>
#include <linux/slab.h>

#include "scenarios/scenario.h"

#define BLOCKS	70U

#ifdef CONFIG_FAULT_INJECTION
static void fail_my_allocations(bool fail)
{
	current->make_it_fail = fail;
}
#else
static void fail_my_allocations(bool fail)
{
}
#endif

static bool allocations_fail(void)
{
	void *object = kmalloc(64, GFP_KERNEL);
	struct page *page = alloc_page(GFP_KERNEL);
	bool fail = !object && !page;

	if (page)
		__free_page(page);
	kfree(object);
	return fail;
}

static void take_all_and_give_back(struct scenario *s, struct fixedpool *pool)
{
	u64 handles[BLOCKS];
	unsigned int taken;

	for (taken = 0; taken < BLOCKS; taken++)
		if (!fixedpool_alloc(pool, &handles[taken]))
			break;
	EXPECT_EQ(s, taken, BLOCKS);
	EXPECT_EQ(s, fixedpool_free_bulk(pool, handles, taken, NULL), taken);
	EXPECT_EQ(s, fixedpool_alloc_bulk(pool, handles, BLOCKS), BLOCKS);
	EXPECT_EQ(s, fixedpool_free_bulk(pool, handles, BLOCKS, NULL), BLOCKS);
}

void the_reserve_needs_no_memory(struct scenario *s)
{
	struct fixedpool *pool = scenario_pool(s, "scenario", 200, BLOCKS);

	if (!pool)
		return;
	fail_my_allocations(true);
	if (allocations_fail())
		take_all_and_give_back(s, pool);
	else
		scenario_skip(s, "allocations do not fail in this kernel");
	fail_my_allocations(false);
	scenario_pool_end(s, pool);
}
