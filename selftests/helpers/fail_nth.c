// SPDX-License-Identifier: GPL-2.0
/*
 * fail_nth OPERATION pages|slab - do one thing again and again, first so that
 * the first allocation or copy in it fails, then the second, and so on until
 * none fails; each failure is clean
 *
 * Somebody has set the kinds of faults that count.
 */
#include "fixedpool_test.h"
#include "helpers/faults.h"

#define BLOCKS	10
#define BYTES	200
#define TAKEN	8
/* Every block in a chunk of its own. */
#define GROWN_BYTES	4000

/* What an operation works on, made new for each of its turns. */
struct world {
	__u32 storage;
	int owner;	/* a client with pool "world", of which it holds one block */
	__u32 pool;
	__u64 held;
	int client;	/* another, attached to it */
	__u64 handles[TAKEN];
	__u32 growing;	/* the client's, with fewer than TAKEN blocks */
	int opened;
	void *mapped;
	struct fixedpool_pool_info info;
};

static void world_begin(struct world *world)
{
	world->owner = client_open();
	world->client = client_open();
	REQUIRE(world->owner >= 0 && world->client >= 0);
	REQUIRE(pool_create(world->owner, "world", world->storage, BYTES, BLOCKS,
			    &world->pool) == 0);
	REQUIRE(pool_info(world->owner, world->pool, &world->info) == 0);
	world->held = block_take(world->owner, world->pool);
	REQUIRE(world->held);
	world->opened = -1;
	world->mapped = MAP_FAILED;
}

/* Nothing is lost: all blocks are free when all have gone, so has the name. */
static void world_end(struct world *world)
{
	__u32 pool;

	if (world->opened >= 0)
		close(world->opened);
	if (world->mapped != MAP_FAILED)
		munmap(world->mapped, world->info.data_length);
	close(world->client);
	REQUIRE(pool_clients(world->owner, world->pool) == 1);
	REQUIRE(pool_in_use(world->owner, world->pool) == 1);
	REQUIRE(block_free(world->owner, world->held) == 0);
	REQUIRE(pool_has_free(world->owner, world->pool, BLOCKS));
	close(world->owner);

	world->owner = client_open();
	REQUIRE(pool_attach(world->owner, "world", &pool) == ENOENT);
	REQUIRE(pool_attach(world->owner, "new", &pool) == ENOENT);
	REQUIRE(access("/sys/class/fixedpool/new", F_OK) != 0);
	close(world->owner);
}

/* Each returns 0 or an errno. */
static int do_open(struct world *world)
{
	world->opened = client_open();
	return world->opened < 0 ? errno : 0;
}

static int do_create(struct world *world)
{
	__u32 pool;

	return pool_create(world->client, "new", world->storage, BYTES, BLOCKS, &pool);
}

static int do_attach(struct world *world)
{
	return pool_attach(world->client, "world", NULL);
}

static int do_alloc(struct world *world)
{
	return blocks_take(world->owner, world->pool, world->handles, TAKEN, 0, NULL);
}

static int do_free(struct world *world)
{
	return blocks_free(world->owner, world->handles, TAKEN, NULL);
}

static int do_write(struct world *world)
{
	char bytes[BYTES] = "";

	return block_write(world->owner, world->held, 0, bytes, BYTES);
}

static int do_mmap(struct world *world)
{
	world->mapped = mmap(NULL, world->info.data_length, PROT_READ | PROT_WRITE, MAP_SHARED,
			     world->owner, world->info.data_offset);
	return world->mapped == MAP_FAILED ? errno : 0;
}

static void no_before(struct world *world)
{
}

static void before_free(struct world *world)
{
	REQUIRE(do_alloc(world) == 0);
}

static void before_grow(struct world *world)
{
	struct fixedpool_pool_create parameters = pool_parameters("new");

	parameters.storage = world->storage;
	parameters.block_size = GROWN_BYTES;
	parameters.blocks = 1;
	parameters.max_blocks = TAKEN;
	REQUIRE(call(world->client, FIXEDPOOL_IOC_POOL_CREATE, &parameters) == 0);
	world->growing = parameters.id;
}

static int do_grow(struct world *world)
{
	return blocks_take(world->client, world->growing, world->handles, TAKEN, 0, NULL);
}

static void no_after(struct world *world, int error)
{
}

/* A pool that was not made cannot be found, by name or in sysfs. */
static void after_create(struct world *world, int error)
{
	int found = pool_attach(world->owner, "new", NULL);

	REQUIRE(found == (error ? ENOENT : 0));
	REQUIRE((access("/sys/class/fixedpool/new", F_OK) == 0) == !error);
}

static void after_alloc(struct world *world, int error)
{
	if (!error)
		REQUIRE(blocks_free(world->owner, world->handles, TAKEN, NULL) == 0);
	REQUIRE(pool_in_use(world->owner, world->pool) == 1);
}

/* As far as it got it has grown, and the next call finishes it. */
static void after_grow(struct world *world, int error)
{
	REQUIRE(pool_in_use(world->client, world->growing) == (error ? 0 : TAKEN));
	if (error)
		REQUIRE(do_grow(world) == 0);
	REQUIRE(blocks_free(world->client, world->handles, TAKEN, NULL) == 0);
	REQUIRE(pool_has_free(world->client, world->growing, TAKEN));
}

/* Which handles are gone cannot be told when the answer did not come through. */
static void after_free(struct world *world, int error)
{
	for (int i = 0; error && i < TAKEN; i++) {
		int again = block_free(world->owner, world->handles[i]);

		REQUIRE(again == 0 || again == EALREADY);
	}
}

static const struct operation {
	const char *name;
	void (*before)(struct world *world);
	int (*act)(struct world *world);
	void (*after)(struct world *world, int error);
	int shortage;	/* the error if it cannot allocate; 0: it may only fail to copy */
} operations[] = {
	{ "open", no_before, do_open, no_after, ENOMEM },
	{ "create", no_before, do_create, after_create, ENOMEM },
	{ "attach", no_before, do_attach, no_after, ENOMEM },
	{ "alloc", no_before, do_alloc, after_alloc, 0 },
	{ "free", before_free, do_free, after_free, 0 },
	{ "write", no_before, do_write, no_after, 0 },
	{ "mmap", no_before, do_mmap, no_after, ENOMEM },
	{ "grow", before_grow, do_grow, after_grow, ENOBUFS },
};

/* Returns whether the fault came. */
static bool turn(const struct operation *operation, struct world *world, int faults,
		 unsigned int nth)
{
	bool came;
	int error;

	world_begin(world);
	operation->before(world);
	faults_arm(faults, nth);
	error = operation->act(world);
	came = faults_disarm(faults);

	if (!came)
		REQUIRE(error == 0);
	else if (error != EFAULT)
		REQUIRE(error == 0 || error == operation->shortage);
	operation->after(world, error);
	world_end(world);
	return came;
}

int main(int count, char **arguments)
{
	const struct operation *operation = operations;
	struct world world = {};
	unsigned int nth = 1;
	int faults;

	REQUIRE(count == 3);
	while (strcmp(operation->name, arguments[1]))
		REQUIRE(++operation < operations + ARRAY_SIZE(operations));
	world.storage = !strcmp(arguments[2], "slab") ? FIXEDPOOL_STORAGE_SLAB :
							FIXEDPOOL_STORAGE_PAGES;
	faults = faults_open();
	REQUIRE(faults >= 0);
	while (turn(operation, &world, faults, nth))
		nth++;
	printf("%s: %u faults\n", operation->name, nth - 1);
	return 0;
}
