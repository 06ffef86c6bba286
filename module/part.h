/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Parts of what a client holds of a pool: one for each scope below its root
 * that has blocks there. Scopes are numbers here.
 *
 * A hold is a bit in exactly one bitmap: that of the attachment, which is the
 * root scope, or that of one part. Whoever clears the bit has the hold; nothing
 * else decides. To find the bitmap in O(1), each block has a tag: the scope into
 * which it was last put. A tag is a hint that is written before the bit is set
 * and never erased. It may be out of date; then the bit it leads to is clear, or
 * there is no such part any more, and nothing was found. It is right whenever
 * the bit is set in a part, since only the setting of another bit for the same
 * block changes the tag, and for that the first must have been cleared.
 *
 * Memory: bitmap and tags are made in pages of 32,768 and 2,048 blocks, where a
 * scope first gets a block, and are charged as the attachment is. Tags are
 * shared by all scopes. A client without scopes pays nothing.
 */
#ifndef FIXEDPOOL_PART_H
#define FIXEDPOOL_PART_H

#include <linux/rwsem.h>

#include "pool.h"
#include "paged.h"

/**
 * struct part - what a scope holds of a pool
 * @held: bitmap of blocks
 */
struct part {
	struct paged held;
};

/**
 * struct parts - all of them
 * @lock: Protects: @parts against the removal of parts, and their bitmaps
 *	against being poured into others, both of which write. To find, set or
 *	clear a bit it is taken for reading.
 *	Ordering: inside the client's lock; no other lock is taken inside.
 * @parts: by number of scope
 * @tags: u16 for each block, a number of scope
 * @used: there has been a part
 */
struct parts {
	struct rw_semaphore lock; /* see above */
	struct xarray parts;
	struct paged tags;
	bool used;
};

/* The scope whose holdings are in no part. */
#define PARTS_ROOT	0U

/* Told that @scope has the blocks of @mask in group @word. */
typedef void holdings_see(void *data, u32 scope, u32 word, unsigned long mask);

void parts_init(struct parts *parts);
void parts_exit(struct parts *parts);

unsigned long *parts_word(struct parts *parts, u32 index);
int parts_add(struct parts *parts, u32 scope, u32 word, unsigned long mask);
struct part *parts_unlink(struct parts *parts, u32 scope);
struct part *parts_unlink_any(struct parts *parts);
void parts_each(struct parts *parts, holdings_see *see, void *data);
u64 part_release(struct part *part, struct fixedpool *pool);
u64 part_pour(struct part *part, struct fixedpool *pool, unsigned long *held);
int parts_pour(struct parts *parts, struct fixedpool *pool, u32 from, u32 to,
	       u64 *moved);

/* There may be blocks that the attachment's own bitmap does not have. */
static inline bool parts_used(const struct parts *parts)
{
	return READ_ONCE(parts->used);
}

#endif /* FIXEDPOOL_PART_H */
