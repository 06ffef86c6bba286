// SPDX-License-Identifier: GPL-2.0
/* Channels for other modules; the contract of <linux/fixedpool.h>. */
#include <linux/fixedpool.h>

#include <linux/err.h>

#include "channel.h"
#include "compat.h"

/**
 * fixedpool_channel_create() - make a channel
 * @pool: the pool whose handles it carries
 * @name: name for others to find it by, unique in the pool; see
 *	FIXEDPOOL_NAME_SIZE
 * @capacity: most handles in it, up to FIXEDPOOL_MAX_CHANNEL_CAPACITY
 * @ends: FIXEDPOOL_CHANNEL_READ, FIXEDPOOL_CHANNEL_WRITE or both: what the
 *	caller is going to do
 *
 * Processes that are attached to the pool open it by its name.
 *
 * Context: Process context; may sleep.
 * Return: The channel, to be given up with fixedpool_channel_put(); or an
 * ERR_PTR: -EINVAL for a value out of its range, -EEXIST if the name is taken,
 * -ENOSPC if max_bytes forbids it, -ENOMEM.
 */
struct fixedpool_channel *fixedpool_channel_create(struct fixedpool *pool,
						   const char *name,
						   u32 capacity, u32 ends)
{
	if (!name || !name[0])
		return ERR_PTR(-EINVAL);
	return channel_create(pool, name, capacity, ends, false);
}
FIXEDPOOL_EXPORT(fixedpool_channel_create);

/**
 * fixedpool_channel_get() - find a channel by name
 * @pool: its pool
 * @name: its name
 * @ends: as for fixedpool_channel_create()
 *
 * Context: Process context; may sleep.
 * Return: The channel, to be given up with fixedpool_channel_put(); or
 * ERR_PTR(-ENOENT), or ERR_PTR(-EINVAL) for what is no name or no end.
 */
struct fixedpool_channel *fixedpool_channel_get(struct fixedpool *pool,
						const char *name, u32 ends)
{
	return channel_open(pool, name, ends);
}
FIXEDPOOL_EXPORT(fixedpool_channel_get);

/**
 * fixedpool_channel_put() - give up a channel
 * @channel: the channel; the caller neither sends nor receives any more, and
 *	does not listen
 * @ends: what it was created or got with
 *
 * With the last end of all, what is queued goes back to the pool.
 *
 * Context: Process context; may sleep.
 */
void fixedpool_channel_put(struct fixedpool_channel *channel, u32 ends)
{
	channel_close(channel, ends);
}
FIXEDPOOL_EXPORT(fixedpool_channel_put);

/**
 * fixedpool_channel_send() - send a block
 * @channel: a channel got with FIXEDPOOL_CHANNEL_WRITE
 * @handle: the block, which the caller holds
 *
 * The caller's hold goes with the handle, to whoever receives it; the caller may
 * not touch the block any more. If it is not sent, the caller holds it still, but
 * it may have been published, see fixedpool_publish().
 *
 * Context: Any, NMI included. O(1). An interrupt that sends while the code it
 * has interrupted sends or receives may find the channel full although it is
 * not.
 * Return: 0; -EAGAIN if there is no room; -EPIPE if there have been readers and
 * all have gone; -ESTALE if the handle's allocation has ended; -EPERM if no
 * module holds the block; -EBUSY if it has 254 holders among processes; -EINVAL,
 * -ENXIO or -ERANGE for what is no handle of the channel's pool.
 */
int fixedpool_channel_send(struct fixedpool_channel *channel, u64 handle)
{
	struct fixedpool *pool = channel->pool;
	u32 index;
	int error;

	if (channel_gone(&channel->readers))
		return -EPIPE;
	if (!channel_room(channel))
		return -EAGAIN;
	error = pool_resolve(pool, handle, &index);
	if (!error)
		error = pool_publish(pool, index,
				     FIXEDPOOL_HANDLE_VERSION(handle));
	if (error == -EALREADY)
		error = -ESTALE;
	/* The channel's hold comes before the caller's goes, so that the block is
	 * held all the time; the receiver may let go of the former right away.
	 */
	if (!error)
		error = pool_hold(pool, index, FIXEDPOOL_HANDLE_VERSION(handle),
				  HOLDER_CLIENT);
	if (error) {
		pool_refuse(pool, handle, error);
		return error;
	}
	if (!channel_push(channel, &handle, 1)) {
		pool_drop(pool, index, HOLDER_CLIENT);
		return -EAGAIN;
	}
	pool_drop(pool, index, HOLDER_KERNEL);
	channel_wake_later(channel, &channel->readers);
	return 0;
}
FIXEDPOOL_EXPORT(fixedpool_channel_send);

/**
 * fixedpool_channel_receive() - receive a block
 * @channel: a channel got with FIXEDPOOL_CHANNEL_READ
 * @handle: set to the block's handle
 *
 * The caller holds the block then, as after fixedpool_lookup(). Never waits.
 *
 * Context: Any, NMI included. O(1). An interrupt that receives while the code it
 * has interrupted sends or receives may find the channel empty although it is
 * not.
 * Return: The block, or an ERR_PTR: -EAGAIN if there is none; -EPIPE if there is
 * none, there have been writers and all have gone; -EBUSY if modules hold the
 * block 254 times already: @handle tells which, and the channel has let go of
 * it.
 */
void *fixedpool_channel_receive(struct fixedpool_channel *channel, u64 *handle)
{
	/* first: what the last of them sent is found then */
	bool gone = channel_gone(&channel->writers);
	struct fixedpool *pool = channel->pool;
	u32 index;
	int error;

	if (!channel_pop(channel, handle, 1))
		return ERR_PTR(gone ? -EPIPE : -EAGAIN);
	channel_wake_later(channel, &channel->writers);
	index = FIXEDPOOL_HANDLE_SLOT(*handle) - pool->hot.first_slot;
	error = pool_pass(pool, index, HOLDER_CLIENT, HOLDER_KERNEL);
	if (error) {
		pool_drop(pool, index, HOLDER_CLIENT);
		return ERR_PTR(error);
	}
	return pool_block(pool, index);
}
FIXEDPOOL_EXPORT(fixedpool_channel_receive);

/**
 * fixedpool_channel_listen() - have a function called when handles arrive
 * @channel: a channel got with FIXEDPOOL_CHANNEL_READ; it has one listener
 * @arrived: the function; one call may stand for several handles, and there may
 *	be none left for it. It may run on several CPUs at the same time.
 * @data: its argument
 *
 * @arrived runs in a hard interrupt, with PREEMPT_RT in a thread; it must not
 * sleep. It may receive and send, but neither listen, unlisten nor put. Handles
 * that are there already are told of, too.
 *
 * Context: Process context; may sleep.
 * Return: 0, or -EBUSY if there is a listener.
 */
int fixedpool_channel_listen(struct fixedpool_channel *channel,
			     void (*arrived)(struct fixedpool_channel *channel,
					     void *data),
			     void *data)
{
	return channel_listen(channel, arrived, data);
}
FIXEDPOOL_EXPORT(fixedpool_channel_listen);

/**
 * fixedpool_channel_unlisten() - undo fixedpool_channel_listen()
 * @channel: the channel
 *
 * The function does not run any more when this returns.
 *
 * Context: Process context; may sleep.
 */
void fixedpool_channel_unlisten(struct fixedpool_channel *channel)
{
	channel_unlisten(channel);
}
FIXEDPOOL_EXPORT(fixedpool_channel_unlisten);
