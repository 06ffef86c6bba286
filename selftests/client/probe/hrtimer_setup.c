// SPDX-License-Identifier: GPL-2.0
/* Compiles where a timer and its function are set up in one call. */
#include <linux/hrtimer.h>

void probe(struct hrtimer *timer);

void probe(struct hrtimer *timer)
{
	hrtimer_setup(timer, NULL, CLOCK_MONOTONIC, HRTIMER_MODE_REL_HARD);
}
