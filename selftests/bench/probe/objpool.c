// SPDX-License-Identifier: GPL-2.0
/* Compiles where there is lib/objpool.c. */
#include <linux/objpool.h>

void *probe(struct objpool_head *pool);

void *probe(struct objpool_head *pool)
{
	return objpool_pop(pool);
}
