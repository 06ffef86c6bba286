// SPDX-License-Identifier: GPL-2.0
/* Ioctls about blocks. */
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "holding.h"
#include "ioctl_call.h"

#define VALID_ALLOC_FLAGS \
	(FIXEDPOOL_ALLOC_PARTIAL | FIXEDPOOL_ALLOC_ZERO | \
	 FIXEDPOOL_ALLOC_BY_SIZE)

/*
 * Goes through the caller's array of handles a stack's worth at a time and
 * stops at the first that is refused, leaving its number in @done.
 */
static long walk_handles(struct client *client, u64 user_handles, u32 count,
			 u32 *done,
			 int (*act)(struct holding *handle, u32 data),
			 u32 data)
{
	const u64 __user *from = u64_to_user_ptr(user_handles);
	struct holding handle = {};
	u64 values[POOL_BATCH];
	long error = 0;

	while (!error && *done < count) {
		u32 batch = min_t(u32, count - *done, POOL_BATCH);
		u32 i;

		if (copy_from_user(values, from + *done,
				   batch * sizeof(values[0]))) {
			error = -EFAULT;
			break;
		}
		for (i = 0; i < batch; i++) {
			error = holding_resolve(client, values[i], &handle);
			if (!error)
				error = act(&handle, data);
			if (error)
				break;
			++*done;
		}
	}
	if (error && handle.att)
		pool_refuse(handle.att->pool, error);
	holding_done(&handle);
	return error;
}

static int free_one(struct holding *handle, u32 data)
{
	return holding_free(handle);
}

long call_free(struct client *client, struct call *call)
{
	struct fixedpool_free *free = &call->argument.free;

	free->done = 0;
	if (!free->count || free->count > FIXEDPOOL_MAX_BATCH)
		return -EINVAL;
	if (free->flags || free->reserved)
		return -EINVAL;
	return walk_handles(client, free->handles, free->count, &free->done,
			    free_one, 0);
}

/* Also the way back of an allocation whose result cannot be delivered. The
 * handles are read back from where they were put: if the caller changes them
 * meanwhile, it frees others of its own or none.
 */
void undo_alloc(struct client *client, struct call *call)
{
	struct fixedpool_alloc *alloc = &call->argument.alloc;
	u32 undone = 0;

	walk_handles(client, alloc->handles, alloc->done, &undone, free_one, 0);
	alloc->done = 0;
}

static void zero_blocks(struct fixedpool *pool, const u32 *indices,
			unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i++) {
		memset(pool_block(pool, indices[i]), 0,
		       pool_geometry(pool)->block_size);
		cond_resched();
	}
}

/* Moves @reserved blocks to the client, and their handles to its array. */
long alloc_deliver(struct attachment *att, struct fixedpool_alloc *alloc,
		   u32 reserved)
{
	u64 __user *to = u64_to_user_ptr(alloc->handles);
	u32 indices[POOL_BATCH];
	u64 handles[POOL_BATCH];

	while (reserved) {
		u32 batch = min_t(u32, reserved, POOL_BATCH);

		holding_claim(att, indices, handles, batch);
		reserved -= batch;
		if (alloc->flags & FIXEDPOOL_ALLOC_ZERO)
			zero_blocks(att->pool, indices, batch);
		if (copy_to_user(to + alloc->done, handles,
				 batch * sizeof(handles[0]))) {
			holding_unclaim(att, indices, handles, batch);
			pool_cancel(att->pool, reserved);
			return -EFAULT;
		}
		alloc->done += batch;
	}
	return 0;
}

static long alloc_of_pool(struct client *client, struct fixedpool_alloc *alloc)
{
	u32 least = alloc->flags & FIXEDPOOL_ALLOC_PARTIAL ? 1 : alloc->count;
	struct attachment *att = client_attachment_of_pool(client, alloc->pool);
	u32 reserved;
	long error;

	if (!att)
		return -ENXIO;
	reserved = pool_reserve(att->pool, least, alloc->count);
	error = reserved ? alloc_deliver(att, alloc, reserved) : -ENOBUFS;
	attachment_put(att);
	return error;
}

long call_alloc(struct client *client, struct call *call)
{
	struct fixedpool_alloc *alloc = &call->argument.alloc;
	bool by_size = alloc->flags & FIXEDPOOL_ALLOC_BY_SIZE;
	long error;

	alloc->done = 0;
	if (!alloc->count || alloc->count > FIXEDPOOL_MAX_BATCH)
		return -EINVAL;
	if (alloc->flags & ~VALID_ALLOC_FLAGS)
		return -EINVAL;
	if (alloc->scope || alloc->timeout)
		return -EINVAL;
	if (by_size != !!alloc->size)
		return -EINVAL;
	error = by_size ? alloc_by_size(client, alloc) :
			  alloc_of_pool(client, alloc);
	if (error && alloc->done)
		undo_alloc(client, call);
	return error;
}

long call_check(struct client *client, struct call *call)
{
	struct fixedpool_check *check = &call->argument.check;
	struct holding handle = {};
	long error;

	check->state = 0;
	if (check->flags)
		return -EINVAL;
	error = holding_resolve(client, check->handle, &handle);
	if (!error)
		check->state = holding_check(&handle);
	holding_done(&handle);
	return error;
}

/* copy_from_user() fills with zeroes what it could not read, so look first. */
static int bytes_in(void *to, const void __user *from, u32 length)
{
	if (fault_in_readable(from, length))
		return -EFAULT;
	return copy_from_user(to, from, length) ? -EFAULT : 0;
}

/* Shared by READ and WRITE, whose structures are the same but for the name. */
static_assert(sizeof(struct fixedpool_read) == sizeof(struct fixedpool_write));

static long transfer(struct client *client, const struct fixedpool_read *what,
		     bool write)
{
	void __user *buffer = u64_to_user_ptr(what->buffer);
	struct holding handle = {};
	u32 block_size;
	void *bytes;
	long error;

	if (what->flags || what->reserved)
		return -EINVAL;
	error = holding_resolve(client, what->handle, &handle);
	if (!error)
		error = holding_borrow(&handle);
	if (error) {
		if (handle.att)
			pool_refuse(handle.att->pool, error);
		goto done;
	}
	block_size = pool_geometry(handle.att->pool)->block_size;
	bytes = pool_block(handle.att->pool, handle.index);
	if (what->offset > block_size ||
	    what->length > block_size - what->offset)
		error = -EMSGSIZE;
	else if (write)
		error = bytes_in(bytes + what->offset, buffer, what->length);
	else if (copy_to_user(buffer, bytes + what->offset, what->length))
		error = -EFAULT;
	holding_return(&handle);
done:
	holding_done(&handle);
	return error;
}

long call_read(struct client *client, struct call *call)
{
	return transfer(client, &call->argument.read, false);
}

long call_write(struct client *client, struct call *call)
{
	return transfer(client, &call->argument.read, true);
}

static int give_one(struct holding *handle, u32 receiver)
{
	return holding_give(handle, receiver);
}

long call_give(struct client *client, struct call *call)
{
	struct fixedpool_give *give = &call->argument.give;

	give->done = 0;
	if (!give->count || give->count > FIXEDPOOL_MAX_BATCH)
		return -EINVAL;
	if (give->flags)
		return -EINVAL;
	return walk_handles(client, give->handles, give->count, &give->done,
			    give_one, give->client);
}
