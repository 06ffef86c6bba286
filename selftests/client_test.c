// SPDX-License-Identifier: GPL-2.0
/*
 * A driver as a user of pools: what other modules may call, played inside the
 * kernel by fixedpool_client.ko, and blocks that a driver and processes have
 * at the same time.
 */
#include "fixedpool_test.h"

#include "client/fixedpool_client.h"

static int driver_open(void)
{
	return open(FIXEDPOOL_CLIENT_DEVICE, O_RDWR | O_CLOEXEC);
}

static int hold_call(int driver, unsigned long command, const char *pool, __u64 handle)
{
	struct fixedpool_client_hold hold = { .handle = handle };

	name_set(hold.pool, pool);
	return call(driver, command, &hold);
}

static int driver_hold(int driver, const char *pool, __u64 handle)
{
	return hold_call(driver, FIXEDPOOL_CLIENT_IOC_HOLD, pool, handle);
}

static int driver_release(int driver, const char *pool, __u64 handle)
{
	return hold_call(driver, FIXEDPOOL_CLIENT_IOC_RELEASE, pool, handle);
}

static int driver_crc32(int driver, const char *pool, __u64 handle, __u32 offset, __u32 length,
			__u32 *crc)
{
	struct fixedpool_client_crc32 crc32 = {
		.handle = handle,
		.offset = offset,
		.length = length,
		.crc = *crc,
	};
	int error;

	name_set(crc32.pool, pool);
	error = call(driver, FIXEDPOOL_CLIENT_IOC_CRC32, &crc32);
	*crc = crc32.crc;
	return error;
}

static struct fixedpool_client_run scenario(const char *name, __u32 storage)
{
	struct fixedpool_client_run run = { .storage = storage };

	snprintf(run.scenario, sizeof(run.scenario), "%s", name);
	return run;
}

/* CRC-32 as zlib and every checksum tool have it. */
static __u32 crc32_of(__u32 crc, const void *bytes, size_t length)
{
	static __u32 table[256];
	const unsigned char *byte = bytes;

	for (__u32 i = 0; !table[255] && i < 256; i++) {
		__u32 remainder = i;

		for (int bit = 0; bit < 8; bit++)
			remainder = remainder >> 1 ^ (remainder & 1 ? 0xedb88320 : 0);
		table[i] = remainder;
	}
	crc = ~crc;
	while (length--)
		crc = crc >> 8 ^ table[(crc ^ *byte++) & 0xff];
	return ~crc;
}

TEST(the_checksum_of_this_test_is_the_known_one)
{
	ASSERT_EQ(0xcbf43926, crc32_of(0, "123456789", 9));
}

/* Each scenario inside the kernel, once for each storage. */
FIXTURE(kernel) {
	int driver;
};

FIXTURE_VARIANT(kernel) {
	__u32 storage;
};

FIXTURE_VARIANT_ADD(kernel, pages) {
	.storage = FIXEDPOOL_STORAGE_PAGES,
};

FIXTURE_VARIANT_ADD(kernel, slab) {
	.storage = FIXEDPOOL_STORAGE_SLAB,
};

FIXTURE_SETUP(kernel)
{
	self->driver = driver_open();
	ASSERT_LE(0, self->driver);
}

FIXTURE_TEARDOWN(kernel)
{
	close(self->driver);
}

#define SCENARIO(name)								\
TEST_F(kernel, name)								\
{										\
	struct fixedpool_client_run run = scenario(#name, variant->storage);	\
	int error = call(self->driver, FIXEDPOOL_CLIENT_IOC_RUN, &run);		\
										\
	if (error == EOPNOTSUPP)						\
		SKIP(return, "%s", run.failure);				\
	ASSERT_EQ(0, error) TH_LOG("%s", run.failure);				\
}

#include "client/scenarios/list.h"

/* A pool of a process, of which it holds one block full of known bytes. */
#define POOL		"shared"
#define BLOCK_BYTES	1000

FIXTURE(shared) {
	int driver, client;
	__u32 pool;
	__u64 handle;
	char bytes[BLOCK_BYTES];
};

FIXTURE_VARIANT(shared) {
	__u32 storage;
};

FIXTURE_VARIANT_ADD(shared, pages) {
	.storage = FIXEDPOOL_STORAGE_PAGES,
};

FIXTURE_VARIANT_ADD(shared, slab) {
	.storage = FIXEDPOOL_STORAGE_SLAB,
};

FIXTURE_SETUP(shared)
{
	__u64 seed = 1;

	self->driver = driver_open();
	ASSERT_LE(0, self->driver);
	self->client = client_open();
	ASSERT_LE(0, self->client);
	ASSERT_EQ(0, pool_create(self->client, POOL, variant->storage, BLOCK_BYTES, 4,
				 &self->pool));
	self->handle = block_take(self->client, self->pool);
	ASSERT_NE(0, self->handle);
	for (int i = 0; i < BLOCK_BYTES; i++)
		self->bytes[i] = random_next(&seed);
	ASSERT_EQ(0, block_write(self->client, self->handle, 0, self->bytes, BLOCK_BYTES));
}

FIXTURE_TEARDOWN(shared)
{
	close(self->driver);
	close(self->client);
}

TEST_F(shared, the_driver_sees_the_bytes_of_a_process)
{
	__u32 crc = 0;

	ASSERT_EQ(0, driver_crc32(self->driver, POOL, self->handle, 0, BLOCK_BYTES, &crc));
	EXPECT_EQ(crc32_of(0, self->bytes, BLOCK_BYTES), crc);

	crc = 0;
	ASSERT_EQ(0, driver_crc32(self->driver, POOL, self->handle, 17, 301, &crc));
	EXPECT_EQ(crc32_of(0, self->bytes + 17, 301), crc);

	crc = 0x12345678;
	ASSERT_EQ(0, driver_crc32(self->driver, POOL, self->handle, 9, 0, &crc));
	EXPECT_EQ(0x12345678, crc);
}

TEST_F(shared, checksums_of_successive_blocks_chain)
{
	__u64 second = block_take(self->client, self->pool);
	__u32 crc = 0;

	ASSERT_EQ(0, block_write(self->client, second, 0, self->bytes, BLOCK_BYTES));
	ASSERT_EQ(0, driver_crc32(self->driver, POOL, self->handle, 0, BLOCK_BYTES, &crc));
	ASSERT_EQ(0, driver_crc32(self->driver, POOL, second, 0, 500, &crc));
	EXPECT_EQ(crc32_of(crc32_of(0, self->bytes, BLOCK_BYTES), self->bytes, 500), crc);
}

TEST_F(shared, a_checksum_leaves_no_hold_behind)
{
	__u32 crc = 0;

	ASSERT_EQ(0, driver_crc32(self->driver, POOL, self->handle, 0, BLOCK_BYTES, &crc));
	ASSERT_EQ(0, block_free(self->client, self->handle));
	EXPECT_EQ(0, pool_in_use(self->client, self->pool));
}

TEST_F(shared, bytes_beyond_the_block_are_refused)
{
	__u32 crc = 7;

	EXPECT_EQ(EMSGSIZE, driver_crc32(self->driver, POOL, self->handle, 0, BLOCK_BYTES + 1,
					 &crc));
	EXPECT_EQ(EMSGSIZE, driver_crc32(self->driver, POOL, self->handle, BLOCK_BYTES, 1, &crc));
	EXPECT_EQ(EMSGSIZE, driver_crc32(self->driver, POOL, self->handle, BLOCK_BYTES + 1, 0,
					 &crc));
	EXPECT_EQ(EMSGSIZE, driver_crc32(self->driver, POOL, self->handle, UINT32_MAX, 2, &crc));
	EXPECT_EQ(EMSGSIZE, driver_crc32(self->driver, POOL, self->handle, 2, UINT32_MAX, &crc));
	EXPECT_EQ(7, crc);
	EXPECT_EQ(0, driver_crc32(self->driver, POOL, self->handle, BLOCK_BYTES, 0, &crc));
}

TEST_F(shared, a_pool_that_is_not_there_is_refused)
{
	__u32 crc = 0;

	EXPECT_EQ(ENOENT, driver_crc32(self->driver, "nowhere", self->handle, 0, 1, &crc));
	EXPECT_EQ(ENOENT, driver_hold(self->driver, "nowhere", self->handle));
	EXPECT_EQ(ENOENT, driver_release(self->driver, "nowhere", self->handle));
}

/* What the driver says of a handle that is none, whatever it is asked. */
#define EXPECT_REFUSED(error, handle) do {						\
	__u32 crc_ = 0;									\
											\
	EXPECT_EQ(error, driver_crc32(self->driver, POOL, handle, 0, 1, &crc_));	\
	EXPECT_EQ(error, driver_hold(self->driver, POOL, handle));			\
	EXPECT_EQ(ENOENT, driver_release(self->driver, POOL, handle));			\
} while (0)

TEST_F(shared, each_bad_handle_is_refused_for_its_reason)
{
	__u32 slot = FIXEDPOOL_HANDLE_SLOT(self->handle);
	__u32 other;
	__u64 foreign;

	ASSERT_EQ(0, pool_create(self->client, "other", FIXEDPOOL_STORAGE_PAGES, 64, 1, &other));
	foreign = block_take(self->client, other);
	ASSERT_NE(0, foreign);

	EXPECT_REFUSED(EINVAL, 0);
	EXPECT_REFUSED(EINVAL, FIXEDPOOL_HANDLE(2, slot));
	EXPECT_REFUSED(ENXIO, foreign);
	EXPECT_REFUSED(ENXIO, FIXEDPOOL_HANDLE(1, UINT32_MAX));
	EXPECT_REFUSED(ERANGE, FIXEDPOOL_HANDLE(1, slot + 4));
	ASSERT_EQ(0, block_free(self->client, self->handle));
	EXPECT_REFUSED(ESTALE, self->handle);
	EXPECT_EQ(1, pool_in_use(self->client, other));
	EXPECT_EQ(0, pool_in_use(self->client, self->pool));
}

TEST_F(shared, each_bad_argument_is_refused_alone)
{
	struct fixedpool_client_crc32 crc32 = { .pool = POOL, .handle = self->handle };
	struct fixedpool_client_hold hold = { .pool = POOL, .handle = self->handle };
	struct fixedpool_client_run run = scenario("a_pool_is_found_by_its_name", 0);

	EXPECT_EQ(0, call(self->driver, FIXEDPOOL_CLIENT_IOC_CRC32, &crc32));
	crc32.flags = 1;
	EXPECT_EQ(EINVAL, call(self->driver, FIXEDPOOL_CLIENT_IOC_CRC32, &crc32));
	crc32.flags = 0;
	memset(crc32.pool, 'x', sizeof(crc32.pool));
	EXPECT_EQ(EINVAL, call(self->driver, FIXEDPOOL_CLIENT_IOC_CRC32, &crc32));

	hold.flags = 1;
	EXPECT_EQ(EINVAL, call(self->driver, FIXEDPOOL_CLIENT_IOC_HOLD, &hold));
	EXPECT_EQ(EINVAL, call(self->driver, FIXEDPOOL_CLIENT_IOC_RELEASE, &hold));
	hold.flags = 0;
	hold.reserved = 1;
	EXPECT_EQ(EINVAL, call(self->driver, FIXEDPOOL_CLIENT_IOC_HOLD, &hold));
	EXPECT_EQ(EINVAL, call(self->driver, FIXEDPOOL_CLIENT_IOC_RELEASE, &hold));

	run.flags = 1;
	EXPECT_EQ(EINVAL, call(self->driver, FIXEDPOOL_CLIENT_IOC_RUN, &run));
	run.flags = 0;
	run.storage = 2;
	EXPECT_EQ(EINVAL, call(self->driver, FIXEDPOOL_CLIENT_IOC_RUN, &run));
	run = scenario("no_such_scenario", 0);
	EXPECT_EQ(ENOENT, call(self->driver, FIXEDPOOL_CLIENT_IOC_RUN, &run));

	EXPECT_EQ(EFAULT, call(self->driver, FIXEDPOOL_CLIENT_IOC_CRC32, NULL));
	EXPECT_EQ(ENOTTY, call(self->driver, FIXEDPOOL_IOC_QUERY, &run));
	EXPECT_EQ(1, pool_in_use(self->client, self->pool));
}

TEST_F(shared, a_held_block_outlives_the_free_of_its_process)
{
	__u32 crc = 0;

	ASSERT_EQ(0, driver_hold(self->driver, POOL, self->handle));
	ASSERT_EQ(0, block_free(self->client, self->handle));
	EXPECT_EQ(1, pool_in_use(self->client, self->pool));
	EXPECT_TRUE(pool_has_free(self->client, self->pool, 3));

	/* The allocation lives on, but the process has no part in it. */
	EXPECT_EQ(FIXEDPOOL_CHECK_ALIVE, block_check(self->client, self->handle));
	EXPECT_EQ(EPERM, block_free(self->client, self->handle));
	EXPECT_EQ(EPERM, block_read(self->client, self->handle, 0, &crc, 1));
	ASSERT_EQ(0, driver_crc32(self->driver, POOL, self->handle, 0, BLOCK_BYTES, &crc));
	EXPECT_EQ(crc32_of(0, self->bytes, BLOCK_BYTES), crc);

	ASSERT_EQ(0, driver_release(self->driver, POOL, self->handle));
	EXPECT_EQ(0, pool_in_use(self->client, self->pool));
	EXPECT_EQ(0, block_check(self->client, self->handle));
	EXPECT_TRUE(pool_has_free(self->client, self->pool, 4));
}

TEST_F(shared, a_hold_ends_whatever_a_process_writes_into_the_versions)
{
	struct fixedpool_pool_info info = { .id = self->pool };
	__u32 *versions;

	if (variant->storage == FIXEDPOOL_STORAGE_SLAB)
		return;	/* nobody can */
	ASSERT_EQ(0, call(self->client, FIXEDPOOL_IOC_POOL_INFO, &info));
	versions = mmap(NULL, info.versions_length, PROT_READ | PROT_WRITE, MAP_SHARED,
			self->client, info.versions_offset);
	ASSERT_TRUE(versions != MAP_FAILED);
	ASSERT_EQ(0, driver_hold(self->driver, POOL, self->handle));
	ASSERT_EQ(0, block_free(self->client, self->handle));
	memset(versions, 0x5a, info.versions_length);
	EXPECT_EQ(1, pool_in_use(self->client, self->pool));
	EXPECT_EQ(0, driver_release(self->driver, POOL, self->handle));
	EXPECT_EQ(0, pool_in_use(self->client, self->pool));
	munmap(versions, info.versions_length);
}

TEST_F(shared, a_released_block_stays_with_its_process)
{
	char byte;

	ASSERT_EQ(0, driver_hold(self->driver, POOL, self->handle));
	EXPECT_EQ(FIXEDPOOL_CHECK_ALIVE | FIXEDPOOL_CHECK_MINE | FIXEDPOOL_CHECK_SHARED,
		  block_check(self->client, self->handle));
	ASSERT_EQ(0, driver_release(self->driver, POOL, self->handle));
	EXPECT_EQ(FIXEDPOOL_CHECK_ALIVE | FIXEDPOOL_CHECK_MINE,
		  block_check(self->client, self->handle));
	EXPECT_EQ(ENOENT, driver_release(self->driver, POOL, self->handle));
	EXPECT_EQ(0, block_read(self->client, self->handle, 0, &byte, 1));
	EXPECT_EQ(self->bytes[0], byte);
	EXPECT_EQ(0, block_free(self->client, self->handle));
	EXPECT_EQ(0, pool_in_use(self->client, self->pool));
}

TEST_F(shared, every_hold_counts)
{
	for (int i = 0; i < 3; i++)
		ASSERT_EQ(0, driver_hold(self->driver, POOL, self->handle));
	ASSERT_EQ(0, block_free(self->client, self->handle));
	for (int i = 0; i < 3; i++) {
		EXPECT_EQ(1, pool_in_use(self->client, self->pool));
		ASSERT_EQ(0, driver_release(self->driver, POOL, self->handle));
	}
	EXPECT_EQ(0, pool_in_use(self->client, self->pool));
	EXPECT_EQ(ENOENT, driver_release(self->driver, POOL, self->handle));
}

TEST_F(shared, closing_the_driver_releases_what_it_holds)
{
	__u64 second = block_take(self->client, self->pool);

	ASSERT_EQ(0, driver_hold(self->driver, POOL, self->handle));
	ASSERT_EQ(0, driver_hold(self->driver, POOL, self->handle));
	ASSERT_EQ(0, driver_hold(self->driver, POOL, second));
	ASSERT_EQ(0, block_free(self->client, self->handle));
	EXPECT_EQ(2, pool_in_use(self->client, self->pool));

	ASSERT_EQ(0, close(self->driver));
	EXPECT_EQ(1, pool_in_use(self->client, self->pool));
	EXPECT_EQ(FIXEDPOOL_CHECK_ALIVE | FIXEDPOOL_CHECK_MINE,
		  block_check(self->client, second));
	EXPECT_EQ(0, block_free(self->client, second));
	self->driver = driver_open();
}

TEST_F(shared, a_hold_belongs_to_the_file_that_took_it)
{
	int second = driver_open();

	ASSERT_LE(0, second);
	ASSERT_EQ(0, driver_hold(self->driver, POOL, self->handle));
	EXPECT_EQ(ENOENT, driver_release(second, POOL, self->handle));
	close(second);
	ASSERT_EQ(0, block_free(self->client, self->handle));
	EXPECT_EQ(1, pool_in_use(self->client, self->pool));
}

TEST_F(shared, a_driver_needs_no_process_to_be_attached)
{
	__u32 crc = 0;
	pid_t child = fork();

	ASSERT_LE(0, child);
	if (!child) {
		int stranger = client_open(), driver = driver_open();
		char byte;

		REQUIRE(stranger >= 0 && driver >= 0);
		REQUIRE(block_read(stranger, self->handle, 0, &byte, 1) == ENXIO);
		REQUIRE(driver_crc32(driver, POOL, self->handle, 0, BLOCK_BYTES, &crc) == 0);
		REQUIRE(crc == crc32_of(0, self->bytes, BLOCK_BYTES));
		_exit(0);
	}
	EXPECT_EQ(0, child_verdict(child));
}

TEST_F(shared, a_held_block_outlives_the_death_of_its_process)
{
	struct {
		__u64 handles[2];
	} told;
	__u32 crc = 0;
	int pipes[2];
	pid_t child;
	char byte;

	ASSERT_EQ(0, pipe(pipes));
	child = fork();
	ASSERT_LE(0, child);
	if (!child) {
		int client = client_open();
		__u32 pool;

		REQUIRE(pool_attach(client, POOL, &pool) == 0);
		for (int i = 0; i < 2; i++) {
			told.handles[i] = block_take(client, pool);
			REQUIRE(block_write(client, told.handles[i], 0, self->bytes,
					    BLOCK_BYTES) == 0);
		}
		REQUIRE(write(pipes[1], &told, sizeof(told)) == sizeof(told));
		pause();
	}
	ASSERT_EQ(sizeof(told), read(pipes[0], &told, sizeof(told)));
	EXPECT_EQ(3, pool_in_use(self->client, self->pool));
	ASSERT_EQ(0, driver_hold(self->driver, POOL, told.handles[0]));
	ASSERT_EQ(0, kill(child, SIGKILL));
	ASSERT_EQ(128 + SIGKILL, child_verdict(child));

	EXPECT_TRUE(EVENTUALLY(pool_in_use(self->client, self->pool) == 2));
	EXPECT_EQ(FIXEDPOOL_CHECK_ALIVE, block_check(self->client, told.handles[0]));
	EXPECT_EQ(0, block_check(self->client, told.handles[1]));
	EXPECT_EQ(EPERM, block_read(self->client, told.handles[0], 0, &byte, 1));
	ASSERT_EQ(0, driver_crc32(self->driver, POOL, told.handles[0], 0, BLOCK_BYTES, &crc));
	EXPECT_EQ(crc32_of(0, self->bytes, BLOCK_BYTES), crc);

	ASSERT_EQ(0, driver_release(self->driver, POOL, told.handles[0]));
	EXPECT_EQ(1, pool_in_use(self->client, self->pool));
}

/* The block that a child has at the moment, changing all the time. */
static void take_and_free_forever(__u64 *shown)
{
	int client = client_open();
	__u32 pool;

	REQUIRE(pool_attach(client, POOL, &pool) == 0);
	for (;;) {
		__u64 handle = block_take(client, pool);

		__atomic_store_n(shown, handle, __ATOMIC_RELAXED);
		if (handle)
			REQUIRE(block_free(client, handle) == 0);
	}
}

TEST_F(shared, holds_lose_nothing_in_races_with_frees_and_deaths)
{
	__u64 *shown = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int held = 0, late = 0;

	ASSERT_NE(MAP_FAILED, shown);
	for (int life = 0; life < 20; life++) {
		pid_t child;
		int error;

		*shown = 0;
		child = fork();
		ASSERT_LE(0, child);
		if (!child)
			take_and_free_forever(shown);
		for (int i = 0; i < 100; i++) {
			__u64 handle = __atomic_load_n(shown, __ATOMIC_RELAXED);
			__u32 crc = 0;

			if (i == 50 + life)
				kill(child, SIGKILL);
			if (!handle) {
				usleep(100);
				continue;
			}
			error = driver_hold(self->driver, POOL, handle);
			if (error) {
				EXPECT_EQ(ESTALE, error);
				late++;
				continue;
			}
			held++;
			EXPECT_EQ(0, driver_crc32(self->driver, POOL, handle, 0, 8, &crc));
			EXPECT_EQ(0, driver_release(self->driver, POOL, handle));
		}
		ASSERT_EQ(128 + SIGKILL, child_verdict(child));
		ASSERT_TRUE(EVENTUALLY(pool_in_use(self->client, self->pool) == 1));
	}
	EXPECT_TRUE(pool_has_free(self->client, self->pool, 3));
	TH_LOG("%d holds, %d too late", held, late);
	munmap(shown, PAGE);
}

TEST_F(shared, a_pool_outlives_its_name_and_clients_while_the_driver_has_it)
{
	__u32 crc = 0;

	ASSERT_EQ(0, driver_hold(self->driver, POOL, self->handle));
	ASSERT_EQ(0, pool_destroy(self->client, POOL));
	ASSERT_EQ(0, close(self->client));
	ASSERT_EQ(0, driver_crc32(self->driver, POOL, self->handle, 0, BLOCK_BYTES, &crc));
	EXPECT_EQ(crc32_of(0, self->bytes, BLOCK_BYTES), crc);

	/* A new pool under the old name is another pool. */
	self->client = client_open();
	ASSERT_EQ(0, pool_create(self->client, POOL, variant->storage, BLOCK_BYTES, 4,
				 &self->pool));
	EXPECT_EQ(0, pool_in_use(self->client, self->pool));
	EXPECT_EQ(0, driver_release(self->driver, POOL, self->handle));
	EXPECT_EQ(0, pool_in_use(self->client, self->pool));
}

TEST_F(shared, the_kernel_frees_no_block_that_only_a_process_holds)
{
	struct fixedpool_client_run run =
		scenario("a_block_of_a_process_is_not_ours_to_free", variant->storage);
	char byte;

	name_set(run.pool, POOL);
	run.handle = self->handle;
	ASSERT_EQ(0, call(self->driver, FIXEDPOOL_CLIENT_IOC_RUN, &run)) TH_LOG("%s", run.failure);
	ASSERT_EQ(0, block_read(self->client, self->handle, 0, &byte, 1));
	EXPECT_EQ(self->bytes[0], byte);
}

TEST_F(shared, a_failed_check_is_reported)
{
	struct fixedpool_client_run run =
		scenario("a_block_of_a_process_is_not_ours_to_free", variant->storage);

	EXPECT_EQ(EPROTO, call(self->driver, FIXEDPOOL_CLIENT_IOC_RUN, &run));
	EXPECT_NE(NULL, strstr(run.failure, "handles.c:")) TH_LOG("%s", run.failure);
}

TEST_HARNESS_MAIN
