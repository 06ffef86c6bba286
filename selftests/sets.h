/* SPDX-License-Identifier: GPL-2.0 */
/* Calls about sets, for the tests that make some; after fixedpool_test.h. */
#ifndef FIXEDPOOL_SETS_H
#define FIXEDPOOL_SETS_H

static inline int set_create(int client, const char *name, const __u32 *pools, __u32 count,
			     __u32 *id)
{
	struct fixedpool_set_create create = {
		.pools = (uintptr_t)pools,
		.count = count,
	};
	int error;

	name_set(create.name, name);
	error = call(client, FIXEDPOOL_IOC_SET_CREATE, &create);
	*id = create.id;
	return error;
}

static inline int set_open(int client, const char *name, __u32 *id)
{
	return set_create(client, name, NULL, 0, id);
}

static inline int set_leave(int client, __u32 id)
{
	struct fixedpool_set_destroy destroy = { .id = id };

	return call(client, FIXEDPOOL_IOC_SET_DESTROY, &destroy);
}

static inline int set_destroy(int client, const char *name)
{
	struct fixedpool_set_destroy destroy = {};

	name_set(destroy.name, name);
	return call(client, FIXEDPOOL_IOC_SET_DESTROY, &destroy);
}

static inline int sized_take(int client, __u32 set, __u32 size, __u64 *handles, __u32 count,
			     __u32 flags, __u32 *done)
{
	struct fixedpool_alloc alloc = {
		.pool = set,
		.flags = flags | FIXEDPOOL_ALLOC_BY_SIZE,
		.count = count,
		.done = 0xdddddddd,
		.handles = (uintptr_t)handles,
		.size = size,
	};
	int error = call(client, FIXEDPOOL_IOC_ALLOC, &alloc);

	if (done)
		*done = alloc.done;
	return error;
}

#endif /* FIXEDPOOL_SETS_H */
