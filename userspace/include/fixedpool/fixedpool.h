/* SPDX-License-Identifier: MIT */
/** @file
 * libfixedpool for C, and for every language that can call C.
 *
 * What can be done with blocks, pools, scopes, sets, channels and watches of
 * <fixedpool/fixedpool.hpp> can be done here. The rest of the documentation stands
 * there: each function says which one it is. What differs:
 *
 *   Calls that can fail return 0, or one of enum fp_error, negative; causes of the system
 *   behind that are FP_SYSTEM_ERROR(errno). Nothing is thrown. What a call has to give it
 *   writes where a pointer leads, and not at all if it fails.
 *
 *   Objects are made by one call and closed by another, which takes null, too. They may
 *   be closed in any order: what is made of an object keeps what it needs of it.
 *
 *   There are no owners of blocks, only handles. So pools have to be kept open as long as
 *   their blocks are used: with the last reference to a pool its client leaves it, and
 *   its blocks go back.
 *
 *   Null for a pointer that has to lead somewhere is refused with FP_ERROR_BAD_ADDRESS.
 *   Pointers for results that nobody may want can be null, and say so.
 *
 *   Structs begin with their size, which is the caller's: programs and libraries of
 *   different age understand each other. Use FP_..._INIT.
 *
 * Thread safety: any call from any thread, also on the same object, but for the one that
 * closes it, and for those that end a scope.
 */
#ifndef FIXEDPOOL_FIXEDPOOL_H
#define FIXEDPOOL_FIXEDPOOL_H

/* NOLINTBEGIN(modernize-*, readability-identifier-naming, *-macro-usage, *-avoid-c-arrays,
 * *-enum-size): it is C */

#include <stddef.h>
#include <stdint.h>

/** Marks what programs may use. */
#if defined(__GNUC__)
#define FP_API __attribute__((visibility("default")))
#else
#define FP_API
#endif

/** Marks functions that throw nothing, as all do here. */
#ifdef __cplusplus
#define FP_NOTHROW noexcept
extern "C" {
#else
#define FP_NOTHROW
#endif

/* ------------------------------------------------------------------ errors */

/** One value per cause; fixedpool::errc, negative. */
enum fp_error {
    FP_OK = 0,

    /* any call */
    FP_ERROR_UNKNOWN_COMMAND = -1,  /**< the module does not know this call */
    FP_ERROR_BAD_ADDRESS = -2,      /**< a pointer leads nowhere */
    FP_ERROR_INVALID_ARGUMENT = -3, /**< a value is outside its range */
    FP_ERROR_MODULE_TOO_OLD = -4,   /**< the module is too old for this call */
    FP_ERROR_OUT_OF_MEMORY = -5,    /**< the system or the memory cgroup is out of memory */

    /* opening a client */
    FP_ERROR_NO_DEVICE = -6,        /**< no such device: is the fixedpool module loaded? */
    FP_ERROR_DEVICE_FORBIDDEN = -7, /**< the permissions of the device forbid it */
    FP_ERROR_NOT_THE_DEVICE = -8,   /**< this is not the fixedpool device */
    FP_ERROR_ABI_MISMATCH = -9,     /**< the module speaks another version of the interface */

    /* pools by name */
    FP_ERROR_NAME_TAKEN = -10,       /**< the name is taken */
    FP_ERROR_NO_SUCH_POOL = -11,     /**< no pool has this name */
    FP_ERROR_POOL_FORBIDDEN = -12,   /**< mode or ownership of the pool forbid it */
    FP_ERROR_ALREADY_ATTACHED = -13, /**< this client is attached to it already */
    FP_ERROR_TOO_MANY_POOLS = -14,   /**< the module's limit on pools is reached */
    FP_ERROR_BYTE_LIMIT = -15,       /**< the module's limit on bytes would be exceeded */
    FP_ERROR_LOCK_LIMIT = -16,       /**< the limit on locked memory would be exceeded */
    FP_ERROR_POOL_TOO_LARGE = -17,   /**< larger than the address or handle space */
    FP_ERROR_NOT_ATTACHED = -18,     /**< no pool there that this client is attached to */
    FP_ERROR_NOT_NOTED = -19,        /**< the client does not report leaks of it */

    /* mapping */
    FP_ERROR_MAP_FORBIDDEN = -20, /**< the mapping asks for more access than the client has */
    FP_ERROR_NOT_MAPPABLE = -21,  /**< the blocks of this pool cannot be mapped */
    FP_ERROR_INTERRUPTED = -22,   /**< a signal arrived */

    /* blocks and handles */
    FP_ERROR_OUT_OF_BLOCKS = -23,       /**< the pool has no free block */
    FP_ERROR_INDEX_OUT_OF_RANGE = -24,  /**< beyond the last block of its pool */
    FP_ERROR_DOUBLE_FREE = -25,         /**< the block was freed before */
    FP_ERROR_STALE_HANDLE = -26,        /**< the allocation has ended */
    FP_ERROR_NOT_HOLDER = -27,          /**< this client does not hold the block */
    FP_ERROR_WRONG_POOL = -28,          /**< the block belongs to another pool */
    FP_ERROR_NOT_A_BLOCK = -29,         /**< no allocated block of the pool begins there */
    FP_ERROR_BEYOND_BLOCK = -30,        /**< beyond the last byte of the block */
    FP_ERROR_TOO_MANY_HOLDERS = -31,    /**< the block has too many holders */
    FP_ERROR_NO_SUCH_CLIENT = -32,      /**< no client has this number */
    FP_ERROR_CLIENT_NOT_ATTACHED = -33, /**< that client is not attached to the pool */
    FP_ERROR_BLOCK_ALLOCATED = -34,     /**< the block is allocated */

    /* scopes */
    FP_ERROR_SCOPE_ENDED = -35,     /**< the scope has ended, or never was */
    FP_ERROR_TOO_MANY_SCOPES = -36, /**< the client has too many scopes */
    FP_ERROR_SCOPE_TOO_DEEP = -37,  /**< the scope would be nested too deep */

    /* sets of pools */
    FP_ERROR_NO_SUCH_SET = -38,       /**< no set has this name */
    FP_ERROR_SET_FORBIDDEN = -39,     /**< the set is somebody else's */
    FP_ERROR_ALREADY_OPEN = -40,      /**< this client has opened it already */
    FP_ERROR_SET_NOT_ATTACHED = -41,  /**< this client is not attached to the pools of the set */
    FP_ERROR_TOO_LARGE_FOR_SET = -42, /**< no pool of the set has blocks as large as that */

    /* channels */
    FP_ERROR_NO_SUCH_CHANNEL = -43, /**< no channel of the pool has this name */
    FP_ERROR_NO_RECEIVER = -44,     /**< all who could receive have gone */
    FP_ERROR_WOULD_BLOCK = -45,     /**< it cannot be done without waiting */
    FP_ERROR_CHANNEL_LEFT = -46,    /**< the client has left the pool */

    /* waiting for blocks */
    FP_ERROR_TIMED_OUT = -47,       /**< the time has come, and there are not enough blocks */
    FP_ERROR_BEYOND_CAPACITY = -48, /**< the pool can never have as many blocks */
    FP_ERROR_POOL_DESTROYED = -49,  /**< the pool has been destroyed */
    FP_ERROR_POOL_LEFT = -50,       /**< the client has left the pool meanwhile */

    /* watching pools */
    FP_ERROR_TOO_MANY_WATCHES = -51, /**< the client has too many watches of the pool */
    FP_ERROR_NO_SUCH_WATCH = -52,    /**< the client has no such watch of the pool */
};

/** A cause that this library does not know, but the system: such as EMFILE. */
#define FP_SYSTEM_ERROR(number) (-4096 - (number))

/**
 * Returns: what @p error means, in English, of any number that a call here has returned;
 * never null. The text lasts as long as the library.
 * Signal safety: async-signal-safe, but for causes of the system.
 */
FP_API const char* fp_strerror(int error) FP_NOTHROW;

/** Returns: the positive errno that @p error stands for; 0 for FP_OK and for unknown ones. */
FP_API int fp_errno(int error) FP_NOTHROW;

/* ------------------------------------------------------------------- types */

/** The name of one allocation of one block; zero names nothing. fixedpool::handle::value(). */
typedef uint64_t fp_handle;

/** A reference to an open client; fixedpool::client. */
typedef struct fp_client fp_client;
/** A reference to a pool that a client is attached to; fixedpool::pool. */
typedef struct fp_pool fp_pool;
/** A group of blocks that go back together; fixedpool::scope. */
typedef struct fp_scope fp_scope;
/** Pools ordered by the size of their blocks; fixedpool::pool_set. */
typedef struct fp_pool_set fp_pool_set;
/** One end of a queue of blocks; fixedpool::channel. */
typedef struct fp_channel fp_channel;
/** Tells when free blocks become few, or enough; fixedpool::watch. */
typedef struct fp_watch fp_watch;

/** The number of a client, unique among the open ones; fixedpool::client_id. */
typedef uint32_t fp_client_id;

/* ----------------------------------------------------------------- clients */

/** What the module allows. */
struct fp_limits {
    size_t size;             /**< in: of this struct */
    uint32_t max_block_size; /**< bytes */
    uint32_t max_batch;      /**< handles in one system call */
    uint32_t max_pools;      /**< at the same time; zero: no limit */
    uint64_t max_bytes;      /**< in all pools together; zero: no limit */
};

/** A struct fp_limits of this size, all else zero. */
#define FP_LIMITS_INIT                                                                             \
    { sizeof(struct fp_limits), 0, 0, 0, 0 }

/** client::open(); @p path: null for /dev/fixedpool. */
FP_API int fp_client_open(const char* path, fp_client** opened) FP_NOTHROW;

/** client::open_in_process() */
FP_API int fp_client_open_in_process(fp_client** opened) FP_NOTHROW;

/** Effects: makes another reference to the same client, to be closed as well. */
FP_API int fp_client_copy(const fp_client* client, fp_client** copy) FP_NOTHROW;

/** Effects: ends the reference. What was made of it keeps the client open. */
FP_API void fp_client_close(fp_client* client) FP_NOTHROW;

/** client::id(). Returns: zero, which is nobody's, for null. */
FP_API fp_client_id fp_client_get_id(const fp_client* client) FP_NOTHROW;

/** client::limits() */
FP_API int fp_client_get_limits(const fp_client* client, struct fp_limits* limits) FP_NOTHROW;

/* ------------------------------------------------------------------- pools */

/** Where the blocks of a pool come from. */
enum fp_storage {
    FP_STORAGE_PAGES = 0, /**< blocks are mapped and used in place */
    FP_STORAGE_SLAB = 1,  /**< not mappable: fp_pool_read() and fp_pool_write() */
};

/** Whether threads keep free blocks at hand; fixedpool::caching. */
enum fp_caching {
    FP_CACHING_AUTOMATIC = 0,
    FP_CACHING_EXACT = 1,
    FP_CACHING_NONE = 2,
};

#define FP_POOL_AUTO_DESTROY 1U     /**< the pool goes with its last client */
#define FP_POOL_NUMA_NODE 2U        /**< numa_node is meant */
#define FP_POOL_ZERO_ON_ALLOCATE 4U /**< pool_options::zero_on_allocate */
#define FP_POOL_ZERO_ON_FREE 8U     /**< pool_options::zero_on_free */
#define FP_POOL_POISON 16U          /**< pool_options::poison */
#define FP_POOL_REVOCABLE 32U       /**< pool_options::revocable */
#define FP_POOL_PACKED 64U          /**< pool_options::packed */
#define FP_POOL_TRACK 128U          /**< pool_options::track */
#define FP_POOL_REPORT_LEAKS 256U   /**< of this client, on the standard error */

/** What fp_pool_create() makes. What stays zero takes the default; fixedpool::pool_options. */
struct fp_pool_options {
    size_t size;         /**< of this struct */
    const char* name;    /**< 1 to 31 of [A-Za-z0-9._-], not beginning with a dot; NULL or "": one
                              that nobody has, and FP_POOL_AUTO_DESTROY */
    uint32_t block_size; /**< usable bytes, at least 1 */
    uint32_t blocks;     /**< how many, at least 1 */
    uint32_t alignment;  /**< bytes, a power of two up to the page size; default: 16 if that divides
                              block_size, else 8 */
    uint32_t max_blocks; /**< how many it may grow to; default: it does not grow */
    uint32_t reserve;    /**< blocks that no shortage can take away; default all */
    uint32_t storage;    /**< enum fp_storage */
    uint32_t flags;      /**< FP_POOL_ */
    uint32_t mode;       /**< who may attach, as for a file; default 0600 */
    int32_t numa_node;   /**< with FP_POOL_NUMA_NODE */
    uint32_t caching;    /**< enum fp_caching, of this client */
};

/** A struct fp_pool_options of this size, all else zero. */
#define FP_POOL_OPTIONS_INIT                                                                       \
    { sizeof(struct fp_pool_options), NULL, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }

/** What was fixed when the pool was made. */
struct fp_pool_info {
    size_t size;         /**< in: of this struct */
    char name[32];       /**< ends in a zero */
    uint32_t block_size; /**< usable bytes of a block */
    uint32_t stride;     /**< bytes from block to block */
    uint32_t alignment;  /**< of a block, in bytes */
    uint32_t capacity;   /**< blocks, when it is full grown */
    uint32_t storage;    /**< enum fp_storage */
    uint32_t mappable;   /**< 1 if blocks have addresses, else 0 */
};

/** A struct fp_pool_info of this size, all else zero. */
#define FP_POOL_INFO_INIT                                                                          \
    { sizeof(struct fp_pool_info), "", 0, 0, 0, 0, 0, 0 }

/** How much of a pool is taken; fixedpool::pool_usage. */
struct fp_pool_usage {
    size_t size;      /**< in: of this struct */
    uint32_t in_use;  /**< blocks held by anybody */
    uint32_t peak;    /**< the most blocks ever held at the same time */
    uint32_t clients; /**< clients attached */
    uint32_t blocks;  /**< blocks there are, up to the capacity */
    uint32_t waiters; /**< callers that wait for blocks */
};

/** A struct fp_pool_usage of this size, all else zero. */
#define FP_POOL_USAGE_INIT                                                                         \
    { sizeof(struct fp_pool_usage), 0, 0, 0, 0, 0 }

/**
 * client::create(). Sizes larger than this library knows are refused with
 * FP_ERROR_INVALID_ARGUMENT unless all beyond is zero.
 */
FP_API int fp_pool_create(const fp_client* client, const struct fp_pool_options* options,
                          fp_pool** created) FP_NOTHROW;

/** client::attach(); @p caching: enum fp_caching */
FP_API int fp_pool_attach(const fp_client* client, const char* name, uint32_t caching,
                          fp_pool** attached) FP_NOTHROW;

/** client::destroy(): takes the pool's name away. */
FP_API int fp_pool_destroy(const fp_client* client, const char* name) FP_NOTHROW;

/** Effects: makes another reference to the same pool, to be closed as well. */
FP_API int fp_pool_copy(const fp_pool* pool, fp_pool** copy) FP_NOTHROW;

/** Effects: ends the reference; with the last, the client leaves the pool. */
FP_API void fp_pool_close(fp_pool* pool) FP_NOTHROW;

/** pool::name(), block_size() and what else is fixed. */
FP_API int fp_pool_get_info(const fp_pool* pool, struct fp_pool_info* info) FP_NOTHROW;

/** pool::usage() */
FP_API int fp_pool_get_usage(const fp_pool* pool, struct fp_pool_usage* usage) FP_NOTHROW;

/** pool::trim(). Returns: how many blocks went back; zero for null. */
FP_API uint32_t fp_pool_trim(const fp_pool* pool) FP_NOTHROW;

/* ------------------------------------------------------------------ blocks */

#define FP_ALLOCATE_ZERO 1U /**< blocks are filled with zeroes; contents::zero */

/** When calls that wait give up: never. */
#define FP_NEVER INT64_MAX

/** pool::allocate_handle(): one block, or FP_ERROR_OUT_OF_BLOCKS at once. */
FP_API int fp_pool_allocate(const fp_pool* pool, uint32_t flags, fp_handle* allocated) FP_NOTHROW;

/** pool::allocate() of several: all or none. What @p handles has is then unspecified. */
FP_API int fp_pool_allocate_all(const fp_pool* pool, uint32_t flags, fp_handle* handles,
                                size_t count) FP_NOTHROW;

/** pool::allocate_some(): up to @p count, and at least one unless that is zero. */
FP_API int fp_pool_allocate_some(const fp_pool* pool, uint32_t flags, fp_handle* handles,
                                 size_t count, size_t* allocated) FP_NOTHROW;

/**
 * pool::allocate_for(), of as many blocks as @p count, all or none; what is not positive
 * means to try once.
 * @p timeout_ns: nanoseconds, or FP_NEVER.
 */
FP_API int fp_pool_allocate_for(const fp_pool* pool, uint32_t flags, fp_handle* handles,
                                size_t count, int64_t timeout_ns) FP_NOTHROW;

/** pool::allocate_until(); @p deadline_ns: of CLOCK_MONOTONIC, or FP_NEVER. */
FP_API int fp_pool_allocate_until(const fp_pool* pool, uint32_t flags, fp_handle* handles,
                                  size_t count, int64_t deadline_ns) FP_NOTHROW;

/** pool::free(). What is not good is refused, and touches nothing. */
FP_API int fp_pool_free(const fp_pool* pool, fp_handle name) FP_NOTHROW;

/**
 * pool::free() of several, in order, up to the first that is refused.
 * @p freed: how many went back, also on failure; may be null.
 */
FP_API int fp_pool_free_all(const fp_pool* pool, const fp_handle* handles, size_t count,
                            size_t* freed) FP_NOTHROW;

/** pool::allocate_bytes(): the address of a block that was free. */
FP_API int fp_pool_allocate_bytes(const fp_pool* pool, void** allocated) FP_NOTHROW;

/** pool::deallocate_bytes(). FP_ERROR_DOUBLE_FREE if that block is free; FP_ERROR_NOT_A_BLOCK for
    any other address, null among them. */
FP_API int fp_pool_deallocate_bytes(const fp_pool* pool, const void* block) FP_NOTHROW;

/** pool::get(). Returns: null also if @p pool is null. */
FP_API void* fp_pool_get(const fp_pool* pool, fp_handle name) FP_NOTHROW;

/** pool::handle_of(). Returns: zero if no allocated block begins there. */
FP_API fp_handle fp_pool_handle_of(const fp_pool* pool, const void* address) FP_NOTHROW;

/** pool::owns(). Returns: 1 or 0. */
FP_API int fp_pool_owns(const fp_pool* pool, const void* address) FP_NOTHROW;

/** pool::index_of(). FP_ERROR_WRONG_POOL if the handle is not of this pool. */
FP_API int fp_pool_index_of(const fp_pool* pool, fp_handle name, uint32_t* index) FP_NOTHROW;

#define FP_HANDLE_ALIVE 1U  /**< the allocation has not ended */
#define FP_HANDLE_MINE 2U   /**< this client holds the block */
#define FP_HANDLE_SHARED 4U /**< the block has more holders than one */

/** pool::check(); @p state: FP_HANDLE_ */
FP_API int fp_pool_check(const fp_pool* pool, fp_handle name, uint32_t* state) FP_NOTHROW;

/** pool::read(), whatever the storage. */
FP_API int fp_pool_read(const fp_pool* pool, fp_handle name, uint32_t offset, void* bytes,
                        size_t length) FP_NOTHROW;
/** pool::write(), whatever the storage. */
FP_API int fp_pool_write(const fp_pool* pool, fp_handle name, uint32_t offset, const void* bytes,
                         size_t length) FP_NOTHROW;

/**
 * pool::give(), in order, up to the first that is refused.
 * @p given: how many were given, also on failure; may be null.
 */
FP_API int fp_pool_give(const fp_pool* pool, const fp_handle* handles, size_t count,
                        fp_client_id receiver, size_t* given) FP_NOTHROW;

/** pool::share() */
FP_API int fp_pool_share(const fp_pool* pool, fp_handle name, fp_client_id receiver) FP_NOTHROW;

/**
 * pool::adopt(): for what another client has given or shared. FP_OK if this client holds
 * the block, which is of this pool; from now on it may also go to a cache when it is freed.
 */
FP_API int fp_pool_adopt(const fp_pool* pool, fp_handle name) FP_NOTHROW;

/* ------------------------------------------------------------------ scopes */

/** scope::create() */
FP_API int fp_scope_create(const fp_client* client, fp_scope** created) FP_NOTHROW;

/** scope::nested() */
FP_API int fp_scope_nested(const fp_scope* scope, fp_scope** created) FP_NOTHROW;

/** scope::allocate(): all or none. What @p handles has is then unspecified. */
FP_API int fp_scope_allocate(const fp_scope* scope, const fp_pool* pool, uint32_t flags,
                             fp_handle* handles, size_t count) FP_NOTHROW;

/**
 * scope::release(): gives everything in it back. The scope has ended then; what is asked of
 * it is refused with FP_ERROR_SCOPE_ENDED, and it is still to be closed.
 * @p released: how many blocks; may be null.
 */
FP_API int fp_scope_release(fp_scope* scope, uint64_t* released) FP_NOTHROW;

/** scope::dissolve(): leaves the blocks to what the scope was made of; else the same. */
FP_API int fp_scope_dissolve(fp_scope* scope, uint64_t* left) FP_NOTHROW;

/** Effects: fp_scope_release(), if it has not ended. */
FP_API void fp_scope_close(fp_scope* scope) FP_NOTHROW;

/* ------------------------------------------------------------ sets of pools */

/** pool_set::create() of @p count pools */
FP_API int fp_pool_set_create(const fp_client* client, const char* name,
                              const fp_pool* const* pools, size_t count,
                              fp_pool_set** created) FP_NOTHROW;

/** pool_set::open(), of the pools that it was made of */
FP_API int fp_pool_set_open(const fp_client* client, const char* name, const fp_pool* const* pools,
                            size_t count, fp_pool_set** opened) FP_NOTHROW;

/** pool_set::destroy(): takes the set's name away. */
FP_API int fp_pool_set_destroy(const fp_client* client, const char* name) FP_NOTHROW;

/**
 * pool_set::allocate(): one block of at least @p wanted bytes, to be freed through any pool
 * of the client.
 * @p block: its first byte, null if its pool is not mappable; @p size: its usable bytes. Both
 * may be null.
 */
FP_API int fp_pool_set_allocate(const fp_pool_set* set, uint32_t wanted, uint32_t flags,
                                fp_handle* allocated, void** block, size_t* size) FP_NOTHROW;

/** Effects: leaves the set, which ends with the last who does. */
FP_API void fp_pool_set_close(fp_pool_set* set) FP_NOTHROW;

/* ---------------------------------------------------------------- channels */

#define FP_CHANNEL_RECEIVE 1U  /**< the end is for receiving */
#define FP_CHANNEL_SEND 2U     /**< the end is for sending */
#define FP_CHANNEL_NONBLOCK 4U /**< calls on the end do not wait */

/** What fp_channel_create() makes; fixedpool::channel_options. */
struct fp_channel_options {
    size_t size;       /**< of this struct */
    const char* name;  /**< unique in the pool, as names of pools; null: none */
    uint32_t capacity; /**< most handles in it, 1 to 65536 */
    uint32_t flags;    /**< FP_CHANNEL_, for sending or receiving, or both */
};

/** A struct fp_channel_options of this size, all else zero. */
#define FP_CHANNEL_OPTIONS_INIT                                                                    \
    { sizeof(struct fp_channel_options), NULL, 0, 0 }

/** channel::create() */
FP_API int fp_channel_create(const fp_pool* pool, const struct fp_channel_options* options,
                             fp_channel** created) FP_NOTHROW;

/** channel::open(); @p flags: FP_CHANNEL_ */
FP_API int fp_channel_open(const fp_pool* pool, const char* name, uint32_t flags,
                           fp_channel** opened) FP_NOTHROW;

/** channel::descriptor(), for poll() and the like. Returns: -1 for null. */
FP_API int fp_channel_descriptor(const fp_channel* channel) FP_NOTHROW;

/**
 * channel::try_send() of handles, in order, up to the first that is refused. Waits for room
 * where the end waits.
 * @p sent: how many were sent, also on failure; may be null. Where the end does not wait, they
 * may be fewer than @p count without a failure.
 */
FP_API int fp_channel_send(const fp_channel* channel, const fp_handle* handles, size_t count,
                           size_t* sent) FP_NOTHROW;

/**
 * channel::try_receive() of up to @p count handles, after waiting for one where the end
 * waits.
 * @p received: how many; zero if nothing is queued and all senders have gone.
 */
FP_API int fp_channel_receive(const fp_channel* channel, fp_handle* handles, size_t count,
                              size_t* received) FP_NOTHROW;

/** Effects: ends this end; with the last one the channel, and what is queued goes back. */
FP_API void fp_channel_close(fp_channel* channel) FP_NOTHROW;

/* ----------------------------------------------------------------- watches */

/** watch::create(): signals when fewer than @p low are free, or as many as @p high. */
FP_API int fp_watch_create(const fp_pool* pool, uint32_t low, uint32_t high,
                           fp_watch** created) FP_NOTHROW;

/** watch::descriptor(), for poll() and the like. Returns: -1 for null. */
FP_API int fp_watch_descriptor(const fp_watch* watch) FP_NOTHROW;

/** watch::signals(). Returns: how many since it was asked last; zero for null. */
FP_API uint64_t fp_watch_signals(const fp_watch* watch) FP_NOTHROW;

/** Effects: ends the watch. */
FP_API void fp_watch_close(fp_watch* watch) FP_NOTHROW;

#ifdef __cplusplus
}
#endif

/* NOLINTEND(modernize-*, readability-identifier-naming, *-macro-usage, *-avoid-c-arrays,
 * *-enum-size) */

#endif
