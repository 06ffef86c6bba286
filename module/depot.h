/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The free blocks of a pool: a bitmap under a tree of counters.
 *
 * Any number of callers in any context, NMI included, may take and give at the
 * same time. Nothing is locked and nobody waits for anybody.
 *
 * Taking has two steps. depot_reserve() takes a number of blocks off the total;
 * from then on that many free blocks are the caller's, only which ones is open.
 * depot_claim() finds them.
 *
 * Whoever needs certain blocks, and no others, asks for a range of them with
 * depot_claim_range(), see depot_range.c.
 *
 * Complexity: reserve and cancel are O(1). Claiming or giving a word of blocks
 * looks at no more than 64 counters at each of log64(blocks / 4096) levels.
 * Memory: 1 bit a block, and 4 bytes for every 4096 blocks.
 */
#ifndef FIXEDPOOL_DEPOT_H
#define FIXEDPOOL_DEPOT_H

#include <linux/atomic.h>
#include <linux/types.h>

#define DEPOT_MAX_LEVELS	5
/* Entries under one of the next level; the blocks of a word. */
#define DEPOT_FANOUT	64

/**
 * struct depot - free blocks
 * @free: blocks that are free and not reserved
 * @level: level[0] are the words of the bitmap, a set bit is a free block;
 *	level[k] are counters, each for 64 entries of level[k - 1]
 * @entries: number of entries at each level
 * @top: number of the highest level, which has no more than 64 entries
 *
 * The rule that everything rests on: at each level, and with @free for the
 * root above the top,
 *
 *	counter + reservations that went through it and are not done below it
 *		<= what the 64 entries under it sum up to.
 *
 * Giving adds from the bottom up and taking subtracts from the top down, so
 * the rule holds at every instant, also for whoever interrupts either of them
 * half way. So whoever has subtracted n from a counter finds n below it, and a
 * free block is never hidden from depot_reserve() once depot_give() is done.
 */
struct depot {
	atomic_long_t free;
	union {
		atomic_long_t *words;
		atomic_t *counters;
	} level[DEPOT_MAX_LEVELS];
	u32 entries[DEPOT_MAX_LEVELS];
	unsigned int top;
};

int depot_init(struct depot *depot, u32 blocks);
void depot_exit(struct depot *depot);
size_t depot_bytes(u32 blocks);

unsigned long depot_reserve(struct depot *depot, unsigned long min,
			    unsigned long max);
void depot_cancel(struct depot *depot, unsigned long count);
void depot_claim(struct depot *depot, u32 *indices, unsigned int count);
unsigned long depot_claim_word(struct depot *depot, unsigned int count,
			       u32 *word);
void depot_give(struct depot *depot, u32 word, unsigned long mask);
bool depot_claim_range(struct depot *depot, u32 first, u32 end);
void depot_give_range(struct depot *depot, u32 first, u32 end);

long depot_promised(const struct depot *depot);

static inline unsigned long depot_free(const struct depot *depot)
{
	return atomic_long_read(&depot->free);
}

/* Do the counters and the bitmap agree, when nobody has reserved anything. */
static inline bool depot_valid(const struct depot *depot)
{
	return depot_promised(depot) == 0;
}

#endif /* FIXEDPOOL_DEPOT_H */
