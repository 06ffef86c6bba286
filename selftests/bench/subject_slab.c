// SPDX-License-Identifier: GPL-2.0
/*
 * A slab cache of its own; GFP_KERNEL, as a driver would use it from a
 * process.
 */

#include <linux/err.h>
#include <linux/slab.h>

#include "subject.h"

#define BULK	16U

/* Without it a cache with a constructor is not merged either. */
#ifndef SLAB_NO_MERGE
#define SLAB_NO_MERGE	0
#endif

static __always_inline u64 take(void *pool)
{
	return (uintptr_t)kmem_cache_alloc(pool, GFP_KERNEL);
}

static __always_inline u64 take_atomic(void *pool)
{
	return (uintptr_t)kmem_cache_alloc(pool, GFP_NOWAIT);
}

static __always_inline void give(void *pool, u64 token)
{
	kmem_cache_free(pool, (void *)(uintptr_t)token);
}

BENCH_LOOPS(slab, take, take_atomic, give)

static int slab_bulk(void *pool, unsigned int pairs)
{
	void *objects[BULK];

	for (; pairs; pairs -= BULK) {
		if (kmem_cache_alloc_bulk(pool, GFP_KERNEL, BULK, objects) !=
		    BULK)
			return -ENOBUFS;
		kmem_cache_free_bulk(pool, BULK, objects);
	}
	return 0;
}

static const struct bench_loops loops = {
	BENCH_LOOPS_OF(slab),
	.bulk = slab_bulk,
};

static void *create(const struct bench_subject *subject, u32 blocks)
{
	struct kmem_cache *cache;

	cache = kmem_cache_create(subject->name, subject->block_size, 0,
				  SLAB_NO_MERGE, NULL);
	return cache ?: ERR_PTR(-ENOMEM);
}

static void destroy(void *pool)
{
	kmem_cache_destroy(pool);
}

#define SUBJECT(_name, _block_size) {	\
	.name = _name,			\
	.block_size = _block_size,	\
	.bulk_name = "bulk-16",		\
	.create = create,		\
	.destroy = destroy,		\
	.loops = &loops,		\
}

const struct bench_subject bench_subject_kmem_cache_64 =
	SUBJECT("kmem_cache-64", 64);
const struct bench_subject bench_subject_kmem_cache_4096 =
	SUBJECT("kmem_cache-4096", 4096);
