/* SPDX-License-Identifier: MIT */
#include "shape.hpp"

#include <algorithm>
#include <bit>
#include <cerrno>

namespace fixedpool::detail::local {
namespace {

constexpr std::uint32_t default_align = 8;
constexpr std::uint32_t cache_line = 64;
// Blocks whose distance is a multiple of this begin in a quarter of the sets of a
// cache, or in fewer: sets take lines in turn.
constexpr std::uint32_t colour_period = 4 * cache_line;
// The most blocks of slab storage that the module can make.
constexpr std::uint32_t max_slab_blocks = 262144;

void colour(shape& chosen) noexcept {
    if (chosen.align >= page_bytes || chosen.stride % colour_period != 0)
        return;
    auto coloured = chosen;
    coloured.stride += std::max(chosen.align, cache_line);
    if (coloured.data_bytes() * 3 < chosen.data_bytes() * 4)
        chosen = coloured;
}

} // namespace

std::uint64_t shape::units() const noexcept {
    const auto slots =
        rounded_up<std::uint64_t>(blocks, std::uint64_t{1} << slot_unit_shift) >> slot_unit_shift;
    if (!mappable)
        return slots;
    const auto maps =
        rounded_up<std::uint64_t>(holds().end(), std::uint64_t{1} << map_unit_shift) >>
        map_unit_shift;
    return std::max(slots, maps);
}

int shape::choose(const fixedpool_pool_create& request, shape& chosen) noexcept {
    const bool slab = request.storage == FIXEDPOOL_STORAGE_SLAB;
    const auto align = request.align != 0 ? request.align : default_align;
    const auto largest =
        slab ? std::uint32_t{FIXEDPOOL_MAX_SLAB_BLOCK_SIZE} : FIXEDPOOL_MAX_BLOCK_SIZE;

    if (request.storage != FIXEDPOOL_STORAGE_PAGES && !slab)
        return EINVAL;
    if (request.block_size == 0 || request.block_size > largest || request.blocks == 0)
        return EINVAL;
    if (request.max_blocks != 0 && request.max_blocks < request.blocks)
        return EINVAL;
    if (!std::has_single_bit(align) || align > page_bytes)
        return EINVAL;
    const auto blocks = std::max(request.blocks, request.max_blocks);
    if (slab && blocks > max_slab_blocks)
        return EOVERFLOW;
    chosen = {.block_size = request.block_size,
              .align = align,
              .stride =
                  static_cast<std::uint32_t>(rounded_up<std::uint64_t>(request.block_size, align)),
              .blocks = blocks,
              .initial = request.blocks,
              .mappable = !slab};
    if (!slab && (request.flags & FIXEDPOOL_POOL_PACKED) == 0)
        colour(chosen);
    return chosen.units() < slot_units ? 0 : EOVERFLOW;
}

} // namespace fixedpool::detail::local
