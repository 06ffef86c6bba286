/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is taken and freed in which order, drawn before anything is measured;
 * always the same, so that two runs can be compared.
 */
#ifndef BENCH_ORDER_H
#define BENCH_ORDER_H

#include <linux/types.h>

#define BENCH_LIVE	10000U	/* blocks that are live, or filled and drained */
#define BENCH_PICKS	1000000U

/**
 * struct bench_order - chance, drawn in advance
 * @order: the numbers below BENCH_LIVE, each once
 * @picks: BENCH_PICKS numbers below BENCH_LIVE
 */
struct bench_order {
	u32 *order;
	u32 *picks;
};

int order_init(struct bench_order *order);
void order_free(struct bench_order *order);

#endif /* BENCH_ORDER_H */
