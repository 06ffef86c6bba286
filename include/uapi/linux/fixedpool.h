/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * /dev/fixedpool: fixed-size block pools shared by processes and drivers.
 *
 * One open file is one *client*. A client creates or attaches pools, takes
 * blocks of them and names each block by a 64-bit handle. Everything a client
 * holds goes back when its last descriptor is closed, however that happens.
 *
 * Every call takes a pointer to the structure of its name. The caller's size
 * of the structure travels in the command word: a shorter structure (of an
 * older header) is extended with zeroes, a longer one is accepted as long as
 * what this module does not know is zero, and E2BIG otherwise. Structures with
 * a member marked out are written back, also when the call fails; the others
 * are only read. Whether the descriptor is open for writing matters to mmap()
 * alone.
 *
 * poll() of the descriptor says POLLIN when it makes sense to ask again: when one
 * of the pools of which the last ALLOC or CACHE_FILL of this client found too few
 * blocks has a free one that nobody waits for; and as long as there is no such
 * pool. It says POLLHUP and POLLERR when every call fails with EOWNERDEAD.
 *
 * Errors, one per cause; every call may return the first group:
 *
 *   ENOTTY     unknown command
 *   EFAULT     a pointer leads nowhere
 *   EINVAL     unknown flag, flags that exclude each other, reserved field not
 *              zero, a value out of its range
 *   E2BIG      the structure carries data this module does not know, or is
 *              larger than a page
 *
 *   EEXIST     POOL_CREATE, CHANNEL_CREATE, SET_CREATE: the name is taken
 *   ENOENT     POOL_ATTACH, POOL_DESTROY: no pool of that name;
 *              CHANNEL_OPEN: no channel of that name in that pool; SET_CREATE (to
 *              open), SET_DESTROY: no set of that name; WATCH (to end one): no such
 *              watch
 *   EACCES     POOL_ATTACH, POOL_DESTROY, SET_DESTROY: mode bits or ownership
 *              forbid it; mmap: PROT_EXEC, or PROT_WRITE through a read-only
 *              descriptor, or of a header or of holds
 *   EALREADY   POOL_ATTACH: this client is attached; SET_CREATE (to open): this
 *              client has opened the set; FREE: double free
 *   ENFILE     POOL_CREATE: the module's max_pools is reached; mmap,
 *              CHANNEL_CREATE, CHANNEL_OPEN: the system's limit of open files is
 *              reached
 *   EMFILE     CHANNEL_CREATE, CHANNEL_OPEN: the process has no descriptor left;
 *              SCOPE_CREATE: the client has FIXEDPOOL_MAX_SCOPES; WATCH: it has
 *              FIXEDPOOL_MAX_WATCHES of this pool
 *   EMLINK     SCOPE_CREATE: deeper than FIXEDPOOL_MAX_SCOPE_DEPTH
 *   ENOSPC     POOL_CREATE, POOL_ATTACH, CHANNEL_CREATE, ALLOC into a scope: the
 *              module's max_bytes would be exceeded
 *   EDQUOT     POOL_CREATE, POOL_ATTACH, CHANNEL_CREATE, ALLOC into a scope:
 *              RLIMIT_MEMLOCK would be exceeded (by the pool; by the bit for each
 *              block that an attachment takes; by the channel's queue; by what a
 *              scope takes)
 *   EOVERFLOW  POOL_CREATE: larger than the address or handle space, or more than
 *              262144 blocks of slab storage
 *   ENOMEM     no memory (of the system, or of the memory cgroup)
 *   ENODEV     mmap, CACHE_FILL, CACHE_DRAIN: the pool's storage cannot be
 *              mapped
 *   ENXIO      no pool there that this client is attached to; no set of that
 *              number that this client has opened
 *   ENOBUFS    ALLOC, CACHE_FILL: the pool, or every pool of the set that fits,
 *              has no free block, and cannot grow; ALLOC: not enough of them
 *              without FIXEDPOOL_ALLOC_PARTIAL
 *   EFBIG      ALLOC, waiting: more blocks than the pool can ever have; by size,
 *              than the smallest pool that fits
 *   ETIMEDOUT  ALLOC, waiting: the time has come, and there are not enough blocks
 *   EIDRM      ALLOC, waiting: the pool has been destroyed, and has not enough
 *              free blocks
 *   ERANGE     the handle's index, or the index, is beyond the end of its pool
 *   ESTALE     the handle's allocation has ended; SCOPE_CREATE, SCOPE_RELEASE,
 *              ALLOC: the scope has ended, or never was
 *   EPERM      the block is allocated, but this client does not hold it
 *   EADDRINUSE CACHE_DRAIN: the block's version says that it is allocated
 *   EMSGSIZE   READ, WRITE: the bytes lie beyond the end of the block; ALLOC by
 *              size: no pool of the set has blocks as large as that
 *   EBUSY      too many holders of one block (254) at the same time
 *   ESRCH      GIVE, SHARE: no such client
 *   ENOTCONN   GIVE, SHARE: that client is not attached to the pool; channel: the
 *              client that opened the descriptor has left the pool, or is closed;
 *              SET_CREATE (to open): this client is not attached to all pools of
 *              the set; ALLOC by size: the blocks would come from a pool of the
 *              set that this client has left; ALLOC, waiting, and WATCH: the
 *              client has left the pool meanwhile
 *   EOWNERDEAD this descriptor was taken from a process while that was dying,
 *              and its client has ended; no call fails with anything else
 *   EINTR      mmap: a fatal signal arrived while pages were being mapped;
 *              channel: a signal arrived while nothing had been moved yet; ALLOC,
 *              waiting: a signal arrived. (The last two go on by themselves
 *              where signal handlers restart calls.)
 *   EPIPE      write to a channel: all its readers have gone
 *   EAGAIN     channel, with O_NONBLOCK: there is nothing to read, or no room
 *   EBADF      channel: the descriptor was not opened for that direction; WATCH:
 *              no such descriptor
 */
#ifndef _UAPI_LINUX_FIXEDPOOL_H
#define _UAPI_LINUX_FIXEDPOOL_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define FIXEDPOOL_DEVICE	"/dev/fixedpool"
/* Changes only if old programs could not work any more; what is new is told by
 * QUERY's features.
 */
#define FIXEDPOOL_ABI_VERSION	1

/* Size of a pool's name with its terminating zero. Names are made of
 * [A-Za-z0-9._-], are not empty and do not begin with a dot.
 */
#define FIXEDPOOL_NAME_SIZE	32

/* Largest block_size, in bytes, of page and of slab storage; the smallest is 1. */
#define FIXEDPOOL_MAX_BLOCK_SIZE	(4U << 20)
#define FIXEDPOOL_MAX_SLAB_BLOCK_SIZE	(1U << 20)

/* Largest capacity of a channel. */
#define FIXEDPOOL_MAX_CHANNEL_CAPACITY	65536

/* Largest number of handles in one call. */
#define FIXEDPOOL_MAX_BATCH	1024

/* Scopes of one client at the same time, not counting its root scope; how deep
 * they may be nested, a scope of the root being 1 deep; the largest number of
 * one.
 */
#define FIXEDPOOL_MAX_SCOPES		1024
#define FIXEDPOOL_MAX_SCOPE_DEPTH	16
#define FIXEDPOOL_MAX_SCOPE		65535
/* Watches that one client has of one pool at the same time. */
#define FIXEDPOOL_MAX_WATCHES		16
/* Largest number of pools in one set. */
#define FIXEDPOOL_MAX_SET_POOLS	32

/*
 * A handle names one allocation of one block:
 *
 *   63           32 31            0
 *   +--------------+--------------+
 *   |   version    |     slot     |
 *   +--------------+--------------+
 *
 * The version of an allocated block is odd and that of a free block even; it
 * advances on every allocation and on every free, so a handle is dead as soon
 * as its block is freed. It repeats after 2^31 allocations of the same block.
 * The slot minus the pool's first_slot is the block's index in its pool.
 * Zero is never a handle, nor is any other with an even version: EINVAL.
 */
#define FIXEDPOOL_HANDLE(version, slot)	\
	(((__u64)(version) << 32) | (__u32)(slot))
#define FIXEDPOOL_HANDLE_VERSION(handle)	((__u32)((__u64)(handle) >> 32))
#define FIXEDPOOL_HANDLE_SLOT(handle)	((__u32)(handle))

/**
 * enum fixedpool_storage - where a pool's blocks come from
 * @FIXEDPOOL_STORAGE_PAGES: pages; blocks can be mapped
 * @FIXEDPOOL_STORAGE_SLAB: objects of the pool's own slab cache; not mappable,
 *	bytes are reached with READ and WRITE
 */
enum fixedpool_storage {
	FIXEDPOOL_STORAGE_PAGES = 0,
	FIXEDPOOL_STORAGE_SLAB = 1,
};

/* QUERY: features */
#define FIXEDPOOL_FEATURE_GIVE		(1ULL << 0)
#define FIXEDPOOL_FEATURE_SHARE		(1ULL << 1)
#define FIXEDPOOL_FEATURE_SCOPES	(1ULL << 2)
#define FIXEDPOOL_FEATURE_WAIT		(1ULL << 3)
#define FIXEDPOOL_FEATURE_SETS		(1ULL << 4)
#define FIXEDPOOL_FEATURE_CHANNELS	(1ULL << 5)
#define FIXEDPOOL_FEATURE_CACHE		(1ULL << 6)
#define FIXEDPOOL_FEATURE_WATCH		(1ULL << 7)
#define FIXEDPOOL_FEATURE_GROW		(1ULL << 8)
#define FIXEDPOOL_FEATURE_HYGIENE	(1ULL << 9)	/* ZERO_ON_*, POISON, colouring */
#define FIXEDPOOL_FEATURE_REVOCABLE	(1ULL << 10)
#define FIXEDPOOL_FEATURE_TRACK		(1ULL << 11)
#define FIXEDPOOL_FEATURE_HOLDS		(1ULL << 12)	/* can be mapped */

/**
 * struct fixedpool_query - what the loaded module is (FIXEDPOOL_IOC_QUERY)
 * @features: out: FIXEDPOOL_FEATURE_* bits
 * @abi_version: out: FIXEDPOOL_ABI_VERSION of the module
 * @client: out: number of this client, for GIVE; never zero
 * @max_block_size: out: bytes
 * @max_batch: out: handles in one call
 * @max_pools: out: pools at the same time; zero: no limit
 * @reserved: out: zero
 * @max_bytes: out: bytes in all pools together; zero: no limit
 */
struct fixedpool_query {
	__aligned_u64 features;
	__u32 abi_version;
	__u32 client;
	__u32 max_block_size;
	__u32 max_batch;
	__u32 max_pools;
	__u32 reserved;
	__aligned_u64 max_bytes;
};

/* POOL_CREATE: flags */
#define FIXEDPOOL_POOL_AUTO_DESTROY	(1U << 0)	/* destroyed with its last client */
#define FIXEDPOOL_POOL_NUMA_NODE	(1U << 1)	/* @numa_node is meant */
#define FIXEDPOOL_POOL_ZERO_ON_ALLOC	(1U << 2)	/* blocks are zeroes when taken */
#define FIXEDPOOL_POOL_ZERO_ON_FREE	(1U << 3)	/* ... and as soon as they are free */
#define FIXEDPOOL_POOL_POISON		(1U << 4)	/* free blocks are FIXEDPOOL_POISON */
#define FIXEDPOOL_POOL_REVOCABLE	(1U << 5)	/* mappings show only blocks held */
#define FIXEDPOOL_POOL_PACKED		(1U << 6)	/* no bytes between blocks for colour */
#define FIXEDPOOL_POOL_TRACK		(1U << 7)	/* when and by whom blocks were taken */

/* TRACK: when each block was taken, and by whom, is kept, for debugfs to show. That
 * takes 24 bytes a block, and the pool has no magazines: taking and freeing are slower.
 */

/* REVOCABLE: a mapping shows the blocks that the client it was made through
 * holds; a touch of any other is SIGBUS, as soon as the call returns by which
 * the client has freed it, given it away or left. That includes processes
 * that have inherited the mapping. Pages come in by faults, at the first touch.
 * For page storage, with @align the page size and @block_size a multiple of it.
 * What reads or writes a block without touching the mapping is not stopped: a
 * transfer of a device into pages that are pinned for it.
 */

/* POISON: every byte of a free block, which ZERO_ON_FREE excludes. A byte that
 * is another one when the block is taken was written after the free: it is
 * counted (poison_hits in sysfs), told in the log, and replaced. A block that is
 * taken holds these bytes, unless ZERO_ON_ALLOC says otherwise.
 */
#define FIXEDPOOL_POISON		0x6b

/**
 * struct fixedpool_pool_create - make a pool and attach to it
 *	(FIXEDPOOL_IOC_POOL_CREATE)
 * @name: in: the name, see FIXEDPOOL_NAME_SIZE
 * @block_size: in: usable bytes of a block, up to FIXEDPOOL_MAX_BLOCK_SIZE, or
 *	FIXEDPOOL_MAX_SLAB_BLOCK_SIZE of slab storage
 * @align: in: alignment of a block in bytes, a power of two up to the page
 *	size; zero: 8. Blocks of page storage that are not aligned to pages may
 *	lie further apart than that, lest they all share a few sets of the
 *	caches; FIXEDPOOL_POOL_PACKED forbids it.
 * @blocks: in: number of blocks, all of them made now; at least 1, and no more
 *	than 262144 of slab storage
 * @reserve: in: blocks that no shortage of memory can ever take from the pool,
 *	up to @blocks; zero: all of them. A pool that grows gives up others when
 *	the system runs out of memory, down to this number.
 * @storage: in: enum fixedpool_storage
 * @flags: in: FIXEDPOOL_POOL_*
 * @mode: in: who may attach, as for a file, without execute bits: a class
 *	needs its read and its write bit; zero: 0600. The owner is the caller's
 *	effective user and group.
 * @numa_node: in: with FIXEDPOOL_POOL_NUMA_NODE the node; else zero
 * @id: out: the pool's number, for the calls that take one
 * @max_blocks: in: number of blocks that the pool may grow to, at least @blocks,
 *	and no more than 262144 of slab storage; zero: it does not grow
 *
 * A pool that may grow does so, chunk by chunk, when a call needs more blocks
 * than are free: ALLOC and CACHE_FILL, up to the number that they ask for, also
 * where fewer will do. Whoever makes it grow, the memory is paid by the process
 * that made the pool: within its RLIMIT_MEMLOCK of that time, and out of its
 * memory cgroup. Where a limit, or a lack of memory, forbids it, the pool does not
 * grow (grow_failures in sysfs), and the call finds what there is. Tables for
 * @max_blocks are made, and paid for, at once: of page storage 6 to 8 bytes a
 * block, up to 24 where few blocks make a chunk; of slab storage up to 40.
 *
 * When memory is short, chunks of which no block is held, that no process has
 * mapped and no device has pinned, go back to the system.
 */
struct fixedpool_pool_create {
	char name[FIXEDPOOL_NAME_SIZE];
	__u32 block_size;
	__u32 align;
	__u32 blocks;
	__u32 reserve;
	__u32 storage;
	__u32 flags;
	__u32 mode;
	__s32 numa_node;
	__u32 id;
	__u32 max_blocks;
};

/**
 * struct fixedpool_pool_attach - attach this client to a pool by name
 *	(FIXEDPOOL_IOC_POOL_ATTACH)
 * @name: in: the name
 * @flags: in: zero
 * @id: out: the pool's number
 */
struct fixedpool_pool_attach {
	char name[FIXEDPOOL_NAME_SIZE];
	__u32 flags;
	__u32 id;
};

/**
 * struct fixedpool_pool_detach - leave a pool and give back all blocks held of
 *	it (FIXEDPOOL_IOC_POOL_DETACH)
 * @id: in: the pool's number
 * @flags: in: zero
 *
 * What is mapped stays mapped until munmap(), but shows nothing if the pool is
 * revocable.
 */
struct fixedpool_pool_detach {
	__u32 id;
	__u32 flags;
};

/**
 * struct fixedpool_pool_destroy - take a pool's name away
 *	(FIXEDPOOL_IOC_POOL_DESTROY)
 * @name: in: the name
 * @flags: in: zero
 * @reserved: in: zero
 *
 * For the pool's owner and CAP_DAC_OVERRIDE. The name is free at once. Clients,
 * mappings and kernel users keep what they have; the memory goes with the last
 * of them.
 */
struct fixedpool_pool_destroy {
	char name[FIXEDPOOL_NAME_SIZE];
	__u32 flags;
	__u32 reserved;
};

/**
 * struct fixedpool_pool_info - a pool this client is attached to
 *	(FIXEDPOOL_IOC_POOL_INFO)
 * @id: in: the pool's number
 * @query_flags: in: zero
 * @name: out: the name
 * @block_size: out: usable bytes of a block
 * @stride: out: bytes from one block of a chunk to the next
 * @align: out: alignment of a block, bytes
 * @blocks: out: number of blocks at this moment
 * @reserve: out: blocks that no shortage of memory can take from the pool
 * @storage: out: enum fixedpool_storage
 * @flags: out: FIXEDPOOL_POOL_*
 * @mode: out: permission bits
 * @uid: out: owner, in the caller's user namespace
 * @gid: out: group, in the caller's user namespace
 * @numa_node: out: the node, -1: any
 * @first_slot: out: slot of block 0 in a handle
 * @chunk_blocks: out: blocks in one chunk; zero if not mappable
 * @in_use: out: blocks held by anybody at this moment; for a moment too many or
 *	too few where free blocks are on their way between CPUs
 * @peak: out: the most blocks ever held at the same time, counted as @in_use is
 * @clients: out: clients attached
 * @chunk_size: out: bytes of one chunk
 * @data_offset: out: mmap() offset of the blocks
 * @data_length: out: bytes that may be mapped there; zero if not mappable
 * @versions_offset: out: mmap() offset of the version words, one __u32 a block
 *	in the order of indices
 * @versions_length: out: bytes that may be mapped there; zero if not mappable
 * @header_offset: out: mmap() offset of the pool's struct fixedpool_header, a
 *	page that can only be read; zero: there is none
 * @header_length: out: bytes that may be mapped there; zero: none
 * @max_blocks: out: blocks that the pool may grow to; every index is less
 * @waiters: out: callers that wait for blocks at this moment
 * @holds_offset: out: mmap() offset of the counts of holds, one __u16 a block in the
 *	order of indices, see FIXEDPOOL_HELD_ONCE; they can only be read; zero:
 *	there are none
 * @holds_length: out: bytes that may be mapped there; zero: none
 *
 * Block i begins (i / chunk_blocks) * chunk_size + (i % chunk_blocks) * stride
 * bytes after data_offset. Mappings are shared, never executable, and may cover
 * any whole pages of one region. A pool that grows has room there for all the
 * blocks that it may have: those that come later appear in mappings that are
 * there, and a touch of a place that has no block is SIGBUS.
 */
struct fixedpool_pool_info {
	__u32 id;
	__u32 query_flags;
	char name[FIXEDPOOL_NAME_SIZE];
	__u32 block_size;
	__u32 stride;
	__u32 align;
	__u32 blocks;
	__u32 reserve;
	__u32 storage;
	__u32 flags;
	__u32 mode;
	__u32 uid;
	__u32 gid;
	__s32 numa_node;
	__u32 first_slot;
	__u32 chunk_blocks;
	__u32 in_use;
	__u32 peak;
	__u32 clients;
	__aligned_u64 chunk_size;
	__aligned_u64 data_offset;
	__aligned_u64 data_length;
	__aligned_u64 versions_offset;
	__aligned_u64 versions_length;
	__aligned_u64 header_offset;
	__aligned_u64 header_length;
	__u32 max_blocks;
	__u32 waiters;
	__aligned_u64 holds_offset;
	__aligned_u64 holds_length;
};

/* A count of holds: zero where the block is free; FIXEDPOOL_HELD_ONCE where one
 * client, or one channel, has it alone; another value where several have, or the
 * kernel or a driver. It does not say which client that is. A block in a client's
 * cache counts as held.
 */
#define FIXEDPOOL_HELD_ONCE	1

/**
 * struct fixedpool_header - what a pool tells those who have mapped it
 * @waiters: callers that wait for blocks at this moment: whoever has free blocks
 *	in a cache is asked to give them back (CACHE_DRAIN)
 * @reserved: zero
 *
 * At header_offset of struct fixedpool_pool_info. The rest of the page is zero.
 */
struct fixedpool_header {
	__u32 waiters;
	__u32 reserved[15];
};

/* ALLOC: flags */
#define FIXEDPOOL_ALLOC_PARTIAL		(1U << 0)	/* fewer blocks, at least one, will do */
#define FIXEDPOOL_ALLOC_ZERO		(1U << 1)	/* fill the blocks with zeroes */
#define FIXEDPOOL_ALLOC_WAIT		(1U << 2)	/* wait until there are enough */
#define FIXEDPOOL_ALLOC_BY_SIZE		(1U << 3)	/* from the pools of a set */

/* ALLOC: a timeout that never comes */
#define FIXEDPOOL_NEVER			(~0ULL)

/**
 * struct fixedpool_alloc - take blocks (FIXEDPOOL_IOC_ALLOC)
 * @pool: in: the pool's number; with FIXEDPOOL_ALLOC_BY_SIZE the set's
 * @flags: in: FIXEDPOOL_ALLOC_*
 * @count: in: blocks wanted, 1 to FIXEDPOOL_MAX_BATCH
 * @done: out: blocks taken; also written when the call fails
 * @handles: in: pointer to @count __u64; out: the first @done are written
 * @scope: in: number of the client's scope that is to hold the blocks; zero: its
 *	root
 * @size: in: with FIXEDPOOL_ALLOC_BY_SIZE the bytes wanted, at least 1; else
 *	zero
 * @timeout: in: with FIXEDPOOL_ALLOC_WAIT when to give up, nanoseconds of
 *	CLOCK_MONOTONIC, or FIXEDPOOL_NEVER; else zero
 *
 * Takes all of @count or fails with ENOBUFS and takes none; with
 * FIXEDPOOL_ALLOC_PARTIAL it takes what there is and fails only when that is
 * nothing.
 *
 * With FIXEDPOOL_ALLOC_WAIT it waits instead, until there are enough or the time
 * has come (ETIMEDOUT); if that is past, it tries once. Callers, processes and
 * modules alike, are served in the order in which they have come, also where the
 * first wants many blocks and those behind him few. As long as somebody waits,
 * free blocks are for him: who does not wait finds none (ENOBUFS). A call that is
 * restarted after a signal goes to the end of the queue. Waiting ends, too, when
 * the pool is destroyed (EIDRM) or the client leaves it (ENOTCONN).
 *
 * By size, the pools of the set that fit are looked at in their order, smallest
 * first: the first gives as many as it has, the next gives what is then
 * missing, and so on. All or nothing, and PARTIAL, are about the sum. A call
 * that fails in the end has taken nothing, but others may have found those
 * blocks missing while it was at work. The slot of each handle tells its pool.
 * Who waits by size, waits for blocks of the smallest pool that fits, all of them.
 */
struct fixedpool_alloc {
	__u32 pool;
	__u32 flags;
	__u32 count;
	__u32 done;
	__aligned_u64 handles;
	__u32 scope;
	__u32 size;
	__aligned_u64 timeout;
};

/**
 * struct fixedpool_free - give blocks back (FIXEDPOOL_IOC_FREE)
 * @handles: in: pointer to @count __u64, of any pools
 * @count: in: 1 to FIXEDPOOL_MAX_BATCH
 * @done: out: blocks given back; also written when the call fails
 * @flags: in: zero
 * @reserved: in: zero
 *
 * Works in order and stops at the first handle that is refused: that is handle
 * number @done, and the error says why. EALREADY: the allocation it names has
 * ended and the block was not allocated since.
 */
struct fixedpool_free {
	__aligned_u64 handles;
	__u32 count;
	__u32 done;
	__u32 flags;
	__u32 reserved;
};

/* CHECK: state */
#define FIXEDPOOL_CHECK_ALIVE		(1U << 0)	/* the allocation has not ended */
#define FIXEDPOOL_CHECK_MINE		(1U << 1)	/* this client holds the block */
#define FIXEDPOOL_CHECK_SHARED		(1U << 2)	/* it has more holders than one */

/**
 * struct fixedpool_check - what a handle is worth (FIXEDPOOL_IOC_CHECK)
 * @handle: in: the handle
 * @flags: in: zero
 * @state: out: FIXEDPOOL_CHECK_* bits, zero for a handle that is dead
 *
 * Fails only for what cannot be a handle of an attached pool (EINVAL, ENXIO,
 * ERANGE).
 */
struct fixedpool_check {
	__aligned_u64 handle;
	__u32 flags;
	__u32 state;
};

/**
 * struct fixedpool_read - copy bytes out of a block this client holds
 *	(FIXEDPOOL_IOC_READ)
 * @handle: in: the block
 * @buffer: in: pointer to the caller's memory
 * @offset: in: first byte in the block
 * @length: in: bytes; zero: the handle is checked and no byte moves
 * @flags: in: zero
 * @reserved: in: zero
 */
struct fixedpool_read {
	__aligned_u64 handle;
	__aligned_u64 buffer;
	__u32 offset;
	__u32 length;
	__u32 flags;
	__u32 reserved;
};

/**
 * struct fixedpool_write - copy bytes into a block this client holds
 *	(FIXEDPOOL_IOC_WRITE)
 * @handle: in: the block
 * @buffer: in: pointer to the caller's memory
 * @offset: in: first byte in the block
 * @length: in: bytes; zero: the handle is checked and no byte moves
 * @flags: in: zero
 * @reserved: in: zero
 */
struct fixedpool_write {
	__aligned_u64 handle;
	__aligned_u64 buffer;
	__u32 offset;
	__u32 length;
	__u32 flags;
	__u32 reserved;
};

/**
 * struct fixedpool_give - let another client hold blocks instead of this one
 *	(FIXEDPOOL_IOC_GIVE)
 * @handles: in: pointer to @count __u64, of any pools
 * @count: in: 1 to FIXEDPOOL_MAX_BATCH
 * @done: out: blocks given; also written when the call fails
 * @client: in: number of the receiving client, from its QUERY
 * @flags: in: zero
 *
 * The handles stay valid; telling the receiver about them is the caller's job.
 * Giving to oneself changes nothing. A block that the receiver holds already is
 * let go of instead. Works in order and stops at the first handle that is
 * refused.
 */
struct fixedpool_give {
	__aligned_u64 handles;
	__u32 count;
	__u32 done;
	__u32 client;
	__u32 flags;
};

/**
 * struct fixedpool_share - let another client hold blocks, too
 *	(FIXEDPOOL_IOC_SHARE)
 * @handles: in: pointer to @count __u64, of any pools
 * @count: in: 1 to FIXEDPOOL_MAX_BATCH
 * @done: out: blocks shared; also written when the call fails
 * @client: in: number of the other client, from its QUERY
 * @flags: in: zero
 *
 * A block is free when the last of its holders has let go of it. Sharing with
 * oneself, or with a client that holds the block already, changes nothing. Works
 * in order and stops at the first handle that is refused.
 */
struct fixedpool_share {
	__aligned_u64 handles;
	__u32 count;
	__u32 done;
	__u32 client;
	__u32 flags;
};

/**
 * struct fixedpool_scope_create - make a scope: a group of blocks that go back
 *	together (FIXEDPOOL_IOC_SCOPE_CREATE)
 * @parent: in: number of the scope that it belongs to; zero: the client's root
 * @flags: in: zero
 * @scope: out: its number, never zero
 * @reserved: in: zero
 *
 * A scope is the client's own and may hold blocks of all its pools; ALLOC puts
 * them there. FREE, GIVE, CHECK, READ and WRITE do not ask in which scope of the
 * client a block is; one that is given to a client is in its root scope. In
 * each pool a scope takes a page for every 32,768 blocks among which it has
 * some, and all scopes of the client together two bytes for every block of such
 * a range, in pages of 2,048 blocks. Scopes end with the client. The number of
 * one that has ended is not used again before all others were.
 */
struct fixedpool_scope_create {
	__u32 parent;
	__u32 flags;
	__u32 scope;
	__u32 reserved;
};

/* SCOPE_RELEASE: flags */
#define FIXEDPOOL_SCOPE_DISSOLVE	(1U << 0)	/* leave the blocks to the parent */

/**
 * struct fixedpool_scope_release - end a scope (FIXEDPOOL_IOC_SCOPE_RELEASE)
 * @scope: in: its number
 * @flags: in: FIXEDPOOL_SCOPE_*
 * @blocks: out: blocks that were given back, or left to the parent; also written
 *	when the call fails
 *
 * Gives back all blocks in the scope, of all pools, and in the scopes below it,
 * and ends these too. With zero for @scope that is all the client holds; the
 * root scope itself does not end.
 *
 * With FIXEDPOOL_SCOPE_DISSOLVE it leaves the blocks to the scope's parent, and
 * the scopes right below it belong to the parent then; their blocks stay where
 * they are. Not for the root (EINVAL). After ENOMEM the scope is still there,
 * with those blocks that have not been moved.
 */
struct fixedpool_scope_release {
	__u32 scope;
	__u32 flags;
	__aligned_u64 blocks;
};

/**
 * struct fixedpool_set_create - order pools by size, or open a set by name
 *	(FIXEDPOOL_IOC_SET_CREATE)
 * @name: in: the name, see FIXEDPOOL_NAME_SIZE; sets and pools may have the same
 * @pools: in: pointer to @count __u32, numbers of pools that this client is
 *	attached to, in any order and each once; zero to open a set
 * @count: in: 1 to FIXEDPOOL_MAX_SET_POOLS; zero to open the set of that name
 * @flags: in: zero
 * @id: out: the set's number, for ALLOC with FIXEDPOOL_ALLOC_BY_SIZE
 * @reserved: in: zero
 *
 * The set orders its pools by block size; those of the same size stay in the
 * order of @pools. Whoever makes a set has opened it. Others open it by name,
 * being attached to every pool of it: a set opens no way to a pool.
 *
 * A set that a client has made loses its name when the last client has left
 * it, a set of the kernel or of the module's parameter only by SET_DESTROY. A
 * set keeps its pools: one that is destroyed loses its name, but its memory
 * stays until the set is gone.
 */
struct fixedpool_set_create {
	char name[FIXEDPOOL_NAME_SIZE];
	__aligned_u64 pools;
	__u32 count;
	__u32 flags;
	__u32 id;
	__u32 reserved;
};

/**
 * struct fixedpool_set_destroy - take a set's name away, or leave a set
 *	(FIXEDPOOL_IOC_SET_DESTROY)
 * @name: in: the set to be destroyed; empty to leave one
 * @id: in: with an empty name the number of the set that this client leaves;
 *	else zero
 * @flags: in: zero
 *
 * Destroying is for the set's owner and CAP_DAC_OVERRIDE. The name is free at
 * once; clients and modules that have the set keep it. Blocks that were taken
 * through a set are not touched by either.
 */
struct fixedpool_set_destroy {
	char name[FIXEDPOOL_NAME_SIZE];
	__u32 id;
	__u32 flags;
};

/* CHANNEL_CREATE, CHANNEL_OPEN: flags */
#define FIXEDPOOL_CHANNEL_READ		(1U << 0)	/* handles can be read */
#define FIXEDPOOL_CHANNEL_WRITE		(1U << 1)	/* handles can be written */
#define FIXEDPOOL_CHANNEL_NONBLOCK	(1U << 2)	/* with O_NONBLOCK */

/**
 * struct fixedpool_channel_create - make a channel: a bounded queue of handles
 *	of one pool (FIXEDPOOL_IOC_CHANNEL_CREATE)
 * @name: in: a name for CHANNEL_OPEN, unique among the channels of the pool and
 *	made as those of pools are; or empty
 * @pool: in: the pool's number
 * @capacity: in: most handles in the queue, 1 to
 *	FIXEDPOOL_MAX_CHANNEL_CAPACITY
 * @flags: in: FIXEDPOOL_CHANNEL_*, one direction at least
 * @fd: out: the descriptor, with O_CLOEXEC; -1 if the call fails
 *
 * write() takes an array of __u64 handles of blocks that this client holds.
 * Each that is written leaves the client, and the channel holds its block.
 * read() fills such an array, and this client holds those blocks then. Handles
 * come out in the order in which they went in; those of one write() follow each
 * other as long as they are no more than 64 and there is room for them. Both
 * calls return bytes, and take multiples of 8 only (EINVAL).
 *
 * Whichever process uses the descriptor, it works on the holdings of the client
 * that opened it, as long as that is attached to the pool (ENOTCONN). Whoever is
 * to hold what he reads needs a descriptor of his own: CHANNEL_OPEN is for all
 * that may attach to the pool.
 *
 * read() waits until there is a handle, and returns what there is, up to what
 * was asked for. write() waits until all is written. Neither waits with
 * O_NONBLOCK: EAGAIN if nothing could be moved. A call that is stopped after
 * something has been moved, by a signal, by a handle that is refused (EINVAL,
 * ENXIO, ERANGE, ESTALE, EPERM) or by bad memory (EFAULT), returns what has been
 * moved; the next call tells the error. A handle of another pool is ENXIO. What
 * is not moved stays with whom it was. (Should another thread unmap the buffer
 * of a read() at that very moment, handles may go back to the end of the queue,
 * or, if that is full, their blocks to the pool.)
 *
 * When there have been writers and all have gone, read() returns 0 as soon as
 * the queue is empty. When there have been readers and all have gone, write()
 * fails with EPIPE, without a signal. As long as nobody has come yet, both wait.
 * Who opens the channel later goes on where the last one stopped: handles stay
 * queued. The channel ends with its last descriptor of either direction (and
 * kernel user), and what is queued then goes back to the pool.
 *
 * poll() says POLLIN when there is a handle, POLLOUT when there is room, POLLHUP
 * to readers when all writers have gone, POLLERR to writers when all readers
 * have gone, and POLLERR also when the client has left the pool.
 */
struct fixedpool_channel_create {
	char name[FIXEDPOOL_NAME_SIZE];
	__u32 pool;
	__u32 capacity;
	__u32 flags;
	__s32 fd;
};

/**
 * struct fixedpool_channel_open - get a descriptor of a channel by its name
 *	(FIXEDPOOL_IOC_CHANNEL_OPEN)
 * @name: in: the name
 * @pool: in: the pool's number
 * @flags: in: FIXEDPOOL_CHANNEL_*, one direction at least
 * @fd: out: the descriptor, with O_CLOEXEC; -1 if the call fails
 * @reserved: in: zero
 */
struct fixedpool_channel_open {
	char name[FIXEDPOOL_NAME_SIZE];
	__u32 pool;
	__u32 flags;
	__s32 fd;
	__u32 reserved;
};

/**
 * struct fixedpool_cache_fill - take free blocks into the client's own cache
 *	(FIXEDPOOL_IOC_CACHE_FILL)
 * @pool: in: the pool's number
 * @flags: in: zero
 * @count: in: blocks wanted, 1 to FIXEDPOOL_MAX_BATCH
 * @done: out: blocks taken, at least 1; also written when the call fails
 * @blocks: in: pointer to @count __u32; out: the first @done are written, the
 *	indices of blocks in the pool
 *
 * For pools that can be mapped (else ENODEV). The client holds the blocks, in
 * its root scope, but their versions stay even: they are not allocated, and no
 * handle is good for them. The library allocates one by advancing its version in
 * the mapped words to the next odd number, and frees it by advancing it again. In
 * the same way it may free into the cache what it has from ALLOC, if that is in its
 * root scope. Where others may have a hold, or be about to take one by the handle,
 * it looks at the count of holds after it has advanced the version, with a full
 * barrier in between: only FIXEDPOOL_HELD_ONCE says that the block may be allocated
 * again, and any other goes back by CACHE_DRAIN and is free when the last lets go.
 * To the other calls a block of the cache with an odd version is allocated as
 * any other: FREE gives it back to the pool. When the client leaves, all go back
 * and all versions are even. What the pool's flags say is done to blocks that are
 * taken or freed is done when they come into the cache and go back.
 */
struct fixedpool_cache_fill {
	__u32 pool;
	__u32 flags;
	__u32 count;
	__u32 done;
	__aligned_u64 blocks;
};

/**
 * struct fixedpool_cache_drain - give back blocks of the client's own cache
 *	(FIXEDPOOL_IOC_CACHE_DRAIN)
 * @pool: in: the pool's number
 * @flags: in: zero
 * @count: in: 1 to FIXEDPOOL_MAX_BATCH
 * @done: out: blocks given back; also written when the call fails
 * @blocks: in: pointer to @count __u32, indices of blocks in the pool
 *
 * Works in order and stops at the first that is refused: ERANGE, an index beyond
 * the end; EPERM, this client does not hold it; EADDRINUSE, its version is odd.
 * Any block that the client holds will do.
 */
struct fixedpool_cache_drain {
	__u32 pool;
	__u32 flags;
	__u32 count;
	__u32 done;
	__aligned_u64 blocks;
};

/* WATCH: flags */
#define FIXEDPOOL_WATCH_REMOVE		(1U << 0)	/* end a watch */

/**
 * struct fixedpool_watch - have an eventfd signalled when free blocks become few,
 *	and when there are enough again (FIXEDPOOL_IOC_WATCH)
 * @pool: in: the pool's number
 * @flags: in: FIXEDPOOL_WATCH_*
 * @low: in: signal when there are fewer free blocks than this; zero: do not
 * @high: in: signal when there are as many free blocks as this, after there were
 *	fewer than @low; zero: do not. Not less than @low, and neither more than
 *	the pool may grow to; not both zero.
 * @fd: in: the eventfd
 * @id: out: number of the watch, never zero; in: zero. With
 *	FIXEDPOOL_WATCH_REMOVE in: the watch that ends, and @low, @high and @fd
 *	are zero.
 *
 * Adds 1 to the eventfd each time. What is so already when the watch is made is
 * signalled at once: that there are fewer than @low; or, without @low, that there
 * are @high. With one mark alone it is signalled again after the number has been
 * on the other side of it. What goes and comes back within a moment may be missed.
 * While callers wait for blocks, those that are free are theirs and do not count.
 * The watch keeps the eventfd until it is ended, or the client leaves the pool.
 */
struct fixedpool_watch {
	__u32 pool;
	__u32 flags;
	__u32 low;
	__u32 high;
	__s32 fd;
	__u32 id;
};

#define FIXEDPOOL_IOC_MAGIC		0xFB
#define FIXEDPOOL_IOC_QUERY		_IOWR(FIXEDPOOL_IOC_MAGIC, 0, struct fixedpool_query)
#define FIXEDPOOL_IOC_POOL_CREATE	_IOWR(FIXEDPOOL_IOC_MAGIC, 1, struct fixedpool_pool_create)
#define FIXEDPOOL_IOC_POOL_ATTACH	_IOWR(FIXEDPOOL_IOC_MAGIC, 2, struct fixedpool_pool_attach)
#define FIXEDPOOL_IOC_POOL_DETACH	_IOWR(FIXEDPOOL_IOC_MAGIC, 3, struct fixedpool_pool_detach)
#define FIXEDPOOL_IOC_POOL_DESTROY	_IOWR(FIXEDPOOL_IOC_MAGIC, 4, struct fixedpool_pool_destroy)
#define FIXEDPOOL_IOC_POOL_INFO		_IOWR(FIXEDPOOL_IOC_MAGIC, 5, struct fixedpool_pool_info)
#define FIXEDPOOL_IOC_ALLOC		_IOWR(FIXEDPOOL_IOC_MAGIC, 6, struct fixedpool_alloc)
#define FIXEDPOOL_IOC_FREE		_IOWR(FIXEDPOOL_IOC_MAGIC, 7, struct fixedpool_free)
#define FIXEDPOOL_IOC_CHECK		_IOWR(FIXEDPOOL_IOC_MAGIC, 8, struct fixedpool_check)
#define FIXEDPOOL_IOC_READ		_IOWR(FIXEDPOOL_IOC_MAGIC, 9, struct fixedpool_read)
#define FIXEDPOOL_IOC_WRITE		_IOWR(FIXEDPOOL_IOC_MAGIC, 10, struct fixedpool_write)
#define FIXEDPOOL_IOC_GIVE		_IOWR(FIXEDPOOL_IOC_MAGIC, 11, struct fixedpool_give)
#define FIXEDPOOL_IOC_SHARE		_IOWR(FIXEDPOOL_IOC_MAGIC, 12, struct fixedpool_share)
#define FIXEDPOOL_IOC_SCOPE_CREATE	\
	_IOWR(FIXEDPOOL_IOC_MAGIC, 13, struct fixedpool_scope_create)
#define FIXEDPOOL_IOC_SCOPE_RELEASE	\
	_IOWR(FIXEDPOOL_IOC_MAGIC, 14, struct fixedpool_scope_release)
#define FIXEDPOOL_IOC_SET_CREATE	\
	_IOWR(FIXEDPOOL_IOC_MAGIC, 15, struct fixedpool_set_create)
#define FIXEDPOOL_IOC_SET_DESTROY	\
	_IOWR(FIXEDPOOL_IOC_MAGIC, 16, struct fixedpool_set_destroy)
#define FIXEDPOOL_IOC_CHANNEL_CREATE	\
	_IOWR(FIXEDPOOL_IOC_MAGIC, 17, struct fixedpool_channel_create)
#define FIXEDPOOL_IOC_CHANNEL_OPEN	\
	_IOWR(FIXEDPOOL_IOC_MAGIC, 18, struct fixedpool_channel_open)
#define FIXEDPOOL_IOC_WATCH		_IOWR(FIXEDPOOL_IOC_MAGIC, 19, struct fixedpool_watch)
#define FIXEDPOOL_IOC_CACHE_FILL	_IOWR(FIXEDPOOL_IOC_MAGIC, 20, struct fixedpool_cache_fill)
#define FIXEDPOOL_IOC_CACHE_DRAIN	_IOWR(FIXEDPOOL_IOC_MAGIC, 21, struct fixedpool_cache_drain)

#endif /* _UAPI_LINUX_FIXEDPOOL_H */
