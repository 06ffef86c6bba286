/* SPDX-License-Identifier: MIT */
#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>

#include "calls.hpp"
#include "holding.hpp"
#include "request.hpp"
#include "set.hpp"

namespace fixedpool::detail::local {
namespace {

timespec deadline_of(const fixedpool_alloc& request) noexcept {
    constexpr std::uint64_t second_ns = 1'000'000'000;
    return {.tv_sec = static_cast<time_t>(request.timeout / second_ns),
            .tv_nsec = static_cast<long>(request.timeout % second_ns)};
}

/** Moves @p reserved blocks to the client, and their handles to its array. */
int deliver(client& of, fixedpool_alloc& request, attachment& att,
            std::uint32_t reserved) noexcept {
    auto* const handles = array_at<std::uint64_t>(request.handles, request.count).data();
    const bool zero = (request.flags & FIXEDPOOL_ALLOC_ZERO) != 0;
    claim made; // NOLINT(cppcoreguidelines-pro-type-member-init): it is 512 bytes
    int error = 0;
    while (reserved != 0 && error == 0) {
        error = allocate(of, att, request.scope, zero, reserved, made);
        const auto count = count_of(made.mask);
        reserved -= count;
        if (error != 0)
            break;
        std::copy_n(made.handles.data(), count, handles + request.done);
        request.done += count;
    }
    if (reserved != 0)
        att.pool().cancel(reserved);
    return error;
}

/** Makes sure of blocks, waiting for them if that is wanted. */
int reserve(const fixedpool_alloc& request, attachment& att, std::uint32_t least,
            std::uint32_t& reserved) noexcept {
    auto& pool = att.pool();
    if ((request.flags & FIXEDPOOL_ALLOC_WAIT) != 0) {
        const auto until = deadline_of(request);
        return pool.reserve_in_turn(att.party(), least, request.count,
                                    request.timeout != FIXEDPOOL_NEVER ? &until : nullptr,
                                    reserved);
    }
    reserved = pool.reserve(least, request.count);
    return reserved != 0 ? 0 : ENOBUFS;
}

int alloc_of_pool(client& of, fixedpool_alloc& request, std::uint32_t least) noexcept {
    const auto att = of.find_pool(request.pool);
    if (!att)
        return ENXIO;
    std::uint32_t reserved = 0;
    const int error = reserve(request, *att, least, reserved);
    return error != 0 ? error : deliver(of, request, *att, reserved);
}

/** Having found too little in all pools that fit, waits for the smallest. */
int wait_for_set(client& of, fixedpool_alloc& request, const set& set,
                 std::uint32_t least) noexcept {
    const auto& smallest = *set.pools[set.first(request.size)];
    const auto att = of.find_pool(smallest.id());
    if (!att)
        return ENOTCONN;
    std::uint32_t reserved = 0;
    const int error = reserve(request, *att, least, reserved);
    return error != 0 ? error : deliver(of, request, *att, reserved);
}

int alloc_of_set(client& of, fixedpool_alloc& request, std::uint32_t least) noexcept {
    std::array<attachment_ref, FIXEDPOOL_MAX_SET_POOLS> atts;
    shares blocks{};
    int error = 0;
    const auto set = of.find_set(request.pool);
    if (!set)
        return ENXIO;
    if (request.size > set->largest())
        return EMSGSIZE;
    // First, so that fork() finds the pools busy.
    for (std::size_t i = 0; i < set->pools.size(); ++i)
        atts[i] = of.find_pool(set->pools[i]->id());
    if (reserve(*set, request.size, least, request.count, blocks) == 0) {
        if ((request.flags & FIXEDPOOL_ALLOC_WAIT) == 0)
            return ENOBUFS;
        atts = {}; // or nobody could leave these pools
        return wait_for_set(of, request, *set, least);
    }
    for (std::size_t i = 0; i < set->pools.size(); ++i)
        if (blocks[i] != 0 && !atts[i])
            error = ENOTCONN;
    if (error == 0)
        count_fallbacks(*set, set->first(request.size), blocks);
    for (std::size_t i = 0; i < set->pools.size(); ++i) {
        if (blocks[i] == 0)
            continue;
        if (error == 0)
            error = deliver(of, request, *atts[i], blocks[i]);
        else
            set->pools[i]->cancel(blocks[i]);
    }
    return error;
}

} // namespace

int carry_out(client& of, fixedpool_alloc& request) noexcept {
    constexpr std::uint32_t valid = FIXEDPOOL_ALLOC_PARTIAL | FIXEDPOOL_ALLOC_ZERO |
                                    FIXEDPOOL_ALLOC_WAIT | FIXEDPOOL_ALLOC_BY_SIZE;
    const bool waits = (request.flags & FIXEDPOOL_ALLOC_WAIT) != 0;
    const bool by_size = (request.flags & FIXEDPOOL_ALLOC_BY_SIZE) != 0;
    const bool partial = (request.flags & FIXEDPOOL_ALLOC_PARTIAL) != 0;
    const auto least = partial ? 1 : request.count;

    request.done = 0;
    if (!batch_valid(request.count) || (request.flags & ~valid) != 0)
        return EINVAL;
    if ((request.timeout != 0 && !waits) || by_size != (request.size != 0))
        return EINVAL;
    if (request.scope != root_scope && !of.scope_open(request.scope))
        return ESTALE;
    const int error =
        by_size ? alloc_of_set(of, request, least) : alloc_of_pool(of, request, least);
    if (error == 0)
        return 0;
    // Others of the client's threads may have guessed and freed some.
    const auto made = array_at<const std::uint64_t>(request.handles, request.done);
    for (std::uint32_t undone = 0; undone < made.size();)
        if (free_all(of, made, undone) != 0)
            ++undone;
    request.done = 0;
    return error;
}

} // namespace fixedpool::detail::local
