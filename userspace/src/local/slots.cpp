/* SPDX-License-Identifier: MIT */
#include "slots.hpp"

#include <algorithm>

namespace fixedpool::detail::local {

slots& slots::instance() noexcept {
    // Never destroyed: pools may be left when static objects end.
    // NOLINTNEXTLINE(*-owning-memory,*-non-const-global-variables,*-unhandled-exception-at-new)
    static auto& all = *new slots;
    return all;
}

/** The first fit at or behind unit @p from; 0 if there is none. */
std::uint32_t slots::find(std::uint32_t from, std::uint32_t count) const noexcept {
    auto at = from;
    for (const auto& [first, range] : taken_) {
        if (first + range.count <= at)
            continue;
        if (first >= at + count)
            break;
        at = first + range.count;
    }
    return at + count <= slot_units ? at : 0;
}

std::uint32_t slots::take(std::uint32_t count) {
    const std::scoped_lock lock{mutex_};
    auto first = find(next_, count);
    if (first == 0)
        first = find(1, count);
    if (first == 0)
        return 0;
    taken_.emplace(first, span{.count = count, .owner = nullptr});
    next_ = first + count;
    return first;
}

void slots::settle(std::uint32_t first, pool* owner) noexcept {
    const std::scoped_lock lock{mutex_};
    taken_.find(first)->second.owner = owner;
}

void slots::give(std::uint32_t first) noexcept {
    const std::scoped_lock lock{mutex_};
    taken_.erase(first);
}

} // namespace fixedpool::detail::local
