// SPDX-License-Identifier: GPL-2.0
/*
 * Stepping with the trap flag: the processor raises a debug exception after
 * each instruction of this task, and not in the interrupts that come between,
 * since these clear the flag on entry. Exact, and it follows every call out of
 * the module. Boot with noreplace-smp, or one processor alone executes no LOCK
 * prefix.
 */

#include <linux/kdebug.h>
#include <linux/notifier.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <asm/debugreg.h>
#include <asm/processor-flags.h>
#include <asm/ptrace.h>

#include "step.h"

#define PREFIX_LOCK	0xf0
#define OPCODE_CLI	0xfa
#define OPCODE_STI	0xfb
#define OPCODE_POPF	0x9d
#define OPCODE_XCHG8	0x86
#define OPCODE_XCHG	0x87
#define OPCODE_ESCAPE	0x0f
#define OPCODE_CMPXCHG16B	0xc7	/* after the escape, with /1 and REX.W */
#define REX_W		0x08

/* Who steps; written by that task alone, on its own CPU. */
static struct task_struct *stepper;
static struct step_counts *counts_now;
/* What follows a sti is executed before the trap, at least by an emulator. */
static const u8 *after_sti;

static bool is_rex(u8 byte)
{
	return (byte & 0xf0) == 0x40;
}

static bool is_prefix(u8 byte)
{
	switch (byte) {
	case PREFIX_LOCK:
	case 0x26: case 0x2e: case 0x36: case 0x3e: case 0x64: case 0x65:
	case 0x66: case 0x67: case 0xf2: case 0xf3:
		return true;
	}
	return is_rex(byte);
}

/* Reads no byte that is not part of the instruction. */
static void count(struct step_counts *counts, const u8 *at)
{
	bool locked = false;
	u8 rex = 0;

	for (; is_prefix(*at); at++) {
		if (*at == PREFIX_LOCK)
			locked = true;
		else if (is_rex(*at))
			rex = *at;
	}
	counts->all++;
	switch (at[0]) {
	case OPCODE_CLI:
	case OPCODE_STI:
	case OPCODE_POPF:
		counts->interrupts++;
		break;
	case OPCODE_XCHG8:
	case OPCODE_XCHG:
		locked |= at[1] >> 6 != 3;	/* not between registers */
		break;
	case OPCODE_ESCAPE:
		if (at[1] == OPCODE_CMPXCHG16B && (at[2] >> 3 & 7) == 1 &&
		    rex & REX_W)
			counts->cmpxchg16b++;
		break;
	}
	counts->locked += locked;
}

static void count_next(const u8 *instruction)
{
	if (after_sti && after_sti != instruction)
		count(counts_now, after_sti);
	after_sti = *instruction == OPCODE_STI ? instruction + 1 : NULL;
	count(counts_now, instruction);
}

static int on_trap(struct notifier_block *block, unsigned long reason,
		   void *data)
{
	const struct die_args *args = data;
	unsigned long *dr6;

	if (reason != DIE_DEBUG || current != stepper || user_mode(args->regs))
		return NOTIFY_DONE;
	dr6 = (unsigned long *)args->err;
	if (!(*dr6 & DR_STEP))
		return NOTIFY_DONE;
	count_next((const u8 *)args->regs->ip);
	return NOTIFY_STOP;
}

static struct notifier_block traps = {
	.notifier_call = on_trap,
	.priority = INT_MAX,
};

static __always_inline void trap_flag_set(void)
{
	asm volatile("pushfq\n\torq %0, (%%rsp)\n\tpopfq"
		     : : "i" (X86_EFLAGS_TF) : "memory", "cc");
}

static __always_inline void trap_flag_clear(void)
{
	asm volatile("pushfq\n\tandq %0, (%%rsp)\n\tpopfq"
		     : : "i" (~X86_EFLAGS_TF) : "memory", "cc");
}

static int nothing(void *data)
{
	return 0;
}

/* Preemption is off, so that the flag stays with this task. */
static int step(int (*function)(void *data), void *data,
		struct step_counts *counts)
{
	int err;

	preempt_disable();
	counts_now = counts;
	after_sti = NULL;
	stepper = current;
	trap_flag_set();
	err = function(data);
	trap_flag_clear();
	stepper = NULL;
	preempt_enable();
	return err;
}

/**
 * step_through - count what a function executes
 * @function: must not sleep
 * @data: its argument
 * @counts: added to
 *
 * Context: Process context; one task at a time.
 * Return: what @function returned
 */
int step_through(int (*function)(void *data), void *data,
		 struct step_counts *counts)
{
	struct step_counts around = {};
	int err;

	step(nothing, NULL, &around);
	err = step(function, data, counts);
	counts->all -= around.all;
	counts->locked -= around.locked;
	counts->cmpxchg16b -= around.cmpxchg16b;
	counts->interrupts -= around.interrupts;
	return err;
}

int step_init(void)
{
	return register_die_notifier(&traps);
}

void step_exit(void)
{
	unregister_die_notifier(&traps);
}
