// SPDX-License-Identifier: GPL-2.0
/* The sets that a client has opened; see client_set.h. */
#include "client_set.h"

#include <linux/err.h>

#include "registry.h"

/* Takes over an opened set. */
static int store(struct client *client, struct fixedpool_set *set, u32 *id)
{
	int error;

	*id = set->id;
	mutex_lock(&client->lock);
	if (xa_load(&client->sets, set->id))
		error = -EALREADY;
	else
		error = xa_err(xa_store(&client->sets, set->id, set,
					GFP_KERNEL));
	mutex_unlock(&client->lock);
	return error;
}

/**
 * client_set_create() - make a set and open it
 * @client: the client
 * @name: the name
 * @ids: numbers of the pools
 * @count: how many, up to FIXEDPOOL_MAX_SET_POOLS
 * @id: set to the number of the set
 *
 * Context: process; may sleep.
 * Return: 0; -ENXIO if the client is not attached to one of the pools; or an
 * error of set_create().
 */
int client_set_create(struct client *client, const char *name, const u32 *ids,
		      unsigned int count, u32 *id)
{
	struct attachment *atts[FIXEDPOOL_MAX_SET_POOLS];
	struct fixedpool *pools[FIXEDPOOL_MAX_SET_POOLS];
	struct fixedpool_set *set;
	unsigned int got;
	int error = 0;

	for (got = 0; got < count; got++) {
		atts[got] = client_attachment_of_pool(client, ids[got]);
		if (!atts[got]) {
			error = -ENXIO;
			goto put;
		}
		pools[got] = atts[got]->pool;
	}
	set = set_create(name, pools, count, true);
	error = PTR_ERR_OR_ZERO(set);
	if (error)
		goto put;
	error = store(client, set, id);
	if (error)
		set_close(set);
put:
	while (got--)
		attachment_put(atts[got]);
	return error;
}

static bool attached_to_all(struct client *client,
			    const struct fixedpool_set *set)
{
	bool attached = true;
	unsigned int i;

	for (i = 0; attached && i < set->count; i++) {
		struct attachment *att =
			client_attachment_of_pool(client, set->pools[i]->id);

		attached = att;
		attachment_put(att);
	}
	return attached;
}

/**
 * client_set_open() - open a set by name
 * @client: the client
 * @name: the name
 * @id: set to the number of the set
 *
 * Context: process; may sleep.
 * Return: 0; -ENOENT; -ENOTCONN if the client is not attached to all pools of
 * the set; -EALREADY if it has opened the set before; -ENOMEM.
 */
int client_set_open(struct client *client, const char *name, u32 *id)
{
	struct fixedpool_set *set = set_open(name);
	int error;

	if (IS_ERR(set))
		return PTR_ERR(set);
	if (attached_to_all(client, set))
		error = store(client, set, id);
	else
		error = -ENOTCONN;
	if (error)
		set_close(set);
	return error;
}

/**
 * client_set_leave() - close a set
 * @client: the client
 * @id: number of the set
 *
 * Context: process; may sleep.
 * Return: 0; -ENXIO if the client has no such set open.
 */
int client_set_leave(struct client *client, u32 id)
{
	struct fixedpool_set *set;

	mutex_lock(&client->lock);
	set = xa_erase(&client->sets, id);
	mutex_unlock(&client->lock);
	if (!set)
		return -ENXIO;
	set_close(set);
	return 0;
}

/**
 * client_set() - a set that the client has opened
 * @client: the client
 * @id: number of the set
 *
 * Context: any, but set_put() must follow in process context.
 * Return: the set with a reference, or NULL.
 */
struct fixedpool_set *client_set(struct client *client, u32 id)
{
	struct fixedpool_set *set;

	rcu_read_lock();
	set = xa_load(&client->sets, id);
	if (set && !set_try_ref(set))
		set = NULL;
	rcu_read_unlock();
	return set;
}
