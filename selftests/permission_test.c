// SPDX-License-Identifier: GPL-2.0
/*
 * Who may attach to a pool and who may destroy it: owner, group and mode bits
 * as for a file, and the capability. Each case is a child with its own
 * identity, on a descriptor opened before it took that identity.
 */
#include "fixedpool_test.h"

#include <grp.h>
#include <linux/capability.h>
#include <sched.h>

#define OWNER 4001
#define GROUP 4002
#define STRANGER 4003
#define NO_GROUP ((gid_t)-1)

FIXTURE(permission)
{
	int client;
	__u32 id;
};

FIXTURE_VARIANT(permission)
{
	__u32 mode;
	uid_t user;
	gid_t group;
	gid_t supplementary;
	bool without_override;
	int attach;
	int destroy;
};

static void become(uid_t user, gid_t group, gid_t supplementary)
{
	REQUIRE(!setgroups(supplementary == NO_GROUP ? 0 : 1, &supplementary));
	REQUIRE(!setegid(group));
	REQUIRE(!seteuid(user));
}

static void drop_override(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	REQUIRE(!syscall(SYS_capget, &header, data));
	data[0].effective &= ~(1U << CAP_DAC_OVERRIDE);
	REQUIRE(!syscall(SYS_capset, &header, data));
}

/* OWNER of group GROUP makes "permission" with the mode of the variant. */
FIXTURE_SETUP(permission)
{
	pid_t child;

	self->client = client_open();
	ASSERT_LE(0, self->client);
	pool_destroy(self->client, "permission");	/* of a test that failed */
	child = fork();
	if (child == 0) {
		struct fixedpool_pool_create parameters = pool_parameters("permission");

		parameters.flags = 0;
		parameters.mode = variant->mode;
		become(OWNER, GROUP, NO_GROUP);
		REQUIRE(!call(self->client, FIXEDPOOL_IOC_POOL_CREATE, &parameters));
		_exit(0);
	}
	ASSERT_EQ(0, child_verdict(child));
}

FIXTURE_TEARDOWN(permission)
{
	pool_destroy(self->client, "permission");
	close(self->client);
}

#define CASE(name, mode_, user_, group_, supplementary_, attach_, destroy_)	\
FIXTURE_VARIANT_ADD(permission, name)						\
{										\
	.mode = mode_,								\
	.user = user_,								\
	.group = group_,							\
	.supplementary = supplementary_,					\
	.attach = attach_,							\
	.destroy = destroy_,							\
}

CASE(owner_by_default, 0, OWNER, GROUP, NO_GROUP, 0, 0);
CASE(owner_with_0600, 0600, OWNER, GROUP, NO_GROUP, 0, 0);
CASE(owner_with_another_group, 0600, OWNER, STRANGER, NO_GROUP, 0, 0);
CASE(owner_with_read_only, 0400, OWNER, GROUP, NO_GROUP, EACCES, 0);
CASE(owner_with_write_only, 0200, OWNER, GROUP, NO_GROUP, EACCES, 0);
CASE(owner_that_only_others_may, 0066, OWNER, GROUP, NO_GROUP, EACCES, 0);
CASE(group_by_default, 0, STRANGER, GROUP, NO_GROUP, EACCES, EACCES);
CASE(group_with_0060, 0060, STRANGER, GROUP, NO_GROUP, 0, EACCES);
CASE(group_with_read_only, 0646, STRANGER, GROUP, NO_GROUP, EACCES, EACCES);
CASE(group_with_write_only, 0626, STRANGER, GROUP, NO_GROUP, EACCES, EACCES);
CASE(group_that_only_others_may, 0606, STRANGER, GROUP, NO_GROUP, EACCES, EACCES);
CASE(supplementary_group_with_0060, 0060, STRANGER, STRANGER, GROUP, 0, EACCES);
CASE(supplementary_group_with_0606, 0606, STRANGER, STRANGER, GROUP, EACCES, EACCES);
CASE(others_by_default, 0, STRANGER, STRANGER, NO_GROUP, EACCES, EACCES);
CASE(others_with_0006, 0006, STRANGER, STRANGER, NO_GROUP, 0, EACCES);
CASE(others_with_read_only, 0664, STRANGER, STRANGER, NO_GROUP, EACCES, EACCES);
CASE(others_with_write_only, 0662, STRANGER, STRANGER, NO_GROUP, EACCES, EACCES);
CASE(others_with_0660, 0660, STRANGER, STRANGER, NO_GROUP, EACCES, EACCES);
CASE(others_with_0666, 0666, STRANGER, STRANGER, NO_GROUP, 0, EACCES);
CASE(root_with_0600, 0600, 0, 0, NO_GROUP, 0, 0);

FIXTURE_VARIANT_ADD(permission, root_without_the_capability)
{
	.mode = 0600,
	.supplementary = NO_GROUP,
	.without_override = true,
	.attach = EACCES,
	.destroy = EACCES,
};

FIXTURE_VARIANT_ADD(permission, root_without_the_capability_as_others)
{
	.mode = 0006,
	.supplementary = NO_GROUP,
	.without_override = true,
	.attach = 0,
	.destroy = EACCES,
};

TEST_F(permission, to_attach_is_as_for_a_file)
{
	pid_t child;

	/* A client of its own, which has not created the pool. */
	close(self->client);
	self->client = client_open();
	child = fork();
	if (child == 0) {
		become(variant->user, variant->group, variant->supplementary);
		if (variant->without_override)
			drop_override();
		REQUIRE(pool_attach(self->client, "permission", NULL) == variant->attach);
		_exit(0);
	}
	EXPECT_EQ(0, child_verdict(child));
}

TEST_F(permission, to_destroy_is_with_the_owner_and_the_capability)
{
	pid_t child = fork();

	if (child == 0) {
		become(variant->user, variant->group, variant->supplementary);
		if (variant->without_override)
			drop_override();
		REQUIRE(pool_destroy(self->client, "permission") == variant->destroy);
		_exit(0);
	}
	EXPECT_EQ(0, child_verdict(child));
	/* A refused one is still there. */
	EXPECT_EQ(variant->destroy ? 0 : ENOENT, pool_destroy(self->client, "permission"));
}

FIXTURE(ownership)
{
	int client;
	struct fixedpool_pool_create parameters;
	struct fixedpool_pool_info info;
};

FIXTURE_SETUP(ownership)
{
	self->client = client_open();
	ASSERT_LE(0, self->client);
	self->parameters = pool_parameters("ownership");
}

FIXTURE_TEARDOWN(ownership)
{
	close(self->client);
}

TEST_F(ownership, is_with_the_effective_user_and_group_of_the_creator)
{
	pid_t child = fork();

	if (child == 0) {
		REQUIRE(!setresgid(STRANGER, GROUP, STRANGER));
		REQUIRE(!setresuid(STRANGER, OWNER, STRANGER));
		REQUIRE(!call(self->client, FIXEDPOOL_IOC_POOL_CREATE, &self->parameters));
		REQUIRE(!pool_info(self->client, self->parameters.id, &self->info));
		REQUIRE(self->info.uid == OWNER && self->info.gid == GROUP);
		REQUIRE(self->info.mode == 0600);
		_exit(0);
	}
	EXPECT_EQ(0, child_verdict(child));
}

TEST_F(ownership, is_told_in_the_user_namespace_of_the_caller)
{
	int verdict;
	pid_t child;

	ASSERT_EQ(0, call(self->client, FIXEDPOOL_IOC_POOL_CREATE, &self->parameters));
	child = fork();
	if (child == 0) {
		if (unshare(CLONE_NEWUSER))
			_exit(KSFT_SKIP);
		/* Nobody is mapped into the new namespace: root looks like nobody. */
		REQUIRE(!pool_info(self->client, self->parameters.id, &self->info));
		REQUIRE(self->info.uid == 65534 && self->info.gid == 65534);
		_exit(0);
	}
	verdict = child_verdict(child);
	if (verdict == KSFT_SKIP)
		SKIP(return, "this kernel has no user namespaces");
	EXPECT_EQ(0, verdict);
}

TEST_F(ownership, by_root_of_another_user_namespace_opens_no_pool)
{
	int other = client_open(), verdict;
	pid_t child;

	self->parameters.flags = 0;
	pool_destroy(self->client, "ownership");	/* of a test that failed */
	ASSERT_EQ(0, call(self->client, FIXEDPOOL_IOC_POOL_CREATE, &self->parameters));
	child = fork();
	if (child == 0) {
		become(STRANGER, STRANGER, NO_GROUP);
		if (unshare(CLONE_NEWUSER))
			_exit(KSFT_SKIP);
		/* It has every capability there, none here. */
		REQUIRE(pool_attach(other, "ownership", NULL) == EACCES);
		REQUIRE(pool_destroy(other, "ownership") == EACCES);
		_exit(0);
	}
	verdict = child_verdict(child);
	EXPECT_EQ(0, pool_destroy(self->client, "ownership"));
	close(other);
	if (verdict == KSFT_SKIP)
		SKIP(return, "this kernel has no user namespaces");
	EXPECT_EQ(0, verdict);
}

TEST_HARNESS_MAIN
