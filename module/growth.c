// SPDX-License-Identifier: GPL-2.0
/* Growing by a chunk, and shrinking by one; see growth.h. */
#include "growth.h"

#include <linux/math64.h>
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>

#include "hygiene.h"
#include "trace.h"

/* A module makes a pool grow when less than this share is left of what it began
 * with, but no more than so many blocks.
 */
#define AHEAD_SHARE	8U
#define AHEAD_MAX	256U

static const struct geometry *geometry_of(const struct growth *growth)
{
	return &growth->storage->geo;
}

static void *block_of(const struct growth *growth, u32 index)
{
	const struct geometry *geo = geometry_of(growth);
	u32 chunk = geometry_chunk(geo, index);

	return storage_chunk(growth->storage, chunk) +
	       geometry_offset(geo, index, chunk);
}

static void poison(const struct growth *growth, u32 first, u32 end)
{
	for (; first < end; first++) {
		hygiene_ended(block_of(growth, first),
			      geometry_of(growth)->block_size, growth->flags);
		cond_resched();
	}
}

/* Blocks that nobody has seen yet become free ones of the pool. */
static void supply(struct growth *growth, u32 first, u32 end)
{
	if (growth->flags & FIXEDPOOL_POOL_POISON)
		poison(growth, first, end);
	depot_give_range(growth->depot, first, end);
	/* Last: as long as the sum is short, blocks seem free that are in use,
	 * which nobody takes for a new peak.
	 */
	WRITE_ONCE(growth->blocks, growth->blocks + end - first);
	magazines_supplied(growth->magazines);
}

/* The first chunk that is missing, which there is. */
static u32 find_hole(struct growth *growth)
{
	while (storage_has(growth->storage, growth->hole))
		growth->hole++;
	return growth->hole;
}

/* Whoever is current, the creator pays. */
static int add_chunk(struct growth *growth, u32 chunk)
{
	u32 size = geometry_of(growth)->chunk_size;
	struct mem_cgroup *old;
	int error;

	error = charge_more(growth->charge, size);
	if (error)
		return error;
	old = set_active_memcg(growth->memcg);
	error = storage_add(growth->storage, chunk);
	set_active_memcg(old);
	if (error) {
		charge_less(growth->charge, size);
		return error;
	}
	growth->chunks++;
	WRITE_ONCE(growth->grows, growth->grows + 1);
	return 0;
}

/* By a chunk, or by what the pool has not used of one. */
static int grow_by_chunk(struct growth *growth)
{
	const struct geometry *geo = geometry_of(growth);
	u32 first, chunk;
	int error;

	lockdep_assert_held(&growth->lock);
	if (growth->rest) {
		first = growth->rest;
		chunk = geometry_chunk(geo, first);
		growth->rest = 0;
	} else {
		chunk = find_hole(growth);
		first = chunk * geo->chunk_blocks;
		error = add_chunk(growth, chunk);
		if (error) {
			WRITE_ONCE(growth->failures, growth->failures + 1);
			return error;
		}
	}
	supply(growth, first, geometry_chunk_end(geo, chunk));
	trace_fixedpool_grow(growth->name, growth->blocks);
	return 0;
}

/* What is free, and what could be if the pool grew. */
static u64 within_reach(const struct growth *growth)
{
	return depot_free(growth->depot) + geometry_of(growth)->blocks -
	       (u64)growth_blocks(growth);
}

/**
 * growth_grow() - make a pool larger, since it has too few free blocks
 * @growth: its size
 * @min: fewer free blocks are no use
 * @max: as many would do
 *
 * For those who wait, to whom what is free is handed over. Nobody else gets any
 * of it meanwhile.
 *
 * Context: process; may sleep.
 * Return: true if there may be more free blocks now than when it was called.
 */
bool growth_grow(struct growth *growth, u32 min, u32 max)
{
	bool more = false;

	if (!growth_possible(growth) || within_reach(growth) < min)
		return false;
	if (mutex_lock_killable(&growth->lock))
		return false;
	/* somebody else may have made it grow for himself, and for us */
	while (depot_free(growth->depot) < max && growth_possible(growth)) {
		if (grow_by_chunk(growth))
			break;
		more = true;
	}
	more |= depot_free(growth->depot) >= max;
	mutex_unlock(&growth->lock);
	return more;
}

/**
 * growth_reserve() - make sure of free blocks, making a pool larger for them
 * @growth: its size
 * @min: fewer are no use, at least 1
 * @max: no more than this
 *
 * All under the lock, so that nothing is given back before we have it, and so
 * that a refusal is right: when the blocks were looked for, no other caller was
 * about to make the pool larger, or the shrinker smaller. Others may be faster
 * with what has just come; then it grows more, as long as it can.
 *
 * Context: process; may sleep.
 * Return: how many, @min to @max; fewer than @max only if no more were in the
 * depot, nor could be made; 0 if fewer than @min, or if callers wait.
 */
u32 growth_reserve(struct growth *growth, u32 min, u32 max)
{
	u32 count;

	/* of that size for ever, or being killed */
	if (!growth->ahead || mutex_lock_killable(&growth->lock))
		return 0;
	/* somebody else may have made it grow for himself, and for us */
	count = magazines_reserve(growth->magazines, max, max);
	while (!count && growth_possible(growth) &&
	       !waiting_any(growth->magazines->waiting) &&
	       within_reach(growth) >= min && !grow_by_chunk(growth))
		count = magazines_reserve(growth->magazines, max, max);
	if (!count)
		count = magazines_reserve(growth->magazines, min, max);
	mutex_unlock(&growth->lock);
	return count;
}

/**
 * growth_spare() - what a pool might do without
 * @growth: its size
 *
 * Context: any.
 * Return: a number of chunks, as if all that is free lay side by side.
 */
u32 growth_spare(const struct growth *growth)
{
	u32 blocks = growth_blocks(growth);
	u64 free = depot_free(growth->depot) +
		   (u64)magazines_cached(growth->magazines);

	return div_u64(min_t(u64, free, blocks - growth->reserve),
		       geometry_of(growth)->chunk_blocks);
}

/* One more than the last block that the pool has of a chunk. */
static u32 used_end(const struct growth *growth, u32 chunk)
{
	const struct geometry *geo = geometry_of(growth);
	u32 end = geometry_chunk_end(geo, chunk);

	if (growth->rest && geometry_chunk(geo, growth->rest) == chunk)
		end = growth->rest;
	return end;
}

/* Takes all blocks of a chunk out of the pool if nobody uses any of them. */
static bool withdraw(struct growth *growth, u32 chunk)
{
	u32 first = chunk * geometry_of(growth)->chunk_blocks;
	u32 end = used_end(growth, chunk);

	if (growth->blocks - growth->reserve < end - first ||
	    !storage_idle(growth->storage, chunk))
		return false;
	/* First, as it is last in supply(). */
	WRITE_ONCE(growth->blocks, growth->blocks - (end - first));
	if (!depot_claim_range(growth->depot, first, end))
		goto stays;
	/* A waiter enters the queue first, and looks at what is free then: it
	 * finds these blocks, or we find it.
	 */
	smp_mb();
	/* Whoever had one of them and has pinned it did so before it became
	 * free, and so before we took it.
	 */
	if (waiting_any(growth->magazines->waiting) ||
	    !storage_idle(growth->storage, chunk)) {
		depot_give_range(growth->depot, first, end);
		goto stays;
	}
	return true;

stays:
	WRITE_ONCE(growth->blocks, growth->blocks + (end - first));
	/* they were gone for a moment, in which somebody may have missed them */
	magazines_supplied(growth->magazines);
	return false;
}

static void remove_chunk(struct growth *growth, u32 chunk)
{
	storage_remove(growth->storage, chunk);
	charge_less(growth->charge, geometry_of(growth)->chunk_size);
	growth->chunks--;
	growth->hole = min(growth->hole, chunk);
	if (growth->rest && geometry_chunk(geometry_of(growth),
					   growth->rest) == chunk)
		growth->rest = 0;
	WRITE_ONCE(growth->shrinks, growth->shrinks + 1);
	trace_fixedpool_shrink(growth->name, growth->blocks);
}

/**
 * growth_shrink() - give chunks back
 * @growth: its size
 * @max: no more than this
 *
 * Those of which no block is held and no page is mapped or pinned, the last ones
 * first. Waits for no lock.
 *
 * Context: process, also inside of an allocation of memory, ours for one.
 * Return: how many.
 */
u32 growth_shrink(struct growth *growth, u32 max)
{
	u32 chunk = geometry_of(growth)->chunks;
	u32 gone = 0;

	/* what is free belongs to those who wait */
	if (waiting_any(growth->magazines->waiting) || !growth_spare(growth) ||
	    !mutex_trylock(&growth->lock))
		return 0;
	if (magazines_cached(growth->magazines))
		magazines_drain(growth->magazines);
	/* Of a chunk without references, no page can be put into a process from
	 * here on.
	 */
	if (!down_write_trylock(&growth->mapping))
		goto unlock;
	while (chunk-- && gone < max) {
		if (storage_has(growth->storage, chunk) &&
		    withdraw(growth, chunk)) {
			remove_chunk(growth, chunk);
			gone++;
		}
		cond_resched();
	}
	up_write(&growth->mapping);
	if (gone)
		magazines_withdrawn(growth->magazines);
unlock:
	mutex_unlock(&growth->lock);
	return gone;
}

static void growth_work(struct work_struct *work)
{
	struct growth *growth = container_of(work, struct growth, work);

	mutex_lock(&growth->lock);
	while (magazines_reachable(growth->magazines) < growth->ahead &&
	       growth_possible(growth)) {
		if (grow_by_chunk(growth))
			break;
	}
	mutex_unlock(&growth->lock);
}

static void growth_kicked(struct irq_work *kick)
{
	struct growth *growth = container_of(kick, struct growth, kick);

	/* it may sleep for long */
	queue_work(system_unbound_wq, &growth->work);
}

/**
 * growth_kick() - make a pool larger soon
 * @growth: its size
 *
 * Context: any, NMI included.
 */
void growth_kick(struct growth *growth)
{
	if (!growth_possible(growth))
		return;
	WRITE_ONCE(growth->kicked, true);
	irq_work_queue(&growth->kick);
}

/**
 * growth_init() - make the first blocks of a pool free
 * @growth: zeroed, but for all that is above the lock
 * @reserve: blocks that the mempool has promised
 * @blocks: blocks that the storage was made with
 *
 * Context: process; may sleep.
 */
void growth_init(struct growth *growth, u32 reserve, u32 blocks)
{
	const struct geometry *geo = geometry_of(growth);

	mutex_init(&growth->lock);
	init_rwsem(&growth->mapping);
	growth->kick = IRQ_WORK_INIT_HARD(growth_kicked);
	INIT_WORK(&growth->work, growth_work);
	INIT_LIST_HEAD(&growth->link);
	growth->reserve = reserve;
	growth->chunks = DIV_ROUND_UP_ULL(blocks, geo->chunk_blocks);
	growth->hole = growth->chunks;
	if (blocks < geo->blocks) {
		growth->memcg = get_mem_cgroup_from_mm(current->mm);
		growth->ahead = clamp(blocks / AHEAD_SHARE, 1U, AHEAD_MAX);
		if (blocks % geo->chunk_blocks)
			growth->rest = blocks;
	}
	supply(growth, 0, blocks);
}

/**
 * growth_exit() - nothing happens by itself any more
 * @growth: the size of a pool that nobody uses any more
 *
 * Context: process; may sleep.
 */
void growth_exit(struct growth *growth)
{
	if (READ_ONCE(growth->kicked)) {
		/* both, as in magazines_stop() */
		irq_work_sync(&growth->kick);
		synchronize_rcu();
	}
	cancel_work_sync(&growth->work);
	mem_cgroup_put(growth->memcg);
}
