// SPDX-License-Identifier: GPL-2.0
/* Compiles where a shrinker is allocated by the kernel. */
#include <linux/shrinker.h>

void probe(void);

void probe(void)
{
	shrinker_free(shrinker_alloc(0, "probe"));
}
