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
		magazines_put(mags, mag->word[mag->words - 1], ~0UL);
		/* pairs with magazines_wait_for_dead() */
		smp_store_release(&mag->words, mag->words - 1);
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

/**
 * magazines_unrack() - put into the depot what lies in one magazine of the rack
 * @mags: the pool's magazines
 * @kept: set to a block that is the caller's instead; NULL: none is
 *
 * Meanwhile nobody else finds these blocks, neither an interrupt on this CPU nor
 * another CPU. Whoever needs to know, looks at @in_hand.
 *
 * Context: any.
 * Return: false if the rack is empty.
 */
bool magazines_unrack(struct magazines *mags, u32 *kept)
{
	u32 indices[MAGAZINE_BATCH] __aligned(sizeof(u64));
	unsigned int count = MAGAZINE_BATCH;
	bool taken;

	/* so that those who find it empty, again and again, keep nobody waiting */
	if (!rack_blocks(&mags->rack))
		return false;
	preempt_disable();
	atomic_inc(&mags->in_hand);
	/* Pairs with drain_rack(): to whom the rack is empty because of us, we
	 * are not done.
	 */
	smp_mb__after_atomic();
	taken = rack_take(&mags->rack, indices);
	if (taken) {
		if (kept)
			*kept = indices[--count];
		magazines_put_indices(mags, indices, count);
	}
	/* Pairs with drain_rack(): to whom we are done, the blocks are there. */
	atomic_fetch_dec_release(&mags->in_hand);
	preempt_enable();
	return taken;
}

/* When it returns, nobody else has any of it in hand either. */
static void drain_rack(struct magazines *mags)
{
	while (magazines_unrack(mags, NULL))
		cond_resched();
	/* Pairs with both in magazines_unrack(). Preemption is off there, so this
	 * does not take long.
	 */
	smp_mb();
	atomic_cond_read_acquire(&mags->in_hand, !VAL);
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
