// SPDX-License-Identifier: GPL-2.0
/* The header page of a pool: what it tells, and that nobody can write it. */
#include "waiting_fixture.h"

FIXTURE(header)
{
	int owner, client;
	struct fixedpool_pool_info info;
	__u64 handles[BLOCKS];
	const struct fixedpool_header *page;
	struct waiter waiters[2];
};

FIXTURE_SETUP(header)
{
	__u32 pool;

	self->owner = client_open();
	ASSERT_LE(0, self->owner);
	self->client = client_open();
	ASSERT_LE(0, self->client);
	ASSERT_EQ(0, pool_create(self->owner, POOL, 0, 64, BLOCKS, &pool));
	ASSERT_EQ(0, pool_attach(self->client, POOL, NULL));
	ASSERT_EQ(0, pool_info(self->owner, pool, &self->info));
	ASSERT_EQ(0, blocks_take(self->owner, pool, self->handles, BLOCKS, 0, NULL));
	self->page = mmap(NULL, self->info.header_length, PROT_READ, MAP_SHARED, self->owner,
			  self->info.header_offset);
	ASSERT_NE(MAP_FAILED, self->page);
	for (int i = 0; i < 2; i++)
		self->waiters[i] = (struct waiter){
			.client = self->client, .pool = pool, .count = 1
		};
}

FIXTURE_TEARDOWN(header)
{
	munmap((void *)self->page, self->info.header_length);
	close(self->owner);
	close(self->client);
}

static __u32 waiters_in(const struct fixedpool_header *page)
{
	return __atomic_load_n(&page->waiters, __ATOMIC_RELAXED);
}

TEST_F(header, tells_how_many_wait)
{
	struct fixedpool_pool_info info;

	EXPECT_EQ(0, waiters_in(self->page));
	ASSERT_TRUE(starts_to_wait(&self->waiters[0]));
	EXPECT_EQ(1, waiters_in(self->page));
	ASSERT_TRUE(starts_to_wait(&self->waiters[1]));
	EXPECT_EQ(2, waiters_in(self->page));
	ASSERT_EQ(0, pool_info(self->client, self->info.id, &info));
	EXPECT_EQ(2, info.waiters);
	ASSERT_EQ(0, blocks_free(self->owner, self->handles, 2, NULL));
	EXPECT_EQ(0, waited(&self->waiters[0]));
	EXPECT_EQ(0, waited(&self->waiters[1]));
	EXPECT_EQ(0, waiters_in(self->page));
}

TEST_F(header, is_a_page_whose_rest_is_zero)
{
	const unsigned char *bytes = (const unsigned char *)self->page;

	EXPECT_EQ(PAGE, self->info.header_length);
	EXPECT_EQ(0, self->info.header_offset % PAGE);
	for (size_t i = 0; i < PAGE; i++)
		ASSERT_EQ(0, bytes[i]);
}

TEST_F(header, cannot_be_mapped_to_be_written)
{
	void *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, self->owner,
			  self->info.header_offset);

	EXPECT_EQ(MAP_FAILED, page);
	EXPECT_EQ(EACCES, errno);
	page = mmap(NULL, PAGE, PROT_WRITE, MAP_SHARED, self->owner, self->info.header_offset);
	EXPECT_EQ(MAP_FAILED, page);
	EXPECT_EQ(EACCES, errno);
}

TEST_F(header, cannot_become_writable)
{
	EXPECT_EQ(-1, mprotect((void *)self->page, PAGE, PROT_READ | PROT_WRITE));
	EXPECT_EQ(EACCES, errno);
	EXPECT_EQ(0, mprotect((void *)self->page, PAGE, PROT_NONE));
	EXPECT_EQ(0, mprotect((void *)self->page, PAGE, PROT_READ));
	EXPECT_EQ(0, waiters_in(self->page));
}

TEST_F(header, is_not_written_through_the_memory_of_the_process)
{
	int memory = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
	__u32 lie = 1;

	if (memory < 0)
		SKIP(return, "there is no /proc/self/mem");
	EXPECT_EQ(-1, pwrite(memory, &lie, sizeof(lie), (uintptr_t)self->page));
	EXPECT_EQ(0, waiters_in(self->page));
	close(memory);
}

TEST_F(header, is_mapped_alone)
{
	void *page = mmap(NULL, 2 * PAGE, PROT_READ, MAP_SHARED, self->owner,
			  self->info.header_offset - PAGE);

	EXPECT_EQ(MAP_FAILED, page);
	EXPECT_EQ(EINVAL, errno);
	page = mmap(NULL, 2 * PAGE, PROT_READ, MAP_SHARED, self->owner, self->info.header_offset);
	EXPECT_EQ(MAP_FAILED, page);
	EXPECT_EQ(EINVAL, errno);
}

TEST_F(header, outlives_the_pool_where_it_is_mapped)
{
	ASSERT_TRUE(starts_to_wait(&self->waiters[0]));
	ASSERT_EQ(0, pool_destroy(self->owner, POOL));
	EXPECT_EQ(EIDRM, waited(&self->waiters[0]));
	close(self->owner);
	close(self->client);
	self->owner = -1;
	self->client = -1;
	EXPECT_EQ(0, waiters_in(self->page));
}

TEST_F(header, comes_back_after_it_was_dropped)
{
	ASSERT_EQ(0, madvise((void *)self->page, PAGE, MADV_DONTNEED));
	EXPECT_EQ(0, waiters_in(self->page));
}

TEST(a_pool_that_cannot_be_mapped_has_no_header)
{
	struct fixedpool_pool_info info;
	int client = client_open();
	__u32 pool;

	ASSERT_LE(0, client);
	ASSERT_EQ(0, pool_create(client, POOL, FIXEDPOOL_STORAGE_SLAB, 64, BLOCKS, &pool));
	ASSERT_EQ(0, pool_info(client, pool, &info));
	EXPECT_EQ(0, info.header_offset);
	EXPECT_EQ(0, info.header_length);
	close(client);
}

TEST(a_revocable_pool_has_a_header_too)
{
	struct fixedpool_pool_create parameters = pool_parameters(POOL);
	struct fixedpool_pool_info info;
	struct fixedpool_header *page;
	int client = client_open();

	ASSERT_LE(0, client);
	parameters.block_size = PAGE;
	parameters.align = PAGE;
	parameters.flags |= FIXEDPOOL_POOL_REVOCABLE;
	ASSERT_EQ(0, call(client, FIXEDPOOL_IOC_POOL_CREATE, &parameters));
	ASSERT_EQ(0, pool_info(client, parameters.id, &info));
	page = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, client, info.header_offset);
	ASSERT_NE(MAP_FAILED, page);
	EXPECT_EQ(0, waiters_in(page));
	munmap(page, PAGE);
	close(client);
}

TEST_HARNESS_MAIN
