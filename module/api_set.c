// SPDX-License-Identifier: GPL-2.0
/* What other modules call for allocation by size; see <linux/fixedpool.h>. */
#include <linux/fixedpool.h>

#include "compat.h"
#include "set.h"

/**
 * fixedpool_set_create() - order pools by size
 * @name: name of the set, see FIXEDPOOL_NAME_SIZE; names of sets and of pools
 *	do not meet
 * @pools: the pools, in any order; those of one block size are tried in the
 *	order in which they stand here
 * @count: how many, up to FIXEDPOOL_MAX_SET_POOLS
 *
 * The set has a reference to each pool: a pool that is destroyed loses its
 * name, but its memory stays as long as the set. Processes attached to all of
 * its pools may open the set by its name.
 *
 * Context: Process context; may sleep.
 * Return: The set, to be given up with fixedpool_set_destroy() or
 * fixedpool_set_put(); or an ERR_PTR: -EINVAL for a bad name, a number of pools
 * out of its range or a pool that stands there twice, -EEXIST if the name is
 * taken, -ENOMEM.
 */
struct fixedpool_set *fixedpool_set_create(const char *name,
					   struct fixedpool **pools,
					   unsigned int count)
{
	return set_create(name, pools, count, false);
}
FIXEDPOOL_EXPORT(fixedpool_set_create);

/**
 * fixedpool_set_destroy() - take a set's name away and put the set
 * @set: the set, of which the caller has a reference
 *
 * Context: Process context; may sleep.
 */
void fixedpool_set_destroy(struct fixedpool_set *set)
{
	set_unlink(set);
	set_put(set);
}
FIXEDPOOL_EXPORT(fixedpool_set_destroy);

/**
 * fixedpool_set_get() - find a set by name
 * @name: its name
 *
 * Context: Process context; may sleep.
 * Return: The set with a reference, or ERR_PTR(-ENOENT).
 */
struct fixedpool_set *fixedpool_set_get(const char *name)
{
	return set_get(name);
}
FIXEDPOOL_EXPORT(fixedpool_set_get);

/**
 * fixedpool_set_put() - give up a set
 * @set: the set; everything taken through it has been freed
 *
 * Context: Process context; may sleep.
 */
void fixedpool_set_put(struct fixedpool_set *set)
{
	set_put(set);
}
FIXEDPOOL_EXPORT(fixedpool_set_put);

/**
 * fixedpool_set_alloc() - take a block of at least a size
 * @set: the set
 * @size: bytes, at least 1
 * @pool: set to the pool that the block is of, for fixedpool_free() and the
 *	others; valid as long as the caller has the set
 * @handle: set to the block's handle
 *
 * The smallest pool that fits, or, if that is empty, the next bigger one. Never
 * waits and never allocates.
 *
 * Context: Any, NMI included. O(pools of the set).
 * Return: The block, or NULL if no pool that fits has a free one.
 */
void *fixedpool_set_alloc(struct fixedpool_set *set, u32 size,
			  struct fixedpool **pool, u64 *handle)
{
	unsigned int first = set_first(set, size);
	unsigned int i;

	for (i = first; size && i < set->count; i++) {
		void *block = fixedpool_alloc(set->pools[i], handle);

		if (block) {
			set_count_one(set, first, i);
			*pool = set->pools[i];
			pool_note_taker(*pool, *handle, _RET_IP_);
			return block;
		}
	}
	return NULL;
}
FIXEDPOOL_EXPORT(fixedpool_set_alloc);

/**
 * fixedpool_set_pool() - the pool of a set that a handle is of
 * @set: the set
 * @handle: from anywhere
 *
 * Context: Any, NMI included. O(pools of the set).
 * Return: The pool, or NULL if the handle is of none of the set's.
 */
struct fixedpool *fixedpool_set_pool(struct fixedpool_set *set, u64 handle)
{
	return set_pool_of(set, handle);
}
FIXEDPOOL_EXPORT(fixedpool_set_pool);
