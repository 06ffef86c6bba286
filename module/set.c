// SPDX-License-Identifier: GPL-2.0
/* Names, lifetime and allocation of sets; see set.h. */
#include "set.h"

#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/xarray.h>

#include "registry.h"

/*
 * Protects: @linked and @opened of each set, changes of @sets.
 * Ordering: innermost but for the allocator; pools are put outside it.
 */
static DEFINE_MUTEX(sets_lock);

/* By number, from creation until the last reference goes. */
static DEFINE_XARRAY_ALLOC1(sets);
static u32 sets_next;

static struct fixedpool_set *find_locked(const char *name)
{
	struct fixedpool_set *set;
	unsigned long id;

	lockdep_assert_held(&sets_lock);
	xa_for_each(&sets, id, set) {
		if (set->linked &&
		    !strncmp(set->name, name, FIXEDPOOL_NAME_SIZE))
			return set;
	}
	return NULL;
}

/* Puts a pool where its block size belongs; false if it is there already. */
static bool insert(struct fixedpool_set *set, struct fixedpool *pool)
{
	u32 size = pool_geometry(pool)->block_size;
	unsigned int i;

	for (i = 0; i < set->count; i++) {
		if (set->pools[i] == pool)
			return false;
	}
	for (i = set->count++; i; i--) {
		if (pool_geometry(set->pools[i - 1])->block_size <= size)
			break;
		set->pools[i] = set->pools[i - 1];
	}
	set->pools[i] = pool;
	return true;
}

static int publish(struct fixedpool_set *set)
{
	int error = -EEXIST;

	mutex_lock(&sets_lock);
	if (!find_locked(set->name)) {
		/* numbers go round, so that an old one stays dead for long */
		error = xa_alloc_cyclic(&sets, &set->id, set, xa_limit_31b,
					&sets_next, GFP_KERNEL_ACCOUNT);
		if (error > 0)
			error = 0;
	}
	if (!error)
		set->linked = true;
	mutex_unlock(&sets_lock);
	return error;
}

/**
 * set_create() - make a set and give it its name
 * @name: the name
 * @pools: the pools, in any order; the caller has a reference to each, and the
 *	set gets one of its own
 * @count: how many
 * @by_client: a client makes it, has it open from the first moment on, and is
 *	to leave it with set_close(); the name goes with the last client
 *
 * Context: process; may sleep.
 * Return: the set with a reference for the caller, beside that of the name; or
 * -EINVAL for a bad name or number of pools, or a pool that stands there twice;
 * -EEXIST if the name is taken; -ENOMEM.
 */
struct fixedpool_set *set_create(const char *name, struct fixedpool **pools,
				 unsigned int count, bool by_client)
{
	struct fixedpool_set *set;
	unsigned int i;
	int error;

	if (!name || !registry_name_valid(name))
		return ERR_PTR(-EINVAL);
	if (!count || count > FIXEDPOOL_MAX_SET_POOLS)
		return ERR_PTR(-EINVAL);
	set = kzalloc(struct_size(set, pools, count), GFP_KERNEL_ACCOUNT);
	if (!set)
		return ERR_PTR(-ENOMEM);
	for (i = 0; i < count; i++) {
		if (!insert(set, pools[i])) {
			kfree(set);
			return ERR_PTR(-EINVAL);
		}
	}
	refcount_set(&set->refs, 2);
	set->lasting = !by_client;
	set->opened = by_client;
	set->uid = current_euid();
	strscpy(set->name, name, sizeof(set->name));
	for (i = 0; i < count; i++)
		registry_ref(set->pools[i]);

	error = publish(set);
	if (error) {
		for (i = 0; i < count; i++)
			registry_put(set->pools[i]);
		kfree(set);
		return ERR_PTR(error);
	}
	return set;
}

/**
 * set_put() - drop a reference, free the set if it was the last
 * @set: the set
 *
 * Context: process; may sleep.
 */
void set_put(struct fixedpool_set *set)
{
	unsigned int i;

	might_sleep();
	if (!refcount_dec_and_test(&set->refs))
		return;
	mutex_lock(&sets_lock);
	xa_erase(&sets, set->id);
	mutex_unlock(&sets_lock);
	for (i = 0; i < set->count; i++)
		registry_put(set->pools[i]);
	kfree_rcu(set, rcu);
}

/**
 * set_try_ref() - one more reference, unless the set is about to be freed
 * @set: the set, found under RCU
 *
 * Context: any.
 */
bool set_try_ref(struct fixedpool_set *set)
{
	return refcount_inc_not_zero(&set->refs);
}

static struct fixedpool_set *find(const char *name, bool open)
{
	struct fixedpool_set *set;

	mutex_lock(&sets_lock);
	set = find_locked(name);
	if (set) {
		/* the name's reference is there while it is linked */
		refcount_inc(&set->refs);
		set->opened += open;
	}
	mutex_unlock(&sets_lock);
	return set ?: ERR_PTR(-ENOENT);
}

/**
 * set_get() - find a set by name
 * @name: the name
 *
 * Context: process; may sleep.
 * Return: the set with a reference, or -ENOENT.
 */
struct fixedpool_set *set_get(const char *name)
{
	return find(name, false);
}

/**
 * set_open() - a client comes
 * @name: the set's name
 *
 * Context: process; may sleep.
 * Return: the set with a reference, to be left with set_close(); or -ENOENT.
 */
struct fixedpool_set *set_open(const char *name)
{
	return find(name, true);
}

static bool unlink_locked(struct fixedpool_set *set)
{
	bool linked = set->linked;

	lockdep_assert_held(&sets_lock);
	set->linked = false;
	return linked;
}

/**
 * set_close() - a client leaves
 * @set: the set, opened; the reference goes
 *
 * Context: process; may sleep.
 */
void set_close(struct fixedpool_set *set)
{
	bool unlinked = false;

	mutex_lock(&sets_lock);
	if (!--set->opened && !set->lasting)
		unlinked = unlink_locked(set);
	mutex_unlock(&sets_lock);
	if (unlinked)
		set_put(set);
	set_put(set);
}

/**
 * set_unlink() - take a set's name away, if it still has it
 * @set: the set; the caller has a reference
 *
 * Context: process; may sleep.
 */
void set_unlink(struct fixedpool_set *set)
{
	bool unlinked;

	mutex_lock(&sets_lock);
	unlinked = unlink_locked(set);
	mutex_unlock(&sets_lock);
	if (unlinked)
		set_put(set);
}

/**
 * set_destroy() - take a name away on behalf of the current process
 * @name: the name
 *
 * Context: process; may sleep.
 * Return: 0; -ENOENT; -EACCES unless the process owns the set or has
 * CAP_DAC_OVERRIDE.
 */
int set_destroy(const char *name)
{
	struct fixedpool_set *set;
	int error = 0;

	mutex_lock(&sets_lock);
	set = find_locked(name);
	if (!set)
		error = -ENOENT;
	else if (!uid_eq(current_euid(), set->uid) &&
		 !capable(CAP_DAC_OVERRIDE))
		error = -EACCES;
	else
		unlink_locked(set);
	mutex_unlock(&sets_lock);
	if (!error)
		set_put(set);
	return error;
}

/**
 * sets_exit() - take all names away; nobody is left who has more than those
 *
 * Context: process; may sleep.
 */
void sets_exit(void)
{
	struct fixedpool_set *set;
	unsigned long id;

	xa_for_each(&sets, id, set)
		set_unlink(set);
	xa_destroy(&sets);
}

/**
 * set_first() - the smallest pool that fits
 * @set: the set
 * @size: bytes
 *
 * Context: any.
 * Return: its number, or the number of pools if there is none.
 */
unsigned int set_first(const struct fixedpool_set *set, u32 size)
{
	unsigned int i = 0;

	while (i < set->count &&
	       pool_geometry(set->pools[i])->block_size < size)
		i++;
	return i;
}

/**
 * set_reserve() - make sure of free blocks of at least a size
 * @set: the set
 * @size: bytes
 * @min: fewer are no use, at least 1
 * @max: no more than this
 * @share: filled with how many of which pool
 *
 * The smallest pool that fits gives what it has, the next bigger one what is
 * then missing, and so on. Blocks of a call that fails in the end are gone for
 * others while it is at work.
 *
 * Context: process; may sleep.
 * Return: how many, @min to @max, all of which go to pool_claim() of their pool
 * or to set_cancel(); or 0.
 */
u32 set_reserve(struct fixedpool_set *set, u32 size, u32 min, u32 max,
		struct set_share *share)
{
	unsigned int i;
	u32 total = 0;

	share->first = set_first(set, size);
	for (i = share->first; i < set->count; i++) {
		share->blocks[i] = 0;
		if (total < max)
			share->blocks[i] = pool_reserve(set->pools[i], 1,
							max - total);
		total += share->blocks[i];
	}
	if (total && total < min)
		set_cancel(set, share);
	return total < min ? 0 : total;
}

/**
 * set_cancel() - undo set_reserve()
 * @set: the set
 * @share: what was reserved
 *
 * Context: any.
 */
void set_cancel(struct fixedpool_set *set, const struct set_share *share)
{
	unsigned int i;

	for (i = share->first; i < set->count; i++) {
		if (share->blocks[i])
			pool_cancel(set->pools[i], share->blocks[i]);
	}
}

/**
 * set_count() - count, on both sides, blocks that came from too big a pool
 * @set: the set
 * @share: what was reserved and is handed out
 *
 * Context: any.
 */
void set_count(struct fixedpool_set *set, const struct set_share *share)
{
	u32 bigger = 0;
	unsigned int i;

	for (i = set->count - 1; i > share->first; i--) {
		if (share->blocks[i])
			pool_count(set->pools[i], POOL_FALLBACKS,
				   share->blocks[i]);
		bigger += share->blocks[i];
		if (bigger)
			pool_count(set->pools[i - 1], POOL_OVERFLOWS, bigger);
	}
}

/**
 * set_count_one() - the same for a single block
 * @set: the set
 * @first: number of the smallest pool that fits
 * @from: number of the pool that the block came from
 *
 * Context: any.
 */
void set_count_one(struct fixedpool_set *set, unsigned int first,
		   unsigned int from)
{
	if (from > first)
		pool_count(set->pools[from], POOL_FALLBACKS, 1);
	for (; from > first; from--)
		pool_count(set->pools[from - 1], POOL_OVERFLOWS, 1);
}

/**
 * set_pool_of() - the pool that a handle is of
 * @set: the set
 * @handle: from anywhere
 *
 * Context: any.
 * Return: the pool, or NULL if it is none of the set.
 */
struct fixedpool *set_pool_of(struct fixedpool_set *set, u64 handle)
{
	u32 unit = FIXEDPOOL_HANDLE_SLOT(handle) >> SLOT_UNIT_SHIFT;
	unsigned int i;

	for (i = 0; i < set->count; i++) {
		if (unit - set->pools[i]->id < set->pools[i]->units)
			return set->pools[i];
	}
	return NULL;
}
