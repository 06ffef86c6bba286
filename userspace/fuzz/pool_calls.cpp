/* SPDX-License-Identifier: MIT */
/* Calls for pools and sets of them, their watches and mappings. */
#include "world.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <set>
#include <system_error>
#include <utility>
#include <vector>

#include <linux/fixedpool.h>

namespace fixedpool::fuzz {

void world::create(std::size_t client) {
    if (model_.pools.size() > 12)
        return;
    fixedpool_pool_create request{};
    name(request.name);
    request.block_size = in_.once_in(4) ? small(200) + 1 : 8 * in_.below(6) + 8;
    request.align = in_.once_in(8) ? in_.take<std::uint32_t>() : 1U << in_.below(13);
    request.blocks = small(150);
    request.reserve = in_.once_in(4) ? small(150) : 0;
    request.storage = in_.once_in(8) ? zero() : in_.below(2);
    request.flags = in_.once_in(16)
                        ? in_.take<std::uint32_t>()
                        : in_.byte() & (FIXEDPOOL_POOL_AUTO_DESTROY | FIXEDPOOL_POOL_ZERO_ON_ALLOC |
                                        FIXEDPOOL_POOL_ZERO_ON_FREE | FIXEDPOOL_POOL_POISON |
                                        FIXEDPOOL_POOL_PACKED);
    request.mode = in_.once_in(16) ? in_.take<std::uint32_t>() : 0600;
    request.numa_node = static_cast<std::int32_t>(zero());
    request.max_blocks = in_.once_in(2) ? small(200) : 0;
    // Whether there is such a node is not known here.
    request.flags &= ~FIXEDPOOL_POOL_NUMA_NODE;

    constexpr auto both = FIXEDPOOL_POOL_ZERO_ON_FREE | FIXEDPOOL_POOL_POISON;
    constexpr auto valid =
        both | FIXEDPOOL_POOL_AUTO_DESTROY | FIXEDPOOL_POOL_ZERO_ON_ALLOC | FIXEDPOOL_POOL_PACKED;
    const bool slab = request.storage == FIXEDPOOL_STORAGE_SLAB;
    const auto largest = slab ? FIXEDPOOL_MAX_SLAB_BLOCK_SIZE : FIXEDPOOL_MAX_BLOCK_SIZE;
    bool allowed =
        name_valid(std::begin(request.name)) && model_.linked_pool(std::begin(request.name)) == 0;
    allowed = allowed && request.storage <= FIXEDPOOL_STORAGE_SLAB;
    allowed = allowed && request.block_size >= 1 && request.block_size <= largest;
    allowed = allowed && request.blocks >= 1 && request.reserve <= request.blocks;
    allowed = allowed && (request.max_blocks == 0 || request.max_blocks >= request.blocks);
    allowed = allowed && (request.align == 0 ||
                          (std::has_single_bit(request.align) && request.align <= page_bytes));
    allowed = allowed && (request.flags & ~valid) == 0 && (request.flags & both) != both;
    allowed = allowed && (request.mode & ~0666U) == 0 && request.numa_node == 0;
    if (slab && std::max(request.blocks, request.max_blocks) > 262144)
        allowed = false;
    if (allowed) {
        // What is valid is made, and would take too much.
        request.mode |= request.mode != 0 ? 0600U : 0U;
        if (std::uint64_t{std::max(request.blocks, request.max_blocks)} *
                std::max(request.block_size, request.align) >
            most_bytes) {
            request.block_size = request.block_size % 200 + 1;
            request.align = std::min(request.align, 64U);
            request.blocks = request.blocks % 200 + 1;
            request.reserve = 0;
            request.max_blocks = request.max_blocks != 0 ? request.blocks + 50 : 0;
        }
    }
    if (!call(client, request, allowed, "POOL_CREATE refuses what it must, and that only"))
        return;
    auto& made = model_.pools[request.id];
    demand(request.id != 0 && made.blocks.empty(), "numbers of pools differ");
    made.made = request;
    made.attached.insert(client);
    made.blocks.resize(std::max(request.blocks, request.max_blocks));
    fixedpool_pool_info shown{};
    shown.id = request.id;
    demand(!clients_.at(client)->call(shown), "who makes a pool is attached");
    made.first_slot = shown.first_slot;
    if (made.mappable())
        begin(made, version_word(client, shown, 0).load());
}

void world::begin(pool& made, std::uint32_t version) {
    demand(version % 2 == 0, "versions of free blocks are even");
    made.begun = true;
    for (auto& each : made.blocks)
        each.version = version;
}

void world::attach(std::size_t client) {
    fixedpool_pool_attach request{};
    name(request.name);
    request.flags = zero();
    const bool valid = terminated(std::begin(request.name)) && request.flags == 0;
    const auto id = valid ? model_.linked_pool(std::begin(request.name)) : 0;
    const bool allowed = id != 0 && model_.attached(client, id) == nullptr;
    if (!call(client, request, allowed, "POOL_ATTACH is for pools of that name"))
        return;
    demand(request.id == id, "POOL_ATTACH tells the number of the pool");
    model_.pools.at(id).attached.insert(client);
}

void world::detach(std::size_t client) {
    fixedpool_pool_detach request{.id = any_of(model_.pools), .flags = zero()};
    auto* const left = model_.attached(client, request.id);
    if (call(client, request, left != nullptr && request.flags == 0,
             "POOL_DETACH is for those who are attached"))
        model_.leave(client, *left);
}

void world::destroy(std::size_t client) {
    fixedpool_pool_destroy request{};
    name(request.name);
    request.flags = zero();
    request.reserved = zero();
    const bool valid =
        terminated(std::begin(request.name)) && request.flags == 0 && request.reserved == 0;
    const auto id = valid ? model_.linked_pool(std::begin(request.name)) : 0;
    if (call(client, request, id != 0, "POOL_DESTROY is for pools of that name"))
        model_.pools.at(id).linked = false;
}

void world::info(std::size_t client) {
    fixedpool_pool_info request{};
    request.id = any_of(model_.pools);
    request.query_flags = zero();
    call(client, request,
         model_.attached(client, request.id) != nullptr && request.query_flags == 0,
         "POOL_INFO is for those who are attached");
}

void world::create_set(std::size_t client) {
    fixedpool_set_create request{};
    name(request.name);
    request.count = in_.once_in(32) ? in_.take<std::uint32_t>() : in_.below(5);
    request.flags = zero();
    request.reserved = zero();
    request.pools = request.count != 0 || in_.once_in(16) ? address(indices_.data()) : 0;
    std::vector<std::uint32_t> named(std::min<std::size_t>(request.count, FIXEDPOOL_MAX_SET_POOLS));
    for (auto& each : named)
        each = any_of(model_.pools);
    std::ranges::copy(named, indices_.begin());

    bool allowed = terminated(std::begin(request.name)) && request.flags == 0 &&
                   request.reserved == 0 && request.count <= FIXEDPOOL_MAX_SET_POOLS;
    allowed = allowed && std::ranges::all_of(named, [&](std::uint32_t each) {
                  return model_.attached(client, each) != nullptr;
              });
    if (request.count == 0)
        return open_set(client, request, allowed && request.pools == 0);
    allowed = allowed && name_valid(std::begin(request.name)) &&
              model_.linked_set(std::begin(request.name)) == 0 &&
              std::set<std::uint32_t>{named.begin(), named.end()}.size() == named.size();
    if (!call(client, request, allowed, "SET_CREATE is for pools of the client's"))
        return;
    std::ranges::stable_sort(
        named, {}, [&](std::uint32_t each) { return model_.pools.at(each).made.block_size; });
    demand(request.id != 0 && !model_.sets.contains(request.id), "numbers of sets differ");
    model_.sets[request.id] = {
        .name = std::begin(request.name), .pools = named, .opened = {client}};
}

void world::open_set(std::size_t client, fixedpool_set_create& request, bool allowed) {
    const auto id = allowed ? model_.linked_set(std::begin(request.name)) : 0;
    allowed = id != 0 && !model_.sets.at(id).opened.contains(client);
    allowed = allowed && std::ranges::all_of(model_.sets.at(id).pools, [&](std::uint32_t each) {
                  return model_.attached(client, each) != nullptr;
              });
    if (!call(client, request, allowed, "SET_CREATE opens sets of that name"))
        return;
    demand(request.id == id, "SET_CREATE tells the number of the set");
    model_.sets.at(id).opened.insert(client);
}

void world::destroy_set(std::size_t client) {
    fixedpool_set_destroy request{};
    const bool leaves = in_.once_in(2);
    if (!leaves)
        name(request.name);
    request.id = leaves ? any_of(model_.sets) : zero();
    request.flags = zero();
    const bool valid = terminated(std::begin(request.name)) && request.flags == 0;
    if (request.name[0] != '\0') {
        const auto id = valid && request.id == 0 ? model_.linked_set(std::begin(request.name)) : 0;
        if (call(client, request, id != 0, "SET_DESTROY is for sets of that name"))
            model_.sets.at(id).linked = false;
        return;
    }
    const auto left = model_.sets.find(request.id);
    const bool allowed = valid && left != model_.sets.end() && left->second.opened.contains(client);
    if (call(client, request, allowed, "SET_DESTROY leaves a set that is open"))
        model_.close_set(client, left->second);
}

void world::watch(std::size_t client) {
    fixedpool_watch request{};
    request.pool = any_of(model_.pools);
    request.flags = flags(FIXEDPOOL_WATCH_REMOVE);
    const bool removes = (request.flags & FIXEDPOOL_WATCH_REMOVE) != 0;
    request.low = removes ? zero() : small(100);
    request.high = removes ? zero() : small(200);
    request.fd = removes ? static_cast<std::int32_t>(zero()) : in_.once_in(8) ? -1 : event_;
    request.id = removes ? in_.below(20) : zero();
    auto* const watched = model_.attached(client, request.pool);
    const bool valid = (request.flags & ~FIXEDPOOL_WATCH_REMOVE) == 0 && watched != nullptr;
    if (removes) {
        const bool allowed = valid && request.low == 0 && request.high == 0 && request.fd == 0 &&
                             watched->watches[client].contains(request.id);
        if (call(client, request, allowed, "WATCH ends watches that there are"))
            watched->watches[client].erase(request.id);
        return;
    }
    const bool allowed =
        valid && request.id == 0 && (request.low != 0 || request.high != 0) &&
        request.low <= watched->blocks.size() && request.high <= watched->blocks.size() &&
        (request.high == 0 || request.high >= request.low) && request.fd == event_ &&
        watched->watches[client].size() < FIXEDPOOL_MAX_WATCHES;
    if (call(client, request, allowed, "WATCH wants marks that can be reached"))
        demand(request.id != 0 && watched->watches[client].insert(request.id).second,
               "numbers of watches differ");
}

void world::map(std::size_t client) {
    fixedpool_pool_info shown{};
    shown.id = any_of(model_.pools);
    const bool known = !clients_.at(client)->call(shown);
    const std::array<std::pair<std::uint64_t, std::uint64_t>, 4> regions{
        {{shown.data_offset, shown.data_length},
         {shown.versions_offset, shown.versions_length},
         {shown.header_offset, shown.header_length},
         {shown.holds_offset, shown.holds_length}}};
    const auto chosen = in_.below(regions.size());
    auto [offset, length] = regions.at(chosen);
    if (in_.once_in(2))
        offset += std::uint64_t{in_.below(4)} * (in_.once_in(4) ? 1 : page_bytes);
    if (in_.once_in(2))
        length = std::uint64_t{in_.below(4)} * page_bytes;
    if (in_.once_in(16))
        length = in_.take<std::uint64_t>();
    const bool writes = in_.once_in(2);
    bool allowed = false;
    for (std::size_t i = 0; known && i < regions.size(); ++i) {
        const auto [begin, bytes] = regions.at(i);
        const bool inside = length != 0 && offset >= begin && offset - begin < bytes &&
                            length <= bytes - (offset - begin);
        allowed = allowed || (inside && offset % page_bytes == 0 && !(writes && i >= 2));
    }
    if (!known && in_.once_in(2))
        offset = in_.take<std::uint64_t>();
    if (!known && offset != 0)
        return; // it may be another pool's
    std::error_code ec;
    const auto mapped = clients_.at(client)->map(
        offset, length, writes ? detail::access::read_write : detail::access::read, ec);
    demand(!ec == allowed && (mapped != nullptr) == allowed,
           "what can be mapped is what POOL_INFO says");
    // Where there are no blocks yet there is no memory.
    if (allowed && shown.blocks == shown.max_blocks) {
        static_cast<void>(touch(mapped[0]));
        static_cast<void>(touch(mapped[static_cast<std::ptrdiff_t>(length - 1)]));
    }
}

} // namespace fixedpool::fuzz
