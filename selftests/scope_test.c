// SPDX-License-Identifier: GPL-2.0
/*
 * Scopes: what they hold, how they end, and each reason to refuse.
 */
#include "fixedpool_test.h"

#include "scopes.h"

#define BLOCKS 200
#define MANY 1000000
#define MINE (FIXEDPOOL_CHECK_ALIVE | FIXEDPOOL_CHECK_MINE)

FIXTURE(scope)
{
	int client;
	__u32 id;
	__u32 scope;
	__u64 handles[BLOCKS];
};

FIXTURE_VARIANT(scope)
{
	__u32 storage;
};

FIXTURE_VARIANT_ADD(scope, pages) { .storage = FIXEDPOOL_STORAGE_PAGES };
FIXTURE_VARIANT_ADD(scope, slab) { .storage = FIXEDPOOL_STORAGE_SLAB };

FIXTURE_SETUP(scope)
{
	self->client = client_open();
	ASSERT_LE(0, self->client);
	ASSERT_EQ(0, pool_create(self->client, "scope", variant->storage, 64, BLOCKS, &self->id));
	ASSERT_EQ(0, scope_create(self->client, 0, &self->scope));
	ASSERT_NE(0, self->scope);
}

FIXTURE_TEARDOWN(scope)
{
	close(self->client);
}

TEST_F(scope, gives_back_in_one_call_what_it_holds_and_nothing_else)
{
	__u64 other = block_take(self->client, self->id);
	__u64 blocks;

	ASSERT_EQ(0, scope_take(self->client, self->id, self->scope, self->handles, 150));
	EXPECT_EQ(151, pool_in_use(self->client, self->id));
	EXPECT_EQ(0, scope_end(self->client, self->scope, 0, &blocks));
	EXPECT_EQ(150, blocks);
	EXPECT_EQ(1, pool_in_use(self->client, self->id));
	EXPECT_EQ(MINE, block_check(self->client, other));
	for (int i = 0; i < 150; i++) {
		EXPECT_EQ(0, block_check(self->client, self->handles[i]));
		EXPECT_EQ(EALREADY, block_free(self->client, self->handles[i]));
	}
	EXPECT_EQ(0, block_free(self->client, other));
	EXPECT_TRUE(pool_has_free(self->client, self->id, BLOCKS));
}

TEST_F(scope, has_a_number_that_is_dead_afterwards)
{
	__u32 child;

	EXPECT_EQ(0, scope_end(self->client, self->scope, 0, NULL));
	EXPECT_EQ(ESTALE, scope_end(self->client, self->scope, 0, NULL));
	EXPECT_EQ(ESTALE, scope_end(self->client, self->scope, FIXEDPOOL_SCOPE_DISSOLVE, NULL));
	EXPECT_EQ(ESTALE, scope_create(self->client, self->scope, &child));
	EXPECT_EQ(0, child);
	EXPECT_EQ(ESTALE, scope_take(self->client, self->id, self->scope, self->handles, 1));
	EXPECT_EQ(0, pool_in_use(self->client, self->id));
	EXPECT_EQ(0, scope_create(self->client, 0, &child));
	EXPECT_NE(self->scope, child);
}

TEST_F(scope, numbers_that_never_were_are_dead_too)
{
	const __u32 numbers[] = { 4711, FIXEDPOOL_MAX_SCOPE + 1, UINT32_MAX };
	__u32 child;

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		EXPECT_EQ(ESTALE, scope_end(self->client, numbers[i], 0, NULL));
		EXPECT_EQ(ESTALE, scope_create(self->client, numbers[i], &child));
		EXPECT_EQ(ESTALE, scope_take(self->client, self->id, numbers[i], self->handles, 1));
	}
}

TEST_F(scope, belongs_to_one_client)
{
	int other = client_open();
	__u32 id, child;

	ASSERT_EQ(0, pool_attach(other, "scope", &id));
	EXPECT_EQ(ESTALE, scope_take(other, id, self->scope, self->handles, 1));
	EXPECT_EQ(ESTALE, scope_create(other, self->scope, &child));
	EXPECT_EQ(ESTALE, scope_end(other, self->scope, 0, NULL));
	close(other);
}

TEST_F(scope, blocks_are_freed_read_checked_and_given_as_any)
{
	int other = client_open();
	__u64 *handles = self->handles;
	char byte = 'x';

	ASSERT_EQ(0, pool_attach(other, "scope", NULL));
	ASSERT_EQ(0, scope_take(self->client, self->id, self->scope, handles, 4));
	EXPECT_EQ(MINE, block_check(self->client, handles[0]));
	EXPECT_EQ(0, block_write(self->client, handles[0], 3, &byte, 1));
	byte = 0;
	EXPECT_EQ(0, block_read(self->client, handles[0], 3, &byte, 1));
	EXPECT_EQ('x', byte);
	EXPECT_EQ(EPERM, block_free(other, handles[0]));
	EXPECT_EQ(0, block_free(self->client, handles[0]));
	EXPECT_EQ(EALREADY, block_free(self->client, handles[0]));
	EXPECT_EQ(0, block_give(self->client, handles[1], client_number(other)));
	EXPECT_EQ(EPERM, block_free(self->client, handles[1]));
	EXPECT_EQ(MINE, block_check(other, handles[1]));
	/* To oneself: it stays where it is. */
	EXPECT_EQ(0, block_give(self->client, handles[2], client_number(self->client)));
	EXPECT_EQ(0, scope_end(self->client, self->scope, 0, NULL));
	EXPECT_EQ(0, block_check(self->client, handles[2]));
	EXPECT_EQ(1, pool_in_use(self->client, self->id));
	/* What comes back is in the root scope. */
	EXPECT_EQ(0, block_give(other, handles[1], client_number(self->client)));
	EXPECT_EQ(0, block_free(self->client, handles[1]));
	close(other);
}

TEST_F(scope, batch_of_blocks_here_and_there_is_freed_in_order)
{
	__u64 *handles = self->handles;
	__u32 done, second;

	ASSERT_EQ(0, scope_create(self->client, self->scope, &second));
	for (int i = 0; i < 30; i++)
		ASSERT_EQ(0, scope_take(self->client, self->id,
					i % 3 == 0 ? 0 : i % 3 == 1 ? self->scope : second,
					&handles[i], 1));
	handles[20] = handles[3];
	EXPECT_EQ(EALREADY, blocks_free(self->client, handles, 30, &done));
	EXPECT_EQ(20, done);
	EXPECT_EQ(10, pool_in_use(self->client, self->id));
	EXPECT_EQ(0, blocks_free(self->client, handles + 21, 9, &done));
	EXPECT_EQ(9, done);
	EXPECT_EQ(1, pool_in_use(self->client, self->id));
}

TEST_F(scope, takes_everything_below_with_it)
{
	__u32 child, grandchild, sibling;
	__u64 blocks;

	ASSERT_EQ(0, scope_create(self->client, self->scope, &child));
	ASSERT_EQ(0, scope_create(self->client, child, &grandchild));
	ASSERT_EQ(0, scope_create(self->client, 0, &sibling));
	ASSERT_EQ(0, scope_take(self->client, self->id, self->scope, self->handles, 1));
	ASSERT_EQ(0, scope_take(self->client, self->id, child, self->handles + 1, 70));
	ASSERT_EQ(0, scope_take(self->client, self->id, grandchild, self->handles + 71, 3));
	ASSERT_EQ(0, scope_take(self->client, self->id, sibling, self->handles + 74, 5));
	EXPECT_EQ(0, scope_end(self->client, self->scope, 0, &blocks));
	EXPECT_EQ(74, blocks);
	EXPECT_EQ(ESTALE, scope_end(self->client, child, 0, NULL));
	EXPECT_EQ(ESTALE, scope_end(self->client, grandchild, 0, NULL));
	EXPECT_EQ(5, pool_in_use(self->client, self->id));
	EXPECT_EQ(0, scope_end(self->client, sibling, 0, &blocks));
	EXPECT_EQ(5, blocks);
}

TEST_F(scope, dissolved_leaves_its_blocks_and_scopes_to_its_parent)
{
	__u32 child, grandchild;
	__u64 blocks;

	ASSERT_EQ(0, scope_create(self->client, self->scope, &child));
	ASSERT_EQ(0, scope_create(self->client, child, &grandchild));
	ASSERT_EQ(0, scope_take(self->client, self->id, self->scope, self->handles, 10));
	ASSERT_EQ(0, scope_take(self->client, self->id, child, self->handles + 10, 20));
	ASSERT_EQ(0, scope_take(self->client, self->id, grandchild, self->handles + 30, 5));
	EXPECT_EQ(0, scope_end(self->client, child, FIXEDPOOL_SCOPE_DISSOLVE, &blocks));
	EXPECT_EQ(20, blocks);
	EXPECT_EQ(ESTALE, scope_end(self->client, child, 0, NULL));
	EXPECT_EQ(35, pool_in_use(self->client, self->id));
	/* Found where they are now. */
	EXPECT_EQ(MINE, block_check(self->client, self->handles[10]));
	EXPECT_EQ(0, block_free(self->client, self->handles[10]));
	EXPECT_EQ(0, scope_end(self->client, self->scope, 0, &blocks));
	EXPECT_EQ(34, blocks);
	EXPECT_EQ(ESTALE, scope_end(self->client, grandchild, 0, NULL));
	EXPECT_EQ(0, pool_in_use(self->client, self->id));
}

TEST_F(scope, dissolved_into_a_parent_without_blocks_moves_them_all)
{
	__u32 child;
	__u64 blocks;

	ASSERT_EQ(0, scope_create(self->client, self->scope, &child));
	ASSERT_EQ(0, scope_take(self->client, self->id, child, self->handles, 100));
	EXPECT_EQ(0, scope_end(self->client, child, FIXEDPOOL_SCOPE_DISSOLVE, &blocks));
	EXPECT_EQ(100, blocks);
	EXPECT_EQ(0, blocks_free(self->client, self->handles, 50, NULL));
	EXPECT_EQ(0, scope_end(self->client, self->scope, 0, &blocks));
	EXPECT_EQ(50, blocks);
}

TEST_F(scope, dissolved_into_the_root_leaves_the_client_its_blocks)
{
	__u64 blocks;

	ASSERT_EQ(0, scope_take(self->client, self->id, self->scope, self->handles, 100));
	EXPECT_EQ(0, scope_end(self->client, self->scope, FIXEDPOOL_SCOPE_DISSOLVE, &blocks));
	EXPECT_EQ(100, blocks);
	EXPECT_EQ(100, pool_in_use(self->client, self->id));
	EXPECT_EQ(0, blocks_free(self->client, self->handles, 100, NULL));
	EXPECT_EQ(0, pool_in_use(self->client, self->id));
}

TEST_F(scope, zero_is_all_that_a_client_holds_and_goes_on)
{
	__u64 blocks;

	ASSERT_EQ(0, blocks_take(self->client, self->id, self->handles, 70, 0, NULL));
	ASSERT_EQ(0, scope_take(self->client, self->id, self->scope, self->handles + 70, 70));
	EXPECT_EQ(0, scope_end(self->client, 0, 0, &blocks));
	EXPECT_EQ(140, blocks);
	EXPECT_EQ(ESTALE, scope_end(self->client, self->scope, 0, NULL));
	EXPECT_TRUE(pool_has_free(self->client, self->id, BLOCKS));
}

TEST_F(scope, zero_cannot_be_dissolved)
{
	EXPECT_EQ(EINVAL, scope_end(self->client, 0, FIXEDPOOL_SCOPE_DISSOLVE, NULL));
}

TEST_F(scope, spans_the_pools_of_its_client)
{
	__u32 other;
	__u64 blocks;

	ASSERT_EQ(0, pool_create(self->client, "scope-other", variant->storage, 64, 10, &other));
	ASSERT_EQ(0, scope_take(self->client, self->id, self->scope, self->handles, 5));
	ASSERT_EQ(0, scope_take(self->client, other, self->scope, self->handles + 5, 7));
	EXPECT_EQ(0, scope_end(self->client, self->scope, 0, &blocks));
	EXPECT_EQ(12, blocks);
	EXPECT_EQ(0, pool_in_use(self->client, self->id));
	EXPECT_EQ(0, pool_in_use(self->client, other));
}

TEST_F(scope, goes_with_its_client)
{
	int other = client_open();
	__u32 id, scope, child;

	ASSERT_EQ(0, pool_attach(other, "scope", &id));
	ASSERT_EQ(0, scope_create(other, 0, &scope));
	ASSERT_EQ(0, scope_create(other, scope, &child));
	ASSERT_EQ(0, scope_take(other, id, scope, self->handles, 80));
	ASSERT_EQ(0, scope_take(other, id, child, self->handles + 80, 80));
	ASSERT_EQ(0, blocks_take(other, id, self->handles + 160, 10, 0, NULL));
	EXPECT_EQ(170, pool_in_use(self->client, self->id));
	close(other);
	EXPECT_EQ(0, pool_in_use(self->client, self->id));
	EXPECT_EQ(170, sysfs_number("scope", "reclaimed"));
}

TEST_F(scope, blocks_go_back_when_the_pool_is_left)
{
	int other = client_open();
	__u32 id, scope;
	__u64 blocks;

	ASSERT_EQ(0, pool_attach(other, "scope", &id));
	ASSERT_EQ(0, scope_create(other, 0, &scope));
	ASSERT_EQ(0, scope_take(other, id, scope, self->handles, 80));
	EXPECT_EQ(0, pool_detach(other, id));
	EXPECT_EQ(0, pool_in_use(self->client, self->id));
	EXPECT_EQ(0, scope_end(other, scope, 0, &blocks));
	EXPECT_EQ(0, blocks);
	close(other);
}

TEST_F(scope, unknown_flags_and_reserved_fields_are_refused)
{
	struct fixedpool_scope_create create = { .flags = 1 };

	EXPECT_EQ(EINVAL, call(self->client, FIXEDPOOL_IOC_SCOPE_CREATE, &create));
	create = (struct fixedpool_scope_create) { .reserved = 1 };
	EXPECT_EQ(EINVAL, call(self->client, FIXEDPOOL_IOC_SCOPE_CREATE, &create));
	for (int bit = 1; bit < 32; bit++)
		EXPECT_EQ(EINVAL, scope_end(self->client, self->scope, 1U << bit, NULL));
	EXPECT_EQ(0, scope_end(self->client, self->scope, 0, NULL));
}

TEST_F(scope, too_deep_is_refused)
{
	__u32 scope = self->scope;
	__u32 deeper;

	for (int depth = 1; depth < FIXEDPOOL_MAX_SCOPE_DEPTH; depth++)
		ASSERT_EQ(0, scope_create(self->client, scope, &scope));
	EXPECT_EQ(EMLINK, scope_create(self->client, scope, &deeper));
	EXPECT_EQ(0, scope_end(self->client, self->scope, FIXEDPOOL_SCOPE_DISSOLVE, NULL));
	EXPECT_EQ(0, scope_create(self->client, scope, &deeper));
}

TEST_F(scope, too_many_are_refused)
{
	__u32 scope;

	for (int count = 1; count < FIXEDPOOL_MAX_SCOPES; count++)
		ASSERT_EQ(0, scope_create(self->client, 0, &scope));
	EXPECT_EQ(EMFILE, scope_create(self->client, 0, &scope));
	EXPECT_EQ(0, scope_end(self->client, self->scope, 0, NULL));
	EXPECT_EQ(0, scope_create(self->client, 0, &scope));
}

TEST_F(scope, allocation_that_cannot_be_delivered_is_undone)
{
	EXPECT_EQ(EFAULT, scope_take(self->client, self->id, self->scope, NULL, 100));
	EXPECT_EQ(0, pool_in_use(self->client, self->id));
	EXPECT_TRUE(pool_has_free(self->client, self->id, BLOCKS));
}

TEST(a_scope_of_a_million_blocks_ends_in_one_call)
{
	int client = client_open();
	__u64 handles[1000];
	__u32 id, scope;
	__u64 blocks;

	ASSERT_EQ(0, pool_create(client, "million", FIXEDPOOL_STORAGE_PAGES, 8, MANY, &id));
	ASSERT_EQ(0, scope_create(client, 0, &scope));
	for (int i = 0; i < MANY / 1000; i++)
		ASSERT_EQ(0, scope_take(client, id, scope, handles, 1000));
	EXPECT_EQ(MANY, pool_in_use(client, id));
	EXPECT_EQ(0, scope_end(client, scope, 0, &blocks));
	EXPECT_EQ(MANY, blocks);
	EXPECT_EQ(0, pool_in_use(client, id));
	EXPECT_EQ(0, block_check(client, handles[999]));
	close(client);
}

struct worker {
	int client;
	__u32 pool;
	volatile __u32 *scope;
	volatile bool *stop;
	unsigned long freed;
	volatile unsigned long taken;
	int wrong;
};

/* Takes into whatever scope there is, and frees what it took. */
static void *take_and_free(void *argument)
{
	struct worker *worker = argument;
	__u64 handles[40];

	while (!*worker->stop) {
		int error = scope_take(worker->client, worker->pool, *worker->scope, handles, 40);

		if (error && error != ESTALE && error != ENOBUFS)
			worker->wrong = error;
		if (error)
			continue;
		worker->taken += 40;
		for (int i = 0; i < 40; i++) {
			error = block_free(worker->client, handles[i]);
			if (!error)
				worker->freed++;
			else if (error != ESTALE && error != EALREADY && error != EPERM)
				worker->wrong = error;
		}
	}
	return NULL;
}

static bool have_taken(const struct worker *workers, int count)
{
	unsigned long taken = 0;

	while (count--)
		taken += workers[count].taken;
	return taken;
}

/* Each block taken goes back once, by its owner or by the end of its scope. */
static void race(struct __test_metadata *_metadata, int client, __u32 id, __u32 parent, bool mixed)
{
	__u32 rounds = rounds_wanted("FIXEDPOOL_ROUNDS", 400);
	unsigned long taken = 0, freed = 0, released = 0;
	struct worker workers[3];
	volatile __u32 scope = 0;
	volatile bool stop = false;
	pthread_t threads[3];
	__u64 blocks;

	for (int i = 0; i < 3; i++) {
		workers[i] = (struct worker) { client, id, &scope, &stop, 0, 0, 0 };
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, take_and_free, &workers[i]));
	}
	/* until somebody has had a turn, however long that takes */
	for (__u32 round = 0; round < rounds || !have_taken(workers, 3); round++) {
		__u32 now;

		ASSERT_EQ(0, scope_create(client, parent, &now));
		scope = now;
		usleep(200);
		EXPECT_EQ(0, scope_end(client, now, mixed ? FIXEDPOOL_SCOPE_DISSOLVE : 0, &blocks));
		if (!mixed)
			released += blocks;
	}
	stop = true;
	for (int i = 0; i < 3; i++) {
		pthread_join(threads[i], NULL);
		EXPECT_EQ(0, workers[i].wrong);
		taken += workers[i].taken;
		freed += workers[i].freed;
	}
	EXPECT_LT(0, taken);
	/* What was taken into a scope that ended before the call did is gone too. */
	EXPECT_EQ(0, scope_end(client, 0, 0, &blocks));
	released += blocks;
	EXPECT_LE(taken, freed + released);
	EXPECT_EQ(0, pool_in_use(client, id));
	EXPECT_TRUE(pool_has_free(client, id, BLOCKS));
}

TEST_F(scope, released_while_others_take_and_free_loses_nothing)
{
	race(_metadata, self->client, self->id, 0, false);
}

TEST_F(scope, dissolved_into_the_root_while_others_take_and_free_loses_nothing)
{
	race(_metadata, self->client, self->id, 0, true);
}

TEST_F(scope, dissolved_into_another_while_others_take_and_free_loses_nothing)
{
	race(_metadata, self->client, self->id, self->scope, true);
}

TEST_HARNESS_MAIN
