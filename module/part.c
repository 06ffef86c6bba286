// SPDX-License-Identifier: GPL-2.0
/* What scopes hold of a pool; see part.h. */
#include "part.h"

#include <linux/bitops.h>
#include <linux/err.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "revoke.h"
#include "word.h"

#define PAGE_WORDS	(PAGE_SIZE / sizeof(unsigned long))
#define PAGE_TAGS	(PAGE_SIZE / sizeof(u16))
static_assert(FIXEDPOOL_MAX_SCOPE <= U16_MAX);

/**
 * parts_init() - no parts yet
 * @parts: zeroed
 */
void parts_init(struct parts *parts)
{
	init_rwsem(&parts->lock);
	xa_init_flags(&parts->parts, XA_FLAGS_ACCOUNT);
	paged_init(&parts->tags);
}

/**
 * parts_exit() - free what is left
 * @parts: all parts have been unlinked, and nobody uses it any more
 */
void parts_exit(struct parts *parts)
{
	paged_exit(&parts->tags);
	xa_destroy(&parts->parts);
}

static unsigned long *part_word(struct part *part, u32 word)
{
	unsigned long *words = paged_find(&part->held, word / PAGE_WORDS);

	return words ? words + word % PAGE_WORDS : NULL;
}

/**
 * parts_word() - where the bit of a block is, if it is in a part
 * @parts: the parts, locked
 * @index: the block
 *
 * Return: the word of a bitmap with the block's bit, or NULL if no part has it.
 */
unsigned long *parts_word(struct parts *parts, u32 index)
{
	const u16 *tags = paged_find(&parts->tags, index / PAGE_TAGS);
	struct part *part;

	lockdep_assert_held(&parts->lock);
	if (!tags)
		return NULL;
	part = xa_load(&parts->parts, READ_ONCE(tags[index % PAGE_TAGS]));
	return part ? part_word(part, index / BITS_PER_LONG) : NULL;
}

static void part_free(struct part *part)
{
	paged_exit(&part->held);
	kfree(part);
}

static struct part *part_make(struct parts *parts, u32 scope)
{
	struct part *part = xa_load(&parts->parts, scope);
	int error;

	if (part)
		return part;
	part = kmalloc(sizeof(*part), POOL_GFP);
	if (!part)
		return ERR_PTR(-ENOMEM);
	paged_init(&part->held);
	error = xa_insert(&parts->parts, scope, part, POOL_GFP);
	if (!error) {
		WRITE_ONCE(parts->used, true);
		return part;
	}
	kfree(part);
	/* -EBUSY: somebody was faster */
	return error == -EBUSY ? xa_load(&parts->parts, scope) :
				 ERR_PTR(-ENOMEM);
}

static void set_tags(u16 *tags, unsigned long mask, u16 scope)
{
	for (; mask; mask &= mask - 1)
		WRITE_ONCE(tags[__ffs(mask)], scope);
}

/**
 * parts_add() - put blocks into a scope
 * @parts: the parts, locked for reading
 * @scope: number of the scope, which does not end while the lock is held
 * @word: number of a group of 64 blocks
 * @mask: which blocks of it; the caller has a hold of each
 *
 * Context: process; may sleep.
 * Return: 0; -EDQUOT or -ENOSPC if a limit forbids what it takes; -ENOMEM. The
 * holds are still the caller's then.
 */
int parts_add(struct parts *parts, u32 scope, u32 word, unsigned long mask)
{
	unsigned long *words;
	struct part *part;
	u16 *tags;

	lockdep_assert_held_read(&parts->lock);
	part = part_make(parts, scope);
	if (IS_ERR(part))
		return PTR_ERR(part);
	words = paged_make(&part->held, word / PAGE_WORDS);
	if (IS_ERR(words))
		return PTR_ERR(words);
	tags = paged_make(&parts->tags, word / (PAGE_TAGS / BITS_PER_LONG));
	if (IS_ERR(tags))
		return PTR_ERR(tags);
	set_tags(tags + word * BITS_PER_LONG % PAGE_TAGS, mask, scope);
	/* Fully ordered: who finds the bit finds the tag, and the version that
	 * came with the hold, as in holding_claim().
	 */
	atomic_long_fetch_or(mask, (atomic_long_t *)&words[word % PAGE_WORDS]);
	return 0;
}

/**
 * parts_unlink() - take a scope's part out
 * @parts: the parts, locked for writing
 * @scope: number of the scope
 *
 * Return: the part, which nobody else can reach any more, or NULL.
 */
struct part *parts_unlink(struct parts *parts, u32 scope)
{
	lockdep_assert_held_write(&parts->lock);
	return xa_erase(&parts->parts, scope);
}

/**
 * parts_unlink_any() - take some part out
 * @parts: the parts, which nobody else uses any more
 *
 * Return: the part, or NULL if none is left.
 */
struct part *parts_unlink_any(struct parts *parts)
{
	unsigned long scope = 0;
	struct part *part = xa_find(&parts->parts, &scope, ULONG_MAX,
				    XA_PRESENT);

	if (part)
		xa_erase(&parts->parts, scope);
	return part;
}

static void part_each(struct part *part, u32 scope, holdings_see *see,
		      void *data)
{
	struct paged_page *page;
	unsigned long number;
	u32 i;

	xa_for_each(&part->held.pages, number, page) {
		const unsigned long *words = page->bytes;

		for (i = 0; i < PAGE_WORDS; i++) {
			unsigned long mask = READ_ONCE(words[i]);

			if (mask)
				see(data, scope, number * PAGE_WORDS + i, mask);
		}
		cond_resched();
	}
}

/**
 * parts_each() - look at what scopes below the root hold
 * @parts: the parts, locked
 * @see: called for each group of 64 blocks of which a scope has some, by rising
 *	scope and group
 * @data: its first argument
 *
 * Context: process; may sleep.
 */
void parts_each(struct parts *parts, holdings_see *see, void *data)
{
	unsigned long scope;
	struct part *part;

	lockdep_assert_held(&parts->lock);
	xa_for_each(&parts->parts, scope, part)
		part_each(part, scope, see, data);
}

/**
 * part_release() - give back everything in a part, and free it
 * @part: unlinked
 * @pool: the pool
 *
 * Context: process; may sleep.
 * Return: how many blocks were held.
 */
u64 part_release(struct part *part, struct fixedpool *pool)
{
	struct paged_page *page;
	unsigned long number;
	u64 count = 0;

	xa_for_each(&part->held.pages, number, page) {
		const unsigned long *words = page->bytes;
		u32 i;

		for (i = 0; i < PAGE_WORDS; i++) {
			if (!words[i])
				continue;
			revoke_mask(pool, number * PAGE_WORDS + i, words[i]);
			pool_drop_word(pool, number * PAGE_WORDS + i, words[i],
				       HOLDER_CLIENT);
			count += hweight_long(words[i]);
			cond_resched();
		}
	}
	part_free(part);
	return count;
}

/*
 * Adds the bits of a word to another. A bit that is there already is a second
 * hold of the same client, which can come about while somebody gives it a block;
 * it is one too many. Returns the number of bits in @mask.
 */
static unsigned int pour_word(struct fixedpool *pool, u32 word,
			      unsigned long mask, unsigned long *to)
{
	unsigned long twice;

	twice = mask & atomic_long_fetch_or(mask, (atomic_long_t *)to);
	if (twice)
		pool_drop_word(pool, word, twice, HOLDER_CLIENT);
	return hweight_long(mask);
}

static u64 pour_words(struct fixedpool *pool, u32 first,
		      const unsigned long *words, unsigned long *to)
{
	u64 count = 0;
	u32 i;

	for (i = 0; i < PAGE_WORDS; i++) {
		if (words[i])
			count += pour_word(pool, first + i, words[i], &to[i]);
	}
	cond_resched();
	return count;
}

/**
 * part_pour() - move everything in a part to the root scope, and free the part
 * @part: unlinked
 * @pool: the pool
 * @held: bitmap of the root scope
 *
 * Context: process; may sleep. The lock of the parts is held, so that nobody
 * looks for a block in between.
 * Return: how many blocks were held.
 */
u64 part_pour(struct part *part, struct fixedpool *pool, unsigned long *held)
{
	struct paged_page *page;
	unsigned long number;
	u64 count = 0;

	xa_for_each(&part->held.pages, number, page)
		count += pour_words(pool, number * PAGE_WORDS, page->bytes,
				    held + number * PAGE_WORDS);
	part_free(part);
	return count;
}

static void retag(struct parts *parts, u32 first, const unsigned long *words,
		  u16 scope)
{
	u32 i;

	for (i = 0; i < PAGE_WORDS; i++) {
		u32 index = (first + i) * BITS_PER_LONG;

		u16 *tags;

		if (!words[i])
			continue;
		/* where a bit is set, the tags are there */
		tags = paged_find(&parts->tags, index / PAGE_TAGS);
		set_tags(tags + index % PAGE_TAGS, words[i], scope);
	}
	cond_resched();
}

/* Moves one page of a part to another part, which has place reserved for it. */
static u64 pour_page(struct parts *parts, struct fixedpool *pool,
		     struct paged_page *page, unsigned long number,
		     struct part *to, u32 scope)
{
	unsigned long *words = paged_find(&to->held, number);
	u64 count = 0;
	u32 i;

	retag(parts, number * PAGE_WORDS, page->bytes, scope);
	if (words) {
		count = pour_words(pool, number * PAGE_WORDS, page->bytes,
				   words);
		paged_page_free(page);
		return count;
	}
	words = page->bytes;
	for (i = 0; i < PAGE_WORDS; i++)
		count += hweight_long(words[i]);
	xa_store(&to->held.pages, number, page, GFP_NOWAIT);
	return count;
}

/* What has been reserved must not stay: paged_make() would take it for a page
 * that somebody else is making.
 */
static void unreserve_pages(struct part *from, struct part *to)
{
	struct paged_page *page;
	unsigned long number;

	xa_for_each(&from->held.pages, number, page)
		xa_release(&to->held.pages, number);
}

/* Makes sure of all that a move needs, so that it cannot fail half way. */
static int reserve_pages(struct part *from, struct part *to)
{
	struct paged_page *page;
	unsigned long number;

	xa_for_each(&from->held.pages, number, page) {
		if (xa_reserve(&to->held.pages, number, POOL_GFP)) {
			unreserve_pages(from, to);
			return -ENOMEM;
		}
	}
	return 0;
}

/**
 * parts_pour() - move what a scope holds to another below the root
 * @parts: the parts, locked for writing
 * @pool: the pool
 * @from: number of the scope whose part goes
 * @to: number of the other
 * @moved: the number of blocks is added
 *
 * Context: process; may sleep.
 * Return: 0; -ENOMEM, and nothing has been moved.
 */
int parts_pour(struct parts *parts, struct fixedpool *pool, u32 from, u32 to,
	       u64 *moved)
{
	struct part *source = xa_load(&parts->parts, from);
	struct paged_page *page;
	unsigned long number;
	struct part *target;

	lockdep_assert_held_write(&parts->lock);
	if (!source)
		return 0;
	target = part_make(parts, to);
	if (IS_ERR(target) || reserve_pages(source, target))
		return -ENOMEM;
	xa_erase(&parts->parts, from);
	xa_for_each(&source->held.pages, number, page) {
		xa_erase(&source->held.pages, number);
		*moved += pour_page(parts, pool, page, number, target, to);
	}
	part_free(source);
	return 0;
}
