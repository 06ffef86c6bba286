// SPDX-License-Identifier: GPL-2.0
/*
 * A kernel producer and a reader in userspace: packets of the loopback
 * interface, copied into blocks by the driver, are seen where the pool is mapped.
 */
#include "fixedpool_test.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <poll.h>

#include "client/fixedpool_client.h"

#define POOL "tap"
#define CHANNEL "packets"
#define BLOCKS 64
#define BLOCK_BYTES 2048
#define CAPACITY 16

FIXTURE(tap)
{
	int client, driver, channel;
	__u32 pool;
	struct fixedpool_pool_info info;
	char *blocks;		/* the pool, mapped */
	int sender, receiver;	/* sockets */
	struct sockaddr_in to;
};

static int tap_call(int driver, unsigned long command, const char *pool, const char *channel,
		    struct fixedpool_client_tap *tap)
{
	memset(tap, 0, sizeof(*tap));
	name_set(tap->pool, pool);
	name_set(tap->channel, channel);
	return call(driver, command, tap);
}

static int tap_begin(int driver, const char *pool, const char *channel)
{
	struct fixedpool_client_tap tap;

	return tap_call(driver, FIXEDPOOL_CLIENT_IOC_TAP, pool, channel, &tap);
}

static int tap_end(int driver, struct fixedpool_client_tap *tap)
{
	return tap_call(driver, FIXEDPOOL_CLIENT_IOC_UNTAP, "", "", tap);
}

FIXTURE_SETUP(tap)
{
	socklen_t length = sizeof(self->to);

	self->receiver = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (self->receiver < 0 && errno == EAFNOSUPPORT)
		SKIP(return, "this kernel has no IPv4");
	ASSERT_LE(0, self->receiver);
	self->driver = open(FIXEDPOOL_CLIENT_DEVICE, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->driver);
	self->client = client_open();
	ASSERT_LE(0, self->client);
	ASSERT_EQ(0, pool_create(self->client, POOL, 0, BLOCK_BYTES, BLOCKS, &self->pool));
	ASSERT_EQ(0, pool_info(self->client, self->pool, &self->info));
	self->blocks = mmap(NULL, self->info.data_length, PROT_READ, MAP_SHARED, self->client,
			    self->info.data_offset);
	ASSERT_NE(MAP_FAILED, (void *)self->blocks);
	self->channel = channel_create(self->client, self->pool, CHANNEL, CAPACITY,
				       FIXEDPOOL_CHANNEL_READ);
	ASSERT_LE(0, self->channel);

	self->to.sin_family = AF_INET;
	self->to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ASSERT_EQ(0, bind(self->receiver, (struct sockaddr *)&self->to, length));
	ASSERT_EQ(0, getsockname(self->receiver, (struct sockaddr *)&self->to, &length));
	self->sender = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ASSERT_LE(0, self->sender);
}

FIXTURE_TEARDOWN(tap)
{
	close(self->driver);
	close(self->channel);
	EXPECT_EQ(0, pool_in_use(self->client, self->pool));
	close(self->client);
	munmap(self->blocks, self->info.data_length);
	close(self->sender);
	close(self->receiver);
}

static bool datagram_send(int sender, const struct sockaddr_in *to, const void *bytes, size_t size)
{
	return sendto(sender, bytes, size, 0, (const struct sockaddr *)to, sizeof(*to)) ==
	       (ssize_t)size;
}

/* True if the packet in the block is a UDP datagram to @to that carries @bytes. */
static bool is_datagram(const struct fixedpool_client_packet *packet, const struct sockaddr_in *to,
			const void *bytes, size_t size)
{
	const struct iphdr *ip = (const void *)(packet + 1);
	const struct udphdr *udp = (const void *)(ip + 1);

	return packet->length == sizeof(*ip) + sizeof(*udp) + size &&
	       packet->stored == packet->length && ip->version == 4 && ip->ihl == 5 &&
	       ip->protocol == IPPROTO_UDP && ip->daddr == to->sin_addr.s_addr &&
	       udp->dest == to->sin_port && ntohs(udp->len) == sizeof(*udp) + size &&
	       !memcmp(udp + 1, bytes, size);
}

static bool has_handle(int channel)
{
	struct pollfd poll_for = { .fd = channel, .events = POLLIN };

	return poll(&poll_for, 1, 60000) == 1 && poll_for.revents == POLLIN;
}

TEST_F(tap, shows_the_bytes_of_each_packet_in_a_block)
{
	struct fixedpool_client_tap tap;
	__u64 seed = 7, handle;
	char bytes[1400];

	ASSERT_EQ(0, tap_begin(self->driver, POOL, CHANNEL));
	for (int i = 0; i < 200; i++) {
		size_t size = 1 + random_next(&seed) % sizeof(bytes);

		for (size_t at = 0; at < size; at++)
			bytes[at] = random_next(&seed);
		ASSERT_TRUE(datagram_send(self->sender, &self->to, bytes, size));
		ASSERT_TRUE(has_handle(self->channel));
		ASSERT_EQ(1, channel_read(self->channel, &handle, 1));
		ASSERT_EQ(FIXEDPOOL_CHECK_ALIVE | FIXEDPOOL_CHECK_MINE,
			  block_check(self->client, handle));
		ASSERT_TRUE(is_datagram((void *)(self->blocks +
						 block_offset(&self->info,
							      block_index(&self->info, handle))),
					&self->to, bytes, size));
		ASSERT_EQ(0, block_free(self->client, handle));
	}
	ASSERT_EQ(0, tap_end(self->driver, &tap));
	EXPECT_EQ(200, tap.sent);
	EXPECT_EQ(0, tap.dropped);
	EXPECT_EQ(0, channel_read(self->channel, &handle, 1));
}

TEST_F(tap, wakes_a_reader_that_waits)
{
	pid_t parent = getpid(), child;
	__u64 handle;

	ASSERT_EQ(0, tap_begin(self->driver, POOL, CHANNEL));
	child = fork();
	if (!child) {
		/* it sleeps for nothing else than to read */
		REQUIRE(EVENTUALLY(thread_sleeps(parent)));
		REQUIRE(datagram_send(self->sender, &self->to, "late", 4));
		_exit(0);
	}
	ASSERT_EQ(1, channel_read(self->channel, &handle, 1));
	EXPECT_TRUE(is_datagram((void *)(self->blocks +
					 block_offset(&self->info,
						      block_index(&self->info, handle))),
				&self->to, "late", 4));
	EXPECT_EQ(0, block_free(self->client, handle));
	EXPECT_EQ(0, child_verdict(child));
}

/* Packets may come late, and each needs a block, if only until it is dropped. */
TEST_F(tap, drops_what_nobody_reads_in_time)
{
	struct fixedpool_client_tap tap;

	ASSERT_EQ(0, tap_begin(self->driver, POOL, CHANNEL));
	for (int i = 0; i < CAPACITY + 10; i++)
		ASSERT_TRUE(datagram_send(self->sender, &self->to, "x", 1));
	EXPECT_TRUE(EVENTUALLY(sysfs_number(POOL, "allocs") == CAPACITY + 10));
	EXPECT_TRUE(EVENTUALLY(sysfs_number(POOL, "in_use") == CAPACITY));
	EXPECT_EQ(CAPACITY, sysfs_number(POOL, "queued"));
	close(self->channel);
	self->channel = -1;
	ASSERT_TRUE(datagram_send(self->sender, &self->to, "x", 1));
	EXPECT_TRUE(EVENTUALLY(sysfs_number(POOL, "allocs") == CAPACITY + 11));
	ASSERT_EQ(0, tap_end(self->driver, &tap));
	EXPECT_EQ(CAPACITY, tap.sent);
	EXPECT_EQ(11, tap.dropped);
}

TEST_F(tap, loses_no_block_when_the_reader_is_killed)
{
	pid_t child = fork();

	if (!child) {
		int client = client_open(), channel;
		__u64 handles[4];
		__u32 pool;

		REQUIRE(client >= 0 && pool_attach(client, POOL, &pool) == 0);
		channel = channel_open(client, pool, CHANNEL, FIXEDPOOL_CHANNEL_READ);
		REQUIRE(channel >= 0 && channel_read(channel, handles, 4) > 0);
		for (;;)
			pause();
	}
	ASSERT_EQ(0, tap_begin(self->driver, POOL, CHANNEL));
	for (int i = 0; i < 8; i++)
		ASSERT_TRUE(datagram_send(self->sender, &self->to, "x", 1));
	ASSERT_TRUE(EVENTUALLY(sysfs_number(POOL, "queued") < 8 &&
			       pool_in_use(self->client, self->pool) == 8));
	kill(child, SIGKILL);
	ASSERT_EQ(128 + SIGKILL, child_verdict(child));
	EXPECT_EQ(sysfs_number(POOL, "queued"), pool_in_use(self->client, self->pool));
}

TEST_F(tap, refuses_what_it_cannot_do)
{
	struct fixedpool_client_tap tap = { .flags = 1 };
	__u32 small;

	EXPECT_EQ(EINVAL, call(self->driver, FIXEDPOOL_CLIENT_IOC_TAP, &tap));
	tap.flags = 0;
	tap.reserved = 1;
	EXPECT_EQ(EINVAL, call(self->driver, FIXEDPOOL_CLIENT_IOC_TAP, &tap));
	EXPECT_EQ(EINVAL, call(self->driver, FIXEDPOOL_CLIENT_IOC_UNTAP, &tap));
	EXPECT_EQ(ENOENT, tap_begin(self->driver, "nobody", CHANNEL));
	EXPECT_EQ(ENOENT, tap_begin(self->driver, POOL, "nothing"));
	EXPECT_EQ(ENOENT, tap_end(self->driver, &tap));
	ASSERT_EQ(0, pool_create(self->client, "tap-small", 0, 4, 1, &small));
	EXPECT_EQ(EMSGSIZE, tap_begin(self->driver, "tap-small", CHANNEL));
	ASSERT_EQ(0, tap_begin(self->driver, POOL, CHANNEL));
	EXPECT_EQ(EALREADY, tap_begin(self->driver, POOL, CHANNEL));
	EXPECT_EQ(0, tap_end(self->driver, &tap));
}

TEST_HARNESS_MAIN
