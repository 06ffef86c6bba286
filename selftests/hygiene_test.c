// SPDX-License-Identifier: GPL-2.0
/* What is in a block when it is taken, and in a free one, by flag of its pool. */
#include "fixedpool_test.h"

#define POOL "hygiene"
#define SIZE 1000
#define BLOCKS 8
#define ZERO_ON_ALLOC FIXEDPOOL_POOL_ZERO_ON_ALLOC
#define ZERO_ON_FREE FIXEDPOOL_POOL_ZERO_ON_FREE
#define POISON FIXEDPOOL_POOL_POISON

FIXTURE(hygiene)
{
	int client;
	__u32 id;
	struct fixedpool_pool_info info;
};

FIXTURE_VARIANT(hygiene)
{
	__u32 storage;
};

FIXTURE_VARIANT_ADD(hygiene, pages) { .storage = FIXEDPOOL_STORAGE_PAGES };
FIXTURE_VARIANT_ADD(hygiene, slab) { .storage = FIXEDPOOL_STORAGE_SLAB };

FIXTURE_SETUP(hygiene)
{
	self->client = client_open();
	ASSERT_LE(0, self->client);
}

FIXTURE_TEARDOWN(hygiene)
{
	close(self->client);
}

static int create(FIXTURE_DATA(hygiene) *self, __u32 storage, __u32 flags, __u32 blocks)
{
	struct fixedpool_pool_create parameters = pool_parameters(POOL);
	int error;

	parameters.storage = storage;
	parameters.block_size = SIZE;
	parameters.blocks = blocks;
	parameters.flags |= flags;
	error = call(self->client, FIXEDPOOL_IOC_POOL_CREATE, &parameters);
	self->id = parameters.id;
	return error ?: pool_info(self->client, self->id, &self->info);
}

/* Offset of the first byte that is not @value, SIZE if there is none. */
static int other_than(const void *bytes, unsigned char value)
{
	for (int at = 0; at < SIZE; at++)
		if (((const unsigned char *)bytes)[at] != value)
			return at;
	return SIZE;
}

/* Takes a block, sees @expected in it, fills it and gives it back. */
static bool taken_block_holds(FIXTURE_DATA(hygiene) *self, unsigned char expected)
{
	unsigned char bytes[SIZE], ones[SIZE];
	__u64 handle = block_take(self->client, self->id);

	memset(ones, 0x11, SIZE);
	return handle && !block_read(self->client, handle, 0, bytes, SIZE) &&
	       other_than(bytes, expected) == SIZE &&
	       !block_write(self->client, handle, 0, ones, SIZE) &&
	       !block_free(self->client, handle);
}

TEST_F(hygiene, is_not_there_unless_asked_for)
{
	ASSERT_EQ(0, create(self, variant->storage, 0, 1));
	EXPECT_TRUE(taken_block_holds(self, 0));
	EXPECT_TRUE(taken_block_holds(self, 0x11));
}

TEST_F(hygiene, zeroes_on_allocation)
{
	ASSERT_EQ(0, create(self, variant->storage, ZERO_ON_ALLOC, 1));
	EXPECT_EQ(ZERO_ON_ALLOC | FIXEDPOOL_POOL_AUTO_DESTROY, self->info.flags);
	EXPECT_TRUE(taken_block_holds(self, 0));
	EXPECT_TRUE(taken_block_holds(self, 0));
}

TEST_F(hygiene, zeroes_on_free)
{
	ASSERT_EQ(0, create(self, variant->storage, ZERO_ON_FREE, 1));
	EXPECT_TRUE(taken_block_holds(self, 0));
	EXPECT_TRUE(taken_block_holds(self, 0));
}

TEST_F(hygiene, poisons)
{
	ASSERT_EQ(0, create(self, variant->storage, POISON, 1));
	EXPECT_TRUE(taken_block_holds(self, FIXEDPOOL_POISON));
	EXPECT_TRUE(taken_block_holds(self, FIXEDPOOL_POISON));
	EXPECT_EQ(0, sysfs_number(POOL, "poison_hits"));
}

TEST_F(hygiene, poisons_and_zeroes)
{
	ASSERT_EQ(0, create(self, variant->storage, POISON | ZERO_ON_ALLOC, 1));
	EXPECT_TRUE(taken_block_holds(self, 0));
	EXPECT_TRUE(taken_block_holds(self, 0));
	EXPECT_EQ(0, sysfs_number(POOL, "poison_hits"));
}

TEST_F(hygiene, zeroes_twice_if_asked_twice)
{
	ASSERT_EQ(0, create(self, variant->storage, ZERO_ON_FREE | ZERO_ON_ALLOC, 1));
	EXPECT_TRUE(taken_block_holds(self, 0));
	EXPECT_TRUE(taken_block_holds(self, 0));
}

TEST_F(hygiene, refuses_to_zero_and_to_poison_what_is_freed)
{
	EXPECT_EQ(EINVAL, create(self, variant->storage, POISON | ZERO_ON_FREE, 1));
	EXPECT_EQ(EINVAL, create(self, variant->storage, POISON | ZERO_ON_FREE | ZERO_ON_ALLOC, 1));
}

TEST_F(hygiene, reaches_what_a_dead_client_held)
{
	unsigned char bytes[SIZE];
	__u64 handles[BLOCKS];
	int other = client_open();

	ASSERT_EQ(0, create(self, variant->storage, POISON, BLOCKS));
	ASSERT_EQ(0, pool_attach(other, POOL, NULL));
	ASSERT_EQ(0, blocks_take(other, self->id, handles, BLOCKS, 0, NULL));
	memset(bytes, 0x22, SIZE);
	for (int i = 0; i < BLOCKS; i++)
		EXPECT_EQ(0, block_write(other, handles[i], 0, bytes, SIZE));
	close(other);
	ASSERT_EQ(0, blocks_take(self->client, self->id, handles, BLOCKS, 0, NULL));
	for (int i = 0; i < BLOCKS; i++) {
		EXPECT_EQ(0, block_read(self->client, handles[i], 0, bytes, SIZE));
		EXPECT_EQ(SIZE, other_than(bytes, FIXEDPOOL_POISON));
	}
	EXPECT_EQ(0, sysfs_number(POOL, "poison_hits"));
}

/* The rest is about blocks that can be reached without holding them. */
FIXTURE(mapped)
{
	int client;
	__u32 id;
	struct fixedpool_pool_info info;
	unsigned char *data;
};

FIXTURE_VARIANT(mapped)
{
	__u32 flags;
	unsigned char free;
	unsigned char taken;
};

FIXTURE_VARIANT_ADD(mapped, zero_on_free) { .flags = ZERO_ON_FREE };
FIXTURE_VARIANT_ADD(mapped, poison) {
	.flags = POISON,
	.free = FIXEDPOOL_POISON,
	.taken = FIXEDPOOL_POISON,
};
FIXTURE_VARIANT_ADD(mapped, poison_and_zero_on_alloc) {
	.flags = POISON | ZERO_ON_ALLOC,
	.free = FIXEDPOOL_POISON,
};

FIXTURE_SETUP(mapped)
{
	struct fixedpool_pool_create parameters = pool_parameters(POOL);

	self->client = client_open();
	ASSERT_LE(0, self->client);
	parameters.block_size = SIZE;
	parameters.blocks = BLOCKS;
	parameters.flags |= variant->flags;
	ASSERT_EQ(0, call(self->client, FIXEDPOOL_IOC_POOL_CREATE, &parameters));
	self->id = parameters.id;
	ASSERT_EQ(0, pool_info(self->client, self->id, &self->info));
	self->data = mmap(NULL, self->info.data_length, PROT_READ | PROT_WRITE, MAP_SHARED,
			  self->client, self->info.data_offset);
	ASSERT_NE(MAP_FAILED, self->data);
}

FIXTURE_TEARDOWN(mapped)
{
	munmap(self->data, self->info.data_length);
	close(self->client);
}

static unsigned char *bytes_of(FIXTURE_DATA(mapped) *self, __u64 handle)
{
	return self->data + block_offset(&self->info, block_index(&self->info, handle));
}

TEST_F(mapped, free_blocks_hold_what_the_flag_says)
{
	__u64 handle;

	for (int i = 0; i < BLOCKS; i++)
		EXPECT_EQ(SIZE, other_than(self->data + block_offset(&self->info, i),
					   variant->free));
	handle = block_take(self->client, self->id);
	EXPECT_EQ(SIZE, other_than(bytes_of(self, handle), variant->taken));
	memset(bytes_of(self, handle), 0x33, SIZE);
	EXPECT_EQ(0, block_free(self->client, handle));
	EXPECT_EQ(SIZE, other_than(bytes_of(self, handle), variant->free));
}

/* Writes one byte into every free block, and takes them all. */
TEST_F(mapped, a_write_after_free_is_seen_where_there_is_poison)
{
	static const unsigned int places[BLOCKS] = { 0, 1, 7, 8, 500, SIZE - 2, SIZE - 1, 63 };
	bool poison = variant->flags & POISON;
	__u64 handles[BLOCKS];

	for (int i = 0; i < BLOCKS; i++)
		self->data[block_offset(&self->info, i) + places[i]] = 0x44;
	ASSERT_EQ(0, blocks_take(self->client, self->id, handles, BLOCKS, 0, NULL));
	EXPECT_EQ(poison ? BLOCKS : 0, sysfs_number(POOL, "poison_hits"));
	for (int i = 0; poison && i < BLOCKS; i++)
		EXPECT_EQ(SIZE, other_than(bytes_of(self, handles[i]), variant->taken));
	/* and only once */
	EXPECT_EQ(0, blocks_free(self->client, handles, BLOCKS, NULL));
	ASSERT_EQ(0, blocks_take(self->client, self->id, handles, BLOCKS, 0, NULL));
	EXPECT_EQ(poison ? BLOCKS : 0, sysfs_number(POOL, "poison_hits"));
}

TEST_F(mapped, a_write_after_free_is_told_in_the_log)
{
	char line[512], expected[128];
	bool told = false;
	__u64 handle;
	ssize_t length;
	int log;

	if (!(variant->flags & POISON))
		return;
	log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK);
	ASSERT_LE(0, log);
	ASSERT_EQ(0, lseek(log, 0, SEEK_END));
	/* the kernel lets ten lines of a place pass within five seconds */
	sleep(6);
	for (int i = 0; i < BLOCKS; i++)
		self->data[block_offset(&self->info, i) + 77] = 0x55;
	handle = block_take(self->client, self->id);
	snprintf(expected, sizeof(expected),
		 "fixedpool: pool " POOL
		 ": block %u was written to after it was freed, first at byte 77\n",
		 block_index(&self->info, handle));
	while ((length = read(log, line, sizeof(line) - 1)) > 0) {
		line[length] = 0;
		told |= strstr(line, expected) != NULL;
	}
	EXPECT_TRUE(told);
	close(log);
}

TEST_HARNESS_MAIN
