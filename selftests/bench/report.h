/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What was measured, for whoever reads /proc/fixedpool_bench.
 */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include <linux/types.h>

int report_init(void);
void report_exit(void);
void report_forget(void);
int report_row(const char *subject, const char *measure, u64 thousandths);
int report_skip(const char *subject, const char *reason);

#endif /* BENCH_REPORT_H */
