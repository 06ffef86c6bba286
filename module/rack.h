/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The rack: full magazines that no CPU has loaded.
 *
 * A magazine of free blocks goes from one CPU to another as a whole, with one
 * atomic operation for all of its blocks. Where there is no shelf left for it,
 * or none with a magazine on it, the blocks go to and come from the depot.
 *
 * Any number of callers in any context, NMI included, may take and put at the
 * same time. O(1) but for copying MAGAZINE_BATCH indices.
 */
#ifndef FIXEDPOOL_RACK_H
#define FIXEDPOOL_RACK_H

#include <linux/atomic.h>
#include <linux/fixedpool.h>
#include <linux/types.h>

/* Blocks that change hands at a time. */
#define MAGAZINE_BATCH	FIXEDPOOL_BATCH

/**
 * struct shelf - room for one magazine
 * @index: the blocks
 * @next: the shelf below this one in its stack, its number + 1, or 0
 */
struct shelf {
	u32 index[MAGAZINE_BATCH] __aligned(sizeof(u64));
	u32 next;
};

/**
 * struct rack - all shelves of a pool, each in one of two stacks
 * @full: top of the shelves that have a magazine, see rack.c
 * @empty: top of the shelves that have none
 * @shelves: the shelves
 * @count: how many shelves there are
 * @magazines: how many of them have a magazine; counted before it can be taken
 *	and until it has been, so never too few
 */
struct rack {
	atomic64_t full;
	atomic64_t empty;
	struct shelf *shelves;
	u32 count;
	atomic_t magazines;
};

int rack_init(struct rack *rack, u32 shelves);
void rack_exit(struct rack *rack);
size_t rack_bytes(u32 shelves);

bool rack_put(struct rack *rack, const u32 *indices);
bool rack_take(struct rack *rack, u32 *indices);
void rack_peek(const struct rack *rack, void (*see)(void *data, u32 index),
	       void *data);

/* Moves MAGAZINE_BATCH indices, two at a time; both are aligned for that. */
static inline void rack_copy(u32 *to, const u32 *from)
{
	u64 *pairs_to = (u64 *)to;
	const u64 *pairs_from = (const u64 *)from;
	unsigned int i;

	/* a rep movs of this length takes longer to start than to run */
	for (i = 0; i < MAGAZINE_BATCH / 2; i += 4) {
		pairs_to[i] = pairs_from[i];
		pairs_to[i + 1] = pairs_from[i + 1];
		pairs_to[i + 2] = pairs_from[i + 2];
		pairs_to[i + 3] = pairs_from[i + 3];
	}
}

static inline u32 rack_blocks(const struct rack *rack)
{
	return atomic_read(&rack->magazines) * MAGAZINE_BATCH;
}

#endif /* FIXEDPOOL_RACK_H */
