/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How slow paths get into a magazine and out again, and what they ask about all of
 * a pool's; for the files that carry out magazine.h.
 */
#ifndef FIXEDPOOL_MAGAZINE_ENTRY_H
#define FIXEDPOOL_MAGAZINE_ENTRY_H

#include <linux/irq_work.h>
#include <linux/percpu.h>
#include <linux/preempt.h>
#include <asm/local.h>

#include "magazine.h"

/* Whether we, who have entered, are the only ones. */
static inline bool magazine_is_ours(const struct fixedpool_magazine *mag)
{
	return magazine_state(mag) / MAGAZINE_BUSY == 1;
}

/* Preemption goes off, and we are inside; says whether we are the only ones. */
static inline bool magazine_enter(struct magazines *mags,
				  struct fixedpool_magazine **mag)
{
	unsigned long before;

	preempt_disable();
	*mag = this_cpu_ptr(mags->cpu);
	before = local_add_return(MAGAZINE_BUSY, &(*mag)->state) -
		 MAGAZINE_BUSY;
	barrier();
	return before + 1 < MAGAZINE_BUSY;
}

static inline void magazine_exit(struct fixedpool_magazine *mag)
{
	barrier();
	local_sub(MAGAZINE_BUSY, &mag->state);
	preempt_enable();
}

/* The same for those who have it to themselves, with another number of blocks. */
static inline void magazine_exit_with(struct fixedpool_magazine *mag, u32 count)
{
	barrier();
	local_add((long)count - magazine_count(mag) - MAGAZINE_BUSY, &mag->state);
	preempt_enable();
}

static inline void magazines_count_path(struct magazines *mags,
					enum magazine_path path)
{
	this_cpu_inc(mags->paths->counters[path]);
}

static inline bool magazines_are_shut(const struct magazines *mags)
{
	return READ_ONCE(mags->shut);
}

/* Asks for the work that shuts or opens; any context. */
static inline void magazines_kick(struct magazines *mags)
{
	WRITE_ONCE(mags->kicked, true);
	irq_work_queue(&mags->kick);
}

/* However many free blocks there are. */
static inline bool magazines_to_stay_shut(const struct magazines *mags)
{
	return READ_ONCE(mags->demands) || magazines_watched(mags);
}

#endif /* FIXEDPOOL_MAGAZINE_ENTRY_H */
