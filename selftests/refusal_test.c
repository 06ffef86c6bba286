// SPDX-License-Identifier: GPL-2.0
/*
 * ENOBUFS only if too few blocks are free, wherever these are on their way at this
 * moment.
 *
 * An owner has a share of the pool, which he takes and gives back again and again,
 * block by block, so by way of magazines. The rest is held. At the same time as he a
 * poller asks for more than can be free: that has free blocks moved about, and takes
 * none. So the owner must get his share each time.
 */
#include "fixedpool_test.h"

#include <sched.h>
#include <stdatomic.h>

/* Enough for the largest magazines, and a rack. */
#define BLOCKS 8192
#define SECONDS 5
/* So that no word of the depot has two blocks of a magazine: these take longest to
 * put there.
 */
#define STRIDE 67

/* This CPU is taken offline. */
#define CPU 1
#define CPU_ONLINE "/sys/devices/system/cpu/cpu1/online"
#define CPUS_ONLINE "/sys/devices/system/cpu/online"
#define ROUNDS 10

/* A pool of which so many blocks are left. */
static int make_and_hold(int client, __u32 left, __u32 *id)
{
	__u64 handles[FIXEDPOOL_MAX_BATCH];
	__u32 rest = BLOCKS - left;
	int error = pool_create(client, "refusal", FIXEDPOOL_STORAGE_PAGES, 64, BLOCKS, id);

	while (rest && !error) {
		__u32 count = rest < FIXEDPOOL_MAX_BATCH ? rest : FIXEDPOOL_MAX_BATCH;

		error = blocks_take(client, *id, handles, count, 0, NULL);
		rest -= count;
	}
	return error;
}

FIXTURE(refusal)
{
	int client;
	__u32 id;
	atomic_uint turn;
	atomic_bool over;
	int poller_error;
	__u64 handles[FIXEDPOOL_MAX_BATCH];
};

FIXTURE_VARIANT(refusal)
{
	__u32 share;
	__u32 flags;
};

FIXTURE_VARIANT_ADD(refusal, of_all) { .share = 200 };
FIXTURE_VARIANT_ADD(refusal, of_all_of_many) { .share = 1000 };
FIXTURE_VARIANT_ADD(refusal, of_a_part) { .share = 200, .flags = FIXEDPOOL_ALLOC_PARTIAL };

FIXTURE_SETUP(refusal)
{
	self->client = client_open();
	ASSERT_LE(0, self->client);
	ASSERT_EQ(0, make_and_hold(self->client, variant->share, &self->id));
}

FIXTURE_TEARDOWN(refusal)
{
	close(self->client);
}

static void *poll_in_turn(void *argument)
{
	FIXTURE_DATA(refusal) *self = argument;
	__u64 handles[FIXEDPOOL_MAX_BATCH];
	unsigned int turn = 0;

	while (!atomic_load(&self->over) && !self->poller_error) {
		while (atomic_load(&self->turn) == turn && !atomic_load(&self->over))
			sched_yield();
		turn = atomic_load(&self->turn);
		if (blocks_take(self->client, self->id, handles, FIXEDPOOL_MAX_BATCH, 0, NULL) !=
		    ENOBUFS)
			self->poller_error = 1;
	}
	return NULL;
}

static int free_scattered(FIXTURE_DATA(refusal) *self, __u32 count)
{
	int error = 0;

	for (__u32 first = 0; first < STRIDE; first++)
		for (__u32 i = first; i < count && !error; i += STRIDE)
			error = block_free(self->client, self->handles[i]);
	return error;
}

TEST_F(refusal, never_meets_who_asks_for_what_is_free)
{
	__u32 calls = 0, refused = 0, done;
	time_t end = time(NULL) + SECONDS;
	pthread_t poller;

	ASSERT_EQ(0, pthread_create(&poller, NULL, poll_in_turn, self));
	for (; time(NULL) < end; calls++) {
		int error;

		atomic_fetch_add(&self->turn, 1);
		error = blocks_take(self->client, self->id, self->handles, variant->share,
				    variant->flags, &done);
		if (error != ENOBUFS)
			ASSERT_EQ(0, error);
		refused += done < variant->share;
		ASSERT_EQ(0, free_scattered(self, done));
	}
	atomic_store(&self->over, true);
	ASSERT_EQ(0, pthread_join(poller, NULL));
	EXPECT_EQ(0, self->poller_error);
	EXPECT_EQ(0, refused) {
		TH_LOG("%u of %u calls", refused, calls);
	}
}

FIXTURE(offline)
{
	int client;
	__u32 id;
	__u64 handles[FIXEDPOOL_MAX_BATCH];
};

FIXTURE_SETUP(offline)
{
	self->client = client_open();
	ASSERT_LE(0, self->client);
	ASSERT_EQ(0, make_and_hold(self->client, FIXEDPOOL_MAX_BATCH, &self->id));
}

static int set_online(char online)
{
	int file = open(CPU_ONLINE, O_WRONLY | O_CLOEXEC);
	int error = write(file, &online, 1) == 1 ? 0 : errno;

	close(file);
	return error;
}

FIXTURE_TEARDOWN(offline)
{
	set_online('1');
	close(self->client);
}

static int stay_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return sched_setaffinity(0, sizeof(set), &set) ? errno : 0;
}

static void *take_offline(void *error)
{
	atomic_store((atomic_int *)error, set_online('0'));
	return NULL;
}

/* As soon as the CPU runs nothing any more, though more is to be done. */
static bool is_offline(void)
{
	char cpus[2] = "";
	int file = open(CPUS_ONLINE, O_RDONLY | O_CLOEXEC);
	bool offline = read(file, cpus, 2) == 2 && memcmp(cpus, "0-", 2);

	close(file);
	return offline;
}

/* A share lies in the magazine of a CPU, and on the rack, when the CPU goes. */
TEST_F(offline, cpu_keeps_nobody_from_what_lies_in_its_magazine)
{
	__u32 refused = 0;

	if (access(CPU_ONLINE, W_OK))
		SKIP(return, "no CPU can be taken offline here");
	for (int i = 0; i < ROUNDS; i++) {
		atomic_int error = 0;
		pthread_t thread;

		ASSERT_EQ(0, blocks_take(self->client, self->id, self->handles,
					 FIXEDPOOL_MAX_BATCH, 0, NULL));
		ASSERT_EQ(0, stay_on(CPU));
		for (__u32 k = 0; k < FIXEDPOOL_MAX_BATCH; k++)
			ASSERT_EQ(0, block_free(self->client, self->handles[k]));
		ASSERT_EQ(0, stay_on(0));
		ASSERT_EQ(0, pthread_create(&thread, NULL, take_offline, &error));
		while (!is_offline() && !atomic_load(&error))
			;
		if (blocks_take(self->client, self->id, self->handles, FIXEDPOOL_MAX_BATCH, 0,
				NULL))
			refused++;
		else
			ASSERT_EQ(0, blocks_free(self->client, self->handles, FIXEDPOOL_MAX_BATCH,
						 NULL));
		ASSERT_EQ(0, pthread_join(thread, NULL));
		ASSERT_EQ(0, atomic_load(&error));
		ASSERT_EQ(0, set_online('1'));
	}
	EXPECT_EQ(0, refused);
}

TEST_HARNESS_MAIN
