// SPDX-License-Identifier: GPL-2.0
/*
 * The life of a pool: attach, detach, destroy, AUTO_DESTROY, and what each of
 * them leaves to those who still use it.
 */
#include "fixedpool_test.h"

#define BLOCKS 16

/* One client has made "pool", which lives until it is destroyed; another has not attached. */
FIXTURE(pool)
{
	int client;
	int other;
	__u32 id;
	struct fixedpool_pool_info info;
};

static int create_kept(int client, const char *name, __u32 *id)
{
	struct fixedpool_pool_create parameters = pool_parameters(name);
	int error;

	parameters.flags = 0;
	parameters.blocks = BLOCKS;
	error = call(client, FIXEDPOOL_IOC_POOL_CREATE, &parameters);
	*id = parameters.id;
	return error;
}

FIXTURE_SETUP(pool)
{
	self->client = client_open();
	ASSERT_LE(0, self->client);
	self->other = client_open();
	ASSERT_LE(0, self->other);
	pool_destroy(self->client, "pool");	/* of a test that failed */
	ASSERT_EQ(0, create_kept(self->client, "pool", &self->id));
	ASSERT_EQ(0, pool_info(self->client, self->id, &self->info));
}

FIXTURE_TEARDOWN(pool)
{
	pool_destroy(self->other, "pool");
	close(self->client);
	close(self->other);
}

TEST_F(pool, is_attached_to_its_creator)
{
	EXPECT_EQ(1, self->info.clients);
	EXPECT_EQ(EALREADY, pool_attach(self->client, "pool", NULL));
	EXPECT_EQ(1, pool_clients(self->client, self->id));
}

TEST_F(pool, is_attached_by_its_name_under_one_number)
{
	__u32 id;

	ASSERT_EQ(0, pool_attach(self->other, "pool", &id));
	EXPECT_EQ(self->id, id);
	EXPECT_EQ(2, pool_clients(self->client, self->id));
	EXPECT_EQ(2, pool_clients(self->other, self->id));
}

TEST_F(pool, is_not_attached_twice_to_one_client)
{
	ASSERT_EQ(0, pool_attach(self->other, "pool", NULL));
	EXPECT_EQ(EALREADY, pool_attach(self->other, "pool", NULL));
	EXPECT_EQ(2, pool_clients(self->client, self->id));
}

TEST_F(pool, is_not_found_under_other_names)
{
	struct fixedpool_pool_destroy destroy = {};
	struct fixedpool_pool_attach attach = {};

	EXPECT_EQ(ENOENT, pool_attach(self->other, "poo", NULL));
	EXPECT_EQ(ENOENT, pool_attach(self->other, "pool1", NULL));
	EXPECT_EQ(ENOENT, pool_attach(self->other, "POOL", NULL));
	EXPECT_EQ(ENOENT, pool_destroy(self->other, "poo"));
	EXPECT_EQ(ENOENT, pool_destroy(self->other, "pool1"));

	/* All bytes of the field are in use: it is no name. */
	memset(attach.name, 'p', sizeof(attach.name));
	EXPECT_EQ(EINVAL, call(self->other, FIXEDPOOL_IOC_POOL_ATTACH, &attach));
	memset(destroy.name, 'p', sizeof(destroy.name));
	EXPECT_EQ(EINVAL, call(self->other, FIXEDPOOL_IOC_POOL_DESTROY, &destroy));
}

TEST_F(pool, is_of_no_use_to_a_client_that_is_not_attached)
{
	const __u32 numbers[] = { self->id, self->id + 1, 0, 0x7fffffff, 0x80000000, 0xffffffff };
	struct fixedpool_pool_info info;
	__u64 handle;
	__u32 done;

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		EXPECT_EQ(ENXIO, pool_info(self->other, numbers[i], &info)) {
			TH_LOG("number %u", numbers[i]);
		}
		EXPECT_EQ(ENXIO, blocks_take(self->other, numbers[i], &handle, 1, 0, &done)) {
			TH_LOG("number %u", numbers[i]);
		}
		EXPECT_EQ(0, done);
		EXPECT_EQ(ENXIO, pool_detach(self->other, numbers[i])) {
			TH_LOG("number %u", numbers[i]);
		}
	}
	EXPECT_EQ(0, pool_in_use(self->client, self->id));
}

TEST_F(pool, takes_back_the_blocks_of_a_client_that_detaches)
{
	__u64 handles[BLOCKS], kept;

	kept = block_take(self->client, self->id);
	ASSERT_NE(0, kept);
	ASSERT_EQ(0, pool_attach(self->other, "pool", NULL));
	ASSERT_EQ(0, blocks_take(self->other, self->id, handles, BLOCKS - 1, 0, NULL));
	EXPECT_EQ(BLOCKS, pool_in_use(self->client, self->id));
	EXPECT_EQ(0, pool_detach(self->other, self->id));
	EXPECT_EQ(1, pool_in_use(self->client, self->id));
	EXPECT_EQ(1, pool_clients(self->client, self->id));
	EXPECT_EQ(FIXEDPOOL_CHECK_ALIVE | FIXEDPOOL_CHECK_MINE, block_check(self->client, kept));
	for (int i = 0; i < BLOCKS - 1; i++) {
		EXPECT_EQ(0, block_check(self->client, handles[i]));
	}
	EXPECT_TRUE(pool_has_free(self->client, self->id, BLOCKS - 1));
}

TEST_F(pool, is_detached_once_and_can_be_attached_again)
{
	ASSERT_EQ(0, pool_attach(self->other, "pool", NULL));
	EXPECT_EQ(0, pool_detach(self->other, self->id));
	EXPECT_EQ(ENXIO, pool_detach(self->other, self->id));
	EXPECT_EQ(0, pool_attach(self->other, "pool", NULL));
	EXPECT_TRUE(pool_has_free(self->other, self->id, BLOCKS));
}

TEST_F(pool, outlives_its_clients_with_all_blocks_free)
{
	__u64 handles[BLOCKS];
	__u32 id;

	ASSERT_EQ(0, blocks_take(self->client, self->id, handles, BLOCKS, 0, NULL));
	close(self->client);
	self->client = client_open();
	ASSERT_EQ(0, pool_attach(self->client, "pool", &id));
	EXPECT_EQ(self->id, id);
	EXPECT_EQ(1, pool_clients(self->client, id));
	EXPECT_EQ(0, pool_in_use(self->client, id));
	EXPECT_TRUE(pool_has_free(self->client, id, BLOCKS));
}

TEST_F(pool, is_destroyed_by_name_once_by_a_client_that_need_not_be_attached)
{
	char text[4];

	EXPECT_EQ(0, pool_destroy(self->other, "pool"));
	EXPECT_EQ(ENOENT, pool_destroy(self->other, "pool"));
	EXPECT_EQ(ENOENT, pool_destroy(self->client, "pool"));
	EXPECT_EQ(ENOENT, pool_attach(self->other, "pool", NULL));
	EXPECT_FALSE(sysfs_read("pool", "blocks", text, sizeof(text)));
}

TEST_F(pool, works_on_for_its_clients_when_it_is_destroyed)
{
	__u64 before = block_take(self->client, self->id), after;
	char out[] = "still here", in[sizeof(out)] = "";
	struct fixedpool_pool_info info;

	ASSERT_NE(0, before);
	ASSERT_EQ(0, pool_attach(self->other, "pool", NULL));
	ASSERT_EQ(0, block_write(self->client, before, 0, out, sizeof(out)));
	ASSERT_EQ(0, pool_destroy(self->other, "pool"));

	EXPECT_EQ(0, block_read(self->client, before, 0, in, sizeof(in)));
	EXPECT_STREQ(out, in);
	EXPECT_EQ(0, pool_info(self->client, self->id, &info));
	EXPECT_EQ(2, info.clients);
	EXPECT_EQ(1, info.in_use);
	EXPECT_EQ(BLOCKS, info.blocks);
	after = block_take(self->other, self->id);
	EXPECT_NE(0, after);
	EXPECT_EQ(0, block_give(self->other, after, client_number(self->client)));
	EXPECT_EQ(0, block_free(self->client, before));
	EXPECT_EQ(0, block_free(self->client, after));
	EXPECT_EQ(0, pool_detach(self->other, self->id));
	EXPECT_TRUE(pool_has_free(self->client, self->id, BLOCKS));
	EXPECT_EQ(0, pool_detach(self->client, self->id));
	EXPECT_EQ(ENXIO, pool_info(self->client, self->id, &info));
}

TEST_F(pool, leaves_its_name_free_at_once)
{
	struct fixedpool_pool_info info;
	__u64 old, new;
	__u32 id;

	old = block_take(self->client, self->id);
	ASSERT_NE(0, old);
	ASSERT_EQ(0, pool_destroy(self->client, "pool"));
	ASSERT_EQ(0, create_kept(self->client, "pool", &id));

	/* One client in both pools of that name, and they are two. */
	EXPECT_NE(self->id, id);
	ASSERT_EQ(0, pool_info(self->client, id, &info));
	EXPECT_NE(self->info.first_slot, info.first_slot);
	new = block_take(self->client, id);
	EXPECT_NE(0, new);
	EXPECT_NE(old, new);
	EXPECT_EQ(0, block_free(self->client, old));
	EXPECT_EQ(0, pool_in_use(self->client, self->id));
	EXPECT_EQ(1, pool_in_use(self->client, id));
	EXPECT_EQ(0, pool_detach(self->client, self->id));
	EXPECT_EQ(0, block_free(self->client, new));
}

TEST_F(pool, refuses_the_handles_of_a_destroyed_one_of_its_name)
{
	__u64 old[BLOCKS], new[BLOCKS];
	__u32 id = self->id;

	for (int round = 0; round < 50; round++) {
		ASSERT_EQ(0, blocks_take(self->client, id, old, BLOCKS, 0, NULL));
		ASSERT_EQ(0, pool_destroy(self->client, "pool"));
		ASSERT_EQ(0, pool_detach(self->client, id));
		ASSERT_EQ(0, create_kept(self->client, "pool", &id));
		ASSERT_EQ(0, blocks_take(self->client, id, new, BLOCKS, 0, NULL));
		for (int i = 0; i < BLOCKS; i++) {
			int state = block_check(self->client, old[i]);
			int error = block_free(self->client, old[i]);

			ASSERT_TRUE(state == 0 || state == -ENXIO);
			ASSERT_TRUE(error == ENXIO || error == ESTALE || error == EALREADY);
		}
		ASSERT_EQ(BLOCKS, pool_in_use(self->client, id));
		ASSERT_EQ(0, blocks_free(self->client, new, BLOCKS, NULL));
	}
}

TEST_F(pool, is_not_made_if_its_number_cannot_be_told)
{
	struct fixedpool_pool_create *parameters = (void *)edge_map();
	char text[4];
	__u32 id;

	ASSERT_TRUE(parameters != MAP_FAILED);
	*parameters = pool_parameters("pool-untold");
	parameters->flags = 0;
	ASSERT_EQ(0, mprotect(parameters, PAGE, PROT_READ));
	EXPECT_EQ(EFAULT, call(self->client, FIXEDPOOL_IOC_POOL_CREATE, parameters));
	EXPECT_EQ(ENOENT, pool_attach(self->client, "pool-untold", NULL));
	EXPECT_FALSE(sysfs_read("pool-untold", "blocks", text, sizeof(text)));
	EXPECT_EQ(0, pool_create(self->client, "pool-untold", 0, 64, 1, &id));
}

TEST_F(pool, is_not_attached_if_its_number_cannot_be_told)
{
	struct fixedpool_pool_attach *attach = (void *)edge_map();

	ASSERT_TRUE(attach != MAP_FAILED);
	memset(attach, 0, sizeof(*attach));
	name_set(attach->name, "pool");
	ASSERT_EQ(0, mprotect(attach, PAGE, PROT_READ));
	EXPECT_EQ(EFAULT, call(self->other, FIXEDPOOL_IOC_POOL_ATTACH, attach));
	EXPECT_EQ(1, pool_clients(self->client, self->id));
	EXPECT_EQ(ENXIO, pool_detach(self->other, self->id));
	EXPECT_EQ(0, pool_attach(self->other, "pool", NULL));

	/* What was attached before stays so. */
	EXPECT_EQ(EFAULT, call(self->other, FIXEDPOOL_IOC_POOL_ATTACH, attach));
	EXPECT_EQ(2, pool_clients(self->client, self->id));
}

TEST_F(pool, can_be_one_of_many_of_a_client)
{
	char name[FIXEDPOOL_NAME_SIZE];
	__u32 ids[100];
	__u64 handles[ARRAY_SIZE(ids)];

	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		snprintf(name, sizeof(name), "pool-%zu", i);
		ASSERT_EQ(0, pool_create(self->other, name, i % 2, 64, 1 + i, &ids[i]));
	}
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		handles[i] = block_take(self->other, ids[i]);
		ASSERT_NE(0, handles[i]);
		ASSERT_EQ(1, pool_in_use(self->other, ids[i]));
	}
	EXPECT_EQ(0, blocks_free(self->other, handles, ARRAY_SIZE(handles), NULL));
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		ASSERT_EQ(0, pool_in_use(self->other, ids[i]));
		ASSERT_EQ(0, pool_detach(self->other, ids[i]));
	}
}

/* A pool that goes with its last client. */
FIXTURE(auto_destroyed)
{
	int client;
	int other;
	int stranger;
	__u32 id;
};

FIXTURE_SETUP(auto_destroyed)
{
	self->client = client_open();
	ASSERT_LE(0, self->client);
	self->other = client_open();
	ASSERT_LE(0, self->other);
	self->stranger = client_open();
	ASSERT_LE(0, self->stranger);
	ASSERT_EQ(0, pool_create(self->client, "auto", 0, 64, BLOCKS, &self->id));
}

FIXTURE_TEARDOWN(auto_destroyed)
{
	close(self->client);
	close(self->other);
	close(self->stranger);
}

TEST_F(auto_destroyed, pool_goes_when_its_last_client_closes)
{
	ASSERT_NE(0, block_take(self->client, self->id));
	close(self->client);
	EXPECT_EQ(ENOENT, pool_attach(self->stranger, "auto", NULL));
}

TEST_F(auto_destroyed, pool_goes_when_its_last_client_detaches)
{
	char text[4];

	ASSERT_NE(0, block_take(self->client, self->id));
	EXPECT_EQ(0, pool_detach(self->client, self->id));
	EXPECT_EQ(ENOENT, pool_attach(self->stranger, "auto", NULL));
	EXPECT_FALSE(sysfs_read("auto", "blocks", text, sizeof(text)));
	EXPECT_EQ(0, pool_create(self->client, "auto", 0, 64, BLOCKS, &self->id));
}

TEST_F(auto_destroyed, pool_stays_while_any_client_is_left)
{
	ASSERT_EQ(0, pool_attach(self->other, "auto", NULL));
	close(self->client);
	EXPECT_EQ(1, pool_clients(self->other, self->id));
	EXPECT_EQ(0, pool_attach(self->stranger, "auto", NULL));
	EXPECT_EQ(0, pool_detach(self->other, self->id));
	EXPECT_EQ(0, pool_attach(self->other, "auto", NULL));
	EXPECT_EQ(0, pool_detach(self->stranger, self->id));
	EXPECT_EQ(0, pool_detach(self->other, self->id));
	EXPECT_EQ(ENOENT, pool_attach(self->stranger, "auto", NULL));
}

TEST_F(auto_destroyed, pool_goes_only_once_if_it_is_also_destroyed)
{
	__u32 id;

	ASSERT_EQ(0, pool_destroy(self->client, "auto"));
	ASSERT_EQ(0, pool_create(self->other, "auto", 0, 64, BLOCKS, &id));
	EXPECT_NE(0, block_take(self->client, self->id));
	close(self->client);
	/* The one that went has not taken the new one's name along. */
	EXPECT_EQ(0, pool_attach(self->stranger, "auto", NULL));
	EXPECT_TRUE(pool_has_free(self->stranger, id, BLOCKS));
}

TEST_HARNESS_MAIN
