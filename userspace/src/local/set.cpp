/* SPDX-License-Identifier: MIT */
#include "set.hpp"

namespace fixedpool::detail::local {

std::size_t set::first(std::uint32_t size) const noexcept {
    std::size_t i = 0;
    while (i < pools.size() && pools[i]->shape().block_size < size)
        ++i;
    return i;
}

std::uint32_t reserve(const set& from, std::uint32_t size, std::uint32_t least, std::uint32_t most,
                      shares& blocks) noexcept {
    std::uint32_t total = 0;
    blocks.fill(0);
    for (auto i = from.first(size); i < from.pools.size() && total < most; ++i) {
        blocks[i] = from.pools[i]->reserve(1, most - total);
        total += blocks[i];
    }
    if (total >= least)
        return total;
    cancel(from, blocks);
    return 0;
}

void cancel(const set& from, const shares& blocks) noexcept {
    for (std::size_t i = 0; i < from.pools.size(); ++i)
        if (blocks[i] != 0)
            from.pools[i]->cancel(blocks[i]);
}

void count_fallbacks(const set& from, std::size_t first, const shares& blocks) noexcept {
    std::uint32_t bigger = 0;
    for (auto i = from.pools.size() - 1; i > first; --i) {
        from.pools[i]->count_fallbacks(blocks[i]);
        bigger += blocks[i];
        from.pools[i - 1]->count_overflows(bigger);
    }
}

} // namespace fixedpool::detail::local
