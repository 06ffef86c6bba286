/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A source of non-maskable interrupts, one user at a time.
 */
#ifndef SCENARIOS_NMI_H
#define SCENARIOS_NMI_H

#include <linux/errno.h>

#ifdef CONFIG_X86_LOCAL_APIC
/**
 * nmi_begin - name the function that nmi_send() runs
 * @function: runs in NMI
 * @data: its argument
 *
 * Return: 0, or -EOPNOTSUPP where no NMI can be sent
 */
int nmi_begin(void (*function)(void *data), void *data);

/**
 * nmi_send - send one NMI to each CPU, and wait until all have been handled
 *
 * Context: may sleep.
 * Return: 0, or -ETIMEDOUT
 */
int nmi_send(void);

/** nmi_end - no NMIs any more; undoes nmi_begin() */
void nmi_end(void);
#else
static inline int nmi_begin(void (*function)(void *data), void *data)
{
	return -EOPNOTSUPP;
}

static inline int nmi_send(void)
{
	return -EOPNOTSUPP;
}

static inline void nmi_end(void)
{
}
#endif

#endif /* SCENARIOS_NMI_H */
