/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Differences between the kernels this driver builds for, and nothing else.
 * Kbuild finds out by compiling a few lines, not by version number.
 */
#ifndef CLIENT_COMPAT_H
#define CLIENT_COMPAT_H

#include <linux/hrtimer.h>
#include <linux/module.h>

#ifdef HAVE_UNQUOTED_NS
#define IMPORT_FIXEDPOOL	MODULE_IMPORT_NS(FIXEDPOOL)
#else
#define IMPORT_FIXEDPOOL	MODULE_IMPORT_NS("FIXEDPOOL")
#endif

#ifndef HAVE_HRTIMER_SETUP
static inline void
hrtimer_setup(struct hrtimer *timer,
	      enum hrtimer_restart (*function)(struct hrtimer *),
	      clockid_t clock, enum hrtimer_mode mode)
{
	hrtimer_init(timer, clock, mode);
	timer->function = function;
}
#endif

#endif /* CLIENT_COMPAT_H */
