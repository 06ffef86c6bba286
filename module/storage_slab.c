// SPDX-License-Identifier: GPL-2.0
/*
 * Chunks that are objects of the pool's own slab cache, one block each.
 *
 * Nothing may be written beside a block to find its index again, so a hash
 * table leads from the address to the index: lists of chunks, linked by their
 * numbers. Changes are serialised and each is one store, so that who looks,
 * from any context, finds a list that is whole. Only if a chunk at which he
 * stands is moved to another list does he miss the rest of his; then he looks
 * again.
 */
#include <linux/hash.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "compat.h"
#include "storage.h"

static int slab_init(struct storage *storage, u32 id)
{
	const struct geometry *geo = &storage->geo;
	char name[32];

	storage->slab.hash_bits = order_base_2(geo->chunks);
	storage->slab.hash = kvcalloc(1U << storage->slab.hash_bits,
				      sizeof(u32), POOL_GFP);
	storage->slab.next = kvcalloc(geo->chunks, sizeof(u32), POOL_GFP);
	if (!storage->slab.hash || !storage->slab.next)
		goto free_tables;
	snprintf(name, sizeof(name), "fixedpool-%u", id);
	storage->slab.cache =
		kmem_cache_create_usercopy(name, geo->chunk_size, geo->align,
					   SLAB_ACCOUNT | SLAB_NO_MERGE,
					   0, geo->block_size, NULL);
	if (!storage->slab.cache)
		goto free_tables;
	return 0;

free_tables:
	kvfree(storage->slab.next);
	kvfree(storage->slab.hash);
	return -ENOMEM;
}

static void slab_exit(struct storage *storage)
{
	kmem_cache_destroy(storage->slab.cache);
	kvfree(storage->slab.next);
	kvfree(storage->slab.hash);
}

static void *slab_alloc(struct storage *storage)
{
	return kmem_cache_alloc_node(storage->slab.cache, POOL_GFP | __GFP_ZERO,
				     storage->numa_node);
}

static void slab_free(struct storage *storage, void *chunk)
{
	kmem_cache_free(storage->slab.cache, chunk);
}

static u32 *list_of(const struct storage *storage, const void *address)
{
	unsigned int bits = storage->slab.hash_bits;

	/* hash_ptr() would shift by the width of a word */
	return storage->slab.hash + (bits ? hash_ptr(address, bits) : 0);
}

/* Before a change can be seen. */
static void note_move(struct storage *storage)
{
	WRITE_ONCE(storage->slab.moves, storage->slab.moves + 1);
	/* Pairs with the smp_rmb() in slab_find(). */
	smp_wmb();
}

static void slab_placed(struct storage *storage, u32 chunk)
{
	u32 *list = list_of(storage, storage_chunk(storage, chunk));

	note_move(storage);
	WRITE_ONCE(storage->slab.next[chunk], *list);
	/* Release: who finds the chunk finds its address and what follows. */
	smp_store_release(list, chunk + 1);
}

static void slab_removed(struct storage *storage, u32 chunk)
{
	u32 *link = list_of(storage, storage_chunk(storage, chunk));

	while (*link != chunk + 1)
		link = &storage->slab.next[*link - 1];
	note_move(storage);
	/* who stands at the chunk goes on from there as before */
	WRITE_ONCE(*link, storage->slab.next[chunk]);
}

/* A slab page has no references of others. */
static bool slab_idle(const struct storage *storage, u32 chunk)
{
	return true;
}

static u32 slab_find(const struct storage *storage, const void *address)
{
	u32 moves, entry;

	do {
		/* before the list: what it says may be no newer than that */
		moves = smp_load_acquire(&storage->slab.moves);
		entry = READ_ONCE(*list_of(storage, address));
		while (entry) {
			u32 chunk = entry - 1;

			/* ordered after the entry by the dependency */
			if (READ_ONCE(storage->bases[chunk]) +
				    storage_bias(storage, chunk) ==
			    (unsigned long)address)
				return chunk;
			entry = READ_ONCE(storage->slab.next[chunk]);
		}
		/* Pairs with the smp_wmb() in note_move(): who has followed a
		 * link of after a move sees that there was one. (If an NMI has
		 * interrupted the move, it does not go on meanwhile, and is not
		 * waited for.)
		 */
		smp_rmb();
	} while (READ_ONCE(storage->slab.moves) != moves);
	return U32_MAX;
}

const struct storage_kind storage_slab = {
	.init = slab_init,
	.exit = slab_exit,
	.alloc = slab_alloc,
	.free = slab_free,
	.placed = slab_placed,
	.removed = slab_removed,
	.idle = slab_idle,
	.find = slab_find,
};
