/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the ABI header says, as plain arrays: pools, who is attached, who holds
 * which block in which scope, versions, bytes, sets, channels, counters. It knows
 * nothing of how the module does it. For model_test.c, which asks it what every
 * call must answer.
 */
#ifndef FIXEDPOOL_MODEL_H
#define FIXEDPOOL_MODEL_H

#define CLIENTS		3
#define POOLS		24	/* alive at the same time, with names or without */
#define SETS		6
#define MEMBERS		4	/* most pools in one set here */
#define BLOCKS		80	/* most blocks of a pool here */
#define SCOPES		12	/* of a client here, with its root */
#define CHANNELS	6
#define QUEUE		8	/* most handles in a channel here */
#define ROOT		0

struct block {
	bool held[CLIENTS];
	int scope[CLIENTS];	/* where each holder has it */
	int queued;		/* how often it is in channels */
	bool cached;		/* held, but not allocated */
	__u32 version;		/* of the last allocation, or after its end */
	bool known;		/* @version is */
	__u64 content;		/* the first eight bytes */
};

struct pool {
	bool alive;
	bool named;
	bool auto_destroy;
	int name;
	__u32 id, first_slot, storage, block_size, blocks;
	bool attached[CLIENTS];
	struct block block[BLOCKS];
	__u64 allocs, frees, reclaimed, fallbacks, overflows;
};

struct set {
	bool alive;
	bool named;
	int name;
	__u32 id;
	bool opened[CLIENTS];
	unsigned int count;
	struct pool *pools[MEMBERS];	/* in order */
};

struct scope {
	bool alive;
	__u32 number;
	int parent;
};

/* With one descriptor for both directions. */
struct channel {
	bool alive;
	int descriptor;
	int client;		/* on whose holdings it works; NOBODY: it is closed */
	struct pool *pool;
	unsigned int capacity, count;
	__u64 queue[QUEUE];
};

#define NOBODY		(-1)

struct model {
	struct pool pools[POOLS];
	struct set sets[SETS];
	struct scope scopes[CLIENTS][SCOPES];
	struct channel channels[CHANNELS];
};

static inline int model_holds(const struct block *block)
{
	int holds = block->queued;

	for (int i = 0; i < CLIENTS; i++)
		holds += block->held[i];
	return holds;
}

static inline unsigned int pool_clients_in_model(const struct pool *pool)
{
	unsigned int clients = 0;

	for (int i = 0; i < CLIENTS; i++)
		clients += pool->attached[i];
	return clients;
}

static inline unsigned int pool_free_in_model(const struct pool *pool)
{
	unsigned int free = 0;

	for (__u32 i = 0; i < pool->blocks; i++)
		free += !model_holds(&pool->block[i]);
	return free;
}

static inline struct pool *model_pool_named(struct model *model, int name)
{
	for (int i = 0; i < POOLS; i++)
		if (model->pools[i].alive && model->pools[i].named &&
		    model->pools[i].name == name)
			return &model->pools[i];
	return NULL;
}

/* The pool of number @id, if @client is attached to it. */
static inline struct pool *model_pool_of(struct model *model, int client, __u32 id)
{
	for (int i = 0; i < POOLS; i++)
		if (model->pools[i].alive && model->pools[i].attached[client] &&
		    model->pools[i].id == id)
			return &model->pools[i];
	return NULL;
}

static inline struct set *model_set_named(struct model *model, int name)
{
	for (int i = 0; i < SETS; i++)
		if (model->sets[i].alive && model->sets[i].named && model->sets[i].name == name)
			return &model->sets[i];
	return NULL;
}

static inline struct set *model_set_of(struct model *model, int client, __u32 id)
{
	for (int i = 0; i < SETS; i++)
		if (model->sets[i].alive && model->sets[i].opened[client] &&
		    model->sets[i].id == id)
			return &model->sets[i];
	return NULL;
}

/* A pool is there as long as its name, a client, a set or a channel. */
static inline void model_pool_settle(struct model *model, struct pool *pool)
{
	bool alive = pool->named || pool_clients_in_model(pool);

	for (int i = 0; i < SETS; i++)
		for (unsigned int j = 0; model->sets[i].alive && j < model->sets[i].count; j++)
			alive |= model->sets[i].pools[j] == pool;
	for (int i = 0; i < CHANNELS; i++)
		alive |= model->channels[i].alive && model->channels[i].pool == pool;
	pool->alive = alive;
}

/* A set is there as long as a client; its name goes with the last. */
static inline void model_set_settle(struct model *model, struct set *set)
{
	for (int i = 0; i < CLIENTS; i++)
		if (set->opened[i])
			return;
	set->alive = false;
	for (unsigned int i = 0; i < set->count; i++)
		model_pool_settle(model, set->pools[i]);
}

/*
 * A hold has gone; with the last one the block is free. The version of a block of
 * a cache may advance then, by an even number.
 */
static inline void model_block_dropped(struct pool *pool, __u32 index)
{
	struct block *block = &pool->block[index];

	if (model_holds(block))
		return;
	if (block->cached)
		block->known = false;
	else
		block->version++;
	block->cached = false;
	pool->frees++;
}

static inline void model_let_go(struct pool *pool, __u32 index, int client)
{
	pool->block[index].held[client] = false;
	model_block_dropped(pool, index);
}

/* What comes from others is in the root; a second hold is one too many. */
static inline void model_accept(struct pool *pool, __u32 index, int client)
{
	struct block *block = &pool->block[index];

	if (!block->held[client])
		block->scope[client] = ROOT;
	block->held[client] = true;
}

static inline void model_detach(struct model *model, struct pool *pool, int client)
{
	for (__u32 i = 0; i < pool->blocks; i++) {
		if (pool->block[i].held[client]) {
			model_let_go(pool, i, client);
			pool->reclaimed++;
		}
	}
	pool->attached[client] = false;
	if (!pool_clients_in_model(pool) && pool->auto_destroy)
		pool->named = false;
	model_pool_settle(model, pool);
}

/* The scope of number @number, or -1. */
static inline int model_scope_find(struct model *model, int client, __u32 number)
{
	for (int i = 0; i < SCOPES; i++)
		if ((i == ROOT || model->scopes[client][i].alive) &&
		    model->scopes[client][i].number == number)
			return i;
	return -1;
}

static inline unsigned int model_scope_depth(struct model *model, int client, int scope)
{
	unsigned int depth = 0;

	for (; scope != ROOT; scope = model->scopes[client][scope].parent)
		depth++;
	return depth;
}

static inline bool model_scope_below(struct model *model, int client, int scope, int above)
{
	for (; scope != above; scope = model->scopes[client][scope].parent)
		if (scope == ROOT)
			return false;
	return true;
}

/* Returns how many blocks go. */
static inline __u64 model_scope_release(struct model *model, int client, int scope)
{
	__u64 blocks = 0;

	for (int i = 0; i < POOLS; i++) {
		struct pool *pool = &model->pools[i];

		for (__u32 j = 0; pool->alive && j < pool->blocks; j++) {
			if (!pool->block[j].held[client] ||
			    !model_scope_below(model, client, pool->block[j].scope[client], scope))
				continue;
			model_let_go(pool, j, client);
			blocks++;
		}
	}
	/* from the leaves up, as long as the way to the top is there */
	for (bool more = true; more;) {
		more = false;
		for (int i = 1; i < SCOPES; i++) {
			bool leaf = model->scopes[client][i].alive &&
				    model_scope_below(model, client, i, scope);

			for (int j = 1; leaf && j < SCOPES; j++)
				leaf = !model->scopes[client][j].alive ||
				       model->scopes[client][j].parent != i;
			if (!leaf)
				continue;
			model->scopes[client][i].alive = false;
			more = true;
		}
	}
	return blocks;
}

/* Returns how many blocks move. */
static inline __u64 model_scope_dissolve(struct model *model, int client, int scope)
{
	int parent = model->scopes[client][scope].parent;
	__u64 blocks = 0;

	for (int i = 0; i < POOLS; i++) {
		struct pool *pool = &model->pools[i];

		for (__u32 j = 0; pool->alive && j < pool->blocks; j++) {
			if (!pool->block[j].held[client] || pool->block[j].scope[client] != scope)
				continue;
			pool->block[j].scope[client] = parent;
			blocks++;
		}
	}
	for (int i = 1; i < SCOPES; i++)
		if (model->scopes[client][i].alive && model->scopes[client][i].parent == scope)
			model->scopes[client][i].parent = parent;
	model->scopes[client][scope].alive = false;
	return blocks;
}

/* What is queued goes back. */
static inline void model_channel_close(struct model *model, struct channel *channel)
{
	struct pool *pool = channel->pool;

	for (unsigned int i = 0; i < channel->count; i++) {
		__u32 index = FIXEDPOOL_HANDLE_SLOT(channel->queue[i]) - pool->first_slot;

		pool->block[index].queued--;
		model_block_dropped(pool, index);
		pool->reclaimed++;
	}
	channel->alive = false;
	model_pool_settle(model, pool);
}

static inline void model_set_leave(struct model *model, struct set *set, int client)
{
	set->opened[client] = false;
	model_set_settle(model, set);
}

static inline void model_close(struct model *model, int client)
{
	for (int i = 0; i < SETS; i++)
		if (model->sets[i].alive && model->sets[i].opened[client])
			model_set_leave(model, &model->sets[i], client);
	for (int i = 0; i < POOLS; i++)
		if (model->pools[i].alive && model->pools[i].attached[client])
			model_detach(model, &model->pools[i], client);
	for (int i = 0; i < CHANNELS; i++)
		if (model->channels[i].client == client)
			model->channels[i].client = NOBODY;
	memset(model->scopes[client], 0, sizeof(model->scopes[client]));
}

/*
 * Why @client is refused what a handle names, or 0, or -1 where that depends on
 * a version that nobody was ever told.
 */
static inline int model_handle(struct model *model, int client, __u64 handle, struct pool **pool,
			       __u32 *index)
{
	__u32 slot = FIXEDPOOL_HANDLE_SLOT(handle), version = FIXEDPOOL_HANDLE_VERSION(handle);
	struct block *block;

	if (version % 2 == 0)
		return EINVAL;
	/* of one unit each, as small as they are */
	*pool = model_pool_of(model, client, slot >> 16);
	if (!*pool)
		return ENXIO;
	*index = slot - (*pool)->first_slot;
	if (*index >= (*pool)->blocks)
		return ERANGE;
	block = &(*pool)->block[*index];
	if (!block->known)
		return -1;
	if (block->version == version)
		return block->held[client] ? 0 : EPERM;
	return block->version == version + 1 ? EALREADY : ESTALE;
}

/*
 * How many blocks of at least @size each pool of a set gives, smallest first.
 * Returns the sum.
 */
static inline __u32 model_share(const struct set *set, __u32 size, __u32 count, __u32 *share)
{
	__u32 total = 0;

	for (unsigned int i = 0; i < set->count; i++) {
		__u32 free = pool_free_in_model(set->pools[i]);

		share[i] = 0;
		if (set->pools[i]->block_size >= size)
			share[i] = free < count - total ? free : count - total;
		total += share[i];
	}
	return total;
}

/*
 * Every block that came from a pool too big went past those that fit. Returns
 * how many those are.
 */
static inline __u32 model_count_share(struct set *set, __u32 size, const __u32 *share)
{
	__u32 fallbacks = 0;
	bool first = true;

	for (unsigned int i = 0; i < set->count; i++) {
		if (set->pools[i]->block_size < size)
			continue;
		if (!first) {
			set->pools[i]->fallbacks += share[i];
			fallbacks += share[i];
		}
		for (unsigned int j = i + 1; j < set->count; j++)
			set->pools[i]->overflows += share[j];
		first = false;
	}
	return fallbacks;
}

#endif /* FIXEDPOOL_MODEL_H */
