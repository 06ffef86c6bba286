// SPDX-License-Identifier: GPL-2.0
/*
 * The layout of the ABI's structures and command words, frozen when this is
 * compiled, the commands there are not, what QUERY says, and that one open
 * file is one client.
 */
#include "fixedpool_test.h"

#include <assert.h>
#include <stddef.h>

#define FIELD(type, member, at)							\
	static_assert(offsetof(struct fixedpool_##type, member) == (at),	\
		      #type "." #member " has moved")
#define SIZE(type, bytes)							\
	static_assert(sizeof(struct fixedpool_##type) == (bytes), #type " has changed its size")
#define COMMAND(name, word)							\
	static_assert(FIXEDPOOL_IOC_##name == (word), #name " has changed its command word")

FIELD(query, features, 0);
FIELD(query, abi_version, 8);
FIELD(query, client, 12);
FIELD(query, max_block_size, 16);
FIELD(query, max_batch, 20);
FIELD(query, max_pools, 24);
FIELD(query, reserved, 28);
FIELD(query, max_bytes, 32);
SIZE(query, 40);

FIELD(pool_create, name, 0);
FIELD(pool_create, block_size, 32);
FIELD(pool_create, align, 36);
FIELD(pool_create, blocks, 40);
FIELD(pool_create, reserve, 44);
FIELD(pool_create, storage, 48);
FIELD(pool_create, flags, 52);
FIELD(pool_create, mode, 56);
FIELD(pool_create, numa_node, 60);
FIELD(pool_create, id, 64);
FIELD(pool_create, max_blocks, 68);
SIZE(pool_create, 72);

FIELD(pool_attach, name, 0);
FIELD(pool_attach, flags, 32);
FIELD(pool_attach, id, 36);
SIZE(pool_attach, 40);

FIELD(pool_detach, id, 0);
FIELD(pool_detach, flags, 4);
SIZE(pool_detach, 8);

FIELD(pool_destroy, name, 0);
FIELD(pool_destroy, flags, 32);
FIELD(pool_destroy, reserved, 36);
SIZE(pool_destroy, 40);

FIELD(pool_info, id, 0);
FIELD(pool_info, query_flags, 4);
FIELD(pool_info, name, 8);
FIELD(pool_info, block_size, 40);
FIELD(pool_info, stride, 44);
FIELD(pool_info, align, 48);
FIELD(pool_info, blocks, 52);
FIELD(pool_info, reserve, 56);
FIELD(pool_info, storage, 60);
FIELD(pool_info, flags, 64);
FIELD(pool_info, mode, 68);
FIELD(pool_info, uid, 72);
FIELD(pool_info, gid, 76);
FIELD(pool_info, numa_node, 80);
FIELD(pool_info, first_slot, 84);
FIELD(pool_info, chunk_blocks, 88);
FIELD(pool_info, in_use, 92);
FIELD(pool_info, peak, 96);
FIELD(pool_info, clients, 100);
FIELD(pool_info, chunk_size, 104);
FIELD(pool_info, data_offset, 112);
FIELD(pool_info, data_length, 120);
FIELD(pool_info, versions_offset, 128);
FIELD(pool_info, versions_length, 136);
FIELD(pool_info, header_offset, 144);
FIELD(pool_info, header_length, 152);
FIELD(pool_info, max_blocks, 160);
FIELD(pool_info, waiters, 164);
FIELD(pool_info, holds_offset, 168);
FIELD(pool_info, holds_length, 176);
SIZE(pool_info, 184);

FIELD(alloc, pool, 0);
FIELD(alloc, flags, 4);
FIELD(alloc, count, 8);
FIELD(alloc, done, 12);
FIELD(alloc, handles, 16);
FIELD(alloc, scope, 24);
FIELD(alloc, size, 28);
FIELD(alloc, timeout, 32);
SIZE(alloc, 40);

FIELD(header, waiters, 0);
SIZE(header, 64);

FIELD(watch, pool, 0);
FIELD(watch, flags, 4);
FIELD(watch, low, 8);
FIELD(watch, high, 12);
FIELD(watch, fd, 16);
FIELD(watch, id, 20);
SIZE(watch, 24);

FIELD(free, handles, 0);
FIELD(free, count, 8);
FIELD(free, done, 12);
FIELD(free, flags, 16);
FIELD(free, reserved, 20);
SIZE(free, 24);

FIELD(check, handle, 0);
FIELD(check, flags, 8);
FIELD(check, state, 12);
SIZE(check, 16);

FIELD(read, handle, 0);
FIELD(read, buffer, 8);
FIELD(read, offset, 16);
FIELD(read, length, 20);
FIELD(read, flags, 24);
FIELD(read, reserved, 28);
SIZE(read, 32);

FIELD(write, handle, 0);
FIELD(write, buffer, 8);
FIELD(write, offset, 16);
FIELD(write, length, 20);
FIELD(write, flags, 24);
FIELD(write, reserved, 28);
SIZE(write, 32);

FIELD(give, handles, 0);
FIELD(give, count, 8);
FIELD(give, done, 12);
FIELD(give, client, 16);
FIELD(give, flags, 20);
SIZE(give, 24);

FIELD(channel_create, name, 0);
FIELD(channel_create, pool, 32);
FIELD(channel_create, capacity, 36);
FIELD(channel_create, flags, 40);
FIELD(channel_create, fd, 44);
SIZE(channel_create, 48);

FIELD(channel_open, name, 0);
FIELD(channel_open, pool, 32);
FIELD(channel_open, flags, 36);
FIELD(channel_open, fd, 40);
FIELD(channel_open, reserved, 44);
SIZE(channel_open, 48);

FIELD(set_create, name, 0);
FIELD(set_create, pools, 32);
FIELD(set_create, count, 40);
FIELD(set_create, flags, 44);
FIELD(set_create, id, 48);
FIELD(set_create, reserved, 52);
SIZE(set_create, 56);

FIELD(set_destroy, name, 0);
FIELD(set_destroy, id, 32);
FIELD(set_destroy, flags, 36);
SIZE(set_destroy, 40);

COMMAND(QUERY, 0xc028fb00);
COMMAND(POOL_CREATE, 0xc048fb01);
COMMAND(POOL_ATTACH, 0xc028fb02);
COMMAND(POOL_DETACH, 0xc008fb03);
COMMAND(POOL_DESTROY, 0xc028fb04);
COMMAND(POOL_INFO, 0xc0b8fb05);
COMMAND(ALLOC, 0xc028fb06);
COMMAND(FREE, 0xc018fb07);
COMMAND(CHECK, 0xc010fb08);
COMMAND(READ, 0xc020fb09);
COMMAND(WRITE, 0xc020fb0a);
COMMAND(GIVE, 0xc018fb0b);
COMMAND(SHARE, 0xc018fb0c);
COMMAND(SCOPE_CREATE, 0xc010fb0d);
COMMAND(SCOPE_RELEASE, 0xc010fb0e);
COMMAND(SET_CREATE, 0xc038fb0f);
COMMAND(SET_DESTROY, 0xc028fb10);
COMMAND(CHANNEL_CREATE, 0xc030fb11);
COMMAND(CHANNEL_OPEN, 0xc030fb12);
COMMAND(WATCH, 0xc018fb13);
COMMAND(CACHE_FILL, 0xc018fb14);
COMMAND(CACHE_DRAIN, 0xc018fb15);

static_assert(FIXEDPOOL_ABI_VERSION == 1, "the ABI has another version");
static_assert(FIXEDPOOL_NAME_SIZE == 32 && FIXEDPOOL_MAX_BATCH == 1024 &&
	      FIXEDPOOL_MAX_BLOCK_SIZE == 4194304 && FIXEDPOOL_MAX_SLAB_BLOCK_SIZE == 1048576 &&
	      FIXEDPOOL_MAX_CHANNEL_CAPACITY == 65536,
	      "a limit has changed");
static_assert(FIXEDPOOL_FEATURE_GIVE == 1 && FIXEDPOOL_FEATURE_SHARE == 2 &&
	      FIXEDPOOL_FEATURE_SCOPES == 4 && FIXEDPOOL_FEATURE_SETS == 16 &&
	      FIXEDPOOL_FEATURE_CHANNELS == 32 && FIXEDPOOL_FEATURE_CACHE == 64 &&
	      FIXEDPOOL_FEATURE_GROW == 256 && FIXEDPOOL_FEATURE_HYGIENE == 1 << 9 &&
	      FIXEDPOOL_FEATURE_TRACK == 1 << 11 && FIXEDPOOL_FEATURE_HOLDS == 1 << 12,
	      "a feature bit has moved");
static_assert(FIXEDPOOL_FEATURE_WAIT == 8 && FIXEDPOOL_FEATURE_WATCH == 128,
	      "a feature bit has moved");
static_assert(FIXEDPOOL_ALLOC_WAIT == 4 && FIXEDPOOL_NEVER == 0xffffffffffffffffULL &&
	      FIXEDPOOL_WATCH_REMOVE == 1, "a flag of waiting has moved");
static_assert(FIXEDPOOL_MAX_SET_POOLS == 32 && FIXEDPOOL_MAX_WATCHES == 16,
	      "a limit has changed");
static_assert(FIXEDPOOL_ALLOC_BY_SIZE == 8, "a flag of ALLOC has moved");
static_assert(FIXEDPOOL_POOL_AUTO_DESTROY == 1 && FIXEDPOOL_POOL_NUMA_NODE == 2,
	      "a pool flag has moved");
static_assert(FIXEDPOOL_POOL_ZERO_ON_ALLOC == 4 && FIXEDPOOL_POOL_ZERO_ON_FREE == 8 &&
	      FIXEDPOOL_POOL_POISON == 16 && FIXEDPOOL_POOL_PACKED == 64 &&
	      FIXEDPOOL_POOL_REVOCABLE == 32 && FIXEDPOOL_POISON == 0x6b,
	      "a flag of hygiene has moved");
static_assert(FIXEDPOOL_POOL_TRACK == 128, "a pool flag has moved");
static_assert(FIXEDPOOL_ALLOC_PARTIAL == 1 && FIXEDPOOL_ALLOC_ZERO == 2,
	      "an ALLOC flag has moved");
static_assert(FIXEDPOOL_CHECK_ALIVE == 1 && FIXEDPOOL_CHECK_MINE == 2 &&
	      FIXEDPOOL_CHECK_SHARED == 4, "a CHECK bit has moved");
static_assert(FIXEDPOOL_CHANNEL_READ == 1 && FIXEDPOOL_CHANNEL_WRITE == 2 &&
	      FIXEDPOOL_CHANNEL_NONBLOCK == 4, "a channel flag has moved");
static_assert(FIXEDPOOL_STORAGE_PAGES == 0 && FIXEDPOOL_STORAGE_SLAB == 1,
	      "a storage has moved");
static_assert(FIXEDPOOL_HANDLE(0x80000001, 0xffffffff) == 0x80000001ffffffffULL,
	      "the handle has changed");

#define COMMANDS 22
#define LARGEST ((1 << _IOC_SIZEBITS) - 1)

FIXTURE(device)
{
	int client;
};

FIXTURE_SETUP(device)
{
	self->client = client_open();
	ASSERT_LE(0, self->client);
}

FIXTURE_TEARDOWN(device)
{
	close(self->client);
}

TEST_F(device, does_not_know_other_commands)
{
	static char argument[LARGEST];
	const unsigned int sizes[] = { 0, 8, 40, LARGEST };

	for (unsigned int number = COMMANDS; number <= _IOC_NRMASK; number++) {
		for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
			EXPECT_EQ(ENOTTY, call(self->client,
					       _IOC(_IOC_READ | _IOC_WRITE, FIXEDPOOL_IOC_MAGIC,
						    number, sizes[i]), argument)) {
				TH_LOG("number %u, size %u", number, sizes[i]);
			}
		}
	}
}

TEST_F(device, does_not_look_at_the_argument_of_an_unknown_command)
{
	EXPECT_EQ(ENOTTY, call(self->client,
			       _IOC(_IOC_READ | _IOC_WRITE, FIXEDPOOL_IOC_MAGIC, COMMANDS, 40),
			       NULL));
}

static long long parameter(const char *name)
{
	char path[96], text[32] = "";
	int file;

	snprintf(path, sizeof(path), "/sys/module/fixedpool/parameters/%s", name);
	file = open(path, O_RDONLY | O_CLOEXEC);
	if (file < 0 || read(file, text, sizeof(text) - 1) <= 0)
		return -1;
	close(file);
	return strtoll(text, NULL, 10);
}

TEST_F(device, tells_what_it_is)
{
	struct fixedpool_query query;

	memset(&query, 0xff, sizeof(query));
	ASSERT_EQ(0, call(self->client, FIXEDPOOL_IOC_QUERY, &query));
	EXPECT_EQ(FIXEDPOOL_FEATURE_GIVE | FIXEDPOOL_FEATURE_SHARE | FIXEDPOOL_FEATURE_SCOPES |
		  FIXEDPOOL_FEATURE_WAIT | FIXEDPOOL_FEATURE_SETS |
		  FIXEDPOOL_FEATURE_CHANNELS | FIXEDPOOL_FEATURE_CACHE | FIXEDPOOL_FEATURE_WATCH |
		  FIXEDPOOL_FEATURE_GROW | FIXEDPOOL_FEATURE_HYGIENE |
		  FIXEDPOOL_FEATURE_REVOCABLE | FIXEDPOOL_FEATURE_TRACK |
		  FIXEDPOOL_FEATURE_HOLDS,
		  query.features);
	EXPECT_EQ(FIXEDPOOL_ABI_VERSION, query.abi_version);
	EXPECT_NE(0, query.client);
	EXPECT_EQ(FIXEDPOOL_MAX_BLOCK_SIZE, query.max_block_size);
	EXPECT_EQ(FIXEDPOOL_MAX_BATCH, query.max_batch);
	EXPECT_EQ(0, query.reserved);
	EXPECT_EQ(parameter("max_pools"), query.max_pools);
	EXPECT_EQ(parameter("max_bytes"), query.max_bytes);
}

TEST_F(device, numbers_its_clients_without_repeating_a_live_one)
{
	int clients[64];
	__u32 numbers[ARRAY_SIZE(clients)];

	for (size_t i = 0; i < ARRAY_SIZE(clients); i++) {
		clients[i] = client_open();
		ASSERT_LE(0, clients[i]);
		numbers[i] = client_number(clients[i]);
		ASSERT_NE(0, numbers[i]);
		for (size_t j = 0; j < i; j++)
			ASSERT_NE(numbers[j], numbers[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(clients); i++) {
		EXPECT_EQ(numbers[i], client_number(clients[i]));
		close(clients[i]);
	}
}

TEST_F(device, sees_one_client_behind_all_copies_of_a_descriptor)
{
	__u32 number = client_number(self->client);
	int copy = dup(self->client);
	pid_t child;

	ASSERT_LE(0, copy);
	EXPECT_EQ(number, client_number(copy));
	child = fork();
	if (child == 0) {
		REQUIRE(client_number(copy) == number);
		_exit(0);
	}
	EXPECT_EQ(0, child_verdict(child));
	close(copy);
	EXPECT_EQ(number, client_number(self->client));
}

TEST_HARNESS_MAIN
