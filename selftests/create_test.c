// SPDX-License-Identifier: GPL-2.0
/*
 * POOL_CREATE: every refused parameter alone, the parameters that are
 * accepted, and that INFO tells them and a geometry that agrees with itself.
 */
#include "fixedpool_test.h"

#include <limits.h>

FIXTURE(refused)
{
	int client;
};

FIXTURE_VARIANT(refused)
{
	void (*spoil)(struct fixedpool_pool_create *parameters);
	int error;
};

FIXTURE_SETUP(refused)
{
	self->client = client_open();
	ASSERT_LE(0, self->client);
}

FIXTURE_TEARDOWN(refused)
{
	close(self->client);
}

#define REFUSED(name, error_, statement)					\
static void name(struct fixedpool_pool_create *parameters)			\
{										\
	statement;								\
}										\
FIXTURE_VARIANT_ADD(refused, name)						\
{										\
	.spoil = name,								\
	.error = error_,							\
}

#define NAME(text) memcpy(parameters->name, text, sizeof(text))

REFUSED(name_empty, EINVAL, NAME(""));
REFUSED(name_dot, EINVAL, NAME("."));
REFUSED(name_dot_dot, EINVAL, NAME(".."));
REFUSED(name_with_leading_dot, EINVAL, NAME(".pool"));
REFUSED(name_with_slash, EINVAL, NAME("a/b"));
REFUSED(name_with_leading_slash, EINVAL, NAME("/pool"));
REFUSED(name_with_space, EINVAL, NAME("a b"));
REFUSED(name_with_line_end, EINVAL, NAME("pool\n"));
REFUSED(name_with_percent, EINVAL, NAME("%s"));
REFUSED(name_with_umlaut, EINVAL, NAME("p\xc3\xb6ol"));
REFUSED(name_not_terminated, EINVAL, memset(parameters->name, 'a', sizeof(parameters->name)));
REFUSED(block_size_zero, EINVAL, parameters->block_size = 0);
REFUSED(block_size_above_the_largest, EINVAL,
	parameters->block_size = FIXEDPOOL_MAX_BLOCK_SIZE + 1);
REFUSED(block_size_all_ones, EINVAL, parameters->block_size = UINT_MAX);
REFUSED(slab_block_size_above_the_largest, EINVAL,
	parameters->storage = FIXEDPOOL_STORAGE_SLAB;
	parameters->block_size = FIXEDPOOL_MAX_SLAB_BLOCK_SIZE + 1);
REFUSED(align_three, EINVAL, parameters->align = 3);
REFUSED(align_not_a_power_of_two, EINVAL, parameters->align = 96);
REFUSED(align_of_two_pages, EINVAL, parameters->align = 2 * PAGE);
REFUSED(align_highest_bit, EINVAL, parameters->align = 1U << 31);
REFUSED(blocks_zero, EINVAL, parameters->blocks = 0);
REFUSED(slab_blocks_above_their_most, EOVERFLOW,
	parameters->storage = FIXEDPOOL_STORAGE_SLAB; parameters->blocks = 262144 + 1);
REFUSED(reserve_above_blocks, EINVAL, parameters->reserve = parameters->blocks + 1);
REFUSED(reserve_all_ones, EINVAL, parameters->reserve = UINT_MAX);
REFUSED(max_blocks_below_blocks, EINVAL, parameters->max_blocks = parameters->blocks - 1);
REFUSED(max_blocks_one, EINVAL, parameters->max_blocks = 1);
REFUSED(max_blocks_all_ones, EOVERFLOW, parameters->max_blocks = UINT_MAX);
REFUSED(slab_max_blocks_above_their_most, EOVERFLOW,
	parameters->storage = FIXEDPOOL_STORAGE_SLAB; parameters->max_blocks = 262144 + 1);
REFUSED(storage_unknown, EINVAL, parameters->storage = FIXEDPOOL_STORAGE_SLAB + 1);
REFUSED(storage_all_ones, EINVAL, parameters->storage = UINT_MAX);
REFUSED(mode_owner_execute, EINVAL, parameters->mode = 0700);
REFUSED(mode_group_execute, EINVAL, parameters->mode = 0670);
REFUSED(mode_other_execute, EINVAL, parameters->mode = 0667);
REFUSED(mode_sticky, EINVAL, parameters->mode = 01600);
REFUSED(mode_setgid, EINVAL, parameters->mode = 02600);
REFUSED(mode_setuid, EINVAL, parameters->mode = 04600);
REFUSED(mode_file_type, EINVAL, parameters->mode = 0100600);
REFUSED(mode_highest_bit, EINVAL, parameters->mode = 0600 | 1U << 31);
REFUSED(node_without_its_flag, EINVAL, parameters->numa_node = 1);
REFUSED(node_minus_one_without_its_flag, EINVAL, parameters->numa_node = -1);
REFUSED(node_minus_one, EINVAL,
	parameters->flags |= FIXEDPOOL_POOL_NUMA_NODE; parameters->numa_node = -1);
REFUSED(node_absent, EINVAL,
	parameters->flags |= FIXEDPOOL_POOL_NUMA_NODE; parameters->numa_node = 63);
REFUSED(node_above_all, EINVAL,
	parameters->flags |= FIXEDPOOL_POOL_NUMA_NODE; parameters->numa_node = INT_MAX);
REFUSED(node_below_all, EINVAL,
	parameters->flags |= FIXEDPOOL_POOL_NUMA_NODE; parameters->numa_node = INT_MIN);
REFUSED(more_blocks_than_slots_are_left, EOVERFLOW,
	parameters->block_size = 1; parameters->blocks = UINT_MAX);
REFUSED(more_bytes_than_addresses, EOVERFLOW,
	parameters->block_size = FIXEDPOOL_MAX_BLOCK_SIZE; parameters->blocks = UINT_MAX);

TEST_F(refused, alone_and_nothing_is_left_of_it)
{
	struct fixedpool_pool_create good = pool_parameters("create-refused"), bad = good;
	struct fixedpool_pool_attach attach = {};
	__u32 bystander;

	/* Somebody has a part of the slots already. */
	ASSERT_EQ(0, pool_create(self->client, "create-bystander", 0, 64, 1, &bystander));
	variant->spoil(&bad);
	EXPECT_EQ(variant->error, call(self->client, FIXEDPOOL_IOC_POOL_CREATE, &bad));
	memcpy(attach.name, bad.name, sizeof(attach.name));
	EXPECT_NE(0, call(self->client, FIXEDPOOL_IOC_POOL_ATTACH, &attach));
	EXPECT_EQ(0, call(self->client, FIXEDPOOL_IOC_POOL_CREATE, &good));
}

FIXTURE(create)
{
	int client;
	struct fixedpool_pool_create parameters;
	struct fixedpool_pool_info info;
};

FIXTURE_SETUP(create)
{
	self->client = client_open();
	ASSERT_LE(0, self->client);
	self->parameters = pool_parameters("create");
}

FIXTURE_TEARDOWN(create)
{
	close(self->client);
}

static int made(FIXTURE_DATA(create) *self)
{
	int error = call(self->client, FIXEDPOOL_IOC_POOL_CREATE, &self->parameters);

	return error ? error : pool_info(self->client, self->parameters.id, &self->info);
}

TEST_F(create, accepts_these_characters_in_a_name_and_no_others)
{
	for (int character = 1; character < 256; character++) {
		bool allowed = character < 128 && (isalnum(character) || character == '_' ||
						   character == '-' || character == '.');
		int expected = allowed ? 0 : EINVAL;

		self->parameters = pool_parameters("x");
		self->parameters.name[1] = character;
		EXPECT_EQ(expected, made(self)) {
			TH_LOG("second character %#x", character);
		}
		if (allowed) {
			ASSERT_EQ(0, pool_detach(self->client, self->parameters.id));
		}

		expected = allowed && character != '.' ? 0 : EINVAL;
		self->parameters = pool_parameters("");
		self->parameters.name[0] = character;
		EXPECT_EQ(expected, made(self)) {
			TH_LOG("only character %#x", character);
		}
		if (!expected) {
			ASSERT_EQ(0, pool_detach(self->client, self->parameters.id));
		}
	}
}

TEST_F(create, accepts_a_name_of_31_characters)
{
	char text[4];

	self->parameters = pool_parameters("a-name-of-31-characters-exactly");
	ASSERT_EQ(31, strlen(self->parameters.name));
	ASSERT_EQ(0, made(self));
	EXPECT_STREQ(self->parameters.name, self->info.name);
	EXPECT_TRUE(sysfs_read(self->parameters.name, "blocks", text, sizeof(text)));
}

TEST_F(create, refuses_a_name_that_is_taken_by_anybody)
{
	int other = client_open();
	struct fixedpool_pool_create again = self->parameters;

	ASSERT_EQ(0, made(self));
	EXPECT_EQ(EEXIST, call(self->client, FIXEDPOOL_IOC_POOL_CREATE, &again));
	EXPECT_EQ(EEXIST, call(other, FIXEDPOOL_IOC_POOL_CREATE, &again));
	EXPECT_EQ(1, pool_clients(self->client, self->parameters.id));
	close(other);
}

TEST_F(create, tells_names_apart_by_case_and_by_their_whole_length)
{
	__u32 id;

	ASSERT_EQ(0, made(self));
	EXPECT_EQ(0, pool_create(self->client, "Create", 0, 64, 1, &id));
	EXPECT_EQ(0, pool_create(self->client, "creat", 0, 64, 1, &id));
	EXPECT_EQ(0, pool_create(self->client, "create-", 0, 64, 1, &id));
}

TEST_F(create, takes_zero_for_the_defaults)
{
	ASSERT_EQ(0, made(self));
	EXPECT_EQ(8, self->info.align);
	EXPECT_EQ(self->parameters.blocks, self->info.reserve);
	EXPECT_EQ(0600, self->info.mode);
	EXPECT_EQ(-1, self->info.numa_node);
	EXPECT_EQ(FIXEDPOOL_STORAGE_PAGES, self->info.storage);
	EXPECT_EQ(geteuid(), self->info.uid);
	EXPECT_EQ(getegid(), self->info.gid);
}

TEST_F(create, takes_the_memory_of_the_node_that_is_named)
{
	char path[64];

	for (int node = 0; node < 8; node++) {
		void *pages[16];
		int nodes[ARRAY_SIZE(pages)];
		char *data;

		snprintf(path, sizeof(path), "/sys/devices/system/node/node%d", node);
		if (node > 0 && access(path, F_OK))
			continue;
		self->parameters.flags |= FIXEDPOOL_POOL_NUMA_NODE;
		self->parameters.numa_node = node;
		self->parameters.block_size = ARRAY_SIZE(pages) * PAGE;
		ASSERT_EQ(0, made(self));
		EXPECT_EQ(node, self->info.numa_node);
		EXPECT_EQ(self->parameters.flags, self->info.flags);

		data = mmap(NULL, ARRAY_SIZE(pages) * PAGE, PROT_READ, MAP_SHARED, self->client,
			    self->info.data_offset);
		ASSERT_TRUE(data != MAP_FAILED);
		for (size_t i = 0; i < ARRAY_SIZE(pages); i++)
			pages[i] = data + i * PAGE;
		/* A kernel that knows no nodes cannot be asked. */
		if (syscall(SYS_move_pages, 0, ARRAY_SIZE(pages), pages, NULL, nodes, 0)) {
			ASSERT_EQ(ENOSYS, errno);
			ASSERT_EQ(0, node);
			break;
		}
		for (size_t i = 0; i < ARRAY_SIZE(pages); i++) {
			EXPECT_EQ(node, nodes[i]);
		}
		ASSERT_EQ(0, munmap(data, ARRAY_SIZE(pages) * PAGE));
		ASSERT_EQ(0, pool_detach(self->client, self->parameters.id));
	}
}

/* Asked by who may not have the memory: to really make it takes a debug kernel minutes. */
TEST_F(create, refuses_the_most_blocks_that_slab_storage_has_for_their_memory_alone)
{
	const struct rlimit none = {};
	pid_t child = fork();

	if (child == 0) {
		self->parameters.storage = FIXEDPOOL_STORAGE_SLAB;
		self->parameters.block_size = 1;
		self->parameters.blocks = 262144;
		REQUIRE(!setrlimit(RLIMIT_MEMLOCK, &none));
		REQUIRE(!setresuid(4001, 4001, 4001));
		REQUIRE(made(self) == EDQUOT);
		_exit(0);
	}
	EXPECT_EQ(0, child_verdict(child));
}

TEST_F(create, accepts_every_read_and_write_bit_of_the_mode)
{
	const __u32 bits[] = { 0400, 0200, 0040, 0020, 0004, 0002, 0666 };

	for (size_t i = 0; i < ARRAY_SIZE(bits); i++) {
		self->parameters.mode = bits[i];
		ASSERT_EQ(0, made(self));
		EXPECT_EQ(bits[i], self->info.mode);
		ASSERT_EQ(0, pool_detach(self->client, self->parameters.id));
	}
}

TEST_F(create, keeps_a_reserve_of_any_size_up_to_all_blocks)
{
	for (__u32 reserve = 1; reserve <= self->parameters.blocks; reserve++) {
		self->parameters.reserve = reserve;
		ASSERT_EQ(0, made(self));
		EXPECT_LE(reserve, self->info.reserve);
		EXPECT_GE(self->parameters.blocks, self->info.reserve);
		EXPECT_TRUE(pool_has_free(self->client, self->parameters.id,
					  self->parameters.blocks));
		ASSERT_EQ(0, pool_detach(self->client, self->parameters.id));
	}
}

TEST_F(create, tells_its_flags)
{
	ASSERT_EQ(0, made(self));
	EXPECT_EQ(FIXEDPOOL_POOL_AUTO_DESTROY, self->info.flags);
	self->parameters = pool_parameters("create-kept");
	self->parameters.flags = 0;
	ASSERT_EQ(0, made(self));
	EXPECT_EQ(0, self->info.flags);
	EXPECT_EQ(0, pool_destroy(self->client, "create-kept"));
}

TEST_F(create, gives_pools_different_numbers_slots_and_regions)
{
	struct fixedpool_pool_info infos[8];
	char name[FIXEDPOOL_NAME_SIZE];
	__u32 id;

	for (size_t i = 0; i < ARRAY_SIZE(infos); i++) {
		snprintf(name, sizeof(name), "create-%zu", i);
		ASSERT_EQ(0, pool_create(self->client, name, 0, 64, 1000, &id));
		ASSERT_EQ(0, pool_info(self->client, id, &infos[i]));
		for (size_t j = 0; j < i; j++) {
			ASSERT_NE(infos[j].id, infos[i].id);
			ASSERT_TRUE(infos[j].first_slot + 1000 <= infos[i].first_slot ||
				    infos[i].first_slot + 1000 <= infos[j].first_slot);
			ASSERT_TRUE(infos[j].data_offset + infos[j].data_length <=
				    infos[i].data_offset ||
				    infos[i].data_offset + infos[i].data_length <=
				    infos[j].data_offset);
			ASSERT_TRUE(infos[j].versions_offset + infos[j].versions_length <=
				    infos[i].versions_offset ||
				    infos[i].versions_offset + infos[i].versions_length <=
				    infos[j].versions_offset);
		}
	}
}

/* Each test of this fixture runs once for each shape of pool. */
FIXTURE(shape)
{
	int client;
	struct fixedpool_pool_info info;
};

FIXTURE_VARIANT(shape)
{
	__u32 storage;
	__u32 block_size;
	__u32 align;
	__u32 blocks;
};

FIXTURE_SETUP(shape)
{
	struct fixedpool_pool_create parameters = pool_parameters("shape");

	parameters.storage = variant->storage;
	parameters.block_size = variant->block_size;
	parameters.align = variant->align;
	parameters.blocks = variant->blocks;
	self->client = client_open();
	ASSERT_LE(0, self->client);
	ASSERT_EQ(0, call(self->client, FIXEDPOOL_IOC_POOL_CREATE, &parameters));
	ASSERT_EQ(0, pool_info(self->client, parameters.id, &self->info));
}

FIXTURE_TEARDOWN(shape)
{
	close(self->client);
}

#define SHAPE(storage_, name, block_size_, align_, blocks_)			\
FIXTURE_VARIANT_ADD(shape, name##_##block_size_##_##align_##_##blocks_)		\
{										\
	.storage = storage_,							\
	.block_size = block_size_,						\
	.align = align_,							\
	.blocks = blocks_,							\
}

#define SHAPES(...)								\
	SHAPE(FIXEDPOOL_STORAGE_PAGES, pages, __VA_ARGS__);			\
	SHAPE(FIXEDPOOL_STORAGE_SLAB, slab, __VA_ARGS__)

SHAPES(1, 0, 1);
SHAPES(1, 1, 5000);
SHAPES(7, 0, 1000);
SHAPES(8, 4096, 3);
SHAPES(100, 64, 777);
SHAPES(4096, 4096, 40);
SHAPES(4097, 0, 33);
SHAPES(65536, 4096, 5);
SHAPES(100000, 16, 7);
SHAPES(1048576, 0, 3);
SHAPE(FIXEDPOOL_STORAGE_PAGES, pages, 4194303, 1, 3);
SHAPE(FIXEDPOOL_STORAGE_PAGES, pages, 4194304, 0, 2);

TEST_F(shape, is_told_as_it_was_asked_for)
{
	EXPECT_STREQ("shape", self->info.name);
	EXPECT_EQ(variant->storage, self->info.storage);
	EXPECT_EQ(variant->block_size, self->info.block_size);
	EXPECT_EQ(variant->align ? variant->align : 8, self->info.align);
	EXPECT_EQ(variant->blocks, self->info.blocks);
	EXPECT_EQ(variant->blocks, self->info.reserve);
	EXPECT_EQ(0, self->info.in_use);
	EXPECT_EQ(0, self->info.peak);
	EXPECT_EQ(1, self->info.clients);
}

TEST_F(shape, has_a_geometry_that_agrees_with_itself)
{
	const struct fixedpool_pool_info *info = &self->info;
	size_t end = 0;

	if (variant->storage == FIXEDPOOL_STORAGE_SLAB) {
		EXPECT_EQ(0, info->chunk_blocks);
		EXPECT_EQ(0, info->data_length);
		EXPECT_EQ(0, info->versions_length);
		return;
	}
	EXPECT_LE(info->block_size, info->stride);
	EXPECT_EQ(0, info->stride % info->align);
	EXPECT_EQ(0, info->chunk_size % info->align);
	EXPECT_EQ(0, info->chunk_size % PAGE);
	EXPECT_EQ(0, info->data_offset % PAGE);
	EXPECT_EQ(0, info->data_length % PAGE);
	EXPECT_EQ(0, info->versions_offset % PAGE);
	EXPECT_EQ(0, info->versions_length % PAGE);
	EXPECT_LE(sizeof(__u32) * info->blocks, info->versions_length);
	EXPECT_TRUE(info->data_offset + info->data_length <= info->versions_offset ||
		    info->versions_offset + info->versions_length <= info->data_offset);
	ASSERT_LT(0, info->chunk_blocks);
	for (__u32 i = 0; i < info->blocks; i++) {
		size_t begin = block_offset(info, i);

		ASSERT_LE(end, begin);
		ASSERT_EQ(0, begin % info->align);
		end = begin + info->block_size;
	}
	EXPECT_LE(end, info->data_length);
}

/* 1000 blocks, @align 0: 8; the stride, 0 if there is an error. */
static __u32 stride_of(__u32 storage, __u32 block_size, __u32 align, __u32 flags)
{
	struct fixedpool_pool_create parameters = pool_parameters("stride");
	struct fixedpool_pool_info info = {};
	int client = client_open();

	parameters.storage = storage;
	parameters.block_size = block_size;
	parameters.align = align;
	parameters.blocks = 1000;
	parameters.flags |= flags;
	if (!call(client, FIXEDPOOL_IOC_POOL_CREATE, &parameters))
		pool_info(client, parameters.id, &info);
	close(client);
	return info.stride;
}

TEST(blocks_do_not_all_begin_in_the_same_sets_of_a_cache)
{
	EXPECT_LT(256, stride_of(FIXEDPOOL_STORAGE_PAGES, 256, 0, 0));
	EXPECT_LT(4096, stride_of(FIXEDPOOL_STORAGE_PAGES, 4096, 64, 0));
}

TEST(blocks_are_packed_where_that_is_wanted)
{
	const __u32 packed = FIXEDPOOL_POOL_PACKED;

	EXPECT_EQ(256, stride_of(FIXEDPOOL_STORAGE_PAGES, 256, 0, packed));
	EXPECT_EQ(4096, stride_of(FIXEDPOOL_STORAGE_PAGES, 4096, 64, packed));
	EXPECT_EQ(104, stride_of(FIXEDPOOL_STORAGE_PAGES, 100, 0, packed));
	EXPECT_EQ(256, stride_of(FIXEDPOOL_STORAGE_SLAB, 256, 0, packed));
}

TEST(blocks_aligned_to_pages_and_those_of_slab_storage_are_packed_anyway)
{
	EXPECT_EQ(4096, stride_of(FIXEDPOOL_STORAGE_PAGES, 4096, PAGE, 0));
	EXPECT_EQ(256, stride_of(FIXEDPOOL_STORAGE_SLAB, 256, 0, 0));
}

TEST_F(shape, gives_out_as_many_blocks_as_were_asked_for)
{
	__u64 *handles = calloc(variant->blocks + 1, sizeof(*handles));
	__u32 taken = 0;

	ASSERT_TRUE(handles != NULL);
	while ((handles[taken] = block_take(self->client, self->info.id))) {
		taken++;
		ASSERT_GE(variant->blocks, taken);
	}
	EXPECT_EQ(variant->blocks, taken);
	EXPECT_TRUE(handles_are_distinct(&self->info, handles, taken));
	EXPECT_EQ(variant->blocks, pool_in_use(self->client, self->info.id));
	free(handles);
}

TEST_F(shape, lets_every_byte_of_the_last_block_be_written_and_read)
{
	unsigned char *out = malloc(variant->block_size), *in = calloc(1, variant->block_size);
	__u64 handle;

	ASSERT_TRUE(out != NULL && in != NULL);
	for (__u32 i = 0; i < variant->block_size; i++)
		out[i] = i * 31 + i / 251;
	do {
		handle = block_take(self->client, self->info.id);
		ASSERT_NE(0, handle);
	} while (pool_in_use(self->client, self->info.id) < variant->blocks &&
		 block_index(&self->info, handle) != variant->blocks - 1);
	ASSERT_EQ(0, block_write(self->client, handle, 0, out, variant->block_size));
	ASSERT_EQ(0, block_read(self->client, handle, 0, in, variant->block_size));
	EXPECT_EQ(0, memcmp(out, in, variant->block_size));
	free(out);
	free(in);
}

TEST_HARNESS_MAIN
