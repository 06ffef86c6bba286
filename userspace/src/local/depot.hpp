/* SPDX-License-Identifier: MIT */
/** @file
 * The free blocks of a pool: a bitmap under a tree of counters.
 *
 * Any number of threads and signal handlers may take and give at the same time.
 * Nothing is locked and nobody waits for anybody.
 *
 * The rule that everything rests on: at each level, and with the total for the
 * root above the top,
 *
 *   counter + reservations that went through it and are not done below it
 *       <= what the 64 entries under it sum up to.
 *
 * Giving adds from the bottom up and taking subtracts from the top down, so the
 * rule holds at every instant, also for a handler that interrupts either of them
 * half way. So whoever has subtracted n from a counter finds n below it, and no
 * free block is hidden from reserve() once give() is done.
 */
#ifndef FIXEDPOOL_SRC_LOCAL_DEPOT_HPP
#define FIXEDPOOL_SRC_LOCAL_DEPOT_HPP

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "bits.hpp"

namespace fixedpool::detail::local {

/** Thread safety: all calls from any thread and signal handler, if not said otherwise. */
class depot {
  public:
    /** Bytes of memory that the depot of a pool takes. */
    [[nodiscard]] static std::size_t bytes(std::uint32_t blocks) noexcept;
    /** How many of them come before what is kept of each block: a bit. */
    [[nodiscard]] static std::size_t head_bytes(std::uint32_t blocks) noexcept;

    /**
     * A depot in which nothing is free.
     * Requires: @p memory has bytes() of @p blocks, all zero, is aligned to 8,
     * and outlives the depot.
     */
    depot(std::uint32_t blocks, std::byte* memory) noexcept;

    /**
     * Makes free blocks the caller's own, only which ones is open. Fails only if
     * fewer than @p least are free at some instant of the call.
     * Returns: how many, @p least to @p most, all of which must go to claim()
     * or cancel(); or 0.
     */
    [[nodiscard]] std::uint32_t reserve(std::uint32_t least, std::uint32_t most) noexcept;

    /** Drops a reservation of @p count blocks that are not claimed. */
    void cancel(std::uint32_t count) noexcept;

    /**
     * Finds some blocks of a reservation of @p count: neighbours, at least one.
     * What is missing then stays reserved. Sets @p word to their group.
     * Complexity: looks at no more than 64 entries at each level.
     */
    [[nodiscard]] std::uint64_t claim(std::uint32_t count, std::uint32_t& word) noexcept;

    /** Makes blocks free. Requires: none of them is. */
    void give(std::uint32_t word, std::uint64_t mask) noexcept;

    /** Gives many groups, in any order, and counts neighbouring ones at once. */
    class giving {
      public:
        explicit giving(depot& to) noexcept : to_{to} {}
        giving(const giving&) = delete;
        giving& operator=(const giving&) = delete;
        ~giving() { count(); }

        void give(std::uint32_t word, std::uint64_t mask) noexcept;

      private:
        void count() noexcept;

        depot& to_;
        std::uint32_t word_ = 0; // one of those that are counted
        std::uint32_t count_ = 0;
    };

    /** Blocks that are free and not reserved. */
    [[nodiscard]] std::uint32_t free() const noexcept {
        return free_.load(std::memory_order_seq_cst);
    }

    /** Those of group @p word that are free, or reserved and not claimed. */
    [[nodiscard]] std::uint64_t in_group(std::uint32_t word) const noexcept {
        return words_[word].load(std::memory_order_relaxed);
    }

    /** Takes out everything in the first @p words groups. Requires: nobody else is at work. */
    void clear(std::uint32_t words) noexcept;

    /** Whether counters and bitmap agree. Requires: nobody is at work. */
    [[nodiscard]] bool valid() const noexcept;

  private:
    static constexpr std::uint32_t fanout = word_blocks;
    static constexpr unsigned max_levels = 5; // of counters: 64^5 words and more

    using bitmap_word = std::atomic<std::uint64_t>;
    using counter = std::atomic<std::uint32_t>;
    static_assert(bitmap_word::is_always_lock_free && counter::is_always_lock_free);

    [[nodiscard]] std::uint64_t put(std::uint32_t word, std::uint64_t mask) noexcept;
    void add(std::uint32_t word, std::uint32_t count) noexcept;
    [[nodiscard]] std::uint64_t claim_bits(std::uint32_t first, std::uint32_t want,
                                           std::uint32_t& word) noexcept;

    counter free_ = 0;
    std::span<bitmap_word> words_;
    std::array<std::span<counter>, max_levels> counters_; // [0]: one for 64 words
    unsigned levels_ = 0;
};

} // namespace fixedpool::detail::local

#endif
