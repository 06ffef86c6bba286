// SPDX-License-Identifier: GPL-2.0
/*
 * /sys/class/fixedpool/<pool>/: which files there are, one value in each, the
 * same as INFO says, and counters that count what they are named after.
 */
#include "fixedpool_test.h"

#include <dirent.h>
#include <stddef.h>
#include <sys/stat.h>

#define POOL "sysfs"
#define FOLDER "/sys/class/fixedpool/" POOL
#define BLOCKS 20

/* Some blocks have been taken and fewer are held; a second client is there. */
FIXTURE(sysfs)
{
	int client;
	int other;
	__u32 id;
	__u64 handles[5];
	struct fixedpool_pool_info info;
};

static void set_up(struct __test_metadata *_metadata, FIXTURE_DATA(sysfs) *self, __u32 storage)
{
	struct fixedpool_pool_create parameters = pool_parameters(POOL);

	parameters.block_size = 100;
	parameters.align = 32;
	parameters.blocks = BLOCKS;
	parameters.reserve = BLOCKS / 2;
	parameters.mode = 0640;
	parameters.storage = storage;
	parameters.flags |= FIXEDPOOL_POOL_NUMA_NODE;
	self->client = client_open();
	ASSERT_LE(0, self->client);
	self->other = client_open();
	ASSERT_LE(0, self->other);
	ASSERT_EQ(0, setegid(4002));
	ASSERT_EQ(0, call(self->client, FIXEDPOOL_IOC_POOL_CREATE, &parameters));
	self->id = parameters.id;
	ASSERT_EQ(0, pool_attach(self->other, POOL, NULL));
	ASSERT_EQ(0, blocks_take(self->client, self->id, self->handles, 5, 0, NULL));
	ASSERT_EQ(0, block_free(self->client, self->handles[4]));
	ASSERT_EQ(0, block_free(self->client, self->handles[3]));
	ASSERT_EQ(0, pool_info(self->client, self->id, &self->info));
}

FIXTURE_VARIANT(sysfs)
{
	__u32 storage;
};

FIXTURE_VARIANT_ADD(sysfs, pages) { .storage = FIXEDPOOL_STORAGE_PAGES };
FIXTURE_VARIANT_ADD(sysfs, slab) { .storage = FIXEDPOOL_STORAGE_SLAB };

FIXTURE_SETUP(sysfs)
{
	set_up(_metadata, self, variant->storage);
}

FIXTURE_TEARDOWN(sysfs)
{
	close(self->client);
	close(self->other);
}

/* Each test of this fixture runs once for each file that repeats a member of INFO. */
FIXTURE(attribute)
{
	struct _test_data_sysfs sysfs;
};

FIXTURE_VARIANT(attribute)
{
	const char *name;
	const char *format;
	size_t member;
};

FIXTURE_SETUP(attribute)
{
	set_up(_metadata, &self->sysfs, FIXEDPOOL_STORAGE_PAGES);
}

FIXTURE_TEARDOWN(attribute)
{
	close(self->sysfs.client);
	close(self->sysfs.other);
}

#define ATTRIBUTE(name_, format_, member_)					\
FIXTURE_VARIANT_ADD(attribute, name_)						\
{										\
	.name = #name_,								\
	.format = format_,							\
	.member = offsetof(struct fixedpool_pool_info, member_),		\
}

ATTRIBUTE(id, "%u\n", id);
ATTRIBUTE(block_size, "%u\n", block_size);
ATTRIBUTE(stride, "%u\n", stride);
ATTRIBUTE(align, "%u\n", align);
ATTRIBUTE(blocks, "%u\n", blocks);
ATTRIBUTE(max_blocks, "%u\n", max_blocks);
ATTRIBUTE(reserve, "%u\n", reserve);
ATTRIBUTE(numa_node, "%d\n", numa_node);
ATTRIBUTE(flags, "%#x\n", flags);
ATTRIBUTE(owner, "%u\n", uid);
ATTRIBUTE(group, "%u\n", gid);
ATTRIBUTE(mode, "%04o\n", mode);
ATTRIBUTE(in_use, "%u\n", in_use);
ATTRIBUTE(peak, "%u\n", peak);
ATTRIBUTE(clients, "%u\n", clients);

#pragma GCC diagnostic ignored "-Wformat-nonliteral"
TEST_F(attribute, is_one_line_that_says_what_info_says)
{
	char expected[32], text[4096];
	__u32 value;

	memcpy(&value, (char *)&self->sysfs.info + variant->member, sizeof(value));
	snprintf(expected, sizeof(expected), variant->format, value);
	ASSERT_TRUE(sysfs_read(POOL, variant->name, text, sizeof(text)));
	EXPECT_STREQ(expected, text);
}

TEST_F(sysfs, shows_these_files_and_no_others_and_nobody_can_write_them)
{
	const char *const names[] = {
		"align", "allocs", "block_size", "blocks", "busy", "bytes", "cached", "clients",
		"failures", "fallbacks", "flags", "free", "frees", "given_past", "given_words",
		"group", "grow_failures", "grows", "id", "in_use", "loads_depot", "loads_rack",
		"loads_word", "max_blocks", "mode", "numa_node", "overflows", "owner", "peak",
		"poison_hits", "queued", "reclaimed", "reclaimed_early", "refused_foreign",
		"refused_stale", "reserve", "shrinks", "shuts", "storage", "stride",
		"taken_loading", "taken_magazine", "taken_past", "taken_words", "unloads_depot",
		"unloads_rack", "waiters", "waits",
	};
	DIR *directory = opendir(FOLDER);
	struct dirent *entry;
	unsigned int count = 0;
	struct stat status;
	char path[300];

	ASSERT_TRUE(directory != NULL);
	while ((entry = readdir(directory))) {
		bool known = false;

		/* Those that every device has. */
		if (entry->d_name[0] == '.' || !strcmp(entry->d_name, "power") ||
		    !strcmp(entry->d_name, "subsystem") || !strcmp(entry->d_name, "uevent") ||
		    !strcmp(entry->d_name, "waiting_for_supplier"))
			continue;
		for (size_t i = 0; i < ARRAY_SIZE(names); i++)
			known |= !strcmp(names[i], entry->d_name);
		EXPECT_TRUE(known) {
			TH_LOG("%s", entry->d_name);
		}
		snprintf(path, sizeof(path), FOLDER "/%s", entry->d_name);
		ASSERT_EQ(0, stat(path, &status));
		EXPECT_EQ(0444, status.st_mode & 07777) {
			TH_LOG("%s", entry->d_name);
		}
		count++;
	}
	closedir(directory);
	EXPECT_EQ(ARRAY_SIZE(names), count);
}

TEST_F(sysfs, names_the_storage)
{
	char text[32] = "";

	ASSERT_TRUE(sysfs_read(POOL, "storage", text, sizeof(text)));
	EXPECT_STREQ(variant->storage == FIXEDPOOL_STORAGE_SLAB ? "slab\n" : "pages\n", text);
}

TEST_F(sysfs, adds_up)
{
	EXPECT_EQ(3, sysfs_number(POOL, "in_use"));
	EXPECT_EQ(BLOCKS - 3, sysfs_number(POOL, "free"));
	EXPECT_EQ(5, sysfs_number(POOL, "peak"));
	EXPECT_EQ(5, sysfs_number(POOL, "allocs"));
	EXPECT_EQ(2, sysfs_number(POOL, "frees"));
	EXPECT_EQ(0, sysfs_number(POOL, "failures"));
	EXPECT_EQ(0, sysfs_number(POOL, "refused_stale"));
	EXPECT_EQ(0, sysfs_number(POOL, "refused_foreign"));
	EXPECT_EQ(0, sysfs_number(POOL, "reclaimed"));
	EXPECT_EQ(0, sysfs_number(POOL, "fallbacks"));
	EXPECT_EQ(0, sysfs_number(POOL, "overflows"));
	EXPECT_EQ(2, sysfs_number(POOL, "clients"));
	EXPECT_EQ(0, sysfs_number(POOL, "queued"));
	EXPECT_LE(100 * BLOCKS, sysfs_number(POOL, "bytes"));
}

TEST_F(sysfs, counts_every_block_taken_and_freed)
{
	__u64 handles[10];
	__u32 done;

	ASSERT_EQ(0, blocks_take(self->other, self->id, handles, 10, 0, NULL));
	EXPECT_EQ(15, sysfs_number(POOL, "allocs"));
	ASSERT_EQ(0, blocks_free(self->other, handles, 10, NULL));
	EXPECT_EQ(12, sysfs_number(POOL, "frees"));
	/* With PARTIAL, those there are. */
	ASSERT_EQ(0, blocks_take(self->other, self->id, handles, 7, FIXEDPOOL_ALLOC_PARTIAL,
				 &done));
	ASSERT_EQ(7, done);
	EXPECT_EQ(22, sysfs_number(POOL, "allocs"));
	EXPECT_EQ(10, sysfs_number(POOL, "in_use"));
	EXPECT_EQ(13, sysfs_number(POOL, "peak"));
}

TEST_F(sysfs, counts_calls_that_found_too_little)
{
	__u64 handles[BLOCKS + 1];

	ASSERT_EQ(ENOBUFS, blocks_take(self->other, self->id, handles, BLOCKS, 0, NULL));
	EXPECT_EQ(1, sysfs_number(POOL, "failures"));
	ASSERT_EQ(0, blocks_take(self->other, self->id, handles, BLOCKS - 3, 0, NULL));
	EXPECT_EQ(1, sysfs_number(POOL, "failures"));
	ASSERT_EQ(ENOBUFS, blocks_take(self->other, self->id, handles, 2,
				       FIXEDPOOL_ALLOC_PARTIAL, NULL));
	EXPECT_EQ(2, sysfs_number(POOL, "failures"));
	EXPECT_EQ(5 + BLOCKS - 3, sysfs_number(POOL, "allocs"));
}

TEST_F(sysfs, counts_handles_refused_because_their_allocation_had_ended)
{
	char byte;

	ASSERT_EQ(EALREADY, block_free(self->client, self->handles[4]));
	EXPECT_EQ(1, sysfs_number(POOL, "refused_stale"));
	ASSERT_EQ(ESTALE, block_read(self->client, self->handles[4], 0, &byte, 1));
	EXPECT_EQ(2, sysfs_number(POOL, "refused_stale"));
	ASSERT_EQ(ESTALE, block_write(self->other, self->handles[3], 0, &byte, 1));
	EXPECT_EQ(3, sysfs_number(POOL, "refused_stale"));
	ASSERT_EQ(ESTALE, block_give(self->client, self->handles[4], client_number(self->other)));
	EXPECT_EQ(4, sysfs_number(POOL, "refused_stale"));
	/* To ask is no mistake. */
	ASSERT_EQ(0, block_check(self->client, self->handles[4]));
	EXPECT_EQ(4, sysfs_number(POOL, "refused_stale"));
	EXPECT_EQ(0, sysfs_number(POOL, "refused_foreign"));
	EXPECT_EQ(2, sysfs_number(POOL, "frees"));
}

TEST_F(sysfs, counts_handles_refused_because_another_holds_the_block)
{
	char byte;

	ASSERT_EQ(EPERM, block_free(self->other, self->handles[0]));
	EXPECT_EQ(1, sysfs_number(POOL, "refused_foreign"));
	ASSERT_EQ(EPERM, block_read(self->other, self->handles[0], 0, &byte, 1));
	EXPECT_EQ(2, sysfs_number(POOL, "refused_foreign"));
	ASSERT_EQ(EPERM, block_write(self->other, self->handles[0], 0, &byte, 1));
	EXPECT_EQ(3, sysfs_number(POOL, "refused_foreign"));
	ASSERT_EQ(EPERM, block_give(self->other, self->handles[0], client_number(self->other)));
	EXPECT_EQ(4, sysfs_number(POOL, "refused_foreign"));
	ASSERT_EQ(FIXEDPOOL_CHECK_ALIVE, block_check(self->other, self->handles[0]));
	EXPECT_EQ(4, sysfs_number(POOL, "refused_foreign"));
	EXPECT_EQ(0, sysfs_number(POOL, "refused_stale"));
	EXPECT_EQ(2, sysfs_number(POOL, "frees"));
}

TEST_F(sysfs, counts_blocks_taken_back_from_those_who_leave)
{
	ASSERT_NE(0, block_take(self->other, self->id));
	ASSERT_NE(0, block_take(self->other, self->id));
	ASSERT_EQ(0, pool_detach(self->other, self->id));
	EXPECT_EQ(2, sysfs_number(POOL, "reclaimed"));
	EXPECT_EQ(7, sysfs_number(POOL, "allocs"));
	EXPECT_EQ(4, sysfs_number(POOL, "frees"));
	ASSERT_EQ(0, pool_attach(self->other, POOL, NULL));
	close(self->client);
	EXPECT_EQ(5, sysfs_number(POOL, "reclaimed"));
	EXPECT_EQ(7, sysfs_number(POOL, "frees"));
	EXPECT_EQ(0, sysfs_number(POOL, "in_use"));
	EXPECT_EQ(1, sysfs_number(POOL, "clients"));
	/* What was given back in time was not taken back. */
	ASSERT_EQ(0, block_free(self->other, block_take(self->other, self->id)));
	ASSERT_EQ(0, pool_detach(self->other, self->id));
}

TEST_F(sysfs, counts_a_gift_as_nothing)
{
	ASSERT_EQ(0, block_give(self->client, self->handles[0], client_number(self->other)));
	EXPECT_EQ(5, sysfs_number(POOL, "allocs"));
	EXPECT_EQ(2, sysfs_number(POOL, "frees"));
	EXPECT_EQ(3, sysfs_number(POOL, "in_use"));
	EXPECT_EQ(5, sysfs_number(POOL, "peak"));
}

TEST_F(sysfs, shows_a_pool_until_its_name_is_taken_away)
{
	int file = open(FOLDER "/in_use", O_RDONLY | O_CLOEXEC);
	struct stat status;
	char text[32];

	ASSERT_LE(0, file);
	EXPECT_EQ(0, stat(FOLDER, &status));
	ASSERT_EQ(0, pool_destroy(self->client, POOL));
	EXPECT_EQ(-1, stat(FOLDER, &status));
	EXPECT_EQ(ENOENT, errno);
	/* A file that was open says nothing any more, and hurts nobody. */
	EXPECT_EQ(-1, read(file, text, sizeof(text)));
	EXPECT_EQ(ENODEV, errno);
	close(file);

	/* The clients have their pool; the name may be shown for another. */
	EXPECT_EQ(3, pool_in_use(self->client, self->id));
	ASSERT_EQ(0, pool_create(self->client, POOL, variant->storage, 77, 3, &self->id));
	EXPECT_EQ(77, sysfs_number(POOL, "block_size"));
	EXPECT_EQ(0, sysfs_number(POOL, "in_use"));
}

struct reader {
	pthread_t thread;
	bool stop;
	unsigned int found;
	unsigned int wrong;
};

static void *read_on(void *argument)
{
	const char *const names[] = { "in_use", "allocs", "blocks", "clients" };
	struct reader *reader = argument;

	for (unsigned int i = 0; !__atomic_load_n(&reader->stop, __ATOMIC_RELAXED); i++) {
		char text[32];

		if (sysfs_read("sysfs-come-and-go", names[i % 4], text, sizeof(text))) {
			reader->found++;
			reader->wrong += text[0] < '0' || text[0] > '9';
		}
	}
	return NULL;
}

TEST_F(sysfs, may_be_read_while_pools_come_and_go)
{
	struct reader reader = {};
	unsigned int rounds = 0;
	__u32 id;

	ASSERT_EQ(0, pthread_create(&reader.thread, NULL, read_on, &reader));
	while (rounds++ < 100 || !__atomic_load_n(&reader.found, __ATOMIC_RELAXED)) {
		ASSERT_EQ(0, pool_create(self->client, "sysfs-come-and-go", variant->storage, 64, 8,
					 &id));
		ASSERT_NE(0, block_take(self->client, id));
		ASSERT_EQ(0, pool_detach(self->client, id));
	}
	__atomic_store_n(&reader.stop, true, __ATOMIC_RELAXED);
	ASSERT_EQ(0, pthread_join(reader.thread, NULL));
	EXPECT_EQ(0, reader.wrong);
}

TEST_HARNESS_MAIN
