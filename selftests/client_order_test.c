// SPDX-License-Identifier: GPL-2.0
/*
 * A pool with everything that can hold on to it - clients with scopes, caches and
 * shared blocks, a set, a channel with handles in it, a mapping, a driver - loses
 * them and its name in every order, and is gone with the last.
 *
 *   FIXEDPOOL_ORDERS   how many of the 720 orders, default all
 *   FIXEDPOOL_SEED     of the orders in which processes are killed
 */
#include "fixedpool_test.h"

#include "caches.h"
#include "client/fixedpool_client.h"
#include "scopes.h"
#include "sets.h"

#include <sys/mman.h>

#define POOL	"order"
#define BLOCKS	64

enum action { CLOSE_CLIENT, CLOSE_OTHER, CLOSE_CHANNEL, UNMAP, CLOSE_DRIVER, DESTROY, ACTIONS };

#define ORDERS	720

struct world {
	int client, other, channel, driver;
	struct fixedpool_pool_info info;
	char *data;
};

/* A client with blocks in its root, in scopes and in its cache, and with the set. */
static void client_with_all(struct world *world, int client, __u64 *handles)
{
	__u32 pool = world->info.id, scope, child, cached[5];

	REQUIRE(!blocks_take(client, pool, handles, 4, 0, NULL));
	REQUIRE(!scope_create(client, 0, &scope));
	REQUIRE(!scope_create(client, scope, &child));
	REQUIRE(!scope_take(client, pool, scope, handles + 4, 3));
	REQUIRE(!scope_take(client, pool, child, handles + 7, 3));
	REQUIRE(!cache_fill(client, pool, cached, 5, NULL));
}

static void world_begin(struct world *world)
{
	struct fixedpool_pool_create create = pool_parameters(POOL);
	struct fixedpool_client_hold hold = { .pool = POOL };
	__u64 handles[10], others[10];
	__u32 set;

	world->client = client_open();
	world->other = client_open();
	world->driver = open(FIXEDPOOL_CLIENT_DEVICE, O_RDWR | O_CLOEXEC);
	REQUIRE(world->client >= 0 && world->other >= 0 && world->driver >= 0);
	create.flags = 0;
	create.block_size = PAGE;
	create.blocks = BLOCKS;
	REQUIRE(!call(world->client, FIXEDPOOL_IOC_POOL_CREATE, &create));
	REQUIRE(!pool_attach(world->other, POOL, NULL));
	REQUIRE(!pool_info(world->client, create.id, &world->info));
	client_with_all(world, world->client, handles);
	client_with_all(world, world->other, others);
	REQUIRE(!set_create(world->client, POOL, &create.id, 1, &set));
	REQUIRE(!set_open(world->other, POOL, &set));
	REQUIRE(!blocks_share(world->client, handles + 3, 6, client_number(world->other), NULL));
	REQUIRE(!block_give(world->other, others[0], client_number(world->client)));

	world->channel = channel_create(world->client, create.id, POOL, 8,
					FIXEDPOOL_CHANNEL_READ | FIXEDPOOL_CHANNEL_WRITE);
	REQUIRE(world->channel >= 0);
	/* one that is shared, one in a scope, and one of its own */
	REQUIRE(channel_write(world->channel, handles + 2, 3) == 3);
	world->data = mmap(NULL, world->info.data_length, PROT_READ | PROT_WRITE, MAP_SHARED,
			   world->client, world->info.data_offset);
	REQUIRE(world->data != MAP_FAILED);
	hold.handle = handles[0];
	REQUIRE(!call(world->driver, FIXEDPOOL_CLIENT_IOC_HOLD, &hold));
	hold.handle = handles[8];
	REQUIRE(!call(world->driver, FIXEDPOOL_CLIENT_IOC_HOLD, &hold));
}

static void act(struct world *world, enum action action)
{
	int client;

	switch (action) {
	case CLOSE_CLIENT:
		close(world->client);
		break;
	case CLOSE_OTHER:
		close(world->other);
		break;
	case CLOSE_CHANNEL:
		close(world->channel);
		break;
	case UNMAP:
		world->data[0] = 1;
		REQUIRE(!munmap(world->data, world->info.data_length));
		break;
	case CLOSE_DRIVER:
		close(world->driver);
		break;
	case DESTROY:
		client = client_open();
		REQUIRE(!pool_destroy(client, POOL));
		close(client);
		break;
	case ACTIONS:
		break;
	}
}

/* The permutation of number @order. */
static void order_of(unsigned int order, enum action *actions)
{
	enum action rest[ACTIONS];

	for (int i = 0; i < ACTIONS; i++)
		rest[i] = i;
	for (int left = ACTIONS; left; left--) {
		unsigned int which = order % left;

		order /= left;
		actions[ACTIONS - left] = rest[which];
		rest[which] = rest[left - 1];
	}
}

/* What uses the module: files, mappings, and the driver's own reference. */
static long long users(void)
{
	char text[32] = "";
	int file = open("/sys/module/fixedpool/refcnt", O_RDONLY | O_CLOEXEC);

	if (file < 0 || read(file, text, sizeof(text) - 1) <= 0)
		return -1;
	close(file);
	return atoll(text);
}

static bool is_gone(long long before)
{
	return access("/sys/class/fixedpool/" POOL, F_OK) && EVENTUALLY(users() == before);
}

TEST(of_its_users_leaves_nothing)
{
	unsigned int orders = rounds_wanted("FIXEDPOOL_ORDERS", ORDERS);
	long long before = users();

	ASSERT_LE(0, before);
	for (unsigned int i = 0; i < orders; i++) {
		unsigned int order = i * (ORDERS / orders);
		enum action actions[ACTIONS];
		struct world world;

		order_of(order, actions);
		world_begin(&world);
		for (int j = 0; j < ACTIONS; j++)
			act(&world, actions[j]);
		ASSERT_TRUE(is_gone(before)) {
			TH_LOG("order %u", order);
		}
	}
}

/* The process is killed after some of it. */
TEST(of_its_users_cut_short_by_a_kill_leaves_nothing)
{
	unsigned int kills = rounds_wanted("FIXEDPOOL_ORDERS", ORDERS) / 6;
	__u64 seed = random_seed(), state = seed;
	long long before = users();
	int client;

	TH_LOG("FIXEDPOOL_SEED=%llu", (unsigned long long)seed);
	for (unsigned int i = 0; i < kills; i++) {
		unsigned int order = random_next(&state) % ORDERS;
		unsigned int done = i % ACTIONS;
		enum action actions[ACTIONS];
		pid_t child = fork();

		order_of(order, actions);
		if (child == 0) {
			struct world world;

			world_begin(&world);
			for (unsigned int j = 0; j < done; j++)
				act(&world, actions[j]);
			kill(getpid(), SIGKILL);
		}
		ASSERT_EQ(128 + SIGKILL, child_verdict(child));
		client = client_open();
		pool_destroy(client, POOL);
		close(client);
		ASSERT_TRUE(is_gone(before)) {
			TH_LOG("order %u, killed after %u", order, done);
		}
	}
}

TEST_HARNESS_MAIN
