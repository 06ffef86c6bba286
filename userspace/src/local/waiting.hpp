/* SPDX-License-Identifier: MIT */
/** @file
 * Callers that wait for free blocks of a pool: one queue, first come, first
 * served, also where the first wants many blocks and those behind him few.
 *
 * A block that becomes free while somebody waits is handed over: reserved in the
 * depot for the first of the queue, who is woken then. As long as there is a
 * queue nobody else takes blocks, so nobody comes before his turn.
 *
 * Who hands over never waits for the lock, see helping_lock. No wakeup is lost: a waiter counts
 * himself and looks for free blocks then; who makes blocks free adds them up and looks for waiters
 * then, all of that sequentially consistent.
 */
#ifndef FIXEDPOOL_SRC_LOCAL_WAITING_HPP
#define FIXEDPOOL_SRC_LOCAL_WAITING_HPP

#include <atomic>
#include <cstdint>

#include <linux/fixedpool.h>

#include "depot.hpp"
#include "futex.hpp"
#include "lock.hpp"

namespace fixedpool::detail::local {

/** Waiters that are sent away together. Its error is the queue's, under the lock. */
struct party {
    int error = 0; // why they may not wait any more
};

/** A caller that waits, on its own stack. */
struct waiter {
    const party* of;
    std::uint32_t least;
    std::uint32_t most;
    std::uint32_t granted = 0; // blocks that have been reserved for it
    int error = 0;             // why it was sent away

    // The queue's.
    futex_word done = 0;
    waiter* before = nullptr;
    waiter* behind = nullptr;
};

/** Thread safety: all calls from any thread. */
class waiting {
  public:
    /** @p told: the header of the pool, which says at any time how many wait. */
    waiting(depot& from, fixedpool_header& told) noexcept : depot_{from}, count_{told.waiters} {}
    waiting(const waiting&) = delete;
    waiting& operator=(const waiting&) = delete;
    ~waiting() = default;

    /** Free blocks belong to those who wait. Async-signal-safe. */
    [[nodiscard]] bool any() const noexcept { return count() != 0; }
    [[nodiscard]] std::uint32_t count() const noexcept {
        return count_.load(std::memory_order_seq_cst);
    }

    /**
     * Stands at the end of the queue; leave() must follow.
     * Returns: 0; or why nobody, or nobody of the party, may wait any more.
     */
    [[nodiscard]] int enter(waiter& last) noexcept;

    /** Sleeps until served or sent away. Returns: 0; EINTR; ETIMEDOUT. */
    [[nodiscard]] static int doze(waiter& asleep, const timespec* deadline) noexcept;

    /**
     * Is in the queue no more. @p error says why, if it has neither been served nor
     * sent away. Returns: 0, and waiter::granted blocks are the caller's; or why not.
     */
    [[nodiscard]] int leave(waiter& left, int error) noexcept;

    /** Gives the waiters what the depot has. Async-signal-safe. */
    void hand_over() noexcept {
        lock_.ask([this] { serve(); });
    }

    /** Sends all away, for good. */
    void end(int error) noexcept;
    /** Sends a party away, for good. */
    void dismiss(party& all, int error) noexcept;

    /**
     * Protects: the queue, what its waiters were granted, errors of parties.
     * Ordering: innermost.
     */
    void lock() noexcept { lock_.lock(); }
    void unlock() noexcept {
        lock_.unlock([this] { serve(); });
    }

    /** In the child after fork(), under the lock: whoever waited does not exist. */
    void forget_all() noexcept;

  private:
    void finish(waiter& first, std::uint32_t granted, int error) noexcept;
    void remove(waiter& left) noexcept;
    void serve() noexcept;

    depot& depot_;
    waiter* first_ = nullptr;
    waiter* last_ = nullptr;
    int error_ = 0; // why nobody may wait any more
    const std::atomic_ref<std::uint32_t> count_;
    helping_lock lock_;
};

} // namespace fixedpool::detail::local

#endif
