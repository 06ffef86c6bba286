/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Holdings, many at a time: what holding.h does for one handle.
 */
#ifndef FIXEDPOOL_HOLDING_BATCH_H
#define FIXEDPOOL_HOLDING_BATCH_H

#include "holding.h"

int holding_free_batch(struct client *client, const u64 *values,
		       unsigned int count, struct holding *handle, u32 *done);
void holding_unclaim(struct client *client, const u64 *handles,
		     unsigned int count);
unsigned int holding_take_batch(struct attachment *att, const u64 *values,
				unsigned int count, int *error);
u64 holding_accept_batch(struct attachment *att, const u64 *values,
			 unsigned int count);
bool holding_unaccept(struct attachment *att, u64 value, bool doubled);

#endif /* FIXEDPOOL_HOLDING_BATCH_H */
