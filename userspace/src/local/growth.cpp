/* SPDX-License-Identifier: MIT */
#include "growth.hpp"

#include <algorithm>

#include "bits.hpp"

namespace fixedpool::detail::local {
namespace {

constexpr std::uint64_t chunk_bytes = 65536;
// A pool does not take much more at a time than it has been found to need.
constexpr std::uint32_t steps = 64;

/** Of a pool that has that many. A chunk ends with a group of 64, or with the pool. */
std::uint32_t chunk_end(const shape& of, std::uint32_t blocks) noexcept {
    const auto most = std::max(of.initial, of.blocks / steps);
    const auto step = std::clamp<std::uint64_t>(chunk_bytes / of.stride, 1, most);
    const auto end = (blocks + step + word_blocks - 1) / word_blocks * word_blocks;
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(end, of.blocks));
}

} // namespace

std::uint32_t growth::extend() noexcept {
    const auto from = data_of(shape_, blocks());
    const auto end = chunk_end(shape_, blocks());
    const auto to = data_of(shape_, end);
    return from == to || memory_.commit(from, to - from) ? end : 0;
}

} // namespace fixedpool::detail::local
