// SPDX-License-Identifier: GPL-2.0
/* The counts of holds that processes can map: what they say, and to whom. */
#include "fixedpool_test.h"
#include "caches.h"

#define POOL "holds"
#define BLOCKS 5000

FIXTURE(holds)
{
	int first, second;
	__u32 id;
	struct fixedpool_pool_info info;
	const __u16 *counts;
	__u64 handle;
	__u32 index;
};

static const __u16 *map_holds(int client, const struct fixedpool_pool_info *info)
{
	return mmap(NULL, info->holds_length, PROT_READ, MAP_SHARED, client, info->holds_offset);
}

FIXTURE_SETUP(holds)
{
	self->first = client_open();
	ASSERT_LE(0, self->first);
	self->second = client_open();
	ASSERT_LE(0, self->second);
	ASSERT_EQ(0, pool_create(self->first, POOL, 0, 64, BLOCKS, &self->id));
	ASSERT_EQ(0, pool_attach(self->second, POOL, NULL));
	ASSERT_EQ(0, pool_info(self->first, self->id, &self->info));
	self->counts = map_holds(self->first, &self->info);
	ASSERT_NE(MAP_FAILED, self->counts);
	self->handle = block_take(self->first, self->id);
	ASSERT_NE(0, self->handle);
	self->index = block_index(&self->info, self->handle);
}

FIXTURE_TEARDOWN(holds)
{
	munmap((void *)self->counts, self->info.holds_length);
	close(self->first);
	close(self->second);
}

static __u16 holds_of(FIXTURE_DATA(holds) *self, __u32 index)
{
	return __atomic_load_n(&self->counts[index], __ATOMIC_RELAXED);
}

TEST_F(holds, are_there_for_each_block)
{
	EXPECT_EQ(0, self->info.holds_offset % PAGE);
	EXPECT_EQ((BLOCKS * sizeof(__u16) + PAGE - 1) / PAGE * PAGE, self->info.holds_length);
	for (__u32 i = 0; i < self->info.holds_length / sizeof(__u16); i++)
		ASSERT_EQ(i == self->index ? FIXEDPOOL_HELD_ONCE : 0, holds_of(self, i));
}

TEST_F(holds, are_those_of_every_block_when_all_are_taken)
{
	__u64 handles[1000];
	__u32 taken = 1;

	while (taken < BLOCKS) {
		__u32 count = BLOCKS - taken < 1000 ? BLOCKS - taken : 1000;

		ASSERT_EQ(0, blocks_take(self->second, self->id, handles, count, 0, NULL));
		taken += count;
	}
	for (__u32 i = 0; i < BLOCKS; i++)
		ASSERT_EQ(FIXEDPOOL_HELD_ONCE, holds_of(self, i));
}

TEST_F(holds, tell_that_a_block_is_shared_and_when_it_is_not_any_more)
{
	ASSERT_EQ(0, blocks_share(self->first, &self->handle, 1, client_number(self->second),
				  NULL));
	EXPECT_EQ(2, holds_of(self, self->index));
	ASSERT_EQ(0, block_free(self->first, self->handle));
	EXPECT_EQ(FIXEDPOOL_HELD_ONCE, holds_of(self, self->index));
	ASSERT_EQ(0, block_free(self->second, self->handle));
	EXPECT_EQ(0, holds_of(self, self->index));
}

TEST_F(holds, stay_the_same_when_a_block_is_given_or_sent)
{
	int channel;
	__u64 handle;

	ASSERT_EQ(0, block_give(self->first, self->handle, client_number(self->second)));
	EXPECT_EQ(FIXEDPOOL_HELD_ONCE, holds_of(self, self->index));
	channel = channel_create(self->second, self->id, "c", 4, FIXEDPOOL_CHANNEL_READ |
				 FIXEDPOOL_CHANNEL_WRITE);
	ASSERT_LE(0, channel);
	ASSERT_EQ(1, channel_write(channel, &self->handle, 1));
	EXPECT_EQ(FIXEDPOOL_HELD_ONCE, holds_of(self, self->index));
	ASSERT_EQ(1, channel_read(channel, &handle, 1));
	EXPECT_EQ(FIXEDPOOL_HELD_ONCE, holds_of(self, self->index));
	close(channel);
}

TEST_F(holds, count_what_lies_in_a_cache)
{
	__u32 indices[4], done;

	ASSERT_EQ(0, cache_fill(self->second, self->id, indices, 4, &done));
	ASSERT_LE(1, done);
	for (__u32 i = 0; i < done; i++)
		EXPECT_EQ(FIXEDPOOL_HELD_ONCE, holds_of(self, indices[i]));
	ASSERT_EQ(0, cache_drain(self->second, self->id, indices, done, NULL));
	for (__u32 i = 0; i < done; i++)
		EXPECT_EQ(0, holds_of(self, indices[i]));
}

/* What the library does: ALLOC, freed into the cache, allocated out of it, FREE. */
TEST_F(holds, say_that_a_block_from_alloc_may_go_into_the_cache)
{
	__u32 *versions = mmap(NULL, self->info.versions_length, PROT_READ | PROT_WRITE, MAP_SHARED,
			       self->first, self->info.versions_offset);
	__u64 next;

	ASSERT_NE(MAP_FAILED, versions);
	ASSERT_EQ(FIXEDPOOL_HELD_ONCE, holds_of(self, self->index));
	versions[self->index]++;
	EXPECT_EQ(EALREADY, block_free(self->first, self->handle));
	EXPECT_EQ(FIXEDPOOL_HELD_ONCE, holds_of(self, self->index));
	versions[self->index]++;
	next = FIXEDPOOL_HANDLE(versions[self->index], FIXEDPOOL_HANDLE_SLOT(self->handle));
	EXPECT_EQ(ESTALE, block_free(self->first, self->handle));
	EXPECT_EQ(0, block_free(self->first, next));
	EXPECT_EQ(0, holds_of(self, self->index));
	munmap(versions, self->info.versions_length);
}

TEST_F(holds, are_back_when_a_client_dies)
{
	ASSERT_EQ(0, block_give(self->first, self->handle, client_number(self->second)));
	close(self->second);
	self->second = -1;
	EXPECT_TRUE(EVENTUALLY(holds_of(self, self->index) == 0));
}

TEST_F(holds, can_only_be_read)
{
	void *counts = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, self->first,
			    self->info.holds_offset);

	EXPECT_EQ(MAP_FAILED, counts);
	EXPECT_EQ(EACCES, errno);
	EXPECT_EQ(-1, mprotect((void *)self->counts, PAGE, PROT_READ | PROT_WRITE));
	EXPECT_EQ(EACCES, errno);
}

TEST_F(holds, are_not_written_through_the_memory_of_the_process)
{
	int memory = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
	__u16 lie = 7;

	if (memory < 0)
		SKIP(return, "there is no /proc/self/mem");
	EXPECT_EQ(-1, pwrite(memory, &lie, sizeof(lie),
			     (uintptr_t)(self->counts + self->index)));
	EXPECT_EQ(FIXEDPOOL_HELD_ONCE, holds_of(self, self->index));
	close(memory);
}

TEST_F(holds, are_the_last_region_and_one_of_their_own)
{
	const struct fixedpool_pool_info *info = &self->info;
	void *counts;

	EXPECT_EQ(info->header_offset + info->header_length, info->holds_offset);
	counts = mmap(NULL, 2 * PAGE, PROT_READ, MAP_SHARED, self->first,
		      info->holds_offset - PAGE);
	EXPECT_EQ(MAP_FAILED, counts);
	EXPECT_EQ(EINVAL, errno);
	counts = mmap(NULL, info->holds_length + PAGE, PROT_READ, MAP_SHARED, self->first,
		      info->holds_offset);
	EXPECT_EQ(MAP_FAILED, counts);
	EXPECT_EQ(EINVAL, errno);
	counts = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, self->first,
		      info->holds_offset + info->holds_length - PAGE);
	ASSERT_NE(MAP_FAILED, counts);
	munmap(counts, PAGE);
}

TEST_F(holds, come_back_after_they_were_dropped)
{
	ASSERT_EQ(0, madvise((void *)self->counts, self->info.holds_length, MADV_DONTNEED));
	EXPECT_EQ(FIXEDPOOL_HELD_ONCE, holds_of(self, self->index));
}

TEST_F(holds, outlive_the_pool_where_they_are_mapped)
{
	ASSERT_EQ(0, pool_destroy(self->first, POOL));
	close(self->first);
	close(self->second);
	self->first = -1;
	self->second = -1;
	EXPECT_TRUE(EVENTUALLY(holds_of(self, self->index) == 0));
}

TEST(a_pool_that_cannot_be_mapped_shows_no_holds)
{
	struct fixedpool_pool_info info;
	int client = client_open();
	__u32 pool;

	ASSERT_LE(0, client);
	ASSERT_EQ(0, pool_create(client, POOL, FIXEDPOOL_STORAGE_SLAB, 64, BLOCKS, &pool));
	ASSERT_EQ(0, pool_info(client, pool, &info));
	EXPECT_EQ(0, info.holds_offset);
	EXPECT_EQ(0, info.holds_length);
	close(client);
}

/* Blocks that are not held are not to be seen there; how many hold them, is. */
TEST(a_revocable_pool_shows_its_holds_too)
{
	struct fixedpool_pool_create parameters = pool_parameters(POOL);
	struct fixedpool_pool_info info;
	int client = client_open();
	const __u16 *counts;
	__u64 handle;

	ASSERT_LE(0, client);
	parameters.block_size = PAGE;
	parameters.align = PAGE;
	parameters.flags |= FIXEDPOOL_POOL_REVOCABLE;
	ASSERT_EQ(0, call(client, FIXEDPOOL_IOC_POOL_CREATE, &parameters));
	ASSERT_EQ(0, pool_info(client, parameters.id, &info));
	counts = map_holds(client, &info);
	ASSERT_NE(MAP_FAILED, counts);
	handle = block_take(client, parameters.id);
	ASSERT_NE(0, handle);
	EXPECT_EQ(FIXEDPOOL_HELD_ONCE, counts[block_index(&info, handle)]);
	ASSERT_EQ(0, block_free(client, handle));
	EXPECT_EQ(0, __atomic_load_n(&counts[block_index(&info, handle)], __ATOMIC_RELAXED));
	munmap((void *)counts, info.holds_length);
	close(client);
}

TEST(can_be_read_through_a_descriptor_that_can_only_read)
{
	int owner = client_open(), reader = open(FIXEDPOOL_DEVICE, O_RDONLY | O_CLOEXEC);
	struct fixedpool_pool_info info;
	const __u16 *counts;
	__u64 handle;
	__u32 pool;

	ASSERT_LE(0, owner);
	ASSERT_LE(0, reader);
	ASSERT_EQ(0, pool_create(owner, POOL, 0, 64, BLOCKS, &pool));
	ASSERT_EQ(0, pool_attach(reader, POOL, NULL));
	ASSERT_EQ(0, pool_info(reader, pool, &info));
	counts = map_holds(reader, &info);
	ASSERT_NE(MAP_FAILED, counts);
	handle = block_take(owner, pool);
	ASSERT_NE(0, handle);
	EXPECT_EQ(FIXEDPOOL_HELD_ONCE, counts[block_index(&info, handle)]);
	EXPECT_EQ(-1, mprotect((void *)counts, PAGE, PROT_READ | PROT_WRITE));
	EXPECT_EQ(EACCES, errno);
	munmap((void *)counts, info.holds_length);
	close(reader);
	close(owner);
}

TEST(holds_are_there_for_blocks_that_are_still_to_come)
{
	struct fixedpool_pool_create parameters = pool_parameters(POOL);
	struct fixedpool_pool_info info;
	int client = client_open();
	const __u16 *counts;
	__u64 handles[1000];

	ASSERT_LE(0, client);
	parameters.blocks = 100;
	parameters.max_blocks = BLOCKS;
	ASSERT_EQ(0, call(client, FIXEDPOOL_IOC_POOL_CREATE, &parameters));
	ASSERT_EQ(0, pool_info(client, parameters.id, &info));
	ASSERT_LE(BLOCKS * sizeof(__u16), info.holds_length);
	counts = map_holds(client, &info);
	ASSERT_NE(MAP_FAILED, counts);
	ASSERT_EQ(0, blocks_take(client, parameters.id, handles, 1000, 0, NULL));
	for (int i = 0; i < 1000; i++)
		ASSERT_EQ(FIXEDPOOL_HELD_ONCE, counts[block_index(&info, handles[i])]);
	munmap((void *)counts, info.holds_length);
	close(client);
}

TEST_HARNESS_MAIN
