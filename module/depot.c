// SPDX-License-Identifier: GPL-2.0
/* A bitmap of free blocks under a tree of counters; see depot.h. */
#include "depot.h"

#include <linux/bitops.h>
#include <linux/bug.h>
#include <linux/errno.h>
#include <linux/gfp.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/slab.h>

static_assert(BITS_PER_LONG == DEPOT_FANOUT);

/* Fills in the number of entries at each level; returns the top level. */
static unsigned int depot_levels(u32 blocks, u32 *entries)
{
	unsigned int top = 0;

	entries[0] = DIV_ROUND_UP_ULL(blocks, DEPOT_FANOUT);
	while (entries[top] > DEPOT_FANOUT) {
		entries[top + 1] = DIV_ROUND_UP(entries[top], DEPOT_FANOUT);
		top++;
	}
	return top;
}

/**
 * depot_bytes() - memory that the depot of a pool takes
 * @blocks: blocks in the pool
 */
size_t depot_bytes(u32 blocks)
{
	u32 entries[DEPOT_MAX_LEVELS];
	unsigned int top = depot_levels(blocks, entries);
	size_t bytes = entries[0] * sizeof(atomic_long_t);
	unsigned int k;

	for (k = 1; k <= top; k++)
		bytes += entries[k] * sizeof(atomic_t);
	return bytes;
}

/**
 * depot_init() - make a depot in which nothing is free
 * @depot: the depot
 * @blocks: blocks in the pool
 *
 * Context: process; may sleep.
 * Return: 0 or -ENOMEM.
 */
int depot_init(struct depot *depot, u32 blocks)
{
	void *memory;
	unsigned int k;

	memory = kvzalloc(depot_bytes(blocks), GFP_KERNEL_ACCOUNT |
			  __GFP_NOWARN | __GFP_RETRY_MAYFAIL);
	if (!memory)
		return -ENOMEM;

	atomic_long_set(&depot->free, 0);
	depot->top = depot_levels(blocks, depot->entries);
	depot->level[0].words = memory;
	memory += depot->entries[0] * sizeof(atomic_long_t);
	for (k = 1; k <= depot->top; k++) {
		depot->level[k].counters = memory;
		memory += depot->entries[k] * sizeof(atomic_t);
	}
	return 0;
}

/**
 * depot_exit() - release a depot's memory
 * @depot: the depot, which nobody uses any more
 *
 * Context: process; may sleep.
 */
void depot_exit(struct depot *depot)
{
	kvfree(depot->level[0].words);
}

/**
 * depot_reserve() - make free blocks the caller's own
 * @depot: the depot
 * @min: fewer than this are no use, at least 1
 * @max: no more than this
 *
 * Fails only if fewer than @min blocks are free at some instant of the call.
 *
 * Context: any.
 * Return: blocks reserved, @min to @max, or 0. All of them must go to
 * depot_claim() or depot_cancel().
 */
unsigned long depot_reserve(struct depot *depot, unsigned long min,
			    unsigned long max)
{
	long free = atomic_long_read(&depot->free);
	unsigned long count;

	do {
		count = min_t(unsigned long, free, max);
		if (count < min)
			return 0;
		/* Pairs with the release in depot_give(): what a giver added
		 * to the levels below before it added here is seen below.
		 */
	} while (!atomic_long_try_cmpxchg_acquire(&depot->free, &free,
						  free - count));
	return count;
}

/**
 * depot_cancel() - drop a reservation
 * @depot: the depot
 * @count: blocks reserved and not claimed
 *
 * Context: any.
 */
void depot_cancel(struct depot *depot, unsigned long count)
{
	atomic_long_add(count, &depot->free);
}

/* Takes up to @want off a counter; returns how many. */
static unsigned int counter_take(atomic_t *counter, unsigned int want)
{
	int value = atomic_read(counter);
	unsigned int count;

	do {
		count = min_t(unsigned int, value, want);
		if (!count)
			return 0;
		/* Pairs with the release in depot_give(), as the root does. */
	} while (!atomic_try_cmpxchg_acquire(counter, &value, value - count));
	return count;
}

static unsigned long lowest_bits(unsigned long word, unsigned int count)
{
	unsigned long rest = word;

	while (rest && count--)
		rest &= rest - 1;
	return word & ~rest;
}

/* Takes up to @want set bits out of a word; returns the bits. */
static unsigned long word_take(atomic_long_t *word, unsigned int want)
{
	unsigned long mask = atomic_long_read(word);

	if (!mask)
		return 0;
	if (want < DEPOT_FANOUT)
		mask = lowest_bits(mask, want);
	/* Fully ordered: what the last holder did to the block before it gave
	 * the block back lies before what the next holder does with it.
	 */
	return atomic_long_fetch_andnot(mask, word) & mask;
}

/*
 * One word's worth of a reservation for the group of words from @first on:
 * returns the bits taken, at least one, and sets the number of the word.
 */
static unsigned long claim_bits(struct depot *depot, u32 first,
				unsigned int want, u32 *word)
{
	u32 end = min(first + DEPOT_FANOUT, depot->entries[0]);
	unsigned long taken;

	/* A round may miss: bits move behind it while it looks. Each miss
	 * means that somebody else took or gave a block, and the rule in
	 * depot.h says that enough of them are there.
	 */
	for (;;) {
		for (*word = first; *word < end; (*word)++) {
			taken = word_take(&depot->level[0].words[*word], want);
			if (taken)
				return taken;
		}
		cpu_relax();
	}
}

/* The same one level up: part of a reservation, as much as one child has. */
static unsigned int claim_child(struct depot *depot, unsigned int level,
				u32 first, u32 *child, unsigned int want)
{
	u32 end = min(first + DEPOT_FANOUT, depot->entries[level]);
	unsigned int count;

	for (;;) {
		for (*child = first; *child < end; (*child)++) {
			count = counter_take(&depot->level[level].counters[*child],
					     want);
			if (count)
				return count;
		}
		cpu_relax();
	}
}

/**
 * depot_claim() - find the blocks of a reservation
 * @depot: the depot
 * @indices: filled with the blocks
 * @count: how many, all of them reserved
 *
 * Never fails.
 *
 * Context: any.
 */
void depot_claim(struct depot *depot, u32 *indices, unsigned int count)
{
	unsigned int want[DEPOT_MAX_LEVELS];
	u32 first[DEPOT_MAX_LEVELS];
	unsigned int level = depot->top;

	/* A walk down the tree and back: want[k] blocks are still to be found
	 * among the entries of level k from first[k] on.
	 */
	want[level] = count;
	first[level] = 0;
	for (;;) {
		unsigned long taken;
		unsigned int found;
		u32 child, word;

		if (!want[level]) {
			if (level++ == depot->top)
				return;
		} else if (level) {
			found = claim_child(depot, level, first[level], &child,
					    want[level]);
			want[level] -= found;
			level--;
			want[level] = found;
			first[level] = child * DEPOT_FANOUT;
		} else {
			taken = claim_bits(depot, first[0], want[0], &word);
			want[0] -= hweight_long(taken);
			for (; taken; taken &= taken - 1)
				*indices++ = word * DEPOT_FANOUT + __ffs(taken);
		}
	}
}

/**
 * depot_claim_word() - find some blocks of a reservation, neighbours
 * @depot: the depot
 * @count: blocks that are reserved, at least 1
 * @word: set to the number of a group of 64 blocks
 *
 * What of the reservation is not claimed, stays reserved.
 *
 * Context: any.
 * Return: which blocks of the group, a set bit each; at least one and no more
 * than @count.
 */
unsigned long depot_claim_word(struct depot *depot, unsigned int count,
			       u32 *word)
{
	unsigned int took[DEPOT_MAX_LEVELS];
	u32 from[DEPOT_MAX_LEVELS];
	unsigned int level, want = min_t(unsigned int, count, DEPOT_FANOUT);
	unsigned long taken;
	unsigned int found;
	u32 first = 0;

	for (level = depot->top; level; level--) {
		want = claim_child(depot, level, first, &from[level], want);
		took[level] = want;
		first = from[level] * DEPOT_FANOUT;
	}
	taken = claim_bits(depot, first, want, word);
	found = hweight_long(taken);
	/* What was promised below and not found goes up again, from the bottom,
	 * as in depot_give().
	 */
	for (level = 1; level <= depot->top; level++) {
		atomic_t *counter = &depot->level[level].counters[from[level]];

		if (took[level] > found)
			atomic_fetch_add_release(took[level] - found, counter);
	}
	return taken;
}

/**
 * depot_give() - make blocks free
 * @depot: the depot
 * @word: number of a group of 64 blocks
 * @mask: which blocks of it; none of them free
 *
 * Context: any.
 */
void depot_give(struct depot *depot, u32 word, unsigned long mask)
{
	unsigned long twice;
	unsigned int count, k;
	u32 entry = word;

	twice = mask & atomic_long_fetch_or(mask, &depot->level[0].words[word]);
	/* Callers pass what they hold, so this is memory corruption. Counting
	 * such a block twice would send a later claim on an endless search.
	 */
	WARN_ON_ONCE(twice);
	count = hweight_long(mask & ~twice);

	/* Each release pairs with the acquire of whoever takes from the same
	 * counter: it must find below what it was promised above.
	 */
	for (k = 1; k <= depot->top; k++) {
		entry /= DEPOT_FANOUT;
		atomic_fetch_add_release(count, &depot->level[k].counters[entry]);
	}
	atomic_long_fetch_add_release(count, &depot->free);
}

/* What an entry of a level says is free. */
static unsigned long entry_value(const struct depot *depot, unsigned int level,
				 u32 entry)
{
	if (level)
		return atomic_read(&depot->level[level].counters[entry]);
	return hweight_long(atomic_long_read(&depot->level[0].words[entry]));
}

static unsigned long sum_of(const struct depot *depot, unsigned int level,
			    u32 first, u32 end)
{
	unsigned long sum = 0;

	for (; first < end; first++)
		sum += entry_value(depot, level, first);
	return sum;
}

/**
 * depot_promised() - blocks that are reserved and not claimed
 * @depot: the depot, which nobody changes meanwhile
 *
 * Context: any; O(blocks).
 * Return: how many; negative if a counter promises more than there is.
 */
long depot_promised(const struct depot *depot)
{
	unsigned int k;
	u32 i;

	for (k = 1; k <= depot->top; k++) {
		for (i = 0; i < depot->entries[k]; i++) {
			u32 first = i * DEPOT_FANOUT;
			u32 end = min(first + DEPOT_FANOUT, depot->entries[k - 1]);

			if (entry_value(depot, k, i) >
			    sum_of(depot, k - 1, first, end))
				return -1;
		}
	}
	if (depot_free(depot) >
	    sum_of(depot, depot->top, 0, depot->entries[depot->top]))
		return -1;
	return sum_of(depot, 0, 0, depot->entries[0]) - depot_free(depot);
}
