// SPDX-License-Identifier: GPL-2.0
/*
 * Random calls by several clients, each answer compared with what a simple
 * model of the ABI (model.h) says: errno, how many, which blocks, their bytes,
 * counters.
 *
 * A round is a number of calls that follow from a seed. Rounds are played until
 * the time is over:
 *
 *   FIXEDPOOL_MODEL_SECONDS   how long, default 10; 32-bit programs a quarter
 *   FIXEDPOOL_SEED            seed of the first round, as a failure prints it
 *
 * The seed of a round that has failed belongs into model_seeds.h.
 */
#include "fixedpool_test.h"

#include "model.h"
#include "sets.h"

#include <time.h>

#define ROUND		2000	/* calls */
#define NAMES		5	/* of pools, and of sets */
#define REMEMBERED	64	/* handles */
#define MOST		12	/* handles in one call */

struct game {
	struct model model;
	__u64 state;
	int client[CLIENTS];
	__u32 number[CLIENTS];
	__u64 handles[REMEMBERED];
	unsigned int moves;
	const char *move;
	bool good;		/* the call did what it is for */
	unsigned int fallbacks;	/* blocks that came from too big a pool */
	char failure[200];
};

static __u32 any(struct game *game, __u32 below)
{
	return random_next(&game->state) % below;
}

/* Notes the first thing that is not as the model says. */
static bool expect(struct game *game, long long seen, long long wanted, const char *what)
{
	if (seen != wanted && !game->failure[0])
		snprintf(game->failure, sizeof(game->failure),
			 "call %u, %s: %s is %lld, not %lld", game->moves, game->move, what, seen,
			 wanted);
	return seen == wanted;
}

static void name_of(char *text, const char *kind, int name)
{
	snprintf(text, FIXEDPOOL_NAME_SIZE, "model-%s-%d", kind, name);
}

static struct pool *some_pool(struct game *game)
{
	unsigned int start = any(game, POOLS);

	for (unsigned int i = 0; i < POOLS; i++) {
		struct pool *pool = &game->model.pools[(start + i) % POOLS];

		if (pool->alive)
			return pool;
	}
	return NULL;
}

/* Most often the number of a pool, whoever is attached to it. */
static __u32 some_id(struct game *game)
{
	struct pool *pool = some_pool(game);

	if (!pool || any(game, 20) == 0)
		return any(game, 2) ? any(game, 65536) : random_next(&game->state);
	return pool->id;
}

/* Most often the number of a pool that the client is attached to. */
static __u32 some_id_of(struct game *game, int c)
{
	for (int tries = 0; tries < 8; tries++) {
		struct pool *pool = some_pool(game);

		if (pool && pool->attached[c])
			return pool->id;
	}
	return some_id(game);
}

/* Half of the time a block that the client holds. */
static __u64 some_handle(struct game *game, int c)
{
	__u64 handle = game->handles[any(game, REMEMBERED)];
	bool mine = any(game, 2);

	for (int tries = 0; mine && tries < 16; tries++) {
		struct pool *pool;
		__u32 index;

		if (!model_handle(&game->model, c, handle, &pool, &index))
			return handle;
		handle = game->handles[any(game, REMEMBERED)];
	}
	switch (any(game, 40)) {
	case 0:
		return random_next(&game->state);
	case 1:
		return handle ^ 1ULL << any(game, 64);
	case 2:
		return handle + (2ULL << 32);
	}
	return handle;
}

static void remember(struct game *game, __u64 handle)
{
	game->handles[any(game, REMEMBERED)] = handle;
}

/* Where nobody can say what comes, forget the handle that would show it. */
static bool predictable(struct game *game, int client, const __u64 *handles, __u32 count)
{
	for (__u32 i = 0; i < count; i++) {
		struct pool *pool;
		__u32 index;

		if (model_handle(&game->model, client, handles[i], &pool, &index) < 0)
			return false;
	}
	return true;
}

static void move_pool_create(struct game *game, int c)
{
	int name = any(game, NAMES);
	struct fixedpool_pool_create create = {
		.block_size = 8 << any(game, 9),
		.blocks = 1 + any(game, any(game, 3) ? 8 : BLOCKS),
		.storage = any(game, 2),
		.flags = any(game, 2) ? FIXEDPOOL_POOL_AUTO_DESTROY : 0,
	};
	struct fixedpool_pool_info info;
	struct pool *pool = NULL;
	int wanted = 0;

	for (int i = 0; i < POOLS && !pool; i++)
		if (!game->model.pools[i].alive)
			pool = &game->model.pools[i];
	if (!pool)
		return;
	name_of(create.name, "pool", name);
	if (model_pool_named(&game->model, name))
		wanted = EEXIST;
	if (!expect(game, call(game->client[c], FIXEDPOOL_IOC_POOL_CREATE, &create), wanted,
		    "errno") || wanted)
		return;
	game->good = true;
	*pool = (struct pool) {
		.alive = true,
		.named = true,
		.auto_destroy = create.flags,
		.name = name,
		.id = create.id,
		.block_size = create.block_size,
		.blocks = create.blocks,
	};
	pool->attached[c] = true;
	for (__u32 i = 0; i < pool->blocks; i++)
		pool->block[i].holder = NOBODY;
	if (expect(game, pool_info(game->client[c], create.id, &info), 0, "errno of INFO")) {
		pool->first_slot = info.first_slot;
		expect(game, info.first_slot >> 16, create.id, "unit");
		expect(game, info.blocks, create.blocks, "blocks");
	}
}

static void move_pool_attach(struct game *game, int c)
{
	int name = any(game, NAMES), wanted = 0;
	struct pool *pool = model_pool_named(&game->model, name);
	char text[FIXEDPOOL_NAME_SIZE];
	__u32 id;

	name_of(text, "pool", name);
	if (!pool)
		wanted = ENOENT;
	else if (pool->attached[c])
		wanted = EALREADY;
	if (expect(game, pool_attach(game->client[c], text, &id), wanted, "errno") && !wanted) {
		game->good = true;
		expect(game, id, pool->id, "id");
		pool->attached[c] = true;
	}
}

static void move_pool_detach(struct game *game, int c)
{
	__u32 id = some_id(game);
	struct pool *pool = model_pool_of(&game->model, c, id);

	if (expect(game, pool_detach(game->client[c], id), pool ? 0 : ENXIO, "errno") && pool) {
		game->good = true;
		model_detach(&game->model, pool, c);
	}
}

static void move_pool_destroy(struct game *game, int c)
{
	int name = any(game, NAMES);
	struct pool *pool = model_pool_named(&game->model, name);
	char text[FIXEDPOOL_NAME_SIZE];

	name_of(text, "pool", name);
	if (expect(game, pool_destroy(game->client[c], text), pool ? 0 : ENOENT, "errno") && pool) {
		game->good = true;
		pool->named = false;
		model_pool_settle(&game->model, pool);
	}
}

static void move_pool_info(struct game *game, int c)
{
	__u32 id = some_id(game);
	struct pool *pool = model_pool_of(&game->model, c, id);
	struct fixedpool_pool_info info;

	if (!expect(game, pool_info(game->client[c], id, &info), pool ? 0 : ENXIO, "errno") ||
	    !pool)
		return;
	game->good = true;
	expect(game, info.in_use, pool->blocks - pool_free_in_model(pool), "in_use");
	expect(game, info.clients, pool_clients_in_model(pool), "clients");
	expect(game, info.block_size, pool->block_size, "block_size");
}

/* A handle that came must name a block that was free, with its next version. */
static void taken(struct game *game, int c, struct pool *pool, __u64 handle, bool zero)
{
	__u32 index = FIXEDPOOL_HANDLE_SLOT(handle) - pool->first_slot;
	__u32 version = FIXEDPOOL_HANDLE_VERSION(handle);
	struct block *block = &pool->block[index];

	if (!expect(game, index < pool->blocks, true, "a block of the pool"))
		return;
	expect(game, block->holder, NOBODY, "holder of a new block");
	expect(game, version % 2, 1, "lowest bit of a version");
	if (block->known)
		expect(game, version, (__u32)(block->version + 1), "version");
	block->known = true;
	block->version = version;
	block->holder = c;
	if (zero)
		block->content = 0;
	pool->allocs++;
	remember(game, handle);
}

static void move_alloc(struct game *game, int c)
{
	__u32 id = some_id_of(game, c), count = 1 + any(game, any(game, 4) ? 4 : MOST), done;
	__u32 flags = any(game, 4) & (FIXEDPOOL_ALLOC_PARTIAL | FIXEDPOOL_ALLOC_ZERO);
	struct pool *pool = model_pool_of(&game->model, c, id);
	__u64 handles[MOST];
	__u32 least, free;
	int wanted = 0;

	free = pool ? pool_free_in_model(pool) : 0;
	least = flags & FIXEDPOOL_ALLOC_PARTIAL ? 1 : count;
	if (!pool)
		wanted = ENXIO;
	else if (free < least)
		wanted = ENOBUFS;
	expect(game, blocks_take(game->client[c], id, handles, count, flags, &done), wanted,
	       "errno");
	if (!expect(game, done, wanted ? 0 : free < count ? free : count, "done"))
		return;
	game->good = !wanted;
	for (__u32 i = 0; i < done; i++)
		taken(game, c, pool, handles[i], flags & FIXEDPOOL_ALLOC_ZERO);
}

static void move_free(struct game *game, int c)
{
	__u32 count = 1 + any(game, any(game, 4) ? 3 : MOST), done, wanted_done = 0, index;
	__u64 handles[MOST];
	struct pool *pool;
	int wanted = 0;

	for (__u32 i = 0; i < count; i++)
		handles[i] = some_handle(game, c);
	if (!predictable(game, c, handles, count))
		return;
	while (wanted_done < count) {
		wanted = model_handle(&game->model, c, handles[wanted_done], &pool, &index);
		if (wanted)
			break;
		model_block_end(pool, index);
		wanted_done++;
	}
	game->good = wanted_done;
	expect(game, blocks_free(game->client[c], handles, count, &done), wanted, "errno");
	expect(game, done, wanted_done, "done");
}

static void move_give(struct game *game, int c)
{
	__u32 count = 1 + any(game, 4), done, wanted_done = 0, index;
	int to = any(game, CLIENTS + 1), wanted = 0;
	__u32 receiver = to < CLIENTS ? game->number[to] : 0;
	__u64 handles[MOST];
	struct pool *pool;

	for (__u32 i = 0; i < count; i++)
		handles[i] = some_handle(game, c);
	if (!predictable(game, c, handles, count))
		return;
	while (wanted_done < count) {
		wanted = model_handle(&game->model, c, handles[wanted_done], &pool, &index);
		/* who receives is looked at before what the handle is worth */
		if (wanted != EINVAL && wanted != ENXIO && wanted != ERANGE) {
			if (to == CLIENTS)
				wanted = ESRCH;
			else if (!pool->attached[to])
				wanted = ENOTCONN;
			else if (wanted == EALREADY)
				wanted = ESTALE;
		}
		if (wanted)
			break;
		pool->block[index].holder = to;
		wanted_done++;
	}
	game->good = wanted_done;
	expect(game, blocks_give(game->client[c], handles, count, receiver, &done), wanted,
	       "errno");
	expect(game, done, wanted_done, "done");
}

static void move_check(struct game *game, int c)
{
	__u64 handle = some_handle(game, c);
	struct pool *pool;
	__u32 index;
	int wanted = model_handle(&game->model, c, handle, &pool, &index);

	switch (wanted) {
	case -1:
		return;
	case 0:
		wanted = FIXEDPOOL_CHECK_ALIVE | FIXEDPOOL_CHECK_MINE;
		break;
	case EPERM:
		wanted = FIXEDPOOL_CHECK_ALIVE;
		break;
	case EALREADY:
	case ESTALE:
		wanted = 0;
		break;
	default:
		wanted = -wanted;
	}
	game->good = wanted > 0;
	expect(game, block_check(game->client[c], handle), wanted, "state");
}

/* Bytes, and what READ and WRITE answer; the model knows the first eight. */
static void move_bytes(struct game *game, int c)
{
	__u64 handle = some_handle(game, c), bytes = random_next(&game->state);
	bool write = any(game, 2), beyond = any(game, 10) == 0;
	struct pool *pool = NULL;
	__u32 index = 0;
	int wanted = model_handle(&game->model, c, handle, &pool, &index), error;
	__u32 offset;

	if (wanted < 0)
		return;
	if (wanted == EALREADY)
		wanted = ESTALE;
	offset = !wanted && beyond ? pool->block_size - 7 : 0;
	if (offset)
		wanted = EMSGSIZE;
	error = write ? block_write(game->client[c], handle, offset, &bytes, 8) :
			block_read(game->client[c], handle, offset, &bytes, 8);
	if (!expect(game, error, wanted, "errno") || wanted)
		return;
	game->good = true;
	if (write)
		pool->block[index].content = bytes;
	else
		expect(game, bytes, pool->block[index].content, "content");
}

static void move_close(struct game *game, int c)
{
	close(game->client[c]);
	model_close(&game->model, c);
	game->client[c] = client_open();
	game->number[c] = client_number(game->client[c]);
	game->good = expect(game, game->number[c] != 0, true, "a client");
}

static void insert_ordered(struct set *set, struct pool *pool)
{
	unsigned int i = set->count++;

	for (; i && set->pools[i - 1]->block_size > pool->block_size; i--)
		set->pools[i] = set->pools[i - 1];
	set->pools[i] = pool;
}

/* Most often one that is not among the @count of @ids. */
static __u32 some_other_id(struct game *game, int c, const __u32 *ids, __u32 count)
{
	for (int tries = 0; tries < 8; tries++) {
		__u32 id = some_id_of(game, c);
		bool other = true;

		for (__u32 i = 0; i < count; i++)
			other &= ids[i] != id;
		if (other)
			return id;
	}
	return some_id_of(game, c);
}

static void move_set_create(struct game *game, int c)
{
	int name = any(game, NAMES), wanted = 0;
	__u32 count = 1 + any(game, MEMBERS), ids[MEMBERS], id;
	struct set *set = NULL, made = { .alive = true, .named = true, .name = name };
	char text[FIXEDPOOL_NAME_SIZE];
	bool twice = false;

	for (int i = 0; i < SETS && !set; i++)
		if (!game->model.sets[i].alive)
			set = &game->model.sets[i];
	if (!set)
		return;
	for (__u32 i = 0; i < count; i++) {
		struct pool *pool;

		ids[i] = some_other_id(game, c, ids, i);
		pool = model_pool_of(&game->model, c, ids[i]);
		if (!pool)
			wanted = ENXIO;
		else
			insert_ordered(&made, pool);
		for (__u32 j = 0; j < i; j++)
			twice |= ids[j] == ids[i];
	}
	if (!wanted && twice)
		wanted = EINVAL;
	if (!wanted && model_set_named(&game->model, name))
		wanted = EEXIST;
	name_of(text, "set", name);
	if (expect(game, set_create(game->client[c], text, ids, count, &id), wanted, "errno") &&
	    !wanted) {
		game->good = count > 1;
		*set = made;
		set->id = id;
		set->opened[c] = true;
	}
}

static void move_set_open(struct game *game, int c)
{
	int name = any(game, NAMES), wanted = 0;
	struct set *set = model_set_named(&game->model, name);
	char text[FIXEDPOOL_NAME_SIZE];
	__u32 id;

	for (unsigned int i = 0; set && i < set->count; i++)
		if (!set->pools[i]->attached[c])
			wanted = ENOTCONN;
	if (!set)
		wanted = ENOENT;
	else if (!wanted && set->opened[c])
		wanted = EALREADY;
	name_of(text, "set", name);
	if (expect(game, set_open(game->client[c], text, &id), wanted, "errno") && !wanted) {
		game->good = true;
		expect(game, id, set->id, "id");
		set->opened[c] = true;
	}
}

/* Most often the number of a set that the client has opened. */
static __u32 some_set_id(struct game *game, int c)
{
	for (int tries = 0; tries < 8; tries++) {
		struct set *set = &game->model.sets[any(game, SETS)];

		if (set->alive && set->opened[c])
			return set->id;
	}
	return any(game, 10) ? game->model.sets[any(game, SETS)].id : any(game, 100000);
}

static void move_set_leave(struct game *game, int c)
{
	__u32 id = some_set_id(game, c);
	struct set *set = model_set_of(&game->model, c, id);

	if (expect(game, set_leave(game->client[c], id), set ? 0 : ENXIO, "errno") && set) {
		game->good = true;
		model_set_leave(&game->model, set, c);
	}
}

static void move_set_destroy(struct game *game, int c)
{
	int name = any(game, NAMES);
	struct set *set = model_set_named(&game->model, name);
	char text[FIXEDPOOL_NAME_SIZE];

	name_of(text, "set", name);
	if (expect(game, set_destroy(game->client[c], text), set ? 0 : ENOENT, "errno") && set) {
		game->good = true;
		set->named = false;
	}
}

static void move_alloc_by_size(struct game *game, int c)
{
	__u32 id = some_set_id(game, c), size = 1 + any(game, 2200), count = 1 + any(game, MOST);
	__u32 flags = any(game, 4) & (FIXEDPOOL_ALLOC_PARTIAL | FIXEDPOOL_ALLOC_ZERO);
	struct set *set = model_set_of(&game->model, c, id);
	__u32 share[MEMBERS], total = 0, done, next = 0;
	__u64 handles[MOST];
	int wanted = 0;

	if (set)
		total = model_share(set, size, count, share);
	if (!set)
		wanted = ENXIO;
	else if (set->pools[set->count - 1]->block_size < size)
		wanted = EMSGSIZE;
	else if (!total || (total < count && !(flags & FIXEDPOOL_ALLOC_PARTIAL)))
		wanted = ENOBUFS;
	for (unsigned int i = 0; !wanted && i < set->count; i++)
		if (share[i] && !set->pools[i]->attached[c])
			wanted = ENOTCONN;
	expect(game, sized_take(game->client[c], id, size, handles, count, flags, &done), wanted,
	       "errno");
	if (!expect(game, done, wanted ? 0 : total, "done") || wanted)
		return;
	game->good = true;
	game->fallbacks += model_count_share(set, size, share);
	for (unsigned int i = 0; i < set->count; i++)
		while (share[i]--)
			taken(game, c, set->pools[i], handles[next++],
			      flags & FIXEDPOOL_ALLOC_ZERO);
}

/* Counters are for everybody to see, while the pool has its name. */
static void move_sysfs(struct game *game, int c)
{
	int name = any(game, NAMES);
	struct pool *pool = model_pool_named(&game->model, name);
	char text[FIXEDPOOL_NAME_SIZE];

	if (!pool)
		return;
	game->good = true;
	name_of(text, "pool", name);
	expect(game, sysfs_number(text, "allocs"), pool->allocs, "allocs");
	expect(game, sysfs_number(text, "frees"), pool->frees, "frees");
	expect(game, sysfs_number(text, "reclaimed"), pool->reclaimed, "reclaimed");
	expect(game, sysfs_number(text, "fallbacks"), pool->fallbacks, "fallbacks");
	expect(game, sysfs_number(text, "overflows"), pool->overflows, "overflows");
	expect(game, sysfs_number(text, "free"), pool_free_in_model(pool), "free");
}

#define MOVE(name, weight)	{ #name, move_##name, weight }

static const struct move {
	const char *name;
	void (*play)(struct game *game, int c);
	unsigned int weight;
} moves[] = {
	MOVE(pool_create, 6),
	MOVE(pool_attach, 16),
	MOVE(pool_detach, 2),
	MOVE(pool_destroy, 1),
	MOVE(pool_info, 2),
	MOVE(alloc, 24),
	MOVE(free, 20),
	MOVE(give, 8),
	MOVE(check, 8),
	MOVE(bytes, 16),
	MOVE(close, 1),
	MOVE(set_create, 10),
	MOVE(set_open, 12),
	MOVE(set_leave, 2),
	MOVE(set_destroy, 2),
	MOVE(alloc_by_size, 24),
	MOVE(sysfs, 6),
};

static const struct move *some_move(struct game *game)
{
	unsigned int total = 0, which;

	for (size_t i = 0; i < ARRAY_SIZE(moves); i++)
		total += moves[i].weight;
	which = any(game, total);
	for (size_t i = 0; ; which -= moves[i++].weight)
		if (which < moves[i].weight)
			return &moves[i];
}

/* How often each move did what it is for, and blocks by size from too big a pool. */
static unsigned int good[ARRAY_SIZE(moves)], fallbacks;

/* Pools without AUTO_DESTROY outlive their clients. */
static void clear_names(int client)
{
	char text[FIXEDPOOL_NAME_SIZE];

	for (int name = 0; name < NAMES; name++) {
		name_of(text, "pool", name);
		pool_destroy(client, text);
	}
}

/* Plays one round; false if anything was not as the model says. */
static bool play(struct game *game, __u64 seed)
{
	memset(game, 0, sizeof(*game));
	game->state = seed;
	game->move = "the beginning";
	for (int i = 0; i < CLIENTS; i++) {
		game->client[i] = client_open();
		game->number[i] = client_number(game->client[i]);
		expect(game, game->number[i] != 0, true, "a client");
	}
	clear_names(game->client[0]);
	while (!game->failure[0] && game->moves++ < ROUND) {
		const struct move *move = some_move(game);

		game->move = move->name;
		game->good = false;
		move->play(game, any(game, CLIENTS));
		good[move - moves] += game->good;
	}
	fallbacks += game->fallbacks;
	clear_names(game->client[0]);
	for (int i = 0; i < CLIENTS; i++)
		close(game->client[i]);
	return !game->failure[0];
}

static struct game game;

TEST(known_seeds_give_what_the_model_says)
{
	static const __u64 seeds[] = {
#define SEED(seed) seed,
#include "model_seeds.h"
	};

	for (size_t i = 0; i < ARRAY_SIZE(seeds); i++) {
		EXPECT_TRUE(play(&game, seeds[i])) {
			TH_LOG("FIXEDPOOL_SEED=%#llx: %s", (unsigned long long)seeds[i],
			       game.failure);
		}
	}
	/* or the model would have been asked nothing */
	for (size_t i = 0; i < ARRAY_SIZE(moves); i++) {
		EXPECT_LT(10, good[i]) {
			TH_LOG("%s", moves[i].name);
		}
	}
	EXPECT_LT(10, fallbacks);
}

TEST(random_calls_give_what_the_model_says)
{
	time_t end = time(NULL) + rounds_wanted("FIXEDPOOL_MODEL_SECONDS", 10);
	__u64 seed = random_seed();
	unsigned int rounds = 0;

	do {
		ASSERT_TRUE(play(&game, seed)) {
			TH_LOG("FIXEDPOOL_SEED=%#llx: %s", (unsigned long long)seed, game.failure);
		}
		seed = random_next(&seed);
		rounds++;
	} while (time(NULL) < end);
	TH_LOG("%u rounds of %u calls", rounds, ROUND);
}

TEST_HARNESS_MAIN
