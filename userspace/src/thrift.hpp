/* SPDX-License-Identifier: MIT */
/** @file
 * Whether memory is taken as it is needed, rather than in advance.
 *
 * Pools take theirs in advance, lest the first touch of a block fault. Who has
 * pools for everything, and with room for far more than will ever be, as a malloc()
 * has, would pay for what is never touched. What thrift changes, in process:
 *
 *   blocks     are made of pages as they are touched, not when the pool grows
 *   books      of blocks that are not there yet take addresses, but no memory
 *   places     of pools begin at multiples of thrift::span bytes, and nothing else is in
 *              their last span: an address tells which pool it is of, by a table
 *   caches     are the smaller the larger the blocks are
 *   limits     the system's memory is no limit of what a pool may grow to
 */
#ifndef FIXEDPOOL_SRC_THRIFT_HPP
#define FIXEDPOOL_SRC_THRIFT_HPP

#include <atomic>
#include <cstdint>

namespace fixedpool::detail {

class thrift {
  public:
    static constexpr unsigned span_shift = 30;
    static constexpr std::uint64_t span = std::uint64_t{1} << span_shift;

    [[nodiscard]] static bool on() noexcept { return on_.load(std::memory_order_relaxed); }

    /** From now on, for all pools that are made; not while one is being made. */
    static void begin() noexcept { on_.store(true, std::memory_order_relaxed); }
    static void end() noexcept { on_.store(false, std::memory_order_relaxed); }

  private:
    // NOLINTNEXTLINE(*-avoid-non-const-global-variables,readability-identifier-naming)
    static inline constinit std::atomic<bool> on_ = false;
};

} // namespace fixedpool::detail

#endif
