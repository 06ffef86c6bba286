// SPDX-License-Identifier: GPL-2.0
/*
 * READ and WRITE: every byte of a block and none beyond it, bad buffers, and
 * only blocks that the client holds. (Dead and foreign handles: handle_test.)
 */
#include "fixedpool_test.h"

/* Not a multiple of any alignment: what lies behind a block is not the next one. */
#define SIZE 1001
#define BLOCKS 8

FIXTURE(rw)
{
	int client;
	__u32 id;
	struct fixedpool_pool_info info;
	__u64 handle;
	unsigned char pattern[2 * SIZE];
	unsigned char bytes[2 * SIZE];
};

FIXTURE_VARIANT(rw)
{
	__u32 storage;
};

FIXTURE_VARIANT_ADD(rw, pages) { .storage = FIXEDPOOL_STORAGE_PAGES };
FIXTURE_VARIANT_ADD(rw, slab) { .storage = FIXEDPOOL_STORAGE_SLAB };

FIXTURE_SETUP(rw)
{
	self->client = client_open();
	ASSERT_LE(0, self->client);
	ASSERT_EQ(0, pool_create(self->client, "rw", variant->storage, SIZE, BLOCKS, &self->id));
	ASSERT_EQ(0, pool_info(self->client, self->id, &self->info));
	self->handle = block_take(self->client, self->id);
	ASSERT_NE(0, self->handle);
	for (int i = 0; i < 2 * SIZE; i++)
		self->pattern[i] = 1 + i % 251;
	ASSERT_EQ(0, block_write(self->client, self->handle, 0, self->pattern, SIZE));
}

FIXTURE_TEARDOWN(rw)
{
	close(self->client);
}

/* The block has the bytes that setup wrote. */
static bool intact(FIXTURE_DATA(rw) *self)
{
	unsigned char bytes[SIZE];

	return !block_read(self->client, self->handle, 0, bytes, SIZE) &&
	       !memcmp(bytes, self->pattern, SIZE);
}

TEST_F(rw, copies_a_whole_block)
{
	EXPECT_EQ(0, block_read(self->client, self->handle, 0, self->bytes, SIZE));
	EXPECT_EQ(0, memcmp(self->pattern, self->bytes, SIZE));
	EXPECT_EQ(0, self->bytes[SIZE]);
}

TEST_F(rw, copies_any_part_of_a_block_and_nothing_else)
{
	const __u32 parts[][2] = { { 0, 1 }, { 1, 1 }, { SIZE - 1, 1 }, { 0, SIZE - 1 },
				   { 1, SIZE - 1 }, { 333, 100 }, { 7, 512 } };

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		__u32 offset = parts[i][0], length = parts[i][1];

		memset(self->bytes, 0, sizeof(self->bytes));
		EXPECT_EQ(0, block_read(self->client, self->handle, offset, self->bytes, length));
		EXPECT_EQ(0, memcmp(self->pattern + offset, self->bytes, length));
		EXPECT_EQ(0, self->bytes[length]);

		memset(self->bytes, 0xff, length);
		EXPECT_EQ(0, block_write(self->client, self->handle, offset, self->bytes, length));
		EXPECT_EQ(0, block_read(self->client, self->handle, 0, self->bytes, SIZE));
		for (__u32 at = 0; at < SIZE; at++) {
			bool inside = at >= offset && at < offset + length;

			ASSERT_EQ(inside ? 0xff : self->pattern[at], self->bytes[at]);
		}
		ASSERT_EQ(0, block_write(self->client, self->handle, 0, self->pattern, SIZE));
	}
}

TEST_F(rw, refuses_bytes_beyond_the_end)
{
	const __u32 parts[][2] = { { 0, SIZE + 1 }, { 1, SIZE }, { SIZE, 1 }, { SIZE - 1, 2 },
				   { SIZE + 1, 1 }, { 4096, 1 }, { 0, UINT32_MAX },
				   { UINT32_MAX, 1 }, { 1U << 31, 1U << 31 },
				   { UINT32_MAX, UINT32_MAX }, { 1, UINT32_MAX },
				   { SIZE, UINT32_MAX - SIZE + 1 }, { UINT32_MAX - 9, 10 },
				   { UINT32_MAX - 9, 20 }, { 10, UINT32_MAX - 9 } };

	memset(self->bytes, 0, sizeof(self->bytes));
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		EXPECT_EQ(EMSGSIZE, block_read(self->client, self->handle, parts[i][0],
					       self->bytes, parts[i][1])) {
			TH_LOG("READ %u bytes at %u", parts[i][1], parts[i][0]);
		}
		EXPECT_EQ(EMSGSIZE, block_write(self->client, self->handle, parts[i][0],
						self->bytes, parts[i][1])) {
			TH_LOG("WRITE %u bytes at %u", parts[i][1], parts[i][0]);
		}
	}
	EXPECT_TRUE(intact(self));
	for (int i = 0; i < 2 * SIZE; i++) {
		ASSERT_EQ(0, self->bytes[i]);
	}
}

TEST_F(rw, of_no_bytes_works_at_any_offset_of_the_block_and_needs_no_buffer)
{
	const __u32 offsets[] = { 0, 1, SIZE - 1, SIZE };

	for (size_t i = 0; i < ARRAY_SIZE(offsets); i++) {
		EXPECT_EQ(0, block_read(self->client, self->handle, offsets[i], NULL, 0));
		EXPECT_EQ(0, block_write(self->client, self->handle, offsets[i], NULL, 0));
	}
	EXPECT_TRUE(intact(self));
}

TEST_F(rw, of_no_bytes_of_a_dead_block_is_refused_all_the_same)
{
	ASSERT_EQ(0, block_free(self->client, self->handle));
	EXPECT_EQ(ESTALE, block_read(self->client, self->handle, 0, NULL, 0));
	EXPECT_EQ(ESTALE, block_write(self->client, self->handle, 0, NULL, 0));
}

TEST_F(rw, refuses_a_buffer_at_a_bad_address)
{
	char *edge = edge_map();
	void *const bad[] = { NULL, (void *)8, (void *)-4096L, edge + PAGE };

	ASSERT_TRUE(edge != MAP_FAILED);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(EFAULT, block_read(self->client, self->handle, 0, bad[i], 1)) {
			TH_LOG("READ to %p", bad[i]);
		}
		EXPECT_EQ(EFAULT, block_write(self->client, self->handle, 0, bad[i], 1)) {
			TH_LOG("WRITE from %p", bad[i]);
		}
	}
	EXPECT_TRUE(intact(self));
}

TEST_F(rw, does_not_cut_off_an_address_that_only_64_bits_can_name)
{
	struct fixedpool_read read = { .handle = self->handle, .length = 1 };
	struct fixedpool_write write = { .handle = self->handle, .length = 1 };

	read.buffer = (uintptr_t)self->bytes | 1ULL << 63;
	write.buffer = read.buffer;
	EXPECT_EQ(EFAULT, call(self->client, FIXEDPOOL_IOC_READ, &read));
	EXPECT_EQ(EFAULT, call(self->client, FIXEDPOOL_IOC_WRITE, &write));
	EXPECT_EQ(0, self->bytes[0]);
	EXPECT_TRUE(intact(self));
}

TEST_F(rw, refuses_a_buffer_that_runs_into_bad_memory)
{
	char *edge = edge_map();

	ASSERT_TRUE(edge != MAP_FAILED);
	EXPECT_EQ(EFAULT, block_read(self->client, self->handle, 0, edge + PAGE - 100, 101));
	EXPECT_EQ(EFAULT, block_write(self->client, self->handle, 0, edge + PAGE - 100, 101));
	EXPECT_EQ(0, block_read(self->client, self->handle, 0, edge + PAGE - 100, 100));
	EXPECT_EQ(0, block_write(self->client, self->handle, 0, edge + PAGE - 100, 100));
	EXPECT_EQ(FIXEDPOOL_CHECK_ALIVE | FIXEDPOOL_CHECK_MINE,
		  block_check(self->client, self->handle));
}

TEST_F(rw, reads_into_writable_memory_only_but_writes_from_any)
{
	char *edge = edge_map();

	ASSERT_TRUE(edge != MAP_FAILED);
	memcpy(edge, self->pattern, SIZE);
	ASSERT_EQ(0, mprotect(edge, PAGE, PROT_READ));
	EXPECT_EQ(EFAULT, block_read(self->client, self->handle, 0, edge, 1));
	EXPECT_EQ(0, block_write(self->client, self->handle, 0, edge, SIZE));
	EXPECT_TRUE(intact(self));
}

TEST_F(rw, reaches_each_block_by_itself)
{
	__u64 handles[BLOCKS - 1];

	ASSERT_EQ(0, blocks_take(self->client, self->id, handles, BLOCKS - 1, 0, NULL));
	for (int i = 0; i < BLOCKS - 1; i++) {
		memset(self->bytes, 0x80 + i, SIZE);
		ASSERT_EQ(0, block_write(self->client, handles[i], 0, self->bytes, SIZE));
	}
	for (int i = 0; i < BLOCKS - 1; i++) {
		ASSERT_EQ(0, block_read(self->client, handles[i], 0, self->bytes, SIZE));
		for (int at = 0; at < SIZE; at++) {
			ASSERT_EQ(0x80 + i, self->bytes[at]);
		}
	}
	EXPECT_TRUE(intact(self));
}

TEST_F(rw, is_for_the_holder_alone)
{
	int other = client_open();

	ASSERT_EQ(0, pool_attach(other, "rw", NULL));
	EXPECT_EQ(EPERM, block_read(other, self->handle, 0, self->bytes, 1));
	EXPECT_EQ(EPERM, block_write(other, self->handle, 0, self->bytes, 1));
	EXPECT_EQ(0, self->bytes[0]);
	EXPECT_TRUE(intact(self));
	close(other);
}

FIXTURE(mapped)
{
	int client;
	struct fixedpool_pool_info info;
	__u64 handle;
	unsigned char *block;
};

FIXTURE_SETUP(mapped)
{
	unsigned char *data;
	__u32 id;

	self->client = client_open();
	ASSERT_LE(0, self->client);
	ASSERT_EQ(0, pool_create(self->client, "rw", 0, SIZE, BLOCKS, &id));
	ASSERT_EQ(0, pool_info(self->client, id, &self->info));
	self->handle = block_take(self->client, id);
	ASSERT_NE(0, self->handle);
	data = mmap(NULL, self->info.data_length, PROT_READ | PROT_WRITE, MAP_SHARED, self->client,
		    self->info.data_offset);
	ASSERT_TRUE(data != MAP_FAILED);
	self->block = data + block_offset(&self->info, block_index(&self->info, self->handle));
}

FIXTURE_TEARDOWN(mapped)
{
	close(self->client);
}

TEST_F(mapped, block_shows_what_was_written)
{
	unsigned char bytes[SIZE];

	memset(bytes, 0x3c, sizeof(bytes));
	ASSERT_EQ(0, block_write(self->client, self->handle, 0, bytes, SIZE));
	EXPECT_EQ(0, memcmp(bytes, self->block, SIZE));
}

TEST_F(mapped, block_is_what_is_read)
{
	unsigned char bytes[SIZE] = {};

	for (int i = 0; i < SIZE; i++)
		self->block[i] = i;
	ASSERT_EQ(0, block_read(self->client, self->handle, 0, bytes, SIZE));
	EXPECT_EQ(0, memcmp(bytes, self->block, SIZE));
}

TEST_F(mapped, block_may_be_the_buffer_itself)
{
	__u64 other = block_take(self->client, self->info.id);
	unsigned char copy[SIZE] = {};

	for (int i = 0; i < SIZE; i++)
		self->block[i] = 3 * i;
	EXPECT_EQ(0, block_write(self->client, other, 0, self->block, SIZE));
	EXPECT_EQ(0, block_read(self->client, other, 0, copy, SIZE));
	EXPECT_EQ(0, memcmp(copy, self->block, SIZE));
	memset(self->block, 0, SIZE);
	EXPECT_EQ(0, block_read(self->client, other, 0, self->block, SIZE));
	EXPECT_EQ(0, memcmp(copy, self->block, SIZE));
}

TEST_HARNESS_MAIN
