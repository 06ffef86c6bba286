// SPDX-License-Identifier: GPL-2.0
/* Choosing the shape of a pool from what its creator asked for. */
#include "geometry.h"

#include <linux/cache.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/log2.h>
#include <linux/mm.h>

/* A chunk is no larger than this, unless one block or the number of chunks
 * asks for it: the page allocator finds small runs more easily.
 */
#define CHUNK_ORDER_SOFT_MAX	4
#define CHUNK_ORDER_HARD_MAX	(ilog2(FIXEDPOOL_MAX_BLOCK_SIZE) - PAGE_SHIFT)
/* A chunk is large enough once it holds this many blocks, so that what is kept
 * for each chunk weighs little for each block ...
 */
#define CHUNK_BLOCKS_ENOUGH	16
/* ... and this share of it, or less, is left over. */
#define CHUNK_WASTE_SHARE	16
/* A pool has no more chunks than this, as long as chunks can grow. */
#define CHUNKS_SOFT_MAX		16384
/* A pool that grows does so in this many steps or more, unless a step would be
 * less than it begins with, or than a page.
 */
#define GROWTH_STEPS		64

#define DEFAULT_ALIGN		8U

/* Blocks whose distance is a multiple of this begin in a quarter of the sets of
 * a cache, or in fewer: sets take lines in turn.
 */
#define COLOUR_PERIOD		(4 * L1_CACHE_BYTES)

static void shape_chunks(struct geometry *geo, unsigned int order)
{
	geo->chunk_order = order;
	geo->chunk_size = PAGE_SIZE << order;
	geo->chunk_blocks = geo->chunk_size / geo->stride;
	geo->chunks = DIV_ROUND_UP_ULL(geo->blocks, geo->chunk_blocks);
}

static u32 chunk_waste(const struct geometry *geo)
{
	return geo->chunk_size - geo->chunk_blocks * geo->stride;
}

static bool chunk_good(const struct geometry *geo)
{
	if (geo->chunks == 1)
		return true;
	return geo->chunk_blocks >= CHUNK_BLOCKS_ENOUGH &&
	       chunk_waste(geo) <= geo->chunk_size / CHUNK_WASTE_SHARE;
}

static int geometry_init_pages(struct geometry *geo)
{
	unsigned int smallest = get_order(geo->stride);
	unsigned int order, best = smallest;
	u64 best_waste = U64_MAX;

	for (order = smallest; order <= CHUNK_ORDER_HARD_MAX; order++) {
		u64 waste;

		shape_chunks(geo, order);
		if (order > CHUNK_ORDER_SOFT_MAX && order > smallest &&
		    best_waste != U64_MAX)
			break;
		if (geo->chunk_blocks > geo->chunk_limit &&
		    best_waste != U64_MAX)
			break;
		if (geo->chunks > CHUNKS_SOFT_MAX &&
		    order < CHUNK_ORDER_HARD_MAX)
			continue;
		/* in parts of the largest chunk, to compare orders */
		waste = (u64)chunk_waste(geo) << (CHUNK_ORDER_HARD_MAX - order);
		if (waste < best_waste) {
			best_waste = waste;
			best = order;
		}
		if (chunk_good(geo)) {
			best = order;
			break;
		}
	}
	shape_chunks(geo, best);
	return geo->chunks > GEOMETRY_MAX_CHUNKS ? -EOVERFLOW : 0;
}

static int geometry_init_slab(struct geometry *geo)
{
	if (geo->block_size > FIXEDPOOL_MAX_SLAB_BLOCK_SIZE)
		return -EINVAL;
	if (geo->blocks > GEOMETRY_MAX_CHUNKS)
		return -EOVERFLOW;
	geo->chunk_order = 0;
	/* what an object of a slab cache takes at least */
	geo->chunk_size = max_t(u32, geo->stride, sizeof(void *));
	geo->chunk_blocks = 1;
	geo->chunks = geo->blocks;
	return 0;
}

/**
 * geometry_init() - choose the shape of a pool that does not grow
 * @geo: what is filled in
 * @storage: where the blocks come from
 * @block_size: usable bytes of a block
 * @align: alignment in bytes, zero: 8
 * @blocks: number of blocks
 *
 * Return: as geometry_init_growing().
 */
int geometry_init(struct geometry *geo, enum fixedpool_storage storage,
		  u32 block_size, u32 align, u32 blocks)
{
	return geometry_init_growing(geo, storage, block_size, align, blocks,
				     blocks);
}

/**
 * geometry_init_growing() - choose the shape of a pool
 * @geo: what is filled in
 * @storage: where the blocks come from
 * @block_size: usable bytes of a block
 * @align: alignment in bytes, zero: 8
 * @blocks: number of blocks to begin with
 * @max_blocks: number of blocks to grow to, at least @blocks
 *
 * Return: 0; -EINVAL if a value is out of its range; -EOVERFLOW if the pool
 * does not fit the handle, offset or chunk space.
 */
int geometry_init_growing(struct geometry *geo, enum fixedpool_storage storage,
			  u32 block_size, u32 align, u32 blocks,
			  u32 max_blocks)
{
	int error;

	if (!align)
		align = DEFAULT_ALIGN;
	if (!block_size || block_size > FIXEDPOOL_MAX_BLOCK_SIZE)
		return -EINVAL;
	if (!is_power_of_2(align) || align > PAGE_SIZE)
		return -EINVAL;
	if (!blocks)
		return -EINVAL;

	*geo = (struct geometry) {
		.block_size = block_size,
		.align = align,
		.stride = ALIGN(block_size, align),
		.blocks = max_blocks,
		.chunk_limit = max_blocks > blocks ?
				       max(blocks, max_blocks / GROWTH_STEPS) :
				       U32_MAX,
	};
	switch (storage) {
	case FIXEDPOOL_STORAGE_PAGES:
		error = geometry_init_pages(geo);
		break;
	case FIXEDPOOL_STORAGE_SLAB:
		error = geometry_init_slab(geo);
		break;
	default:
		error = -EINVAL;
		break;
	}
	if (error)
		return error;
	geo->reciprocal = div_u64(U64_MAX, geo->chunk_blocks);
	return 0;
}

/**
 * geometry_colour() - spread the blocks over all sets of the caches
 * @geo: from geometry_init(), of page storage
 *
 * By one more line of the cache from each block to the next, so that their
 * first bytes, which are used the most, do not drive each other out. Where that
 * would take a third more memory, as for few blocks or for large ones, and
 * where a block has pages of its own, the shape stays what it is.
 */
void geometry_colour(struct geometry *geo)
{
	struct geometry coloured = *geo;

	if (geo->align >= PAGE_SIZE || geo->stride % COLOUR_PERIOD)
		return;
	coloured.stride += max_t(u32, geo->align, L1_CACHE_BYTES);
	if (geometry_init_pages(&coloured) ||
	    geometry_data_bytes(&coloured) * 3 >= geometry_data_bytes(geo) * 4)
		return;
	coloured.reciprocal = div_u64(U64_MAX, coloured.chunk_blocks);
	*geo = coloured;
}

/**
 * geometry_data_bytes() - bytes of all chunks together
 * @geo: the shape
 */
u64 geometry_data_bytes(const struct geometry *geo)
{
	return (u64)geo->chunks * geo->chunk_size;
}

/**
 * geometry_units() - units of handle and offset space a pool needs
 * @geo: the shape
 * @mmap_bytes: bytes of all its regions that can be mapped
 *
 * Return: the number, up to SLOT_UNITS - 1, or 0 if it would be more.
 */
u32 geometry_units(const struct geometry *geo, u64 mmap_bytes)
{
	u64 slots = DIV_ROUND_UP_ULL(geo->blocks, 1U << SLOT_UNIT_SHIFT);
	u64 maps = DIV_ROUND_UP_ULL(mmap_bytes, 1U << MMAP_UNIT_SHIFT);
	u64 units = max(slots, maps);

	return units < SLOT_UNITS ? units : 0;
}
