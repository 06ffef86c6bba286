/* SPDX-License-Identifier: MIT */
/** @file
 * A thread's own stack of free blocks of one pool, and the desk on which it has those of all
 * pools.
 *
 * Only its owner takes from a magazine and puts into it, with plain loads and stores, while
 * it is `entered`: a mark on the desk, which says of which cache, is set first, then it is
 * looked up what lies at hand. Two others may come in between.
 *
 * A signal handler of the same thread: it finds the mark set and does without magazines, of
 * whichever pool. Where it comes before the mark is set, it is done with the magazine when the
 * owner goes on, who has read nothing of it yet.
 *
 * Another thread that wants the blocks: it puts `shut` in the magazine's place, has every
 * thread of the process pass a full barrier (membarrier), and waits until the mark is another.
 * Who sets the mark after that barrier finds `shut`; whoever has set it before is seen.
 * So the owner needs no barrier of its own.
 */
#ifndef FIXEDPOOL_DETAIL_MAGAZINE_HPP
#define FIXEDPOOL_DETAIL_MAGAZINE_HPP

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include <fixedpool/detail/block_table.hpp>
#include <fixedpool/detail/word.hpp>
#include <fixedpool/export.hpp>
#include <fixedpool/handle.hpp>

namespace fixedpool::detail {

struct thread_desk;

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

    // The block that was put last, if it was not taken since. So a block that comes and
    // goes does not move the stack, whose count each call had to wait for.
    std::atomic<std::uint64_t> hot = 0;
    std::atomic<std::uint32_t> count = 0;
    std::uint32_t limit = 0; // of count; zero if it stands for none
    // Owners of blocks that this thread has made, less those that it has ended.
    std::atomic<std::int64_t> owners = 0;
    block_table table; // without blocks if put() is not to be used

    // Of whoever has the lock of all caches.
    magazine* next = nullptr;
    thread_desk* on = nullptr;

    alignas(64) std::array<std::uint64_t, room + 1> blocks = {}; // a stack; and one to settle
};

/** Caches of one process at the same time. Pools beyond have none. */
inline constexpr std::size_t max_caches = 4096;

/** What a thread looks up itself; what others need to know of it is in src. */
struct desk { // NOLINT(*-member-init): see below
    static constexpr std::uint32_t outside = ~std::uint32_t{0};

    /** Acquire: pairs with lay(), so that what was taken out meanwhile is seen to be gone. */
    [[nodiscard, gnu::always_inline]] magazine* at_hand(std::uint32_t number) const noexcept {
        return __atomic_load_n(&magazines[number], __ATOMIC_ACQUIRE);
    }
    void lay(std::uint32_t number, magazine* what) noexcept {
        __atomic_store_n(&magazines[number], what, __ATOMIC_RELEASE);
    }

    // The number of the cache whose magazine the thread is in, or looks for; outside: of none.
    // Zero: it is nobody's desk.
    std::atomic<std::uint32_t> inside;
    // By the number of the cache the thread's magazine, or one that stands for none: it is
    // empty, and has no room. Number zero is no cache's. Behind the last number that was
    // ever used are nulls. Not made one by one: few of these pages are ever touched.
    alignas(64) std::array<magazine*, max_caches> magazines;
};

/** This thread's; nobody's if it has none. */
// NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables)
FIXEDPOOL_EXPORT extern constinit thread_local desk* this_desk [[gnu::tls_model("initial-exec")]];

/** For as long as it lives the thread is inside its magazine of a cache, or what stands for it. */
class entered {
  public:
    /** @p number: of the cache; zero: one that stands for none. */
    [[gnu::always_inline]] explicit entered(std::uint32_t number) noexcept : desk_{this_desk} {
        if (!equals(desk_->inside, desk::outside)) [[unlikely]]
            return;
        inside_ = true;
        // Release, as below: what is found is that the thread is elsewhere.
        desk_->inside.store(number, std::memory_order_release);
        std::atomic_signal_fence(std::memory_order_seq_cst);
        mine_ = desk_->at_hand(number);
    }
    entered(const entered&) = delete;
    entered& operator=(const entered&) = delete;
    /** Release: pairs with who looks whether the mark is another. */
    [[gnu::always_inline]] ~entered() {
        if (inside_)
            desk_->inside.store(desk::outside, std::memory_order_release);
    }

    /** False: not now, and there is no magazine. */
    [[nodiscard]] explicit operator bool() const noexcept { return inside_; }
    [[nodiscard]] magazine& operator*() const noexcept { return *mine_; }
    [[nodiscard]] magazine* operator->() const noexcept { return mine_; }

    /** Is it a magazine that may be written to? */
    [[nodiscard]] bool is_own() const noexcept { return inside_ && mine_->limit != 0; }

  private:
    desk* const desk_;
    magazine* mine_ = nullptr;
    bool inside_ = false;
};

} // namespace fixedpool::detail

#endif
