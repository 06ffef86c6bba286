// SPDX-License-Identifier: GPL-2.0
/*
 * Calls at random, from plausible to nonsense, in a process that has the
 * device and nothing else. Whatever is answered, afterwards everything that it
 * had is back, and a client that was there before has lost nothing.
 *
 *   FIXEDPOOL_FUZZ   calls of each test, default 8000
 *   FIXEDPOOL_SEED   to do it again
 */
#include "fixedpool_test.h"

#include <dirent.h>
#include <linux/capability.h>
#include <sys/eventfd.h>

#define BLOCKS 48
#define HELD 16
#define SIZE 200
#define CLIENTS 3
#define NAMES 6
#define REMEMBERED 64
#define SCOPES 8
#define CHANNELS 6
#define MINE (FIXEDPOOL_CHECK_ALIVE | FIXEDPOOL_CHECK_MINE)

/* Bytes that one fuzzing process may have in pools. */
#define MEMLOCK (24 << 20)

FIXTURE(fuzz)
{
	int client;
	__u32 id;
	struct fixedpool_pool_info info;
	__u64 handles[HELD];
	unsigned int pools;
};

FIXTURE_VARIANT(fuzz)
{
	__u32 storage;
	bool threads;
};

FIXTURE_VARIANT_ADD(fuzz, pages) { .storage = FIXEDPOOL_STORAGE_PAGES };
FIXTURE_VARIANT_ADD(fuzz, slab) { .storage = FIXEDPOOL_STORAGE_SLAB };
FIXTURE_VARIANT_ADD(fuzz, pages_with_threads) { .threads = true };

static unsigned int pools_there_are(void)
{
	DIR *directory = opendir("/sys/class/fixedpool");
	struct dirent *entry;
	unsigned int count = 0;

	while (directory && (entry = readdir(directory)))
		count += entry->d_name[0] != '.';
	if (directory)
		closedir(directory);
	return count;
}

static void name_number(char *name, unsigned int i)
{
	snprintf(name, FIXEDPOOL_NAME_SIZE, "fuzz-%u", i % NAMES);
}

FIXTURE_SETUP(fuzz)
{
	char bytes[SIZE];

	self->client = client_open();
	ASSERT_LE(0, self->client);
	self->pools = pools_there_are();
	ASSERT_EQ(0, pool_create(self->client, "fuzz", variant->storage, SIZE, BLOCKS, &self->id));
	ASSERT_EQ(0, pool_info(self->client, self->id, &self->info));
	ASSERT_EQ(0, blocks_take(self->client, self->id, self->handles, HELD, 0, NULL));
	for (int i = 0; i < HELD; i++) {
		memset(bytes, 'A' + i, SIZE);
		ASSERT_EQ(0, block_write(self->client, self->handles[i], 0, bytes, SIZE));
	}
}

/* What was there before the calls is as it was, and nothing else is there. */
FIXTURE_TEARDOWN(fuzz)
{
	struct fixedpool_query query = {};
	char name[FIXEDPOOL_NAME_SIZE], bytes[SIZE];

	EXPECT_TRUE(EVENTUALLY(pool_clients(self->client, self->id) == 1));
	EXPECT_EQ(HELD, pool_in_use(self->client, self->id));
	for (int i = 0; i < HELD; i++) {
		EXPECT_EQ(MINE, block_check(self->client, self->handles[i]));
		EXPECT_EQ(0, block_read(self->client, self->handles[i], 0, bytes, SIZE));
		EXPECT_EQ('A' + i, bytes[0]);
		EXPECT_EQ('A' + i, bytes[SIZE - 1]);
	}
	EXPECT_TRUE(pool_has_free(self->client, self->id, BLOCKS - HELD));
	EXPECT_EQ(0, blocks_free(self->client, self->handles, HELD, NULL));
	EXPECT_TRUE(pool_has_free(self->client, self->id, BLOCKS));

	/* Pools that outlive their clients have all blocks, too. */
	for (int i = 0; i < NAMES; i++) {
		struct fixedpool_pool_info info;
		__u32 id;

		name_number(name, i);
		if (pool_attach(self->client, name, &id))
			continue;
		EXPECT_EQ(0, pool_info(self->client, id, &info));
		EXPECT_EQ(0, info.in_use);
		EXPECT_EQ(1, info.clients);
		/* one that can grow does so when it is asked for more */
		if (info.blocks <= FIXEDPOOL_MAX_BATCH && info.blocks == info.max_blocks) {
			EXPECT_TRUE(pool_has_free(self->client, id, info.blocks));
		}
		EXPECT_EQ(0, pool_destroy(self->client, name));
	}
	EXPECT_EQ(0, call(self->client, FIXEDPOOL_IOC_QUERY, &query));
	EXPECT_EQ(FIXEDPOOL_ABI_VERSION, query.abi_version);
	close(self->client);
	EXPECT_EQ(self->pools, pools_there_are());
}

/* What one thread of calls works with. */
struct fuzzer {
	__u64 state;
	int clients[CLIENTS];
	__u32 numbers[CLIENTS];
	__u32 bystander;
	__u32 pools[REMEMBERED];
	__u64 handles[REMEMBERED];
	__u32 scopes[SCOPES];
	int channels[CHANNELS];
	int event;
	__u64 array[FIXEDPOOL_MAX_BATCH];
	struct fixedpool_pool_info info;
	unsigned int calls;
	unsigned int good;
};

static __u64 any(struct fuzzer *fuzzer, __u64 below)
{
	return random_next(&fuzzer->state) % below;
}

/* One of the values that checks are made of. */
static __u64 odd_value(struct fuzzer *fuzzer)
{
	static const __u64 values[] = { 0, 1, 2, 7, 8, 63, 64, 65, 255, 1023, 1024, 1025, 4095,
					4096, 4097, 65535, 65536, 1 << 20, 4 << 20, 0x7fffffff,
					0x80000000, 0xffffffff, 0x100000000ULL,
					0x7fffffffffffffffULL, 0xffff888000000000ULL, ~0ULL };
	__u64 value = values[any(fuzzer, ARRAY_SIZE(values))];

	return any(fuzzer, 4) ? value : random_next(&fuzzer->state) >> any(fuzzer, 64);
}

/* Mostly what makes sense, sometimes not. */
static __u64 mostly(struct fuzzer *fuzzer, __u64 value)
{
	return any(fuzzer, 8) ? value : odd_value(fuzzer);
}

static __u64 some_pointer(struct fuzzer *fuzzer)
{
	return mostly(fuzzer, (uintptr_t)fuzzer->array);
}

static __u64 some_handle(struct fuzzer *fuzzer)
{
	__u64 handle = fuzzer->handles[any(fuzzer, REMEMBERED)];

	return any(fuzzer, 6) ? handle : handle + (any(fuzzer, 5) << 32) + any(fuzzer, 3);
}

static __u32 some_pool(struct fuzzer *fuzzer)
{
	return mostly(fuzzer, fuzzer->pools[any(fuzzer, REMEMBERED)]);
}

/* Half of the time the root. */
static __u32 some_scope(struct fuzzer *fuzzer)
{
	return any(fuzzer, 2) ? 0 : mostly(fuzzer, fuzzer->scopes[any(fuzzer, SCOPES)]);
}

static void some_name(struct fuzzer *fuzzer, char *name)
{
	if (any(fuzzer, 12) == 0)
		memset(name, odd_value(fuzzer), FIXEDPOOL_NAME_SIZE);
	else
		name_number(name, any(fuzzer, NAMES));
}

union argument {
	struct fixedpool_query query;
	struct fixedpool_pool_create create;
	struct fixedpool_pool_attach attach;
	struct fixedpool_pool_detach detach;
	struct fixedpool_pool_destroy destroy;
	struct fixedpool_pool_info info;
	struct fixedpool_alloc alloc;
	struct fixedpool_free free;
	struct fixedpool_check check;
	struct fixedpool_read read;
	struct fixedpool_give give;
	struct fixedpool_scope_create scope_create;
	struct fixedpool_scope_release scope_release;
	struct fixedpool_cache_fill cache;
	struct fixedpool_channel_create channel_create;
	struct fixedpool_channel_open channel_open;
	struct fixedpool_set_create set_create;
	struct fixedpool_set_destroy set_destroy;
	struct fixedpool_watch watch;
	unsigned char bytes[512];
};

static void fill(struct fuzzer *fuzzer, unsigned int number, union argument *argument)
{
	memset(argument, 0, sizeof(*argument));
	switch (number) {
	case _IOC_NR(FIXEDPOOL_IOC_POOL_CREATE):
		some_name(fuzzer, argument->create.name);
		argument->create.block_size = mostly(fuzzer, 1 + any(fuzzer, 10000));
		argument->create.align = mostly(fuzzer, 1U << any(fuzzer, 13));
		argument->create.blocks = mostly(fuzzer, 1 + any(fuzzer, 200));
		argument->create.reserve = mostly(fuzzer, 0);
		argument->create.storage = mostly(fuzzer, any(fuzzer, 2));
		argument->create.flags = mostly(fuzzer, any(fuzzer, 2));
		argument->create.mode = mostly(fuzzer, 0666);
		break;
	case _IOC_NR(FIXEDPOOL_IOC_POOL_ATTACH):
	case _IOC_NR(FIXEDPOOL_IOC_POOL_DESTROY):
		some_name(fuzzer, argument->attach.name);
		break;
	case _IOC_NR(FIXEDPOOL_IOC_POOL_DETACH):
	case _IOC_NR(FIXEDPOOL_IOC_POOL_INFO):
		argument->detach.id = some_pool(fuzzer);
		break;
	case _IOC_NR(FIXEDPOOL_IOC_ALLOC):
		argument->alloc.pool = some_pool(fuzzer);
		argument->alloc.flags = mostly(fuzzer, any(fuzzer, 8));
		if (argument->alloc.flags & FIXEDPOOL_ALLOC_WAIT)
			argument->alloc.timeout = random_next(&fuzzer->state);
		argument->alloc.count = mostly(fuzzer, 1 + any(fuzzer, 40));
		argument->alloc.handles = some_pointer(fuzzer);
		argument->alloc.scope = some_scope(fuzzer);
		if (any(fuzzer, 4) == 0) {
			/* numbers of sets begin at 1 */
			argument->alloc.flags |= FIXEDPOOL_ALLOC_BY_SIZE;
			argument->alloc.pool = mostly(fuzzer, 1 + any(fuzzer, 50));
			argument->alloc.size = mostly(fuzzer, 1 + any(fuzzer, 10000));
		}
		break;
	case _IOC_NR(FIXEDPOOL_IOC_FREE):
		for (size_t i = 0; i < 10; i++)
			fuzzer->array[i] = some_handle(fuzzer);
		argument->free.handles = some_pointer(fuzzer);
		argument->free.count = mostly(fuzzer, 1 + any(fuzzer, 10));
		break;
	case _IOC_NR(FIXEDPOOL_IOC_CHECK):
		argument->check.handle = some_handle(fuzzer);
		break;
	case _IOC_NR(FIXEDPOOL_IOC_READ):
	case _IOC_NR(FIXEDPOOL_IOC_WRITE):
		argument->read.handle = some_handle(fuzzer);
		argument->read.buffer = some_pointer(fuzzer);
		argument->read.offset = mostly(fuzzer, any(fuzzer, 100));
		argument->read.length = mostly(fuzzer, any(fuzzer, 100));
		break;
	case _IOC_NR(FIXEDPOOL_IOC_GIVE):
	case _IOC_NR(FIXEDPOOL_IOC_SHARE):
		for (size_t i = 0; i < 10; i++)
			fuzzer->array[i] = some_handle(fuzzer);
		argument->give.handles = some_pointer(fuzzer);
		argument->give.count = mostly(fuzzer, 1 + any(fuzzer, 10));
		argument->give.client = mostly(fuzzer, fuzzer->numbers[any(fuzzer, CLIENTS)]);
		/* he is to have what he had, and no more */
		if (argument->give.client == fuzzer->bystander)
			argument->give.client = 0;
		break;
	case _IOC_NR(FIXEDPOOL_IOC_SCOPE_CREATE):
		argument->scope_create.parent = some_scope(fuzzer);
		break;
	case _IOC_NR(FIXEDPOOL_IOC_SCOPE_RELEASE):
		argument->scope_release.scope = some_scope(fuzzer);
		argument->scope_release.flags = mostly(fuzzer, any(fuzzer, 2));
		break;
	case _IOC_NR(FIXEDPOOL_IOC_CACHE_FILL):
	case _IOC_NR(FIXEDPOOL_IOC_CACHE_DRAIN):
		for (size_t i = 0; i < 64; i++)
			((__u32 *)fuzzer->array)[i] = mostly(fuzzer, any(fuzzer, 200));
		argument->cache.pool = some_pool(fuzzer);
		argument->cache.count = mostly(fuzzer, 1 + any(fuzzer, 64));
		argument->cache.blocks = some_pointer(fuzzer);
		break;
	case _IOC_NR(FIXEDPOOL_IOC_WATCH):
		argument->watch.pool = some_pool(fuzzer);
		argument->watch.flags = mostly(fuzzer, any(fuzzer, 2));
		if (argument->watch.flags & FIXEDPOOL_WATCH_REMOVE) {
			argument->watch.id = mostly(fuzzer, 1 + any(fuzzer, 20));
			break;
		}
		argument->watch.low = mostly(fuzzer, any(fuzzer, 100));
		argument->watch.high = mostly(fuzzer, any(fuzzer, 200));
		argument->watch.fd = mostly(fuzzer, fuzzer->event);
		break;
	case _IOC_NR(FIXEDPOOL_IOC_CHANNEL_CREATE):
		if (any(fuzzer, 2))
			some_name(fuzzer, argument->channel_create.name);
		argument->channel_create.pool = some_pool(fuzzer);
		argument->channel_create.capacity = mostly(fuzzer, 1 + any(fuzzer, 100));
		argument->channel_create.flags = mostly(fuzzer, any(fuzzer, 4)) |
						 FIXEDPOOL_CHANNEL_NONBLOCK;
		break;
	case _IOC_NR(FIXEDPOOL_IOC_CHANNEL_OPEN):
		some_name(fuzzer, argument->channel_open.name);
		argument->channel_open.pool = some_pool(fuzzer);
		argument->channel_open.flags = mostly(fuzzer, any(fuzzer, 4)) |
					       FIXEDPOOL_CHANNEL_NONBLOCK;
		break;
	case _IOC_NR(FIXEDPOOL_IOC_SET_CREATE):
		some_name(fuzzer, argument->set_create.name);
		for (size_t i = 0; i < 4; i++)
			((__u32 *)fuzzer->array)[i] = some_pool(fuzzer);
		argument->set_create.count = mostly(fuzzer, any(fuzzer, 4));
		if (argument->set_create.count)
			argument->set_create.pools = some_pointer(fuzzer);
		break;
	case _IOC_NR(FIXEDPOOL_IOC_SET_DESTROY):
		if (any(fuzzer, 2))
			some_name(fuzzer, argument->set_destroy.name);
		else
			argument->set_destroy.id = mostly(fuzzer, 1 + any(fuzzer, 50));
		break;
	}
}

/* One descriptor more means one less; and no call ever waits. */
static void remember_channel(struct fuzzer *fuzzer, int channel)
{
	int *place = &fuzzer->channels[any(fuzzer, CHANNELS)];

	REQUIRE(!fcntl(channel, F_SETFL, O_NONBLOCK));
	if (*place >= 0)
		close(*place);
	*place = channel;
}

static void remember(struct fuzzer *fuzzer, unsigned int number, const union argument *argument)
{
	switch (number) {
	case _IOC_NR(FIXEDPOOL_IOC_POOL_CREATE):
		fuzzer->pools[any(fuzzer, REMEMBERED)] = argument->create.id;
		break;
	case _IOC_NR(FIXEDPOOL_IOC_POOL_ATTACH):
		fuzzer->pools[any(fuzzer, REMEMBERED)] = argument->attach.id;
		break;
	case _IOC_NR(FIXEDPOOL_IOC_POOL_INFO):
		fuzzer->info = argument->info;
		break;
	case _IOC_NR(FIXEDPOOL_IOC_ALLOC):
		if (argument->alloc.handles != (uintptr_t)fuzzer->array)
			break;
		for (__u32 i = 0; i < argument->alloc.done && i < REMEMBERED; i++)
			fuzzer->handles[any(fuzzer, REMEMBERED)] = fuzzer->array[i];
		break;
	case _IOC_NR(FIXEDPOOL_IOC_SCOPE_CREATE):
		fuzzer->scopes[any(fuzzer, SCOPES)] = argument->scope_create.scope;
		break;
	case _IOC_NR(FIXEDPOOL_IOC_CHANNEL_CREATE):
		remember_channel(fuzzer, argument->channel_create.fd);
		break;
	case _IOC_NR(FIXEDPOOL_IOC_CHANNEL_OPEN):
		remember_channel(fuzzer, argument->channel_open.fd);
		break;
	}
}

/*
 * Of 32 bits a pointer that was made up, or spoilt, soon leads to the fuzzer's
 * own memory, and the kernel would write there: let it lead nowhere. Nobody frees
 * anything while the fuzzer waits for it: let it not wait for long.
 */
static void tame(struct fuzzer *fuzzer, unsigned int number, union argument *argument)
{
	__u64 *to = NULL;

	if (number == _IOC_NR(FIXEDPOOL_IOC_ALLOC))
		to = (__u64 *)&argument->alloc.handles;
	else if (number == _IOC_NR(FIXEDPOOL_IOC_READ))
		to = (__u64 *)&argument->read.buffer;
	else if (number == _IOC_NR(FIXEDPOOL_IOC_CACHE_FILL))
		to = (__u64 *)&argument->cache.blocks;
	if (number == _IOC_NR(FIXEDPOOL_IOC_ALLOC) && argument->alloc.timeout) {
		struct timespec time;

		clock_gettime(CLOCK_MONOTONIC, &time);
		argument->alloc.timeout = time.tv_sec * 1000000000ULL + time.tv_nsec +
					  argument->alloc.timeout % 1000000;
	}
	if (to && sizeof(long) < 8 && *to != (uintptr_t)fuzzer->array && *to > 4 << 20)
		*to |= 1ULL << 32;
}

static void call_something(struct fuzzer *fuzzer)
{
	static const unsigned int sizes[] = {
		[_IOC_NR(FIXEDPOOL_IOC_QUERY)] = sizeof(struct fixedpool_query),
		[_IOC_NR(FIXEDPOOL_IOC_POOL_CREATE)] = sizeof(struct fixedpool_pool_create),
		[_IOC_NR(FIXEDPOOL_IOC_POOL_ATTACH)] = sizeof(struct fixedpool_pool_attach),
		[_IOC_NR(FIXEDPOOL_IOC_POOL_DETACH)] = sizeof(struct fixedpool_pool_detach),
		[_IOC_NR(FIXEDPOOL_IOC_POOL_DESTROY)] = sizeof(struct fixedpool_pool_destroy),
		[_IOC_NR(FIXEDPOOL_IOC_POOL_INFO)] = sizeof(struct fixedpool_pool_info),
		[_IOC_NR(FIXEDPOOL_IOC_ALLOC)] = sizeof(struct fixedpool_alloc),
		[_IOC_NR(FIXEDPOOL_IOC_FREE)] = sizeof(struct fixedpool_free),
		[_IOC_NR(FIXEDPOOL_IOC_CHECK)] = sizeof(struct fixedpool_check),
		[_IOC_NR(FIXEDPOOL_IOC_READ)] = sizeof(struct fixedpool_read),
		[_IOC_NR(FIXEDPOOL_IOC_WRITE)] = sizeof(struct fixedpool_write),
		[_IOC_NR(FIXEDPOOL_IOC_GIVE)] = sizeof(struct fixedpool_give),
		[_IOC_NR(FIXEDPOOL_IOC_SHARE)] = sizeof(struct fixedpool_share),
		[_IOC_NR(FIXEDPOOL_IOC_SCOPE_CREATE)] = sizeof(struct fixedpool_scope_create),
		[_IOC_NR(FIXEDPOOL_IOC_SCOPE_RELEASE)] = sizeof(struct fixedpool_scope_release),
		[_IOC_NR(FIXEDPOOL_IOC_SET_CREATE)] = sizeof(struct fixedpool_set_create),
		[_IOC_NR(FIXEDPOOL_IOC_SET_DESTROY)] = sizeof(struct fixedpool_set_destroy),
		[_IOC_NR(FIXEDPOOL_IOC_CHANNEL_CREATE)] = sizeof(struct fixedpool_channel_create),
		[_IOC_NR(FIXEDPOOL_IOC_CHANNEL_OPEN)] = sizeof(struct fixedpool_channel_open),
		[_IOC_NR(FIXEDPOOL_IOC_CACHE_FILL)] = sizeof(struct fixedpool_cache_fill),
		[_IOC_NR(FIXEDPOOL_IOC_CACHE_DRAIN)] = sizeof(struct fixedpool_cache_drain),
		[_IOC_NR(FIXEDPOOL_IOC_WATCH)] = sizeof(struct fixedpool_watch),
	};
	unsigned int number = any(fuzzer, ARRAY_SIZE(sizes)), size, type = FIXEDPOOL_IOC_MAGIC;
	int client = fuzzer->clients[any(fuzzer, CLIENTS)];
	unsigned int skip = number == _IOC_NR(FIXEDPOOL_IOC_POOL_CREATE) ? 32 : 0;
	union argument argument;
	void *at = &argument;

	fill(fuzzer, number, &argument);
	size = sizes[number];
	switch (any(fuzzer, 40)) {
	case 0:		/* another size */
		size = any(fuzzer, sizeof(argument));
		break;
	case 1:		/* another command */
		number = any(fuzzer, 256);
		size = any(fuzzer, 1 << 14);
		at = NULL;
		break;
	/* Names are left alone, or a pool could be left over that nobody knows. */
	case 2:		/* bytes that are something else, pointers included */
		for (int i = any(fuzzer, 4); i >= 0; i--)
			argument.bytes[skip + any(fuzzer, 112)] = odd_value(fuzzer);
		break;
	case 3:		/* all of them */
		for (size_t i = skip; i < 144; i++)
			argument.bytes[i] = random_next(&fuzzer->state);
		break;
	case 4:		/* nowhere */
		at = sizeof(long) < 8 ? NULL : (void *)(uintptr_t)odd_value(fuzzer);
		break;
	case 5:
		type = any(fuzzer, 256);
		break;
	}
	tame(fuzzer, number, &argument);
	if (at != &argument && number == _IOC_NR(FIXEDPOOL_IOC_POOL_CREATE))
		at = NULL;
	if (type == FIXEDPOOL_IOC_MAGIC && !call(client, _IOC(any(fuzzer, 4), type, number, size),
						 at)) {
		fuzzer->good++;
		if (at == &argument)
			remember(fuzzer, number, &argument);
	}
}

/* Handles, and what is none, through whatever channel there is. */
static void queue_something(struct fuzzer *fuzzer)
{
	int channel = fuzzer->channels[any(fuzzer, CHANNELS)];
	size_t bytes = mostly(fuzzer, 8 * any(fuzzer, 100)) % (sizeof(fuzzer->array) + 8);
	void *array = any(fuzzer, 8) ? fuzzer->array : NULL;

	if (channel < 0)
		return;
	if (any(fuzzer, 2)) {
		fuzzer->good += read(channel, array, bytes % sizeof(fuzzer->array)) > 0;
	} else {
		for (size_t i = 0; i < 100; i++)
			fuzzer->array[i] = some_handle(fuzzer);
		fuzzer->good += write(channel, array, bytes) > 0;
	}
}

static void map_something(struct fuzzer *fuzzer)
{
	const struct fixedpool_pool_info *info = &fuzzer->info;
	__u64 offset = any(fuzzer, 2) ? info->data_offset : info->versions_offset;
	size_t length = mostly(fuzzer, any(fuzzer, 2) ? info->data_length : PAGE) % (64 << 20);
	volatile char *data;

	offset = mostly(fuzzer, offset + any(fuzzer, 8) * PAGE) / PAGE * PAGE;
	data = mmap(NULL, length, mostly(fuzzer, PROT_READ | PROT_WRITE) & 7,
		    any(fuzzer, 8) ? MAP_SHARED : MAP_PRIVATE,
		    fuzzer->clients[any(fuzzer, CLIENTS)], offset);
	if (data == MAP_FAILED)
		return;
	fuzzer->good++;
	switch (any(fuzzer, 4)) {
	case 0:
		madvise((void *)data, length, MADV_DONTNEED);
		break;
	case 1:
		munmap((char *)data + length / 2 / PAGE * PAGE, PAGE);
		break;
	case 2:
		mprotect((void *)data, length, any(fuzzer, 8));
		break;
	}
	if (any(fuzzer, 8))
		munmap((void *)data, length);
}

static void reopen_something(struct fuzzer *fuzzer)
{
	int which = any(fuzzer, CLIENTS), client = client_open();

	/* Under the same number, so that another thread may be in the middle of a call. */
	REQUIRE(client >= 0 && dup2(client, fuzzer->clients[which]) >= 0);
	close(client);
	fuzzer->numbers[which] = client_number(fuzzer->clients[which]);
}

static void *fuzz(void *argument)
{
	struct fuzzer *fuzzer = argument;

	for (unsigned int i = 0; i < fuzzer->calls; i++) {
		switch (any(fuzzer, 100)) {
		case 0:
		case 1:
		case 2:
			map_something(fuzzer);
			break;
		case 3:
			reopen_something(fuzzer);
			break;
		case 4:
		case 5:
		case 6:
		case 7:
			queue_something(fuzzer);
			break;
		default:
			call_something(fuzzer);
		}
	}
	return NULL;
}

/* In a child: no capability but to open the device, and little memory. */
static void confine(void)
{
	const struct rlimit memlock = { MEMLOCK, MEMLOCK };
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	REQUIRE(!setrlimit(RLIMIT_MEMLOCK, &memlock));
	REQUIRE(!syscall(SYS_capget, &header, data));
	data[0].effective &= ~(1U << CAP_IPC_LOCK | 1U << CAP_DAC_OVERRIDE);
	REQUIRE(!syscall(SYS_capset, &header, data));
}

TEST_F_TIMEOUT(fuzz, leaves_nothing_behind, 600)
{
	unsigned int calls = rounds_wanted("FIXEDPOOL_FUZZ", 8000);
	__u64 seed = random_seed();
	pid_t child;

	TH_LOG("FIXEDPOOL_SEED=%llu FIXEDPOOL_FUZZ=%u", seed, calls);
	child = fork();
	if (child == 0) {
		static struct fuzzer fuzzers[2];
		pthread_t thread;

		fuzzers[0].bystander = client_number(self->client);
		close(self->client);
		confine();
		fuzzers[0].state = seed;
		fuzzers[0].calls = variant->threads ? calls / 2 : calls;
		for (int i = 0; i < CLIENTS; i++) {
			fuzzers[0].clients[i] = client_open();
			REQUIRE(fuzzers[0].clients[i] >= 0);
			fuzzers[0].numbers[i] = client_number(fuzzers[0].clients[i]);
			REQUIRE(!pool_attach(fuzzers[0].clients[i], "fuzz", &fuzzers[0].pools[i]));
		}
		for (int i = 0; i < CHANNELS; i++)
			fuzzers[0].channels[i] = -1;
		fuzzers[0].event = eventfd(0, EFD_CLOEXEC);
		REQUIRE(fuzzers[0].event >= 0);
		fuzzers[0].info = self->info;
		/* It knows what the bystander holds. */
		memcpy(fuzzers[0].handles, self->handles, sizeof(self->handles));
		fuzzers[1] = fuzzers[0];
		fuzzers[1].state = ~seed;
		if (variant->threads)
			REQUIRE(!pthread_create(&thread, NULL, fuzz, &fuzzers[1]));
		fuzz(&fuzzers[0]);
		if (variant->threads)
			REQUIRE(!pthread_join(thread, NULL));
		/* Enough of it made sense. */
		REQUIRE(fuzzers[0].good > fuzzers[0].calls / 20);
		_exit(0);
	}
	EXPECT_EQ(0, child_verdict(child));
}

TEST_HARNESS_MAIN
