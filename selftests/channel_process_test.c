// SPDX-License-Identifier: GPL-2.0
/*
 * Channels between processes and threads: whoever dies, and however many work
 * at the same time, nothing is lost.
 */
#include "channel_fixture.h"

#include <sched.h>
#include <sys/socket.h>
#include <sys/uio.h>

/*
 * Other processes.
 */

static int descriptor_send(int socket, int descriptor)
{
	char control[CMSG_SPACE(sizeof(int))] = "", byte = 0;
	struct iovec bytes = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &bytes,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &descriptor, sizeof(int));
	return sendmsg(socket, &message, 0) == 1 ? 0 : errno;
}

static int descriptor_receive(int socket)
{
	char control[CMSG_SPACE(sizeof(int))] = "", byte;
	struct iovec bytes = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &bytes,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	int descriptor = -1;

	if (recvmsg(socket, &message, MSG_CMSG_CLOEXEC) == 1 && CMSG_FIRSTHDR(&message))
		memcpy(&descriptor, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(int));
	return descriptor;
}

TEST_F(channel, that_is_passed_over_a_socket_works_for_the_client_that_opened_it)
{
	int sockets[2];
	__u64 out[2];
	pid_t child;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets));
	TAKE(2);
	child = fork();
	if (!child) {
		int in, own;
		__u64 foreign;

		close(self->in);
		in = descriptor_receive(sockets[1]);
		REQUIRE(in >= 0);
		own = client_open();
		REQUIRE(own >= 0 && pool_attach(own, POOL, NULL) == 0);
		foreign = block_take(own, self->pool);
		REQUIRE(foreign);
		REQUIRE(channel_write(in, &foreign, 1) == -EPERM);
		REQUIRE(channel_write(in, self->handles, 1) == 1);
		_exit(0);
	}
	ASSERT_EQ(0, descriptor_send(sockets[0], self->in));
	ASSERT_EQ(0, child_verdict(child));
	ASSERT_EQ(1, channel_read(self->out, out, 2));
	EXPECT_EQ(self->handles[0], out[0]);
	EXPECT_EQ(MINE, block_check(self->reader, out[0]));
	close(sockets[0]);
	close(sockets[1]);
}

TEST_F(channel, in_flight_over_a_socket_that_is_closed_loses_nothing)
{
	int sockets[2];

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets));
	TAKE(4);
	ASSERT_EQ(4, channel_write(self->in, self->handles, 4));
	ASSERT_EQ(0, descriptor_send(sockets[0], self->out));
	close(self->out);
	self->out = -1;
	close(sockets[0]);
	close(sockets[1]);
	EXPECT_TRUE(EVENTUALLY(polled(self->in) == (POLLERR | POLLOUT)));
	EXPECT_EQ(4, sysfs_number(POOL, "queued"));
}

/* Two processes, each with a client of its own; one is killed in mid-stream. */
static void stream_in(int channel_flags, bool forever)
{
	int client = client_open();
	__u64 handles[7];
	__u32 pool, done;
	int channel;

	REQUIRE(client >= 0 && pool_attach(client, POOL, &pool) == 0);
	channel = channel_open(client, pool, "to", channel_flags);
	REQUIRE(channel >= 0);
	for (unsigned int round = 0; forever || round < 1000; round++) {
		if (blocks_take(client, pool, handles, 1 + round % 7, FIXEDPOOL_ALLOC_PARTIAL,
				&done))
			continue;
		REQUIRE(channel_write(channel, handles, done) == (int)done);
	}
	_exit(0);
}

static void stream_out(bool forever)
{
	int client = client_open();
	__u64 handles[5];
	int channel, n;
	__u32 pool;

	REQUIRE(client >= 0 && pool_attach(client, POOL, &pool) == 0);
	channel = channel_open(client, pool, "to", READ);
	REQUIRE(channel >= 0);
	for (unsigned int round = 0; forever || round < 200; round++) {
		n = channel_read(channel, handles, 1 + round % 5);
		while (!n)	/* the writer has died first */
			pause();
		REQUIRE(n > 0);
		REQUIRE(blocks_free(client, handles, n, NULL) == 0);
	}
	_exit(0);
}

TEST_F(channel, loses_nothing_when_the_writer_is_killed)
{
	__u64 out[CAPACITY];
	pid_t child;
	int n;

	let_wait(self->out);
	close(self->in);
	self->in = -1;
	for (int round = 0; round < 20; round++) {
		unsigned int seen = 0;

		child = fork();
		if (!child)
			stream_in(WRITE, true);
		while (seen < 50 + 7 * round) {
			n = channel_read(self->out, out, CAPACITY);
			if (!n) {	/* it has not come yet */
				sched_yield();
				continue;
			}
			ASSERT_LT(0, n);
			for (int i = 0; i < n; i++)
				ASSERT_EQ(MINE, block_check(self->reader, out[i]));
			ASSERT_EQ(0, blocks_free(self->reader, out, n, NULL));
			seen += n;
		}
		kill(child, SIGKILL);
		ASSERT_EQ(128 + SIGKILL, child_verdict(child));
		/* what it had queued is still there, and then comes the end */
		while ((n = channel_read(self->out, out, CAPACITY)) > 0)
			ASSERT_EQ(0, blocks_free(self->reader, out, n, NULL));
		ASSERT_EQ(0, n);
		ASSERT_EQ(0, pool_in_use(self->witness, self->pool));
	}
}

TEST_F(channel, loses_nothing_when_the_reader_is_killed)
{
	__u64 out[CAPACITY];
	pid_t child;
	int n;

	let_wait(self->in);
	close(self->out);
	self->out = -1;
	for (int round = 0; round < 20; round++) {
		unsigned int seen = 0;

		child = fork();
		if (!child) {
			close(self->in);
			stream_out(true);
		}
		while (seen < 100 + 10 * round) {
			if (blocks_take(self->writer, self->pool, out, 3, 0, NULL))
				continue;
			n = channel_write(self->in, out, 3);
			if (n == 3) {
				seen += n;
				continue;
			}
			/* it has not come yet */
			ASSERT_EQ(-EPIPE, n);
			ASSERT_EQ(0, blocks_free(self->writer, out, 3, NULL));
		}
		kill(child, SIGKILL);
		ASSERT_EQ(128 + SIGKILL, child_verdict(child));
		/* what it has not read is still there */
		ASSERT_EQ(sysfs_number(POOL, "queued"), pool_in_use(self->witness, self->pool));
	}
	self->out = channel_open(self->reader, self->pool, "to", READ | NONBLOCK);
	while ((n = channel_read(self->out, out, CAPACITY)) > 0)
		ASSERT_EQ(0, blocks_free(self->reader, out, n, NULL));
	EXPECT_EQ(-EAGAIN, n);
	EXPECT_EQ(0, pool_in_use(self->witness, self->pool));
}

TEST_F(channel, loses_nothing_when_both_sides_are_killed)
{
	for (int round = 0; round < 20; round++) {
		pid_t writer, reader;

		close(self->in);
		close(self->out);
		self->out = -1;
		self->in = channel_create(self->witness, self->pool, "to", CAPACITY, READ);
		ASSERT_LE(0, self->in);
		writer = fork();
		if (!writer) {
			close(self->in);
			stream_in(WRITE, true);
		}
		reader = fork();
		if (!reader) {
			close(self->in);
			stream_out(true);
		}
		usleep(5000 + 1000 * round);
		kill(round % 2 ? reader : writer, SIGKILL);
		usleep(1000);
		kill(round % 2 ? writer : reader, SIGKILL);
		ASSERT_EQ(128 + SIGKILL, child_verdict(writer));
		ASSERT_EQ(128 + SIGKILL, child_verdict(reader));
		ASSERT_EQ(sysfs_number(POOL, "queued"), pool_in_use(self->witness, self->pool));
	}
	close(self->in);
	self->in = -1;
	EXPECT_EQ(0, pool_in_use(self->witness, self->pool));
}

/*
 * Many at once. Each block carries the number of its writer and a sequence
 * number: each arrives once, and a reader sees those of one writer in order.
 */

#define WRITERS 3
#define READERS 3

struct station {
	pthread_t thread;
	int client;
	int channel;
	__u32 pool;
	unsigned int number;
	unsigned int count;		/* to send */
	bool bad;
	unsigned int *arrived;		/* of all readers, by writer and sequence */
};

static void *write_many(void *data)
{
	struct station *station = data;
	__u64 state = station->number, handles[20];
	__u32 stamp[2] = { station->number, 0 };
	__u32 done;

	while (stamp[1] < station->count && !station->bad) {
		__u32 want = 1 + random_next(&state) % 20;
		__u32 sent = 0;

		if (want > station->count - stamp[1])
			want = station->count - stamp[1];
		if (blocks_take(station->client, station->pool, handles, want,
				FIXEDPOOL_ALLOC_PARTIAL, &done)) {
			sched_yield();
			continue;
		}
		for (__u32 i = 0; i < done; i++, stamp[1]++)
			if (block_write(station->client, handles[i], 0, stamp, sizeof(stamp)))
				station->bad = true;
		while (sent < done && !station->bad) {
			int n = channel_write(station->channel, handles + sent, done - sent);

			if (n <= 0)
				station->bad = true;
			else
				sent += n;
		}
	}
	return NULL;
}

static void *read_many(void *data)
{
	struct station *station = data;
	__u64 state = station->number, handles[20];
	__u32 next[WRITERS] = {}, stamp[2];
	int n;

	while ((n = channel_read(station->channel, handles, 1 + random_next(&state) % 20)) > 0) {
		for (int i = 0; i < n; i++) {
			if (block_read(station->client, handles[i], 0, stamp, sizeof(stamp)) ||
			    stamp[0] >= WRITERS || stamp[1] < next[stamp[0]] ||
			    stamp[1] >= station->count) {
				station->bad = true;
				continue;
			}
			next[stamp[0]] = stamp[1] + 1;
			__atomic_add_fetch(&station->arrived[stamp[0] * station->count + stamp[1]],
					   1, __ATOMIC_RELAXED);
		}
		if (blocks_free(station->client, handles, n, NULL))
			station->bad = true;
	}
	if (n < 0)
		station->bad = true;
	return NULL;
}

TEST_F(channel, carries_many_handles_of_many_writers_to_many_readers)
{
	unsigned int count = rounds_wanted("FIXEDPOOL_CHANNEL_ROUNDS", 3000);
	unsigned int *arrived = calloc(WRITERS * count, sizeof(*arrived));
	struct station stations[WRITERS + READERS];

	ASSERT_TRUE(arrived != NULL);
	for (int i = 0; i < WRITERS + READERS; i++) {
		bool writes = i < WRITERS;

		stations[i] = (struct station) {
			.client = client_open(),
			.pool = self->pool,
			.number = i,
			.count = count,
			.arrived = arrived,
		};
		ASSERT_EQ(0, pool_attach(stations[i].client, POOL, NULL));
		stations[i].channel = channel_open(stations[i].client, self->pool, "to",
						   writes ? WRITE : READ);
		ASSERT_LE(0, stations[i].channel);
	}
	close(self->in);
	close(self->out);
	self->in = -1;
	self->out = -1;
	for (int i = 0; i < WRITERS + READERS; i++)
		ASSERT_EQ(0, pthread_create(&stations[i].thread, NULL,
					    i < WRITERS ? write_many : read_many, &stations[i]));
	for (int i = 0; i < WRITERS + READERS; i++) {
		pthread_join(stations[i].thread, NULL);
		EXPECT_FALSE(stations[i].bad);
		close(stations[i].channel);
		close(stations[i].client);
	}
	for (unsigned int i = 0; i < WRITERS * count; i++)
		ASSERT_EQ(1, arrived[i]);
	EXPECT_EQ(0, pool_in_use(self->witness, self->pool));
	free(arrived);
}

/* A block that is written to a channel while another thread frees it has gone
 * one way or the other.
 */
struct rival {
	pthread_t thread;
	int client;
	__u64 *handles;
	int freed;
};

static void *free_all(void *data)
{
	struct rival *rival = data;

	for (int i = 0; i < BLOCKS; i++)
		rival->freed += block_free(rival->client, rival->handles[i]) == 0;
	return NULL;
}

TEST_F(channel, gets_a_block_or_another_thread_frees_it)
{
	for (int round = 0; round < 20; round++) {
		int channel = channel_create(self->writer, self->pool, "", BLOCKS,
					     READ | WRITE | NONBLOCK);
		struct rival rival = { .client = self->writer, .handles = self->handles };
		__u64 out[BLOCKS];
		int sent = 0;

		ASSERT_LE(0, channel);
		TAKE(BLOCKS);
		ASSERT_EQ(0, pthread_create(&rival.thread, NULL, free_all, &rival));
		for (int i = BLOCKS - 1; i >= 0; i--)
			sent += channel_write(channel, &self->handles[i], 1) == 1;
		pthread_join(rival.thread, NULL);
		ASSERT_EQ(BLOCKS, sent + rival.freed);
		if (sent) {
			ASSERT_EQ(sent, channel_read(channel, out, BLOCKS));
			ASSERT_EQ(0, blocks_free(self->writer, out, sent, NULL));
		}
		ASSERT_EQ(0, pool_in_use(self->witness, self->pool));
		close(channel);
	}
}

/* Watches the place of a handle, and asks what it is worth as soon as it is seen. */
struct watcher {
	pthread_t thread;
	int client;
	__u64 *place;
	bool stop;
	unsigned int seen;
	unsigned int foreign;
};

static void *watch_place(void *data)
{
	struct watcher *watcher = data;

	while (!__atomic_load_n(&watcher->stop, __ATOMIC_ACQUIRE)) {
		__u64 handle = __atomic_exchange_n(watcher->place, 0, __ATOMIC_ACQ_REL);

		if (!handle)
			continue;
		watcher->foreign += block_check(watcher->client, handle) != MINE;
		__atomic_fetch_add(&watcher->seen, 1, __ATOMIC_RELEASE);
	}
	return NULL;
}

TEST_F(channel, makes_a_block_the_readers_before_it_shows_the_handle)
{
	int channel = channel_create(self->reader, self->pool, "", BLOCKS,
				     READ | WRITE | NONBLOCK);
	/* aligned, so that a handle comes in one piece; and outlives a failure */
	static _Alignas(8) __u64 out[64];
	__u64 in[64] = {};
	static struct watcher watcher;

	ASSERT_LE(0, channel);
	watcher = (struct watcher) { .client = self->reader, .place = &out[63] };
	out[63] = 0;
	ASSERT_EQ(0, pthread_create(&watcher.thread, NULL, watch_place, &watcher));
	/* backwards, so that they are no group that moves as one */
	for (int i = 63; i >= 0; i--) {
		in[i] = block_take(self->reader, self->pool);
		ASSERT_NE(0, in[i]);
	}
	for (int round = 0; round < 300; round++) {
		ASSERT_EQ(64, channel_write(channel, in, 64));
		ASSERT_EQ(64, channel_read(channel, out, 64));
		/* nothing is taken away again before it has been looked at */
		ASSERT_TRUE(EVENTUALLY(__atomic_load_n(&watcher.seen, __ATOMIC_ACQUIRE) ==
				       round + 1U));
	}
	__atomic_store_n(&watcher.stop, true, __ATOMIC_RELEASE);
	ASSERT_EQ(0, pthread_join(watcher.thread, NULL));
	EXPECT_EQ(0, watcher.foreign);
	ASSERT_EQ(0, blocks_free(self->reader, in, 64, NULL));
	close(channel);
}

struct spoiler {
	pthread_t thread;
	void *page;
	bool stop;
};

static void *spoil(void *data)
{
	struct spoiler *spoiler = data;

	while (!__atomic_load_n(&spoiler->stop, __ATOMIC_ACQUIRE)) {
		mprotect(spoiler->page, 4096, PROT_NONE);
		mprotect(spoiler->page, 4096, PROT_READ | PROT_WRITE);
	}
	return NULL;
}

/* What could not be delivered after all is in the queue again. */
TEST_F(channel, loses_nothing_when_the_buffer_of_a_reader_goes_meanwhile)
{
	int channel = channel_create(self->reader, self->pool, "", BLOCKS,
				     READ | WRITE | NONBLOCK);
	int memory = memfd_create("buffer", 0);
	struct spoiler spoiler = {};
	__u64 in[64], out[64];
	const __u64 *twin;

	ASSERT_LE(0, channel);
	ASSERT_EQ(0, ftruncate(memory, 4096));
	spoiler.page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
	ASSERT_NE(MAP_FAILED, spoiler.page);
	twin = mmap(NULL, 4096, PROT_READ, MAP_SHARED, memory, 0);
	ASSERT_NE(MAP_FAILED, twin);
	ASSERT_EQ(0, pthread_create(&spoiler.thread, NULL, spoil, &spoiler));
	for (int round = 0; round < 200; round++) {
		int got, rest = 0;

		ASSERT_EQ(0, blocks_take(self->reader, self->pool, in, 64, 0, NULL));
		ASSERT_EQ(64, channel_write(channel, in, 64));
		got = channel_read(channel, spoiler.page, 64);
		ASSERT_TRUE(got > 0 || got == -EFAULT);
		if (got < 0)
			got = 0;
		memcpy(out, twin, got * sizeof(*out));
		if (got < 64)
			rest = channel_read(channel, out + got, 64 - got);
		ASSERT_EQ(64, got + rest);
		ASSERT_EQ(0, blocks_free(self->reader, out, 64, NULL));
		ASSERT_EQ(0, pool_in_use(self->witness, self->pool));
	}
	__atomic_store_n(&spoiler.stop, true, __ATOMIC_RELEASE);
	ASSERT_EQ(0, pthread_join(spoiler.thread, NULL));
	munmap(spoiler.page, 4096);
	munmap((void *)twin, 4096);
	close(memory);
	close(channel);
}

TEST_HARNESS_MAIN
