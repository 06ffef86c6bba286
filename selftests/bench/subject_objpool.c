// SPDX-License-Identifier: GPL-2.0
/*
 * lib/objpool.c, where the kernel has it.
 */

#include <linux/err.h>
#include <linux/slab.h>

#include "subject.h"

#ifdef HAVE_OBJPOOL
#include <linux/objpool.h>

static __always_inline u64 take(void *pool)
{
	return (uintptr_t)objpool_pop(pool);
}

static __always_inline void give(void *pool, u64 token)
{
	objpool_push((void *)(uintptr_t)token, pool);
}

BENCH_LOOPS(objpool, take, take, give)

static const struct bench_loops loops = {
	BENCH_LOOPS_OF(objpool),
};

static int init_object(void *object, void *context)
{
	return 0;
}

static int release(struct objpool_head *pool, void *context)
{
	kfree(pool);
	return 0;
}

static void *create(const struct bench_subject *subject, u32 blocks)
{
	struct objpool_head *pool = kzalloc(sizeof(*pool), GFP_KERNEL);
	int err;

	if (!pool)
		return ERR_PTR(-ENOMEM);
	err = objpool_init(pool, blocks, subject->block_size, GFP_KERNEL, NULL,
			   init_object, release);
	if (err) {
		kfree(pool);
		return ERR_PTR(err);
	}
	return pool;
}

/* release() runs when the last object is back, which it is. */
static void destroy(void *pool)
{
	objpool_fini(pool);
}
#else
static const struct bench_loops loops;

static void *create(const struct bench_subject *subject, u32 blocks)
{
	return ERR_PTR(-EOPNOTSUPP);
}

static void destroy(void *pool)
{
}
#endif

const struct bench_subject bench_subject_objpool_64 = {
	.name = "objpool-64",
	.block_size = 64,
	.create = create,
	.destroy = destroy,
	.loops = &loops,
};
