// SPDX-License-Identifier: GPL-2.0
/*
 * dissolve - a scope is dissolved into a parent while there is no memory to move
 * what it holds; both scopes are as before, and as good
 *
 * Somebody has made all allocations fail that a task asks for by make-it-fail.
 */
#include "fixedpool_test.h"
#include "helpers/faults.h"
#include "scopes.h"

#include <sys/mman.h>

/* So many that what a scope holds of them takes two pages. */
#define MANY	33000
#define PAGED	32768
#define BATCH	1000

/* Opening the file takes memory. */
static int failing;

static void set_failing(bool on)
{
	REQUIRE(pwrite(failing, on ? "1" : "0", 1, 0) == 1);
}

struct world {
	int client;
	__u32 pool;
	struct fixedpool_pool_info info;
};

/*
 * All blocks but two are in a scope below @parent. If that has a table of pages
 * with none in it yet, then the place for its first page needs no memory, and
 * that for the second does.
 */
static void dissolve(struct world *world, __u32 parent)
{
	__u64 handles[BATCH], first = 0, last = 0, blocks;
	__u32 scope, left, count;

	REQUIRE(!scope_create(world->client, parent, &scope));
	for (left = MANY; left; left -= count) {
		count = left < BATCH ? left : BATCH;
		REQUIRE(!scope_take(world->client, world->pool, scope, handles, count));
		if (left == MANY)
			first = handles[0];
		last = handles[count - 1];
	}
	REQUIRE(block_index(&world->info, first) < PAGED);
	REQUIRE(block_index(&world->info, last) >= PAGED);
	REQUIRE(!block_free(world->client, first) && !block_free(world->client, last));

	set_failing(true);
	REQUIRE(scope_end(world->client, scope, FIXEDPOOL_SCOPE_DISSOLVE, &blocks) == ENOMEM);
	set_failing(false);
	REQUIRE(blocks == 0);

	REQUIRE(!scope_take(world->client, world->pool, parent, handles, 2));
	REQUIRE(pool_in_use(world->client, world->pool) == MANY);
	REQUIRE(!scope_end(world->client, scope, FIXEDPOOL_SCOPE_DISSOLVE, &blocks));
	REQUIRE(blocks == MANY - 2);
}

int main(void)
{
	struct world world = { .client = client_open() };
	int faults = faults_open(), refused = 0;
	bool came;

	REQUIRE(world.client >= 0 && faults >= 0);
	failing = open("/proc/thread-self/make-it-fail", O_RDWR | O_CLOEXEC);
	REQUIRE(failing >= 0);
	/* nor must a touch take any, which would be tried for ever */
	REQUIRE(!mlockall(MCL_CURRENT | MCL_FUTURE));
	REQUIRE(!pool_create(world.client, "dissolve", FIXEDPOOL_STORAGE_PAGES, 8, MANY,
			     &world.pool));
	REQUIRE(!pool_info(world.client, world.pool, &world.info));

	/* Where a first block is refused for want of memory, that may be the page or
	 * what comes before it: the table is there, or is not.
	 */
	for (unsigned int nth = 1; ; nth++) {
		__u32 parent;
		__u64 handle;
		int error;

		REQUIRE(!scope_create(world.client, 0, &parent));
		faults_arm(faults, nth);
		error = scope_take(world.client, world.pool, parent, &handle, 1);
		came = faults_disarm(faults);
		if (error == ENOMEM) {
			dissolve(&world, parent);
			refused++;
		}
		REQUIRE(!scope_end(world.client, parent, 0, NULL));
		REQUIRE(pool_in_use(world.client, world.pool) == 0);
		if (!came)
			break;
	}
	REQUIRE(refused >= 2);
	return 0;
}
