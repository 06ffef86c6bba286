/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sets: pools in the order of their block sizes, for allocation by size.
 *
 * A set has a reference to each of its pools and a number and a name of its
 * own. Like a pool it has references of its own too: one from its name, one
 * from each client that has opened it, one from each kernel user and one from
 * each call at work. Taking the name away ends none of the others.
 */
#ifndef FIXEDPOOL_SET_H
#define FIXEDPOOL_SET_H

#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/uidgid.h>

#include "pool.h"

/**
 * struct fixedpool_set - a set
 * @refs: see above
 * @rcu: frees it
 * @id: its number, never 0
 * @opened: clients that have opened it; protected by the lock of sets
 * @lasting: the name stays without clients; else it goes with the last
 * @linked: it has its name; protected by the lock of sets
 * @uid: owner
 * @name: the name, also after it has been taken away
 * @count: number of pools
 * @pools: smallest blocks first; those of the same size as they were given
 */
struct fixedpool_set {
	refcount_t refs;
	struct rcu_head rcu;
	u32 id;
	u32 opened;
	bool lasting;
	bool linked;
	kuid_t uid;
	char name[FIXEDPOOL_NAME_SIZE];
	unsigned int count;
	struct fixedpool *pools[];
};

/**
 * struct set_share - what an allocation by size takes of each pool
 * @first: number of the smallest pool that fits
 * @blocks: blocks of each pool, from @first on
 */
struct set_share {
	unsigned int first;
	u32 blocks[FIXEDPOOL_MAX_SET_POOLS];
};

void sets_exit(void);

struct fixedpool_set *set_create(const char *name, struct fixedpool **pools,
				 unsigned int count, bool by_client);
struct fixedpool_set *set_get(const char *name);
struct fixedpool_set *set_open(const char *name);
void set_close(struct fixedpool_set *set);
void set_unlink(struct fixedpool_set *set);
int set_destroy(const char *name);
bool set_try_ref(struct fixedpool_set *set);
void set_put(struct fixedpool_set *set);

u32 set_reserve(struct fixedpool_set *set, u32 size, u32 min, u32 max,
		struct set_share *share);
void set_cancel(struct fixedpool_set *set, const struct set_share *share);
void set_count(struct fixedpool_set *set, const struct set_share *share);
void set_count_one(struct fixedpool_set *set, unsigned int first,
		   unsigned int from);
unsigned int set_first(const struct fixedpool_set *set, u32 size);
struct fixedpool *set_pool_of(struct fixedpool_set *set, u64 handle);

/* The largest block. */
static inline u32 set_largest(const struct fixedpool_set *set)
{
	return pool_geometry(set->pools[set->count - 1])->block_size;
}

#endif /* FIXEDPOOL_SET_H */
