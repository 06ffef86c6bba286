/* SPDX-License-Identifier: GPL-2.0 */
/* Calls about scopes, for the tests that make some; after fixedpool_test.h. */
#ifndef FIXEDPOOL_SCOPES_H
#define FIXEDPOOL_SCOPES_H

static inline int scope_create(int client, __u32 parent, __u32 *scope)
{
	struct fixedpool_scope_create create = { .parent = parent };
	int error = call(client, FIXEDPOOL_IOC_SCOPE_CREATE, &create);

	*scope = create.scope;
	return error;
}

static inline int scope_end(int client, __u32 scope, __u32 flags, __u64 *blocks)
{
	struct fixedpool_scope_release release = {
		.scope = scope,
		.flags = flags,
		.blocks = 0xdddd,
	};
	int error = call(client, FIXEDPOOL_IOC_SCOPE_RELEASE, &release);

	if (blocks)
		*blocks = release.blocks;
	return error;
}

static inline int scope_take(int client, __u32 pool, __u32 scope, __u64 *handles, __u32 count)
{
	struct fixedpool_alloc alloc = {
		.pool = pool,
		.count = count,
		.handles = (uintptr_t)handles,
		.scope = scope,
	};

	return call(client, FIXEDPOOL_IOC_ALLOC, &alloc);
}

#endif /* FIXEDPOOL_SCOPES_H */
