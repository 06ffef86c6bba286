/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Alerts: being told that free blocks have become few, or enough again.
 *
 * The work of telling is done in process context, where wait queues and eventfds
 * may be used; see alert.c for how it comes about that somebody sees the block
 * that makes the difference.
 */
#ifndef FIXEDPOOL_ALERT_H
#define FIXEDPOOL_ALERT_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/types.h>
#include <linux/workqueue.h>

#include "magazine.h"

/**
 * struct alert - what somebody wants to be told
 * @link: in the pool's alerts while it is set, else empty
 * @low: tell when there are fewer free blocks than this; 0: do not
 * @high: tell when there are this many again; 0: do not
 * @few: what was told, or found, last
 * @once: it is over when something has been told
 * @tell: tells; process context, under the lock of the alerts
 *
 * Where one of the marks is 0, the other says when it may be told again.
 */
struct alert {
	struct list_head link;
	u32 low;
	u32 high;
	bool few;
	bool once;
	void (*tell)(struct alert *alert);
};

/**
 * struct alerts - all alerts of a pool
 * @lock: Protects: @set and the alerts in it, @demanding, and what the users of
 *	alerts say it does. Ordering: outside the magazines' lock.
 * @set: struct alert
 * @mags: the pool's magazines
 * @demanding: the magazines are kept shut for it
 * @work: tells
 */
struct alerts {
	struct mutex lock; /* see above */
	struct list_head set;
	struct magazines *mags;
	bool demanding;
	struct work_struct work;
};

void alerts_init(struct alerts *alerts, struct magazines *mags);
void alerts_stop(struct alerts *alerts);

void alert_init(struct alert *alert, void (*tell)(struct alert *alert));
void alert_set(struct alerts *alerts, struct alert *alert, u32 low, u32 high,
	       bool once);
void alert_unset(struct alerts *alerts, struct alert *alert);

/* It has not been told yet, or can be told again. */
static inline bool alert_is_set(const struct alert *alert)
{
	return !list_empty(&alert->link);
}

#endif /* FIXEDPOOL_ALERT_H */
