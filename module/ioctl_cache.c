// SPDX-License-Identifier: GPL-2.0
/*
 * Ioctls that move free blocks between a pool and a client's own cache. The
 * client holds what is in its cache, in its root scope, as anything else it
 * holds; only the versions say that the blocks are not allocated.
 */
#include <linux/kernel.h>
#include <linux/nospec.h>
#include <linux/uaccess.h>

#include "compat.h"
#include "group.h"
#include "holding.h"
#include "ioctl_call.h"
#include "revoke.h"
#include "user_words.h"
#include "word.h"

/* The attachment to a pool whose versions the client can see, or an error. */
static struct attachment *cached_pool(struct client *client, u32 id)
{
	struct attachment *att = client_borrow_of_pool(client, id);

	if (!att)
		return ERR_PTR(-ENXIO);
	if (pool_mappable(att->pool))
		return att;
	client_return(client, att);
	return ERR_PTR(-ENODEV);
}

/* Two indices that follow each other, as they stand in an array. */
static u64 index_pair(u32 first)
{
	return first * TWICE +
	       (IS_ENABLED(CONFIG_CPU_BIG_ENDIAN) ? 1 : 1ULL << 32);
}

/* The next two. The compiler would load a constant for each pair of a group. */
static __always_inline u64 next_pair(u64 pair)
{
	OPTIMIZER_HIDE_VAR(pair);
	return pair + 2 * TWICE;
}

static int group_to_user(u32 __user *to, u32 word)
{
	u64 pair = index_pair(word * POOL_BATCH);
	u64 __user *pairs = (u64 __user *)to;
	unsigned int i;

	if (!user_write_access_begin(to, POOL_BATCH * sizeof(*to)))
		return -EFAULT;
#pragma GCC unroll 32
	for (i = 0; i < POOL_BATCH / 2; i++, pair = next_pair(pair))
		unsafe_put_user(pair, pairs + i, fault);
	user_write_access_end();
	return 0;

fault:
	user_write_access_end();
	return -EFAULT;
}

static int indices_to_user(u32 __user *to, u32 word, unsigned long mask)
{
	u32 first = word * POOL_BATCH;

	if (mask == ~0UL && IS_ENABLED(CONFIG_HAVE_EFFICIENT_UNALIGNED_ACCESS))
		return group_to_user(to, word);
	if (!user_write_access_begin(to, hweight_long(mask) * sizeof(*to)))
		return -EFAULT;
	for (; mask; mask &= mask - 1)
		unsafe_put_user(first + (u32)__builtin_ctzl(mask), to++, fault);
	user_write_access_end();
	return 0;

fault:
	user_write_access_end();
	return -EFAULT;
}

static int indices_from_user(u32 *to, const u32 __user *from, u32 count)
{
	int error;

	if (!IS_ENABLED(CONFIG_HAVE_EFFICIENT_UNALIGNED_ACCESS))
		return copy_from_user(to, from, count * sizeof(*to)) ? -EFAULT :
								       0;
	error = words_from_user((u64 *)to, (const u64 __user *)from, count / 2);
	if (!error && count % 2 && get_user(to[count - 1], from + count - 1))
		error = -EFAULT;
	return error;
}

/* Takes up to @count neighbours out of a cache where nobody was faster. */
static void uncache(struct attachment *att, u32 word, unsigned long mask)
{
	mask &= atomic_long_fetch_andnot(mask, attachment_word(att, word));
	if (!mask)
		return;
	revoke_mask(att->pool, word, mask);
	pool_uncache_word(att->pool, word, mask, HOLDER_CLIENT);
}

/* Moves @reserved blocks to the client, and their indices to its array. */
static long fill(struct attachment *att, struct fixedpool_cache_fill *fill,
		 u32 reserved)
{
	u32 __user *to = u64_to_user_ptr(fill->blocks);
	long error = 0;

	while (reserved && !error) {
		unsigned long mask;
		u32 word;

		mask = pool_cache_word(att->pool, HOLDER_CLIENT, reserved,
				       &word);
		attachment_add(att, word, mask);
		reserved -= hweight_long(mask);
		error = indices_to_user(to + fill->done, word, mask);
		if (error)
			uncache(att, word, mask);
		else
			fill->done += hweight_long(mask);
	}
	if (reserved)
		pool_cancel(att->pool, reserved);
	return error;
}

/* Neighbours at the head of @indices that are in the cache; @index is the first
 * of these, safe to use under speculation.
 */
static unsigned int find_run(const struct attachment *att, u32 index,
			     const u32 *indices, unsigned int count,
			     unsigned long *mask)
{
	u32 first = index & ~(POOL_BATCH - 1);
	const u32 *versions = att->pool->hot.versions + first;
	unsigned long held = READ_ONCE(att->held[first / POOL_BATCH]);
	unsigned int i;

	*mask = 0;
	for (i = 0; i < count; i++) {
		u32 bit = indices[i] - first;

		if (bit >= POOL_BATCH)
			break;
		bit = array_index_nospec(bit, POOL_BATCH);
		if (!(held & ~*mask & BIT(bit)))
			break;
		if (READ_ONCE(versions[bit]) & 1)
			break;
		*mask |= BIT(bit);
	}
	return i;
}

/* Are these all blocks of a group, in order, and all in the cache? */
static bool is_group(const struct attachment *att, u32 word,
		     const u32 *indices)
{
	u64 pair = index_pair(word * POOL_BATCH);
	const u64 *pairs = (const u64 *)indices;
	unsigned int i;

	if (READ_ONCE(att->held[word]) != ~0UL)
		return false;
#pragma GCC unroll 32
	for (i = 0; i < POOL_BATCH / 2; i++, pair = next_pair(pair)) {
		if (pairs[i] != pair)
			return false;
	}
	return !(any_of(group_versions(att->pool, word), POOL_BATCH / 2) &
		 TWICE);
}

/* Gives back a run. Whatever another thread took meanwhile it had a right to,
 * and so it is gone from the cache, as was asked.
 */
static long drain(struct attachment *att, const u32 *indices,
		  unsigned int count, u32 *done)
{
	u32 blocks = pool_geometry(att->pool)->blocks;

	while (count) {
		struct holding handle = { .att = att };
		unsigned long mask;
		unsigned int run;

		if (indices[0] >= blocks)
			return -ERANGE;
		handle.index = array_index_nospec(indices[0], blocks);
		run = POOL_BATCH;
		mask = ~0UL;
		if (count < POOL_BATCH ||
		    !is_group(att, handle.index / POOL_BATCH, indices))
			run = find_run(att, handle.index, indices, count,
				       &mask);
		if (run > 1) {
			uncache(att, handle.index / POOL_BATCH, mask);
		} else {
			int error = holding_drain(&handle);

			if (error)
				return error;
			run = 1;
		}
		indices += run;
		count -= run;
		*done += run;
	}
	return 0;
}

static long walk_drain(struct attachment *att, u64 user_blocks, u32 count,
		       u32 *done)
{
	const u32 __user *from = u64_to_user_ptr(user_blocks);
	u32 indices[POOL_BATCH] __aligned(sizeof(u64)) __uninitialized;
	long error = 0;

	while (!error && *done < count) {
		u32 batch = min_t(u32, count - *done, POOL_BATCH);

		error = indices_from_user(indices, from + *done, batch);
		if (!error)
			error = drain(att, indices, batch, done);
	}
	return error;
}

/* As undo_alloc(). */
static noinline void undo_fill(struct attachment *att,
			       struct fixedpool_cache_fill *cache)
{
	u32 undone = 0;

	walk_drain(att, cache->blocks, cache->done, &undone);
	cache->done = 0;
}

long call_cache_fill(struct client *client, struct call *call)
{
	struct fixedpool_cache_fill *cache = &call->argument.cache_fill;
	struct attachment *att;
	u32 reserved;
	long error;

	cache->done = 0;
	if (!cache->count || cache->count > FIXEDPOOL_MAX_BATCH)
		return -EINVAL;
	if (cache->flags)
		return -EINVAL;
	att = cached_pool(client, cache->pool);
	if (IS_ERR(att))
		return PTR_ERR(att);
	reserved = pool_reserve(att->pool, 1, cache->count);
	if (reserved)
		watching_served(&att->watching);
	else
		watching_starved(&att->watching, att->pool, &client->pollers);
	error = reserved ? fill(att, cache, reserved) : -ENOBUFS;
	if (unlikely(error && cache->done))
		undo_fill(att, cache);
	client_return(client, att);
	return error;
}

void undo_cache_fill(struct client *client, struct call *call)
{
	struct fixedpool_cache_fill *cache = &call->argument.cache_fill;
	struct attachment *att = client_borrow_of_pool(client, cache->pool);

	if (!att)
		return;
	undo_fill(att, cache);
	client_return(client, att);
}

long call_cache_drain(struct client *client, struct call *call)
{
	struct fixedpool_cache_drain *cache = &call->argument.cache_drain;
	struct attachment *att;
	long error;

	cache->done = 0;
	if (!cache->count || cache->count > FIXEDPOOL_MAX_BATCH)
		return -EINVAL;
	if (cache->flags)
		return -EINVAL;
	att = cached_pool(client, cache->pool);
	if (IS_ERR(att))
		return PTR_ERR(att);
	error = walk_drain(att, cache->blocks, cache->count, &cache->done);
	if (error)
		pool_refuse(att->pool, 0, error);
	client_return(client, att);
	return error;
}
