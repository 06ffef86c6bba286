// SPDX-License-Identifier: GPL-2.0
/* Ioctls about the module and about pools. */
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/string.h>

#include "client.h"
#include "crash.h"
#include "ioctl_call.h"
#include "mmap.h"
#include "registry.h"

static bool name_terminated(const char *name)
{
	return strnlen(name, FIXEDPOOL_NAME_SIZE) < FIXEDPOOL_NAME_SIZE;
}

long call_query(struct client *client, struct call *call)
{
	call->argument.query = (struct fixedpool_query) {
		.features = FIXEDPOOL_FEATURE_GIVE | FIXEDPOOL_FEATURE_SHARE |
			    FIXEDPOOL_FEATURE_SCOPES | FIXEDPOOL_FEATURE_WAIT |
			    FIXEDPOOL_FEATURE_SETS |
			    FIXEDPOOL_FEATURE_CHANNELS | FIXEDPOOL_FEATURE_CACHE |
			    FIXEDPOOL_FEATURE_WATCH |
			    FIXEDPOOL_FEATURE_GROW |
			    FIXEDPOOL_FEATURE_HYGIENE |
			    FIXEDPOOL_FEATURE_REVOCABLE |
			    FIXEDPOOL_FEATURE_TRACK |
			    FIXEDPOOL_FEATURE_HOLDS,
		.abi_version = FIXEDPOOL_ABI_VERSION,
		.client = client->id,
		.max_block_size = FIXEDPOOL_MAX_BLOCK_SIZE,
		.max_batch = FIXEDPOOL_MAX_BATCH,
		.max_pools = registry_max_pools(),
		.max_bytes = account_max_bytes(),
	};
	return 0;
}

long call_pool_create(struct client *client, struct call *call)
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
		.max_blocks = create->max_blocks,
	};
	struct attachment *att;

	if (!name_terminated(create->name))
		return -EINVAL;
	/* the kernel's type is narrower than the field */
	if (create->mode > U16_MAX)
		return -EINVAL;
	if (on_node ? create->numa_node < 0 : create->numa_node != 0)
		return -EINVAL;
	att = client_pool_create(client, &params);
	if (IS_ERR(att))
		return PTR_ERR(att);
	crash_watch(client);
	create->id = att->pool->id;
	call->made = att;
	return 0;
}

/* By what was made, not by its number: another thread of the client may have
 * detached it meanwhile, and the number may be that of another pool by now.
 */
void undo_pool_create(struct client *client, struct call *call)
{
	registry_unlink(call->made->pool);
	client_leave(client, call->made);
}

long call_pool_attach(struct client *client, struct call *call)
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
	crash_watch(client);
	attach->id = att->pool->id;
	call->made = att;
	return 0;
}

void undo_pool_attach(struct client *client, struct call *call)
{
	client_leave(client, call->made);
}

long call_pool_detach(struct client *client, struct call *call)
{
	if (call->argument.pool_detach.flags)
		return -EINVAL;
	return client_pool_detach(client, call->argument.pool_detach.id);
}

long call_pool_destroy(struct client *client, struct call *call)
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
		.blocks = pool_blocks(pool),
		.reserve = pool->reserve,
		.storage = pool->which,
		.flags = pool_flags(pool),
		.mode = pool->mode,
		.uid = from_kuid_munged(current_user_ns(), pool->uid),
		.gid = from_kgid_munged(current_user_ns(), pool->gid),
		.numa_node = pool->storage.numa_node,
		.first_slot = pool->hot.first_slot,
		.chunk_blocks = mappable ? geo->chunk_blocks : 0,
		.in_use = pool_in_use(pool),
		.peak = READ_ONCE(pool->peak),
		.clients = READ_ONCE(pool->attached),
		.chunk_size = mappable ? geo->chunk_size : 0,
		.data_offset = mmap_offset(pool, MMAP_DATA),
		.data_length = mmap_length(pool, MMAP_DATA),
		.versions_offset = mmap_offset(pool, MMAP_VERSIONS),
		.versions_length = mmap_length(pool, MMAP_VERSIONS),
		.header_offset = mappable ? mmap_offset(pool, MMAP_HEADER) : 0,
		.header_length = mmap_length(pool, MMAP_HEADER),
		.max_blocks = pool_max_blocks(pool),
		.waiters = READ_ONCE(pool->waiting.count),
		.holds_offset = mappable ? mmap_offset(pool, MMAP_HOLDS) : 0,
		.holds_length = mmap_length(pool, MMAP_HOLDS),
	};
	strscpy(info->name, pool->name, sizeof(info->name));
}

long call_pool_info(struct client *client, struct call *call)
{
	struct attachment *att;

	if (call->argument.pool_info.query_flags)
		return -EINVAL;
	att = client_attachment_of_pool(client, call->argument.pool_info.id);
	if (!att)
		return -ENXIO;
	/* also by a process that has got the descriptor from another */
	crash_watch(client);
	info_fill(&call->argument.pool_info, att->pool);
	attachment_put(att);
	return 0;
}
