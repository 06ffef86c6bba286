// SPDX-License-Identifier: GPL-2.0
/* Channels: who waits, in a call or in poll, is woken by each event. */
#include "channel_fixture.h"

#include <sys/epoll.h>

/* Until what is to happen is given up. */
#define PATIENCE_MS	60000

/*
 * Waiting. Who is to wait sleeps in its call before it is given anything.
 */

struct waiter {
	pthread_t thread;
	pid_t number;
	int channel;
	bool writes;
	size_t count;
	__u64 handles[BLOCKS];
	int result;
	bool done;
};

/* From here on nothing but the call can make it sleep. */
static void begin_call(struct waiter *waiter)
{
	__atomic_store_n(&waiter->number, gettid(), __ATOMIC_RELEASE);
}

static void *wait_in_call(void *data)
{
	struct waiter *waiter = data;

	begin_call(waiter);
	waiter->result = waiter->writes ?
		channel_write(waiter->channel, waiter->handles, waiter->count) :
		channel_read(waiter->channel, waiter->handles, waiter->count);
	__atomic_store_n(&waiter->done, true, __ATOMIC_RELEASE);
	return NULL;
}

static bool is_done(struct waiter *waiter)
{
	return __atomic_load_n(&waiter->done, __ATOMIC_ACQUIRE);
}

static bool is_asleep(struct waiter *waiter)
{
	pid_t number = __atomic_load_n(&waiter->number, __ATOMIC_ACQUIRE);

	return number && thread_sleeps(number);
}

/* Starts it; true once it sleeps, false if it has come back instead. */
static bool waits_in(struct waiter *waiter, void *(*function)(void *data))
{
	waiter->number = 0;
	waiter->done = false;
	if (pthread_create(&waiter->thread, NULL, function, waiter))
		return false;
	return EVENTUALLY(is_done(waiter) || is_asleep(waiter)) && !is_done(waiter);
}

static bool waits(struct waiter *waiter)
{
	return waits_in(waiter, wait_in_call);
}

static int waited(struct waiter *waiter)
{
	if (!EVENTUALLY(is_done(waiter)))
		return INT32_MIN;
	pthread_join(waiter->thread, NULL);
	return waiter->result;
}

TEST_F(channel, lets_readers_wait_for_a_handle)
{
	struct waiter waiter = { .channel = self->out, .count = 10 };

	let_wait(self->out);
	TAKE(2);
	ASSERT_TRUE(waits(&waiter));
	ASSERT_EQ(2, channel_write(self->in, self->handles, 2));
	ASSERT_EQ(2, waited(&waiter));
	EXPECT_EQ(self->handles[0], waiter.handles[0]);
	EXPECT_EQ(self->handles[1], waiter.handles[1]);
}

TEST_F(channel, lets_several_readers_wait_and_wakes_as_many_as_have_something_to_do)
{
	struct waiter waiters[4] = {};

	let_wait(self->out);
	TAKE(4);
	for (int i = 0; i < 4; i++) {
		waiters[i] = (struct waiter){ .channel = self->out, .count = 1 };
		ASSERT_TRUE(waits(&waiters[i]));
	}
	ASSERT_EQ(4, channel_write(self->in, self->handles, 4));
	for (int i = 0; i < 4; i++)
		ASSERT_EQ(1, waited(&waiters[i]));
}

TEST_F(channel, lets_writers_wait_for_room_until_all_is_written)
{
	struct waiter waiter = { .channel = self->in, .writes = true, .count = BLOCKS };
	__u64 out[CAPACITY];
	size_t done = 0;

	let_wait(self->in);
	let_wait(self->out);
	TAKE(BLOCKS);
	memcpy(waiter.handles, self->handles, sizeof(self->handles));
	ASSERT_TRUE(waits(&waiter));
	EXPECT_EQ(CAPACITY, sysfs_number(POOL, "queued"));
	while (done < BLOCKS) {
		int n = channel_read(self->out, out, 3);

		ASSERT_LT(0, n);
		ASSERT_EQ(0, memcmp(out, self->handles + done, n * sizeof(*out)));
		done += n;
	}
	EXPECT_EQ(BLOCKS, waited(&waiter));
}

TEST_F(channel, wakes_readers_when_the_last_writer_goes)
{
	struct waiter first = { .channel = self->out, .count = 1 }, second = first;
	__u64 out;

	let_wait(self->out);
	ASSERT_TRUE(waits(&first));
	ASSERT_TRUE(waits(&second));
	close(self->in);
	self->in = -1;
	EXPECT_EQ(0, waited(&first));
	EXPECT_EQ(0, waited(&second));
	EXPECT_EQ(0, channel_read(self->out, &out, 1));
}

TEST_F(channel, wakes_writers_when_the_last_reader_goes)
{
	struct waiter waiter = { .channel = self->in, .writes = true, .count = CAPACITY + 1 };
	struct waiter late = { .channel = self->in, .writes = true, .count = 1 };

	let_wait(self->in);
	TAKE(CAPACITY + 2);
	memcpy(waiter.handles, self->handles, sizeof(self->handles));
	late.handles[0] = self->handles[CAPACITY + 1];
	ASSERT_TRUE(waits(&waiter));
	ASSERT_TRUE(waits(&late));
	close(self->out);
	self->out = -1;
	EXPECT_EQ(CAPACITY, waited(&waiter));
	EXPECT_EQ(-EPIPE, waited(&late));
}

TEST_F(channel, wakes_readers_whose_client_leaves)
{
	struct waiter waiter = { .channel = self->out, .count = 1 };

	let_wait(self->out);
	ASSERT_TRUE(waits(&waiter));
	close(self->reader);
	self->reader = -1;
	EXPECT_EQ(-ENOTCONN, waited(&waiter));
}

static void on_signal(int signal)
{
}

static void catch_usr1(int flags)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = flags };

	sigaction(SIGUSR1, &action, NULL);
}

TEST_F(channel, is_interrupted_by_a_signal)
{
	struct waiter reader = { .channel = self->out, .count = 1 };
	struct waiter writer = { .channel = self->in, .writes = true, .count = CAPACITY + 1 };
	struct waiter full = { .channel = self->in, .writes = true, .count = 1 };

	catch_usr1(0);
	let_wait(self->out);
	let_wait(self->in);
	ASSERT_TRUE(waits(&reader));
	pthread_kill(reader.thread, SIGUSR1);
	EXPECT_EQ(-EINTR, waited(&reader));

	TAKE(CAPACITY + 2);
	memcpy(writer.handles, self->handles, sizeof(self->handles));
	full.handles[0] = self->handles[CAPACITY + 1];
	ASSERT_TRUE(waits(&writer));
	ASSERT_TRUE(waits(&full));
	pthread_kill(writer.thread, SIGUSR1);
	EXPECT_EQ(CAPACITY, waited(&writer));
	pthread_kill(full.thread, SIGUSR1);
	EXPECT_EQ(-EINTR, waited(&full));
	EXPECT_EQ(MINE, block_check(self->writer, self->handles[CAPACITY]));
}

TEST_F(channel, goes_on_waiting_after_a_signal_that_restarts_calls)
{
	struct waiter waiter = { .channel = self->out, .count = 1 };

	catch_usr1(SA_RESTART);
	let_wait(self->out);
	TAKE(1);
	ASSERT_TRUE(waits(&waiter));
	pthread_kill(waiter.thread, SIGUSR1);
	usleep(100000);
	ASSERT_FALSE(is_done(&waiter));
	ASSERT_EQ(1, channel_write(self->in, self->handles, 1));
	EXPECT_EQ(1, waited(&waiter));
}

/*
 * poll and epoll.
 */

TEST_F(channel, is_polled)
{
	__u64 out[CAPACITY];

	TAKE(CAPACITY);
	EXPECT_EQ(POLLOUT, polled(self->in));
	EXPECT_EQ(0, polled(self->out));
	ASSERT_EQ(CAPACITY - 1, channel_write(self->in, self->handles, CAPACITY - 1));
	EXPECT_EQ(POLLOUT, polled(self->in));
	EXPECT_EQ(POLLIN, polled(self->out));
	ASSERT_EQ(1, channel_write(self->in, self->handles + CAPACITY - 1, 1));
	EXPECT_EQ(0, polled(self->in));
	EXPECT_EQ(POLLIN, polled(self->out));
	ASSERT_EQ(1, channel_read(self->out, out, 1));
	EXPECT_EQ(POLLOUT, polled(self->in));
	ASSERT_EQ(CAPACITY - 1, channel_read(self->out, out, CAPACITY));
	EXPECT_EQ(0, polled(self->out));
}

static void *poll_in_thread(void *data)
{
	struct waiter *waiter = data;
	struct pollfd poll_for = { .fd = waiter->channel,
				   .events = waiter->writes ? POLLOUT : POLLIN };

	begin_call(waiter);
	waiter->result = poll(&poll_for, 1, PATIENCE_MS) == 1 ? poll_for.revents : -1;
	__atomic_store_n(&waiter->done, true, __ATOMIC_RELEASE);
	return NULL;
}

static bool polls(struct waiter *waiter)
{
	return waits_in(waiter, poll_in_thread);
}

TEST_F(channel, wakes_who_polls_on_each_event)
{
	struct waiter reader = { .channel = self->out };
	struct waiter writer = { .channel = self->in, .writes = true };
	__u64 out[CAPACITY];

	TAKE(CAPACITY);
	ASSERT_TRUE(polls(&reader));
	ASSERT_EQ(CAPACITY, channel_write(self->in, self->handles, CAPACITY));
	EXPECT_EQ(POLLIN, waited(&reader));

	ASSERT_TRUE(polls(&writer));
	ASSERT_EQ(1, channel_read(self->out, out, 1));
	EXPECT_EQ(POLLOUT, waited(&writer));
	ASSERT_EQ(CAPACITY - 1, channel_read(self->out, out, CAPACITY));
	ASSERT_TRUE(polls(&reader));
	close(self->in);
	self->in = -1;
	EXPECT_EQ(POLLHUP, waited(&reader));
}

TEST_F(channel, tells_who_polls_that_the_readers_have_gone)
{
	struct waiter writer = { .channel = self->in, .writes = true };

	TAKE(CAPACITY);
	ASSERT_EQ(CAPACITY, channel_write(self->in, self->handles, CAPACITY));
	ASSERT_TRUE(polls(&writer));
	close(self->out);
	self->out = -1;
	EXPECT_EQ(POLLERR, waited(&writer));
}

TEST_F(channel, tells_an_edge_triggered_epoll_of_every_write)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };

	ASSERT_LE(0, epoll);
	ASSERT_EQ(0, epoll_ctl(epoll, EPOLL_CTL_ADD, self->out, &event));
	TAKE(3);
	EXPECT_EQ(0, epoll_wait(epoll, &event, 1, 0));
	for (int i = 0; i < 3; i++) {
		ASSERT_EQ(1, channel_write(self->in, self->handles + i, 1));
		EXPECT_EQ(1, epoll_wait(epoll, &event, 1, PATIENCE_MS));
		EXPECT_EQ(EPOLLIN, event.events);
		EXPECT_EQ(0, epoll_wait(epoll, &event, 1, 0));
	}
	close(self->in);
	self->in = -1;
	EXPECT_EQ(1, epoll_wait(epoll, &event, 1, PATIENCE_MS));
	EXPECT_EQ(EPOLLIN | EPOLLHUP, event.events);
	/* closed while it is still watched */
	close(self->out);
	self->out = -1;
	EXPECT_EQ(0, epoll_wait(epoll, &event, 1, 0));
	close(epoll);
}

TEST_HARNESS_MAIN
