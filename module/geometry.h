/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where in a pool a block lies: arithmetic only, no memory is touched.
 *
 * Blocks are cut from chunks of equal size. A block never crosses the end of
 * its chunk, so it is contiguous wherever its chunk is; the bytes left over at
 * the end of a chunk are not used.
 */
#ifndef FIXEDPOOL_GEOMETRY_H
#define FIXEDPOOL_GEOMETRY_H

#include <linux/align.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/types.h>
#include <uapi/linux/fixedpool.h>

/* Handle space goes to pools in units of this many slots. */
#define SLOT_UNIT_SHIFT		16
/* Each unit also owns this much of the device's mmap() offsets: 2^16 units of
 * 2^28 bytes end at 2^44, the last byte a 32-bit caller can name.
 */
#define MMAP_UNIT_SHIFT		28
/* Unit 0 is never given away, so that no id, slot range or offset begins at 0. */
#define SLOT_UNITS		65536U

/* Most elements a mempool_t can promise: it keeps them in one kmalloc() array. */
#define GEOMETRY_MAX_CHUNKS	262144U

/**
 * struct geometry - the shape of a pool
 * @block_size: usable bytes of a block
 * @align: alignment of a block, bytes
 * @stride: bytes from one block of a chunk to the next
 * @blocks: blocks in the pool, when it has grown as far as it may
 * @chunk_limit: most blocks that a chunk should have
 * @chunk_blocks: blocks in a chunk
 * @chunks: chunks in the pool, when it has grown as far as it may
 * @chunk_order: log2 of the pages of a chunk; meaningful for page storage
 * @chunk_size: bytes of a chunk
 * @reciprocal: floor((2^64 - 1) / @chunk_blocks), see geometry_chunk()
 */
struct geometry {
	u32 block_size;
	u32 align;
	u32 stride;
	u32 blocks;
	u32 chunk_limit;
	u32 chunk_blocks;
	u32 chunks;
	unsigned int chunk_order;
	u32 chunk_size;
	u64 reciprocal;
};

int geometry_init(struct geometry *geo, enum fixedpool_storage storage,
		  u32 block_size, u32 align, u32 blocks);
int geometry_init_growing(struct geometry *geo, enum fixedpool_storage storage,
			  u32 block_size, u32 align, u32 blocks,
			  u32 max_blocks);
void geometry_colour(struct geometry *geo);
u64 geometry_data_bytes(const struct geometry *geo);
u32 geometry_units(const struct geometry *geo, u64 mmap_bytes);

/*
 * The chunk of a block: index / chunk_blocks by one multiplication. With
 * m = floor((2^64 - 1) / d), floor(m * (n + 1) / 2^64) is floor(n / d) for all
 * n and d below 2^32. m is short of 2^64 / d by at most 1, so the product is
 * short of (n + 1) / d by a little, at most (n + 1) / 2^64 < 1 / d. That moves
 * it below an integer only where (n + 1) / d is one, and there floor(n / d) is
 * one less indeed. d = 1 needs no case of its own. (After Granlund and
 * Montgomery, "Division by Invariant Integers using Multiplication", 1994.)
 */
static inline u32 geometry_chunk(const struct geometry *geo, u32 index)
{
	return mul_u64_u64_shr(geo->reciprocal, (u64)index + 1, 64);
}

/* One more than the last block of a chunk. */
static inline u32 geometry_chunk_end(const struct geometry *geo, u32 chunk)
{
	return min_t(u64, (chunk + 1ULL) * geo->chunk_blocks, geo->blocks);
}

/* The first byte of a block, counted from the first byte of its chunk. */
static inline u32 geometry_offset(const struct geometry *geo, u32 index,
				  u32 chunk)
{
	return (index - chunk * geo->chunk_blocks) * geo->stride;
}

#endif /* FIXEDPOOL_GEOMETRY_H */
