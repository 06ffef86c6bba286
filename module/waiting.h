/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Callers that wait for free blocks, in one queue in front of the depot. First
 * come, first served, also where the first wants many and those behind him few.
 *
 * A block that becomes free while somebody waits is handed over by reserving it
 * in the depot on behalf of the first waiter, who is woken then. That is done in
 * a hard interrupt of its own, as blocks are given back in any context, NMI
 * included. Nobody else takes blocks out of the depot meanwhile, and the
 * magazines are shut, so that all blocks come by here.
 *
 * Here is also seen when free blocks become fewer, or as many, as a mark says; see
 * alert.h for those who want to know.
 */
#ifndef FIXEDPOOL_WAITING_H
#define FIXEDPOOL_WAITING_H

#include <linux/irq_work.h>
#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#include "depot.h"

struct task_struct;
struct work_struct;

/**
 * struct waiting - the queue of a pool
 * @lock: Protects: everything below, and all of the waiters and parties in the
 *	queue. Ordering: innermost but for what wakes a task.
 * @depot: where the blocks come from
 * @queue: struct waiter, the first to be served first
 * @count: how many wait
 * @shown: shows @count to processes, or NULL
 * @error: why nobody may wait any more, or 0
 * @fall: @crossed is due when there are fewer free blocks than this
 * @rise: @crossed is due when there are as many free blocks as this
 * @heeded: somebody waits, or there is a mark: what comes and goes matters
 * @news: hands over what has come, from any context
 * @used: @news has been used
 * @crossed: looks at the marks in process context, or NULL
 */
struct waiting {
	raw_spinlock_t lock; /* see above */
	struct depot *depot;
	struct list_head queue;
	u32 count;
	u32 *shown;
	int error;
	u32 fall;
	u32 rise;
	bool heeded;
	struct irq_work news;
	bool used;
	struct work_struct *crossed;
};

/**
 * struct waiting_party - waiters who are to be sent away together
 * @waiters: struct waiter
 * @error: why they may not wait any more, or 0
 */
struct waiting_party {
	struct list_head waiters;
	int error;
};

/**
 * struct waiter - a caller that waits, on its own stack
 * @link: in the queue, until it is served or sent away
 * @kin: in its party, if it has one
 * @task: the caller
 * @min: fewer blocks are no use
 * @max: no more than this
 * @granted: blocks that have been reserved for it
 * @error: why it was sent away, or 0
 * @done: @granted or @error is set
 */
struct waiter {
	struct list_head link;
	struct list_head kin;
	struct task_struct *task;
	u32 min;
	u32 max;
	u32 granted;
	int error;
	bool done;
};

/**
 * struct patience - how to wait
 * @deadline: when to give up, of CLOCK_MONOTONIC; KTIME_MAX: never
 * @state: TASK_INTERRUPTIBLE or TASK_KILLABLE
 */
struct patience {
	ktime_t deadline;
	unsigned int state;
};

void waiting_init(struct waiting *waiting, struct depot *depot);
void waiting_stop(struct waiting *waiting);
void waiting_party_init(struct waiting_party *party);

int waiting_enter(struct waiting *waiting, struct waiting_party *party,
		  struct waiter *waiter);
void waiting_hand_over(struct waiting *waiting);
int waiting_doze(struct waiter *waiter, const struct patience *patience);
int waiting_leave(struct waiting *waiting, struct waiter *waiter, int error);
void waiting_came(struct waiting *waiting, u32 free);
void waiting_went(struct waiting *waiting, u32 free);
void waiting_look(struct waiting *waiting);
void waiting_set_marks(struct waiting *waiting, u32 fall, u32 rise);
void waiting_end(struct waiting *waiting, int error);
void waiting_dismiss(struct waiting *waiting, struct waiting_party *party,
		     int error);

/* Free blocks belong to those who wait. */
static inline bool waiting_any(const struct waiting *waiting)
{
	return READ_ONCE(waiting->count);
}

/* waiting_came() and waiting_went() have something to do. */
static inline bool waiting_heeded(const struct waiting *waiting)
{
	return READ_ONCE(waiting->heeded);
}

/* There are so many free blocks that @crossed is due. */
static inline bool waiting_crossed(const struct waiting *waiting, u32 free)
{
	return free < READ_ONCE(waiting->fall) ||
	       free >= READ_ONCE(waiting->rise);
}

#endif /* FIXEDPOOL_WAITING_H */
