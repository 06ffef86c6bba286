/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a pair costs when two CPUs use the same pool.
 */
#ifndef BENCH_CPUS_H
#define BENCH_CPUS_H

struct bench_order;
struct bench_subject;

int cpus_measure(const struct bench_subject *subject,
		 const struct bench_order *order);

#endif /* BENCH_CPUS_H */
