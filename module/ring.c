// SPDX-License-Identifier: GPL-2.0
/*
 * A bounded queue of words; see ring.h.
 *
 * A producer looks for cells whose turn says that they are free for the
 * positions from @tail on, takes them all by moving @tail with one
 * compare-and-exchange, and then fills each and passes its turn on. Consumers do
 * the same with @head. The compare-and-exchange fails only when another has
 * moved on meanwhile, so somebody always makes progress.
 *
 * Whoever is interrupted between taking cells and passing their turn on hides
 * what lies behind them: consumers find the queue empty, producers find it full.
 * They are told so instead of waiting, and who goes on then tells those who
 * sleep (see channel.c). It cannot take long, since preemption is off there: no
 * thread is ever descheduled with a cell in its hands.
 */
#include "ring.h"

#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/preempt.h>
#include <linux/slab.h>

/* With a single cell "may be read" and "free for the next round" are the same
 * turn.
 */
#define MIN_CELLS	2UL
/* Cells that are worked on between two looks at how many are left. */
#define STRIDE		8U

static unsigned long cells_of(u32 capacity)
{
	return max(roundup_pow_of_two((unsigned long)capacity), MIN_CELLS);
}

/**
 * ring_bytes() - memory of a queue
 * @capacity: most words in it
 */
size_t ring_bytes(u32 capacity)
{
	return cells_of(capacity) * sizeof(struct ring_cell);
}

/**
 * ring_init() - an empty queue
 * @ring: the queue
 * @capacity: most words in it, at least 1
 *
 * Context: process; may sleep.
 * Return: 0 or -ENOMEM.
 */
int ring_init(struct ring *ring, u32 capacity)
{
	unsigned long cells = cells_of(capacity);
	unsigned long i;

	ring->cells = kvcalloc(cells, sizeof(*ring->cells),
			       GFP_KERNEL_ACCOUNT);
	if (!ring->cells)
		return -ENOMEM;
	for (i = 0; i < cells; i++)
		ring->cells[i].turn = i;
	ring->capacity = capacity;
	ring->mask = cells - 1;
	atomic_long_set(&ring->tail, 0);
	atomic_long_set(&ring->head, 0);
	return 0;
}

/**
 * ring_exit() - undo ring_init()
 * @ring: the queue, which nobody uses any more
 *
 * Context: any but NMI.
 */
void ring_exit(struct ring *ring)
{
	kvfree(ring->cells);
}

static struct ring_cell *cell_at(const struct ring *ring, unsigned long pos)
{
	return &ring->cells[pos & ring->mask];
}

/* Pairs with pass_on(): who finds a cell free finds its old word read, and who
 * finds it filled finds the new word. Otherwise a word would be overwritten
 * before it is read, or read before it is written.
 */
static unsigned long turn_of(const struct ring_cell *cell)
{
	return smp_load_acquire(&cell->turn); /* see above */
}

static void pass_on(struct ring_cell *cell, unsigned long turn)
{
	smp_store_release(&cell->turn, turn); /* pairs with turn_of() */
}

/* Cells from @pos on that lie in a row, up to @count. */
static unsigned int in_row(const struct ring *ring, unsigned long pos,
			   unsigned int count)
{
	return min_t(unsigned long, count, ring->mask + 1 - (pos & ring->mask));
}

/* How many of @count cells have the turns from @turn on. */
static __always_inline unsigned int count_row(const struct ring_cell *cells,
					      unsigned long turn,
					      unsigned int count)
{
	unsigned int n = 0, i;

	for (; n + STRIDE <= count; n += STRIDE, cells += STRIDE, turn += STRIDE) {
#pragma GCC unroll 8
		for (i = 0; i < STRIDE; i++)
			if (turn_of(&cells[i]) != turn + i)
				return n + i;
	}
	for (; n < count && turn_of(cells) == turn; cells++, turn++)
		n++;
	return n;
}

/* How many cells from @pos on have the turn that their position and @offset say.
 * @count is no more than there are cells.
 */
static unsigned int count_cells(const struct ring *ring, unsigned long pos,
				unsigned int offset, unsigned int count)
{
	unsigned int row = in_row(ring, pos, count);
	unsigned int n = count_row(cell_at(ring, pos), pos + offset, row);

	/* the rest begins at the first cell */
	if (unlikely(n == row && row < count))
		n += count_row(ring->cells, pos + row + offset, count - row);
	return n;
}

/* Fills cells that are ours, and passes them on with the turns from @turn on. */
static __always_inline void fill_row(struct ring_cell *cells,
				     const u64 *values, unsigned int count,
				     unsigned long turn)
{
	unsigned int i;

	for (; count >= STRIDE; count -= STRIDE) {
#pragma GCC unroll 8
		for (i = 0; i < STRIDE; i++) {
			cells[i].value = values[i];
			pass_on(&cells[i], turn + i);
		}
		cells += STRIDE;
		values += STRIDE;
		turn += STRIDE;
	}
	for (; count; count--, cells++) {
		cells->value = *values++;
		pass_on(cells, turn++);
	}
}

/* The other way. */
static __always_inline void empty_row(struct ring_cell *cells, u64 *values,
				      unsigned int count, unsigned long turn)
{
	unsigned int i;

	for (; count >= STRIDE; count -= STRIDE) {
#pragma GCC unroll 8
		for (i = 0; i < STRIDE; i++) {
			values[i] = cells[i].value;
			pass_on(&cells[i], turn + i);
		}
		cells += STRIDE;
		values += STRIDE;
		turn += STRIDE;
	}
	for (; count; count--, cells++) {
		*values++ = cells->value;
		pass_on(cells, turn++);
	}
}

/* Where @pos is out of date it may be behind @head: then the turns say so. */
static unsigned long bounded_room(const struct ring *ring, unsigned long pos)
{
	unsigned long used = pos - atomic_long_read(&ring->head);

	return used < ring->capacity ? ring->capacity - used :
	       (long)used < 0 ? ring->capacity : 0;
}

/**
 * ring_push() - put words in
 * @ring: the queue
 * @values: the words
 * @count: how many
 *
 * Those that are put in follow each other in the queue.
 *
 * Context: any.
 * Return: how many there was room for, from the first on.
 */
unsigned int ring_push(struct ring *ring, const u64 *values, unsigned int count)
{
	unsigned long pos, now;
	unsigned int n, row;

	preempt_disable();
	pos = atomic_long_read(&ring->tail);
	for (;;) {
		n = min_t(unsigned long, count, bounded_room(ring, pos));
		n = count_cells(ring, pos, 0, n);
		if (n) {
			/* The cells were free, and nobody can have taken them
			 * while @tail has not moved; it never comes back.
			 */
			if (atomic_long_try_cmpxchg(&ring->tail, (long *)&pos,
						    pos + n))
				break;
			continue;
		}
		now = atomic_long_read(&ring->tail);
		if (now == pos)
			break;
		pos = now;
	}
	row = in_row(ring, pos, n);
	fill_row(cell_at(ring, pos), values, row, pos + 1);
	if (unlikely(row < n))
		fill_row(ring->cells, values + row, n - row, pos + row + 1);
	preempt_enable();
	return n;
}

/**
 * ring_pop() - take words out
 * @ring: the queue
 * @values: filled with the words
 * @count: how many are wanted
 *
 * Context: any.
 * Return: how many there were.
 */
unsigned int ring_pop(struct ring *ring, u64 *values, unsigned int count)
{
	unsigned long pos, now, next;
	unsigned int n, row;

	/* no more than one time round, so that two rows are all there is */
	count = min_t(unsigned long, count, ring->capacity);
	preempt_disable();
	pos = atomic_long_read(&ring->head);
	for (;;) {
		n = count_cells(ring, pos, 1, count);
		if (n) {
			/* as in ring_push() */
			if (atomic_long_try_cmpxchg(&ring->head, (long *)&pos,
						    pos + n))
				break;
			continue;
		}
		now = atomic_long_read(&ring->head);
		if (now == pos)
			break;
		pos = now;
	}
	row = in_row(ring, pos, n);
	next = pos + ring->mask + 1;
	empty_row(cell_at(ring, pos), values, row, next);
	if (unlikely(row < n))
		empty_row(ring->cells, values + row, n - row, next + row);
	preempt_enable();
	return n;
}

/**
 * ring_queued() - words in the queue
 * @ring: the queue
 *
 * Context: any.
 * Return: the number at about this moment, those on their way in or out too.
 */
u32 ring_queued(const struct ring *ring)
{
	unsigned long head = atomic_long_read(&ring->head);
	unsigned long tail = atomic_long_read(&ring->tail);

	return clamp_t(long, tail - head, 0, ring->capacity);
}

/**
 * ring_room() - would ring_push() put something in
 * @ring: the queue
 *
 * Context: any.
 * Return: 0 if not; otherwise the words there seems to be room for.
 */
u32 ring_room(const struct ring *ring)
{
	unsigned long pos = atomic_long_read(&ring->tail);
	unsigned long turn = READ_ONCE(cell_at(ring, pos)->turn);

	return (long)(turn - pos) < 0 ? 0 : bounded_room(ring, pos);
}

/**
 * ring_ready() - would ring_pop() take something out
 * @ring: the queue
 *
 * Context: any.
 */
bool ring_ready(const struct ring *ring)
{
	unsigned long pos = atomic_long_read(&ring->head);
	unsigned long turn = READ_ONCE(cell_at(ring, pos)->turn);

	return (long)(turn - pos) > 0;
}
