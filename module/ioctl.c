// SPDX-License-Identifier: GPL-2.0
/*
 * The ioctls of the device: what comes from userspace is checked here and
 * handed down.
 *
 * A command is known by its number alone; the size in the command word is that
 * of the caller's structure. The structure is copied in, the handler works on
 * the copy, and it is copied out again also when the handler failed, since it
 * says how far the handler got. What cannot be copied out is undone.
 */
#include "ioctl.h"

#include <linux/cred.h>
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "client.h"
#include "mmap.h"
#include "registry.h"

/* The ABI does not move; the library asserts the same. */
static_assert(sizeof(struct fixedpool_query) == 40);
static_assert(sizeof(struct fixedpool_pool_create) == 72);
static_assert(sizeof(struct fixedpool_pool_attach) == 40);
static_assert(sizeof(struct fixedpool_pool_detach) == 8);
static_assert(sizeof(struct fixedpool_pool_destroy) == 40);
static_assert(sizeof(struct fixedpool_pool_info) == 144);
static_assert(sizeof(struct fixedpool_alloc) == 24);
static_assert(sizeof(struct fixedpool_free) == 24);
static_assert(sizeof(struct fixedpool_check) == 16);
static_assert(sizeof(struct fixedpool_read) == 32);
static_assert(sizeof(struct fixedpool_write) == 32);
static_assert(sizeof(struct fixedpool_give) == 24);

#define VALID_CREATE_FLAGS \
	(FIXEDPOOL_POOL_AUTO_DESTROY | FIXEDPOOL_POOL_NUMA_NODE)
#define VALID_ALLOC_FLAGS \
	(FIXEDPOOL_ALLOC_PARTIAL | FIXEDPOOL_ALLOC_ZERO)

union argument {
	struct fixedpool_query query;
	struct fixedpool_pool_create pool_create;
	struct fixedpool_pool_attach pool_attach;
	struct fixedpool_pool_detach pool_detach;
	struct fixedpool_pool_destroy pool_destroy;
	struct fixedpool_pool_info pool_info;
	struct fixedpool_alloc alloc;
	struct fixedpool_free free;
	struct fixedpool_check check;
	struct fixedpool_read read;
	struct fixedpool_write write;
	struct fixedpool_give give;
};

/**
 * struct call - an ioctl at work
 * @argument: the caller's structure
 * @made: attachment that the call has made, which goes again if the caller
 *	cannot be told of it
 */
struct call {
	union argument argument;
	struct attachment *made;
};

static bool name_terminated(const char *name)
{
	return strnlen(name, FIXEDPOOL_NAME_SIZE) < FIXEDPOOL_NAME_SIZE;
}

static long query(struct client *client, struct call *call)
{
	call->argument.query = (struct fixedpool_query) {
		.features = FIXEDPOOL_FEATURE_GIVE,
		.abi_version = FIXEDPOOL_ABI_VERSION,
		.client = client->id,
		.max_block_size = FIXEDPOOL_MAX_BLOCK_SIZE,
		.max_batch = FIXEDPOOL_MAX_BATCH,
		.max_pools = registry_max_pools(),
		.max_bytes = account_max_bytes(),
	};
	return 0;
}

static long pool_create(struct client *client, struct call *call)
{
	struct fixedpool_pool_create *create = &call->argument.pool_create;
	bool on_node = create->flags & FIXEDPOOL_POOL_NUMA_NODE;
	struct fixedpool_params params = {
		.name = create->name,
		.block_size = create->block_size,
		.align = create->align,
		.blocks = create->blocks,
		.reserve = create->reserve,
		.storage = create->storage,
		.flags = create->flags & ~FIXEDPOOL_POOL_NUMA_NODE,
		.mode = create->mode,
		.numa_node = on_node ? create->numa_node : NUMA_NO_NODE,
	};
	struct attachment *att;

	if (!name_terminated(create->name))
		return -EINVAL;
	if (create->flags & ~VALID_CREATE_FLAGS)
		return -EINVAL;
	if (create->reserved)
		return -EINVAL;
	/* the kernel's type is narrower than the field */
	if (create->mode > U16_MAX)
		return -EINVAL;
	if (on_node ? create->numa_node < 0 : create->numa_node != 0)
		return -EINVAL;
	att = client_pool_create(client, &params);
	if (IS_ERR(att))
		return PTR_ERR(att);
	create->id = att->pool->id;
	call->made = att;
	return 0;
}

/* By what was made, not by its number: another thread of the client may have
 * detached it meanwhile, and the number may be that of another pool by now.
 */
static void pool_create_undo(struct client *client, struct call *call)
{
	registry_unlink(call->made->pool);
	client_leave(client, call->made);
}

static long pool_attach(struct client *client, struct call *call)
{
	struct fixedpool_pool_attach *attach = &call->argument.pool_attach;
	struct attachment *att;

	if (!name_terminated(attach->name))
		return -EINVAL;
	if (attach->flags)
		return -EINVAL;
	att = client_pool_attach(client, attach->name);
	if (IS_ERR(att))
		return PTR_ERR(att);
	attach->id = att->pool->id;
	call->made = att;
	return 0;
}

static void pool_attach_undo(struct client *client, struct call *call)
{
	client_leave(client, call->made);
}

static long pool_detach(struct client *client, struct call *call)
{
	if (call->argument.pool_detach.flags)
		return -EINVAL;
	return client_pool_detach(client, call->argument.pool_detach.id);
}

static long pool_destroy(struct client *client, struct call *call)
{
	struct fixedpool_pool_destroy *destroy = &call->argument.pool_destroy;

	if (!name_terminated(destroy->name))
		return -EINVAL;
	if (destroy->flags || destroy->reserved)
		return -EINVAL;
	return registry_destroy(destroy->name);
}

static void info_fill(struct fixedpool_pool_info *info,
		      const struct fixedpool *pool)
{
	const struct geometry *geo = pool_geometry(pool);
	bool mappable = pool_mappable(pool);
	*info = (struct fixedpool_pool_info) {
		.id = pool->id,
		.block_size = geo->block_size,
		.stride = geo->stride,
		.align = geo->align,
		.blocks = geo->blocks,
		.reserve = pool->reserve,
		.storage = pool->which,
		.flags = pool_flags(pool),
		.mode = pool->mode,
		.uid = from_kuid_munged(current_user_ns(), pool->uid),
		.gid = from_kgid_munged(current_user_ns(), pool->gid),
		.numa_node = pool->storage.numa_node,
		.first_slot = pool->first_slot,
		.chunk_blocks = mappable ? geo->chunk_blocks : 0,
		.in_use = pool_in_use(pool),
		.peak = READ_ONCE(pool->peak),
		.clients = READ_ONCE(pool->attached),
		.chunk_size = mappable ? geo->chunk_size : 0,
		.data_offset = mmap_data_offset(pool),
		.data_length = mmap_data_length(pool),
		.versions_offset = mmap_versions_offset(pool),
		.versions_length = mmap_versions_length(pool),
	};
	strscpy(info->name, pool->name, sizeof(info->name));
}

static long pool_info(struct client *client, struct call *call)
{
	struct attachment *att;

	if (call->argument.pool_info.query_flags)
		return -EINVAL;
	att = attachment_get_pool(client, call->argument.pool_info.id);
	if (!att)
		return -ENXIO;
	info_fill(&call->argument.pool_info, att->pool);
	attachment_put(att);
	return 0;
}

/*
 * Goes through the caller's array of handles a stack's worth at a time and
 * stops at the first that is refused, leaving its number in @done.
 */
static long walk_handles(struct client *client, u64 user_handles, u32 count,
			 u32 *done,
			 int (*act)(struct client_handle *handle, u32 data),
			 u32 data)
{
	const u64 __user *from = u64_to_user_ptr(user_handles);
	struct client_handle handle = {};
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
			error = client_resolve(client, values[i], &handle);
			if (!error)
				error = act(&handle, data);
			if (error)
				break;
			++*done;
		}
	}
	if (error && handle.att)
		pool_refuse(handle.att->pool, error);
	client_handle_done(&handle);
	return error;
}

static int free_one(struct client_handle *handle, u32 data)
{
	return client_free(handle);
}

static long free_handles(struct client *client, struct call *call)
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
static void alloc_undo(struct client *client, struct call *call)
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
static long alloc_deliver(struct attachment *att, struct fixedpool_alloc *alloc,
			  u32 reserved)
{
	u64 __user *to = u64_to_user_ptr(alloc->handles);
	u32 indices[POOL_BATCH];
	u64 handles[POOL_BATCH];

	while (reserved) {
		u32 batch = min_t(u32, reserved, POOL_BATCH);

		client_claim(att, indices, handles, batch);
		reserved -= batch;
		if (alloc->flags & FIXEDPOOL_ALLOC_ZERO)
			zero_blocks(att->pool, indices, batch);
		if (copy_to_user(to + alloc->done, handles,
				 batch * sizeof(handles[0]))) {
			client_unclaim(att, indices, handles, batch);
			depot_cancel(&att->pool->depot, reserved);
			return -EFAULT;
		}
		alloc->done += batch;
	}
	return 0;
}

static long alloc_handles(struct client *client, struct call *call)
{
	struct fixedpool_alloc *alloc = &call->argument.alloc;
	struct attachment *att;
	u32 least, reserved;
	long error;

	alloc->done = 0;
	if (!alloc->count || alloc->count > FIXEDPOOL_MAX_BATCH)
		return -EINVAL;
	if (alloc->flags & ~VALID_ALLOC_FLAGS)
		return -EINVAL;
	att = attachment_get_pool(client, alloc->pool);
	if (!att)
		return -ENXIO;
	least = alloc->flags & FIXEDPOOL_ALLOC_PARTIAL ? 1 : alloc->count;
	reserved = pool_reserve(att->pool, least, alloc->count);
	error = reserved ? alloc_deliver(att, alloc, reserved) : -ENOBUFS;
	if (error && alloc->done)
		alloc_undo(client, call);
	attachment_put(att);
	return error;
}

static long check(struct client *client, struct call *call)
{
	struct fixedpool_check *check = &call->argument.check;
	struct client_handle handle = {};
	long error;

	check->state = 0;
	if (check->flags)
		return -EINVAL;
	error = client_resolve(client, check->handle, &handle);
	if (!error)
		check->state = client_check(&handle);
	client_handle_done(&handle);
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
	struct client_handle handle = {};
	u32 block_size;
	void *bytes;
	long error;

	if (what->flags || what->reserved)
		return -EINVAL;
	error = client_resolve(client, what->handle, &handle);
	if (!error)
		error = client_borrow(&handle);
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
	client_return(&handle);
done:
	client_handle_done(&handle);
	return error;
}

static long read_block(struct client *client, struct call *call)
{
	return transfer(client, &call->argument.read, false);
}

static long write_block(struct client *client, struct call *call)
{
	return transfer(client, &call->argument.read, true);
}

static int give_one(struct client_handle *handle, u32 receiver)
{
	return client_give(handle, receiver);
}

static long give_handles(struct client *client, struct call *call)
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

/**
 * struct command - one ioctl
 * @size: bytes of its structure today
 * @size_first: bytes of its structure in the first version of the ABI
 * @answers: something comes out, so the structure is copied back
 * @run: does it
 * @undo: takes it back if the answer cannot be copied out, or NULL where that
 *	changes nothing or cannot be taken back
 */
struct command {
	u16 size;
	u16 size_first;
	bool answers;
	long (*run)(struct client *client, struct call *call);
	void (*undo)(struct client *client, struct call *call);
};

#define COMMAND(ioc, first, out, how, back)			\
	[_IOC_NR(ioc)] = {					\
		.size = _IOC_SIZE(ioc),				\
		.size_first = (first),				\
		.answers = (out),				\
		.run = (how),					\
		.undo = (back),					\
	}

static const struct command commands[] = {
	COMMAND(FIXEDPOOL_IOC_QUERY, 40, true, query, NULL),
	COMMAND(FIXEDPOOL_IOC_POOL_CREATE, 72, true, pool_create,
		pool_create_undo),
	COMMAND(FIXEDPOOL_IOC_POOL_ATTACH, 40, true, pool_attach,
		pool_attach_undo),
	COMMAND(FIXEDPOOL_IOC_POOL_DETACH, 8, false, pool_detach, NULL),
	COMMAND(FIXEDPOOL_IOC_POOL_DESTROY, 40, false, pool_destroy, NULL),
	COMMAND(FIXEDPOOL_IOC_POOL_INFO, 144, true, pool_info, NULL),
	COMMAND(FIXEDPOOL_IOC_ALLOC, 24, true, alloc_handles, alloc_undo),
	COMMAND(FIXEDPOOL_IOC_FREE, 24, true, free_handles, NULL),
	COMMAND(FIXEDPOOL_IOC_CHECK, 16, true, check, NULL),
	COMMAND(FIXEDPOOL_IOC_READ, 32, false, read_block, NULL),
	COMMAND(FIXEDPOOL_IOC_WRITE, 32, false, write_block, NULL),
	COMMAND(FIXEDPOOL_IOC_GIVE, 24, true, give_handles, NULL),
};

/**
 * ioctl_dispatch() - do what a client asks for
 * @client: the client
 * @word: the command word
 * @user: the structure in userspace
 *
 * Context: process; may sleep.
 * Return: 0 or an error that <uapi/linux/fixedpool.h> lists.
 */
long ioctl_dispatch(struct client *client, unsigned int word,
		    void __user *user)
{
	unsigned int number = _IOC_NR(word);
	const struct command *command;
	size_t size = _IOC_SIZE(word);
	struct call call;
	long error;

	if (_IOC_TYPE(word) != FIXEDPOOL_IOC_MAGIC ||
	    number >= ARRAY_SIZE(commands))
		return -ENOTTY;
	command = &commands[array_index_nospec(number, ARRAY_SIZE(commands))];
	if (size < command->size_first)
		return -EINVAL;
	if (size > PAGE_SIZE)
		return -E2BIG;
	error = copy_struct_from_user(&call.argument, command->size, user,
				      size);
	if (error)
		return error;
	call.made = NULL;

	error = command->run(client, &call);

	if (command->answers &&
	    copy_to_user(user, &call.argument,
			 min_t(size_t, size, command->size))) {
		if (!error && command->undo)
			command->undo(client, &call);
		error = -EFAULT;
	}
	attachment_put(call.made);
	return error;
}
