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
#include <linux/wait.h>
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
 * @recent: an attachment, with a reference, that a call has left for the next,
 *	or NULL; see client_borrow()
 * @sets: those it has opened, by number
 * @scopes: below the root
 * @ended: nothing can be attached any more; protected by @lock
 * @file: the open file; not a reference
 * @opener: who opened it
 * @pollers: those who poll the file
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
	struct attachment *recent;
	struct xarray sets;
	struct scopes scopes;
	bool ended;
	struct file *file;
	struct opener opener;
	wait_queue_head_t pollers;
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

__poll_t client_poll(struct client *client);

struct attachment *client_attachment(struct client *client, u32 unit);
struct attachment *client_attachment_of_pool(struct client *client, u32 id);
struct attachment *client_attachment_of(u32 id, const struct fixedpool *pool);
struct attachment *client_borrow_slowly(struct client *client, u32 unit,
					struct attachment *recent);
struct attachment *client_borrow_of_pool_slowly(struct client *client, u32 id,
						struct attachment *recent);
void client_forget(struct client *client);

/**
 * client_borrow() - client_attachment(), for calls that many others follow
 * @client: the client
 * @unit: a unit of handle space
 *
 * Most calls of a client are about the pool that its last call was about. That
 * one leaves its reference in @recent, and the next takes it out: an exchange,
 * in place of a search and the count of references. Whoever takes it out has it
 * alone, and others who come at the same time search.
 *
 * Context: process, without mmap_lock; may sleep.
 * Return: as client_attachment(). It goes back by client_return() or by
 * attachment_put().
 */
static inline struct attachment *client_borrow(struct client *client, u32 unit)
{
	struct attachment *att = xchg(&client->recent, NULL);

	/* one that has been left may be there for a moment, see client_return() */
	if (likely(att && attachment_has(att, unit) && !READ_ONCE(att->left)))
		return att;
	return client_borrow_slowly(client, unit, att);
}

/**
 * client_borrow_of_pool() - client_borrow() by the number of a pool
 * @client: the client
 * @id: the pool's number
 *
 * Context: process, without mmap_lock; may sleep.
 * Return: as client_borrow().
 */
static inline struct attachment *client_borrow_of_pool(struct client *client,
						       u32 id)
{
	struct attachment *att = xchg(&client->recent, NULL);

	if (likely(att && att->pool->id == id && !READ_ONCE(att->left)))
		return att;
	return client_borrow_of_pool_slowly(client, id, att);
}

/**
 * client_return() - attachment_put(), for the next client_borrow()
 * @client: the client
 * @att: its attachment; not NULL
 *
 * Nothing that has been left may stay in @recent, or it would never end. Who
 * leaves says so in @att->left first and empties @recent then; here @recent is
 * filled first, and @left looked at then. Both exchanges are full barriers: so
 * either we find it left, and empty @recent ourselves, or whoever leaves finds
 * what we put there. In between another call may borrow it, and looks, too.
 *
 * Context: process, without mmap_lock; may sleep.
 */
static inline void client_return(struct client *client, struct attachment *att)
{
	bool left;

	/* the reference is no longer ours then, but the memory stays */
	rcu_read_lock_sched();
	if (unlikely(cmpxchg(&client->recent, NULL, att))) {
		rcu_read_unlock_sched();
		attachment_put(att);
		return;
	}
	left = READ_ONCE(att->left);
	rcu_read_unlock_sched();
	if (unlikely(left))
		client_forget(client);
}

#endif /* FIXEDPOOL_CLIENT_H */
