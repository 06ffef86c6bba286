// SPDX-License-Identifier: GPL-2.0
/*
 * usage: sets NAME POOL...
 *
 * Set NAME is there and has exactly these pools, smallest blocks first: it
 * cannot be opened without being attached to each of them, and then gives out
 * all of their blocks in this order. For root; exit status 0 if so.
 */
#include "fixedpool_test.h"

#include "sets.h"

#define MOST	8

int main(int argc, char **argv)
{
	struct fixedpool_pool_info info[MOST];
	int client = client_open();
	int pools = argc - 2;
	__u32 id, other;

	REQUIRE(argc > 2 && pools <= MOST && client >= 0);
	for (int i = 0; i < pools; i++) {
		REQUIRE(set_open(client, argv[1], &id) == ENOTCONN);
		REQUIRE(!pool_attach(client, argv[i + 2], &info[i].id));
		REQUIRE(!pool_info(client, info[i].id, &info[i]));
	}
	REQUIRE(!set_open(client, argv[1], &id));
	REQUIRE(set_create(client, argv[1], &info[0].id, 1, &other) == EEXIST);
	for (int i = 0; i < pools; i++) {
		for (__u32 block = 0; block < info[i].blocks; block++) {
			__u64 handle;

			REQUIRE(!sized_take(client, id, 1, &handle, 1, 0, NULL));
			REQUIRE(block_index(&info[i], handle) < info[i].blocks);
		}
	}
	REQUIRE(sized_take(client, id, 1, &(__u64){ 0 }, 1, 0, NULL) == ENOBUFS);
	return 0;
}
