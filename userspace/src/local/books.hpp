/* SPDX-License-Identifier: MIT */
/** @file
 * What is kept of each block: addresses for all that there may ever be, and memory for
 * those that there are, in steps. For limits of the process count what may be written,
 * touched or not, and mlockall() makes pages of it.
 */
#ifndef FIXEDPOOL_SRC_LOCAL_BOOKS_HPP
#define FIXEDPOOL_SRC_LOCAL_BOOKS_HPP

#include <array>
#include <cstddef>
#include <cstdint>

#include "shape.hpp"

namespace fixedpool::detail::local {

/** Of one pool. Thread safety: none; open() is async-signal-safe. */
class books {
  public:
    /** Of a pool of that shape. */
    explicit books(const shape& of) noexcept : shape_{of} {}

    /**
     * Keeps one more: behind @p head bytes, @p bits for each block.
     * Requires: at @p begin, a page, there are addresses for them.
     * Returns: false if there is no memory for the blocks that there are, or no room.
     */
    [[nodiscard]] bool add(std::byte* begin, std::uint64_t head, unsigned bits) noexcept;
    void remove(const std::byte* begin) noexcept;

    /** Makes memory for what is kept of the first @p blocks; false if there is none. */
    [[nodiscard]] bool open(std::uint32_t blocks) noexcept;

    [[nodiscard]] bool empty() const noexcept { return count_ == 0; }

  private:
    struct book {
        std::byte* begin;
        std::uint64_t head;
        unsigned bits;

        [[nodiscard]] std::uint64_t bytes(std::uint32_t blocks) const noexcept {
            return whole_pages(head + (std::uint64_t{blocks} * bits + 7) / 8);
        }
    };

    [[nodiscard]] std::uint32_t whole_groups(std::uint64_t blocks) const noexcept;
    [[nodiscard]] std::uint32_t step_to(std::uint32_t blocks) const noexcept;
    [[nodiscard]] bool open_to(std::uint32_t end) noexcept;

    static constexpr std::size_t most = 16;

    const shape shape_;
    std::array<book, most> all_ = {};
    std::size_t count_ = 0;
    std::uint32_t open_ = 0; // blocks
};

} // namespace fixedpool::detail::local

#endif
