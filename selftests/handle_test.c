// SPDX-License-Identifier: GPL-2.0
/*
 * Handles: what each call says to one that is dead, of somebody else, of no
 * pool, out of range or made up, and that a refusal changes nothing.
 */
#include "fixedpool_test.h"

#define BLOCKS 16

/* The calls that take a handle. */
enum use { FREE, CHECK, READ, WRITE, GIVE };

/*
 * @client and @other are attached to the pool, the creator @stranger has a pool
 * of its own and none of theirs.
 */
FIXTURE(handle)
{
	int client;
	int other;
	int stranger;
	__u32 id;
	__u32 receiver;
	struct fixedpool_pool_info info;
	struct fixedpool_pool_info info_strange;
	__u64 live;
};

FIXTURE_VARIANT(handle)
{
	enum use use;
	__u32 storage;
};

FIXTURE_VARIANT_ADD(handle, FREE) { .use = FREE };
FIXTURE_VARIANT_ADD(handle, CHECK) { .use = CHECK };
FIXTURE_VARIANT_ADD(handle, READ) { .use = READ };
FIXTURE_VARIANT_ADD(handle, WRITE) { .use = WRITE };
FIXTURE_VARIANT_ADD(handle, GIVE) { .use = GIVE };
FIXTURE_VARIANT_ADD(handle, FREE_of_slab)
{
	.use = FREE, .storage = FIXEDPOOL_STORAGE_SLAB,
};
FIXTURE_VARIANT_ADD(handle, CHECK_of_slab)
{
	.use = CHECK, .storage = FIXEDPOOL_STORAGE_SLAB,
};
FIXTURE_VARIANT_ADD(handle, READ_of_slab)
{
	.use = READ, .storage = FIXEDPOOL_STORAGE_SLAB,
};
FIXTURE_VARIANT_ADD(handle, WRITE_of_slab)
{
	.use = WRITE, .storage = FIXEDPOOL_STORAGE_SLAB,
};
FIXTURE_VARIANT_ADD(handle, GIVE_of_slab)
{
	.use = GIVE, .storage = FIXEDPOOL_STORAGE_SLAB,
};

FIXTURE_SETUP(handle)
{
	__u32 id;

	self->client = client_open();
	ASSERT_LE(0, self->client);
	self->other = client_open();
	ASSERT_LE(0, self->other);
	self->stranger = client_open();
	ASSERT_LE(0, self->stranger);
	ASSERT_EQ(0, pool_create(self->client, "handle", variant->storage, 64, BLOCKS, &self->id));
	ASSERT_EQ(0, pool_attach(self->other, "handle", NULL));
	ASSERT_EQ(0, pool_create(self->stranger, "handle-strange", variant->storage, 64, BLOCKS,
				 &id));
	ASSERT_EQ(0, pool_info(self->client, self->id, &self->info));
	ASSERT_EQ(0, pool_info(self->stranger, id, &self->info_strange));
	self->receiver = client_number(self->other);
	self->live = block_take(self->client, self->id);
	ASSERT_NE(0, self->live);
}

/* Whatever was refused, the block that was not meant is as it was. */
FIXTURE_TEARDOWN(handle)
{
	EXPECT_EQ(1, pool_in_use(self->client, self->id));
	EXPECT_EQ(FIXEDPOOL_CHECK_ALIVE | FIXEDPOOL_CHECK_MINE,
		  block_check(self->client, self->live));
	EXPECT_EQ(0, block_free(self->client, self->live));
	EXPECT_TRUE(pool_has_free(self->client, self->id, BLOCKS));
	close(self->client);
	close(self->other);
	close(self->stranger);
}

static int use(int client, enum use use, __u64 handle, __u32 receiver)
{
	char byte = 0;
	int state;

	switch (use) {
	case FREE:
		return block_free(client, handle);
	case CHECK:
		/* A handle that is dead, or alive elsewhere, is no failure. */
		state = block_check(client, handle);
		if (state < 0)
			return -state;
		if (!state)
			return ESTALE;
		return state & FIXEDPOOL_CHECK_MINE ? 0 : EPERM;
	case READ:
		return block_read(client, handle, 0, &byte, 1);
	case WRITE:
		return block_write(client, handle, 0, &byte, 1);
	case GIVE:
		return block_give(client, handle, receiver);
	}
	return -1;
}

#define USE(handle) use(self->client, variant->use, handle, self->receiver)

static __u64 versioned(__u64 handle, __u32 difference)
{
	return FIXEDPOOL_HANDLE(FIXEDPOOL_HANDLE_VERSION(handle) + difference,
				FIXEDPOOL_HANDLE_SLOT(handle));
}

TEST_F(handle, zero_is_never_one)
{
	EXPECT_EQ(EINVAL, USE(0));
}

TEST_F(handle, of_an_even_version_is_refused_whatever_its_slot)
{
	EXPECT_EQ(EINVAL, USE(versioned(self->live, -1)));
	EXPECT_EQ(EINVAL, USE(versioned(self->live, 1)));
	EXPECT_EQ(EINVAL, USE(FIXEDPOOL_HANDLE(0, self->info.first_slot)));
	EXPECT_EQ(EINVAL, USE(FIXEDPOOL_HANDLE(0, self->info.first_slot + BLOCKS)));
	EXPECT_EQ(EINVAL, USE(FIXEDPOOL_HANDLE(2, self->info_strange.first_slot)));
	EXPECT_EQ(EINVAL, USE(FIXEDPOOL_HANDLE(0xfffffffe, 0xffffffff)));
}

TEST_F(handle, of_no_pool_is_refused)
{
	EXPECT_EQ(ENXIO, USE(FIXEDPOOL_HANDLE(1, 0xffffffff)));
	EXPECT_EQ(ENXIO, USE(FIXEDPOOL_HANDLE(0xffffffff, 0xffffffff)));
	EXPECT_EQ(ENXIO, USE(FIXEDPOOL_HANDLE(1, 0x80000000)));
}

TEST_F(handle, of_a_pool_this_client_is_not_attached_to_is_refused)
{
	__u64 strange = block_take(self->stranger, self->info_strange.id);

	ASSERT_NE(0, strange);
	EXPECT_EQ(ENXIO, USE(strange));
	EXPECT_EQ(FIXEDPOOL_CHECK_ALIVE | FIXEDPOOL_CHECK_MINE,
		  block_check(self->stranger, strange));
	EXPECT_EQ(0, block_free(self->stranger, strange));
}

TEST_F(handle, of_a_pool_this_client_has_left_is_refused)
{
	__u64 mine;

	ASSERT_EQ(0, pool_attach(self->stranger, "handle", NULL));
	mine = block_take(self->stranger, self->id);
	ASSERT_NE(0, mine);
	ASSERT_EQ(0, use(self->stranger, variant->use == FREE ? CHECK : variant->use, mine,
			 client_number(self->stranger)));
	ASSERT_EQ(0, pool_detach(self->stranger, self->id));
	EXPECT_EQ(ENXIO, use(self->stranger, variant->use, mine, self->receiver));
}

TEST_F(handle, of_an_index_beyond_the_end_is_refused)
{
	__u32 version = FIXEDPOOL_HANDLE_VERSION(self->live);

	for (__u32 index = BLOCKS; index <= 4 * BLOCKS; index++) {
		EXPECT_EQ(ERANGE, USE(FIXEDPOOL_HANDLE(version, self->info.first_slot + index)));
	}
	EXPECT_EQ(ESTALE, USE(FIXEDPOOL_HANDLE(version + 2, self->info.first_slot + BLOCKS - 1)));
}

TEST_F(handle, is_dead_when_its_block_is_freed)
{
	__u64 dead = block_take(self->client, self->id);

	ASSERT_NE(0, dead);
	ASSERT_EQ(0, block_free(self->client, dead));
	EXPECT_EQ(variant->use == FREE ? EALREADY : ESTALE, USE(dead));
	EXPECT_EQ(variant->use == FREE ? EALREADY : ESTALE, USE(dead));
}

TEST_F(handle, stays_dead_when_its_block_is_taken_again_by_the_same_client)
{
	__u64 rest[BLOCKS - 2], dead, heir;

	/* With one free block left, that is the one. */
	ASSERT_EQ(0, blocks_take(self->client, self->id, rest, BLOCKS - 2, 0, NULL));
	dead = block_take(self->client, self->id);
	ASSERT_NE(0, dead);
	ASSERT_EQ(0, block_free(self->client, dead));
	heir = block_take(self->client, self->id);
	ASSERT_EQ(FIXEDPOOL_HANDLE_SLOT(dead), FIXEDPOOL_HANDLE_SLOT(heir));

	EXPECT_EQ(ESTALE, USE(dead));
	EXPECT_EQ(FIXEDPOOL_CHECK_ALIVE | FIXEDPOOL_CHECK_MINE, block_check(self->client, heir));
	EXPECT_EQ(0, block_free(self->client, heir));
	EXPECT_EQ(0, blocks_free(self->client, rest, BLOCKS - 2, NULL));
}

TEST_F(handle, stays_dead_when_its_block_is_taken_again_by_another_client)
{
	__u64 rest[BLOCKS - 2], dead, heir;

	ASSERT_EQ(0, blocks_take(self->client, self->id, rest, BLOCKS - 2, 0, NULL));
	dead = block_take(self->client, self->id);
	ASSERT_NE(0, dead);
	ASSERT_EQ(0, block_free(self->client, dead));
	heir = block_take(self->other, self->id);
	ASSERT_EQ(FIXEDPOOL_HANDLE_SLOT(dead), FIXEDPOOL_HANDLE_SLOT(heir));

	EXPECT_EQ(ESTALE, USE(dead));
	EXPECT_EQ(FIXEDPOOL_CHECK_ALIVE | FIXEDPOOL_CHECK_MINE, block_check(self->other, heir));
	EXPECT_EQ(0, block_free(self->other, heir));
	EXPECT_EQ(0, blocks_free(self->client, rest, BLOCKS - 2, NULL));
}

TEST_F(handle, of_a_block_that_another_client_holds_is_refused)
{
	__u64 foreign = block_take(self->other, self->id);

	ASSERT_NE(0, foreign);
	EXPECT_EQ(EPERM, USE(foreign));
	EXPECT_EQ(FIXEDPOOL_CHECK_ALIVE | FIXEDPOOL_CHECK_MINE, block_check(self->other, foreign));
	EXPECT_EQ(0, block_free(self->other, foreign));
}

TEST_F(handle, that_another_client_has_freed_is_dead_for_all)
{
	__u64 foreign = block_take(self->other, self->id);

	ASSERT_NE(0, foreign);
	ASSERT_EQ(0, block_free(self->other, foreign));
	EXPECT_EQ(variant->use == FREE ? EALREADY : ESTALE, USE(foreign));
}

TEST_F(handle, with_a_version_that_was_never_given_out_is_refused)
{
	for (__u32 difference = 2; difference < 64; difference += 2) {
		EXPECT_EQ(ESTALE, USE(versioned(self->live, difference)));
		EXPECT_EQ(ESTALE, USE(versioned(self->live, -difference)));
	}
	EXPECT_EQ(ESTALE, USE(versioned(self->live, 1U << 31)));
}

/* Versions and forgeries, on a pool with two clients. */
FIXTURE(handles)
{
	int client;
	int other;
	__u32 id;
	struct fixedpool_pool_info info;
};

FIXTURE_SETUP(handles)
{
	self->client = client_open();
	ASSERT_LE(0, self->client);
	self->other = client_open();
	ASSERT_LE(0, self->other);
	ASSERT_EQ(0, pool_create(self->client, "handles", 0, 64, BLOCKS, &self->id));
	ASSERT_EQ(0, pool_attach(self->other, "handles", NULL));
	ASSERT_EQ(0, pool_info(self->client, self->id, &self->info));
}

FIXTURE_TEARDOWN(handles)
{
	close(self->client);
	close(self->other);
}

TEST_F(handles, advance_by_two_with_each_allocation_of_a_block)
{
	__u64 before, now;
	__u32 id;

	ASSERT_EQ(0, pool_create(self->client, "handles-one", 0, 64, 1, &id));
	before = block_take(self->client, id);
	for (int round = 0; round < 1000; round++) {
		ASSERT_EQ(1, FIXEDPOOL_HANDLE_VERSION(before) % 2);
		ASSERT_EQ(0, block_free(self->client, before));
		now = block_take(self->client, id);
		ASSERT_EQ(versioned(before, 2), now);
		before = now;
	}
}

TEST_F(handles, are_worth_what_check_says)
{
	__u64 mine = block_take(self->client, self->id);

	ASSERT_NE(0, mine);
	EXPECT_EQ(FIXEDPOOL_CHECK_ALIVE | FIXEDPOOL_CHECK_MINE, block_check(self->client, mine));
	EXPECT_EQ(FIXEDPOOL_CHECK_ALIVE, block_check(self->other, mine));
	ASSERT_EQ(0, block_free(self->client, mine));
	EXPECT_EQ(0, block_check(self->client, mine));
	EXPECT_EQ(0, block_check(self->other, mine));
}

/*
 * Every slot of the pool and some beyond, every version around the present
 * one: each gets exactly the answer that the state of its block asks for.
 */
TEST_F(handles, made_up_around_real_ones_are_each_refused_for_their_own_reason)
{
	__u64 handles[BLOCKS];

	ASSERT_EQ(0, blocks_take(self->client, self->id, handles, BLOCKS, 0, NULL));
	/* An even slot is held by the client, an odd one is free. */
	for (int i = 0; i < BLOCKS; i++) {
		if (FIXEDPOOL_HANDLE_SLOT(handles[i]) % 2) {
			ASSERT_EQ(0, block_free(self->client, handles[i]));
		}
	}
	for (int i = 0; i < BLOCKS; i++) {
		bool allocated = FIXEDPOOL_HANDLE_SLOT(handles[i]) % 2 == 0;

		for (int difference = -9; difference <= 9; difference++) {
			__u64 forged = versioned(handles[i], difference);
			int expected = ESTALE;

			if (difference % 2)
				expected = EINVAL;
			else if (difference == 0)
				expected = allocated ? EPERM : EALREADY;
			ASSERT_EQ(expected, block_free(self->other, forged)) {
				TH_LOG("%#llx, difference %d", forged, difference);
			}
		}
	}
	EXPECT_EQ(BLOCKS / 2, pool_in_use(self->client, self->id));
}

TEST_F(handles, made_up_at_random_never_work)
{
	__u64 seed = random_seed(), state = seed, handles[BLOCKS / 2], right = 0;
	bool allocated[BLOCKS] = {};
	char byte;

	TH_LOG("FIXEDPOOL_SEED=%llu", seed);
	ASSERT_EQ(0, blocks_take(self->client, self->id, handles, BLOCKS / 2, 0, NULL));
	for (int i = 0; i < BLOCKS / 2; i++)
		allocated[block_index(&self->info, handles[i])] = true;
	for (int i = 0; i < 20000; i++) {
		__u64 random = random_next(&state);
		__u32 slot = random, version = FIXEDPOOL_HANDLE_VERSION(handles[0]);

		/* Everywhere; the pool's slots; its slots and likely versions. */
		if (i % 4)
			slot = self->info.first_slot + slot % (2 * BLOCKS);
		if (i % 2)
			version += (random >> 32) % 16 - 8;
		else
			version = random >> 32;
		random = FIXEDPOOL_HANDLE(version, slot);
		ASSERT_NE(0, block_free(self->other, random)) {
			TH_LOG("%#llx", random);
		}
		ASSERT_NE(0, block_give(self->other, random, client_number(self->other)));
		ASSERT_NE(0, block_read(self->other, random, 0, &byte, 1));
		if (block_check(self->other, random) > 0) {
			slot -= self->info.first_slot;
			ASSERT_GT(BLOCKS, slot);
			ASSERT_TRUE(allocated[slot]);
			right++;
		}
	}
	/* Some were the handles that the client has, so this is no test of nothing. */
	EXPECT_LT(0, right);
	EXPECT_EQ(BLOCKS / 2, pool_in_use(self->client, self->id));
	EXPECT_EQ(0, blocks_free(self->client, handles, BLOCKS / 2, NULL));
}

TEST_HARNESS_MAIN
