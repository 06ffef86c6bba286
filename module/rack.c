// SPDX-License-Identifier: GPL-2.0
/*
 * Two stacks of shelves, full and empty; see rack.h.
 *
 * (R. K. Treiber, "Systems Programming: Coping with Parallelism", IBM RJ 5118,
 * 1986.) The top of a stack is one 64-bit word: the number of the shelf + 1 in
 * the lower half, and in the upper half a tag that every push advances. Who
 * pops reads the shelf below the top one, which may be out of date by the time
 * of its compare-and-exchange: if the top shelf has been popped and pushed again
 * meanwhile, the tag has moved and the exchange fails. It would have to move 2^32
 * times, exactly, to be mistaken. Shelves are not freed while the pool lives, so
 * a stale number is never followed into nothing.
 *
 * Between a pop from one stack and the push to the other a shelf belongs to one
 * caller, who copies its indices; nobody waits for that.
 */
#include "rack.h"

#include <linux/errno.h>
#include <linux/gfp.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "storage.h"

#define TAG_ONE	BIT_ULL(32)

/**
 * rack_bytes() - memory that a rack takes
 * @shelves: how many
 */
size_t rack_bytes(u32 shelves)
{
	return (size_t)shelves * sizeof(struct shelf);
}

static void stack_push(struct rack *rack, atomic64_t *stack, u32 shelf)
{
	u64 top = atomic64_read(stack);

	do {
		WRITE_ONCE(rack->shelves[shelf].next, lower_32_bits(top));
		/* Release: who pops the shelf finds what we put on it. */
	} while (!atomic64_try_cmpxchg_release(stack, (s64 *)&top,
			((top & ~(TAG_ONE - 1)) + TAG_ONE) | (shelf + 1)));
}

/* The shelf on top, or -1. */
static s64 stack_pop(struct rack *rack, atomic64_t *stack)
{
	u64 top = atomic64_read(stack);
	u32 next;

	do {
		if (!lower_32_bits(top))
			return -1;
		next = READ_ONCE(rack->shelves[lower_32_bits(top) - 1].next);
		/* Acquire: pairs with the release in stack_push(). */
	} while (!atomic64_try_cmpxchg_acquire(stack, (s64 *)&top,
			(top & ~(TAG_ONE - 1)) | next));
	return lower_32_bits(top) - 1;
}

/**
 * rack_init() - make a rack without magazines
 * @rack: the rack
 * @shelves: how many magazines it is to have room for; may be 0
 *
 * Context: process; may sleep.
 * Return: 0 or -ENOMEM.
 */
int rack_init(struct rack *rack, u32 shelves)
{
	u32 i;

	atomic64_set(&rack->full, 0);
	atomic64_set(&rack->empty, 0);
	atomic_set(&rack->magazines, 0);
	rack->count = shelves;
	rack->shelves = NULL;
	if (!shelves)
		return 0;
	rack->shelves = kvcalloc(shelves, sizeof(struct shelf), POOL_GFP);
	if (!rack->shelves)
		return -ENOMEM;
	for (i = shelves; i > 0; i--)
		stack_push(rack, &rack->empty, i - 1);
	return 0;
}

/**
 * rack_exit() - release a rack's memory
 * @rack: the rack, which nobody uses any more
 *
 * Context: process; may sleep.
 */
void rack_exit(struct rack *rack)
{
	kvfree(rack->shelves);
}

/**
 * rack_put() - put a full magazine away
 * @rack: the rack
 * @indices: MAGAZINE_BATCH blocks, free and the caller's
 *
 * Context: any.
 * Return: false if there is no room.
 */
bool rack_put(struct rack *rack, const u32 *indices)
{
	s64 shelf = stack_pop(rack, &rack->empty);

	if (shelf < 0)
		return false;
	rack_copy(rack->shelves[shelf].index, indices);
	atomic_inc(&rack->magazines);
	stack_push(rack, &rack->full, shelf);
	return true;
}

/**
 * rack_take() - get a full magazine
 * @rack: the rack
 * @indices: filled with MAGAZINE_BATCH blocks, the caller's from then on
 *
 * Context: any.
 * Return: false if there is none.
 */
bool rack_take(struct rack *rack, u32 *indices)
{
	s64 shelf = stack_pop(rack, &rack->full);

	if (shelf < 0)
		return false;
	rack_copy(indices, rack->shelves[shelf].index);
	atomic_dec(&rack->magazines);
	stack_push(rack, &rack->empty, shelf);
	return true;
}

/**
 * rack_peek() - look at what lies in the rack, without taking it
 * @rack: the rack; where it changes meanwhile, what is seen is out of date
 * @see: called for each block
 * @data: its first argument
 *
 * Context: any. O(shelves).
 */
void rack_peek(const struct rack *rack, void (*see)(void *data, u32 index),
	       void *data)
{
	u32 next = lower_32_bits(atomic64_read(&rack->full));
	u32 left, i;

	/* others move shelves from stack to stack: the way may lead in circles */
	for (left = rack->count; next && left; left--) {
		const struct shelf *shelf = &rack->shelves[next - 1];

		for (i = 0; i < MAGAZINE_BATCH; i++) {
			/* whoever has taken the shelf may be filling it */
			u32 index = data_race(shelf->index[i]);

			see(data, index);
		}
		next = READ_ONCE(shelf->next);
	}
}
