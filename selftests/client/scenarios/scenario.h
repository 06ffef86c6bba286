/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a scenario is made of. A failed check is noted and the scenario goes
 * on, so that it always gives back what it took.
 */
#ifndef SCENARIO_H
#define SCENARIO_H

#include <linux/atomic.h>
#include <linux/fixedpool.h>

#include "fixedpool_client.h"

struct client;

/**
 * struct scenario - a scenario that is being played
 * @storage: storage of the pools it makes
 * @pool: the pool of the request, or NULL
 * @handle: the block of the request, or zero
 * @failed: whether a check failed
 * @skipped: whether it cannot be played here
 * @failure: the first failed check, or why it cannot be played
 */
struct scenario {
	enum fixedpool_storage storage;
	struct fixedpool *pool;
	u64 handle;
	atomic_t failed;
	bool skipped;
	char *failure;
};

typedef void scenario_play(struct scenario *s);

#define SCENARIO(name)		void name(struct scenario *s)
#define SPECIAL_SCENARIO(name)	void name(struct scenario *s)
#include "scenarios/list.h"

int scenario_run(struct client *client, struct fixedpool_client_run *run);
void scenario_skip(struct scenario *s, const char *why);

struct fixedpool *scenario_pool(struct scenario *s, const char *name,
				u32 block_size, u32 blocks);
void scenario_pool_end(struct scenario *s, struct fixedpool *pool);

bool scenario_expect(struct scenario *s, bool holds, const char *file, int line,
		     const char *what);
bool scenario_expect_equal(struct scenario *s, s64 seen, s64 wanted,
			   const char *file, int line, const char *what);

/* Any context. Both say whether the check held. */
#define EXPECT(s, condition) \
	scenario_expect(s, condition, __FILE__, __LINE__, #condition)
#define EXPECT_EQ(s, seen, wanted) \
	scenario_expect_equal(s, seen, wanted, __FILE__, __LINE__, #seen)

#endif /* SCENARIO_H */
