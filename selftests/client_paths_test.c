// SPDX-License-Identifier: GPL-2.0
/*
 * Counters named after the way that blocks go: each moves when a block goes its
 * way, and those of what is taken add up.
 */
#include "fixedpool_test.h"

#include <sched.h>

#include "client/fixedpool_client.h"

#define POOL	"paths"
/* Magazines of this many blocks have room for two words of 64; smaller ones for
 * a word at most; and the smallest pool has none.
 */
#define LARGE	4096
#define MIDDLE	1024
#define SMALL	16

/* The test stays on one CPU, and so with one magazine. */
FIXTURE(paths)
{
	int client;
	__u32 id;
	__u64 handles[LARGE];
};

FIXTURE_SETUP(paths)
{
	cpu_set_t first;

	CPU_ZERO(&first);
	CPU_SET(0, &first);
	ASSERT_EQ(0, sched_setaffinity(0, sizeof(first), &first));
	self->client = client_open();
	ASSERT_LE(0, self->client);
}

FIXTURE_TEARDOWN(paths)
{
	close(self->client);
}

static int make(FIXTURE_DATA(paths) *self, __u32 blocks)
{
	return pool_create(self->client, POOL, FIXEDPOOL_STORAGE_PAGES, 64, blocks, &self->id);
}

static int take_singly(FIXTURE_DATA(paths) *self, unsigned int from, unsigned int count)
{
	for (unsigned int i = from; i < from + count; i++) {
		self->handles[i] = block_take(self->client, self->id);
		if (!self->handles[i])
			return ENOBUFS;
	}
	return 0;
}

static int free_singly(FIXTURE_DATA(paths) *self, unsigned int from, unsigned int count)
{
	int error = 0;

	for (unsigned int i = from; !error && i < from + count; i++)
		error = block_free(self->client, self->handles[i]);
	return error;
}

static long long taken(void)
{
	return sysfs_number(POOL, "taken_magazine") + sysfs_number(POOL, "taken_loading") +
	       sysfs_number(POOL, "taken_past") + sysfs_number(POOL, "taken_words");
}

TEST_F(paths, are_those_through_a_magazine_where_there_is_one)
{
	ASSERT_EQ(0, make(self, LARGE));
	ASSERT_EQ(0, take_singly(self, 0, 1));
	EXPECT_EQ(1, sysfs_number(POOL, "taken_loading"));
	EXPECT_EQ(1, sysfs_number(POOL, "loads_depot"));
	EXPECT_EQ(0, sysfs_number(POOL, "taken_magazine"));
	ASSERT_EQ(0, free_singly(self, 0, 1));
	ASSERT_EQ(0, take_singly(self, 0, 10));
	EXPECT_EQ(10, sysfs_number(POOL, "taken_magazine"));
	EXPECT_EQ(1, sysfs_number(POOL, "taken_loading"));
	EXPECT_EQ(0, sysfs_number(POOL, "taken_past"));
	EXPECT_EQ(0, sysfs_number(POOL, "given_past"));
	EXPECT_EQ(11, taken());
	EXPECT_EQ(11, sysfs_number(POOL, "allocs"));
}

TEST_F(paths, lead_past_the_magazines_where_there_are_none)
{
	ASSERT_EQ(0, make(self, SMALL));
	ASSERT_EQ(0, take_singly(self, 0, 5));
	EXPECT_EQ(5, sysfs_number(POOL, "taken_past"));
	ASSERT_EQ(0, free_singly(self, 0, 3));
	EXPECT_EQ(3, sysfs_number(POOL, "given_past"));
	EXPECT_EQ(0, sysfs_number(POOL, "taken_loading"));
	EXPECT_EQ(5, taken());
}

TEST_F(paths, of_many_blocks_go_by_the_word)
{
	ASSERT_EQ(0, make(self, LARGE));
	ASSERT_EQ(0, blocks_take(self->client, self->id, self->handles, 200, 0, NULL));
	EXPECT_EQ(200, sysfs_number(POOL, "taken_words"));
	EXPECT_EQ(0, sysfs_number(POOL, "given_words"));
	ASSERT_EQ(0, blocks_free(self->client, self->handles, 150, NULL));
	EXPECT_EQ(150, sysfs_number(POOL, "given_words"));
	EXPECT_EQ(200, taken());
	EXPECT_EQ(150, sysfs_number(POOL, "frees"));
}

TEST_F(paths, of_full_magazines_lead_to_the_rack_and_back)
{
	ASSERT_EQ(0, make(self, LARGE));
	ASSERT_EQ(0, take_singly(self, 0, 400));
	EXPECT_EQ(0, sysfs_number(POOL, "unloads_rack"));
	ASSERT_EQ(0, free_singly(self, 0, 400));
	EXPECT_LT(0, sysfs_number(POOL, "unloads_rack"));
	EXPECT_EQ(0, sysfs_number(POOL, "unloads_depot"));
	EXPECT_EQ(0, sysfs_number(POOL, "loads_rack"));
	ASSERT_EQ(0, take_singly(self, 0, 400));
	EXPECT_LT(0, sysfs_number(POOL, "loads_rack"));
	EXPECT_EQ(800, taken());
}

TEST_F(paths, of_small_magazines_lead_to_the_depot)
{
	ASSERT_EQ(0, make(self, MIDDLE));
	ASSERT_EQ(0, take_singly(self, 0, 200));
	ASSERT_EQ(0, free_singly(self, 0, 200));
	EXPECT_LT(0, sysfs_number(POOL, "unloads_depot"));
	EXPECT_EQ(0, sysfs_number(POOL, "unloads_rack"));
}

TEST_F(paths, are_shut_when_few_blocks_are_left)
{
	ASSERT_EQ(0, make(self, LARGE));
	for (unsigned int i = 0; i < LARGE - 128; i += 128)
		ASSERT_EQ(0, blocks_take(self->client, self->id, self->handles + i, 128, 0, NULL));
	EXPECT_EQ(0, sysfs_number(POOL, "shuts"));
	ASSERT_EQ(0, take_singly(self, LARGE - 128, 100));
	EXPECT_TRUE(EVENTUALLY(sysfs_number(POOL, "shuts") == 1));
	ASSERT_EQ(0, take_singly(self, LARGE - 28, 28));
	EXPECT_LT(0, sysfs_number(POOL, "taken_past"));
	ASSERT_EQ(0, free_singly(self, 0, 1));
	EXPECT_LT(0, sysfs_number(POOL, "given_past"));
}

static void *play(void *error)
{
	struct fixedpool_client_run run = {
		.scenario = "threads_and_nmis_never_share_one_of_many_blocks",
		.storage = FIXEDPOOL_STORAGE_PAGES,
	};
	int driver = open(FIXEDPOOL_CLIENT_DEVICE, O_RDWR | O_CLOEXEC);

	*(int *)error = driver < 0 ? errno : call(driver, FIXEDPOOL_CLIENT_IOC_RUN, &run);
	if (*(int *)error)
		fprintf(stderr, "# %s\n", run.failure);
	close(driver);
	return NULL;
}

/* The most that two counters have shown while a scenario was played; an errno. */
static int watch_play(long long *busy, long long *words)
{
	pthread_t player;
	int error = 0;

	if (pthread_create(&player, NULL, play, &error))
		return EAGAIN;
	while (pthread_tryjoin_np(player, NULL)) {
		long long now = sysfs_number("scenario", "busy");

		if (now > *busy)
			*busy = now;
		now = sysfs_number("scenario", "loads_word");
		if (now > *words)
			*words = now;
		usleep(1000);
	}
	return error;
}

/* In the kernel, where an interrupt comes while a magazine is in use, and where
 * whole words are given back. That is left to chance, and so is whether we look
 * before the pool is gone: hence more than once.
 */
TEST_F(paths, of_interrupts_that_meet_a_magazine_in_use_are_told)
{
	long long busy = 0, words = 0;

	for (int round = 0; round < 200 && (busy <= 0 || words <= 0); round++)
		ASSERT_EQ(0, watch_play(&busy, &words));
	EXPECT_LT(0, busy);
	EXPECT_LT(0, words);
}

TEST_HARNESS_MAIN
