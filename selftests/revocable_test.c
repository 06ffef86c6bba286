// SPDX-License-Identifier: GPL-2.0
/*
 * A mapping of a revocable pool shows the blocks that its client holds, and a
 * touch of any other is SIGBUS at the instruction that does it.
 */
#include "fixedpool_test.h"
#include "fault.h"

#define POOL "revocable"
#define BLOCKS 20
#define REVOCABLE FIXEDPOOL_POOL_REVOCABLE

FIXTURE(revocable)
{
	int client;
	__u32 id;
	struct fixedpool_pool_info info;
	char *data;
};

FIXTURE_VARIANT(revocable)
{
	unsigned int pages;
	__u32 flags;
};

FIXTURE_VARIANT_ADD(revocable, page) { .pages = 1 };
FIXTURE_VARIANT_ADD(revocable, three_pages) { .pages = 3 };
FIXTURE_VARIANT_ADD(revocable, zeroed) { .pages = 2, .flags = FIXEDPOOL_POOL_ZERO_ON_FREE };

static struct fixedpool_pool_create revocable_parameters(unsigned int pages)
{
	struct fixedpool_pool_create parameters = pool_parameters(POOL);

	parameters.block_size = pages * PAGE;
	parameters.align = PAGE;
	parameters.blocks = BLOCKS;
	parameters.flags |= REVOCABLE;
	return parameters;
}

static char *map(int client, const struct fixedpool_pool_info *info)
{
	return mmap(NULL, info->data_length, PROT_READ | PROT_WRITE, MAP_SHARED, client,
		    info->data_offset);
}

FIXTURE_SETUP(revocable)
{
	struct fixedpool_pool_create parameters = revocable_parameters(variant->pages);

	ASSERT_TRUE(faults_catch());
	self->client = client_open();
	ASSERT_LE(0, self->client);
	parameters.flags |= variant->flags;
	ASSERT_EQ(0, call(self->client, FIXEDPOOL_IOC_POOL_CREATE, &parameters));
	self->id = parameters.id;
	ASSERT_EQ(0, pool_info(self->client, self->id, &self->info));
	self->data = map(self->client, &self->info);
	ASSERT_NE(MAP_FAILED, self->data);
}

FIXTURE_TEARDOWN(revocable)
{
	munmap(self->data, self->info.data_length);
	close(self->client);
}

static char *at(FIXTURE_DATA(revocable) *self, __u64 handle)
{
	return self->data + block_offset(&self->info, block_index(&self->info, handle));
}

/* Every page of a block is @expected, -1: not there. */
static bool block_shows(FIXTURE_DATA(revocable) *self, const char *block, int expected)
{
	for (size_t offset = 0; offset < self->info.block_size; offset += PAGE)
		if (peek(block + offset) != expected)
			return false;
	return true;
}

static bool block_fill(FIXTURE_DATA(revocable) *self, char *block, int value)
{
	for (size_t offset = 0; offset < self->info.block_size; offset += PAGE)
		if (poke(block + offset, value) != value)
			return false;
	return true;
}

TEST_F(revocable, says_what_it_is)
{
	EXPECT_EQ(REVOCABLE | FIXEDPOOL_POOL_AUTO_DESTROY | variant->flags, self->info.flags);
	EXPECT_EQ(self->info.block_size, self->info.stride);
	EXPECT_EQ(PAGE, self->info.align);
}

TEST_F(revocable, shows_nothing_of_what_is_not_held)
{
	for (size_t offset = 0; offset < self->info.data_length; offset += PAGE) {
		ASSERT_EQ(-1, peek(self->data + offset));
		ASSERT_EQ(-1, poke(self->data + offset, 1));
	}
}

TEST_F(revocable, shows_all_of_what_is_held_and_nothing_else)
{
	__u64 handles[BLOCKS];
	size_t shown = 0;

	ASSERT_EQ(0, blocks_take(self->client, self->id, handles, BLOCKS, 0, NULL));
	for (int i = 0; i < BLOCKS; i++)
		EXPECT_TRUE(block_fill(self, at(self, handles[i]), i + 1));
	for (int i = 0; i < BLOCKS; i++)
		EXPECT_TRUE(block_shows(self, at(self, handles[i]), i + 1));
	for (size_t offset = 0; offset < self->info.data_length; offset += PAGE)
		shown += peek(self->data + offset) >= 0;
	/* what is left over in chunks belongs to no block */
	EXPECT_EQ((size_t)BLOCKS * self->info.block_size / PAGE, shown);
}

TEST_F(revocable, shows_no_block_any_more_that_is_free)
{
	__u64 handles[3];

	ASSERT_EQ(0, blocks_take(self->client, self->id, handles, 3, 0, NULL));
	for (int i = 0; i < 3; i++)
		EXPECT_TRUE(block_fill(self, at(self, handles[i]), 7));
	EXPECT_EQ(0, block_free(self->client, handles[1]));
	EXPECT_TRUE(block_shows(self, at(self, handles[0]), 7));
	EXPECT_TRUE(block_shows(self, at(self, handles[1]), -1));
	EXPECT_TRUE(block_shows(self, at(self, handles[2]), 7));
	EXPECT_EQ(-1, poke(at(self, handles[1]), 1));
	/* and again once it is taken again */
	ASSERT_EQ(0, blocks_take(self->client, self->id, handles, 1, 0, NULL));
	EXPECT_LE(0, peek(at(self, handles[0])));
}

TEST_F(revocable, shows_a_given_block_to_the_receiver_alone)
{
	int other = client_open();
	char *theirs;
	size_t offset;
	__u64 handle;

	ASSERT_EQ(0, pool_attach(other, POOL, NULL));
	theirs = map(other, &self->info);
	ASSERT_NE(MAP_FAILED, theirs);
	handle = block_take(self->client, self->id);
	offset = at(self, handle) - self->data;
	EXPECT_TRUE(block_fill(self, self->data + offset, 9));
	EXPECT_TRUE(block_shows(self, theirs + offset, -1));
	EXPECT_EQ(0, block_give(self->client, handle, client_number(other)));
	EXPECT_TRUE(block_shows(self, self->data + offset, -1));
	EXPECT_TRUE(block_shows(self, theirs + offset, 9));
	EXPECT_EQ(0, block_free(other, handle));
	EXPECT_TRUE(block_shows(self, theirs + offset, -1));
	munmap(theirs, self->info.data_length);
	close(other);
}

TEST_F(revocable, takes_nothing_from_other_clients_and_other_pools)
{
	struct fixedpool_pool_info info;
	int other = client_open();
	__u64 mine, theirs, plain;
	char *data, *bytes;
	__u32 id;

	ASSERT_EQ(0, pool_attach(other, POOL, NULL));
	data = map(other, &self->info);
	ASSERT_EQ(0, pool_create(other, "plain", FIXEDPOOL_STORAGE_PAGES, PAGE, 8, &id));
	ASSERT_EQ(0, pool_info(other, id, &info));
	bytes = map(other, &info);
	ASSERT_NE(MAP_FAILED, data);
	ASSERT_NE(MAP_FAILED, bytes);
	mine = block_take(self->client, self->id);
	theirs = block_take(other, self->id);
	plain = block_take(other, id);
	EXPECT_TRUE(block_fill(self, at(self, mine), 1));
	EXPECT_TRUE(block_fill(self, data + (at(self, theirs) - self->data), 2));
	bytes[block_offset(&info, block_index(&info, plain))] = 3;
	EXPECT_EQ(0, block_free(self->client, mine));
	EXPECT_TRUE(block_shows(self, data + (at(self, theirs) - self->data), 2));
	EXPECT_EQ(3, peek(bytes + block_offset(&info, block_index(&info, plain))));
	EXPECT_EQ(0, block_free(other, plain));
	/* that pool is not revocable */
	EXPECT_EQ(3, peek(bytes + block_offset(&info, block_index(&info, plain))));
	munmap(data, self->info.data_length);
	munmap(bytes, info.data_length);
	close(other);
}

TEST_F(revocable, shows_nothing_after_detaching)
{
	__u64 handle = block_take(self->client, self->id);
	int other = client_open();

	ASSERT_EQ(0, pool_attach(other, POOL, NULL));
	EXPECT_TRUE(block_fill(self, at(self, handle), 5));
	EXPECT_EQ(0, pool_detach(self->client, self->id));
	EXPECT_TRUE(block_shows(self, at(self, handle), -1));
	/* nor after coming back: the mapping is of the time before */
	ASSERT_EQ(0, pool_attach(self->client, POOL, NULL));
	ASSERT_EQ(0, block_give(other, block_take(other, self->id), client_number(self->client)));
	EXPECT_TRUE(block_shows(self, at(self, handle), -1));
	close(other);
}

TEST_F(revocable, shows_nothing_after_the_last_close)
{
	__u64 handle = block_take(self->client, self->id);
	int other = client_open();

	ASSERT_EQ(0, pool_attach(other, POOL, NULL));
	EXPECT_TRUE(block_fill(self, at(self, handle), 5));
	close(self->client);
	EXPECT_EQ(0, pool_in_use(other, self->id));
	EXPECT_TRUE(block_shows(self, at(self, handle), -1));
	self->client = other;
}

TEST_F(revocable, shows_on_after_the_name_is_gone)
{
	__u64 handle = block_take(self->client, self->id);

	EXPECT_TRUE(block_fill(self, at(self, handle), 5));
	EXPECT_EQ(0, pool_destroy(self->client, POOL));
	EXPECT_TRUE(block_shows(self, at(self, handle), 5));
	EXPECT_EQ(0, block_free(self->client, handle));
	EXPECT_TRUE(block_shows(self, at(self, handle), -1));
}

TEST_F(revocable, is_taken_out_of_children_too)
{
	__u64 handle = block_take(self->client, self->id);
	int pipes[2][2];
	char byte;
	pid_t child;

	ASSERT_EQ(0, pipe(pipes[0]));
	ASSERT_EQ(0, pipe(pipes[1]));
	EXPECT_TRUE(block_fill(self, at(self, handle), 6));
	child = fork();
	if (child == 0) {
		REQUIRE(block_shows(self, at(self, handle), 6));
		REQUIRE(write(pipes[0][1], "x", 1) == 1);
		REQUIRE(read(pipes[1][0], &byte, 1) == 1);
		REQUIRE(block_shows(self, at(self, handle), -1));
		REQUIRE(block_shows(self, self->data, -1));
		_exit(0);
	}
	ASSERT_EQ(1, read(pipes[0][0], &byte, 1));
	EXPECT_EQ(0, block_free(self->client, handle));
	ASSERT_EQ(1, write(pipes[1][1], "x", 1));
	EXPECT_EQ(0, child_verdict(child));
}

TEST_F(revocable, outlives_a_child_that_is_killed)
{
	__u64 handle = block_take(self->client, self->id);
	pid_t child;

	EXPECT_TRUE(block_fill(self, at(self, handle), 6));
	child = fork();
	if (child == 0) {
		REQUIRE(block_shows(self, at(self, handle), 6));
		kill(getpid(), SIGKILL);
	}
	EXPECT_EQ(128 + SIGKILL, child_verdict(child));
	EXPECT_TRUE(block_shows(self, at(self, handle), 6));
}

TEST_F(revocable, comes_back_from_a_client_that_is_killed)
{
	__u64 handles[BLOCKS];
	pid_t child = fork();

	if (child == 0) {
		int client = client_open();
		char *data;

		REQUIRE(!pool_attach(client, POOL, NULL));
		data = map(client, &self->info);
		REQUIRE(data != MAP_FAILED);
		REQUIRE(!blocks_take(client, self->id, handles, BLOCKS, 0, NULL));
		for (int i = 0; i < BLOCKS; i++)
			REQUIRE(block_fill(self, data + (at(self, handles[i]) - self->data), 4));
		kill(getpid(), SIGKILL);
	}
	EXPECT_EQ(128 + SIGKILL, child_verdict(child));
	EXPECT_TRUE(EVENTUALLY(pool_in_use(self->client, self->id) == 0));
	EXPECT_EQ(0, blocks_take(self->client, self->id, handles, BLOCKS, 0, NULL));
	for (int i = 0; i < BLOCKS; i++)
		EXPECT_TRUE(block_shows(self, at(self, handles[i]),
					variant->flags & FIXEDPOOL_POOL_ZERO_ON_FREE ? 0 : 4));
}

TEST_F(revocable, is_found_where_a_mapping_was_moved_to_and_cut)
{
	size_t half = self->info.chunk_size > PAGE ? self->info.chunk_size / 2 : PAGE;
	__u64 handles[BLOCKS];
	char *room, *moved;

	half = (half + PAGE - 1) / PAGE * PAGE;
	ASSERT_EQ(0, blocks_take(self->client, self->id, handles, BLOCKS, 0, NULL));
	for (int i = 0; i < BLOCKS; i++)
		EXPECT_TRUE(block_fill(self, at(self, handles[i]), i + 1));
	room = mmap(NULL, self->info.data_length, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, room);
	moved = mremap(self->data, self->info.data_length, self->info.data_length,
		       MREMAP_MAYMOVE | MREMAP_FIXED, room);
	ASSERT_EQ(room, moved);
	self->data = moved;
	/* a hole of one page, which splits it */
	ASSERT_EQ(0, munmap(moved + half, PAGE));
	for (int i = 0; i < BLOCKS; i++) {
		char *block = at(self, handles[i]);
		bool whole = moved + half < block || moved + half >= block + self->info.block_size;

		if (whole)
			EXPECT_TRUE(block_shows(self, block, i + 1));
		EXPECT_EQ(0, block_free(self->client, handles[i]));
		if (whole)
			EXPECT_TRUE(block_shows(self, block, -1));
	}
}

TEST_F(revocable, can_be_populated_with_what_is_held)
{
	__u64 handle = block_take(self->client, self->id);
	char *data = mmap(NULL, self->info.data_length, PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_POPULATE, self->client, self->info.data_offset);

	ASSERT_NE(MAP_FAILED, data);
	EXPECT_TRUE(block_shows(self, data + (at(self, handle) - self->data), 0));
	EXPECT_EQ(0, block_free(self->client, handle));
	EXPECT_TRUE(block_shows(self, data + (at(self, handle) - self->data), -1));
	munmap(data, self->info.data_length);
}

TEST_F(revocable, shows_versions_always)
{
	const __u32 *versions = mmap(NULL, self->info.versions_length, PROT_READ, MAP_SHARED,
				     self->client, self->info.versions_offset);
	__u64 handle;

	ASSERT_NE(MAP_FAILED, versions);
	for (int i = 0; i < BLOCKS; i++)
		EXPECT_EQ(0, versions[i] & 1);
	handle = block_take(self->client, self->id);
	EXPECT_EQ(FIXEDPOOL_HANDLE_VERSION(handle),
		  versions[block_index(&self->info, handle)]);
	EXPECT_EQ(0, block_free(self->client, handle));
	EXPECT_EQ(FIXEDPOOL_HANDLE_VERSION(handle) + 1,
		  versions[block_index(&self->info, handle)]);
	munmap((void *)versions, self->info.versions_length);
}

struct scribbler {
	char *data;
	size_t length;
	bool stop;
	unsigned long written, refused;
};

/* Writes everywhere, all the time. */
static void *scribble(void *argument)
{
	struct scribbler *scribbler = argument;

	while (!__atomic_load_n(&scribbler->stop, __ATOMIC_RELAXED)) {
		for (size_t offset = 0; offset < scribbler->length; offset += PAGE) {
			bool written = poke(scribbler->data + offset, 0xbb) == 0xbb;

			__atomic_add_fetch(written ? &scribbler->written : &scribbler->refused,
					   1, __ATOMIC_RELAXED);
		}
	}
	return NULL;
}

/* On a busy machine it may have its turn late. */
static bool had_its_turn(const struct scribbler *scribbler)
{
	return __atomic_load_n(&scribbler->written, __ATOMIC_RELAXED) &&
	       __atomic_load_n(&scribbler->refused, __ATOMIC_RELAXED);
}

TEST_F(revocable, lets_no_write_pass_that_comes_after_the_free)
{
	unsigned int rounds = rounds_wanted("FIXEDPOOL_ROUNDS", 400);
	struct scribbler scribbler = { .data = self->data, .length = self->info.data_length };
	int other = client_open();
	unsigned long wrong = 0;
	pthread_t thread;

	ASSERT_EQ(0, pool_attach(other, POOL, NULL));
	ASSERT_EQ(0, pthread_create(&thread, NULL, scribble, &scribbler));
	for (unsigned int round = 0;
	     round < rounds || (!had_its_turn(&scribbler) && round < 50 * rounds); round++) {
		__u64 handles[BLOCKS];
		char byte;

		/* those who scribble have them all, and lose them in one of the ways */
		ASSERT_EQ(0, blocks_take(self->client, self->id, handles, BLOCKS, 0, NULL));
		sched_yield();
		if (round % 2) {
			ASSERT_EQ(0, blocks_free(self->client, handles, BLOCKS, NULL));
			ASSERT_EQ(0, blocks_take(other, self->id, handles, BLOCKS,
						 FIXEDPOOL_ALLOC_ZERO, NULL));
		} else {
			ASSERT_EQ(0, blocks_give(self->client, handles, BLOCKS,
						 client_number(other), NULL));
			byte = 0;
			for (int i = 0; i < BLOCKS; i++)
				for (size_t at = 0; at < self->info.block_size; at += PAGE)
					block_write(other, handles[i], at, &byte, 1);
		}
		sched_yield();
		for (int i = 0; i < BLOCKS; i++) {
			for (size_t at = 0; at < self->info.block_size; at += PAGE) {
				ASSERT_EQ(0, block_read(other, handles[i], at, &byte, 1));
				wrong += byte != 0;
			}
		}
		ASSERT_EQ(0, blocks_free(other, handles, BLOCKS, NULL));
	}
	__atomic_store_n(&scribbler.stop, true, __ATOMIC_RELAXED);
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0, wrong);
	EXPECT_LT(0, scribbler.written);
	EXPECT_LT(0, scribbler.refused);
	close(other);
}

FIXTURE(refusal)
{
	int client;
	struct fixedpool_pool_create parameters;
};

FIXTURE_SETUP(refusal)
{
	self->client = client_open();
	ASSERT_LE(0, self->client);
	self->parameters = revocable_parameters(1);
}

FIXTURE_TEARDOWN(refusal)
{
	close(self->client);
}

TEST_F(refusal, is_not_there_for_what_is_right)
{
	EXPECT_EQ(0, call(self->client, FIXEDPOOL_IOC_POOL_CREATE, &self->parameters));
}

TEST_F(refusal, of_slab_storage)
{
	self->parameters.storage = FIXEDPOOL_STORAGE_SLAB;
	EXPECT_EQ(EINVAL, call(self->client, FIXEDPOOL_IOC_POOL_CREATE, &self->parameters));
}

TEST_F(refusal, of_blocks_that_are_not_whole_pages)
{
	self->parameters.block_size = PAGE + 64;
	EXPECT_EQ(EINVAL, call(self->client, FIXEDPOOL_IOC_POOL_CREATE, &self->parameters));
}

TEST_F(refusal, of_blocks_that_are_not_aligned_to_pages)
{
	self->parameters.align = 0;
	EXPECT_EQ(EINVAL, call(self->client, FIXEDPOOL_IOC_POOL_CREATE, &self->parameters));
	self->parameters.align = PAGE / 2;
	EXPECT_EQ(EINVAL, call(self->client, FIXEDPOOL_IOC_POOL_CREATE, &self->parameters));
}

TEST_HARNESS_MAIN
