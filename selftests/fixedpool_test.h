/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the kselftest programs of fixedpool share: calls that return 0 or an
 * errno, a pool with defaults, one block taken and freed, a sysfs value, the
 * verdict of a child. Include it first.
 */
#ifndef FIXEDPOOL_TEST_H
#define FIXEDPOOL_TEST_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#ifndef _FILE_OFFSET_BITS
#define _FILE_OFFSET_BITS 64
#endif

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

/* The harness compares int with unsigned, leaves parameters unused, longjmps. */
#pragma GCC diagnostic ignored "-Wclobbered"
#pragma GCC diagnostic ignored "-Wsign-compare"
#pragma GCC diagnostic ignored "-Wunused-parameter"
#include "kselftest_harness.h"

/* Seconds a test may take: enough for a debug kernel on an emulated machine. */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 240

#include <linux/fixedpool.h>

#define PAGE ((size_t)sysconf(_SC_PAGESIZE))

/* In a child process, where ASSERT_* would return into the harness. */
#define REQUIRE(condition) do {							\
	if (!(condition)) {							\
		fprintf(stderr, "# %s:%d:child: not so: %s (errno %d)\n",	\
			__FILE__, __LINE__, #condition, errno);			\
		_exit(KSFT_FAIL);						\
	}									\
} while (0)

/* True as soon as @condition is, false if it is not within a minute or so. */
#define EVENTUALLY(condition) ({						\
	bool holds_ = (condition);						\
	for (int tries_ = 0; !holds_ && tries_ < 60000; tries_++) {		\
		usleep(1000);							\
		holds_ = (condition);						\
	}									\
	holds_;									\
})

static inline int call(int client, unsigned long command, void *argument)
{
	int result = ioctl(client, command, argument);

	if (result == -1)
		return errno;
	return result ? -1 : 0;
}

static inline int client_open(void)
{
	return open(FIXEDPOOL_DEVICE, O_RDWR | O_CLOEXEC);
}

/* The client's number; 0 if it cannot be had. */
static inline __u32 client_number(int client)
{
	struct fixedpool_query query = {};

	return call(client, FIXEDPOOL_IOC_QUERY, &query) ? 0 : query.client;
}

/* At most FIXEDPOOL_NAME_SIZE - 1 characters, into a field of zeroes. */
static inline void name_set(char *field, const char *name)
{
	memcpy(field, name, strnlen(name, FIXEDPOOL_NAME_SIZE - 1));
}

/* 16 pages blocks of 256 bytes, gone with the last client. */
static inline struct fixedpool_pool_create pool_parameters(const char *name)
{
	struct fixedpool_pool_create parameters = {
		.block_size = 256,
		.blocks = 16,
		.flags = FIXEDPOOL_POOL_AUTO_DESTROY,
	};

	name_set(parameters.name, name);
	return parameters;
}

static inline int pool_create(int client, const char *name, __u32 storage, __u32 block_size,
			      __u32 blocks, __u32 *id)
{
	struct fixedpool_pool_create parameters = pool_parameters(name);
	int error;

	parameters.storage = storage;
	parameters.block_size = block_size;
	parameters.blocks = blocks;
	error = call(client, FIXEDPOOL_IOC_POOL_CREATE, &parameters);
	*id = parameters.id;
	return error;
}

static inline int pool_attach(int client, const char *name, __u32 *id)
{
	struct fixedpool_pool_attach attach = {};
	int error;

	name_set(attach.name, name);
	error = call(client, FIXEDPOOL_IOC_POOL_ATTACH, &attach);
	if (id)
		*id = attach.id;
	return error;
}

static inline int pool_detach(int client, __u32 id)
{
	struct fixedpool_pool_detach detach = { .id = id };

	return call(client, FIXEDPOOL_IOC_POOL_DETACH, &detach);
}

static inline int pool_destroy(int client, const char *name)
{
	struct fixedpool_pool_destroy destroy = {};

	name_set(destroy.name, name);
	return call(client, FIXEDPOOL_IOC_POOL_DESTROY, &destroy);
}

static inline int pool_info(int client, __u32 id, struct fixedpool_pool_info *info)
{
	memset(info, 0, sizeof(*info));
	info->id = id;
	return call(client, FIXEDPOOL_IOC_POOL_INFO, info);
}

/* Blocks held of the pool; UINT32_MAX if that cannot be had. */
static inline __u32 pool_in_use(int client, __u32 id)
{
	struct fixedpool_pool_info info;

	return pool_info(client, id, &info) ? UINT32_MAX : info.in_use;
}

static inline __u32 pool_clients(int client, __u32 id)
{
	struct fixedpool_pool_info info;

	return pool_info(client, id, &info) ? UINT32_MAX : info.clients;
}

static inline size_t block_offset(const struct fixedpool_pool_info *info, __u32 index)
{
	return (size_t)(index / info->chunk_blocks) * info->chunk_size +
	       (size_t)(index % info->chunk_blocks) * info->stride;
}

static inline __u32 block_index(const struct fixedpool_pool_info *info, __u64 handle)
{
	return FIXEDPOOL_HANDLE_SLOT(handle) - info->first_slot;
}

static inline int blocks_take(int client, __u32 pool, __u64 *handles, __u32 count, __u32 flags,
			      __u32 *done)
{
	struct fixedpool_alloc alloc = {
		.pool = pool,
		.flags = flags,
		.count = count,
		.done = 0xdddddddd,
		.handles = (uintptr_t)handles,
	};
	int error = call(client, FIXEDPOOL_IOC_ALLOC, &alloc);

	if (done)
		*done = alloc.done;
	return error;
}

/* One block; 0, which is never a handle, if there is none. */
static inline __u64 block_take(int client, __u32 pool)
{
	__u64 handle = 0;

	return blocks_take(client, pool, &handle, 1, 0, NULL) ? 0 : handle;
}

static inline int blocks_free(int client, __u64 *handles, __u32 count, __u32 *done)
{
	struct fixedpool_free free = {
		.handles = (uintptr_t)handles,
		.count = count,
		.done = 0xdddddddd,
	};
	int error = call(client, FIXEDPOOL_IOC_FREE, &free);

	if (done)
		*done = free.done;
	return error;
}

static inline int block_free(int client, __u64 handle)
{
	return blocks_free(client, &handle, 1, NULL);
}

static inline int blocks_give(int client, __u64 *handles, __u32 count, __u32 receiver, __u32 *done)
{
	struct fixedpool_give give = {
		.handles = (uintptr_t)handles,
		.count = count,
		.done = 0xdddddddd,
		.client = receiver,
	};
	int error = call(client, FIXEDPOOL_IOC_GIVE, &give);

	if (done)
		*done = give.done;
	return error;
}

static inline int block_give(int client, __u64 handle, __u32 receiver)
{
	return blocks_give(client, &handle, 1, receiver, NULL);
}

static inline int blocks_share(int client, __u64 *handles, __u32 count, __u32 number, __u32 *done)
{
	struct fixedpool_share share = {
		.handles = (uintptr_t)handles,
		.count = count,
		.done = 0xdddddddd,
		.client = number,
	};
	int error = call(client, FIXEDPOOL_IOC_SHARE, &share);

	if (done)
		*done = share.done;
	return error;
}

/* A descriptor, or a negative errno. */
static inline int channel_create(int client, __u32 pool, const char *name, __u32 capacity,
				 __u32 flags)
{
	struct fixedpool_channel_create create = {
		.pool = pool,
		.capacity = capacity,
		.flags = flags,
	};
	int error;

	name_set(create.name, name);
	error = call(client, FIXEDPOOL_IOC_CHANNEL_CREATE, &create);
	return error ? -error : create.fd;
}

static inline int channel_open(int client, __u32 pool, const char *name, __u32 flags)
{
	struct fixedpool_channel_open open = { .pool = pool, .flags = flags };
	int error;

	name_set(open.name, name);
	error = call(client, FIXEDPOOL_IOC_CHANNEL_OPEN, &open);
	return error ? -error : open.fd;
}

/* Handles moved, or a negative errno; INT_MIN for something that is neither. */
static inline int channel_write(int channel, const __u64 *handles, size_t count)
{
	ssize_t bytes = write(channel, handles, count * sizeof(*handles));

	if (bytes < 0)
		return -errno;
	return bytes % sizeof(*handles) ? INT32_MIN : bytes / sizeof(*handles);
}

static inline int channel_read(int channel, __u64 *handles, size_t count)
{
	ssize_t bytes = read(channel, handles, count * sizeof(*handles));

	if (bytes < 0)
		return -errno;
	return bytes % sizeof(*handles) ? INT32_MIN : bytes / sizeof(*handles);
}

/* FIXEDPOOL_CHECK_* bits, or a negative errno. */
static inline int block_check(int client, __u64 handle)
{
	struct fixedpool_check check = { .handle = handle, .state = 0x5555 };
	int error = call(client, FIXEDPOOL_IOC_CHECK, &check);

	return error ? -error : (int)check.state;
}

static inline int block_read(int client, __u64 handle, __u32 offset, void *buffer, __u32 length)
{
	struct fixedpool_read read = {
		.handle = handle,
		.buffer = (uintptr_t)buffer,
		.offset = offset,
		.length = length,
	};

	return call(client, FIXEDPOOL_IOC_READ, &read);
}

static inline int block_write(int client, __u64 handle, __u32 offset, const void *buffer,
			      __u32 length)
{
	struct fixedpool_write write = {
		.handle = handle,
		.buffer = (uintptr_t)buffer,
		.offset = offset,
		.length = length,
	};

	return call(client, FIXEDPOOL_IOC_WRITE, &write);
}

/*
 * True if every index of @handles is one of the pool's and none comes twice,
 * and every version is odd.
 */
static inline bool handles_are_distinct(const struct fixedpool_pool_info *info,
					const __u64 *handles, __u32 count)
{
	bool *seen = calloc(info->max_blocks, sizeof(*seen));
	bool distinct = seen;

	for (__u32 i = 0; distinct && i < count; i++) {
		__u32 index = block_index(info, handles[i]);

		distinct = index < info->max_blocks && !seen[index] &&
			   FIXEDPOOL_HANDLE_VERSION(handles[i]) % 2 == 1;
		if (distinct)
			seen[index] = true;
	}
	free(seen);
	return distinct;
}

/*
 * True if exactly @expected blocks can be taken at this moment, every index
 * once. They are given back. At most FIXEDPOOL_MAX_BATCH.
 */
static inline bool pool_has_free(int client, __u32 id, __u32 expected)
{
	static __u64 handles[FIXEDPOOL_MAX_BATCH];
	struct fixedpool_pool_info info;
	__u32 done;
	bool right;

	if (pool_info(client, id, &info))
		return false;
	if (blocks_take(client, id, handles, FIXEDPOOL_MAX_BATCH, FIXEDPOOL_ALLOC_PARTIAL, &done))
		return expected == 0 && done == 0;
	right = done == expected && handles_are_distinct(&info, handles, done);
	return !blocks_free(client, handles, done, NULL) && right;
}

/* Reads an attribute with its line end; false if there is no such file. */
static inline bool sysfs_read(const char *pool, const char *attribute, char *text, size_t size)
{
	char path[128];
	ssize_t length;
	int file;

	snprintf(path, sizeof(path), "/sys/class/fixedpool/%s/%s", pool, attribute);
	file = open(path, O_RDONLY | O_CLOEXEC);
	if (file < 0)
		return false;
	length = read(file, text, size - 1);
	close(file);
	if (length < 0)
		return false;
	text[length] = 0;
	return true;
}

/* A decimal attribute; LLONG_MIN if there is no such file or no number in it. */
static inline long long sysfs_number(const char *pool, const char *attribute)
{
	char text[64];
	char *end;
	long long number;

	if (!sysfs_read(pool, attribute, text, sizeof(text)))
		return INT64_MIN;
	number = strtoll(text, &end, 10);
	return end != text && !strcmp(end, "\n") ? number : INT64_MIN;
}

/* Where the module tells who holds what; there is nothing without debugfs. */
#define FIXEDPOOL_DEBUG "/sys/kernel/debug/fixedpool"

/* A file of a pool in debugfs; false if it cannot be read. */
static inline bool debug_read(const char *pool, const char *name, char *text, size_t size)
{
	char path[320];
	size_t length = 0;
	ssize_t bytes;
	int file;

	snprintf(path, sizeof(path), FIXEDPOOL_DEBUG "/%s/%s", pool, name);
	file = open(path, O_RDONLY | O_CLOEXEC);
	if (file < 0)
		return false;
	do {
		bytes = read(file, text + length, size - 1 - length);
		length += bytes > 0 ? bytes : 0;
	} while (bytes > 0 && length < size - 1);
	close(file);
	text[length] = 0;
	return bytes >= 0;
}

/* False if a pool of that name says that its books do not balance. */
static inline bool pool_is_valid(const char *pool)
{
	char text[1024];

	return !debug_read(pool, "valid", text, sizeof(text)) || !strncmp(text, "1\n", 2);
}

/* The same of all pools at this moment; what it says of a bad one is printed. */
static inline bool pools_are_valid(void)
{
	DIR *directory = opendir(FIXEDPOOL_DEBUG);
	struct dirent *entry;
	bool valid = true;
	char text[1024];

	if (!directory)
		return true;
	while (valid && (entry = readdir(directory))) {
		if (entry->d_name[0] == '.')
			continue;
		/* somebody may be at work for a moment */
		valid = EVENTUALLY(pool_is_valid(entry->d_name));
		if (!valid && debug_read(entry->d_name, "valid", text, sizeof(text)))
			fprintf(stderr, "# pool %s: %s", entry->d_name, text);
	}
	closedir(directory);
	return valid;
}

/* After every test, before anything is undone, the books of all pools balance. */
#undef __FIXTURE_TEARDOWN
#define __FIXTURE_TEARDOWN(fixture_name)					\
	static void fixture_name##_undo(					\
		struct __test_metadata *_metadata,				\
		FIXTURE_DATA(fixture_name) *self,				\
		const FIXTURE_VARIANT(fixture_name) *variant);			\
	static void fixture_name##_teardown(					\
		struct __test_metadata *_metadata,				\
		FIXTURE_DATA(fixture_name) *self,				\
		const FIXTURE_VARIANT(fixture_name) *variant)			\
	{									\
		EXPECT_TRUE(pools_are_valid());					\
		fixture_name##_undo(_metadata, self, variant);			\
	}									\
	static void fixture_name##_undo(					\
		struct __test_metadata *_metadata,				\
		FIXTURE_DATA(fixture_name) *self,				\
		const FIXTURE_VARIANT(fixture_name) *variant)

#undef TEST
#define TEST(test_name)								\
	static void test_name##_body(struct __test_metadata *_metadata);	\
	__TEST_IMPL(test_name, -1)						\
	{									\
		test_name##_body(_metadata);					\
		EXPECT_TRUE(pools_are_valid());					\
	}									\
	static void test_name##_body(struct __test_metadata *_metadata)

static inline unsigned long long environment_number(const char *name, unsigned long long otherwise)
{
	const char *text = getenv(name);

	return text && *text ? strtoull(text, NULL, 0) : otherwise;
}

/*
 * How often a test goes round: what @name of the environment says. A 32-bit
 * program, whose calls end in the same code, is content with a quarter.
 */
static inline unsigned int rounds_wanted(const char *name, unsigned int otherwise)
{
	return environment_number(name, sizeof(long) < 8 ? otherwise / 4 : otherwise);
}

/* A seed: FIXEDPOOL_SEED, or one from the system. Print it. */
static inline __u64 random_seed(void)
{
	__u64 seed = 0;

	if (syscall(SYS_getrandom, &seed, sizeof(seed), 0) != sizeof(seed))
		seed = getpid();
	return environment_number("FIXEDPOOL_SEED", seed);
}

/* splitmix64 */
static inline __u64 random_next(__u64 *state)
{
	__u64 z = (*state += 0x9e3779b97f4a7c15ULL);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

/* A page followed by one that cannot be touched; MAP_FAILED if there is no memory. */
static inline char *edge_map(void)
{
	char *page = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0);

	if (page != MAP_FAILED && mprotect(page + PAGE, PAGE, PROT_NONE))
		return MAP_FAILED;
	return page;
}

/* Leaves the system free pages that are not zero, where it does not clear them itself. */
static inline void memory_litter(void)
{
	size_t size = 32 << 20;
	char *pages = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (pages == MAP_FAILED)
		return;
	memset(pages, 0xee, size);
	munmap(pages, size);
}

/*
 * True if a thread, of whatever process, sleeps so that a signal would wake it:
 * who does nothing else that could make it sleep has got to where its call waits.
 */
static inline bool thread_sleeps(pid_t thread)
{
	char path[32], text[512], *name_end;
	ssize_t length;
	int file;

	snprintf(path, sizeof(path), "/proc/%d/stat", thread);
	file = open(path, O_RDONLY | O_CLOEXEC);
	if (file < 0)
		return false;
	length = read(file, text, sizeof(text) - 1);
	close(file);
	text[length < 0 ? 0 : length] = 0;
	name_end = strrchr(text, ')');
	return name_end && !strncmp(name_end, ") S ", 4);
}

/* True if there is a verdict to be had without waiting. */
static inline bool child_ended(pid_t child)
{
	siginfo_t info = {};

	return waitid(P_PID, child, &info, WEXITED | WNOHANG | WNOWAIT) || info.si_pid == child;
}

/* Waits for a child: its exit status, or 128 and the signal that ended it. */
static inline int child_verdict(pid_t child)
{
	int status;

	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

#endif /* FIXEDPOOL_TEST_H */
