// SPDX-License-Identifier: GPL-2.0
/* Clients and their holdings; see client.h. */
#include "client.h"

#include <linux/bitops.h>
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "registry.h"

/* All clients by number, so that one can give to another. */
static DEFINE_XARRAY_ALLOC1(clients);
static u32 clients_next;

static struct kmem_cache *client_cache;
/* Ends attachments for those who may not, see attachment_put_later(). */
static struct workqueue_struct *workqueue;

/**
 * client_init() - get ready for clients
 *
 * Return: 0 or -ENOMEM.
 */
int client_init(void)
{
	client_cache = KMEM_CACHE(client, SLAB_ACCOUNT);
	if (!client_cache)
		return -ENOMEM;
	workqueue = alloc_workqueue("fixedpool", WQ_UNBOUND, 0);
	if (!workqueue) {
		kmem_cache_destroy(client_cache);
		return -ENOMEM;
	}
	return 0;
}

/**
 * client_exit() - no client is left
 */
void client_exit(void)
{
	/* waits for what has been put off */
	destroy_workqueue(workqueue);
	/* and for those clients that are gone to be freed */
	rcu_barrier();
	kmem_cache_destroy(client_cache);
}

/**
 * client_create() - a new client, attached to nothing
 *
 * Context: process; may sleep.
 * Return: the client or -ENOMEM.
 */
struct client *client_create(void)
{
	struct client *client = kmem_cache_zalloc(client_cache, GFP_KERNEL);
	int error;

	if (!client)
		return ERR_PTR(-ENOMEM);
	mutex_init(&client->lock);
	xa_init_flags(&client->attachments, XA_FLAGS_ACCOUNT);
	/* numbers go round: one that somebody still has in mind is not reused
	 * soon
	 */
	error = xa_alloc_cyclic(&clients, &client->id, client, xa_limit_32b,
				&clients_next, GFP_KERNEL_ACCOUNT);
	if (error < 0) {
		kmem_cache_free(client_cache, client);
		return ERR_PTR(-ENOMEM);
	}
	return client;
}

static void client_free_rcu(struct rcu_head *rcu)
{
	kmem_cache_free(client_cache, container_of(rcu, struct client, rcu));
}

static u32 held_words(const struct fixedpool *pool)
{
	return BITS_TO_LONGS((u64)pool_geometry(pool)->blocks);
}

static struct attachment *attachment_create(struct fixedpool *pool)
{
	struct attachment *att;
	struct charge charge;
	size_t bytes = struct_size(att, held, held_words(pool));
	int error;

	error = charge_memory(&charge, bytes, true);
	if (error)
		return ERR_PTR(error);
	att = kvzalloc(bytes, POOL_GFP);
	if (!att) {
		uncharge_memory(&charge);
		return ERR_PTR(-ENOMEM);
	}
	att->charge = charge;
	att->pool = pool;
	refcount_set(&att->refs, 1);
	return att;
}

static void release_held(struct attachment *att)
{
	u32 words = held_words(att->pool);
	unsigned long reclaimed = 0;
	u32 word;

	for (word = 0; word < words; word++) {
		unsigned long held = att->held[word];

		if (held) {
			pool_drop_mask(att->pool, word, held, HOLDER_CLIENT);
			reclaimed += hweight_long(held);
		}
		cond_resched();
	}
	pool_count(att->pool, POOL_RECLAIMED, reclaimed);
}

static void attachment_end(struct attachment *att)
{
	release_held(att);
	uncharge_memory(&att->charge);
	registry_detach(att->pool);
	kvfree_rcu(att, rcu);
}

static void attachment_end_work(struct work_struct *work)
{
	attachment_end(container_of(work, struct attachment, work));
}

/**
 * attachment_put() - stop using an attachment
 * @att: the attachment, or NULL
 *
 * The last one gives back what the client held and leaves the pool.
 *
 * Context: process, without mmap_lock; may sleep.
 */
void attachment_put(struct attachment *att)
{
	if (att && refcount_dec_and_test(&att->refs))
		attachment_end(att);
}

/**
 * attachment_put_later() - the same, where mmap_lock is held
 * @att: the attachment
 *
 * The end of an attachment can be the end of a pool, which takes locks that
 * others hold while they take mmap_lock.
 *
 * Context: process.
 */
void attachment_put_later(struct attachment *att)
{
	if (!refcount_dec_and_test(&att->refs))
		return;
	INIT_WORK(&att->work, attachment_end_work);
	queue_work(workqueue, &att->work);
}

/**
 * attachment_get() - the attachment that a unit of handle space belongs to
 * @client: the client
 * @unit: the unit
 *
 * Context: any, but attachment_put() must follow in process context.
 * Return: the attachment with a reference, or NULL.
 */
struct attachment *attachment_get(struct client *client, u32 unit)
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
 * attachment_get_pool() - the attachment to the pool of a number
 * @client: the client
 * @id: the pool's number
 *
 * Return: as attachment_get().
 */
struct attachment *attachment_get_pool(struct client *client, u32 id)
{
	struct attachment *att = attachment_get(client, id);

	if (att && att->pool->id != id) {
		attachment_put(att);
		att = NULL;
	}
	return att;
}

static void erase_units(struct client *client, struct fixedpool *pool,
			u32 count)
{
	while (count--)
		xa_erase(&client->attachments, pool->id + count);
}

/* Makes an attachment reachable. It fails whole. */
static int store_units(struct client *client, struct attachment *att)
{
	struct fixedpool *pool = att->pool;
	u32 i;

	lockdep_assert_held(&client->lock);
	if (xa_load(&client->attachments, pool->id))
		return -EALREADY;
	for (i = 0; i < pool->units; i++) {
		int error = xa_err(xa_store(&client->attachments, pool->id + i,
					    att, GFP_KERNEL));

		if (error) {
			erase_units(client, pool, i);
			return error;
		}
	}
	return 0;
}

/* Attaches to a pool, whose reference and count of clients become its own. */
static struct attachment *attach(struct client *client, struct fixedpool *pool)
{
	struct attachment *att = attachment_create(pool);
	int error;

	if (IS_ERR(att)) {
		registry_detach(pool);
		return att;
	}
	/* one reference for the client, and one for the caller */
	refcount_inc(&att->refs);
	mutex_lock(&client->lock);
	error = store_units(client, att);
	mutex_unlock(&client->lock);
	if (error) {
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
 * Return: the attachment with a reference, or an error of registry_create().
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
 * or -ENOSPC if a limit forbids what the attachment itself takes; -ENOMEM.
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
	if (attached)
		erase_units(client, att->pool, att->pool->units);
	mutex_unlock(&client->lock);
	if (attached)
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
	struct attachment *att = attachment_get_pool(client, id);

	if (!att)
		return -ENXIO;
	client_leave(client, att);
	attachment_put(att);
	return 0;
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
	struct attachment *att;
	unsigned long unit;

	xa_erase(&clients, client->id);
	xa_for_each(&client->attachments, unit, att) {
		/* the first entry of each pool; the others go with it */
		client_leave(client, att);
	}
	/* A giver that found us has found no attachment, or has taken one of
	 * its own; it looks at @attachments under RCU only.
	 */
	xa_destroy(&client->attachments);
	call_rcu(&client->rcu, client_free_rcu);
}

/**
 * client_resolve() - look at a handle that came from a client
 * @client: the client
 * @value: the handle
 * @handle: filled in; zeroed before the first use, and ended by
 *	client_handle_done()
 *
 * Context: process.
 * Return: 0; -EINVAL if no allocation can have this handle; -ENXIO if it is of
 * no pool this client is attached to; -ERANGE if its index is beyond the end.
 */
int client_resolve(struct client *client, u64 value,
		   struct client_handle *handle)
{
	u32 unit = FIXEDPOOL_HANDLE_SLOT(value) >> SLOT_UNIT_SHIFT;

	handle->version = FIXEDPOOL_HANDLE_VERSION(value);
	if (!(handle->version & 1))
		return -EINVAL;
	if (handle->att && unit - handle->att->pool->id >= handle->att->pool->units)
		client_handle_done(handle);
	if (!handle->att)
		handle->att = attachment_get(client, unit);
	if (!handle->att)
		return -ENXIO;
	return pool_resolve(handle->att->pool, value, &handle->index);
}

/**
 * client_handle_done() - end of a look at handles
 * @handle: from client_resolve()
 *
 * Context: process; may sleep.
 */
void client_handle_done(struct client_handle *handle)
{
	attachment_put(handle->att);
	handle->att = NULL;
}

/**
 * client_claim() - allocate reserved blocks for a client
 * @att: where it is attached; the blocks come from a pool_reserve() there
 * @indices: filled with the blocks
 * @handles: filled with the handles
 * @count: how many, up to POOL_BATCH
 *
 * Context: process.
 */
void client_claim(struct attachment *att, u32 *indices, u64 *handles,
		  unsigned int count)
{
	unsigned int i;

	pool_claim(att->pool, HOLDER_CLIENT, indices, handles, count);
	/* Pairs with the test_and_clear_bit() in take_hold(): who takes the bit
	 * compares the version of this allocation, not of the one before.
	 */
	smp_mb__before_atomic();
	for (i = 0; i < count; i++)
		set_bit(indices[i], att->held);
}

/* Why a handle is refused by a client that does not hold its block. */
static int not_held(const struct client_handle *handle)
{
	return pool_check(handle->att->pool, handle->index, handle->version) ?:
	       -EPERM;
}

/*
 * Takes the client's hold out of its bitmap: from then on it is the caller's.
 *
 * The version is compared twice. Before, so that a stale handle touches
 * nothing. And after, since another thread of the client may have freed this
 * very handle and been given the same block again in between: then the hold is
 * of the new allocation, and goes back where it was.
 */
static int take_hold(struct client_handle *handle)
{
	struct attachment *att = handle->att;
	int error;

	if (!test_bit(handle->index, att->held))
		return not_held(handle);
	error = pool_check(att->pool, handle->index, handle->version);
	if (error)
		return error;
	if (!test_and_clear_bit(handle->index, att->held))
		return not_held(handle);
	error = pool_check(att->pool, handle->index, handle->version);
	if (error)
		set_bit(handle->index, att->held);
	return error;
}

/**
 * client_free() - give a block back
 * @handle: looked up
 *
 * Context: process.
 * Return: 0; -EALREADY if it has been freed; -ESTALE if it has been freed and
 * the block was allocated again; -EPERM if this client does not hold it.
 */
int client_free(struct client_handle *handle)
{
	int error = take_hold(handle);

	if (!error)
		pool_drop(handle->att->pool, handle->index, HOLDER_CLIENT);
	return error;
}

/**
 * client_unclaim() - undo client_claim()
 * @att: where the client is attached
 * @indices: the blocks
 * @handles: their handles, which another thread may have guessed and freed
 * @count: how many
 *
 * Context: process.
 */
void client_unclaim(struct attachment *att, const u32 *indices,
		    const u64 *handles, unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i++) {
		struct client_handle handle = {
			.att = att,
			.index = indices[i],
			.version = FIXEDPOOL_HANDLE_VERSION(handles[i]),
		};

		client_free(&handle);
	}
}

/* The attachment of client number @id to the pool, or an error. */
static struct attachment *receiver_get(u32 id, const struct fixedpool *pool)
{
	struct attachment *att = NULL;
	struct client *client;

	rcu_read_lock();
	client = xa_load(&clients, id);
	if (client)
		att = attachment_get(client, pool->id);
	rcu_read_unlock();
	if (!client)
		return ERR_PTR(-ESRCH);
	return att ?: ERR_PTR(-ENOTCONN);
}

/**
 * client_give() - let another client hold a block instead
 * @handle: looked up
 * @receiver: number of the other client
 *
 * Should the receiver leave meanwhile, the block goes back with the rest of
 * what it held.
 *
 * Context: process; may sleep.
 * Return: 0; -ESRCH; -ENOTCONN; -ESTALE; -EPERM.
 */
int client_give(struct client_handle *handle, u32 receiver)
{
	struct fixedpool *pool = handle->att->pool;
	struct attachment *to = receiver_get(receiver, pool);
	int error;

	if (IS_ERR(to))
		return PTR_ERR(to);
	error = take_hold(handle);
	if (error == -EALREADY)
		error = -ESTALE;
	/* if the receiver has a hold already, ours is one too many */
	if (!error && test_and_set_bit(handle->index, to->held))
		pool_drop(pool, handle->index, HOLDER_CLIENT);
	attachment_put(to);
	return error;
}

/**
 * client_check() - what a handle is worth
 * @handle: looked up
 *
 * Context: process.
 * Return: FIXEDPOOL_CHECK_* bits.
 */
u32 client_check(const struct client_handle *handle)
{
	const struct attachment *att = handle->att;
	u32 state = FIXEDPOOL_CHECK_ALIVE;

	if (pool_check(att->pool, handle->index, handle->version))
		return 0;
	if (test_bit(handle->index, att->held))
		state |= FIXEDPOOL_CHECK_MINE;
	if (pool_shared(att->pool, handle->index))
		state |= FIXEDPOOL_CHECK_SHARED;
	return state;
}

/**
 * client_borrow() - hold a block of the client while working on its bytes
 * @handle: looked up
 *
 * Other threads may free it meanwhile; it then becomes free with
 * client_return().
 *
 * Context: process.
 * Return: 0; -ESTALE; -EPERM; -EBUSY.
 */
int client_borrow(struct client_handle *handle)
{
	struct attachment *att = handle->att;
	int error;

	/* first, so as not to hold what is none of the client's business */
	if (!test_bit(handle->index, att->held)) {
		error = not_held(handle);
		return error == -EALREADY ? -ESTALE : error;
	}
	error = pool_hold(att->pool, handle->index, handle->version,
			  HOLDER_KERNEL);
	if (error)
		return error;
	if (test_bit(handle->index, att->held))
		return 0;
	client_return(handle);
	return -EPERM;
}

/**
 * client_return() - end of client_borrow()
 * @handle: looked up
 *
 * Context: process.
 */
void client_return(struct client_handle *handle)
{
	pool_drop(handle->att->pool, handle->index, HOLDER_KERNEL);
}
