// SPDX-License-Identifier: GPL-2.0
/* CACHE_FILL and CACHE_DRAIN: who has the blocks, and each reason to refuse. */
#include "fixedpool_test.h"

#include "caches.h"

#include <sys/mman.h>

#define BLOCKS 200
#define MINE (FIXEDPOOL_CHECK_ALIVE | FIXEDPOOL_CHECK_MINE)

FIXTURE(cache)
{
	int client;
	__u32 id;
	struct fixedpool_pool_info info;
	volatile __u32 *versions;
	__u32 blocks[BLOCKS];
};

FIXTURE_SETUP(cache)
{
	self->client = client_open();
	ASSERT_LE(0, self->client);
	ASSERT_EQ(0, pool_create(self->client, "cache", FIXEDPOOL_STORAGE_PAGES, 64, BLOCKS,
				 &self->id));
	ASSERT_EQ(0, pool_info(self->client, self->id, &self->info));
	self->versions = mmap(NULL, self->info.versions_length, PROT_READ | PROT_WRITE,
			      MAP_SHARED, self->client, self->info.versions_offset);
	ASSERT_NE(MAP_FAILED, self->versions);
}

FIXTURE_TEARDOWN(cache)
{
	munmap((void *)self->versions, self->info.versions_length);
	close(self->client);
}

TEST_F(cache, filled_and_drained_leaves_the_versions_alone)
{
	__u32 before[BLOCKS], done;

	for (int i = 0; i < BLOCKS; i++)
		before[i] = self->versions[i];
	EXPECT_EQ(0, cache_fill(self->client, self->id, self->blocks, 150, &done));
	EXPECT_EQ(150, done);
	EXPECT_EQ(150, pool_in_use(self->client, self->id));
	EXPECT_EQ(0, cache_drain(self->client, self->id, self->blocks, 150, &done));
	EXPECT_EQ(150, done);
	EXPECT_EQ(0, pool_in_use(self->client, self->id));
	for (int i = 0; i < BLOCKS; i++)
		EXPECT_EQ(before[i], self->versions[i]);
	EXPECT_TRUE(pool_has_free(self->client, self->id, BLOCKS));
}

TEST_F(cache, block_is_allocated_by_its_version)
{
	char byte = 'x';
	__u32 block;
	__u64 handle;

	ASSERT_EQ(0, cache_fill(self->client, self->id, &block, 1, NULL));
	handle = FIXEDPOOL_HANDLE(self->versions[block] + 1, self->info.first_slot + block);
	EXPECT_EQ(0, block_check(self->client, handle));
	EXPECT_NE(0, block_free(self->client, handle));
	self->versions[block]++;
	EXPECT_EQ(MINE, block_check(self->client, handle));
	EXPECT_EQ(0, block_write(self->client, handle, 0, &byte, 1));
	EXPECT_EQ(EADDRINUSE, cache_drain(self->client, self->id, &block, 1, NULL));
	self->versions[block]++;
	EXPECT_NE(0, block_read(self->client, handle, 0, &byte, 1));
	EXPECT_EQ(0, cache_drain(self->client, self->id, &block, 1, NULL));
	EXPECT_EQ(0, pool_in_use(self->client, self->id));
}

TEST_F(cache, block_that_was_allocated_may_be_freed_to_the_pool)
{
	__u32 block;
	__u64 handle;

	ASSERT_EQ(0, cache_fill(self->client, self->id, &block, 1, NULL));
	handle = FIXEDPOOL_HANDLE(++self->versions[block], self->info.first_slot + block);
	EXPECT_EQ(0, block_free(self->client, handle));
	EXPECT_EQ(0, pool_in_use(self->client, self->id));
	EXPECT_EQ(EPERM, cache_drain(self->client, self->id, &block, 1, NULL));
}

TEST_F(cache, gives_what_there_is_and_fails_when_that_is_nothing)
{
	__u32 done;

	EXPECT_EQ(0, cache_fill(self->client, self->id, self->blocks, BLOCKS, &done));
	EXPECT_EQ(BLOCKS, done);
	EXPECT_EQ(ENOBUFS, cache_fill(self->client, self->id, self->blocks, 1, &done));
	EXPECT_EQ(0, done);
	EXPECT_EQ(0, cache_drain(self->client, self->id, self->blocks, 3, NULL));
	EXPECT_EQ(0, cache_fill(self->client, self->id, self->blocks, 10, &done));
	EXPECT_EQ(3, done);
}

TEST_F(cache, of_a_client_that_dies_goes_back_with_even_versions)
{
	int other = client_open();
	__u32 id;

	ASSERT_EQ(0, pool_attach(other, "cache", &id));
	ASSERT_EQ(0, cache_fill(other, id, self->blocks, 100, NULL));
	for (int i = 0; i < 50; i++)
		self->versions[self->blocks[i]]++;
	close(other);
	EXPECT_EQ(0, pool_in_use(self->client, self->id));
	for (int i = 0; i < BLOCKS; i++)
		EXPECT_EQ(0, self->versions[i] % 2);
	EXPECT_TRUE(pool_has_free(self->client, self->id, BLOCKS));
}

TEST_F(cache, gets_even_versions_whatever_has_been_scribbled)
{
	for (int i = 0; i < BLOCKS; i++)
		self->versions[i] = i % 3 ? UINT32_MAX : 2;
	ASSERT_EQ(0, cache_fill(self->client, self->id, self->blocks, BLOCKS, NULL));
	for (int i = 0; i < BLOCKS; i++)
		EXPECT_EQ(0, self->versions[i] % 2);
	EXPECT_EQ(0, cache_drain(self->client, self->id, self->blocks, BLOCKS, NULL));
	EXPECT_EQ(0, pool_in_use(self->client, self->id));
}

TEST_F(cache, drain_stops_at_the_first_that_is_refused)
{
	int other = client_open();
	__u32 done;

	ASSERT_EQ(0, pool_attach(other, "cache", NULL));
	ASSERT_EQ(0, cache_fill(self->client, self->id, self->blocks, 20, NULL));
	EXPECT_EQ(EPERM, cache_drain(other, self->id, self->blocks, 20, &done));
	EXPECT_EQ(0, done);
	self->versions[self->blocks[4]]++;
	EXPECT_EQ(EADDRINUSE, cache_drain(self->client, self->id, self->blocks, 20, &done));
	EXPECT_EQ(4, done);
	self->blocks[6] = self->blocks[5];
	EXPECT_EQ(EPERM, cache_drain(self->client, self->id, self->blocks + 5, 15, &done));
	EXPECT_EQ(1, done);
	self->blocks[8] = BLOCKS;
	EXPECT_EQ(ERANGE, cache_drain(self->client, self->id, self->blocks + 7, 13, &done));
	EXPECT_EQ(1, done);
	self->blocks[8] = UINT32_MAX;
	EXPECT_EQ(ERANGE, cache_drain(self->client, self->id, self->blocks + 8, 1, &done));
	EXPECT_EQ(14, pool_in_use(self->client, self->id));
	close(other);
}

TEST_F(cache, of_a_pool_that_cannot_be_mapped_is_refused)
{
	__u32 slab;

	ASSERT_EQ(0, pool_create(self->client, "cache-slab", FIXEDPOOL_STORAGE_SLAB, 64, 10,
				 &slab));
	EXPECT_EQ(ENODEV, cache_fill(self->client, slab, self->blocks, 1, NULL));
	EXPECT_EQ(ENODEV, cache_drain(self->client, slab, self->blocks, 1, NULL));
}

TEST_F(cache, bad_arguments_are_refused)
{
	struct fixedpool_cache_fill fill = { .pool = self->id, .count = 1 };
	struct fixedpool_cache_drain drain = { .pool = self->id, .count = 1 };

	for (int bit = 0; bit < 32; bit++) {
		fill.flags = 1U << bit;
		drain.flags = fill.flags;
		EXPECT_EQ(EINVAL, call(self->client, FIXEDPOOL_IOC_CACHE_FILL, &fill));
		EXPECT_EQ(EINVAL, call(self->client, FIXEDPOOL_IOC_CACHE_DRAIN, &drain));
	}
	EXPECT_EQ(EINVAL, cache_fill(self->client, self->id, self->blocks, 0, NULL));
	EXPECT_EQ(EINVAL, cache_drain(self->client, self->id, self->blocks, 0, NULL));
	EXPECT_EQ(EINVAL, cache_fill(self->client, self->id, self->blocks,
				     FIXEDPOOL_MAX_BATCH + 1, NULL));
	EXPECT_EQ(EINVAL, cache_drain(self->client, self->id, self->blocks,
				      FIXEDPOOL_MAX_BATCH + 1, NULL));
	EXPECT_EQ(ENXIO, cache_fill(self->client, self->id + 1, self->blocks, 1, NULL));
	EXPECT_EQ(ENXIO, cache_drain(self->client, self->id + 1, self->blocks, 1, NULL));
	EXPECT_EQ(EFAULT, cache_fill(self->client, self->id, NULL, 100, NULL));
	EXPECT_EQ(EFAULT, cache_drain(self->client, self->id, NULL, 1, NULL));
	EXPECT_EQ(0, pool_in_use(self->client, self->id));
}

TEST_HARNESS_MAIN
