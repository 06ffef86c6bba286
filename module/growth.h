/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How large a pool is at this moment: it grows by a chunk at a time, and gives
 * chunks back of which every block is free.
 *
 * All that is kept for each block is there from the beginning, for as many
 * blocks as there can be, so a block has its index and its version for ever.
 * Blocks whose chunk is not there lie in neither depot nor magazines, nobody
 * holds them, and their versions are even: no handle of them is good.
 */
#ifndef FIXEDPOOL_GROWTH_H
#define FIXEDPOOL_GROWTH_H

#include <linux/irq_work.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/rwsem.h>
#include <linux/workqueue.h>

#include "account.h"
#include "depot.h"
#include "magazine.h"
#include "storage.h"

struct mem_cgroup;

/**
 * struct growth - the size of a pool
 * @name: of the pool
 * @storage: its chunks
 * @depot: where blocks go that are new
 * @magazines: in front of @depot
 * @charge: what the creator pays, changed under @lock
 * @memcg: the memory cgroup of the creator, which pays whoever makes the pool
 *	grow; NULL if the pool does not grow
 * @flags: FIXEDPOOL_POOL_*
 *
 * @reserve: blocks that it has at least, so the chunks that the mempool promised
 * @lock: Protects: all below, but for @kick, @kicked and @link, and the table of
 *	chunks. Ordering: outside @mapping; memory is allocated under it, so it
 *	is only tried by those who are called to free some.
 * @blocks: blocks that the pool has; read without the lock
 * @chunks: chunks that it has
 * @rest: first block of a chunk that is there, but not all of it in the pool;
 *	0: there is no such chunk
 * @hole: no chunk before this one is missing
 * @ahead: a module that finds fewer free blocks than this makes the pool grow;
 *	0: the pool does not grow
 * @grows: chunks that came, after the pool was made
 * @shrinks: chunks that went
 * @failures: times that it did not grow though it might have
 *
 * @mapping: Protects: chunks from going while their pages are being put into
 *	processes, who share it. Ordering: inside mmap_lock and the lock of a
 *	revocable pool's address space; memory is allocated under it, too.
 * @kick: asks for @work, from any context
 * @kicked: it has been used
 * @work: grows for those who cannot sleep
 * @link: in the shrinker's list
 */
struct growth {
	const char *name;
	struct storage *storage;
	struct depot *depot;
	struct magazines *magazines;
	struct charge *charge;
	struct mem_cgroup *memcg;
	u32 flags;
	u32 reserve;

	struct mutex lock; /* see above */
	u32 blocks;
	u32 chunks;
	u32 rest;
	u32 hole;
	u32 ahead;
	u64 grows;
	u64 shrinks;
	u64 failures;

	struct rw_semaphore mapping; /* see above */
	struct irq_work kick;
	bool kicked;
	struct work_struct work;
	struct list_head link;
};

void growth_init(struct growth *growth, u32 reserve, u32 blocks);
void growth_exit(struct growth *growth);
bool growth_grow(struct growth *growth, u32 min, u32 max);
u32 growth_reserve(struct growth *growth, u32 min, u32 max);
void growth_kick(struct growth *growth);
u32 growth_spare(const struct growth *growth);
u32 growth_shrink(struct growth *growth, u32 max);

static inline u32 growth_blocks(const struct growth *growth)
{
	return READ_ONCE(growth->blocks);
}

/* It can get larger than it is. */
static inline bool growth_possible(const struct growth *growth)
{
	return growth_blocks(growth) < growth->storage->geo.blocks;
}

/* A module has taken blocks, or found none. */
static inline void growth_look(struct growth *growth)
{
	if (unlikely(growth->ahead) &&
	    magazines_reachable(growth->magazines) < growth->ahead)
		growth_kick(growth);
}

#endif /* FIXEDPOOL_GROWTH_H */
