// SPDX-License-Identifier: GPL-2.0
/*
 * A client writes whatever it likes into the version words of a pool. That may
 * confuse the clients of this pool: never the kernel, never another pool, and
 * never the books.
 */
#include "fixedpool_test.h"

#define BLOCKS 256
#define MINE (FIXEDPOOL_CHECK_ALIVE | FIXEDPOOL_CHECK_MINE)

enum ink { ZEROES, ONES, RANDOM, PLUS_ONE };

FIXTURE(scribble)
{
	int client;
	int bystander;
	__u32 id;
	__u32 other;
	struct fixedpool_pool_info info;
	volatile __u32 *versions;
	__u64 bystanding[BLOCKS];
	__u64 state;
};

FIXTURE_VARIANT(scribble)
{
	enum ink ink;
};

FIXTURE_VARIANT_ADD(scribble, with_zeroes) { .ink = ZEROES };
FIXTURE_VARIANT_ADD(scribble, with_ones) { .ink = ONES };
FIXTURE_VARIANT_ADD(scribble, at_random) { .ink = RANDOM };
FIXTURE_VARIANT_ADD(scribble, one_more) { .ink = PLUS_ONE };

FIXTURE_SETUP(scribble)
{
	self->state = random_seed();
	TH_LOG("FIXEDPOOL_SEED=%llu", self->state);
	self->client = client_open();
	ASSERT_LE(0, self->client);
	self->bystander = client_open();
	ASSERT_LE(0, self->bystander);
	ASSERT_EQ(0, pool_create(self->client, "scribble", 0, 64, BLOCKS, &self->id));
	ASSERT_EQ(0, pool_info(self->client, self->id, &self->info));
	self->versions = mmap(NULL, self->info.versions_length, PROT_READ | PROT_WRITE, MAP_SHARED,
			      self->client, self->info.versions_offset);
	ASSERT_TRUE(self->versions != MAP_FAILED);
	ASSERT_EQ(0, pool_create(self->bystander, "scribble-not", 0, 64, BLOCKS, &self->other));
	ASSERT_EQ(0, blocks_take(self->bystander, self->other, self->bystanding, BLOCKS / 2, 0,
				 NULL));
}

/* Once its clients have gone, the scribbled pool has all its blocks, and the other is as it was. */
FIXTURE_TEARDOWN(scribble)
{
	int heir = client_open();
	__u64 handles[BLOCKS];

	EXPECT_EQ(0, pool_attach(heir, "scribble", NULL));
	close(self->client);
	EXPECT_EQ(0, pool_in_use(heir, self->id));
	EXPECT_EQ(0, sysfs_number("scribble", "in_use"));
	EXPECT_EQ(BLOCKS, sysfs_number("scribble", "free"));
	for (int round = 0; round < 3; round++) {
		EXPECT_EQ(0, blocks_take(heir, self->id, handles, BLOCKS, 0, NULL));
		EXPECT_TRUE(handles_are_distinct(&self->info, handles, BLOCKS));
		EXPECT_EQ(0, block_take(heir, self->id));
		EXPECT_EQ(0, blocks_free(heir, handles, BLOCKS, NULL));
	}
	close(heir);
	EXPECT_EQ(BLOCKS / 2, pool_in_use(self->bystander, self->other));
	EXPECT_EQ(0, blocks_free(self->bystander, self->bystanding, BLOCKS / 2, NULL));
	EXPECT_TRUE(pool_has_free(self->bystander, self->other, BLOCKS));
	close(self->bystander);
}

static void scribble(FIXTURE_DATA(scribble) *self, enum ink ink, __u64 *state)
{
	for (size_t i = 0; i < self->info.versions_length / 4; i++) {
		switch (ink) {
		case ZEROES:
			self->versions[i] = 0;
			break;
		case ONES:
			self->versions[i] = ~0;
			break;
		case RANDOM:
			self->versions[i] = random_next(state);
			break;
		case PLUS_ONE:
			self->versions[i]++;
			break;
		}
	}
}

TEST_F(scribble, over_free_blocks_does_not_stop_them_from_being_taken)
{
	__u64 handles[BLOCKS];

	scribble(self, variant->ink, &self->state);
	ASSERT_EQ(0, blocks_take(self->client, self->id, handles, BLOCKS, 0, NULL));
	EXPECT_TRUE(handles_are_distinct(&self->info, handles, BLOCKS));
	for (int i = 0; i < BLOCKS; i++) {
		ASSERT_EQ(MINE, block_check(self->client, handles[i]));
		ASSERT_EQ(0, block_free(self->client, handles[i]));
	}
}

TEST_F(scribble, over_held_blocks_frees_none_and_loses_none)
{
	__u64 handles[BLOCKS];
	__u32 freed = 0;

	ASSERT_EQ(0, blocks_take(self->client, self->id, handles, BLOCKS / 2, 0, NULL));
	scribble(self, variant->ink, &self->state);
	EXPECT_EQ(BLOCKS / 2, pool_in_use(self->client, self->id));
	for (int i = 0; i < BLOCKS / 2; i++) {
		int error = block_free(self->client, handles[i]);

		ASSERT_TRUE(!error || error == ESTALE || error == EALREADY);
		freed += !error;
		ASSERT_EQ(BLOCKS / 2 - freed, pool_in_use(self->client, self->id));
	}
	/* What can be taken now is the rest, and only that. */
	EXPECT_TRUE(pool_has_free(self->client, self->id, BLOCKS - BLOCKS / 2 + freed));
}

TEST_F(scribble, gives_no_claim_to_blocks_of_others)
{
	int other = client_open();
	__u64 handles[BLOCKS];
	char byte = 'x';

	ASSERT_EQ(0, pool_attach(other, "scribble", NULL));
	ASSERT_EQ(0, blocks_take(other, self->id, handles, BLOCKS, 0, NULL));
	for (int i = 0; i < BLOCKS; i++) {
		__u32 slot = FIXEDPOOL_HANDLE_SLOT(handles[i]), version;
		__u64 forged;

		scribble(self, variant->ink, &self->state);
		version = self->versions[block_index(&self->info, handles[i])] | 1;
		self->versions[block_index(&self->info, handles[i])] = version;
		forged = FIXEDPOOL_HANDLE(version, slot);
		ASSERT_EQ(EPERM, block_free(self->client, forged));
		ASSERT_EQ(EPERM, block_write(self->client, forged, 0, &byte, 1));
		ASSERT_EQ(EPERM, block_read(self->client, forged, 0, &byte, 1));
		ASSERT_EQ(EPERM, block_give(self->client, forged, client_number(self->client)));
	}
	EXPECT_EQ(BLOCKS, pool_in_use(self->client, self->id));
	close(other);
	EXPECT_EQ(0, pool_in_use(self->client, self->id));
}

TEST_F(scribble, gives_no_claim_to_free_blocks)
{
	char byte = 'x';

	scribble(self, variant->ink, &self->state);
	for (__u32 i = 0; i < BLOCKS; i++) {
		__u64 forged;

		/* The word says that it is allocated; the kernel knows better. */
		self->versions[i] |= 1;
		forged = FIXEDPOOL_HANDLE(self->versions[i], self->info.first_slot + i);
		ASSERT_NE(0, block_free(self->client, forged));
		ASSERT_NE(0, block_read(self->client, forged, 0, &byte, 1));
		ASSERT_NE(0, block_write(self->client, forged, 0, &byte, 1));
		ASSERT_NE(0, block_give(self->client, forged, client_number(self->client)));
	}
	EXPECT_EQ(0, pool_in_use(self->client, self->id));
}

struct scribbler {
	pthread_t thread;
	FIXTURE_DATA(scribble) *scribble;
	enum ink ink;
	__u64 state;
	bool stop;
	unsigned int rounds;
};

static void *scribble_on(void *argument)
{
	struct scribbler *scribbler = argument;

	while (!__atomic_load_n(&scribbler->stop, __ATOMIC_RELAXED)) {
		scribble(scribbler->scribble, scribbler->ink, &scribbler->state);
		__atomic_fetch_add(&scribbler->rounds, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

TEST_F(scribble, while_others_take_free_and_give_leaves_the_books_in_order)
{
	struct scribbler scribbler = {
		.scribble = self, .ink = variant->ink, .state = self->state,
	};
	int clients[2] = { client_open(), client_open() };
	__u32 numbers[2];
	__u64 handles[BLOCKS / 2], state = self->state;
	unsigned int rounds = rounds_wanted("FIXEDPOOL_ROUNDS", 800);

	for (int i = 0; i < 2; i++) {
		ASSERT_EQ(0, pool_attach(clients[i], "scribble", NULL));
		numbers[i] = client_number(clients[i]);
	}
	ASSERT_EQ(0, pthread_create(&scribbler.thread, NULL, scribble_on, &scribbler));
	ASSERT_TRUE(EVENTUALLY(__atomic_load_n(&scribbler.rounds, __ATOMIC_RELAXED) > 0));
	for (unsigned int round = 0; round < rounds; round++) {
		__u32 done, next, wanted = 1 + random_next(&state) % (BLOCKS / 2);
		int which = round % 2;

		if (blocks_take(clients[which], self->id, handles, wanted, FIXEDPOOL_ALLOC_PARTIAL,
				&done)) {
			/* All blocks are lost to handles that are dead: begin anew. */
			ASSERT_EQ(BLOCKS, pool_in_use(self->bystander, self->other) * 2);
			close(clients[which]);
			clients[which] = client_open();
			ASSERT_EQ(0, pool_attach(clients[which], "scribble", NULL));
			numbers[which] = client_number(clients[which]);
			continue;
		}
		ASSERT_TRUE(handles_are_distinct(&self->info, handles, done));
		for (__u32 i = 0; i < done; i += next + 1) {
			if (round % 4 == 0)
				blocks_give(clients[which], handles + i, done - i,
					    numbers[!which], &next);
			else
				blocks_free(clients[which], handles + i, done - i, &next);
			ASSERT_GE(done - i, next);
		}
		ASSERT_GE(BLOCKS, pool_in_use(clients[which], self->id));
	}
	__atomic_store_n(&scribbler.stop, true, __ATOMIC_RELAXED);
	ASSERT_EQ(0, pthread_join(scribbler.thread, NULL));
	close(clients[0]);
	close(clients[1]);
	EXPECT_EQ(0, pool_in_use(self->client, self->id));
}

TEST_HARNESS_MAIN
