// SPDX-License-Identifier: GPL-2.0
/*
 * /sys/class/fixedpool/<pool>/: one value a file, all of them readable by
 * everybody; Documentation/ABI/testing/sysfs-class-fixedpool says what they
 * mean.
 */
#include "sysfs.h"

#include <linux/device.h>
#include <linux/err.h>
#include <linux/kdev_t.h>
#include <linux/sysfs.h>

#include "channel.h"
#include "pool.h"

static struct class pool_class = {
	.name = "fixedpool",
};

static const char *storage_name(const struct fixedpool *pool)
{
	return pool->which == FIXEDPOOL_STORAGE_SLAB ? "slab" : "pages";
}

/* An attribute @name whose value @expression, of @pool, is printed by @format. */
#define POOL_ATTRIBUTE(name, format, expression)			\
static ssize_t name##_show(struct device *device,			\
			   struct device_attribute *attribute, char *buf) \
{									\
	struct fixedpool *pool = dev_get_drvdata(device);		\
									\
	return sysfs_emit(buf, format "\n", expression);		\
}									\
static DEVICE_ATTR_RO(name)

POOL_ATTRIBUTE(id, "%u", pool->id);
POOL_ATTRIBUTE(block_size, "%u", pool_geometry(pool)->block_size);
POOL_ATTRIBUTE(stride, "%u", pool_geometry(pool)->stride);
POOL_ATTRIBUTE(align, "%u", pool_geometry(pool)->align);
POOL_ATTRIBUTE(blocks, "%u", pool_blocks(pool));
POOL_ATTRIBUTE(max_blocks, "%u", pool_max_blocks(pool));
POOL_ATTRIBUTE(reserve, "%u", pool->reserve);
POOL_ATTRIBUTE(storage, "%s", storage_name(pool));
POOL_ATTRIBUTE(numa_node, "%d", pool->storage.numa_node);
POOL_ATTRIBUTE(flags, "0x%x", pool_flags(pool));
POOL_ATTRIBUTE(owner, "%u", from_kuid_munged(&init_user_ns, pool->uid));
POOL_ATTRIBUTE(group, "%u", from_kgid_munged(&init_user_ns, pool->gid));
POOL_ATTRIBUTE(mode, "%04o", pool->mode);
POOL_ATTRIBUTE(bytes, "%llu", READ_ONCE(pool->charge.bytes));

static struct attribute *configuration_attrs[] = {
	&dev_attr_id.attr,
	&dev_attr_block_size.attr,
	&dev_attr_stride.attr,
	&dev_attr_align.attr,
	&dev_attr_blocks.attr,
	&dev_attr_max_blocks.attr,
	&dev_attr_reserve.attr,
	&dev_attr_storage.attr,
	&dev_attr_numa_node.attr,
	&dev_attr_flags.attr,
	&dev_attr_owner.attr,
	&dev_attr_group.attr,
	&dev_attr_mode.attr,
	&dev_attr_bytes.attr,
	NULL
};

static const struct attribute_group configuration_group = {
	.attrs = configuration_attrs,
};

POOL_ATTRIBUTE(in_use, "%u", pool_in_use(pool));
POOL_ATTRIBUTE(free, "%u", pool_free_blocks(pool));
POOL_ATTRIBUTE(cached, "%u", magazines_cached(&pool->magazines));
POOL_ATTRIBUTE(peak, "%u", READ_ONCE(pool->peak));
POOL_ATTRIBUTE(clients, "%u", READ_ONCE(pool->attached));
POOL_ATTRIBUTE(waiters, "%u", READ_ONCE(pool->waiting.count));
POOL_ATTRIBUTE(queued, "%llu", channel_queued(pool));

static struct attribute *state_attrs[] = {
	&dev_attr_in_use.attr,
	&dev_attr_free.attr,
	&dev_attr_cached.attr,
	&dev_attr_peak.attr,
	&dev_attr_clients.attr,
	&dev_attr_waiters.attr,
	&dev_attr_queued.attr,
	NULL
};

static const struct attribute_group state_group = {
	.attrs = state_attrs,
};

POOL_ATTRIBUTE(allocs, "%llu", pool_allocs(pool));
POOL_ATTRIBUTE(frees, "%llu", pool_frees(pool));
POOL_ATTRIBUTE(failures, "%llu", pool_counter(pool, POOL_FAILURES));
POOL_ATTRIBUTE(refused_stale, "%llu", pool_counter(pool, POOL_REFUSED_STALE));
POOL_ATTRIBUTE(refused_foreign, "%llu", pool_counter(pool, POOL_REFUSED_FOREIGN));
POOL_ATTRIBUTE(reclaimed, "%llu", pool_counter(pool, POOL_RECLAIMED));
POOL_ATTRIBUTE(fallbacks, "%llu", pool_counter(pool, POOL_FALLBACKS));
POOL_ATTRIBUTE(overflows, "%llu", pool_counter(pool, POOL_OVERFLOWS));
POOL_ATTRIBUTE(reclaimed_early, "%llu",
	       pool_counter(pool, POOL_RECLAIMED_EARLY));
POOL_ATTRIBUTE(waits, "%llu", pool_counter(pool, POOL_WAITS));
POOL_ATTRIBUTE(poison_hits, "%llu", pool_counter(pool, POOL_POISON_HITS));
POOL_ATTRIBUTE(grows, "%llu", READ_ONCE(pool->growth.grows));
POOL_ATTRIBUTE(shrinks, "%llu", READ_ONCE(pool->growth.shrinks));
POOL_ATTRIBUTE(grow_failures, "%llu", READ_ONCE(pool->growth.failures));

/* Which way blocks went. */
#define PATH_ATTRIBUTE(name, path)					\
	POOL_ATTRIBUTE(name, "%llu", magazines_path(&pool->magazines, path))

POOL_ATTRIBUTE(taken_magazine, "%llu", magazines_taken(&pool->magazines));
PATH_ATTRIBUTE(taken_loading, PATH_TAKEN_LOADING);
PATH_ATTRIBUTE(taken_past, PATH_TAKEN_PAST);
POOL_ATTRIBUTE(taken_words, "%llu", pool_counter(pool, POOL_CLAIMS));
PATH_ATTRIBUTE(given_past, PATH_GIVEN_PAST);
POOL_ATTRIBUTE(given_words, "%llu", pool_counter(pool, POOL_ENDED));
PATH_ATTRIBUTE(loads_word, PATH_LOADS_WORD);
PATH_ATTRIBUTE(loads_rack, PATH_LOADS_RACK);
PATH_ATTRIBUTE(loads_depot, PATH_LOADS_DEPOT);
PATH_ATTRIBUTE(unloads_rack, PATH_UNLOADS_RACK);
PATH_ATTRIBUTE(unloads_depot, PATH_UNLOADS_DEPOT);
PATH_ATTRIBUTE(busy, PATH_BUSY);
PATH_ATTRIBUTE(shuts, PATH_SHUTS);

static struct attribute *path_attrs[] = {
	&dev_attr_taken_magazine.attr,
	&dev_attr_taken_loading.attr,
	&dev_attr_taken_past.attr,
	&dev_attr_taken_words.attr,
	&dev_attr_given_past.attr,
	&dev_attr_given_words.attr,
	&dev_attr_loads_word.attr,
	&dev_attr_loads_rack.attr,
	&dev_attr_loads_depot.attr,
	&dev_attr_unloads_rack.attr,
	&dev_attr_unloads_depot.attr,
	&dev_attr_busy.attr,
	&dev_attr_shuts.attr,
	NULL
};

static const struct attribute_group path_group = {
	.attrs = path_attrs,
};

static struct attribute *counter_attrs[] = {
	&dev_attr_allocs.attr,
	&dev_attr_frees.attr,
	&dev_attr_failures.attr,
	&dev_attr_refused_stale.attr,
	&dev_attr_refused_foreign.attr,
	&dev_attr_reclaimed.attr,
	&dev_attr_fallbacks.attr,
	&dev_attr_overflows.attr,
	&dev_attr_reclaimed_early.attr,
	&dev_attr_waits.attr,
	&dev_attr_poison_hits.attr,
	&dev_attr_grows.attr,
	&dev_attr_shrinks.attr,
	&dev_attr_grow_failures.attr,
	NULL
};

static const struct attribute_group counter_group = {
	.attrs = counter_attrs,
};

static const struct attribute_group *pool_groups[] = {
	&configuration_group,
	&state_group,
	&counter_group,
	&path_group,
	NULL
};

/**
 * sysfs_pool_added() - show a pool
 * @pool: the pool; it stays until sysfs_pool_removed() has returned
 *
 * Context: process; may sleep.
 * Return: 0 or an error.
 */
int sysfs_pool_added(struct fixedpool *pool)
{
	struct device *device;

	device = device_create_with_groups(&pool_class, NULL, MKDEV(0, 0), pool,
					   pool_groups, "%s", pool->name);
	if (IS_ERR(device))
		return PTR_ERR(device);
	pool->device = device;
	return 0;
}

/**
 * sysfs_pool_removed() - stop showing a pool
 * @pool: the pool
 *
 * Waits for those who are reading an attribute.
 *
 * Context: process; may sleep.
 */
void sysfs_pool_removed(struct fixedpool *pool)
{
	device_unregister(pool->device);
	pool->device = NULL;
}

/**
 * sysfs_init() - make the class
 *
 * Return: 0 or an error.
 */
int sysfs_init(void)
{
	return class_register(&pool_class);
}

/**
 * sysfs_exit() - remove the class; no pool is shown any more
 */
void sysfs_exit(void)
{
	class_unregister(&pool_class);
}
