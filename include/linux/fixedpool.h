/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Fixed-size block pools for kernel modules.
 *
 * The blocks are the same ones that processes take through /dev/fixedpool; so
 * are the handles. Modules that use a pool import the namespace FIXEDPOOL.
 * The kernel is one client among the others: any module may free what any
 * module holds, and modules are trusted to give back what they took before
 * they put the pool.
 */
#ifndef _LINUX_FIXEDPOOL_H
#define _LINUX_FIXEDPOOL_H

#include <linux/compiler.h>
#include <linux/ktime.h>
#include <linux/numa.h>
#include <linux/types.h>
#include <uapi/linux/fixedpool.h>

struct fixedpool;
struct fixedpool_channel;
struct fixedpool_set;

/**
 * struct fixedpool_params - what a pool is to be
 * @name: unique name, see FIXEDPOOL_NAME_SIZE
 * @block_size: usable bytes of a block, see struct fixedpool_pool_create
 * @align: alignment in bytes, a power of two up to PAGE_SIZE; zero: 8
 * @blocks: number of blocks, at least 1
 * @reserve: blocks no shortage of memory can take away; zero: all of them
 * @storage: where the blocks come from
 * @flags: FIXEDPOOL_POOL_* but for NUMA_NODE, which @numa_node says. With
 *	ZERO_ON_* and POISON, allocating or freeing a block takes time in
 *	proportion to its size, in whatever context.
 * @mode: permission bits for processes that attach; zero: 0600
 * @numa_node: node of the memory, NUMA_NO_NODE for any
 * @max_blocks: blocks that the pool may grow to, at least @blocks; zero: it does
 *	not grow. It grows at once for processes. A caller of fixedpool_alloc() or
 *	fixedpool_alloc_bulk() may be in an interrupt: the pool grows soon after
 *	he has found it empty, or nearly so.
 */
struct fixedpool_params {
	const char *name;
	u32 block_size;
	u32 align;
	u32 blocks;
	u32 reserve;
	enum fixedpool_storage storage;
	u32 flags;
	umode_t mode;
	int numa_node;
	u32 max_blocks;
};

/**
 * FIXEDPOOL_PARAMS - initialiser of a struct fixedpool_params for any node
 * @_name: name
 * @_block_size: bytes
 * @_blocks: number
 */
#define FIXEDPOOL_PARAMS(_name, _block_size, _blocks) {	\
	.name = (_name),				\
	.block_size = (_block_size),			\
	.blocks = (_blocks),				\
	.numa_node = NUMA_NO_NODE,			\
}

struct fixedpool * __must_check
fixedpool_create(const struct fixedpool_params *params);
void fixedpool_destroy(struct fixedpool *pool);
struct fixedpool * __must_check fixedpool_get(const char *name);
void fixedpool_put(struct fixedpool *pool);

const char *fixedpool_name(const struct fixedpool *pool);
u32 fixedpool_block_size(const struct fixedpool *pool);
u32 fixedpool_blocks(const struct fixedpool *pool);
u32 fixedpool_in_use(const struct fixedpool *pool);
int __must_check fixedpool_valid(struct fixedpool *pool);

/* fixedpool_alloc() and fixedpool_free() are in <linux/fixedpool_inline.h>. */
int fixedpool_publish(struct fixedpool *pool, u64 handle);
int fixedpool_free_block(struct fixedpool *pool, const void *block);
unsigned int __must_check
fixedpool_alloc_bulk(struct fixedpool *pool, u64 *handles, unsigned int count);
unsigned int
fixedpool_free_bulk(struct fixedpool *pool, const u64 *handles,
		    unsigned int count, int *error);
void * __must_check
fixedpool_alloc_wait(struct fixedpool *pool, u64 *handle, ktime_t deadline);
int __must_check
fixedpool_alloc_bulk_wait(struct fixedpool *pool, u64 *handles,
			  unsigned int count, ktime_t deadline);

void * __must_check fixedpool_lookup(struct fixedpool *pool, u64 handle);
void *fixedpool_pointer(struct fixedpool *pool, u64 handle);
u64 fixedpool_handle(struct fixedpool *pool, const void *block);

struct fixedpool_channel * __must_check
fixedpool_channel_create(struct fixedpool *pool, const char *name, u32 capacity,
			 u32 ends);
struct fixedpool_channel * __must_check
fixedpool_channel_get(struct fixedpool *pool, const char *name, u32 ends);
void fixedpool_channel_put(struct fixedpool_channel *channel, u32 ends);
int __must_check
fixedpool_channel_send(struct fixedpool_channel *channel, u64 handle);
void * __must_check
fixedpool_channel_receive(struct fixedpool_channel *channel, u64 *handle);
int __must_check
fixedpool_channel_listen(struct fixedpool_channel *channel,
			 void (*arrived)(struct fixedpool_channel *channel,
					 void *data),
			 void *data);
void fixedpool_channel_unlisten(struct fixedpool_channel *channel);

struct fixedpool_set * __must_check
fixedpool_set_create(const char *name, struct fixedpool **pools,
		     unsigned int count);
void fixedpool_set_destroy(struct fixedpool_set *set);
struct fixedpool_set * __must_check fixedpool_set_get(const char *name);
void fixedpool_set_put(struct fixedpool_set *set);
void * __must_check
fixedpool_set_alloc(struct fixedpool_set *set, u32 size,
		    struct fixedpool **pool, u64 *handle);
struct fixedpool *fixedpool_set_pool(struct fixedpool_set *set, u64 handle);

void *fixedpool_mempool_alloc(gfp_t gfp, void *pool_data);
void fixedpool_mempool_free(void *element, void *pool_data);

#include <linux/fixedpool_inline.h>

#endif /* _LINUX_FIXEDPOOL_H */
