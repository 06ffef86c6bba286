// SPDX-License-Identifier: GPL-2.0
/* Sets: in which order pools are asked, and what is counted of it. */
#include <linux/err.h>

#include "pools.h"
#include "set.h"

#define POOLS	4

/* Two of one size; as they are given, and as the set has them. */
static const u32 sizes[POOLS] = { 1000, 64, 256, 64 };
static const u32 order[POOLS] = { 1, 3, 2, 0 };
static const u32 blocks[POOLS] = { 100, 10, 20, 10 };

struct world {
	struct fixedpool *pools[POOLS];
	struct fixedpool_set *set;
};

static void begin(struct kunit *test, struct world *world)
{
	u32 i;

	for (i = 0; i < POOLS; i++) {
		world->pools[i] = pool_for(test, 10 + i, sizes[i], blocks[i]);
		refcount_set(&world->pools[i]->refs, 1);
	}
	world->set = set_create("set", world->pools, POOLS, false);
	KUNIT_ASSERT_FALSE(test, IS_ERR(world->set));
}

static void end(struct kunit *test, struct world *world)
{
	u32 i;

	set_unlink(world->set);
	set_put(world->set);
	for (i = 0; i < POOLS; i++) {
		KUNIT_EXPECT_EQ(test, refcount_read(&world->pools[i]->refs), 1u);
		KUNIT_EXPECT_EQ(test, pool_in_use(world->pools[i]), 0u);
		KUNIT_EXPECT_TRUE(test, pool_valid(world->pools[i]));
		pool_exit(world->pools[i]);
	}
}

static struct fixedpool *ordered(struct world *world, u32 i)
{
	return world->pools[order[i]];
}

static void pools_are_in_the_order_of_their_sizes(struct kunit *test)
{
	struct world world;
	u32 i;

	begin(test, &world);
	for (i = 0; i < POOLS; i++)
		KUNIT_EXPECT_PTR_EQ(test, world.set->pools[i],
				    ordered(&world, i));
	KUNIT_EXPECT_EQ(test, set_first(world.set, 1), 0u);
	KUNIT_EXPECT_EQ(test, set_first(world.set, 64), 0u);
	KUNIT_EXPECT_EQ(test, set_first(world.set, 65), 2u);
	KUNIT_EXPECT_EQ(test, set_first(world.set, 257), 3u);
	KUNIT_EXPECT_EQ(test, set_first(world.set, 1000), 3u);
	KUNIT_EXPECT_EQ(test, set_first(world.set, 1001), 4u);
	KUNIT_EXPECT_EQ(test, set_largest(world.set), 1000u);
	end(test, &world);
}

static void a_pool_twice_or_none_or_no_name_or_a_taken_one_is_refused(struct kunit *test)
{
	struct world world;
	struct fixedpool *twice[2];

	begin(test, &world);
	twice[0] = world.pools[0];
	twice[1] = world.pools[0];
	KUNIT_EXPECT_EQ(test, -EINVAL,
			(int)PTR_ERR(set_create("a", twice, 2, false)));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			(int)PTR_ERR(set_create("a", twice, 0, false)));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			(int)PTR_ERR(set_create("", twice, 1, false)));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			(int)PTR_ERR(set_create(NULL, twice, 1, false)));
	KUNIT_EXPECT_EQ(test, -EEXIST,
			(int)PTR_ERR(set_create("set", twice, 1, false)));
	end(test, &world);
}

static void give_all(struct world *world, const struct set_share *share)
{
	set_cancel(world->set, share);
}

static void the_smallest_gives_first_and_the_next_what_is_missing(struct kunit *test)
{
	struct set_share share;
	struct world world;

	begin(test, &world);
	KUNIT_EXPECT_EQ(test, set_reserve(world.set, 60, 15, 15, &share), 15u);
	KUNIT_EXPECT_EQ(test, share.first, 0u);
	KUNIT_EXPECT_EQ(test, share.blocks[0], 10u);
	KUNIT_EXPECT_EQ(test, share.blocks[1], 5u);
	KUNIT_EXPECT_EQ(test, share.blocks[2], 0u);
	KUNIT_EXPECT_EQ(test, share.blocks[3], 0u);
	give_all(&world, &share);
	KUNIT_EXPECT_EQ(test, set_reserve(world.set, 65, 1, 500, &share), 120u);
	KUNIT_EXPECT_EQ(test, share.first, 2u);
	KUNIT_EXPECT_EQ(test, share.blocks[2], 20u);
	KUNIT_EXPECT_EQ(test, share.blocks[3], 100u);
	/* all that is big enough is taken, and what is not is no use */
	KUNIT_EXPECT_EQ(test, pool_in_use(ordered(&world, 0)), 0u);
	KUNIT_EXPECT_EQ(test, pool_in_use(ordered(&world, 3)), 100u);
	give_all(&world, &share);
	end(test, &world);
}

static void fewer_than_are_of_use_are_not_taken(struct kunit *test)
{
	struct set_share share;
	struct world world;

	begin(test, &world);
	KUNIT_EXPECT_EQ(test, set_reserve(world.set, 1, 141, 141, &share), 0u);
	KUNIT_EXPECT_EQ(test, set_reserve(world.set, 1001, 1, 1, &share), 0u);
	KUNIT_EXPECT_EQ(test, set_reserve(world.set, 1, 140, 141, &share), 140u);
	KUNIT_EXPECT_EQ(test, set_reserve(world.set, 1, 1, 1, &share), 0u);
	share.first = 0;
	share.blocks[0] = 10;
	share.blocks[1] = 10;
	share.blocks[2] = 20;
	share.blocks[3] = 100;
	give_all(&world, &share);
	end(test, &world);
}

static void expect_counts(struct kunit *test, struct world *world, u32 i,
			  u64 fallbacks, u64 overflows)
{
	struct fixedpool *pool = ordered(world, i);

	KUNIT_EXPECT_EQ(test, pool_counter(pool, POOL_FALLBACKS), fallbacks);
	KUNIT_EXPECT_EQ(test, pool_counter(pool, POOL_OVERFLOWS), overflows);
}

static void what_goes_past_a_pool_is_counted_on_both_sides(struct kunit *test)
{
	struct set_share share = { .first = 1, .blocks = { 0, 3, 2, 7 } };
	struct world world;

	begin(test, &world);
	set_count(world.set, &share);
	expect_counts(test, &world, 0, 0, 0);
	expect_counts(test, &world, 1, 0, 9);
	expect_counts(test, &world, 2, 2, 7);
	expect_counts(test, &world, 3, 7, 0);
	set_count_one(world.set, 0, 0);
	set_count_one(world.set, 0, 2);
	expect_counts(test, &world, 0, 0, 1);
	expect_counts(test, &world, 1, 0, 10);
	expect_counts(test, &world, 2, 3, 7);
	expect_counts(test, &world, 3, 7, 0);
	end(test, &world);
}

static void a_handle_leads_to_its_pool(struct kunit *test)
{
	struct world world;
	u32 i;

	begin(test, &world);
	for (i = 0; i < POOLS; i++) {
		u64 handle = FIXEDPOOL_HANDLE(1, world.pools[i]->hot.first_slot +
						 blocks[i] - 1);

		KUNIT_EXPECT_PTR_EQ(test, set_pool_of(world.set, handle),
				    world.pools[i]);
	}
	KUNIT_EXPECT_NULL(test, set_pool_of(world.set, 0));
	KUNIT_EXPECT_NULL(test, set_pool_of(world.set,
					    FIXEDPOOL_HANDLE(1, (10 + POOLS)
							     << SLOT_UNIT_SHIFT)));
	end(test, &world);
}

static struct kunit_case set_cases[] = {
	KUNIT_CASE(pools_are_in_the_order_of_their_sizes),
	KUNIT_CASE(a_pool_twice_or_none_or_no_name_or_a_taken_one_is_refused),
	KUNIT_CASE(the_smallest_gives_first_and_the_next_what_is_missing),
	KUNIT_CASE(fewer_than_are_of_use_are_not_taken),
	KUNIT_CASE(what_goes_past_a_pool_is_counted_on_both_sides),
	KUNIT_CASE(a_handle_leads_to_its_pool),
	{}
};

static struct kunit_suite set_suite = {
	.name = "fixedpool_set",
	.suite_init = pools_begin,
	.suite_exit = pools_end,
	.test_cases = set_cases,
};
kunit_test_suite(set_suite);
