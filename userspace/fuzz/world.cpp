/* SPDX-License-Identifier: MIT */
/* The world as a whole: who is in it, what is done next, and how it compares. */
#include "world.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <system_error>

#include <linux/fixedpool.h>

namespace fixedpool::fuzz {

void world::open(std::size_t client) {
    std::error_code ec;
    clients_.at(client) = detail::open_local(ec);
    demand(!ec && clients_.at(client), "a client opens");
    fixedpool_query request; // NOLINT(*-member-init): it is right here
    std::memset(&request, 0xa5, sizeof(request));
    demand(!clients_.at(client)->call(request), "QUERY never fails");
    demand(request.client != 0 && request.reserved == 0, "QUERY writes all of its members");
    demand(std::ranges::count(numbers_, request.client) == 0, "numbers of clients differ");
    numbers_.at(client) = request.client;
    ++lives_.at(client);
}

void world::step(std::size_t client) {
    switch (in_.below(25)) {
    case 0:
        return create(client);
    case 1:
        return attach(client);
    case 2:
        return detach(client);
    case 3:
        return destroy(client);
    case 4:
    case 5:
    case 6:
        return alloc(client);
    case 7:
    case 8:
    case 9:
        return free(client);
    case 10:
        return check(client);
    case 11:
        return read(client);
    case 12:
        return write(client);
    case 13:
        return pass_on<fixedpool_give>(client, false);
    case 14:
        return pass_on<fixedpool_share>(client, true);
    case 15:
        return create_scope(client);
    case 16:
        return end_scope(client);
    case 17:
        return in_.once_in(2) ? fill(client) : use_cached(client);
    case 18:
        return drain(client);
    case 19:
        return create_set(client);
    case 20:
        return destroy_set(client);
    case 21:
        return in_.once_in(2) ? create_channel(client) : open_channel(client);
    case 22:
        return use_channel();
    case 23:
        return in_.once_in(2) ? watch(client) : map(client);
    default:
        return in_.once_in(4) ? come_back(client) : info(client);
    }
}

void world::come_back(std::size_t client) {
    clients_.at(client).reset();
    model_.close(client);
    open(client);
}

fixedpool_pool_info world::shown(std::size_t client, std::uint32_t id) {
    fixedpool_pool_info request{};
    request.id = id;
    demand(!clients_.at(client)->call(request), "POOL_INFO of an attached pool");
    return request;
}

void world::compare() {
    for (const auto& [id, each] : model_.pools) {
        if (each.attached.empty())
            continue;
        const auto info = shown(*each.attached.begin(), id);
        demand(info.in_use == each.in_use(), "as many blocks are in use as the model has");
        demand(info.clients == each.attached.size(), "as many clients as the model has");
        demand(info.peak >= info.in_use && info.peak <= each.blocks.size(), "a peak");
        demand(info.blocks >= each.made.blocks && info.blocks <= each.blocks.size() &&
                   info.blocks >= info.in_use,
               "as many blocks as the pool may have");
        demand(info.max_blocks == each.blocks.size() && info.first_slot == each.first_slot &&
                   info.block_size == each.made.block_size && info.waiters == 0 &&
                   std::strcmp(info.name, each.made.name) == 0,
               "what was fixed at creation stays");
    }
}

void world::compare_blocks() {
    for (auto& [id, each] : model_.pools)
        for (const auto client : each.attached) {
            const auto info = shown(client, id);
            for (std::uint32_t i = 0; i < each.blocks.size(); ++i) {
                fixedpool_check request{};
                request.handle = FIXEDPOOL_HANDLE(each.blocks[i].version | 1, each.first_slot + i);
                check(client, request);
            }
            if (each.mappable())
                compare_mapped(client, info, each);
        }
}

void world::compare_mapped(std::size_t client, const fixedpool_pool_info& info, const pool& with) {
    std::error_code ec;
    const auto mapped =
        clients_.at(client)->map(info.holds_offset, info.holds_length, detail::access::read, ec);
    demand(!ec, "holds can be mapped");
    const auto* const holds = reinterpret_cast<const std::uint16_t*>(mapped.get());
    for (std::size_t i = 0; i < info.blocks; ++i) {
        const auto& each = with.blocks[i];
        demand(version_word(client, info, i).load() == each.version, "versions are mapped");
        const auto expected = each.holds();
        demand(expected == 0   ? holds[i] == 0
               : expected == 1 ? holds[i] == FIXEDPOOL_HELD_ONCE
                               : holds[i] != 0 && holds[i] != FIXEDPOOL_HELD_ONCE,
               "holds are mapped");
    }
}

void world::end() {
    for (std::size_t i = 0; i < client_count; ++i)
        come_back(i);
    while (!ends_.empty())
        close_end(ends_.size() - 1);
    for (auto& [id, each] : model_.pools) {
        fixedpool_pool_attach request{};
        std::memcpy(request.name, each.made.name, sizeof(request.name));
        const auto named = model_.linked_pool(std::begin(request.name));
        if (!call(0, request, named != 0, "names stay until they are taken away"))
            continue;
        demand(request.id == named, "the name leads to the pool that has it");
        demand(shown(0, named).in_use == 0, "all blocks have come back");
        model_.pools.at(named).attached.insert(0);
        fixedpool_pool_destroy gone{};
        std::memcpy(gone.name, each.made.name, sizeof(gone.name));
        demand(!clients_[0]->call(gone), "POOL_DESTROY of a name that there is");
        model_.pools.at(named).linked = false;
    }
    compare_blocks();
}

} // namespace fixedpool::fuzz
