// SPDX-License-Identifier: GPL-2.0
/*
 * The life of a block.
 *
 *   free        in a magazine, the rack or the depot; holds 0, version even
 *   claimed     taken out of there: nobody else can reach the block, so its
 *               words are written without care for others
 *   allocated   holds > 0, version odd
 *   ended       whoever takes holds to 0 owns the block alone, as if it had
 *               just claimed it; it makes the version even and gives the block
 *               to the magazine or the depot
 *
 * A block that a module has taken and not shared (HOLDER_MODULE) can be held by
 * nobody else, so it ends without an atomic operation: see fixedpool_free().
 *
 * Everything here may run in any context, NMI included, at the same time on
 * all CPUs. The only words that two of them change at once are the holds, and
 * those change by compare-and-exchange. A caller with a handle does not know
 * whether the block is still what the handle names, so pool_hold() takes its
 * hold first, which pins whatever allocation there is, and compares the version
 * then.
 */
#include "pool.h"

#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/printk.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "compat.h"
#include "shrink.h"
#include "trace.h"

/**
 * pool_versions_bytes() - memory of the version words, whole pages
 * @geo: shape of the pool
 */
u64 pool_versions_bytes(const struct geometry *geo)
{
	return PAGE_ALIGN((u64)geo->blocks * sizeof(u32));
}

/* Where processes see who waits: a page of its own, as they may not write to it. */
static u64 header_bytes(enum fixedpool_storage which)
{
	return which == FIXEDPOOL_STORAGE_PAGES ? PAGE_SIZE : 0;
}

/**
 * pool_mapped_bytes() - what of a pool processes can map
 * @geo: shape of the pool
 * @which: kind of storage
 */
u64 pool_mapped_bytes(const struct geometry *geo, enum fixedpool_storage which)
{
	if (which != FIXEDPOOL_STORAGE_PAGES)
		return 0;
	return geometry_data_bytes(geo) + pool_versions_bytes(geo) +
	       header_bytes(which);
}

/* What is kept for each block weighs no more than this, if shelves can help it. */
#define BYTES_PER_BLOCK	8ULL

/* Times that magazines are drained before a pool is said to be empty. */
#define DRAINS_MAX	3
/* Between two tries to make a pool grow for those who wait. */
#define GROW_AGAIN_MS	100

/* Everything but the magazines. */
static u64 base_bytes(const struct geometry *geo, enum fixedpool_storage which)
{
	return storage_bytes(geo, which) + depot_bytes(geo->blocks) +
	       pool_versions_bytes(geo) + header_bytes(which) +
	       (u64)geo->blocks * sizeof(u16);
}

/* Magazines that the rack has room for: what the other tables leave. */
static u32 shelves(const struct geometry *geo, enum fixedpool_storage which)
{
	u64 used = base_bytes(geo, which) - geometry_data_bytes(geo) +
		   magazines_bytes(geo->blocks, 0);
	u64 limit = geo->blocks * BYTES_PER_BLOCK;
	u32 all = geo->blocks / MAGAZINE_BATCH;

	/* a slab cache has an overhead of its own, which tells nobody its size */
	if (which == FIXEDPOOL_STORAGE_SLAB)
		return all;
	return used < limit ? min_t(u64, div_u64(limit - used, rack_bytes(1)), all) : 0;
}

/**
 * pool_bytes() - all the memory that a pool takes that has grown
 * @geo: shape of the pool
 * @which: kind of storage
 */
u64 pool_bytes(const struct geometry *geo, enum fixedpool_storage which)
{
	return base_bytes(geo, which) +
	       magazines_bytes(geo->blocks, shelves(geo, which));
}

/**
 * pool_bytes_now() - all the memory that a pool takes
 * @geo: shape of the pool
 * @which: kind of storage
 * @blocks: how many it has now
 */
u64 pool_bytes_now(const struct geometry *geo, enum fixedpool_storage which,
		   u32 blocks)
{
	u64 missing = geo->chunks - DIV_ROUND_UP_ULL(blocks, geo->chunk_blocks);

	return pool_bytes(geo, which) - missing * geo->chunk_size;
}

/*
 * Versions begin anywhere, so that a handle of an earlier pool that had the
 * same slots, which were handed out in turn, is not taken for one of this pool.
 */
static void versions_init(struct fixedpool *pool)
{
	u32 version = get_random_u32() & ~1U;
	u32 i;

	for (i = 0; i < pool_max_blocks(pool); i++) {
		pool->hot.versions[i] = version;
		if (i % SZ_1M == 0)
			cond_resched();
	}
}

static void clean_taken(struct fixedpool *pool, u32 index)
{
	u32 offset = hygiene_taken(pool_block(pool, index),
				   pool_geometry(pool)->block_size,
				   pool->flags);

	if (likely(offset == HYGIENE_CLEAN))
		return;
	pool_count(pool, POOL_POISON_HITS, 1);
	pr_notice_ratelimited("fixedpool: pool %s: block %u was written to after it was freed, first at byte %u\n",
			      pool->name, index, offset);
}

static void clean_ended(struct fixedpool *pool, u32 index)
{
	hygiene_ended(pool_block(pool, index), pool_geometry(pool)->block_size,
		      pool->flags);
}

/**
 * pool_block_taken() - a block of an attended pool is about to be handed out
 * @pool: the pool
 * @index: the block, which is the caller's alone
 *
 * Context: any.
 */
noinline void pool_block_taken(struct fixedpool *pool, u32 index)
{
	u32 version = pool_version(pool, index) | 1;

	if (pool_hygienic(pool))
		clean_taken(pool, index);
	if (pool->track)
		track_taken(&pool->track[index]);
	trace_fixedpool_alloc(pool->name, index,
			      FIXEDPOOL_HANDLE(version,
					       pool->hot.first_slot + index));
}

/**
 * pool_block_ended() - a block of an attended pool is about to become free
 * @pool: the pool
 * @index: the block, which is the caller's alone
 *
 * Context: any.
 */
noinline void pool_block_ended(struct fixedpool *pool, u32 index)
{
	u32 version = pool_version(pool, index) - 1;

	if (pool_hygienic(pool))
		clean_ended(pool, index);
	trace_fixedpool_free(pool->name, index,
			     FIXEDPOOL_HANDLE(version,
					      pool->hot.first_slot + index));
}

/**
 * pool_init() - get everything that blocks need
 * @pool: zeroed, but for the shape in @pool->storage.geo and @pool->hot.first_slot
 * @which: kind of storage
 * @reserve: blocks that the mempool must promise
 * @blocks: blocks to begin with
 * @numa_node: node of the memory, or NUMA_NO_NODE
 * @id: the pool's number
 *
 * Context: process; may sleep.
 * Return: 0 or -ENOMEM.
 */
int pool_init(struct fixedpool *pool, enum fixedpool_storage which,
	      u32 reserve, u32 blocks, int numa_node, u32 id)
{
	const struct geometry *geo = pool_geometry(pool);
	int error = -ENOMEM;

	pool->which = which;
	pool->stats = alloc_percpu_gfp(struct pool_stats, POOL_GFP);
	if (!pool->stats)
		return -ENOMEM;
	pool->hot.holds = kvcalloc(geo->blocks, sizeof(*pool->hot.holds), POOL_GFP);
	if (!pool->hot.holds)
		goto free_stats;
	/* whole pages of its own, since processes map it */
	pool->hot.versions = __vmalloc(pool_versions_bytes(geo) +
				       header_bytes(which),
				       POOL_GFP | __GFP_ZERO);
	if (!pool->hot.versions)
		goto free_holds;
	waiting_init(&pool->waiting, &pool->depot);
	if (header_bytes(which)) {
		pool->header = (void *)pool->hot.versions +
			       pool_versions_bytes(geo);
		pool->waiting.shown = &pool->header->waiters;
	}
	error = depot_init(&pool->depot, geo->blocks);
	if (error)
		goto free_versions;
	error = -ENOMEM;
	if (pool->flags & FIXEDPOOL_POOL_TRACK) {
		pool->track = tracks_create(geo->blocks);
		if (!pool->track)
			goto exit_depot;
	}
	/* What is done to the blocks of an attended pool is no part of hot paths.
	 * Magazines have the size that suits a pool that has grown; until then
	 * they are shut whenever that is too much.
	 */
	error = magazines_init(&pool->magazines, &pool->depot, &pool->waiting,
			       pool->flags & ATTENDED_FLAGS ? 0 : geo->blocks,
			       shelves(geo, which));
	if (error)
		goto free_track;
	alerts_init(&pool->alerts, &pool->magazines);
	error = storage_init(&pool->storage, which, reserve, blocks, numa_node,
			     id);
	if (error)
		goto exit_magazines;
	pool->hot.magazine = pool->magazines.cpu;
	pool->hot.bases = pool->storage.bases;
	pool->hot.stride = geo->stride;
	pool->hot.reciprocal = geo->reciprocal;
	pool->hot.blocks = geo->blocks;
	versions_init(pool);
	pool->growth.name = pool->name;
	pool->growth.storage = &pool->storage;
	pool->growth.depot = &pool->depot;
	pool->growth.magazines = &pool->magazines;
	pool->growth.charge = &pool->charge;
	pool->growth.flags = pool->flags;
	growth_init(&pool->growth, reserve, blocks);
	if (growth_possible(&pool->growth))
		shrink_add(&pool->growth);
	return 0;

exit_magazines:
	magazines_stop(&pool->magazines);
	magazines_exit(&pool->magazines);
free_track:
	tracks_free(pool->track);
exit_depot:
	depot_exit(&pool->depot);
free_versions:
	vfree(pool->hot.versions);
free_holds:
	kvfree(pool->hot.holds);
free_stats:
	free_percpu(pool->stats);
	return error;
}

/**
 * pool_exit() - undo pool_init()
 * @pool: the pool, which nobody uses any more
 *
 * Context: process; may sleep.
 */
void pool_exit(struct fixedpool *pool)
{
	shrink_remove(&pool->growth);
	growth_exit(&pool->growth);
	waiting_stop(&pool->waiting);
	alerts_stop(&pool->alerts);
	magazines_stop(&pool->magazines);
	storage_exit(&pool->storage);
	magazines_exit(&pool->magazines);
	tracks_free(pool->track);
	depot_exit(&pool->depot);
	vfree(pool->hot.versions);
	kvfree(pool->hot.holds);
	free_percpu(pool->stats);
}

/* Exact but for what is taken out of magazines past us, and what is on its way
 * between them at this moment and counts as used. Summing these up is put off
 * until it can matter.
 */
static void note_peak(struct fixedpool *pool)
{
	u32 blocks = pool_blocks(pool);
	u32 reachable = magazines_reachable(&pool->magazines);
	u32 peak = READ_ONCE(pool->peak);
	u32 in_use;

	if (reachable + peak >= blocks)
		return;
	in_use = pool_in_use(pool);
	while (in_use > peak && !try_cmpxchg_relaxed(&pool->peak, &peak, in_use))
		;
}

/**
 * pool_reserve_some() - what the depot has at once
 * @pool: the pool
 * @max: no more than this
 *
 * For those who go on with pool_take() when this finds nothing.
 *
 * Context: any.
 * Return: how many blocks, up to @max, all of which must be claimed; or 0.
 */
u32 pool_reserve_some(struct fixedpool *pool, u32 max)
{
	u32 count = magazines_reserve(&pool->magazines, 1, max);

	growth_look(&pool->growth);
	if (count)
		note_peak(pool);
	return count;
}

/* As pool_reserve(), but not finding enough is no failure yet. */
static u32 try_reserve(struct fixedpool *pool, u32 min, u32 max)
{
	u32 count = magazines_reserve(&pool->magazines, max, max);
	unsigned int tries;

	if (!count && waiting_any(&pool->waiting))
		return 0;
	/* A caller who polls an empty pool interrupts nobody. What is on its way
	 * from one CPU to another while they are drained is met the next time.
	 */
	for (tries = 0; !count && tries < DRAINS_MAX &&
	     magazines_cached(&pool->magazines); tries++) {
		magazines_drain(&pool->magazines);
		count = magazines_reserve(&pool->magazines, max, max);
	}
	while (!count && !waiting_any(&pool->waiting) &&
	       growth_grow(&pool->growth, min, max))
		count = magazines_reserve(&pool->magazines, max, max);
	if (!count)
		count = magazines_reserve(&pool->magazines, min, max);
	if (count)
		note_peak(pool);
	return count;
}

/**
 * pool_reserve() - make sure of free blocks
 * @pool: the pool
 * @min: fewer are no use, at least 1
 * @max: no more than this
 *
 * A pool that is too small for that grows, if it may.
 *
 * Context: process; may sleep.
 * Return: how many, @min to @max; fewer than @max only if no more were found in
 * the depot and all magazines, nor could be made; 0 if fewer than @min, or if
 * callers wait.
 */
u32 pool_reserve(struct fixedpool *pool, u32 min, u32 max)
{
	u32 count = try_reserve(pool, min, max);

	if (!count)
		pool_count(pool, POOL_FAILURES, 1);
	return count;
}

static bool gives_up(const struct patience *patience)
{
	return patience->deadline != KTIME_MAX &&
	       ktime_compare(patience->deadline, ktime_get()) <= 0;
}

/*
 * Until it is served, or this is why it gives up. A pool that has failed to grow,
 * or has shrunk just before, may be able to grow after a while. There is nobody
 * but those who wait to have it tried: others are turned away as long as they do.
 */
static int wait_and_grow(struct fixedpool *pool, struct waiter *waiter,
			 const struct patience *patience)
{
	struct patience slice = *patience;
	int error;

	do {
		if (growth_grow(&pool->growth, waiter->min, waiter->max))
			waiting_hand_over(&pool->waiting);
		if (growth_possible(&pool->growth)) {
			ktime_t again = ktime_add_ms(ktime_get(), GROW_AGAIN_MS);

			slice.deadline = min(again, patience->deadline);
		} else {
			slice.deadline = patience->deadline;
		}
		error = waiting_doze(waiter, &slice);
	} while (error == -ETIMEDOUT && !gives_up(patience));
	return error;
}

/* In the queue. */
static int reserve_in_turn(struct fixedpool *pool, struct waiting_party *party,
			   u32 min, u32 max, const struct patience *patience)
{
	struct waiter waiter = { .min = min, .max = max };
	int error = waiting_enter(&pool->waiting, party, &waiter);

	if (error)
		return error;
	pool_count(pool, POOL_WAITS, 1);
	trace_fixedpool_wait(pool->name, min, max);
	/* what is on CPUs comes to the depot, and so does what becomes free */
	magazines_demand(&pool->magazines);
	waiting_hand_over(&pool->waiting);
	waiting_look(&pool->waiting);
	error = wait_and_grow(pool, &waiter, patience);
	error = waiting_leave(&pool->waiting, &waiter, error);
	magazines_undemand(&pool->magazines);
	trace_fixedpool_wait_end(pool->name, error ?: (int)waiter.granted);
	if (error)
		return error;
	note_peak(pool);
	return waiter.granted;
}

/**
 * pool_reserve_patiently() - make sure of free blocks, waiting for them
 * @pool: the pool
 * @party: who may be sent away by waiting_dismiss(), or NULL
 * @min: fewer are no use, at least 1
 * @max: no more than this
 * @patience: how long to wait, and what may disturb it
 *
 * Those who wait are served in turn.
 *
 * Context: process; sleeps.
 * Return: how many, @min to @max; -EFBIG if the pool will never have @min;
 * -ETIMEDOUT; -ERESTARTSYS if a signal came; -EIDRM if the pool has lost its name;
 * or what waiting_dismiss() was called with.
 */
int pool_reserve_patiently(struct fixedpool *pool, struct waiting_party *party,
			   u32 min, u32 max, const struct patience *patience)
{
	int count;

	if (min > pool_max_blocks(pool))
		return -EFBIG;
	count = try_reserve(pool, min, max);
	if (count)
		return count;
	count = gives_up(patience) ? -ETIMEDOUT :
		reserve_in_turn(pool, party, min, max, patience);
	if (count == -ETIMEDOUT)
		pool_count(pool, POOL_FAILURES, 1);
	return count;
}

/**
 * pool_claim() - allocate blocks that have been reserved
 * @pool: the pool
 * @holder: who holds them now
 * @indices: filled with the blocks
 * @handles: filled with their handles
 * @count: how many, up to POOL_BATCH
 *
 * Context: any.
 */
void pool_claim(struct fixedpool *pool, enum holder holder, u32 *indices,
		u64 *handles, unsigned int count)
{
	unsigned int i;

	depot_claim(&pool->depot, indices, count);
	for (i = 0; i < count; i++) {
		if (pool_attended(pool))
			pool_block_taken(pool, indices[i]);
		handles[i] = pool_begin(pool, indices[i], holder);
	}
	pool_count(pool, POOL_CLAIMS, count);
}

/* As pool_take_slowly(), but not finding any block is no failure yet. */
static u32 try_take_slowly(struct fixedpool *pool)
{
	u32 index = magazine_take_slowly(&pool->magazines);

	if (index == FIXEDPOOL_NO_INDEX)
		return index;
	note_peak(pool);
	if (pool_attended(pool))
		pool_block_taken(pool, index);
	return index;
}

/**
 * pool_try_take() - get one free block that is within reach, for pool_begin()
 * @pool: the pool
 *
 * For those who go on with pool_reserve() when this finds nothing.
 *
 * Context: any.
 * Return: the block, or FIXEDPOOL_NO_INDEX.
 */
u32 pool_try_take(struct fixedpool *pool)
{
	u32 index;

	return fixedpool_pop(&pool->hot, &index) ? index :
						   try_take_slowly(pool);
}

/**
 * pool_take_slowly() - the rest of pool_take(), after fixedpool_pop() said no
 * @pool: the pool
 *
 * Context: any; called with preemption off, which it turns on again.
 * Return: the block, or FIXEDPOOL_NO_INDEX if none is free within reach.
 */
u32 pool_take_slowly(struct fixedpool *pool)
{
	u32 index = try_take_slowly(pool);

	/* maybe for whoever cannot make the pool grow and wait for it */
	growth_look(&pool->growth);
	if (index == FIXEDPOOL_NO_INDEX)
		pool_count(pool, POOL_FAILURES, 1);
	return index;
}

/**
 * pool_take() - get one free block, for pool_begin()
 * @pool: the pool
 *
 * Context: any.
 * Return: the block, or FIXEDPOOL_NO_INDEX if none is free within reach.
 */
u32 pool_take(struct fixedpool *pool)
{
	u32 index;

	return fixedpool_pop(&pool->hot, &index) ? index :
						   pool_take_slowly(pool);
}

/**
 * pool_give() - make a block free
 * @pool: the pool
 * @index: the block, which is the caller's alone; its allocation has ended
 *
 * Context: any.
 */
void pool_give(struct fixedpool *pool, u32 index)
{
	if (!fixedpool_push(&pool->hot, index))
		pool_give_slowly(pool, index);
}

/**
 * pool_give_slowly() - the rest of pool_give(), after fixedpool_push() said no
 * @pool: the pool
 * @index: the block
 *
 * Context: any; called with preemption off, which it turns on again.
 */
void pool_give_slowly(struct fixedpool *pool, u32 index)
{
	if (!pool_attended(pool)) {
		magazine_give_slowly(&pool->magazines, index);
		return;
	}
	/* has no magazines, or they are shut, but it takes its time */
	magazine_leave(&pool->magazines);
	pool_block_ended(pool, index);
	magazine_give_past(&pool->magazines, index);
}

/**
 * pool_refuse() - count a refusal
 * @pool: the pool
 * @handle: what was refused, 0 for a block that was named by its index
 * @error: why, negative; 0: it was not; -EFAULT: nobody could read it
 *
 * Context: any.
 */
void pool_refuse(struct fixedpool *pool, u64 handle, int error)
{
	if (error && error != -EFAULT)
		trace_fixedpool_refuse(pool->name, handle, error);
	switch (error) {
	case -ESTALE:
	case -EALREADY:
		pool_count(pool, POOL_REFUSED_STALE, 1);
		break;
	case -EPERM:
		pool_count(pool, POOL_REFUSED_FOREIGN, 1);
		break;
	}
}

/* The holds of one kind, and how many they can be. */
static u16 holds_of(enum holder holder)
{
	return holder * 0xff;
}

static bool holds_full(u16 holds, enum holder holder)
{
	return (holds & holds_of(holder)) >= holder * POOL_MAX_HOLDS;
}

/**
 * pool_hold() - hold a block that somebody else holds already
 * @pool: the pool
 * @index: the block
 * @version: of the handle
 * @holder: who holds it then, too
 *
 * Context: any.
 * Return: 0; -ESTALE if the allocation has ended; -EBUSY if there are too many
 * holds of this kind; -EACCES if a module has it that does not share it.
 */
int pool_hold(struct fixedpool *pool, u32 index, u32 version,
	      enum holder holder)
{
	u16 holds = READ_ONCE(pool->hot.holds[index]);

	do {
		if (!holds)
			return -ESTALE;
		if (holds == HOLDER_MODULE)
			return pool_version(pool, index) == version ? -EACCES :
								      -ESTALE;
		if (holds_full(holds, holder))
			return -EBUSY;
	} while (!try_cmpxchg(&pool->hot.holds[index], &holds, holds + holder));

	/* Now no allocation of this block can end; is it the right one? */
	if (pool_version(pool, index) == version)
		return 0;
	pool_drop(pool, index, holder);
	return -ESTALE;
}

/**
 * pool_publish() - share a block of a module
 * @pool: the pool
 * @index: the block
 * @version: of the handle
 *
 * From then on others can hold it, too, by its handle. Sharing what is shared
 * changes nothing.
 *
 * Context: any.
 * Return: 0; -ESTALE or -EALREADY if the allocation has ended; -EPERM if no module
 * holds the block.
 */
int pool_publish(struct fixedpool *pool, u32 index, u32 version)
{
	int error = pool_check(pool, index, version);
	u16 holds = READ_ONCE(pool->hot.holds[index]);

	if (error)
		return error;
	if (!(holds & holds_of(HOLDER_KERNEL)))
		return -EPERM;
	if (holds != HOLDER_MODULE)
		return 0;
	/* Only its holder, which is who called us, changes that word. Pairs with
	 * the compare-and-exchange in pool_hold(), as in pool_begin().
	 */
	smp_store_release(&pool->hot.holds[index], HOLDER_KERNEL);
	return 0;
}

/* Takes a hold away; returns 1 if it was the last, so the block is ours. */
static int drop_hold(struct fixedpool *pool, u32 index, enum holder holder)
{
	u16 holds = READ_ONCE(pool->hot.holds[index]);

	if (holds == HOLDER_MODULE) {
		if (holder != HOLDER_KERNEL)
			return -EPERM;
		WRITE_ONCE(pool->hot.holds[index], 0);
		return 1;
	}
	do {
		if (!(holds & holds_of(holder)))
			return -EPERM;
		/* Fully ordered: what each holder did to the block lies before
		 * what the last one, and the next owner, do to it.
		 */
	} while (!try_cmpxchg(&pool->hot.holds[index], &holds, holds - holder));
	return holds == holder;
}

/* The block is ours alone, its allocation is over. */
static void end_version(struct fixedpool *pool, u32 index)
{
	WRITE_ONCE(pool->hot.versions[index], (pool_version(pool, index) | 1) + 1);
}

/**
 * pool_drop() - let go of a block
 * @pool: the pool
 * @index: the block
 * @holder: what kind of hold
 *
 * Frees the block if this is the last hold.
 *
 * Context: any.
 * Return: 0; -EPERM if there is no hold of this kind.
 */
int pool_drop(struct fixedpool *pool, u32 index, enum holder holder)
{
	int last = drop_hold(pool, index, holder);

	if (last <= 0)
		return last;
	end_version(pool, index);
	pool_give(pool, index);
	return 0;
}

/**
 * pool_pass() - make a hold of one kind one of the other kind
 * @pool: the pool
 * @index: the block
 * @from: the kind of hold that the caller has
 * @to: what it becomes
 *
 * In one step, so that the block is neither free nor held twice in between.
 *
 * Context: any.
 * Return: 0; -EPERM if there is no hold of kind @from; -EBUSY if there are too
 * many of kind @to.
 */
int pool_pass(struct fixedpool *pool, u32 index, enum holder from,
	      enum holder to)
{
	u16 holds = READ_ONCE(pool->hot.holds[index]);

	if (holds == HOLDER_MODULE) {
		if (from != HOLDER_KERNEL)
			return -EPERM;
		/* from its only holder, who called us; as in pool_publish() */
		smp_store_release(&pool->hot.holds[index], to);
		return 0;
	}
	do {
		if (!(holds & holds_of(from)))
			return -EPERM;
		if (holds_full(holds, to))
			return -EBUSY;
	} while (!try_cmpxchg(&pool->hot.holds[index], &holds,
			      (u16)(holds - from + to)));
	return 0;
}

/**
 * pool_drop_mask() - let go of blocks that are neighbours
 * @pool: the pool
 * @word: number of a group of 64 blocks
 * @mask: which blocks of it; the caller has a hold of each
 * @holder: what kind of hold
 *
 * Context: any.
 */
void pool_drop_mask(struct fixedpool *pool, u32 word, unsigned long mask,
		    enum holder holder)
{
	unsigned long ended = 0;
	unsigned long rest;

	for (rest = mask; rest; rest &= rest - 1) {
		u32 index = word * POOL_BATCH + __ffs(rest);

		if (drop_hold(pool, index, holder) > 0) {
			end_version(pool, index);
			if (pool_attended(pool))
				pool_block_ended(pool, index);
			ended |= rest & -rest;
		}
	}
	if (!ended)
		return;
	pool_count(pool, POOL_ENDED, hweight_long(ended));
	pool_put(pool, word, ended);
}

/**
 * pool_allocs() - blocks handed out since the pool was made
 * @pool: the pool
 *
 * Context: any.
 */
u64 pool_allocs(const struct fixedpool *pool)
{
	const struct magazines *mags = &pool->magazines;

	return magazines_taken(mags) +
	       magazines_path(mags, PATH_TAKEN_LOADING) +
	       magazines_path(mags, PATH_TAKEN_PAST) +
	       pool_counter(pool, POOL_CLAIMS);
}

/**
 * pool_frees() - blocks that became free since the pool was made
 * @pool: the pool
 *
 * All that were handed out and are not in use: so it need not be counted.
 *
 * Context: any.
 */
u64 pool_frees(const struct fixedpool *pool)
{
	u64 allocs = pool_allocs(pool);

	return allocs - min_t(u64, pool_in_use(pool), allocs);
}

/**
 * pool_counter() - sum up a counter of all CPUs
 * @pool: the pool
 * @which: the counter
 *
 * Context: any.
 * Return: the sum; what is counted meanwhile may be in it or not.
 */
u64 pool_counter(const struct fixedpool *pool, enum pool_counter which)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu_ptr(pool->stats, cpu)->counters[which]);
	return sum;
}

/**
 * pool_valid() - do the books balance
 * @pool: the pool, which nobody works on meanwhile
 *
 * Context: process; O(blocks).
 */
bool pool_valid(const struct fixedpool *pool)
{
	u32 held = 0;
	u32 i;

	for (i = 0; i < pool_max_blocks(pool); i++)
		held += pool_allocated(pool, i);
	return depot_valid(&pool->depot) &&
	       depot_free(&pool->depot) + magazines_cached(&pool->magazines) +
			       held == pool_blocks(pool);
}
