// SPDX-License-Identifier: GPL-2.0
/*
 * The limits of the module, max_bytes and max_pools, and the memory cgroup:
 * what they refuse, and that what was charged is given back.
 */
#include "fixedpool_test.h"

#include <dirent.h>
#include <sys/stat.h>

#define KIB 1024
#define MIB (1024 * 1024)

/* Writes a line into a file; 0 or an errno. */
static int put(const char *path, const char *text)
{
	int file = open(path, O_WRONLY | O_CLOEXEC), error = 0;

	if (file < 0)
		return errno;
	if (write(file, text, strlen(text)) < 0)
		error = errno;
	close(file);
	return error;
}

static long long number_in(const char *path)
{
	char text[64] = "";
	int file = open(path, O_RDONLY | O_CLOEXEC);

	if (file < 0 || read(file, text, sizeof(text) - 1) <= 0) {
		close(file);
		return -1;
	}
	close(file);
	return strtoll(text, NULL, 10);
}

#define PARAMETERS "/sys/module/fixedpool/parameters/"

FIXTURE(module)
{
	int client;
	char max_bytes[32];
	char max_pools[32];
};

FIXTURE_SETUP(module)
{
	snprintf(self->max_bytes, sizeof(self->max_bytes), "%lld",
		 number_in(PARAMETERS "max_bytes"));
	snprintf(self->max_pools, sizeof(self->max_pools), "%lld",
		 number_in(PARAMETERS "max_pools"));
	self->client = client_open();
	ASSERT_LE(0, self->client);
}

FIXTURE_TEARDOWN(module)
{
	EXPECT_EQ(0, put(PARAMETERS "max_bytes", self->max_bytes));
	EXPECT_EQ(0, put(PARAMETERS "max_pools", self->max_pools));
	close(self->client);
}

static unsigned int pools_there_are(void)
{
	DIR *directory = opendir("/sys/class/fixedpool");
	struct dirent *entry;
	unsigned int count = 0;

	while (directory && (entry = readdir(directory)))
		count += entry->d_name[0] != '.';
	if (directory)
		closedir(directory);
	return count;
}

TEST_F(module, limit_of_bytes_refuses_a_pool_that_would_exceed_it)
{
	__u32 id;

	ASSERT_EQ(0, put(PARAMETERS "max_bytes", "1"));
	EXPECT_EQ(ENOSPC, pool_create(self->client, "limits", 0, 1, 1, &id));
	EXPECT_EQ(ENOSPC, pool_create(self->client, "limits", 1, 1, 1, &id));
	EXPECT_EQ(ENOENT, pool_attach(self->client, "limits", NULL));
	ASSERT_EQ(0, put(PARAMETERS "max_bytes", "67108864"));
	EXPECT_EQ(ENOSPC, pool_create(self->client, "limits", 0, MIB, 65, &id));
	EXPECT_EQ(ENOSPC, pool_create(self->client, "limits", 1, MIB, 65, &id));
	EXPECT_EQ(0, pool_create(self->client, "limits", 0, MIB, 8, &id));
	ASSERT_EQ(0, put(PARAMETERS "max_bytes", "0"));
	EXPECT_EQ(0, pool_create(self->client, "limits-2", 0, MIB, 65, &id));
}

TEST_F(module, limit_of_bytes_is_for_all_pools_together_and_they_give_back)
{
	char name[FIXEDPOOL_NAME_SIZE];
	int error = 0, made = 0;
	__u32 ids[32];

	ASSERT_EQ(0, put(PARAMETERS "max_bytes", "67108864"));
	for (; made < 32 && !error; made += !error) {
		snprintf(name, sizeof(name), "limits-%d", made);
		error = pool_create(self->client, name, made % 2, 64 * KIB, 125, &ids[made]);
	}
	EXPECT_EQ(ENOSPC, error);
	EXPECT_TRUE(made >= 4 && made <= 8);
	for (int round = 0; round < 10; round++) {
		ASSERT_EQ(0, pool_detach(self->client, ids[made - 1]));
		ASSERT_EQ(0, pool_create(self->client, "limits", round % 2, 64 * KIB, 125,
					 &ids[made - 1]));
		ASSERT_EQ(ENOSPC, pool_create(self->client, "limits-x", round % 2, 64 * KIB, 125,
					      &ids[made]));
	}
	close(self->client);
	self->client = client_open();
	EXPECT_EQ(0, pool_create(self->client, "limits", 0, MIB, 32, &ids[0]));
}

TEST_F(module, limit_of_bytes_is_given_back_by_the_last_mapping)
{
	struct fixedpool_pool_info info;
	char *data;
	__u32 id;

	ASSERT_EQ(0, put(PARAMETERS "max_bytes", "67108864"));
	ASSERT_EQ(0, pool_create(self->client, "limits", 0, MIB, 40, &id));
	ASSERT_EQ(0, pool_info(self->client, id, &info));
	data = mmap(NULL, info.data_length, PROT_READ, MAP_SHARED, self->client, info.data_offset);
	ASSERT_TRUE(data != MAP_FAILED);
	close(self->client);
	self->client = client_open();
	/* The memory is still in use, whoever it is that uses it. */
	EXPECT_EQ(ENOSPC, pool_create(self->client, "limits", 0, MIB, 40, &id));
	ASSERT_EQ(0, munmap(data, info.data_length));
	EXPECT_TRUE(EVENTUALLY(!pool_create(self->client, "limits", 0, MIB, 40, &id)));
}

TEST_F(module, limit_of_bytes_refuses_an_attachment_that_would_exceed_it)
{
	int other = client_open();
	__u32 id;

	ASSERT_EQ(0, pool_create(self->client, "limits", 0, 1, 100000, &id));
	ASSERT_EQ(0, put(PARAMETERS "max_bytes", "1"));
	EXPECT_EQ(ENOSPC, pool_attach(other, "limits", NULL));
	EXPECT_EQ(1, pool_clients(self->client, id));
	ASSERT_EQ(0, put(PARAMETERS "max_bytes", self->max_bytes));
	EXPECT_EQ(0, pool_attach(other, "limits", NULL));
	EXPECT_EQ(2, pool_clients(self->client, id));
	close(other);
}

TEST_F(module, limit_of_bytes_may_fall_below_what_is_in_use)
{
	__u32 id;

	ASSERT_EQ(0, pool_create(self->client, "limits", 0, MIB, 4, &id));
	ASSERT_EQ(0, put(PARAMETERS "max_bytes", "4096"));
	EXPECT_TRUE(pool_has_free(self->client, id, 4));
	EXPECT_EQ(ENOSPC, pool_create(self->client, "limits-2", 0, 1, 1, &id));
}

TEST_F(module, limit_of_pools_refuses_one_more_until_one_goes)
{
	char text[16];
	__u32 ids[4];

	snprintf(text, sizeof(text), "%u", pools_there_are() + 2);
	ASSERT_EQ(0, put(PARAMETERS "max_pools", text));
	ASSERT_EQ(0, pool_create(self->client, "limits-0", 0, 64, 1, &ids[0]));
	ASSERT_EQ(0, pool_create(self->client, "limits-1", 1, 64, 1, &ids[1]));
	EXPECT_EQ(ENFILE, pool_create(self->client, "limits-2", 0, 64, 1, &ids[2]));
	EXPECT_EQ(ENFILE, pool_create(self->client, "limits-2", 1, 64, 1, &ids[2]));
	EXPECT_EQ(ENOENT, pool_attach(self->client, "limits-2", NULL));
	for (int round = 0; round < 20; round++) {
		ASSERT_EQ(0, pool_detach(self->client, ids[1]));
		ASSERT_EQ(0, pool_create(self->client, "limits-1", 0, 64, 1, &ids[1]));
		ASSERT_EQ(ENFILE, pool_create(self->client, "limits-2", 0, 64, 1, &ids[2]));
	}
	ASSERT_EQ(0, put(PARAMETERS "max_pools", "0"));
	EXPECT_EQ(0, pool_create(self->client, "limits-2", 0, 64, 1, &ids[2]));
}

TEST_F(module, limit_of_pools_counts_one_until_its_memory_is_free)
{
	struct fixedpool_pool_info info;
	char text[16], *data;
	__u32 id;

	snprintf(text, sizeof(text), "%u", pools_there_are() + 1);
	ASSERT_EQ(0, put(PARAMETERS "max_pools", text));
	ASSERT_EQ(0, pool_create(self->client, "limits", 0, 64, 1, &id));
	ASSERT_EQ(0, pool_info(self->client, id, &info));
	data = mmap(NULL, info.data_length, PROT_READ, MAP_SHARED, self->client, info.data_offset);
	ASSERT_TRUE(data != MAP_FAILED);
	ASSERT_EQ(0, pool_destroy(self->client, "limits"));
	EXPECT_EQ(ENFILE, pool_create(self->client, "limits", 0, 64, 1, &id));
	ASSERT_EQ(0, pool_detach(self->client, info.id));
	EXPECT_EQ(ENFILE, pool_create(self->client, "limits", 0, 64, 1, &id));
	ASSERT_EQ(0, munmap(data, info.data_length));
	EXPECT_TRUE(EVENTUALLY(!pool_create(self->client, "limits", 0, 64, 1, &id)));
}

TEST_F(module, limits_are_what_query_says)
{
	struct fixedpool_query query = {};

	ASSERT_EQ(0, put(PARAMETERS "max_bytes", "123456789"));
	ASSERT_EQ(0, put(PARAMETERS "max_pools", "77"));
	ASSERT_EQ(0, call(self->client, FIXEDPOOL_IOC_QUERY, &query));
	EXPECT_EQ(123456789, query.max_bytes);
	EXPECT_EQ(77, query.max_pools);
}

TEST_F(module, without_limits_refuses_what_the_machine_does_not_have)
{
	__u32 id;

	ASSERT_EQ(0, put(PARAMETERS "max_bytes", "0"));
	/* 200 GiB. The machine that tests run on has less, or this is no test for it. */
	ASSERT_GT(200ULL << 30, (__u64)sysconf(_SC_PHYS_PAGES) * PAGE);
	EXPECT_EQ(ENOMEM, pool_create(self->client, "limits", 0, 4 * MIB, 51200, &id));
	EXPECT_EQ(ENOENT, pool_attach(self->client, "limits", NULL));
	EXPECT_EQ(0, pool_create(self->client, "limits", 0, 4 * MIB, 1, &id));
}

/* A mapping is a file to the system. Root may have any number of them. */
TEST_F(module, gives_way_to_the_limit_of_open_files_of_the_system)
{
	char before[32];
	struct fixedpool_pool_info info;
	int ends[2], limited[2];
	char byte;
	pid_t child;
	__u32 id;

	ASSERT_EQ(0, pipe(ends));
	ASSERT_EQ(0, pipe(limited));
	ASSERT_EQ(0, pool_create(self->client, "limits", 0, 64, 1, &id));
	ASSERT_EQ(0, pool_info(self->client, id, &info));
	snprintf(before, sizeof(before), "%lld", number_in("/proc/sys/fs/file-max"));
	child = fork();
	if (child == 0) {
		REQUIRE(!setresuid(4001, 4001, 4001));
		REQUIRE(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, self->client, info.data_offset) !=
			MAP_FAILED);
		REQUIRE(write(ends[1], "x", 1) == 1);
		REQUIRE(read(limited[0], &byte, 1) == 1);
		REQUIRE(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, self->client, info.data_offset) ==
			MAP_FAILED);
		REQUIRE(errno == ENFILE);
		_exit(0);
	}
	EXPECT_EQ(1, read(ends[0], &byte, 1));
	EXPECT_EQ(0, put("/proc/sys/fs/file-max", "0"));
	EXPECT_EQ(1, write(limited[1], "x", 1));
	EXPECT_EQ(0, child_verdict(child));
	EXPECT_EQ(0, put("/proc/sys/fs/file-max", before));
}

#define CGROUP "/sys/fs/cgroup/fixedpool-limits"

FIXTURE(cgroup)
{
	int client;
	bool missing;
};

FIXTURE_VARIANT(cgroup)
{
	__u32 storage;
};

FIXTURE_VARIANT_ADD(cgroup, pages) { .storage = FIXEDPOOL_STORAGE_PAGES };
FIXTURE_VARIANT_ADD(cgroup, slab) { .storage = FIXEDPOOL_STORAGE_SLAB };

FIXTURE_SETUP(cgroup)
{
	put("/sys/fs/cgroup/cgroup.subtree_control", "+memory");
	rmdir(CGROUP);
	self->missing = mkdir(CGROUP, 0755) || number_in(CGROUP "/memory.current") < 0;
	self->client = client_open();
	ASSERT_LE(0, self->client);
}

FIXTURE_TEARDOWN(cgroup)
{
	close(self->client);
	/* It is held by memory charged to it, and by the dead for a moment. */
	if (!self->missing) {
		EXPECT_TRUE(EVENTUALLY(!rmdir(CGROUP)));
	}
}

/* In a child: into the group. */
static void enter(void)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", getpid());
	REQUIRE(!put(CGROUP "/cgroup.procs", text));
}

TEST_F(cgroup, is_charged_for_a_pool_until_it_is_destroyed)
{
	long long before, during = 0;
	int ends[2], done[2];
	char byte;
	pid_t child;
	__u32 id;

	if (self->missing)
		SKIP(return, "there is no memory controller");
	ASSERT_EQ(0, pipe(ends));
	ASSERT_EQ(0, pipe(done));
	before = number_in(CGROUP "/memory.current");
	child = fork();
	if (child == 0) {
		enter();
		REQUIRE(!pool_create(self->client, "limits", variant->storage, 64 * KIB, 256, &id));
		/* The test's copy of the descriptor is what the pool lives by. */
		close(self->client);
		REQUIRE(write(ends[1], "x", 1) == 1);
		REQUIRE(read(done[0], &byte, 1) == 1);
		_exit(0);
	}
	ASSERT_EQ(1, read(ends[0], &byte, 1));
	/* 16 MiB; charges may be kept back in small lots. */
	EXPECT_TRUE(EVENTUALLY((during = number_in(CGROUP "/memory.current")) >=
			       before + 15 * MIB)) {
		TH_LOG("before %lld, with the pool %lld", before, during);
	}
	close(self->client);
	self->client = client_open();
	EXPECT_TRUE(EVENTUALLY(number_in(CGROUP "/memory.current") < before + 4 * MIB)) {
		TH_LOG("before %lld, afterwards %lld", before,
		       number_in(CGROUP "/memory.current"));
	}
	ASSERT_EQ(1, write(done[1], "x", 1));
	EXPECT_EQ(0, child_verdict(child));
}

/* In a child: the group makes a pool of 1 MiB that may grow to 64 MiB. */
static void make_growing_pool(int client, __u32 storage)
{
	struct fixedpool_pool_create parameters = pool_parameters("limits");

	enter();
	parameters.storage = storage;
	parameters.block_size = 64 * KIB;
	parameters.max_blocks = 1024;
	REQUIRE(!call(client, FIXEDPOOL_IOC_POOL_CREATE, &parameters));
	_exit(0);
}

TEST_F(cgroup, is_charged_for_what_others_make_its_pool_grow_by)
{
	static __u64 handles[1024];
	long long during = 0, after = 0;
	pid_t child;
	__u32 id, done;

	if (self->missing)
		SKIP(return, "there is no memory controller");
	child = fork();
	if (child == 0)
		make_growing_pool(self->client, variant->storage);
	ASSERT_EQ(0, child_verdict(child));
	id = sysfs_number("limits", "id");
	ASSERT_EQ(0, blocks_take(self->client, id, handles, 256, 0, NULL));
	EXPECT_TRUE(EVENTUALLY((during = number_in(CGROUP "/memory.current")) >= 15 * MIB)) {
		TH_LOG("with the pool %lld", during);
	}
	ASSERT_EQ(0, blocks_free(self->client, handles, 256, NULL));
	ASSERT_EQ(0, put("/proc/sys/vm/drop_caches", "2"));
	EXPECT_TRUE(EVENTUALLY((after = number_in(CGROUP "/memory.current")) < 6 * MIB)) {
		TH_LOG("with a pool that has shrunk %lld", after);
	}
	/* Where it is too small, nobody is killed for that. */
	ASSERT_EQ(0, put(CGROUP "/memory.max", "16777216"));
	EXPECT_EQ(0, blocks_take(self->client, id, handles, 1024, FIXEDPOOL_ALLOC_PARTIAL, &done));
	EXPECT_GT(256, done);
	EXPECT_LT(64, done);
	EXPECT_LT(0, sysfs_number("limits", "grow_failures"));
}

TEST_F(cgroup, that_is_too_small_refuses_the_pool_and_gets_everything_back)
{
	long long after = 0;
	pid_t child;
	__u32 id;

	if (self->missing)
		SKIP(return, "there is no memory controller");
	ASSERT_EQ(0, put(CGROUP "/memory.oom.group", "0"));
	ASSERT_EQ(0, put(CGROUP "/memory.max", "8388608"));
	child = fork();
	if (child == 0) {
		enter();
		for (int round = 0; round < 5; round++) {
			/* 64 MiB of 8. */
			REQUIRE(pool_create(self->client, "limits", variant->storage, 64 * KIB,
					    1024, &id) == ENOMEM);
			REQUIRE(pool_attach(self->client, "limits", NULL) == ENOENT);
		}
		REQUIRE(!pool_create(self->client, "limits", variant->storage, 4 * KIB, 64, &id));
		_exit(0);
	}
	EXPECT_EQ(0, child_verdict(child));
	EXPECT_TRUE(EVENTUALLY((after = number_in(CGROUP "/memory.current")) < 4 * MIB)) {
		TH_LOG("%lld bytes are still charged", after);
	}
}

TEST_HARNESS_MAIN
