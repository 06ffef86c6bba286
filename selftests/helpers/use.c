// SPDX-License-Identifier: GPL-2.0
/*
 * use descriptor|pool|mapping - use the module, say "ready", and wait to be
 * killed
 *
 *   descriptor  with an open descriptor
 *   pool        with a block of a pool of its own
 *   mapping     with such a block that is mapped, and no descriptor
 */
#include "fixedpool_test.h"

static char *map(int client, __u32 pool)
{
	struct fixedpool_pool_info info;
	char *data;

	REQUIRE(pool_info(client, pool, &info) == 0);
	data = mmap(NULL, info.data_length, PROT_READ | PROT_WRITE, MAP_SHARED, client,
		    info.data_offset);
	REQUIRE(data != MAP_FAILED);
	return data;
}

int main(int count, char **arguments)
{
	const char *how = count > 1 ? arguments[1] : "";
	int client = client_open();
	char *data;
	__u32 pool;

	REQUIRE(client >= 0);
	if (!strcmp(how, "pool") || !strcmp(how, "mapping")) {
		REQUIRE(pool_create(client, "used", FIXEDPOOL_STORAGE_PAGES, PAGE, 8, &pool) == 0);
		REQUIRE(block_take(client, pool) != 0);
	}
	if (!strcmp(how, "mapping")) {
		data = map(client, pool);
		REQUIRE(close(client) == 0);
		data[0] = 1;
	}
	puts("ready");
	fflush(stdout);
	for (;;)
		pause();
}
