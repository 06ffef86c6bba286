// SPDX-License-Identifier: GPL-2.0
/*
 * Descriptors of channels: write() moves holds from the client's bitmap into the
 * queue, read() moves them from the queue into the client's bitmap. A block on
 * its way is held all the time: the same hold, counted once, changes its owner.
 *
 * A call has a reference to the client's attachment only while it moves handles,
 * never while it sleeps, so that a client can leave the pool under it. What it
 * moves meanwhile is given back with the last reference.
 */
#include "channel_file.h"

#include <linux/anon_inodes.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/pagemap.h>
#include <linux/poll.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "channel.h"
#include "compat.h"
#include "holding_batch.h"
#include "user_words.h"

#define HANDLE_BYTES	sizeof(u64)

/**
 * struct channel_file - an open descriptor
 * @channel: the channel
 * @client: whose holdings it works on
 * @ends: what it counts for
 */
struct channel_file {
	struct fixedpool_channel *channel;
	struct client *client;
	u32 ends;
};

/* How many whole handles fit in what of @count could be accessed. */
static unsigned int whole_handles(unsigned int count, unsigned long bytes_left)
{
	return count - DIV_ROUND_UP(bytes_left, HANDLE_BYTES);
}

/* Copies, and returns how many handles could be copied. */
static unsigned int handles_from_user(u64 *to, const u64 __user *from,
				      unsigned int count)
{
	if (likely(!words_from_user(to, from, count)))
		return count;
	return whole_handles(count, copy_from_user(to, from,
						   count * HANDLE_BYTES));
}

static unsigned int handles_to_user(u64 __user *to, const u64 *from,
				    unsigned int count)
{
	if (likely(!words_to_user(to, from, count)))
		return count;
	return whole_handles(count, copy_to_user(to, from,
						 count * HANDLE_BYTES));
}

/*
 * Handles that were accepted and could not be delivered after all: another
 * thread has unmapped the buffer since it was looked at. They go to the end of
 * the queue, or where there is no room any more, go free. What other threads of
 * the client have guessed and given away is theirs.
 */
static noinline void put_back(struct fixedpool_channel *channel,
			      struct attachment *att, const u64 *handles,
			      unsigned int count, u64 doubled)
{
	bool woken = false;
	unsigned int i;

	for (i = 0; i < count; i++) {
		struct fixedpool *pool = channel->pool;
		u32 slot = FIXEDPOOL_HANDLE_SLOT(handles[i]);

		if (!holding_unaccept(att, handles[i], doubled >> i & 1))
			continue;
		if (channel_push(channel, &handles[i], 1))
			woken = true;
		else
			pool_drop(pool, slot - pool->hot.first_slot,
				  HOLDER_CLIENT);
	}
	if (woken)
		channel_wake_readers(channel);
}

/* Returns how many handles were moved, at least 1, or an error. */
static int read_batch(struct fixedpool_channel *channel,
		      struct attachment *att, u64 __user *to, size_t wanted)
{
	unsigned int count = min_t(size_t, wanted, CHANNEL_BATCH);
	u64 handles[CHANNEL_BATCH] __uninitialized;
	unsigned int taken, done;
	u64 doubled;

	/* before anything is taken, since it could not go back to its place */
	if (!channel_ready(channel))
		return -EAGAIN;
	count = whole_handles(count, fault_in_writeable((char __user *)to,
							count * HANDLE_BYTES));
	if (!count)
		return -EFAULT;
	taken = channel_pop(channel, handles, count);
	if (!taken)
		return -EAGAIN;
	/* first, since another thread may see a handle as soon as it is there,
	 * and the client holds its block then
	 */
	doubled = holding_accept_batch(att, handles, taken);
	done = handles_to_user(to, handles, taken);
	if (unlikely(done < taken))
		put_back(channel, att, handles + done, taken - done,
			 doubled >> done);
	channel_wake_writers(channel);
	return done ?: -EFAULT;
}

/* As read_batch(). A refusal is counted if the caller is told of it. */
static int write_batch(struct fixedpool_channel *channel,
		       struct attachment *att, const u64 __user *from,
		       size_t wanted, bool told)
{
	u64 handles[CHANNEL_BATCH] __uninitialized;
	unsigned int count, taken, done;
	int error = 0;

	if (channel_gone(&channel->readers))
		return -EPIPE;
	count = min3(wanted, (size_t)channel_room(channel),
		     (size_t)CHANNEL_BATCH);
	if (!count)
		return -EAGAIN;
	count = handles_from_user(handles, from, count);
	if (!count)
		return -EFAULT;
	taken = holding_take_batch(att, handles, count, &error);
	if (!taken) {
		if (error == -EALREADY)
			error = -ESTALE;
		if (told)
			pool_refuse(channel->pool, handles[0], error);
		return error;
	}
	done = channel_push(channel, handles, taken);
	/* others may have come first; these have never left the client, but for
	 * those of its threads that were looking at them right now
	 */
	if (unlikely(done < taken))
		holding_accept_batch(att, handles + done, taken - done);
	if (!done)
		return -EAGAIN;
	channel_wake_readers(channel);
	return done;
}

/* Moves what can be moved without waiting: handles moved, or an error. @first: of
 * the call, so that the caller is told of an error.
 */
static ssize_t move(struct channel_file *cf, char __user *buffer, size_t count,
		    bool write, bool first)
{
	u64 __user *user = (u64 __user *)buffer;
	struct attachment *att;
	ssize_t done = 0;
	int batch = 0;

	att = client_borrow(cf->client, cf->channel->pool->id);
	if (!att)
		return -ENOTCONN;
	while (done < count) {
		batch = write ? write_batch(cf->channel, att, user + done,
					    count - done, first && !done) :
				read_batch(cf->channel, att, user + done,
					   count - done);
		if (batch < 0)
			break;
		done += batch;
		cond_resched();
	}
	client_return(cf->client, att);
	return done ?: batch;
}

static bool client_left(struct channel_file *cf)
{
	bool left;

	rcu_read_lock();
	left = !xa_load(&cf->client->attachments, cf->channel->pool->id);
	rcu_read_unlock();
	return left;
}

/* A read, or write, has something to do, if only to fail. */
static bool may_read(struct channel_file *cf)
{
	return channel_ready(cf->channel) ||
	       channel_gone(&cf->channel->writers) || client_left(cf);
}

static bool may_write(struct channel_file *cf)
{
	return channel_room(cf->channel) ||
	       channel_gone(&cf->channel->readers) || client_left(cf);
}

static ssize_t channel_file_read(struct file *file, char __user *buffer,
				 size_t size, loff_t *pos)
{
	struct channel_file *cf = file->private_data;
	struct fixedpool_channel *channel = cf->channel;
	ssize_t done;

	if (size % HANDLE_BYTES)
		return -EINVAL;
	if (!size)
		return 0;
	for (;;) {
		/* first: what the last of them wrote is found then */
		bool gone = channel_gone(&channel->writers);

		done = move(cf, buffer, size / HANDLE_BYTES, false, true);
		if (done != -EAGAIN)
			break;
		if (gone) {
			done = 0;
			break;
		}
		if (file->f_flags & O_NONBLOCK)
			break;
		done = wait_event_interruptible_exclusive(channel->readers.wait,
							  may_read(cf));
		if (done)
			break;
	}
	/* the next in line has been passed over if we were woken for more than
	 * we have taken
	 */
	if (channel_ready(channel))
		channel_wake_readers(channel);
	return done < 0 ? done : done * HANDLE_BYTES;
}

static ssize_t channel_file_write(struct file *file, const char __user *buffer,
				  size_t size, loff_t *pos)
{
	struct channel_file *cf = file->private_data;
	struct fixedpool_channel *channel = cf->channel;
	size_t wanted = size / HANDLE_BYTES;
	size_t written = 0;
	ssize_t error = 0;

	if (size % HANDLE_BYTES)
		return -EINVAL;
	while (written < wanted) {
		ssize_t done = move(cf, (char __user *)buffer +
					written * HANDLE_BYTES,
				    wanted - written, true, !written);

		if (done > 0) {
			written += done;
			continue;
		}
		error = done;
		if (error != -EAGAIN || file->f_flags & O_NONBLOCK)
			break;
		error = wait_event_interruptible_exclusive(channel->writers.wait,
							   may_write(cf));
		if (error)
			break;
	}
	/* as in channel_file_read() */
	if (channel_room(channel))
		channel_wake_writers(channel);
	return written ? written * HANDLE_BYTES : error;
}

static __poll_t channel_file_poll(struct file *file, poll_table *table)
{
	struct channel_file *cf = file->private_data;
	struct fixedpool_channel *channel = cf->channel;
	__poll_t events = 0;

	if (cf->ends & FIXEDPOOL_CHANNEL_READ)
		poll_wait(file, &channel->readers.wait, table);
	if (cf->ends & FIXEDPOOL_CHANNEL_WRITE)
		poll_wait(file, &channel->writers.wait, table);
	/* Pairs with wq_has_sleeper() of who changes what is looked at here: one
	 * of us sees the other.
	 */
	smp_mb();
	if (cf->ends & FIXEDPOOL_CHANNEL_READ) {
		if (channel_gone(&channel->writers))
			events |= EPOLLHUP;
		if (channel_ready(channel))
			events |= EPOLLIN | EPOLLRDNORM;
	}
	if (cf->ends & FIXEDPOOL_CHANNEL_WRITE) {
		if (channel_gone(&channel->readers))
			events |= EPOLLERR;
		if (channel_room(channel))
			events |= EPOLLOUT | EPOLLWRNORM;
	}
	if (client_left(cf))
		events |= EPOLLERR;
	return events;
}

static void channel_file_free(struct channel_file *cf)
{
	channel_close(cf->channel, cf->ends);
	client_put(cf->client);
	kfree(cf);
}

static int channel_file_release(struct inode *inode, struct file *file)
{
	channel_file_free(file->private_data);
	return 0;
}

static void channel_file_show_fdinfo(struct seq_file *text, struct file *file)
{
	const struct channel_file *cf = file->private_data;
	const struct fixedpool_channel *channel = cf->channel;

	seq_printf(text, "channel:\t%s\npool:\t%s id %u\nclient:\t%u\n",
		   channel->name, channel->pool->name, channel->pool->id,
		   cf->client->id);
	seq_printf(text, "ends:\t%s%s\n",
		   cf->ends & FIXEDPOOL_CHANNEL_READ ? "r" : "",
		   cf->ends & FIXEDPOOL_CHANNEL_WRITE ? "w" : "");
	seq_printf(text, "queued:\t%u\ncapacity:\t%lu\n",
		   ring_queued(&channel->ring), channel->ring.capacity);
}

static const struct file_operations channel_file_fops = {
	.owner = THIS_MODULE,
	.read = channel_file_read,
	.write = channel_file_write,
	.poll = channel_file_poll,
	.show_fdinfo = channel_file_show_fdinfo,
	.release = channel_file_release,
	.llseek = noop_llseek,
};

static int open_flags(u32 ends, bool nonblock)
{
	int flags = nonblock ? O_NONBLOCK : 0;

	switch (ends) {
	case FIXEDPOOL_CHANNEL_READ:
		return flags | O_RDONLY;
	case FIXEDPOOL_CHANNEL_WRITE:
		return flags | O_WRONLY;
	default:
		return flags | O_RDWR;
	}
}

/**
 * channel_file_open() - an open file of a channel
 * @client: on whose holdings it works
 * @channel: the channel, of which the caller has @ends; they become the file's,
 *	and are given up if this fails
 * @ends: which directions
 * @nonblock: with O_NONBLOCK
 *
 * Context: process; may sleep.
 * Return: the file; -ENOMEM; -ENFILE.
 */
struct file *channel_file_open(struct client *client,
			       struct fixedpool_channel *channel, u32 ends,
			       bool nonblock)
{
	struct channel_file *cf = kmalloc(sizeof(*cf), GFP_KERNEL_ACCOUNT);
	struct file *file;

	if (!cf) {
		channel_close(channel, ends);
		return ERR_PTR(-ENOMEM);
	}
	client_ref(client);
	cf->client = client;
	cf->channel = channel;
	cf->ends = ends;
	file = anon_inode_getfile("[fixedpool-channel]", &channel_file_fops,
				  cf, open_flags(ends, nonblock));
	if (IS_ERR(file)) {
		channel_file_free(cf);
		return file;
	}
	stream_open(file_inode(file), file);
	return file;
}
