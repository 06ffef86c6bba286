/* SPDX-License-Identifier: MIT */
/** @file
 * Locks for what signal handlers do, too, who may have interrupted the owner.
 */
#ifndef FIXEDPOOL_SRC_LOCAL_LOCK_HPP
#define FIXEDPOOL_SRC_LOCAL_LOCK_HPP

#include <atomic>
#include <cerrno>
#include <cstdint>

#include <unistd.h>

#include "futex.hpp"

namespace fixedpool::detail::local {

/** Async-signal-safe: all, but a handler asks mine() or try_lock(), lest it wait for itself. */
class handler_lock {
  public:
    [[nodiscard]] bool try_lock() noexcept {
        std::uint32_t owner = nobody;
        return word_.compare_exchange_strong(owner, self(), std::memory_order_seq_cst);
    }

    void lock() noexcept {
        // Who has slept once does not know whether others sleep, and says so.
        for (std::uint32_t wanted = self();; wanted = self() | contended) {
            std::uint32_t owner = nobody;
            if (word_.compare_exchange_strong(owner, wanted, std::memory_order_acquire,
                                              std::memory_order_relaxed))
                return;
            if ((owner & contended) != 0 ||
                word_.compare_exchange_strong(owner, owner | contended, std::memory_order_relaxed))
                wait(owner | contended);
        }
    }

    void unlock() noexcept {
        if ((word_.exchange(nobody, std::memory_order_seq_cst) & contended) != 0)
            futex_wake(word_);
    }

    /** Does this thread have it? */
    [[nodiscard]] bool mine() const noexcept {
        // The thread's number is a system call.
        const auto owner = word_.load(std::memory_order_relaxed) & ~contended;
        return owner != nobody && owner == self();
    }

    /**
     * Before fork() and after it, in parent and child: whom a handler has interrupted, and
     * forks, keeps the lock, and has it under the number that he has in the child.
     */
    void lock_for_fork() noexcept {
        const bool interrupted = mine();
        if (!interrupted)
            lock();
        keep_ = interrupted;
    }
    void unlock_after_fork() noexcept {
        if (!keep_)
            unlock();
        else if (!mine())
            word_.store(self(), std::memory_order_relaxed);
    }

  private:
    static constexpr std::uint32_t nobody = 0;
    static constexpr std::uint32_t contended = UINT32_C(1) << 31;

    void wait(std::uint32_t value) noexcept {
        const int before = errno;
        futex_wait(word_, value);
        errno = before;
    }

    static std::uint32_t self() noexcept { return static_cast<std::uint32_t>(::gettid()); }

    futex_word word_ = nobody; // the owner's thread number
    bool keep_ = false;        // of who forks
};

/**
 * A lock for whom others need not wait: what they ask for, the owner does as soon as
 * he has unlocked. The work is the same each time, and once for all who have asked.
 */
class helping_lock {
  public:
    void lock() noexcept { lock_.lock(); }

    template <typename function>
    void unlock(function work) noexcept {
        lock_.unlock();
        help(work);
    }

    /** Has @p work done under the lock, after this was called. Async-signal-safe, as the work. */
    template <typename function>
    void ask(function work) noexcept {
        asked_.store(true, std::memory_order_seq_cst);
        help(work);
    }

    /** The same, by who has the lock, for when he unlocks. */
    void ask_owner() noexcept { asked_.store(true, std::memory_order_seq_cst); }
    void forget() noexcept { asked_.store(false, std::memory_order_seq_cst); }

  private:
    template <typename function>
    void help(function work) noexcept {
        // Sequentially consistent, as the lock: who asks finds the lock free, or its
        // owner finds that he has asked when he has unlocked.
        while (asked_.load(std::memory_order_seq_cst) && lock_.try_lock()) {
            asked_.store(false, std::memory_order_seq_cst);
            work();
            lock_.unlock();
        }
    }

    handler_lock lock_;
    std::atomic<bool> asked_ = false;
};

} // namespace fixedpool::detail::local

#endif
