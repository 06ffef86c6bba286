// SPDX-License-Identifier: GPL-2.0
/*
 * Sets: allocation by size takes the smallest pool that fits, the next bigger
 * one when that has too few, and counts both; each refusal alone; who may open
 * and destroy a set, and how long it lives.
 */
#include "fixedpool_test.h"

#include "sets.h"

#define SMALL	"set-small"
#define MEDIUM	"set-medium"
#define LARGE	"set-large"
#define BLOCKS	4

FIXTURE(set)
{
	int client, other;
	__u32 small, medium, large;
	__u32 id;
	struct fixedpool_pool_info info[3];
	__u32 max_pools;
};

static bool max_pools_set(__u32 number)
{
	int file = open("/sys/module/fixedpool/parameters/max_pools", O_WRONLY | O_CLOEXEC);
	char text[16];
	int length = snprintf(text, sizeof(text), "%u", number);
	bool done = file >= 0 && write(file, text, length) == length;

	close(file);
	return done;
}

FIXTURE_VARIANT(set)
{
	__u32 storage;
};

FIXTURE_VARIANT_ADD(set, pages)
{
	.storage = FIXEDPOOL_STORAGE_PAGES,
};

FIXTURE_VARIANT_ADD(set, slab)
{
	.storage = FIXEDPOOL_STORAGE_SLAB,
};

/* Pools of 64, 256 and 1024 bytes, given in no order to the set "set". */
FIXTURE_SETUP(set)
{
	struct fixedpool_query query = {};

	self->client = client_open();
	ASSERT_LE(0, self->client);
	self->other = client_open();
	ASSERT_LE(0, self->other);
	ASSERT_EQ(0, pool_create(self->client, MEDIUM, variant->storage, 256, BLOCKS,
				 &self->medium));
	ASSERT_EQ(0, pool_create(self->client, LARGE, variant->storage, 1024, BLOCKS,
				 &self->large));
	ASSERT_EQ(0, pool_create(self->client, SMALL, variant->storage, 64, BLOCKS,
				 &self->small));
	ASSERT_EQ(0, set_create(self->client, "set",
				(__u32[]){ self->medium, self->large, self->small }, 3,
				&self->id));
	ASSERT_EQ(0, call(self->client, FIXEDPOOL_IOC_QUERY, &query));
	self->max_pools = query.max_pools;
	ASSERT_EQ(0, pool_info(self->client, self->small, &self->info[0]));
	ASSERT_EQ(0, pool_info(self->client, self->medium, &self->info[1]));
	ASSERT_EQ(0, pool_info(self->client, self->large, &self->info[2]));
}

FIXTURE_TEARDOWN(set)
{
	max_pools_set(self->max_pools);
	close(self->client);
	close(self->other);
}

/* 0, 1, 2: small, medium, large; -1: none of them. */
static int pool_of(const struct fixedpool_pool_info *info, __u64 handle)
{
	for (int i = 0; i < 3; i++)
		if (block_index(&info[i], handle) < info[i].blocks)
			return i;
	return -1;
}

static int taken_from(int client, __u32 set, __u32 size, const struct fixedpool_pool_info *info)
{
	__u64 handle;

	if (sized_take(client, set, size, &handle, 1, 0, NULL))
		return -2;
	return pool_of(info, handle);
}

TEST_F(set, a_size_takes_the_smallest_pool_that_fits)
{
	const struct {
		__u32 size;
		int pool;
	} wanted[] = {
		{ 1, 0 }, { 63, 0 }, { 64, 0 }, { 65, 1 }, { 255, 1 }, { 256, 1 },
		{ 257, 2 }, { 1023, 2 }, { 1024, 2 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		EXPECT_EQ(wanted[i].pool, taken_from(self->client, self->id, wanted[i].size,
						     self->info)) {
			TH_LOG("size %u", wanted[i].size);
		}
	}
	EXPECT_EQ(0, sysfs_number(SMALL, "overflows"));
	EXPECT_EQ(0, sysfs_number(MEDIUM, "fallbacks"));
	EXPECT_EQ(0, sysfs_number(LARGE, "fallbacks"));
}

TEST_F(set, an_empty_pool_is_replaced_by_the_next_bigger_one_and_both_count)
{
	for (int i = 0; i < 3 * BLOCKS; i++) {
		EXPECT_EQ(i / BLOCKS, taken_from(self->client, self->id, 10, self->info));
	}
	EXPECT_EQ(-2, taken_from(self->client, self->id, 10, self->info));

	EXPECT_EQ(0, sysfs_number(SMALL, "fallbacks"));
	EXPECT_EQ(2 * BLOCKS, sysfs_number(SMALL, "overflows"));
	EXPECT_EQ(BLOCKS, sysfs_number(MEDIUM, "fallbacks"));
	EXPECT_EQ(BLOCKS, sysfs_number(MEDIUM, "overflows"));
	EXPECT_EQ(BLOCKS, sysfs_number(LARGE, "fallbacks"));
	EXPECT_EQ(0, sysfs_number(LARGE, "overflows"));
}

TEST_F(set, a_smaller_pool_never_serves_a_bigger_size)
{
	for (int i = 0; i < BLOCKS; i++)
		EXPECT_EQ(2, taken_from(self->client, self->id, 257, self->info));
	EXPECT_EQ(-2, taken_from(self->client, self->id, 257, self->info));
	EXPECT_EQ(0, sysfs_number(SMALL, "overflows"));
	EXPECT_EQ(0, sysfs_number(MEDIUM, "overflows"));
	EXPECT_EQ(0, sysfs_number(LARGE, "overflows"));
}

TEST_F(set, a_block_that_came_back_is_taken_before_a_bigger_one)
{
	__u64 handles[BLOCKS + 1];

	for (int i = 0; i <= BLOCKS; i++)
		ASSERT_EQ(0, sized_take(self->client, self->id, 64, &handles[i], 1, 0, NULL));
	EXPECT_EQ(1, pool_of(self->info, handles[BLOCKS]));
	ASSERT_EQ(0, block_free(self->client, handles[2]));
	EXPECT_EQ(0, taken_from(self->client, self->id, 64, self->info));
}

TEST_F(set, a_batch_goes_over_the_pools_in_their_order)
{
	__u64 handles[2 * BLOCKS + 1];
	__u32 done;

	ASSERT_EQ(0, sized_take(self->client, self->id, 1, handles, ARRAY_SIZE(handles), 0,
				&done));
	ASSERT_EQ(ARRAY_SIZE(handles), done);
	for (__u32 i = 0; i < done; i++)
		EXPECT_EQ(i / BLOCKS, pool_of(self->info, handles[i]));
	EXPECT_EQ(1, pool_in_use(self->client, self->large));
	EXPECT_EQ(BLOCKS + 1, sysfs_number(SMALL, "overflows"));
	EXPECT_EQ(BLOCKS, sysfs_number(MEDIUM, "fallbacks"));
	EXPECT_EQ(1, sysfs_number(MEDIUM, "overflows"));
	EXPECT_EQ(1, sysfs_number(LARGE, "fallbacks"));
	EXPECT_EQ(0, blocks_free(self->client, handles, done, NULL));
}

TEST_F(set, a_batch_that_all_pools_together_cannot_fill_takes_nothing)
{
	__u64 handles[3 * BLOCKS + 1] = { 77 };
	__u32 done;

	EXPECT_EQ(ENOBUFS, sized_take(self->client, self->id, 1, handles, ARRAY_SIZE(handles), 0,
				      &done));
	EXPECT_EQ(0, done);
	EXPECT_EQ(77, handles[0]);
	EXPECT_EQ(0, pool_in_use(self->client, self->small));
	EXPECT_EQ(0, pool_in_use(self->client, self->medium));
	EXPECT_EQ(0, pool_in_use(self->client, self->large));
	EXPECT_EQ(0, sysfs_number(SMALL, "overflows"));
	EXPECT_EQ(0, sysfs_number(LARGE, "fallbacks"));
	EXPECT_EQ(0, sized_take(self->client, self->id, 1, handles, 3 * BLOCKS, 0, &done));
	EXPECT_EQ(3 * BLOCKS, done);
}

TEST_F(set, a_partial_batch_takes_what_all_pools_that_fit_have)
{
	__u64 handles[3 * BLOCKS + 1];
	__u32 done;

	ASSERT_EQ(0, sized_take(self->client, self->id, 65, handles, ARRAY_SIZE(handles),
				FIXEDPOOL_ALLOC_PARTIAL, &done));
	EXPECT_EQ(2 * BLOCKS, done);
	EXPECT_EQ(0, pool_in_use(self->client, self->small));
	EXPECT_EQ(ENOBUFS, sized_take(self->client, self->id, 65, handles, 1,
				      FIXEDPOOL_ALLOC_PARTIAL, &done));
	EXPECT_EQ(0, done);
}

TEST_F(set, blocks_are_zeroed_when_asked_for_whichever_pool_they_are_of)
{
	char zeroes[1024] = {}, bytes[1024];
	__u64 handles[3 * BLOCKS];
	__u32 done;

	memset(bytes, 0xa5, sizeof(bytes));
	ASSERT_EQ(0, sized_take(self->client, self->id, 1, handles, ARRAY_SIZE(handles), 0,
				&done));
	for (__u32 i = 0; i < done; i++) {
		__u32 size = self->info[pool_of(self->info, handles[i])].block_size;

		ASSERT_EQ(0, block_write(self->client, handles[i], 0, bytes, size));
	}
	ASSERT_EQ(0, blocks_free(self->client, handles, done, NULL));
	ASSERT_EQ(0, sized_take(self->client, self->id, 1, handles, ARRAY_SIZE(handles),
				FIXEDPOOL_ALLOC_ZERO, &done));
	for (__u32 i = 0; i < done; i++) {
		__u32 size = self->info[pool_of(self->info, handles[i])].block_size;

		ASSERT_EQ(0, block_read(self->client, handles[i], 0, bytes, size));
		EXPECT_EQ(0, memcmp(bytes, zeroes, size));
	}
}

TEST_F(set, handles_that_cannot_be_delivered_are_all_given_back)
{
	char *edge = edge_map();
	__u64 *handles = (__u64 *)(edge + PAGE) - BLOCKS - 1;
	__u32 done;

	ASSERT_NE(MAP_FAILED, edge);
	EXPECT_EQ(EFAULT, sized_take(self->client, self->id, 1, handles, 3 * BLOCKS, 0, &done));
	EXPECT_EQ(0, done);
	EXPECT_EQ(0, pool_in_use(self->client, self->small));
	EXPECT_EQ(0, pool_in_use(self->client, self->medium));
	EXPECT_EQ(0, pool_in_use(self->client, self->large));
	munmap(edge, 2 * PAGE);
}

TEST_F(set, a_size_above_the_largest_block_is_refused)
{
	__u64 handle;
	__u32 done;

	EXPECT_EQ(EMSGSIZE, sized_take(self->client, self->id, 1025, &handle, 1, 0, &done));
	EXPECT_EQ(0, done);
	EXPECT_EQ(EMSGSIZE, sized_take(self->client, self->id, UINT32_MAX, &handle, 1, 0, NULL));
}

TEST_F(set, a_size_of_zero_is_refused)
{
	__u64 handle;

	EXPECT_EQ(EINVAL, sized_take(self->client, self->id, 0, &handle, 1, 0, NULL));
}

TEST_F(set, a_size_without_the_flag_is_refused)
{
	__u64 handle;
	struct fixedpool_alloc alloc = {
		.pool = self->small,
		.count = 1,
		.handles = (uintptr_t)&handle,
		.size = 64,
	};

	EXPECT_EQ(EINVAL, call(self->client, FIXEDPOOL_IOC_ALLOC, &alloc));
	alloc.size = 0;
	EXPECT_EQ(0, call(self->client, FIXEDPOOL_IOC_ALLOC, &alloc));
}

TEST_F(set, a_set_that_this_client_has_not_opened_is_refused)
{
	__u64 handle;

	EXPECT_EQ(ENXIO, sized_take(self->other, self->id, 1, &handle, 1, 0, NULL));
	EXPECT_EQ(ENXIO, sized_take(self->client, self->id + 1, 1, &handle, 1, 0, NULL));
	EXPECT_EQ(ENXIO, sized_take(self->client, 0, 1, &handle, 1, 0, NULL));
	EXPECT_EQ(ENXIO, sized_take(self->client, UINT32_MAX, 1, &handle, 1, 0, NULL));
}

TEST_F(set, blocks_of_a_pool_that_was_left_are_refused_and_the_others_are_not)
{
	__u64 handles[2 * BLOCKS];
	__u32 done;

	ASSERT_EQ(0, pool_attach(self->other, MEDIUM, NULL));
	ASSERT_EQ(0, pool_detach(self->client, self->medium));
	EXPECT_EQ(ENOTCONN, sized_take(self->client, self->id, 65, handles, 1, 0, &done));
	EXPECT_EQ(0, done);
	EXPECT_EQ(ENOTCONN, sized_take(self->client, self->id, 1, handles, BLOCKS + 1,
				       FIXEDPOOL_ALLOC_PARTIAL, &done));
	EXPECT_EQ(0, done);
	EXPECT_EQ(0, sized_take(self->client, self->id, 1, handles, BLOCKS, 0, NULL));
	EXPECT_EQ(0, sized_take(self->client, self->id, 257, handles, 1, 0, NULL));
	EXPECT_EQ(0, pool_in_use(self->other, self->medium));
	/* once more attached, once more served */
	EXPECT_EQ(0, pool_attach(self->client, MEDIUM, NULL));
	EXPECT_EQ(0, sized_take(self->client, self->id, 65, handles, 1, 0, NULL));
}

TEST_F(set, pools_of_one_size_are_taken_in_the_order_they_were_given)
{
	struct fixedpool_pool_info info[3] = {};
	__u32 first, second, id;

	ASSERT_EQ(0, pool_create(self->client, "set-second", variant->storage, 128, 1, &second));
	ASSERT_EQ(0, pool_create(self->client, "set-first", variant->storage, 128, 1, &first));
	ASSERT_EQ(0, set_create(self->client, "set-twins",
				(__u32[]){ self->large, first, second }, 3, &id));
	ASSERT_EQ(0, pool_info(self->client, first, &info[0]));
	ASSERT_EQ(0, pool_info(self->client, second, &info[1]));
	info[2] = self->info[2];
	EXPECT_EQ(0, taken_from(self->client, id, 100, info));
	EXPECT_EQ(1, taken_from(self->client, id, 100, info));
	EXPECT_EQ(2, taken_from(self->client, id, 100, info));
	EXPECT_EQ(2, sysfs_number("set-first", "overflows"));
	EXPECT_EQ(1, sysfs_number("set-second", "fallbacks"));
}

TEST_F(set, a_pool_may_be_in_several_sets)
{
	__u32 ids[] = { self->small, self->large }, second;

	ASSERT_EQ(0, set_create(self->client, "set-second", ids, 2, &second));
	EXPECT_NE(self->id, second);
	EXPECT_EQ(2, taken_from(self->client, second, 65, self->info));
	EXPECT_EQ(1, taken_from(self->client, self->id, 65, self->info));
}

TEST_F(set, a_set_of_one_pool_serves)
{
	__u32 id;

	ASSERT_EQ(0, set_create(self->client, "set-one", &self->medium, 1, &id));
	EXPECT_EQ(1, taken_from(self->client, id, 1, self->info));
}

TEST_F(set, a_set_may_have_the_name_of_a_pool)
{
	__u32 id;

	EXPECT_EQ(0, set_create(self->client, SMALL, &self->small, 1, &id));
}

TEST_F(set, the_most_pools_make_a_set_and_one_more_does_not)
{
	__u32 ids[FIXEDPOOL_MAX_SET_POOLS + 1], id;
	char name[FIXEDPOOL_NAME_SIZE];

	for (__u32 i = 0; i < ARRAY_SIZE(ids); i++) {
		snprintf(name, sizeof(name), "set-of-many-%u", i);
		ASSERT_EQ(0, pool_create(self->client, name, variant->storage, 8 * (i + 1), 1,
					 &ids[i]));
	}
	EXPECT_EQ(EINVAL, set_create(self->client, "set-many", ids, ARRAY_SIZE(ids), &id));
	EXPECT_EQ(EINVAL, set_create(self->client, "set-many", ids, UINT32_MAX, &id));
	ASSERT_EQ(0, set_create(self->client, "set-many", ids, FIXEDPOOL_MAX_SET_POOLS, &id));
	for (__u32 i = 0; i < FIXEDPOOL_MAX_SET_POOLS; i++) {
		__u64 handle;

		EXPECT_EQ(0, sized_take(self->client, id, 1, &handle, 1, 0, NULL));
		EXPECT_EQ(1, pool_in_use(self->client, ids[i]));
	}
}

/* SET_CREATE: every refusal alone. */
#define NAME_REFUSED(text) do {							\
	__u32 id_;								\
										\
	EXPECT_EQ(EINVAL, set_create(self->client, text, &self->small, 1, &id_));	\
} while (0)

TEST_F(set, a_bad_name_is_refused)
{
	struct fixedpool_set_create create = {
		.pools = (uintptr_t)&self->small,
		.count = 1,
	};

	NAME_REFUSED("");
	NAME_REFUSED(".set");
	NAME_REFUSED("a/b");
	NAME_REFUSED("a b");
	NAME_REFUSED("a+b");
	NAME_REFUSED("a:b");
	memset(create.name, 'a', sizeof(create.name));
	EXPECT_EQ(EINVAL, call(self->client, FIXEDPOOL_IOC_SET_CREATE, &create));
	create.name[FIXEDPOOL_NAME_SIZE - 1] = 0;
	EXPECT_EQ(0, call(self->client, FIXEDPOOL_IOC_SET_CREATE, &create));
}

TEST_F(set, a_taken_name_is_refused)
{
	__u32 id;

	EXPECT_EQ(EEXIST, set_create(self->client, "set", &self->small, 1, &id));
	ASSERT_EQ(0, pool_attach(self->other, SMALL, NULL));
	EXPECT_EQ(EEXIST, set_create(self->other, "set", &self->small, 1, &id));
}

TEST_F(set, a_pool_that_stands_there_twice_is_refused)
{
	__u32 ids[] = { self->small, self->medium, self->small }, id;

	EXPECT_EQ(EINVAL, set_create(self->client, "set-twice", ids, 3, &id));
	EXPECT_EQ(0, set_create(self->client, "set-twice", ids, 2, &id));
}

TEST_F(set, a_pool_that_the_client_is_not_attached_to_is_refused)
{
	__u32 ids[] = { self->small, self->medium }, id;

	ASSERT_EQ(0, pool_attach(self->other, SMALL, NULL));
	EXPECT_EQ(ENXIO, set_create(self->other, "set-foreign", ids, 2, &id));
	ids[1] = 0;
	EXPECT_EQ(ENXIO, set_create(self->client, "set-foreign", ids, 2, &id));
	ids[1] = UINT32_MAX;
	EXPECT_EQ(ENXIO, set_create(self->client, "set-foreign", ids, 2, &id));
	EXPECT_EQ(ENOENT, set_open(self->client, "set-foreign", &id));
}

TEST_F(set, a_list_of_pools_in_bad_memory_is_refused)
{
	char *edge = edge_map();
	__u32 *ids = (__u32 *)(edge + PAGE) - 1;
	__u32 id;

	ASSERT_NE(MAP_FAILED, edge);
	*ids = self->small;
	EXPECT_EQ(EFAULT, set_create(self->client, "set-edge", ids, 2, &id));
	EXPECT_EQ(EFAULT, set_create(self->client, "set-edge", NULL, 1, &id));
	EXPECT_EQ(0, set_create(self->client, "set-edge", ids, 1, &id));
	munmap(edge, 2 * PAGE);
}

TEST_F(set, an_unknown_flag_or_reserved_field_is_refused)
{
	struct fixedpool_set_create create = {
		.name = "set-flags",
		.pools = (uintptr_t)&self->small,
		.count = 1,
	};
	struct fixedpool_set_destroy destroy = { .name = "set" };

	for (int bit = 0; bit < 32; bit++) {
		create.flags = 1U << bit;
		destroy.flags = 1U << bit;
		EXPECT_EQ(EINVAL, call(self->client, FIXEDPOOL_IOC_SET_CREATE, &create));
		EXPECT_EQ(EINVAL, call(self->client, FIXEDPOOL_IOC_SET_DESTROY, &destroy));
	}
	create.flags = 0;
	destroy.flags = 0;
	create.reserved = 1;
	EXPECT_EQ(EINVAL, call(self->client, FIXEDPOOL_IOC_SET_CREATE, &create));
	create.reserved = 0;
	EXPECT_EQ(0, call(self->client, FIXEDPOOL_IOC_SET_CREATE, &create));
	EXPECT_EQ(0, call(self->client, FIXEDPOOL_IOC_SET_DESTROY, &destroy));
}

TEST_F(set, a_set_that_cannot_be_told_of_is_not_made)
{
	struct fixedpool_set_create *create;
	__u32 id;
	char *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(MAP_FAILED, page);
	create = (void *)page;
	strcpy(create->name, "set-untold");
	create->pools = (uintptr_t)&self->small;
	create->count = 1;
	ASSERT_EQ(0, mprotect(page, PAGE, PROT_READ));
	EXPECT_EQ(EFAULT, call(self->client, FIXEDPOOL_IOC_SET_CREATE, create));
	EXPECT_EQ(ENOENT, set_open(self->client, "set-untold", &id));
	munmap(page, PAGE);
}

/* Opening */
TEST_F(set, another_client_attached_to_all_pools_opens_it_by_name)
{
	__u64 handle;
	__u32 id;

	ASSERT_EQ(0, pool_attach(self->other, SMALL, NULL));
	ASSERT_EQ(0, pool_attach(self->other, MEDIUM, NULL));
	EXPECT_EQ(ENOTCONN, set_open(self->other, "set", &id));
	ASSERT_EQ(0, pool_attach(self->other, LARGE, NULL));
	ASSERT_EQ(0, set_open(self->other, "set", &id));
	EXPECT_EQ(self->id, id);
	ASSERT_EQ(0, sized_take(self->other, id, 100, &handle, 1, 0, NULL));
	EXPECT_EQ(1, pool_of(self->info, handle));
	EXPECT_EQ(EPERM, block_free(self->client, handle));
	EXPECT_EQ(0, block_free(self->other, handle));
}

TEST_F(set, a_set_is_opened_once_by_each_client)
{
	__u32 id;

	EXPECT_EQ(EALREADY, set_open(self->client, "set", &id));
	ASSERT_EQ(0, set_leave(self->client, self->id));
	EXPECT_EQ(ENOENT, set_open(self->client, "set", &id));
}

TEST_F(set, a_name_nobody_took_is_not_opened)
{
	struct fixedpool_set_create create = { .name = "set", .pools = 1 };
	__u32 id;

	EXPECT_EQ(ENOENT, set_open(self->client, "set-nowhere", &id));
	EXPECT_EQ(ENOENT, set_open(self->client, "", &id));
	EXPECT_EQ(EINVAL, call(self->client, FIXEDPOOL_IOC_SET_CREATE, &create));
}

/* Leaving and destroying */
TEST_F(set, a_set_that_was_left_is_not_used_any_more)
{
	__u64 handle, kept;

	ASSERT_EQ(0, sized_take(self->client, self->id, 1, &kept, 1, 0, NULL));
	EXPECT_EQ(ENXIO, set_leave(self->other, self->id));
	EXPECT_EQ(0, set_leave(self->client, self->id));
	EXPECT_EQ(ENXIO, set_leave(self->client, self->id));
	EXPECT_EQ(ENXIO, set_leave(self->client, 0));
	EXPECT_EQ(ENXIO, sized_take(self->client, self->id, 1, &handle, 1, 0, NULL));
	EXPECT_EQ(0, block_free(self->client, kept));
}

TEST_F(set, the_name_goes_with_the_last_client)
{
	__u32 id;

	ASSERT_EQ(0, pool_attach(self->other, SMALL, NULL));
	ASSERT_EQ(0, pool_attach(self->other, MEDIUM, NULL));
	ASSERT_EQ(0, pool_attach(self->other, LARGE, NULL));
	ASSERT_EQ(0, set_open(self->other, "set", &id));
	close(self->client);
	self->client = client_open();
	EXPECT_EQ(EEXIST, set_create(self->other, "set", &self->small, 1, &id));
	close(self->other);
	self->other = client_open();
	EXPECT_EQ(ENOENT, set_open(self->client, "set", &id));
	EXPECT_EQ(ENOENT, pool_attach(self->client, SMALL, NULL));
}

TEST_F(set, a_destroyed_name_is_free_at_once_and_the_set_serves_on)
{
	__u32 id;

	ASSERT_EQ(0, set_destroy(self->client, "set"));
	EXPECT_EQ(ENOENT, set_destroy(self->client, "set"));
	EXPECT_EQ(ENOENT, set_open(self->client, "set", &id));
	EXPECT_EQ(1, taken_from(self->client, self->id, 100, self->info));
	ASSERT_EQ(0, set_create(self->client, "set", &self->small, 1, &id));
	EXPECT_NE(self->id, id);
	EXPECT_EQ(0, set_leave(self->client, self->id));
	EXPECT_EQ(0, taken_from(self->client, id, 64, self->info));
}

TEST_F(set, a_name_and_a_number_at_once_are_refused)
{
	struct fixedpool_set_destroy destroy = { .name = "set", .id = self->id };

	EXPECT_EQ(EINVAL, call(self->client, FIXEDPOOL_IOC_SET_DESTROY, &destroy));
	memset(destroy.name, 'a', sizeof(destroy.name));
	destroy.id = 0;
	EXPECT_EQ(EINVAL, call(self->client, FIXEDPOOL_IOC_SET_DESTROY, &destroy));
	EXPECT_EQ(1, taken_from(self->client, self->id, 100, self->info));
}

TEST_F(set, a_destroyed_pool_serves_on_in_its_set)
{
	__u64 handle;

	ASSERT_EQ(0, pool_destroy(self->client, MEDIUM));
	ASSERT_EQ(0, sized_take(self->client, self->id, 100, &handle, 1, 0, NULL));
	EXPECT_EQ(1, pool_of(self->info, handle));
	/* its name is free, and its number is not */
	ASSERT_EQ(0, pool_detach(self->client, self->medium));
	ASSERT_EQ(0, pool_create(self->client, MEDIUM, variant->storage, 256, BLOCKS,
				 &self->medium));
	EXPECT_NE(self->info[1].id, self->medium);
	EXPECT_EQ(ENOTCONN, sized_take(self->client, self->id, 100, &handle, 1, 0, NULL));
}

TEST_F(set, a_set_keeps_the_memory_of_its_pools_until_it_is_gone)
{
	__u32 id = 0;

	/* a pool counts until its memory is free */
	ASSERT_TRUE(max_pools_set(4));
	ASSERT_EQ(0, pool_create(self->client, "set-fourth", variant->storage, 64, 1, &id));
	ASSERT_EQ(0, pool_detach(self->client, id));
	EXPECT_EQ(0, pool_detach(self->client, self->medium));
	EXPECT_EQ(0, pool_create(self->client, "set-fourth", variant->storage, 64, 1, &id));
	EXPECT_EQ(ENFILE, pool_create(self->client, "set-fifth", variant->storage, 64, 1, &id));
	EXPECT_EQ(0, set_leave(self->client, self->id));
	EXPECT_EQ(0, pool_create(self->client, "set-fifth", variant->storage, 64, 1, &id));
}

#define OWNER 4001
#define STRANGER 4003

/* In a child, as @user, what SET_DESTROY of "set-owned" says. */
static int destroy_as(int client, uid_t user)
{
	pid_t child = fork();

	if (child == 0) {
		REQUIRE(!seteuid(user));
		_exit(set_destroy(client, "set-owned"));
	}
	return child_verdict(child);
}

TEST_F(set, a_set_is_destroyed_by_its_owner_and_by_root_alone)
{
	pid_t child;

	for (int round = 0; round < 2; round++) {
		child = fork();
		if (child == 0) {
			__u32 id;

			REQUIRE(!seteuid(OWNER));
			_exit(set_create(self->client, "set-owned", &self->small, 1, &id));
		}
		ASSERT_EQ(0, child_verdict(child));
		EXPECT_EQ(EACCES, destroy_as(self->client, STRANGER));
		EXPECT_EQ(0, destroy_as(self->client, round ? 0 : OWNER));
	}
}

TEST_F(set, a_killed_process_leaves_no_set_behind)
{
	int ready[2];
	pid_t child;
	char byte;
	__u32 id;

	ASSERT_EQ(0, pipe(ready));
	child = fork();
	if (child == 0) {
		int client = client_open();
		__u64 handles[BLOCKS + 1];
		__u32 ids[2];

		REQUIRE(!pool_attach(client, SMALL, &ids[0]));
		REQUIRE(!pool_attach(client, LARGE, &ids[1]));
		REQUIRE(!set_create(client, "set-dead", ids, 2, &id));
		REQUIRE(!sized_take(client, id, 1, handles, BLOCKS + 1, 0, NULL));
		REQUIRE(write(ready[1], "", 1) == 1);
		pause();
	}
	close(ready[1]);
	ASSERT_EQ(1, read(ready[0], &byte, 1));
	EXPECT_EQ(EEXIST, set_create(self->client, "set-dead", &self->small, 1, &id));
	EXPECT_EQ(1, pool_in_use(self->client, self->large));
	kill(child, SIGKILL);
	EXPECT_EQ(128 + SIGKILL, child_verdict(child));
	EXPECT_TRUE(EVENTUALLY(pool_in_use(self->client, self->large) == 0));
	EXPECT_TRUE(EVENTUALLY(!set_create(self->client, "set-dead", &self->small, 1, &id)));
	close(ready[0]);
}

/* Threads that take and give back by size: no block is ever in two hands. */
struct hammer {
	int client;
	__u32 set;
	__u64 seed;
	unsigned int rounds;
	const char *failure;
};

static void *hammer(void *data)
{
	struct hammer *hammer = data;

	for (unsigned int i = 0; i < hammer->rounds && !hammer->failure; i++) {
		__u64 random = random_next(&hammer->seed), mark = random, seen, handles[5];
		__u32 wanted = 1 + random % 5, done, freed;
		int error = sized_take(hammer->client, hammer->set, 8 + random / 8 % 1000,
				       handles, wanted, random & 64 ? FIXEDPOOL_ALLOC_PARTIAL : 0,
				       &done);

		if (error && (error != ENOBUFS || done))
			hammer->failure = "a refusal without reason";
		else if (!error && (!done || done > wanted ||
				    (done < wanted && !(random & 64))))
			hammer->failure = "a batch of the wrong size";
		for (__u32 j = 0; !error && j < done; j++)
			if (block_write(hammer->client, handles[j], 0, &mark, sizeof(mark)))
				hammer->failure = "a block that cannot be written";
		for (__u32 j = 0; !error && j < done; j++)
			if (block_read(hammer->client, handles[j], 0, &seen, sizeof(seen)) ||
			    seen != mark)
				hammer->failure = "a block in two hands";
		if (!error && blocks_free(hammer->client, handles, done, &freed))
			hammer->failure = "a block that cannot be freed";
	}
	return NULL;
}

TEST_F(set, threads_share_a_set_and_never_a_block)
{
	struct hammer hammers[4];
	pthread_t threads[4];
	__u64 seed = random_seed();

	TH_LOG("FIXEDPOOL_SEED=%#llx", (unsigned long long)seed);
	for (int i = 0; i < 4; i++) {
		hammers[i] = (struct hammer) {
			.client = self->client,
			.set = self->id,
			.seed = random_next(&seed),
			.rounds = rounds_wanted("FIXEDPOOL_ROUNDS", 2000),
		};
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, hammer, &hammers[i]));
	}
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		EXPECT_EQ(NULL, hammers[i].failure) {
			TH_LOG("%s", hammers[i].failure);
		}
	}
	EXPECT_TRUE(pool_has_free(self->client, self->small, BLOCKS));
	EXPECT_TRUE(pool_has_free(self->client, self->medium, BLOCKS));
	EXPECT_TRUE(pool_has_free(self->client, self->large, BLOCKS));
	/* what came to a pool went over from the one before, if that fitted */
	EXPECT_GE(sysfs_number(SMALL, "overflows") + sysfs_number(MEDIUM, "overflows"),
		  sysfs_number(LARGE, "fallbacks"));
	EXPECT_GE(sysfs_number(MEDIUM, "overflows"), sysfs_number(LARGE, "fallbacks"));
}

TEST_HARNESS_MAIN
