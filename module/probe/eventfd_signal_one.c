// SPDX-License-Identifier: GPL-2.0
/* Compiles where an eventfd is signalled once, and cannot be more often. */
#include <linux/eventfd.h>

void probe(struct eventfd_ctx *event);

void probe(struct eventfd_ctx *event)
{
	eventfd_signal(event);
}
