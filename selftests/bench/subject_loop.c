// SPDX-License-Identifier: GPL-2.0
/*
 * Nothing at all: what the loops cost.
 */

#include "subject.h"

static __always_inline u64 take(void *pool)
{
	u64 token = 1;

	OPTIMIZER_HIDE_VAR(token);
	return token;
}

static __always_inline void give(void *pool, u64 token)
{
	OPTIMIZER_HIDE_VAR(token);
}

BENCH_LOOPS(loop, take, take, give)

static const struct bench_loops loops = {
	BENCH_LOOPS_OF(loop),
};

static void *create(const struct bench_subject *subject, u32 blocks)
{
	return (void *)subject;
}

static void destroy(void *pool)
{
}

const struct bench_subject bench_subject_loop = {
	.name = "loop",
	.create = create,
	.destroy = destroy,
	.loops = &loops,
};
