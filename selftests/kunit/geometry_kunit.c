// SPDX-License-Identifier: GPL-2.0
/* Where blocks lie: every block whole, in its chunk, and found without division. */
#include <kunit/test.h>
#include <linux/cache.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/prandom.h>

#include "geometry.h"

static const u32 sizes[] = {
	1, 7, 8, 24, 63, 64, 65, 100, 320, 1000, 2048, 2112, 4095, 4096, 4097,
	4160, 8192, 10000, 65536, 65600, 1 << 20, (1 << 20) + 1, 4 << 20,
};

static void division_by_the_reciprocal_is_exact(struct kunit *test)
{
	static const u32 numbers[] = {
		0, 1, 2, 62, 63, 64, 65, 4095, 4096, 65535, 65536, 1000003,
		0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff,
	};
	struct rnd_state random;
	u32 divisor, i;

	prandom_seed_state(&random, 1);
	for (divisor = 1; divisor < 5000; divisor++) {
		struct geometry geo = {
			.chunk_blocks = divisor,
			.reciprocal = div_u64(U64_MAX, divisor),
		};

		for (i = 0; i < ARRAY_SIZE(numbers); i++)
			KUNIT_ASSERT_EQ(test, geometry_chunk(&geo, numbers[i]),
					numbers[i] / divisor);
		for (i = 0; i < 20; i++) {
			u32 n = prandom_u32_state(&random);

			KUNIT_ASSERT_EQ(test, geometry_chunk(&geo, n),
					n / divisor);
		}
		/* both sides of a multiple */
		i = U32_MAX / divisor * divisor;
		KUNIT_ASSERT_EQ(test, geometry_chunk(&geo, i), i / divisor);
		KUNIT_ASSERT_EQ(test, geometry_chunk(&geo, i - 1),
				(i - 1) / divisor);
	}
}

static void a_block_is_aligned_and_lies_whole_in_its_chunk(struct kunit *test)
{
	struct geometry geo;
	u32 s, align, i;

	for (s = 0; s < ARRAY_SIZE(sizes); s++) {
		for (align = 1; align <= PAGE_SIZE; align *= 8) {
			KUNIT_ASSERT_EQ(test, 0,
					geometry_init(&geo,
						      FIXEDPOOL_STORAGE_PAGES,
						      sizes[s], align, 1000));
			KUNIT_EXPECT_GE(test, geo.stride, geo.block_size);
			KUNIT_EXPECT_EQ(test, geo.stride % align, 0u);
			for (i = 0; i < 1000; i++) {
				u32 chunk = geometry_chunk(&geo, i);
				u32 offset = geometry_offset(&geo, i, chunk);

				KUNIT_ASSERT_LT(test, chunk, geo.chunks);
				KUNIT_ASSERT_EQ(test, offset % align, 0u);
				KUNIT_ASSERT_LE(test, offset + geo.block_size,
						geo.chunk_size);
				KUNIT_ASSERT_EQ(test, i,
						chunk * geo.chunk_blocks +
						offset / geo.stride);
			}
		}
	}
}

static void small_blocks_leave_little_of_a_chunk_unused(struct kunit *test)
{
	struct geometry geo;
	u32 size;

	for (size = 1; size <= 4096; size++) {
		KUNIT_ASSERT_EQ(test, 0,
				geometry_init(&geo, FIXEDPOOL_STORAGE_PAGES,
					      size, 0, 1000000));
		KUNIT_EXPECT_LE(test,
				geo.chunk_size - geo.chunk_blocks * geo.stride,
				geo.chunk_size / 16);
	}
}

static void a_pool_of_few_blocks_takes_no_more_pages_than_it_needs(struct kunit *test)
{
	struct geometry geo;

	KUNIT_ASSERT_EQ(test, 0, geometry_init(&geo, FIXEDPOOL_STORAGE_PAGES,
					       64, 0, 4));
	KUNIT_EXPECT_EQ(test, geometry_data_bytes(&geo), (u64)PAGE_SIZE);
	KUNIT_ASSERT_EQ(test, 0, geometry_init(&geo, FIXEDPOOL_STORAGE_PAGES,
					       4096, 0, 1));
	KUNIT_EXPECT_EQ(test, geometry_data_bytes(&geo), (u64)PAGE_SIZE);
}

static void a_slab_chunk_is_one_block(struct kunit *test)
{
	struct geometry geo;

	KUNIT_ASSERT_EQ(test, 0, geometry_init(&geo, FIXEDPOOL_STORAGE_SLAB,
					       100, 64, 5000));
	KUNIT_EXPECT_EQ(test, geo.chunk_blocks, 1u);
	KUNIT_EXPECT_EQ(test, geo.chunks, 5000u);
	KUNIT_EXPECT_EQ(test, geometry_chunk(&geo, 4999), 4999u);
}

static void each_senseless_shape_is_refused(struct kunit *test)
{
	static const struct {
		enum fixedpool_storage storage;
		u32 block_size, align, blocks;
		int error;
	} cases[] = {
		{ FIXEDPOOL_STORAGE_PAGES, 0, 0, 1, -EINVAL },
		{ FIXEDPOOL_STORAGE_PAGES, (4 << 20) + 1, 0, 1, -EINVAL },
		{ FIXEDPOOL_STORAGE_PAGES, 64, 3, 1, -EINVAL },
		{ FIXEDPOOL_STORAGE_PAGES, 64, 2 * PAGE_SIZE, 1, -EINVAL },
		{ FIXEDPOOL_STORAGE_PAGES, 64, 0, 0, -EINVAL },
		{ FIXEDPOOL_STORAGE_PAGES, 4 << 20, 0, U32_MAX, -EOVERFLOW },
		{ FIXEDPOOL_STORAGE_SLAB, (1 << 20) + 1, 0, 1, -EINVAL },
		{ FIXEDPOOL_STORAGE_SLAB, 64, 0, U32_MAX, -EOVERFLOW },
		{ (enum fixedpool_storage)2, 64, 0, 1, -EINVAL },
	};
	struct geometry geo;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(cases); i++)
		KUNIT_EXPECT_EQ(test, cases[i].error,
				geometry_init(&geo, cases[i].storage,
					      cases[i].block_size,
					      cases[i].align, cases[i].blocks));
}

static void blocks_of_one_byte_are_counted_up_to_the_last(struct kunit *test)
{
	struct geometry geo;

	KUNIT_ASSERT_EQ(test, 0, geometry_init(&geo, FIXEDPOOL_STORAGE_PAGES,
					       1, 1, 0xffff0000));
	KUNIT_EXPECT_GE(test, geometry_data_bytes(&geo), 0xffff0000ull);
	KUNIT_EXPECT_EQ(test, geometry_chunk(&geo, 0xfffeffff),
			geo.chunks - 1);
}

static void units_cover_slots_and_offsets(struct kunit *test)
{
	struct geometry geo;

	KUNIT_ASSERT_EQ(test, 0, geometry_init(&geo, FIXEDPOOL_STORAGE_PAGES,
					       8, 0, 65536));
	KUNIT_EXPECT_EQ(test, geometry_units(&geo, 4096), 1u);
	KUNIT_EXPECT_EQ(test, geometry_units(&geo, 1ULL << 28), 1u);
	KUNIT_EXPECT_EQ(test, geometry_units(&geo, (1ULL << 28) + 1), 2u);
	geo.blocks++;
	KUNIT_EXPECT_EQ(test, geometry_units(&geo, 4096), 2u);
	KUNIT_EXPECT_EQ(test, geometry_units(&geo, 1ULL << 44), 0u);
	geo.blocks = U32_MAX;
	KUNIT_EXPECT_EQ(test, geometry_units(&geo, 4096), 0u);
}

static void blocks_are_spread_over_the_sets_of_caches(struct kunit *test)
{
	static const struct {
		u32 block_size, align, blocks, stride;
	} cases[] = {
		{ 256, 0, 1000, 256 + L1_CACHE_BYTES },
		{ 248, 0, 1000, 248 },
		{ 4096, 0, 1000, 4096 + L1_CACHE_BYTES },
		{ 4090, 64, 1000, 4096 + L1_CACHE_BYTES },
		{ 8192, 0, 1000, 8192 + L1_CACHE_BYTES },
		/* its own alignment is more than a line */
		{ 4096, 512, 1000, 4096 + 512 },
		/* enough sets as it is */
		{ 64, 0, 1000, 64 },
		{ 128, 0, 1000, 128 },
		{ 4160, 0, 1000, 4160 },
		/* pages of their own */
		{ 4096, PAGE_SIZE, 1000, 4096 },
		/* too much memory */
		{ 256, 128, 1000, 256 },
		{ 256, 0, 16, 256 },
		{ 4096, 0, 1, 4096 },
		{ 65536, 0, 1000, 65536 },
		{ 4 << 20, 0, 10, 4 << 20 },
	};
	struct geometry geo;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		KUNIT_ASSERT_EQ(test, 0,
				geometry_init(&geo, FIXEDPOOL_STORAGE_PAGES,
					      cases[i].block_size,
					      cases[i].align, cases[i].blocks));
		geometry_colour(&geo);
		KUNIT_EXPECT_EQ_MSG(test, geo.stride,
				    ALIGN(cases[i].stride, geo.align),
				    "case %u", i);
	}
}

static void colour_costs_less_than_a_third(struct kunit *test)
{
	struct geometry geo;
	u32 s, align, blocks, i;
	u64 plain;

	for (s = 0; s < ARRAY_SIZE(sizes); s++) {
		for (align = 1; align <= PAGE_SIZE; align *= 2) {
			for (blocks = 1; blocks < 2000; blocks += 37) {
				KUNIT_ASSERT_EQ(test, 0,
						geometry_init(&geo,
							      FIXEDPOOL_STORAGE_PAGES,
							      sizes[s], align,
							      blocks));
				plain = geometry_data_bytes(&geo);
				geometry_colour(&geo);
				KUNIT_ASSERT_LT(test,
						geometry_data_bytes(&geo) * 3,
						plain * 4);
				KUNIT_ASSERT_GE(test, geo.stride, sizes[s]);
				KUNIT_ASSERT_EQ(test, geo.stride % align, 0u);
				i = blocks - 1;
				KUNIT_ASSERT_LT(test, geometry_chunk(&geo, i),
						geo.chunks);
				KUNIT_ASSERT_LE(test,
						geometry_offset(&geo, i,
								geometry_chunk(&geo, i)) +
							geo.block_size,
						geo.chunk_size);
			}
		}
	}
}

static struct kunit_case geometry_cases[] = {
	KUNIT_CASE(division_by_the_reciprocal_is_exact),
	KUNIT_CASE(a_block_is_aligned_and_lies_whole_in_its_chunk),
	KUNIT_CASE(small_blocks_leave_little_of_a_chunk_unused),
	KUNIT_CASE(a_pool_of_few_blocks_takes_no_more_pages_than_it_needs),
	KUNIT_CASE(a_slab_chunk_is_one_block),
	KUNIT_CASE(each_senseless_shape_is_refused),
	KUNIT_CASE(blocks_of_one_byte_are_counted_up_to_the_last),
	KUNIT_CASE(blocks_are_spread_over_the_sets_of_caches),
	KUNIT_CASE(colour_costs_less_than_a_third),
	KUNIT_CASE(units_cover_slots_and_offsets),
	{}
};

static struct kunit_suite geometry_suite = {
	.name = "fixedpool_geometry",
	.test_cases = geometry_cases,
};
kunit_test_suite(geometry_suite);
