// SPDX-License-Identifier: GPL-2.0
/*
 * What the calls of /dev/fixedpool cost a process: the time stamp counter
 * around many of them, the median of several batches. Where the counter counts
 * instructions, those of process and kernel together come out. Prints a line
 * for each figure, as selftests/bench/report.c does.
 *
 * A call to be measured is a line in the table of rows.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <x86intrin.h>

#include <linux/fixedpool.h>

#define POOL		"bench"
#define POOL_BLOCKS	65536U
#define BLOCK_SIZE	64U
#define BATCH		64U	/* handles in one call of the rows "-64" */
#define MAX_BATCHES	101U
#define CHANNEL_CAPACITY	1024U
#define MANY		1000000U	/* blocks that a scope gives back at once */
#define MANY_BATCH	1000U	/* handles in one call when they are taken */
#define WARM		2U	/* batches that do not count */

/**
 * struct bench - what the calls work on
 * @client: the client
 * @pool: its pool, of row.blocks blocks
 * @handles: room for that many handles, zero at first
 * @scope: a scope of the client, where the row has one
 * @channel: both ends of a channel of the pool, where the row has one
 */
struct bench {
	int client;
	__u32 pool;
	__u64 *handles;
	__u32 scope;
	int channel;
};

/**
 * struct row - a figure
 * @name: as in the report
 * @blocks: how many the pool has; zero: there is none
 * @batches: an odd number up to MAX_BATCHES
 * @rounds: how often @run is called in a batch
 * @units: what one @run is divided by: blocks, handles, pairs
 * @start: makes what the row needs besides; may be NULL
 * @before: before each batch, not measured; may be NULL
 * @run: what is measured
 * @after: after each batch, not measured; may be NULL
 * @end: undoes @start; may be NULL
 *
 * Each says whether it worked.
 */
struct row {
	const char *name;
	__u32 blocks;
	__u32 batches;
	__u32 rounds;
	__u32 units;
	bool (*start)(struct bench *bench);
	bool (*before)(struct bench *bench);
	bool (*run)(struct bench *bench);
	bool (*after)(struct bench *bench);
	bool (*end)(struct bench *bench);
};

static bool take(struct bench *bench, __u32 count)
{
	struct fixedpool_alloc alloc = {
		.pool = bench->pool,
		.count = count,
		.handles = (uintptr_t)bench->handles,
		.scope = bench->scope,
	};

	return !ioctl(bench->client, FIXEDPOOL_IOC_ALLOC, &alloc);
}

static bool give(struct bench *bench, __u32 count)
{
	struct fixedpool_free free = {
		.handles = (uintptr_t)bench->handles,
		.count = count,
	};

	return !ioctl(bench->client, FIXEDPOOL_IOC_FREE, &free);
}

/* The least that any call could cost: refused at once. */
static bool run_unknown(struct bench *bench)
{
	unsigned long unknown = _IO(FIXEDPOOL_IOC_MAGIC, 0xff);

	return ioctl(bench->client, unknown, NULL) == -1 &&
	       ioctl(bench->client, unknown, NULL) == -1 && errno == ENOTTY;
}

/* Calls that do nothing but copy a structure in and out. */
static bool run_query(struct bench *bench)
{
	struct fixedpool_query query = {};

	return !ioctl(bench->client, FIXEDPOOL_IOC_QUERY, &query) &&
	       !ioctl(bench->client, FIXEDPOOL_IOC_QUERY, &query);
}

static bool run_pair(struct bench *bench)
{
	return take(bench, 1) && give(bench, 1);
}

static bool run_batch(struct bench *bench)
{
	return take(bench, BATCH) && give(bench, BATCH);
}

static bool run_cache(struct bench *bench)
{
	struct fixedpool_cache_fill fill = {
		.pool = bench->pool,
		.count = BATCH,
		.blocks = (uintptr_t)bench->handles,
	};
	struct fixedpool_cache_drain drain = {
		.pool = bench->pool,
		.count = BATCH,
		.blocks = (uintptr_t)bench->handles,
	};

	return !ioctl(bench->client, FIXEDPOOL_IOC_CACHE_FILL, &fill) && fill.done == BATCH &&
	       !ioctl(bench->client, FIXEDPOOL_IOC_CACHE_DRAIN, &drain);
}

static bool start_channel(struct bench *bench)
{
	struct fixedpool_channel_create create = {
		.pool = bench->pool,
		.capacity = CHANNEL_CAPACITY,
		.flags = FIXEDPOOL_CHANNEL_READ | FIXEDPOOL_CHANNEL_WRITE,
	};

	if (ioctl(bench->client, FIXEDPOOL_IOC_CHANNEL_CREATE, &create))
		return false;
	bench->channel = create.fd;
	return take(bench, BATCH);
}

static bool run_channel(struct bench *bench)
{
	const ssize_t bytes = BATCH * sizeof(*bench->handles);

	return write(bench->channel, bench->handles, bytes) == bytes &&
	       read(bench->channel, bench->handles, bytes) == bytes;
}

static bool end_channel(struct bench *bench)
{
	return give(bench, BATCH) && !close(bench->channel);
}

static bool before_release(struct bench *bench)
{
	struct fixedpool_scope_create create = {};

	if (ioctl(bench->client, FIXEDPOOL_IOC_SCOPE_CREATE, &create))
		return false;
	bench->scope = create.scope;
	for (__u32 taken = 0; taken < MANY; taken += MANY_BATCH) {
		if (!take(bench, MANY_BATCH))
			return false;
	}
	return true;
}

static bool run_release(struct bench *bench)
{
	struct fixedpool_scope_release release = { .scope = bench->scope };

	return !ioctl(bench->client, FIXEDPOOL_IOC_SCOPE_RELEASE, &release) &&
	       release.blocks == MANY;
}

static const struct row rows[] = {
	{
		.name = "two-unknown",
		.batches = 101, .rounds = 128, .units = 1,
		.run = run_unknown,
	},
	{
		.name = "two-query",
		.batches = 101, .rounds = 128, .units = 1,
		.run = run_query,
	},
	{
		.name = "alloc-free",
		.blocks = POOL_BLOCKS,
		.batches = 101, .rounds = 128, .units = 1,
		.run = run_pair,
	},
	{
		.name = "alloc-free-64",
		.blocks = POOL_BLOCKS,
		.batches = 101, .rounds = 16, .units = BATCH,
		.run = run_batch,
	},
	{
		.name = "cache-64",
		.blocks = POOL_BLOCKS,
		.batches = 101, .rounds = 16, .units = BATCH,
		.run = run_cache,
	},
	{
		.name = "channel-64",
		.blocks = POOL_BLOCKS,
		.batches = 101, .rounds = 16, .units = BATCH,
		.start = start_channel, .run = run_channel, .end = end_channel,
	},
	{
		.name = "scope-release",
		.blocks = MANY,
		.batches = 5, .rounds = 1, .units = MANY,
		.before = before_release, .run = run_release,
	},
};

static int compare(const void *a, const void *b)
{
	unsigned long long left = *(const unsigned long long *)a;
	unsigned long long right = *(const unsigned long long *)b;

	return left < right ? -1 : left > right;
}

static bool batch(const struct row *row, struct bench *bench, unsigned long long *ticks)
{
	unsigned long long start;

	if (row->before && !row->before(bench))
		return false;
	start = __rdtsc();
	for (__u32 i = 0; i < row->rounds; i++) {
		if (!row->run(bench))
			return false;
	}
	*ticks = __rdtsc() - start;
	return !row->after || row->after(bench);
}

static bool measure(const struct row *row, struct bench *bench)
{
	unsigned long long ticks[WARM + MAX_BATCHES];
	unsigned long long total = (unsigned long long)row->rounds * row->units;
	unsigned long long median;

	for (__u32 i = 0; i < WARM + row->batches; i++) {
		if (!batch(row, bench, &ticks[i]))
			return false;
	}
	qsort(ticks + WARM, row->batches, sizeof(*ticks), compare);
	median = ticks[WARM + row->batches / 2] * 1000 / total;
	printf("row ioctl %s %llu.%03llu\n", row->name, median / 1000, median % 1000);
	return true;
}

static bool pool_create(struct bench *bench, __u32 blocks)
{
	struct fixedpool_pool_create create = {
		.name = POOL,
		.block_size = BLOCK_SIZE,
		.blocks = blocks,
		.flags = FIXEDPOOL_POOL_AUTO_DESTROY,
	};

	if (ioctl(bench->client, FIXEDPOOL_IOC_POOL_CREATE, &create))
		return false;
	bench->pool = create.id;
	return true;
}

/* A client and a pool of its own for each row, gone with the descriptor. */
static bool measure_row(const struct row *row)
{
	struct bench bench = { .client = open(FIXEDPOOL_DEVICE, O_RDWR | O_CLOEXEC) };
	bool ok;

	if (bench.client < 0)
		return false;
	bench.handles = calloc(row->blocks + 1, sizeof(*bench.handles));
	ok = bench.handles && (!row->blocks || pool_create(&bench, row->blocks)) &&
	     (!row->start || row->start(&bench)) && measure(row, &bench) &&
	     (!row->end || row->end(&bench));
	free(bench.handles);
	if (close(bench.client))
		return false;
	return ok;
}

static bool pool_bytes(unsigned long long *bytes)
{
	FILE *file = fopen("/sys/class/fixedpool/" POOL "/bytes", "r");
	bool ok;

	if (!file)
		return false;
	ok = fscanf(file, "%llu", bytes) == 1;
	fclose(file);
	return ok;
}

static void print_bytes(const char *name, unsigned long long bytes)
{
	printf("row memory %s %llu.%03llu\n", name, bytes / POOL_BLOCKS,
	       bytes % POOL_BLOCKS * 1000 / POOL_BLOCKS);
}

/*
 * What a block takes beyond its bytes: what the module keeps about it, and what
 * lies unused around it.
 */
static bool measure_memory(void)
{
	struct bench bench = { .client = open(FIXEDPOOL_DEVICE, O_RDWR | O_CLOEXEC) };
	struct fixedpool_pool_info info = {};
	unsigned long long bytes;

	if (bench.client < 0 || !pool_create(&bench, POOL_BLOCKS) || !pool_bytes(&bytes))
		return false;
	info.id = bench.pool;
	if (ioctl(bench.client, FIXEDPOOL_IOC_POOL_INFO, &info))
		return false;
	print_bytes("metadata", bytes - info.data_length);
	print_bytes("padding",
		    info.data_length - (unsigned long long)info.block_size * info.blocks);
	return !close(bench.client);
}

int main(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (!measure_row(&rows[i])) {
			fprintf(stderr, "ioctl_bench: %s: %s\n", rows[i].name, strerror(errno));
			return EXIT_FAILURE;
		}
	}
	if (!measure_memory()) {
		fprintf(stderr, "ioctl_bench: memory: %s\n", strerror(errno));
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}
