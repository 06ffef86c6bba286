// SPDX-License-Identifier: GPL-2.0
/*
 * The least that can be done by hand: a stack of pointers for each CPU, which
 * checks nothing and does not share. With preemption off it serves processes
 * only, with interrupts off interrupts as well, and NMIs never.
 */

#include <linux/err.h>
#include <linux/percpu.h>
#include <linux/preempt.h>
#include <linux/slab.h>

#include "subject.h"

struct array {
	unsigned int count;
	u64 *blocks;
};

static __always_inline u64 pop(struct array *array)
{
	return array->count ? array->blocks[--array->count] : 0;
}

static __always_inline void push(struct array *array, u64 token)
{
	array->blocks[array->count++] = token;
}

static __always_inline u64 take(void *pool)
{
	u64 token;

	preempt_disable();
	token = pop(this_cpu_ptr((__force struct array __percpu *)pool));
	preempt_enable();
	return token;
}

static __always_inline void give(void *pool, u64 token)
{
	preempt_disable();
	push(this_cpu_ptr((__force struct array __percpu *)pool), token);
	preempt_enable();
}

static __always_inline u64 take_irqsave(void *pool)
{
	unsigned long flags;
	u64 token;

	local_irq_save(flags);
	token = pop(this_cpu_ptr((__force struct array __percpu *)pool));
	local_irq_restore(flags);
	return token;
}

static __always_inline void give_irqsave(void *pool, u64 token)
{
	unsigned long flags;

	local_irq_save(flags);
	push(this_cpu_ptr((__force struct array __percpu *)pool), token);
	local_irq_restore(flags);
}

BENCH_LOOPS(array, take, take, give)
BENCH_LOOPS(irqsave, take_irqsave, take_irqsave, give_irqsave)

static const struct bench_loops array_loops = {
	BENCH_LOOPS_OF(array),
};

static const struct bench_loops irqsave_loops = {
	BENCH_LOOPS_OF(irqsave),
};

static void destroy(void *pool)
{
	struct array __percpu *arrays = (__force struct array __percpu *)pool;
	int cpu;

	for_each_possible_cpu(cpu)
		kvfree(per_cpu_ptr(arrays, cpu)->blocks);
	free_percpu(arrays);
}

/* Tokens that lead nowhere: nobody looks into the blocks. */
static void *create(const struct bench_subject *subject, u32 blocks)
{
	struct array __percpu *arrays = alloc_percpu(struct array);
	struct array *array;
	int cpu;
	u32 i;

	if (!arrays)
		return ERR_PTR(-ENOMEM);
	for_each_possible_cpu(cpu) {
		array = per_cpu_ptr(arrays, cpu);
		array->blocks = kvmalloc_array(blocks, sizeof(u64), GFP_KERNEL);
		if (!array->blocks) {
			destroy((__force void *)arrays);
			return ERR_PTR(-ENOMEM);
		}
		for (i = 0; i < blocks; i++)
			push(array, (u64)(i + 1) * subject->block_size);
	}
	return (__force void *)arrays;
}

const struct bench_subject bench_subject_array_64 = {
	.name = "array-64",
	.block_size = 64,
	.create = create,
	.destroy = destroy,
	.loops = &array_loops,
};

const struct bench_subject bench_subject_array_irqsave_64 = {
	.name = "array_irqsave-64",
	.block_size = 64,
	.create = create,
	.destroy = destroy,
	.loops = &irqsave_loops,
};
