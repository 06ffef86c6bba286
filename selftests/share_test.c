// SPDX-License-Identifier: GPL-2.0
/* SHARE: who holds the blocks afterwards, and each reason to refuse. */
#include "fixedpool_test.h"

#define BLOCKS 16
#define MINE (FIXEDPOOL_CHECK_ALIVE | FIXEDPOOL_CHECK_MINE)
#define OURS (MINE | FIXEDPOOL_CHECK_SHARED)
#define MOST_HOLDERS 254

FIXTURE(share)
{
	int client;
	int other;
	__u32 number;
	__u32 id;
	__u64 handles[3];
};

FIXTURE_SETUP(share)
{
	self->client = client_open();
	self->other = client_open();
	ASSERT_LE(0, self->other);
	self->number = client_number(self->other);
	ASSERT_EQ(0, pool_create(self->client, "share", FIXEDPOOL_STORAGE_PAGES, 64, BLOCKS,
				 &self->id));
	ASSERT_EQ(0, pool_attach(self->other, "share", NULL));
	ASSERT_EQ(0, blocks_take(self->client, self->id, self->handles, 3, 0, NULL));
}

FIXTURE_TEARDOWN(share)
{
	close(self->client);
	close(self->other);
}

TEST_F(share, block_is_free_when_the_last_lets_go)
{
	__u32 done;

	EXPECT_EQ(0, blocks_share(self->client, self->handles, 2, self->number, &done));
	EXPECT_EQ(2, done);
	EXPECT_EQ(OURS, block_check(self->client, self->handles[0]));
	EXPECT_EQ(OURS, block_check(self->other, self->handles[0]));
	EXPECT_EQ(0, block_free(self->client, self->handles[0]));
	EXPECT_EQ(3, pool_in_use(self->client, self->id));
	EXPECT_EQ(EPERM, block_free(self->client, self->handles[0]));
	EXPECT_EQ(MINE, block_check(self->other, self->handles[0]));
	EXPECT_EQ(0, block_free(self->other, self->handles[0]));
	EXPECT_EQ(2, pool_in_use(self->client, self->id));
	EXPECT_EQ(EALREADY, block_free(self->other, self->handles[0]));
	EXPECT_EQ(0, blocks_free(self->other, &self->handles[1], 1, NULL));
	EXPECT_EQ(MINE, block_check(self->client, self->handles[1]));
}

TEST_F(share, holder_that_dies_lets_go_of_its_holds_only)
{
	EXPECT_EQ(0, blocks_share(self->client, self->handles, 3, self->number, NULL));
	EXPECT_EQ(0, block_free(self->client, self->handles[2]));
	close(self->other);
	EXPECT_EQ(2, pool_in_use(self->client, self->id));
	EXPECT_EQ(MINE, block_check(self->client, self->handles[0]));
	EXPECT_EQ(0, block_free(self->client, self->handles[0]));
	self->other = client_open();
}

TEST_F(share, with_one_that_has_the_block_or_with_oneself_changes_nothing)
{
	EXPECT_EQ(0, blocks_share(self->client, self->handles, 1, self->number, NULL));
	EXPECT_EQ(0, blocks_share(self->client, self->handles, 1, self->number, NULL));
	EXPECT_EQ(0, blocks_share(self->client, self->handles, 1, client_number(self->client),
				  NULL));
	EXPECT_EQ(0, block_free(self->client, self->handles[0]));
	EXPECT_EQ(0, block_free(self->other, self->handles[0]));
	EXPECT_EQ(2, pool_in_use(self->client, self->id));
}

TEST_F(share, has_a_limit_of_holders)
{
	int clients[MOST_HOLDERS];

	for (int i = 1; i <= MOST_HOLDERS; i++) {
		int holder = client_open();

		clients[i - 1] = holder;
		ASSERT_LE(0, holder);
		ASSERT_EQ(0, pool_attach(holder, "share", NULL));
		EXPECT_EQ(i < MOST_HOLDERS ? 0 : EBUSY,
			  blocks_share(self->client, self->handles, 1, client_number(holder),
				       NULL));
	}
	EXPECT_EQ(0, block_free(self->client, self->handles[0]));
	EXPECT_EQ(3, pool_in_use(self->client, self->id));
	for (int i = 0; i < MOST_HOLDERS; i++)
		close(clients[i]);
	EXPECT_EQ(2, pool_in_use(self->client, self->id));
}

TEST_F(share, of_what_one_does_not_hold_is_refused)
{
	__u32 done;

	EXPECT_EQ(EPERM, blocks_share(self->other, self->handles, 1, self->number, &done));
	EXPECT_EQ(0, done);
	EXPECT_EQ(EPERM, blocks_share(self->other, self->handles, 1, client_number(self->client),
				      &done));
	EXPECT_EQ(0, block_free(self->client, self->handles[1]));
	EXPECT_EQ(ESTALE, blocks_share(self->client, self->handles, 3, self->number, &done));
	EXPECT_EQ(1, done);
	EXPECT_EQ(OURS, block_check(self->client, self->handles[0]));
	EXPECT_EQ(MINE, block_check(self->client, self->handles[2]));
}

TEST_F(share, with_nobody_is_refused)
{
	int stranger = client_open();

	EXPECT_EQ(ESRCH, blocks_share(self->client, self->handles, 1, 0, NULL));
	EXPECT_EQ(ENOTCONN, blocks_share(self->client, self->handles, 1, client_number(stranger),
					 NULL));
	close(stranger);
	EXPECT_EQ(MINE, block_check(self->client, self->handles[0]));
}

TEST_F(share, bad_arguments_are_refused)
{
	struct fixedpool_share share = {
		.handles = (uintptr_t)self->handles,
		.count = 1,
		.client = self->number,
	};

	for (int bit = 0; bit < 32; bit++) {
		share.flags = 1U << bit;
		EXPECT_EQ(EINVAL, call(self->client, FIXEDPOOL_IOC_SHARE, &share));
	}
	EXPECT_EQ(EINVAL, blocks_share(self->client, self->handles, 0, self->number, NULL));
	EXPECT_EQ(EINVAL, blocks_share(self->client, self->handles, FIXEDPOOL_MAX_BATCH + 1,
				       self->number, NULL));
	EXPECT_EQ(EFAULT, blocks_share(self->client, NULL, 1, self->number, NULL));
	EXPECT_EQ(MINE, block_check(self->client, self->handles[0]));
}

TEST_HARNESS_MAIN
