// SPDX-License-Identifier: GPL-2.0
/*
 * The shrinker; see shrink.h.
 *
 * It is called by whoever needs memory, in the middle of an allocation, maybe one
 * of our own, so it waits for no lock: a pool that is busy growing, or being
 * mapped, is left alone. It counts in pages, or in objects of slab that are
 * smaller.
 */
#include "shrink.h"

#include <linux/minmax.h>
#include <linux/mm.h>

#include "compat.h"

/*
 * Protects: the list. Ordering: outside all locks of a pool. No memory is
 * allocated under it, and the shrinker only tries it.
 */
static DEFINE_MUTEX(lock);
static LIST_HEAD(growths);
static struct shrinker *shrinker;

static unsigned long weight(const struct growth *growth)
{
	return max(growth->storage->geo.chunk_size >> PAGE_SHIFT, 1UL);
}

static unsigned long count_spare(struct shrinker *self,
				 struct shrink_control *control)
{
	struct growth *growth;
	unsigned long sum = 0;

	if (!mutex_trylock(&lock))
		return 0;
	list_for_each_entry(growth, &growths, link)
		sum += growth_spare(growth) * weight(growth);
	mutex_unlock(&lock);
	return sum;
}

static unsigned long free_spare(struct shrinker *self,
				struct shrink_control *control)
{
	unsigned long want = control->nr_to_scan;
	struct growth *growth, *next;
	unsigned long freed = 0;
	LIST_HEAD(done);

	if (!mutex_trylock(&lock))
		return SHRINK_STOP;
	list_for_each_entry_safe(growth, next, &growths, link) {
		unsigned long each = weight(growth);

		if (freed >= want)
			break;
		freed += each * growth_shrink(growth,
					      DIV_ROUND_UP(want - freed, each));
		/* another one is the first to give the next time */
		list_move_tail(&growth->link, &done);
	}
	list_splice_tail(&done, &growths);
	mutex_unlock(&lock);
	return freed ?: SHRINK_STOP;
}

/**
 * shrink_add() - a pool may give chunks back from now on
 * @growth: its size
 *
 * Context: process; may sleep.
 */
void shrink_add(struct growth *growth)
{
	mutex_lock(&lock);
	list_add_tail(&growth->link, &growths);
	mutex_unlock(&lock);
}

/**
 * shrink_remove() - a pool gives nothing back any more
 * @growth: its size, whether it was added or not
 *
 * Context: process; may sleep.
 */
void shrink_remove(struct growth *growth)
{
	mutex_lock(&lock);
	list_del_init(&growth->link);
	mutex_unlock(&lock);
}

/**
 * shrink_init() - be called when memory is short
 *
 * Return: 0 or -ENOMEM.
 */
int shrink_init(void)
{
	shrinker = shrinker_make("fixedpool", count_spare, free_spare);
	return shrinker ? 0 : -ENOMEM;
}

/**
 * shrink_exit() - no pool is left
 */
void shrink_exit(void)
{
	shrinker_unmake(shrinker);
}
