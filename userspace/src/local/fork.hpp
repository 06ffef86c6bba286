/* SPDX-License-Identifier: MIT */
/** @file
 * fork(): the child has a copy of everything, and one thread.
 */
#ifndef FIXEDPOOL_SRC_LOCAL_FORK_HPP
#define FIXEDPOOL_SRC_LOCAL_FORK_HPP

#include <cstdint>

namespace fixedpool::detail::local {

/**
 * From now on fork() takes all locks, so that what they protect is whole in the
 * child. What needs no lock may be half done: other threads may have been inside
 * a call, and do not exist in the child. But a block is what the bitmaps of the
 * clients and the queues of the channels say, so the child makes the rest of its
 * books agree with these. Caches are empty there: what a client holds in its root
 * scope and has not allocated was in one, or on its way, and is free.
 *
 * Not for a fork() in a signal handler that has interrupted a call.
 */
void handle_forks();

/** Says whether the cache of a pool is in use by the thread that has called fork(). */
using cache_in_use = bool (*)(std::uint32_t pool) noexcept;

/**
 * Has what is in caches of a pool kept in the child if @p in_use says so there, once
 * for each pool. That is for a fork() in a signal handler that has interrupted some
 * use of a cache, which goes on in the child. Null, as at first: none is kept.
 * Requires: @p in_use calls nothing of the engine, all of whose locks are taken.
 */
void keep_caches(cache_in_use in_use) noexcept;

} // namespace fixedpool::detail::local

#endif
