/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tracepoints: what becomes of blocks, one by one, and of pools.
 *
 * The hot paths have none. As long as somebody traces allocations or frees, the
 * magazines of all pools are shut, so that every block goes slowly and is seen;
 * see magazines_watch(). What is traced is then slower by itself, and not
 * traced it costs nothing at all.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM fixedpool

#if !defined(FIXEDPOOL_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define FIXEDPOOL_TRACE_H

#include <linux/string.h>
#include <linux/tracepoint.h>
#include <uapi/linux/fixedpool.h>

#include "magazine.h"

/* A handle of a block that is in no allocation, but in the cache of a process,
 * is the one it had last or will have next.
 */
DECLARE_EVENT_CLASS(fixedpool_block,
	TP_PROTO(const char *pool, u32 index, u64 handle),
	TP_ARGS(pool, index, handle),
	TP_STRUCT__entry(
		__array(char, pool, FIXEDPOOL_NAME_SIZE)
		__field(u32, index)
		__field(u64, handle)
	),
	TP_fast_assign(
		strscpy(__entry->pool, pool, FIXEDPOOL_NAME_SIZE);
		__entry->index = index;
		__entry->handle = handle;
	),
	TP_printk("pool=%s index=%u handle=0x%llx",
		  __entry->pool, __entry->index, __entry->handle)
);

/* a block is taken */
DEFINE_EVENT_FN(fixedpool_block, fixedpool_alloc,
	TP_PROTO(const char *pool, u32 index, u64 handle),
	TP_ARGS(pool, index, handle),
	magazines_watch, magazines_unwatch);

/* a block becomes free */
DEFINE_EVENT_FN(fixedpool_block, fixedpool_free,
	TP_PROTO(const char *pool, u32 index, u64 handle),
	TP_ARGS(pool, index, handle),
	magazines_watch, magazines_unwatch);

/* a handle is refused */
TRACE_EVENT(fixedpool_refuse,
	TP_PROTO(const char *pool, u64 handle, int error),
	TP_ARGS(pool, handle, error),
	TP_STRUCT__entry(
		__array(char, pool, FIXEDPOOL_NAME_SIZE)
		__field(u64, handle)
		__field(int, error)
	),
	TP_fast_assign(
		strscpy(__entry->pool, pool, FIXEDPOOL_NAME_SIZE);
		__entry->handle = handle;
		__entry->error = error;
	),
	TP_printk("pool=%s handle=0x%llx error=%d",
		  __entry->pool, __entry->handle, __entry->error)
);

/* Blocks are taken back: from a client that leaves, or, where its number is 0,
 * from a channel that ends. Those that nobody else holds are freed one by one
 * before.
 */
TRACE_EVENT(fixedpool_reclaim,
	TP_PROTO(const char *pool, u32 client, u64 blocks),
	TP_ARGS(pool, client, blocks),
	TP_STRUCT__entry(
		__array(char, pool, FIXEDPOOL_NAME_SIZE)
		__field(u32, client)
		__field(u64, blocks)
	),
	TP_fast_assign(
		strscpy(__entry->pool, pool, FIXEDPOOL_NAME_SIZE);
		__entry->client = client;
		__entry->blocks = blocks;
	),
	TP_printk("pool=%s client=%u blocks=%llu",
		  __entry->pool, __entry->client, __entry->blocks)
);

/* somebody begins to wait for free blocks */
TRACE_EVENT(fixedpool_wait,
	TP_PROTO(const char *pool, u32 min, u32 max),
	TP_ARGS(pool, min, max),
	TP_STRUCT__entry(
		__array(char, pool, FIXEDPOOL_NAME_SIZE)
		__field(u32, min)
		__field(u32, max)
	),
	TP_fast_assign(
		strscpy(__entry->pool, pool, FIXEDPOOL_NAME_SIZE);
		__entry->min = min;
		__entry->max = max;
	),
	TP_printk("pool=%s min=%u max=%u",
		  __entry->pool, __entry->min, __entry->max)
);

/* and is served, with so many blocks, or leaves with an error */
TRACE_EVENT(fixedpool_wait_end,
	TP_PROTO(const char *pool, int result),
	TP_ARGS(pool, result),
	TP_STRUCT__entry(
		__array(char, pool, FIXEDPOOL_NAME_SIZE)
		__field(int, result)
	),
	TP_fast_assign(
		strscpy(__entry->pool, pool, FIXEDPOOL_NAME_SIZE);
		__entry->result = result;
	),
	TP_printk("pool=%s result=%d", __entry->pool, __entry->result)
);

DECLARE_EVENT_CLASS(fixedpool_size,
	TP_PROTO(const char *pool, u32 blocks),
	TP_ARGS(pool, blocks),
	TP_STRUCT__entry(
		__array(char, pool, FIXEDPOOL_NAME_SIZE)
		__field(u32, blocks)
	),
	TP_fast_assign(
		strscpy(__entry->pool, pool, FIXEDPOOL_NAME_SIZE);
		__entry->blocks = blocks;
	),
	TP_printk("pool=%s blocks=%u", __entry->pool, __entry->blocks)
);

/* a pool has grown, and has so many blocks now */
DEFINE_EVENT(fixedpool_size, fixedpool_grow,
	TP_PROTO(const char *pool, u32 blocks),
	TP_ARGS(pool, blocks));

/* a pool has given memory back, and has so many blocks left */
DEFINE_EVENT(fixedpool_size, fixedpool_shrink,
	TP_PROTO(const char *pool, u32 blocks),
	TP_ARGS(pool, blocks));

#endif /* FIXEDPOOL_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
