// SPDX-License-Identifier: GPL-2.0
/*
 * Pools that have grown give memory back when the system wants it: what goes,
 * what stays, and that nobody who uses the pool meanwhile notices. Memory is
 * short when we say so: drop_caches calls the shrinkers.
 */
#include "fixedpool_test.h"
#include "fault.h"

#include <sys/uio.h>

#define POOL "shrink"
#define BLOCKS 10
#define RESERVE 7
#define MAX_BLOCKS 200
#define BLOCK_SIZE 1000

static bool memory_is_short(void)
{
	int file = open("/proc/sys/vm/drop_caches", O_WRONLY | O_CLOEXEC);
	/* 4: no line in the log each time */
	bool done = file >= 0 && pwrite(file, "4", 1, 0) == 1 && pwrite(file, "2", 1, 0) == 1;

	close(file);
	return done;
}

FIXTURE(shrinking)
{
	int client;
	__u32 id;
	struct fixedpool_pool_info info;
	long long bytes;
	__u64 handles[MAX_BLOCKS];
};

FIXTURE_VARIANT(shrinking)
{
	__u32 storage;
	__u32 block_size;
	__u32 reserve;
	__u32 flags;
};

FIXTURE_VARIANT_ADD(shrinking, pages)
{
	.block_size = BLOCK_SIZE,
};

FIXTURE_VARIANT_ADD(shrinking, pages_with_a_reserve)
{
	.block_size = BLOCK_SIZE,
	.reserve = RESERVE,
};

FIXTURE_VARIANT_ADD(shrinking, large_pages)
{
	.block_size = 3 * 4096,
	.reserve = RESERVE,
};

FIXTURE_VARIANT_ADD(shrinking, poisoned_pages)
{
	.block_size = BLOCK_SIZE,
	.flags = FIXEDPOOL_POOL_POISON,
};

FIXTURE_VARIANT_ADD(shrinking, slab)
{
	.storage = FIXEDPOOL_STORAGE_SLAB,
	.block_size = BLOCK_SIZE,
};

FIXTURE_VARIANT_ADD(shrinking, slab_with_a_reserve)
{
	.storage = FIXEDPOOL_STORAGE_SLAB,
	.block_size = BLOCK_SIZE,
	.reserve = RESERVE,
};

static __u32 blocks_now(int client, __u32 id)
{
	struct fixedpool_pool_info info;

	return pool_info(client, id, &info) ? UINT32_MAX : info.blocks;
}

#define BLOCKS_NOW blocks_now(self->client, self->id)

FIXTURE_SETUP(shrinking)
{
	struct fixedpool_pool_create parameters = pool_parameters(POOL);

	parameters.storage = variant->storage;
	parameters.block_size = variant->block_size;
	parameters.blocks = BLOCKS;
	parameters.reserve = variant->reserve;
	parameters.max_blocks = MAX_BLOCKS;
	parameters.flags |= variant->flags;
	self->client = client_open();
	ASSERT_LE(0, self->client);
	ASSERT_EQ(0, call(self->client, FIXEDPOOL_IOC_POOL_CREATE, &parameters));
	self->id = parameters.id;
	ASSERT_EQ(0, pool_info(self->client, self->id, &self->info));
	self->bytes = sysfs_number(POOL, "bytes");
	ASSERT_EQ(0, blocks_take(self->client, self->id, self->handles, MAX_BLOCKS, 0, NULL));
	ASSERT_EQ(MAX_BLOCKS, BLOCKS_NOW);
}

FIXTURE_TEARDOWN(shrinking)
{
	close(self->client);
}

static __u32 chunk_blocks(const struct fixedpool_pool_info *info)
{
	return info->chunk_blocks ?: 1;
}

/* Blocks of as many chunks as some blocks need. */
static __u32 whole_chunks(const struct fixedpool_pool_info *info, __u32 blocks)
{
	__u32 each = chunk_blocks(info);

	return (blocks + each - 1) / each * each;
}

/* What is left when nobody uses anything. */
static __u32 least(const struct fixedpool_pool_info *info)
{
	return whole_chunks(info, info->reserve);
}

static bool is_alive(int client, __u64 handle)
{
	return block_check(client, handle) == (FIXEDPOOL_CHECK_ALIVE | FIXEDPOOL_CHECK_MINE);
}

TEST_F(shrinking, nothing_goes_as_long_as_all_is_held)
{
	ASSERT_TRUE(memory_is_short());
	EXPECT_EQ(MAX_BLOCKS, BLOCKS_NOW);
	EXPECT_EQ(0, sysfs_number(POOL, "shrinks"));
}

TEST_F(shrinking, all_goes_but_the_reserve)
{
	ASSERT_EQ(0, blocks_free(self->client, self->handles, MAX_BLOCKS, NULL));
	ASSERT_TRUE(memory_is_short());
	EXPECT_EQ(least(&self->info), BLOCKS_NOW);
	EXPECT_EQ(least(&self->info), sysfs_number(POOL, "free"));
	EXPECT_EQ((MAX_BLOCKS + chunk_blocks(&self->info) - 1) / chunk_blocks(&self->info) -
		  least(&self->info) / chunk_blocks(&self->info),
		  sysfs_number(POOL, "shrinks"));
	if (whole_chunks(&self->info, BLOCKS) == least(&self->info)) {
		EXPECT_EQ(self->bytes, sysfs_number(POOL, "bytes"));
	} else {
		EXPECT_GT(self->bytes, sysfs_number(POOL, "bytes"));
	}
	EXPECT_EQ(MAX_BLOCKS, sysfs_number(POOL, "peak"));
}

struct waiting {
	int client;
	__u32 id;
	__u64 handles[MAX_BLOCKS];
	__u32 done;
	int result;
};

static void *wait_for_all(void *argument)
{
	struct waiting *waiting = argument;
	struct fixedpool_alloc alloc = {
		.pool = waiting->id,
		.flags = FIXEDPOOL_ALLOC_WAIT,
		.count = MAX_BLOCKS,
		.handles = (uintptr_t)waiting->handles,
	};
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	alloc.timeout = (time.tv_sec + 60) * 1000000000ULL;
	waiting->result = call(waiting->client, FIXEDPOOL_IOC_ALLOC, &alloc);
	waiting->done = alloc.done;
	return NULL;
}

/* Nobody else could make the pool grow again as long as he waits. */
TEST_F(shrinking, nothing_goes_that_somebody_waits_for)
{
	static struct waiting waiting;
	pthread_t thread;

	waiting.client = self->client;
	waiting.id = self->id;
	ASSERT_EQ(0, pthread_create(&thread, NULL, wait_for_all, &waiting));
	EXPECT_TRUE(EVENTUALLY(sysfs_number(POOL, "waiters") == 1));
	ASSERT_EQ(0, blocks_free(self->client, self->handles, MAX_BLOCKS / 2, NULL));
	ASSERT_TRUE(memory_is_short());
	EXPECT_EQ(MAX_BLOCKS, BLOCKS_NOW);
	ASSERT_EQ(0, blocks_free(self->client, self->handles + MAX_BLOCKS / 2, MAX_BLOCKS / 2,
				 NULL));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0, waiting.result);
	EXPECT_EQ(MAX_BLOCKS, waiting.done);
}

/* One that has just failed to grow tries again for him. */
TEST_F(shrinking, what_is_gone_comes_back_for_who_waits)
{
	static struct waiting waiting;
	pthread_t thread;

	/* it cannot have them all yet, so it does not grow at once */
	ASSERT_EQ(0, blocks_free(self->client, self->handles, MAX_BLOCKS - 1, NULL));
	ASSERT_TRUE(memory_is_short());
	EXPECT_GT(MAX_BLOCKS, BLOCKS_NOW);
	waiting.client = self->client;
	waiting.id = self->id;
	ASSERT_EQ(0, pthread_create(&thread, NULL, wait_for_all, &waiting));
	EXPECT_TRUE(EVENTUALLY(sysfs_number(POOL, "waiters") == 1));
	ASSERT_EQ(0, block_free(self->client, self->handles[MAX_BLOCKS - 1]));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0, waiting.result);
	EXPECT_EQ(MAX_BLOCKS, waiting.done);
}

TEST_F(shrinking, a_chunk_stays_of_which_one_block_is_held)
{
	__u32 kept = MAX_BLOCKS - 1;
	char text[] = "kept", read[sizeof(text)] = "";

	/* The last handle is of the last block, as they were taken in order. */
	ASSERT_EQ(MAX_BLOCKS - 1, block_index(&self->info, self->handles[kept]));
	ASSERT_EQ(0, block_write(self->client, self->handles[kept], 0, text, sizeof(text)));
	ASSERT_EQ(0, blocks_free(self->client, self->handles, kept, NULL));
	ASSERT_TRUE(memory_is_short());
	EXPECT_GE(whole_chunks(&self->info, self->info.reserve), BLOCKS_NOW);
	EXPECT_LE(self->info.reserve, BLOCKS_NOW);
	EXPECT_LT(0, sysfs_number(POOL, "shrinks"));
	EXPECT_EQ(1, pool_in_use(self->client, self->id));
	EXPECT_TRUE(is_alive(self->client, self->handles[kept]));
	EXPECT_EQ(0, block_read(self->client, self->handles[kept], 0, read, sizeof(read)));
	EXPECT_STREQ(text, read);
	EXPECT_EQ(0, block_free(self->client, self->handles[kept]));
}

TEST_F(shrinking, it_grows_again_and_old_handles_stay_dead)
{
	__u64 again[MAX_BLOCKS];

	for (int round = 0; round < 5; round++) {
		ASSERT_EQ(0, blocks_free(self->client, self->handles, MAX_BLOCKS, NULL));
		ASSERT_TRUE(memory_is_short());
		ASSERT_EQ(least(&self->info), BLOCKS_NOW);
		for (int i = 0; i < MAX_BLOCKS; i++) {
			ASSERT_EQ(0, block_check(self->client, self->handles[i]));
			ASSERT_EQ(EALREADY, block_free(self->client, self->handles[i]));
		}
		ASSERT_EQ(0, blocks_take(self->client, self->id, again, MAX_BLOCKS, 0, NULL));
		ASSERT_TRUE(handles_are_distinct(&self->info, again, MAX_BLOCKS));
		for (int i = 0; i < MAX_BLOCKS; i++) {
			ASSERT_EQ(0, block_check(self->client, self->handles[i]));
			ASSERT_EQ(ESTALE, block_free(self->client, self->handles[i]));
			ASSERT_TRUE(is_alive(self->client, again[i]));
		}
		memcpy(self->handles, again, sizeof(again));
	}
	EXPECT_EQ(MAX_BLOCKS, BLOCKS_NOW);
	EXPECT_EQ(ENOBUFS, blocks_take(self->client, self->id, again, 1, 0, NULL));
}

TEST_F(shrinking, what_comes_again_is_clean)
{
	unsigned char clean = variant->flags & FIXEDPOOL_POOL_POISON ? FIXEDPOOL_POISON : 0;
	unsigned char bytes[BLOCK_SIZE];

	memset(bytes, 0x5a, sizeof(bytes));
	for (int i = 0; i < MAX_BLOCKS; i++)
		ASSERT_EQ(0, block_write(self->client, self->handles[i], 0, bytes,
					 sizeof(bytes)));
	ASSERT_EQ(0, blocks_free(self->client, self->handles, MAX_BLOCKS, NULL));
	ASSERT_TRUE(memory_is_short());
	ASSERT_EQ(0, blocks_take(self->client, self->id, self->handles, MAX_BLOCKS, 0, NULL));
	for (int i = 0; i < MAX_BLOCKS; i++) {
		if (block_index(&self->info, self->handles[i]) < least(&self->info))
			continue;
		ASSERT_EQ(0, block_read(self->client, self->handles[i], 0, bytes, sizeof(bytes)));
		for (size_t at = 0; at < sizeof(bytes); at++)
			ASSERT_EQ(clean, bytes[at]);
	}
}

TEST_F(shrinking, every_other_chunk_can_go)
{
	__u32 each = chunk_blocks(&self->info), left = 0;

	for (int i = 0; i < MAX_BLOCKS; i++) {
		if (block_index(&self->info, self->handles[i]) / each % 2 == 1) {
			ASSERT_EQ(0, block_free(self->client, self->handles[i]));
			self->handles[i] = 0;
		} else {
			left++;
		}
	}
	ASSERT_TRUE(memory_is_short());
	EXPECT_EQ(left, BLOCKS_NOW);
	EXPECT_EQ(left, pool_in_use(self->client, self->id));
	for (int i = 0; i < MAX_BLOCKS; i++)
		ASSERT_TRUE(!self->handles[i] || is_alive(self->client, self->handles[i]));
	/* It grows into the holes. */
	for (int i = 0; i < MAX_BLOCKS; i++) {
		if (!self->handles[i])
			self->handles[i] = block_take(self->client, self->id);
		ASSERT_NE(0, self->handles[i]);
	}
	EXPECT_TRUE(handles_are_distinct(&self->info, self->handles, MAX_BLOCKS));
	EXPECT_EQ(MAX_BLOCKS, BLOCKS_NOW);
}

TEST(a_pool_that_does_not_grow_gives_nothing_back)
{
	struct fixedpool_pool_create parameters = pool_parameters(POOL);
	int client = client_open();

	parameters.blocks = MAX_BLOCKS;
	parameters.reserve = 1;
	ASSERT_EQ(0, call(client, FIXEDPOOL_IOC_POOL_CREATE, &parameters));
	ASSERT_TRUE(memory_is_short());
	EXPECT_EQ(MAX_BLOCKS, blocks_now(client, parameters.id));
	close(client);
}

/* What processes have mapped. */
FIXTURE(visible)
{
	int client;
	__u32 id;
	struct fixedpool_pool_info info;
	__u64 handles[MAX_BLOCKS];
	unsigned char *data;
};

static void *map(int client, const struct fixedpool_pool_info *info)
{
	return mmap(NULL, info->data_length, PROT_READ | PROT_WRITE, MAP_SHARED, client,
		    info->data_offset);
}

FIXTURE_SETUP(visible)
{
	struct fixedpool_pool_create parameters = pool_parameters(POOL);

	ASSERT_TRUE(faults_catch());
	parameters.block_size = BLOCK_SIZE;
	parameters.blocks = BLOCKS;
	parameters.max_blocks = MAX_BLOCKS;
	self->client = client_open();
	ASSERT_LE(0, self->client);
	ASSERT_EQ(0, call(self->client, FIXEDPOOL_IOC_POOL_CREATE, &parameters));
	self->id = parameters.id;
	ASSERT_EQ(0, pool_info(self->client, self->id, &self->info));
	ASSERT_EQ(0, blocks_take(self->client, self->id, self->handles, MAX_BLOCKS, 0, NULL));
	self->data = map(self->client, &self->info);
	ASSERT_NE(MAP_FAILED, self->data);
	for (size_t i = 0; i < self->info.data_length; i += PAGE)
		self->data[i] = 1 + i / PAGE;
	ASSERT_EQ(0, blocks_free(self->client, self->handles, MAX_BLOCKS, NULL));
}

FIXTURE_TEARDOWN(visible)
{
	munmap(self->data, self->info.data_length);
	close(self->client);
}

TEST_F(visible, nothing_goes_as_long_as_it_is_mapped)
{
	ASSERT_TRUE(memory_is_short());
	EXPECT_EQ(MAX_BLOCKS, BLOCKS_NOW);
	for (size_t i = 0; i < self->info.data_length; i += PAGE)
		ASSERT_EQ((unsigned char)(1 + i / PAGE), peek(self->data + i));
	ASSERT_EQ(0, munmap(self->data, self->info.data_length));
	ASSERT_TRUE(memory_is_short());
	EXPECT_EQ(least(&self->info), BLOCKS_NOW);
}

TEST_F(visible, nothing_goes_as_long_as_a_child_has_it_mapped)
{
	int ready[2], go[2];
	pid_t child;
	char byte;

	ASSERT_EQ(0, pipe(ready));
	ASSERT_EQ(0, pipe(go));
	child = fork();
	if (child == 0) {
		REQUIRE(write(ready[1], "", 1) == 1);
		REQUIRE(read(go[0], &byte, 1) == 1);
		for (size_t i = 0; i < self->info.data_length; i += PAGE)
			REQUIRE(peek(self->data + i) == (unsigned char)(1 + i / PAGE));
		_exit(0);
	}
	ASSERT_EQ(1, read(ready[0], &byte, 1));
	ASSERT_EQ(0, munmap(self->data, self->info.data_length));
	ASSERT_TRUE(memory_is_short());
	EXPECT_EQ(MAX_BLOCKS, BLOCKS_NOW);
	ASSERT_EQ(1, write(go[1], "", 1));
	EXPECT_EQ(0, child_verdict(child));
	EXPECT_TRUE(memory_is_short());
	EXPECT_EQ(least(&self->info), BLOCKS_NOW);
}

/* What whoever maps the pool now sees at @offset. */
static int peek_anew(FIXTURE_DATA(visible) *self, size_t offset)
{
	unsigned char *data = map(self->client, &self->info);
	int byte = data == MAP_FAILED ? -3 : peek(data + offset);

	munmap(data, self->info.data_length);
	return byte;
}

TEST_F(visible, one_page_that_is_mapped_keeps_its_chunk)
{
	size_t last = self->info.data_length - PAGE;

	ASSERT_EQ(0, munmap(self->data, last));
	ASSERT_TRUE(memory_is_short());
	EXPECT_EQ((unsigned char)(1 + last / PAGE), peek_anew(self, last));
	EXPECT_EQ((unsigned char)(1 + last / PAGE), peek(self->data + last));
	EXPECT_LT(0, sysfs_number(POOL, "shrinks"));
	EXPECT_GT(MAX_BLOCKS, BLOCKS_NOW);
	EXPECT_LE(self->info.reserve, BLOCKS_NOW);
	ASSERT_EQ(0, munmap(self->data + last, PAGE));
	/* Then another one can be the last. */
	ASSERT_TRUE(memory_is_short());
	EXPECT_EQ(least(&self->info), BLOCKS_NOW);
}

TEST_F(visible, a_page_that_is_pinned_keeps_its_chunk)
{
	size_t last = self->info.data_length - PAGE;
	struct iovec page = { self->data + last, PAGE };
	unsigned char bytes[PAGE];
	int pipes[2];

	ASSERT_EQ(0, pipe(pipes));
	ASSERT_EQ(PAGE, vmsplice(pipes[1], &page, 1, 0));
	ASSERT_EQ(0, munmap(self->data, self->info.data_length));
	ASSERT_TRUE(memory_is_short());
	EXPECT_LT(0, sysfs_number(POOL, "shrinks"));
	long long left = sysfs_number(POOL, "bytes");

	/* Whoever grows and shrinks the rest does not get it. */
	for (int round = 0; round < 3; round++) {
		ASSERT_EQ(0, blocks_take(self->client, self->id, self->handles, MAX_BLOCKS - 50, 0,
					 NULL));
		ASSERT_EQ(0, blocks_free(self->client, self->handles, MAX_BLOCKS - 50, NULL));
		ASSERT_TRUE(memory_is_short());
		ASSERT_EQ(left, sysfs_number(POOL, "bytes"));
	}
	EXPECT_EQ((unsigned char)(1 + last / PAGE), peek_anew(self, last));
	ASSERT_EQ(PAGE, read(pipes[0], bytes, PAGE));
	EXPECT_EQ((unsigned char)(1 + last / PAGE), bytes[0]);
	ASSERT_TRUE(memory_is_short());
	EXPECT_EQ(least(&self->info), BLOCKS_NOW);
}

TEST_F(visible, what_is_gone_is_sigbus_until_it_comes_again)
{
	size_t last = self->info.data_length - PAGE;

	ASSERT_EQ(0, madvise(self->data, self->info.data_length, MADV_DONTNEED));
	ASSERT_TRUE(memory_is_short());
	ASSERT_EQ(least(&self->info), BLOCKS_NOW);
	EXPECT_EQ(-1, peek(self->data + last));
	EXPECT_EQ(1, peek(self->data));
	ASSERT_EQ(0, blocks_take(self->client, self->id, self->handles, MAX_BLOCKS, 0, NULL));
	EXPECT_EQ(0, peek(self->data + last));
	EXPECT_EQ(1, peek(self->data));
}

/* Those who use a pool while it gets smaller all the time. */
#define USERS 3
#define HELD 40

struct user {
	pthread_t thread;
	const struct fixedpool_pool_info *info;
	int client;
	__u32 id;
	__u32 number;
	__u32 rounds;
	bool maps;
	const char *wrong;
	int error;
};

#define CHECK(user, condition) do {				\
	errno = 0;						\
	if (!(condition)) {					\
		(user)->wrong = #condition;			\
		(user)->error = errno;				\
		return false;					\
	}							\
} while (0)

static bool stop;

static bool play_bytes(struct user *user, const __u64 *handles, unsigned char *data)
{
	for (__u32 i = 0; i < HELD; i++) {
		__u64 mark = handles[i] ^ user->number;

		CHECK(user, !block_write(user->client, handles[i], 8, &mark, sizeof(mark)));
	}
	for (__u32 i = 0; i < HELD; i++) {
		__u64 mark = 0;

		CHECK(user, !block_read(user->client, handles[i], 8, &mark, sizeof(mark)));
		CHECK(user, mark == (handles[i] ^ user->number));
		if (!data)
			continue;
		memcpy(&mark, data + block_offset(user->info, block_index(user->info, handles[i])) +
		       8, sizeof(mark));
		CHECK(user, mark == (handles[i] ^ user->number));
	}
	return true;
}

static bool play_round(struct user *user)
{
	__u64 handles[HELD];
	unsigned char *data = NULL;

	CHECK(user, !blocks_take(user->client, user->id, handles, HELD, 0, NULL));
	if (user->maps) {
		data = map(user->client, user->info);
		CHECK(user, data != MAP_FAILED);
	}
	if (!play_bytes(user, handles, data))
		return false;
	CHECK(user, !data || !munmap(data, user->info->data_length));
	CHECK(user, !blocks_free(user->client, handles, HELD, NULL));
	CHECK(user, block_check(user->client, handles[0]) == 0);
	return true;
}

static void *play(void *argument)
{
	struct user *user = argument;

	while (user->rounds-- && play_round(user))
		;
	return NULL;
}

static void *press(void *argument)
{
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		if (!memory_is_short())
			return "no pressure";
		sched_yield();
	}
	return NULL;
}

FIXTURE(pressed)
{
	int client;
	__u32 id;
	struct fixedpool_pool_info info;
};

FIXTURE_VARIANT(pressed)
{
	__u32 storage;
	__u32 max_blocks;
	bool maps;
};

FIXTURE_VARIANT_ADD(pressed, pages) { .max_blocks = MAX_BLOCKS };
FIXTURE_VARIANT_ADD(pressed, mapped_pages) { .max_blocks = MAX_BLOCKS, .maps = true };
FIXTURE_VARIANT_ADD(pressed, slab)
{
	.storage = FIXEDPOOL_STORAGE_SLAB,
	.max_blocks = MAX_BLOCKS,
};

FIXTURE_VARIANT_ADD(pressed, pages_with_magazines) { .max_blocks = 20000 };

FIXTURE_SETUP(pressed)
{
	struct fixedpool_pool_create parameters = pool_parameters(POOL);

	parameters.storage = variant->storage;
	parameters.block_size = 100;
	parameters.blocks = BLOCKS;
	parameters.reserve = 1;
	parameters.max_blocks = variant->max_blocks;
	self->client = client_open();
	ASSERT_LE(0, self->client);
	ASSERT_EQ(0, call(self->client, FIXEDPOOL_IOC_POOL_CREATE, &parameters));
	self->id = parameters.id;
	ASSERT_EQ(0, pool_info(self->client, self->id, &self->info));
	stop = false;
}

FIXTURE_TEARDOWN(pressed)
{
	close(self->client);
}

TEST_F(pressed, nobody_notices)
{
	struct user users[USERS] = {};
	pthread_t presser;
	void *failed;

	ASSERT_EQ(0, pthread_create(&presser, NULL, press, NULL));
	for (__u32 i = 0; i < USERS; i++) {
		users[i] = (struct user) {
			.info = &self->info,
			.client = self->client,
			.id = self->id,
			.number = i,
			.rounds = rounds_wanted("FIXEDPOOL_SHRINK_ROUNDS", 200),
			.maps = variant->maps,
		};
		ASSERT_EQ(0, pthread_create(&users[i].thread, NULL, play, &users[i]));
	}
	for (__u32 i = 0; i < USERS; i++) {
		ASSERT_EQ(0, pthread_join(users[i].thread, NULL));
		EXPECT_EQ(NULL, users[i].wrong) {
			TH_LOG("not so: %s (errno %d, %u rounds left)",
			       users[i].wrong ?: "", users[i].error, users[i].rounds);
		}
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	ASSERT_EQ(0, pthread_join(presser, &failed));
	EXPECT_EQ(NULL, failed);
	EXPECT_LT(0, sysfs_number(POOL, "grows"));
	/* The last that a worker was asked for may still be on its way: a block that
	 * it moves from a magazine is in use for a moment, and keeps its chunk.
	 */
	EXPECT_TRUE(EVENTUALLY(pool_in_use(self->client, self->id) == 0));
	/* that the presser had a turn before is most likely, and not certain */
	EXPECT_TRUE(EVENTUALLY(memory_is_short() && BLOCKS_NOW == least(&self->info)));
	EXPECT_LT(0, sysfs_number(POOL, "shrinks"));
	EXPECT_EQ(least(&self->info), BLOCKS_NOW);
	EXPECT_EQ(BLOCKS_NOW, sysfs_number(POOL, "free"));
	EXPECT_TRUE(variant->max_blocks > FIXEDPOOL_MAX_BATCH ||
		    pool_has_free(self->client, self->id, variant->max_blocks));
}

TEST(pools_come_and_go_under_pressure)
{
	pthread_t presser;
	void *failed;

	stop = false;
	ASSERT_EQ(0, pthread_create(&presser, NULL, press, NULL));
	for (int round = 0; round < 60; round++) {
		struct fixedpool_pool_create parameters = pool_parameters(POOL);
		static __u64 handles[500];
		int client = client_open();

		parameters.storage = round % 2;
		parameters.reserve = 1 + round % 16;
		parameters.max_blocks = 500;
		ASSERT_EQ(0, call(client, FIXEDPOOL_IOC_POOL_CREATE, &parameters));
		ASSERT_EQ(0, blocks_take(client, parameters.id, handles, 500, 0, NULL));
		ASSERT_EQ(0, blocks_free(client, handles, 100 + round, NULL));
		if (round % 3)
			sched_yield();
		close(client);
		ASSERT_TRUE(EVENTUALLY(sysfs_number(POOL, "blocks") < 0));
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	ASSERT_EQ(0, pthread_join(presser, &failed));
	EXPECT_EQ(NULL, failed);
}

TEST_HARNESS_MAIN
