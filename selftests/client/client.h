/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One open file of /dev/fixedpool_client, and what it keeps.
 */
#ifndef CLIENT_H
#define CLIENT_H

#include <linux/list.h>
#include <linux/mutex.h>

#include "fixedpool_client.h"

struct client_tap;

/**
 * struct client - an open file
 * @lock: Protects: @pools, @holds, @tap. Ordering: outermost; pools are found, and
 *	blocks looked up and given back, under it.
 * @pools: struct client_pool, a reference to each pool it was asked about
 * @holds: struct client_hold, a hold on each block that HOLD named; a block
 *	held twice stands there twice
 * @tap: packets on their way to a channel, or NULL
 */
struct client {
	struct mutex lock; /* see above */
	struct list_head pools;
	struct list_head holds;
	struct client_tap *tap;
};

struct fixedpool *client_pool_locked(struct client *client, const char *name);
struct fixedpool *client_pool(struct client *client, const char *name);
void client_pools_put(struct client *client);

int client_hold(struct client *client, const struct fixedpool_client_hold *arg);
int client_release(struct client *client,
		   const struct fixedpool_client_hold *arg);
void client_holds_release(struct client *client);

int client_crc32(struct client *client, struct fixedpool_client_crc32 *arg);

int client_tap(struct client *client, struct fixedpool_client_tap *arg);
int client_untap(struct client *client, struct fixedpool_client_tap *arg);
void client_tap_end(struct client *client);

#endif /* CLIENT_H */
