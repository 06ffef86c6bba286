/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Storage: the memory of a pool's blocks, fed by the pool's own mempool_t.
 *
 * An element of the mempool is a chunk. What a pool has from the beginning is
 * taken out of the mempool when the pool is made, first of all what the mempool
 * has promised. So nothing is left in the mempool, and a pool that grows gets
 * more through it as from the allocator. The promise is what stays for ever: as
 * long as a pool has no fewer chunks than were promised, those it gives up go
 * to the allocator directly, since the mempool would keep them.
 *
 * An entry of the table of chunks is 0 where there is none. Who holds a block
 * finds it there without a lock: its chunk stays. Who looks for an address that
 * may be anything takes the table as it is at that moment. The two kinds differ
 * only in what a chunk is and how one is found from an address inside it.
 */
#ifndef FIXEDPOOL_STORAGE_H
#define FIXEDPOOL_STORAGE_H

#include <linux/mempool.h>
#include <linux/mm_types.h>

#include "geometry.h"

/* Memory for chunks and tables: charged to the creator's memory cgroup, and a
 * failure is reported to the creator instead of to the OOM killer or the log.
 */
#define POOL_GFP (GFP_KERNEL_ACCOUNT | __GFP_NOWARN | __GFP_RETRY_MAYFAIL)

struct storage;

/**
 * struct storage_kind - one way to get chunks
 * @init: prepare to allocate chunks; 0 or an error
 * @exit: undo @init; all chunks have been freed
 * @alloc: a zeroed chunk, or NULL; may sleep
 * @free: give a chunk back
 * @placed: chunk number @chunk of the pool has its place in the table
 * @removed: it is about to lose it
 * @idle: nobody but the pool refers to the chunk's memory
 * @find: the number of the chunk that has the block at @address, or any other
 *	number: what it says is checked by the caller. @address is in the
 *	kernel's linear mapping, but need not have anything to do with the pool.
 */
struct storage_kind {
	int (*init)(struct storage *storage, u32 id);
	void (*exit)(struct storage *storage);
	void *(*alloc)(struct storage *storage);
	void (*free)(struct storage *storage, void *chunk);
	void (*placed)(struct storage *storage, u32 chunk);
	void (*removed)(struct storage *storage, u32 chunk);
	bool (*idle)(const struct storage *storage, u32 chunk);
	u32 (*find)(const struct storage *storage, const void *address);
};

extern const struct storage_kind storage_pages;
extern const struct storage_kind storage_slab;

/**
 * struct storage - memory of a pool
 * @geo: shape of the pool
 * @kind: pages or slab
 * @bases: for each chunk the address that block 0 would have, were the whole
 *	pool one array in which this chunk is where it is; 0: there is none
 * @mempool: where the chunks came from and go back to
 * @sealed: the allocator declines, so the mempool hands out what it promised
 * @numa_node: node of the memory, or NUMA_NO_NODE
 * @slab: what slab storage needs
 * @slab.cache: the pool's own cache
 * @slab.hash: first chunk of those whose addresses have this hash, + 1
 * @slab.next: for each chunk the next one in its list, + 1
 * @slab.moves: advances with every change of a list
 * @slab.hash_bits: log2 of the size of @slab.hash
 */
struct storage {
	struct geometry geo;
	const struct storage_kind *kind;
	unsigned long *bases;
	mempool_t mempool;
	bool sealed;
	int numa_node;
	struct {
		struct kmem_cache *cache;
		u32 *hash;
		u32 *next;
		u32 moves;
		unsigned int hash_bits;
	} slab;
};

int storage_init(struct storage *storage, enum fixedpool_storage which,
		 u32 reserve, u32 blocks, int numa_node, u32 id);
int __must_check storage_add(struct storage *storage, u32 chunk);
void storage_remove(struct storage *storage, u32 chunk);
void storage_exit(struct storage *storage);
u64 storage_bytes(const struct geometry *geo, enum fixedpool_storage which);
bool storage_find(const struct storage *storage, const void *address,
		  u32 *index);
struct page *storage_page(const struct storage *storage, u64 page);

/* What the blocks before a chunk would take, were the pool one array. */
static inline unsigned long storage_bias(const struct storage *storage,
					 u32 chunk)
{
	return (unsigned long)chunk * storage->geo.chunk_blocks *
	       storage->geo.stride;
}

static inline bool storage_has(const struct storage *storage, u32 chunk)
{
	return READ_ONCE(storage->bases[chunk]);
}

/* Nobody but the pool refers to a chunk's memory. */
static inline bool storage_idle(const struct storage *storage, u32 chunk)
{
	return storage->kind->idle(storage, chunk);
}

/* One that is there. */
static inline void *storage_chunk(const struct storage *storage, u32 chunk)
{
	return (void *)(storage->bases[chunk] + storage_bias(storage, chunk));
}

#endif /* FIXEDPOOL_STORAGE_H */
