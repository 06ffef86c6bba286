/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What happens to scopes and to the blocks in them, in all pools of a client.
 */
#ifndef FIXEDPOOL_CLIENT_SCOPE_H
#define FIXEDPOOL_CLIENT_SCOPE_H

#include "client.h"

int client_scope_create(struct client *client, u32 parent, u32 *number);
int client_scope_release(struct client *client, u32 number, u64 *released);
int client_scope_dissolve(struct client *client, u32 number, u64 *moved);
int client_scope_put(struct client *client, struct attachment *att, u32 number,
		     u32 word, unsigned long mask);

#endif /* FIXEDPOOL_CLIENT_SCOPE_H */
