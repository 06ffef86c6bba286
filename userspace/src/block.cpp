/* SPDX-License-Identifier: MIT */
#include <fixedpool/block.hpp>

#include <string>

#include <fixedpool/error.hpp>

#include "pool_state.hpp"

namespace fixedpool {

namespace {

const detail::pool_state& state_of(const detail::front& pool) noexcept {
    return detail::pool_state::of(pool);
}

} // namespace

void block::free_held(detail::putting tried) noexcept {
    std::error_code ignored;
    state_of(*pool_).free_one(handle_, detail::counting::yes, tried, ignored);
}

void block::drop_owner() noexcept { state_of(*pool_).drop_owner(); }

std::size_t block::size() const noexcept {
    return pool_ != nullptr ? state_of(*pool_).info().block_size : 0;
}

namespace {

[[noreturn]] void refuse(std::error_code cause, const char* verb, client_id receiver,
                         const detail::pool_state& owner, handle refused) {
    throw handle_error{cause,
                       std::string{verb} + std::to_string(static_cast<std::uint32_t>(receiver)) +
                           " handle " + to_string(refused) + " of pool '" + owner.info().name +
                           '\'',
                       refused};
}

} // namespace

handle block::give(client_id receiver) {
    std::error_code ec;
    const auto& from = state_of(*pool_);
    const auto given = try_give(receiver, ec);
    if (ec)
        refuse(ec, "give client ", receiver, from, handle_);
    return given;
}

handle block::try_give(client_id receiver, std::error_code& ec) noexcept {
    if (state_of(*pool_).give({&handle_, 1}, receiver, ec) == 0)
        return {};
    return release();
}

handle block::share(client_id receiver) const {
    std::error_code ec;
    const auto shared = try_share(receiver, ec);
    if (ec)
        refuse(ec, "share with client ", receiver, state_of(*pool_), handle_);
    return shared;
}

handle block::try_share(client_id receiver, std::error_code& ec) const noexcept {
    return state_of(*pool_).share({&handle_, 1}, receiver, ec) == 1 ? handle_ : fixedpool::handle{};
}

} // namespace fixedpool
