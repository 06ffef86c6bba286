// SPDX-License-Identifier: GPL-2.0
/* Pools under a mempool_t; see <linux/fixedpool.h>. */
#include <linux/fixedpool.h>

#include "compat.h"
#include "pool.h"

/**
 * fixedpool_mempool_alloc() - a mempool_alloc_t that takes blocks of a pool
 * @gfp: not looked at: nothing is allocated here, and nobody waits
 * @pool_data: the struct fixedpool
 *
 * For mempool_create(min_nr, fixedpool_mempool_alloc, fixedpool_mempool_free,
 * pool). The mempool takes @min_nr blocks at once and keeps them for itself;
 * beyond those it competes for blocks with all others. Waiting, for callers
 * that may sleep, is the mempool's: it ends with a mempool_free(). A block that
 * somebody else gives back to the pool is noticed by such a waiter after five
 * seconds, the mempool's own interval.
 *
 * Context: Any, NMI included.
 * Return: A block, or NULL if none is free.
 */
void *fixedpool_mempool_alloc(gfp_t gfp, void *pool_data)
{
	u64 handle;
	void *block = fixedpool_alloc(pool_data, &handle);

	if (block)
		pool_note_taker(pool_data, handle, _RET_IP_);
	return block;
}
FIXEDPOOL_EXPORT(fixedpool_mempool_alloc);

/**
 * fixedpool_mempool_free() - a mempool_free_t that gives blocks back
 * @element: from fixedpool_mempool_alloc()
 * @pool_data: the struct fixedpool
 *
 * What is no such element is a mistake of the caller, and leaves a warning.
 *
 * Context: Any, NMI included.
 */
void fixedpool_mempool_free(void *element, void *pool_data)
{
	WARN_ON_ONCE(fixedpool_free_block(pool_data, element));
}
FIXEDPOOL_EXPORT(fixedpool_mempool_free);
