/* SPDX-License-Identifier: MIT */
#include <fixedpool/channel.hpp>

#include <fixedpool/error.hpp>

#include "pool_state.hpp"

namespace fixedpool {
namespace {

std::uint32_t flags_of(channel_end end, blocking waits) noexcept {
    return static_cast<std::uint32_t>(end) |
           (waits == blocking::no ? FIXEDPOOL_CHANNEL_NONBLOCK : 0U);
}

std::string request_of(const char* verb, std::string_view name, const pool& carried) {
    return std::string{verb} + " channel '" + std::string{name} + "' of pool '" +
           std::string{carried.name()} + '\'';
}

} // namespace

channel::channel(std::shared_ptr<const detail::pool_state> carried,
                 std::unique_ptr<detail::channel_end> end) noexcept
    : pool_{std::move(carried)},
      end_{std::move(end)} {}

channel::channel() noexcept = default;
channel::channel(channel&& other) noexcept = default;
channel::~channel() = default;

channel& channel::operator=(channel&& other) noexcept {
    channel{std::move(other)}.swap(*this);
    return *this;
}

int channel::descriptor() const noexcept { return end_->descriptor(); }

void channel::refuse(std::error_code cause, const char* request) const {
    const std::string_view name = pool_->info().name;
    throw pool_error{cause, std::string{request} + " pool '" + std::string{name} + '\'', name};
}

channel channel::create(const pool& carried, const channel_options& options) {
    std::error_code ec;
    auto result = try_create(carried, options, ec);
    if (ec)
        throw pool_error{ec, request_of("create", options.name, carried), carried.name()};
    return result;
}

channel channel::try_create(const pool& carried, const channel_options& options,
                            std::error_code& ec) noexcept {
    auto made = carried.state().create_channel(options.name, options.capacity,
                                               flags_of(options.end, options.waits), ec);
    return ec ? channel{} : channel{carried.shared_state(), std::move(made)};
}

channel channel::open(const pool& carried, std::string_view name, channel_end end, blocking waits) {
    std::error_code ec;
    auto result = try_open(carried, name, end, waits, ec);
    if (ec)
        throw pool_error{ec, request_of("open", name, carried), carried.name()};
    return result;
}

channel channel::try_open(const pool& carried, std::string_view name, channel_end end,
                          blocking waits, std::error_code& ec) noexcept {
    auto opened = carried.state().open_channel(name, flags_of(end, waits), ec);
    return ec ? channel{} : channel{carried.shared_state(), std::move(opened)};
}

void channel::send(block&& sent) const {
    std::error_code ec;
    const auto name = sent.handle();
    if (!try_send(sent, ec))
        throw handle_error{
            ec, "send handle " + to_string(name) + " of pool '" + pool_->info().name + '\'', name};
}

bool channel::try_send(block& sent, std::error_code& ec) const noexcept {
    const auto name = sent.handle();
    if (try_send({&name, 1}, ec) == 0)
        return false;
    static_cast<void>(sent.release());
    return true;
}

std::size_t channel::try_send(std::span<const handle> handles, std::error_code& ec) const noexcept {
    // Before: the receiver may be another process.
    pool_->forget(handles);
    return end_->send(handles, ec);
}

block channel::receive() const {
    std::error_code ec;
    auto result = try_receive(ec);
    if (ec)
        refuse(ec, "receive a block of");
    return result;
}

block channel::try_receive(std::error_code& ec) const noexcept {
    handle name;
    if (try_receive({&name, 1}, ec) == 0)
        return {};
    pool_->add_owner();
    return {*pool_, name};
}

std::size_t channel::try_receive(std::span<handle> handles, std::error_code& ec) const noexcept {
    const auto received = end_->receive(handles, ec);
    pool_->received(handles.first(received));
    return received;
}

} // namespace fixedpool
