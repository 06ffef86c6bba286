/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What can be measured: something that gives blocks out and takes them back,
 * and the loops around it. The loops are generated for each, so that no
 * indirect call stands between a loop and what it measures.
 */
#ifndef BENCH_SUBJECT_H
#define BENCH_SUBJECT_H

#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/irqflags.h>
#include <linux/minmax.h>
#include <linux/types.h>
#include <asm/msr.h>

/**
 * struct bench_worst - the dearest single operations seen
 * @taking: of those that took a block
 * @freeing: of those that gave one back
 */
struct bench_worst {
	u64 taking;
	u64 freeing;
};

/* What began at @start has ended: was it the dearest? */
static inline void bench_dearer(u64 *worst, u64 start)
{
	*worst = max(*worst, rdtsc_ordered() - start);
}

/**
 * struct bench_loops - the patterns; a block is a token, which is never zero
 * @tight: takes a block and gives it back, @pairs times
 * @fill: takes @count blocks into @tokens
 * @drain: gives back the tokens in the order of @order
 * @churn: for each pick gives that token back and takes another in its place
 * @walk: for each pick takes a block if the token is zero, else gives it back;
 *	times every operation, with interrupts off
 * @bulk: as @tight, with many blocks in one call, for a multiple of 64
 *
 * Each returns 0, or -ENOBUFS if there was no block. What a subject cannot do
 * is NULL.
 */
struct bench_loops {
	int (*tight)(void *pool, unsigned int pairs);
	int (*fill)(void *pool, u64 *tokens, unsigned int count);
	int (*drain)(void *pool, u64 *tokens, const u32 *order,
		     unsigned int count);
	int (*churn)(void *pool, u64 *tokens, const u32 *picks,
		     unsigned int count);
	int (*walk)(void *pool, u64 *tokens, const u32 *picks,
		    unsigned int count, struct bench_worst *worst);
	int (*bulk)(void *pool, unsigned int pairs);
};

/**
 * struct bench_subject - something to be measured
 * @name: as in the report
 * @block_size: bytes
 * @kind: storage, where there are several; else zero
 * @bulk_name: name of the row of the loop @bulk
 * @create: a pool of at least @blocks blocks, or an ERR_PTR(); -EOPNOTSUPP:
 *	this kernel has no such thing
 * @destroy: its end; every block has been given back
 * @in_use: blocks that have not been given back; NULL: nobody knows
 * @loops: the patterns
 */
struct bench_subject {
	const char *name;
	u32 block_size;
	u32 kind;
	const char *bulk_name;
	void *(*create)(const struct bench_subject *subject, u32 blocks);
	void (*destroy)(void *pool);
	u32 (*in_use)(void *pool);
	const struct bench_loops *loops;
};

extern const struct bench_subject bench_subject_pages_64;
extern const struct bench_subject bench_subject_slab_64;
extern const struct bench_subject bench_subject_pages_4096;
extern const struct bench_subject bench_subject_slab_4096;
extern const struct bench_subject bench_subject_kmem_cache_64;
extern const struct bench_subject bench_subject_kmem_cache_4096;
extern const struct bench_subject bench_subject_mempool_64;
extern const struct bench_subject bench_subject_objpool_64;
extern const struct bench_subject bench_subject_array_64;
extern const struct bench_subject bench_subject_array_irqsave_64;
extern const struct bench_subject bench_subject_loop;

/**
 * BENCH_LOOPS - define the loops @prefix_tight to @prefix_walk
 * @prefix: what their names begin with
 * @take: u64 take(void *pool), always inline: a token, or zero
 * @take_atomic: the same with interrupts off
 * @give: void give(void *pool, u64 token), always inline
 *
 * What the loops themselves cost is part of what is measured; the subject
 * "loop" has nothing else.
 */
#define BENCH_LOOPS(prefix, take, take_atomic, give)			\
static int prefix##_tight(void *pool, unsigned int pairs)		\
{									\
	u64 token;							\
									\
	while (pairs--) {						\
		token = take(pool);					\
		if (unlikely(!token))					\
			return -ENOBUFS;				\
		give(pool, token);					\
	}								\
	return 0;							\
}									\
									\
static int prefix##_fill(void *pool, u64 *tokens, unsigned int count)	\
{									\
	unsigned int i;							\
									\
	for (i = 0; i < count; i++) {					\
		tokens[i] = take(pool);					\
		if (unlikely(!tokens[i]))				\
			return -ENOBUFS;				\
	}								\
	return 0;							\
}									\
									\
static int prefix##_drain(void *pool, u64 *tokens, const u32 *order,	\
			  unsigned int count)				\
{									\
	unsigned int i;							\
									\
	for (i = 0; i < count; i++)					\
		give(pool, tokens[order[i]]);				\
	return 0;							\
}									\
									\
static int prefix##_churn(void *pool, u64 *tokens, const u32 *picks,	\
			  unsigned int count)				\
{									\
	unsigned int i;							\
	u64 *token;							\
									\
	for (i = 0; i < count; i++) {					\
		token = &tokens[picks[i]];				\
		give(pool, *token);					\
		*token = take(pool);					\
		if (unlikely(!*token))					\
			return -ENOBUFS;				\
	}								\
	return 0;							\
}									\
									\
static int prefix##_walk(void *pool, u64 *tokens, const u32 *picks,	\
			 unsigned int count, struct bench_worst *worst)	\
{									\
	unsigned int i;							\
	u64 *token, start;						\
									\
	for (i = 0; i < count; i++) {					\
		token = &tokens[picks[i]];				\
		local_irq_disable();					\
		start = rdtsc_ordered();				\
		if (*token) {						\
			give(pool, *token);				\
			bench_dearer(&worst->freeing, start);		\
			local_irq_enable();				\
			*token = 0;					\
			continue;					\
		}							\
		*token = take_atomic(pool);				\
		bench_dearer(&worst->taking, start);		\
		local_irq_enable();					\
		if (unlikely(!*token))					\
			return -ENOBUFS;				\
	}								\
	return 0;							\
}

/* The members of a struct bench_loops that BENCH_LOOPS() has defined. */
#define BENCH_LOOPS_OF(prefix)						\
	.tight = prefix##_tight,					\
	.fill = prefix##_fill,						\
	.drain = prefix##_drain,					\
	.churn = prefix##_churn,					\
	.walk = prefix##_walk

#endif /* BENCH_SUBJECT_H */
