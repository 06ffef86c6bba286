// SPDX-License-Identifier: GPL-2.0
/* When each block was taken, and by whom; see track.h. */
#include "track.h"

#include <linux/compiler.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/timekeeping.h>

#include "storage.h"

/**
 * tracks_bytes() - memory of the tracks of a pool
 * @blocks: blocks in the pool
 */
u64 tracks_bytes(u32 blocks)
{
	return (u64)blocks * sizeof(struct track);
}

/**
 * tracks_create() - a track for each block
 * @blocks: blocks in the pool
 *
 * Context: process; may sleep.
 * Return: the tracks, or NULL.
 */
struct track *tracks_create(u32 blocks)
{
	return kvcalloc(blocks, sizeof(struct track), POOL_GFP);
}

/**
 * tracks_free() - undo tracks_create()
 * @tracks: the tracks, or NULL
 */
void tracks_free(struct track *tracks)
{
	kvfree(tracks);
}

/**
 * track_taken() - the caller takes a block
 * @track: the block's
 *
 * Context: any.
 */
void track_taken(struct track *track)
{
	/* this clock may be read in an NMI */
	WRITE_ONCE(track->since, ktime_get_mono_fast_ns());
	WRITE_ONCE(track->caller, 0);
	WRITE_ONCE(track->pid, in_task() ? task_pid_nr(current) : 0);
}

/**
 * track_caller() - a module has taken the block
 * @track: the block's, after track_taken()
 * @caller: where the module called from
 *
 * Context: any.
 */
void track_caller(struct track *track, unsigned long caller)
{
	WRITE_ONCE(track->caller, caller);
}

/**
 * track_age() - how long ago a block was taken
 * @track: the block's
 *
 * Context: any.
 * Return: nanoseconds.
 */
u64 track_age(const struct track *track)
{
	u64 since = READ_ONCE(track->since);
	u64 now = ktime_get_mono_fast_ns();

	/* taken since we looked at the clock, on another CPU */
	return now > since ? now - since : 0;
}
