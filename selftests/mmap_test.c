// SPDX-License-Identifier: GPL-2.0
/*
 * Mappings that work: what they show, that a touch does not fault, and that
 * they outlive everything else. (Those that are refused: mmap_refusal_test.)
 */
#include "fixedpool_test.h"

#include <linux/futex.h>
#include <sys/uio.h>

#define BLOCKS 100

/* A pool of many chunks, wholly mapped; each block has its own bytes. */
FIXTURE(mapping)
{
	int client;
	struct fixedpool_pool_info info;
	__u64 handles[BLOCKS];
	unsigned char *data;
	volatile __u32 *versions;
};

FIXTURE_VARIANT(mapping)
{
	__u32 block_size;
};

FIXTURE_VARIANT_ADD(mapping, of_100_bytes) { .block_size = 100 };
FIXTURE_VARIANT_ADD(mapping, of_a_page) { .block_size = 4096 };
FIXTURE_VARIANT_ADD(mapping, of_5000_bytes) { .block_size = 5000 };
FIXTURE_VARIANT_ADD(mapping, of_16_pages) { .block_size = 65536 };

static void *map(int client, __u64 offset, size_t length)
{
	return mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, client, offset);
}

static unsigned char byte_of(size_t block, size_t at)
{
	return 1 + (block * 7 + at) % 255;
}

static unsigned char *block_at(FIXTURE_DATA(mapping) *self, int i)
{
	return self->data + block_offset(&self->info, block_index(&self->info, self->handles[i]));
}

static bool filled(FIXTURE_DATA(mapping) *self, int i)
{
	for (__u32 at = 0; at < self->info.block_size; at++)
		if (block_at(self, i)[at] != byte_of(i, at))
			return false;
	return true;
}

static bool all_filled(FIXTURE_DATA(mapping) *self)
{
	for (int i = 0; i < BLOCKS; i++)
		if (!filled(self, i))
			return false;
	return true;
}

FIXTURE_SETUP(mapping)
{
	__u32 id;

	self->client = client_open();
	ASSERT_LE(0, self->client);
	ASSERT_EQ(0, pool_create(self->client, "mmap", 0, variant->block_size, BLOCKS, &id));
	ASSERT_EQ(0, pool_info(self->client, id, &self->info));
	ASSERT_EQ(0, blocks_take(self->client, id, self->handles, BLOCKS, 0, NULL));
	self->data = map(self->client, self->info.data_offset, self->info.data_length);
	ASSERT_TRUE(self->data != MAP_FAILED);
	self->versions = map(self->client, self->info.versions_offset, self->info.versions_length);
	ASSERT_TRUE(self->versions != MAP_FAILED);
	for (int i = 0; i < BLOCKS; i++)
		for (__u32 at = 0; at < variant->block_size; at++)
			block_at(self, i)[at] = byte_of(i, at);
}

FIXTURE_TEARDOWN(mapping)
{
	close(self->client);
}

TEST_F(mapping, shows_each_block_where_info_says)
{
	unsigned char *bytes = malloc(variant->block_size);

	ASSERT_TRUE(bytes != NULL);
	for (int i = 0; i < BLOCKS; i++) {
		ASSERT_EQ(0, block_read(self->client, self->handles[i], 0, bytes,
					variant->block_size));
		for (__u32 at = 0; at < variant->block_size; at++) {
			ASSERT_EQ(byte_of(i, at), bytes[at]);
		}
	}
	free(bytes);
}

TEST_F(mapping, begins_with_zeroes)
{
	struct fixedpool_pool_info info;
	unsigned char *data;
	__u32 id;

	memory_litter();
	ASSERT_EQ(0, pool_create(self->client, "mmap-new", 0, variant->block_size, BLOCKS, &id));
	ASSERT_EQ(0, pool_info(self->client, id, &info));
	data = map(self->client, info.data_offset, info.data_length);
	ASSERT_TRUE(data != MAP_FAILED);
	for (size_t at = 0; at < info.data_length; at++) {
		ASSERT_EQ(0, data[at]);
	}
}

/* True if a page is in the page table of this process. */
static bool present(int pagemap, const void *address)
{
	uint64_t entry = 0;

	return pread(pagemap, &entry, sizeof(entry), (uintptr_t)address / PAGE * sizeof(entry)) ==
	       sizeof(entry) && entry >> 63;
}

TEST_F(mapping, is_in_place_before_the_first_touch)
{
	unsigned char *data = map(self->client, self->info.data_offset, self->info.data_length);
	unsigned char *versions = map(self->client, self->info.versions_offset,
				      self->info.versions_length);
	int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);

	ASSERT_TRUE(data != MAP_FAILED && versions != MAP_FAILED);
	ASSERT_LE(0, pagemap);
	for (size_t at = 0; at < self->info.data_length; at += PAGE) {
		ASSERT_TRUE(present(pagemap, data + at));
	}
	for (size_t at = 0; at < self->info.versions_length; at += PAGE) {
		ASSERT_TRUE(present(pagemap, versions + at));
	}
	/* This way to see it does see a page that is not. */
	data = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	EXPECT_FALSE(present(pagemap, data));
	close(pagemap);
}

TEST_F(mapping, is_touched_without_a_fault)
{
	unsigned char *data = map(self->client, self->info.data_offset, self->info.data_length);
	struct rusage before, after;
	volatile unsigned char *byte;

	ASSERT_TRUE(data != MAP_FAILED);
	ASSERT_EQ(0, getrusage(RUSAGE_SELF, &before));
	for (byte = data; byte < data + self->info.data_length; byte += PAGE)
		*byte = *byte;
	ASSERT_EQ(0, getrusage(RUSAGE_SELF, &after));
	/* Pages of this program itself may fault, but few. */
	EXPECT_GT(3 + self->info.data_length / PAGE / 8, after.ru_minflt - before.ru_minflt);
	EXPECT_EQ(before.ru_majflt, after.ru_majflt);
}

TEST_F(mapping, shows_the_versions)
{
	for (int i = 0; i < BLOCKS; i++) {
		__u32 index = block_index(&self->info, self->handles[i]);
		__u32 version = FIXEDPOOL_HANDLE_VERSION(self->handles[i]);

		ASSERT_EQ(version, self->versions[index]);
		ASSERT_EQ(0, block_free(self->client, self->handles[i]));
		ASSERT_EQ(version + 1, self->versions[index]);
	}
	for (__u32 index = 0; index < BLOCKS; index++) {
		ASSERT_EQ(0, self->versions[index] % 2);
	}
	ASSERT_EQ(0, blocks_take(self->client, self->info.id, self->handles, BLOCKS, 0, NULL));
	for (int i = 0; i < BLOCKS; i++) {
		ASSERT_EQ(FIXEDPOOL_HANDLE_VERSION(self->handles[i]),
			  self->versions[block_index(&self->info, self->handles[i])]);
	}
}

TEST_F(mapping, of_any_page_shows_that_page)
{
	size_t pages = self->info.data_length / PAGE;

	for (size_t page = 0; page < pages; page += 1 + pages / 50) {
		size_t length = PAGE * (1 + page % 3);
		unsigned char *part;

		if (page * PAGE + length > self->info.data_length)
			length = PAGE;
		part = map(self->client, self->info.data_offset + page * PAGE, length);
		ASSERT_TRUE(part != MAP_FAILED);
		ASSERT_EQ(0, memcmp(self->data + page * PAGE, part, length));
		part[17] ^= 0xff;
		ASSERT_EQ(part[17], self->data[page * PAGE + 17]);
		part[17] ^= 0xff;
		ASSERT_EQ(0, munmap(part, length));
	}
	EXPECT_TRUE(all_filled(self));
}

TEST_F(mapping, can_be_taken_apart)
{
	size_t length = self->info.data_length, middle = length / PAGE / 2 * PAGE;
	unsigned char first = self->data[0], last = self->data[length - PAGE];

	ASSERT_EQ(0, munmap(self->data + middle, PAGE));
	EXPECT_EQ(first, self->data[0]);
	EXPECT_EQ(last, self->data[length - PAGE]);
	EXPECT_EQ(EFAULT, block_write(self->client, self->handles[0], 0, self->data + middle, 1));

	/* The hole can be filled again. */
	ASSERT_TRUE(mmap(self->data + middle, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
			 self->client, self->info.data_offset + middle) == self->data + middle);
	EXPECT_TRUE(all_filled(self));
	ASSERT_EQ(0, munmap(self->data, PAGE));
	ASSERT_EQ(0, munmap(self->data + length - PAGE, PAGE));
	ASSERT_EQ(0, munmap(self->data, length));
}

TEST_F(mapping, comes_back_after_its_pages_were_dropped)
{
	int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);

	ASSERT_EQ(0, madvise(self->data, self->info.data_length, MADV_DONTNEED));
	ASSERT_FALSE(present(pagemap, self->data));
	EXPECT_TRUE(all_filled(self));
	ASSERT_EQ(0, madvise((void *)self->versions, self->info.versions_length, MADV_DONTNEED));
	for (int i = 0; i < BLOCKS; i++) {
		ASSERT_EQ(FIXEDPOOL_HANDLE_VERSION(self->handles[i]),
			  self->versions[block_index(&self->info, self->handles[i])]);
	}
	close(pagemap);
}

TEST_F(mapping, can_be_moved_and_shrunk_but_not_grown)
{
	size_t length = self->info.data_length;
	unsigned char *elsewhere = mmap(NULL, length, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
					-1, 0);

	ASSERT_TRUE(elsewhere != MAP_FAILED);
	elsewhere = mremap(self->data, length, length, MREMAP_MAYMOVE | MREMAP_FIXED, elsewhere);
	ASSERT_TRUE(elsewhere != MAP_FAILED);
	self->data = elsewhere;
	EXPECT_TRUE(all_filled(self));
	EXPECT_TRUE(mremap(self->data, length, length + PAGE, MREMAP_MAYMOVE) == MAP_FAILED);
	EXPECT_TRUE(all_filled(self));
	EXPECT_TRUE(mremap(self->data, length, PAGE, 0) == self->data);
	self->data[0] = 1;
}

TEST_F(mapping, can_be_made_readable_only_and_back)
{
	ASSERT_EQ(0, mprotect(self->data, self->info.data_length, PROT_NONE));
	EXPECT_EQ(EFAULT, block_write(self->client, self->handles[0], 0, self->data, 1));
	ASSERT_EQ(0, mprotect(self->data, self->info.data_length, PROT_READ));
	EXPECT_TRUE(all_filled(self));
	EXPECT_EQ(EFAULT, block_read(self->client, self->handles[0], 0, self->data, 1));
	ASSERT_EQ(0, mprotect(self->data, self->info.data_length, PROT_READ | PROT_WRITE));
	self->data[0] = self->data[0];
}

TEST_F(mapping, outlives_name_attachment_and_descriptor)
{
	ASSERT_EQ(0, pool_destroy(self->client, "mmap"));
	EXPECT_TRUE(all_filled(self));
	ASSERT_EQ(0, pool_detach(self->client, self->info.id));
	EXPECT_TRUE(all_filled(self));
	close(self->client);
	EXPECT_TRUE(all_filled(self));

	/* Were its pages free, somebody else would get them now. */
	self->client = client_open();
	for (int i = 0; i < 20; i++) {
		__u64 handles[BLOCKS];
		__u32 id;

		ASSERT_EQ(0, pool_create(self->client, "mmap", 0, variant->block_size, BLOCKS,
					 &id));
		ASSERT_EQ(0, blocks_take(self->client, id, handles, BLOCKS,
					 FIXEDPOOL_ALLOC_ZERO, NULL));
		ASSERT_EQ(0, pool_detach(self->client, id));
	}
	EXPECT_TRUE(all_filled(self));
	for (__u32 i = 0; i < BLOCKS; i++) {
		ASSERT_EQ(0, self->versions[i] % 2);
	}
	ASSERT_EQ(0, madvise(self->data, self->info.data_length, MADV_DONTNEED));
	EXPECT_TRUE(all_filled(self));
	memset(self->data, 0x11, self->info.data_length);
}

TEST_F(mapping, does_not_keep_the_client_or_its_blocks)
{
	int other = client_open();

	ASSERT_EQ(0, pool_attach(other, "mmap", NULL));
	EXPECT_EQ(BLOCKS, pool_in_use(other, self->info.id));
	close(self->client);
	EXPECT_EQ(0, pool_in_use(other, self->info.id));
	EXPECT_EQ(1, pool_clients(other, self->info.id));
	EXPECT_TRUE(pool_has_free(other, self->info.id, BLOCKS));
	EXPECT_TRUE(all_filled(self));
	close(other);
}

TEST_F(mapping, can_be_made_of_a_destroyed_pool_while_attached)
{
	unsigned char *again;

	ASSERT_EQ(0, pool_destroy(self->client, "mmap"));
	again = map(self->client, self->info.data_offset, self->info.data_length);
	ASSERT_TRUE(again != MAP_FAILED);
	EXPECT_EQ(0, memcmp(self->data, again, self->info.data_length));
}

TEST_F(mapping, is_shared_with_a_child)
{
	pid_t child = fork();

	if (child == 0) {
		REQUIRE(all_filled(self));
		block_at(self, 3)[0] = 0xcc;
		_exit(0);
	}
	ASSERT_EQ(0, child_verdict(child));
	EXPECT_EQ(0xcc, block_at(self, 3)[0]);
}

TEST_F(mapping, of_a_child_outlives_its_parent)
{
	int verdicts[2], alive[2];
	char verdict = 0;
	pid_t parent;

	/* The client is @parent's alone, and the mapping its child's in the end. */
	ASSERT_EQ(0, pipe(verdicts));
	ASSERT_EQ(0, pipe(alive));
	parent = fork();
	if (parent == 0) {
		pid_t child = fork();

		REQUIRE(child >= 0);
		if (child)
			_exit(0);
		close(self->client);
		close(alive[1]);
		/* Ends when all others that may write have gone. */
		REQUIRE(read(alive[0], &verdict, 1) == 0);
		verdict = all_filled(self) ? 'y' : 'n';
		REQUIRE(write(verdicts[1], &verdict, 1) == 1);
		_exit(0);
	}
	EXPECT_EQ(0, child_verdict(parent));
	close(self->client);
	ASSERT_EQ(0, munmap(self->data, self->info.data_length));
	close(alive[1]);
	EXPECT_EQ(1, read(verdicts[0], &verdict, 1));
	EXPECT_EQ('y', verdict);
}

static long futex(volatile __u32 *word, int operation, __u32 value)
{
	return syscall(SYS_futex, word, operation, value, NULL, NULL, 0);
}

/* The one waited at is at the same place of its page as words elsewhere. */
TEST_F(mapping, carries_a_futex_from_one_client_to_another_and_to_no_other_place)
{
	__u32 offset = block_offset(&self->info, block_index(&self->info, self->handles[7]));
	volatile __u32 *word = (void *)block_at(self, 7), *other_page, *other_pool;
	struct fixedpool_pool_info info;
	long woken = 0, astray = 0;
	pid_t child;
	__u32 id;

	ASSERT_EQ(0, pool_create(self->client, "mmap-2", 0, variant->block_size, BLOCKS, &id));
	ASSERT_EQ(0, pool_info(self->client, id, &info));
	other_pool = map(self->client, info.data_offset, info.data_length);
	ASSERT_TRUE(other_pool != MAP_FAILED);
	other_pool += offset / 4;
	ASSERT_LT(offset / PAGE + 1, info.data_length / PAGE);
	other_page = word + PAGE / 4;

	*word = 0;
	child = fork();
	if (child == 0) {
		int client = client_open();
		unsigned char *data;

		REQUIRE(!pool_attach(client, "mmap", NULL));
		data = map(client, self->info.data_offset, self->info.data_length);
		REQUIRE(data != MAP_FAILED);
		REQUIRE(munmap(self->data, self->info.data_length) == 0);
		REQUIRE(futex((void *)(data + offset), FUTEX_WAIT, 0) == 0);
		_exit(0);
	}
	/* The child waits there, sooner or later, or has failed. */
	EXPECT_TRUE(EVENTUALLY((astray = futex(other_page, FUTEX_WAKE, 1)) ||
			       (astray = futex(other_pool, FUTEX_WAKE, 1)) ||
			       (woken = futex(word, FUTEX_WAKE, 1)) || child_ended(child)));
	EXPECT_EQ(0, astray);
	EXPECT_EQ(1, woken);
	EXPECT_EQ(0, child_verdict(child));
}

TEST_F(mapping, can_be_read_by_a_debugger)
{
	unsigned char *copy = calloc(1, variant->block_size);
	struct iovec local = { copy, variant->block_size };
	struct iovec remote = { block_at(self, 42), variant->block_size };
	ssize_t length = process_vm_readv(getpid(), &local, 1, &remote, 1, 0);

	if (length < 0 && errno == ENOSYS)
		SKIP(return, "this kernel has no process_vm_readv");
	EXPECT_EQ(variant->block_size, length);
	EXPECT_EQ(0, memcmp(copy, block_at(self, 42), variant->block_size));
	free(copy);
}

/* Pages of a block go into a pipe, by reference; all else goes; they are still the block's. */
TEST_F(mapping, gives_pages_that_can_be_pinned_beyond_everything)
{
	unsigned char *copy = malloc(PAGE), *page = self->data + self->info.data_length - PAGE;
	struct iovec whole = { page, PAGE };
	unsigned char expected[4096];
	int ends[2];

	ASSERT_EQ(4096, PAGE);
	ASSERT_EQ(0, pipe(ends));
	ASSERT_EQ(PAGE, vmsplice(ends[1], &whole, 1, 0));
	/* By reference: what is written now is seen there. */
	page[100] ^= 0xff;
	memcpy(expected, page, PAGE);
	ASSERT_EQ(0, munmap(self->data, self->info.data_length));
	ASSERT_EQ(0, munmap((void *)self->versions, self->info.versions_length));
	ASSERT_EQ(0, pool_destroy(self->client, "mmap"));
	close(self->client);
	self->client = client_open();
	for (int i = 0; i < 20; i++) {
		__u32 id;

		ASSERT_EQ(0, pool_create(self->client, "mmap", 0, variant->block_size, BLOCKS,
					 &id));
		ASSERT_EQ(0, pool_detach(self->client, id));
	}
	ASSERT_EQ(PAGE, read(ends[0], copy, PAGE));
	EXPECT_EQ(0, memcmp(expected, copy, PAGE));
	free(copy);
}

struct dropper {
	pthread_t thread;
	FIXTURE_DATA(mapping) *mapping;
	bool stop;
	unsigned int rounds;
};

static void *drop(void *argument)
{
	struct dropper *dropper = argument;

	while (!__atomic_load_n(&dropper->stop, __ATOMIC_RELAXED)) {
		madvise(dropper->mapping->data, dropper->mapping->info.data_length, MADV_DONTNEED);
		__atomic_fetch_add(&dropper->rounds, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

TEST_F(mapping, shows_the_same_to_threads_while_others_drop_its_pages)
{
	struct dropper droppers[2] = {};

	for (int i = 0; i < 2; i++) {
		droppers[i].mapping = self;
		ASSERT_EQ(0, pthread_create(&droppers[i].thread, NULL, drop, &droppers[i]));
	}
	do {
		ASSERT_TRUE(filled(self, 0) && filled(self, BLOCKS / 2) &&
			    filled(self, BLOCKS - 1));
	} while (__atomic_load_n(&droppers[0].rounds, __ATOMIC_RELAXED) < 200);
	for (int i = 0; i < 2; i++) {
		__atomic_store_n(&droppers[i].stop, true, __ATOMIC_RELAXED);
		ASSERT_EQ(0, pthread_join(droppers[i].thread, NULL));
	}
	EXPECT_TRUE(all_filled(self));
}

TEST(one_descriptor_maps_many_pools)
{
	unsigned char *data[50];
	char name[FIXEDPOOL_NAME_SIZE];
	struct fixedpool_pool_info infos[ARRAY_SIZE(data)];
	int client = client_open();
	__u32 id;

	for (size_t i = 0; i < ARRAY_SIZE(data); i++) {
		snprintf(name, sizeof(name), "mmap-%zu", i);
		ASSERT_EQ(0, pool_create(client, name, 0, 512, 8 * (1 + i), &id));
		ASSERT_EQ(0, pool_info(client, id, &infos[i]));
		data[i] = map(client, infos[i].data_offset, infos[i].data_length);
		ASSERT_TRUE(data[i] != MAP_FAILED);
		memset(data[i], 1 + i, infos[i].data_length);
	}
	for (size_t i = 0; i < ARRAY_SIZE(data); i++) {
		unsigned char byte = 0;
		__u64 handle = block_take(client, infos[i].id);

		ASSERT_EQ(0, block_read(client, handle, 511, &byte, 1));
		ASSERT_EQ(1 + i, byte);
		for (size_t at = 0; at < infos[i].data_length; at++) {
			ASSERT_EQ(1 + i, data[i][at]);
		}
	}
	close(client);
}

TEST_HARNESS_MAIN
