// SPDX-License-Identifier: GPL-2.0
/*
 * Tracepoints: each event when what it is named after happens, once for each
 * block, whichever way the block goes, for processes and inside the kernel.
 */
#include "fixedpool_test.h"

#include "client/fixedpool_client.h"

#include <cpuid.h>

#define EVENTS	"/sys/kernel/tracing/events/fixedpool"
#define BUFFER	"/sys/kernel/tracing/trace"
/* the tracer looks at who is scheduled, to know their names */
#define RECORD_NAMES	"/sys/kernel/tracing/options/record-cmd"
#define POOL	"traced"
/* Enough for full magazines on two CPUs. */
#define BLOCKS	2048
#define TEXT_SIZE	(1024 * 1024)

static bool text_write(const char *path, const char *text)
{
	int file = open(path, O_WRONLY | O_CLOEXEC | O_TRUNC);
	bool done;

	if (file < 0)
		return false;
	done = write(file, text, strlen(text)) == (ssize_t)strlen(text);
	close(file);
	return done;
}

static bool trace_switch(const char *event, bool on)
{
	char path[128];

	snprintf(path, sizeof(path), EVENTS "/%s/enable", event);
	return text_write(path, on ? "1" : "0");
}

static const char *const events[] = {
	"fixedpool_alloc", "fixedpool_free", "fixedpool_refuse", "fixedpool_reclaim",
	"fixedpool_wait", "fixedpool_wait_end", "fixedpool_grow", "fixedpool_shrink",
};

/* A pool of a process, and an empty trace into which all events go. */
FIXTURE(trace)
{
	int client;
	__u32 id;
	struct fixedpool_pool_info info;
	char *text;
};

FIXTURE_VARIANT(trace)
{
	__u32 storage;
};

FIXTURE_VARIANT_ADD(trace, pages) { .storage = FIXEDPOOL_STORAGE_PAGES };
FIXTURE_VARIANT_ADD(trace, slab) { .storage = FIXEDPOOL_STORAGE_SLAB };

FIXTURE_SETUP(trace)
{
	self->text = malloc(TEXT_SIZE);
	ASSERT_NE(NULL, self->text);
	self->client = client_open();
	ASSERT_LE(0, self->client);
	ASSERT_EQ(0, pool_create(self->client, POOL, variant->storage, 64, BLOCKS, &self->id));
	ASSERT_EQ(0, pool_info(self->client, self->id, &self->info));
	ASSERT_TRUE(text_write(BUFFER, ""));
	/* Else every switch of an event changes code of the scheduler, which is
	 * what code_may_change() is about.
	 */
	ASSERT_TRUE(text_write(RECORD_NAMES, "0"));
	for (size_t i = 0; i < ARRAY_SIZE(events); i++)
		ASSERT_TRUE(trace_switch(events[i], true));
}

FIXTURE_TEARDOWN(trace)
{
	for (size_t i = 0; i < ARRAY_SIZE(events); i++)
		EXPECT_TRUE(trace_switch(events[i], false));
	close(self->client);
	free(self->text);
}

static void trace_read(char *text)
{
	int file = open(BUFFER, O_RDONLY | O_CLOEXEC);
	size_t length = 0;
	ssize_t bytes;

	while (file >= 0 && length < TEXT_SIZE - 1) {
		bytes = read(file, text + length, TEXT_SIZE - 1 - length);
		if (bytes <= 0)
			break;
		length += bytes;
	}
	text[length] = 0;
	close(file);
}

/* How often @what stands in the trace. */
static unsigned int times(char *text, const char *what)
{
	unsigned int count = 0;

	trace_read(text);
	for (const char *at = text; (at = strstr(at, what)); at++)
		count++;
	return count;
}

/* How often the event was there for this very block. */
static unsigned int times_block(const FIXTURE_DATA(trace) *self, const char *event, __u64 handle)
{
	char line[128];

	snprintf(line, sizeof(line), "%s: pool=" POOL " index=%u handle=0x%llx\n", event,
		 block_index(&self->info, handle), (unsigned long long)handle);
	return times(self->text, line);
}

TEST_F(trace, shows_a_block_that_is_taken_and_freed)
{
	__u64 handle = block_take(self->client, self->id);

	ASSERT_NE(0, handle);
	EXPECT_EQ(1, times_block(self, "fixedpool_alloc", handle));
	EXPECT_EQ(0, times_block(self, "fixedpool_free", handle));
	ASSERT_EQ(0, block_free(self->client, handle));
	EXPECT_EQ(1, times_block(self, "fixedpool_alloc", handle));
	EXPECT_EQ(1, times_block(self, "fixedpool_free", handle));
}

TEST_F(trace, shows_each_block_of_a_batch)
{
	__u64 handles[200];

	ASSERT_EQ(0, blocks_take(self->client, self->id, handles, 200, 0, NULL));
	EXPECT_EQ(200, times(self->text, "fixedpool_alloc: pool=" POOL " "));
	ASSERT_EQ(0, blocks_free(self->client, handles, 200, NULL));
	EXPECT_EQ(200, times(self->text, "fixedpool_free: pool=" POOL " "));
	for (int i = 0; i < 200; i += 33) {
		EXPECT_EQ(1, times_block(self, "fixedpool_alloc", handles[i]));
		EXPECT_EQ(1, times_block(self, "fixedpool_free", handles[i]));
	}
}

/* One block has been taken before, so not all have the same version. */
TEST_F(trace, shows_the_handles_of_a_whole_group)
{
	__u64 handles[64];
	__u64 handle = block_take(self->client, self->id);

	ASSERT_NE(0, handle);
	ASSERT_EQ(0, block_free(self->client, handle));
	ASSERT_EQ(0, blocks_take(self->client, self->id, handles, 64, 0, NULL));
	for (int i = 0; i < 64; i++)
		EXPECT_EQ(1, times_block(self, "fixedpool_alloc", handles[i]));
	ASSERT_EQ(0, blocks_free(self->client, handles, 64, NULL));
	for (int i = 0; i < 64; i++)
		EXPECT_EQ(1, times_block(self, "fixedpool_free", handles[i]));
}

TEST_F(trace, shows_blocks_that_go_through_a_cache)
{
	__u32 blocks[100];
	struct fixedpool_cache_fill fill = {
		.pool = self->id,
		.count = 100,
		.blocks = (uintptr_t)blocks,
	};
	struct fixedpool_cache_drain drain = {
		.pool = self->id,
		.count = 100,
		.blocks = (uintptr_t)blocks,
	};

	if (variant->storage == FIXEDPOOL_STORAGE_SLAB)
		SKIP(return, "slab pools have no caches");
	ASSERT_EQ(0, call(self->client, FIXEDPOOL_IOC_CACHE_FILL, &fill));
	EXPECT_EQ(100, times(self->text, "fixedpool_alloc: pool=" POOL " "));
	ASSERT_EQ(0, call(self->client, FIXEDPOOL_IOC_CACHE_DRAIN, &drain));
	EXPECT_EQ(100, times(self->text, "fixedpool_free: pool=" POOL " "));
}

TEST_F(trace, shows_a_refusal_with_its_reason)
{
	__u64 handle = block_take(self->client, self->id);
	char line[128], byte;

	ASSERT_NE(0, handle);
	ASSERT_EQ(0, block_free(self->client, handle));
	ASSERT_EQ(EALREADY, block_free(self->client, handle));
	snprintf(line, sizeof(line), "fixedpool_refuse: pool=" POOL " handle=0x%llx error=%d\n",
		 (unsigned long long)handle, -EALREADY);
	EXPECT_EQ(1, times(self->text, line));
	ASSERT_EQ(ESTALE, block_read(self->client, handle, 0, &byte, 1));
	snprintf(line, sizeof(line), "fixedpool_refuse: pool=" POOL " handle=0x%llx error=%d\n",
		 (unsigned long long)handle, -ESTALE);
	EXPECT_EQ(1, times(self->text, line));
}

TEST_F(trace, shows_what_is_taken_back_from_who_leaves)
{
	int other = client_open();
	__u64 handles[70];
	char line[128];

	ASSERT_LE(0, other);
	ASSERT_EQ(0, pool_attach(other, POOL, NULL));
	ASSERT_EQ(0, blocks_take(other, self->id, handles, 70, 0, NULL));
	snprintf(line, sizeof(line), "fixedpool_reclaim: pool=" POOL " client=%u blocks=70\n",
		 client_number(other));
	EXPECT_EQ(0, times(self->text, line));
	close(other);
	EXPECT_EQ(1, times(self->text, line));
	EXPECT_EQ(1, times_block(self, "fixedpool_free", handles[69]));
}

TEST_F(trace, shows_what_is_taken_back_from_a_channel)
{
	int channel = channel_create(self->client, self->id, "end", 4,
				     FIXEDPOOL_CHANNEL_READ | FIXEDPOOL_CHANNEL_WRITE);
	__u64 handle = block_take(self->client, self->id);

	ASSERT_LE(0, channel);
	ASSERT_EQ(1, channel_write(channel, &handle, 1));
	EXPECT_EQ(0, times_block(self, "fixedpool_free", handle));
	close(channel);
	EXPECT_EQ(1, times(self->text, "fixedpool_reclaim: pool=" POOL " client=0 blocks=1\n"));
	EXPECT_EQ(1, times_block(self, "fixedpool_free", handle));
}

TEST_F(trace, shuts_magazines_only_as_long_as_it_is_on)
{
	__u64 handle;

	ASSERT_EQ(0, block_free(self->client, block_take(self->client, self->id)));
	EXPECT_EQ(0, sysfs_number(POOL, "cached"));
	ASSERT_TRUE(trace_switch("fixedpool_alloc", false));
	ASSERT_EQ(0, block_free(self->client, block_take(self->client, self->id)));
	EXPECT_EQ(0, sysfs_number(POOL, "cached"));
	ASSERT_TRUE(trace_switch("fixedpool_free", false));
	ASSERT_EQ(0, block_free(self->client, block_take(self->client, self->id)));
	EXPECT_LT(0, sysfs_number(POOL, "cached"));
	/* What lies there is seen again as soon as somebody looks. */
	ASSERT_TRUE(trace_switch("fixedpool_alloc", true));
	EXPECT_EQ(0, sysfs_number(POOL, "cached"));
	handle = block_take(self->client, self->id);
	ASSERT_NE(0, handle);
	EXPECT_EQ(1, times_block(self, "fixedpool_alloc", handle));
}

/* Milliseconds: more than a process can be kept from running. */
#define PATIENCE_MAX	100000

/* Whoever gets no further than the door in time has not waited, and is not shown. */
TEST_F(trace, shows_who_waits_in_vain)
{
	__u64 handles[BLOCKS];
	struct fixedpool_alloc alloc = {
		.pool = self->id,
		.flags = FIXEDPOOL_ALLOC_WAIT,
		.count = 2,
		.handles = (uintptr_t)handles,
	};
	unsigned int waits;
	char line[128];
	struct timespec time;

	for (unsigned int i = 0; i < BLOCKS; i += FIXEDPOOL_MAX_BATCH)
		ASSERT_EQ(0, blocks_take(self->client, self->id, handles + i,
					 FIXEDPOOL_MAX_BATCH, 0, NULL));
	EXPECT_EQ(0, times(self->text, "fixedpool_wait: "));
	snprintf(line, sizeof(line), "fixedpool_wait_end: pool=" POOL " result=%d\n", -ETIMEDOUT);
	for (__u64 patience = 0; patience < PATIENCE_MAX; patience = 2 * patience + 10) {
		clock_gettime(CLOCK_MONOTONIC, &time);
		alloc.timeout = time.tv_sec * 1000000000ULL + time.tv_nsec + patience * 1000000;
		ASSERT_EQ(ETIMEDOUT, call(self->client, FIXEDPOOL_IOC_ALLOC, &alloc));
		waits = times(self->text, "fixedpool_wait: pool=" POOL " min=2 max=2\n");
		EXPECT_EQ(waits, sysfs_number(POOL, "waits"));
		EXPECT_EQ(waits, times(self->text, line));
		EXPECT_TRUE(patience || !waits);
		if (waits)
			break;
	}
	EXPECT_EQ(1, waits);
}

TEST_F(trace, shows_a_pool_that_grows_and_shrinks)
{
	struct fixedpool_pool_create create = {
		.name = "traced-grows",
		.flags = FIXEDPOOL_POOL_AUTO_DESTROY,
		.block_size = 4096,
		.blocks = 1,
		.reserve = 1,
		.max_blocks = 2,
		.storage = variant->storage,
	};
	__u64 handles[2];

	ASSERT_EQ(0, call(self->client, FIXEDPOOL_IOC_POOL_CREATE, &create));
	ASSERT_EQ(0, blocks_take(self->client, create.id, handles, 1, 0, NULL));
	EXPECT_EQ(0, times(self->text, "fixedpool_grow: pool=traced-grows "));
	ASSERT_EQ(0, blocks_take(self->client, create.id, handles + 1, 1, 0, NULL));
	EXPECT_EQ(1, times(self->text, "fixedpool_grow: pool=traced-grows blocks=2\n"));
	ASSERT_EQ(0, blocks_free(self->client, handles, 2, NULL));
	EXPECT_EQ(0, times(self->text, "fixedpool_shrink: pool=traced-grows "));
	/* 4: no line in the log */
	ASSERT_TRUE(text_write("/proc/sys/vm/drop_caches", "4"));
	ASSERT_TRUE(text_write("/proc/sys/vm/drop_caches", "2"));
	EXPECT_EQ(1, times(self->text, "fixedpool_shrink: pool=traced-grows blocks=1\n"));
}

TEST_F(trace, shows_a_pool_made_meanwhile)
{
	__u32 id;

	ASSERT_EQ(0, pool_create(self->client, "traced-too", variant->storage, 64, BLOCKS, &id));
	ASSERT_EQ(0, block_free(self->client, block_take(self->client, id)));
	EXPECT_EQ(1, times(self->text, "fixedpool_alloc: pool=traced-too "));
	EXPECT_EQ(1, times(self->text, "fixedpool_free: pool=traced-too "));
}

static int play(int driver, const char *scenario, __u32 storage)
{
	struct fixedpool_client_run run = { .storage = storage };
	int error;

	snprintf(run.scenario, sizeof(run.scenario), "%s", scenario);
	error = call(driver, FIXEDPOOL_CLIENT_IOC_RUN, &run);
	if (error)
		fprintf(stderr, "# %s: %s\n", scenario, run.failure);
	return error;
}

TEST_F(trace, shows_what_modules_take_and_free_in_any_context)
{
	static const char *const scenarios[] = {
		"blocks_are_aligned_and_apart", "bulk_takes_what_there_is",
		"a_channel_carries_blocks_in_order", "a_block_is_freed_by_its_address",
		"a_size_is_served_by_the_smallest_pool_and_then_the_next",
		"a_mempool_holds_its_reserve", "a_pool_serves_a_hard_interrupt",
		"a_pool_serves_an_nmi",
	};
	int driver = open(FIXEDPOOL_CLIENT_DEVICE, O_RDWR | O_CLOEXEC);
	unsigned int taken;

	ASSERT_LE(0, driver);
	for (size_t i = 0; i < ARRAY_SIZE(scenarios); i++) {
		ASSERT_TRUE(text_write(BUFFER, ""));
		ASSERT_EQ(0, play(driver, scenarios[i], variant->storage));
		taken = times(self->text, "fixedpool_alloc: ");
		EXPECT_LT(0, taken) {
			TH_LOG("%s", scenarios[i]);
		}
		EXPECT_EQ(taken, times(self->text, "fixedpool_free: ")) {
			TH_LOG("%s", scenarios[i]);
		}
	}
	close(driver);
}

/*
 * Switching an event changes code that other processors execute. QEMU, where
 * each of them has a thread of its own, lets one run into the breakpoint of a
 * change that is over: it may translate the code again after it was told that
 * it changes, and before it does. Then the kernel panics, and rightly so.
 */
static bool code_may_change(void)
{
	unsigned int eax, name[4] = {};

	__cpuid(0x40000000, eax, name[0], name[1], name[2]);
	return strcmp((char *)name, "TCGTCGTCGTCG") != 0;
}

struct switcher {
	pthread_t thread;
	bool stop;
	unsigned int failed;
	unsigned int rounds;
};

static void *switch_on(void *argument)
{
	struct switcher *switcher = argument;

	while (!__atomic_load_n(&switcher->stop, __ATOMIC_RELAXED)) {
		switcher->failed += !trace_switch("fixedpool_alloc", switcher->rounds % 2);
		switcher->failed += !trace_switch("fixedpool_free", switcher->rounds / 2 % 2);
		__atomic_fetch_add(&switcher->rounds, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

TEST_F(trace, may_go_on_and_off_while_blocks_change_hands_in_every_context)
{
	int driver = open(FIXEDPOOL_CLIENT_DEVICE, O_RDWR | O_CLOEXEC);
	struct switcher switcher = {};

	if (!code_may_change())
		SKIP(return, "emulated processors do not see that code has changed");
	ASSERT_LE(0, driver);
	ASSERT_EQ(0, pthread_create(&switcher.thread, NULL, switch_on, &switcher));
	/* on a busy machine once may be over before anything is switched */
	do {
		ASSERT_EQ(0, play(driver, "threads_and_nmis_never_share_one_of_many_blocks",
				  variant->storage));
	} while (__atomic_load_n(&switcher.rounds, __ATOMIC_RELAXED) < 5);
	__atomic_store_n(&switcher.stop, true, __ATOMIC_RELAXED);
	ASSERT_EQ(0, pthread_join(switcher.thread, NULL));
	EXPECT_EQ(0, switcher.failed);
	close(driver);
}

TEST_HARNESS_MAIN
