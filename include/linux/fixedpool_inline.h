/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The hot paths of fixedpool_alloc() and fixedpool_free(), and what they need to
 * know of a pool. Included by <linux/fixedpool.h>; nothing of what is declared
 * here is for use by others, and all of it may change.
 *
 * Magazines: free blocks at hand on each CPU. A CPU takes and gives blocks of
 * its own magazine without any atomic operation and without disabling
 * interrupts. (J. Bonwick and J. Adams, "Magazines and Vmem", USENIX 2001.)
 *
 * Who may run at the same time: on one CPU a task, and on top of it interrupts
 * and an NMI, each of which may be inside; other CPUs have magazines of their
 * own. Preemption is off while a magazine is worked on, so a task stays on its
 * CPU and meets no other task there. One word, @state, says how many blocks
 * there are and whether somebody is at work. Entering adds FIXEDPOOL_BUSY to it
 * and looks at the sum, with one instruction (see Documentation/core-api/
 * local_ops.rst in the kernel), so an interrupt comes before it or after it:
 * before, it has left everything as it found it but for the number of blocks,
 * which is read afterwards; after, it sees the mark, takes its own off again and
 * goes to the depot, which is never locked. Marks add up, so that of whoever was
 * first stays. Leaving takes the mark off and sets the new number, with one
 * instruction again.
 *
 * Other CPUs look at @state to sum up what is free, and set @limit. They never
 * take blocks out: to empty a magazine its own CPU is interrupted, or is dead.
 */
#ifndef _LINUX_FIXEDPOOL_INLINE_H
#define _LINUX_FIXEDPOOL_INLINE_H

#include <asm/local.h>
#include <linux/cache.h>
#include <linux/compiler.h>
#include <linux/math64.h>
#include <linux/percpu.h>
#include <linux/preempt.h>
#include <linux/types.h>
#include <uapi/linux/fixedpool.h>

struct fixedpool;

/* Blocks that change hands at a time, and that a magazine has room for. */
#define FIXEDPOOL_BATCH		64U
#define FIXEDPOOL_ROOM		(2 * FIXEDPOOL_BATCH)
/* Added to the state by everybody who enters; larger than any number of blocks. */
#define FIXEDPOOL_BUSY		0x100L
/* Groups of 64 neighbours that are kept whole, for those who take them so. */
#define FIXEDPOOL_WORDS		2U
/* In place of the number of holds that modules have of a block: one module has
 * it, and nobody else can come to hold it, so that module changes the number
 * without an atomic operation.
 */
#define FIXEDPOOL_UNSHARED	0xffU
/* No block. */
#define FIXEDPOOL_NO_INDEX	U32_MAX

/**
 * struct fixedpool_magazine - free blocks of one CPU
 * @state: number of the last block in @index, -1 if there is none, plus
 *	FIXEDPOOL_BUSY for each that is in it
 * @limit: number of the last block that may be put into @index, -1: none
 * @taken: blocks handed out of it without going slowly, ever
 * @words: number of entries of @word
 * @word: numbers of whole groups of 64 free blocks
 * @index: free blocks
 */
struct fixedpool_magazine {
	local_t state;
	long limit;
	u64 taken;
	u32 words;
	u32 word[FIXEDPOOL_WORDS];
	u32 index[FIXEDPOOL_ROOM] __aligned(sizeof(u64));
} ____cacheline_aligned;

/**
 * struct fixedpool_holds - who holds a block; the block is free when nobody does
 * @clients: number of clients that hold it
 * @modules: number of holds that modules have of it, or FIXEDPOOL_UNSHARED
 *
 * Also looked at and changed as one word, see enum holder in the module.
 */
struct fixedpool_holds {
#ifdef __LITTLE_ENDIAN
	u8 clients;
	u8 modules;
#else
	u8 modules;
	u8 clients;
#endif
};

/**
 * struct fixedpool_hot - what the hot paths need, at the beginning of a pool
 * @magazine: each CPU's
 * @versions: for each block its version
 * @holds: for each block its struct fixedpool_holds, as a word
 * @first_slot: slot of block 0 in a handle
 * @reciprocal: of the number of blocks in a chunk
 * @bases: for each chunk the address that block 0 would have, were the whole
 *	pool one array in which this chunk is where it is
 * @stride: bytes from one block to the next
 * @blocks: blocks in the pool
 */
struct fixedpool_hot {
	struct fixedpool_magazine __percpu *magazine;
	u32 *versions;
	u16 *holds;
	unsigned long first_slot;
	u64 reciprocal;
	unsigned long *bases;
	unsigned long stride;
	unsigned long blocks;
};

static __always_inline struct fixedpool_hot *
fixedpool_hot(const struct fixedpool *pool)
{
	return (struct fixedpool_hot *)pool;
}

u32 fixedpool_take_slowly(struct fixedpool *pool);
int fixedpool_free_slowly(struct fixedpool *pool, u64 handle);
void fixedpool_give_slowly(struct fixedpool *pool, u32 index);

/*
 * Takes a block out of this CPU's magazine. Where it returns false, the magazine
 * stays entered and preemption off, and fixedpool_take_slowly() must follow.
 */
static __always_inline bool fixedpool_pop(const struct fixedpool_hot *hot,
					  u32 *index)
{
	struct fixedpool_magazine *mag;
	unsigned long top;

	preempt_disable();
	mag = this_cpu_ptr(hot->magazine);
	top = local_add_return(FIXEDPOOL_BUSY, &mag->state) - FIXEDPOOL_BUSY;
	barrier();
	/* neither empty nor in use by whom we have interrupted */
	if (unlikely(top >= FIXEDPOOL_ROOM))
		return false;
	*index = mag->index[top];
	mag->taken++;
	barrier();
	local_sub(FIXEDPOOL_BUSY + 1, &mag->state);
	preempt_enable();
	return true;
}

/*
 * Puts a free block into this CPU's magazine. Where it returns false, the
 * magazine stays entered and preemption off, and fixedpool_give_slowly() must
 * follow.
 */
static __always_inline bool fixedpool_push(const struct fixedpool_hot *hot,
					   unsigned long index)
{
	struct fixedpool_magazine *mag;
	long top;

	preempt_disable();
	mag = this_cpu_ptr(hot->magazine);
	top = local_add_return(FIXEDPOOL_BUSY, &mag->state) - FIXEDPOOL_BUSY;
	barrier();
	/* Neither full nor shut nor in use by whom we have interrupted. Other
	 * CPUs set the limit; they interrupt us where the old one will not do.
	 */
	if (unlikely(top >= data_race(mag->limit)))
		return false;
	mag->index[top + 1] = index;
	barrier();
	local_sub(FIXEDPOOL_BUSY - 1, &mag->state);
	preempt_enable();
	return true;
}

/*
 * The words of a block are written by whoever owns it, here without the marks
 * of shared access, which would keep the compiler from folding addresses into
 * instructions: a naturally aligned word is not torn, and barrier() keeps the
 * accesses where they belong. For the same end the index is hidden from it
 * before its second use.
 */
static __always_inline u8 *
fixedpool_module_holds(const struct fixedpool_hot *hot, unsigned long index)
{
	struct fixedpool_holds *holds = (struct fixedpool_holds *)hot->holds;

	return &holds[index].modules;
}

static __always_inline u64 fixedpool_begin(const struct fixedpool_hot *hot,
					   unsigned long index)
{
	/* odd, whatever processes have scribbled: they race with anybody */
	u32 version = data_race(hot->versions[index]) | 1;

	/* others look at it who have stale handles of the block */
	data_race(hot->versions[index] = version);
	return FIXEDPOOL_HANDLE(version, hot->first_slot + index);
}

static __always_inline void *fixedpool_block(const struct fixedpool_hot *hot,
					     u32 index)
{
	u64 chunk = mul_u64_u64_shr(hot->reciprocal, (u64)index + 1, 64);

	return (void *)(hot->bases[chunk] + index * hot->stride);
}

/**
 * fixedpool_alloc() - take a block
 * @pool: the pool
 * @handle: set to the block's handle
 *
 * Never waits and never allocates. O(1). The bytes are what the last holder
 * left, or zero. Nobody else can come to hold the block before
 * fixedpool_publish().
 *
 * Context: Any, NMI included.
 * Return: The block, or NULL if none is free. (What lies in the magazine of
 * another CPU, or is on its way between magazines at this moment, is not within
 * reach of a caller who cannot sleep. Magazines are emptied when a pool runs low,
 * so that this stays rare. A pool that may grow is made to, but is not waited
 * for.)
 */
static __always_inline void * __must_check
fixedpool_alloc(struct fixedpool *pool, u64 *handle)
{
	struct fixedpool_hot *hot = fixedpool_hot(pool);
	u32 index;

	if (unlikely(!fixedpool_pop(hot, &index))) {
		index = fixedpool_take_slowly(pool);
		if (index == FIXEDPOOL_NO_INDEX)
			return NULL;
	}
	*handle = fixedpool_begin(hot, index);
	/* who has a stale handle may look, and finds that it is not for him */
	data_race(*fixedpool_module_holds(hot, index) = FIXEDPOOL_UNSHARED);
	return fixedpool_block(hot, index);
}

/**
 * fixedpool_free() - give back a block, or end a hold of fixedpool_lookup()
 * @pool: the pool
 * @handle: the block
 *
 * The block becomes free, and the handle dead, when the last holder lets go.
 * Two calls that free the same handle at the same instant are a mistake of the
 * caller that is not always found; one after the other, it is. See also
 * fixedpool_free_block().
 *
 * Context: Any, NMI included. O(1).
 * Return: 0; -EALREADY if it has been freed; -ESTALE if it has been freed and
 * the block was allocated again; -EPERM if no module holds it; -EINVAL, -ENXIO
 * or -ERANGE for what is no handle of this pool. Nothing happens then.
 */
static __always_inline int fixedpool_free(struct fixedpool *pool, u64 handle)
{
	struct fixedpool_hot *hot = fixedpool_hot(pool);
	u32 version = FIXEDPOOL_HANDLE_VERSION(handle);
	/* a slot before the first wraps round, and is out of range, too */
	unsigned long index = FIXEDPOOL_HANDLE_SLOT(handle) - hot->first_slot;
	u32 *versions = hot->versions;
	const u8 *holds;

	if (unlikely(index >= hot->blocks))
		return fixedpool_free_slowly(pool, handle);
	holds = fixedpool_module_holds(hot, index);
	/* Of a block that is not the caller's these may be changing; where it
	 * is his, and not shared, nobody but he changes them.
	 */
	if (unlikely(!data_race(versions[index] == version &&
				*holds == FIXEDPOOL_UNSHARED)))
		return fixedpool_free_slowly(pool, handle);
	OPTIMIZER_HIDE_VAR(index);
	/* for those who look, as in fixedpool_alloc() */
	data_race(*fixedpool_module_holds(hot, index) = 0);
	/* likewise */
	data_race(versions[index]++);
	if (unlikely(!fixedpool_push(hot, index)))
		fixedpool_give_slowly(pool, index);
	return 0;
}

#endif /* _LINUX_FIXEDPOOL_INLINE_H */
