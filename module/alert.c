// SPDX-License-Identifier: GPL-2.0
/*
 * Telling that free blocks have become few, or enough; see alert.h.
 *
 * Of all alerts together two marks are kept in front of the depot, see
 * waiting.h: whoever takes blocks there and leaves fewer than the first, or
 * gives some and makes them as many as the second, has the work done that looks
 * at each alert. Blocks in magazines would escape that. So
 *
 *   - as long as an alert is about few blocks, magazines are shut earlier: when
 *     there are still more in depot and rack than its mark. As long as they are
 *     open, it cannot have been reached.
 *   - as long as an alert is about enough blocks, magazines are kept shut.
 *
 * No crossing is missed: the marks are set first, then the blocks are counted;
 * whoever takes or gives changes the number first, and looks at the marks then,
 * with a full barrier in between on both sides. Blocks that go and come back
 * before the work has been done are not told.
 *
 * While callers wait, what is free is theirs and does not count.
 */
#include "alert.h"

#include <linux/kernel.h>

/* Rounds before others may use the CPU. */
#define ROUNDS	8

static u32 fall_mark(const struct alert *alert)
{
	return alert->low ?: alert->high;
}

static u32 rise_mark(const struct alert *alert)
{
	return alert->high ?: alert->low;
}

static void tell(struct alert *alert)
{
	if (alert->once)
		list_del_init(&alert->link);
	alert->tell(alert);
}

static void consider(struct alert *alert, u32 free)
{
	if (!alert->few && free < fall_mark(alert)) {
		alert->few = true;
		if (alert->low)
			tell(alert);
	} else if (alert->few && free >= rise_mark(alert)) {
		alert->few = false;
		if (alert->high)
			tell(alert);
	}
}

/* Sets the marks, and has the magazines serve them. */
static void set_marks(struct alerts *alerts)
{
	u32 fall = 0, rise = U32_MAX;
	struct alert *alert;
	bool demanding;

	list_for_each_entry(alert, &alerts->set, link) {
		if (alert->few)
			rise = min(rise, rise_mark(alert));
		else
			fall = max(fall, fall_mark(alert));
	}
	demanding = rise != U32_MAX;
	if (demanding && !alerts->demanding)
		magazines_demand(alerts->mags);
	waiting_set_marks(alerts->mags->waiting, fall, rise);
	magazines_set_mark(alerts->mags, fall);
	if (!demanding && alerts->demanding)
		magazines_undemand(alerts->mags);
	alerts->demanding = demanding;
}

/* Looks at each alert until all of them are as they should be, or for some time;
 * false if something is left to do.
 */
static bool look(struct alerts *alerts)
{
	struct alert *alert, *next;
	unsigned int round;
	u32 free;

	lockdep_assert_held(&alerts->lock);
	for (round = 0; round < ROUNDS; round++) {
		set_marks(alerts);
		free = magazines_count(alerts->mags);
		if (!waiting_crossed(alerts->mags->waiting, free))
			return true;
		list_for_each_entry_safe(alert, next, &alerts->set, link)
			consider(alert, free);
	}
	return false;
}

static void alerts_work(struct work_struct *work)
{
	struct alerts *alerts = container_of(work, struct alerts, work);

	mutex_lock(&alerts->lock);
	if (!look(alerts))
		schedule_work(&alerts->work);
	mutex_unlock(&alerts->lock);
}

/**
 * alerts_init() - nobody wants to be told anything yet
 * @alerts: the alerts
 * @mags: the pool's magazines
 */
void alerts_init(struct alerts *alerts, struct magazines *mags)
{
	mutex_init(&alerts->lock);
	INIT_LIST_HEAD(&alerts->set);
	alerts->mags = mags;
	alerts->demanding = false;
	INIT_WORK(&alerts->work, alerts_work);
	mags->waiting->crossed = &alerts->work;
}

/**
 * alerts_stop() - nothing happens by itself any more
 * @alerts: the alerts, none of which is set, after waiting_stop()
 *
 * Context: process; may sleep.
 */
void alerts_stop(struct alerts *alerts)
{
	cancel_work_sync(&alerts->work);
}

/**
 * alert_init() - an alert that is not set
 * @alert: the alert
 * @tell: what it does
 */
void alert_init(struct alert *alert, void (*tell)(struct alert *alert))
{
	INIT_LIST_HEAD(&alert->link);
	alert->tell = tell;
}

/**
 * alert_set() - want to be told
 * @alerts: the pool's alerts, locked
 * @alert: not set
 * @low: tell when there are fewer free blocks than this, 0: do not
 * @high: tell when there are this many again, 0: do not; one of the two is not 0
 * @once: tell only once
 *
 * What is so already is told before it returns.
 *
 * Context: process; may sleep.
 */
void alert_set(struct alerts *alerts, struct alert *alert, u32 low, u32 high,
	       bool once)
{
	lockdep_assert_held(&alerts->lock);
	alert->low = low;
	alert->high = high;
	alert->once = once;
	alert->few = !low;
	list_add_tail(&alert->link, &alerts->set);
	if (!look(alerts))
		schedule_work(&alerts->work);
}

/**
 * alert_unset() - want to be told no more
 * @alerts: the pool's alerts, locked
 * @alert: set or not
 *
 * Context: process; may sleep.
 */
void alert_unset(struct alerts *alerts, struct alert *alert)
{
	lockdep_assert_held(&alerts->lock);
	if (!alert_is_set(alert))
		return;
	list_del_init(&alert->link);
	if (!look(alerts))
		schedule_work(&alerts->work);
}
