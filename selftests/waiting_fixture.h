/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A pool all of whose blocks one client holds, and threads that wait for them,
 * for the tests of waiting.
 */
#ifndef WAITING_FIXTURE_H
#define WAITING_FIXTURE_H

#include "fixedpool_test.h"

#include <poll.h>
#include <sys/mman.h>
#include <time.h>

#define POOL "waiting"
#define BLOCKS 16

/**
 * struct waiter - a thread that waits in a call
 * @client: whose call it is
 * @pool: number of the pool, or of a set
 * @count: blocks wanted
 * @flags: FIXEDPOOL_ALLOC_*, beside WAIT
 * @scope: that is to hold them
 * @size: with BY_SIZE
 * @timeout: of the call; 0: never
 * @handles: what it got
 * @done: how many, as the call says
 * @result: 0 or an errno
 */
struct waiter {
	pthread_t thread;
	int client;
	__u32 pool, count, flags, scope, size;
	__u64 timeout;
	__u64 handles[BLOCKS];
	__u32 done;
	int result;
	bool ended;
};

static inline __u64 now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000ULL + time.tv_nsec;
}

#define MS 1000000ULL

static inline int wait_take(struct waiter *waiter)
{
	struct fixedpool_alloc alloc = {
		.pool = waiter->pool,
		.flags = waiter->flags | FIXEDPOOL_ALLOC_WAIT,
		.count = waiter->count,
		.done = 0xdddddddd,
		.handles = (uintptr_t)waiter->handles,
		.scope = waiter->scope,
		.size = waiter->size,
		.timeout = waiter->timeout ?: FIXEDPOOL_NEVER,
	};
	int error = call(waiter->client, FIXEDPOOL_IOC_ALLOC, &alloc);

	waiter->done = alloc.done;
	return error;
}

static inline void *wait_in_thread(void *data)
{
	struct waiter *waiter = data;

	waiter->result = wait_take(waiter);
	__atomic_store_n(&waiter->ended, true, __ATOMIC_RELEASE);
	return NULL;
}

static inline bool has_ended(struct waiter *waiter)
{
	return __atomic_load_n(&waiter->ended, __ATOMIC_ACQUIRE);
}

static inline long long waiters_of(const char *pool)
{
	return sysfs_number(pool, "waiters");
}

/* Starts it; true when it stands in the queue behind those who were there. */
static inline bool starts_to_wait(struct waiter *waiter)
{
	long long before = waiters_of(POOL);

	return !pthread_create(&waiter->thread, NULL, wait_in_thread, waiter) &&
	       EVENTUALLY(waiters_of(POOL) == before + 1) && !has_ended(waiter);
}

/* The errno of its call, or 0; -1 if it goes on waiting. */
static inline int waited(struct waiter *waiter)
{
	if (!EVENTUALLY(has_ended(waiter)))
		return -1;
	pthread_join(waiter->thread, NULL);
	return waiter->result;
}

#endif /* WAITING_FIXTURE_H */
