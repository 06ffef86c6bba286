/* SPDX-License-Identifier: MIT */
#include <fixedpool/pool_set.hpp>

#include <array>
#include <new>
#include <optional>
#include <string>
#include <vector>

#include <fixedpool/error.hpp>

#include "name.hpp"
#include "pool_state.hpp"

namespace fixedpool {

/** What the copies of a set share; leaves it in the end. */
struct detail::set_state {
    set_state(std::shared_ptr<client_state> owner,
              std::vector<std::shared_ptr<const pool_state>> all)
        : client{std::move(owner)},
          pools{std::move(all)} {}
    set_state(const set_state&) = delete;
    set_state& operator=(const set_state&) = delete;
    ~set_state() {
        fixedpool_set_destroy request = {};
        request.id = id;
        if (id != 0)
            client->transport->call(request);
    }

    const std::shared_ptr<client_state> client;
    const std::vector<std::shared_ptr<const pool_state>> pools;
    std::uint32_t id = 0;
};

namespace {

std::string quoted(const char* verb, std::string_view name) {
    return std::string{verb} + " set '" + std::string{name} + '\'';
}

} // namespace

pool_set pool_set::make(const client& owner, std::string_view name, std::span<const pool> pools,
                        bool create, std::error_code& ec) noexcept {
    std::array<std::uint32_t, FIXEDPOOL_MAX_SET_POOLS> ids{};
    fixedpool_set_create request = {};
    ec = detail::put_name(request.name, name);
    if (!ec && (pools.empty() || pools.size() > ids.size()))
        ec = errc::invalid_argument;
    if (ec)
        return {};
    try {
        std::vector<std::shared_ptr<const detail::pool_state>> all;
        for (const auto& each : pools) {
            ids.at(all.size()) = each.state().info().id;
            all.push_back(each.shared_state());
            if (!each.state().is_of(*owner.state_))
                ec = errc::not_attached;
        }
        auto state = std::make_shared<detail::set_state>(owner.state_, std::move(all));
        if (create) {
            request.pools = reinterpret_cast<std::uintptr_t>(ids.data());
            request.count = static_cast<std::uint32_t>(pools.size());
        }
        if (!ec)
            ec = owner.state_->transport->call(request);
        if (ec)
            return {};
        state->id = request.id;
        return pool_set{std::move(state)};
    } catch (const std::bad_alloc&) {
        ec = errc::out_of_memory;
        return {};
    }
}

pool_set pool_set::create(const client& owner, std::string_view name, std::span<const pool> pools) {
    std::error_code ec;
    auto made = try_create(owner, name, pools, ec);
    if (ec)
        throw error{ec, quoted("create", name)};
    return made;
}

pool_set pool_set::try_create(const client& owner, std::string_view name,
                              std::span<const pool> pools, std::error_code& ec) noexcept {
    return make(owner, name, pools, true, ec);
}

pool_set pool_set::open(const client& owner, std::string_view name, std::span<const pool> pools) {
    std::error_code ec;
    auto opened = try_open(owner, name, pools, ec);
    if (ec)
        throw error{ec, quoted("open", name)};
    return opened;
}

pool_set pool_set::try_open(const client& owner, std::string_view name, std::span<const pool> pools,
                            std::error_code& ec) noexcept {
    return make(owner, name, pools, false, ec);
}

void pool_set::destroy(const client& owner, std::string_view name) {
    std::error_code ec;
    if (!try_destroy(owner, name, ec))
        throw error{ec, quoted("destroy", name)};
}

bool pool_set::try_destroy(const client& owner, std::string_view name,
                           std::error_code& ec) noexcept {
    fixedpool_set_destroy request = {};
    ec = detail::put_name(request.name, name);
    if (!ec && name.empty())
        ec = errc::invalid_argument;
    if (!ec)
        ec = owner.state_->transport->call(request);
    return !ec;
}

block pool_set::allocate(std::uint32_t size, contents wanted) const {
    std::error_code ec;
    auto taken = try_allocate(size, wanted, ec);
    if (ec)
        throw error{ec, "allocate a block of " + std::to_string(size) + " bytes of a set"};
    return taken;
}

block pool_set::try_allocate(std::uint32_t size, contents wanted,
                             std::error_code& ec) const noexcept {
    handle taken;
    fixedpool_alloc request = {};
    request.pool = state_->id;
    request.flags = FIXEDPOOL_ALLOC_BY_SIZE;
    if (wanted == contents::zero)
        request.flags |= FIXEDPOOL_ALLOC_ZERO;
    request.count = 1;
    request.handles = reinterpret_cast<std::uintptr_t>(&taken);
    request.size = size;
    ec = state_->client->transport->call(request);
    if (ec == errc::out_of_blocks) {
        // What the process has in its caches is not missing.
        std::array<std::optional<detail::caches::closure>, FIXEDPOOL_MAX_SET_POOLS> shut;
        for (std::size_t i = 0; i < state_->pools.size(); ++i)
            state_->pools[i]->shut_caches(detail::patience::some, shut[i]);
        ec = state_->client->transport->call(request);
    }
    if (ec)
        return {};
    for (const auto& each : state_->pools) {
        if (each->index_of(taken) == detail::geometry::no_index)
            continue;
        each->received({&taken, 1});
        each->add_owner();
        return {*each, taken};
    }
    // Of a pool that the caller has not said to be one of the set.
    std::error_code ignored;
    state_->pools.front()->free({&taken, 1}, ignored);
    ec = errc::set_not_attached;
    return {};
}

} // namespace fixedpool
