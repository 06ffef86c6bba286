/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A pool: storage, the free blocks, and who may use which handle.
 *
 * This layer knows blocks, versions and holders. It knows nothing of names,
 * processes, ioctls or sysfs.
 */
#ifndef FIXEDPOOL_POOL_H
#define FIXEDPOOL_POOL_H

#include <linux/fixedpool.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/nospec.h>
#include <linux/percpu.h>
#include <linux/refcount.h>
#include <linux/uidgid.h>

#include "account.h"
#include "alert.h"
#include "depot.h"
#include "growth.h"
#include "hygiene.h"
#include "magazine.h"
#include "storage.h"
#include "track.h"
#include "waiting.h"

struct dentry;
struct device;
struct inode;

/* Flags of pools whose blocks are attended to one by one: no magazines. */
#define ATTENDED_FLAGS	(HYGIENE_FLAGS | FIXEDPOOL_POOL_TRACK)

/* Most blocks that one pool_claim() or pool_drop_mask() moves. */
#define POOL_BATCH	64

/**
 * enum holder - who holds a block
 * @HOLDER_CLIENT: an open file; which one, the clients' bitmaps say
 * @HOLDER_KERNEL: a module, or a system call while it works on the block
 *
 * @HOLDER_MODULE: a module that took the block and has not shared it: nobody
 *	else can come to hold it, so its holder changes the word without an
 *	atomic operation
 *
 * The value is what one hold adds to the block's count of holds; that of
 * HOLDER_MODULE is the only one there is then, and no count gets there.
 */
enum holder {
	HOLDER_CLIENT = 1 << 0,
	HOLDER_KERNEL = 1 << 8,
	HOLDER_MODULE = FIXEDPOOL_UNSHARED << 8,
};

/* Most holds of one kind that a block can have. */
#define POOL_MAX_HOLDS	254

/**
 * enum pool_counter - what is counted; counters only ever grow
 * @POOL_CLAIMS: blocks handed out by the word, all neighbours at once
 * @POOL_ENDED: blocks that became free by the word
 * @POOL_FAILURES: calls that found no free block, or fewer than they could do with
 * @POOL_REFUSED_STALE: handles refused because their allocation had ended
 * @POOL_REFUSED_FOREIGN: handles refused because the caller did not hold the
 *	block
 * @POOL_RECLAIMED: holds taken back from clients that left
 * @POOL_RECLAIMED_EARLY: those of them that came back before the address
 *	space of the process that died was torn down
 * @POOL_FALLBACKS: blocks handed out, by size, in place of those of a smaller
 *	pool that had none
 * @POOL_OVERFLOWS: blocks that this pool should have given, by size, and a
 *	bigger one gave
 * @POOL_WAITS: callers that had to wait for blocks
 * @POOL_POISON_HITS: blocks that were written to while they were free
 * @POOL_COUNTERS: how many there are
 */
enum pool_counter {
	POOL_CLAIMS,
	POOL_ENDED,
	POOL_FAILURES,
	POOL_REFUSED_STALE,
	POOL_REFUSED_FOREIGN,
	POOL_RECLAIMED,
	POOL_RECLAIMED_EARLY,
	POOL_FALLBACKS,
	POOL_OVERFLOWS,
	POOL_WAITS,
	POOL_POISON_HITS,
	POOL_COUNTERS
};

/* The counters of one CPU. */
struct pool_stats {
	u64 counters[POOL_COUNTERS];
};

/**
 * struct fixedpool - a pool
 * @hot: what the hot paths need; first, for <linux/fixedpool_inline.h>
 * @hot.versions: Mapped writable by the clients of a pool of pages: what stands
 *	here decides whether a handle is stale, never whether a block is free or
 *	who holds it.
 * @hot.holds: for each block the number of its holds, clients in the low byte
 *	and kernel in the high byte, or HOLDER_MODULE; 0: free, or on its way in
 *	or out of magazines and depot. Clients of a pool of pages can map them to
 *	look at.
 * @magazines: free blocks at hand
 * @storage: memory of the blocks
 * @depot: free blocks that lie in no magazine
 * @waiting: callers that wait for blocks
 * @alerts: those who want to be told of free blocks
 * @header: the page that processes can read, behind the versions; NULL if the
 *	pool cannot be mapped
 * @growth: how many blocks there are
 * @track: for each block when it was taken, and by whom; NULL where that is not
 *	wanted
 * @peak: most blocks that were ever in use at the same time; a few less where
 *	the last of them were taken out of magazines
 * @stats: counters
 *
 * @refs: the name, each attachment, each mapping, each channel and each kernel
 *	user has one
 * @name: the name, also after it has been taken away
 * @id: number of the first unit of handle and offset space
 * @units: how many units the pool has
 * @reserve: blocks promised by the mempool
 * @which: kind of storage
 * @flags: FIXEDPOOL_POOL_*, see also pool_flags()
 * @mode: permission bits
 * @uid: owner
 * @gid: group
 * @charge: what the creator pays for the memory
 * @link: in the registry's list of names; protected by the registry's lock
 * @linked: it is in the list; written under the registry's lock
 * @attached: clients; written under the registry's lock
 * @channels: its channels; protected by their lock
 * @attachments_lock: Protects: @attachments. Ordering: inside what debugfs holds
 *	while it reads a file, hence inside the registry's lock; the lock of an
 *	attachment's parts is taken inside it.
 * @attachments: those of its clients, until they hold nothing any more
 *
 * @inode: address space of the pages of a revocable pool, NULL until it is
 *	mapped; set by the mapping layer
 * @device: in sysfs while the pool has its name; set by the sysfs layer
 * @debug: in debugfs likewise
 *
 * Accounting, checked by pool_valid() when nobody works on the pool:
 *	free in the depot + in magazines and rack + blocks with holds = blocks
 * A pool that grows has fewer of them than indices, see growth.h.
 */
struct fixedpool {
	struct fixedpool_hot hot;
	struct magazines magazines;
	struct storage storage;
	struct depot depot;
	struct waiting waiting;
	struct alerts alerts;
	struct fixedpool_header *header;
	struct growth growth;
	struct track *track;
	u32 peak;
	struct pool_stats __percpu *stats;

	refcount_t refs;
	char name[FIXEDPOOL_NAME_SIZE];
	u32 id;
	u32 units;
	u32 reserve;
	enum fixedpool_storage which;
	u32 flags;
	umode_t mode;
	kuid_t uid;
	kgid_t gid;
	struct charge charge;
	struct list_head link;
	bool linked;
	u32 attached;
	struct list_head channels;
	struct mutex attachments_lock; /* see above */
	struct list_head attachments;

	struct inode *inode;
	struct device *device;
	struct dentry *debug;
};

int pool_init(struct fixedpool *pool, enum fixedpool_storage which,
	      u32 reserve, u32 blocks, int numa_node, u32 id);
void pool_exit(struct fixedpool *pool);
u64 pool_bytes(const struct geometry *geo, enum fixedpool_storage which,
	       u32 flags);
u64 pool_bytes_now(const struct geometry *geo, enum fixedpool_storage which,
		   u32 flags, u32 blocks);
u64 pool_versions_bytes(const struct geometry *geo);
u64 pool_holds_bytes(const struct geometry *geo, enum fixedpool_storage which);
u64 pool_mapped_bytes(const struct geometry *geo, enum fixedpool_storage which);

void pool_note_peak(struct fixedpool *pool);
u32 pool_reserve(struct fixedpool *pool, u32 min, u32 max);
int pool_reserve_patiently(struct fixedpool *pool, struct waiting_party *party,
			   u32 min, u32 max, const struct patience *patience);
u32 pool_reserve_some(struct fixedpool *pool, u32 max);
void pool_claim(struct fixedpool *pool, enum holder holder, u32 *indices,
		u64 *handles, unsigned int count);
void pool_refuse(struct fixedpool *pool, u64 handle, int error);
int pool_hold(struct fixedpool *pool, u32 index, u32 version,
	      enum holder holder);
int pool_publish(struct fixedpool *pool, u32 index, u32 version);
u32 pool_take(struct fixedpool *pool);
u32 pool_try_take(struct fixedpool *pool);
u32 pool_take_slowly(struct fixedpool *pool);
void pool_give(struct fixedpool *pool, u32 index);
void pool_give_slowly(struct fixedpool *pool, u32 index);
int pool_drop(struct fixedpool *pool, u32 index, enum holder holder);
int pool_pass(struct fixedpool *pool, u32 index, enum holder from,
	      enum holder to);
void pool_drop_mask(struct fixedpool *pool, u32 word, unsigned long mask,
		    enum holder holder);
void pool_block_taken(struct fixedpool *pool, u32 index);
void pool_block_ended(struct fixedpool *pool, u32 index);
u64 pool_allocs(const struct fixedpool *pool);
u64 pool_frees(const struct fixedpool *pool);
u64 pool_counter(const struct fixedpool *pool, enum pool_counter which);
bool pool_valid(const struct fixedpool *pool);

static inline void pool_count(struct fixedpool *pool, enum pool_counter which,
			      u64 n)
{
	this_cpu_add(pool->stats->counters[which], n);
}

/* Undoes a pool_reserve() that is not claimed. */
static inline void pool_cancel(struct fixedpool *pool, u32 count)
{
	magazines_cancel(&pool->magazines, count);
}

/* Blocks past the magazines; all of them are the caller's alone. */
static inline void pool_put(struct fixedpool *pool, u32 word,
			    unsigned long mask)
{
	magazines_put(&pool->magazines, word, mask);
}

static inline const struct geometry *pool_geometry(const struct fixedpool *pool)
{
	return &pool->storage.geo;
}

/* Blocks are not left as they are when they are taken, or when they end. */
static inline bool pool_hygienic(const struct fixedpool *pool)
{
	return pool->flags & HYGIENE_FLAGS;
}

/* Blocks that there are at this moment. */
static inline u32 pool_blocks(const struct fixedpool *pool)
{
	return growth_blocks(&pool->growth);
}

/* Blocks that there can be: every index is less. */
static inline u32 pool_max_blocks(const struct fixedpool *pool)
{
	return pool_geometry(pool)->blocks;
}

/* Something is to be done when a block is taken, and when it ends. */
static inline bool pool_attended(const struct fixedpool *pool)
{
	return pool->flags & ATTENDED_FLAGS ||
	       magazines_watched(&pool->magazines);
}

/* A module has taken a block, calling from @caller. */
static inline void pool_note_caller(struct fixedpool *pool, u32 index,
				    unsigned long caller)
{
	if (unlikely(pool->track))
		track_caller(&pool->track[index], caller);
}

/* The same, after the allocation has begun. */
static inline void pool_note_taker(struct fixedpool *pool, u64 handle,
				   unsigned long caller)
{
	pool_note_caller(pool,
			 FIXEDPOOL_HANDLE_SLOT(handle) - pool->hot.first_slot,
			 caller);
}

static inline void *pool_block(const struct fixedpool *pool, u32 index)
{
	return fixedpool_block(&pool->hot, index);
}

static inline u32 pool_version(const struct fixedpool *pool, u32 index)
{
	return READ_ONCE(pool->hot.versions[index]);
}

static inline u64 pool_handle(const struct fixedpool *pool, u32 index)
{
	return FIXEDPOOL_HANDLE(pool_version(pool, index),
				pool->hot.first_slot + index);
}

/* More holders than one at this moment. */
static inline bool pool_shared(const struct fixedpool *pool, u32 index)
{
	u16 holds = READ_ONCE(pool->hot.holds[index]);

	return holds != HOLDER_MODULE && (holds & 0xff) + (holds >> 8) > 1;
}

/**
 * pool_begin() - an allocation begins
 * @pool: the pool
 * @index: a block that has been taken and is the caller's alone
 * @holder: who holds it now
 *
 * Context: any.
 * Return: the handle.
 */
static __always_inline u64 pool_begin(struct fixedpool *pool, u32 index,
				      enum holder holder)
{
	u64 handle = fixedpool_begin(&pool->hot, index);

	/* Pairs with the compare-and-exchange in pool_hold(): who finds a hold
	 * here finds the new version too. Were it the old one, a stale handle
	 * would pass.
	 */
	smp_store_release(&pool->hot.holds[index], holder);
	return handle;
}

static inline bool pool_allocated(const struct fixedpool *pool, u32 index)
{
	return READ_ONCE(pool->hot.holds[index]);
}

/**
 * pool_resolve() - the index that a handle names
 * @pool: the pool
 * @handle: from anywhere
 * @index: set to the index, safe to use under speculation
 *
 * Context: any.
 * Return: 0; -EINVAL if no allocation can have this handle; -ENXIO if it is not
 * of this pool; -ERANGE if its index is beyond the pool's end.
 */
static inline int pool_resolve(const struct fixedpool *pool, u64 handle,
			       u32 *index)
{
	u32 blocks = pool_max_blocks(pool);
	u32 offset = FIXEDPOOL_HANDLE_SLOT(handle) - pool->hot.first_slot;

	if (!(FIXEDPOOL_HANDLE_VERSION(handle) & 1))
		return -EINVAL;
	if (offset >> SLOT_UNIT_SHIFT >= pool->units)
		return -ENXIO;
	if (offset >= blocks)
		return -ERANGE;
	*index = array_index_nospec(offset, blocks);
	return 0;
}

/**
 * pool_check() - has an allocation ended
 * @pool: the pool
 * @index: the block
 * @version: of the handle
 *
 * Context: any. The answer is out of date at once, unless the caller holds the
 * block.
 * Return: 0 if not; -EALREADY if it has and the block has not been allocated
 * since; -ESTALE if it has.
 */
static inline int pool_check(const struct fixedpool *pool, u32 index,
			     u32 version)
{
	u32 now = pool_version(pool, index);

	if (now == version)
		return pool_allocated(pool, index) ? 0 : -EALREADY;
	return now == version + 1 ? -EALREADY : -ESTALE;
}

/* Exact when nothing moves. */
static inline u32 pool_free_blocks(const struct fixedpool *pool)
{
	u32 sum = depot_free(&pool->depot) + magazines_cached(&pool->magazines);

	return min(sum, pool_blocks(pool));
}

static inline u32 pool_in_use(const struct fixedpool *pool)
{
	u32 sum = depot_free(&pool->depot) + magazines_cached(&pool->magazines);
	u32 blocks = pool_blocks(pool);

	return blocks - min(sum, blocks);
}

/* As the ABI has them. */
static inline u32 pool_flags(const struct fixedpool *pool)
{
	bool on_node = pool->storage.numa_node != NUMA_NO_NODE;

	return pool->flags | (on_node ? FIXEDPOOL_POOL_NUMA_NODE : 0);
}

static inline bool pool_mappable(const struct fixedpool *pool)
{
	return pool->which == FIXEDPOOL_STORAGE_PAGES;
}

#endif /* FIXEDPOOL_POOL_H */
