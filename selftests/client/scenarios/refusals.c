// SPDX-License-Identifier: GPL-2.0
/*
 * Scenarios: parameters of which fixedpool_create() makes no pool. In each
 * case everything is good but one.
 */

#include <linux/err.h>
#include <linux/limits.h>
#include <linux/mm.h>
#include <linux/nodemask.h>

#include "scenarios/scenario.h"

/* What fixedpool_create() says; a pool that it makes is destroyed again. */
static int create_error(const struct fixedpool_params *params)
{
	struct fixedpool *pool = fixedpool_create(params);

	if (IS_ERR(pool))
		return PTR_ERR(pool);
	fixedpool_destroy(pool);
	return 0;
}

/* EXPECT_CREATE - check what becomes of a pool with one parameter set */
#define EXPECT_CREATE(s, member, value, error) do {			\
	struct fixedpool_params params =				\
		FIXEDPOOL_PARAMS("scenario", 64, 4);			\
									\
	params.member = (value);					\
	expect_create(s, &params, error, __LINE__, #member " = " #value); \
} while (0)

static void expect_create(struct scenario *s, struct fixedpool_params *params,
			  int error, int line, const char *what)
{
	if (!params->storage)
		params->storage = s->storage;
	scenario_expect_equal(s, create_error(params), error, __FILE__, line,
			      what);
}

void a_bad_name_is_refused(struct scenario *s)
{
	EXPECT_CREATE(s, name, "", -EINVAL);
	EXPECT_CREATE(s, name, ".hidden", -EINVAL);
	EXPECT_CREATE(s, name, ".", -EINVAL);
	EXPECT_CREATE(s, name, "a/b", -EINVAL);
	EXPECT_CREATE(s, name, "a b", -EINVAL);
	EXPECT_CREATE(s, name, "a:b", -EINVAL);
	EXPECT_CREATE(s, name, "a\n", -EINVAL);
	EXPECT_CREATE(s, name, "a\xe4", -EINVAL);
	EXPECT_CREATE(s, name, "a%s", -EINVAL);
	EXPECT_CREATE(s, name, "0123456789abcdef0123456789abcdef", -EINVAL);

	EXPECT_CREATE(s, name, "0123456789abcdef0123456789abcde", 0);
	EXPECT_CREATE(s, name, "-", 0);
	EXPECT_CREATE(s, name, "A-z_0.9", 0);
}

void a_bad_block_size_is_refused(struct scenario *s)
{
	EXPECT_CREATE(s, block_size, 0, -EINVAL);
	EXPECT_CREATE(s, block_size, FIXEDPOOL_MAX_BLOCK_SIZE + 1, -EINVAL);
	EXPECT_CREATE(s, block_size, U32_MAX, -EINVAL);

	EXPECT_CREATE(s, block_size, 1, 0);
}

void a_bad_alignment_is_refused(struct scenario *s)
{
	EXPECT_CREATE(s, align, 3, -EINVAL);
	EXPECT_CREATE(s, align, 48, -EINVAL);
	EXPECT_CREATE(s, align, PAGE_SIZE * 2, -EINVAL);
	EXPECT_CREATE(s, align, 1U << 31, -EINVAL);
	EXPECT_CREATE(s, align, U32_MAX, -EINVAL);

	EXPECT_CREATE(s, align, 0, 0);
	EXPECT_CREATE(s, align, 1, 0);
	EXPECT_CREATE(s, align, PAGE_SIZE, 0);
}

void a_bad_number_of_blocks_is_refused(struct scenario *s)
{
	EXPECT_CREATE(s, blocks, 0, -EINVAL);
	EXPECT_CREATE(s, blocks, U32_MAX, -EOVERFLOW);

	EXPECT_CREATE(s, blocks, 1, 0);
}

void a_bad_reserve_is_refused(struct scenario *s)
{
	EXPECT_CREATE(s, reserve, 5, -EINVAL);
	EXPECT_CREATE(s, reserve, U32_MAX, -EINVAL);

	EXPECT_CREATE(s, reserve, 0, 0);
	EXPECT_CREATE(s, reserve, 1, 0);
	EXPECT_CREATE(s, reserve, 4, 0);
}

void a_bad_largest_number_of_blocks_is_refused(struct scenario *s)
{
	EXPECT_CREATE(s, max_blocks, 1, -EINVAL);
	EXPECT_CREATE(s, max_blocks, 3, -EINVAL);
	EXPECT_CREATE(s, max_blocks, U32_MAX, -EOVERFLOW);

	EXPECT_CREATE(s, max_blocks, 4, 0);
	EXPECT_CREATE(s, max_blocks, 5, 0);
}

void a_bad_storage_is_refused(struct scenario *s)
{
	EXPECT_CREATE(s, storage, (enum fixedpool_storage)2, -EINVAL);
	EXPECT_CREATE(s, storage, (enum fixedpool_storage)U32_MAX, -EINVAL);
}

void a_bad_flag_is_refused(struct scenario *s)
{
	EXPECT_CREATE(s, flags, 1U << 8, -EINVAL);
	EXPECT_CREATE(s, flags, 1U << 31, -EINVAL);
}

void a_bad_mode_is_refused(struct scenario *s)
{
	EXPECT_CREATE(s, mode, 0100, -EINVAL);
	EXPECT_CREATE(s, mode, 0601, -EINVAL);
	EXPECT_CREATE(s, mode, 01600, -EINVAL);
	EXPECT_CREATE(s, mode, 04600, -EINVAL);

	EXPECT_CREATE(s, mode, 0, 0);
	EXPECT_CREATE(s, mode, 0666, 0);
}

void a_bad_node_is_refused(struct scenario *s)
{
	EXPECT_CREATE(s, numa_node, -2, -EINVAL);
	EXPECT_CREATE(s, numa_node, MAX_NUMNODES, -EINVAL);
	EXPECT_CREATE(s, numa_node, INT_MAX, -EINVAL);
	EXPECT_CREATE(s, numa_node, INT_MIN, -EINVAL);

	EXPECT_CREATE(s, numa_node, first_online_node, 0);
}
