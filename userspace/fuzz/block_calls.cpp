/* SPDX-License-Identifier: MIT */
/* Calls for blocks: taken, given back, passed on, read and written, cached. */
#include "world.hpp"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <system_error>

#include <linux/fixedpool.h>

namespace fixedpool::fuzz {

world::supply world::supply_of(std::size_t client, const fixedpool_alloc& request) {
    supply found;
    if ((request.flags & FIXEDPOOL_ALLOC_BY_SIZE) == 0) {
        if (auto* const of = model_.attached(client, request.pool); of != nullptr)
            found = {{request.pool}, of->free(), true};
        return found;
    }
    const auto set = model_.sets.find(request.pool);
    if (set == model_.sets.end() || !set->second.opened.contains(client))
        return found;
    for (const auto each : set->second.pools) {
        const auto& of = model_.pools.at(each);
        if (of.made.block_size < request.size)
            continue;
        if (found.free < request.count && of.free() != 0 && !of.attached.contains(client))
            found.reachable = false;
        found.pools.push_back(each);
        found.free += of.free();
    }
    return found;
}

void world::alloc(std::size_t client) {
    fixedpool_alloc request{};
    request.flags = flags(FIXEDPOOL_ALLOC_PARTIAL | FIXEDPOOL_ALLOC_ZERO | FIXEDPOOL_ALLOC_WAIT);
    if (in_.once_in(4))
        request.flags ^= FIXEDPOOL_ALLOC_BY_SIZE;
    const bool by_size = (request.flags & FIXEDPOOL_ALLOC_BY_SIZE) != 0;
    const bool waits = (request.flags & FIXEDPOOL_ALLOC_WAIT) != 0;
    const bool partial = (request.flags & FIXEDPOOL_ALLOC_PARTIAL) != 0;
    request.pool = by_size ? any_of(model_.sets) : any_of(model_.pools);
    request.count = in_.once_in(8) ? small(200) : in_.below(20);
    request.scope = any_scope(client);
    // Mostly around the sizes of blocks.
    const auto any_size = in_.once_in(4);
    const auto eighths = in_.below(7);
    const auto around = 8 * eighths + in_.below(3);
    request.size = !by_size && !in_.once_in(32) ? 0 : any_size ? small(250) : around;
    request.timeout = waits ? in_.below(2) : zero();
    request.handles = address(row_.data());
    request.done = in_.byte();

    constexpr auto valid = FIXEDPOOL_ALLOC_PARTIAL | FIXEDPOOL_ALLOC_ZERO | FIXEDPOOL_ALLOC_WAIT |
                           FIXEDPOOL_ALLOC_BY_SIZE;
    bool allowed = batch_valid(request.count) && (request.flags & ~valid) == 0;
    allowed = allowed && (waits || request.timeout == 0) && by_size == (request.size != 0);
    allowed = allowed && model_.open(client, request.scope);
    const auto found = allowed ? supply_of(client, request) : supply{};
    allowed = allowed && found.reachable && found.free >= (partial ? 1 : request.count);
    const bool made = call(client, request, allowed, "ALLOC gives what there is");
    demand(request.done == (made ? std::min(found.free, request.count) : 0),
           "ALLOC tells how many it gave");
    auto from = found.pools.begin();
    for (std::uint32_t i = 0; i < request.done; ++i) {
        while (model_.pools.at(*from).free() == 0)
            ++from;
        taken(client, model_.pools.at(*from), request, row_.at(i));
    }
}

void world::taken(std::size_t client, pool& from, const fixedpool_alloc& request,
                  std::uint64_t handle) {
    const auto index = FIXEDPOOL_HANDLE_SLOT(handle) - from.first_slot;
    const auto version = FIXEDPOOL_HANDLE_VERSION(handle);
    demand(index < from.blocks.size(), "the block is of the smallest pool that has some");
    auto& given = from.blocks.at(index);
    demand(given.free(), "a block that is given was free");
    if (!from.begun)
        begin(from, version - 1);
    demand(version == given.version + 1, "versions advance by one");
    given.version = version;
    given.holders[client] = request.scope;
    given.known.clear();
    const bool poison = (from.made.flags & FIXEDPOOL_POOL_POISON) != 0;
    const bool zero =
        (request.flags & FIXEDPOOL_ALLOC_ZERO) != 0 ||
        (from.made.flags & (FIXEDPOOL_POOL_ZERO_ON_ALLOC | FIXEDPOOL_POOL_ZERO_ON_FREE)) != 0;
    if (zero || poison)
        for (const auto offset : {0U, from.made.block_size / 2, from.made.block_size - 1})
            given.known[offset] = zero ? 0 : FIXEDPOOL_POISON;
    remember(handle);
}

void world::remember(std::uint64_t handle) {
    seen_.push_back(handle);
    if (seen_.size() > 200)
        seen_.erase(seen_.begin(), seen_.begin() + 50);
}

void world::free(std::size_t client) {
    fixedpool_free request{};
    request.count = fill_row();
    request.handles = address(row_.data());
    request.flags = zero();
    request.reserved = zero();
    std::uint32_t good = 0;
    const bool valid = batch_valid(request.count) && request.flags == 0 && request.reserved == 0;
    for (; valid && good < request.count; ++good) {
        if (model_.judge(client, row_.at(good)) != refusal::none)
            break;
        model_.drop(client, row_.at(good));
    }
    call(client, request, valid && good == request.count, "FREE takes back what the client holds");
    demand(request.done == good, "FREE stops at the first that is refused");
}

void world::check(std::size_t client) {
    fixedpool_check request{};
    request.handle = any_handle();
    request.flags = zero();
    check(client, request);
}

void world::check(std::size_t client, fixedpool_check& request) {
    const auto judged = model_.judge(client, request.handle);
    const bool allowed = request.flags == 0 && judged != refusal::no_handle;
    const bool answered =
        call(client, request, allowed, "CHECK answers for any handle of an attached pool");
    std::uint32_t expected = 0;
    if (answered && judged != refusal::ended) {
        const auto& named = model_.find(client, request.handle).at();
        expected = FIXEDPOOL_CHECK_ALIVE;
        expected |= judged == refusal::none ? FIXEDPOOL_CHECK_MINE : 0;
        expected |= named.holds() > 1 ? FIXEDPOOL_CHECK_SHARED : 0;
    }
    demand(request.state == expected, "CHECK tells who holds the block");
}

template <typename request_type>
request_type world::transfer() {
    request_type request{};
    request.handle = any_handle();
    request.buffer = address(bytes_.data());
    request.offset = in_.once_in(8) ? in_.take<std::uint32_t>() : in_.below(256);
    request.length = in_.once_in(8) ? in_.take<std::uint32_t>() : in_.below(64);
    request.flags = zero();
    request.reserved = zero();
    return request;
}

template <typename request_type>
bool world::transfer_allowed(std::size_t client, const request_type& request) {
    if (request.flags != 0 || request.reserved != 0 ||
        model_.judge(client, request.handle) != refusal::none)
        return false;
    const std::uint64_t size = model_.find(client, request.handle).in->made.block_size;
    return std::uint64_t{request.offset} + request.length <= size;
}

void world::read(std::size_t client) {
    auto request = transfer<fixedpool_read>();
    if (!call(client, request, transfer_allowed(client, request),
              "READ is for bytes of blocks that the client holds"))
        return;
    const auto& known = model_.find(client, request.handle).at().known;
    for (auto each = known.lower_bound(request.offset);
         each != known.end() && each->first - request.offset < request.length; ++each)
        demand(bytes_.at(each->first - request.offset) == each->second,
               "bytes stay what they were");
}

void world::write(std::size_t client) {
    auto request = transfer<fixedpool_write>();
    const auto value = in_.byte();
    const bool allowed = transfer_allowed(client, request);
    if (allowed)
        for (std::uint32_t i = 0; i < request.length; ++i)
            bytes_.at(i) = static_cast<std::uint8_t>(value + i);
    if (!call(client, request, allowed, "WRITE is for bytes of blocks that the client holds"))
        return;
    auto& known = model_.find(client, request.handle).at().known;
    for (std::uint32_t i = 0; i < request.length; ++i)
        known[request.offset + i] = bytes_.at(i);
}

template <typename request_type>
void world::pass_on(std::size_t client, bool keep) {
    request_type request{};
    request.count = fill_row();
    request.handles = address(row_.data());
    request.client = any_client();
    request.flags = zero();
    const auto other = static_cast<std::size_t>(
        std::distance(numbers_.begin(), std::ranges::find(numbers_, request.client)));
    const bool valid = batch_valid(request.count) && request.flags == 0 && other < client_count;
    std::uint32_t good = 0;
    for (; valid && good < request.count; ++good) {
        if (model_.judge(client, row_.at(good)) != refusal::none)
            break;
        const auto named = model_.find(client, row_.at(good));
        if (!named.in->attached.contains(other))
            break;
        if (other == client)
            continue;
        named.at().holders.emplace(other, 0);
        if (!keep)
            named.at().holders.erase(client);
    }
    call(client, request, valid && good == request.count,
         "GIVE and SHARE are for blocks of pools that the other is attached to");
    demand(request.done == good, "GIVE and SHARE stop at the first that is refused");
}

void world::fill(std::size_t client) {
    fixedpool_cache_fill request{};
    request.pool = any_of(model_.pools);
    request.flags = zero();
    request.count = small(40);
    request.blocks = address(indices_.data());
    auto* const from = model_.attached(client, request.pool);
    const bool valid =
        request.flags == 0 && batch_valid(request.count) && from != nullptr && from->mappable();
    const auto expected = valid ? std::min(from->free(), request.count) : 0;
    call(client, request, expected != 0, "CACHE_FILL gives what there is");
    demand(request.done == expected, "CACHE_FILL tells how many it gave");
    for (std::uint32_t i = 0; i < request.done; ++i) {
        demand(indices_.at(i) < from->blocks.size(), "CACHE_FILL gives blocks of the pool");
        auto& given = from->blocks.at(indices_.at(i));
        demand(given.free() && given.version % 2 == 0, "CACHE_FILL gives free blocks");
        given.holders[client] = 0;
        given.known.clear();
    }
}

std::atomic_ref<std::uint32_t>
world::version_word(std::size_t client, const fixedpool_pool_info& shown, std::size_t index) {
    std::error_code ec;
    const auto mapped = clients_.at(client)->map(shown.versions_offset, shown.versions_length,
                                                 detail::access::read_write, ec);
    demand(!ec && mapped, "versions can be mapped");
    // The pool has them, and is there.
    return std::atomic_ref{*std::next(reinterpret_cast<std::uint32_t*>(mapped.get()),
                                      static_cast<std::ptrdiff_t>(index))};
}

void world::use_cached(std::size_t client) {
    const auto id = any_of(model_.pools);
    auto* const in = model_.attached(client, id);
    if (in == nullptr || !in->mappable())
        return;
    const auto start = in_.below(in->blocks.size());
    for (std::size_t i = 0; i < in->blocks.size(); ++i) {
        const auto index = (start + i) % in->blocks.size();
        auto& each = in->blocks[index];
        const auto held = each.holders.find(client);
        if (held == each.holders.end() || held->second != 0 || each.holds() != 1)
            continue;
        fixedpool_pool_info shown{};
        shown.id = id;
        demand(!clients_.at(client)->call(shown), "POOL_INFO of an attached pool");
        auto word = version_word(client, shown, index);
        demand(word.load() == each.version, "versions are what they were");
        word.store(++each.version);
        if (each.version % 2 != 0)
            remember(FIXEDPOOL_HANDLE(each.version, in->first_slot + index));
        else
            each.known.clear();
        return;
    }
}

void world::drain(std::size_t client) {
    fixedpool_cache_drain request{};
    request.pool = any_of(model_.pools);
    request.flags = zero();
    request.count = in_.once_in(32) ? in_.take<std::uint32_t>() : in_.below(12);
    request.blocks = address(indices_.data());
    auto* const in = model_.attached(client, request.pool);
    const bool valid =
        request.flags == 0 && batch_valid(request.count) && in != nullptr && in->mappable();
    const auto first = small(200);
    for (std::uint32_t i = 0; i < std::min<std::size_t>(request.count, longest_row); ++i)
        indices_.at(i) = in_.once_in(4) ? small(200) : first + i;
    std::uint32_t good = 0;
    for (; valid && good < request.count; ++good) {
        const auto index = indices_.at(good);
        if (index >= in->blocks.size())
            break;
        auto& each = in->blocks.at(index);
        if (!each.holders.contains(client) || each.version % 2 != 0)
            break;
        each.holders.erase(client);
    }
    call(client, request, valid && good == request.count,
         "CACHE_DRAIN takes back what is in the cache");
    demand(request.done == good, "CACHE_DRAIN stops at the first that is refused");
}

template void world::pass_on<fixedpool_give>(std::size_t, bool);
template void world::pass_on<fixedpool_share>(std::size_t, bool);

} // namespace fixedpool::fuzz
