// SPDX-License-Identifier: GPL-2.0
/* The ioctl that makes and ends watches. */
#include <linux/err.h>
#include <linux/eventfd.h>

#include "client.h"
#include "ioctl_call.h"

static long add(struct attachment *att, struct fixedpool_watch *watch)
{
	u32 blocks = pool_geometry(att->pool)->blocks;
	struct eventfd_ctx *event;
	int error;

	if (watch->id)
		return -EINVAL;
	if (!watch->low && !watch->high)
		return -EINVAL;
	if (watch->low > blocks || watch->high > blocks)
		return -EINVAL;
	if (watch->high && watch->high < watch->low)
		return -EINVAL;
	event = eventfd_ctx_fdget(watch->fd);
	if (IS_ERR(event))
		return PTR_ERR(event);
	error = watch_add(&att->watching, att->pool, watch->low, watch->high,
			  event, &watch->id);
	if (error)
		eventfd_ctx_put(event);
	return error;
}

static long remove(struct attachment *att, const struct fixedpool_watch *watch)
{
	if (watch->low || watch->high || watch->fd)
		return -EINVAL;
	return watch_remove(&att->watching, att->pool, watch->id);
}

long call_watch(struct client *client, struct call *call)
{
	struct fixedpool_watch *watch = &call->argument.watch;
	struct attachment *att;
	long error;

	if (watch->flags & ~FIXEDPOOL_WATCH_REMOVE)
		return -EINVAL;
	att = client_attachment_of_pool(client, watch->pool);
	if (!att)
		return -ENXIO;
	if (watch->flags & FIXEDPOOL_WATCH_REMOVE)
		error = remove(att, watch);
	else
		error = add(att, watch);
	attachment_put(att);
	return error;
}

/* One that was ended, stays so. */
void undo_watch(struct client *client, struct call *call)
{
	struct fixedpool_watch *watch = &call->argument.watch;
	struct attachment *att;

	if (watch->flags & FIXEDPOOL_WATCH_REMOVE)
		return;
	att = client_attachment_of_pool(client, watch->pool);
	if (att)
		watch_remove(&att->watching, att->pool, watch->id);
	attachment_put(att);
}
