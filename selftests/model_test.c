// SPDX-License-Identifier: GPL-2.0
/*
 * Random calls by several clients, each answer compared with what a simple
 * model of the ABI (model.h) says: errno, how many, which blocks, their bytes,
 * counters.
 *
 * A round is a number of calls that follow from a seed. Rounds are played by two
 * players, each with pools of its own, on as many processors, until the time is
 * over:
 *
 *   FIXEDPOOL_MODEL_SECONDS   how long, both together, default 60; 32-bit
 *                             programs a quarter
 *   FIXEDPOOL_SEED            seed of the first round, as a failure prints it
 *
 * The seed of a round that has failed belongs into model_seeds.h.
 */
#include "fixedpool_test.h"

#include "caches.h"
#include "model.h"
#include "scopes.h"
#include "sets.h"

#include <time.h>

#define ROUND		3000	/* calls */
#define NAMES		5	/* of pools, and of sets */
#define REMEMBERED	64	/* handles */
#define MOST		12	/* handles in one call */
#define PLAYERS		2

struct game {
	struct model model;
	int player;
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

static void name_of(const struct game *game, char *text, const char *kind, int name)
{
	snprintf(text, FIXEDPOOL_NAME_SIZE, "model-%s-%d-%d", kind, name, game->player);
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
	name_of(game, create.name, "pool", name);
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
		.storage = create.storage,
		.block_size = create.block_size,
		.blocks = create.blocks,
	};
	pool->attached[c] = true;
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

	name_of(game, text, "pool", name);
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

	name_of(game, text, "pool", name);
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

/* Where a block may be put, most often below the root. */
static __u32 some_scope(struct game *game, int c)
{
	const struct scope *scope = &game->model.scopes[c][any(game, SCOPES)];

	if (any(game, 20) == 0)
		return any(game, 2) ? any(game, 300) : random_next(&game->state);
	return scope->alive ? scope->number : 0;
}

/* A handle that came must name a block that was free, with its next version. */
static void taken(struct game *game, int c, int scope, struct pool *pool, __u64 handle, bool zero)
{
	__u32 index = FIXEDPOOL_HANDLE_SLOT(handle) - pool->first_slot;
	__u32 version = FIXEDPOOL_HANDLE_VERSION(handle);
	struct block *block = &pool->block[index];

	if (!expect(game, index < pool->blocks, true, "a block of the pool"))
		return;
	expect(game, model_holds(block), 0, "holds of a new block");
	expect(game, version % 2, 1, "lowest bit of a version");
	if (block->known)
		expect(game, version, (__u32)(block->version + 1), "version");
	block->known = true;
	block->version = version;
	block->held[c] = true;
	block->scope[c] = scope;
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
	__u32 number = any(game, 2) ? 0 : some_scope(game, c);
	int scope = model_scope_find(&game->model, c, number);
	__u64 handles[MOST];
	struct fixedpool_alloc alloc = {
		.pool = id,
		.flags = flags,
		.count = count,
		.done = 0xdddddddd,
		.handles = (uintptr_t)handles,
		.scope = number,
	};
	__u32 least, free;
	int wanted = 0;

	free = pool ? pool_free_in_model(pool) : 0;
	least = flags & FIXEDPOOL_ALLOC_PARTIAL ? 1 : count;
	if (scope < 0)
		wanted = ESTALE;
	else if (!pool)
		wanted = ENXIO;
	else if (free < least)
		wanted = ENOBUFS;
	expect(game, call(game->client[c], FIXEDPOOL_IOC_ALLOC, &alloc), wanted, "errno");
	done = alloc.done;
	if (!expect(game, done, wanted ? 0 : free < count ? free : count, "done"))
		return;
	game->good = !wanted;
	for (__u32 i = 0; i < done; i++)
		taken(game, c, scope, pool, handles[i], flags & FIXEDPOOL_ALLOC_ZERO);
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
		model_let_go(pool, index, c);
		wanted_done++;
	}
	game->good = wanted_done;
	expect(game, blocks_free(game->client[c], handles, count, &done), wanted, "errno");
	expect(game, done, wanted_done, "done");
}

/* Lets client @to have blocks of @c, instead or too. */
static void pass(struct game *game, int c, bool share)
{
	__u32 count = 1 + any(game, 4), done, wanted_done = 0, index;
	int to = any(game, CLIENTS + 1), wanted = 0, error;
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
		if (to != c) {
			model_accept(pool, index, to);
			if (!share)
				model_let_go(pool, index, c);
		}
		wanted_done++;
	}
	game->good = wanted_done;
	error = share ? blocks_share(game->client[c], handles, count, receiver, &done) :
			blocks_give(game->client[c], handles, count, receiver, &done);
	expect(game, error, wanted, "errno");
	expect(game, done, wanted_done, "done");
}

static void move_give(struct game *game, int c)
{
	pass(game, c, false);
}

static void move_share(struct game *game, int c)
{
	pass(game, c, true);
}

static void move_scope_create(struct game *game, int c)
{
	__u32 number = some_scope(game, c), made = 0;
	int parent = model_scope_find(&game->model, c, number), wanted = 0, place;

	for (place = 1; place < SCOPES && game->model.scopes[c][place].alive; place++)
		;
	if (place == SCOPES)
		return;
	if (parent < 0)
		wanted = ESTALE;
	else if (model_scope_depth(&game->model, c, parent) == FIXEDPOOL_MAX_SCOPE_DEPTH)
		wanted = EMLINK;
	if (!expect(game, scope_create(game->client[c], number, &made), wanted, "errno") || wanted)
		return;
	game->good = true;
	expect(game, model_scope_find(&game->model, c, made), -1, "scope of a new number");
	game->model.scopes[c][place] = (struct scope) { true, made, parent };
}

static void move_scope_release(struct game *game, int c)
{
	__u32 number = some_scope(game, c);
	__u32 flags = any(game, 2) ? FIXEDPOOL_SCOPE_DISSOLVE : 0;
	int scope = model_scope_find(&game->model, c, number), wanted = 0;
	__u64 blocks, wanted_blocks = 0;

	/* all that a client has: not so often */
	if (!number && !flags && any(game, 4))
		return;
	if (!number && flags)
		wanted = EINVAL;
	else if (scope < 0)
		wanted = ESTALE;
	else if (flags)
		wanted_blocks = model_scope_dissolve(&game->model, c, scope);
	else
		wanted_blocks = model_scope_release(&game->model, c, scope);
	expect(game, scope_end(game->client[c], number, flags, &blocks), wanted, "errno");
	expect(game, blocks, wanted_blocks, "blocks");
	game->good = !wanted && wanted_blocks;
}

static void move_cache_fill(struct game *game, int c)
{
	__u32 id = some_id_of(game, c), count = 1 + any(game, MOST), done, blocks[MOST];
	struct pool *pool = model_pool_of(&game->model, c, id);
	__u32 free = pool ? pool_free_in_model(pool) : 0;
	int wanted = 0;

	if (!pool)
		wanted = ENXIO;
	else if (pool->storage != FIXEDPOOL_STORAGE_PAGES)
		wanted = ENODEV;
	else if (!free)
		wanted = ENOBUFS;
	expect(game, cache_fill(game->client[c], id, blocks, count, &done), wanted, "errno");
	if (!expect(game, done, wanted ? 0 : free < count ? free : count, "done"))
		return;
	game->good = done;
	for (__u32 i = 0; i < done; i++) {
		struct block *block = &pool->block[blocks[i]];

		if (!expect(game, blocks[i] < pool->blocks, true, "a block of the pool"))
			return;
		expect(game, model_holds(block), 0, "holds of a block for the cache");
		block->held[c] = true;
		block->scope[c] = ROOT;
		block->cached = true;
		pool->allocs++;
	}
}

static void move_cache_drain(struct game *game, int c)
{
	__u32 id = some_id_of(game, c), count = 1 + any(game, MOST), done, blocks[MOST];
	struct pool *pool = model_pool_of(&game->model, c, id);
	__u32 last = 0, wanted_done = 0;
	bool known;
	int wanted = 0;

	/* most often one of the cache after the other */
	for (__u32 i = 0; i < count; i++) {
		while (pool && last < pool->blocks &&
		       !(pool->block[last].cached && pool->block[last].held[c]))
			last++;
		blocks[i] = any(game, 16) ? last++ : any(game, BLOCKS + 2);
	}
	if (!pool)
		wanted = ENXIO;
	else if (pool->storage != FIXEDPOOL_STORAGE_PAGES)
		wanted = ENODEV;
	while (!wanted && wanted_done < count) {
		__u32 index = blocks[wanted_done];

		if (index >= pool->blocks)
			wanted = ERANGE;
		else if (!pool->block[index].held[c])
			wanted = EPERM;
		else if (!pool->block[index].cached)
			wanted = EADDRINUSE;
		if (wanted)
			break;
		known = pool->block[index].known;
		model_let_go(pool, index, c);
		/* so it does not advance */
		pool->block[index].known = known;
		wanted_done++;
	}
	game->good = wanted_done;
	expect(game, cache_drain(game->client[c], id, blocks, count, &done), wanted, "errno");
	expect(game, done, wanted_done, "done");
}

static struct channel *some_channel(struct game *game)
{
	unsigned int start = any(game, CHANNELS);

	for (unsigned int i = 0; i < CHANNELS; i++) {
		struct channel *channel = &game->model.channels[(start + i) % CHANNELS];

		if (channel->alive)
			return channel;
	}
	return NULL;
}

static void move_channel_create(struct game *game, int c)
{
	__u32 id = some_id_of(game, c), capacity = 1 + any(game, QUEUE);
	struct pool *pool = model_pool_of(&game->model, c, id);
	struct channel *channel = NULL;
	int made;

	for (int i = 0; i < CHANNELS && !channel; i++)
		if (!game->model.channels[i].alive)
			channel = &game->model.channels[i];
	if (!channel)
		return;
	made = channel_create(game->client[c], id, "", capacity,
			      FIXEDPOOL_CHANNEL_READ | FIXEDPOOL_CHANNEL_WRITE |
				      FIXEDPOOL_CHANNEL_NONBLOCK);
	if (!expect(game, made < 0 ? -made : 0, pool ? 0 : ENXIO, "errno") || !pool)
		return;
	game->good = true;
	*channel = (struct channel) {
		.alive = true,
		.descriptor = made,
		.client = c,
		.pool = pool,
		.capacity = capacity,
	};
}

static void move_channel_close(struct game *game, int c)
{
	struct channel *channel = some_channel(game);

	if (!channel)
		return;
	game->good = channel->count;
	close(channel->descriptor);
	model_channel_close(&game->model, channel);
}

/* Can its client move anything through it? */
static bool connected(const struct channel *channel)
{
	return channel->client != NOBODY && channel->pool->attached[channel->client];
}

static int queue_error(struct game *game, const struct channel *channel, __u64 handle,
		       __u32 *index)
{
	struct pool *pool;
	int error = model_handle(&game->model, channel->client, handle, &pool, index);

	if (error == EINVAL)
		return error;
	if (error == ENXIO || pool != channel->pool)
		return ENXIO;
	return error == EALREADY ? ESTALE : error;
}

static void move_channel_write(struct game *game, int c)
{
	struct channel *channel = some_channel(game);
	__u32 count = 1 + any(game, 4), index;
	__u64 handles[MOST];
	int wanted = 0, done = 0;

	if (!channel)
		return;
	for (__u32 i = 0; i < count; i++)
		handles[i] = some_handle(game, channel->client == NOBODY ? c : channel->client);
	if (connected(channel) && !predictable(game, channel->client, handles, count))
		return;
	if (!connected(channel))
		wanted = -ENOTCONN;
	while (!wanted && done < (int)count) {
		if (channel->count == channel->capacity) {
			wanted = -EAGAIN;
			break;
		}
		wanted = -queue_error(game, channel, handles[done], &index);
		if (wanted)
			break;
		channel->pool->block[index].held[channel->client] = false;
		channel->pool->block[index].queued++;
		channel->queue[channel->count++] = handles[done++];
	}
	game->good = done;
	expect(game, channel_write(channel->descriptor, handles, count), done ?: wanted, "result");
}

static void move_channel_read(struct game *game, int c)
{
	struct channel *channel = some_channel(game);
	unsigned int count = 1 + any(game, 4), done;
	__u64 handles[MOST];
	int wanted;

	if (!channel)
		return;
	done = count < channel->count ? count : channel->count;
	wanted = !connected(channel) ? -ENOTCONN : done ? (int)done : -EAGAIN;
	if (!expect(game, channel_read(channel->descriptor, handles, count), wanted, "result") ||
	    wanted < 0)
		return;
	game->good = true;
	for (unsigned int i = 0; i < done; i++) {
		__u32 index = FIXEDPOOL_HANDLE_SLOT(handles[i]) - channel->pool->first_slot;

		if (!expect(game, handles[i], channel->queue[i], "handle"))
			return;
		channel->pool->block[index].queued--;
		model_accept(channel->pool, index, channel->client);
		remember(game, handles[i]);
	}
	channel->count -= done;
	memmove(channel->queue, channel->queue + done, channel->count * sizeof(__u64));
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
	if (wanted > 0 && model_holds(&pool->block[index]) > 1)
		wanted |= FIXEDPOOL_CHECK_SHARED;
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
	name_of(game, text, "set", name);
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
	name_of(game, text, "set", name);
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

	name_of(game, text, "set", name);
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
			taken(game, c, ROOT, set->pools[i], handles[next++],
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
	name_of(game, text, "pool", name);
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
	MOVE(share, 10),
	MOVE(scope_create, 10),
	MOVE(scope_release, 8),
	MOVE(cache_fill, 8),
	MOVE(cache_drain, 8),
	MOVE(channel_create, 4),
	MOVE(channel_close, 2),
	MOVE(channel_write, 12),
	MOVE(channel_read, 8),
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
static void clear_names(const struct game *game, int client)
{
	char text[FIXEDPOOL_NAME_SIZE];

	for (int name = 0; name < NAMES; name++) {
		name_of(game, text, "pool", name);
		pool_destroy(client, text);
	}
}

/* Plays one round; false if anything was not as the model says. */
static bool play(struct game *game, int player, __u64 seed)
{
	memset(game, 0, sizeof(*game));
	game->player = player;
	game->state = seed;
	game->move = "the beginning";
	for (int i = 0; i < CLIENTS; i++) {
		game->client[i] = client_open();
		game->number[i] = client_number(game->client[i]);
		expect(game, game->number[i] != 0, true, "a client");
	}
	clear_names(game, game->client[0]);
	while (!game->failure[0] && game->moves++ < ROUND) {
		const struct move *move = some_move(game);

		game->move = move->name;
		game->good = false;
		move->play(game, any(game, CLIENTS));
		good[move - moves] += game->good;
	}
	fallbacks += game->fallbacks;
	clear_names(game, game->client[0]);
	for (int i = 0; i < CHANNELS; i++)
		if (game->model.channels[i].alive)
			close(game->model.channels[i].descriptor);
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
		EXPECT_TRUE(play(&game, 0, seeds[i])) {
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

/* Rounds, until the time is over; ends the process. */
static void play_on(int player, time_t seconds, __u64 seed)
{
	time_t end = time(NULL) + seconds;
	unsigned int rounds = 0;

	do {
		if (!play(&game, player, seed)) {
			printf("# FIXEDPOOL_SEED=%#llx: %s\n", (unsigned long long)seed,
			       game.failure);
			exit(KSFT_FAIL);
		}
		seed = random_next(&seed);
		rounds++;
	} while (time(NULL) < end);
	printf("# player %d: %u rounds of %u calls\n", player, rounds, ROUND);
	exit(KSFT_PASS);
}

TEST(random_calls_give_what_the_model_says)
{
	time_t seconds = rounds_wanted("FIXEDPOOL_MODEL_SECONDS", 60) / PLAYERS;
	__u64 seed = random_seed();
	pid_t players[PLAYERS];

	fflush(stdout);
	for (int i = 0; i < PLAYERS; i++) {
		players[i] = fork();
		if (players[i] == 0)
			play_on(i, seconds, seed);
		/* the first one begins with the seed that was asked for */
		seed = ~seed;
	}
	for (int i = 0; i < PLAYERS; i++)
		EXPECT_EQ(KSFT_PASS, child_verdict(players[i]));
}

TEST_HARNESS_MAIN
