/* SPDX-License-Identifier: MIT */
#include "growth.hpp"

#include <algorithm>

#include "../round.hpp"
#include "bits.hpp"

namespace fixedpool::detail::local {
namespace {

constexpr std::uint64_t chunk_bytes = 65536;
// A pool does not take much more at a time than it has been found to need.
constexpr std::uint32_t steps = 64;

/** Of a pool that has that many. A chunk of small blocks ends with a group of 64. */
std::uint32_t chunk_end(const shape& of, std::uint32_t blocks) noexcept {
    const auto fitting = chunk_bytes / of.stride;
    const auto most = std::max(of.initial, of.blocks / steps);
    auto end = blocks + std::clamp<std::uint64_t>(fitting, 1, most);
    if (fitting >= word_blocks)
        end = rounded_up<std::uint64_t>(end, word_blocks);
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(end, of.blocks));
}

} // namespace

std::uint32_t growth::extend() noexcept {
    const auto from = data_of(shape_, blocks());
    const auto end = chunk_end(shape_, blocks());
    const auto to = data_of(shape_, end);
    const bool there = from == to || memory_.commit(from, to - from);
    return there && (books_.empty() || books_.open(end)) ? end : 0;
}

} // namespace fixedpool::detail::local
