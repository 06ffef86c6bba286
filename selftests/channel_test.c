// SPDX-License-Identifier: GPL-2.0
/*
 * Channels without waiting: what is refused, that handles go in and come out in
 * order and their block is held by exactly one all the way, and what remains
 * when either side goes.
 */
#include "channel_fixture.h"

/*
 * Refusals.
 */

TEST_F(channel, is_refused_for_a_pool_the_client_is_not_attached_to)
{
	int stranger = client_open();

	EXPECT_EQ(-ENXIO, channel_create(stranger, self->pool, "", 1, READ));
	EXPECT_EQ(-ENXIO, channel_open(stranger, self->pool, "to", READ));
	EXPECT_EQ(-ENXIO, channel_create(self->writer, self->pool + 1, "", 1, READ));
	EXPECT_EQ(-ENXIO, channel_create(self->writer, 0, "", 1, READ));
	close(stranger);
}

TEST_F(channel, is_refused_a_capacity_out_of_range)
{
	int channel;

	EXPECT_EQ(-EINVAL, channel_create(self->writer, self->pool, "", 0, READ));
	EXPECT_EQ(-EINVAL, channel_create(self->writer, self->pool, "",
					  FIXEDPOOL_MAX_CHANNEL_CAPACITY + 1, READ));
	EXPECT_EQ(-EINVAL, channel_create(self->writer, self->pool, "", UINT32_MAX, READ));
	channel = channel_create(self->writer, self->pool, "", FIXEDPOOL_MAX_CHANNEL_CAPACITY,
				 READ);
	EXPECT_LE(0, channel);
	close(channel);
}

TEST_F(channel, is_refused_without_a_direction)
{
	EXPECT_EQ(-EINVAL, channel_create(self->writer, self->pool, "", 1, 0));
	EXPECT_EQ(-EINVAL, channel_create(self->writer, self->pool, "", 1, NONBLOCK));
	EXPECT_EQ(-EINVAL, channel_open(self->writer, self->pool, "to", 0));
	EXPECT_EQ(-EINVAL, channel_open(self->writer, self->pool, "to", NONBLOCK));
}

TEST_F(channel, is_refused_unknown_flags)
{
	for (int bit = 3; bit < 32; bit++) {
		EXPECT_EQ(-EINVAL, channel_create(self->writer, self->pool, "", 1,
						  READ | 1U << bit));
		EXPECT_EQ(-EINVAL, channel_open(self->writer, self->pool, "to",
						READ | 1U << bit));
	}
}

TEST_F(channel, is_refused_a_reserved_field_that_is_not_zero)
{
	struct fixedpool_channel_open open = {
		.name = "to",
		.pool = self->pool,
		.flags = READ,
		.reserved = 1,
	};

	EXPECT_EQ(EINVAL, call(self->writer, FIXEDPOOL_IOC_CHANNEL_OPEN, &open));
	EXPECT_EQ(-1, open.fd);
}

TEST_F(channel, is_refused_a_bad_name)
{
	struct fixedpool_channel_create create = {
		.pool = self->pool,
		.capacity = 1,
		.flags = READ,
	};
	struct fixedpool_channel_open open = { .pool = self->pool, .flags = READ };

	EXPECT_EQ(-EINVAL, channel_create(self->writer, self->pool, ".to", 1, READ));
	EXPECT_EQ(-EINVAL, channel_create(self->writer, self->pool, "a/b", 1, READ));
	EXPECT_EQ(-EINVAL, channel_open(self->writer, self->pool, ".to", READ));
	EXPECT_EQ(-EINVAL, channel_open(self->writer, self->pool, "", READ));
	memset(create.name, 'x', sizeof(create.name));
	EXPECT_EQ(EINVAL, call(self->writer, FIXEDPOOL_IOC_CHANNEL_CREATE, &create));
	EXPECT_EQ(-1, create.fd);
	memset(open.name, 'x', sizeof(open.name));
	EXPECT_EQ(EINVAL, call(self->writer, FIXEDPOOL_IOC_CHANNEL_OPEN, &open));
}

TEST_F(channel, is_refused_a_name_that_is_taken_in_this_pool)
{
	__u32 other;
	int channel;

	EXPECT_EQ(-EEXIST, channel_create(self->writer, self->pool, "to", 1, READ));
	ASSERT_EQ(0, pool_create(self->writer, "channel-other", 0, 64, 1, &other));
	channel = channel_create(self->writer, other, "to", 1, READ);
	EXPECT_LE(0, channel);
	close(channel);
	EXPECT_EQ(-ENOENT, channel_open(self->writer, other, "to", READ));
}

TEST_F(channel, of_an_unknown_name_is_not_found)
{
	EXPECT_EQ(-ENOENT, channel_open(self->reader, self->pool, "t", READ));
	EXPECT_EQ(-ENOENT, channel_open(self->reader, self->pool, "too", READ));
}

TEST_F(channel, without_a_name_is_made_as_often_as_wanted_and_not_found)
{
	int first = channel_create(self->writer, self->pool, "", 1, READ);
	int second = channel_create(self->writer, self->pool, "", 1, READ);

	EXPECT_LE(0, first);
	EXPECT_LE(0, second);
	close(first);
	close(second);
}

TEST_F(channel, keeps_its_name_as_long_as_somebody_has_it_open)
{
	close(self->in);
	EXPECT_EQ(-EEXIST, channel_create(self->writer, self->pool, "to", 1, READ));
	close(self->out);
	EXPECT_EQ(-ENOENT, channel_open(self->writer, self->pool, "to", READ));
	self->in = channel_create(self->writer, self->pool, "to", 1, WRITE);
	EXPECT_LE(0, self->in);
	self->out = -1;
}

TEST_F(channel, is_closed_on_exec_and_cannot_seek)
{
	__u64 handle;

	EXPECT_EQ(FD_CLOEXEC, fcntl(self->in, F_GETFD));
	EXPECT_EQ(O_WRONLY | O_NONBLOCK, fcntl(self->in, F_GETFL) & (O_ACCMODE | O_NONBLOCK));
	EXPECT_EQ(O_RDONLY | O_NONBLOCK, fcntl(self->out, F_GETFL) & (O_ACCMODE | O_NONBLOCK));
	EXPECT_EQ(-1, lseek(self->in, 0, SEEK_SET));
	EXPECT_EQ(ESPIPE, errno);
	EXPECT_EQ(-1, pread(self->out, &handle, sizeof(handle), 0));
	EXPECT_EQ(ESPIPE, errno);
}

TEST_F(channel, goes_one_way_only)
{
	TAKE(1);
	EXPECT_EQ(-EBADF, channel_write(self->out, self->handles, 1));
	EXPECT_EQ(-EBADF, channel_read(self->in, self->handles, 1));
	EXPECT_EQ(MINE, block_check(self->writer, self->handles[0]));
}

TEST_F(channel, that_the_caller_cannot_be_told_of_is_not_made)
{
	struct fixedpool_channel_create *create =
		mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int lowest = dup(self->in);

	ASSERT_NE(MAP_FAILED, (void *)create);
	close(lowest);
	create->pool = self->pool;
	create->capacity = 1;
	create->flags = READ;
	strcpy(create->name, "untold");
	ASSERT_EQ(0, mprotect(create, PAGE, PROT_READ));
	EXPECT_EQ(EFAULT, call(self->writer, FIXEDPOOL_IOC_CHANNEL_CREATE, create));
	EXPECT_EQ(lowest, dup(self->in));
	close(lowest);
	/* the file ends a moment later */
	EXPECT_TRUE(EVENTUALLY(channel_open(self->writer, self->pool, "untold", READ) ==
			       -ENOENT));
	munmap(create, PAGE);
}

TEST_F(channel, is_refused_when_no_descriptor_is_left)
{
	pid_t child = fork();

	if (!child) {
		struct rlimit limit = { dup(self->in), 1024 };

		REQUIRE((int)limit.rlim_cur >= 0 && close(limit.rlim_cur) == 0);
		REQUIRE(setrlimit(RLIMIT_NOFILE, &limit) == 0);
		REQUIRE(channel_create(self->writer, self->pool, "many", 1, READ) == -EMFILE);
		REQUIRE(channel_open(self->writer, self->pool, "to", READ) == -EMFILE);
		REQUIRE(channel_open(self->writer, self->pool, "many", READ) == -ENOENT);
		_exit(0);
	}
	EXPECT_EQ(0, child_verdict(child));
}

TEST_F(channel, is_paid_for_by_its_creator)
{
	pid_t child = fork();

	if (!child) {
		struct rlimit limit = { 0, 0 };

		REQUIRE(setrlimit(RLIMIT_MEMLOCK, &limit) == 0);
		REQUIRE(setresuid(4321, 4321, 4321) == 0);
		REQUIRE(channel_create(self->writer, self->pool, "", CAPACITY, READ) == -EDQUOT);
		_exit(0);
	}
	EXPECT_EQ(0, child_verdict(child));
}

TEST_F(channel, moves_whole_handles_only)
{
	TAKE(1);
	for (size_t size = 1; size < 8; size++) {
		EXPECT_EQ(-1, write(self->in, self->handles, size));
		EXPECT_EQ(EINVAL, errno);
		EXPECT_EQ(-1, read(self->out, self->handles, 8 + size));
		EXPECT_EQ(EINVAL, errno);
	}
	EXPECT_EQ(0, write(self->in, self->handles, 0));
	EXPECT_EQ(0, read(self->out, self->handles, 0));
	EXPECT_EQ(0, sysfs_number(POOL, "queued"));
}

TEST_F(channel, refuses_what_its_writer_does_not_hold)
{
	__u64 foreign = block_take(self->reader, self->pool), stale, freed, other_handle;
	struct fixedpool_pool_info info;
	__u64 bad, both[2];
	__u32 other;

	ASSERT_EQ(0, pool_info(self->writer, self->pool, &info));
	ASSERT_EQ(0, pool_create(self->writer, "channel-other", 0, 64, 1, &other));
	other_handle = block_take(self->writer, other);
	freed = block_take(self->writer, self->pool);
	ASSERT_EQ(0, block_free(self->writer, freed));
	stale = freed - (2ULL << 32);

	EXPECT_EQ(-EPERM, channel_write(self->in, &foreign, 1));
	EXPECT_EQ(-ESTALE, channel_write(self->in, &freed, 1));
	EXPECT_EQ(-ESTALE, channel_write(self->in, &stale, 1));
	EXPECT_EQ(-ENXIO, channel_write(self->in, &other_handle, 1));
	bad = 0;
	EXPECT_EQ(-EINVAL, channel_write(self->in, &bad, 1));
	bad = foreign ^ (1ULL << 32);
	EXPECT_EQ(-EINVAL, channel_write(self->in, &bad, 1));
	bad = FIXEDPOOL_HANDLE(1, info.first_slot + BLOCKS);
	EXPECT_EQ(-ERANGE, channel_write(self->in, &bad, 1));
	bad = FIXEDPOOL_HANDLE(1, 1);
	EXPECT_EQ(-ENXIO, channel_write(self->in, &bad, 1));
	EXPECT_EQ(0, sysfs_number(POOL, "queued"));
	EXPECT_EQ(1, sysfs_number(POOL, "refused_foreign"));
	EXPECT_EQ(2, sysfs_number(POOL, "refused_stale"));
	EXPECT_EQ(MINE, block_check(self->reader, foreign));
	EXPECT_EQ(MINE, block_check(self->writer, other_handle));

	/* one that stops a batch is refused when it comes first, and counted once */
	both[0] = block_take(self->writer, self->pool);
	both[1] = stale;
	EXPECT_EQ(1, channel_write(self->in, both, 2));
	EXPECT_EQ(2, sysfs_number(POOL, "refused_stale"));
	EXPECT_EQ(-ESTALE, channel_write(self->in, both + 1, 1));
	EXPECT_EQ(3, sysfs_number(POOL, "refused_stale"));
}

TEST_F(channel, writes_what_comes_before_a_refused_handle)
{
	__u64 out[4];

	TAKE(3);
	self->handles[3] = self->handles[0];	/* gone by then */
	EXPECT_EQ(3, channel_write(self->in, self->handles, 4));
	EXPECT_EQ(-EPERM, channel_write(self->in, self->handles + 3, 1));
	ASSERT_EQ(3, channel_read(self->out, out, 4));
	EXPECT_EQ(0, memcmp(out, self->handles, 3 * sizeof(*out)));
}

TEST_F(channel, writes_what_comes_before_bad_memory)
{
	char *edge = edge_map();
	__u64 *array = (__u64 *)(edge + PAGE) - 2;

	ASSERT_NE(MAP_FAILED, (void *)edge);
	TAKE(2);
	memcpy(array, self->handles, 2 * sizeof(*array));
	EXPECT_EQ(-EFAULT, channel_write(self->in, array + 2, 1));
	EXPECT_EQ(2, channel_write(self->in, array, 4));
	EXPECT_EQ(2, sysfs_number(POOL, "queued"));
	munmap(edge, 2 * PAGE);
}

TEST_F(channel, takes_nothing_out_that_it_cannot_deliver)
{
	char *edge = edge_map();
	__u64 *array = (__u64 *)(edge + PAGE) - 2;
	__u64 out[4];

	ASSERT_NE(MAP_FAILED, (void *)edge);
	TAKE(4);
	ASSERT_EQ(4, channel_write(self->in, self->handles, 4));
	EXPECT_EQ(-EFAULT, channel_read(self->out, array + 2, 1));
	EXPECT_EQ(4, sysfs_number(POOL, "queued"));
	ASSERT_EQ(2, channel_read(self->out, array, 4));
	EXPECT_EQ(0, memcmp(array, self->handles, 2 * sizeof(*array)));
	ASSERT_EQ(2, channel_read(self->out, out, 4));
	EXPECT_EQ(0, memcmp(out, self->handles + 2, 2 * sizeof(*out)));
	munmap(edge, 2 * PAGE);
}

/*
 * Moving.
 */

TEST_F(channel, moves_blocks_from_client_to_client)
{
	__u64 out = 0;
	char text[6];

	TAKE(1);
	ASSERT_EQ(0, block_write(self->writer, self->handles[0], 0, "bytes", 6));
	ASSERT_EQ(1, channel_write(self->in, self->handles, 1));
	/* held by the channel alone */
	EXPECT_EQ(FIXEDPOOL_CHECK_ALIVE, block_check(self->writer, self->handles[0]));
	EXPECT_EQ(FIXEDPOOL_CHECK_ALIVE, block_check(self->reader, self->handles[0]));
	EXPECT_EQ(EPERM, block_free(self->writer, self->handles[0]));
	EXPECT_EQ(EPERM, block_free(self->reader, self->handles[0]));
	EXPECT_EQ(1, sysfs_number(POOL, "queued"));
	EXPECT_EQ(1, sysfs_number(POOL, "in_use"));

	ASSERT_EQ(1, channel_read(self->out, &out, 1));
	EXPECT_EQ(self->handles[0], out);
	EXPECT_EQ(FIXEDPOOL_CHECK_ALIVE, block_check(self->writer, out));
	EXPECT_EQ(MINE, block_check(self->reader, out));
	EXPECT_EQ(0, sysfs_number(POOL, "queued"));
	ASSERT_EQ(0, block_read(self->reader, out, 0, text, 6));
	EXPECT_STREQ("bytes", text);
	EXPECT_EQ(0, block_free(self->reader, out));
}

TEST_F(channel, is_first_in_first_out)
{
	__u64 out[CAPACITY];
	size_t read = 0, written = 0;

	TAKE(BLOCKS);
	/* steps that go round the ring at every offset */
	for (int step = 0; read < BLOCKS; step++) {
		int n = channel_write(self->in, self->handles + written,
				      step % 5 < BLOCKS - written ? step % 5 : BLOCKS - written);

		if (n > 0)
			written += n;
		n = channel_read(self->out, out, step % 4);
		if (n > 0) {
			ASSERT_EQ(0, memcmp(out, self->handles + read, n * sizeof(*out)));
			read += n;
		}
	}
	EXPECT_EQ(-EAGAIN, channel_read(self->out, out, 1));
}

FIXTURE(capacity)
{
	int client;
	__u32 pool;
	__u64 handles[400];
};

FIXTURE_VARIANT(capacity)
{
	__u32 capacity;
};

FIXTURE_VARIANT_ADD(capacity, one) { .capacity = 1 };
FIXTURE_VARIANT_ADD(capacity, two) { .capacity = 2 };
FIXTURE_VARIANT_ADD(capacity, three) { .capacity = 3 };
FIXTURE_VARIANT_ADD(capacity, sixty_four) { .capacity = 64 };
FIXTURE_VARIANT_ADD(capacity, one_hundred) { .capacity = 100 };
FIXTURE_VARIANT_ADD(capacity, three_hundred) { .capacity = 300 };

FIXTURE_SETUP(capacity)
{
	self->client = client_open();
	ASSERT_LE(0, self->client);
	ASSERT_EQ(0, pool_create(self->client, POOL, 0, 64, 400, &self->pool));
	ASSERT_EQ(0, blocks_take(self->client, self->pool, self->handles, 400, 0, NULL));
}

FIXTURE_TEARDOWN(capacity)
{
	close(self->client);
}

TEST_F(capacity, is_exact_and_a_client_can_send_to_itself)
{
	int channel = channel_create(self->client, self->pool, "", variant->capacity,
				     READ | WRITE | NONBLOCK);
	__u64 out[400];

	ASSERT_LE(0, channel);
	for (int round = 0; round < 5; round++) {
		ASSERT_EQ(variant->capacity, channel_write(channel, self->handles, 400));
		ASSERT_EQ(-EAGAIN, channel_write(channel, self->handles + variant->capacity, 1));
		ASSERT_EQ(variant->capacity, sysfs_number(POOL, "queued"));
		ASSERT_EQ(400, sysfs_number(POOL, "in_use"));
		ASSERT_EQ(1, channel_read(channel, out, 1));
		ASSERT_EQ(1, channel_write(channel, out, 1));
		ASSERT_EQ(variant->capacity, channel_read(channel, out, 400));
		ASSERT_EQ(-EAGAIN, channel_read(channel, out, 1));
		for (__u32 i = 0; i < variant->capacity; i++)
			ASSERT_EQ(self->handles[(i + 1) % variant->capacity], out[i]);
		ASSERT_EQ(MINE, block_check(self->client, out[0]));
	}
	close(channel);
}

/*
 * Ends.
 */

TEST_F(channel, has_no_end_before_somebody_has_come)
{
	int alone = channel_create(self->reader, self->pool, "", 1, READ | NONBLOCK);
	int lonely = channel_create(self->writer, self->pool, "", 1, WRITE | NONBLOCK);
	__u64 out;

	EXPECT_EQ(-EAGAIN, channel_read(alone, &out, 1));
	EXPECT_EQ(0, polled(alone));
	TAKE(1);
	EXPECT_EQ(POLLOUT, polled(lonely));
	EXPECT_EQ(1, channel_write(lonely, self->handles, 1));
	EXPECT_EQ(0, polled(lonely));
	close(alone);
	close(lonely);
	EXPECT_EQ(0, sysfs_number(POOL, "in_use"));
}

TEST_F(channel, is_read_to_the_end_when_the_writers_have_gone)
{
	int second = channel_open(self->writer, self->pool, "to", WRITE);
	__u64 out[CAPACITY];

	TAKE(3);
	ASSERT_EQ(3, channel_write(self->in, self->handles, 3));
	close(self->in);
	self->in = -1;
	EXPECT_EQ(2, channel_read(self->out, out, 2));
	EXPECT_EQ(POLLIN, polled(self->out));
	close(second);
	EXPECT_EQ(POLLIN | POLLHUP, polled(self->out));
	EXPECT_EQ(1, channel_read(self->out, out, CAPACITY));
	EXPECT_EQ(POLLHUP, polled(self->out));
	EXPECT_EQ(0, channel_read(self->out, out, CAPACITY));
	EXPECT_EQ(0, channel_read(self->out, out, CAPACITY));

	/* a writer that comes back makes it go on */
	self->in = channel_open(self->writer, self->pool, "to", WRITE | NONBLOCK);
	EXPECT_EQ(-EAGAIN, channel_read(self->out, out, CAPACITY));
	EXPECT_EQ(0, polled(self->out));
}

TEST_F(channel, breaks_when_the_readers_have_gone_and_keeps_what_is_queued)
{
	int second = channel_open(self->reader, self->pool, "to", READ);
	__u64 out[CAPACITY];

	TAKE(4);
	ASSERT_EQ(2, channel_write(self->in, self->handles, 2));
	close(self->out);
	EXPECT_EQ(1, channel_write(self->in, self->handles + 2, 1));
	close(second);
	EXPECT_EQ(POLLERR | POLLOUT, polled(self->in));
	/* no SIGPIPE, or this program ended here */
	EXPECT_EQ(-EPIPE, channel_write(self->in, self->handles + 3, 1));
	EXPECT_EQ(MINE, block_check(self->writer, self->handles[3]));
	EXPECT_EQ(3, sysfs_number(POOL, "queued"));

	/* the next reader goes on where the last one stopped */
	self->out = channel_open(self->witness, self->pool, "to", READ | NONBLOCK);
	ASSERT_LE(0, self->out);
	EXPECT_EQ(1, channel_write(self->in, self->handles + 3, 1));
	ASSERT_EQ(4, channel_read(self->out, out, CAPACITY));
	EXPECT_EQ(0, memcmp(out, self->handles, 4 * sizeof(*out)));
	EXPECT_EQ(0, blocks_free(self->witness, out, 4, NULL));
}

TEST_F(channel, gives_back_what_is_queued_with_its_last_descriptor)
{
	TAKE(5);
	ASSERT_EQ(5, channel_write(self->in, self->handles, 5));
	close(self->out);
	self->out = -1;
	EXPECT_EQ(5, sysfs_number(POOL, "in_use"));
	close(self->in);
	self->in = -1;
	EXPECT_EQ(0, sysfs_number(POOL, "in_use"));
	EXPECT_EQ(5, sysfs_number(POOL, "reclaimed"));
	EXPECT_EQ(0, block_check(self->writer, self->handles[0]));
}

TEST_F(channel, keeps_what_is_queued_when_the_client_of_the_writer_is_closed)
{
	__u64 out[4];

	TAKE(4);
	ASSERT_EQ(2, channel_write(self->in, self->handles, 2));
	close(self->writer);
	self->writer = -1;
	EXPECT_EQ(2, pool_in_use(self->witness, self->pool));
	EXPECT_EQ(-ENOTCONN, channel_write(self->in, self->handles + 2, 1));
	EXPECT_EQ(POLLERR | POLLOUT, polled(self->in));
	ASSERT_EQ(2, channel_read(self->out, out, 4));
	EXPECT_EQ(MINE, block_check(self->reader, out[0]));
}

TEST_F(channel, is_not_read_for_a_client_that_has_left_and_goes_on_when_it_is_back)
{
	__u64 out[2];

	TAKE(2);
	ASSERT_EQ(2, channel_write(self->in, self->handles, 2));
	ASSERT_EQ(0, pool_detach(self->reader, self->pool));
	EXPECT_EQ(-ENOTCONN, channel_read(self->out, out, 2));
	EXPECT_EQ(POLLIN | POLLERR, polled(self->out));
	EXPECT_EQ(2, sysfs_number(POOL, "queued"));
	ASSERT_EQ(0, pool_attach(self->reader, POOL, NULL));
	EXPECT_EQ(2, channel_read(self->out, out, 2));
}

TEST_F(channel, outlives_the_name_of_its_pool)
{
	__u64 out = 0;

	TAKE(1);
	ASSERT_EQ(0, pool_destroy(self->writer, POOL));
	EXPECT_EQ(1, channel_write(self->in, self->handles, 1));
	EXPECT_EQ(1, channel_read(self->out, &out, 1));
	EXPECT_EQ(self->handles[0], out);
	/* for the teardown, which looks there */
	ASSERT_EQ(0, block_free(self->reader, out));
	close(self->in);
	close(self->out);
	close(self->writer);
	close(self->reader);
	close(self->witness);
	self->writer = client_open();
	self->witness = client_open();
	self->in = -1;
	self->out = -1;
	self->reader = -1;
	ASSERT_EQ(0, pool_create(self->writer, POOL, variant->storage, 64, BLOCKS, &self->pool));
	ASSERT_EQ(0, pool_attach(self->witness, POOL, NULL));
}

TEST_F(channel, keeps_its_pool_when_everything_else_has_gone)
{
	TAKE(3);
	ASSERT_EQ(3, channel_write(self->in, self->handles, 3));
	close(self->writer);
	close(self->reader);
	close(self->witness);
	EXPECT_EQ(POLLIN | POLLERR, polled(self->out));
	close(self->in);
	close(self->out);
	self->writer = client_open();
	self->witness = client_open();
	self->in = -1;
	self->out = -1;
	self->reader = -1;
	ASSERT_EQ(0, pool_create(self->writer, POOL, variant->storage, 64, BLOCKS, &self->pool));
	ASSERT_EQ(0, pool_attach(self->witness, POOL, NULL));
}

/* Blocks that were allocated together move together, but not past a bad handle. */
TEST_F(channel, stops_at_a_handle_in_the_midst_of_a_group_that_is_stale)
{
	int channel = channel_create(self->writer, self->pool, "", BLOCKS,
				     READ | WRITE | NONBLOCK);
	__u64 out[128];

	ASSERT_LE(0, channel);
	TAKE(128);
	ASSERT_EQ(0, block_free(self->writer, self->handles[70]));
	EXPECT_EQ(70, channel_write(channel, self->handles, 128));
	EXPECT_EQ(-ESTALE, channel_write(channel, self->handles + 70, 58));
	for (int i = 71; i < 128; i++)
		EXPECT_EQ(MINE, block_check(self->writer, self->handles[i]));
	EXPECT_EQ(57, channel_write(channel, self->handles + 71, 57));
	EXPECT_EQ(127, channel_read(channel, out, 128));
	EXPECT_EQ(0, memcmp(out, self->handles, 70 * sizeof(*out)));
	EXPECT_EQ(0, memcmp(out + 70, self->handles + 71, 57 * sizeof(*out)));
	EXPECT_EQ(0, blocks_free(self->writer, out, 127, NULL));
	close(channel);
}

TEST_HARNESS_MAIN
