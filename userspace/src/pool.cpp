/* SPDX-License-Identifier: MIT */
#include <fixedpool/pool.hpp>

#include <array>
#include <cstdio>
#include <string>
#include <utility>

#include <fixedpool/error.hpp>

#include "pool_state.hpp"

namespace fixedpool {
namespace {

using detail::counting;

std::string quoted(const pool& asked) { return '\'' + std::string{asked.name()} + '\''; }

std::string blocks(std::size_t count) {
    return std::to_string(count) + (count == 1 ? " block" : " blocks");
}

[[noreturn]] void refuse(std::error_code cause, const pool& asked, const std::string& request) {
    throw pool_error{cause, request + " of pool " + quoted(asked), asked.name()};
}

[[noreturn]] void refuse(std::error_code cause, const pool& asked, const std::string& request,
                         handle refused, std::size_t done = 0) {
    throw handle_error{cause,
                       request + " handle " + to_string(refused) + " at pool " + quoted(asked),
                       refused, done};
}

std::string in_series(const char* request, std::size_t number, std::size_t count) {
    if (count == 1)
        return request;
    return std::string{request} + " number " + std::to_string(number) + " of " +
           std::to_string(count) + ',';
}

std::string transfer(const char* request, std::uint32_t offset, std::size_t length) {
    return std::string{request} + ' ' + std::to_string(length) + " bytes at offset " +
           std::to_string(offset) + " of";
}

} // namespace

pool::pool(std::shared_ptr<const detail::pool_state> state) noexcept
    : front_{std::move(state)},
      cache_number_{front_ ? front_->cache_number() : 0} {}

const detail::pool_state& pool::state() const noexcept { return detail::pool_state::of(*front_); }

std::shared_ptr<const detail::pool_state> pool::shared_state() const noexcept {
    return {front_, &state()};
}

std::string_view pool::name() const noexcept { return state().info().name; }
std::uint32_t pool::block_size() const noexcept { return state().info().block_size; }
std::uint32_t pool::stride() const noexcept { return state().info().stride; }
std::uint32_t pool::alignment() const noexcept { return state().info().align; }
std::uint32_t pool::capacity() const noexcept { return state().info().max_blocks; }
storage_type pool::storage() const noexcept {
    return static_cast<storage_type>(state().info().storage);
}
bool pool::mappable() const noexcept { return state().mappable(); }

pool_usage pool::usage() const {
    std::error_code ec;
    const auto result = try_usage(ec);
    if (ec)
        refuse(ec, *this, "read usage");
    return result;
}

pool_usage pool::try_usage(std::error_code& ec) const noexcept { return state().usage(ec); }

std::uint32_t pool::trim() const noexcept { return state().trim(); }

std::vector<held_block> pool::held() const {
    if (!state().notes())
        refuse(errc::not_noted, *this, "list the blocks held");
    return state().held();
}

block pool::allocate_slowly(contents wanted) const {
    std::error_code ec;
    auto result = try_allocate_slowly(wanted, ec);
    if (ec)
        refuse(ec, *this, "allocate " + blocks(1));
    return result;
}

block pool::try_allocate_slowly(contents wanted, std::error_code& ec) const noexcept {
    const auto taken = state().allocate_one(wanted, counting::yes, ec);
    return taken ? block{*front_, taken} : block{};
}

handle pool::allocate_handle_slowly() const {
    std::error_code ec;
    const auto taken = try_allocate_handle_slowly(ec);
    if (ec)
        refuse(ec, *this, "allocate " + blocks(1));
    return taken;
}

handle pool::try_allocate_handle_slowly(std::error_code& ec) const noexcept {
    return state().allocate_one(contents::unspecified, counting::no, ec);
}

std::byte* pool::allocate_mapped_slowly() const {
    if (!mappable())
        refuse(errc::not_mappable, *this, "allocate " + blocks(1));
    return front_->address(front_->index_of(allocate_handle_slowly()));
}

std::byte* pool::try_allocate_bytes(std::error_code& ec) const noexcept {
    if (!mappable()) {
        ec = errc::not_mappable;
        return nullptr;
    }
    const auto taken = try_allocate_handle(ec);
    return taken ? front_->address(front_->index_of(taken)) : nullptr;
}

bool pool::try_deallocate_bytes(const void* block, std::error_code& ec) const noexcept {
    const auto index = front_->index_at(block);
    if (index == detail::geometry::no_index) {
        ec = errc::not_a_block;
        return false;
    }
    const auto name = front_->handle_of(index);
    if (!name) {
        ec = errc::double_free;
        return false;
    }
    return try_free(name, ec);
}

handle pool::handle_at(std::uint32_t index) const noexcept {
    return mappable() && index < capacity() ? front_->handle_of(index) : handle{};
}

void pool::deallocate_slowly(const void* block) const {
    std::error_code ec;
    const auto name = handle_of(block);
    if (try_deallocate_bytes(block, ec))
        return;
    std::array<char, 32> address{};
    std::snprintf(address.data(), address.size(), "%p", block);
    throw handle_error{
        ec, "deallocate the block at " + std::string{address.data()} + " of pool " + quoted(*this),
        name};
}

void pool::allocate(std::span<handle> handles, contents wanted) const {
    std::error_code ec;
    if (!try_allocate(handles, wanted, ec))
        refuse(ec, *this, "allocate " + blocks(handles.size()));
}

bool pool::try_allocate(std::span<handle> handles, contents wanted,
                        std::error_code& ec) const noexcept {
    state().allocate_all(handles, wanted, ec);
    return !ec;
}

block pool::allocate_until(deadline until, contents wanted) const {
    std::error_code ec;
    auto result = try_allocate_until(until, wanted, ec);
    if (ec)
        refuse(ec, *this, "wait for " + blocks(1));
    return result;
}

block pool::try_allocate_until(deadline until, contents wanted,
                               std::error_code& ec) const noexcept {
    handle taken;
    if (state().allocate_until({&taken, 1}, until, wanted, ec) == 0)
        return {};
    state().add_owner();
    return {*front_, taken};
}

void pool::allocate_until(std::span<handle> handles, deadline until, contents wanted) const {
    std::error_code ec;
    if (!try_allocate_until(handles, until, wanted, ec))
        refuse(ec, *this, "wait for " + blocks(handles.size()));
}

bool pool::try_allocate_until(std::span<handle> handles, deadline until, contents wanted,
                              std::error_code& ec) const noexcept {
    state().allocate_until(handles, until, wanted, ec);
    return !ec;
}

std::size_t pool::allocate_some(std::span<handle> handles, contents wanted) const {
    std::error_code ec;
    const auto taken = try_allocate_some(handles, wanted, ec);
    if (ec)
        refuse(ec, *this, "allocate up to " + blocks(handles.size()));
    return taken;
}

std::size_t pool::try_allocate_some(std::span<handle> handles, contents wanted,
                                    std::error_code& ec) const noexcept {
    return state().allocate_some(handles, wanted, ec);
}

void pool::free_slowly(handle name, detail::putting tried) const {
    std::error_code ec;
    if (!try_free_slowly(name, tried, ec))
        refuse(ec, *this, "free", name);
}

void pool::free(std::span<const handle> handles) const {
    std::error_code ec;
    const auto done = try_free(handles, ec);
    if (ec)
        refuse(ec, *this, in_series("free", done, handles.size()), handles[done], done);
}

bool pool::try_free_slowly(handle name, detail::putting tried, std::error_code& ec) const noexcept {
    return state().free_one(name, counting::no, tried, ec);
}

std::size_t pool::try_free(std::span<const handle> handles, std::error_code& ec) const noexcept {
    return state().free(handles, ec);
}

void pool::give(handle name, client_id receiver) const { give({&name, 1}, receiver); }

void pool::give(std::span<const handle> handles, client_id receiver) const {
    std::error_code ec;
    const auto done = try_give(handles, receiver, ec);
    if (ec) {
        const auto request = "give client " + std::to_string(static_cast<std::uint32_t>(receiver));
        refuse(ec, *this, in_series(request.c_str(), done, handles.size()), handles[done], done);
    }
}

bool pool::try_give(handle name, client_id receiver, std::error_code& ec) const noexcept {
    return try_give({&name, 1}, receiver, ec) == 1;
}

std::size_t pool::try_give(std::span<const handle> handles, client_id receiver,
                           std::error_code& ec) const noexcept {
    return state().give(handles, receiver, ec);
}

void pool::share(handle name, client_id receiver) const {
    std::error_code ec;
    if (!try_share(name, receiver, ec))
        refuse(ec, *this,
               "share with client " + std::to_string(static_cast<std::uint32_t>(receiver)), name);
}

bool pool::try_share(handle name, client_id receiver, std::error_code& ec) const noexcept {
    return state().share({&name, 1}, receiver, ec) == 1;
}

block pool::adopt(handle name) const {
    std::error_code ec;
    auto result = try_adopt(name, ec);
    if (ec)
        refuse(ec, *this, "adopt", name);
    return result;
}

block pool::try_adopt(handle name, std::error_code& ec) const noexcept {
    const auto now = state().check(name, ec);
    if (ec)
        return {};
    if (!index_of(name))
        ec = errc::wrong_pool;
    else if (!now.alive)
        ec = errc::stale_handle;
    else if (!now.mine)
        ec = errc::not_holder;
    if (ec)
        return {};
    state().received({&name, 1});
    state().add_owner();
    return {*front_, name};
}

handle_state pool::check(handle name) const {
    std::error_code ec;
    const auto result = try_check(name, ec);
    if (ec)
        refuse(ec, *this, "check", name);
    return result;
}

handle_state pool::try_check(handle name, std::error_code& ec) const noexcept {
    return state().check(name, ec);
}

void pool::read(handle name, std::uint32_t offset, std::span<std::byte> bytes) const {
    std::error_code ec;
    if (!try_read(name, offset, bytes, ec))
        refuse(ec, *this, transfer("read", offset, bytes.size()), name);
}

bool pool::try_read(handle name, std::uint32_t offset, std::span<std::byte> bytes,
                    std::error_code& ec) const noexcept {
    ec = state().read(name, offset, bytes);
    return !ec;
}

void pool::write(handle name, std::uint32_t offset, std::span<const std::byte> bytes) const {
    std::error_code ec;
    if (!try_write(name, offset, bytes, ec))
        refuse(ec, *this, transfer("write", offset, bytes.size()), name);
}

bool pool::try_write(handle name, std::uint32_t offset, std::span<const std::byte> bytes,
                     std::error_code& ec) const noexcept {
    ec = state().write(name, offset, bytes);
    return !ec;
}

} // namespace fixedpool
