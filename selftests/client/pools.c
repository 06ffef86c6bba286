// SPDX-License-Identifier: GPL-2.0
/*
 * The pools an open file uses: found by name once, kept until it is closed.
 */

#include <linux/err.h>
#include <linux/fixedpool.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "client.h"

struct client_pool {
	struct list_head entry;
	struct fixedpool *pool;
};

/**
 * client_pool_locked - a pool by its name
 * @client: the open file; its lock is held
 * @name: the name, in FIXEDPOOL_NAME_SIZE bytes, maybe without an end
 *
 * Return: the pool, valid until client_pools_put(), or ERR_PTR()
 */
struct fixedpool *client_pool_locked(struct client *client, const char *name)
{
	struct client_pool *known;
	struct fixedpool *pool;

	lockdep_assert_held(&client->lock);

	if (strnlen(name, FIXEDPOOL_NAME_SIZE) == FIXEDPOOL_NAME_SIZE)
		return ERR_PTR(-EINVAL);

	list_for_each_entry(known, &client->pools, entry)
		if (!strcmp(fixedpool_name(known->pool), name))
			return known->pool;

	known = kmalloc(sizeof(*known), GFP_KERNEL_ACCOUNT);
	if (!known)
		return ERR_PTR(-ENOMEM);
	pool = fixedpool_get(name);
	if (IS_ERR(pool)) {
		kfree(known);
		return pool;
	}
	known->pool = pool;
	list_add(&known->entry, &client->pools);
	return pool;
}

struct fixedpool *client_pool(struct client *client, const char *name)
{
	struct fixedpool *pool;

	mutex_lock(&client->lock);
	pool = client_pool_locked(client, name);
	mutex_unlock(&client->lock);
	return pool;
}

void client_pools_put(struct client *client)
{
	struct client_pool *known, *next;

	list_for_each_entry_safe(known, next, &client->pools, entry) {
		fixedpool_put(known->pool);
		kfree(known);
	}
}
