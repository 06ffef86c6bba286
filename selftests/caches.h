/* SPDX-License-Identifier: GPL-2.0 */
/* CACHE_FILL and CACHE_DRAIN, for the tests of them; after fixedpool_test.h. */
#ifndef FIXEDPOOL_CACHES_H
#define FIXEDPOOL_CACHES_H

static inline int cache_fill(int client, __u32 pool, __u32 *blocks, __u32 count, __u32 *done)
{
	struct fixedpool_cache_fill fill = {
		.pool = pool,
		.count = count,
		.done = 0xdddd,
		.blocks = (uintptr_t)blocks,
	};
	int error = call(client, FIXEDPOOL_IOC_CACHE_FILL, &fill);

	if (done)
		*done = fill.done;
	return error;
}

static inline int cache_drain(int client, __u32 pool, __u32 *blocks, __u32 count, __u32 *done)
{
	struct fixedpool_cache_drain drain = {
		.pool = pool,
		.count = count,
		.done = 0xdddd,
		.blocks = (uintptr_t)blocks,
	};
	int error = call(client, FIXEDPOOL_IOC_CACHE_DRAIN, &drain);

	if (done)
		*done = drain.done;
	return error;
}

#endif /* FIXEDPOOL_CACHES_H */
