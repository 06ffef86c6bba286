// SPDX-License-Identifier: GPL-2.0
/*
 * Scenarios: which handles are good for what. Every handle that is refused is
 * offered to each function that takes one.
 */

#include <linux/err.h>
#include <linux/limits.h>

#include "scenarios/scenario.h"

static int lookup_error(struct fixedpool *pool, u64 handle)
{
	void *block = fixedpool_lookup(pool, handle);

	if (IS_ERR(block))
		return PTR_ERR(block);
	return block ? 0 : -EFAULT;
}

/* EXPECT_REFUSED - check what free and lookup say, and that nothing changes */
#define EXPECT_REFUSED(s, pool, handle, free_says, lookup_says) \
	expect_refused(s, pool, handle, free_says, lookup_says, __LINE__)

static void expect_refused(struct scenario *s, struct fixedpool *pool,
			   u64 handle, int free_says, int lookup_says, int line)
{
	u32 before = fixedpool_in_use(pool);

	scenario_expect_equal(s, fixedpool_free(pool, handle), free_says,
			      __FILE__, line, "free");
	scenario_expect_equal(s, lookup_error(pool, handle), lookup_says,
			      __FILE__, line, "lookup");
	scenario_expect(s, !fixedpool_pointer(pool, handle),
			__FILE__, line, "no pointer");
	scenario_expect_equal(s, fixedpool_in_use(pool), before,
			      __FILE__, line, "in_use");
}

/* One block: whatever is allocated is that block. */
static struct fixedpool *one_block(struct scenario *s, const char *name)
{
	return scenario_pool(s, name, 64, 1);
}

void a_handle_says_version_and_slot(struct scenario *s)
{
	struct fixedpool *pool = one_block(s, "scenario");
	u64 first = 0, second = 0;

	if (!pool)
		return;
	EXPECT(s, fixedpool_alloc(pool, &first));
	EXPECT_EQ(s, fixedpool_free(pool, first), 0);
	EXPECT(s, fixedpool_alloc(pool, &second));
	EXPECT_EQ(s, fixedpool_free(pool, second), 0);

	EXPECT(s, FIXEDPOOL_HANDLE_VERSION(first) & 1);
	EXPECT_EQ(s, FIXEDPOOL_HANDLE_VERSION(second),
		  FIXEDPOOL_HANDLE_VERSION(first) + 2);
	EXPECT_EQ(s, FIXEDPOOL_HANDLE_SLOT(second),
		  FIXEDPOOL_HANDLE_SLOT(first));
	scenario_pool_end(s, pool);
}

void a_stale_handle_is_refused(struct scenario *s)
{
	struct fixedpool *pool = one_block(s, "scenario");
	u64 old = 0, now = 0;

	if (!pool)
		return;
	EXPECT(s, fixedpool_alloc(pool, &old));
	EXPECT_EQ(s, fixedpool_free(pool, old), 0);
	EXPECT(s, fixedpool_alloc(pool, &now));

	EXPECT_REFUSED(s, pool, old, -ESTALE, -ESTALE);
	EXPECT_EQ(s, fixedpool_free(pool, now), 0);
	EXPECT_REFUSED(s, pool, old, -ESTALE, -ESTALE);
	scenario_pool_end(s, pool);
}

void a_double_free_is_refused(struct scenario *s)
{
	struct fixedpool *pool = one_block(s, "scenario");
	u64 handle = 0;

	if (!pool)
		return;
	EXPECT(s, fixedpool_alloc(pool, &handle));
	EXPECT_EQ(s, fixedpool_free(pool, handle), 0);

	EXPECT_REFUSED(s, pool, handle, -EALREADY, -ESTALE);
	EXPECT(s, fixedpool_alloc(pool, &handle));
	EXPECT(s, !fixedpool_alloc(pool, &handle));
	EXPECT_EQ(s, fixedpool_free(pool, handle), 0);
	scenario_pool_end(s, pool);
}

void a_forged_handle_is_refused(struct scenario *s)
{
	struct fixedpool *pool = one_block(s, "scenario");
	u64 handle = 0;
	u32 slot, version;

	if (!pool)
		return;
	EXPECT(s, fixedpool_alloc(pool, &handle));
	slot = FIXEDPOOL_HANDLE_SLOT(handle);
	version = FIXEDPOOL_HANDLE_VERSION(handle);

	EXPECT_REFUSED(s, pool, 0, -EINVAL, -EINVAL);
	EXPECT_REFUSED(s, pool, FIXEDPOOL_HANDLE(0, slot), -EINVAL, -EINVAL);
	EXPECT_REFUSED(s, pool, FIXEDPOOL_HANDLE(version + 1, slot),
		       -EINVAL, -EINVAL);
	/* Odd, but no allocation has had it yet. */
	EXPECT_REFUSED(s, pool, FIXEDPOOL_HANDLE(version + 2, slot),
		       -ESTALE, -ESTALE);
	EXPECT_EQ(s, fixedpool_free(pool, handle), 0);
	scenario_pool_end(s, pool);
}

void a_handle_of_another_pool_is_refused(struct scenario *s)
{
	struct fixedpool *pool = one_block(s, "scenario");
	struct fixedpool *other = one_block(s, "scenario-other");
	u64 ours = 0, theirs = 0;

	if (pool && other) {
		EXPECT(s, fixedpool_alloc(pool, &ours));
		EXPECT(s, fixedpool_alloc(other, &theirs));
		EXPECT_REFUSED(s, pool, theirs, -ENXIO, -ENXIO);
		EXPECT_REFUSED(s, other, ours, -ENXIO, -ENXIO);
		EXPECT_EQ(s, fixedpool_free(pool, ours), 0);
		EXPECT_EQ(s, fixedpool_free(other, theirs), 0);
		EXPECT_REFUSED(s, pool, theirs, -ENXIO, -ENXIO);
	}
	if (other)
		scenario_pool_end(s, other);
	if (pool)
		scenario_pool_end(s, pool);
}

void a_handle_beyond_the_end_is_refused(struct scenario *s)
{
	struct fixedpool *pool = one_block(s, "scenario");
	u64 handle = 0;
	u32 slot;

	if (!pool)
		return;
	EXPECT(s, fixedpool_alloc(pool, &handle));
	slot = FIXEDPOOL_HANDLE_SLOT(handle);

	EXPECT_REFUSED(s, pool, FIXEDPOOL_HANDLE(1, slot + 1),
		       -ERANGE, -ERANGE);
	EXPECT_REFUSED(s, pool, FIXEDPOOL_HANDLE(1, slot + 0xffff),
		       -ERANGE, -ERANGE);
	/* Not in the pool's range of slots any more, on either side. */
	EXPECT_REFUSED(s, pool, FIXEDPOOL_HANDLE(1, U32_MAX), -ENXIO, -ENXIO);
	EXPECT_REFUSED(s, pool, FIXEDPOOL_HANDLE(1, slot - 1), -ENXIO, -ENXIO);
	EXPECT_REFUSED(s, pool, FIXEDPOOL_HANDLE(1, 0), -ENXIO, -ENXIO);
	EXPECT_EQ(s, fixedpool_free(pool, handle), 0);
	scenario_pool_end(s, pool);
}

void a_lookup_is_one_hold_more(struct scenario *s)
{
	struct fixedpool *pool = one_block(s, "scenario");
	u64 handle = 0, none;
	void *block;

	if (!pool)
		return;
	block = fixedpool_alloc(pool, &handle);
	if (EXPECT(s, block)) {
		EXPECT_EQ(s, fixedpool_publish(pool, handle), 0);
		EXPECT(s, fixedpool_lookup(pool, handle) == block);
		EXPECT_EQ(s, fixedpool_in_use(pool), 1);
		EXPECT_EQ(s, fixedpool_free(pool, handle), 0);

		EXPECT(s, fixedpool_pointer(pool, handle) == block);
		EXPECT_EQ(s, fixedpool_in_use(pool), 1);
		EXPECT(s, !fixedpool_alloc(pool, &none));
		EXPECT_EQ(s, fixedpool_free(pool, handle), 0);
	}
	EXPECT_REFUSED(s, pool, handle, -EALREADY, -ESTALE);
	scenario_pool_end(s, pool);
}

void the_255th_hold_is_refused(struct scenario *s)
{
	struct fixedpool *pool = one_block(s, "scenario");
	u64 handle = 0;
	int i;

	if (!pool)
		return;
	EXPECT(s, fixedpool_alloc(pool, &handle));
	EXPECT_EQ(s, fixedpool_publish(pool, handle), 0);
	for (i = 2; i <= 254; i++)
		EXPECT_EQ(s, lookup_error(pool, handle), 0);
	EXPECT_EQ(s, lookup_error(pool, handle), -EBUSY);
	EXPECT_EQ(s, fixedpool_in_use(pool), 1);

	EXPECT_EQ(s, fixedpool_free(pool, handle), 0);
	EXPECT_EQ(s, lookup_error(pool, handle), 0);
	for (i = 1; i <= 254; i++)
		EXPECT_EQ(s, fixedpool_free(pool, handle), 0);
	EXPECT_REFUSED(s, pool, handle, -EALREADY, -ESTALE);
	scenario_pool_end(s, pool);
}

/* With a pool and a block of it that a process holds and the kernel does not. */
void a_block_of_a_process_is_not_ours_to_free(struct scenario *s)
{
	struct fixedpool *pool = s->pool;
	u32 before;

	if (!EXPECT(s, pool))
		return;
	before = fixedpool_in_use(pool);
	EXPECT(s, fixedpool_pointer(pool, s->handle));
	EXPECT_EQ(s, fixedpool_free(pool, s->handle), -EPERM);
	EXPECT(s, fixedpool_pointer(pool, s->handle));

	EXPECT_EQ(s, lookup_error(pool, s->handle), 0);
	EXPECT_EQ(s, fixedpool_free(pool, s->handle), 0);
	EXPECT_EQ(s, fixedpool_free(pool, s->handle), -EPERM);
	EXPECT_EQ(s, fixedpool_in_use(pool), before);
}
