// SPDX-License-Identifier: GPL-2.0
/* Ioctls about channels. */
#include <linux/err.h>
#include <linux/fcntl.h>
#include <linux/file.h>
#include <linux/string.h>

#include "channel.h"
#include "channel_file.h"
#include "client.h"
#include "ioctl_call.h"

#define VALID_CHANNEL_FLAGS (CHANNEL_ENDS | FIXEDPOOL_CHANNEL_NONBLOCK)

static bool name_terminated(const char *name)
{
	return strnlen(name, FIXEDPOOL_NAME_SIZE) < FIXEDPOOL_NAME_SIZE;
}

/* Gives a channel, with the ends that @flags say, to a descriptor that is not
 * in sight yet.
 */
static int deliver(struct client *client, struct call *call,
		   struct fixedpool_channel *channel, u32 flags)
{
	u32 ends = flags & CHANNEL_ENDS;
	struct file *file;
	int fd;

	if (IS_ERR(channel))
		return PTR_ERR(channel);
	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0) {
		channel_close(channel, ends);
		return fd;
	}
	file = channel_file_open(client, channel, ends,
				 flags & FIXEDPOOL_CHANNEL_NONBLOCK);
	if (IS_ERR(file)) {
		put_unused_fd(fd);
		return PTR_ERR(file);
	}
	call->file = file;
	call->fd = fd;
	return 0;
}

long call_channel_create(struct client *client, struct call *call)
{
	struct fixedpool_channel_create *create = &call->argument.channel_create;
	struct attachment *att;
	long error;

	create->fd = -1;
	if (!name_terminated(create->name))
		return -EINVAL;
	if (create->flags & ~VALID_CHANNEL_FLAGS)
		return -EINVAL;
	att = client_attachment_of_pool(client, create->pool);
	if (!att)
		return -ENXIO;
	error = deliver(client, call,
			channel_create(att->pool, create->name,
				       create->capacity,
				       create->flags & CHANNEL_ENDS, true),
			create->flags);
	attachment_put(att);
	if (!error)
		create->fd = call->fd;
	return error;
}

long call_channel_open(struct client *client, struct call *call)
{
	struct fixedpool_channel_open *open = &call->argument.channel_open;
	struct attachment *att;
	long error;

	open->fd = -1;
	if (!name_terminated(open->name))
		return -EINVAL;
	if (open->flags & ~VALID_CHANNEL_FLAGS || open->reserved)
		return -EINVAL;
	att = client_attachment_of_pool(client, open->pool);
	if (!att)
		return -ENXIO;
	error = deliver(client, call,
			channel_open(att->pool, open->name,
				     open->flags & CHANNEL_ENDS),
			open->flags);
	attachment_put(att);
	if (!error)
		open->fd = call->fd;
	return error;
}

void undo_channel(struct client *client, struct call *call)
{
	put_unused_fd(call->fd);
	fput(call->file);
	call->file = NULL;
}
