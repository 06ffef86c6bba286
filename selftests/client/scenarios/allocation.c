// SPDX-License-Identifier: GPL-2.0
/*
 * Scenarios: blocks taken and given back, one by one and in bulk.
 */

#include <linux/align.h>
#include <linux/err.h>
#include <linux/minmax.h>
#include <linux/string.h>

#include "scenarios/scenario.h"

#define BLOCKS	70U	/* more than fit in one word of a bitmap */

void a_block_is_in_use_while_it_is_held(struct scenario *s)
{
	struct fixedpool *pool = scenario_pool(s, "scenario", 64, 3);
	u64 first = 0, second = 0;

	if (!pool)
		return;
	EXPECT_EQ(s, fixedpool_in_use(pool), 0);
	if (EXPECT(s, fixedpool_alloc(pool, &first))) {
		EXPECT_EQ(s, fixedpool_in_use(pool), 1);
		if (EXPECT(s, fixedpool_alloc(pool, &second))) {
			EXPECT_EQ(s, fixedpool_in_use(pool), 2);
			EXPECT_EQ(s, fixedpool_free(pool, second), 0);
		}
		EXPECT_EQ(s, fixedpool_in_use(pool), 1);
		EXPECT_EQ(s, fixedpool_free(pool, first), 0);
	}
	scenario_pool_end(s, pool);
}

void an_empty_pool_gives_nothing(struct scenario *s)
{
	struct fixedpool *pool = scenario_pool(s, "scenario", 64, 2);
	u64 handles[3] = {};

	if (!pool)
		return;
	if (EXPECT(s, fixedpool_alloc(pool, &handles[0])) &&
	    EXPECT(s, fixedpool_alloc(pool, &handles[1]))) {
		EXPECT(s, !fixedpool_alloc(pool, &handles[2]));
		EXPECT_EQ(s, fixedpool_alloc_bulk(pool, &handles[2], 1), 0);
		EXPECT_EQ(s, fixedpool_in_use(pool), 2);

		EXPECT_EQ(s, fixedpool_free(pool, handles[0]), 0);
		EXPECT(s, fixedpool_alloc(pool, &handles[0]));
		EXPECT_EQ(s, fixedpool_free(pool, handles[0]), 0);
		EXPECT_EQ(s, fixedpool_free(pool, handles[1]), 0);
	}
	scenario_pool_end(s, pool);
}

/* Fill each block with its number, all of them, before any is looked at. */
static void check_apart(struct scenario *s, struct fixedpool *pool,
			const u64 *handles, unsigned int count, u32 align)
{
	u32 size = fixedpool_block_size(pool);
	unsigned int i;
	void *block;

	for (i = 0; i < count; i++) {
		block = fixedpool_pointer(pool, handles[i]);
		if (!EXPECT(s, block))
			return;
		EXPECT(s, IS_ALIGNED((unsigned long)block, align));
		memset(block, i, size);
	}
	for (i = 0; i < count; i++) {
		block = fixedpool_pointer(pool, handles[i]);
		EXPECT(s, !memchr_inv(block, i, size));
	}
}

void blocks_are_aligned_and_apart(struct scenario *s)
{
	static const struct {
		u32 block_size, align;
	} shapes[] = {
		{ 1, 1 }, { 1, 0 }, { 24, 8 }, { 100, 64 }, { 64, 4096 },
		{ 4096, 0 }, { 4097, 4096 }, { 12288, 16 }, { 65536, 4096 },
	};
	u64 handles[BLOCKS];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(shapes); i++) {
		struct fixedpool_params params =
			FIXEDPOOL_PARAMS("scenario", shapes[i].block_size,
					 BLOCKS);
		struct fixedpool *pool;
		unsigned int taken;

		params.storage = s->storage;
		params.align = shapes[i].align;
		pool = fixedpool_create(&params);
		if (!EXPECT_EQ(s, PTR_ERR_OR_ZERO(pool), 0))
			return;
		taken = fixedpool_alloc_bulk(pool, handles, BLOCKS);
		EXPECT_EQ(s, taken, BLOCKS);
		check_apart(s, pool, handles, taken,
			    shapes[i].align ?: 8);
		EXPECT_EQ(s, fixedpool_free_bulk(pool, handles, taken, NULL),
			  taken);
		scenario_pool_end(s, pool);
	}
}

static void expect_distinct(struct scenario *s, const u64 *handles,
			    unsigned int count)
{
	unsigned int i, j;

	for (i = 0; i < count; i++)
		for (j = 0; j < i; j++)
			EXPECT(s, FIXEDPOOL_HANDLE_SLOT(handles[i]) !=
				  FIXEDPOOL_HANDLE_SLOT(handles[j]));
}

void bulk_takes_what_there_is(struct scenario *s)
{
	struct fixedpool *pool = scenario_pool(s, "scenario", 64, BLOCKS);
	u64 handles[BLOCKS + 1];
	unsigned int taken;
	int error = 1;

	if (!pool)
		return;
	EXPECT_EQ(s, fixedpool_alloc_bulk(pool, handles, 0), 0);
	EXPECT_EQ(s, fixedpool_free_bulk(pool, handles, 0, &error), 0);
	EXPECT_EQ(s, error, 0);

	taken = fixedpool_alloc_bulk(pool, handles, 3);
	EXPECT_EQ(s, taken, 3);
	EXPECT_EQ(s, fixedpool_in_use(pool), taken);
	taken += fixedpool_alloc_bulk(pool, handles + taken,
				      ARRAY_SIZE(handles) - taken);
	EXPECT_EQ(s, taken, BLOCKS);
	EXPECT_EQ(s, fixedpool_in_use(pool), BLOCKS);
	expect_distinct(s, handles, taken);

	error = 1;
	EXPECT_EQ(s, fixedpool_free_bulk(pool, handles, taken, &error), taken);
	EXPECT_EQ(s, error, 0);
	scenario_pool_end(s, pool);
}

/* The handle at @bad is refused with @wanted; what stands before it is freed,
 * what stands after it stays.
 */
static void free_around(struct scenario *s, struct fixedpool *pool,
			u64 refused, int wanted)
{
	u64 handles[5];
	unsigned int taken;
	u64 good;
	int error = 0;

	taken = fixedpool_alloc_bulk(pool, handles, ARRAY_SIZE(handles));
	if (!EXPECT_EQ(s, taken, ARRAY_SIZE(handles)))
		return;
	good = handles[2];
	handles[2] = refused;
	EXPECT_EQ(s, fixedpool_free_bulk(pool, handles, taken, &error), 2);
	EXPECT_EQ(s, error, wanted);
	EXPECT_EQ(s, fixedpool_in_use(pool), 3);
	EXPECT(s, !fixedpool_pointer(pool, handles[1]));
	EXPECT(s, fixedpool_pointer(pool, handles[3]));

	handles[2] = good;
	EXPECT_EQ(s, fixedpool_free_bulk(pool, handles + 2, 3, &error), 3);
	EXPECT_EQ(s, error, 0);
	EXPECT_EQ(s, fixedpool_in_use(pool), 0);
}

void bulk_free_stops_at_the_refused_handle(struct scenario *s)
{
	struct fixedpool *pool = scenario_pool(s, "scenario", 64, 5);
	struct fixedpool *other = scenario_pool(s, "scenario-other", 64, 1);
	u64 foreign, stale, beyond;

	if (pool && other && EXPECT(s, fixedpool_alloc(other, &foreign))) {
		EXPECT(s, fixedpool_alloc(pool, &stale));
		EXPECT_EQ(s, fixedpool_free(pool, stale), 0);
		beyond = FIXEDPOOL_HANDLE(1, FIXEDPOOL_HANDLE_SLOT(stale) + 5);

		free_around(s, pool, 0, -EINVAL);
		free_around(s, pool, foreign, -ENXIO);
		free_around(s, pool, beyond, -ERANGE);
		/* All blocks are taken: so is the one of the stale handle. */
		free_around(s, pool, stale, -ESTALE);
		EXPECT_EQ(s, fixedpool_free(other, foreign), 0);
	}
	if (other)
		scenario_pool_end(s, other);
	if (pool)
		scenario_pool_end(s, pool);
}
