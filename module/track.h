/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tracks: for each block of a pool that is made so, when it was taken, and by
 * whom. Whoever takes the block writes its track, and has it alone then; others
 * look at any time, and may see one half of one track and one half of the next.
 */
#ifndef FIXEDPOOL_TRACK_H
#define FIXEDPOOL_TRACK_H

#include <linux/types.h>

/**
 * struct track - when a block was taken last, and by whom
 * @since: when, monotonic ns
 * @caller: where a module called from, 0: not a module
 * @pid: the thread, in the initial namespace; 0: an interrupt
 */
struct track {
	u64 since;
	unsigned long caller;
	pid_t pid;
};

u64 tracks_bytes(u32 blocks);
struct track *tracks_create(u32 blocks);
void tracks_free(struct track *tracks);
void track_taken(struct track *track);
void track_caller(struct track *track, unsigned long caller);
u64 track_age(const struct track *track);

#endif /* FIXEDPOOL_TRACK_H */
