// SPDX-License-Identifier: GPL-2.0
/* Ioctls about sets, and allocation by size. */
#include <linux/kernel.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "client_set.h"
#include "ioctl_call.h"

static bool name_terminated(const char *name)
{
	return strnlen(name, FIXEDPOOL_NAME_SIZE) < FIXEDPOOL_NAME_SIZE;
}

long call_set_create(struct client *client, struct call *call)
{
	struct fixedpool_set_create *create = &call->argument.set_create;
	u32 ids[FIXEDPOOL_MAX_SET_POOLS];

	if (!name_terminated(create->name))
		return -EINVAL;
	if (create->flags || create->reserved)
		return -EINVAL;
	if (create->count > FIXEDPOOL_MAX_SET_POOLS)
		return -EINVAL;
	if (!create->count && create->pools)
		return -EINVAL;
	if (!create->count)
		return client_set_open(client, create->name, &create->id);
	if (copy_from_user(ids, u64_to_user_ptr(create->pools),
			   create->count * sizeof(ids[0])))
		return -EFAULT;
	return client_set_create(client, create->name, ids, create->count,
				 &create->id);
}

/* A set that was made goes with the only client that has opened it. */
void undo_set_create(struct client *client, struct call *call)
{
	client_set_leave(client, call->argument.set_create.id);
}

long call_set_destroy(struct client *client, struct call *call)
{
	struct fixedpool_set_destroy *destroy = &call->argument.set_destroy;

	if (!name_terminated(destroy->name))
		return -EINVAL;
	if (destroy->flags)
		return -EINVAL;
	if (!destroy->name[0])
		return client_set_leave(client, destroy->id);
	if (destroy->id)
		return -EINVAL;
	return set_destroy(destroy->name);
}

/* Moves what is reserved to the client, pool after pool. */
static long deliver(struct client *client, struct fixedpool_set *set,
		    const struct set_share *share, struct attachment **atts,
		    struct fixedpool_alloc *alloc)
{
	long error = 0;
	unsigned int i;

	for (i = share->first; i < set->count; i++) {
		if (!share->blocks[i])
			continue;
		if (error)
			pool_cancel(set->pools[i], share->blocks[i]);
		else
			error = alloc_deliver(client, atts[i], alloc,
					      share->blocks[i]);
	}
	return error;
}

/* All pools that fit were asked. */
static long starve(struct client *client, struct fixedpool_set *set,
		   const struct fixedpool_alloc *alloc)
{
	unsigned int i;

	for (i = set_first(set, alloc->size); i < set->count; i++) {
		struct attachment *att =
			client_attachment_of_pool(client, set->pools[i]->id);

		if (att)
			watching_starved(&att->watching, att->pool,
					 &client->pollers);
		attachment_put(att);
	}
	return -ENOBUFS;
}

/* Having found too little in all pools that fit, waits for the smallest. */
static long alloc_patiently(struct client *client, struct fixedpool_set *set,
			    struct fixedpool_alloc *alloc, u32 least)
{
	struct fixedpool *pool = set->pools[set_first(set, alloc->size)];
	/* by number: the set keeps the pool, and so the pool its own */
	struct attachment *att = client_attachment_of_pool(client, pool->id);
	long error;
	int reserved;

	if (!att)
		return -ENOTCONN;
	reserved = alloc_reserve(client, att, alloc, least);
	error = reserved < 0 ? reserved :
			       alloc_deliver(client, att, alloc, reserved);
	attachment_put(att);
	return error;
}

static long alloc_of_set(struct client *client, struct fixedpool_set *set,
			 struct fixedpool_alloc *alloc)
{
	u32 least = alloc->flags & FIXEDPOOL_ALLOC_PARTIAL ? 1 : alloc->count;
	struct attachment *atts[FIXEDPOOL_MAX_SET_POOLS] = {};
	struct set_share share;
	unsigned int i;
	long error = 0;

	if (alloc->size > set_largest(set))
		return -EMSGSIZE;
	if (!set_reserve(set, alloc->size, least, alloc->count, &share))
		return alloc->flags & FIXEDPOOL_ALLOC_WAIT ?
			alloc_patiently(client, set, alloc, least) :
			starve(client, set, alloc);
	for (i = share.first; i < set->count; i++) {
		if (!share.blocks[i])
			continue;
		/* as in alloc_patiently() */
		atts[i] = client_attachment_of_pool(client, set->pools[i]->id);
		if (atts[i])
			watching_served(&atts[i]->watching);
		else
			error = -ENOTCONN;
	}
	if (error) {
		set_cancel(set, &share);
	} else {
		set_count(set, &share);
		error = deliver(client, set, &share, atts, alloc);
	}
	for (i = 0; i < set->count; i++)
		attachment_put(atts[i]);
	return error;
}

/*
 * Takes blocks by size. What has been delivered when it fails stays with the
 * client, for the caller to undo.
 */
long alloc_by_size(struct client *client, struct fixedpool_alloc *alloc)
{
	struct fixedpool_set *set = client_set(client, alloc->pool);
	long error;

	if (!set)
		return -ENXIO;
	error = alloc_of_set(client, set, alloc);
	set_put(set);
	return error;
}
