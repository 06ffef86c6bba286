// SPDX-License-Identifier: GPL-2.0
/*
 * Scenarios: from a pointer to the handle of the block it points into.
 */

#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "scenarios/scenario.h"

#define BLOCKS		66U
#define BLOCK_BYTES	100U
#define ALIGN_BYTES	64U

static struct fixedpool *pool_with_gaps(struct scenario *s)
{
	struct fixedpool_params params =
		FIXEDPOOL_PARAMS("scenario", BLOCK_BYTES, BLOCKS);
	struct fixedpool *pool;

	params.align = ALIGN_BYTES;
	params.storage = s->storage;
	pool = fixedpool_create(&params);
	return EXPECT_EQ(s, PTR_ERR_OR_ZERO(pool), 0) ? pool : NULL;
}

void a_pointer_and_its_handle_lead_to_each_other(struct scenario *s)
{
	struct fixedpool *pool = pool_with_gaps(s);
	u64 handles[BLOCKS] = {};
	unsigned int i;
	void *block;

	if (!pool)
		return;
	for (i = 0; i < BLOCKS; i++) {
		block = fixedpool_alloc(pool, &handles[i]);
		EXPECT(s, block);
		EXPECT(s, fixedpool_pointer(pool, handles[i]) == block);
		EXPECT_EQ(s, fixedpool_handle(pool, block), handles[i]);
	}
	EXPECT_EQ(s, fixedpool_free_bulk(pool, handles, BLOCKS, NULL), BLOCKS);
	scenario_pool_end(s, pool);
}

void only_the_first_byte_leads_to_a_handle(struct scenario *s)
{
	struct fixedpool *pool = pool_with_gaps(s);
	u64 handles[BLOCKS];
	unsigned int taken, i;
	u32 byte;

	if (!pool)
		return;
	taken = fixedpool_alloc_bulk(pool, handles, BLOCKS);
	EXPECT_EQ(s, taken, BLOCKS);
	for (i = 0; i < taken; i++) {
		const char *block = fixedpool_pointer(pool, handles[i]);

		if (!EXPECT(s, block))
			break;
		/* Inside the block, and in the gap behind it. */
		for (byte = 1; byte < 2 * ALIGN_BYTES; byte++)
			EXPECT_EQ(s, fixedpool_handle(pool, block + byte), 0);
	}
	EXPECT_EQ(s, fixedpool_free_bulk(pool, handles, taken, NULL), taken);
	scenario_pool_end(s, pool);
}

void a_free_block_has_no_handle(struct scenario *s)
{
	struct fixedpool *pool = scenario_pool(s, "scenario", 64, 2);
	u64 kept = 0, freed = 0;
	void *block;

	if (!pool)
		return;
	EXPECT(s, fixedpool_alloc(pool, &kept));
	block = fixedpool_alloc(pool, &freed);
	EXPECT_EQ(s, fixedpool_handle(pool, block), freed);
	EXPECT_EQ(s, fixedpool_free(pool, freed), 0);
	EXPECT_EQ(s, fixedpool_handle(pool, block), 0);

	/* The same place, another allocation: another handle. */
	EXPECT(s, fixedpool_alloc(pool, &freed) == block);
	EXPECT_EQ(s, fixedpool_handle(pool, block), freed);
	EXPECT_EQ(s, fixedpool_free(pool, freed), 0);
	EXPECT_EQ(s, fixedpool_free(pool, kept), 0);
	scenario_pool_end(s, pool);
}

static int in_module_data;

static void expect_foreign(struct scenario *s, struct fixedpool *pool,
			   struct fixedpool *other, const void *other_block)
{
	char on_stack = 0;
	void *slab = kmalloc(64, GFP_KERNEL);
	void *mapped = vmalloc(PAGE_SIZE);
	struct page *page = alloc_page(GFP_KERNEL);

	EXPECT_EQ(s, fixedpool_handle(pool, NULL), 0);
	EXPECT_EQ(s, fixedpool_handle(pool, ERR_PTR(-ENOMEM)), 0);
	EXPECT_EQ(s, fixedpool_handle(pool, (void *)1UL), 0);
	EXPECT_EQ(s, fixedpool_handle(pool, (void *)LONG_MAX), 0);
	EXPECT_EQ(s, fixedpool_handle(pool, (void *)LONG_MIN), 0);
	EXPECT_EQ(s, fixedpool_handle(pool, (void *)PAGE_OFFSET), 0);
	EXPECT_EQ(s, fixedpool_handle(pool, (void *)(PAGE_OFFSET - 1)), 0);
	EXPECT_EQ(s, fixedpool_handle(pool, &on_stack), 0);
	EXPECT_EQ(s, fixedpool_handle(pool, &in_module_data), 0);
	EXPECT_EQ(s, fixedpool_handle(pool, (void *)expect_foreign), 0);
	EXPECT_EQ(s, fixedpool_handle(pool, pool), 0);
	EXPECT_EQ(s, fixedpool_handle(pool, other_block), 0);
	EXPECT_EQ(s, fixedpool_handle(pool, slab), 0);
	EXPECT_EQ(s, fixedpool_handle(pool, mapped), 0);
	if (page)
		EXPECT_EQ(s, fixedpool_handle(pool, page_address(page)), 0);
	EXPECT(s, fixedpool_handle(other, other_block));

	if (page)
		__free_page(page);
	vfree(mapped);
	kfree(slab);
}

void a_foreign_pointer_has_no_handle(struct scenario *s)
{
	struct fixedpool *pool = scenario_pool(s, "scenario", 64, 1);
	struct fixedpool *other = scenario_pool(s, "scenario-other", 64, 1);
	u64 ours = 0, theirs = 0;

	/* All blocks are taken: nothing is refused for being free. */
	if (pool && other && EXPECT(s, fixedpool_alloc(pool, &ours))) {
		const char *block = fixedpool_alloc(other, &theirs);

		expect_foreign(s, pool, other, block);
		EXPECT_EQ(s, fixedpool_free(other, theirs), 0);
		block = fixedpool_pointer(pool, ours);
		EXPECT_EQ(s, fixedpool_handle(pool, block - 1), 0);
		EXPECT_EQ(s, fixedpool_handle(pool, block + 64), 0);
		EXPECT_EQ(s, fixedpool_free(pool, ours), 0);
	}
	if (other)
		scenario_pool_end(s, other);
	if (pool)
		scenario_pool_end(s, pool);
}

void a_block_is_freed_by_its_address(struct scenario *s)
{
	struct fixedpool *pool = pool_with_gaps(s);
	u64 handle;
	void *block;

	if (!pool)
		return;
	block = fixedpool_alloc(pool, &handle);
	EXPECT(s, block);
	EXPECT_EQ(s, fixedpool_free_block(pool, NULL), -EINVAL);
	EXPECT_EQ(s, fixedpool_free_block(pool, &handle), -EINVAL);
	EXPECT_EQ(s, fixedpool_free_block(pool, block + 1), -EINVAL);
	EXPECT_EQ(s, fixedpool_in_use(pool), 1);
	EXPECT_EQ(s, fixedpool_free_block(pool, block), 0);
	EXPECT_EQ(s, fixedpool_in_use(pool), 0);
	EXPECT_EQ(s, fixedpool_free_block(pool, block), -EPERM);
	EXPECT_EQ(s, fixedpool_free(pool, handle), -EALREADY);
	scenario_pool_end(s, pool);
}
