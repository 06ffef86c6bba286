// SPDX-License-Identifier: GPL-2.0
/*
 * A mempool_t over a slab cache.
 */

#include <linux/err.h>
#include <linux/mempool.h>
#include <linux/slab.h>

#include "subject.h"

/* Elements in reserve: the cache gives all blocks, and this is never touched. */
#define RESERVE	64

#ifndef SLAB_NO_MERGE
#define SLAB_NO_MERGE	0
#endif

static __always_inline u64 take(void *pool)
{
	return (uintptr_t)mempool_alloc(pool, GFP_KERNEL);
}

static __always_inline u64 take_atomic(void *pool)
{
	return (uintptr_t)mempool_alloc(pool, GFP_NOWAIT);
}

static __always_inline void give(void *pool, u64 token)
{
	mempool_free((void *)(uintptr_t)token, pool);
}

BENCH_LOOPS(mempool, take, take_atomic, give)

static const struct bench_loops loops = {
	BENCH_LOOPS_OF(mempool),
};

static void *create(const struct bench_subject *subject, u32 blocks)
{
	struct kmem_cache *cache;
	mempool_t *pool;

	cache = kmem_cache_create(subject->name, subject->block_size, 0,
				  SLAB_NO_MERGE, NULL);
	if (!cache)
		return ERR_PTR(-ENOMEM);
	pool = mempool_create_slab_pool(RESERVE, cache);
	if (!pool) {
		kmem_cache_destroy(cache);
		return ERR_PTR(-ENOMEM);
	}
	return pool;
}

static void destroy(void *pool)
{
	struct kmem_cache *cache = ((mempool_t *)pool)->pool_data;

	mempool_destroy(pool);
	kmem_cache_destroy(cache);
}

const struct bench_subject bench_subject_mempool_64 = {
	.name = "mempool-64",
	.block_size = 64,
	.create = create,
	.destroy = destroy,
	.loops = &loops,
};
