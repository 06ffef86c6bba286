/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Revocable pools: what a client maps shows only blocks that it holds.
 *
 * The pages of such a pool have an address space of their own, so that those of
 * a block can be taken out of every process at once, and come in one by one, by
 * faults. Whoever takes a block away from a client clears its bit in what the
 * client holds, then calls revoke_blocks(), and only then lets go of the block
 * or gives it to another. A hold of the kernel's shows in no mapping, so letting
 * go of one needs nothing of this, in any context.
 */
#ifndef FIXEDPOOL_REVOKE_H
#define FIXEDPOOL_REVOKE_H

#include <linux/bitops.h>

#include "pool.h"

int revoke_check(const struct fixedpool_params *params);
void revoke_blocks_slow(struct fixedpool *pool, u32 index, u32 count);

static inline bool revocable(const struct fixedpool *pool)
{
	return pool->flags & FIXEDPOOL_POOL_REVOCABLE;
}

/* See revoke_blocks_slow(), for any pool. */
static inline void revoke_blocks(struct fixedpool *pool, u32 index, u32 count)
{
	if (revocable(pool))
		revoke_blocks_slow(pool, index, count);
}

/* The same for some blocks of a group of 64, one at least. */
static inline void revoke_mask(struct fixedpool *pool, u32 word,
			       unsigned long mask)
{
	u32 first;

	if (!revocable(pool))
		return;
	first = __ffs(mask);
	revoke_blocks_slow(pool, word * POOL_BATCH + first,
			   __fls(mask) - first + 1);
}

#endif /* FIXEDPOOL_REVOKE_H */
