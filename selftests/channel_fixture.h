/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A channel between two clients, for the tests of channels.
 */
#ifndef CHANNEL_FIXTURE_H
#define CHANNEL_FIXTURE_H

#include "fixedpool_test.h"

#include <poll.h>

#define POOL "channel"
#define BLOCKS 512
#define CAPACITY 8
#define READ FIXEDPOOL_CHANNEL_READ
#define WRITE FIXEDPOOL_CHANNEL_WRITE
#define NONBLOCK FIXEDPOOL_CHANNEL_NONBLOCK
#define MINE (FIXEDPOOL_CHECK_ALIVE | FIXEDPOOL_CHECK_MINE)

/* A channel without waiting: one client writes, another reads. */
FIXTURE(channel)
{
	int writer, reader;	/* clients */
	int witness;		/* a client that takes nothing */
	int in, out;		/* descriptors of the channel */
	__u32 pool;
	__u64 handles[BLOCKS];
};

FIXTURE_VARIANT(channel)
{
	__u32 storage;
};

FIXTURE_VARIANT_ADD(channel, pages) { .storage = FIXEDPOOL_STORAGE_PAGES };
FIXTURE_VARIANT_ADD(channel, slab) { .storage = FIXEDPOOL_STORAGE_SLAB };

FIXTURE_SETUP(channel)
{
	self->writer = client_open();
	ASSERT_LE(0, self->writer);
	self->reader = client_open();
	ASSERT_LE(0, self->reader);
	self->witness = client_open();
	ASSERT_LE(0, self->witness);
	ASSERT_EQ(0, pool_create(self->writer, POOL, variant->storage, 64, BLOCKS, &self->pool));
	ASSERT_EQ(0, pool_attach(self->reader, POOL, NULL));
	ASSERT_EQ(0, pool_attach(self->witness, POOL, NULL));
	self->in = channel_create(self->writer, self->pool, "to", CAPACITY, WRITE | NONBLOCK);
	ASSERT_LE(0, self->in);
	self->out = channel_open(self->reader, self->pool, "to", READ | NONBLOCK);
	ASSERT_LE(0, self->out);
}

/* Whatever was done, at the end all blocks are there, each once. */
FIXTURE_TEARDOWN(channel)
{
	close(self->in);
	close(self->out);
	EXPECT_EQ(0, sysfs_number(POOL, "queued"));
	close(self->writer);
	close(self->reader);
	EXPECT_EQ(0, pool_in_use(self->witness, self->pool));
	EXPECT_EQ(1, pool_clients(self->witness, self->pool));
	EXPECT_TRUE(pool_has_free(self->witness, self->pool, BLOCKS));
	close(self->witness);
}

#define TAKE(count) \
	ASSERT_EQ(0, blocks_take(self->writer, self->pool, self->handles, count, 0, NULL))

static inline short polled(int descriptor)
{
	struct pollfd poll_for = { .fd = descriptor, .events = POLLIN | POLLOUT };

	return poll(&poll_for, 1, 0) < 0 ? -1 : poll_for.revents;
}

static inline void let_wait(int channel)
{
	fcntl(channel, F_SETFL, fcntl(channel, F_GETFL) & ~O_NONBLOCK);
}

#endif /* CHANNEL_FIXTURE_H */
