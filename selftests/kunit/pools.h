/* SPDX-License-Identifier: GPL-2.0 */
/* A pool for a unit test; pool_exit() ends it. */
#ifndef KUNIT_POOLS_H
#define KUNIT_POOLS_H

#include <kunit/test.h>
#include <linux/slab.h>

#include "pool.h"

static inline struct fixedpool *pool_for(struct kunit *test, u32 id,
					 u32 block_size, u32 blocks)
{
	struct fixedpool *pool = kunit_kzalloc(test, sizeof(*pool), GFP_KERNEL);
	struct geometry *geo;

	KUNIT_ASSERT_NOT_NULL(test, pool);
	geo = &pool->storage.geo;
	KUNIT_ASSERT_EQ(test, 0, geometry_init(geo, FIXEDPOOL_STORAGE_PAGES,
					       block_size, 0, blocks));
	pool->id = id;
	pool->hot.first_slot = id << SLOT_UNIT_SHIFT;
	pool->units = geometry_units(geo, 0);
	KUNIT_ASSERT_EQ(test, 0, pool_init(pool, FIXEDPOOL_STORAGE_PAGES,
					   blocks, blocks, NUMA_NO_NODE, id));
	return pool;
}

/* Of a suite with such pools. */
static inline int pools_begin(struct kunit_suite *suite)
{
	return magazine_module_init();
}

static inline void pools_end(struct kunit_suite *suite)
{
	magazine_module_exit();
}

#endif /* KUNIT_POOLS_H */
