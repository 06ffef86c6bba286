// SPDX-License-Identifier: GPL-2.0
/*
 * A kernel producer: every packet that comes in through the loopback interface
 * is copied once, into a block, and its handle sent through a channel to a
 * process that has the block mapped.
 */

#include <linux/err.h>
#include <linux/fixedpool.h>
#include <linux/if.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/netdevice.h>
#include <linux/nsproxy.h>
#include <linux/sched.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <net/net_namespace.h>

#include "client.h"

/**
 * struct client_tap - packets on their way to a channel
 * @type: has the network stack call us
 * @net: where the interface is
 * @pool: the channel's pool; the open file has the reference
 * @channel: where handles go
 * @sent: packets sent
 * @dropped: packets for which there was no block, no room or no reader
 */
struct client_tap {
	struct packet_type type;
	struct net *net;
	struct fixedpool *pool;
	struct fixedpool_channel *channel;
	atomic64_t sent;
	atomic64_t dropped;
};

/* Softirq. */
static bool send_packet(struct client_tap *tap, const struct sk_buff *skb)
{
	u32 room = fixedpool_block_size(tap->pool) -
		   sizeof(struct fixedpool_client_packet);
	struct fixedpool_client_packet *packet;
	u64 handle;

	packet = fixedpool_alloc(tap->pool, &handle);
	if (!packet)
		return false;
	packet->length = skb->len;
	packet->stored = min(skb->len, room);
	if (!skb_copy_bits(skb, 0, packet + 1, packet->stored) &&
	    !fixedpool_channel_send(tap->channel, handle))
		return true;
	/* by address, see drop() in holds.c */
	WARN_ON_ONCE(fixedpool_free_block(tap->pool, packet));
	return false;
}

static int tap_packet(struct sk_buff *skb, struct net_device *dev,
		      struct packet_type *type, struct net_device *orig_dev)
{
	struct client_tap *tap = container_of(type, struct client_tap, type);

	/* each comes by twice: on its way out, and on its way in */
	if (dev->flags & IFF_LOOPBACK && net_eq(dev_net(dev), tap->net) &&
	    skb->pkt_type != PACKET_OUTGOING) {
		if (send_packet(tap, skb))
			atomic64_inc(&tap->sent);
		else
			atomic64_inc(&tap->dropped);
	}
	consume_skb(skb);
	return NET_RX_SUCCESS;
}

static int tap_locked(struct client *client, struct fixedpool_client_tap *arg)
{
	struct fixedpool_channel *channel;
	struct fixedpool *pool;
	struct client_tap *tap;

	if (client->tap)
		return -EALREADY;
	pool = client_pool_locked(client, arg->pool);
	if (IS_ERR(pool))
		return PTR_ERR(pool);
	if (fixedpool_block_size(pool) < sizeof(struct fixedpool_client_packet))
		return -EMSGSIZE;
	channel = fixedpool_channel_get(pool, arg->channel,
					FIXEDPOOL_CHANNEL_WRITE);
	if (IS_ERR(channel))
		return PTR_ERR(channel);
	tap = kzalloc(sizeof(*tap), GFP_KERNEL_ACCOUNT);
	if (!tap) {
		fixedpool_channel_put(channel, FIXEDPOOL_CHANNEL_WRITE);
		return -ENOMEM;
	}
	tap->pool = pool;
	tap->channel = channel;
	tap->net = get_net(current->nsproxy->net_ns);
	tap->type.type = htons(ETH_P_ALL);
	tap->type.func = tap_packet;
	client->tap = tap;
	dev_add_pack(&tap->type);
	return 0;
}

/**
 * client_tap - send the packets of the loopback interface through a channel
 * @client: the open file
 * @arg: which channel of which pool
 *
 * Return: 0, -EINVAL, -EMSGSIZE, -EALREADY, -ENOMEM, or what finding the pool
 * or the channel gives
 */
int client_tap(struct client *client, struct fixedpool_client_tap *arg)
{
	int err;

	if (arg->flags || arg->reserved)
		return -EINVAL;
	if (strnlen(arg->channel, sizeof(arg->channel)) == sizeof(arg->channel))
		return -EINVAL;
	mutex_lock(&client->lock);
	err = tap_locked(client, arg);
	mutex_unlock(&client->lock);
	return err;
}

static void tap_free(struct client *client, struct client_tap *tap)
{
	fixedpool_channel_put(tap->channel, FIXEDPOOL_CHANNEL_WRITE);
	put_net(tap->net);
	kfree(tap);
	client->tap = NULL;
}

/**
 * client_tap_end - no packets any more
 * @client: the open file, which nobody else uses, or whose lock is held
 */
void client_tap_end(struct client *client)
{
	struct client_tap *tap = client->tap;

	if (!tap)
		return;
	/* waits for packets that are under way */
	dev_remove_pack(&tap->type);
	tap_free(client, tap);
}

/**
 * client_untap - undo client_tap()
 * @client: the open file
 * @arg: told what became of the packets
 *
 * Return: 0, -EINVAL or -ENOENT
 */
int client_untap(struct client *client, struct fixedpool_client_tap *arg)
{
	struct client_tap *tap;
	int err = -ENOENT;

	if (arg->flags || arg->reserved)
		return -EINVAL;
	mutex_lock(&client->lock);
	tap = client->tap;
	if (tap) {
		/* those that are under way count, too */
		dev_remove_pack(&tap->type);
		arg->sent = atomic64_read(&tap->sent);
		arg->dropped = atomic64_read(&tap->dropped);
		tap_free(client, tap);
		err = 0;
	}
	mutex_unlock(&client->lock);
	return err;
}
