/* SPDX-License-Identifier: MIT */
/* Calls for scopes and channels. */
#include "world.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <system_error>
#include <utility>
#include <vector>

#include <linux/fixedpool.h>

namespace fixedpool::fuzz {

void world::create_scope(std::size_t client) {
    fixedpool_scope_create request{};
    request.parent = any_scope(client);
    request.flags = zero();
    request.reserved = zero();
    auto& mine = model_.parents.at(client);
    const bool allowed = request.flags == 0 && request.reserved == 0 &&
                         model_.open(client, request.parent) &&
                         model_.depth(client, request.parent) < FIXEDPOOL_MAX_SCOPE_DEPTH &&
                         mine.size() < FIXEDPOOL_MAX_SCOPES;
    if (!call(client, request, allowed, "SCOPE_CREATE wants a parent that is open"))
        return;
    demand(request.scope != 0 && mine.emplace(request.scope, request.parent).second,
           "numbers of open scopes differ");
}

void world::end_scope(std::size_t client) {
    fixedpool_scope_release request{};
    request.scope = any_scope(client);
    request.flags = flags(FIXEDPOOL_SCOPE_DISSOLVE);
    request.blocks = in_.byte();
    const bool dissolve = (request.flags & FIXEDPOOL_SCOPE_DISSOLVE) != 0;
    const bool allowed = (request.flags & ~FIXEDPOOL_SCOPE_DISSOLVE) == 0 &&
                         model_.open(client, request.scope) && !(dissolve && request.scope == 0);
    std::uint64_t expected = 0;
    if (call(client, request, allowed, "SCOPE_RELEASE is for scopes that are open"))
        expected = dissolve ? model_.dissolve(client, request.scope)
                            : model_.release(client, request.scope);
    demand(request.blocks == expected, "SCOPE_RELEASE counts blocks");
}

std::uint32_t world::channel_flags() {
    constexpr auto directions = FIXEDPOOL_CHANNEL_READ | FIXEDPOOL_CHANNEL_WRITE;
    return flags(directions) | FIXEDPOOL_CHANNEL_NONBLOCK;
}

bool world::channel_flags_valid(std::uint32_t flags) {
    constexpr auto directions = FIXEDPOOL_CHANNEL_READ | FIXEDPOOL_CHANNEL_WRITE;
    return (flags & ~(directions | FIXEDPOOL_CHANNEL_NONBLOCK)) == 0 && (flags & directions) != 0;
}

void world::keep_end(std::size_t client, const std::shared_ptr<channel>& of, std::uint32_t flags,
                     std::unique_ptr<detail::channel_end> end) {
    if ((flags & FIXEDPOOL_CHANNEL_READ) != 0) {
        ++of->readers;
        of->readers_gone = false;
    }
    if ((flags & FIXEDPOOL_CHANNEL_WRITE) != 0) {
        ++of->writers;
        of->writers_gone = false;
    }
    ends_.push_back({of, client, flags, std::move(end), lives_.at(client)});
}

std::shared_ptr<channel> world::find_channel(std::uint32_t pool, const char* name) {
    for (const auto& each : ends_)
        if (each.of->pool == pool && each.of->name == name && *name != '\0')
            return each.of;
    return {};
}

void world::create_channel(std::size_t client) {
    if (ends_.size() > 12)
        return;
    fixedpool_channel_create request{};
    if (in_.once_in(2))
        name(request.name);
    request.pool = any_of(model_.pools);
    request.capacity = in_.once_in(16) ? in_.take<std::uint32_t>() : in_.below(20);
    request.flags = channel_flags();
    const auto* const field = std::begin(request.name);
    const bool allowed = terminated(field) && (*field == '\0' || name_valid(field)) &&
                         channel_flags_valid(request.flags) && request.capacity >= 1 &&
                         request.capacity <= FIXEDPOOL_MAX_CHANNEL_CAPACITY &&
                         model_.attached(client, request.pool) != nullptr &&
                         !find_channel(request.pool, field);
    std::error_code ec;
    auto end = clients_.at(client)->open(request, ec);
    demand(!ec == allowed && (end != nullptr) == allowed,
           "CHANNEL_CREATE refuses what it must, and that only");
    if (!allowed)
        return;
    auto made = std::make_shared<channel>();
    made->name = field;
    made->pool = request.pool;
    made->capacity = request.capacity;
    keep_end(client, made, request.flags, std::move(end));
}

void world::open_channel(std::size_t client) {
    if (ends_.size() > 12)
        return;
    fixedpool_channel_open request{};
    name(request.name);
    request.pool = any_of(model_.pools);
    request.flags = channel_flags();
    request.reserved = zero();
    const auto* const field = std::begin(request.name);
    const bool valid = name_valid(field) && channel_flags_valid(request.flags) &&
                       request.reserved == 0 && model_.attached(client, request.pool) != nullptr;
    const auto found = valid ? find_channel(request.pool, field) : nullptr;
    std::error_code ec;
    auto end = clients_.at(client)->open(request, ec);
    demand(!ec == (found != nullptr) && !end == !found,
           "CHANNEL_OPEN is for channels of that name");
    if (found)
        keep_end(client, found, request.flags, std::move(end));
}

void world::use_channel() {
    if (ends_.empty())
        return;
    const auto number = in_.below(ends_.size());
    auto& end = ends_.at(number);
    switch (in_.below(5)) {
    case 0:
    case 1:
        return send(end);
    case 2:
    case 3:
        return receive(end);
    default:
        close_end(number);
    }
}

bool world::usable(const end_of_channel& end) {
    return end.life == lives_.at(end.client) &&
           model_.attached(end.client, end.of->pool) != nullptr;
}

void world::send(end_of_channel& end) {
    const auto count = std::min<std::size_t>(fill_row(), longest_row);
    auto& queue = end.of->queue;
    std::size_t good = 0;
    const bool usable =
        world::usable(end) && (end.flags & FIXEDPOOL_CHANNEL_WRITE) != 0 && !end.of->readers_gone;
    for (; usable && good < count && queue.size() < end.of->capacity; ++good) {
        const auto handle = row_.at(good);
        if (model_.judge(end.client, handle) != refusal::none)
            break;
        const auto named = model_.find(end.client, handle);
        if (named.in != model_.attached(end.client, end.of->pool))
            break;
        named.at().holders.erase(end.client);
        ++named.at().queued;
        queue.push_back(handle);
    }
    std::vector<handle> handles;
    for (std::size_t i = 0; i < count; ++i)
        handles.push_back(handle::from_value(row_.at(i)));
    std::error_code ec;
    demand(end.end->send(handles, ec) == good, "a channel takes what the client holds");
    // Nothing to be sent is no error, unless this end may not.
    if (count != 0)
        demand(!ec == (good != 0), "a channel that takes nothing says why");
}

void world::receive(end_of_channel& end) {
    const auto count = in_.below(20);
    std::vector<handle> handles(count);
    auto& queue = end.of->queue;
    const bool usable = world::usable(end) && (end.flags & FIXEDPOOL_CHANNEL_READ) != 0;
    const auto expected = usable ? std::min<std::size_t>(count, queue.size()) : 0;
    std::error_code ec;
    demand(end.end->receive(handles, ec) == expected, "a channel gives what is queued");
    if (count != 0)
        demand(!ec == (expected != 0 || (usable && end.of->writers_gone)),
               "a channel that gives nothing says why");
    for (std::size_t i = 0; i < expected; ++i) {
        demand(handles[i].value() == queue.front(), "handles come out as they went in");
        auto& moved = model_.find(end.client, queue.front()).at();
        queue.pop_front();
        --moved.queued;
        moved.holders.emplace(end.client, 0);
    }
}

void world::close_end(std::size_t number) {
    auto closed = std::move(ends_.at(number));
    ends_.erase(ends_.begin() + static_cast<std::ptrdiff_t>(number));
    auto& of = *closed.of;
    if ((closed.flags & FIXEDPOOL_CHANNEL_READ) != 0)
        of.readers_gone = --of.readers == 0;
    if ((closed.flags & FIXEDPOOL_CHANNEL_WRITE) != 0)
        of.writers_gone = --of.writers == 0;
    if (of.readers != 0 || of.writers != 0)
        return;
    auto& in = model_.pools.at(of.pool);
    for (const auto each : of.queue) {
        auto& queued = in.blocks.at(FIXEDPOOL_HANDLE_SLOT(each) - in.first_slot);
        --queued.queued;
        queued.dropped();
    }
}

} // namespace fixedpool::fuzz
