// SPDX-License-Identifier: GPL-2.0
/* Whole groups of 64 blocks; see group.h. */
#include "group.h"

/**
 * group_latest_version() - the version that is ahead of all others of a group
 * @pool: the pool
 * @word: number of the group, whose blocks are the caller's alone
 *
 * As long as they are less than 2^31 apart. Where they are not, a block of it
 * repeats versions earlier.
 *
 * Context: any.
 * Return: the version.
 */
u32 group_latest_version(const struct fixedpool *pool, u32 word)
{
	u32 index = word * POOL_BATCH;
	u32 latest = pool_version(pool, index);
	unsigned int i;

	for (i = 1; i < POOL_BATCH; i++) {
		u32 version = pool_version(pool, index + i);

		if ((s32)(version - latest) > 0)
			latest = version;
	}
	return latest;
}
