/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Clients: open files of the device, each attached to the pools it uses.
 */
#ifndef FIXEDPOOL_CLIENT_H
#define FIXEDPOOL_CLIENT_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/xarray.h>

#include "attachment.h"
#include "scope.h"

struct file;
struct mmu_notifier;

/**
 * struct client - an open file
 * @id: its number, never 0
 * @refs: the file has one until client_destroy(), and everybody who keeps a
 *	pointer; who finds the client by RCU only, needs none
 * @lock: Protects: @attachments, @sets and @scopes against changes; readers
 *	use RCU. Ordering: outside the registry's lock.
 * @attachments: by unit of handle space, an entry for each unit of the pool
 * @sets: those it has opened, by number
 * @scopes: below the root
 * @ended: nothing can be attached any more; protected by @lock
 * @file: the open file; not a reference
 * @watch: whose death ends it early, see crash.c; protected by @lock
 * @dying: in a list of clients that are being ended early, see crash.c
 * @descriptors: how many of those that die name it, see crash.c
 * @rcu: frees it
 */
struct client {
	u32 id;
	refcount_t refs;
	struct mutex lock; /* see above */
	struct xarray attachments;
	struct xarray sets;
	struct scopes scopes;
	bool ended;
	struct file *file;
	struct mmu_notifier *watch;
	struct list_head dying;
	unsigned int descriptors;
	struct rcu_head rcu;
};

int client_init(void);
void client_exit(void);

struct client *client_create(struct file *file);
void client_end(struct client *client, bool early);
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
