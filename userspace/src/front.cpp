/* SPDX-License-Identifier: MIT */
#include <fixedpool/detail/front.hpp>

#include <algorithm>

#include "neighbours.hpp"

namespace fixedpool::detail {
namespace {

const std::uint64_t* values_of(const handle* names) noexcept {
    static_assert(sizeof(handle) == sizeof(std::uint64_t));
    return reinterpret_cast<const std::uint64_t*>(names);
}

/** As far as the first and the last of them say. */
bool may_be_neighbours(const std::uint64_t* first, const std::uint64_t* end) noexcept {
    constexpr auto last = neighbours::count - 1;
    return neighbours::possible && end - first > std::ptrdiff_t{last} &&
           static_cast<std::uint32_t>(first[last]) - static_cast<std::uint32_t>(*first) == last;
}

} // namespace

/** Sixteen neighbours at once. False: nothing was done, they have to be looked at one by one. */
struct front::many {
    /** begin() of those that are next in a magazine. */
    [[gnu::always_inline]] static bool begin([[maybe_unused]] const block_table& of,
                                             [[maybe_unused]] const std::uint64_t* next,
                                             [[maybe_unused]] handle* to) noexcept {
#ifdef FIXEDPOOL_NEIGHBOURS
        const auto slot = handle::from_value(*next).slot();
        auto* const versions = of.versions + (slot - of.first_slot);
        const neighbours some{versions};
        if (!some.are_named(next, slot, 1, reinterpret_cast<std::uint64_t*>(to), 0))
            return false;
        some.store_versions(versions, 1);
        return true;
#else
        return false;
#endif
    }

    /** What put() does to the words of a block. */
    [[gnu::always_inline]] static bool end([[maybe_unused]] const block_table& of,
                                           [[maybe_unused]] const handle* names,
                                           [[maybe_unused]] std::uint64_t* to) noexcept {
#ifdef FIXEDPOOL_NEIGHBOURS
        const auto slot = names->slot();
        const auto index = slot - of.first_slot;
        if (index >= of.blocks || of.blocks - index < neighbours::count)
            return false;
        const neighbours some{of.versions + index};
        if (!some.are_named(values_of(names), slot, 0, to, 2) || !some.are_odd() ||
            !neighbours::are_all(of.standings + index, static_cast<std::uint8_t>(standing::own)) ||
            !neighbours::are_all(of.holds + index, block_table::held_once))
            return false;
        // After the handles were written: as in put().
        some.store_versions(of.versions + index, 1);
        return true;
#else
        return false;
#endif
    }
};

std::size_t front::take_some(std::span<handle> handles) const noexcept {
    const entered mine{cache_number_};
    if (!mine.is_own())
        return 0;
    mine->settle();
    const auto have = mine->count.load(std::memory_order_relaxed);
    const auto left =
        have - static_cast<std::uint32_t>(std::min<std::size_t>(have, handles.size()));
    // Those on top, as they lie there: neighbours stay in order.
    const auto* next = mine->blocks.data() + left;
    const auto* const last = mine->blocks.data() + have;
    const auto table = mine->table;
    auto* to = handles.data();
    while (next != last) {
        if (may_be_neighbours(next, last) && many::begin(table, next, to)) {
            next += neighbours::count;
            to += neighbours::count;
            continue;
        }
        const auto name = handle::from_value(*next++);
        if (table.begin(name.slot() - table.first_slot, name.version())) [[likely]]
            *to++ = name;
    }
    mine->count.store(left, std::memory_order_relaxed);
    return static_cast<std::size_t>(to - handles.data());
}

std::size_t front::put_some(std::span<const handle> handles) const noexcept {
    const entered mine{cache_number_};
    if (!mine.is_own() || table_.anyone_waits())
        return 0;
    mine->settle();
    const auto have = mine->count.load(std::memory_order_relaxed);
    const auto room = mine->limit > have ? mine->limit - have : 0;
    const auto table = mine->table;
    const auto* name = handles.data();
    const auto* const last = name + std::min<std::size_t>(handles.size(), room);
    auto* to = mine->blocks.data() + have;
    while (name != last) {
        if (may_be_neighbours(values_of(name), values_of(last)) && many::end(table, name, to)) {
            name += neighbours::count;
            to += neighbours::count;
            continue;
        }
        const auto index = name->slot() - table.first_slot;
        const auto version = name->version();
        if (index >= table.blocks || !table.is_version_of(index, version) ||
            !table.is_own(index, version))
            break;
        *to++ = magazine::after(*name++);
        table.set_version(index, version + 1);
    }
    mine->count.store(static_cast<std::uint32_t>(to - mine->blocks.data()),
                      std::memory_order_relaxed);
    return static_cast<std::size_t>(name - handles.data());
}

} // namespace fixedpool::detail
