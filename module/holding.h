/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Holdings: taking blocks for a client, and what its handles are good for.
 */
#ifndef FIXEDPOOL_HOLDING_H
#define FIXEDPOOL_HOLDING_H

#include "client.h"

/**
 * struct holding - a handle that came from a client, looked up
 * @att: attachment to the pool it is of, or NULL; kept from one handle to the
 *	next, since many of a batch are of the same pool
 * @value: the handle
 * @index: the block
 * @version: of the handle
 */
struct holding {
	struct attachment *att;
	u64 value;
	u32 index;
	u32 version;
};

/**
 * struct claim - blocks that are neighbours, newly a client's
 * @word: number of their group of 64 blocks
 * @count: how many
 * @mask: which ones of the group
 * @handles: of them, by rising index
 */
struct claim {
	u32 word;
	unsigned int count;
	unsigned long mask;
	u64 handles[POOL_BATCH];
};

int holding_resolve(struct client *client, u64 value,
		    struct holding *handle);
void holding_refuse(const struct holding *handle, int error);
void holding_done(struct client *client, struct holding *handle);

int holding_claim(struct client *client, struct attachment *att, u32 scope,
		  bool zero, unsigned int want, struct claim *claim);
int holding_claim_one(struct client *client, struct attachment *att, u32 scope,
		      bool zero, u64 *value);
int holding_free(struct client *client, u64 value);
int holding_give(struct holding *handle, u32 receiver);
int holding_take(const struct holding *handle);
int holding_double(const struct holding *handle);
bool holding_accept(struct attachment *att, u32 index);
int holding_share(struct holding *handle, u32 receiver);
int holding_drain(struct holding *handle);
u32 holding_check(const struct holding *handle);
int holding_borrow(struct holding *handle);
void holding_return(struct holding *handle);

#endif /* FIXEDPOOL_HOLDING_H */
