/* SPDX-License-Identifier: MIT */
/** @file
 * Pools ordered by the size of their blocks.
 */
#ifndef FIXEDPOOL_SRC_LOCAL_SET_HPP
#define FIXEDPOOL_SRC_LOCAL_SET_HPP

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <linux/fixedpool.h>
#include <sys/types.h>

#include "pool.hpp"

namespace fixedpool::detail::local {

struct set {
    std::uint32_t id;
    std::string name;
    uid_t uid;
    std::vector<std::shared_ptr<pool>> pools; // smallest blocks first

    // Under the registry's lock.
    std::uint32_t opened = 0; // by so many clients
    bool linked = false;      // has its name

    [[nodiscard]] std::uint32_t largest() const noexcept {
        return pools.back()->shape().block_size;
    }

    /** The smallest pool that fits; one more than there are if none does. */
    [[nodiscard]] std::size_t first(std::uint32_t size) const noexcept;
};

/** How many blocks of which pool of a set. */
using shares = std::array<std::uint32_t, FIXEDPOOL_MAX_SET_POOLS>;

/**
 * Reserves blocks of at least @p size bytes. The smallest pool that fits gives
 * what it has, the next bigger one what is then missing, and so on.
 * Returns: how many, @p least to @p most, or 0.
 */
[[nodiscard]] std::uint32_t reserve(const set& from, std::uint32_t size, std::uint32_t least,
                                    std::uint32_t most, shares& blocks) noexcept;
void cancel(const set& from, const shares& blocks) noexcept;

/** Counts, on both sides, blocks that came from too big a pool. */
void count_fallbacks(const set& from, std::size_t first, const shares& blocks) noexcept;

} // namespace fixedpool::detail::local

#endif
