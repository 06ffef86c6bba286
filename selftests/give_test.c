// SPDX-License-Identifier: GPL-2.0
/*
 * GIVE: who holds the blocks afterwards, and each reason to refuse. (Dead,
 * foreign and made-up handles: handle_test and batch_test.)
 */
#include "fixedpool_test.h"

#define BLOCKS 16
#define MINE (FIXEDPOOL_CHECK_ALIVE | FIXEDPOOL_CHECK_MINE)

FIXTURE(give)
{
	int giver;
	int receiver;
	__u32 number;
	__u32 id;
	__u64 handle;
};

FIXTURE_VARIANT(give)
{
	__u32 storage;
};

FIXTURE_VARIANT_ADD(give, pages) { .storage = FIXEDPOOL_STORAGE_PAGES };
FIXTURE_VARIANT_ADD(give, slab) { .storage = FIXEDPOOL_STORAGE_SLAB };

FIXTURE_SETUP(give)
{
	self->giver = client_open();
	ASSERT_LE(0, self->giver);
	self->receiver = client_open();
	ASSERT_LE(0, self->receiver);
	self->number = client_number(self->receiver);
	ASSERT_NE(0, self->number);
	ASSERT_EQ(0, pool_create(self->giver, "give", variant->storage, 64, BLOCKS, &self->id));
	ASSERT_EQ(0, pool_attach(self->receiver, "give", NULL));
	self->handle = block_take(self->giver, self->id);
	ASSERT_NE(0, self->handle);
}

FIXTURE_TEARDOWN(give)
{
	close(self->giver);
	close(self->receiver);
}

TEST_F(give, lets_the_receiver_hold_the_block_instead)
{
	char byte = 'x';

	ASSERT_EQ(0, block_write(self->giver, self->handle, 5, &byte, 1));
	EXPECT_EQ(0, block_give(self->giver, self->handle, self->number));

	EXPECT_EQ(FIXEDPOOL_CHECK_ALIVE, block_check(self->giver, self->handle));
	EXPECT_EQ(EPERM, block_free(self->giver, self->handle));
	EXPECT_EQ(EPERM, block_read(self->giver, self->handle, 5, &byte, 1));
	EXPECT_EQ(EPERM, block_write(self->giver, self->handle, 5, &byte, 1));
	EXPECT_EQ(EPERM, block_give(self->giver, self->handle, self->number));
	EXPECT_EQ(EPERM, block_give(self->giver, self->handle, client_number(self->giver)));

	byte = 0;
	EXPECT_EQ(MINE, block_check(self->receiver, self->handle));
	EXPECT_EQ(0, block_read(self->receiver, self->handle, 5, &byte, 1));
	EXPECT_EQ('x', byte);
	EXPECT_EQ(1, pool_in_use(self->giver, self->id));
	EXPECT_EQ(0, block_free(self->receiver, self->handle));
	EXPECT_EQ(0, pool_in_use(self->giver, self->id));
}

TEST_F(give, goes_there_and_back_under_one_handle)
{
	__u32 back = client_number(self->giver);

	for (int round = 0; round < 100; round++) {
		ASSERT_EQ(0, block_give(self->giver, self->handle, self->number));
		ASSERT_EQ(EPERM, block_free(self->giver, self->handle));
		ASSERT_EQ(0, block_give(self->receiver, self->handle, back));
		ASSERT_EQ(EPERM, block_free(self->receiver, self->handle));
	}
	EXPECT_EQ(0, block_free(self->giver, self->handle));
	EXPECT_EQ(0, pool_in_use(self->giver, self->id));
}

TEST_F(give, to_oneself_changes_nothing)
{
	__u32 done;

	EXPECT_EQ(0, blocks_give(self->giver, &self->handle, 1, client_number(self->giver), &done));
	EXPECT_EQ(1, done);
	EXPECT_EQ(MINE, block_check(self->giver, self->handle));
	EXPECT_EQ(1, pool_in_use(self->giver, self->id));
	EXPECT_EQ(0, block_free(self->giver, self->handle));
	EXPECT_TRUE(pool_has_free(self->giver, self->id, BLOCKS));
}

TEST_F(give, to_a_client_that_is_not_there_is_refused)
{
	int gone = client_open();
	__u32 number = client_number(gone), done;
	const __u32 numbers[] = { 0, number, 0x7fffffff, UINT32_MAX };

	close(gone);
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		EXPECT_EQ(ESRCH, blocks_give(self->giver, &self->handle, 1, numbers[i], &done)) {
			TH_LOG("client %u", numbers[i]);
		}
		EXPECT_EQ(0, done);
	}
	EXPECT_EQ(MINE, block_check(self->giver, self->handle));
	EXPECT_EQ(0, block_free(self->giver, self->handle));
}

TEST_F(give, to_a_client_that_is_not_attached_is_refused)
{
	int stranger = client_open();
	__u32 done, other;

	EXPECT_EQ(ENOTCONN,
		  blocks_give(self->giver, &self->handle, 1, client_number(stranger), &done));
	EXPECT_EQ(0, done);
	/* A pool of its own does not help. */
	ASSERT_EQ(0, pool_create(stranger, "give-other", 0, 64, BLOCKS, &other));
	EXPECT_EQ(ENOTCONN, block_give(self->giver, self->handle, client_number(stranger)));
	EXPECT_EQ(0, pool_detach(self->receiver, self->id));
	EXPECT_EQ(ENOTCONN, block_give(self->giver, self->handle, self->number));
	EXPECT_EQ(MINE, block_check(self->giver, self->handle));
	EXPECT_EQ(0, block_free(self->giver, self->handle));
	close(stranger);
}

TEST_F(give, stops_at_the_first_block_of_a_pool_the_receiver_has_not_attached)
{
	__u64 handles[3];
	__u32 other, done;

	ASSERT_EQ(0, pool_create(self->giver, "give-other", variant->storage, 64, 1, &other));
	handles[0] = self->handle;
	handles[1] = block_take(self->giver, other);
	handles[2] = block_take(self->giver, self->id);
	EXPECT_EQ(ENOTCONN, blocks_give(self->giver, handles, 3, self->number, &done));
	EXPECT_EQ(1, done);
	EXPECT_EQ(MINE, block_check(self->receiver, handles[0]));
	EXPECT_EQ(MINE, block_check(self->giver, handles[1]));
	EXPECT_EQ(MINE, block_check(self->giver, handles[2]));
	EXPECT_EQ(0, blocks_give(self->giver, handles + 2, 1, self->number, &done));
	EXPECT_EQ(1, done);
}

TEST_F(give, of_a_block_twice_in_one_batch_is_refused_the_second_time)
{
	__u64 handles[] = { self->handle, self->handle };
	__u32 done;

	EXPECT_EQ(EPERM, blocks_give(self->giver, handles, 2, self->number, &done));
	EXPECT_EQ(1, done);
	EXPECT_EQ(MINE, block_check(self->receiver, self->handle));
	EXPECT_EQ(0, block_free(self->receiver, self->handle));
	EXPECT_TRUE(pool_has_free(self->giver, self->id, BLOCKS));
}

TEST_F(give, leaves_the_block_with_the_receiver_when_the_giver_goes)
{
	ASSERT_EQ(0, block_give(self->giver, self->handle, self->number));
	ASSERT_NE(0, block_take(self->giver, self->id));
	close(self->giver);
	EXPECT_EQ(1, pool_in_use(self->receiver, self->id));
	EXPECT_EQ(MINE, block_check(self->receiver, self->handle));
	EXPECT_EQ(0, block_free(self->receiver, self->handle));
	EXPECT_TRUE(pool_has_free(self->receiver, self->id, BLOCKS));
}

TEST_F(give, makes_the_block_free_when_the_receiver_goes)
{
	ASSERT_EQ(0, block_give(self->giver, self->handle, self->number));
	close(self->receiver);
	EXPECT_EQ(0, pool_in_use(self->giver, self->id));
	EXPECT_EQ(0, block_check(self->giver, self->handle));
	EXPECT_EQ(EALREADY, block_free(self->giver, self->handle));
	EXPECT_TRUE(pool_has_free(self->giver, self->id, BLOCKS));
}

TEST_F(give, makes_the_block_free_when_the_receiver_detaches)
{
	ASSERT_EQ(0, block_give(self->giver, self->handle, self->number));
	ASSERT_EQ(0, pool_detach(self->receiver, self->id));
	EXPECT_EQ(0, pool_in_use(self->giver, self->id));
	EXPECT_TRUE(pool_has_free(self->giver, self->id, BLOCKS));
}

TEST_F(give, makes_the_block_free_when_the_receiving_process_is_killed)
{
	__u32 number;
	int pipes[2];
	pid_t child;

	ASSERT_EQ(0, pipe(pipes));
	child = fork();
	if (child == 0) {
		int client = client_open();

		number = client_number(client);
		REQUIRE(!pool_attach(client, "give", NULL));
		REQUIRE(write(pipes[1], &number, sizeof(number)) == sizeof(number));
		for (;;)
			pause();
	}
	ASSERT_EQ(sizeof(number), read(pipes[0], &number, sizeof(number)));
	ASSERT_EQ(0, block_give(self->giver, self->handle, number));
	EXPECT_EQ(1, pool_in_use(self->giver, self->id));
	kill(child, SIGKILL);
	EXPECT_EQ(128 + SIGKILL, child_verdict(child));
	EXPECT_TRUE(EVENTUALLY(pool_in_use(self->giver, self->id) == 0));
	EXPECT_EQ(0, block_check(self->giver, self->handle));
}

TEST_F(give, works_after_the_pool_was_destroyed)
{
	ASSERT_EQ(0, pool_destroy(self->giver, "give"));
	EXPECT_EQ(0, block_give(self->giver, self->handle, self->number));
	EXPECT_EQ(0, block_free(self->receiver, self->handle));
}

/* Threads of one client give the same blocks to two receivers: each block goes once. */
struct giver {
	pthread_t thread;
	int client;
	__u32 receiver;
	__u64 *handles;
	unsigned int count;
	unsigned int given;
	unsigned int other_errors;
	pthread_barrier_t *start;
};

static void *give_all(void *argument)
{
	struct giver *giver = argument;

	pthread_barrier_wait(giver->start);
	for (unsigned int i = 0; i < giver->count; i++) {
		int error = block_give(giver->client, giver->handles[i], giver->receiver);

		giver->given += !error;
		giver->other_errors += error && error != EPERM;
	}
	return NULL;
}

TEST_F(give, of_a_block_to_two_at_once_goes_to_one)
{
	struct giver givers[2] = {};
	__u64 handles[BLOCKS];
	pthread_barrier_t start;
	int second = client_open();

	ASSERT_EQ(0, pool_attach(second, "give", NULL));
	ASSERT_EQ(0, block_free(self->giver, self->handle));
	ASSERT_EQ(0, pthread_barrier_init(&start, NULL, 2));
	for (int round = 0; round < 100; round++) {
		unsigned int held = 0;

		ASSERT_EQ(0, blocks_take(self->giver, self->id, handles, BLOCKS, 0, NULL));
		for (int i = 0; i < 2; i++) {
			givers[i] = (struct giver) {
				.client = self->giver,
				.receiver = client_number(i ? second : self->receiver),
				.handles = handles,
				.count = BLOCKS,
				.start = &start,
			};
			ASSERT_EQ(0, pthread_create(&givers[i].thread, NULL, give_all, &givers[i]));
		}
		for (int i = 0; i < 2; i++) {
			ASSERT_EQ(0, pthread_join(givers[i].thread, NULL));
			ASSERT_EQ(0, givers[i].other_errors);
		}
		ASSERT_EQ(BLOCKS, givers[0].given + givers[1].given);
		for (int i = 0; i < BLOCKS; i++) {
			held += block_check(self->receiver, handles[i]) == MINE;
			ASSERT_EQ(1, !block_free(self->receiver, handles[i]) +
				     !block_free(second, handles[i]));
		}
		ASSERT_EQ(givers[0].given, held);
		ASSERT_EQ(0, pool_in_use(self->giver, self->id));
	}
	close(second);
}

TEST_HARNESS_MAIN
