/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Executes a function one instruction at a time and looks at each.
 */
#ifndef BENCH_STEP_H
#define BENCH_STEP_H

#include <linux/types.h>

/**
 * struct step_counts - instructions that were executed
 * @all: all of them
 * @locked: with a LOCK prefix, or an exchange with memory, which implies one
 * @cmpxchg16b: compare and exchange of 16 bytes, with or without LOCK
 * @interrupts: cli, sti, and popf, which may do either
 */
struct step_counts {
	u64 all;
	u64 locked;
	u64 cmpxchg16b;
	u64 interrupts;
};

int step_init(void);
void step_exit(void);
int step_through(int (*function)(void *data), void *data,
		 struct step_counts *counts);

#endif /* BENCH_STEP_H */
