/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A bounded queue of words, first in, first out, for any number of producers
 * and consumers in any context, NMI included. Nothing is locked and nobody
 * waits for anybody.
 *
 * After Dmitry Vyukov's "Bounded MPMC queue", with batches, and with a bound
 * that need not be a power of two.
 *
 * Complexity: O(1) a word. Memory: 16 bytes a word of the capacity rounded up
 * to a power of two.
 */
#ifndef FIXEDPOOL_RING_H
#define FIXEDPOOL_RING_H

#include <linux/atomic.h>
#include <linux/cache.h>
#include <linux/types.h>

/**
 * struct ring_cell - room for one word
 * @turn: whose turn it is. Position p of the queue uses the cell p & mask; it
 *	is p: the producer of position p may write; p + 1: the consumer of
 *	position p may read; and then p + cells, for the next time round.
 * @value: the word
 */
struct ring_cell {
	unsigned long turn;
	u64 value;
};

/**
 * struct ring - a queue
 * @capacity: most words in it
 * @mask: number of cells less 1
 * @cells: the cells
 * @tail: position of the next word to come in
 * @head: position of the next word to go out
 *
 * @tail - @head never exceeds @capacity. Who moves @tail or @head over a
 * position owns its cell until it sets the cell's turn.
 */
struct ring {
	unsigned long capacity;
	unsigned long mask;
	struct ring_cell *cells;
	atomic_long_t tail ____cacheline_aligned_in_smp;
	atomic_long_t head ____cacheline_aligned_in_smp;
};

int ring_init(struct ring *ring, u32 capacity);
void ring_exit(struct ring *ring);
size_t ring_bytes(u32 capacity);

unsigned int ring_push(struct ring *ring, const u64 *values,
		       unsigned int count);
unsigned int ring_pop(struct ring *ring, u64 *values, unsigned int count);
u32 ring_queued(const struct ring *ring);
u32 ring_room(const struct ring *ring);
bool ring_ready(const struct ring *ring);

#endif /* FIXEDPOOL_RING_H */
