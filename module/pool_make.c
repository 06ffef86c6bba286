// SPDX-License-Identifier: GPL-2.0
/* What a pool is made of, and what that weighs. */
#include "pool.h"

#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "shrink.h"

/* What is kept for each block weighs no more than this, if shelves can help it. */
#define BYTES_PER_BLOCK	8ULL

/**
 * pool_versions_bytes() - memory of the version words, whole pages
 * @geo: shape of the pool
 */
u64 pool_versions_bytes(const struct geometry *geo)
{
	return PAGE_ALIGN((u64)geo->blocks * sizeof(u32));
}

/**
 * pool_holds_bytes() - memory of the counts of holds
 * @geo: shape of the pool
 * @which: kind of storage
 *
 * Whole pages where processes can map them.
 */
u64 pool_holds_bytes(const struct geometry *geo, enum fixedpool_storage which)
{
	u64 bytes = (u64)geo->blocks * sizeof(u16);

	return which == FIXEDPOOL_STORAGE_PAGES ? PAGE_ALIGN(bytes) : bytes;
}

/* Where processes see who waits: a page of its own, as they may not write to it. */
static u64 header_bytes(enum fixedpool_storage which)
{
	return which == FIXEDPOOL_STORAGE_PAGES ? PAGE_SIZE : 0;
}

/* What stands in one piece of memory, from the version words on. */
static u64 words_bytes(const struct geometry *geo, enum fixedpool_storage which)
{
	u64 bytes = pool_versions_bytes(geo) + header_bytes(which);

	return which == FIXEDPOOL_STORAGE_PAGES ?
		       bytes + pool_holds_bytes(geo, which) : bytes;
}

/**
 * pool_mapped_bytes() - what of a pool processes can map
 * @geo: shape of the pool
 * @which: kind of storage
 */
u64 pool_mapped_bytes(const struct geometry *geo, enum fixedpool_storage which)
{
	if (which != FIXEDPOOL_STORAGE_PAGES)
		return 0;
	return geometry_data_bytes(geo) + words_bytes(geo, which);
}

/* Everything but the magazines. */
static u64 base_bytes(const struct geometry *geo, enum fixedpool_storage which)
{
	return storage_bytes(geo, which) + depot_bytes(geo->blocks) +
	       pool_versions_bytes(geo) + header_bytes(which) +
	       pool_holds_bytes(geo, which);
}

/* Magazines that the rack has room for: what the other tables leave. */
static u32 shelves(const struct geometry *geo, enum fixedpool_storage which)
{
	u64 used = base_bytes(geo, which) - geometry_data_bytes(geo) +
		   magazines_bytes(geo->blocks, 0);
	u64 limit = geo->blocks * BYTES_PER_BLOCK;
	u32 all = geo->blocks / MAGAZINE_BATCH;

	/* a slab cache has an overhead of its own, which tells nobody its size */
	if (which == FIXEDPOOL_STORAGE_SLAB)
		return all;
	return used < limit ? min_t(u64, div_u64(limit - used, rack_bytes(1)), all) : 0;
}

/*
 * Blocks that there are magazines for. What is done to the blocks of an attended
 * pool is no part of hot paths. Magazines have the size that suits a pool that has
 * grown; until then they are shut whenever that is too much.
 */
static u32 magazine_blocks(const struct geometry *geo, u32 flags)
{
	return flags & ATTENDED_FLAGS ? 0 : geo->blocks;
}

/**
 * pool_bytes() - all the memory that a pool takes that has grown
 * @geo: shape of the pool
 * @which: kind of storage
 * @flags: FIXEDPOOL_POOL_*
 */
u64 pool_bytes(const struct geometry *geo, enum fixedpool_storage which,
	       u32 flags)
{
	u64 tracks = flags & FIXEDPOOL_POOL_TRACK ? tracks_bytes(geo->blocks) :
						    0;

	return base_bytes(geo, which) + tracks +
	       magazines_bytes(magazine_blocks(geo, flags),
			       shelves(geo, which));
}

/**
 * pool_bytes_now() - all the memory that a pool takes
 * @geo: shape of the pool
 * @which: kind of storage
 * @flags: FIXEDPOOL_POOL_*
 * @blocks: how many it has now
 */
u64 pool_bytes_now(const struct geometry *geo, enum fixedpool_storage which,
		   u32 flags, u32 blocks)
{
	u64 missing = geo->chunks - DIV_ROUND_UP_ULL(blocks, geo->chunk_blocks);

	return pool_bytes(geo, which, flags) - missing * geo->chunk_size;
}

/*
 * Versions begin anywhere, so that a handle of an earlier pool that had the
 * same slots, which were handed out in turn, is not taken for one of this pool.
 */
static void versions_init(struct fixedpool *pool)
{
	u32 version = get_random_u32() & ~1U;
	u32 i;

	for (i = 0; i < pool_max_blocks(pool); i++) {
		pool->hot.versions[i] = version;
		if (i % SZ_1M == 0)
			cond_resched();
	}
}

/* Where processes map them, behind what they map else, which is whole pages. */
static u16 *holds_create(const struct geometry *geo,
			 enum fixedpool_storage which, void *behind)
{
	if (which == FIXEDPOOL_STORAGE_PAGES)
		return behind;
	return kvcalloc(geo->blocks, sizeof(u16), POOL_GFP);
}

static void holds_free(struct fixedpool *pool)
{
	if (!pool_mappable(pool))
		kvfree(pool->hot.holds);
}

/**
 * pool_init() - get everything that blocks need
 * @pool: zeroed, but for the shape in @pool->storage.geo and @pool->hot.first_slot
 * @which: kind of storage
 * @reserve: blocks that the mempool must promise
 * @blocks: blocks to begin with
 * @numa_node: node of the memory, or NUMA_NO_NODE
 * @id: the pool's number
 *
 * Context: process; may sleep.
 * Return: 0 or -ENOMEM.
 */
int pool_init(struct fixedpool *pool, enum fixedpool_storage which,
	      u32 reserve, u32 blocks, int numa_node, u32 id)
{
	const struct geometry *geo = pool_geometry(pool);
	int error = -ENOMEM;
	void *behind;

	pool->which = which;
	pool->stats = alloc_percpu_gfp(struct pool_stats, POOL_GFP);
	if (!pool->stats)
		return -ENOMEM;
	/* whole pages of their own, since processes map them */
	pool->hot.versions = __vmalloc(words_bytes(geo, which),
				       POOL_GFP | __GFP_ZERO);
	if (!pool->hot.versions)
		goto free_stats;
	waiting_init(&pool->waiting, &pool->depot);
	behind = (void *)pool->hot.versions + pool_versions_bytes(geo);
	if (header_bytes(which)) {
		pool->header = behind;
		pool->waiting.shown = &pool->header->waiters;
	}
	pool->hot.holds = holds_create(geo, which, behind + header_bytes(which));
	if (!pool->hot.holds)
		goto free_versions;
	error = depot_init(&pool->depot, geo->blocks);
	if (error)
		goto free_holds;
	error = -ENOMEM;
	if (pool->flags & FIXEDPOOL_POOL_TRACK) {
		pool->track = tracks_create(geo->blocks);
		if (!pool->track)
			goto exit_depot;
	}
	error = magazines_init(&pool->magazines, &pool->depot, &pool->waiting,
			       magazine_blocks(geo, pool->flags),
			       shelves(geo, which));
	if (error)
		goto free_track;
	alerts_init(&pool->alerts, &pool->magazines);
	error = storage_init(&pool->storage, which, reserve, blocks, numa_node,
			     id);
	if (error)
		goto exit_magazines;
	pool->hot.magazine = pool->magazines.cpu;
	pool->hot.bases = pool->storage.bases;
	pool->hot.stride = geo->stride;
	pool->hot.reciprocal = geo->reciprocal;
	pool->hot.blocks = geo->blocks;
	versions_init(pool);
	pool->growth.name = pool->name;
	pool->growth.storage = &pool->storage;
	pool->growth.depot = &pool->depot;
	pool->growth.magazines = &pool->magazines;
	pool->growth.charge = &pool->charge;
	pool->growth.flags = pool->flags;
	growth_init(&pool->growth, reserve, blocks);
	if (growth_possible(&pool->growth))
		shrink_add(&pool->growth);
	return 0;

exit_magazines:
	magazines_stop(&pool->magazines);
	magazines_exit(&pool->magazines);
free_track:
	tracks_free(pool->track);
exit_depot:
	depot_exit(&pool->depot);
free_holds:
	holds_free(pool);
free_versions:
	vfree(pool->hot.versions);
free_stats:
	free_percpu(pool->stats);
	return error;
}

/**
 * pool_exit() - undo pool_init()
 * @pool: the pool, which nobody uses any more
 *
 * Context: process; may sleep.
 */
void pool_exit(struct fixedpool *pool)
{
	shrink_remove(&pool->growth);
	growth_exit(&pool->growth);
	waiting_stop(&pool->waiting);
	alerts_stop(&pool->alerts);
	magazines_stop(&pool->magazines);
	storage_exit(&pool->storage);
	magazines_exit(&pool->magazines);
	tracks_free(pool->track);
	depot_exit(&pool->depot);
	holds_free(pool);
	vfree(pool->hot.versions);
	free_percpu(pool->stats);
}
