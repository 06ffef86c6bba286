// SPDX-License-Identifier: GPL-2.0
/*
 * FREE and GIVE of many handles in one call: how far they get, where they
 * stop, and the array that they are read from. (What ALLOC does with many is
 * in alloc_test.)
 */
#include "fixedpool_test.h"

#define BLOCKS 16

static __u64 versioned(__u64 handle, __u32 difference)
{
	return FIXEDPOOL_HANDLE(FIXEDPOOL_HANDLE_VERSION(handle) + difference,
				FIXEDPOOL_HANDLE_SLOT(handle));
}

/* For each kind of refusal: a batch stops there, says so, and the rest can go on. */
FIXTURE(batch)
{
	int client;
	int other;
	__u32 id;
	__u64 good[4];
	__u64 bad;
};

FIXTURE_VARIANT(batch)
{
	int error;
	bool give;
};

FIXTURE_VARIANT_ADD(batch, free_even) { .error = EINVAL };
FIXTURE_VARIANT_ADD(batch, free_of_no_pool) { .error = ENXIO };
FIXTURE_VARIANT_ADD(batch, free_out_of_range) { .error = ERANGE };
FIXTURE_VARIANT_ADD(batch, free_stale) { .error = ESTALE };
FIXTURE_VARIANT_ADD(batch, free_double) { .error = EALREADY };
FIXTURE_VARIANT_ADD(batch, free_foreign) { .error = EPERM };
FIXTURE_VARIANT_ADD(batch, give_even) { .error = EINVAL, .give = true };
FIXTURE_VARIANT_ADD(batch, give_of_no_pool) { .error = ENXIO, .give = true };
FIXTURE_VARIANT_ADD(batch, give_out_of_range) { .error = ERANGE, .give = true };
FIXTURE_VARIANT_ADD(batch, give_stale) { .error = ESTALE, .give = true };
FIXTURE_VARIANT_ADD(batch, give_foreign) { .error = EPERM, .give = true };

FIXTURE_SETUP(batch)
{
	struct fixedpool_pool_info info;
	__u32 version;

	self->client = client_open();
	ASSERT_LE(0, self->client);
	self->other = client_open();
	ASSERT_LE(0, self->other);
	ASSERT_EQ(0, pool_create(self->client, "batch", 0, 64, BLOCKS, &self->id));
	ASSERT_EQ(0, pool_attach(self->other, "batch", NULL));
	ASSERT_EQ(0, pool_info(self->client, self->id, &info));
	self->bad = block_take(variant->error == EPERM ? self->other : self->client, self->id);
	ASSERT_NE(0, self->bad);
	version = FIXEDPOOL_HANDLE_VERSION(self->bad);
	ASSERT_EQ(0, blocks_take(self->client, self->id, self->good, 4, 0, NULL));

	switch (variant->error) {
	case EINVAL:
		self->bad = versioned(self->bad, 1);
		break;
	case ENXIO:
		self->bad = FIXEDPOOL_HANDLE(version, 0xffffffff);
		break;
	case ERANGE:
		self->bad = FIXEDPOOL_HANDLE(version, info.first_slot + BLOCKS);
		break;
	case ESTALE:
		self->bad = versioned(self->bad, -2);
		break;
	case EALREADY:
		ASSERT_EQ(0, block_free(self->client, self->bad));
		break;
	}
}

FIXTURE_TEARDOWN(batch)
{
	close(self->client);
	close(self->other);
}

TEST_F(batch, stops_at_the_refused_handle_and_the_rest_can_go_on)
{
	__u64 handles[] = { self->good[0], self->good[1], self->bad, self->good[2],
			    self->good[3] };
	__u32 receiver = client_number(self->other), before, done;
	int mine = FIXEDPOOL_CHECK_ALIVE | FIXEDPOOL_CHECK_MINE;

	before = pool_in_use(self->client, self->id);
	EXPECT_EQ(variant->error,
		  variant->give ? blocks_give(self->client, handles, 5, receiver, &done) :
				  blocks_free(self->client, handles, 5, &done));
	EXPECT_EQ(2, done);
	EXPECT_EQ(variant->give ? before : before - 2, pool_in_use(self->client, self->id));
	EXPECT_EQ(mine, block_check(self->client, self->good[2]));
	EXPECT_EQ(mine, block_check(self->client, self->good[3]));
	EXPECT_EQ(variant->give ? mine : 0, block_check(self->other, self->good[0]));
	EXPECT_EQ(variant->give ? mine : 0, block_check(self->other, self->good[1]));

	/* The refused one alone does nothing, what lies behind it does. */
	EXPECT_EQ(variant->error,
		  variant->give ? blocks_give(self->client, handles + 2, 3, receiver, &done) :
				  blocks_free(self->client, handles + 2, 3, &done));
	EXPECT_EQ(0, done);
	EXPECT_EQ(0, variant->give ? blocks_give(self->client, handles + 3, 2, receiver, &done) :
				     blocks_free(self->client, handles + 3, 2, &done));
	EXPECT_EQ(2, done);
	EXPECT_EQ(variant->give ? before : before - 4, pool_in_use(self->client, self->id));
}

/* Each test of this fixture runs for both calls. */
FIXTURE(array)
{
	int client;
	int other;
	__u32 id;
	__u32 receiver;
	__u64 handles[FIXEDPOOL_MAX_BATCH + 1];
};

FIXTURE_VARIANT(array)
{
	bool give;
};

FIXTURE_VARIANT_ADD(array, FREE) { .give = false };
FIXTURE_VARIANT_ADD(array, GIVE) { .give = true };

FIXTURE_SETUP(array)
{
	self->client = client_open();
	ASSERT_LE(0, self->client);
	self->other = client_open();
	ASSERT_LE(0, self->other);
	self->receiver = client_number(self->other);
	ASSERT_EQ(0, pool_create(self->client, "batch", 0, 8, FIXEDPOOL_MAX_BATCH + 1,
				 &self->id));
	ASSERT_EQ(0, pool_attach(self->other, "batch", NULL));
	ASSERT_EQ(0, blocks_take(self->client, self->id, self->handles, FIXEDPOOL_MAX_BATCH, 0,
				 NULL));
	self->handles[FIXEDPOOL_MAX_BATCH] = block_take(self->client, self->id);
	ASSERT_NE(0, self->handles[FIXEDPOOL_MAX_BATCH]);
}

FIXTURE_TEARDOWN(array)
{
	close(self->client);
	close(self->other);
}

static int act(FIXTURE_DATA(array) *self, const FIXTURE_VARIANT(array) *variant, void *handles,
	       __u32 count, __u32 *done)
{
	return variant->give ? blocks_give(self->client, handles, count, self->receiver, done) :
			       blocks_free(self->client, handles, count, done);
}

/* Blocks that the first client does not hold any more. */
static __u32 gone(FIXTURE_DATA(array) *self)
{
	__u32 count = 0;

	for (__u32 i = 0; i < FIXEDPOOL_MAX_BATCH + 1; i++)
		count += !(block_check(self->client, self->handles[i]) & FIXEDPOOL_CHECK_MINE);
	return count;
}

TEST_F(array, of_no_handles_is_refused)
{
	__u32 done;

	EXPECT_EQ(EINVAL, act(self, variant, self->handles, 0, &done));
	EXPECT_EQ(0, done);
	EXPECT_EQ(0, gone(self));
}

TEST_F(array, of_more_handles_than_the_largest_batch_is_refused)
{
	__u32 done;

	EXPECT_EQ(EINVAL, act(self, variant, self->handles, FIXEDPOOL_MAX_BATCH + 1, &done));
	EXPECT_EQ(0, done);
	EXPECT_EQ(EINVAL, act(self, variant, self->handles, UINT32_MAX, &done));
	EXPECT_EQ(0, done);
	EXPECT_EQ(EINVAL, act(self, variant, self->handles, 1U << 31, &done));
	EXPECT_EQ(0, gone(self));
}

TEST_F(array, of_as_many_handles_as_the_largest_batch_is_done_whole)
{
	__u32 done;

	EXPECT_EQ(0, act(self, variant, self->handles, FIXEDPOOL_MAX_BATCH, &done));
	EXPECT_EQ(FIXEDPOOL_MAX_BATCH, done);
	EXPECT_EQ(FIXEDPOOL_MAX_BATCH, gone(self));
	EXPECT_EQ(variant->give ? FIXEDPOOL_MAX_BATCH + 1 : 1,
		  pool_in_use(self->client, self->id));
}

TEST_F(array, at_a_bad_address_is_refused)
{
	void *const bad[] = { NULL, (void *)8, (void *)-4096L };
	char *edge = edge_map();
	__u32 done;

	ASSERT_TRUE(edge != MAP_FAILED);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(EFAULT, act(self, variant, bad[i], 1, &done)) {
			TH_LOG("address %p", bad[i]);
		}
		EXPECT_EQ(0, done);
	}
	EXPECT_EQ(EFAULT, act(self, variant, edge + PAGE, 1, &done));
	EXPECT_EQ(0, done);
	EXPECT_EQ(0, gone(self));
}

TEST_F(array, at_an_address_that_only_64_bits_can_name_is_not_cut_off)
{
	struct fixedpool_free free = { .count = 1, .done = ~0 };
	struct fixedpool_give give = { .count = 1, .done = ~0, .client = self->receiver };

	free.handles = (uintptr_t)self->handles | 1ULL << 63;
	give.handles = free.handles;
	if (variant->give) {
		EXPECT_EQ(EFAULT, call(self->client, FIXEDPOOL_IOC_GIVE, &give));
		EXPECT_EQ(0, give.done);
	} else {
		EXPECT_EQ(EFAULT, call(self->client, FIXEDPOOL_IOC_FREE, &free));
		EXPECT_EQ(0, free.done);
	}
	EXPECT_EQ(0, gone(self));
}

TEST_F(array, that_runs_into_bad_memory_is_done_as_far_as_done_says)
{
	char *edge = edge_map(), *at;
	__u32 done;

	ASSERT_TRUE(edge != MAP_FAILED);
	at = edge + PAGE - 200 * sizeof(__u64);
	memcpy(at, self->handles, 200 * sizeof(__u64));
	EXPECT_EQ(EFAULT, act(self, variant, at, 300, &done));
	EXPECT_GE(200, done);
	EXPECT_EQ(done, gone(self));

	/* The last handle is readable by half. */
	at = edge + PAGE - 4;
	memcpy(at, self->handles + 200, 4);
	EXPECT_EQ(EFAULT, act(self, variant, at, 1, NULL));
	EXPECT_EQ(done, gone(self));
}

TEST_F(array, in_read_only_memory_is_good_enough)
{
	char *edge = edge_map();
	__u32 done;

	ASSERT_TRUE(edge != MAP_FAILED);
	memcpy(edge, self->handles, 100 * sizeof(__u64));
	ASSERT_EQ(0, mprotect(edge, PAGE, PROT_READ));
	EXPECT_EQ(0, act(self, variant, edge, 100, &done));
	EXPECT_EQ(100, done);
	EXPECT_EQ(100, gone(self));
}

FIXTURE(pool)
{
	int client;
	__u32 id;
};

FIXTURE_SETUP(pool)
{
	self->client = client_open();
	ASSERT_LE(0, self->client);
	ASSERT_EQ(0, pool_create(self->client, "batch", 0, 64, BLOCKS, &self->id));
}

FIXTURE_TEARDOWN(pool)
{
	close(self->client);
}

TEST_F(pool, frees_a_block_once_that_is_in_a_batch_twice)
{
	__u64 handles[3], next;
	__u32 done;

	handles[0] = block_take(self->client, self->id);
	handles[1] = handles[0];
	next = block_take(self->client, self->id);
	handles[2] = next;
	EXPECT_EQ(EALREADY, blocks_free(self->client, handles, 3, &done));
	EXPECT_EQ(1, done);
	EXPECT_EQ(1, pool_in_use(self->client, self->id));
	EXPECT_EQ(0, block_free(self->client, next));
}

TEST_F(pool, shares_a_batch_with_other_pools)
{
	__u64 handles[30];
	__u32 ids[3], done;

	ids[0] = self->id;
	ASSERT_EQ(0, pool_create(self->client, "batch-2", FIXEDPOOL_STORAGE_SLAB, 64, BLOCKS,
				 &ids[1]));
	ASSERT_EQ(0, pool_create(self->client, "batch-3", 0, 4096, BLOCKS, &ids[2]));
	for (size_t i = 0; i < ARRAY_SIZE(handles); i++) {
		handles[i] = block_take(self->client, ids[i % 3]);
		ASSERT_NE(0, handles[i]);
	}
	EXPECT_EQ(0, blocks_free(self->client, handles, ARRAY_SIZE(handles), &done));
	EXPECT_EQ(ARRAY_SIZE(handles), done);
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		EXPECT_TRUE(pool_has_free(self->client, ids[i], BLOCKS));
	}
}

TEST_HARNESS_MAIN
