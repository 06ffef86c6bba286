// SPDX-License-Identifier: GPL-2.0
/*
 * /sys/kernel/debug/fixedpool/<pool>/: who holds what, where free blocks lie,
 * and whether the books balance, while pools are used, destroyed and left.
 */
#include "fixedpool_test.h"

#include <sys/stat.h>
#include <sys/wait.h>

#define POOL	"debug"
#define FOLDER	FIXEDPOOL_DEBUG "/" POOL
#define BLOCKS	4096
#define TEXT_SIZE	65536

FIXTURE(debug)
{
	int client;
	__u32 id;
	struct fixedpool_pool_info info;
	char text[TEXT_SIZE];
};

FIXTURE_VARIANT(debug)
{
	__u32 storage;
};

FIXTURE_VARIANT_ADD(debug, pages) { .storage = FIXEDPOOL_STORAGE_PAGES };
FIXTURE_VARIANT_ADD(debug, slab) { .storage = FIXEDPOOL_STORAGE_SLAB };

FIXTURE_SETUP(debug)
{
	self->client = client_open();
	ASSERT_LE(0, self->client);
	ASSERT_EQ(0, pool_create(self->client, POOL, variant->storage, 64, BLOCKS, &self->id));
	ASSERT_EQ(0, pool_info(self->client, self->id, &self->info));
}

FIXTURE_TEARDOWN(debug)
{
	close(self->client);
}

/* Whether a line of the file, up to its end, is what is said. */
static bool has_line(FIXTURE_DATA(debug) *self, const char *file, const char *line)
{
	const char *at = self->text;
	size_t length = strlen(line);

	if (!debug_read(POOL, file, self->text, sizeof(self->text)))
		return false;
	while (at && strncmp(at, line, length)) {
		at = strchr(at, '\n');
		at += at != NULL;
	}
	return at;
}

static __u64 term(FIXTURE_DATA(debug) *self, const char *name)
{
	char pattern[32];
	const char *at;

	snprintf(pattern, sizeof(pattern), "\n%s: ", name);
	if (!debug_read(POOL, "valid", self->text, sizeof(self->text)))
		return UINT64_MAX;
	at = strstr(self->text, pattern);
	return at ? strtoull(at + strlen(pattern), NULL, 10) : UINT64_MAX;
}

static int scope_create(int client, __u32 parent)
{
	struct fixedpool_scope_create create = { .parent = parent };

	return call(client, FIXEDPOOL_IOC_SCOPE_CREATE, &create) ? -1 : (int)create.scope;
}

static int take_into(FIXTURE_DATA(debug) *self, __u32 scope, __u64 *handles, __u32 count)
{
	struct fixedpool_alloc alloc = {
		.pool = self->id,
		.count = count,
		.scope = scope,
		.handles = (uintptr_t)handles,
	};

	return call(self->client, FIXEDPOOL_IOC_ALLOC, &alloc);
}

TEST_F(debug, is_there_for_root_alone)
{
	static const char *const names[] = { "holders", "valid", "magazines" };
	struct stat status;
	char path[128];

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof(path), FOLDER "/%s", names[i]);
		ASSERT_EQ(0, stat(path, &status));
		EXPECT_EQ(0400, status.st_mode & 07777);
	}
}

TEST_F(debug, says_who_holds_which_blocks_in_which_scope)
{
	int scope = scope_create(self->client, 0);
	__u64 root[3], below[2];
	char line[128];

	ASSERT_LT(0, scope);
	ASSERT_EQ(0, blocks_take(self->client, self->id, root, 3, 0, NULL));
	ASSERT_EQ(0, take_into(self, scope, below, 2));
	ASSERT_EQ(0, block_free(self->client, root[1]));
	snprintf(line, sizeof(line), "client %u: pid %d, comm debug_test",
		 client_number(self->client), getpid());
	EXPECT_TRUE(has_line(self, "holders", line)) {
		TH_LOG("%s", self->text);
	}
	snprintf(line, sizeof(line), "  scope 0: %u,%u (2 blocks)\n",
		 block_index(&self->info, root[0]), block_index(&self->info, root[2]));
	EXPECT_TRUE(has_line(self, "holders", line)) {
		TH_LOG("%s", self->text);
	}
	snprintf(line, sizeof(line), "  scope %d: %u-%u (2 blocks)\n", scope,
		 block_index(&self->info, below[0]), block_index(&self->info, below[1]));
	EXPECT_TRUE(has_line(self, "holders", line)) {
		TH_LOG("%s", self->text);
	}
	EXPECT_TRUE(has_line(self, "holders", "modules:  (0 blocks)\n"));
}

TEST_F(debug, says_what_waits_in_channels)
{
	int channel = channel_create(self->client, self->id, "way", 8,
				     FIXEDPOOL_CHANNEL_READ | FIXEDPOOL_CHANNEL_WRITE);
	__u64 handle = block_take(self->client, self->id);

	ASSERT_LE(0, channel);
	ASSERT_EQ(1, channel_write(channel, &handle, 1));
	EXPECT_TRUE(has_line(self, "holders",
			     "channel way: 1 of 8 handles, 1 readers, 1 writers\n")) {
		TH_LOG("%s", self->text);
	}
	close(channel);
	EXPECT_FALSE(has_line(self, "holders", "channel"));
}

TEST_F(debug, ends_however_scattered_the_blocks_are)
{
	__u64 handles[1000];

	ASSERT_EQ(0, blocks_take(self->client, self->id, handles, 1000, 0, NULL));
	for (int i = 0; i < 1000; i += 2)
		ASSERT_EQ(0, block_free(self->client, handles[i]));
	ASSERT_TRUE(debug_read(POOL, "holders", self->text, sizeof(self->text)));
	EXPECT_NE(NULL, strstr(self->text, ",... (500 blocks)\n")) {
		TH_LOG("%s", self->text);
	}
	EXPECT_GT(2048, strlen(self->text));
}

/* Each block is in one place, and moves from term to term. */
TEST_F(debug, accounts_for_every_block)
{
	int other = client_open();
	int channel = channel_create(self->client, self->id, "", 8,
				     FIXEDPOOL_CHANNEL_READ | FIXEDPOOL_CHANNEL_WRITE);
	int scope = scope_create(self->client, 0);
	__u64 handles[400], below[10];

	ASSERT_LE(0, channel);
	ASSERT_EQ(0, pool_attach(other, POOL, NULL));
	EXPECT_EQ(BLOCKS, term(self, "depot"));
	EXPECT_EQ(BLOCKS, term(self, "blocks"));
	for (int i = 0; i < 400; i++) {
		handles[i] = block_take(self->client, self->id);
		ASSERT_NE(0, handles[i]);
	}
	EXPECT_EQ(400, term(self, "clients"));
	for (int i = 10; i < 400; i++)
		ASSERT_EQ(0, block_free(self->client, handles[i]));
	EXPECT_EQ(10, term(self, "clients"));
	EXPECT_LT(0, term(self, "magazines"));
	EXPECT_LT(0, term(self, "rack"));
	ASSERT_EQ(0, take_into(self, scope, below, 10));
	EXPECT_EQ(20, term(self, "clients"));
	ASSERT_EQ(2, channel_write(channel, handles, 2));
	EXPECT_EQ(18, term(self, "clients"));
	EXPECT_EQ(2, term(self, "queued"));
	EXPECT_EQ(0, term(self, "modules"));
	EXPECT_TRUE(pool_is_valid(POOL));
	ASSERT_EQ(0, block_give(self->client, handles[5], client_number(other)));
	EXPECT_TRUE(pool_is_valid(POOL));
	close(other);
	EXPECT_TRUE(pool_is_valid(POOL));
	close(channel);
	EXPECT_EQ(17, term(self, "clients"));
	EXPECT_EQ(0, term(self, "queued"));
	EXPECT_TRUE(pool_is_valid(POOL));
}

TEST_F(debug, shows_each_magazine)
{
	ASSERT_EQ(0, block_free(self->client, block_take(self->client, self->id)));
	EXPECT_TRUE(has_line(self, "magazines", "state: open\n"));
	EXPECT_TRUE(has_line(self, "magazines", "cpu 0: "));
	EXPECT_TRUE(has_line(self, "magazines", "rack: 0 of "));
	EXPECT_TRUE(has_line(self, "magazines", "depot: "));
}

/* A pool that keeps track, of a client and of the kernel. */
TEST_F(debug, tells_of_each_tracked_block_when_and_by_whom_it_was_taken)
{
	struct fixedpool_pool_create parameters = pool_parameters("tracked");
	struct fixedpool_pool_info info;
	unsigned long long seconds;
	__u64 handles[70];
	unsigned int ms;
	char start[64];
	int found, pid;
	char *at;

	EXPECT_FALSE(debug_read(POOL, "tracks", self->text, sizeof(self->text)));
	parameters.storage = variant->storage;
	parameters.blocks = BLOCKS;
	parameters.flags |= FIXEDPOOL_POOL_TRACK;
	ASSERT_EQ(0, call(self->client, FIXEDPOOL_IOC_POOL_CREATE, &parameters));
	ASSERT_EQ(0, pool_info(self->client, parameters.id, &info));
	EXPECT_EQ(FIXEDPOOL_POOL_TRACK, info.flags & FIXEDPOOL_POOL_TRACK);
	ASSERT_TRUE(debug_read("tracked", "tracks", self->text, sizeof(self->text)));
	EXPECT_STREQ("", self->text);
	handles[0] = block_take(self->client, parameters.id);
	ASSERT_NE(0, handles[0]);
	usleep(50000);
	ASSERT_EQ(0, blocks_take(self->client, parameters.id, handles + 1, 69, 0, NULL));
	for (int i = 0; i < 70; i++) {
		ASSERT_TRUE(debug_read("tracked", "tracks", self->text, sizeof(self->text)));
		snprintf(start, sizeof(start), "block %u: ", block_index(&info, handles[i]));
		at = strstr(self->text, start);
		ASSERT_NE(NULL, at);
		found = sscanf(at + strlen(start), "taken %llu.%u s ago, pid %d\n", &seconds, &ms,
			       &pid);
		ASSERT_EQ(3, found);
		EXPECT_EQ(getpid(), pid);
		EXPECT_LE(i ? 0 : 50, seconds * 1000 + ms);
		EXPECT_GT(100, seconds);
		ASSERT_EQ(0, block_free(self->client, handles[i]));
	}
	ASSERT_TRUE(debug_read("tracked", "tracks", self->text, sizeof(self->text)));
	EXPECT_STREQ("", self->text);
	EXPECT_EQ(0, sysfs_number("tracked", "cached"));
}

TEST_F(debug, goes_with_the_name_and_an_open_file_hurts_nobody)
{
	int file = open(FOLDER "/holders", O_RDONLY | O_CLOEXEC);
	struct stat status;

	ASSERT_LE(0, file);
	ASSERT_LT(0, read(file, self->text, 10));
	ASSERT_EQ(0, pool_destroy(self->client, POOL));
	EXPECT_EQ(-1, stat(FOLDER, &status));
	EXPECT_EQ(-1, read(file, self->text, 10));
	EXPECT_EQ(EIO, errno);
	/* The pool is gone for good, and the file is still there. */
	ASSERT_EQ(0, pool_detach(self->client, self->id));
	EXPECT_EQ(-1, read(file, self->text, 10));
	close(file);
}

struct reader {
	pthread_t thread;
	bool stop;
	unsigned int reads;
	unsigned int wrong;
};

static void *read_on(void *argument)
{
	static const char *const names[] = { "holders", "valid", "magazines" };
	struct reader *reader = argument;
	char text[4096];

	for (unsigned int i = 0; !__atomic_load_n(&reader->stop, __ATOMIC_RELAXED); i++) {
		if (!debug_read("debug-comes-and-goes", names[i % 3], text, sizeof(text)))
			continue;
		__atomic_fetch_add(&reader->reads, 1, __ATOMIC_RELAXED);
		if (i % 3 == 1 && text[0] == '0') {
			fprintf(stderr, "# %s", text);
			reader->wrong++;
		}
	}
	return NULL;
}

/* Clients come, take blocks into scopes, give, die, and pools go with them. */
TEST_F(debug, may_be_read_while_clients_and_pools_come_and_go)
{
	struct reader reader = {};
	unsigned int round = 0;

	ASSERT_EQ(0, pthread_create(&reader.thread, NULL, read_on, &reader));
	while (round++ < 50 || __atomic_load_n(&reader.reads, __ATOMIC_RELAXED) < 30) {
		int one = client_open(), two = client_open(), scope;
		__u64 handles[100];
		__u32 id;

		ASSERT_EQ(0, pool_create(one, "debug-comes-and-goes", variant->storage, 64, 500,
					 &id));
		ASSERT_EQ(0, pool_attach(two, "debug-comes-and-goes", NULL));
		scope = scope_create(two, 0);
		ASSERT_LT(0, scope);
		for (int i = 0; i < 20; i++) {
			struct fixedpool_scope_release release = { .scope = scope };
			struct fixedpool_alloc alloc = {
				.pool = id,
				.count = 50,
				.scope = scope,
				.handles = (uintptr_t)handles,
			};

			ASSERT_EQ(0, blocks_take(one, id, handles, 100, 0, NULL));
			ASSERT_EQ(0, block_give(one, handles[0], client_number(two)));
			ASSERT_EQ(0, blocks_free(one, handles + 1, 60, NULL));
			ASSERT_EQ(0, call(two, FIXEDPOOL_IOC_ALLOC, &alloc));
			ASSERT_EQ(0, call(two, FIXEDPOOL_IOC_SCOPE_RELEASE, &release));
			scope = scope_create(two, 0);
			if (i % 8 == 7) {
				close(one);
				one = client_open();
				ASSERT_EQ(0, pool_attach(one, "debug-comes-and-goes", NULL));
			}
		}
		close(two);
		close(one);
	}
	__atomic_store_n(&reader.stop, true, __ATOMIC_RELAXED);
	ASSERT_EQ(0, pthread_join(reader.thread, NULL));
	EXPECT_EQ(0, reader.wrong);
}

TEST_HARNESS_MAIN
