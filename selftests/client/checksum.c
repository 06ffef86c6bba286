// SPDX-License-Identifier: GPL-2.0
/*
 * What a driver does with a handle that a process gave it: look the block up,
 * use its bytes, let go.
 */

#include <linux/crc32.h>
#include <linux/err.h>
#include <linux/fixedpool.h>

#include "client.h"

int client_crc32(struct client *client, struct fixedpool_client_crc32 *arg)
{
	struct fixedpool *pool;
	u32 block_size;
	void *block;

	if (arg->flags)
		return -EINVAL;
	pool = client_pool(client, arg->pool);
	if (IS_ERR(pool))
		return PTR_ERR(pool);
	block_size = fixedpool_block_size(pool);
	if (arg->offset > block_size || arg->length > block_size - arg->offset)
		return -EMSGSIZE;

	block = fixedpool_lookup(pool, arg->handle);
	if (IS_ERR(block))
		return PTR_ERR(block);
	arg->crc = ~crc32_le(~arg->crc, block + arg->offset, arg->length);
	return fixedpool_free_block(pool, block);
}
