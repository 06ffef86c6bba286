// SPDX-License-Identifier: GPL-2.0
/* Certain neighbours in a depot; see depot.h. */
#include "depot.h"

#include <linux/bitops.h>
#include <linux/kernel.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/sched.h>
#include <linux/sizes.h>

/* log2 of the blocks under an entry of a level; level 0 are the words. */
static unsigned int entry_shift(unsigned int level)
{
	return ilog2(DEPOT_FANOUT) * (level + 1);
}

/* The entry that a block is under. */
static u32 entry_of(unsigned int level, u32 index)
{
	return (u64)index >> entry_shift(level);
}

/* How many blocks of a range are under an entry. */
static u32 entry_overlap(unsigned int level, u32 entry, u32 first, u32 end)
{
	u64 from = max_t(u64, (u64)entry << entry_shift(level), first);
	u64 to = min_t(u64, (entry + 1ULL) << entry_shift(level), end);

	return to - from;
}

/* The bits of those of them that are in a word. */
static unsigned long word_overlap(u32 word, u32 first, u32 end)
{
	u32 count = entry_overlap(0, word, first, end);
	u32 from = max(first, word * DEPOT_FANOUT) % DEPOT_FANOUT;

	return (~0UL >> (DEPOT_FANOUT - count)) << from;
}

/* Takes all of @mask out of a word, or nothing. */
static bool word_take_all(atomic_long_t *word, unsigned long mask)
{
	long bits = atomic_long_read(word);

	do {
		if ((bits & mask) != mask)
			return false;
		/* Fully ordered, as in word_take(). */
	} while (!atomic_long_try_cmpxchg(word, &bits, bits & ~mask));
	return true;
}

/* Takes @count off a counter, or nothing. */
static bool counter_take_all(atomic_t *counter, int count)
{
	int value = atomic_read(counter);

	do {
		if (value < count)
			return false;
		/* Pairs with the release in depot_give(), as the root does. */
	} while (!atomic_try_cmpxchg_acquire(counter, &value, value - count));
	return true;
}

static bool entry_take(struct depot *depot, unsigned int level, u32 entry,
		       u32 first, u32 end)
{
	if (!level)
		return word_take_all(&depot->level[0].words[entry],
				     word_overlap(entry, first, end));
	return counter_take_all(&depot->level[level].counters[entry],
				entry_overlap(level, entry, first, end));
}

static void entry_put(struct depot *depot, unsigned int level, u32 entry,
		      u32 first, u32 end)
{
	/* Releases, as in depot_give(). */
	if (!level)
		atomic_long_fetch_or_release(word_overlap(entry, first, end),
					     &depot->level[0].words[entry]);
	else
		atomic_fetch_add_release(entry_overlap(level, entry, first, end),
					 &depot->level[level].counters[entry]);
}

/* Puts back what was taken of a range at a level: entries before @stop. */
static void level_put(struct depot *depot, unsigned int level, u32 first,
		      u32 end, u32 stop)
{
	u32 entry;

	for (entry = entry_of(level, first); entry < stop; entry++)
		entry_put(depot, level, entry, first, end);
}

/* The entry behind the last one of a range. */
static u32 level_end(unsigned int level, u32 end)
{
	return entry_of(level, end - 1) + 1;
}

/* Takes a range at a level; returns where it could not, or the end. */
static u32 level_take(struct depot *depot, unsigned int level, u32 first,
		      u32 end)
{
	u32 entry = entry_of(level, first);

	while (entry < level_end(level, end) &&
	       entry_take(depot, level, entry, first, end))
		entry++;
	return entry;
}

static bool range_free(const struct depot *depot, u32 first, u32 end)
{
	u32 word;

	for (word = first / DEPOT_FANOUT; word < level_end(0, end); word++) {
		if (~atomic_long_read(&depot->level[0].words[word]) &
		    word_overlap(word, first, end))
			return false;
	}
	return true;
}

/**
 * depot_claim_range() - take certain neighbours, if all of them are free
 * @depot: the depot
 * @first: the first of them
 * @end: one more than the last of them
 *
 * It is a reservation that goes down the tree on the paths to those blocks
 * alone, level by level. What the rule in depot.h promises to others stays for
 * them: a counter that has as many as the range has under it, after all that
 * goes through it has been taken off, has that many to spare, only maybe other
 * ones. Where others have taken a block of the range meanwhile, everything goes
 * up again from the bottom; until it is back others may find too few.
 *
 * Context: any; O(end - first).
 * Return: true if the blocks are the caller's, as after depot_claim().
 */
bool depot_claim_range(struct depot *depot, u32 first, u32 end)
{
	unsigned int level = depot->top;
	u32 count = end - first;

	if (!range_free(depot, first, end) ||
	    !depot_reserve(depot, count, count))
		return false;
	for (;;) {
		u32 stop = level_take(depot, level, first, end);

		if (stop < level_end(level, end)) {
			level_put(depot, level, first, end, stop);
			break;
		}
		if (!level)
			return true;
		level--;
	}
	for (level++; level <= depot->top; level++)
		level_put(depot, level, first, end, level_end(level, end));
	atomic_long_fetch_add_release(count, &depot->free);
	return false;
}

/**
 * depot_give_range() - make neighbours free
 * @depot: the depot
 * @first: the first of them
 * @end: one more than the last of them; none is free
 *
 * Context: process; may sleep.
 */
void depot_give_range(struct depot *depot, u32 first, u32 end)
{
	u32 word;

	for (word = first / DEPOT_FANOUT; word < level_end(0, end); word++) {
		depot_give(depot, word, word_overlap(word, first, end));
		if (word % SZ_1M == 0)
			cond_resched();
	}
}
