// SPDX-License-Identifier: GPL-2.0
/* poll() of a client, and WATCH: being told of free blocks. */
#include "waiting_fixture.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>

#define MANY_BLOCKS 4096
#define LOW 100
#define HIGH 300

static int watch(int client, __u32 pool, __u32 low, __u32 high, int fd, __u32 *id)
{
	struct fixedpool_watch watch = { .pool = pool, .low = low, .high = high, .fd = fd };
	int error = call(client, FIXEDPOOL_IOC_WATCH, &watch);

	if (id)
		*id = watch.id;
	return error;
}

static int unwatch(int client, __u32 pool, __u32 id)
{
	struct fixedpool_watch watch = {
		.pool = pool, .flags = FIXEDPOOL_WATCH_REMOVE, .id = id
	};

	return call(client, FIXEDPOOL_IOC_WATCH, &watch);
}

/* How often it has been signalled since the last time. */
static __u64 signals(int event)
{
	__u64 count;

	return read(event, &count, sizeof(count)) == sizeof(count) ? count : 0;
}

/* The same, once it has been, or when so many milliseconds are over. */
static __u64 signals_within(int event, int patience)
{
	struct pollfd poll_for = { .fd = event, .events = POLLIN };

	return poll(&poll_for, 1, patience) == 1 ? signals(event) : 0;
}

/* Milliseconds, until what is to happen is given up; the longest of those below. */
#define PATIENCE	60000
#define PAUSE_MAX	10000

static __u64 signals_soon(int event)
{
	return signals_within(event, PATIENCE);
}

static bool stays_silent(int event)
{
	struct pollfd poll_for = { .fd = event, .events = POLLIN };

	return poll(&poll_for, 1, 50) == 0;
}

/* The client holds what is taken; @other does, too, in tests of poll(). */
FIXTURE(watch)
{
	int client, other, event;
	__u32 pool, blocks, held;
	__u64 *handles;
};

FIXTURE_VARIANT(watch)
{
	__u32 storage, blocks;
};

FIXTURE_VARIANT_ADD(watch, few) { .storage = FIXEDPOOL_STORAGE_PAGES, .blocks = 500 };
FIXTURE_VARIANT_ADD(watch, many) { .storage = FIXEDPOOL_STORAGE_PAGES, .blocks = MANY_BLOCKS };
FIXTURE_VARIANT_ADD(watch, slab) { .storage = FIXEDPOOL_STORAGE_SLAB, .blocks = MANY_BLOCKS };

FIXTURE_SETUP(watch)
{
	self->client = client_open();
	ASSERT_LE(0, self->client);
	self->other = client_open();
	ASSERT_LE(0, self->other);
	self->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ASSERT_LE(0, self->event);
	self->blocks = variant->blocks;
	ASSERT_EQ(0, pool_create(self->client, POOL, variant->storage, 64, self->blocks,
				 &self->pool));
	ASSERT_EQ(0, pool_attach(self->other, POOL, NULL));
	self->handles = calloc(self->blocks, sizeof(__u64));
	ASSERT_NE(NULL, self->handles);
}

FIXTURE_TEARDOWN(watch)
{
	close(self->client);
	EXPECT_EQ(0, pool_in_use(self->other, self->pool));
	close(self->other);
	close(self->event);
	free(self->handles);
}

/* Takes or frees until there are @free, one by one near the end. */
#define LEAVE(free_) do {							\
	__u32 wanted_ = self->blocks - (free_);					\
										\
	while (self->held < wanted_) {						\
		__u32 some_ = wanted_ - self->held > 600 ? 500 : 1;		\
										\
		ASSERT_EQ(0, blocks_take(self->client, self->pool,		\
					 self->handles + self->held, some_, 0, NULL)); \
		self->held += some_;						\
	}									\
	while (self->held > wanted_) {						\
		__u32 some_ = self->held - wanted_ > 600 ? 500 : 1;		\
										\
		self->held -= some_;						\
		ASSERT_EQ(0, blocks_free(self->client, self->handles + self->held, \
					 some_, NULL));				\
	}									\
} while (0)

/*
 * Leaves @back_ blocks, of which nothing is told, and @there_, of which it is. A
 * worker tells; who has gone there before it has seen that he was back goes once
 * more, and is slower.
 */
#define CROSS(back_, there_) do {						\
	__u64 told_ = 0, tries_ = 0;						\
										\
	for (int pause_ = 50; !told_ && pause_ < PAUSE_MAX; pause_ *= 2) {	\
		LEAVE(back_);							\
		told_ += signals_within(self->event, pause_);			\
		LEAVE(there_);							\
		told_ += signals_within(self->event, pause_);			\
		tries_++;							\
	}									\
	ASSERT_LE(1, told_);							\
	ASSERT_GE(tries_, told_);						\
} while (0)

TEST_F(watch, tells_when_blocks_become_few_and_when_there_are_enough_again)
{
	ASSERT_EQ(0, watch(self->client, self->pool, LOW, HIGH, self->event, NULL));
	for (int i = 0; i < 3; i++) {
		LEAVE(LOW);
		ASSERT_TRUE(stays_silent(self->event));
		LEAVE(LOW - 1);
		ASSERT_EQ(1, signals_soon(self->event));
		LEAVE(HIGH - 1);
		LEAVE(10);
		LEAVE(HIGH - 1);
		ASSERT_TRUE(stays_silent(self->event));
		LEAVE(HIGH);
		ASSERT_EQ(1, signals_soon(self->event));
		LEAVE(self->blocks);
		ASSERT_TRUE(stays_silent(self->event));
	}
}

TEST_F(watch, with_a_low_mark_alone_tells_each_time_that_blocks_become_few)
{
	ASSERT_EQ(0, watch(self->client, self->pool, LOW, 0, self->event, NULL));
	for (int i = 0; i < 3; i++)
		CROSS(LOW, LOW - 1);
}

TEST_F(watch, with_a_high_mark_alone_tells_each_time_that_there_are_enough)
{
	LEAVE(HIGH - 1);
	ASSERT_EQ(0, watch(self->client, self->pool, 0, HIGH, self->event, NULL));
	for (int i = 0; i < 3; i++)
		CROSS(HIGH - 1, HIGH);
}

TEST_F(watch, tells_at_once_what_is_so_already)
{
	ASSERT_EQ(0, watch(self->client, self->pool, 0, HIGH, self->event, NULL));
	EXPECT_EQ(1, signals(self->event));
	LEAVE(LOW - 1);
	ASSERT_EQ(0, watch(self->client, self->pool, LOW, 0, self->event, NULL));
	EXPECT_EQ(1, signals(self->event));
}

TEST_F(watch, tells_of_the_last_block)
{
	ASSERT_EQ(0, watch(self->client, self->pool, 1, 1, self->event, NULL));
	LEAVE(0);
	EXPECT_EQ(1, signals_soon(self->event));
	LEAVE(1);
	EXPECT_EQ(1, signals_soon(self->event));
}

TEST_F(watch, tells_of_one_block_that_is_not_there)
{
	ASSERT_EQ(0, watch(self->client, self->pool, self->blocks, self->blocks, self->event,
			   NULL));
	LEAVE(self->blocks - 1);
	EXPECT_EQ(1, signals_soon(self->event));
	LEAVE(self->blocks);
	EXPECT_EQ(1, signals_soon(self->event));
}

TEST_F(watch, serves_several_and_each_by_its_own_marks)
{
	int second = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	ASSERT_EQ(0, watch(self->client, self->pool, LOW, LOW, self->event, NULL));
	ASSERT_EQ(0, watch(self->other, self->pool, HIGH, 0, second, NULL));
	LEAVE(HIGH - 1);
	EXPECT_EQ(1, signals_soon(second));
	EXPECT_TRUE(stays_silent(self->event));
	LEAVE(LOW - 1);
	EXPECT_EQ(1, signals_soon(self->event));
	LEAVE(LOW);
	EXPECT_EQ(1, signals_soon(self->event));
	EXPECT_TRUE(stays_silent(second));
	close(second);
}

TEST_F(watch, is_ended)
{
	__u32 id;

	ASSERT_EQ(0, watch(self->client, self->pool, LOW, 0, self->event, &id));
	EXPECT_NE(0, id);
	ASSERT_EQ(0, unwatch(self->client, self->pool, id));
	LEAVE(LOW - 1);
	EXPECT_TRUE(stays_silent(self->event));
	EXPECT_EQ(ENOENT, unwatch(self->client, self->pool, id));
}

TEST_F(watch, ends_when_the_client_leaves_the_pool)
{
	ASSERT_EQ(0, watch(self->other, self->pool, LOW, 0, self->event, NULL));
	ASSERT_EQ(0, pool_detach(self->other, self->pool));
	LEAVE(LOW - 1);
	EXPECT_TRUE(stays_silent(self->event));
	EXPECT_EQ(0, pool_attach(self->other, POOL, NULL));
}

TEST_F(watch, lets_magazines_open_again)
{
	__u32 id;

	if (self->blocks < MANY_BLOCKS)
		SKIP(return, "a pool that small has no magazines");
	ASSERT_EQ(0, watch(self->client, self->pool, LOW, HIGH, self->event, &id));
	LEAVE(0);
	EXPECT_EQ(1, signals_soon(self->event));
	LEAVE(self->blocks);
	EXPECT_EQ(1, signals_soon(self->event));
	ASSERT_TRUE(EVENTUALLY(!block_free(self->client, block_take(self->client, self->pool)) &&
			       sysfs_number(POOL, "cached") > 0));
}

TEST_F(watch, counts_no_block_that_somebody_waits_for)
{
	struct waiter waiter = { .client = self->other, .pool = self->pool, .count = 4 };

	LEAVE(0);
	ASSERT_EQ(0, watch(self->client, self->pool, 0, 2, self->event, NULL));
	ASSERT_TRUE(starts_to_wait(&waiter));
	LEAVE(3);
	EXPECT_TRUE(stays_silent(self->event));
	LEAVE(4);
	EXPECT_EQ(0, waited(&waiter));
	EXPECT_TRUE(stays_silent(self->event));
	LEAVE(6);
	EXPECT_EQ(1, signals_soon(self->event));
	EXPECT_EQ(0, blocks_free(self->other, waiter.handles, 4, NULL));
}

TEST_F(watch, that_makes_no_sense_is_refused)
{
	EXPECT_EQ(EINVAL, watch(self->client, self->pool, 0, 0, self->event, NULL));
	EXPECT_EQ(EINVAL, watch(self->client, self->pool, 3, 2, self->event, NULL));
	EXPECT_EQ(EINVAL, watch(self->client, self->pool, self->blocks + 1, 0, self->event, NULL));
	EXPECT_EQ(EINVAL, watch(self->client, self->pool, 0, self->blocks + 1, self->event, NULL));
	EXPECT_EQ(EBADF, watch(self->client, self->pool, 1, 0, -1, NULL));
	EXPECT_EQ(EINVAL, watch(self->client, self->pool, 1, 0, self->client, NULL));
	EXPECT_EQ(ENXIO, watch(self->client, self->pool + 1000, 1, 0, self->event, NULL));
	EXPECT_EQ(ENOENT, unwatch(self->client, self->pool, 1));
}

TEST_F(watch, refuses_what_it_does_not_know)
{
	struct fixedpool_watch watch = { .pool = self->pool, .low = 1, .fd = self->event };

	for (int bit = 1; bit < 32; bit++) {
		watch.flags = 1U << bit;
		EXPECT_EQ(EINVAL, call(self->client, FIXEDPOOL_IOC_WATCH, &watch));
	}
	watch.flags = 0;
	watch.id = 1;
	EXPECT_EQ(EINVAL, call(self->client, FIXEDPOOL_IOC_WATCH, &watch));
	watch.flags = FIXEDPOOL_WATCH_REMOVE;
	EXPECT_EQ(EINVAL, call(self->client, FIXEDPOOL_IOC_WATCH, &watch));
}

TEST_F(watch, is_one_of_a_limited_number)
{
	__u32 id;

	for (int i = 0; i < FIXEDPOOL_MAX_WATCHES; i++)
		ASSERT_EQ(0, watch(self->client, self->pool, 1, 0, self->event, &id));
	EXPECT_EQ(EMFILE, watch(self->client, self->pool, 1, 0, self->event, NULL));
	EXPECT_EQ(0, watch(self->other, self->pool, 1, 0, self->event, NULL));
	EXPECT_EQ(0, unwatch(self->client, self->pool, id));
	EXPECT_EQ(0, watch(self->client, self->pool, 1, 0, self->event, NULL));
}

TEST_F(watch, that_cannot_be_told_is_not_made)
{
	char *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct fixedpool_watch *watch = (void *)page;

	ASSERT_NE(MAP_FAILED, page);
	*watch = (struct fixedpool_watch){ .pool = self->pool, .low = LOW, .fd = self->event };
	ASSERT_EQ(0, mprotect(page, PAGE, PROT_READ));
	EXPECT_EQ(EFAULT, call(self->client, FIXEDPOOL_IOC_WATCH, watch));
	LEAVE(LOW - 1);
	EXPECT_TRUE(stays_silent(self->event));
	munmap(page, PAGE);
}

/*
 * poll().
 */

static int polled(int client, int timeout)
{
	struct pollfd poll_for = { .fd = client, .events = POLLIN };

	return poll(&poll_for, 1, timeout) == 1 ? poll_for.revents : 0;
}

#define ASK(client_, wanted_) do {						\
	__u64 handle_;								\
										\
	ASSERT_EQ(wanted_, blocks_take(client_, self->pool, &handle_, 1, 0, NULL)); \
} while (0)

TEST_F(watch, poll_is_ready_for_who_has_missed_nothing)
{
	EXPECT_EQ(POLLIN, polled(self->other, 0));
	LEAVE(0);
	EXPECT_EQ(POLLIN, polled(self->other, 0));
}

TEST_F(watch, poll_is_ready_again_when_a_block_is_free)
{
	LEAVE(0);
	ASK(self->other, ENOBUFS);
	EXPECT_EQ(0, polled(self->other, 50));
	LEAVE(1);
	EXPECT_EQ(POLLIN, polled(self->other, PATIENCE));
	LEAVE(0);
	EXPECT_EQ(0, polled(self->other, 0));
	LEAVE(1);
	ASSERT_TRUE(block_free(self->other, block_take(self->other, self->pool)) == 0);
	LEAVE(0);
	EXPECT_EQ(POLLIN, polled(self->other, 0));
}

static void *poll_in_thread(void *data)
{
	int *client = data;

	return (void *)(long)polled(*client, PATIENCE);
}

TEST_F(watch, poll_is_woken_by_a_block)
{
	pthread_t thread;
	void *events;

	for (int i = 0; i < 20; i++) {
		LEAVE(0);
		ASK(self->other, ENOBUFS);
		ASSERT_EQ(0, pthread_create(&thread, NULL, poll_in_thread, &self->other));
		usleep(10000);
		LEAVE(1);
		pthread_join(thread, &events);
		ASSERT_EQ(POLLIN, (long)events);
	}
}

TEST_F(watch, poll_is_woken_when_the_client_leaves_the_pool)
{
	pthread_t thread;
	void *events;

	LEAVE(0);
	ASK(self->other, ENOBUFS);
	ASSERT_EQ(0, pthread_create(&thread, NULL, poll_in_thread, &self->other));
	usleep(50000);
	ASSERT_EQ(0, pool_detach(self->other, self->pool));
	pthread_join(thread, &events);
	EXPECT_EQ(POLLIN, (long)events);
	EXPECT_EQ(0, pool_attach(self->other, POOL, NULL));
}

TEST_F(watch, poll_comes_after_those_who_wait)
{
	struct waiter waiter = { .client = self->client, .pool = self->pool, .count = 2 };

	LEAVE(0);
	ASK(self->other, ENOBUFS);
	ASSERT_TRUE(starts_to_wait(&waiter));
	LEAVE(1);
	EXPECT_EQ(0, polled(self->other, 50));
	LEAVE(2);
	EXPECT_EQ(0, waited(&waiter));
	EXPECT_EQ(0, polled(self->other, 50));
	LEAVE(3);
	EXPECT_EQ(POLLIN, polled(self->other, PATIENCE));
}

TEST_F(watch, edge_triggered_epoll_tells_of_each_block)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };

	ASSERT_LE(0, epoll);
	LEAVE(0);
	ASK(self->other, ENOBUFS);
	ASSERT_EQ(0, epoll_ctl(epoll, EPOLL_CTL_ADD, self->other, &event));
	for (int i = 0; i < 5; i++) {
		EXPECT_EQ(0, epoll_wait(epoll, &event, 1, 0));
		LEAVE(1);
		EXPECT_EQ(1, epoll_wait(epoll, &event, 1, PATIENCE));
		LEAVE(0);
		ASK(self->other, ENOBUFS);
	}
	close(epoll);
}

TEST_HARNESS_MAIN
