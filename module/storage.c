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

	/* Only who may sleep and wants a clean failure gets here, so the flags
	 * that mempool_alloc() weakens are not used.
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

/**
 * storage_add() - get one more chunk
 * @storage: the storage
 * @chunk: its number, of which there is none
 *
 * Its memory is zeroed.
 *
 * Context: process; may sleep. Not at the same time as another one, or as
 * storage_remove().
 * Return: 0 or -ENOMEM.
 */
int storage_add(struct storage *storage, u32 chunk)
{
	/* without __GFP_DIRECT_RECLAIM it fails instead of waiting */
	void *memory = mempool_alloc(&storage->mempool, GFP_NOWAIT);

	if (!memory)
		return -ENOMEM;
	/* Release: who maps its pages finds zeroes there. */
	smp_store_release(&storage->bases[chunk], (unsigned long)memory -
			  storage_bias(storage, chunk));
	storage->kind->placed(storage, chunk);
	return 0;
}

static void *take_out(struct storage *storage, u32 chunk)
{
	void *memory = storage_chunk(storage, chunk);

	storage->kind->removed(storage, chunk);
	WRITE_ONCE(storage->bases[chunk], 0);
	return memory;
}

/**
 * storage_remove() - give a chunk back to where the mempool had it from
 * @storage: the storage, which has more chunks than were promised
 * @chunk: one of them that nobody uses
 *
 * Context: process. Not at the same time as another one, or as storage_add().
 */
void storage_remove(struct storage *storage, u32 chunk)
{
	storage->kind->free(storage, take_out(storage, chunk));
}

static void release_chunks(struct storage *storage)
{
	u32 chunk = storage->geo.chunks;

	while (chunk--) {
		if (storage_has(storage, chunk))
			mempool_free(take_out(storage, chunk),
				     &storage->mempool);
	}
}

/*
 * The first @promised come from what the mempool has allocated in advance.
 * mempool_alloc() asks the allocator before it touches those, so the allocator
 * is sealed meanwhile.
 */
static int add_chunks(struct storage *storage, u32 promised, u32 count)
{
	int error = 0;
	u32 i;

	for (i = 0; i < count && !error; i++) {
		storage->sealed = i < promised;
		error = storage_add(storage, i);
	}
	storage->sealed = false;
	if (error)
		release_chunks(storage);
	return error;
}

/**
 * storage_init() - get the memory of a pool
 * @storage: zeroed, but for @storage->geo
 * @which: where the blocks come from
 * @reserve: blocks that the mempool must promise
 * @blocks: blocks to begin with
 * @numa_node: node of the memory, or NUMA_NO_NODE
 * @id: the pool's number, for the name of a cache
 *
 * The memory is zeroed.
 *
 * Context: process; may sleep.
 * Return: 0 or -ENOMEM.
 */
int storage_init(struct storage *storage, enum fixedpool_storage which,
		 u32 reserve, u32 blocks, int numa_node, u32 id)
{
	u32 promised = DIV_ROUND_UP_ULL(reserve, storage->geo.chunk_blocks);
	u32 count = DIV_ROUND_UP_ULL(blocks, storage->geo.chunk_blocks);
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
	error = add_chunks(storage, promised, count);
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
	release_chunks(storage);
	mempool_exit(&storage->mempool);
	storage->kind->exit(storage);
	kvfree(storage->bases);
}

/**
 * storage_bytes() - memory that all chunks and their tables take
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
		bytes += (roundup_pow_of_two(geo->chunks) + geo->chunks) *
			 sizeof(u32);
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
	unsigned long base, offset;
	u32 chunk;

	if (!virt_addr_valid(address))
		return false;
	chunk = storage->kind->find(storage, address);
	if (chunk >= geo->chunks)
		return false;
	/* one that has just gone is as good as one that never was */
	base = READ_ONCE(storage->bases[chunk]);
	if (!base)
		return false;
	offset = (unsigned long)address - base - storage_bias(storage, chunk);
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
 * Context: any, as long as the chunk cannot go.
 * Return: the page, or NULL if the pool has not got it.
 */
struct page *storage_page(const struct storage *storage, u64 page)
{
	u32 chunk = page >> storage->geo.chunk_order;
	u32 within = page & ((1U << storage->geo.chunk_order) - 1);

	/* the number comes from a process, by way of mmap() */
	chunk = array_index_nospec(chunk, storage->geo.chunks);
	if (!storage_has(storage, chunk))
		return NULL;
	return virt_to_page(storage_chunk(storage, chunk)) + within;
}
