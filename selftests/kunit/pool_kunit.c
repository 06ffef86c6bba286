// SPDX-License-Identifier: GPL-2.0
/* Versions, holds and storage of a pool, below any name or process. */
#include <kunit/test.h>
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "pool.h"

#define FIRST_SLOT	(7 << SLOT_UNIT_SHIFT)

static struct fixedpool *make(struct kunit *test, enum fixedpool_storage which,
			      u32 block_size, u32 blocks)
{
	struct fixedpool *pool = kunit_kzalloc(test, sizeof(*pool), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, pool);
	KUNIT_ASSERT_EQ(test, 0, geometry_init(&pool->storage.geo, which,
					       block_size, 0, blocks));
	pool->hot.first_slot = FIRST_SLOT;
	pool->units = geometry_units(&pool->storage.geo, 0);
	KUNIT_ASSERT_EQ(test, 0, pool_init(pool, which, blocks, blocks, NUMA_NO_NODE,
					   7));
	return pool;
}

static u64 take(struct fixedpool *pool, enum holder holder, u32 *index)
{
	u64 handle;

	if (!pool_reserve(pool, 1, 1))
		return 0;
	pool_claim(pool, holder, index, &handle, 1);
	return handle;
}

static void a_handle_dies_with_its_allocation(struct kunit *test)
{
	struct fixedpool *pool = make(test, FIXEDPOOL_STORAGE_PAGES, 64, 1);
	u32 index, again, version;
	u64 handle;

	handle = take(pool, HOLDER_CLIENT, &index);
	version = FIXEDPOOL_HANDLE_VERSION(handle);
	KUNIT_EXPECT_EQ(test, version & 1, 1u);
	KUNIT_EXPECT_EQ(test, pool_resolve(pool, handle, &again), 0);
	KUNIT_EXPECT_EQ(test, again, index);
	KUNIT_EXPECT_EQ(test, pool_check(pool, index, version), 0);
	KUNIT_EXPECT_EQ(test, pool_drop(pool, index, HOLDER_CLIENT), 0);
	KUNIT_EXPECT_EQ(test, pool_check(pool, index, version), -EALREADY);
	KUNIT_EXPECT_NE(test, take(pool, HOLDER_CLIENT, &index), handle);
	KUNIT_EXPECT_EQ(test, pool_check(pool, index, version), -ESTALE);
	KUNIT_EXPECT_EQ(test, pool_hold(pool, index, version, HOLDER_KERNEL),
			-ESTALE);
	KUNIT_EXPECT_EQ(test, pool_drop(pool, index, HOLDER_CLIENT), 0);
	KUNIT_EXPECT_TRUE(test, pool_valid(pool));
	pool_exit(pool);
}

static void a_block_is_free_when_the_last_holder_lets_go(struct kunit *test)
{
	struct fixedpool *pool = make(test, FIXEDPOOL_STORAGE_SLAB, 64, 10);
	u32 index, version;
	u64 handle;

	handle = take(pool, HOLDER_CLIENT, &index);
	version = FIXEDPOOL_HANDLE_VERSION(handle);
	KUNIT_EXPECT_FALSE(test, pool_shared(pool, index));
	KUNIT_EXPECT_EQ(test, pool_drop(pool, index, HOLDER_KERNEL), -EPERM);
	KUNIT_EXPECT_EQ(test, 0, pool_hold(pool, index, version,
					   HOLDER_KERNEL));
	KUNIT_EXPECT_TRUE(test, pool_shared(pool, index));
	KUNIT_EXPECT_EQ(test, pool_drop(pool, index, HOLDER_CLIENT), 0);
	KUNIT_EXPECT_EQ(test, pool_in_use(pool), 1u);
	KUNIT_EXPECT_EQ(test, pool_check(pool, index, version), 0);
	KUNIT_EXPECT_EQ(test, pool_drop(pool, index, HOLDER_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, pool_in_use(pool), 0u);
	KUNIT_EXPECT_EQ(test, pool_hold(pool, index, version, HOLDER_KERNEL),
			-ESTALE);
	KUNIT_EXPECT_TRUE(test, pool_valid(pool));
	pool_exit(pool);
}

static void the_255th_hold_of_a_kind_is_refused(struct kunit *test)
{
	struct fixedpool *pool = make(test, FIXEDPOOL_STORAGE_PAGES, 64, 1);
	u32 index, version, i;

	version = FIXEDPOOL_HANDLE_VERSION(take(pool, HOLDER_KERNEL, &index));
	for (i = 1; i < POOL_MAX_HOLDS; i++)
		KUNIT_ASSERT_EQ(test, 0, pool_hold(pool, index, version,
						   HOLDER_KERNEL));
	KUNIT_EXPECT_EQ(test, pool_hold(pool, index, version, HOLDER_KERNEL),
			-EBUSY);
	KUNIT_EXPECT_EQ(test, 0, pool_hold(pool, index, version,
					   HOLDER_CLIENT));
	for (i = 0; i < POOL_MAX_HOLDS; i++)
		KUNIT_EXPECT_EQ(test, pool_drop(pool, index, HOLDER_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, pool_in_use(pool), 1u);
	KUNIT_EXPECT_EQ(test, pool_drop(pool, index, HOLDER_CLIENT), 0);
	KUNIT_EXPECT_TRUE(test, pool_valid(pool));
	pool_exit(pool);
}

static void neighbours_are_dropped_together(struct kunit *test)
{
	struct fixedpool *pool = make(test, FIXEDPOOL_STORAGE_PAGES, 64, 128);
	u32 indices[64];
	u64 handles[64];
	u64 shared;

	KUNIT_ASSERT_EQ(test, pool_reserve(pool, 64, 64), 64u);
	pool_claim(pool, HOLDER_CLIENT, indices, handles, 64);
	shared = handles[5];
	KUNIT_EXPECT_EQ(test, 0, pool_hold(pool, indices[5],
					   FIXEDPOOL_HANDLE_VERSION(shared),
					   HOLDER_KERNEL));
	pool_drop_mask(pool, indices[0] / 64, ~0UL, HOLDER_CLIENT);
	KUNIT_EXPECT_EQ(test, pool_in_use(pool), 1u);
	KUNIT_EXPECT_EQ(test, pool_drop(pool, indices[5], HOLDER_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, pool_in_use(pool), 0u);
	KUNIT_EXPECT_EQ(test, pool->peak, 64u);
	KUNIT_EXPECT_TRUE(test, pool_valid(pool));
	pool_exit(pool);
}

static void what_is_no_handle_of_the_pool_is_refused_by_its_own_error(struct kunit *test)
{
	struct fixedpool *pool = make(test, FIXEDPOOL_STORAGE_PAGES, 64, 100);
	u32 index;

	KUNIT_EXPECT_EQ(test, -EINVAL, pool_resolve(pool, 0, &index));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			pool_resolve(pool, FIXEDPOOL_HANDLE(2, FIRST_SLOT),
				     &index));
	KUNIT_EXPECT_EQ(test, -ENXIO,
			pool_resolve(pool, FIXEDPOOL_HANDLE(1, FIRST_SLOT - 1),
				     &index));
	KUNIT_EXPECT_EQ(test, -ENXIO,
			pool_resolve(pool,
				     FIXEDPOOL_HANDLE(1, FIRST_SLOT + 65536),
				     &index));
	KUNIT_EXPECT_EQ(test, -ERANGE,
			pool_resolve(pool,
				     FIXEDPOOL_HANDLE(1, FIRST_SLOT + 100),
				     &index));
	KUNIT_EXPECT_EQ(test, 0,
			pool_resolve(pool,
				     FIXEDPOOL_HANDLE(1, FIRST_SLOT + 99),
				     &index));
	KUNIT_EXPECT_EQ(test, index, 99u);
	pool_exit(pool);
}

static void find_each_block(struct kunit *test, enum fixedpool_storage which,
			    u32 block_size)
{
	struct fixedpool *pool = make(test, which, block_size, 300);
	u32 i, index;

	for (i = 0; i < 300; i++) {
		char *block = pool_block(pool, i);

		KUNIT_EXPECT_TRUE(test, storage_find(&pool->storage, block,
						     &index));
		KUNIT_EXPECT_EQ(test, index, i);
		KUNIT_EXPECT_FALSE(test, storage_find(&pool->storage, block + 1,
						      &index));
		/* new memory is zeroed */
		KUNIT_EXPECT_NULL(test, memchr_inv(block, 0, block_size));
		memset(block, 0xff, block_size);
	}
	KUNIT_EXPECT_FALSE(test, storage_find(&pool->storage, NULL, &index));
	KUNIT_EXPECT_FALSE(test, storage_find(&pool->storage, &index, &index));
	KUNIT_EXPECT_FALSE(test, storage_find(&pool->storage, find_each_block,
					      &index));
	KUNIT_EXPECT_FALSE(test, storage_find(&pool->storage, pool, &index));
	pool_exit(pool);
}

static void a_block_is_found_by_its_address_and_nothing_else_is(struct kunit *test)
{
	find_each_block(test, FIXEDPOOL_STORAGE_PAGES, 1);
	find_each_block(test, FIXEDPOOL_STORAGE_PAGES, 72);
	find_each_block(test, FIXEDPOOL_STORAGE_PAGES, 4096);
	find_each_block(test, FIXEDPOOL_STORAGE_PAGES, 10000);
	find_each_block(test, FIXEDPOOL_STORAGE_SLAB, 1);
	find_each_block(test, FIXEDPOOL_STORAGE_SLAB, 72);
	find_each_block(test, FIXEDPOOL_STORAGE_SLAB, 10000);
}

static void a_lost_block_is_noticed(struct kunit *test)
{
	struct fixedpool *pool = make(test, FIXEDPOOL_STORAGE_PAGES, 64, 100);
	u32 index;

	KUNIT_ASSERT_NE(test, take(pool, HOLDER_CLIENT, &index), 0ull);
	KUNIT_EXPECT_TRUE(test, pool_valid(pool));
	pool->hot.holds[index] = 0;
	KUNIT_EXPECT_FALSE(test, pool_valid(pool));
	pool_exit(pool);
}

static void metadata_takes_no_more_than_eight_bytes_a_block(struct kunit *test)
{
	static const u32 sizes[] = { 8, 64, 256, 1024, 4096 };
	struct geometry geo;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		u32 blocks = 100000;
		u64 data, all;

		KUNIT_ASSERT_EQ(test, 0,
				geometry_init(&geo, FIXEDPOOL_STORAGE_PAGES,
					      sizes[i], 0, blocks));
		data = geometry_data_bytes(&geo);
		all = pool_bytes(&geo, FIXEDPOOL_STORAGE_PAGES, 0);
		KUNIT_EXPECT_LE(test, all - data, 8ull * blocks);
	}
}

static struct kunit_case pool_cases[] = {
	KUNIT_CASE(a_handle_dies_with_its_allocation),
	KUNIT_CASE(a_block_is_free_when_the_last_holder_lets_go),
	KUNIT_CASE(the_255th_hold_of_a_kind_is_refused),
	KUNIT_CASE(neighbours_are_dropped_together),
	KUNIT_CASE(what_is_no_handle_of_the_pool_is_refused_by_its_own_error),
	KUNIT_CASE(a_block_is_found_by_its_address_and_nothing_else_is),
	KUNIT_CASE(a_lost_block_is_noticed),
	KUNIT_CASE(metadata_takes_no_more_than_eight_bytes_a_block),
	{}
};

static int pool_suite_init(struct kunit_suite *suite)
{
	return magazine_module_init();
}

static void pool_suite_exit(struct kunit_suite *suite)
{
	magazine_module_exit();
}

static struct kunit_suite pool_suite = {
	.name = "fixedpool_pool",
	.suite_init = pool_suite_init,
	.suite_exit = pool_suite_exit,
	.test_cases = pool_cases,
};
kunit_test_suite(pool_suite);
