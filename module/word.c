// SPDX-License-Identifier: GPL-2.0
/*
 * Blocks by the word; see word.h.
 *
 * Four neighbours, a quad, have their holds in one aligned u64 and their
 * versions in two. Versions are written only by whoever owns the block alone
 * (see pool.c), so a pair of them is read and written as a whole. Holds
 * change under our eyes, so those of a quad go by one compare-and-exchange, which
 * succeeds only if each of the four blocks has our hold and no other; blocks of
 * which more is to be told go to pool_drop_mask(), one by one.
 */
#include "word.h"

#include <linux/bitops.h>

#include "group.h"

#define QUAD		4
#define QUAD_MASK	(BIT(QUAD) - 1)

/* The same hold on each block of a quad. */
#define QUAD_HOLDS(holder)	((u64)(holder) * 0x0001000100010001ULL)
/* Bit 0 of each version of a pair. */
#define PAIR_ODD		0x0000000100000001ULL

static u64 *quad_holds(const struct fixedpool *pool, u32 index)
{
	return (u64 *)&pool->hot.holds[index];
}

static u64 *pair_versions(const struct fixedpool *pool, u32 index)
{
	return (u64 *)&pool->hot.versions[index];
}

/* The version of the first block of a pair, and of the second. */
static u32 pair_first(u64 pair)
{
	return IS_ENABLED(CONFIG_CPU_BIG_ENDIAN) ? pair >> 32 : (u32)pair;
}

static u32 pair_second(u64 pair)
{
	return IS_ENABLED(CONFIG_CPU_BIG_ENDIAN) ? (u32)pair : pair >> 32;
}

/* Both versions as pool_claim() would make them. */
static __always_inline u64 pair_begin(u64 pair)
{
	/* no carry: both are even, so neither is the largest number */
	if (likely(!(pair & PAIR_ODD)))
		return pair + PAIR_ODD;
	return ((u64)(((u32)(pair >> 32) + 1) | 1) << 32) |
	       (((u32)pair + 1) | 1);
}

static __always_inline u64 *begin_pair(struct fixedpool *pool, u32 index,
				       u64 *handles)
{
	u32 slot = pool->hot.first_slot + index;
	u64 pair = pair_begin(READ_ONCE(*pair_versions(pool, index)));

	WRITE_ONCE(*pair_versions(pool, index), pair);
	handles[0] = FIXEDPOOL_HANDLE(pair_first(pair), slot);
	handles[1] = FIXEDPOOL_HANDLE(pair_second(pair), slot + 1);
	return handles + 2;
}

/* Four blocks are ours alone. */
static __always_inline u64 *begin_quad(struct fixedpool *pool, u32 index,
				       enum holder holder, u64 *handles)
{
	handles = begin_pair(pool, index, handles);
	handles = begin_pair(pool, index + 2, handles);
	/* pairs with pool_hold(), as in pool_claim() */
	smp_store_release(quad_holds(pool, index), QUAD_HOLDS(holder));
	return handles;
}

/* All blocks of a group are ours alone. */
static __always_inline void begin_group(struct fixedpool *pool, u32 word,
					enum holder holder, u64 *handles)
{
	u32 version = group_begin_versions(pool, word);

	/* pairs with pool_hold(), as in pool_begin() */
	smp_wmb();
	set_all(group_holds(pool, word), POOL_BATCH / QUAD, QUAD_HOLDS(holder));
	set_handles(handles,
		    FIXEDPOOL_HANDLE(version,
				     pool->hot.first_slot + word * POOL_BATCH));
}

static u64 *begin_one(struct fixedpool *pool, u32 index, enum holder holder,
		      u64 *handles)
{
	*handles = pool_begin(pool, index, holder);
	return handles + 1;
}

/* What is done to the blocks of an attended pool only. */
static void attend(struct fixedpool *pool, u32 word, unsigned long mask,
		   void (*act)(struct fixedpool *pool, u32 index))
{
	if (likely(!pool_attended(pool)))
		return;
	for (; mask; mask &= mask - 1)
		act(pool, word * POOL_BATCH + __ffs(mask));
}

static unsigned long claim_bits(struct fixedpool *pool, unsigned int want,
				u32 *word)
{
	unsigned long mask = depot_claim_word(&pool->depot, want, word);

	attend(pool, *word, mask, pool_block_taken);
	pool_count(pool, POOL_CLAIMS, hweight_long(mask));
	return mask;
}

/**
 * pool_claim_word() - allocate reserved blocks that are neighbours
 * @pool: the pool
 * @holder: who holds them now
 * @want: how many of a reservation, at least 1
 * @word: set to the number of their group of 64 blocks
 * @handles: filled with their handles, by rising index; room for POOL_BATCH
 *
 * Context: any.
 * Return: which blocks of the group; never none, and as many of @want as the
 * group had. What is missing stays reserved.
 */
unsigned long pool_claim_word(struct fixedpool *pool, enum holder holder,
			      unsigned int want, u32 *word, u64 *handles)
{
	unsigned long mask = claim_bits(pool, want, word);
	u32 index = *word * POOL_BATCH;
	unsigned long rest = mask;

	/* of an attended pool, the handles have been told already */
	if (mask == ~0UL && likely(!pool_attended(pool))) {
		begin_group(pool, *word, holder, handles);
		return mask;
	}
	while (rest) {
		unsigned int skip = __ffs(rest);

		rest >>= skip;
		index += skip;
		if (index % QUAD == 0 && (rest & QUAD_MASK) == QUAD_MASK) {
			handles = begin_quad(pool, index, holder, handles);
			rest >>= QUAD;
			index += QUAD;
		} else {
			handles = begin_one(pool, index, holder, handles);
			rest >>= 1;
			index++;
		}
	}
	return mask;
}

/* @step is PAIR_ODD where an allocation ends, and 0 where there is none; @ends
 * is the same, known to the compiler.
 */
static __always_inline u64 end_pair(u64 *versions, u64 step, bool ends)
{
	u64 pair = READ_ONCE(*versions) + step;

	if (ends)
		WRITE_ONCE(*versions, pair);
	return pair;
}

/*
 * Makes even what is odd and should not be.
 *
 * After end_pair() has ended allocations, with a bit of PAIR_ODD set in what it
 * returned: either a version was the largest number, and its neighbour has one
 * too many from the carry; or it was even already, scribbled, or in the library's
 * cache, and has one too many itself. @ended: that one goes.
 *
 * Else nothing has been added, and an odd version is of an allocation that ends
 * here: made by the library while another of its threads gave the block back,
 * or scribbled. Were it set back, the next allocation would have the same
 * handle again. Versions only ever advance.
 */
static noinline void mend_versions(struct fixedpool *pool, u32 word,
				   unsigned long mask, bool ended)
{
	for (; mask; mask &= mask - 1) {
		u32 index = word * POOL_BATCH + __ffs(mask);

		WRITE_ONCE(pool->hot.versions[index],
			   (pool_version(pool, index) + !ended) & ~1U);
	}
}

/* Ends the quads of a group that are whole in @mask; returns those it ended. */
static __always_inline unsigned long end_quads(struct fixedpool *pool, u32 word,
					       unsigned long mask,
					       enum holder holder, u64 step)
{
	u64 *versions = pair_versions(pool, word * POOL_BATCH);
	u64 *holds = quad_holds(pool, word * POOL_BATCH);
	unsigned long left = 0;
	unsigned int bit;
	u64 mend = 0;

	for (bit = 0; bit < POOL_BATCH; bit += QUAD) {
		u64 ours = QUAD_HOLDS(holder);

		if (((mask >> bit) & QUAD_MASK) == QUAD_MASK) {
			/* fully ordered, as drop_hold() in pool.c */
			if (likely(try_cmpxchg(holds, &ours, 0))) {
				mend |= end_pair(&versions[0], step, step);
				mend |= end_pair(&versions[1], step, step);
			} else {
				left |= QUAD_MASK << bit;
			}
		} else {
			left |= QUAD_MASK << bit;
		}
		holds++;
		versions += 2;
	}
	if (unlikely(mend & PAIR_ODD))
		mend_versions(pool, word, mask & ~left, step);
	return mask & ~left;
}

/* The same for all quads of a group, without a question. */
static __always_inline unsigned long end_group(struct fixedpool *pool,
					       u32 word, enum holder holder,
					       u64 step)
{
	u64 *versions = group_versions(pool, word);
	u64 *holds = group_holds(pool, word);
	unsigned long left = 0;
	unsigned int quad;
	u64 mend = 0;
	u64 add = step;

	/* in a register each, not computed anew for every quad */
	OPTIMIZER_HIDE_VAR(holds);
	if (step)
		OPTIMIZER_HIDE_VAR(add);
#pragma GCC unroll 16
	for (quad = 0; quad < POOL_BATCH / QUAD; quad++) {
		u64 ours = QUAD_HOLDS(holder);

		/* as in end_quads() */
		if (likely(try_cmpxchg(&holds[quad], &ours, 0))) {
			mend |= end_pair(&versions[2 * quad], add, step);
			mend |= end_pair(&versions[2 * quad + 1], add, step);
		} else {
			left |= QUAD_MASK << quad * QUAD;
		}
	}
	if (unlikely(mend & PAIR_ODD))
		mend_versions(pool, word, ~left, step);
	return ~left;
}

/* The same for single blocks. */
static unsigned long end_ones(struct fixedpool *pool, u32 word,
			      unsigned long mask, enum holder holder, u64 step)
{
	unsigned long ended = 0;

	for (; mask; mask &= mask - 1) {
		u32 index = word * POOL_BATCH + __ffs(mask);
		u16 ours = holder;
		u32 version;

		if (!try_cmpxchg(&pool->hot.holds[index], &ours, 0))
			continue;
		version = pool_version(pool, index);
		WRITE_ONCE(pool->hot.versions[index],
			   step ? (version | 1) + 1 : (version + 1) & ~1U);
		ended |= mask & -mask;
	}
	return ended;
}

/* @ended are ours alone; what is left of @mask has to be looked at singly. */
static void finish(struct fixedpool *pool, u32 word, unsigned long mask,
		   enum holder holder, u64 step, unsigned long ended)
{
	if (mask & ~ended)
		ended |= end_ones(pool, word, mask & ~ended, holder, step);
	if (ended) {
		attend(pool, word, ended, pool_block_ended);
		pool_count(pool, POOL_ENDED, hweight_long(ended));
		pool_put(pool, word, ended);
	}
	if (mask & ~ended)
		pool_drop_mask(pool, word, mask & ~ended, holder);
}

/**
 * pool_drop_word() - let go of blocks that are neighbours, and soon
 * @pool: the pool
 * @word: number of a group of 64 blocks
 * @mask: which blocks of it; the caller has a hold of each
 * @holder: what kind of hold
 *
 * The same as pool_drop_mask(), but for blocks most of which nobody else holds.
 *
 * Context: any.
 */
void pool_drop_word(struct fixedpool *pool, u32 word, unsigned long mask,
		    enum holder holder)
{
	if (mask == ~0UL)
		finish(pool, word, mask, holder, PAIR_ODD,
		       end_group(pool, word, holder, PAIR_ODD));
	else
		finish(pool, word, mask, holder, PAIR_ODD,
		       end_quads(pool, word, mask, holder, PAIR_ODD));
}

/* All blocks of a group are ours alone, and stay unallocated. Returns their
 * versions, or-ed.
 */
static __always_inline u64 hold_group(struct fixedpool *pool, u32 word,
				      enum holder holder)
{
	u64 odd = any_of(group_versions(pool, word), POOL_BATCH / 2);

	/* as in begin_group() */
	smp_wmb();
	set_all(group_holds(pool, word), POOL_BATCH / QUAD, QUAD_HOLDS(holder));
	return odd;
}

/**
 * pool_cache_word() - take reserved blocks that are neighbours, unallocated
 * @pool: the pool
 * @holder: who holds them now
 * @want: how many of a reservation, at least 1
 * @word: set to the number of their group of 64 blocks
 *
 * Their versions stay as they are, or are made even, so that no handle is good
 * for them.
 *
 * Context: any.
 * Return: as pool_claim_word().
 */
unsigned long pool_cache_word(struct fixedpool *pool, enum holder holder,
			      unsigned int want, u32 *word)
{
	unsigned long mask = claim_bits(pool, want, word);
	u32 index = *word * POOL_BATCH;
	unsigned long rest = mask;
	u64 odd = 0;

	if (mask == ~0UL) {
		odd = hold_group(pool, *word, holder);
		rest = 0;
	}
	while (rest) {
		unsigned int skip = __ffs(rest);

		rest >>= skip;
		index += skip;
		if (index % QUAD == 0 && (rest & QUAD_MASK) == QUAD_MASK) {
			odd |= READ_ONCE(*pair_versions(pool, index));
			odd |= READ_ONCE(*pair_versions(pool, index + 2));
			/* as in pool_begin() */
			smp_store_release(quad_holds(pool, index),
					  QUAD_HOLDS(holder));
			rest >>= QUAD;
			index += QUAD;
		} else {
			odd |= pool_version(pool, index);
			/* the same */
			smp_store_release(&pool->hot.holds[index], holder);
			rest >>= 1;
			index++;
		}
	}
	/* Not before the holds: who guesses a handle meanwhile harms himself. */
	if (unlikely(odd & PAIR_ODD))
		mend_versions(pool, *word, mask, false);
	return mask;
}

/**
 * pool_uncache_word() - undo pool_cache_word()
 * @pool: the pool
 * @word: number of a group of 64 blocks
 * @mask: which blocks of it; the caller has a hold of each
 * @holder: what kind of hold
 *
 * The versions stay as they are, or are made even.
 *
 * Context: any.
 */
void pool_uncache_word(struct fixedpool *pool, u32 word, unsigned long mask,
		       enum holder holder)
{
	if (mask == ~0UL)
		finish(pool, word, mask, holder, 0,
		       end_group(pool, word, holder, 0));
	else
		finish(pool, word, mask, holder, 0,
		       end_quads(pool, word, mask, holder, 0));
}
