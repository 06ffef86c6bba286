// SPDX-License-Identifier: GPL-2.0
/*
 * What a dying process held is back before its address space is torn down, and
 * nobody who can still use a descriptor loses anything.
 *
 *   FIXEDPOOL_VICTIM_BYTES   memory of the victim that is measured, default 64 MiB
 *   FIXEDPOOL_MEASUREMENTS   how many victims of each size, up to 99, default 9
 */
#include "fixedpool_test.h"

#include <linux/io_uring.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define POOL "recovery"
#define BLOCKS 64
#define HELD 16
#define STACK 65536
#define MINE (FIXEDPOOL_CHECK_ALIVE | FIXEDPOOL_CHECK_MINE)

/* The test is attached and holds nothing; the victim tells through a pipe. */
FIXTURE(recovery)
{
	int client;
	__u32 id;
	int pipe[2];
};

FIXTURE_SETUP(recovery)
{
	self->client = client_open();
	ASSERT_LE(0, self->client);
	ASSERT_EQ(0, pool_create(self->client, POOL, FIXEDPOOL_STORAGE_PAGES, 256, BLOCKS,
				 &self->id));
	ASSERT_EQ(0, pipe(self->pipe));
}

FIXTURE_TEARDOWN(recovery)
{
	EXPECT_TRUE(EVENTUALLY(pool_in_use(self->client, self->id) == 0));
	EXPECT_TRUE(pool_has_free(self->client, self->id, BLOCKS));
	close(self->client);
}

static long long early(void)
{
	return sysfs_number(POOL, "reclaimed_early");
}

static void tell(FIXTURE_DATA(recovery) *self)
{
	REQUIRE(write(self->pipe[1], "x", 1) == 1);
}

static bool told(FIXTURE_DATA(recovery) *self)
{
	char byte;

	return read(self->pipe[0], &byte, 1) == 1;
}

/* In a victim: a client of its own with HELD blocks. */
static int victim_client(FIXTURE_DATA(recovery) *self, __u64 *handles)
{
	int client = client_open();

	REQUIRE(client >= 0);
	REQUIRE(!pool_attach(client, POOL, NULL));
	REQUIRE(!blocks_take(client, self->id, handles, HELD, 0, NULL));
	return client;
}

static void wait_forever(void)
{
	for (;;)
		pause();
}

static int killed(pid_t child)
{
	if (kill(child, SIGKILL))
		return -1;
	return child_verdict(child);
}

/* All of the HELD blocks are back, and were so early. */
static bool back_early(FIXTURE_DATA(recovery) *self)
{
	return EVENTUALLY(pool_in_use(self->client, self->id) == 0) && early() == HELD;
}

/* They are back, but it was the close of the file that did it. */
static bool back_late(FIXTURE_DATA(recovery) *self)
{
	return EVENTUALLY(pool_in_use(self->client, self->id) == 0) && early() == 0;
}

static bool kept(FIXTURE_DATA(recovery) *self)
{
	return pool_in_use(self->client, self->id) == HELD && early() == 0;
}

TEST_F(recovery, from_sigkill_is_early)
{
	__u64 handles[HELD];
	pid_t child = fork();

	if (child == 0) {
		victim_client(self, handles);
		tell(self);
		wait_forever();
	}
	ASSERT_TRUE(told(self));
	EXPECT_TRUE(kept(self));
	EXPECT_EQ(128 + SIGKILL, killed(child));
	EXPECT_TRUE(back_early(self));
}

TEST_F(recovery, from_exit_is_early)
{
	__u64 handles[HELD];
	pid_t child = fork();

	if (child == 0) {
		victim_client(self, handles);
		_exit(0);
	}
	EXPECT_EQ(0, child_verdict(child));
	EXPECT_TRUE(back_early(self));
}

TEST_F(recovery, of_a_client_with_several_descriptors_is_early)
{
	__u64 handles[HELD];
	pid_t child = fork();

	if (child == 0) {
		int client = victim_client(self, handles);

		REQUIRE(dup(client) >= 0 && dup2(client, 200) == 200);
		_exit(0);
	}
	EXPECT_EQ(0, child_verdict(child));
	EXPECT_TRUE(back_early(self));
}

TEST_F(recovery, of_several_clients_is_early_but_for_those_that_others_have)
{
	__u64 handles[HELD];
	int shared = client_open();
	pid_t child;

	ASSERT_EQ(0, pool_attach(shared, POOL, NULL));
	ASSERT_EQ(0, blocks_take(shared, self->id, handles, HELD, 0, NULL));
	child = fork();
	if (child == 0) {
		victim_client(self, handles);
		/* the inherited one is looked at, too */
		REQUIRE(pool_in_use(shared, self->id) == 2 * HELD);
		_exit(0);
	}
	EXPECT_EQ(0, child_verdict(child));
	EXPECT_EQ(HELD, pool_in_use(self->client, self->id));
	EXPECT_EQ(HELD, early());
	EXPECT_EQ(MINE, block_check(shared, handles[0]));
	close(shared);
}

static void *spin(void *argument)
{
	int client = *(int *)argument;

	for (;;)
		client_number(client);
	return NULL;
}

TEST_F(recovery, of_a_process_with_threads_is_early)
{
	for (int round = 1; round <= 20; round++) {
		__u64 handles[HELD];
		pid_t child = fork();

		if (child == 0) {
			int client = victim_client(self, handles);
			pthread_t thread;

			for (int i = 0; i < 4; i++)
				REQUIRE(!pthread_create(&thread, NULL, spin, &client));
			tell(self);
			wait_forever();
		}
		ASSERT_TRUE(told(self));
		EXPECT_EQ(128 + SIGKILL, killed(child));
		EXPECT_TRUE(EVENTUALLY(pool_in_use(self->client, self->id) == 0));
		EXPECT_EQ(round * HELD, early());
	}
}

static void *exit_all(void *argument)
{
	_exit(3);
}

TEST_F(recovery, from_exit_in_another_thread_is_early)
{
	__u64 handles[HELD];
	pid_t child = fork();

	if (child == 0) {
		pthread_t thread;

		victim_client(self, handles);
		REQUIRE(!pthread_create(&thread, NULL, exit_all, NULL));
		wait_forever();
	}
	EXPECT_EQ(3, child_verdict(child));
	EXPECT_TRUE(back_early(self));
}

struct survivor {
	FIXTURE_DATA(recovery) *self;
	int client;
	__u64 handle;
	pid_t first;
};

/* The first thread is gone but for its number. */
static void *outlive(void *argument)
{
	struct survivor *survivor = argument;
	char path[64], text[512] = "";
	int file;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", survivor->first, survivor->first);
	do {
		file = open(path, O_RDONLY);
		REQUIRE(file >= 0 && read(file, text, sizeof(text) - 1) > 0);
		close(file);
	} while (!strstr(text, ") Z "));
	REQUIRE(block_check(survivor->client, survivor->handle) == MINE);
	tell(survivor->self);
	wait_forever();
	return NULL;
}

TEST_F(recovery, waits_for_the_last_thread)
{
	__u64 handles[HELD];
	pid_t child = fork();

	if (child == 0) {
		static struct survivor survivor;
		pthread_t thread;

		survivor.self = self;
		survivor.client = victim_client(self, handles);
		survivor.handle = handles[0];
		survivor.first = getpid();
		REQUIRE(!pthread_create(&thread, NULL, outlive, &survivor));
		syscall(SYS_exit, 0);
	}
	ASSERT_TRUE(told(self));
	EXPECT_TRUE(kept(self));
	killed(child);
	EXPECT_TRUE(back_early(self));
}

/* After exec; see main(). */
static void survive_exec(int client, __u64 handle, int pipe)
{
	REQUIRE(block_check(client, handle) == MINE);
	REQUIRE(write(pipe, "x", 1) == 1);
	wait_forever();
}

TEST_F(recovery, is_not_due_when_a_descriptor_survives_an_exec)
{
	__u64 handles[HELD];
	pid_t child = fork();

	if (child == 0) {
		char texts[3][32];
		char *const arguments[] = {
			"recovery_test", "--survive-exec", texts[0], texts[1], texts[2], NULL,
		};
		int client = victim_client(self, handles);

		REQUIRE(!fcntl(client, F_SETFD, 0));
		snprintf(texts[0], sizeof(texts[0]), "%d", client);
		snprintf(texts[1], sizeof(texts[1]), "%llu", (unsigned long long)handles[0]);
		snprintf(texts[2], sizeof(texts[2]), "%d", self->pipe[1]);
		execv("/proc/self/exe", arguments);
		REQUIRE(false);
	}
	ASSERT_TRUE(told(self));
	EXPECT_TRUE(kept(self));
	EXPECT_EQ(128 + SIGKILL, killed(child));
	EXPECT_TRUE(back_late(self));
}

TEST_F(recovery, is_not_due_when_a_child_of_vfork_ends)
{
	__u64 handles[HELD];
	pid_t child = fork();

	if (child == 0) {
		int client = victim_client(self, handles);
		pid_t grandchild = vfork();

		if (grandchild == 0)
			_exit(7);
		REQUIRE(child_verdict(grandchild) == 7);
		REQUIRE(block_check(client, handles[0]) == MINE);
		tell(self);
		wait_forever();
	}
	ASSERT_TRUE(told(self));
	EXPECT_TRUE(kept(self));
	EXPECT_EQ(128 + SIGKILL, killed(child));
	EXPECT_TRUE(back_early(self));
}

static int wait_told(void *argument)
{
	tell(argument);
	wait_forever();
	return 0;
}

/* A process made with @flags, on a stack of its own, that tells and waits. */
static pid_t clone_process(FIXTURE_DATA(recovery) *self, int flags)
{
	static char stack[STACK];

	/* clone() aligns it */
	return clone(wait_told, stack + STACK, flags | SIGCHLD, self);
}

/* In a victim: has such a child, says which, and waits. */
static void live_with(FIXTURE_DATA(recovery) *self, int flags)
{
	__u64 handles[HELD];
	pid_t grandchild;

	victim_client(self, handles);
	grandchild = clone_process(self, flags);
	REQUIRE(grandchild > 0);
	REQUIRE(write(self->pipe[1], &grandchild, sizeof(grandchild)) == sizeof(grandchild));
	wait_forever();
}

/* Both have told; returns the other one. */
static pid_t told_who(FIXTURE_DATA(recovery) *self)
{
	union {
		char bytes[sizeof(pid_t) + 1];
		pid_t pid;
	} said = {};
	size_t length = 0;
	pid_t pid;

	while (length < sizeof(said.bytes)) {
		ssize_t more = read(self->pipe[0], said.bytes + length,
				    sizeof(said.bytes) - length);

		if (more <= 0)
			return -1;
		length += more;
	}
	/* the byte of the other one came first or last */
	memcpy(&pid, said.bytes, sizeof(pid));
	if (kill(pid, 0))
		memcpy(&pid, said.bytes + 1, sizeof(pid));
	return kill(pid, 0) ? -1 : pid;
}

static bool gone(pid_t pid)
{
	return EVENTUALLY(kill(pid, 0) && errno == ESRCH);
}

TEST_F(recovery, waits_for_a_process_in_the_same_address_space)
{
	pid_t child = fork(), other;

	if (child == 0)
		live_with(self, CLONE_VM);
	other = told_who(self);
	ASSERT_LT(0, other);
	EXPECT_EQ(128 + SIGKILL, killed(child));
	EXPECT_TRUE(kept(self));
	EXPECT_EQ(0, kill(other, SIGKILL));
	EXPECT_TRUE(back_early(self));
}

TEST_F(recovery, waits_for_a_process_with_the_same_descriptors)
{
	pid_t child = fork(), other;

	if (child == 0)
		live_with(self, CLONE_FILES);
	other = told_who(self);
	ASSERT_LT(0, other);
	EXPECT_EQ(128 + SIGKILL, killed(child));
	EXPECT_TRUE(kept(self));
	EXPECT_EQ(0, kill(other, SIGKILL));
	EXPECT_TRUE(back_late(self));
}

TEST_F(recovery, waits_for_a_process_with_both_the_same)
{
	pid_t child = fork(), other;

	if (child == 0)
		live_with(self, CLONE_FILES | CLONE_VM);
	other = told_who(self);
	ASSERT_LT(0, other);
	EXPECT_EQ(128 + SIGKILL, killed(child));
	EXPECT_TRUE(kept(self));
	EXPECT_EQ(0, kill(other, SIGKILL));
	EXPECT_TRUE(back_early(self));
}

TEST_F(recovery, waits_for_a_child_that_has_inherited)
{
	pid_t child = fork(), other;

	if (child == 0)
		live_with(self, 0);
	other = told_who(self);
	ASSERT_LT(0, other);
	EXPECT_EQ(128 + SIGKILL, killed(child));
	EXPECT_TRUE(kept(self));
	EXPECT_EQ(0, kill(other, SIGKILL));
	EXPECT_TRUE(back_late(self));
	EXPECT_TRUE(gone(other));
}

TEST_F(recovery, of_who_has_inherited_and_asked_about_a_pool_is_early)
{
	__u64 handles[HELD];
	int client = client_open();
	pid_t child;

	ASSERT_EQ(0, pool_attach(client, POOL, NULL));
	ASSERT_EQ(0, blocks_take(client, self->id, handles, HELD, 0, NULL));
	child = fork();
	if (child == 0) {
		REQUIRE(pool_in_use(client, self->id) == HELD);
		tell(self);
		wait_forever();
	}
	ASSERT_TRUE(told(self));
	close(client);
	EXPECT_TRUE(kept(self));
	EXPECT_EQ(128 + SIGKILL, killed(child));
	EXPECT_TRUE(back_early(self));
}

static bool send_descriptor(int socket, int descriptor)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {};
	struct iovec part = { .iov_base = "x", .iov_len = 1 };
	struct msghdr message = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};

	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&control.header), &descriptor, sizeof(int));
	return sendmsg(socket, &message, 0) == 1;
}

static int receive_descriptor(int socket)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {};
	char byte;
	struct iovec part = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr message = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	int descriptor = -1;

	if (recvmsg(socket, &message, 0) == 1 && control.header.cmsg_type == SCM_RIGHTS)
		memcpy(&descriptor, CMSG_DATA(&control.header), sizeof(int));
	return descriptor;
}

TEST_F(recovery, waits_for_a_descriptor_that_is_in_flight)
{
	__u64 handles[HELD];
	int sockets[2], client;
	pid_t child;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, sockets));
	child = fork();
	if (child == 0) {
		client = victim_client(self, handles);
		REQUIRE(send_descriptor(sockets[1], client));
		REQUIRE(write(self->pipe[1], handles, sizeof(handles)) == sizeof(handles));
		wait_forever();
	}
	ASSERT_EQ(sizeof(handles), read(self->pipe[0], handles, sizeof(handles)));
	EXPECT_EQ(128 + SIGKILL, killed(child));
	EXPECT_TRUE(kept(self));
	client = receive_descriptor(sockets[0]);
	ASSERT_LE(0, client);
	EXPECT_EQ(MINE, block_check(client, handles[HELD - 1]));
	EXPECT_EQ(0, blocks_free(client, handles, HELD, NULL));
	EXPECT_TRUE(back_late(self));
	close(client);
	close(sockets[0]);
	close(sockets[1]);
}

TEST_F(recovery, leaves_a_descriptor_of_an_io_uring_to_its_close)
{
	struct io_uring_params parameters = {};
	__u64 handles[HELD];
	int ring = syscall(SYS_io_uring_setup, 4, &parameters);
	pid_t child;

	if (ring < 0)
		SKIP(return, "no io_uring (errno %d)", errno);
	close(ring);
	child = fork();
	if (child == 0) {
		int client = victim_client(self, handles);

		ring = syscall(SYS_io_uring_setup, 4, &parameters);
		REQUIRE(ring >= 0);
		REQUIRE(!syscall(SYS_io_uring_register, ring, IORING_REGISTER_FILES, &client, 1));
		tell(self);
		wait_forever();
	}
	ASSERT_TRUE(told(self));
	EXPECT_EQ(128 + SIGKILL, killed(child));
	EXPECT_TRUE(back_late(self));
}

static int pidfd_of(pid_t pid)
{
	return syscall(SYS_pidfd_open, pid, 0);
}

static int descriptor_of(int pidfd, int descriptor)
{
	return syscall(SYS_pidfd_getfd, pidfd, descriptor, 0);
}

TEST_F(recovery, waits_for_who_has_taken_the_descriptor_from_outside)
{
	struct {
		int client;
		__u64 handles[HELD];
	} said;
	pid_t child = fork();
	int pidfd, client;

	if (child == 0) {
		said.client = victim_client(self, said.handles);
		REQUIRE(write(self->pipe[1], &said, sizeof(said)) == sizeof(said));
		wait_forever();
	}
	ASSERT_EQ(sizeof(said), read(self->pipe[0], &said, sizeof(said)));
	pidfd = pidfd_of(child);
	ASSERT_LE(0, pidfd);
	client = descriptor_of(pidfd, said.client);
	ASSERT_LE(0, client);
	EXPECT_EQ(128 + SIGKILL, killed(child));
	EXPECT_TRUE(kept(self));
	EXPECT_EQ(MINE, block_check(client, said.handles[0]));
	close(client);
	EXPECT_TRUE(back_late(self));
	close(pidfd);
}

#define LARGE (64 << 20)

/* A child with a client, which it names, and @bytes of memory, all touched. */
static pid_t fork_large(FIXTURE_DATA(recovery) *self, size_t bytes, int *client)
{
	__u64 handles[HELD];
	pid_t child = fork();
	char *memory;

	if (child == 0) {
		*client = victim_client(self, handles);
		if (bytes) {
			memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
				      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
			REQUIRE(memory != MAP_FAILED);
			madvise(memory, bytes, MADV_NOHUGEPAGE);
			for (size_t at = 0; at < bytes; at += PAGE)
				memory[at] = 1;
		}
		REQUIRE(write(self->pipe[1], client, sizeof(*client)) == sizeof(*client));
		wait_forever();
	}
	if (read(self->pipe[0], client, sizeof(*client)) != sizeof(*client))
		*client = -1;
	return child;
}

/*
 * The one way to have a client that has ended: to be very quick, and on a kernel
 * whose pidfd_getfd() looks into processes that are exiting.
 */
TEST_F(recovery, leaves_nothing_to_who_takes_the_descriptor_of_the_dying)
{
	struct fixedpool_pool_attach attach = { .name = POOL };
	struct fixedpool_pool_create create = pool_parameters("recovery2");
	int client = -1, other, pidfd;
	__u64 handle;

	for (int tries = 0; client < 0 && tries < 10; tries++) {
		long long before = early();
		pid_t child = fork_large(self, LARGE, &other);

		ASSERT_LE(0, other);
		pidfd = pidfd_of(child);
		ASSERT_LE(0, pidfd);
		ASSERT_EQ(0, kill(child, SIGKILL));
		while (early() == before && !child_ended(child))
			;
		client = descriptor_of(pidfd, other);
		EXPECT_EQ(128 + SIGKILL, child_verdict(child));
		EXPECT_EQ(before + HELD, early());
		close(pidfd);
	}
	if (client < 0)
		SKIP(return, "not quick enough, or not possible");
	EXPECT_EQ(EOWNERDEAD, blocks_take(client, self->id, &handle, 1, 0, NULL));
	EXPECT_EQ(EOWNERDEAD, call(client, FIXEDPOOL_IOC_POOL_ATTACH, &attach));
	EXPECT_EQ(EOWNERDEAD, call(client, FIXEDPOOL_IOC_POOL_CREATE, &create));
	EXPECT_EQ(EOWNERDEAD, pool_detach(client, self->id));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, PAGE, PROT_READ, MAP_SHARED, client, 0));
	EXPECT_EQ(EOWNERDEAD, errno);
	/* nothing of that pool has stayed */
	EXPECT_EQ(0, call(self->client, FIXEDPOOL_IOC_POOL_CREATE, &create));
	handle = block_take(self->client, self->id);
	EXPECT_EQ(ESRCH, block_give(self->client, handle, client_number(client)));
	EXPECT_EQ(0, block_free(self->client, handle));
	close(client);
}

static __u64 now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

static int by_size(const void *a, const void *b)
{
	__u64 left = *(const __u64 *)a, right = *(const __u64 *)b;

	return left < right ? -1 : left > right;
}

/*
 * From the kill of a victim that has all blocks until somebody else has one,
 * who looks often and goes before the victim when he does.
 */
static __u64 recovery_ns(FIXTURE_DATA(recovery) *self, size_t bytes)
{
	const struct sched_param first = { .sched_priority = 1 }, usual = {};
	const struct timespec pause = { .tv_nsec = 10000 };
	__u64 rest[BLOCKS - HELD], handle, start, end;
	int client;
	pid_t child = fork_large(self, bytes, &client);

	if (blocks_take(self->client, self->id, rest, BLOCKS - HELD, 0, NULL) ||
	    block_take(self->client, self->id))
		return 0;
	/* let the machine come to rest */
	usleep(50000);
	if (sched_setscheduler(0, SCHED_FIFO, &first))
		return 0;
	start = now_ns();
	kill(child, SIGKILL);
	while (!(handle = block_take(self->client, self->id)))
		nanosleep(&pause, NULL);
	end = now_ns();
	sched_setscheduler(0, SCHED_OTHER, &usual);
	child_verdict(child);
	blocks_free(self->client, rest, BLOCKS - HELD, NULL);
	block_free(self->client, handle);
	return end - start;
}

#define MEASUREMENTS_MAX 99

/* An emulated machine keeps no time: told, and judged by order alone. */
TEST_F(recovery, does_not_grow_with_what_the_victim_had_mapped)
{
	const size_t sizes[] = { 0, environment_number("FIXEDPOOL_VICTIM_BYTES", LARGE) };
	int measurements = environment_number("FIXEDPOOL_MEASUREMENTS", 9);

	ASSERT_LT(0, measurements);
	ASSERT_GE(MEASUREMENTS_MAX, measurements);
	for (int i = 0; i < 2; i++) {
		__u64 times[MEASUREMENTS_MAX];

		for (int n = 0; n < measurements; n++) {
			times[n] = recovery_ns(self, sizes[i]);
			ASSERT_LT(0, times[n]);
		}
		qsort(times, measurements, sizeof(times[0]), by_size);
		TH_LOG("%4zu MiB mapped: %llu us from SIGKILL to the next holder (%llu to %llu)",
		       sizes[i] >> 20, times[measurements / 2] / 1000ULL, times[0] / 1000ULL,
		       times[measurements - 1] / 1000ULL);
	}
	EXPECT_EQ(2 * measurements * HELD, early());
}

static void survive_exec_if_asked(int count, char **arguments)
{
	if (count == 5 && !strcmp(arguments[1], "--survive-exec"))
		survive_exec(atoi(arguments[2]), strtoull(arguments[3], NULL, 10),
			     atoi(arguments[4]));
}

int main(int count, char **arguments)
{
	survive_exec_if_asked(count, arguments);
	return test_harness_run(count, arguments);
}
