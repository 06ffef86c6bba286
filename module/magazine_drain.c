// SPDX-License-Identifier: GPL-2.0
/* Putting into the depot what lies in magazines; see magazine.h. */
#include "magazine_entry.h"

#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/smp.h>

/**
 * magazine_empty() - put into the depot what lies in a magazine
 * @mags: the pool's magazines
 * @mag: the magazine, which nobody else is in; how many blocks lie in it singly,
 *	stays as it is
 *
 * Context: any; O(blocks in it).
 */
void magazine_empty(struct magazines *mags, struct fixedpool_magazine *mag)
{
	magazines_put_indices(mags, mag->index, magazine_count(mag));
	while (mag->words) {
		WRITE_ONCE(mag->words, mag->words - 1);
		magazines_put(mags, mag->word[mag->words], ~0UL);
	}
}

/* Empties the magazine of this CPU, unless we have interrupted its user. */
static bool drain_this_cpu(struct magazines *mags)
{
	struct fixedpool_magazine *mag;
	bool ours = magazine_enter(mags, &mag);

	if (ours) {
		magazine_empty(mags, mag);
		magazine_exit_with(mag, 0);
	} else {
		magazine_exit(mag);
	}
	return ours;
}

/* Nobody comes in between and finds what is on our stack nowhere. */
static void drain_rack(struct magazines *mags)
{
	u32 indices[MAGAZINE_BATCH] __aligned(sizeof(u64));
	bool taken;

	do {
		preempt_disable();
		taken = rack_take(&mags->rack, indices);
		if (taken)
			magazines_put_indices(mags, indices, MAGAZINE_BATCH);
		preempt_enable();
		cond_resched();
	} while (taken);
}

struct drain {
	struct magazines *mags;
	atomic_t missed;
};

static void drain_interrupt(void *data)
{
	struct drain *drain = data;

	if (!drain_this_cpu(drain->mags))
		atomic_inc(&drain->missed);
}

/**
 * magazines_drain() - put into the depot all that lies in magazines
 * @mags: the pool's magazines
 *
 * What others give meanwhile may lie in magazines again, unless these are shut.
 * All CPUs are interrupted: to look from here whether one has anything would not
 * do, as it may be about to put a block in with a limit it has read before. One
 * that was interrupted while inside is interrupted again, until it has had the
 * time to leave. A CPU that goes offline meanwhile is left to its own end, see
 * magazines.c.
 *
 * Context: process; may sleep.
 */
void magazines_drain(struct magazines *mags)
{
	struct drain drain = { .mags = mags };

	if (!mags->room)
		return;
	do {
		cond_resched();
		atomic_set(&drain.missed, 0);
		on_each_cpu(drain_interrupt, &drain, true);
	} while (atomic_read(&drain.missed));
	drain_rack(mags);
}
