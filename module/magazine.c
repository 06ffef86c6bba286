// SPDX-License-Identifier: GPL-2.0
/* What happens when a magazine is empty, full or in use; see magazine.h. */
#include "magazine_entry.h"

#include <linux/bitops.h>
#include <linux/cpumask.h>
#include <linux/kernel.h>

/*
 * Blocks have come to the depot. Whoever makes any free, in whatever way, ends
 * here: nobody must be left waiting for what is there, nor the magazines shut.
 */
static void came(struct magazines *mags)
{
	/* Between the blocks and the looks, see waiting.c and settle(). Giving,
	 * or cancelling, has ended with an atomic operation on the depot.
	 */
	smp_mb__after_atomic();
	if (unlikely(waiting_heeded(mags->waiting)))
		waiting_came(mags->waiting, magazines_reachable(mags));
	if (magazines_are_shut(mags) && !magazines_to_stay_shut(mags) &&
	    magazines_reachable(mags) >= READ_ONCE(mags->high))
		magazines_kick(mags);
}

/* Blocks have been taken out of the depot, and that matters. */
static noinline void went(struct magazines *mags)
{
	u32 reachable = magazines_reachable(mags);

	if (!magazines_are_shut(mags) && reachable < READ_ONCE(mags->low))
		magazines_kick(mags);
	waiting_went(mags->waiting, reachable);
}

/**
 * magazines_reserve() - take free blocks past the magazines
 * @mags: the pool's magazines
 * @min: fewer than this are no use, at least 1
 * @max: no more than this
 *
 * Context: any.
 * Return: as depot_reserve(), but 0 if callers wait, since all is theirs then.
 */
u32 magazines_reserve(struct magazines *mags, u32 min, u32 max)
{
	u32 count;

	if (unlikely(waiting_any(mags->waiting)))
		return 0;
	count = depot_reserve(mags->depot, min, max);
	/* between the blocks and the look, as in came() */
	smp_mb__after_atomic();
	if (unlikely(waiting_heeded(mags->waiting)))
		went(mags);
	return count;
}

/**
 * magazines_cancel() - drop a reservation
 * @mags: the pool's magazines
 * @count: blocks reserved and not claimed
 *
 * Context: any.
 */
void magazines_cancel(struct magazines *mags, u32 count)
{
	depot_cancel(mags->depot, count);
	came(mags);
}

/**
 * magazines_put() - make blocks free past the magazines
 * @mags: the pool's magazines
 * @word: number of a group of 64 blocks
 * @mask: which blocks of it; none of them free
 *
 * Context: any.
 */
void magazines_put(struct magazines *mags, u32 word, unsigned long mask)
{
	depot_give(mags->depot, word, mask);
	came(mags);
}

/**
 * magazines_put_indices() - magazines_put(), however many words they are of
 * @mags: the pool's magazines
 * @indices: the blocks
 * @count: how many
 *
 * Context: any. O(@count).
 */
void magazines_put_indices(struct magazines *mags, const u32 *indices,
			   unsigned int count)
{
	unsigned int i = 0;

	while (i < count) {
		u32 word = indices[i] / BITS_PER_LONG;
		unsigned long mask = 0;

		for (; i < count && indices[i] / BITS_PER_LONG == word; i++)
			mask |= BIT(indices[i] % BITS_PER_LONG);
		magazines_put(mags, word, mask);
	}
}

/*
 * How many blocks to load at once: fewer as the depot gets low, so that the last
 * of them do not all end up on one CPU.
 */
static u32 load_size(const struct magazines *mags)
{
	u32 share = depot_free(mags->depot) / (2 * num_possible_cpus());

	return clamp(share, 1U, min(mags->room / 2, MAGAZINE_BATCH));
}

static u32 load_from_depot(struct magazines *mags, struct fixedpool_magazine *mag)
{
	u32 count = depot_reserve(mags->depot, 1, load_size(mags));

	depot_claim(mags->depot, mag->index, count);
	return count;
}

static void expand_word(u32 *indices, u32 word)
{
	u32 i;

	/* the lowest last, as that is taken first */
	for (i = 0; i < MAGAZINE_BATCH; i++)
		indices[i] = word * MAGAZINE_BATCH + MAGAZINE_BATCH - 1 - i;
}

/* Fills an empty magazine. */
static u32 load(struct magazines *mags, struct fixedpool_magazine *mag)
{
	u32 count = MAGAZINE_BATCH;

	BUILD_BUG_ON(MAGAZINE_BATCH != BITS_PER_LONG);
	if (mag->words) {
		WRITE_ONCE(mag->words, mag->words - 1);
		expand_word(mag->index, mag->word[mag->words]);
		magazines_count_path(mags, PATH_LOADS_WORD);
	} else if (rack_take(&mags->rack, mag->index)) {
		magazines_count_path(mags, PATH_LOADS_RACK);
	} else {
		count = load_from_depot(mags, mag);
		if (count)
			magazines_count_path(mags, PATH_LOADS_DEPOT);
	}
	/* between the blocks and the look, as in came() */
	smp_mb__after_atomic();
	if (magazines_reachable(mags) < READ_ONCE(mags->low))
		magazines_kick(mags);
	return count;
}

/* One block past the magazines. */
static u32 take_directly(struct magazines *mags)
{
	u32 index;

	if (magazines_reserve(mags, 1, 1)) {
		depot_claim(mags->depot, &index, 1);
		magazines_count_path(mags, PATH_TAKEN_PAST);
		return index;
	}
	if (waiting_any(mags->waiting))
		return FIXEDPOOL_NO_INDEX;
	if (magazines_unrack(mags, &index)) {
		magazines_count_path(mags, PATH_TAKEN_PAST);
		return index;
	}
	if (mags->room && !magazines_are_shut(mags))
		/* what there is lies in the magazines of other CPUs */
		magazines_kick(mags);
	return FIXEDPOOL_NO_INDEX;
}

/**
 * magazine_take_slowly() - the rest of fixedpool_pop()
 * @mags: the pool's magazines, of which this CPU's has been entered
 *
 * Context: any; called with preemption off, which it turns on again.
 * Return: the block, or FIXEDPOOL_NO_INDEX if there is none within reach.
 */
u32 magazine_take_slowly(struct magazines *mags)
{
	struct fixedpool_magazine *mag = this_cpu_ptr(mags->cpu);
	u32 count = 0;
	u32 index;

	if (!magazine_is_ours(mag))
		magazines_count_path(mags, PATH_BUSY);
	else if (READ_ONCE(mag->limit) >= 0)
		count = load(mags, mag);
	if (!count) {
		magazine_exit(mag);
		return take_directly(mags);
	}
	index = mag->index[count - 1];
	magazines_count_path(mags, PATH_TAKEN_LOADING);
	magazine_exit_with(mag, count - 1);
	return index;
}

/* Makes room in a magazine that is full. The upper half goes: nothing need be
 * moved, and the rack hands out first what came last.
 */
static u32 unload(struct magazines *mags, struct fixedpool_magazine *mag)
{
	u32 half = mags->room / 2;
	const u32 *upper = mag->index + half;

	if (half == MAGAZINE_BATCH && rack_put(&mags->rack, upper)) {
		magazines_count_path(mags, PATH_UNLOADS_RACK);
	} else {
		magazines_put_indices(mags, upper, half);
		magazines_count_path(mags, PATH_UNLOADS_DEPOT);
	}
	return half;
}

/**
 * magazines_supplied() - blocks have come into the depot from elsewhere
 * @mags: the pool's magazines
 *
 * Context: any.
 */
void magazines_supplied(struct magazines *mags)
{
	came(mags);
}

/**
 * magazines_withdrawn() - blocks have been taken out of the depot, for good
 * @mags: the pool's magazines
 *
 * Context: any.
 */
void magazines_withdrawn(struct magazines *mags)
{
	/* between the blocks and the looks, as in came() */
	smp_mb();
	went(mags);
}

/**
 * magazine_give_past() - put a block into the depot, whatever room there is
 * @mags: the pool's magazines
 * @index: the block
 *
 * Context: any.
 */
void magazine_give_past(struct magazines *mags, u32 index)
{
	magazines_count_path(mags, PATH_GIVEN_PAST);
	magazines_put(mags, index / BITS_PER_LONG, BIT(index % BITS_PER_LONG));
}

/**
 * magazine_give_slowly() - the rest of fixedpool_push()
 * @mags: the pool's magazines, of which this CPU's has been entered
 * @index: the block
 *
 * Context: any; called with preemption off, which it turns on again.
 */
void magazine_give_slowly(struct magazines *mags, u32 index)
{
	struct fixedpool_magazine *mag = this_cpu_ptr(mags->cpu);
	u32 count;

	if (!magazine_is_ours(mag) || READ_ONCE(mag->limit) < 0) {
		if (!magazine_is_ours(mag))
			magazines_count_path(mags, PATH_BUSY);
		magazine_exit(mag);
		magazine_give_past(mags, index);
		return;
	}
	/* It was full, or shut and has been opened since: then it is empty. */
	count = magazine_count(mag);
	if (count == mags->room)
		count = unload(mags, mag);
	mag->index[count] = index;
	magazine_exit_with(mag, count + 1);
}

/**
 * magazine_leave() - instead of magazine_give_slowly() or magazine_take_slowly()
 * @mags: the pool's magazines, of which this CPU's has been entered
 *
 * Context: any; called with preemption off, which it turns on again.
 */
void magazine_leave(struct magazines *mags)
{
	magazine_exit(this_cpu_ptr(mags->cpu));
}

/**
 * magazine_take_word() - get 64 free blocks that are neighbours
 * @mags: the pool's magazines
 *
 * Only from what magazine_give_word() has put by on this CPU.
 *
 * Context: any. O(1).
 * Return: the number of the group, or FIXEDPOOL_NO_INDEX if there is none at
 * hand.
 */
u32 magazine_take_word(struct magazines *mags)
{
	struct fixedpool_magazine *mag;
	u32 word = FIXEDPOOL_NO_INDEX;

	if (magazine_enter(mags, &mag) && mag->words) {
		WRITE_ONCE(mag->words, mag->words - 1);
		WRITE_ONCE(mag->taken, mag->taken + MAGAZINE_BATCH);
		word = mag->word[mag->words];
	}
	magazine_exit(mag);
	return word;
}

/**
 * magazine_give_word() - make 64 blocks free that are neighbours
 * @mags: the pool's magazines
 * @word: number of the group, all of it the caller's alone
 *
 * Context: any. O(1).
 */
void magazine_give_word(struct magazines *mags, u32 word)
{
	struct fixedpool_magazine *mag;
	bool given = magazine_enter(mags, &mag) && mag->words < MAGAZINE_WORDS &&
		     READ_ONCE(mag->limit) == MAGAZINE_ROOM - 1;

	if (given) {
		mag->word[mag->words] = word;
		WRITE_ONCE(mag->words, mag->words + 1);
	}
	magazine_exit(mag);
	if (!given)
		magazines_put(mags, word, ~0UL);
}
