// SPDX-License-Identifier: GPL-2.0
/* Ioctls about blocks. */
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/string.h>
#include <linux/time_namespace.h>
#include <linux/uaccess.h>

#include "compat.h"
#include "holding_batch.h"
#include "ioctl_call.h"
#include "user_words.h"

#define VALID_ALLOC_FLAGS \
	(FIXEDPOOL_ALLOC_PARTIAL | FIXEDPOOL_ALLOC_ZERO | \
	 FIXEDPOOL_ALLOC_WAIT | FIXEDPOOL_ALLOC_BY_SIZE)

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
	u64 values[POOL_BATCH] __uninitialized;
	long error = 0;

	while (!error && *done < count) {
		u32 batch = min_t(u32, count - *done, POOL_BATCH);
		u32 i;

		error = words_from_user(values, from + *done, batch);
		if (error)
			break;
		for (i = 0; i < batch; i++) {
			error = holding_resolve(client, values[i], &handle);
			if (!error)
				error = act(&handle, data);
			if (error)
				break;
			++*done;
		}
	}
	holding_refuse(&handle, error);
	holding_done(client, &handle);
	return error;
}

/* The same for FREE, which works on many handles at a time. */
static long walk_free(struct client *client, u64 user_handles, u32 count,
		      u32 *done)
{
	const u64 __user *from = u64_to_user_ptr(user_handles);
	struct holding handle = {};
	u64 values[POOL_BATCH] __uninitialized;
	long error = 0;

	while (!error && *done < count) {
		u32 batch = min_t(u32, count - *done, POOL_BATCH);

		error = words_from_user(values, from + *done, batch);
		if (error)
			break;
		error = holding_free_batch(client, values, batch, &handle,
					   done);
	}
	holding_refuse(&handle, error);
	holding_done(client, &handle);
	return error;
}

static long free_single(struct client *client, struct fixedpool_free *free)
{
	u64 value;
	long error = words_from_user(&value, u64_to_user_ptr(free->handles), 1);

	if (!error)
		error = holding_free(client, value);
	if (!error)
		free->done = 1;
	return error;
}

long call_free(struct client *client, struct call *call)
{
	struct fixedpool_free *free = &call->argument.free;

	free->done = 0;
	if (!free->count || free->count > FIXEDPOOL_MAX_BATCH)
		return -EINVAL;
	if (free->flags || free->reserved)
		return -EINVAL;
	if (free->count == 1)
		return free_single(client, free);
	return walk_free(client, free->handles, free->count, &free->done);
}

/* Also the way back of an allocation whose result cannot be delivered. The
 * handles are read back from where they were put: if the caller changes them
 * meanwhile, it frees others of its own or none.
 */
void undo_alloc(struct client *client, struct call *call)
{
	struct fixedpool_alloc *alloc = &call->argument.alloc;
	u32 undone = 0;

	walk_free(client, alloc->handles, alloc->done, &undone);
	alloc->done = 0;
}

static bool zeroes_wanted(const struct fixedpool_alloc *alloc)
{
	return alloc->flags & FIXEDPOOL_ALLOC_ZERO;
}

/* Tells the caller about blocks that are the client's now, or undoes that. */
static long deliver_claim(struct client *client, struct fixedpool_alloc *alloc,
			  const struct claim *claim)
{
	u64 __user *to = u64_to_user_ptr(alloc->handles);

	if (words_to_user(to + alloc->done, claim->handles, claim->count)) {
		holding_unclaim(client, claim->handles, claim->count);
		return -EFAULT;
	}
	alloc->done += claim->count;
	return 0;
}

/* A single block comes out of a magazine, if there is one. */
static long alloc_one(struct client *client, struct attachment *att,
		      struct fixedpool_alloc *alloc)
{
	u64 __user *to = u64_to_user_ptr(alloc->handles);
	u64 handle;
	long error = holding_claim_one(client, att, alloc->scope,
				       zeroes_wanted(alloc), &handle);

	if (unlikely(error))
		return error;
	watching_served(&att->watching);
	if (words_to_user(to, &handle, 1)) {
		holding_unclaim(client, &handle, 1);
		return -EFAULT;
	}
	alloc->done = 1;
	return 0;
}

/* Moves @reserved blocks to the client, and their handles to its array. */
long alloc_deliver(struct client *client, struct attachment *att,
		   struct fixedpool_alloc *alloc, u32 reserved)
{
	struct claim claim __uninitialized;
	long error = 0;

	while (reserved && !error) {
		error = holding_claim(client, att, alloc->scope,
				      zeroes_wanted(alloc), reserved, &claim);
		reserved -= claim.count;
		if (!error)
			error = deliver_claim(client, alloc, &claim);
	}
	if (reserved)
		pool_cancel(att->pool, reserved);
	return error;
}

/* The caller's clock may differ from the system's, and be ahead of all times. */
static ktime_t deadline_of(const struct fixedpool_alloc *alloc)
{
	struct timespec64 offset = {};
	ktime_t ahead;

	timens_add_monotonic(&offset);
	ahead = timespec64_to_ktime(offset);
	if (alloc->timeout >= KTIME_MAX + min_t(s64, ahead, 0))
		return KTIME_MAX;
	return ktime_sub((ktime_t)alloc->timeout, ahead);
}

int alloc_reserve(struct client *client, struct attachment *att,
		  const struct fixedpool_alloc *alloc, u32 least)
{
	struct patience patience = { .state = TASK_INTERRUPTIBLE };
	int reserved;

	if (alloc->flags & FIXEDPOOL_ALLOC_WAIT) {
		patience.deadline = deadline_of(alloc);
		reserved = pool_reserve_patiently(att->pool, &att->party, least,
						  alloc->count, &patience);
	} else {
		reserved = pool_reserve(att->pool, least, alloc->count) ?:
			   -ENOBUFS;
	}
	if (reserved > 0)
		watching_served(&att->watching);
	else
		watching_starved(&att->watching, att->pool, &client->pollers);
	return reserved;
}

static long alloc_of_pool(struct client *client, struct fixedpool_alloc *alloc)
{
	u32 least = alloc->flags & FIXEDPOOL_ALLOC_PARTIAL ? 1 : alloc->count;
	struct attachment *att = client_borrow_of_pool(client, alloc->pool);
	long error = -ENOBUFS;
	int reserved;

	if (!att)
		return -ENXIO;
	if (alloc->count == 1)
		error = alloc_one(client, att, alloc);
	if (error != -ENOBUFS)
		goto put;
	reserved = alloc_reserve(client, att, alloc, least);
	error = reserved < 0 ? reserved :
			       alloc_deliver(client, att, alloc, reserved);
put:
	client_return(client, att);
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
	if (alloc->timeout && !(alloc->flags & FIXEDPOOL_ALLOC_WAIT))
		return -EINVAL;
	if (by_size != !!alloc->size)
		return -EINVAL;
	if (alloc->scope != SCOPE_ROOT &&
	    !scope_open(&client->scopes, alloc->scope))
		return -ESTALE;
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
	holding_done(client, &handle);
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
		holding_refuse(&handle, error);
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
	holding_done(client, &handle);
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

static int share_one(struct holding *handle, u32 receiver)
{
	return holding_share(handle, receiver);
}

long call_share(struct client *client, struct call *call)
{
	struct fixedpool_share *share = &call->argument.share;

	share->done = 0;
	if (!share->count || share->count > FIXEDPOOL_MAX_BATCH)
		return -EINVAL;
	if (share->flags)
		return -EINVAL;
	return walk_handles(client, share->handles, share->count, &share->done,
			    share_one, share->client);
}
