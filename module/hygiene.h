/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Hygiene: what becomes of a block's bytes when it is taken and when it ends.
 *
 *   ZERO_ON_ALLOC   zeroes when taken
 *   ZERO_ON_FREE    zeroes when it ends
 *   POISON          a pattern when it ends, and a look whether it is still there
 *		     when it is taken
 *
 * Whoever calls this owns the block alone, as far as the pool knows; those who
 * have mapped it and write where they should not are what POISON is about.
 */
#ifndef FIXEDPOOL_HYGIENE_H
#define FIXEDPOOL_HYGIENE_H

#include <linux/build_bug.h>
#include <linux/limits.h>
#include <linux/poison.h>
#include <linux/types.h>
#include <uapi/linux/fixedpool.h>

#define HYGIENE_FLAGS							\
	(FIXEDPOOL_POOL_ZERO_ON_ALLOC | FIXEDPOOL_POOL_ZERO_ON_FREE |	\
	 FIXEDPOOL_POOL_POISON)

/* No byte is wrong. No block is that large. */
#define HYGIENE_CLEAN	U32_MAX

static_assert(FIXEDPOOL_POISON == POISON_FREE);

int hygiene_check(u32 flags);
u32 hygiene_taken(void *block, u32 size, u32 flags);
void hygiene_ended(void *block, u32 size, u32 flags);

#endif /* FIXEDPOOL_HYGIENE_H */
