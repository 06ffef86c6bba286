// SPDX-License-Identifier: GPL-2.0
/* Zeroes and poison; see hygiene.h. */
#include "hygiene.h"

#include <linux/errno.h>
#include <linux/string.h>

/**
 * hygiene_check() - do flags go together
 * @flags: FIXEDPOOL_POOL_*
 *
 * Return: 0; -EINVAL if a block that has ended would have to be zeroes and
 * poison at the same time.
 */
int hygiene_check(u32 flags)
{
	const u32 both = FIXEDPOOL_POOL_ZERO_ON_FREE | FIXEDPOOL_POOL_POISON;

	return (flags & both) == both ? -EINVAL : 0;
}

/**
 * hygiene_taken() - a block is about to be handed out
 * @block: its first byte
 * @size: its bytes
 * @flags: FIXEDPOOL_POOL_* of its pool
 *
 * What has been written into it since it ended is gone afterwards.
 *
 * Context: any, NMI included; O(@size).
 * Return: offset of the first byte that was written since, as far as that can
 * be seen; HYGIENE_CLEAN if there is none.
 */
u32 hygiene_taken(void *block, u32 size, u32 flags)
{
	u32 offset = HYGIENE_CLEAN;

	if (flags & FIXEDPOOL_POOL_POISON) {
		const void *wrong = memchr_inv(block, POISON_FREE, size);

		if (wrong) {
			offset = wrong - block;
			memset(block, POISON_FREE, size);
		}
	}
	if (flags & FIXEDPOOL_POOL_ZERO_ON_ALLOC)
		memset(block, 0, size);
	return offset;
}

/**
 * hygiene_ended() - nobody uses a block any more
 * @block: its first byte
 * @size: its bytes
 * @flags: FIXEDPOOL_POOL_* of its pool
 *
 * Also for blocks that are new: they are zero.
 *
 * Context: any, NMI included; O(@size).
 */
void hygiene_ended(void *block, u32 size, u32 flags)
{
	if (flags & FIXEDPOOL_POOL_POISON)
		memset(block, POISON_FREE, size);
	else if (flags & FIXEDPOOL_POOL_ZERO_ON_FREE)
		memset(block, 0, size);
}
