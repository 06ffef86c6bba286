// SPDX-License-Identifier: GPL-2.0
/*
 * Scenarios: a pool from its creation to its last user.
 */

#include <linux/err.h>
#include <linux/string.h>

#include "scenarios/scenario.h"

void a_pool_is_what_was_asked_for(struct scenario *s)
{
	struct fixedpool *pool = scenario_pool(s, "scenario", 100, 7);

	if (!pool)
		return;
	EXPECT(s, !strcmp(fixedpool_name(pool), "scenario"));
	EXPECT_EQ(s, fixedpool_block_size(pool), 100);
	EXPECT_EQ(s, fixedpool_blocks(pool), 7);
	scenario_pool_end(s, pool);
}

void a_pool_is_found_by_its_name(struct scenario *s)
{
	struct fixedpool *pool = scenario_pool(s, "scenario", 64, 1);
	struct fixedpool *found;

	if (!pool)
		return;
	found = fixedpool_get("scenario");
	EXPECT(s, found == pool);
	if (!IS_ERR(found))
		fixedpool_put(found);
	scenario_pool_end(s, pool);
}

/* What fixedpool_get() says; a pool that it finds is put again. */
static int get_error(const char *name)
{
	struct fixedpool *pool = fixedpool_get(name);

	if (IS_ERR(pool))
		return PTR_ERR(pool);
	fixedpool_put(pool);
	return 0;
}

void a_name_nobody_took_is_not_found(struct scenario *s)
{
	struct fixedpool *pool = scenario_pool(s, "scenario", 64, 1);

	if (!pool)
		return;
	EXPECT_EQ(s, get_error("scenari"), -ENOENT);
	EXPECT_EQ(s, get_error("scenario2"), -ENOENT);
	EXPECT_EQ(s, get_error("Scenario"), -ENOENT);
	EXPECT_EQ(s, get_error(""), -ENOENT);
	scenario_pool_end(s, pool);
	EXPECT_EQ(s, get_error("scenario"), -ENOENT);
}

void a_taken_name_is_refused(struct scenario *s)
{
	struct fixedpool_params again = FIXEDPOOL_PARAMS("scenario", 128, 3);
	struct fixedpool *pool = scenario_pool(s, "scenario", 64, 1);
	struct fixedpool *second;

	if (!pool)
		return;
	second = fixedpool_create(&again);
	if (!EXPECT_EQ(s, PTR_ERR_OR_ZERO(second), -EEXIST) && !IS_ERR(second))
		fixedpool_destroy(second);
	EXPECT_EQ(s, fixedpool_block_size(pool), 64);
	scenario_pool_end(s, pool);
}

void a_destroyed_name_is_free_at_once(struct scenario *s)
{
	struct fixedpool *first = scenario_pool(s, "scenario", 64, 1);
	struct fixedpool *user, *second;

	if (!first)
		return;
	user = fixedpool_get("scenario");
	EXPECT(s, user == first);
	fixedpool_destroy(first);

	second = scenario_pool(s, "scenario", 128, 2);
	if (second) {
		EXPECT(s, second != user);
		EXPECT_EQ(s, fixedpool_block_size(second), 128);
		scenario_pool_end(s, second);
	}
	EXPECT_EQ(s, fixedpool_block_size(user), 64);
	if (!IS_ERR(user))
		fixedpool_put(user);
}

void a_destroyed_pool_serves_its_users(struct scenario *s)
{
	struct fixedpool *pool = scenario_pool(s, "scenario", 64, 2);
	struct fixedpool *user;
	u64 before, after;
	void *old, *new;

	if (!pool)
		return;
	old = fixedpool_alloc(pool, &before);
	EXPECT(s, old);
	user = fixedpool_get("scenario");
	fixedpool_destroy(pool);
	if (!EXPECT(s, user == pool))
		return;

	EXPECT_EQ(s, get_error("scenario"), -ENOENT);
	EXPECT_EQ(s, fixedpool_in_use(user), 1);
	EXPECT(s, fixedpool_pointer(user, before) == old);
	new = fixedpool_alloc(user, &after);
	if (EXPECT(s, new)) {
		memset(new, 0x5a, 64);
		EXPECT_EQ(s, fixedpool_free(user, after), 0);
	}
	if (old)
		EXPECT_EQ(s, fixedpool_free(user, before), 0);
	EXPECT_EQ(s, fixedpool_in_use(user), 0);
	fixedpool_put(user);
}
