// SPDX-License-Identifier: GPL-2.0
/* Ioctls about scopes. */
#include <linux/errno.h>

#include "client_scope.h"
#include "ioctl_call.h"

#define VALID_RELEASE_FLAGS FIXEDPOOL_SCOPE_DISSOLVE

long call_scope_create(struct client *client, struct call *call)
{
	struct fixedpool_scope_create *create = &call->argument.scope_create;

	create->scope = SCOPE_ROOT;
	if (create->flags || create->reserved)
		return -EINVAL;
	return client_scope_create(client, create->parent, &create->scope);
}

/* Nobody has been told the number; who guessed it loses what he put there. */
void undo_scope_create(struct client *client, struct call *call)
{
	u64 released;

	client_scope_release(client, call->argument.scope_create.scope,
			     &released);
}

long call_scope_release(struct client *client, struct call *call)
{
	struct fixedpool_scope_release *release = &call->argument.scope_release;

	release->blocks = 0;
	if (release->flags & ~VALID_RELEASE_FLAGS)
		return -EINVAL;
	if (!(release->flags & FIXEDPOOL_SCOPE_DISSOLVE))
		return client_scope_release(client, release->scope,
					    &release->blocks);
	/* the root has nobody to leave anything to */
	if (release->scope == SCOPE_ROOT)
		return -EINVAL;
	return client_scope_dissolve(client, release->scope, &release->blocks);
}
