// SPDX-License-Identifier: GPL-2.0
/*
 * shortage pages|slab - use a pool while every allocation of this task fails
 *
 * Somebody has set failslab and fail_page_alloc to fail tasks that ask for it.
 */
#include "fixedpool_test.h"

#define BLOCKS	300
#define BYTES	200

/* Opening a file takes memory: succeeds if there is none. */
static int memory_is_short(void)
{
	int file = open("/proc/self/status", O_RDONLY);

	if (file >= 0)
		close(file);
	return file < 0 && (errno == ENOMEM || errno == ENFILE);
}

static void use(int client, __u32 pool)
{
	static __u64 handles[BLOCKS];
	char bytes[BYTES] = "kept";

	for (int i = 0; i < BLOCKS; i++) {
		handles[i] = block_take(client, pool);
		REQUIRE(handles[i]);
		REQUIRE(block_write(client, handles[i], 0, bytes, BYTES) == 0);
	}
	REQUIRE(block_take(client, pool) == 0);
	REQUIRE(pool_in_use(client, pool) == BLOCKS);
	REQUIRE(block_read(client, handles[BLOCKS - 1], 0, bytes, BYTES) == 0);
	REQUIRE(!strcmp(bytes, "kept"));
	REQUIRE(blocks_free(client, handles, BLOCKS, NULL) == 0);

	REQUIRE(blocks_take(client, pool, handles, BLOCKS, FIXEDPOOL_ALLOC_ZERO, NULL) == 0);
	REQUIRE(block_check(client, handles[0]) ==
		(FIXEDPOOL_CHECK_ALIVE | FIXEDPOOL_CHECK_MINE));
	REQUIRE(blocks_free(client, handles, BLOCKS, NULL) == 0);
	REQUIRE(pool_in_use(client, pool) == 0);
}

int main(int count, char **arguments)
{
	int client = client_open(), switch_file;
	__u32 pool;

	REQUIRE(count == 2 && client >= 0);
	REQUIRE(pool_create(client, "short",
			    !strcmp(arguments[1], "slab") ? FIXEDPOOL_STORAGE_SLAB :
							    FIXEDPOOL_STORAGE_PAGES,
			    BYTES, BLOCKS, &pool) == 0);
	switch_file = open("/proc/thread-self/make-it-fail", O_RDWR | O_CLOEXEC);
	REQUIRE(switch_file >= 0);
	REQUIRE(!memory_is_short());
	REQUIRE(pwrite(switch_file, "1", 1, 0) == 1);
	REQUIRE(memory_is_short());
	use(client, pool);
	REQUIRE(pwrite(switch_file, "0", 1, 0) == 1);
	REQUIRE(!memory_is_short());
	return 0;
}
