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
 * The memory of its blocks, and tables for as many as it may grow to, are
 * allocated here. The pool belongs to the current user
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
 * fixedpool_blocks() - size of a pool
 * @pool: the pool
 *
 * Context: Any.
 * Return: Number of blocks that it has at this moment.
 */
u32 fixedpool_blocks(const struct fixedpool *pool)
{
	return pool_blocks(pool);
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
 * fixedpool_take_slowly() - the rest of fixedpool_alloc()
 * @pool: the pool
 *
 * For <linux/fixedpool_inline.h> alone.
 *
 * Context: any; called with preemption off, which it turns on again.
 * Return: the block, or FIXEDPOOL_NO_INDEX.
 */
u32 fixedpool_take_slowly(struct fixedpool *pool)
{
	u32 index = pool_take_slowly(pool);

	if (index != FIXEDPOOL_NO_INDEX)
		pool_note_caller(pool, index, _RET_IP_);
	return index;
}
FIXEDPOOL_EXPORT(fixedpool_take_slowly);

/**
 * fixedpool_give_slowly() - the rest of fixedpool_free()
 * @pool: the pool
 * @index: the block
 *
 * For <linux/fixedpool_inline.h> alone.
 *
 * Context: any; called with preemption off, which it turns on again.
 */
void fixedpool_give_slowly(struct fixedpool *pool, u32 index)
{
	pool_give_slowly(pool, index);
}
FIXEDPOOL_EXPORT(fixedpool_give_slowly);

/**
 * fixedpool_free_slowly() - fixedpool_free() of what is not a block that its
 *	only holder has not shared
 * @pool: the pool
 * @handle: the block
 *
 * For <linux/fixedpool_inline.h> alone.
 *
 * Context: any.
 * Return: as fixedpool_free().
 */
int fixedpool_free_slowly(struct fixedpool *pool, u64 handle)
{
	u32 index;
	int error;

	error = pool_resolve(pool, handle, &index);
	if (!error)
		error = pool_check(pool, index,
				   FIXEDPOOL_HANDLE_VERSION(handle));
	if (!error)
		error = pool_drop(pool, index, HOLDER_KERNEL);
	pool_refuse(pool, handle, error);
	return error;
}
FIXEDPOOL_EXPORT(fixedpool_free_slowly);

/**
 * fixedpool_publish() - let others hold a block, too
 * @pool: the pool
 * @handle: a block that the caller holds
 *
 * Until then a block taken by fixedpool_alloc() or fixedpool_alloc_bulk() cannot
 * be reached by its handle, which anybody might have guessed. Afterwards
 * fixedpool_lookup() finds it. Publishing twice changes nothing.
 *
 * Context: Any, NMI included. O(1). Not at the same time as another call for the
 * same block by its only holder.
 * Return: 0; -EALREADY or -ESTALE if the allocation has ended; -EPERM if no
 * module holds the block; -EINVAL, -ENXIO or -ERANGE for what is no handle of
 * this pool.
 */
int fixedpool_publish(struct fixedpool *pool, u64 handle)
{
	u32 index;
	int error;

	error = pool_resolve(pool, handle, &index);
	if (!error)
		error = pool_publish(pool, index,
				     FIXEDPOOL_HANDLE_VERSION(handle));
	pool_refuse(pool, handle, error);
	return error;
}
FIXEDPOOL_EXPORT(fixedpool_publish);

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
	pool_refuse(pool, pool_handle(pool, index), error);
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
 * Return: The block, or an ERR_PTR: -ESTALE if its allocation has ended, -EACCES
 * if a module has it that has not published it, -EBUSY if there are 254 such
 * holds of the block, -EINVAL, -ENXIO or -ERANGE for what
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
	pool_refuse(pool, handle, error);
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
