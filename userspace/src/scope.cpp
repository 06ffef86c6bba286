/* SPDX-License-Identifier: MIT */
#include <fixedpool/scope.hpp>

#include <string>

#include <fixedpool/error.hpp>

#include "pool_state.hpp"

namespace fixedpool {

scope scope::make(const std::shared_ptr<detail::client_state>& owner, std::uint32_t parent,
                  std::error_code& ec) noexcept {
    fixedpool_scope_create request = {};
    request.parent = parent;
    ec = owner->transport->call(request);
    return ec ? scope{} : scope{owner, request.scope};
}

scope scope::create(const client& owner) {
    std::error_code ec;
    auto made = try_create(owner, ec);
    if (ec)
        throw error{ec, "create a scope"};
    return made;
}

scope scope::try_create(const client& owner, std::error_code& ec) noexcept {
    return make(owner.state_, 0, ec);
}

scope scope::nested() const {
    std::error_code ec;
    auto made = try_nested(ec);
    if (ec)
        throw error{ec, "create a scope in a scope"};
    return made;
}

scope scope::try_nested(std::error_code& ec) const noexcept { return make(client_, number_, ec); }

void scope::allocate(const pool& from, std::span<handle> handles, contents wanted) const {
    std::error_code ec;
    if (!try_allocate(from, handles, wanted, ec))
        throw pool_error{ec,
                         "allocate " + std::to_string(handles.size()) + " in a scope of pool '" +
                             std::string{from.name()} + '\'',
                         from.name()};
}

bool scope::try_allocate(const pool& from, std::span<handle> handles, contents wanted,
                         std::error_code& ec) const noexcept {
    if (!from.state().is_of(*client_))
        ec = errc::not_attached;
    else
        from.state().allocate_all(handles, wanted, ec, number_);
    return !ec;
}

handle scope::allocate(const pool& from, contents wanted) const {
    handle taken;
    allocate(from, {&taken, 1}, wanted);
    return taken;
}

handle scope::try_allocate(const pool& from, contents wanted, std::error_code& ec) const noexcept {
    handle taken;
    return try_allocate(from, {&taken, 1}, wanted, ec) ? taken : handle{};
}

std::uint64_t scope::end(std::uint32_t flags, std::error_code& ec) noexcept {
    fixedpool_scope_release request = {};
    request.scope = number_;
    request.flags = flags;
    ec = client_->transport->call(request);
    if (ec != errc::out_of_memory) {
        // Not by assignment, which would release it once more.
        number_ = 0;
        client_.reset();
    }
    return request.blocks;
}

std::uint64_t scope::release() {
    std::error_code ec;
    const auto count = try_release(ec);
    if (ec)
        throw error{ec, "release a scope"};
    return count;
}

std::uint64_t scope::try_release(std::error_code& ec) noexcept { return end(0, ec); }

std::uint64_t scope::dissolve() {
    std::error_code ec;
    const auto count = try_dissolve(ec);
    if (ec)
        throw error{ec, "dissolve a scope"};
    return count;
}

std::uint64_t scope::try_dissolve(std::error_code& ec) noexcept {
    return end(FIXEDPOOL_SCOPE_DISSOLVE, ec);
}

void scope::release_held() noexcept {
    fixedpool_scope_release request = {};
    request.scope = number_;
    client_->transport->call(request);
}

} // namespace fixedpool
