// SPDX-License-Identifier: GPL-2.0
/* Clients and the pools they are attached to; see client.h. */
#include "client.h"

#include <linux/err.h>
#include <linux/mutex.h>
#include <linux/poll.h>
#include <linux/slab.h>

#include "channel.h"
#include "registry.h"
#include "set.h"

/* All clients by number, so that one can give to another. */
static DEFINE_XARRAY_ALLOC1(clients);
static u32 clients_next;

static struct kmem_cache *client_cache;

/**
 * client_init() - get ready for clients
 *
 * Return: 0 or -ENOMEM.
 */
int client_init(void)
{
	client_cache = KMEM_CACHE(client, SLAB_ACCOUNT);
	return client_cache ? 0 : -ENOMEM;
}

/**
 * client_exit() - no client is left
 */
void client_exit(void)
{
	/* wait for those that are gone to be freed */
	rcu_barrier();
	kmem_cache_destroy(client_cache);
}

/**
 * client_create() - a new client, attached to nothing
 * @file: the file that is being opened
 *
 * Context: process; may sleep.
 * Return: the client or -ENOMEM.
 */
struct client *client_create(struct file *file)
{
	struct client *client = kmem_cache_zalloc(client_cache, GFP_KERNEL);
	int error;

	if (!client)
		return ERR_PTR(-ENOMEM);
	refcount_set(&client->refs, 1);
	client->file = file;
	client->opener.pid = get_pid(task_tgid(current));
	get_task_comm(client->opener.comm, current);
	INIT_LIST_HEAD(&client->dying);
	init_waitqueue_head(&client->pollers);
	mutex_init(&client->lock);
	xa_init_flags(&client->attachments, XA_FLAGS_ACCOUNT);
	xa_init_flags(&client->sets, XA_FLAGS_ACCOUNT);
	scopes_init(&client->scopes);
	/* numbers go round: one that somebody still has in mind is not reused
	 * soon
	 */
	error = xa_alloc_cyclic(&clients, &client->id, client, xa_limit_32b,
				&clients_next, GFP_KERNEL_ACCOUNT);
	if (error < 0) {
		put_pid(client->opener.pid);
		kmem_cache_free(client_cache, client);
		return ERR_PTR(-ENOMEM);
	}
	return client;
}

static void client_free_rcu(struct rcu_head *rcu)
{
	struct client *client = container_of(rcu, struct client, rcu);

	put_pid(client->opener.pid);
	kmem_cache_free(client_cache, client);
}

/**
 * client_attachment() - the attachment that a unit of handle space belongs to
 * @client: the client
 * @unit: the unit
 *
 * Context: any, but attachment_put() must follow in process context.
 * Return: the attachment with a reference, or NULL.
 */
struct attachment *client_attachment(struct client *client, u32 unit)
{
	struct attachment *att;

	rcu_read_lock();
	att = xa_load(&client->attachments, unit);
	if (att && !refcount_inc_not_zero(&att->refs))
		att = NULL;
	rcu_read_unlock();
	return att;
}

/**
 * client_attachment_of_pool() - the attachment to the pool of a number
 * @client: the client
 * @id: the pool's number
 *
 * Return: as client_attachment().
 */
struct attachment *client_attachment_of_pool(struct client *client, u32 id)
{
	struct attachment *att = client_attachment(client, id);

	if (att && att->pool->id != id) {
		attachment_put(att);
		att = NULL;
	}
	return att;
}

/**
 * client_borrow_slowly() - the rest of client_borrow()
 * @client: the client
 * @unit: a unit of handle space
 * @recent: what was there in place of that one, or NULL; becomes ours
 *
 * Context: process, without mmap_lock; may sleep.
 * Return: as client_attachment().
 */
struct attachment *client_borrow_slowly(struct client *client, u32 unit,
					struct attachment *recent)
{
	attachment_put(recent);
	return client_attachment(client, unit);
}

/**
 * client_borrow_of_pool_slowly() - the rest of client_borrow_of_pool()
 * @client: the client
 * @id: number of the pool
 * @recent: as for client_borrow_slowly()
 *
 * Context: process, without mmap_lock; may sleep.
 * Return: as client_attachment_of_pool().
 */
struct attachment *client_borrow_of_pool_slowly(struct client *client, u32 id,
						struct attachment *recent)
{
	attachment_put(recent);
	return client_attachment_of_pool(client, id);
}

/**
 * client_forget() - let go of what a call has left for the next
 * @client: the client
 *
 * Context: process, without mmap_lock; may sleep.
 */
void client_forget(struct client *client)
{
	attachment_put(xchg(&client->recent, NULL));
}

/*
 * Units from @first on. That of the pool's number is the first that goes, and the
 * last that comes: who allocates finds an attachment by that number, and finds it
 * by any other unit then when it frees.
 */
static void erase_units(struct client *client, struct fixedpool *pool,
			u32 first)
{
	for (; first < pool->units; first++)
		xa_erase(&client->attachments, pool->id + first);
}

/* Makes an attachment reachable. It fails whole. */
static int store_units(struct client *client, struct attachment *att)
{
	struct fixedpool *pool = att->pool;
	u32 i;

	lockdep_assert_held(&client->lock);
	if (client->ended)
		return -EOWNERDEAD;
	if (xa_load(&client->attachments, pool->id))
		return -EALREADY;
	for (i = pool->units; i--;) {
		int error = xa_err(xa_store(&client->attachments, pool->id + i,
					    att, GFP_KERNEL));

		if (error) {
			/* somebody may have found it, as in client_leave() */
			WRITE_ONCE(att->left, true);
			/* pairs with the exchange in client_borrow() */
			smp_wmb();
			erase_units(client, pool, i + 1);
			return error;
		}
	}
	return 0;
}

/* Attaches to a pool, whose reference and count of clients become its own. */
static struct attachment *attach(struct client *client, struct fixedpool *pool)
{
	struct attachment *att = attachment_create(pool, client->id,
						   &client->opener);
	int error;

	if (IS_ERR(att))
		return att;
	/* one reference for the client, and one for the caller */
	refcount_inc(&att->refs);
	mutex_lock(&client->lock);
	error = store_units(client, att);
	mutex_unlock(&client->lock);
	if (error) {
		client_forget(client);
		attachment_put(att);
		attachment_put(att);
		return ERR_PTR(error);
	}
	return att;
}

/**
 * client_pool_create() - make a pool and attach to it
 * @client: the client
 * @params: what it is to be
 *
 * Context: process; may sleep.
 * Return: the attachment with a reference, -EOWNERDEAD, or an error of
 * registry_create().
 */
struct attachment *client_pool_create(struct client *client,
				      const struct fixedpool_params *params)
{
	struct fixedpool *pool = registry_create(params, true);
	struct attachment *att;

	if (IS_ERR(pool))
		return ERR_CAST(pool);
	/* attach() gives the reference of the creation away in any case */
	registry_ref(pool);
	att = attach(client, pool);
	if (IS_ERR(att))
		registry_unlink(pool);
	registry_put(pool);
	return att;
}

/**
 * client_pool_attach() - attach to a pool by name
 * @client: the client
 * @name: the name
 *
 * Context: process; may sleep.
 * Return: the attachment with a reference; -ENOENT; -EACCES; -EALREADY; -EDQUOT
 * or -ENOSPC if a limit forbids what the attachment itself takes; -EOWNERDEAD;
 * -ENOMEM.
 */
struct attachment *client_pool_attach(struct client *client, const char *name)
{
	struct fixedpool *pool = registry_attach(name);

	return IS_ERR(pool) ? ERR_CAST(pool) : attach(client, pool);
}

/**
 * client_leave() - end an attachment, unless the client has done so already
 * @client: the client
 * @att: the attachment; the caller has a reference
 *
 * Context: process; may sleep.
 */
void client_leave(struct client *client, struct attachment *att)
{
	bool attached;

	mutex_lock(&client->lock);
	attached = xa_load(&client->attachments, att->pool->id) == att;
	if (attached) {
		/* First it cannot be borrowed any more, then not be found. The
		 * other way round, one thread might allocate from it for as long
		 * as we are kept from going on, and another be told that what it
		 * frees is of no pool.
		 */
		WRITE_ONCE(att->left, true);
		/* pairs with the exchange in client_borrow() */
		smp_wmb();
		erase_units(client, att->pool, 0);
	}
	mutex_unlock(&client->lock);
	if (!attached)
		return;
	/* after @left, see client_return() */
	client_forget(client);
	waiting_dismiss(&att->pool->waiting, &att->party, -ENOTCONN);
	watching_close(&att->watching, att->pool);
	/* what they waited for may be this pool's blocks alone */
	wake_up_interruptible_poll(&client->pollers, EPOLLIN | EPOLLRDNORM);
	channel_wake_pool(att->pool);
	attachment_put(att);
}

/**
 * client_pool_detach() - leave a pool, giving back what is held of it
 * @client: the client
 * @id: the pool's number
 *
 * Context: process; may sleep.
 * Return: 0 or -ENXIO.
 */
int client_pool_detach(struct client *client, u32 id)
{
	struct attachment *att = client_attachment_of_pool(client, id);

	if (!att)
		return -ENXIO;
	client_leave(client, att);
	attachment_put(att);
	return 0;
}

/**
 * client_end() - give back everything a client has, for good
 * @client: the client, which others may still be using
 * @early: its file is not closed yet, but nobody will use it any more
 *
 * Does nothing the second time.
 *
 * Context: process; may sleep.
 */
void client_end(struct client *client, bool early)
{
	struct attachment *att;
	unsigned long unit;
	bool ended;

	mutex_lock(&client->lock);
	ended = client->ended;
	WRITE_ONCE(client->ended, true);
	mutex_unlock(&client->lock);
	if (ended)
		return;
	xa_erase(&clients, client->id);
	xa_for_each(&client->attachments, unit, att) {
		/* The first entry of each pool; the others go with it. It could
		 * go meanwhile, by the hand of somebody who should not be there.
		 */
		att = client_attachment(client, unit);
		if (!att)
			continue;
		if (early)
			WRITE_ONCE(att->early, true);
		client_leave(client, att);
		attachment_put(att);
	}
	wake_up_interruptible_poll(&client->pollers, EPOLLHUP | EPOLLERR);
}

/**
 * client_poll() - would asking for a block make sense
 * @client: the client, for whose pollers the caller has queued
 *
 * Context: process; may sleep.
 * Return: EPOLLIN and EPOLLRDNORM if one of the pools of which the client has had
 * too little has a free block, or if there is no such pool; EPOLLHUP and EPOLLERR
 * if the client has ended.
 */
__poll_t client_poll(struct client *client)
{
	const __poll_t ready = EPOLLIN | EPOLLRDNORM;
	struct attachment *att;
	unsigned long unit;
	__poll_t events = ready;

	if (READ_ONCE(client->ended))
		return EPOLLHUP | EPOLLERR;
	rcu_read_lock();
	for (unit = 0; (att = xa_find(&client->attachments, &unit, ULONG_MAX,
				      XA_PRESENT)); unit++) {
		bool free;

		if (!READ_ONCE(att->watching.starved) ||
		    !refcount_inc_not_zero(&att->refs))
			continue;
		rcu_read_unlock();
		free = watching_poll(&att->watching, att->pool,
				     &client->pollers);
		attachment_put(att);
		if (free)
			return ready;
		events = 0;
		rcu_read_lock();
	}
	rcu_read_unlock();
	return events;
}

/**
 * client_destroy() - the file is closed
 * @client: the client; no call is at work for it, except that others may be
 *	giving it blocks
 *
 * Context: process; may sleep.
 */
void client_destroy(struct client *client)
{
	struct fixedpool_set *set;
	unsigned long id;

	client_end(client, false);
	xa_for_each(&client->sets, id, set)
		set_close(set);
	xa_destroy(&client->sets);
	/* A giver that found us has found no attachment, or has taken one of
	 * its own; it looks at @attachments under RCU only.
	 */
	xa_destroy(&client->attachments);
	scopes_exit(&client->scopes);
	client_put(client);
}

/**
 * client_ref() - keep a client's memory
 * @client: the client, which may be destroyed meanwhile: then it is attached to
 *	nothing
 *
 * Context: any.
 */
void client_ref(struct client *client)
{
	refcount_inc(&client->refs);
}

/**
 * client_put() - undo client_ref()
 * @client: the client
 *
 * Context: any.
 */
void client_put(struct client *client)
{
	if (refcount_dec_and_test(&client->refs)) {
		WARN_ON_ONCE(client->recent);
		call_rcu(&client->rcu, client_free_rcu);
	}
}

/**
 * client_attachment_of() - the attachment of another client to a pool
 * @id: number of the other client
 * @pool: the pool
 *
 * Context: process.
 * Return: the attachment with a reference; -ESRCH if there is no such client;
 * -ENOTCONN if it is not attached.
 */
struct attachment *client_attachment_of(u32 id, const struct fixedpool *pool)
{
	struct attachment *att = NULL;
	struct client *client;

	rcu_read_lock();
	client = xa_load(&clients, id);
	if (client)
		att = client_attachment(client, pool->id);
	rcu_read_unlock();
	if (!client)
		return ERR_PTR(-ESRCH);
	return att ?: ERR_PTR(-ENOTCONN);
}
