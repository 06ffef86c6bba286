// SPDX-License-Identifier: GPL-2.0
/* /proc/<pid>/fdinfo/<descriptor>: what a client has, and what a channel is. */
#include "fixedpool_test.h"

#define POOL	"fdinfo"

FIXTURE(fdinfo)
{
	int client;
	__u32 id;
	char text[4096];
	char expected[256];
};

FIXTURE_SETUP(fdinfo)
{
	self->client = client_open();
	ASSERT_LE(0, self->client);
	ASSERT_EQ(0, pool_create(self->client, POOL, FIXEDPOOL_STORAGE_PAGES, 64, 100, &self->id));
}

FIXTURE_TEARDOWN(fdinfo)
{
	close(self->client);
}

/* Whether the text of the descriptor has @self->expected. */
static bool told(FIXTURE_DATA(fdinfo) *self, int descriptor)
{
	char path[64];
	ssize_t length;
	int file;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", descriptor);
	file = open(path, O_RDONLY | O_CLOEXEC);
	if (file < 0)
		return false;
	length = read(file, self->text, sizeof(self->text) - 1);
	close(file);
	if (length < 0)
		return false;
	self->text[length] = 0;
	return strstr(self->text, self->expected);
}

TEST_F(fdinfo, tells_the_client_and_its_pools)
{
	struct fixedpool_scope_create create = {};
	struct fixedpool_alloc alloc = { .pool = self->id, .count = 4 };
	__u64 handles[7];
	__u32 other;

	ASSERT_EQ(0, blocks_take(self->client, self->id, handles, 3, 0, NULL));
	ASSERT_EQ(0, call(self->client, FIXEDPOOL_IOC_SCOPE_CREATE, &create));
	alloc.scope = create.scope;
	alloc.handles = (uintptr_t)(handles + 3);
	ASSERT_EQ(0, call(self->client, FIXEDPOOL_IOC_ALLOC, &alloc));
	ASSERT_EQ(0, pool_create(self->client, "fdinfo-too", FIXEDPOOL_STORAGE_SLAB, 64, 9,
				 &other));

	snprintf(self->expected, sizeof(self->expected), "\nclient:\t%u\n",
		 client_number(self->client));
	EXPECT_TRUE(told(self, self->client)) {
		TH_LOG("%s", self->text);
	}
	snprintf(self->expected, sizeof(self->expected),
		 "\npool:\t" POOL " id %u blocks 7 scopes 2\n", self->id);
	EXPECT_TRUE(told(self, self->client)) {
		TH_LOG("%s", self->text);
	}
	snprintf(self->expected, sizeof(self->expected),
		 "\npool:\tfdinfo-too id %u blocks 0 scopes 0\n", other);
	EXPECT_TRUE(told(self, self->client)) {
		TH_LOG("%s", self->text);
	}
	ASSERT_EQ(0, pool_detach(self->client, other));
	EXPECT_FALSE(told(self, self->client));
}

TEST_F(fdinfo, names_a_pool_of_many_units_once)
{
	const char *at;
	__u32 id;

	ASSERT_EQ(0, pool_create(self->client, "fdinfo-large", FIXEDPOOL_STORAGE_PAGES, 8, 200000,
				 &id));
	snprintf(self->expected, sizeof(self->expected), "pool:\tfdinfo-large ");
	ASSERT_TRUE(told(self, self->client));
	at = strstr(self->text, self->expected);
	EXPECT_EQ(NULL, strstr(at + 1, self->expected));
}

TEST_F(fdinfo, tells_the_sets_of_a_client)
{
	struct fixedpool_set_create create = {
		.name = "fdinfo-set",
		.pools = (uintptr_t)&self->id,
		.count = 1,
	};

	ASSERT_EQ(0, call(self->client, FIXEDPOOL_IOC_SET_CREATE, &create));
	snprintf(self->expected, sizeof(self->expected), "\nset:\tfdinfo-set id %u pools 1\n",
		 create.id);
	EXPECT_TRUE(told(self, self->client)) {
		TH_LOG("%s", self->text);
	}
}

TEST_F(fdinfo, tells_what_a_channel_is)
{
	int reader = channel_create(self->client, self->id, "pipe", 16, FIXEDPOOL_CHANNEL_READ);
	int writer = channel_open(self->client, self->id, "pipe", FIXEDPOOL_CHANNEL_WRITE);
	__u64 handle = block_take(self->client, self->id);

	ASSERT_LE(0, reader);
	ASSERT_LE(0, writer);
	ASSERT_EQ(1, channel_write(writer, &handle, 1));
	snprintf(self->expected, sizeof(self->expected),
		 "\nchannel:\tpipe\npool:\t" POOL
		 " id %u\nclient:\t%u\nends:\tr\nqueued:\t1\ncapacity:\t16\n",
		 self->id, client_number(self->client));
	EXPECT_TRUE(told(self, reader)) {
		TH_LOG("%s", self->text);
	}
	snprintf(self->expected, sizeof(self->expected), "\nends:\tw\n");
	EXPECT_TRUE(told(self, writer)) {
		TH_LOG("%s", self->text);
	}
	close(reader);
	close(writer);
}

TEST_HARNESS_MAIN
