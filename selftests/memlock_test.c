// SPDX-License-Identifier: GPL-2.0
/*
 * RLIMIT_MEMLOCK of a pool's creator: what it refuses, whom it does not bind,
 * and that what was charged is given back. Each test is a child without
 * capabilities, on a descriptor opened before it gave them up.
 */
#include "fixedpool_test.h"

#include <linux/capability.h>

#define KIB 1024
#define USER 4001

/* As fork(): the child is a user without capabilities that may lock @memlock bytes. */
static pid_t fork_as_user(rlim_t memlock)
{
	const struct rlimit limit = { memlock, memlock };
	pid_t child = fork();

	if (child == 0) {
		REQUIRE(!setrlimit(RLIMIT_MEMLOCK, &limit));
		REQUIRE(!setresgid(USER, USER, USER));
		REQUIRE(!setresuid(USER, USER, USER));
	}
	return child;
}

FIXTURE(memlock)
{
	int client;
};

FIXTURE_VARIANT(memlock)
{
	__u32 storage;
};

FIXTURE_VARIANT_ADD(memlock, pages) { .storage = FIXEDPOOL_STORAGE_PAGES };
FIXTURE_VARIANT_ADD(memlock, slab) { .storage = FIXEDPOOL_STORAGE_SLAB };

FIXTURE_SETUP(memlock)
{
	self->client = client_open();
	ASSERT_LE(0, self->client);
}

FIXTURE_TEARDOWN(memlock)
{
	close(self->client);
}

#define CREATE(name, blocks, id) \
	pool_create(self->client, name, variant->storage, KIB, blocks, id)

TEST_F(memlock, limit_refuses_a_pool_that_is_larger)
{
	pid_t child = fork_as_user(256 * KIB);

	if (child == 0) {
		__u32 id;

		REQUIRE(CREATE("memlock", 1024, &id) == EDQUOT);
		REQUIRE(pool_attach(self->client, "memlock", NULL) == ENOENT);
		REQUIRE(!CREATE("memlock", 64, &id));
		_exit(0);
	}
	EXPECT_EQ(0, child_verdict(child));
}

TEST_F(memlock, limit_of_nothing_refuses_every_pool)
{
	pid_t child = fork_as_user(0);

	if (child == 0) {
		__u32 id;

		REQUIRE(pool_create(self->client, "memlock", variant->storage, 1, 1, &id) ==
			EDQUOT);
		_exit(0);
	}
	EXPECT_EQ(0, child_verdict(child));
}

TEST_F(memlock, limit_does_not_bind_who_may_lock_any_amount)
{
	const struct rlimit none = {};
	pid_t child = fork();

	if (child == 0) {
		__u32 id;

		REQUIRE(!setrlimit(RLIMIT_MEMLOCK, &none));
		REQUIRE(!CREATE("memlock", 1024, &id));
		_exit(0);
	}
	EXPECT_EQ(0, child_verdict(child));
}

TEST_F(memlock, limit_binds_root_without_the_capability)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	const struct rlimit limit = { 64 * KIB, 64 * KIB };
	struct __user_cap_data_struct data[2];
	pid_t child = fork();

	if (child == 0) {
		__u32 id;

		REQUIRE(!setrlimit(RLIMIT_MEMLOCK, &limit));
		REQUIRE(!syscall(SYS_capget, &header, data));
		data[0].effective &= ~(1U << CAP_IPC_LOCK);
		REQUIRE(!syscall(SYS_capset, &header, data));
		REQUIRE(CREATE("memlock", 1024, &id) == EDQUOT);
		_exit(0);
	}
	EXPECT_EQ(0, child_verdict(child));
}

TEST_F(memlock, limit_is_for_all_pools_of_a_user_together)
{
	pid_t child = fork_as_user(512 * KIB);

	if (child == 0) {
		char name[FIXEDPOOL_NAME_SIZE];
		int error = 0, made = 0;
		__u32 ids[16], id;

		for (; made < 16 && !error; made += !error) {
			snprintf(name, sizeof(name), "memlock-%d", made);
			error = CREATE(name, 100, &ids[made]);
		}
		/* Five times 100 KiB, less what the pools need beside the blocks. */
		REQUIRE(error == EDQUOT);
		REQUIRE(made >= 3 && made <= 5);
		/* Room for one is room for one. */
		REQUIRE(!pool_detach(self->client, ids[0]));
		REQUIRE(!CREATE("memlock", 100, &id));
		REQUIRE(CREATE("memlock-x", 100, &id) == EDQUOT);
		_exit(0);
	}
	EXPECT_EQ(0, child_verdict(child));
}

TEST_F(memlock, charge_is_given_back_by_detach_and_by_destroy)
{
	pid_t child = fork_as_user(256 * KIB);

	if (child == 0) {
		for (int round = 0; round < 6; round++) {
			struct fixedpool_pool_create kept = pool_parameters("memlock");
			__u32 id;

			REQUIRE(!CREATE("memlock", 100, &id));
			REQUIRE(!pool_detach(self->client, id));

			kept.storage = variant->storage;
			kept.block_size = KIB;
			kept.blocks = 100;
			kept.flags = 0;
			REQUIRE(!call(self->client, FIXEDPOOL_IOC_POOL_CREATE, &kept));
			REQUIRE(!pool_destroy(self->client, "memlock"));
			REQUIRE(!pool_detach(self->client, kept.id));
		}
		_exit(0);
	}
	EXPECT_EQ(0, child_verdict(child));
}

TEST_F(memlock, charge_is_given_back_when_the_client_closes)
{
	for (int round = 0; round < 4; round++) {
		pid_t child = fork_as_user(256 * KIB);

		if (child == 0) {
			__u32 id;

			REQUIRE(!CREATE("memlock", 150, &id));
			REQUIRE(CREATE("memlock-x", 150, &id) == EDQUOT);
			_exit(0);
		}
		ASSERT_EQ(0, child_verdict(child));
		close(self->client);
		self->client = client_open();
	}
}

TEST_F(memlock, charge_of_a_refused_pool_is_given_back)
{
	pid_t child = fork_as_user(320 * KIB);

	if (child == 0) {
		struct fixedpool_pool_create parameters = pool_parameters("memlock");
		char *page = edge_map();
		__u32 id;

		REQUIRE(page != MAP_FAILED);
		parameters.storage = variant->storage;
		parameters.block_size = KIB;
		parameters.blocks = 100;
		memcpy(page, &parameters, sizeof(parameters));
		REQUIRE(!mprotect(page, PAGE, PROT_READ));
		for (int round = 0; round < 6; round++) {
			REQUIRE(call(self->client, FIXEDPOOL_IOC_POOL_CREATE, page) == EFAULT);
			REQUIRE(CREATE("memlock", 1000, &id) == EDQUOT);
		}
		REQUIRE(!CREATE("memlock", 100, &id));
		/* Refused for its name only. */
		for (int round = 0; round < 6; round++)
			REQUIRE(CREATE("memlock", 100, &id) == EEXIST);
		REQUIRE(!CREATE("memlock-2", 100, &id));
		_exit(0);
	}
	EXPECT_EQ(0, child_verdict(child));
}

TEST_F(memlock, charge_of_a_dead_creator_is_given_back_when_another_destroys_the_pool)
{
	struct fixedpool_pool_create kept = pool_parameters("memlock-kept");
	pid_t child;

	pool_destroy(self->client, "memlock-kept");	/* of a test that failed */
	kept.storage = variant->storage;
	kept.block_size = KIB;
	kept.blocks = 150;
	kept.flags = 0;
	child = fork_as_user(256 * KIB);
	if (child == 0) {
		REQUIRE(!call(self->client, FIXEDPOOL_IOC_POOL_CREATE, &kept));
		_exit(0);
	}
	EXPECT_EQ(0, child_verdict(child));
	close(self->client);
	self->client = client_open();

	/* The pool lives, and its creator, or who is the same user, pays for it. */
	child = fork_as_user(256 * KIB);
	if (child == 0) {
		__u32 id;

		REQUIRE(CREATE("memlock", 150, &id) == EDQUOT);
		_exit(0);
	}
	EXPECT_EQ(0, child_verdict(child));
	EXPECT_EQ(0, pool_destroy(self->client, "memlock-kept"));
	child = fork_as_user(256 * KIB);
	if (child == 0) {
		__u32 id;

		REQUIRE(!CREATE("memlock", 150, &id));
		_exit(0);
	}
	EXPECT_EQ(0, child_verdict(child));
}

/* An attachment costs a bit for each block. */
TEST(an_attachment_is_charged_and_refused_as_a_pool_is)
{
	struct fixedpool_pool_create large = pool_parameters("memlock-large");
	int owner = client_open(), client = client_open();
	pid_t child;

	large.block_size = 1;
	large.blocks = 80000;
	large.mode = 0666;
	ASSERT_EQ(0, call(owner, FIXEDPOOL_IOC_POOL_CREATE, &large));
	child = fork_as_user(8 * KIB);
	if (child == 0) {
		REQUIRE(pool_attach(client, "memlock-large", NULL) == EDQUOT);
		REQUIRE(pool_detach(client, large.id) == ENXIO);
		_exit(0);
	}
	EXPECT_EQ(0, child_verdict(child));
	EXPECT_EQ(1, pool_clients(owner, large.id));

	child = fork_as_user(16 * KIB);
	if (child == 0) {
		for (int round = 0; round < 10; round++) {
			REQUIRE(!pool_attach(client, "memlock-large", NULL));
			/* Refused for another reason. */
			REQUIRE(pool_attach(client, "memlock-large", NULL) != 0);
			REQUIRE(!pool_detach(client, large.id));
		}
		_exit(0);
	}
	EXPECT_EQ(0, child_verdict(child));
	EXPECT_EQ(1, pool_clients(owner, large.id));
	close(client);
	close(owner);
}

TEST_HARNESS_MAIN
