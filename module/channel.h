/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Channels: bounded queues of handles of one pool.
 *
 * This layer knows names, ends and who is to be woken. What a sender held and a
 * receiver comes to hold is the business of those who push and pop.
 */
#ifndef FIXEDPOOL_CHANNEL_H
#define FIXEDPOOL_CHANNEL_H

#include <linux/irq_work.h>
#include <linux/list.h>
#include <linux/rcupdate.h>
#include <linux/wait.h>

#include "pool.h"
#include "ring.h"

/* Most handles that one channel_push() or channel_pop() moves. */
#define CHANNEL_BATCH	64

#define CHANNEL_ENDS	(FIXEDPOOL_CHANNEL_READ | FIXEDPOOL_CHANNEL_WRITE)

/**
 * struct channel_side - those who read, or those who write
 * @wait: where they sleep; exclusive, so who was woken and leaves something to
 *	do wakes the next
 * @ends: descriptors and kernel users; protected by the lock of all channels
 * @gone: there were some and there are none any more
 */
struct channel_side {
	wait_queue_head_t wait;
	u32 ends;
	bool gone;
};

/**
 * struct fixedpool_channel - a channel
 * @pool: the pool; the channel has a reference
 * @ring: the handles. Each that is in it has a HOLDER_CLIENT hold of its
 *	block, which is in no client's bitmap: it is the channel's.
 * @name: the name, empty if it has none; unique in its pool
 * @link: in the pool's list of channels; protected by the lock of all channels
 * @readers: who takes handles out
 * @writers: who puts handles in
 * @arrived: called when handles have come in, or NULL
 * @arrived_data: its argument
 * @work: wakes and calls for those who may not do so themselves
 * @charge: what the creator pays for it
 * @rcu: frees it
 *
 * It lives as long as it has an end.
 */
struct fixedpool_channel {
	struct fixedpool *pool;
	struct ring ring;
	char name[FIXEDPOOL_NAME_SIZE];
	struct list_head link;
	struct channel_side readers;
	struct channel_side writers;
	void (*arrived)(struct fixedpool_channel *channel, void *data);
	void *arrived_data;
	struct irq_work work;
	struct charge charge;
	struct rcu_head rcu;
};

int channel_init(void);
void channel_exit(void);

struct fixedpool_channel *channel_create(struct fixedpool *pool,
					 const char *name, u32 capacity,
					 u32 ends, bool by_client);
struct fixedpool_channel *channel_open(struct fixedpool *pool,
				       const char *name, u32 ends);
void channel_close(struct fixedpool_channel *channel, u32 ends);
int channel_listen(struct fixedpool_channel *channel,
		   void (*arrived)(struct fixedpool_channel *channel,
				   void *data),
		   void *data);
void channel_unlisten(struct fixedpool_channel *channel);

void channel_wake_readers(struct fixedpool_channel *channel);
void channel_wake_writers(struct fixedpool_channel *channel);
void channel_wake_later(struct fixedpool_channel *channel,
			struct channel_side *side);
void channel_wake_pool(struct fixedpool *pool);
u64 channel_queued(struct fixedpool *pool);
void channel_each(struct fixedpool *pool,
		  void (*see)(void *data,
			      const struct fixedpool_channel *channel),
		  void *data);

static inline unsigned int channel_push(struct fixedpool_channel *channel,
					const u64 *handles, unsigned int count)
{
	return ring_push(&channel->ring, handles, count);
}

static inline unsigned int channel_pop(struct fixedpool_channel *channel,
				       u64 *handles, unsigned int count)
{
	return ring_pop(&channel->ring, handles, count);
}

static inline u32 channel_room(const struct fixedpool_channel *channel)
{
	return ring_room(&channel->ring);
}

static inline bool channel_ready(const struct fixedpool_channel *channel)
{
	return ring_ready(&channel->ring);
}

static inline bool channel_gone(const struct channel_side *side)
{
	/* Pairs with the store in close_side(): who finds the writers gone finds
	 * all that they wrote. Otherwise a reader would take the end for reached
	 * too early.
	 */
	return smp_load_acquire(&side->gone);
}

#endif /* FIXEDPOOL_CHANNEL_H */
