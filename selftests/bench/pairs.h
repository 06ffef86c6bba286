/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a pair of allocation and free costs on one CPU.
 */
#ifndef BENCH_PAIRS_H
#define BENCH_PAIRS_H

struct bench_order;
struct bench_subject;

int pairs_measure(const struct bench_subject *subject,
		  const struct bench_order *order);

#endif /* BENCH_PAIRS_H */
