// SPDX-License-Identifier: GPL-2.0
/* Chunks out of a mempool, and blocks out of chunks; see storage.h. */
#include "storage.h"

#include <linux/err.h>
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

static void *chunk_alloc(gfp_t gfp, void *data)
{
	struct storage *storage = data;

	/* Only creating a pool gets here, which may sleep and wants a clean
	 * failure, so the flags that mempool_alloc() weakens are not used.
	 */
	if (storage->sealed || fatal_signal_pending(current))
		return NULL;
	cond_resched();
	return storage->kind->alloc(storage);
}

static void chunk_free(void *element, void *data)
{
	struct storage *storage = data;

	storage->kind->free(storage, element);
	cond_resched();
}

static void release_chunks(struct storage *storage, u32 count)
{
	while (count--)
		mempool_free(storage_chunk(storage, count), &storage->mempool);
}

/*
 * Puts all chunks of the pool in the table. The first @promised come from what
 * the mempool has allocated in advance. mempool_alloc() asks the allocator
 * before it touches those, so the allocator is sealed meanwhile.
 */
static int take_chunks(struct storage *storage, u32 promised)
{
	u32 i;

	for (i = 0; i < storage->geo.chunks; i++) {
		void *chunk;

		storage->sealed = i < promised;
		/* without __GFP_DIRECT_RECLAIM it fails instead of waiting */
		chunk = mempool_alloc(&storage->mempool, GFP_NOWAIT);
		if (!chunk) {
			release_chunks(storage, i);
			return -ENOMEM;
		}
		storage->bases[i] = (unsigned long)chunk -
				    storage_bias(storage, i);
		storage->kind->placed(storage, i);
	}
	storage->sealed = true;
	return 0;
}

/**
 * storage_init() - get the memory of a pool
 * @storage: zeroed, but for @storage->geo
 * @which: where the blocks come from
 * @reserve: blocks that the mempool must promise
 * @numa_node: node of the memory, or NUMA_NO_NODE
 * @id: the pool's number, for the name of a cache
 *
 * The memory is zeroed.
 *
 * Context: process; may sleep.
 * Return: 0 or -ENOMEM.
 */
int storage_init(struct storage *storage, enum fixedpool_storage which,
		 u32 reserve, int numa_node, u32 id)
{
	u32 promised = DIV_ROUND_UP_ULL(reserve, storage->geo.chunk_blocks);
	int error;

	storage->kind = which == FIXEDPOOL_STORAGE_SLAB ? &storage_slab :
							  &storage_pages;
	storage->numa_node = numa_node;
	storage->bases = kvcalloc(storage->geo.chunks, sizeof(*storage->bases),
				  POOL_GFP);
	if (!storage->bases)
		return -ENOMEM;
	error = storage->kind->init(storage, id);
	if (error)
		goto free_table;
	error = mempool_init_node(&storage->mempool, promised, chunk_alloc,
				  chunk_free, storage, POOL_GFP, numa_node);
	if (error)
		goto exit_kind;
	error = take_chunks(storage, promised);
	if (error)
		goto exit_mempool;
	return 0;

exit_mempool:
	mempool_exit(&storage->mempool);
exit_kind:
	storage->kind->exit(storage);
free_table:
	kvfree(storage->bases);
	return error;
}

/**
 * storage_exit() - give the memory of a pool back
 * @storage: the storage, which nobody uses any more
 *
 * A page that somebody has pinned stays, with the rest of its chunk, until the
 * pin goes; nothing but the memory cgroup is charged for it then.
 *
 * Context: process; may sleep.
 */
void storage_exit(struct storage *storage)
{
	release_chunks(storage, storage->geo.chunks);
	mempool_exit(&storage->mempool);
	storage->kind->exit(storage);
	kvfree(storage->bases);
}

/**
 * storage_bytes() - memory that a pool's blocks and their tables take
 * @geo: shape of the pool
 * @which: where the blocks come from
 *
 * What a slab cache itself leaves unused of its pages is not counted.
 */
u64 storage_bytes(const struct geometry *geo, enum fixedpool_storage which)
{
	u64 bytes = geometry_data_bytes(geo);

	/* the table, and the mempool's own */
	bytes += (u64)geo->chunks * 2 * sizeof(void *);
	if (which == FIXEDPOOL_STORAGE_SLAB)
		bytes += roundup_pow_of_two(geo->chunks * 2ULL) * sizeof(u32);
	return bytes;
}

/**
 * storage_find() - the block that begins at an address
 * @storage: the storage
 * @address: any address whatsoever
 * @index: set to the block's index
 *
 * Context: any; O(1).
 * Return: true if a block of this pool begins there.
 */
bool storage_find(const struct storage *storage, const void *address,
		  u32 *index)
{
	const struct geometry *geo = &storage->geo;
	unsigned long offset;
	u32 chunk;

	if (!virt_addr_valid(address))
		return false;
	chunk = storage->kind->find(storage, address);
	if (chunk >= geo->chunks)
		return false;
	offset = (unsigned long)address -
		 (unsigned long)storage_chunk(storage, chunk);
	if (offset >= geo->chunk_blocks * geo->stride || offset % geo->stride)
		return false;
	*index = chunk * geo->chunk_blocks + offset / geo->stride;
	return *index < geo->blocks;
}

/**
 * storage_page() - a page of the blocks, for mapping
 * @storage: page storage
 * @page: which, in the order of indices, counted from 0
 *
 * Context: any.
 */
struct page *storage_page(const struct storage *storage, u64 page)
{
	u32 chunk = page >> storage->geo.chunk_order;
	u32 within = page & ((1U << storage->geo.chunk_order) - 1);

	/* the number comes from a process, by way of mmap() */
	chunk = array_index_nospec(chunk, storage->geo.chunks);
	return virt_to_page(storage_chunk(storage, chunk)) + within;
}
