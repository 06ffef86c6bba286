// SPDX-License-Identifier: GPL-2.0
/*
 * Chunks that are objects of the pool's own slab cache, one block each.
 *
 * Nothing may be written beside a block to find its index again, so a hash
 * table leads from the address to the index. It is filled while the pool is
 * made and only read afterwards.
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

	/* half full at most, so that searches stay short and find an end */
	storage->slab.hash_bits = order_base_2(geo->chunks * 2);
	storage->slab.hash = kvcalloc(1U << storage->slab.hash_bits,
				      sizeof(u32), POOL_GFP);
	if (!storage->slab.hash)
		return -ENOMEM;
	snprintf(name, sizeof(name), "fixedpool-%u", id);
	storage->slab.cache =
		kmem_cache_create_usercopy(name, geo->chunk_size, geo->align,
					   SLAB_ACCOUNT | SLAB_NO_MERGE,
					   0, geo->block_size, NULL);
	if (!storage->slab.cache) {
		kvfree(storage->slab.hash);
		return -ENOMEM;
	}
	return 0;
}

static void slab_exit(struct storage *storage)
{
	kmem_cache_destroy(storage->slab.cache);
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

static void slab_placed(struct storage *storage, u32 chunk)
{
	u32 mask = (1U << storage->slab.hash_bits) - 1;
	u32 slot = hash_ptr(storage_chunk(storage, chunk), storage->slab.hash_bits);

	while (storage->slab.hash[slot])
		slot = (slot + 1) & mask;
	storage->slab.hash[slot] = chunk + 1;
}

/* Linear probing (Knuth, The Art of Computer Programming 3, 6.4). */
static u32 slab_find(const struct storage *storage, const void *address)
{
	u32 mask = (1U << storage->slab.hash_bits) - 1;
	u32 slot = hash_ptr(address, storage->slab.hash_bits);
	u32 entry;

	for (; (entry = storage->slab.hash[slot]); slot = (slot + 1) & mask) {
		if (storage_chunk(storage, entry - 1) == address)
			return entry - 1;
	}
	return U32_MAX;
}

const struct storage_kind storage_slab = {
	.init = slab_init,
	.exit = slab_exit,
	.alloc = slab_alloc,
	.free = slab_free,
	.placed = slab_placed,
	.find = slab_find,
};
