/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which instructions a pair of allocation and free executes that cost more
 * than others.
 */
#ifndef BENCH_EVENTS_H
#define BENCH_EVENTS_H

struct bench_order;
struct bench_subject;

int events_measure(const struct bench_subject *subject,
		   const struct bench_order *order);

#endif /* BENCH_EVENTS_H */
