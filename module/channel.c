// SPDX-License-Identifier: GPL-2.0
/*
 * Names, ends and lifetime of channels, and the waking of those who sleep; see
 * channel.h.
 *
 * Nobody sleeps through what he waits for: a sleeper queues himself and looks at
 * the ring then; whoever changes the ring looks for sleepers then. Between the
 * two steps of each lies a full barrier, in prepare_to_wait_event() or behind
 * poll_wait() for the one, in wq_has_sleeper() for the other.
 */
#include "channel.h"

#include <linux/err.h>
#include <linux/mutex.h>
#include <linux/poll.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "registry.h"
#include "trace.h"

#define READERS_EVENT	(EPOLLIN | EPOLLRDNORM)
#define WRITERS_EVENT	(EPOLLOUT | EPOLLWRNORM)

/*
 * Protects: the list of channels of each pool, @ends of each channel, changes of
 * @gone, the listener.
 * Ordering: taken inside what sysfs holds while it reads an attribute, hence
 * inside the registry's lock, and inside that of a pool's attachments; wait
 * queues' locks are taken inside it.
 */
static DEFINE_MUTEX(channels_lock);

static struct kmem_cache *channel_cache;

/**
 * channel_init() - get ready for channels
 *
 * Return: 0 or -ENOMEM.
 */
int channel_init(void)
{
	channel_cache = KMEM_CACHE(fixedpool_channel, SLAB_ACCOUNT);
	return channel_cache ? 0 : -ENOMEM;
}

/**
 * channel_exit() - no channel is left
 */
void channel_exit(void)
{
	/* wait for those that are gone to be freed */
	rcu_barrier();
	kmem_cache_destroy(channel_cache);
}

/**
 * channel_wake_readers() - handles have come in
 * @channel: the channel; the caller has an end of it
 *
 * Context: process.
 */
void channel_wake_readers(struct fixedpool_channel *channel)
{
	/* The full barrier of wq_has_sleeper() also stands between the push and
	 * the look at the listener, see channel_listen().
	 */
	if (wq_has_sleeper(&channel->readers.wait))
		wake_up_interruptible_poll(&channel->readers.wait,
					   READERS_EVENT);
	if (READ_ONCE(channel->arrived))
		irq_work_queue(&channel->work);
}

/**
 * channel_wake_writers() - handles have gone out
 * @channel: the channel; the caller has an end of it
 *
 * Context: process.
 */
void channel_wake_writers(struct fixedpool_channel *channel)
{
	if (wq_has_sleeper(&channel->writers.wait))
		wake_up_interruptible_poll(&channel->writers.wait,
					   WRITERS_EVENT);
}

/**
 * channel_wake_later() - the same, where no lock may be taken
 * @channel: the channel; the caller has an end of it
 * @side: who has something to do now
 *
 * Context: any.
 */
void channel_wake_later(struct fixedpool_channel *channel,
			struct channel_side *side)
{
	bool listener;

	if (wq_has_sleeper(&side->wait)) {
		irq_work_queue(&channel->work);
		return;
	}
	listener = READ_ONCE(channel->arrived);
	if (side == &channel->readers && listener)
		irq_work_queue(&channel->work);
}

/* In an interrupt; with PREEMPT_RT in a thread, since wait queues sleep there.
 * It may run on several CPUs at once.
 */
static void wake_work(struct irq_work *work)
{
	struct fixedpool_channel *channel =
		container_of(work, struct fixedpool_channel, work);
	void (*arrived)(struct fixedpool_channel *channel, void *data);

	rcu_read_lock();
	if (channel_room(channel))
		wake_up_interruptible_poll(&channel->writers.wait,
					   WRITERS_EVENT);
	if (channel_ready(channel)) {
		wake_up_interruptible_poll(&channel->readers.wait,
					   READERS_EVENT);
		/* pairs with channel_listen(): the argument is there */
		arrived = smp_load_acquire(&channel->arrived);
		if (arrived)
			arrived(channel, channel->arrived_data);
	}
	rcu_read_unlock();
}

/**
 * channel_listen() - have a function called when handles come in
 * @channel: the channel; the caller has an end of it
 * @arrived: the function, see fixedpool_channel_listen()
 * @data: its argument
 *
 * Context: process; may sleep.
 * Return: 0 or -EBUSY if there is a listener.
 */
int channel_listen(struct fixedpool_channel *channel,
		   void (*arrived)(struct fixedpool_channel *channel,
				   void *data),
		   void *data)
{
	int error = 0;

	mutex_lock(&channels_lock);
	if (channel->arrived) {
		error = -EBUSY;
	} else {
		channel->arrived_data = data;
		/* pairs with wake_work() */
		smp_store_release(&channel->arrived, arrived);
		/* For what came in before: either its sender has seen the
		 * listener, or it is seen now.
		 */
		smp_mb();
		if (channel_ready(channel))
			irq_work_queue(&channel->work);
	}
	mutex_unlock(&channels_lock);
	return error;
}

/* No call of wake_work() is under way, or will be unless something comes. The
 * grace period is for the case of two at once: irq_work_sync() does not wait for
 * the slower one.
 */
static void work_sync(struct fixedpool_channel *channel)
{
	irq_work_sync(&channel->work);
	synchronize_rcu();
}

/**
 * channel_unlisten() - end channel_listen()
 * @channel: the channel
 *
 * Context: process; may sleep. The function does not run any more.
 */
void channel_unlisten(struct fixedpool_channel *channel)
{
	mutex_lock(&channels_lock);
	WRITE_ONCE(channel->arrived, NULL);
	/* under the lock: who calls the old function must not find the data of
	 * the next one
	 */
	work_sync(channel);
	mutex_unlock(&channels_lock);
}

static struct fixedpool_channel *find_locked(const struct fixedpool *pool,
					     const char *name)
{
	struct fixedpool_channel *channel;

	lockdep_assert_held(&channels_lock);
	list_for_each_entry(channel, &pool->channels, link) {
		if (!strcmp(channel->name, name))
			return channel;
	}
	return NULL;
}

static void open_side(struct channel_side *side)
{
	lockdep_assert_held(&channels_lock);
	side->ends++;
	WRITE_ONCE(side->gone, false);
}

static void open_locked(struct fixedpool_channel *channel, u32 ends)
{
	if (ends & FIXEDPOOL_CHANNEL_READ)
		open_side(&channel->readers);
	if (ends & FIXEDPOOL_CHANNEL_WRITE)
		open_side(&channel->writers);
}

static void close_side(struct channel_side *side)
{
	lockdep_assert_held(&channels_lock);
	if (!--side->ends) {
		/* pairs with channel_gone() */
		smp_store_release(&side->gone, true);
	}
}

static struct fixedpool_channel *channel_make(struct fixedpool *pool,
					      const char *name, u32 capacity,
					      bool by_client)
{
	struct fixedpool_channel *channel;
	struct charge charge;
	int error;

	error = charge_memory(&charge, ring_bytes(capacity), by_client);
	if (error)
		return ERR_PTR(error);
	channel = kmem_cache_zalloc(channel_cache, GFP_KERNEL);
	if (!channel) {
		error = -ENOMEM;
		goto uncharge;
	}
	error = ring_init(&channel->ring, capacity);
	if (error)
		goto free_channel;
	channel->charge = charge;
	channel->pool = pool;
	strscpy(channel->name, name, sizeof(channel->name));
	init_waitqueue_head(&channel->readers.wait);
	init_waitqueue_head(&channel->writers.wait);
	channel->work = IRQ_WORK_INIT(wake_work);
	registry_ref(pool);
	return channel;

free_channel:
	kmem_cache_free(channel_cache, channel);
uncharge:
	uncharge_memory(&charge);
	return ERR_PTR(error);
}

static void channel_free_rcu(struct rcu_head *rcu)
{
	struct fixedpool_channel *channel =
		container_of(rcu, struct fixedpool_channel, rcu);

	ring_exit(&channel->ring);
	kmem_cache_free(channel_cache, channel);
}

/* What is queued goes back: nobody can come to read it any more. */
static void drain(struct fixedpool_channel *channel)
{
	struct fixedpool *pool = channel->pool;
	u64 handles[CHANNEL_BATCH];
	unsigned int count, i;
	u64 reclaimed = 0;

	while ((count = channel_pop(channel, handles, CHANNEL_BATCH))) {
		for (i = 0; i < count; i++)
			pool_drop(pool, FIXEDPOOL_HANDLE_SLOT(handles[i]) -
					pool->hot.first_slot, HOLDER_CLIENT);
		reclaimed += count;
		cond_resched();
	}
	pool_count(pool, POOL_RECLAIMED, reclaimed);
	if (reclaimed)
		trace_fixedpool_reclaim(pool->name, 0, reclaimed);
}

/* The channel has no end any more, or never had one. */
static void channel_free(struct fixedpool_channel *channel)
{
	irq_work_sync(&channel->work);
	drain(channel);
	uncharge_memory(&channel->charge);
	registry_put(channel->pool);
	/* as in work_sync(), without waiting */
	call_rcu(&channel->rcu, channel_free_rcu);
}

/**
 * channel_create() - make a channel
 * @pool: the pool, to which the caller has a reference
 * @name: a name that no other channel of the pool has, or empty
 * @capacity: most handles in it
 * @ends: FIXEDPOOL_CHANNEL_READ, FIXEDPOOL_CHANNEL_WRITE or both, which the
 *	caller has then
 * @by_client: the current process makes it as a client, and pays
 *
 * Context: process; may sleep. O(channels of the pool).
 * Return: the channel; -EINVAL for a value out of its range; -EEXIST; -EDQUOT or
 * -ENOSPC if a limit forbids it; -ENOMEM.
 */
struct fixedpool_channel *channel_create(struct fixedpool *pool,
					 const char *name, u32 capacity,
					 u32 ends, bool by_client)
{
	struct fixedpool_channel *channel;
	bool taken;

	if (name[0] && !registry_name_valid(name))
		return ERR_PTR(-EINVAL);
	if (!capacity || capacity > FIXEDPOOL_MAX_CHANNEL_CAPACITY)
		return ERR_PTR(-EINVAL);
	if (!ends || ends & ~CHANNEL_ENDS)
		return ERR_PTR(-EINVAL);
	channel = channel_make(pool, name, capacity, by_client);
	if (IS_ERR(channel))
		return channel;

	mutex_lock(&channels_lock);
	taken = name[0] && find_locked(pool, name);
	if (!taken) {
		open_locked(channel, ends);
		list_add_tail(&channel->link, &pool->channels);
	}
	mutex_unlock(&channels_lock);
	if (taken) {
		channel_free(channel);
		return ERR_PTR(-EEXIST);
	}
	return channel;
}

/**
 * channel_open() - one more end of a channel
 * @pool: the pool, to which the caller has a reference
 * @name: the channel's name
 * @ends: as for channel_create()
 *
 * Context: process; may sleep. O(channels of the pool).
 * Return: the channel; -EINVAL; -ENOENT.
 */
struct fixedpool_channel *channel_open(struct fixedpool *pool,
				       const char *name, u32 ends)
{
	struct fixedpool_channel *channel;

	if (!registry_name_valid(name))
		return ERR_PTR(-EINVAL);
	if (!ends || ends & ~CHANNEL_ENDS)
		return ERR_PTR(-EINVAL);
	mutex_lock(&channels_lock);
	channel = find_locked(pool, name);
	if (channel)
		open_locked(channel, ends);
	mutex_unlock(&channels_lock);
	return channel ?: ERR_PTR(-ENOENT);
}

/**
 * channel_close() - give up ends of a channel
 * @channel: the channel
 * @ends: what channel_create() or channel_open() was asked for
 *
 * The last end of all takes the channel with it, and what is queued goes back to
 * the pool.
 *
 * Context: process; may sleep.
 */
void channel_close(struct fixedpool_channel *channel, u32 ends)
{
	bool last;

	mutex_lock(&channels_lock);
	if (ends & FIXEDPOOL_CHANNEL_READ)
		close_side(&channel->readers);
	if (ends & FIXEDPOOL_CHANNEL_WRITE)
		close_side(&channel->writers);
	last = !channel->readers.ends && !channel->writers.ends;
	if (last) {
		list_del(&channel->link);
	} else {
		/* under the lock, since the others may leave right behind us */
		if (channel->readers.gone)
			wake_up_interruptible_all(&channel->writers.wait);
		if (channel->writers.gone)
			wake_up_interruptible_all(&channel->readers.wait);
	}
	mutex_unlock(&channels_lock);
	if (last)
		channel_free(channel);
}

/**
 * channel_wake_pool() - let all who sleep on a channel of a pool look again
 * @pool: the pool, which a client has left
 *
 * Context: process; may sleep. O(channels of the pool).
 */
void channel_wake_pool(struct fixedpool *pool)
{
	struct fixedpool_channel *channel;

	mutex_lock(&channels_lock);
	list_for_each_entry(channel, &pool->channels, link) {
		wake_up_interruptible_all(&channel->readers.wait);
		wake_up_interruptible_all(&channel->writers.wait);
	}
	mutex_unlock(&channels_lock);
}

/**
 * channel_queued() - handles in all channels of a pool
 * @pool: the pool
 *
 * Context: process; may sleep. O(channels of the pool).
 * Return: the number at about this moment.
 */
u64 channel_queued(struct fixedpool *pool)
{
	struct fixedpool_channel *channel;
	u64 queued = 0;

	mutex_lock(&channels_lock);
	list_for_each_entry(channel, &pool->channels, link)
		queued += ring_queued(&channel->ring);
	mutex_unlock(&channels_lock);
	return queued;
}

/**
 * channel_each() - look at the channels of a pool
 * @pool: the pool
 * @see: called for each; what is protected by the lock of channels stays as it
 *	is meanwhile
 * @data: its first argument
 *
 * Context: process; may sleep. O(channels of the pool).
 */
void channel_each(struct fixedpool *pool,
		  void (*see)(void *data,
			      const struct fixedpool_channel *channel),
		  void *data)
{
	struct fixedpool_channel *channel;

	mutex_lock(&channels_lock);
	list_for_each_entry(channel, &pool->channels, link)
		see(data, channel);
	mutex_unlock(&channels_lock);
}
