// SPDX-License-Identifier: GPL-2.0
/* What a pool has counted, and whether that adds up. */
#include "pool.h"

#include <linux/percpu.h>

/**
 * pool_allocs() - blocks handed out since the pool was made
 * @pool: the pool
 *
 * Context: any.
 */
u64 pool_allocs(const struct fixedpool *pool)
{
	const struct magazines *mags = &pool->magazines;

	return magazines_taken(mags) +
	       magazines_path(mags, PATH_TAKEN_LOADING) +
	       magazines_path(mags, PATH_TAKEN_PAST) +
	       pool_counter(pool, POOL_CLAIMS);
}

/**
 * pool_frees() - blocks that became free since the pool was made
 * @pool: the pool
 *
 * All that were handed out and are not in use: so it need not be counted.
 *
 * Context: any.
 */
u64 pool_frees(const struct fixedpool *pool)
{
	u64 allocs = pool_allocs(pool);

	return allocs - min_t(u64, pool_in_use(pool), allocs);
}

/**
 * pool_counter() - sum up a counter of all CPUs
 * @pool: the pool
 * @which: the counter
 *
 * Context: any.
 * Return: the sum; what is counted meanwhile may be in it or not.
 */
u64 pool_counter(const struct fixedpool *pool, enum pool_counter which)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu_ptr(pool->stats, cpu)->counters[which]);
	return sum;
}

/**
 * pool_valid() - do the books balance
 * @pool: the pool, which nobody works on meanwhile
 *
 * Context: process; O(blocks).
 */
bool pool_valid(const struct fixedpool *pool)
{
	u32 held = 0;
	u32 i;

	for (i = 0; i < pool_max_blocks(pool); i++)
		held += pool_allocated(pool, i);
	return depot_valid(&pool->depot) &&
	       depot_free(&pool->depot) + magazines_cached(&pool->magazines) +
			       held == pool_blocks(pool);
}
