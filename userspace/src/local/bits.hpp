/* SPDX-License-Identifier: MIT */
/** @file
 * Groups of 64 neighbouring blocks, one bit each.
 */
#ifndef FIXEDPOOL_SRC_LOCAL_BITS_HPP
#define FIXEDPOOL_SRC_LOCAL_BITS_HPP

#include <bit>
#include <cstdint>

namespace fixedpool::detail::local {

inline constexpr std::uint32_t word_blocks = 64;
inline constexpr std::uint64_t all_blocks = ~std::uint64_t{0};

constexpr std::uint32_t words_of(std::uint32_t blocks) noexcept {
    return blocks / word_blocks + (blocks % word_blocks != 0 ? 1 : 0);
}

/** The bit of block @p index in its group. */
constexpr std::uint64_t bit_of(std::uint32_t index) noexcept {
    return std::uint64_t{1} << index % word_blocks;
}

constexpr std::uint32_t count_of(std::uint64_t mask) noexcept {
    return static_cast<std::uint32_t>(std::popcount(mask));
}

constexpr std::uint32_t first_of(std::uint64_t mask) noexcept {
    return static_cast<std::uint32_t>(std::countr_zero(mask));
}

/** The lowest @p count bits of @p mask, or all if there are no more. */
constexpr std::uint64_t lowest_of(std::uint64_t mask, std::uint32_t count) noexcept {
    auto rest = mask;
    while (rest != 0 && count-- != 0)
        rest &= rest - 1;
    return mask & ~rest;
}

/** Calls @p act with the number of each block of group @p word that is in @p mask. */
template <typename function>
void for_each_block(std::uint32_t word, std::uint64_t mask, function act) {
    for (; mask != 0; mask &= mask - 1)
        act(word * word_blocks + first_of(mask));
}

} // namespace fixedpool::detail::local

#endif
