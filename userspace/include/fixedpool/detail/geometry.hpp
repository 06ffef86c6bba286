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

/**
 * Division of multiples, which tells them from other numbers.
 *
 * An odd number d has an inverse i modulo 2^64, and n * i is n / d if d divides n;
 * for all other n it is larger than any quotient, as multiplication by i is one to
 * one. What is left of a power of two in the divisor is rotated out: bits that come
 * out of the low end, where there should be none, become the highest.
 */
class exact_reciprocal {
  public:
    /** Requires: @p divisor is not zero. */
    explicit constexpr exact_reciprocal(std::uint64_t divisor) noexcept
        : inverse_{inverse(divisor >> std::countr_zero(divisor))},
          shift_{std::countr_zero(divisor)} {}

    /** More than any number of the divisor's multiples, if @p dividend is none. */
    [[nodiscard]] constexpr std::uint64_t quotient(std::uint64_t dividend) const noexcept {
        return std::rotr(dividend * inverse_, shift_);
    }

  private:
    /** By Newton's method: each step doubles the bits that are right, of which d has 3. */
    static constexpr std::uint64_t inverse(std::uint64_t odd) noexcept {
        auto result = odd;
        for (int bits = 3; bits < 64; bits *= 2)
            result *= 2 - odd * result;
        return result;
    }

    std::uint64_t inverse_;
    int shift_;
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
        if (offset >= chunk_size_)
            return index_beyond(offset);
        const auto step = by_stride_.quotient(offset);
        return step < chunk_blocks_ ? static_cast<std::uint32_t>(step) : no_index;
    }

  private:
    /** Beyond the first chunk. */
    [[nodiscard]] constexpr std::uint32_t index_beyond(std::uint64_t offset) const noexcept {
        const auto chunk = by_size_.quotient(offset);
        const auto step = by_stride_.quotient(offset - chunk * chunk_size_);
        const auto result = chunk * chunk_blocks_ + step;
        return step < chunk_blocks_ && result < no_index ? static_cast<std::uint32_t>(result)
                                                         : no_index;
    }

    std::uint64_t stride_;
    std::uint32_t chunk_blocks_;
    reciprocal by_blocks_;
    std::uint64_t gap_; // bytes at the end of a chunk that are no block's
    std::uint64_t chunk_size_;
    exact_reciprocal by_stride_;
    wide_reciprocal by_size_;
};

} // namespace fixedpool::detail

#endif
