// SPDX-License-Identifier: GPL-2.0
/*
 * Mappings that are refused, each for one reason, and the edges of those that
 * are not.
 */
#include "fixedpool_test.h"

FIXTURE(mapping)
{
	int client;
	__u32 id;
	struct fixedpool_pool_info info;
};

FIXTURE_SETUP(mapping)
{
	self->client = client_open();
	ASSERT_LE(0, self->client);
	ASSERT_EQ(0, pool_create(self->client, "mmap", 0, 1000, 5000, &self->id));
	ASSERT_EQ(0, pool_info(self->client, self->id, &self->info));
	ASSERT_LE(4 * PAGE, self->info.data_length);
	ASSERT_LE(4 * PAGE, self->info.versions_length);
}

FIXTURE_TEARDOWN(mapping)
{
	close(self->client);
}

/* 0 or the errno; what could be mapped is unmapped again. */
static int map(int client, __u64 offset, size_t length, int protection, int flags)
{
	void *data = mmap(NULL, length, protection, flags, client, offset);

	if (data == MAP_FAILED)
		return errno;
	return munmap(data, length) ? -1 : 0;
}

#define MAP(offset, length) map(self->client, offset, length, PROT_READ | PROT_WRITE, MAP_SHARED)

TEST_F(mapping, may_cover_any_whole_pages_of_a_region)
{
	const struct fixedpool_pool_info *info = &self->info;

	EXPECT_EQ(0, MAP(info->data_offset, info->data_length));
	EXPECT_EQ(0, MAP(info->data_offset, PAGE));
	EXPECT_EQ(0, MAP(info->data_offset + info->data_length - PAGE, PAGE));
	EXPECT_EQ(0, MAP(info->data_offset + PAGE, info->data_length - 2 * PAGE));
	EXPECT_EQ(0, MAP(info->versions_offset, info->versions_length));
	EXPECT_EQ(0, MAP(info->versions_offset, PAGE));
	EXPECT_EQ(0, MAP(info->versions_offset + info->versions_length - PAGE, PAGE));
	EXPECT_EQ(0, map(self->client, info->data_offset, PAGE, PROT_READ, MAP_SHARED));
	EXPECT_EQ(0, map(self->client, info->data_offset, PAGE, PROT_WRITE, MAP_SHARED));
	EXPECT_EQ(0, map(self->client, info->data_offset, PAGE, PROT_NONE, MAP_SHARED));
	EXPECT_EQ(0, map(self->client, info->data_offset, PAGE, PROT_READ, MAP_SHARED_VALIDATE));
	EXPECT_EQ(0, map(self->client, info->data_offset, PAGE, PROT_READ,
			 MAP_SHARED | MAP_POPULATE));
}

TEST_F(mapping, beyond_the_end_of_a_region_is_refused)
{
	const struct fixedpool_pool_info *info = &self->info;
	__u64 end = info->versions_offset + info->versions_length;

	EXPECT_EQ(EINVAL, MAP(info->data_offset, info->data_length + PAGE));
	EXPECT_EQ(EINVAL, MAP(info->data_offset + PAGE, info->data_length));
	EXPECT_EQ(EINVAL, MAP(info->data_offset + info->data_length - PAGE, 2 * PAGE));
	EXPECT_EQ(EINVAL, MAP(info->versions_offset, info->versions_length + PAGE));
	EXPECT_EQ(EINVAL, MAP(end - PAGE, 2 * PAGE));
	/* Beyond both regions, where the pool has nothing, or nobody has. */
	EXPECT_NE(0, MAP(end, PAGE));
	EXPECT_EQ(0, pool_in_use(self->client, self->id));
}

TEST_F(mapping, of_both_regions_at_once_is_refused)
{
	const struct fixedpool_pool_info *info = &self->info;
	__u64 first = info->data_offset, second = info->versions_offset;
	__u64 second_length = info->versions_length;

	if (second < first) {
		first = info->versions_offset;
		second = info->data_offset;
		second_length = info->data_length;
	}
	EXPECT_EQ(EINVAL, MAP(first, second + second_length - first));
	EXPECT_EQ(EINVAL, MAP(second - PAGE, 2 * PAGE));
	EXPECT_EQ(EINVAL, MAP(first, second - first + PAGE));
}

TEST_F(mapping, from_the_middle_of_a_page_is_refused)
{
	EXPECT_EQ(EINVAL, MAP(self->info.data_offset + 1, PAGE));
	EXPECT_EQ(EINVAL, MAP(self->info.data_offset + PAGE / 2, PAGE));
}

TEST_F(mapping, that_is_private_is_refused)
{
	EXPECT_EQ(EINVAL, map(self->client, self->info.data_offset, PAGE, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE));
	EXPECT_EQ(EINVAL, map(self->client, self->info.data_offset, PAGE, PROT_READ, MAP_PRIVATE));
	EXPECT_EQ(EINVAL, map(self->client, self->info.versions_offset, PAGE, PROT_READ,
			      MAP_PRIVATE));
}

TEST_F(mapping, that_is_executable_is_refused)
{
	const int protections[] = { PROT_EXEC, PROT_READ | PROT_EXEC, PROT_WRITE | PROT_EXEC,
				    PROT_READ | PROT_WRITE | PROT_EXEC };

	for (size_t i = 0; i < ARRAY_SIZE(protections); i++) {
		EXPECT_EQ(EACCES, map(self->client, self->info.data_offset, PAGE, protections[i],
				      MAP_SHARED));
		EXPECT_EQ(EACCES, map(self->client, self->info.versions_offset, PAGE,
				      protections[i], MAP_SHARED));
	}
}

TEST_F(mapping, cannot_be_made_executable_later)
{
	char *data = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, self->client,
			  self->info.data_offset);
	char *versions = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, self->client,
			      self->info.versions_offset);

	ASSERT_TRUE(data != MAP_FAILED && versions != MAP_FAILED);
	EXPECT_EQ(-1, mprotect(data, PAGE, PROT_READ | PROT_EXEC));
	EXPECT_EQ(EACCES, errno);
	errno = 0;
	EXPECT_EQ(-1, mprotect(data, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC));
	EXPECT_EQ(EACCES, errno);
	errno = 0;
	EXPECT_EQ(-1, mprotect(versions, PAGE, PROT_EXEC));
	EXPECT_EQ(EACCES, errno);
}

TEST_F(mapping, through_a_read_only_descriptor_is_readable_only)
{
	int reader = open(FIXEDPOOL_DEVICE, O_RDONLY | O_CLOEXEC);
	char *data;

	ASSERT_LE(0, reader);
	ASSERT_EQ(0, pool_attach(reader, "mmap", NULL));
	EXPECT_EQ(EACCES, map(reader, self->info.data_offset, PAGE, PROT_WRITE, MAP_SHARED));
	EXPECT_EQ(EACCES, map(reader, self->info.data_offset, PAGE, PROT_READ | PROT_WRITE,
			      MAP_SHARED));
	EXPECT_EQ(EACCES, map(reader, self->info.versions_offset, PAGE, PROT_READ | PROT_WRITE,
			      MAP_SHARED));
	EXPECT_EQ(EINVAL, map(reader, self->info.data_offset, PAGE, PROT_READ, MAP_PRIVATE));
	EXPECT_EQ(EACCES, map(reader, self->info.data_offset, PAGE, PROT_READ | PROT_EXEC,
			      MAP_SHARED));
	data = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, reader, self->info.data_offset);
	ASSERT_TRUE(data != MAP_FAILED);
	EXPECT_EQ(0, data[0]);
	EXPECT_EQ(-1, mprotect(data, PAGE, PROT_READ | PROT_WRITE));
	EXPECT_EQ(EACCES, errno);
	errno = 0;
	EXPECT_EQ(-1, mprotect(data, PAGE, PROT_READ | PROT_EXEC));
	EXPECT_EQ(EACCES, errno);
	close(reader);
}

TEST_F(mapping, of_slab_storage_is_refused)
{
	struct fixedpool_pool_info info;
	__u32 id;

	ASSERT_EQ(0, pool_create(self->client, "mmap-slab", FIXEDPOOL_STORAGE_SLAB, 4096, 16, &id));
	ASSERT_EQ(0, pool_info(self->client, id, &info));
	EXPECT_EQ(ENODEV, MAP(info.data_offset, PAGE));
	EXPECT_EQ(ENODEV, MAP(info.versions_offset, PAGE));
}

TEST_F(mapping, where_there_is_no_pool_is_refused)
{
	EXPECT_EQ(ENXIO, MAP(1ULL << 43, PAGE));
	EXPECT_EQ(ENXIO, MAP((1ULL << 44) - 2 * PAGE, PAGE));
	if (sizeof(void *) == 8) {
		EXPECT_EQ(ENXIO, MAP(1ULL << 60, PAGE));
		EXPECT_EQ(ENXIO, MAP((1ULL << 63) - 2 * PAGE, PAGE));
	}
}

TEST_F(mapping, of_a_pool_this_client_is_not_attached_to_is_refused)
{
	int other = client_open();

	EXPECT_EQ(ENXIO, map(other, self->info.data_offset, PAGE, PROT_READ, MAP_SHARED));
	EXPECT_EQ(ENXIO, map(other, self->info.versions_offset, PAGE, PROT_READ, MAP_SHARED));
	ASSERT_EQ(0, pool_attach(other, "mmap", NULL));
	EXPECT_EQ(0, map(other, self->info.data_offset, PAGE, PROT_READ, MAP_SHARED));
	ASSERT_EQ(0, pool_detach(other, self->id));
	EXPECT_EQ(ENXIO, map(other, self->info.data_offset, PAGE, PROT_READ, MAP_SHARED));
	close(other);
}

TEST_HARNESS_MAIN
