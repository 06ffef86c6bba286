/* SPDX-License-Identifier: MIT */
/** @file
 * How large a pool is at this moment. It has addresses, and all that is kept for
 * each block, for as many blocks as there can be; memory for the blocks comes in
 * chunks, in the order of indices, and stays.
 */
#ifndef FIXEDPOOL_SRC_LOCAL_GROWTH_HPP
#define FIXEDPOOL_SRC_LOCAL_GROWTH_HPP

#include <atomic>
#include <cstdint>

#include "lock.hpp"
#include "region.hpp"
#include "shape.hpp"

namespace fixedpool::detail::local {

class growth {
  public:
    /** Requires: the first shape::initial blocks of @p memory are there; both outlive it. */
    growth(const shape& of, region& memory) noexcept
        : shape_{of},
          memory_{memory},
          blocks_{of.initial} {}

    /** Bytes of the data of that many blocks, in whole pages. */
    [[nodiscard]] static std::uint64_t data_of(const shape& of, std::uint32_t blocks) noexcept {
        return whole_pages(std::uint64_t{blocks} * of.stride);
    }

    /** Blocks that the pool has; all of them have smaller indices than others. */
    [[nodiscard]] std::uint32_t blocks() const noexcept {
        return blocks_.load(std::memory_order_acquire);
    }

    [[nodiscard]] bool possible() const noexcept { return blocks() < shape_.blocks; }

    // Under lock().

    /**
     * Makes memory for one chunk more; the blocks from blocks() on become the
     * pool's with settle(). Returns: one more than the last of them, 0 if there is
     * no memory. Async-signal-safe.
     */
    [[nodiscard]] std::uint32_t extend() noexcept;
    void settle(std::uint32_t end) noexcept { blocks_.store(end, std::memory_order_release); }

    /**
     * Protects: memory from being made twice.
     * Ordering: inside sharing() of the pool, outside its queue.
     */
    [[nodiscard]] handler_lock& lock() noexcept { return lock_; }

  private:
    const shape& shape_;
    region& memory_;
    std::atomic<std::uint32_t> blocks_;
    handler_lock lock_;
};

} // namespace fixedpool::detail::local

#endif
