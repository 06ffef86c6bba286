/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The sets that a client has opened.
 *
 * A set gives a client nothing that its pools do not: a client opens a set only
 * while it is attached to all of its pools, and takes only blocks of pools that
 * it is still attached to.
 */
#ifndef FIXEDPOOL_CLIENT_SET_H
#define FIXEDPOOL_CLIENT_SET_H

#include "client.h"
#include "set.h"

int client_set_create(struct client *client, const char *name, const u32 *ids,
		      unsigned int count, u32 *id);
int client_set_open(struct client *client, const char *name, u32 *id);
int client_set_leave(struct client *client, u32 id);
struct fixedpool_set *client_set(struct client *client, u32 id);

#endif /* FIXEDPOOL_CLIENT_SET_H */
