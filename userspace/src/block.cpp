/* SPDX-License-Identifier: MIT */
#include <fixedpool/block.hpp>

#include <string>

#include <fixedpool/error.hpp>

#include "pool_state.hpp"

namespace fixedpool {

block::block(std::shared_ptr<const detail::pool_state> owner, fixedpool::handle held) noexcept
    : pool_{std::move(owner)},
      handle_{held},
      data_{pool_->address(*pool_->index_of(held))} {}

void block::free_held() noexcept {
    std::error_code ignored;
    pool_->free({&handle_, 1}, ignored);
}

std::size_t block::size() const noexcept { return pool_ ? pool_->info().block_size : 0; }

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
    const auto given = try_give(receiver, ec);
    if (ec)
        refuse(ec, "give client ", receiver, *pool_, handle_);
    return given;
}

handle block::try_give(client_id receiver, std::error_code& ec) noexcept {
    if (pool_->give({&handle_, 1}, receiver, ec) == 0)
        return {};
    return release();
}

handle block::share(client_id receiver) const {
    std::error_code ec;
    const auto shared = try_share(receiver, ec);
    if (ec)
        refuse(ec, "share with client ", receiver, *pool_, handle_);
    return shared;
}

handle block::try_share(client_id receiver, std::error_code& ec) const noexcept {
    return pool_->share({&handle_, 1}, receiver, ec) == 1 ? handle_ : fixedpool::handle{};
}

} // namespace fixedpool
