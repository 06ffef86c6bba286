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
#include <utility>

#include "books.hpp"
#include "lock.hpp"
#include "region.hpp"
#include "shape.hpp"

namespace fixedpool::detail::local {

class growth {
  public:
    /**
     * Books are empty where there is memory for them already. Requires: the first
     * shape::initial blocks of @p memory are there, and their books; both outlive it.
     */
    growth(const shape& of, region& memory, local::books kept) noexcept
        : shape_{of},
          memory_{memory},
          books_{std::move(kept)},
          begun_{of.initial},
          blocks_{of.initial} {}

    /** Bytes of the data of that many blocks, in whole pages. */
    [[nodiscard]] static std::uint64_t data_of(const shape& of, std::uint32_t blocks) noexcept {
        return whole_pages(std::uint64_t{blocks} * of.stride);
    }

    /** Blocks that the pool has; all of them have smaller indices than others. */
    [[nodiscard]] std::uint32_t blocks() const noexcept {
        return blocks_.load(std::memory_order_acquire);
    }

    /**
     * The same and those that are becoming the pool's: some may have been taken already.
     * Who holds a block finds it among them. There is memory for all of them.
     */
    [[nodiscard]] std::uint32_t begun() const noexcept {
        return begun_.load(std::memory_order_acquire);
    }

    [[nodiscard]] bool possible() const noexcept { return blocks() < shape_.blocks; }

    // Under lock().

    /**
     * Makes memory for one chunk more; the blocks from blocks() on may be given out
     * after begin(), and are the pool's with settle(). Returns: one more than the last of them, 0
     * if there is no memory. Async-signal-safe.
     */
    [[nodiscard]] std::uint32_t extend() noexcept;
    /** What is kept of the blocks grows with them. */
    [[nodiscard]] local::books& books() noexcept { return books_; }
    void begin(std::uint32_t end) noexcept { begun_.store(end, std::memory_order_release); }
    void settle(std::uint32_t end) noexcept { blocks_.store(end, std::memory_order_release); }

    /**
     * Protects: memory from being made twice.
     * Ordering: inside sharing() of the pool, outside its queue.
     */
    [[nodiscard]] handler_lock& lock() noexcept { return lock_; }

  private:
    const shape& shape_;
    region& memory_;
    local::books books_;
    std::atomic<std::uint32_t> begun_;
    std::atomic<std::uint32_t> blocks_;
    handler_lock lock_;
};

} // namespace fixedpool::detail::local

#endif
