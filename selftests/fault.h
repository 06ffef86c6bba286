/* SPDX-License-Identifier: GPL-2.0 */
/* Touching memory that may not be there: what was a signal comes back as a value. */
#ifndef FIXEDPOOL_SELFTESTS_FAULT_H
#define FIXEDPOOL_SELFTESTS_FAULT_H

#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

static __thread sigjmp_buf on_fault;
static __thread void *volatile fault_address;

static inline void fault(int signal, siginfo_t *info, void *context)
{
	fault_address = info->si_addr;
	siglongjmp(on_fault, 1);
}

/* Before the first peek() or poke(); returns whether faults are caught. */
static inline bool faults_catch(void)
{
	struct sigaction action = { .sa_sigaction = fault, .sa_flags = SA_SIGINFO };

	return sigaction(SIGBUS, &action, NULL) == 0;
}

/* The byte at an address; -1 if there is SIGBUS instead, -2 if that is elsewhere. */
static inline int peek(const void *address)
{
	const volatile unsigned char *byte = address;

	if (sigsetjmp(on_fault, 1))
		return fault_address == address ? -1 : -2;
	return *byte;
}

/* As peek(), of the byte that it writes. */
static inline int poke(void *address, unsigned char value)
{
	volatile unsigned char *byte = address;

	if (sigsetjmp(on_fault, 1))
		return fault_address == address ? -1 : -2;
	*byte = value;
	return value;
}

#endif /* FIXEDPOOL_SELFTESTS_FAULT_H */
