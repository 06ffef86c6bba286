/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Attachments: what one client holds of one pool, a bit for each block. So a
 * client can only ever give back what it has, and what is left is found without
 * asking anybody when it goes.
 */
#ifndef FIXEDPOOL_ATTACHMENT_H
#define FIXEDPOOL_ATTACHMENT_H

#include <linux/pid.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/sched.h>
#include <linux/workqueue.h>

#include "part.h"
#include "watch.h"

/**
 * struct opener - who opened a file of the device
 * @pid: the process
 * @comm: its name then
 */
struct opener {
	struct pid *pid;
	char comm[TASK_COMM_LEN];
};

/**
 * struct attachment - a client's part in a pool
 * @pool: the pool; the attachment has a reference
 * @client: number of the client
 * @opener: who opened its file; the attachment has a reference to the process
 * @since: when the client came to the pool, monotonic ns
 * @link: in the pool's list of attachments, see struct fixedpool
 * @refs: one from the client, one from each call at work
 * @memory: one from @refs as long as there are any, one from each mapping of a
 *	revocable pool, which may look at @held, but keeps nothing of it
 * @charge: what the client pays for @held
 * @party: calls of the client that wait for blocks of the pool
 * @watching: what the client wants to be told of the pool
 * @early: the client ends before its file is closed
 * @left: the client has left; only calls that were at work then go on
 * @work: ends it, where the last call may not do so itself
 * @rcu: frees it
 * @parts: what the scopes below the root hold
 * @held: a set bit is a block of which the client has a hold in its root scope
 *
 * Whoever clears a bit of @held has the hold that went with it, and so with the
 * bitmaps in @parts. When the last reference goes, nobody else can reach them,
 * and all of it goes back.
 */
struct attachment {
	struct fixedpool *pool;
	u32 client;
	struct opener opener;
	u64 since;
	struct list_head link;
	refcount_t refs;
	refcount_t memory;
	struct charge charge;
	struct waiting_party party;
	struct watching watching;
	bool early;
	bool left;
	union {
		struct work_struct work;
		struct rcu_head rcu;
	};
	struct parts parts;
	unsigned long held[];
};

int attachment_init(void);
void attachment_exit(void);

struct attachment *attachment_create(struct fixedpool *pool,
				     u32 client, const struct opener *opener);
void attachment_put(struct attachment *att);
void attachment_put_later(struct attachment *att);
u64 attachment_release_root(struct attachment *att);
void attachment_each(struct attachment *att, holdings_see *see, void *data);
bool attachment_holds(struct attachment *att, u32 index);
void attachment_keep_memory(struct attachment *att);
void attachment_put_memory(struct attachment *att);

/* Does a unit of handle space belong to the pool? */
static inline bool attachment_has(const struct attachment *att, u32 unit)
{
	return unit - att->pool->id < att->pool->units;
}

/* 64 bits of @held, to be changed by atomic operations. */
static inline atomic_long_t *attachment_word(struct attachment *att, u32 word)
{
	return (atomic_long_t *)&att->held[word];
}

/* Lets the client hold blocks, in its root scope, that nobody else can reach. */
static inline void attachment_add(struct attachment *att, u32 word,
				  unsigned long mask)
{
	/* Pairs with the clearing in try_take(), in holding.c: who takes the bit
	 * compares the version of this allocation, not of the one before.
	 */
	smp_mb__before_atomic();
	atomic_long_or(mask, attachment_word(att, word));
}

#endif /* FIXEDPOOL_ATTACHMENT_H */
