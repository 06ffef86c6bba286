/* SPDX-License-Identifier: MIT */
/** @file
 * From the index of a block to its place in the mapping.
 */
#ifndef FIXEDPOOL_SRC_GEOMETRY_HPP
#define FIXEDPOOL_SRC_GEOMETRY_HPP

#include <cstdint>

namespace fixedpool::detail {

/**
 * Division by a number known early, without a division.
 *
 * With m = floor((2^64 - 1) / d), and for all 32-bit n and d > 0,
 *
 *   floor(n / d) = floor(m * (n + 1) / 2^64).
 *
 * For m = (2^64 - 1 - r) / d with r < d, so the product is (n + 1) / d less
 * e = (n + 1) * (r + 1) / (d * 2^64), and 0 < e <= 2^-32 < 1 / d. Taking off so
 * little only matters where n + 1 is a multiple of d, and there n / d is one
 * less as well.
 */
class reciprocal {
  public:
    /** Requires: @p divisor is not zero. */
    explicit constexpr reciprocal(std::uint32_t divisor) noexcept : factor_{UINT64_MAX / divisor} {}

    [[nodiscard]] constexpr std::uint32_t quotient(std::uint32_t dividend) const noexcept {
        // The upper half of a product of 64 and 33 bits, in two steps that cannot overflow.
        const auto next = std::uint64_t{dividend} + 1;
        const auto low = (factor_ & UINT32_MAX) * next >> 32;
        return static_cast<std::uint32_t>(((factor_ >> 32) * next + low) >> 32);
    }

  private:
    std::uint64_t factor_;
};

/** Blocks at equal distance in chunks at equal distance. */
class geometry {
  public:
    /** Requires: @p chunk_blocks is not zero. */
    constexpr geometry(std::uint32_t chunk_blocks, std::uint64_t chunk_size,
                       std::uint32_t stride) noexcept
        : chunk_{chunk_blocks},
          chunk_blocks_{chunk_blocks},
          stride_{stride},
          chunk_size_{chunk_size} {}

    /** Bytes from the begin of the mapping to block @p index. */
    [[nodiscard]] constexpr std::uint64_t offset(std::uint32_t index) const noexcept {
        const auto chunk = chunk_.quotient(index);
        return chunk * chunk_size_ + std::uint64_t{index - chunk * chunk_blocks_} * stride_;
    }

  private:
    reciprocal chunk_;
    std::uint32_t chunk_blocks_;
    std::uint32_t stride_;
    std::uint64_t chunk_size_;
};

} // namespace fixedpool::detail

#endif
