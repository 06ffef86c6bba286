/* SPDX-License-Identifier: MIT */
/** @file
 * fork(): the child has a copy of everything, and one thread.
 */
#ifndef FIXEDPOOL_SRC_LOCAL_FORK_HPP
#define FIXEDPOOL_SRC_LOCAL_FORK_HPP

namespace fixedpool::detail::local {

/**
 * From now on fork() takes all locks, so that what they protect is whole in the
 * child. What needs no lock may be half done: other threads may have been inside
 * a call, and do not exist in the child. But a block is what the bitmaps of the
 * clients and the queues of the channels say, so the child makes the rest of its
 * books agree with these.
 *
 * Not for a fork() in a signal handler that has interrupted a call.
 */
void handle_forks();

} // namespace fixedpool::detail::local

#endif
