/* SPDX-License-Identifier: MIT */
/** @file
 * Sleeping until a word changes. Unlike a condition variable a word has no
 * memory of who sleeps: in the child after fork() there is nobody, and it works.
 */
#ifndef FIXEDPOOL_SRC_LOCAL_FUTEX_HPP
#define FIXEDPOOL_SRC_LOCAL_FUTEX_HPP

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <ctime>
#include <limits>

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace fixedpool::detail::local {

using futex_word = std::atomic<std::uint32_t>;
static_assert(sizeof(futex_word) == sizeof(std::uint32_t));

/**
 * Sleeps as long as @p word is @p seen and nobody wakes us, or until @p deadline
 * of CLOCK_MONOTONIC if there is one.
 * Returns: 0; EINTR; ETIMEDOUT.
 */
inline int futex_wait(futex_word& word, std::uint32_t seen,
                      const timespec* deadline = nullptr) noexcept {
    if (::syscall(SYS_futex, &word, FUTEX_WAIT_BITSET_PRIVATE, seen, deadline, nullptr,
                  FUTEX_BITSET_MATCH_ANY) == 0)
        return 0;
    return errno == EINTR || errno == ETIMEDOUT ? errno : 0;
}

/** Wakes all. Async-signal-safe. */
inline void futex_wake(futex_word& word) noexcept {
    const int before = errno;
    ::syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, std::numeric_limits<int>::max());
    errno = before;
}

/** Something that happens again and again, and that one can sleep until. */
class event {
  public:
    /** Look at this first, then whether there is a reason to sleep, then wait(). */
    [[nodiscard]] std::uint32_t seen() const noexcept {
        return epoch_.load(std::memory_order_seq_cst);
    }

    int wait(std::uint32_t seen, const timespec* deadline = nullptr) noexcept {
        sleepers_.fetch_add(1, std::memory_order_seq_cst);
        const int error = futex_wait(epoch_, seen, deadline);
        sleepers_.fetch_sub(1, std::memory_order_relaxed);
        return error;
    }

    /** Async-signal-safe. */
    void happen() noexcept {
        // Sequentially consistent, both: a sleeper counts himself before the
        // kernel compares the epoch, so he is seen here or sees the new epoch.
        epoch_.fetch_add(1, std::memory_order_seq_cst);
        if (sleepers_.load(std::memory_order_seq_cst) != 0)
            futex_wake(epoch_);
    }

    /** In the child after fork(). */
    void forget_sleepers() noexcept { sleepers_.store(0, std::memory_order_relaxed); }

  private:
    futex_word epoch_ = 0;
    std::atomic<std::uint32_t> sleepers_ = 0;
};

} // namespace fixedpool::detail::local

#endif
