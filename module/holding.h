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
 * @index: the block
 * @version: of the handle
 */
struct holding {
	struct attachment *att;
	u32 index;
	u32 version;
};

int holding_resolve(struct client *client, u64 value,
		    struct holding *handle);
void holding_done(struct holding *handle);

void holding_claim(struct attachment *att, u32 *indices, u64 *handles,
		   unsigned int count);
void holding_unclaim(struct attachment *att, const u32 *indices,
		     const u64 *handles, unsigned int count);
int holding_free(struct holding *handle);
int holding_give(struct holding *handle, u32 receiver);
int holding_take(struct holding *handle);
void holding_accept(struct attachment *att, u32 index);
u32 holding_check(const struct holding *handle);
int holding_borrow(struct holding *handle);
void holding_return(struct holding *handle);

#endif /* FIXEDPOOL_HOLDING_H */
