// SPDX-License-Identifier: GPL-2.0
/*
 * NMIs of x86: the local APIC sends them from one CPU to another.
 */

#include <linux/cpu.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/smp.h>

#include <asm/apic.h>
#include <asm/nmi.h>

#include "scenarios/nmi.h"

#define NMI_NAME	"fixedpool_client"

static void (*nmi_function)(void *data);
static void *nmi_data;

/* CPUs that have not handled their NMI yet. A handler clears its bit when its
 * work is done, so that an empty mask says that all work is.
 */
static struct cpumask nmi_pending;

static int handle_nmi(unsigned int cmd, struct pt_regs *regs)
{
	int cpu = raw_smp_processor_id();

	if (!cpumask_test_cpu(cpu, &nmi_pending))
		return NMI_DONE;
	nmi_function(nmi_data);
	return cpumask_test_and_clear_cpu(cpu, &nmi_pending) ? NMI_HANDLED :
							       NMI_DONE;
}

int nmi_begin(void (*function)(void *data), void *data)
{
	if (!apic || !apic->send_IPI_mask)
		return -EOPNOTSUPP;
	nmi_function = function;
	nmi_data = data;
	cpumask_clear(&nmi_pending);
	return register_nmi_handler(NMI_LOCAL, handle_nmi, 0, NMI_NAME);
}

int nmi_send(void)
{
	unsigned int patience_us = 10 * USEC_PER_SEC;

	cpus_read_lock();
	cpumask_copy(&nmi_pending, cpu_online_mask);
	/* The bits are set before any NMI can come to look at them. */
	smp_wmb();
	preempt_disable();
	apic->send_IPI_mask(cpu_online_mask, NMI_VECTOR);
	preempt_enable();
	/* Handlers clear bits meanwhile; they are looked at until none is left. */
	while (!data_race(cpumask_empty(&nmi_pending)) && --patience_us)
		udelay(1);
	/* What the handlers wrote, before their bits, is read after that. */
	smp_rmb();
	cpus_read_unlock();
	return patience_us ? 0 : -ETIMEDOUT;
}

void nmi_end(void)
{
	unregister_nmi_handler(NMI_LOCAL, NMI_NAME);
}
