// SPDX-License-Identifier: GPL-2.0
/* The validator finds each kind of damage, and none where there is none. */
#include "audit.h"
#include "pools.h"

#define POOL_ID	7
#define BLOCKS	4096U

static struct fixedpool *make(struct kunit *test)
{
	return pool_for(test, POOL_ID, 64, BLOCKS);
}

/* What is found if clients say that they hold @mask of the first group, and
 * channels that they have @queued handles.
 */
static bool balanced(struct kunit *test, struct fixedpool *pool,
		     unsigned long mask, u64 queued, struct audit_sums *sums)
{
	struct audit audit;
	bool right;

	KUNIT_ASSERT_EQ(test, 0, audit_init(&audit, pool));
	audit_begin(&audit);
	audit_client(&audit, 0, mask);
	audit_end(&audit, queued);
	right = audit_balanced(&audit);
	*sums = audit.sums;
	audit_exit(&audit);
	return right;
}

/* Blocks of the first group, with a hold of each. */
static void take(struct fixedpool *pool, enum holder holder, unsigned int count)
{
	u32 indices[POOL_BATCH];
	u64 handles[POOL_BATCH];

	if (pool_reserve(pool, count, count))
		pool_claim(pool, holder, indices, handles, count);
}

static void an_untouched_pool_balances(struct kunit *test)
{
	struct fixedpool *pool = make(test);
	struct audit_sums sums;

	KUNIT_EXPECT_TRUE(test, balanced(test, pool, 0, 0, &sums));
	KUNIT_EXPECT_EQ(test, sums.term[AUDIT_DEPOT], (u64)BLOCKS);
	pool_exit(pool);
}

static void every_block_is_found_where_it_is(struct kunit *test)
{
	struct fixedpool *pool = make(test);
	struct audit_sums sums;
	u32 taken[300];
	u32 i;

	take(pool, HOLDER_CLIENT, 6);
	take(pool, HOLDER_KERNEL, 3);
	for (i = 0; i < ARRAY_SIZE(taken); i++)
		taken[i] = pool_take(pool);
	for (i = 0; i < ARRAY_SIZE(taken); i++)
		pool_give(pool, taken[i]);
	/* four of the six are a client's; two are in a channel */
	KUNIT_EXPECT_TRUE(test, balanced(test, pool, 0xf, 2, &sums));
	KUNIT_EXPECT_EQ(test, sums.term[AUDIT_CLIENTS], 4ull);
	KUNIT_EXPECT_EQ(test, sums.term[AUDIT_QUEUED], 2ull);
	KUNIT_EXPECT_EQ(test, sums.term[AUDIT_MODULES], 3ull);
	KUNIT_EXPECT_GT(test, sums.term[AUDIT_MAGAZINES], 0ull);
	KUNIT_EXPECT_GT(test, sums.term[AUDIT_RACK], 0ull);
	pool_exit(pool);
}

static void a_block_that_is_nowhere_is_missed(struct kunit *test)
{
	struct fixedpool *pool = make(test);
	struct audit_sums sums;

	take(pool, HOLDER_KERNEL, 2);
	KUNIT_EXPECT_TRUE(test, balanced(test, pool, 0, 0, &sums));
	pool->hot.holds[1] = 0;
	KUNIT_EXPECT_FALSE(test, balanced(test, pool, 0, 0, &sums));
	pool_exit(pool);
}

static void a_block_that_is_free_and_held_is_noticed(struct kunit *test)
{
	struct fixedpool *pool = make(test);
	struct audit_sums sums;

	take(pool, HOLDER_KERNEL, 2);
	depot_give(&pool->depot, 0, BIT(1));
	KUNIT_EXPECT_FALSE(test, balanced(test, pool, 0, 0, &sums));
	KUNIT_EXPECT_EQ(test, sums.twice, 1ull);
	pool_exit(pool);
}

static void a_magazine_with_a_block_of_nowhere_is_noticed(struct kunit *test)
{
	struct fixedpool *pool = make(test);
	struct audit_sums sums;
	int cpu;

	pool_give(pool, pool_take(pool));
	KUNIT_EXPECT_TRUE(test, balanced(test, pool, 0, 0, &sums));
	for_each_possible_cpu(cpu)
		per_cpu_ptr(pool->magazines.cpu, cpu)->index[0] = BLOCKS;
	KUNIT_EXPECT_FALSE(test, balanced(test, pool, 0, 0, &sums));
	KUNIT_EXPECT_EQ(test, sums.foreign, 1ull);
	for_each_possible_cpu(cpu)
		per_cpu_ptr(pool->magazines.cpu, cpu)->index[0] = 0;
	pool_exit(pool);
}

static void a_hold_that_is_nobodys_is_noticed(struct kunit *test)
{
	struct fixedpool *pool = make(test);
	struct audit_sums sums;

	take(pool, HOLDER_CLIENT, 2);
	KUNIT_EXPECT_TRUE(test, balanced(test, pool, 0x3, 0, &sums));
	KUNIT_EXPECT_FALSE(test, balanced(test, pool, 0x1, 0, &sums));
	KUNIT_EXPECT_FALSE(test, balanced(test, pool, 0x1, 2, &sums));
	pool_exit(pool);
}

static void a_client_without_a_hold_is_noticed(struct kunit *test)
{
	struct fixedpool *pool = make(test);
	struct audit_sums sums;

	take(pool, HOLDER_CLIENT, 2);
	KUNIT_EXPECT_FALSE(test, balanced(test, pool, 0x5, 0, &sums));
	KUNIT_EXPECT_EQ(test, sums.foreign, 1ull);
	pool_exit(pool);
}

static void a_wrong_counter_of_the_depot_is_noticed(struct kunit *test)
{
	struct fixedpool *pool = make(test);
	struct audit_sums sums;

	atomic_long_inc(&pool->depot.free);
	KUNIT_EXPECT_FALSE(test, balanced(test, pool, 0, 0, &sums));
	KUNIT_EXPECT_EQ(test, sums.counters, 1ull);
	atomic_long_dec(&pool->depot.free);
	pool_exit(pool);
}

static void what_is_promised_is_no_damage(struct kunit *test)
{
	struct fixedpool *pool = make(test);
	struct audit_sums sums;

	KUNIT_ASSERT_EQ(test, pool_reserve(pool, 70, 70), 70u);
	KUNIT_EXPECT_FALSE(test, balanced(test, pool, 0, 0, &sums));
	KUNIT_EXPECT_EQ(test, sums.promised, 70ull);
	KUNIT_EXPECT_EQ(test, sums.counters, 0ull);
	pool_cancel(pool, 70);
	KUNIT_EXPECT_TRUE(test, balanced(test, pool, 0, 0, &sums));
	pool_exit(pool);
}

static struct kunit_case audit_cases[] = {
	KUNIT_CASE(an_untouched_pool_balances),
	KUNIT_CASE(every_block_is_found_where_it_is),
	KUNIT_CASE(a_block_that_is_nowhere_is_missed),
	KUNIT_CASE(a_block_that_is_free_and_held_is_noticed),
	KUNIT_CASE(a_magazine_with_a_block_of_nowhere_is_noticed),
	KUNIT_CASE(a_hold_that_is_nobodys_is_noticed),
	KUNIT_CASE(a_client_without_a_hold_is_noticed),
	KUNIT_CASE(a_wrong_counter_of_the_depot_is_noticed),
	KUNIT_CASE(what_is_promised_is_no_damage),
	{}
};

static struct kunit_suite audit_suite = {
	.name = "fixedpool_audit",
	.suite_init = pools_begin,
	.suite_exit = pools_end,
	.test_cases = audit_cases,
};
kunit_test_suite(audit_suite);
