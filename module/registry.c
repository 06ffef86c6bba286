// SPDX-License-Identifier: GPL-2.0
/* Names, handle space, permission and lifetime of pools; see registry.h. */
#include "registry.h"

#include <linux/bitmap.h>
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/ctype.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/nodemask.h>
#include <linux/slab.h>
#include <linux/stat.h>
#include <linux/string.h>

#include "compat.h"
#include "revoke.h"

#define DEFAULT_MODE	0600
#define VALID_MODE	0666
#define VALID_FLAGS	(FIXEDPOOL_POOL_AUTO_DESTROY | FIXEDPOOL_POOL_PACKED | \
			 FIXEDPOOL_POOL_REVOCABLE | ATTENDED_FLAGS)

static unsigned int max_pools = 1024;
module_param(max_pools, uint, 0644);
MODULE_PARM_DESC(max_pools, "pools at the same time, 0: no limit");

/*
 * Protects: the list of names, @linked and @attached of each pool, the units of
 * handle space, the number of pools.
 * Ordering: taken with none of our locks held, and not under mmap_lock: sysfs
 * entries are made and removed under it. Pools are freed outside it.
 */
static DEFINE_MUTEX(registry_lock);
static LIST_HEAD(pools);
static unsigned int nr_pools;
static DECLARE_BITMAP(units_taken, SLOT_UNITS);
static unsigned int next_unit = 1;
static const struct registry_observer *observer;

/**
 * registry_init() - say who is told of names
 * @who: the observer
 */
void registry_init(const struct registry_observer *who)
{
	observer = who;
}

/**
 * registry_max_pools() - the limit of the number of pools
 *
 * Return: the number, 0 if there is none.
 */
u32 registry_max_pools(void)
{
	return READ_ONCE(max_pools);
}

/*
 * Units go round, so that those of a dead pool, and with them old handles, come
 * back as late as possible.
 */
static int units_take(u32 count, u32 *first)
{
	unsigned long unit;

	lockdep_assert_held(&registry_lock);
	unit = bitmap_find_next_zero_area(units_taken, SLOT_UNITS, next_unit,
					  count, 0);
	if (unit >= SLOT_UNITS)
		unit = bitmap_find_next_zero_area(units_taken, SLOT_UNITS, 1,
						  count, 0);
	if (unit >= SLOT_UNITS)
		return -EOVERFLOW;
	bitmap_set(units_taken, unit, count);
	next_unit = unit + count;
	*first = unit;
	return 0;
}

/* A pool counts, and has its units, from here until it is freed. */
static int space_take(struct fixedpool *pool)
{
	u32 limit = registry_max_pools();
	int error;

	mutex_lock(&registry_lock);
	if (limit && nr_pools >= limit)
		error = -ENFILE;
	else
		error = units_take(pool->units, &pool->id);
	if (!error)
		nr_pools++;
	mutex_unlock(&registry_lock);
	return error;
}

static void space_release(struct fixedpool *pool)
{
	mutex_lock(&registry_lock);
	bitmap_clear(units_taken, pool->id, pool->units);
	nr_pools--;
	mutex_unlock(&registry_lock);
}

/**
 * registry_name_valid() - may a pool, or a set, be called so
 * @name: the name, maybe without an end within FIXEDPOOL_NAME_SIZE
 *
 * Context: any.
 */
bool registry_name_valid(const char *name)
{
	size_t length = strnlen(name, FIXEDPOOL_NAME_SIZE);
	size_t i;

	if (!length || length == FIXEDPOOL_NAME_SIZE || name[0] == '.')
		return false;
	for (i = 0; i < length; i++) {
		if (!isascii(name[i]) ||
		    (!isalnum(name[i]) && !strchr("._-", name[i])))
			return false;
	}
	return true;
}

/* Takes no name apart from what the string says; NULL if there is no such. */
static struct fixedpool *find_locked(const char *name)
{
	struct fixedpool *pool;

	lockdep_assert_held(&registry_lock);
	list_for_each_entry(pool, &pools, link) {
		if (!strncmp(pool->name, name, FIXEDPOOL_NAME_SIZE))
			return pool;
	}
	return NULL;
}

static bool name_taken(const char *name)
{
	bool taken;

	mutex_lock(&registry_lock);
	taken = find_locked(name);
	mutex_unlock(&registry_lock);
	return taken;
}

static int params_check(const struct fixedpool_params *params)
{
	if (!params->name || !registry_name_valid(params->name))
		return -EINVAL;
	if (params->reserve > params->blocks)
		return -EINVAL;
	if (params->max_blocks && params->max_blocks < params->blocks)
		return -EINVAL;
	if (params->flags & ~VALID_FLAGS)
		return -EINVAL;
	if (hygiene_check(params->flags))
		return -EINVAL;
	if (revoke_check(params))
		return -EINVAL;
	if (params->mode & ~VALID_MODE)
		return -EINVAL;
	if (params->numa_node != NUMA_NO_NODE &&
	    (params->numa_node < 0 || params->numa_node >= MAX_NUMNODES ||
	     !node_online(params->numa_node)))
		return -EINVAL;
	return 0;
}

static void pool_free(struct fixedpool *pool)
{
	pool_exit(pool);
	iput(pool->inode);
	uncharge_memory(&pool->charge);
	space_release(pool);
	kfree(pool);
}

static struct fixedpool *pool_make(const struct fixedpool_params *params,
				   bool charge_user)
{
	struct fixedpool *pool;
	struct geometry *geo;
	u64 bytes;
	int error;

	error = params_check(params);
	if (error)
		return ERR_PTR(error);
	pool = kzalloc(sizeof(*pool), GFP_KERNEL_ACCOUNT);
	if (!pool)
		return ERR_PTR(-ENOMEM);
	geo = &pool->storage.geo;
	error = geometry_init_growing(geo, params->storage, params->block_size,
				      params->align, params->blocks,
				      params->max_blocks ?: params->blocks);
	if (error)
		goto free_pool;
	if (params->storage == FIXEDPOOL_STORAGE_PAGES &&
	    !(params->flags & FIXEDPOOL_POOL_PACKED))
		geometry_colour(geo);
	pool->units = geometry_units(geo, pool_mapped_bytes(geo,
							    params->storage));
	error = pool->units ? space_take(pool) : -EOVERFLOW;
	if (error)
		goto free_pool;

	refcount_set(&pool->refs, 1);
	INIT_LIST_HEAD(&pool->channels);
	mutex_init(&pool->attachments_lock);
	INIT_LIST_HEAD(&pool->attachments);
	strscpy(pool->name, params->name, sizeof(pool->name));
	pool->hot.first_slot = pool->id << SLOT_UNIT_SHIFT;
	pool->reserve = params->reserve ?: params->blocks;
	pool->flags = params->flags;
	pool->mode = params->mode ?: DEFAULT_MODE;
	pool->uid = current_euid();
	pool->gid = current_egid();

	bytes = pool_bytes_now(geo, params->storage, params->flags,
			       params->blocks);
	error = charge_memory(&pool->charge, bytes, charge_user);
	if (error)
		goto release_space;
	error = pool_init(pool, params->storage, pool->reserve, params->blocks,
			  params->numa_node, pool->id);
	if (error)
		goto uncharge;
	return pool;

uncharge:
	uncharge_memory(&pool->charge);
release_space:
	space_release(pool);
free_pool:
	kfree(pool);
	return ERR_PTR(error);
}

static int name_publish(struct fixedpool *pool)
{
	int error;

	mutex_lock(&registry_lock);
	error = find_locked(pool->name) ? -EEXIST : observer->added(pool);
	if (!error) {
		refcount_inc(&pool->refs);
		list_add_tail(&pool->link, &pools);
		WRITE_ONCE(pool->linked, true);
	}
	mutex_unlock(&registry_lock);
	return error;
}

/**
 * registry_create() - make a pool and give it its name
 * @params: what it is to be
 * @by_client: the current process makes it as a client: it pays, and is
 *	attached from the first moment on, to leave with registry_detach()
 *
 * Context: process; may sleep.
 * Return: the pool with a reference for the caller, beside that of the name; or
 * -EINVAL, -EEXIST, -ENFILE, -ENOSPC, -EDQUOT, -EOVERFLOW, -ENOMEM.
 */
struct fixedpool *registry_create(const struct fixedpool_params *params,
				  bool by_client)
{
	struct fixedpool *pool;
	int error;

	/* now to say so before any memory is taken, and once more to be sure */
	if (params->name && name_taken(params->name))
		return ERR_PTR(-EEXIST);
	pool = pool_make(params, by_client);
	if (IS_ERR(pool))
		return pool;
	pool->attached = by_client;
	error = name_publish(pool);
	if (error) {
		pool_free(pool);
		return ERR_PTR(error);
	}
	return pool;
}

static void unlink_locked(struct fixedpool *pool)
{
	lockdep_assert_held(&registry_lock);
	list_del(&pool->link);
	/* first, for those who read in debugfs and look whether to go on */
	WRITE_ONCE(pool->linked, false);
	waiting_end(&pool->waiting, -EIDRM);
	observer->removed(pool);
}

/**
 * registry_unlink() - take a pool's name away, if it still has it
 * @pool: the pool; the caller has a reference
 *
 * Context: process; may sleep.
 */
void registry_unlink(struct fixedpool *pool)
{
	bool linked;

	mutex_lock(&registry_lock);
	linked = pool->linked;
	if (linked)
		unlink_locked(pool);
	mutex_unlock(&registry_lock);
	if (linked)
		registry_put(pool);
}

/**
 * registry_exit() - take all names away
 *
 * Context: process; may sleep.
 */
void registry_exit(void)
{
	struct fixedpool *pool, *next;

	/* nobody is left who could create or find one */
	list_for_each_entry_safe(pool, next, &pools, link)
		registry_unlink(pool);
}

/**
 * registry_ref() - one more reference
 * @pool: the pool; the caller has one already
 *
 * Context: any.
 */
void registry_ref(struct fixedpool *pool)
{
	refcount_inc(&pool->refs);
}

/**
 * registry_put() - drop a reference, free the pool if it was the last
 * @pool: the pool
 *
 * Context: process; may sleep.
 */
void registry_put(struct fixedpool *pool)
{
	might_sleep();
	if (refcount_dec_and_test(&pool->refs))
		pool_free(pool);
}

/**
 * registry_get() - find a pool by name
 * @name: the name
 *
 * Context: process; may sleep.
 * Return: the pool with a reference, or -ENOENT.
 */
struct fixedpool *registry_get(const char *name)
{
	struct fixedpool *pool;

	mutex_lock(&registry_lock);
	pool = find_locked(name);
	if (pool)
		refcount_inc(&pool->refs);
	mutex_unlock(&registry_lock);
	return pool ?: ERR_PTR(-ENOENT);
}

/* As for a file: the first class that fits decides. */
static bool may_attach(const struct fixedpool *pool)
{
	unsigned int bits = pool->mode;

	if (uid_eq(current_euid(), pool->uid))
		bits >>= 6;
	else if (in_egroup_p(pool->gid))
		bits >>= 3;
	return (bits & 06) == 06 || capable(CAP_DAC_OVERRIDE);
}

/**
 * registry_attach() - a client comes
 * @name: the pool's name
 *
 * Context: process; may sleep.
 * Return: the pool, with a reference, to be left with registry_detach();
 * -ENOENT; -EACCES if the current process may not.
 */
struct fixedpool *registry_attach(const char *name)
{
	struct fixedpool *pool;

	mutex_lock(&registry_lock);
	pool = find_locked(name);
	if (!pool) {
		pool = ERR_PTR(-ENOENT);
	} else if (!may_attach(pool)) {
		pool = ERR_PTR(-EACCES);
	} else {
		refcount_inc(&pool->refs);
		WRITE_ONCE(pool->attached, pool->attached + 1);
	}
	mutex_unlock(&registry_lock);
	return pool;
}

/**
 * registry_detach() - a client leaves
 * @pool: the pool, of which it holds nothing any more
 *
 * Context: process; may sleep.
 */
void registry_detach(struct fixedpool *pool)
{
	bool unlinked = false;

	mutex_lock(&registry_lock);
	WRITE_ONCE(pool->attached, pool->attached - 1);
	if (!pool->attached && pool->linked &&
	    (pool->flags & FIXEDPOOL_POOL_AUTO_DESTROY)) {
		unlink_locked(pool);
		unlinked = true;
	}
	mutex_unlock(&registry_lock);
	if (unlinked)
		registry_put(pool);
	registry_put(pool);
}

/**
 * registry_destroy() - take a name away on behalf of the current process
 * @name: the name
 *
 * Context: process; may sleep.
 * Return: 0; -ENOENT; -EACCES unless the process owns the pool or has
 * CAP_DAC_OVERRIDE.
 */
int registry_destroy(const char *name)
{
	struct fixedpool *pool;
	int error = 0;

	mutex_lock(&registry_lock);
	pool = find_locked(name);
	if (!pool)
		error = -ENOENT;
	else if (!uid_eq(current_euid(), pool->uid) &&
		 !capable(CAP_DAC_OVERRIDE))
		error = -EACCES;
	else
		unlink_locked(pool);
	mutex_unlock(&registry_lock);
	if (!error)
		registry_put(pool);
	return error;
}
