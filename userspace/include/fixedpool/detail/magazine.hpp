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

#include <fixedpool/export.hpp>

namespace fixedpool::detail {

class cache;

struct alignas(64) magazine {
    static constexpr std::uint32_t room = 128;

    /** False: not now. */
    [[nodiscard]] bool enter() noexcept {
        if (busy.load(std::memory_order_relaxed) != 0)
            return false;
        busy.store(1, std::memory_order_relaxed);
        std::atomic_signal_fence(std::memory_order_seq_cst);
        // Acquire: pairs with the opening, so that what was taken out meanwhile is seen
        // to be gone.
        if (shut.load(std::memory_order_acquire) == 0) [[likely]]
            return true;
        leave();
        return false;
    }

    /** Release: pairs with who looks whether the mark is clear. */
    void leave() noexcept { busy.store(0, std::memory_order_release); }

    std::atomic<std::uint32_t> busy = 0;
    std::atomic<std::uint32_t> shut = 0;
    std::atomic<std::uint32_t> count = 0;
    std::atomic<std::uint32_t> limit = 0; // of count, for put(); zero if that is not to be used
    // Owners of blocks that this thread has made, less those that it has ended.
    std::atomic<std::int64_t> owners = 0;

    std::uint32_t room_limit = 0; // of count
    // Of whoever has the lock of all caches.
    cache* of = nullptr;
    magazine* next = nullptr;

    alignas(64) std::array<std::uint32_t, room> blocks = {};
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
