/* SPDX-License-Identifier: MIT */
/** @file
 * Where in a pool a block lies: arithmetic only.
 */
#ifndef FIXEDPOOL_SRC_LOCAL_SHAPE_HPP
#define FIXEDPOOL_SRC_LOCAL_SHAPE_HPP

#include <cstddef>
#include <cstdint>

#include <linux/fixedpool.h>

#include "../round.hpp"

namespace fixedpool::detail::local {

inline constexpr std::size_t page_bytes = 4096;

/** Handle space goes to pools in units of this many slots ... */
inline constexpr unsigned slot_unit_shift = 16;
/** ... each of which also owns this much of the offsets for transport::map(). */
inline constexpr unsigned map_unit_shift = 28;
/** Unit 0 is never given away, so that no id, slot range or offset begins at 0. */
inline constexpr std::uint32_t slot_units = 65536;

constexpr std::uint64_t whole_pages(std::uint64_t bytes) noexcept {
    return rounded_up<std::uint64_t>(bytes, page_bytes);
}

/** Some of a pool's memory: bytes, counted from its begin. */
struct extent {
    std::uint64_t begin;
    std::uint64_t length;

    [[nodiscard]] std::uint64_t end() const noexcept { return begin + length; }
    [[nodiscard]] bool contains(const extent& other) const noexcept {
        return other.begin >= begin && other.begin - begin < length &&
               other.length <= end() - other.begin;
    }
};

/** The shape of a pool, whose blocks all lie side by side. */
struct shape {
    std::uint32_t block_size;
    std::uint32_t align;
    std::uint32_t stride;
    std::uint32_t blocks;  // as many as it may grow to
    std::uint32_t initial; // as many as it begins with
    bool mappable;

    [[nodiscard]] std::uint64_t data_bytes() const noexcept {
        return whole_pages(std::uint64_t{blocks} * stride);
    }

    // What can be mapped: whole pages, one behind the other.
    [[nodiscard]] extent data() const noexcept { return {0, data_bytes()}; }
    [[nodiscard]] extent header() const noexcept {
        return {data().end(), whole_pages(sizeof(fixedpool_header))};
    }
    [[nodiscard]] extent versions() const noexcept {
        return {header().end(), whole_pages(std::uint64_t{blocks} * sizeof(std::uint32_t))};
    }
    [[nodiscard]] extent holds() const noexcept {
        return {versions().end(), whole_pages(std::uint64_t{blocks} * sizeof(std::uint16_t))};
    }

    /** Units of handle and offset space; more than slot_units if they are too few. */
    [[nodiscard]] std::uint64_t units() const noexcept;

    /**
     * Chooses the shape of a pool. Blocks whose distance would let them share a
     * few sets of the caches lie a line further apart, if that takes less than
     * a third more memory and FIXEDPOOL_POOL_PACKED does not forbid it.
     * Returns: 0; EINVAL for a value out of its range; EOVERFLOW.
     */
    [[nodiscard]] static int choose(const fixedpool_pool_create& request, shape& chosen) noexcept;
};

} // namespace fixedpool::detail::local

#endif
