// SPDX-License-Identifier: GPL-2.0
/* Taking blocks out of processes; see revoke.h. */
#include "revoke.h"

#include <linux/errno.h>
#include <linux/fs.h>
#include <linux/mm.h>

/**
 * revoke_check() - can a pool be what it is to be
 * @params: what it is to be
 *
 * Return: 0; -EINVAL if it is to be revocable and its blocks are not whole
 * pages of page storage.
 */
int revoke_check(const struct fixedpool_params *params)
{
	if (!(params->flags & FIXEDPOOL_POOL_REVOCABLE))
		return 0;
	if (params->storage != FIXEDPOOL_STORAGE_PAGES)
		return -EINVAL;
	if (params->block_size % PAGE_SIZE)
		return -EINVAL;
	if (params->align != PAGE_SIZE)
		return -EINVAL;
	return 0;
}

/* Where a block begins in the device. */
static loff_t block_at(const struct fixedpool *pool, u32 index)
{
	const struct geometry *geo = pool_geometry(pool);
	u32 chunk = geometry_chunk(geo, index);

	return ((loff_t)pool->id << MMAP_UNIT_SHIFT) +
	       (loff_t)chunk * geo->chunk_size +
	       geometry_offset(geo, index, chunk);
}

/**
 * revoke_blocks_slow() - take blocks out of all processes
 * @pool: a revocable pool
 * @index: the first block
 * @count: how many, at least 1; beyond the end of the pool there may be none
 *
 * Those who hold one of them get it back by a fault. When this is done, those
 * do not have it whose bit was clear before.
 *
 * Context: process; may sleep.
 */
void revoke_blocks_slow(struct fixedpool *pool, u32 index, u32 count)
{
	u32 last = min(index + count, pool_geometry(pool)->blocks) - 1;
	loff_t from = block_at(pool, index);
	struct inode *inode;

	/* Pairs with the cmpxchg() that publishes the inode: we see it here, or
	 * faults of its first mapping see the bit that our caller has cleared.
	 */
	smp_mb();
	inode = READ_ONCE(pool->inode);
	if (!inode)
		return;
	/* A fault holds this lock, shared, from its look at the bit until the
	 * page is in. So those who saw it set are done, and what they put in
	 * goes here; those who come later see it clear.
	 */
	filemap_invalidate_lock(inode->i_mapping);
	unmap_mapping_range(inode->i_mapping, from,
			    block_at(pool, last) + pool_geometry(pool)->stride -
				    from, 1);
	filemap_invalidate_unlock(inode->i_mapping);
}
