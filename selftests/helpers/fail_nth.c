// SPDX-License-Identifier: GPL-2.0
/*
 * fail_nth OPERATION pages|slab - do one thing again and again, first so that
 * the first allocation or copy in it fails, then the second, and so on until
 * none fails; each failure is clean
 *
 * Somebody has set the kinds of faults that count.
 */
#include "fixedpool_test.h"
#include "caches.h"
#include "helpers/faults.h"
#include "scopes.h"
#include "sets.h"

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
	int client;	/* another, attached to it if that is said before */
	__u64 handles[TAKEN];
	__u32 growing;	/* the client's, with fewer than TAKEN blocks */
	__u32 cached[TAKEN];
	__u32 scope, child;
	int channel;
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
	world->channel = -1;
	world->mapped = MAP_FAILED;
}

/* Nothing is lost: all blocks are free when all have gone, so has the name. */
static void world_end(struct world *world)
{
	__u32 pool;

	if (world->opened >= 0)
		close(world->opened);
	if (world->channel >= 0)
		close(world->channel);
	if (world->mapped != MAP_FAILED)
		munmap(world->mapped, world->info.data_length);
	if (world->client >= 0)
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

static int do_share(struct world *world)
{
	return blocks_share(world->owner, &world->held, 1, client_number(world->client), NULL);
}

static int do_scope_create(struct world *world)
{
	return scope_create(world->client, 0, &world->scope);
}

static int do_scope_alloc(struct world *world)
{
	return scope_take(world->client, world->pool, world->scope, world->handles, TAKEN);
}

static int do_scope_release(struct world *world)
{
	return scope_end(world->client, world->scope, 0, NULL);
}

static int do_dissolve(struct world *world)
{
	return scope_end(world->client, world->child, FIXEDPOOL_SCOPE_DISSOLVE, NULL);
}

static int do_set_create(struct world *world)
{
	__u32 set;

	return set_create(world->client, "new", &world->pool, 1, &set);
}

static int do_set_open(struct world *world)
{
	__u32 set;

	return set_open(world->client, "world", &set);
}

static int do_channel_create(struct world *world)
{
	world->opened = channel_create(world->client, world->pool, "new", TAKEN,
				       FIXEDPOOL_CHANNEL_READ);
	return world->opened < 0 ? -world->opened : 0;
}

static int do_channel_open(struct world *world)
{
	world->opened = channel_open(world->client, world->pool, "world",
				     FIXEDPOOL_CHANNEL_READ);
	return world->opened < 0 ? -world->opened : 0;
}

static int do_channel_write(struct world *world)
{
	int done = channel_write(world->channel, world->handles, TAKEN);

	return done < 0 ? -done : 0;
}

static int do_channel_read(struct world *world)
{
	int done = channel_read(world->channel, world->handles, TAKEN);

	return done < 0 ? -done : 0;
}

static int do_cache_fill(struct world *world)
{
	return cache_fill(world->client, world->pool, world->cached, TAKEN, NULL);
}

static int do_cache_drain(struct world *world)
{
	return cache_drain(world->client, world->pool, world->cached, TAKEN, NULL);
}

static void no_before(struct world *world)
{
}

static void before_attached(struct world *world)
{
	REQUIRE(do_attach(world) == 0);
}

static void before_scope_alloc(struct world *world)
{
	before_attached(world);
	REQUIRE(do_scope_create(world) == 0);
}

static void before_scope_release(struct world *world)
{
	before_scope_alloc(world);
	REQUIRE(do_scope_alloc(world) == 0);
}

/* A scope without blocks, and one below it that has some. */
static void before_dissolve(struct world *world)
{
	before_scope_alloc(world);
	REQUIRE(scope_create(world->client, world->scope, &world->child) == 0);
	REQUIRE(scope_take(world->client, world->pool, world->child, world->handles, TAKEN) == 0);
}

static void before_set_open(struct world *world)
{
	__u32 set;

	before_attached(world);
	REQUIRE(set_create(world->owner, "world", &world->pool, 1, &set) == 0);
}

static void before_channel(struct world *world)
{
	before_attached(world);
	world->channel = channel_create(world->client, world->pool, "world", TAKEN,
					FIXEDPOOL_CHANNEL_READ | FIXEDPOOL_CHANNEL_WRITE);
	REQUIRE(world->channel >= 0);
	REQUIRE(blocks_take(world->client, world->pool, world->handles, TAKEN, 0, NULL) == 0);
}

static void before_channel_read(struct world *world)
{
	before_channel(world);
	REQUIRE(channel_write(world->channel, world->handles, TAKEN) == TAKEN);
}

static void before_cache_drain(struct world *world)
{
	before_attached(world);
	REQUIRE(do_cache_fill(world) == 0);
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

/* What was not delivered is free again. */
static void after_taken(struct world *world, int error)
{
	REQUIRE(pool_in_use(world->owner, world->pool) == 1U + (error ? 0 : TAKEN));
}

static void after_share(struct world *world, int error)
{
	int state = block_check(world->owner, world->held);

	/* the answer may not have come through */
	REQUIRE(error || state & FIXEDPOOL_CHECK_SHARED);
}

/* Both scopes can be used as before, and dissolved. */
static void after_dissolve(struct world *world, int error)
{
	int again;

	REQUIRE(block_free(world->client, world->handles[0]) == 0);
	REQUIRE(scope_take(world->client, world->pool, world->scope, world->handles, 1) == 0);
	again = do_dissolve(world);
	REQUIRE(again == 0 || (again == ESTALE && error != ENOMEM));
	REQUIRE(pool_in_use(world->owner, world->pool) == 1 + TAKEN);
	REQUIRE(do_scope_release(world) == 0);
	REQUIRE(pool_in_use(world->owner, world->pool) == 1);
}

/* A set that was not made cannot be found. */
static void after_set_create(struct world *world, int error)
{
	__u32 set;
	int found = set_open(world->owner, "new", &set);

	REQUIRE(found == (error ? ENOENT : 0));
	if (!found)
		REQUIRE(set_leave(world->owner, set) == 0);
}

static void after_channel_create(struct world *world, int error)
{
	int found = channel_open(world->owner, world->pool, "new", FIXEDPOOL_CHANNEL_READ);

	if (error) {
		REQUIRE(found == -ENOENT);
	} else {
		REQUIRE(found >= 0);
		close(found);
	}
}

/* Each block is the client's, or in the channel, and in use. */
static void after_channel_moved(struct world *world, int error)
{
	REQUIRE(pool_in_use(world->owner, world->pool) == 1 + TAKEN);
	close(world->client);
	world->client = -1;
	close(world->channel);
	world->channel = -1;
	REQUIRE(pool_in_use(world->owner, world->pool) == 1);
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
	{ "share", before_attached, do_share, after_share, 0 },
	{ "scope_create", no_before, do_scope_create, no_after, ENOMEM },
	{ "scope_alloc", before_scope_alloc, do_scope_alloc, after_taken, ENOMEM },
	{ "scope_release", before_scope_release, do_scope_release, no_after, 0 },
	{ "dissolve", before_dissolve, do_dissolve, after_dissolve, ENOMEM },
	{ "set_create", before_attached, do_set_create, after_set_create, ENOMEM },
	{ "set_open", before_set_open, do_set_open, no_after, ENOMEM },
	{ "channel_create", before_attached, do_channel_create, after_channel_create, ENOMEM },
	{ "channel_open", before_channel, do_channel_open, no_after, ENOMEM },
	{ "channel_write", before_channel, do_channel_write, after_channel_moved, 0 },
	{ "channel_read", before_channel_read, do_channel_read, after_channel_moved, 0 },
	{ "cache_fill", before_attached, do_cache_fill, after_taken, 0 },
	{ "cache_drain", before_cache_drain, do_cache_drain, no_after, 0 },
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
