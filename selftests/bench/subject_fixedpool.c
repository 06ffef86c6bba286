// SPDX-License-Identifier: GPL-2.0
/*
 * Pools of fixedpool.ko. A token is a handle, so every free is checked.
 */

#include <linux/fixedpool.h>
#include <linux/string.h>

#include "subject.h"

#define BULK	64U

static __always_inline u64 take(void *pool)
{
	u64 handle;

	return fixedpool_alloc(pool, &handle) ? handle : 0;
}

/* A refusal is seen by the block that stays in use. */
static __always_inline void give(void *pool, u64 token)
{
	fixedpool_free(pool, token);
}

BENCH_LOOPS(fixedpool, take, take, give)

static int fixedpool_bulk(void *pool, unsigned int pairs)
{
	u64 handles[BULK];

	for (; pairs; pairs -= BULK) {
		if (fixedpool_alloc_bulk(pool, handles, BULK) != BULK)
			return -ENOBUFS;
		fixedpool_free_bulk(pool, handles, BULK, NULL);
	}
	return 0;
}

static const struct bench_loops loops = {
	BENCH_LOOPS_OF(fixedpool),
	.bulk = fixedpool_bulk,
};

static void *create(const struct bench_subject *subject, u32 blocks)
{
	struct fixedpool_params params =
		FIXEDPOOL_PARAMS(subject->name, subject->block_size, blocks);

	params.storage = subject->kind;
	return fixedpool_create(&params);
}

static void destroy(void *pool)
{
	fixedpool_destroy(pool);
}

static u32 in_use(void *pool)
{
	return fixedpool_in_use(pool);
}

#define SUBJECT(_name, _block_size, _storage) {	\
	.name = _name,				\
	.block_size = _block_size,		\
	.kind = _storage,			\
	.bulk_name = "bulk-64",			\
	.create = create,			\
	.destroy = destroy,			\
	.in_use = in_use,			\
	.loops = &loops,			\
}

const struct bench_subject bench_subject_pages_64 =
	SUBJECT("pages-64", 64, FIXEDPOOL_STORAGE_PAGES);
const struct bench_subject bench_subject_slab_64 =
	SUBJECT("slab-64", 64, FIXEDPOOL_STORAGE_SLAB);
const struct bench_subject bench_subject_pages_4096 =
	SUBJECT("pages-4096", 4096, FIXEDPOOL_STORAGE_PAGES);
const struct bench_subject bench_subject_slab_4096 =
	SUBJECT("slab-4096", 4096, FIXEDPOOL_STORAGE_SLAB);
