/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Clients: open files of the device, each attached to the pools it uses.
 */
#ifndef FIXEDPOOL_CLIENT_H
#define FIXEDPOOL_CLIENT_H

#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/xarray.h>

#include "attachment.h"

/**
 * struct client - an open file
 * @id: its number, never 0
 * @refs: the file has one until client_destroy(), and everybody who keeps a
 *	pointer; who finds the client by RCU only, needs none
 * @lock: Protects: @attachments and @sets against changes; readers use RCU.
 *	Ordering: outside the registry's lock.
 * @attachments: by unit of handle space, an entry for each unit of the pool
 * @sets: those it has opened, by number
 * @rcu: frees it
 */
struct client {
	u32 id;
	refcount_t refs;
	struct mutex lock; /* see above */
	struct xarray attachments;
	struct xarray sets;
	struct rcu_head rcu;
};

int client_init(void);
void client_exit(void);

struct client *client_create(void);
void client_destroy(struct client *client);
void client_ref(struct client *client);
void client_put(struct client *client);

struct attachment *client_pool_create(struct client *client,
				      const struct fixedpool_params *params);
struct attachment *client_pool_attach(struct client *client, const char *name);
int client_pool_detach(struct client *client, u32 id);
void client_leave(struct client *client, struct attachment *att);

struct attachment *client_attachment(struct client *client, u32 unit);
struct attachment *client_attachment_of_pool(struct client *client, u32 id);
struct attachment *client_attachment_of(u32 id, const struct fixedpool *pool);

#endif /* FIXEDPOOL_CLIENT_H */
