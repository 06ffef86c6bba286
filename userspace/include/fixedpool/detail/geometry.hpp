/* SPDX-License-Identifier: MIT */
/** @file
 * Between the index of a block and its place in the mapping.
 */
#ifndef FIXEDPOOL_DETAIL_GEOMETRY_HPP
#define FIXEDPOOL_DETAIL_GEOMETRY_HPP

#include <bit>
#include <cstdint>
#include <limits>

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
        const auto next = std::uint64_t{dividend} + 1;
        return static_cast<std::uint32_t>(static_cast<product>(factor_) * next >> 64U);
    }

  private:
    __extension__ using product = unsigned __int128;

    std::uint64_t factor_;
};

/** The same for 64 bits: the divisor's power of two is shifted out first. */
class wide_reciprocal {
  public:
    /** Requires: @p divisor is not zero. */
    explicit constexpr wide_reciprocal(std::uint64_t divisor) noexcept
        : divisor_{divisor},
          shift_{static_cast<unsigned>(std::countr_zero(divisor))},
          odd_{divisor >> shift_ <= UINT32_MAX ? static_cast<std::uint32_t>(divisor >> shift_) : 1},
          limit_{divisor >> shift_ <= UINT32_MAX ? std::uint64_t{UINT32_MAX} : 0} {}

    /** Divides for real only where more than 32 bits are left. */
    [[nodiscard]] constexpr std::uint64_t quotient(std::uint64_t dividend) const noexcept {
        const auto rest = dividend >> shift_;
        return rest <= limit_ && limit_ != 0 ? odd_.quotient(static_cast<std::uint32_t>(rest))
                                             : dividend / divisor_;
    }

  private:
    std::uint64_t divisor_;
    unsigned shift_;
    reciprocal odd_;
    std::uint64_t limit_; // zero: the divisor has more than 32 bits by itself
};

/** Blocks at equal distance in chunks at equal distance. */
class geometry {
  public:
    static constexpr std::uint32_t no_index = std::numeric_limits<std::uint32_t>::max();

    /**
     * Requires: none is zero, and @p chunk_blocks times @p stride is not more than
     * @p chunk_size.
     */
    constexpr geometry(std::uint32_t chunk_blocks, std::uint64_t chunk_size,
                       std::uint32_t stride) noexcept
        : stride_{stride},
          chunk_blocks_{chunk_blocks},
          by_blocks_{chunk_blocks},
          gap_{chunk_size - std::uint64_t{chunk_blocks} * stride},
          chunk_size_{chunk_size},
          by_stride_{stride},
          by_size_{chunk_size} {}

    /** Bytes from the begin of the mapping to block @p index. */
    [[nodiscard]] constexpr std::uint64_t offset(std::uint32_t index) const noexcept {
        const auto packed = std::uint64_t{index} * stride_;
        return index < chunk_blocks_ ? packed : packed + by_blocks_.quotient(index) * gap_;
    }

    /**
     * The index of the block that begins @p offset bytes after the mapping, maybe
     * beyond the last; no_index if none begins there.
     */
    [[nodiscard]] constexpr std::uint32_t index(std::uint64_t offset) const noexcept {
        const auto chunk = offset < chunk_size_ ? 0 : by_size_.quotient(offset);
        const auto inside = offset - chunk * chunk_size_;
        const auto step = by_stride_.quotient(inside);
        if (step * stride_ != inside || step >= chunk_blocks_)
            return no_index;
        const auto result = chunk * chunk_blocks_ + step;
        return result < no_index ? static_cast<std::uint32_t>(result) : no_index;
    }

  private:
    std::uint64_t stride_;
    std::uint32_t chunk_blocks_;
    reciprocal by_blocks_;
    std::uint64_t gap_; // bytes at the end of a chunk that are no block's
    std::uint64_t chunk_size_;
    wide_reciprocal by_stride_;
    wide_reciprocal by_size_;
};

} // namespace fixedpool::detail

#endif
