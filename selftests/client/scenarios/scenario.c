// SPDX-License-Identifier: GPL-2.0
/*
 * Plays a scenario by its name, one at a time: their pools have fixed names.
 */

#include <linux/err.h>
#include <linux/fixedpool.h>
#include <linux/kernel.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "client.h"
#include "scenarios/scenario.h"

static scenario_play *find(const char *name)
{
	scenario_play *found = NULL;

#define SCENARIO(play)		(found = strcmp(name, #play) ? found : (play))
#define SPECIAL_SCENARIO(play)	SCENARIO(play)
#include "scenarios/list.h"
	return found;
}

/* Protects: the names of the pools that scenarios make, and their one source
 * of NMIs. Ordering: outermost.
 */
static DEFINE_MUTEX(scenario_lock);

static int play(scenario_play *scenario, struct scenario *s)
{
	mutex_lock(&scenario_lock);
	scenario(s);
	mutex_unlock(&scenario_lock);
	if (atomic_read(&s->failed))
		return -EPROTO;
	return s->skipped ? -EOPNOTSUPP : 0;
}

int scenario_run(struct client *client, struct fixedpool_client_run *run)
{
	struct scenario s = {
		.storage = run->storage,
		.handle = run->handle,
		.failure = run->failure,
	};
	scenario_play *scenario;

	if (run->flags || run->storage > FIXEDPOOL_STORAGE_SLAB ||
	    strnlen(run->scenario, sizeof(run->scenario)) ==
			sizeof(run->scenario))
		return -EINVAL;
	if (run->pool[0]) {
		s.pool = client_pool(client, run->pool);
		if (IS_ERR(s.pool))
			return PTR_ERR(s.pool);
	}
	scenario = find(run->scenario);
	if (!scenario)
		return -ENOENT;
	memset(run->failure, 0, sizeof(run->failure));
	return play(scenario, &s);
}

void scenario_skip(struct scenario *s, const char *why)
{
	s->skipped = true;
	if (!atomic_read(&s->failed))
		strscpy(s->failure, why, FIXEDPOOL_CLIENT_FAILURE_SIZE);
}

/**
 * scenario_pool - a pool of the scenario's storage
 * @s: the scenario
 * @name: the pool's name
 * @block_size: bytes
 * @blocks: number
 *
 * Return: the pool, or NULL, which is a failed check
 */
struct fixedpool *scenario_pool(struct scenario *s, const char *name,
				u32 block_size, u32 blocks)
{
	struct fixedpool_params params =
		FIXEDPOOL_PARAMS(name, block_size, blocks);
	struct fixedpool *pool;

	params.storage = s->storage;
	pool = fixedpool_create(&params);
	if (!EXPECT_EQ(s, PTR_ERR_OR_ZERO(pool), 0))
		return NULL;
	return pool;
}

/**
 * scenario_pool_end - destroy a pool, of which nothing may be held
 * @s: the scenario
 * @pool: the pool
 */
void scenario_pool_end(struct scenario *s, struct fixedpool *pool)
{
	EXPECT_EQ(s, fixedpool_in_use(pool), 0);
	EXPECT_EQ(s, fixedpool_valid(pool), 0);
	fixedpool_destroy(pool);
}

/* Of several failures the first tells most. */
static bool first_failure(struct scenario *s)
{
	return !atomic_xchg(&s->failed, 1);
}

bool scenario_expect(struct scenario *s, bool holds, const char *file, int line,
		     const char *what)
{
	if (!holds && first_failure(s))
		scnprintf(s->failure, FIXEDPOOL_CLIENT_FAILURE_SIZE,
			  "%s:%d: not so: %s", kbasename(file), line, what);
	return holds;
}

bool scenario_expect_equal(struct scenario *s, s64 seen, s64 wanted,
			   const char *file, int line, const char *what)
{
	bool holds = seen == wanted;

	if (!holds && first_failure(s))
		scnprintf(s->failure, FIXEDPOOL_CLIENT_FAILURE_SIZE,
			  "%s:%d: %lld, not %lld: %s", kbasename(file), line,
			  seen, wanted, what);
	return holds;
}
