/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Clients: who holds what. A client is one open file of the device.
 *
 * It has an attachment to each pool it uses, and an attachment has a bit for
 * each block that the client holds. So a client can only ever give back what
 * it has, and what is left is found without asking anybody when it goes.
 */
#ifndef FIXEDPOOL_CLIENT_H
#define FIXEDPOOL_CLIENT_H

#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include "pool.h"

/**
 * struct attachment - a client's part in a pool
 * @pool: the pool; the attachment has a reference
 * @refs: one from the client, one from each call at work
 * @charge: what the client pays for @held
 * @work: ends it, where the last call may not do so itself
 * @rcu: frees it
 * @held: a set bit is a block of which the client has a hold
 *
 * Whoever clears a bit of @held has the hold that went with it. When the last
 * reference goes, nobody else can reach @held, and all of it goes back.
 */
struct attachment {
	struct fixedpool *pool;
	refcount_t refs;
	struct charge charge;
	union {
		struct work_struct work;
		struct rcu_head rcu;
	};
	unsigned long held[];
};

/**
 * struct client - an open file
 * @id: its number, never 0
 * @lock: Protects: @attachments against changes; readers use RCU.
 *	Ordering: outside the registry's lock.
 * @attachments: by unit of handle space, an entry for each unit of the pool
 * @rcu: frees it
 */
struct client {
	u32 id;
	struct mutex lock; /* see above */
	struct xarray attachments;
	struct rcu_head rcu;
};

/**
 * struct client_handle - a handle that came from a client, looked up
 * @att: attachment to the pool it is of, or NULL; kept from one handle to the
 *	next, since many of a batch are of the same pool
 * @index: the block
 * @version: of the handle
 */
struct client_handle {
	struct attachment *att;
	u32 index;
	u32 version;
};

int client_init(void);
void client_exit(void);

struct client *client_create(void);
void client_destroy(struct client *client);

struct attachment *client_pool_create(struct client *client,
				      const struct fixedpool_params *params);
struct attachment *client_pool_attach(struct client *client, const char *name);
int client_pool_detach(struct client *client, u32 id);
void client_leave(struct client *client, struct attachment *att);

struct attachment *attachment_get(struct client *client, u32 unit);
struct attachment *attachment_get_pool(struct client *client, u32 id);
void attachment_put(struct attachment *att);
void attachment_put_later(struct attachment *att);

int client_resolve(struct client *client, u64 value,
		   struct client_handle *handle);
void client_handle_done(struct client_handle *handle);

void client_claim(struct attachment *att, u32 *indices, u64 *handles,
		  unsigned int count);
void client_unclaim(struct attachment *att, const u32 *indices,
		    const u64 *handles, unsigned int count);
int client_free(struct client_handle *handle);
int client_give(struct client_handle *handle, u32 receiver);
u32 client_check(const struct client_handle *handle);
int client_borrow(struct client_handle *handle);
void client_return(struct client_handle *handle);

#endif /* FIXEDPOOL_CLIENT_H */
