// SPDX-License-Identifier: GPL-2.0
/* What other modules call; the contract of <linux/fixedpool.h>. */
#include <linux/fixedpool.h>

#include <linux/err.h>

#include "compat.h"
#include "registry.h"

/**
 * fixedpool_create() - make a pool
 * @params: what it is to be
 *
 * All of its memory is allocated here. The pool belongs to the current user
 * and group, and processes find it by its name.
 *
 * Context: Process context; may sleep.
 * Return: The pool, to be given up with fixedpool_destroy() or fixedpool_put();
 * or an ERR_PTR: -EINVAL for a value out of its range, -EEXIST if the name is
 * taken, -ENFILE or -ENOSPC if max_pools or max_bytes forbid it, -EOVERFLOW if
 * it does not fit the handle space, -ENOMEM.
 */
struct fixedpool *fixedpool_create(const struct fixedpool_params *params)
{
	return registry_create(params, false);
}
FIXEDPOOL_EXPORT(fixedpool_create);

/**
 * fixedpool_destroy() - take a pool's name away and put the pool
 * @pool: the pool, of which the caller has a reference
 *
 * The name is free at once. The memory goes with the last client, mapping and
 * kernel user.
 *
 * Context: Process context; may sleep.
 */
void fixedpool_destroy(struct fixedpool *pool)
{
	registry_unlink(pool);
	registry_put(pool);
}
FIXEDPOOL_EXPORT(fixedpool_destroy);

/**
 * fixedpool_get() - find a pool by name
 * @name: its name
 *
 * Permission bits are for processes; modules get any pool.
 *
 * Context: Process context; may sleep.
 * Return: The pool with a reference, or ERR_PTR(-ENOENT).
 */
struct fixedpool *fixedpool_get(const char *name)
{
	return registry_get(name);
}
FIXEDPOOL_EXPORT(fixedpool_get);

/**
 * fixedpool_put() - give up a pool
 * @pool: the pool; everything taken of it has been freed
 *
 * Context: Process context; may sleep.
 */
void fixedpool_put(struct fixedpool *pool)
{
	registry_put(pool);
}
FIXEDPOOL_EXPORT(fixedpool_put);

/**
 * fixedpool_name() - name of a pool
 * @pool: the pool
 *
 * Context: Any.
 * Return: The name, also after it has been taken away.
 */
const char *fixedpool_name(const struct fixedpool *pool)
{
	return pool->name;
}
FIXEDPOOL_EXPORT(fixedpool_name);

/**
 * fixedpool_block_size() - size of a block
 * @pool: the pool
 *
 * Context: Any.
 * Return: Usable bytes.
 */
u32 fixedpool_block_size(const struct fixedpool *pool)
{
	return pool_geometry(pool)->block_size;
}
FIXEDPOOL_EXPORT(fixedpool_block_size);

/**
 * fixedpool_blocks() - capacity of a pool
 * @pool: the pool
 *
 * Context: Any.
 * Return: Number of blocks.
 */
u32 fixedpool_blocks(const struct fixedpool *pool)
{
	return pool_geometry(pool)->blocks;
}
FIXEDPOOL_EXPORT(fixedpool_blocks);

/**
 * fixedpool_in_use() - blocks that somebody holds
 * @pool: the pool
 *
 * Context: Any.
 * Return: Number of blocks at this moment.
 */
u32 fixedpool_in_use(const struct fixedpool *pool)
{
	return pool_in_use(pool);
}
FIXEDPOOL_EXPORT(fixedpool_in_use);

/**
 * fixedpool_alloc() - take a block
 * @pool: the pool
 * @handle: set to the block's handle
 *
 * Never waits and never allocates. O(1). The bytes are what the last holder
 * left, or zero.
 *
 * Context: Any, NMI included.
 * Return: The block, or NULL if none is free.
 */
void *fixedpool_alloc(struct fixedpool *pool, u64 *handle)
{
	u32 index;

	if (!pool_reserve(pool, 1, 1))
		return NULL;
	pool_claim(pool, HOLDER_KERNEL, &index, handle, 1);
	return pool_block(pool, index);
}
FIXEDPOOL_EXPORT(fixedpool_alloc);

/**
 * fixedpool_alloc_bulk() - take several blocks
 * @pool: the pool
 * @handles: filled with handles
 * @count: how many are wanted
 *
 * Context: Any, NMI included.
 * Return: How many were taken, less than @count only if no more were free.
 */
unsigned int fixedpool_alloc_bulk(struct fixedpool *pool, u64 *handles,
				  unsigned int count)
{
	unsigned int taken = 0;
	u32 indices[POOL_BATCH];
	u32 left;

	if (!count)
		return 0;
	left = pool_reserve(pool, 1, count);
	while (left) {
		unsigned int batch = min_t(u32, left, POOL_BATCH);

		pool_claim(pool, HOLDER_KERNEL, indices, handles + taken,
			   batch);
		taken += batch;
		left -= batch;
	}
	return taken;
}
FIXEDPOOL_EXPORT(fixedpool_alloc_bulk);

static int kernel_drop(struct fixedpool *pool, u64 handle)
{
	u32 index;
	int error;

	error = pool_resolve(pool, handle, &index);
	if (!error)
		error = pool_check(pool, index,
				   FIXEDPOOL_HANDLE_VERSION(handle));
	if (!error)
		error = pool_drop(pool, index, HOLDER_KERNEL);
	pool_refuse(pool, error);
	return error;
}

/**
 * fixedpool_free() - give back a block, or end a hold of fixedpool_lookup()
 * @pool: the pool
 * @handle: the block
 *
 * The block becomes free, and the handle dead, when the last holder lets go.
 * Two calls that free the same handle at the same instant are a mistake of the
 * caller that is not always found; one after the other, it is. See also
 * fixedpool_free_block().
 *
 * Context: Any, NMI included. O(1).
 * Return: 0; -EALREADY if it has been freed; -ESTALE if it has been freed and
 * the block was allocated again; -EPERM if no module holds it; -EINVAL, -ENXIO
 * or -ERANGE for what is no handle of this pool. Nothing happens then.
 */
int fixedpool_free(struct fixedpool *pool, u64 handle)
{
	return kernel_drop(pool, handle);
}
FIXEDPOOL_EXPORT(fixedpool_free);

/**
 * fixedpool_free_bulk() - give back several blocks
 * @pool: the pool
 * @handles: the blocks
 * @count: how many
 * @error: set to 0, or to why handle number «return value» was refused; may be
 *	NULL
 *
 * Stops at the first handle that is refused; see fixedpool_free().
 *
 * Context: Any, NMI included.
 * Return: How many were given back.
 */
unsigned int fixedpool_free_bulk(struct fixedpool *pool, const u64 *handles,
				 unsigned int count, int *error)
{
	unsigned int done;
	int why = 0;

	for (done = 0; done < count; done++) {
		why = kernel_drop(pool, handles[done]);
		if (why)
			break;
	}
	if (error)
		*error = why;
	return done;
}
FIXEDPOOL_EXPORT(fixedpool_free_bulk);

/**
 * fixedpool_free_block() - the same as fixedpool_free(), by address
 * @pool: the pool
 * @block: from fixedpool_alloc(), fixedpool_lookup() or fixedpool_pointer()
 *
 * Looks at nothing that processes can write. A process that has mapped the pool
 * can scribble over the version words, and then fixedpool_free() takes a good
 * handle for a stale one. A module that shares a pool with processes it does
 * not trust lets go of blocks by address.
 *
 * Context: Any, NMI included. O(1).
 * Return: 0; -EINVAL if no block of this pool begins there; -EPERM if no module
 * holds it. Nothing happens then.
 */
int fixedpool_free_block(struct fixedpool *pool, const void *block)
{
	u32 index;
	int error;

	if (!storage_find(&pool->storage, block, &index))
		return -EINVAL;
	error = pool_drop(pool, index, HOLDER_KERNEL);
	pool_refuse(pool, error);
	return error;
}
FIXEDPOOL_EXPORT(fixedpool_free_block);

/**
 * fixedpool_lookup() - hold the block that a handle names, whoever holds it
 * @pool: the pool the handle must be of
 * @handle: from anywhere, userspace for one
 *
 * The block cannot become free until fixedpool_free_block(), or
 * fixedpool_free(), ends the hold, even if the process that holds it frees it
 * or dies. Anybody who may use the pool may have made the handle up: take care
 * to look up only in pools that the caller you act for is meant to use.
 *
 * Context: Any, NMI included. O(1).
 * Return: The block, or an ERR_PTR: -ESTALE if its allocation has ended, -EBUSY
 * if there are 255 such holds of the block, -EINVAL, -ENXIO or -ERANGE for what
 * is no handle of this pool.
 */
void *fixedpool_lookup(struct fixedpool *pool, u64 handle)
{
	u32 index;
	int error;

	error = pool_resolve(pool, handle, &index);
	if (!error)
		error = pool_hold(pool, index, FIXEDPOOL_HANDLE_VERSION(handle),
				  HOLDER_KERNEL);
	pool_refuse(pool, error);
	return error ? ERR_PTR(error) : pool_block(pool, index);
}
FIXEDPOOL_EXPORT(fixedpool_lookup);

/**
 * fixedpool_pointer() - the block that a handle names
 * @pool: the pool
 * @handle: a block that the caller holds
 *
 * Context: Any, NMI included. O(1).
 * Return: The block, or NULL if the handle is dead or not of this pool, or
 * seems so since a process has scribbled over the version words.
 */
void *fixedpool_pointer(struct fixedpool *pool, u64 handle)
{
	u32 index;

	if (pool_resolve(pool, handle, &index) ||
	    pool_check(pool, index, FIXEDPOOL_HANDLE_VERSION(handle)))
		return NULL;
	return pool_block(pool, index);
}
FIXEDPOOL_EXPORT(fixedpool_pointer);

/**
 * fixedpool_handle() - the handle of a block
 * @pool: the pool
 * @block: any address
 *
 * Context: Any, NMI included. O(1).
 * Return: The handle, or 0 if no allocated block of this pool begins there.
 */
u64 fixedpool_handle(struct fixedpool *pool, const void *block)
{
	u64 handle;
	u32 index;

	if (!storage_find(&pool->storage, block, &index) ||
	    !pool_allocated(pool, index))
		return 0;
	handle = pool_handle(pool, index);
	return FIXEDPOOL_HANDLE_VERSION(handle) & 1 ? handle : 0;
}
FIXEDPOOL_EXPORT(fixedpool_handle);
