// SPDX-License-Identifier: GPL-2.0
/* Does each block lie in exactly one place; see audit.h. */
#include "audit.h"

#include <linux/bitmap.h>
#include <linux/mm.h>
#include <linux/sched.h>

static size_t bitmap_words(const struct fixedpool *pool)
{
	return BITS_TO_LONGS((u64)pool_geometry(pool)->blocks);
}

/**
 * audit_init() - get ready to look at a pool
 * @audit: to be ended by audit_exit()
 * @pool: the pool
 *
 * Context: process; may sleep.
 * Return: 0 or -ENOMEM.
 */
int audit_init(struct audit *audit, const struct fixedpool *pool)
{
	size_t words = bitmap_words(pool);

	audit->pool = pool;
	audit->found = kvcalloc(words, sizeof(long), POOL_GFP);
	audit->owned = kvcalloc(words, sizeof(long), POOL_GFP);
	if (audit->found && audit->owned)
		return 0;
	audit_exit(audit);
	return -ENOMEM;
}

/**
 * audit_exit() - undo audit_init()
 * @audit: the audit
 */
void audit_exit(struct audit *audit)
{
	kvfree(audit->found);
	kvfree(audit->owned);
}

/**
 * audit_begin() - look, from the beginning
 * @audit: the audit
 *
 * audit_client() for all that each client holds, and audit_end(), follow.
 *
 * Context: process.
 */
void audit_begin(struct audit *audit)
{
	size_t bytes = bitmap_words(audit->pool) * sizeof(long);

	memset(audit->found, 0, bytes);
	memset(audit->owned, 0, bytes);
	audit->sums = (struct audit_sums) {};
}

static bool exists(const struct audit *audit, u32 index)
{
	return index < pool_geometry(audit->pool)->blocks;
}

/**
 * audit_client() - a client says that it holds blocks
 * @audit: the audit
 * @word: number of a group of 64 blocks
 * @mask: which blocks of it
 *
 * Context: process.
 */
void audit_client(struct audit *audit, u32 word, unsigned long mask)
{
	audit->sums.bits += hweight_long(mask);
	for (; mask; mask &= mask - 1) {
		u32 index = word * BITS_PER_LONG + __ffs(mask);

		if (exists(audit, index) &&
		    READ_ONCE(audit->pool->hot.holds[index]) % HOLDER_KERNEL)
			__set_bit(index, audit->owned);
		else
			audit->sums.foreign++;
	}
}

static void find(struct audit *audit, enum audit_term term, u32 index)
{
	if (!exists(audit, index))
		audit->sums.foreign++;
	else if (__test_and_set_bit(index, audit->found))
		audit->sums.twice++;
	else
		audit->sums.term[term]++;
}

static void find_word(struct audit *audit, enum audit_term term, u32 word,
		      unsigned long mask)
{
	for (; mask; mask &= mask - 1)
		find(audit, term, word * BITS_PER_LONG + __ffs(mask));
}

static void find_in_depot(struct audit *audit)
{
	const struct depot *depot = &audit->pool->depot;
	long promised;
	u32 word;

	for (word = 0; word < depot->entries[0]; word++) {
		find_word(audit, AUDIT_DEPOT, word,
			  atomic_long_read(&depot->level[0].words[word]));
		cond_resched();
	}
	promised = depot_promised(depot);
	audit->sums.promised = max(promised, 0L);
	audit->sums.counters = promised < 0;
}

/* Others work on theirs meanwhile, without care for us: the bounds are checked
 * on what is read.
 */
static void find_in_magazine(struct audit *audit,
			     const struct fixedpool_magazine *mag)
{
	u32 count = min(magazine_count(mag), MAGAZINE_ROOM);
	/* as said above, and so are the others */
	u32 words = min(data_race(mag->words), MAGAZINE_WORDS);
	u32 at;

	while (count--) {
		/* may be old or new */
		at = data_race(mag->index[count]);
		find(audit, AUDIT_MAGAZINES, at);
	}
	while (words--) {
		/* the same */
		at = data_race(mag->word[words]);
		find_word(audit, AUDIT_MAGAZINES, at, ~0UL);
	}
}

static void find_on_rack(void *data, u32 index)
{
	find(data, AUDIT_RACK, index);
}

static void find_held(struct audit *audit)
{
	u32 blocks = pool_geometry(audit->pool)->blocks;
	u32 index;

	for (index = 0; index < blocks; index++) {
		u16 holds = READ_ONCE(audit->pool->hot.holds[index]);
		enum audit_term term = AUDIT_QUEUED;

		if (index % SZ_64K == 0)
			cond_resched();
		if (!holds)
			continue;
		audit->sums.holds += holds % HOLDER_KERNEL;
		if (test_bit(index, audit->owned))
			term = AUDIT_CLIENTS;
		else if (holds / HOLDER_KERNEL)
			term = AUDIT_MODULES;
		find(audit, term, index);
	}
}

/**
 * audit_end() - look at all the rest
 * @audit: the audit, after audit_begin() and audit_client()
 * @queued: handles in the pool's channels
 *
 * Context: process; may sleep. O(blocks).
 */
void audit_end(struct audit *audit, u64 queued)
{
	const struct magazines *mags = &audit->pool->magazines;
	int cpu;

	audit->sums.queued = queued;
	find_in_depot(audit);
	for_each_possible_cpu(cpu)
		find_in_magazine(audit, per_cpu_ptr(mags->cpu, cpu));
	rack_peek(&mags->rack, find_on_rack, audit);
	find_held(audit);
}

/**
 * audit_adds_up() - is each block in one place, and each hold somebody's
 * @audit: the audit, after audit_end()
 *
 * Context: any.
 */
bool audit_adds_up(const struct audit *audit)
{
	const struct audit_sums *sums = &audit->sums;
	u64 all = 0;
	u32 i;

	for (i = 0; i < AUDIT_TERMS; i++)
		all += sums->term[i];
	return all == pool_blocks(audit->pool) && !sums->twice &&
	       !sums->foreign && !sums->counters &&
	       sums->holds == sums->bits + sums->queued;
}

/**
 * audit_balanced() - the same, and nothing is on its way to somebody
 * @audit: the audit, after audit_end()
 *
 * Context: any.
 */
bool audit_balanced(const struct audit *audit)
{
	return audit_adds_up(audit) && !audit->sums.promised;
}
