/* SPDX-License-Identifier: MIT */
/** @file
 * A thread's own stack of free blocks of one pool.
 *
 * Only its owner takes from it and puts into it, with plain loads and stores, between
 * enter() and leave(). Two others may come in between.
 *
 * A signal handler of the same thread: it finds the mark of enter() set and does
 * without the magazine. Where it comes before the mark is set, it is done with the
 * magazine when the owner goes on, who has read nothing of it yet.
 *
 * Another thread that wants the blocks: it sets shut, has every thread of the
 * process pass a full barrier (membarrier), and waits until the mark is clear. Who
 * sets the mark after that barrier sees shut and keeps out; whoever has set it
 * before is seen. So the owner needs no barrier of its own.
 */
#ifndef FIXEDPOOL_DETAIL_MAGAZINE_HPP
#define FIXEDPOOL_DETAIL_MAGAZINE_HPP

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include <fixedpool/detail/word.hpp>
#include <fixedpool/export.hpp>
#include <fixedpool/handle.hpp>

namespace fixedpool::detail {

class cache;

struct alignas(64) magazine {
    static constexpr std::uint32_t room = 519; // with the one to settle whole lines

    // What is in it: the handles of the allocations that come next. So who takes one need not
    // wait for the version to be read; that it is the right one is seen in passing.
    static constexpr std::uint64_t after(handle freed) noexcept {
        return freed.value() + (UINT64_C(2) << 32U);
    }
    // Of an allocation the version is odd. The place that a block has left still says which
    // it was.
    static constexpr bool is_there(std::uint64_t next) noexcept {
        return (next & UINT64_C(1) << 32U) != 0;
    }
    static constexpr std::uint64_t gone(std::uint64_t next) noexcept {
        return next ^ UINT64_C(1) << 32U;
    }

    /** False: not now. */
    [[nodiscard, gnu::always_inline]] bool enter() noexcept {
        if (!equals(busy, 0))
            return false;
        busy.store(1, std::memory_order_relaxed);
        std::atomic_signal_fence(std::memory_order_seq_cst);
        // Acquire: pairs with the opening, so that what was taken out meanwhile is seen
        // to be gone.
        if (equals_acquire(shut, 0)) [[likely]]
            return true;
        leave();
        return false;
    }

    /** Release: pairs with who looks whether the mark is clear. */
    void leave() noexcept { busy.store(0, std::memory_order_release); }

    /** Moves what is hot to the others. Requires: the caller is inside, or it is shut. */
    void settle() noexcept {
        const auto last = hot.load(std::memory_order_relaxed);
        if (!is_there(last))
            return;
        const auto have = count.load(std::memory_order_relaxed);
        blocks[have] = last;
        hot.store(gone(last), std::memory_order_relaxed);
        count.store(have + 1, std::memory_order_relaxed);
    }

    [[nodiscard]] std::uint32_t all() const noexcept {
        return count.load(std::memory_order_relaxed) +
               (is_there(hot.load(std::memory_order_relaxed)) ? 1U : 0U);
    }

    std::atomic<std::uint32_t> busy = 0;
    std::atomic<std::uint32_t> shut = 0;
    std::atomic<std::uint32_t> count = 0;
    std::atomic<std::uint32_t> limit = 0; // of count, for put(); zero if that is not to be used
    // The block that was put last, if it was not taken since. So a block that comes and
    // goes does not move the stack, whose count each call had to wait for.
    std::atomic<std::uint64_t> hot = 0;
    // Owners of blocks that this thread has made, less those that it has ended.
    std::atomic<std::int64_t> owners = 0;

    std::uint32_t room_limit = 0; // of count
    // Of whoever has the lock of all caches.
    cache* of = nullptr;
    magazine* next = nullptr;

    alignas(64) std::array<std::uint64_t, room + 1> blocks = {}; // a stack; and one to settle
};

/** Caches of one process at the same time. Pools beyond have none. */
inline constexpr std::size_t max_caches = 4096;

/**
 * This thread's magazines by the number of the cache; null where it has none. Number
 * zero is no cache's.
 */
// NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables)
FIXEDPOOL_EXPORT extern constinit thread_local magazine* const* thread_magazines
    [[gnu::tls_model("initial-exec")]];

} // namespace fixedpool::detail

#endif
