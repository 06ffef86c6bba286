// SPDX-License-Identifier: GPL-2.0
/*
 * Several clients of one pool, and several threads of one client, that do
 * things to each other's blocks, attachments and descriptors at the same time.
 */
#include "fixedpool_test.h"

#include <sched.h>

#define BLOCKS 64
#define MINE (FIXEDPOOL_CHECK_ALIVE | FIXEDPOOL_CHECK_MINE)

FIXTURE(clients)
{
	int first;
	int second;
	int witness;		/* attached, takes nothing */
	__u32 id;
};

FIXTURE_VARIANT(clients)
{
	__u32 storage;
};

FIXTURE_VARIANT_ADD(clients, pages) { .storage = FIXEDPOOL_STORAGE_PAGES };
FIXTURE_VARIANT_ADD(clients, slab) { .storage = FIXEDPOOL_STORAGE_SLAB };

FIXTURE_SETUP(clients)
{
	self->first = client_open();
	ASSERT_LE(0, self->first);
	self->second = client_open();
	ASSERT_LE(0, self->second);
	self->witness = client_open();
	ASSERT_LE(0, self->witness);
	ASSERT_EQ(0, pool_create(self->first, "clients", variant->storage, 64, BLOCKS, &self->id));
	ASSERT_EQ(0, pool_attach(self->second, "clients", NULL));
	ASSERT_EQ(0, pool_attach(self->witness, "clients", NULL));
}

/* Whatever they did, when they are gone all blocks are there, each once. */
FIXTURE_TEARDOWN(clients)
{
	close(self->first);
	close(self->second);
	EXPECT_EQ(0, pool_in_use(self->witness, self->id));
	EXPECT_EQ(1, pool_clients(self->witness, self->id));
	EXPECT_TRUE(pool_has_free(self->witness, self->id, BLOCKS));
	close(self->witness);
}

TEST_F(clients, share_the_blocks_of_a_pool_and_each_frees_its_own_only)
{
	__u64 first[BLOCKS / 2], second[BLOCKS / 2];

	ASSERT_EQ(0, blocks_take(self->first, self->id, first, BLOCKS / 2, 0, NULL));
	ASSERT_EQ(0, blocks_take(self->second, self->id, second, BLOCKS / 2, 0, NULL));
	EXPECT_EQ(0, block_take(self->first, self->id));
	EXPECT_EQ(0, block_take(self->second, self->id));
	for (int i = 0; i < BLOCKS / 2; i++) {
		for (int j = 0; j < BLOCKS / 2; j++) {
			ASSERT_NE(FIXEDPOOL_HANDLE_SLOT(first[i]),
				  FIXEDPOOL_HANDLE_SLOT(second[j]));
		}
		ASSERT_EQ(EPERM, block_free(self->second, first[i]));
		ASSERT_EQ(EPERM, block_free(self->first, second[i]));
		ASSERT_EQ(MINE, block_check(self->first, first[i]));
		ASSERT_EQ(FIXEDPOOL_CHECK_ALIVE, block_check(self->first, second[i]));
	}
	EXPECT_EQ(0, blocks_free(self->first, first, BLOCKS / 2, NULL));
	EXPECT_EQ(0, blocks_free(self->second, second, BLOCKS / 2, NULL));
}

TEST_F(clients, lose_only_their_own_blocks_when_one_detaches)
{
	__u64 first[10], second[10];

	ASSERT_EQ(0, blocks_take(self->first, self->id, first, 10, 0, NULL));
	ASSERT_EQ(0, blocks_take(self->second, self->id, second, 10, 0, NULL));
	ASSERT_EQ(0, pool_detach(self->first, self->id));
	EXPECT_EQ(10, pool_in_use(self->second, self->id));
	for (int i = 0; i < 10; i++) {
		EXPECT_EQ(0, block_check(self->second, first[i]));
		EXPECT_EQ(MINE, block_check(self->second, second[i]));
	}
}

TEST_F(clients, lose_only_their_own_blocks_when_one_closes)
{
	__u64 first[10], second[10];

	ASSERT_EQ(0, blocks_take(self->first, self->id, first, 10, 0, NULL));
	ASSERT_EQ(0, blocks_take(self->second, self->id, second, 10, 0, NULL));
	close(self->first);
	self->first = client_open();
	EXPECT_EQ(10, pool_in_use(self->second, self->id));
	for (int i = 0; i < 10; i++) {
		EXPECT_EQ(0, block_check(self->second, first[i]));
		EXPECT_EQ(MINE, block_check(self->second, second[i]));
	}
}

TEST_F(clients, keep_their_blocks_until_the_last_copy_of_the_descriptor_is_closed)
{
	__u64 handle = block_take(self->first, self->id);
	int copy = dup(self->first), another = dup(copy);

	close(self->first);
	EXPECT_EQ(MINE, block_check(copy, handle));
	EXPECT_EQ(1, pool_in_use(self->witness, self->id));
	close(copy);
	EXPECT_EQ(MINE, block_check(another, handle));
	close(another);
	EXPECT_EQ(0, pool_in_use(self->witness, self->id));
	self->first = client_open();
}

struct racer {
	pthread_t thread;
	int client;
	__u32 id;
	unsigned int rounds;
	unsigned int won;
	unsigned int wrong;
	int error;
};

/*
 * Two threads meet, as close together as can be: each comes with the number of
 * its turn and goes on when both have come.
 */
static void meet(unsigned int *arrived, unsigned int turn)
{
	__atomic_fetch_add(arrived, 1, __ATOMIC_ACQ_REL);
	for (unsigned int i = 1; __atomic_load_n(arrived, __ATOMIC_ACQUIRE) < 2 * turn; i++)
		if (i % 1000 == 0)
			sched_yield();
}

struct freer {
	pthread_t thread;
	int client;
	__u64 handles[BLOCKS];
	int errors[2][BLOCKS];
	unsigned int rounds;
	unsigned int arrived;
};

static void free_all(struct freer *freer, int which)
{
	for (int i = 0; i < BLOCKS; i++)
		freer->errors[which][i] = block_free(freer->client, freer->handles[i]);
}

static void *free_too(void *argument)
{
	struct freer *freer = argument;

	for (unsigned int round = 0; round < freer->rounds; round++) {
		meet(&freer->arrived, 2 * round + 1);
		free_all(freer, 1);
		meet(&freer->arrived, 2 * round + 2);
	}
	return NULL;
}

TEST_F(clients, free_a_handle_once_though_two_threads_try)
{
	struct freer freer = {
		.client = self->first, .rounds = rounds_wanted("FIXEDPOOL_ROUNDS", 400),
	};

	ASSERT_EQ(0, pthread_create(&freer.thread, NULL, free_too, &freer));
	for (unsigned int round = 0; round < freer.rounds; round++) {
		ASSERT_EQ(0, blocks_take(self->first, self->id, freer.handles, BLOCKS, 0, NULL));
		meet(&freer.arrived, 2 * round + 1);
		free_all(&freer, 0);
		meet(&freer.arrived, 2 * round + 2);
		for (int i = 0; i < BLOCKS; i++) {
			int won = freer.errors[0][i] ? freer.errors[1][i] : freer.errors[0][i];
			int lost = freer.errors[0][i] ? freer.errors[0][i] : freer.errors[1][i];

			ASSERT_EQ(0, won);
			/* Too late; or just before that, when the client has let go already. */
			ASSERT_TRUE(lost == EALREADY || lost == EPERM);
		}
		ASSERT_EQ(0, pool_in_use(self->witness, self->id));
	}
	ASSERT_EQ(0, pthread_join(freer.thread, NULL));
}

static bool stopped;

static void *take_and_free(void *argument)
{
	struct racer *racer = argument;
	__u64 handles[16];
	__u32 done;

	while (!__atomic_load_n(&stopped, __ATOMIC_RELAXED)) {
		int error = blocks_take(racer->client, racer->id, handles, 16,
					FIXEDPOOL_ALLOC_PARTIAL, &done);

		if (!error) {
			__atomic_fetch_add(&racer->won, done, __ATOMIC_RELAXED);
			/* Freed, or lost already with the attachment. */
			error = blocks_free(racer->client, handles, done, NULL);
		}
		if (error && error != ENXIO && error != EBADF && error != EALREADY &&
		    error != ESTALE && error != EPERM) {
			racer->wrong++;
			racer->error = error;
		}
	}
	return NULL;
}

/* Starts threads that take and free on the first client; each has done so when it returns. */
static void start(struct __test_metadata *_metadata, FIXTURE_DATA(clients) *self,
		  struct racer *racers, int count)
{
	__atomic_store_n(&stopped, false, __ATOMIC_RELAXED);
	for (int i = 0; i < count; i++) {
		racers[i] = (struct racer) { .client = self->first, .id = self->id };
		ASSERT_EQ(0, pthread_create(&racers[i].thread, NULL, take_and_free, &racers[i]));
		ASSERT_TRUE(EVENTUALLY(__atomic_load_n(&racers[i].won, __ATOMIC_RELAXED) > 0));
	}
}

static void stop(struct __test_metadata *_metadata, struct racer *racers, int count)
{
	__atomic_store_n(&stopped, true, __ATOMIC_RELAXED);
	for (int i = 0; i < count; i++) {
		ASSERT_EQ(0, pthread_join(racers[i].thread, NULL));
		EXPECT_EQ(0, racers[i].wrong) {
			TH_LOG("errno %d", racers[i].error);
		}
	}
}

TEST_F(clients, may_detach_and_attach_while_their_threads_take_blocks)
{
	unsigned int rounds = rounds_wanted("FIXEDPOOL_ROUNDS", 300);
	struct racer racers[2];

	start(_metadata, self, racers, 2);
	for (unsigned int round = 0; round < rounds; round++) {
		ASSERT_EQ(0, pool_detach(self->first, self->id));
		ASSERT_EQ(0, pool_attach(self->first, "clients", NULL));
	}
	stop(_metadata, racers, 2);
	ASSERT_EQ(0, pool_detach(self->first, self->id));
	EXPECT_EQ(0, pool_in_use(self->witness, self->id));
}

/* Its handles are of two units of handle space; what is left, of the second. */
TEST_F(clients, may_detach_from_a_large_pool_while_their_threads_take_blocks)
{
	unsigned int rounds = rounds_wanted("FIXEDPOOL_ROUNDS", 100);
	__u64 handles[FIXEDPOOL_MAX_BATCH];
	struct racer racers[2];
	__u32 small = self->id;

	ASSERT_EQ(0, pool_create(self->first, "clients-large", variant->storage, 64,
				 65536 + BLOCKS, &self->id));
	ASSERT_EQ(0, pool_attach(self->second, "clients-large", NULL));
	for (int i = 0; i < 65536 / FIXEDPOOL_MAX_BATCH; i++)
		ASSERT_EQ(0, blocks_take(self->second, self->id, handles, FIXEDPOOL_MAX_BATCH, 0,
					 NULL));
	start(_metadata, self, racers, 2);
	for (unsigned int round = 0; round < rounds; round++) {
		ASSERT_EQ(0, pool_detach(self->first, self->id));
		ASSERT_EQ(0, pool_attach(self->first, "clients-large", NULL));
	}
	stop(_metadata, racers, 2);
	ASSERT_EQ(0, pool_detach(self->first, self->id));
	EXPECT_EQ(65536, pool_in_use(self->second, self->id));
	self->id = small;
}

TEST_F(clients, have_left_for_good_when_they_detach_while_a_thread_is_at_work)
{
	for (unsigned int round = 0; round < 50; round++) {
		struct racer racer;

		start(_metadata, self, &racer, 1);
		ASSERT_EQ(0, pool_detach(self->first, self->id));
		stop(_metadata, &racer, 1);
		/* the second and the witness */
		ASSERT_EQ(2, pool_clients(self->witness, self->id));
		ASSERT_EQ(0, pool_in_use(self->witness, self->id));
		ASSERT_EQ(0, pool_attach(self->first, "clients", NULL));
	}
}

TEST_F(clients, may_be_closed_while_their_threads_take_blocks)
{
	unsigned int rounds = rounds_wanted("FIXEDPOOL_ROUNDS", 100);
	struct racer racers[2];

	start(_metadata, self, racers, 2);
	for (unsigned int round = 0; round < rounds; round++) {
		int next = client_open();

		ASSERT_EQ(0, pool_attach(next, "clients", NULL));
		/* Closes what the threads work on, and puts another in its place. */
		ASSERT_EQ(self->first, dup2(next, self->first));
		close(next);
	}
	close(self->first);
	stop(_metadata, racers, 2);
	EXPECT_TRUE(EVENTUALLY(pool_in_use(self->witness, self->id) == 0));
	self->first = client_open();
}

TEST_F(clients, may_be_closed_while_others_give_them_blocks)
{
	unsigned int rounds = rounds_wanted("FIXEDPOOL_ROUNDS", 60), given = 0;

	for (unsigned int round = 0; round < rounds; round++) {
		int number_pipe[2];
		__u32 number;
		pid_t child;

		ASSERT_EQ(0, pipe(number_pipe));
		child = fork();
		if (child == 0) {
			int receiver = client_open();

			close(self->first);
			close(self->second);
			close(self->witness);
			number = client_number(receiver);
			REQUIRE(!pool_attach(receiver, "clients", NULL));
			REQUIRE(write(number_pipe[1], &number, 4) == 4);
			REQUIRE(EVENTUALLY(pool_in_use(receiver, self->id) > 1));
			_exit(0);
		}
		ASSERT_EQ(4, read(number_pipe[0], &number, 4));
		for (;;) {
			__u64 handle = block_take(self->first, self->id);
			int error;

			/* The receiver may be full of them, but not for ever. */
			if (!handle)
				continue;
			error = block_give(self->first, handle, number);
			given += !error;
			if (!error)
				continue;
			ASSERT_TRUE(error == ESRCH || error == ENOTCONN);
			ASSERT_EQ(0, block_free(self->first, handle));
			if (error == ESRCH)
				break;
		}
		ASSERT_EQ(0, child_verdict(child));
		close(number_pipe[0]);
		close(number_pipe[1]);
		ASSERT_TRUE(EVENTUALLY(pool_in_use(self->witness, self->id) == 0));
	}
	EXPECT_LT(0, given);
}

/* Everybody creates, attaches and destroys under one name. */
static void *contend(void *argument)
{
	struct racer *racer = argument;

	for (unsigned int round = 0; round < racer->rounds; round++) {
		__u32 id = 0;
		__u64 handle;
		int client = client_open();
		int error = pool_create(client, "clients-name", 0, 64, BLOCKS, &id);

		if (error == EEXIST)
			error = pool_attach(client, "clients-name", &id);
		if (!error) {
			racer->won++;
			handle = block_take(client, id);
			if (!handle || block_free(client, handle))
				racer->wrong++;
			error = round % 3 ? 0 : pool_destroy(client, "clients-name");
		}
		if (error && error != ENOENT)
			racer->wrong++;
		close(client);
	}
	return NULL;
}

TEST_F(clients, may_contend_for_a_name)
{
	struct racer racers[4];
	unsigned int won = 0;

	for (int i = 0; i < 4; i++) {
		racers[i] = (struct racer) {
			.rounds = rounds_wanted("FIXEDPOOL_ROUNDS", 100),
		};
		ASSERT_EQ(0, pthread_create(&racers[i].thread, NULL, contend, &racers[i]));
	}
	for (int i = 0; i < 4; i++) {
		ASSERT_EQ(0, pthread_join(racers[i].thread, NULL));
		EXPECT_EQ(0, racers[i].wrong);
		won += racers[i].won;
	}
	EXPECT_LT(0, won);
	EXPECT_EQ(ENOENT, pool_attach(self->witness, "clients-name", NULL));
}

TEST_HARNESS_MAIN
