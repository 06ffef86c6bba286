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

#include <linux/printk.h>

#include "compat.h"
#include "trace.h"

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
 * pool_note_peak() - blocks have been taken past the magazines of this CPU
 * @pool: the pool
 *
 * Exact but for what is taken out of magazines past us, and what is on its way
 * between them at this moment and counts as used. Summing these up is put off
 * until it can matter.
 *
 * Context: any.
 */
void pool_note_peak(struct fixedpool *pool)
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
	pool_note_peak(pool);
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
 * Not within reach is what lies in the magazines of other CPUs, in that of this one
 * if the caller has interrupted somebody who is in it, and what somebody is moving
 * between magazines, rack and depot at this moment: who cannot sleep does not wait
 * for that. So it may find nothing though some are free; pool_reserve() may not.
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
