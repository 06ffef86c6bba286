/* SPDX-License-Identifier: MIT */
/** @file
 * The sizes of blocks that there are pools of: multiples of 16 up to 128, then four
 * to each doubling up to 1,024, then eight up to 32,768.
 */
#ifndef FIXEDPOOL_MALLOC_SIZE_CLASS_HPP
#define FIXEDPOOL_MALLOC_SIZE_CLASS_HPP

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace fixedpool::preload {

inline constexpr std::size_t granule = 16; // every block is aligned to it
inline constexpr std::size_t max_block = 32768;
inline constexpr std::uint32_t class_count = 60;

namespace detail {

inline constexpr std::size_t finely = 128; // up to here all multiples of the granule
inline constexpr std::size_t coarsely = 1024;

constexpr std::array<std::uint16_t, class_count> make_sizes() noexcept {
    std::array<std::uint16_t, class_count> sizes{};
    std::size_t size = 0;
    for (auto& each : sizes) {
        const auto step =
            size < finely ? granule : std::bit_floor(size) / (size < coarsely ? 4 : 8);
        size += step;
        each = static_cast<std::uint16_t>(size);
    }
    return sizes;
}

} // namespace detail

inline constexpr auto class_sizes = detail::make_sizes();
static_assert(class_sizes[19] == detail::coarsely);
static_assert(class_sizes.back() == max_block);

namespace detail {

// By the number of granules.
constexpr auto make_classes() noexcept {
    std::array<std::uint8_t, max_block / granule + 1> numbers{};
    for (std::size_t i = 0; i < numbers.size(); ++i)
        numbers[i] = static_cast<std::uint8_t>(std::ranges::lower_bound(class_sizes, i * granule) -
                                               class_sizes.begin());
    return numbers;
}

inline constexpr auto classes = make_classes();

} // namespace detail

/** The smallest class for @p size. Requires: not beyond max_block. */
constexpr std::uint32_t class_of(std::size_t size) noexcept {
    return detail::classes[(size + granule - 1) / granule];
}

static_assert(class_of(0) == 0 && class_of(1) == 0 && class_of(17) == 1 && class_of(128) == 7);
static_assert(class_of(129) == 8 && class_of(1024) == 19 && class_of(1025) == 20);
static_assert(class_of(max_block) == class_count - 1);

/**
 * The class whose pool serves instead, as long as this one has none: every fourth, and
 * those of small blocks, are their own.
 */
constexpr std::uint32_t coarse_class_of(std::uint32_t number) noexcept {
    return number < 8 ? number : number | 3U;
}

/**
 * Times that a class is asked for until it has a pool: what is asked for seldom shall not
 * pay for one. Where another pool serves instead, until the bytes that this has wasted are as
 * many as the books of a pool would take.
 */
constexpr std::uint32_t times_before_pool(std::uint32_t number) noexcept {
    constexpr std::uint32_t few = 32;
    constexpr std::uint32_t books = 24576;
    const auto wasted = class_sizes[coarse_class_of(number)] - class_sizes[number];
    return wasted == 0 ? few : std::max(few, books / static_cast<std::uint32_t>(wasted));
}

/** Blocks that there may be of a class; all of them together fit the space of handles. */
constexpr std::uint32_t most_blocks(std::uint32_t number) noexcept {
    constexpr std::uint64_t most_bytes = std::uint64_t{1} << 34;
    const std::uint64_t most = std::uint64_t{1} << (class_sizes[number] <= 64 ? 27 : 25);
    return static_cast<std::uint32_t>(
        class_sizes[number] <= detail::coarsely ? most : most_bytes / class_sizes[number]);
}

} // namespace fixedpool::preload

#endif
