// SPDX-License-Identifier: GPL-2.0
/*
 * Making sure of free blocks: out of the depot, out of magazines, by growth, and
 * by waiting for them.
 */
#include "pool.h"

#include <linux/ktime.h>

#include "trace.h"

/* Between two tries to make a pool grow for those who wait. */
#define GROW_AGAIN_MS	100

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
		pool_note_peak(pool);
	return count;
}

/*
 * Looks when all that is free is in the depot; see magazines_demand(). So if it
 * does not find enough, there is not enough: no block is in a magazine, on the
 * rack, or on its way, and growth_reserve() says why none is with the shrinker.
 *
 * A caller who polls a pool that has too few blocks interrupts nobody, but the
 * first time: the magazines stay shut then.
 */
static u32 reserve_of_all(struct fixedpool *pool, u32 min, u32 max)
{
	u32 count;

	magazines_demand(&pool->magazines);
	count = magazines_reserve(&pool->magazines, max, max);
	if (!count)
		count = growth_reserve(&pool->growth, min, max);
	if (!count)
		count = magazines_reserve(&pool->magazines, min, max);
	if (count) {
		pool_note_peak(pool);
		magazines_undemand(&pool->magazines);
	} else {
		magazines_undemand_shut(&pool->magazines);
	}
	return count;
}

/* As pool_reserve(), but not finding enough is no failure yet. */
static u32 try_reserve(struct fixedpool *pool, u32 min, u32 max)
{
	u32 count = magazines_reserve(&pool->magazines, max, max);

	if (count) {
		pool_note_peak(pool);
		return count;
	}
	if (waiting_any(&pool->waiting))
		return 0;
	return reserve_of_all(pool, min, max);
}

/**
 * pool_reserve() - make sure of free blocks
 * @pool: the pool
 * @min: fewer are no use, at least 1
 * @max: no more than this
 *
 * A pool that is too small for that grows, if it may. Blocks are free here from
 * when the call that frees them returns until somebody has taken or reserved them,
 * wherever they are moved meanwhile.
 *
 * Context: process; may sleep.
 * Return: how many, @min to @max; fewer than @max only if at some instant of the
 * call no more were free, nor could be made; 0 if fewer than @min, if callers
 * wait, or if the task is being killed.
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
	pool_note_peak(pool);
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
