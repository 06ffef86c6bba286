// SPDX-License-Identifier: GPL-2.0
/*
 * However a process ends, and at whatever instant, what it held comes back,
 * and nobody else loses anything.
 *
 *   FIXEDPOOL_KILLS   how often a process is killed, default 200 (slab: 60)
 *   FIXEDPOOL_SEED    to do it again
 */
#include "fixedpool_test.h"

#include <sys/socket.h>

#define BLOCKS 200
#define KEPT 8
#define SIZE 256
#define MINE (FIXEDPOOL_CHECK_ALIVE | FIXEDPOOL_CHECK_MINE)

/* The test holds KEPT blocks with bytes of its own. */
FIXTURE(crash)
{
	int client;
	__u32 id;
	struct fixedpool_pool_info info;
	__u64 kept[KEPT];
	int pipe[2];
};

FIXTURE_VARIANT(crash)
{
	__u32 storage;
	unsigned int kills;
};

FIXTURE_VARIANT_ADD(crash, pages) { .storage = FIXEDPOOL_STORAGE_PAGES, .kills = 200 };
FIXTURE_VARIANT_ADD(crash, slab) { .storage = FIXEDPOOL_STORAGE_SLAB, .kills = 60 };

static void fill(unsigned char *bytes, int i)
{
	for (int at = 0; at < SIZE; at++)
		bytes[at] = i * 17 + at;
}

static bool kept_intact(FIXTURE_DATA(crash) *self)
{
	unsigned char expected[SIZE], bytes[SIZE];

	for (int i = 0; i < KEPT; i++) {
		fill(expected, i);
		if (block_check(self->client, self->kept[i]) != MINE ||
		    block_read(self->client, self->kept[i], 0, bytes, SIZE) ||
		    memcmp(expected, bytes, SIZE))
			return false;
	}
	return true;
}

/* Everything but what the test holds is free, and can be had. */
static bool settled(FIXTURE_DATA(crash) *self)
{
	struct fixedpool_pool_info info;

	return EVENTUALLY(!pool_info(self->client, self->id, &info) && info.in_use == KEPT &&
			  info.clients == 1) &&
	       sysfs_number("crash", "free") == BLOCKS - KEPT &&
	       pool_has_free(self->client, self->id, BLOCKS - KEPT) && kept_intact(self);
}

FIXTURE_SETUP(crash)
{
	unsigned char bytes[SIZE];

	self->client = client_open();
	ASSERT_LE(0, self->client);
	ASSERT_EQ(0, pool_create(self->client, "crash", variant->storage, SIZE, BLOCKS, &self->id));
	ASSERT_EQ(0, pool_info(self->client, self->id, &self->info));
	ASSERT_EQ(0, blocks_take(self->client, self->id, self->kept, KEPT, 0, NULL));
	for (int i = 0; i < KEPT; i++) {
		fill(bytes, i);
		ASSERT_EQ(0, block_write(self->client, self->kept[i], 0, bytes, SIZE));
	}
	ASSERT_EQ(0, pipe(self->pipe));
	signal(SIGPIPE, SIG_IGN);
}

FIXTURE_TEARDOWN(crash)
{
	EXPECT_TRUE(settled(self));
	close(self->client);
}

/* In a child: a client of its own, without what it has from its parent. */
static int child_client(FIXTURE_DATA(crash) *self)
{
	const struct rlimit no_core = {};
	int client;

	close(self->client);
	REQUIRE(!setrlimit(RLIMIT_CORE, &no_core));
	client = client_open();
	REQUIRE(client >= 0);
	REQUIRE(!pool_attach(client, "crash", NULL));
	return client;
}

static void tell(FIXTURE_DATA(crash) *self)
{
	REQUIRE(write(self->pipe[1], "x", 1) == 1);
}

static bool told(FIXTURE_DATA(crash) *self)
{
	char byte;

	return read(self->pipe[0], &byte, 1) == 1;
}

/*
 * What a victim does until it is killed, in each of its threads. It says when
 * it has done so many things, so that the kill hits all stages of its life on
 * a fast machine and on a slow one.
 */
struct victim {
	int tell;
	int tell_after;
	int clients[2];
	__u32 numbers[2];
	__u32 id;
	const struct fixedpool_pool_info *info;
	__u64 state;
};

static void *live(void *argument)
{
	struct victim victim = *(struct victim *)argument;
	__u64 handles[2][40];
	unsigned int held[2] = {};
	char bytes[SIZE] = {};
	void *data;
	__u32 done;

	for (;;) {
		__u64 random = random_next(&victim.state);
		int which = random & 1, other = !which;
		unsigned int count = 1 + (random >> 8) % 20;

		if (victim.tell_after-- == 0)
			REQUIRE(write(victim.tell, "x", 1) == 1);
		switch ((random >> 1) % 6) {
		case 0:
		case 1:
			if (held[which] + count > 40)
				break;
			if (!blocks_take(victim.clients[which], victim.id,
					 handles[which] + held[which], count,
					 FIXEDPOOL_ALLOC_PARTIAL, &done))
				held[which] += done;
			break;
		case 2:
			if (count > held[which])
				count = held[which];
			held[which] -= count;
			blocks_free(victim.clients[which], handles[which] + held[which], count,
				    NULL);
			break;
		case 3:
			if (count > held[which])
				count = held[which];
			if (held[other] + count > 40)
				break;
			held[which] -= count;
			blocks_give(victim.clients[which], handles[which] + held[which], count,
				    victim.numbers[other], NULL);
			memcpy(handles[other] + held[other], handles[which] + held[which],
			       count * sizeof(__u64));
			held[other] += count;
			break;
		case 4:
			if (held[which])
				block_write(victim.clients[which], handles[which][0], 0, bytes,
					    SIZE);
			break;
		case 5:
			if (!victim.info->data_length)
				break;
			data = mmap(NULL, victim.info->data_length, PROT_READ, MAP_SHARED,
				    victim.clients[which], victim.info->data_offset);
			if (data != MAP_FAILED && random >> 60)
				munmap(data, victim.info->data_length);
			break;
		}
	}
	return NULL;
}

static void be_victim(FIXTURE_DATA(crash) *self, __u64 seed, int tell_after)
{
	struct victim victims[2];
	pthread_t thread;

	victims[0] = (struct victim) {
		.tell = self->pipe[1], .tell_after = tell_after,
		.id = self->id, .info = &self->info, .state = seed,
	};
	victims[0].clients[0] = child_client(self);
	victims[0].clients[1] = client_open();
	REQUIRE(!pool_attach(victims[0].clients[1], "crash", NULL));
	for (int i = 0; i < 2; i++)
		victims[0].numbers[i] = client_number(victims[0].clients[i]);
	victims[1] = victims[0];
	victims[1].state = ~seed;
	victims[1].tell_after = -1;
	REQUIRE(!pthread_create(&thread, NULL, live, &victims[1]));
	live(&victims[0]);
}

TEST_F(crash, by_sigkill_at_random_moments_loses_nothing)
{
	unsigned int kills = rounds_wanted("FIXEDPOOL_KILLS", variant->kills);
	__u64 seed = random_seed(), state = seed;
	unsigned int caught = 0;

	TH_LOG("FIXEDPOOL_SEED=%llu FIXEDPOOL_KILLS=%u", seed, kills);
	for (unsigned int kill_number = 0; kill_number < kills; kill_number++) {
		useconds_t delay = random_next(&state) % 1000;
		__u64 victim_seed = random_next(&state);
		int tell_after = random_next(&state) % 64;
		pid_t child = fork();

		ASSERT_LE(0, child);
		if (child == 0)
			be_victim(self, victim_seed, tell_after);
		ASSERT_TRUE(told(self));
		usleep(delay);
		caught += pool_in_use(self->client, self->id) > KEPT;
		ASSERT_EQ(0, kill(child, SIGKILL));
		ASSERT_EQ(128 + SIGKILL, child_verdict(child));
		ASSERT_TRUE(settled(self)) {
			TH_LOG("kill number %u, %u blocks in use", kill_number,
			       pool_in_use(self->client, self->id));
		}
	}
	/* Many of them did hold blocks. */
	EXPECT_LE(kills / 4, caught);
}

/*
 * As fork(): the child has a @client of its own with 50 blocks, @handles, and
 * has told so.
 */
static pid_t fork_with_blocks(FIXTURE_DATA(crash) *self, int *client, __u64 *handles)
{
	pid_t child = fork();

	if (child == 0) {
		*client = child_client(self);
		REQUIRE(!blocks_take(*client, self->id, handles, 50, 0, NULL));
		tell(self);
	}
	return child;
}

static volatile int *volatile nowhere = (int *)8;

TEST_F(crash, by_exit_gives_the_blocks_back)
{
	__u64 handles[50];
	int client;
	pid_t child = fork_with_blocks(self, &client, handles);

	if (child == 0)
		_exit(0);
	EXPECT_EQ(0, child_verdict(child));
	EXPECT_TRUE(settled(self));
}

TEST_F(crash, by_segmentation_fault_gives_the_blocks_back)
{
	__u64 handles[50];
	int client;
	pid_t child = fork_with_blocks(self, &client, handles);

	if (child == 0)
		_exit(*nowhere);
	EXPECT_EQ(128 + SIGSEGV, child_verdict(child));
	EXPECT_TRUE(settled(self));
}

TEST_F(crash, by_abort_gives_the_blocks_back)
{
	__u64 handles[50];
	int client;
	pid_t child = fork_with_blocks(self, &client, handles);

	if (child == 0)
		abort();
	EXPECT_EQ(128 + SIGABRT, child_verdict(child));
	EXPECT_TRUE(settled(self));
}

TEST_F(crash, with_nothing_left_but_a_mapping_gives_the_blocks_back)
{
	__u64 handles[50];
	int client;
	pid_t child = fork_with_blocks(self, &client, handles);

	if (child == 0) {
		REQUIRE(!self->info.data_length ||
			mmap(NULL, self->info.data_length, PROT_READ | PROT_WRITE, MAP_SHARED,
			     client, self->info.data_offset) != MAP_FAILED);
		close(client);
		kill(getpid(), SIGKILL);
	}
	EXPECT_EQ(128 + SIGKILL, child_verdict(child));
	EXPECT_TRUE(settled(self));
}

TEST_F(crash, by_exec_gives_the_blocks_back_if_the_descriptor_closes_on_it)
{
	char *const arguments[] = { "crash_test", "--wait", NULL };
	__u64 handles[50];
	int client;
	pid_t child = fork_with_blocks(self, &client, handles);

	if (child == 0) {
		execv("/proc/self/exe", arguments);
		REQUIRE(false);
	}
	ASSERT_TRUE(told(self));
	EXPECT_TRUE(settled(self));
	/* The process is there all the while. */
	EXPECT_FALSE(child_ended(child));
	kill(child, SIGKILL);
	EXPECT_EQ(128 + SIGKILL, child_verdict(child));
}

TEST_F(crash, by_exec_keeps_the_blocks_if_the_descriptor_does_not_close_on_it)
{
	char *const arguments[] = { "crash_test", "--tell-and-wait", NULL };
	__u64 handles[50];
	int client;
	pid_t child = fork_with_blocks(self, &client, handles);

	if (child == 0) {
		REQUIRE(!fcntl(client, F_SETFD, 0));
		REQUIRE(dup2(self->pipe[1], STDOUT_FILENO) == STDOUT_FILENO);
		execv("/proc/self/exe", arguments);
		REQUIRE(false);
	}
	ASSERT_TRUE(told(self));
	/* A second time, by the new program. */
	ASSERT_TRUE(told(self));
	EXPECT_EQ(KEPT + 50, pool_in_use(self->client, self->id));
	kill(child, SIGKILL);
	EXPECT_EQ(128 + SIGKILL, child_verdict(child));
	EXPECT_TRUE(settled(self));
}

TEST_F(crash, of_one_of_two_that_share_a_descriptor_keeps_the_blocks)
{
	int client = client_open();
	__u64 handles[50];
	pid_t child;

	ASSERT_EQ(0, pool_attach(client, "crash", NULL));
	ASSERT_EQ(0, blocks_take(client, self->id, handles, 50, 0, NULL));
	child = fork();
	if (child == 0) {
		close(self->client);
		tell(self);
		for (;;)
			pause();
	}
	ASSERT_TRUE(told(self));
	kill(child, SIGKILL);
	ASSERT_EQ(128 + SIGKILL, child_verdict(child));
	EXPECT_EQ(KEPT + 50, pool_in_use(self->client, self->id));
	EXPECT_EQ(MINE, block_check(client, handles[49]));

	/* And the other way round: the child is what remains. */
	child = fork();
	if (child == 0) {
		close(self->client);
		REQUIRE(!blocks_free(client, handles, 25, NULL));
		tell(self);
		for (;;)
			pause();
	}
	ASSERT_TRUE(told(self));
	close(client);
	EXPECT_EQ(KEPT + 25, pool_in_use(self->client, self->id));
	kill(child, SIGKILL);
	ASSERT_EQ(128 + SIGKILL, child_verdict(child));
	EXPECT_TRUE(settled(self));
}

static bool send_descriptor(int socket, int descriptor)
{
	char control[CMSG_SPACE(sizeof(int))] = {}, byte = 'd';
	struct iovec data = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &data, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &descriptor, sizeof(int));
	return sendmsg(socket, &message, 0) == 1;
}

static int receive_descriptor(int socket)
{
	char control[CMSG_SPACE(sizeof(int))] = {}, byte;
	struct iovec data = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &data, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	int descriptor;

	if (recvmsg(socket, &message, MSG_CMSG_CLOEXEC) != 1 || !CMSG_FIRSTHDR(&message))
		return -1;
	memcpy(&descriptor, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(int));
	return descriptor;
}

TEST_F(crash, with_the_descriptor_on_its_way_keeps_the_blocks_for_who_receives_it)
{
	int sockets[2], received, client;
	__u64 handles[50];
	pid_t child;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets));
	child = fork_with_blocks(self, &client, handles);
	if (child == 0) {
		REQUIRE(send_descriptor(sockets[1], client));
		REQUIRE(send(sockets[1], handles, sizeof(handles), 0) == sizeof(handles));
		kill(getpid(), SIGKILL);
	}
	ASSERT_EQ(128 + SIGKILL, child_verdict(child));
	EXPECT_EQ(KEPT + 50, pool_in_use(self->client, self->id));
	received = receive_descriptor(sockets[0]);
	ASSERT_LE(0, received);
	ASSERT_EQ(sizeof(handles), recv(sockets[0], handles, sizeof(handles), MSG_WAITALL));
	EXPECT_EQ(MINE, block_check(received, handles[0]));
	EXPECT_EQ(0, blocks_free(received, handles, 50, NULL));
	EXPECT_EQ(KEPT, pool_in_use(self->client, self->id));
	close(received);
	close(sockets[0]);
	close(sockets[1]);
}

TEST_F(crash, with_the_descriptor_on_its_way_gives_the_blocks_back_if_nobody_receives_it)
{
	int sockets[2], client;
	__u64 handles[50];
	pid_t child;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets));
	child = fork_with_blocks(self, &client, handles);
	if (child == 0) {
		REQUIRE(send_descriptor(sockets[1], client));
		kill(getpid(), SIGKILL);
	}
	ASSERT_EQ(128 + SIGKILL, child_verdict(child));
	EXPECT_EQ(KEPT + 50, pool_in_use(self->client, self->id));
	close(sockets[0]);
	close(sockets[1]);
	EXPECT_TRUE(settled(self));
}

TEST_F(crash, of_the_last_client_takes_an_auto_destroyed_pool_along)
{
	__u64 handles[50];
	int client;
	pid_t child = fork_with_blocks(self, &client, handles);

	if (child == 0) {
		__u32 id;

		REQUIRE(!pool_create(client, "crash-own", self->info.storage, 64, 10, &id));
		REQUIRE(block_take(client, id));
		kill(getpid(), SIGKILL);
	}
	ASSERT_EQ(128 + SIGKILL, child_verdict(child));
	EXPECT_TRUE(EVENTUALLY(pool_attach(self->client, "crash-own", NULL) == ENOENT));
}

/* What exec starts: the same program, that waits to be killed. */
int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "--tell-and-wait") && write(STDOUT_FILENO, "x", 1) != 1)
		return KSFT_FAIL;
	if (argc == 2 && !strncmp(argv[1], "--", 2)) {
		for (;;)
			pause();
	}
	return test_harness_run(argc, argv);
}
