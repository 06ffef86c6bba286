// SPDX-License-Identifier: GPL-2.0
/* Orders, drawn in advance. */

#include <linux/errno.h>
#include <linux/minmax.h>
#include <linux/prandom.h>
#include <linux/slab.h>

#include "order.h"

#define SEED	20240101U

/**
 * order_init - draw
 * @order: where to
 *
 * Return: 0 or -ENOMEM
 */
int order_init(struct bench_order *order)
{
	struct rnd_state state;
	u32 i, j;

	order->order = kvmalloc_array(BENCH_LIVE, sizeof(u32), GFP_KERNEL);
	order->picks = kvmalloc_array(BENCH_PICKS, sizeof(u32), GFP_KERNEL);
	if (!order->order || !order->picks) {
		order_free(order);
		return -ENOMEM;
	}

	prandom_seed_state(&state, SEED);
	for (i = 0; i < BENCH_LIVE; i++)
		order->order[i] = i;
	for (i = BENCH_LIVE - 1; i > 0; i--) {
		j = prandom_u32_state(&state) % (i + 1);
		swap(order->order[i], order->order[j]);
	}
	for (i = 0; i < BENCH_PICKS; i++)
		order->picks[i] = prandom_u32_state(&state) % BENCH_LIVE;
	return 0;
}

void order_free(struct bench_order *order)
{
	kvfree(order->order);
	kvfree(order->picks);
}
