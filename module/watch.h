/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What one client wants to be told of one pool: an eventfd for each of its
 * watches, and its own poll().
 */
#ifndef FIXEDPOOL_WATCH_H
#define FIXEDPOOL_WATCH_H

#include <linux/wait.h>

#include "pool.h"

struct eventfd_ctx;

/**
 * struct watching - a client's watches of a pool
 * @starved: the last that the client asked of the pool was too much; a hint
 * @ready: a block is free, for poll()
 * @pollers: those who poll the client; set with @ready
 * @watches: struct watch
 * @count: how many
 * @last: number of the one that was made last
 * @closed: nothing can be watched any more
 *
 * All but @starved is protected by the lock of the pool's alerts.
 */
struct watching {
	bool starved;
	struct alert ready;
	wait_queue_head_t *pollers;
	struct list_head watches;
	unsigned int count;
	u32 last;
	bool closed;
};

void watching_init(struct watching *watching);
void watching_close(struct watching *watching, struct fixedpool *pool);
bool watching_poll(struct watching *watching, struct fixedpool *pool,
		   wait_queue_head_t *pollers);
void watching_starved(struct watching *watching, struct fixedpool *pool,
		      wait_queue_head_t *pollers);
int watch_add(struct watching *watching, struct fixedpool *pool, u32 low,
	      u32 high, struct eventfd_ctx *event, u32 *id);
int watch_remove(struct watching *watching, struct fixedpool *pool, u32 id);

/* The client got what it asked for; most of the time that is nothing new. */
static inline void watching_served(struct watching *watching)
{
	if (unlikely(READ_ONCE(watching->starved)))
		WRITE_ONCE(watching->starved, false);
}

#endif /* FIXEDPOOL_WATCH_H */
