// SPDX-License-Identifier: GPL-2.0
/*
 * Pools that grow: when and how far, what the new blocks are like, and what
 * stops them. (That they get smaller again: shrink_test.)
 */
#include "fixedpool_test.h"
#include "fault.h"

#define POOL "grow"
#define BLOCKS 10
#define MAX_BLOCKS 200
#define BLOCK_SIZE 1000

FIXTURE(growing)
{
	int client;
	__u32 id;
	struct fixedpool_pool_info info;
	__u64 handles[MAX_BLOCKS + 1];
};

FIXTURE_VARIANT(growing)
{
	__u32 storage;
	__u32 flags;
};

FIXTURE_VARIANT_ADD(growing, pages) { .storage = FIXEDPOOL_STORAGE_PAGES };
FIXTURE_VARIANT_ADD(growing, slab) { .storage = FIXEDPOOL_STORAGE_SLAB };
FIXTURE_VARIANT_ADD(growing, poisoned_pages) { .flags = FIXEDPOOL_POOL_POISON };

static struct fixedpool_pool_create growing_parameters(__u32 storage, __u32 flags)
{
	struct fixedpool_pool_create parameters = pool_parameters(POOL);

	parameters.storage = storage;
	parameters.block_size = BLOCK_SIZE;
	parameters.blocks = BLOCKS;
	parameters.max_blocks = MAX_BLOCKS;
	parameters.flags |= flags;
	return parameters;
}

static __u32 blocks_now(int client, __u32 id)
{
	struct fixedpool_pool_info info;

	return pool_info(client, id, &info) ? UINT32_MAX : info.blocks;
}

#define BLOCKS_NOW blocks_now(self->client, self->id)

static bool block_is(int client, __u64 handle, unsigned char expected)
{
	unsigned char bytes[BLOCK_SIZE];

	if (block_read(client, handle, 0, bytes, sizeof(bytes)))
		return false;
	for (size_t i = 0; i < sizeof(bytes); i++)
		if (bytes[i] != expected)
			return false;
	return true;
}

FIXTURE_SETUP(growing)
{
	struct fixedpool_pool_create parameters =
		growing_parameters(variant->storage, variant->flags);

	self->client = client_open();
	ASSERT_LE(0, self->client);
	ASSERT_EQ(0, call(self->client, FIXEDPOOL_IOC_POOL_CREATE, &parameters));
	self->id = parameters.id;
	ASSERT_EQ(0, pool_info(self->client, self->id, &self->info));
}

FIXTURE_TEARDOWN(growing)
{
	close(self->client);
}

TEST_F(growing, begins_with_what_was_asked_for)
{
	EXPECT_EQ(BLOCKS, self->info.blocks);
	EXPECT_EQ(MAX_BLOCKS, self->info.max_blocks);
	EXPECT_EQ(BLOCKS, self->info.reserve);
	EXPECT_EQ(0, self->info.in_use);
	EXPECT_EQ(BLOCKS, sysfs_number(POOL, "blocks"));
	EXPECT_EQ(MAX_BLOCKS, sysfs_number(POOL, "max_blocks"));
	EXPECT_EQ(BLOCKS, sysfs_number(POOL, "free"));
	EXPECT_EQ(0, sysfs_number(POOL, "grows"));
	EXPECT_GT(MAX_BLOCKS * BLOCK_SIZE, sysfs_number(POOL, "bytes"));
}

TEST_F(growing, does_not_grow_as_long_as_there_are_enough)
{
	for (int round = 0; round < 3; round++) {
		ASSERT_EQ(0, blocks_take(self->client, self->id, self->handles, BLOCKS, 0, NULL));
		ASSERT_EQ(0, blocks_free(self->client, self->handles, BLOCKS, NULL));
	}
	EXPECT_EQ(BLOCKS, BLOCKS_NOW);
	EXPECT_EQ(0, sysfs_number(POOL, "grows"));
}

TEST_F(growing, grows_by_a_chunk_for_one_block_more)
{
	__u32 chunk = self->info.chunk_blocks ?: 1;
	long long bytes = sysfs_number(POOL, "bytes");

	ASSERT_EQ(0, blocks_take(self->client, self->id, self->handles, BLOCKS, 0, NULL));
	EXPECT_NE(0, block_take(self->client, self->id));
	EXPECT_LT(BLOCKS, BLOCKS_NOW);
	EXPECT_GE(BLOCKS + chunk, BLOCKS_NOW);
	/* Where the first blocks left room in a chunk, that goes first. */
	while (sysfs_number(POOL, "grows") == 0) {
		ASSERT_EQ(bytes, sysfs_number(POOL, "bytes"));
		ASSERT_NE(0, block_take(self->client, self->id));
	}
	EXPECT_EQ(1, sysfs_number(POOL, "grows"));
	EXPECT_LT(bytes, sysfs_number(POOL, "bytes"));
	EXPECT_EQ(0, sysfs_number(POOL, "failures"));
}

TEST_F(growing, grows_exactly_as_far_as_it_may)
{
	__u32 taken = 0;

	while (taken <= MAX_BLOCKS) {
		self->handles[taken] = block_take(self->client, self->id);
		if (!self->handles[taken])
			break;
		taken++;
	}
	EXPECT_EQ(MAX_BLOCKS, taken);
	EXPECT_EQ(ENOBUFS, blocks_take(self->client, self->id, self->handles, 1, 0, NULL));
	EXPECT_TRUE(handles_are_distinct(&self->info, self->handles, taken));
	ASSERT_EQ(0, pool_info(self->client, self->id, &self->info));
	EXPECT_EQ(MAX_BLOCKS, self->info.blocks);
	EXPECT_EQ(MAX_BLOCKS, self->info.in_use);
	EXPECT_EQ(MAX_BLOCKS, self->info.peak);
	EXPECT_EQ(2, sysfs_number(POOL, "failures"));
	EXPECT_EQ(0, sysfs_number(POOL, "grow_failures"));
	EXPECT_EQ(0, blocks_free(self->client, self->handles, taken, NULL));
	EXPECT_TRUE(pool_has_free(self->client, self->id, MAX_BLOCKS));
}

TEST_F(growing, grows_for_many_at_once)
{
	EXPECT_EQ(0, blocks_take(self->client, self->id, self->handles, MAX_BLOCKS, 0, NULL));
	EXPECT_TRUE(handles_are_distinct(&self->info, self->handles, MAX_BLOCKS));
	EXPECT_EQ(MAX_BLOCKS, BLOCKS_NOW);
}

TEST_F(growing, does_not_grow_for_more_than_there_can_be)
{
	EXPECT_EQ(ENOBUFS, blocks_take(self->client, self->id, self->handles, MAX_BLOCKS + 1, 0,
				       NULL));
	EXPECT_EQ(BLOCKS, BLOCKS_NOW);
	EXPECT_EQ(0, sysfs_number(POOL, "grow_failures"));
}

TEST_F(growing, grows_for_those_who_would_take_fewer)
{
	__u32 done;

	EXPECT_EQ(0, blocks_take(self->client, self->id, self->handles, MAX_BLOCKS + 1,
				 FIXEDPOOL_ALLOC_PARTIAL, &done));
	EXPECT_EQ(MAX_BLOCKS, done);
}

TEST_F(growing, has_new_blocks_that_are_clean)
{
	unsigned char clean = variant->flags & FIXEDPOOL_POOL_POISON ? FIXEDPOOL_POISON : 0;

	ASSERT_EQ(0, blocks_take(self->client, self->id, self->handles, MAX_BLOCKS, 0, NULL));
	for (int i = 0; i < MAX_BLOCKS; i++)
		ASSERT_TRUE(block_is(self->client, self->handles[i], clean));
	EXPECT_EQ(0, sysfs_number(POOL, "poison_hits"));
}

TEST_F(growing, has_new_blocks_that_are_apart)
{
	ASSERT_EQ(0, blocks_take(self->client, self->id, self->handles, MAX_BLOCKS, 0, NULL));
	for (int i = 0; i < MAX_BLOCKS; i++) {
		unsigned char bytes[BLOCK_SIZE];

		memset(bytes, i, sizeof(bytes));
		ASSERT_EQ(0, block_write(self->client, self->handles[i], 0, bytes,
					 sizeof(bytes)));
	}
	for (int i = 0; i < MAX_BLOCKS; i++)
		ASSERT_TRUE(block_is(self->client, self->handles[i], i));
}

TEST_F(growing, refuses_handles_of_blocks_that_it_has_not_yet)
{
	__u32 slot = self->info.first_slot + MAX_BLOCKS - 1;

	/* One that might be right, and one that is not even of the pool. */
	for (__u32 version = 1; version < 64; version += 2) {
		__u64 handle = FIXEDPOOL_HANDLE(version, slot);

		ASSERT_NE(0, block_free(self->client, handle));
		ASSERT_EQ(0, block_check(self->client, handle));
	}
	EXPECT_EQ(ERANGE, block_free(self->client, FIXEDPOOL_HANDLE(1, slot + 1)));
	EXPECT_EQ(BLOCKS, BLOCKS_NOW);
}

TEST_F(growing, grows_for_the_cache_of_a_client)
{
	__u32 indices[MAX_BLOCKS];
	struct fixedpool_cache_fill fill = {
		.pool = self->id,
		.count = MAX_BLOCKS,
		.blocks = (uintptr_t)indices,
	};

	if (variant->storage == FIXEDPOOL_STORAGE_SLAB) {
		EXPECT_EQ(ENODEV, call(self->client, FIXEDPOOL_IOC_CACHE_FILL, &fill));
		EXPECT_EQ(BLOCKS, BLOCKS_NOW);
		return;
	}
	EXPECT_EQ(0, call(self->client, FIXEDPOOL_IOC_CACHE_FILL, &fill));
	EXPECT_EQ(MAX_BLOCKS, fill.done);
}

TEST_F(growing, grows_before_a_bigger_one_of_its_set_gives)
{
	struct fixedpool_set_create set = { .count = 2 };
	struct fixedpool_alloc alloc = { .flags = FIXEDPOOL_ALLOC_BY_SIZE };
	__u32 pools[2] = { self->id };

	ASSERT_EQ(0, pool_create(self->client, "bigger", 0, 2 * BLOCK_SIZE, 50, &pools[1]));
	name_set(set.name, POOL);
	set.pools = (uintptr_t)pools;
	ASSERT_EQ(0, call(self->client, FIXEDPOOL_IOC_SET_CREATE, &set));
	alloc.pool = set.id;
	alloc.size = BLOCK_SIZE;
	alloc.count = MAX_BLOCKS + 1;
	alloc.handles = (uintptr_t)self->handles;
	EXPECT_EQ(0, call(self->client, FIXEDPOOL_IOC_ALLOC, &alloc));
	EXPECT_EQ(MAX_BLOCKS, pool_in_use(self->client, self->id));
	EXPECT_EQ(1, pool_in_use(self->client, pools[1]));
}

#define TAKERS 4

struct taker {
	pthread_t thread;
	int client;
	__u32 id;
	int error;
	__u32 taken;
	__u64 handles[MAX_BLOCKS + 1];
};

static void *take_until_empty(void *argument)
{
	struct taker *taker = argument;

	while (!taker->error && taker->taken <= MAX_BLOCKS) {
		taker->error = blocks_take(taker->client, taker->id,
					   taker->handles + taker->taken, 1, 0, NULL);
		taker->taken += !taker->error;
	}
	return NULL;
}

TEST_F(growing, gives_each_block_once_to_many_who_make_it_grow)
{
	struct taker takers[TAKERS] = {};
	__u32 taken = 0;

	for (int i = 0; i < TAKERS; i++) {
		takers[i].client = self->client;
		takers[i].id = self->id;
		ASSERT_EQ(0, pthread_create(&takers[i].thread, NULL, take_until_empty,
					    &takers[i]));
	}
	for (int i = 0; i < TAKERS; i++) {
		ASSERT_EQ(0, pthread_join(takers[i].thread, NULL));
		EXPECT_EQ(ENOBUFS, takers[i].error);
		ASSERT_GE(MAX_BLOCKS, taken + takers[i].taken);
		memcpy(self->handles + taken, takers[i].handles,
		       takers[i].taken * sizeof(*self->handles));
		taken += takers[i].taken;
	}
	EXPECT_EQ(MAX_BLOCKS, taken);
	EXPECT_TRUE(handles_are_distinct(&self->info, self->handles, taken));
}

TEST_F(growing, ends_while_somebody_makes_it_grow)
{
	struct fixedpool_pool_create parameters =
		growing_parameters(variant->storage, variant->flags);

	for (int round = 0; round < 20; round++) {
		struct taker taker = { .client = client_open() };

		ASSERT_LE(0, taker.client);
		ASSERT_EQ(0, pool_destroy(self->client, POOL));
		close(self->client);
		self->client = client_open();
		ASSERT_EQ(0, call(self->client, FIXEDPOOL_IOC_POOL_CREATE, &parameters));
		ASSERT_EQ(0, pool_attach(taker.client, POOL, &taker.id));
		ASSERT_EQ(0, pthread_create(&taker.thread, NULL, take_until_empty, &taker));
		if (round % 2) {
			ASSERT_EQ(0, pool_detach(taker.client, taker.id));
		}
		ASSERT_EQ(0, pthread_join(taker.thread, NULL));
		EXPECT_TRUE(taker.error == ENOBUFS || taker.error == ENXIO);
		close(taker.client);
		EXPECT_TRUE(EVENTUALLY(pool_in_use(self->client, parameters.id) == 0));
		self->id = parameters.id;
	}
}

/* What is mapped of a pool that grows. */
FIXTURE(mapped)
{
	int client;
	__u32 id;
	struct fixedpool_pool_info info;
	__u64 handles[MAX_BLOCKS];
	unsigned char *data;
	volatile __u32 *versions;
};

FIXTURE_VARIANT(mapped)
{
	__u32 block_size;
	__u32 align;
	__u32 flags;
};

FIXTURE_VARIANT_ADD(mapped, small) { .block_size = 100 };
FIXTURE_VARIANT_ADD(mapped, a_page) { .block_size = 4096, .align = 4096 };
FIXTURE_VARIANT_ADD(mapped, large) { .block_size = 20000 };
FIXTURE_VARIANT_ADD(mapped, revocable)
{
	.block_size = 4096,
	.align = 4096,
	.flags = FIXEDPOOL_POOL_REVOCABLE,
};

static void *map(int client, __u64 offset, size_t length)
{
	return mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, client, offset);
}

FIXTURE_SETUP(mapped)
{
	struct fixedpool_pool_create parameters = growing_parameters(0, variant->flags);

	ASSERT_TRUE(faults_catch());
	parameters.block_size = variant->block_size;
	parameters.align = variant->align;
	self->client = client_open();
	ASSERT_LE(0, self->client);
	ASSERT_EQ(0, call(self->client, FIXEDPOOL_IOC_POOL_CREATE, &parameters));
	self->id = parameters.id;
	ASSERT_EQ(0, pool_info(self->client, self->id, &self->info));
	self->data = map(self->client, self->info.data_offset, self->info.data_length);
	ASSERT_NE(MAP_FAILED, self->data);
	self->versions = map(self->client, self->info.versions_offset, self->info.versions_length);
	ASSERT_NE(MAP_FAILED, self->versions);
}

FIXTURE_TEARDOWN(mapped)
{
	munmap(self->data, self->info.data_length);
	close(self->client);
}

static unsigned char *block_at(FIXTURE_DATA(mapped) *self, const unsigned char *data, __u32 index)
{
	return (unsigned char *)data + block_offset(&self->info, index);
}

static __u32 last_chunk(FIXTURE_DATA(mapped) *self)
{
	return self->info.data_length - self->info.chunk_size;
}

TEST_F(mapped, has_room_for_all_and_shows_what_there_is)
{
	EXPECT_LE(block_offset(&self->info, MAX_BLOCKS - 1) + variant->block_size,
		  self->info.data_length);
	EXPECT_LE(MAX_BLOCKS * sizeof(__u32), self->info.versions_length);
	EXPECT_EQ(-1, peek(self->data + last_chunk(self)));
	EXPECT_EQ(-1, peek(self->data + self->info.data_length - 1));
	for (__u32 i = 0; i < MAX_BLOCKS; i++)
		EXPECT_EQ(0, self->versions[i] % 2);
	if (!variant->flags)
		EXPECT_EQ(0, peek(block_at(self, self->data, BLOCKS - 1)));
}

TEST_F(mapped, shows_blocks_that_came_later)
{
	unsigned char *later;

	EXPECT_EQ(-1, peek(self->data + last_chunk(self)));
	ASSERT_EQ(0, blocks_take(self->client, self->id, self->handles, MAX_BLOCKS, 0, NULL));
	for (__u32 i = 0; i < MAX_BLOCKS; i++) {
		__u32 index = block_index(&self->info, self->handles[i]);
		unsigned char *block = block_at(self, self->data, index);
		unsigned char byte = i;

		ASSERT_EQ(FIXEDPOOL_HANDLE_VERSION(self->handles[i]), self->versions[index]);
		ASSERT_EQ(0, peek(block));
		block[0] = i;
		ASSERT_EQ(0, block_write(self->client, self->handles[i], variant->block_size - 1,
					 &byte, 1));
	}
	later = map(self->client, self->info.data_offset, self->info.data_length);
	ASSERT_NE(MAP_FAILED, later);
	for (__u32 i = 0; i < MAX_BLOCKS; i++) {
		__u32 index = block_index(&self->info, self->handles[i]);

		ASSERT_EQ((unsigned char)i, peek(block_at(self, self->data, index) +
						 variant->block_size - 1));
		ASSERT_EQ((unsigned char)i, peek(block_at(self, later, index)));
	}
	munmap(later, self->info.data_length);
}

TEST_F(mapped, shows_later_blocks_to_a_child_that_has_inherited_it)
{
	unsigned char *end = self->data + self->info.data_length;
	int looked[2], grown[2];
	pid_t child;
	char go;

	ASSERT_EQ(0, pipe(looked));
	ASSERT_EQ(0, pipe(grown));
	child = fork();
	if (child == 0) {
		REQUIRE(peek(self->data + last_chunk(self)) == -1);
		REQUIRE(write(looked[1], "", 1) == 1);
		REQUIRE(read(grown[0], &go, 1) == 1);
		REQUIRE(peek(self->data + last_chunk(self)) == 77);
		_exit(0);
	}
	ASSERT_EQ(1, read(looked[0], &go, 1));
	ASSERT_EQ(0, blocks_take(self->client, self->id, self->handles, MAX_BLOCKS, 0, NULL));
	ASSERT_GT(end, self->data + last_chunk(self));
	self->data[last_chunk(self)] = 77;
	ASSERT_EQ(1, write(grown[1], "", 1));
	EXPECT_EQ(0, child_verdict(child));
}

/* What stops a pool from growing. */
#define USER 4001
#define PARAMETER "/sys/module/fixedpool/parameters/max_bytes"

static bool put(const char *path, const char *text)
{
	int file = open(path, O_WRONLY | O_CLOEXEC);
	bool done = file >= 0 && write(file, text, strlen(text)) > 0;

	close(file);
	return done;
}

FIXTURE(limited)
{
	int client;
};

FIXTURE_VARIANT(limited)
{
	__u32 storage;
};

FIXTURE_VARIANT_ADD(limited, pages) { .storage = FIXEDPOOL_STORAGE_PAGES };
FIXTURE_VARIANT_ADD(limited, slab) { .storage = FIXEDPOOL_STORAGE_SLAB };

FIXTURE_SETUP(limited)
{
	self->client = client_open();
	ASSERT_LE(0, self->client);
}

FIXTURE_TEARDOWN(limited)
{
	close(self->client);
	put(PARAMETER, "0");
}

/* Takes all that can be had of a new pool; how many, or -1. */
static int take_all(int client, __u32 storage)
{
	struct fixedpool_pool_create parameters = growing_parameters(storage, 0);
	static __u64 handles[MAX_BLOCKS];
	__u32 done;

	if (call(client, FIXEDPOOL_IOC_POOL_CREATE, &parameters))
		return -1;
	if (blocks_take(client, parameters.id, handles, MAX_BLOCKS, FIXEDPOOL_ALLOC_PARTIAL,
			&done))
		return -1;
	if (done < MAX_BLOCKS && block_take(client, parameters.id))
		return -1;
	return done;
}

TEST_F(limited, by_what_its_creator_may_lock)
{
	const struct rlimit limit = { 128 * 1024, 128 * 1024 };
	pid_t child = fork();

	if (child == 0) {
		REQUIRE(!setrlimit(RLIMIT_MEMLOCK, &limit));
		REQUIRE(!setresgid(USER, USER, USER));
		REQUIRE(!setresuid(USER, USER, USER));
		/* Again and again: what one has given back, the next one gets. */
		for (int round = 0; round < 5; round++) {
			int client = client_open();
			int taken;

			client = client < 0 ? self->client : client;
			taken = take_all(client, variant->storage);
			REQUIRE(taken > MAX_BLOCKS / 4 && taken < 128);
			REQUIRE(sysfs_number(POOL, "grow_failures") > 0);
			REQUIRE(sysfs_number(POOL, "blocks") == taken);
			REQUIRE(sysfs_number(POOL, "bytes") <= 128 * 1024);
			REQUIRE(!pool_destroy(client, POOL));
			close(client);
			if (client == self->client)
				break;
			REQUIRE(EVENTUALLY(sysfs_number(POOL, "blocks") < 0));
		}
		_exit(0);
	}
	EXPECT_EQ(0, child_verdict(child));
}

TEST_F(limited, by_what_its_creator_may_lock_whoever_makes_it_grow)
{
	struct fixedpool_pool_create parameters = growing_parameters(variant->storage, 0);
	const struct rlimit limit = { 128 * 1024, 128 * 1024 };
	static __u64 handles[MAX_BLOCKS];
	int created[2], taken[2];
	pid_t child;
	__u32 id, done;
	char go;

	ASSERT_EQ(0, pipe(created));
	ASSERT_EQ(0, pipe(taken));
	child = fork();
	if (child == 0) {
		REQUIRE(!setrlimit(RLIMIT_MEMLOCK, &limit));
		REQUIRE(!setresgid(USER, USER, USER));
		REQUIRE(!setresuid(USER, USER, USER));
		REQUIRE(!call(self->client, FIXEDPOOL_IOC_POOL_CREATE, &parameters));
		REQUIRE(write(created[1], "", 1) == 1);
		REQUIRE(read(taken[0], &go, 1) == 1);
		_exit(0);
	}
	ASSERT_EQ(1, read(created[0], &go, 1));
	int other = client_open();

	ASSERT_EQ(0, pool_attach(other, POOL, &id));
	EXPECT_EQ(0, blocks_take(other, id, handles, MAX_BLOCKS, FIXEDPOOL_ALLOC_PARTIAL, &done));
	EXPECT_GT(128, done);
	EXPECT_LT(MAX_BLOCKS / 4, done);
	EXPECT_EQ(ENOBUFS, blocks_take(other, id, handles, 1, 0, NULL));
	ASSERT_EQ(1, write(taken[1], "", 1));
	EXPECT_EQ(0, child_verdict(child));
	close(other);
}

TEST_F(limited, by_the_bytes_of_all_pools)
{
	for (int round = 0; round < 5; round++) {
		int client = client_open();
		int taken;

		ASSERT_TRUE(put(PARAMETER, "131072"));
		taken = take_all(client, variant->storage);
		EXPECT_LT(MAX_BLOCKS / 4, taken);
		EXPECT_GT(128, taken);
		EXPECT_LT(0, sysfs_number(POOL, "grow_failures"));
		ASSERT_TRUE(put(PARAMETER, "0"));
		close(client);
		ASSERT_TRUE(EVENTUALLY(sysfs_number(POOL, "blocks") < 0));
	}
	EXPECT_EQ(MAX_BLOCKS, take_all(self->client, variant->storage));
}

TEST_HARNESS_MAIN
