// SPDX-License-Identifier: GPL-2.0
/* Waiting for blocks: who is served, in which order, and what ends it. */
#include "waiting_fixture.h"

#include <sched.h>
#include <sys/wait.h>

#define MANY_BLOCKS 4096

FIXTURE(waiting)
{
	int owner;	/* holds all blocks at first */
	int client;	/* whose calls wait */
	int witness;	/* takes nothing */
	__u32 pool;
	__u64 handles[BLOCKS];
	struct waiter waiter;
};

FIXTURE_VARIANT(waiting)
{
	__u32 storage;
};

FIXTURE_VARIANT_ADD(waiting, pages) { .storage = FIXEDPOOL_STORAGE_PAGES };
FIXTURE_VARIANT_ADD(waiting, slab) { .storage = FIXEDPOOL_STORAGE_SLAB };

FIXTURE_SETUP(waiting)
{
	self->owner = client_open();
	ASSERT_LE(0, self->owner);
	self->client = client_open();
	ASSERT_LE(0, self->client);
	self->witness = client_open();
	ASSERT_LE(0, self->witness);
	ASSERT_EQ(0, pool_create(self->owner, POOL, variant->storage, 64, BLOCKS, &self->pool));
	ASSERT_EQ(0, pool_attach(self->client, POOL, NULL));
	ASSERT_EQ(0, pool_attach(self->witness, POOL, NULL));
	ASSERT_EQ(0, blocks_take(self->owner, self->pool, self->handles, BLOCKS, 0, NULL));
	self->waiter = (struct waiter){ .client = self->client, .pool = self->pool, .count = 1 };
}

/* Whatever was done, at the end all blocks are there, each once. */
FIXTURE_TEARDOWN(waiting)
{
	struct fixedpool_pool_info info;

	close(self->owner);
	close(self->client);
	if (pool_info(self->witness, self->pool, &info) == 0) {
		EXPECT_EQ(0, info.waiters);
		EXPECT_TRUE(EVENTUALLY(pool_has_free(self->witness, self->pool, info.blocks)));
	}
	close(self->witness);
}

#define ARRAY_OF_WAITERS(name, number)						\
	struct waiter name[number];						\
	for (int i_ = 0; i_ < (number); i_++)					\
		name[i_] = self->waiter

TEST_F(waiting, takes_what_is_free_at_once)
{
	ASSERT_EQ(0, blocks_free(self->owner, self->handles, 4, NULL));
	self->waiter.count = 3;
	EXPECT_EQ(0, wait_take(&self->waiter));
	EXPECT_EQ(3, self->waiter.done);
	EXPECT_EQ(0, sysfs_number(POOL, "waits"));
}

TEST_F(waiting, ends_with_the_block_that_is_freed)
{
	ASSERT_TRUE(starts_to_wait(&self->waiter));
	EXPECT_TRUE(EVENTUALLY(sysfs_number(POOL, "waits") == 1));
	ASSERT_EQ(0, block_free(self->owner, self->handles[3]));
	ASSERT_EQ(0, waited(&self->waiter));
	EXPECT_EQ(1, self->waiter.done);
	EXPECT_EQ(FIXEDPOOL_HANDLE_SLOT(self->handles[3]),
		  FIXEDPOOL_HANDLE_SLOT(self->waiter.handles[0]));
	EXPECT_EQ(0, waiters_of(POOL));
	EXPECT_EQ(BLOCKS, pool_in_use(self->witness, self->pool));
}

TEST_F(waiting, serves_callers_in_the_order_in_which_they_came)
{
	ARRAY_OF_WAITERS(waiters, 5);

	for (int i = 0; i < 5; i++)
		ASSERT_TRUE(starts_to_wait(&waiters[i]));
	for (int i = 0; i < 5; i++) {
		for (int j = i; j < 5; j++)
			EXPECT_FALSE(has_ended(&waiters[j]));
		ASSERT_EQ(0, block_free(self->owner, self->handles[i]));
		ASSERT_EQ(0, waited(&waiters[i]));
	}
}

TEST_F(waiting, lets_those_who_want_few_wait_behind_one_who_wants_many)
{
	ARRAY_OF_WAITERS(waiters, 2);

	waiters[0].count = 4;
	ASSERT_TRUE(starts_to_wait(&waiters[0]));
	ASSERT_TRUE(starts_to_wait(&waiters[1]));
	ASSERT_EQ(0, blocks_free(self->owner, self->handles, 3, NULL));
	usleep(50000);
	EXPECT_FALSE(has_ended(&waiters[0]));
	EXPECT_FALSE(has_ended(&waiters[1]));
	ASSERT_EQ(0, block_free(self->owner, self->handles[3]));
	EXPECT_EQ(0, waited(&waiters[0]));
	EXPECT_EQ(4, waiters[0].done);
	usleep(10000);
	EXPECT_FALSE(has_ended(&waiters[1]));
	ASSERT_EQ(0, block_free(self->owner, self->handles[4]));
	EXPECT_EQ(0, waited(&waiters[1]));
}

TEST_F(waiting, leaves_nothing_to_those_who_do_not_wait)
{
	__u64 handle;

	self->waiter.count = 2;
	ASSERT_TRUE(starts_to_wait(&self->waiter));
	ASSERT_EQ(0, block_free(self->owner, self->handles[0]));
	EXPECT_EQ(ENOBUFS, blocks_take(self->witness, self->pool, &handle, 1, 0, NULL));
	EXPECT_EQ(ENOBUFS, blocks_take(self->witness, self->pool, self->handles, 2,
				       FIXEDPOOL_ALLOC_PARTIAL, NULL));
	ASSERT_EQ(0, block_free(self->owner, self->handles[1]));
	EXPECT_EQ(0, waited(&self->waiter));
}

TEST_F(waiting, for_part_ends_with_the_first_block)
{
	self->waiter.count = 5;
	self->waiter.flags = FIXEDPOOL_ALLOC_PARTIAL;
	ASSERT_TRUE(starts_to_wait(&self->waiter));
	ASSERT_EQ(0, block_free(self->owner, self->handles[0]));
	ASSERT_EQ(0, waited(&self->waiter));
	EXPECT_EQ(1, self->waiter.done);
}

TEST_F(waiting, brings_zeroes_where_they_are_wanted)
{
	char bytes[64], zeroes[64] = {};

	memset(bytes, 0xee, sizeof(bytes));
	ASSERT_EQ(0, block_write(self->owner, self->handles[0], 0, bytes, sizeof(bytes)));
	self->waiter.flags = FIXEDPOOL_ALLOC_ZERO;
	ASSERT_TRUE(starts_to_wait(&self->waiter));
	ASSERT_EQ(0, block_free(self->owner, self->handles[0]));
	ASSERT_EQ(0, waited(&self->waiter));
	ASSERT_EQ(0, block_read(self->client, self->waiter.handles[0], 0, bytes, sizeof(bytes)));
	EXPECT_EQ(0, memcmp(bytes, zeroes, sizeof(bytes)));
}

TEST_F(waiting, puts_blocks_into_a_scope)
{
	struct fixedpool_scope_create scope = {};
	struct fixedpool_scope_release release = {};

	ASSERT_EQ(0, call(self->client, FIXEDPOOL_IOC_SCOPE_CREATE, &scope));
	self->waiter.scope = scope.scope;
	ASSERT_TRUE(starts_to_wait(&self->waiter));
	ASSERT_EQ(0, block_free(self->owner, self->handles[0]));
	ASSERT_EQ(0, waited(&self->waiter));
	release.scope = scope.scope;
	ASSERT_EQ(0, call(self->client, FIXEDPOOL_IOC_SCOPE_RELEASE, &release));
	EXPECT_EQ(1, release.blocks);
}

/*
 * What ends it without a block.
 */

/* Whose time is over before they get as far as to wait have another try with more. */
#define PATIENCE_MAX	(100000 * MS)

TEST_F(waiting, ends_when_its_time_has_come)
{
	long long waits = 0, calls = 0;

	for (__u64 patience = 50 * MS; !waits && patience < PATIENCE_MAX; patience *= 2) {
		__u64 begin = now();

		self->waiter.timeout = begin + patience;
		ASSERT_EQ(ETIMEDOUT, wait_take(&self->waiter));
		EXPECT_LE(begin + patience, now());
		EXPECT_EQ(0, self->waiter.done);
		EXPECT_EQ(0, waiters_of(POOL));
		EXPECT_EQ(++calls, sysfs_number(POOL, "failures"));
		waits = sysfs_number(POOL, "waits");
	}
	EXPECT_EQ(1, waits);
}

TEST_F(waiting, until_a_time_that_is_past_tries_once)
{
	self->waiter.timeout = 1;
	EXPECT_EQ(ETIMEDOUT, wait_take(&self->waiter));
	EXPECT_EQ(0, sysfs_number(POOL, "waits"));
	ASSERT_EQ(0, block_free(self->owner, self->handles[0]));
	EXPECT_EQ(0, wait_take(&self->waiter));
}

TEST_F(waiting, serves_the_next_when_one_gives_up_who_wanted_many)
{
	bool in_turn = false;

	for (__u64 patience = 500 * MS; !in_turn && patience < PATIENCE_MAX; patience *= 2) {
		ARRAY_OF_WAITERS(waiters, 2);

		waiters[0].count = 4;
		waiters[0].timeout = now() + patience;
		ASSERT_EQ(0, pthread_create(&waiters[0].thread, NULL, wait_in_thread,
					    &waiters[0]));
		ASSERT_TRUE(EVENTUALLY(waiters_of(POOL) == 1 || has_ended(&waiters[0])));
		ASSERT_EQ(0, pthread_create(&waiters[1].thread, NULL, wait_in_thread,
					    &waiters[1]));
		ASSERT_TRUE(EVENTUALLY(waiters_of(POOL) == 2 || has_ended(&waiters[0])));
		ASSERT_EQ(0, block_free(self->owner, self->handles[0]));
		/* the block would have been the second one's already without him */
		in_turn = !has_ended(&waiters[0]);
		ASSERT_EQ(ETIMEDOUT, waited(&waiters[0]));
		ASSERT_EQ(0, waited(&waiters[1]));
		self->handles[0] = waiters[1].handles[0];
		ASSERT_EQ(0, block_give(self->client, self->handles[0],
					client_number(self->owner)));
	}
	EXPECT_TRUE(in_turn);
}

TEST_F(waiting, for_more_blocks_than_the_pool_has_is_refused)
{
	__u64 handles[BLOCKS + 1];
	struct fixedpool_alloc alloc = {
		.pool = self->pool,
		.flags = FIXEDPOOL_ALLOC_WAIT,
		.count = BLOCKS + 1,
		.handles = (uintptr_t)handles,
		.timeout = FIXEDPOOL_NEVER,
	};

	EXPECT_EQ(EFBIG, call(self->client, FIXEDPOOL_IOC_ALLOC, &alloc));
	ASSERT_EQ(0, block_free(self->owner, self->handles[0]));
	alloc.flags |= FIXEDPOOL_ALLOC_PARTIAL;
	EXPECT_EQ(0, call(self->client, FIXEDPOOL_IOC_ALLOC, &alloc));
	EXPECT_EQ(1, alloc.done);
}

TEST_F(waiting, needs_to_be_asked_for_where_there_is_a_timeout)
{
	__u64 handle;
	struct fixedpool_alloc alloc = {
		.pool = self->pool,
		.count = 1,
		.handles = (uintptr_t)&handle,
		.timeout = 1,
	};

	EXPECT_EQ(EINVAL, call(self->client, FIXEDPOOL_IOC_ALLOC, &alloc));
}

static void on_signal(int signal)
{
}

static void catch_usr1(int flags)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = flags };

	sigaction(SIGUSR1, &action, NULL);
}

TEST_F(waiting, is_interrupted_by_a_signal)
{
	catch_usr1(0);
	ASSERT_TRUE(starts_to_wait(&self->waiter));
	pthread_kill(self->waiter.thread, SIGUSR1);
	EXPECT_EQ(EINTR, waited(&self->waiter));
	EXPECT_EQ(0, waiters_of(POOL));
}

TEST_F(waiting, goes_on_after_a_signal_that_restarts_calls)
{
	catch_usr1(SA_RESTART);
	ASSERT_TRUE(starts_to_wait(&self->waiter));
	pthread_kill(self->waiter.thread, SIGUSR1);
	ASSERT_TRUE(EVENTUALLY(sysfs_number(POOL, "waits") == 2));
	ASSERT_EQ(0, block_free(self->owner, self->handles[0]));
	EXPECT_EQ(0, waited(&self->waiter));
}

TEST_F(waiting, ends_when_the_pool_is_destroyed)
{
	ARRAY_OF_WAITERS(waiters, 20);

	for (int i = 0; i < 20; i++)
		ASSERT_TRUE(starts_to_wait(&waiters[i]));
	ASSERT_EQ(0, pool_destroy(self->owner, POOL));
	for (int i = 0; i < 20; i++)
		EXPECT_EQ(EIDRM, waited(&waiters[i]));
	EXPECT_EQ(EIDRM, wait_take(&self->waiter));
	ASSERT_EQ(0, block_free(self->owner, self->handles[0]));
	EXPECT_EQ(0, wait_take(&self->waiter));
}

TEST_F(waiting, ends_when_the_client_leaves_the_pool)
{
	ARRAY_OF_WAITERS(waiters, 2);

	waiters[1].client = self->witness;
	ASSERT_TRUE(starts_to_wait(&waiters[0]));
	ASSERT_TRUE(starts_to_wait(&waiters[1]));
	ASSERT_EQ(0, pool_detach(self->client, self->pool));
	EXPECT_EQ(ENOTCONN, waited(&waiters[0]));
	usleep(10000);
	EXPECT_FALSE(has_ended(&waiters[1]));
	ASSERT_EQ(0, block_free(self->owner, self->handles[0]));
	EXPECT_EQ(0, waited(&waiters[1]));
	EXPECT_EQ(0, block_free(self->witness, waiters[1].handles[0]));
}

/* A process that waits, with a client of its own. */
static pid_t child_waits(void)
{
	pid_t child = fork();

	if (!child) {
		struct waiter waiter = { .client = client_open(), .count = 1 };

		REQUIRE(!pool_attach(waiter.client, POOL, &waiter.pool));
		_exit(wait_take(&waiter));
	}
	return child;
}

TEST_F(waiting, of_a_process_that_is_killed_leaves_no_trace)
{
	pid_t child = child_waits();

	ASSERT_TRUE(EVENTUALLY(waiters_of(POOL) == 1));
	ASSERT_TRUE(starts_to_wait(&self->waiter));
	kill(child, SIGKILL);
	EXPECT_EQ(128 + SIGKILL, child_verdict(child));
	EXPECT_EQ(1, waiters_of(POOL));
	ASSERT_EQ(0, block_free(self->owner, self->handles[0]));
	EXPECT_EQ(0, waited(&self->waiter));
	EXPECT_TRUE(EVENTUALLY(pool_clients(self->witness, self->pool) == 3));
}

/*
 * Where blocks come from.
 */

TEST_F(waiting, ends_with_a_block_of_a_client_that_is_closed)
{
	self->waiter.count = BLOCKS;
	ASSERT_TRUE(starts_to_wait(&self->waiter));
	close(self->owner);
	self->owner = -1;
	EXPECT_EQ(0, waited(&self->waiter));
}

TEST_F(waiting, ends_with_a_block_of_a_process_that_is_killed)
{
	pid_t child;

	ASSERT_EQ(0, block_free(self->owner, self->handles[0]));
	child = fork();
	if (!child) {
		int client = client_open();
		__u32 pool;

		REQUIRE(!pool_attach(client, POOL, &pool));
		REQUIRE(block_take(client, pool));
		pause();
	}
	ASSERT_TRUE(EVENTUALLY(pool_in_use(self->witness, self->pool) == BLOCKS));
	ASSERT_TRUE(starts_to_wait(&self->waiter));
	kill(child, SIGKILL);
	EXPECT_EQ(128 + SIGKILL, child_verdict(child));
	EXPECT_EQ(0, waited(&self->waiter));
}

TEST_F(waiting, ends_with_a_block_of_a_scope_that_is_released)
{
	struct fixedpool_scope_release release = {};

	ASSERT_TRUE(starts_to_wait(&self->waiter));
	ASSERT_EQ(0, call(self->owner, FIXEDPOOL_IOC_SCOPE_RELEASE, &release));
	EXPECT_EQ(0, waited(&self->waiter));
}

TEST_F(waiting, ends_with_a_block_of_a_cache_that_is_drained)
{
	struct fixedpool_cache_fill fill = { .pool = self->pool, .count = 2 };
	struct fixedpool_cache_drain drain = { .pool = self->pool, .count = 2 };
	__u32 blocks[2];

	if (variant->storage != FIXEDPOOL_STORAGE_PAGES)
		SKIP(return, "a pool that cannot be mapped has no caches");
	ASSERT_EQ(0, blocks_free(self->owner, self->handles, 2, NULL));
	fill.blocks = (uintptr_t)blocks;
	drain.blocks = (uintptr_t)blocks;
	ASSERT_EQ(0, call(self->owner, FIXEDPOOL_IOC_CACHE_FILL, &fill));
	ASSERT_EQ(2, fill.done);
	self->waiter.count = 2;
	ASSERT_TRUE(starts_to_wait(&self->waiter));
	EXPECT_EQ(ENOBUFS, call(self->owner, FIXEDPOOL_IOC_CACHE_FILL, &fill));
	ASSERT_EQ(0, call(self->owner, FIXEDPOOL_IOC_CACHE_DRAIN, &drain));
	EXPECT_EQ(0, waited(&self->waiter));
}

TEST_F(waiting, ends_with_a_block_of_a_channel_that_ends)
{
	int channel = channel_create(self->owner, self->pool, "", 4,
				     FIXEDPOOL_CHANNEL_READ | FIXEDPOOL_CHANNEL_WRITE);

	ASSERT_LE(0, channel);
	ASSERT_EQ(2, channel_write(channel, self->handles, 2));
	self->waiter.count = 2;
	ASSERT_TRUE(starts_to_wait(&self->waiter));
	close(channel);
	EXPECT_EQ(0, waited(&self->waiter));
}

TEST_F(waiting, ends_with_a_block_of_an_allocation_that_could_not_be_delivered)
{
	struct fixedpool_alloc alloc = {
		.pool = self->pool,
		.flags = FIXEDPOOL_ALLOC_WAIT,
		.count = 2,
		.timeout = FIXEDPOOL_NEVER,
	};
	ARRAY_OF_WAITERS(waiters, 1);
	pid_t child;

	child = fork();
	if (!child) {
		REQUIRE(call(self->client, FIXEDPOOL_IOC_ALLOC, &alloc) == EFAULT);
		_exit(0);
	}
	ASSERT_TRUE(EVENTUALLY(waiters_of(POOL) == 1));
	ASSERT_TRUE(starts_to_wait(&waiters[0]));
	ASSERT_EQ(0, blocks_free(self->owner, self->handles, 2, NULL));
	EXPECT_EQ(0, child_verdict(child));
	EXPECT_EQ(0, waited(&waiters[0]));
}

TEST_F(waiting, by_size_ends_with_a_block_of_the_smallest_pool_that_fits)
{
	struct fixedpool_set_create set = { .name = "waiting", .count = 2 };
	__u32 pools[2] = { self->pool };
	__u64 other;

	ASSERT_EQ(0, pool_create(self->client, "bigger", 0, 256, 1, &pools[1]));
	set.pools = (uintptr_t)pools;
	ASSERT_EQ(0, call(self->client, FIXEDPOOL_IOC_SET_CREATE, &set));
	self->waiter.pool = set.id;
	self->waiter.flags = FIXEDPOOL_ALLOC_BY_SIZE;
	self->waiter.size = 10;
	/* at first the bigger one gives */
	ASSERT_EQ(0, wait_take(&self->waiter));
	other = self->waiter.handles[0];
	ASSERT_TRUE(starts_to_wait(&self->waiter));
	ASSERT_EQ(0, block_free(self->client, other));
	usleep(10000);
	EXPECT_FALSE(has_ended(&self->waiter));
	ASSERT_EQ(0, block_free(self->owner, self->handles[0]));
	EXPECT_EQ(0, waited(&self->waiter));
	EXPECT_EQ(FIXEDPOOL_HANDLE_SLOT(self->handles[0]),
		  FIXEDPOOL_HANDLE_SLOT(self->waiter.handles[0]));
}

/*
 * A pool with magazines.
 */

FIXTURE(many)
{
	int owner, client;
	__u32 pool;
	__u64 *handles;
	struct waiter waiter;
};

FIXTURE_SETUP(many)
{
	self->owner = client_open();
	ASSERT_LE(0, self->owner);
	self->client = client_open();
	ASSERT_LE(0, self->client);
	ASSERT_EQ(0, pool_create(self->owner, POOL, 0, 64, MANY_BLOCKS, &self->pool));
	ASSERT_EQ(0, pool_attach(self->client, POOL, NULL));
	self->handles = calloc(MANY_BLOCKS, sizeof(__u64));
	ASSERT_NE(NULL, self->handles);
	self->waiter = (struct waiter){ .client = self->client, .pool = self->pool, .count = 1 };
}

FIXTURE_TEARDOWN(many)
{
	free(self->handles);
	close(self->owner);
	close(self->client);
}

static void run_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static bool take_all(int client, __u32 pool, __u64 *handles, __u32 count)
{
	for (__u32 i = 0; i < count; i += 512)
		if (blocks_take(client, pool, handles + i, 512, 0, NULL))
			return false;
	return true;
}

TEST_F(many, blocks_in_the_magazine_of_another_cpu_reach_who_waits)
{
	struct waiter *waiter = &self->waiter;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		SKIP(return, "there is one CPU");
	/* a few blocks are freed on one CPU, and all the others are taken */
	run_on(0);
	ASSERT_TRUE(take_all(self->owner, self->pool, self->handles, MANY_BLOCKS - 512));
	for (int i = 0; i < 10; i++)
		ASSERT_EQ(0, block_free(self->owner, self->handles[i]));
	EXPECT_LE(10, sysfs_number(POOL, "cached"));
	run_on(1);
	waiter->count = 10;
	ASSERT_TRUE(take_all(self->owner, self->pool, self->handles + MANY_BLOCKS - 512, 512));
	EXPECT_EQ(0, wait_take(waiter));
	ASSERT_TRUE(starts_to_wait(waiter));
	run_on(0);
	for (int i = 10; i < 20; i++)
		ASSERT_EQ(0, block_free(self->owner, self->handles[i]));
	EXPECT_EQ(0, waited(waiter));
}

TEST_F(many, magazines_open_again_when_nobody_waits)
{
	ASSERT_TRUE(take_all(self->owner, self->pool, self->handles, MANY_BLOCKS));
	ASSERT_TRUE(starts_to_wait(&self->waiter));
	for (int i = 0; i < MANY_BLOCKS / 2; i++)
		ASSERT_EQ(0, block_free(self->owner, self->handles[i]));
	ASSERT_EQ(0, waited(&self->waiter));
	ASSERT_TRUE(EVENTUALLY(!block_free(self->owner, block_take(self->owner, self->pool)) &&
			       sysfs_number(POOL, "cached") > 0));
}

TEST_HARNESS_MAIN
