// SPDX-License-Identifier: GPL-2.0
/* Eventfds and poll() that tell of free blocks; see watch.h. */
#include "watch.h"

#include <linux/errno.h>
#include <linux/eventfd.h>
#include <linux/poll.h>
#include <linux/slab.h>

#include "compat.h"

/**
 * struct watch - an eventfd that is signalled at marks
 * @alert: the marks
 * @link: in the client's watches of the pool
 * @event: the eventfd
 * @id: its number among them
 */
struct watch {
	struct alert alert;
	struct list_head link;
	struct eventfd_ctx *event;
	u32 id;
};

static void tell_event(struct alert *alert)
{
	event_signal(container_of(alert, struct watch, alert)->event);
}

static void tell_pollers(struct alert *alert)
{
	struct watching *watching = container_of(alert, struct watching, ready);

	wake_up_interruptible_poll(watching->pollers, EPOLLIN | EPOLLRDNORM);
}

/**
 * watching_init() - nothing is watched yet
 * @watching: zeroed
 */
void watching_init(struct watching *watching)
{
	alert_init(&watching->ready, tell_pollers);
	INIT_LIST_HEAD(&watching->watches);
}

static void watch_free(struct watching *watching, struct fixedpool *pool,
		       struct watch *watch)
{
	alert_unset(&pool->alerts, &watch->alert);
	list_del(&watch->link);
	watching->count--;
	eventfd_ctx_put(watch->event);
	kfree(watch);
}

/**
 * watching_close() - end all watches, for good
 * @watching: the watches
 * @pool: the pool they are of
 *
 * Context: process; may sleep. Nothing is told any more when it has returned.
 */
void watching_close(struct watching *watching, struct fixedpool *pool)
{
	struct watch *watch, *next;

	mutex_lock(&pool->alerts.lock);
	watching->closed = true;
	alert_unset(&pool->alerts, &watching->ready);
	list_for_each_entry_safe(watch, next, &watching->watches, link)
		watch_free(watching, pool, watch);
	mutex_unlock(&pool->alerts.lock);
}

/* At once, for who does not wait. */
static bool has_free(const struct fixedpool *pool)
{
	return !waiting_any(&pool->waiting) && pool_free_blocks(pool);
}

/* Wakes those who poll as soon as there is a free block, which may be now. */
static void arm(struct watching *watching, struct fixedpool *pool,
		wait_queue_head_t *pollers)
{
	mutex_lock(&pool->alerts.lock);
	if (!watching->closed && !alert_is_set(&watching->ready)) {
		watching->pollers = pollers;
		alert_set(&pool->alerts, &watching->ready, 0, 1, true);
	}
	mutex_unlock(&pool->alerts.lock);
}

/**
 * watching_starved() - the client asked for more than there is
 * @watching: the client's watches of the pool
 * @pool: the pool
 * @pollers: those who poll the client
 *
 * Context: process; may sleep.
 */
void watching_starved(struct watching *watching, struct fixedpool *pool,
		      wait_queue_head_t *pollers)
{
	WRITE_ONCE(watching->starved, true);
	/* An edge-triggered epoll that has found the client ready asks no more.
	 * Either it is seen here, behind a full barrier, or it sees that the
	 * client starves.
	 */
	if (wq_has_sleeper(pollers))
		arm(watching, pool, pollers);
}

/**
 * watching_poll() - is there a free block
 * @watching: the client's watches of the pool
 * @pool: the pool
 * @pollers: woken as soon as there is one, if there is none
 *
 * Context: process; may sleep.
 */
bool watching_poll(struct watching *watching, struct fixedpool *pool,
		   wait_queue_head_t *pollers)
{
	if (has_free(pool))
		return true;
	arm(watching, pool, pollers);
	/* It may have been told before: who polls has queued for it by then, but
	 * sleeps only if we say that there is nothing.
	 */
	return has_free(pool);
}

/**
 * watch_add() - have an eventfd signalled
 * @watching: the client's watches of the pool
 * @pool: the pool
 * @low: when there are fewer free blocks than this, 0: not
 * @high: when there are this many again, 0: not; one of the two is not 0
 * @event: the eventfd; the reference becomes the watch's if it succeeds
 * @id: set to the number of the watch
 *
 * Context: process; may sleep.
 * Return: 0; -EMFILE if there are FIXEDPOOL_MAX_WATCHES; -ENOTCONN if the client
 * has left the pool; -ENOMEM.
 */
int watch_add(struct watching *watching, struct fixedpool *pool, u32 low,
	      u32 high, struct eventfd_ctx *event, u32 *id)
{
	struct watch *watch = kmalloc(sizeof(*watch), POOL_GFP);
	int error = 0;

	if (!watch)
		return -ENOMEM;
	alert_init(&watch->alert, tell_event);
	watch->event = event;
	mutex_lock(&pool->alerts.lock);
	if (watching->closed) {
		error = -ENOTCONN;
	} else if (watching->count == FIXEDPOOL_MAX_WATCHES) {
		error = -EMFILE;
	} else {
		watch->id = ++watching->last;
		*id = watch->id;
		list_add_tail(&watch->link, &watching->watches);
		watching->count++;
		alert_set(&pool->alerts, &watch->alert, low, high, false);
	}
	mutex_unlock(&pool->alerts.lock);
	if (error)
		kfree(watch);
	return error;
}

/**
 * watch_remove() - end a watch
 * @watching: the client's watches of the pool
 * @pool: the pool
 * @id: its number
 *
 * Context: process; may sleep.
 * Return: 0 or -ENOENT.
 */
int watch_remove(struct watching *watching, struct fixedpool *pool, u32 id)
{
	struct watch *watch;
	int error = -ENOENT;

	mutex_lock(&pool->alerts.lock);
	list_for_each_entry(watch, &watching->watches, link) {
		if (watch->id != id)
			continue;
		watch_free(watching, pool, watch);
		error = 0;
		break;
	}
	mutex_unlock(&pool->alerts.lock);
	return error;
}
