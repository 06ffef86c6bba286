// SPDX-License-Identifier: GPL-2.0
/*
 * The queue of those who wait for blocks; see waiting.h.
 *
 * No wakeup is lost. A waiter
 *
 *   1. enters the queue, so that @count is not 0,
 *   2. has the magazines shut and drained: from then on whatever becomes free
 *	goes to the depot, and what lay in magazines is there,
 *   3. hands over what the depot has, and sleeps.
 *
 * Who makes blocks free
 *
 *   a. gives them to the depot,
 *   b. looks whether somebody waits, and has them handed over then.
 *
 * Between 1 and 3, and between a and b, lies a full barrier: so 3 finds the
 * blocks of a, or b finds the waiter of 1. A block that goes into a magazine
 * after 1 is put there before 2 is done, and drained by it.
 *
 * A waiter is granted blocks or sent away under the lock, once: whichever comes
 * first holds. One that gives up looks under the lock whether it has been
 * granted anything, and keeps that.
 */
#include "waiting.h"

#include <linux/errno.h>
#include <linux/hrtimer.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/workqueue.h>

/* Waiters that are woken before interrupts come on again. */
#define AT_ONCE	16

static bool has_marks(const struct waiting *waiting)
{
	return READ_ONCE(waiting->fall) || READ_ONCE(waiting->rise) != U32_MAX;
}

static void set_heeded(struct waiting *waiting)
{
	lockdep_assert_held(&waiting->lock);
	WRITE_ONCE(waiting->heeded, waiting->count || has_marks(waiting));
}

static void count_set(struct waiting *waiting, u32 count)
{
	lockdep_assert_held(&waiting->lock);
	WRITE_ONCE(waiting->count, count);
	if (waiting->shown)
		WRITE_ONCE(*waiting->shown, count);
	set_heeded(waiting);
}

static void leave_queue(struct waiting *waiting, struct waiter *waiter)
{
	list_del(&waiter->link);
	list_del(&waiter->kin);
	count_set(waiting, waiting->count - 1);
}

/* The waiter may be gone as soon as the lock is free. */
static void finish(struct waiting *waiting, struct waiter *waiter, u32 granted,
		   int error)
{
	leave_queue(waiting, waiter);
	waiter->granted = granted;
	waiter->error = error;
	/* pairs with waiting_doze(), which goes on without the lock */
	smp_store_release(&waiter->done, true);
	wake_up_process(waiter->task);
}

/* Serves the first; false if it has to wait on. */
static bool serve(struct waiting *waiting)
{
	struct waiter *first = list_first_entry(&waiting->queue, struct waiter,
						link);
	u32 count = depot_reserve(waiting->depot, first->min, first->max);

	if (count)
		finish(waiting, first, count, 0);
	return count;
}

/* Any context. */
static void queue_news(struct waiting *waiting)
{
	WRITE_ONCE(waiting->used, true);
	irq_work_queue(&waiting->news);
}

/**
 * waiting_hand_over() - give the waiters what the depot has
 * @waiting: the queue
 *
 * Context: any but NMI. Serves a bounded number; the rest is done in an interrupt.
 */
void waiting_hand_over(struct waiting *waiting)
{
	unsigned int left = AT_ONCE;
	unsigned long flags;

	/* steps 1 and 3, see above */
	smp_mb();
	raw_spin_lock_irqsave(&waiting->lock, flags);
	while (left && !list_empty(&waiting->queue) && serve(waiting))
		left--;
	raw_spin_unlock_irqrestore(&waiting->lock, flags);
	if (!left)
		queue_news(waiting);
}

static void news_arrived(struct irq_work *news)
{
	struct waiting *waiting = container_of(news, struct waiting, news);

	waiting_hand_over(waiting);
	if (has_marks(waiting))
		schedule_work(waiting->crossed);
}

/**
 * waiting_came() - blocks have come to the depot
 * @waiting: the queue, heeded
 * @free: how many are free now
 *
 * Context: any. A full barrier lies between the blocks and the look whether it is
 * heeded.
 */
void waiting_came(struct waiting *waiting, u32 free)
{
	if (waiting_any(waiting) || free >= READ_ONCE(waiting->rise))
		queue_news(waiting);
}

/**
 * waiting_went() - blocks have been taken out of the depot
 * @waiting: the queue, heeded
 * @free: how many are left
 *
 * Context: as waiting_came().
 */
void waiting_went(struct waiting *waiting, u32 free)
{
	if (free < READ_ONCE(waiting->fall))
		queue_news(waiting);
}

/**
 * waiting_look() - have somebody look at the marks, if there are any
 * @waiting: the queue
 *
 * Context: any.
 */
void waiting_look(struct waiting *waiting)
{
	if (has_marks(waiting))
		queue_news(waiting);
}

/**
 * waiting_set_marks() - say when @crossed is due
 * @waiting: the queue
 * @fall: when there are fewer free blocks than this; 0: never
 * @rise: when there are as many as this; U32_MAX: never
 *
 * Context: process. Whoever takes or gives blocks after it has returned, sees the
 * marks; what was taken or given before, the caller sees.
 */
void waiting_set_marks(struct waiting *waiting, u32 fall, u32 rise)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&waiting->lock, flags);
	WRITE_ONCE(waiting->fall, fall);
	WRITE_ONCE(waiting->rise, rise);
	set_heeded(waiting);
	raw_spin_unlock_irqrestore(&waiting->lock, flags);
	/* between the marks and the caller's count, see alert.c */
	smp_mb();
}

/**
 * waiting_init() - nobody waits yet
 * @waiting: the queue
 * @depot: where the blocks come from
 */
void waiting_init(struct waiting *waiting, struct depot *depot)
{
	raw_spin_lock_init(&waiting->lock);
	waiting->depot = depot;
	INIT_LIST_HEAD(&waiting->queue);
	waiting->rise = U32_MAX;
	waiting->news = IRQ_WORK_INIT_HARD(news_arrived);
}

/**
 * waiting_stop() - nothing happens by itself any more
 * @waiting: the queue; nobody waits, takes or gives any more
 *
 * Context: process; may sleep.
 */
void waiting_stop(struct waiting *waiting)
{
	if (!READ_ONCE(waiting->used))
		return;
	/* as in magazines_stop() */
	irq_work_sync(&waiting->news);
	synchronize_rcu();
}

/**
 * waiting_party_init() - nobody of the party waits yet
 * @party: the party
 */
void waiting_party_init(struct waiting_party *party)
{
	INIT_LIST_HEAD(&party->waiters);
	party->error = 0;
}

/**
 * waiting_enter() - stand at the end of the queue
 * @waiting: the queue
 * @party: the waiter's party, or NULL
 * @waiter: who waits: @min and @max are set
 *
 * Context: process. If it succeeds, waiting_leave() must follow.
 * Return: 0; or why nobody, or nobody of the party, may wait any more.
 */
int waiting_enter(struct waiting *waiting, struct waiting_party *party,
		  struct waiter *waiter)
{
	unsigned long flags;
	int error;

	INIT_LIST_HEAD(&waiter->kin);
	waiter->task = current;
	waiter->granted = 0;
	waiter->error = 0;
	waiter->done = false;
	raw_spin_lock_irqsave(&waiting->lock, flags);
	error = party && party->error ? party->error : waiting->error;
	if (!error) {
		list_add_tail(&waiter->link, &waiting->queue);
		if (party)
			list_add_tail(&waiter->kin, &party->waiters);
		count_set(waiting, waiting->count + 1);
	}
	raw_spin_unlock_irqrestore(&waiting->lock, flags);
	return error;
}

/**
 * waiting_doze() - sleep in the queue, without leaving it
 * @waiter: who has entered it
 * @patience: how long, and what may disturb it
 *
 * Context: process; sleeps. waiting_leave() must follow, or another doze.
 * Return: 0 if the waiter has been served or sent away; -ETIMEDOUT; -ERESTARTSYS
 * if a signal came.
 */
int waiting_doze(struct waiter *waiter, const struct patience *patience)
{
	bool forever = patience->deadline == KTIME_MAX;
	ktime_t deadline = patience->deadline;
	int error = 0;

	for (;;) {
		set_current_state(patience->state);
		/* pairs with finish() */
		if (smp_load_acquire(&waiter->done))
			break;
		if (signal_pending_state(patience->state, current)) {
			error = -ERESTARTSYS;
			break;
		}
		if (!schedule_hrtimeout_range(forever ? NULL : &deadline,
					      current->timer_slack_ns,
					      HRTIMER_MODE_ABS)) {
			error = -ETIMEDOUT;
			break;
		}
	}
	__set_current_state(TASK_RUNNING);
	return error;
}

/**
 * waiting_leave() - be in the queue no more
 * @waiting: the queue
 * @waiter: who has entered it
 * @error: why, if it has not been served or sent away: what waiting_doze() said
 *
 * Context: process.
 * Return: 0, and @waiter->granted blocks are reserved for the caller; @error; or
 * why it was sent away.
 */
int waiting_leave(struct waiting *waiting, struct waiter *waiter, int error)
{
	unsigned long flags;
	bool left;

	raw_spin_lock_irqsave(&waiting->lock, flags);
	left = !waiter->done;
	if (left)
		leave_queue(waiting, waiter);
	else
		error = waiter->error;
	raw_spin_unlock_irqrestore(&waiting->lock, flags);
	/* those behind may want less, and if there is nobody, the marks count */
	if (left)
		waiting_hand_over(waiting);
	waiting_look(waiting);
	return error;
}

/**
 * waiting_end() - send all away, for good
 * @waiting: the queue
 * @error: why
 *
 * Context: process.
 */
void waiting_end(struct waiting *waiting, int error)
{
	unsigned int left;
	unsigned long flags;

	do {
		raw_spin_lock_irqsave(&waiting->lock, flags);
		waiting->error = error;
		for (left = AT_ONCE; left && !list_empty(&waiting->queue); left--)
			finish(waiting,
			       list_first_entry(&waiting->queue, struct waiter,
						link),
			       0, error);
		raw_spin_unlock_irqrestore(&waiting->lock, flags);
	} while (!left);
}

/**
 * waiting_dismiss() - send a party away, for good
 * @waiting: the queue
 * @party: the party
 * @error: why
 *
 * Context: process.
 */
void waiting_dismiss(struct waiting *waiting, struct waiting_party *party,
		     int error)
{
	unsigned int left;
	unsigned long flags;

	do {
		raw_spin_lock_irqsave(&waiting->lock, flags);
		party->error = error;
		for (left = AT_ONCE; left && !list_empty(&party->waiters); left--)
			finish(waiting,
			       list_first_entry(&party->waiters, struct waiter,
						kin),
			       0, error);
		raw_spin_unlock_irqrestore(&waiting->lock, flags);
	} while (!left);
	waiting_hand_over(waiting);
}
