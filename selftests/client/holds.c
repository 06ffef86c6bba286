// SPDX-License-Identifier: GPL-2.0
/*
 * The blocks an open file holds by request of its process. A block that the
 * process frees meanwhile, or dies with, stays where it is until the release.
 */

#include <linux/err.h>
#include <linux/fixedpool.h>
#include <linux/slab.h>

#include "client.h"

struct client_hold {
	struct list_head entry;
	struct fixedpool *pool;
	u64 handle;
	void *block;
};

static void drop(struct client_hold *hold)
{
	/* By address, since processes can scribble over what handles are
	 * compared with. Cannot fail: the hold is ours, and only we let go.
	 */
	WARN_ON_ONCE(fixedpool_free_block(hold->pool, hold->block));
	list_del(&hold->entry);
	kfree(hold);
}

static int hold_locked(struct client *client,
		       const struct fixedpool_client_hold *arg)
{
	struct client_hold *hold;
	struct fixedpool *pool;
	void *block;

	pool = client_pool_locked(client, arg->pool);
	if (IS_ERR(pool))
		return PTR_ERR(pool);
	hold = kmalloc(sizeof(*hold), GFP_KERNEL_ACCOUNT);
	if (!hold)
		return -ENOMEM;
	block = fixedpool_lookup(pool, arg->handle);
	if (IS_ERR(block)) {
		kfree(hold);
		return PTR_ERR(block);
	}
	hold->pool = pool;
	hold->handle = arg->handle;
	hold->block = block;
	list_add(&hold->entry, &client->holds);
	return 0;
}

static int release_locked(struct client *client,
			  const struct fixedpool_client_hold *arg)
{
	struct client_hold *hold;
	struct fixedpool *pool;

	pool = client_pool_locked(client, arg->pool);
	if (IS_ERR(pool))
		return PTR_ERR(pool);
	list_for_each_entry(hold, &client->holds, entry) {
		if (hold->pool == pool && hold->handle == arg->handle) {
			drop(hold);
			return 0;
		}
	}
	return -ENOENT;
}

int client_hold(struct client *client, const struct fixedpool_client_hold *arg)
{
	int err;

	if (arg->flags || arg->reserved)
		return -EINVAL;
	mutex_lock(&client->lock);
	err = hold_locked(client, arg);
	mutex_unlock(&client->lock);
	return err;
}

int client_release(struct client *client,
		   const struct fixedpool_client_hold *arg)
{
	int err;

	if (arg->flags || arg->reserved)
		return -EINVAL;
	mutex_lock(&client->lock);
	err = release_locked(client, arg);
	mutex_unlock(&client->lock);
	return err;
}

void client_holds_release(struct client *client)
{
	struct client_hold *hold, *next;

	list_for_each_entry_safe(hold, next, &client->holds, entry)
		drop(hold);
}
