// SPDX-License-Identifier: GPL-2.0
/*
 * ALLOC: all or none, PARTIAL, ZERO, the limits of a batch, the array for the
 * handles, exhaustion, and many threads at once.
 */
#include "fixedpool_test.h"

#define BLOCKS 1500

FIXTURE(alloc)
{
	int client;
	__u32 id;
	struct fixedpool_pool_info info;
	__u64 handles[2 * FIXEDPOOL_MAX_BATCH];
};

FIXTURE_VARIANT(alloc)
{
	__u32 storage;
};

FIXTURE_VARIANT_ADD(alloc, pages) { .storage = FIXEDPOOL_STORAGE_PAGES };
FIXTURE_VARIANT_ADD(alloc, slab) { .storage = FIXEDPOOL_STORAGE_SLAB };

FIXTURE_SETUP(alloc)
{
	self->client = client_open();
	ASSERT_LE(0, self->client);
	ASSERT_EQ(0, pool_create(self->client, "alloc", variant->storage, 64, BLOCKS, &self->id));
	ASSERT_EQ(0, pool_info(self->client, self->id, &self->info));
}

/* Whatever happened, once the client has gone all blocks are there, each once. */
FIXTURE_TEARDOWN(alloc)
{
	int heir = client_open();
	__u32 done;

	EXPECT_EQ(0, pool_attach(heir, "alloc", NULL));
	close(self->client);
	EXPECT_EQ(0, pool_in_use(heir, self->id));
	EXPECT_EQ(0, blocks_take(heir, self->id, self->handles, FIXEDPOOL_MAX_BATCH, 0, &done));
	EXPECT_EQ(0, blocks_take(heir, self->id, self->handles + FIXEDPOOL_MAX_BATCH,
				 FIXEDPOOL_MAX_BATCH, FIXEDPOOL_ALLOC_PARTIAL, &done));
	EXPECT_EQ(BLOCKS - FIXEDPOOL_MAX_BATCH, done);
	EXPECT_TRUE(handles_are_distinct(&self->info, self->handles, BLOCKS));
	close(heir);
}

#define TAKE(count, flags) blocks_take(self->client, self->id, self->handles, count, flags, &done)

TEST_F(alloc, of_no_blocks_is_refused)
{
	__u32 done;

	EXPECT_EQ(EINVAL, TAKE(0, 0));
	EXPECT_EQ(0, done);
	EXPECT_EQ(EINVAL, TAKE(0, FIXEDPOOL_ALLOC_PARTIAL));
	EXPECT_EQ(0, done);
}

TEST_F(alloc, of_more_blocks_than_the_largest_batch_is_refused)
{
	const __u32 counts[] = { FIXEDPOOL_MAX_BATCH + 1, BLOCKS, 1U << 31, UINT32_MAX };
	__u32 done;

	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		EXPECT_EQ(EINVAL, TAKE(counts[i], 0));
		EXPECT_EQ(0, done);
		EXPECT_EQ(EINVAL, TAKE(counts[i], FIXEDPOOL_ALLOC_PARTIAL));
		EXPECT_EQ(0, done);
	}
	EXPECT_EQ(0, pool_in_use(self->client, self->id));
}

TEST_F(alloc, of_as_many_blocks_as_the_largest_batch_gives_each_another_index)
{
	__u32 done;

	EXPECT_EQ(0, TAKE(FIXEDPOOL_MAX_BATCH, 0));
	EXPECT_EQ(FIXEDPOOL_MAX_BATCH, done);
	EXPECT_EQ(FIXEDPOOL_MAX_BATCH, pool_in_use(self->client, self->id));
	EXPECT_TRUE(handles_are_distinct(&self->info, self->handles, done));
}

TEST_F(alloc, says_zero_done_when_it_fails)
{
	__u32 done;

	EXPECT_EQ(ENXIO, blocks_take(self->client, self->id + 1, self->handles, 1, 0, &done));
	EXPECT_EQ(0, done);
	EXPECT_EQ(EINVAL, TAKE(1, 1U << 31));
	EXPECT_EQ(0, done);
	EXPECT_EQ(EFAULT, blocks_take(self->client, self->id, NULL, 1, 0, &done));
	EXPECT_EQ(0, done);
	EXPECT_EQ(0, TAKE(FIXEDPOOL_MAX_BATCH, 0));
	EXPECT_EQ(ENOBUFS, TAKE(FIXEDPOOL_MAX_BATCH, 0));
	EXPECT_EQ(0, done);
}

TEST_F(alloc, takes_all_or_none)
{
	__u32 left = BLOCKS - FIXEDPOOL_MAX_BATCH, done;

	ASSERT_EQ(0, TAKE(FIXEDPOOL_MAX_BATCH, 0));
	for (__u32 extra = 1; extra < 4; extra++) {
		EXPECT_EQ(ENOBUFS, TAKE(left + extra, 0));
		EXPECT_EQ(0, done);
		EXPECT_EQ(FIXEDPOOL_MAX_BATCH, pool_in_use(self->client, self->id));
	}
	EXPECT_EQ(0, TAKE(left, 0));
	EXPECT_EQ(left, done);
	EXPECT_EQ(ENOBUFS, TAKE(1, 0));
	EXPECT_EQ(BLOCKS, pool_in_use(self->client, self->id));
}

TEST_F(alloc, takes_what_there_is_if_that_will_do_and_fails_when_it_is_nothing)
{
	__u32 left = BLOCKS - FIXEDPOOL_MAX_BATCH, done;

	EXPECT_EQ(0, TAKE(FIXEDPOOL_MAX_BATCH, FIXEDPOOL_ALLOC_PARTIAL));
	EXPECT_EQ(FIXEDPOOL_MAX_BATCH, done);
	EXPECT_EQ(0, TAKE(FIXEDPOOL_MAX_BATCH, FIXEDPOOL_ALLOC_PARTIAL));
	EXPECT_EQ(left, done);
	EXPECT_TRUE(handles_are_distinct(&self->info, self->handles, done));
	EXPECT_EQ(ENOBUFS, TAKE(1, FIXEDPOOL_ALLOC_PARTIAL));
	EXPECT_EQ(0, done);
	EXPECT_EQ(0, block_free(self->client, self->handles[0]));
	EXPECT_EQ(0, TAKE(2, FIXEDPOOL_ALLOC_PARTIAL));
	EXPECT_EQ(1, done);
}

TEST_F(alloc, writes_no_more_handles_than_it_took)
{
	__u32 done;

	memset(self->handles, 0x5a, sizeof(self->handles));
	ASSERT_EQ(0, TAKE(3, 0));
	EXPECT_EQ(0x5a5a5a5a5a5a5a5aULL, self->handles[3]);
	ASSERT_EQ(0, TAKE(FIXEDPOOL_MAX_BATCH, 0));
	memset(self->handles, 0x5a, sizeof(self->handles));
	ASSERT_EQ(0, TAKE(FIXEDPOOL_MAX_BATCH, FIXEDPOOL_ALLOC_PARTIAL));
	EXPECT_EQ(BLOCKS - 3 - FIXEDPOOL_MAX_BATCH, done);
	for (__u32 i = done; i < ARRAY_SIZE(self->handles); i++) {
		ASSERT_EQ(0x5a5a5a5a5a5a5a5aULL, self->handles[i]);
	}
}

TEST_F(alloc, one_by_one_yields_every_index_once_and_then_nothing)
{
	__u32 taken = 0;

	while (taken < ARRAY_SIZE(self->handles) &&
	       (self->handles[taken] = block_take(self->client, self->id)))
		taken++;
	EXPECT_EQ(BLOCKS, taken);
	EXPECT_TRUE(handles_are_distinct(&self->info, self->handles, taken));
	/* What a worker moves out of magazines at this moment is counted with luck. */
	EXPECT_TRUE(EVENTUALLY(pool_in_use(self->client, self->id) == BLOCKS));
	for (__u32 i = 0; i < taken; i++) {
		ASSERT_EQ(0, block_free(self->client, self->handles[i]));
		ASSERT_TRUE(EVENTUALLY(pool_in_use(self->client, self->id) ==
				       BLOCKS - i - 1));
	}
}

TEST_F(alloc, remembers_the_most_blocks_ever_held)
{
	struct fixedpool_pool_info info;
	__u32 done;

	ASSERT_EQ(0, TAKE(10, 0));
	ASSERT_EQ(0, blocks_free(self->client, self->handles, 10, NULL));
	ASSERT_EQ(0, TAKE(4, 0));
	ASSERT_EQ(0, pool_info(self->client, self->id, &info));
	EXPECT_EQ(10, info.peak);
	EXPECT_EQ(4, info.in_use);
	ASSERT_EQ(0, TAKE(7, 0));
	ASSERT_EQ(0, pool_info(self->client, self->id, &info));
	EXPECT_EQ(11, info.peak);
	EXPECT_EQ(11, info.in_use);
}

TEST_F(alloc, gives_new_memory_zeroed)
{
	static const char zeroes[64];
	char bytes[64];
	__u32 done, id;

	memory_litter();
	ASSERT_EQ(0, pool_create(self->client, "alloc-new", variant->storage, 64, BLOCKS, &id));
	ASSERT_EQ(0, blocks_take(self->client, id, self->handles, FIXEDPOOL_MAX_BATCH, 0, &done));
	for (__u32 i = 0; i < done; i++) {
		memset(bytes, 0xee, sizeof(bytes));
		ASSERT_EQ(0, block_read(self->client, self->handles[i], 0, bytes, sizeof(bytes)));
		ASSERT_EQ(0, memcmp(zeroes, bytes, sizeof(bytes)));
	}
}

/* Fills all blocks, frees them, and takes them all again. */
static bool dirty(int client, __u32 id, __u64 *handles, __u32 flags)
{
	char bytes[64];
	__u32 done;

	memset(bytes, 0xee, sizeof(bytes));
	for (__u32 i = 0; i < BLOCKS; i++) {
		handles[i] = block_take(client, id);
		if (!handles[i] || block_write(client, handles[i], 0, bytes, sizeof(bytes)))
			return false;
	}
	for (__u32 i = 0; i < BLOCKS; i++)
		if (block_free(client, handles[i]))
			return false;
	return !blocks_take(client, id, handles, BLOCKS / 2, flags, &done) &&
	       !blocks_take(client, id, handles + BLOCKS / 2, BLOCKS / 2, flags, &done);
}

TEST_F(alloc, fills_used_memory_with_zeroes_if_asked_to)
{
	static const char zeroes[64];
	char bytes[64];

	ASSERT_TRUE(dirty(self->client, self->id, self->handles, FIXEDPOOL_ALLOC_ZERO));
	for (__u32 i = 0; i < BLOCKS; i++) {
		ASSERT_EQ(0, block_read(self->client, self->handles[i], 0, bytes, sizeof(bytes)));
		ASSERT_EQ(0, memcmp(zeroes, bytes, sizeof(bytes)));
	}
}

TEST_F(alloc, fills_a_part_of_the_pool_with_zeroes_if_both_are_asked_for)
{
	static const char zeroes[64];
	char bytes[64];
	__u32 done;

	ASSERT_TRUE(dirty(self->client, self->id, self->handles, 0));
	ASSERT_EQ(0, blocks_free(self->client, self->handles, 5, NULL));
	ASSERT_EQ(0, TAKE(9, FIXEDPOOL_ALLOC_PARTIAL | FIXEDPOOL_ALLOC_ZERO));
	ASSERT_EQ(5, done);
	for (__u32 i = 0; i < 5; i++) {
		ASSERT_EQ(0, block_read(self->client, self->handles[i], 0, bytes, sizeof(bytes)));
		EXPECT_EQ(0, memcmp(zeroes, bytes, sizeof(bytes)));
	}
	/* Nobody else's block was touched. */
	ASSERT_EQ(0, block_read(self->client, self->handles[BLOCKS - 1], 0, bytes, 1));
	EXPECT_EQ((char)0xee, bytes[0]);
}

TEST_F(alloc, into_an_array_at_a_bad_address_gives_everything_back)
{
	char *edge = edge_map();
	void *const bad[] = { NULL, (void *)8, (void *)-4096L, edge + PAGE };
	__u32 done;

	ASSERT_TRUE(edge != MAP_FAILED);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(EFAULT, blocks_take(self->client, self->id, bad[i], 1, 0, &done)) {
			TH_LOG("address %p", bad[i]);
		}
		EXPECT_EQ(0, done);
		EXPECT_EQ(EFAULT, blocks_take(self->client, self->id, bad[i], FIXEDPOOL_MAX_BATCH,
					      0, &done));
		EXPECT_EQ(0, done);
	}
	EXPECT_EQ(0, pool_in_use(self->client, self->id));
}

TEST_F(alloc, into_an_array_that_only_64_bits_can_name_is_not_cut_off)
{
	struct fixedpool_alloc alloc = { .pool = self->id, .count = 1 };

	alloc.handles = (uintptr_t)self->handles | 1ULL << 63;
	EXPECT_EQ(EFAULT, call(self->client, FIXEDPOOL_IOC_ALLOC, &alloc));
	EXPECT_EQ(0, pool_in_use(self->client, self->id));
	EXPECT_EQ(0, self->handles[0]);
}

TEST_F(alloc, into_read_only_memory_gives_everything_back)
{
	char *edge = edge_map();
	__u32 done;

	ASSERT_TRUE(edge != MAP_FAILED);
	ASSERT_EQ(0, mprotect(edge, PAGE, PROT_READ));
	EXPECT_EQ(EFAULT, blocks_take(self->client, self->id, (void *)edge, 10, 0, &done));
	EXPECT_EQ(0, done);
	EXPECT_EQ(0, pool_in_use(self->client, self->id));
}

TEST_F(alloc, into_an_array_that_runs_into_bad_memory_gives_everything_back)
{
	const __u32 rooms[] = { 1, 63, 64, 65, 200, 500 };
	char *edge = edge_map();
	__u32 done;

	ASSERT_TRUE(edge != MAP_FAILED);
	for (size_t i = 0; i < ARRAY_SIZE(rooms); i++) {
		char *at = edge + PAGE - rooms[i] * sizeof(__u64);

		for (__u32 extra = 1; extra < 500; extra *= 8) {
			EXPECT_EQ(EFAULT, blocks_take(self->client, self->id, (void *)at,
						      rooms[i] + extra, 0, &done)) {
				TH_LOG("room for %u of %u", rooms[i], rooms[i] + extra);
			}
			EXPECT_EQ(0, done);
			ASSERT_EQ(0, pool_in_use(self->client, self->id));
		}
	}
	/* The last handle finds room by half. */
	EXPECT_EQ(EFAULT, blocks_take(self->client, self->id, (void *)(edge + PAGE - 12), 2, 0,
				      &done));
	EXPECT_EQ(0, done);
	EXPECT_EQ(0, pool_in_use(self->client, self->id));
	EXPECT_EQ(0, TAKE(FIXEDPOOL_MAX_BATCH, 0));
	EXPECT_EQ(0, TAKE(BLOCKS - FIXEDPOOL_MAX_BATCH, 0));
}

TEST_F(alloc, whose_result_cannot_be_told_gives_everything_back)
{
	char *edge = edge_map();
	struct fixedpool_alloc *alloc = (void *)edge;

	ASSERT_TRUE(edge != MAP_FAILED);
	*alloc = (struct fixedpool_alloc) {
		.pool = self->id,
		.count = 100,
		.handles = (uintptr_t)self->handles,
	};
	ASSERT_EQ(0, mprotect(edge, PAGE, PROT_READ));
	EXPECT_EQ(EFAULT, call(self->client, FIXEDPOOL_IOC_ALLOC, alloc));
	EXPECT_EQ(0, pool_in_use(self->client, self->id));
}

/*
 * Threads take and free on one client each or all on the same, writing their
 * mark into each block: nobody ever sees the mark of another.
 */
#define THREADS 4

struct worker {
	pthread_t thread;
	int client;
	__u32 id;
	__u32 mark;
	unsigned int rounds;
	char *blocks;
	const struct fixedpool_pool_info *info;
	const char *wrong;
	unsigned int taken;
};

static void *hammer(void *argument)
{
	struct worker *worker = argument;
	__u64 state = worker->mark;
	__u64 handles[32];

	for (unsigned int round = 0; round < worker->rounds && !worker->wrong; round++) {
		__u32 done, wanted = 1 + random_next(&state) % ARRAY_SIZE(handles);
		int error = blocks_take(worker->client, worker->id, handles, wanted,
					FIXEDPOOL_ALLOC_PARTIAL, &done);

		if (error == ENOBUFS && !done)
			continue;
		if (error || !done || done > wanted)
			worker->wrong = "an ALLOC that did not do what it says";
		for (__u32 i = 0; i < done; i++) {
			__u32 index = block_index(worker->info, handles[i]);

			*(__u32 *)(worker->blocks + block_offset(worker->info, index)) =
				worker->mark;
		}
		for (__u32 i = 0; i < done; i++) {
			__u32 index = block_index(worker->info, handles[i]);

			if (*(__u32 *)(worker->blocks + block_offset(worker->info, index)) !=
			    worker->mark)
				worker->wrong = "a block that two threads had";
		}
		if (blocks_free(worker->client, handles, done, NULL))
			worker->wrong = "a FREE that failed";
		worker->taken += done;
	}
	return NULL;
}

FIXTURE(threads)
{
	int client;
};

FIXTURE_VARIANT(threads)
{
	bool share_client;
	__u32 blocks;
};

FIXTURE_VARIANT_ADD(threads, with_a_client_each) { .blocks = 300 };
FIXTURE_VARIANT_ADD(threads, with_one_client) { .share_client = true, .blocks = 300 };
FIXTURE_VARIANT_ADD(threads, with_a_client_each_short_of_blocks) { .blocks = 40 };
FIXTURE_VARIANT_ADD(threads, with_one_client_short_of_blocks)
{
	.share_client = true, .blocks = 40,
};

FIXTURE_SETUP(threads)
{
	self->client = client_open();
	ASSERT_LE(0, self->client);
}

FIXTURE_TEARDOWN(threads)
{
	close(self->client);
}

TEST_F(threads, never_have_the_same_block)
{
	struct worker workers[THREADS] = {};
	struct fixedpool_pool_info info;
	unsigned int taken = 0;
	char *blocks;
	__u32 id;

	ASSERT_EQ(0, pool_create(self->client, "alloc", 0, 64, variant->blocks, &id));
	ASSERT_EQ(0, pool_info(self->client, id, &info));
	blocks = mmap(NULL, info.data_length, PROT_READ | PROT_WRITE, MAP_SHARED, self->client,
		      info.data_offset);
	ASSERT_TRUE(blocks != MAP_FAILED);
	for (int i = 0; i < THREADS; i++) {
		workers[i] = (struct worker) {
			.client = variant->share_client ? self->client : client_open(),
			.id = id,
			.mark = 0x1000 + i,
			.rounds = rounds_wanted("FIXEDPOOL_ROUNDS", 2000),
			.blocks = blocks,
			.info = &info,
		};
		if (!variant->share_client) {
			ASSERT_EQ(0, pool_attach(workers[i].client, "alloc", NULL));
		}
		ASSERT_EQ(0, pthread_create(&workers[i].thread, NULL, hammer, &workers[i]));
	}
	for (int i = 0; i < THREADS; i++) {
		ASSERT_EQ(0, pthread_join(workers[i].thread, NULL));
		EXPECT_STREQ("", workers[i].wrong ?: "");
		taken += workers[i].taken;
	}
	EXPECT_LT(0, taken);
	EXPECT_EQ(0, pool_in_use(self->client, id));
	EXPECT_TRUE(pool_has_free(self->client, id, variant->blocks));
}

TEST_HARNESS_MAIN
