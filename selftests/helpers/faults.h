/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The N-th allocation, or copy from or to a process, that this task makes
 * fails; somebody has set which kinds of them count (see reserve.sh).
 */
#ifndef FAULTS_H
#define FAULTS_H

#include "fixedpool_test.h"

static inline int faults_open(void)
{
	return open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
}

static inline void faults_arm(int faults, unsigned int nth)
{
	REQUIRE(dprintf(faults, "%u", nth) > 0);
}

/* Returns whether the fault came. */
static inline bool faults_disarm(int faults)
{
	char text[16] = "";

	REQUIRE(pread(faults, text, sizeof(text) - 1, 0) > 0);
	REQUIRE(pwrite(faults, "0", 1, 0) == 1);
	return atoi(text) == 0;
}

#endif /* FAULTS_H */
