// SPDX-License-Identifier: GPL-2.0
/* Waiting for blocks, for other modules; the contract of <linux/fixedpool.h>. */
#include <linux/fixedpool.h>

#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/sched.h>

#include "compat.h"
#include "pool.h"

/* How many blocks are the caller's, or why none. */
static int reserve(struct fixedpool *pool, unsigned int count,
		   ktime_t deadline)
{
	const struct patience patience = {
		.deadline = deadline,
		.state = TASK_KILLABLE,
	};
	int reserved;

	might_sleep();
	if (count > INT_MAX)
		return -EFBIG;
	reserved = pool_reserve_patiently(pool, NULL, count, count, &patience);
	return reserved == -ERESTARTSYS ? -EINTR : reserved;
}

/**
 * fixedpool_alloc_wait() - take a block, wait for one if need be
 * @pool: the pool
 * @handle: set to the block's handle
 * @deadline: when to give up, of CLOCK_MONOTONIC as ktime_get() has it; KTIME_MAX:
 *	never; in the past: do not wait
 *
 * Those who wait, processes and modules, are served in the order in which they
 * have come. While somebody waits, whoever does not finds no free block.
 * Otherwise as fixedpool_alloc().
 *
 * Context: Process context; sleeps. Not from where a CPU is taken offline.
 * Return: The block, or an ERR_PTR: -ETIMEDOUT, -EINTR if the task is being
 * killed, -EIDRM if no block is free and the pool has been destroyed.
 */
void *fixedpool_alloc_wait(struct fixedpool *pool, u64 *handle,
			   ktime_t deadline)
{
	u32 index = pool_try_take(pool);
	int reserved;

	if (index != FIXEDPOOL_NO_INDEX) {
		*handle = pool_begin(pool, index, HOLDER_MODULE);
	} else {
		reserved = reserve(pool, 1, deadline);
		if (reserved < 0)
			return ERR_PTR(reserved);
		pool_claim(pool, HOLDER_MODULE, &index, handle, 1);
	}
	pool_note_caller(pool, index, _RET_IP_);
	return pool_block(pool, index);
}
FIXEDPOOL_EXPORT(fixedpool_alloc_wait);

/**
 * fixedpool_alloc_bulk_wait() - take several blocks, wait until there are as many
 * @pool: the pool
 * @handles: filled with handles
 * @count: how many
 * @deadline: as for fixedpool_alloc_wait()
 *
 * Takes all or none.
 *
 * Context: As fixedpool_alloc_wait().
 * Return: 0; -EFBIG if the pool can never have that many; or an error of
 * fixedpool_alloc_wait().
 */
int fixedpool_alloc_bulk_wait(struct fixedpool *pool, u64 *handles,
			      unsigned int count, ktime_t deadline)
{
	int reserved = count ? reserve(pool, count, deadline) : 0;
	u32 indices[POOL_BATCH];
	unsigned int i;

	while (reserved > 0) {
		unsigned int some = min_t(unsigned int, reserved, POOL_BATCH);

		pool_claim(pool, HOLDER_MODULE, indices, handles, some);
		for (i = 0; i < some; i++)
			pool_note_caller(pool, indices[i], _RET_IP_);
		handles += some;
		reserved -= some;
	}
	return reserved;
}
FIXEDPOOL_EXPORT(fixedpool_alloc_bulk_wait);
