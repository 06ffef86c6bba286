/* SPDX-License-Identifier: MIT */
#include <fixedpool/shared_block.hpp>

#include <memory>
#include <new>
#include <string>

#include <fixedpool/error.hpp>

namespace fixedpool {

shared_block::shared_block(block&& owner) {
    std::error_code ec;
    *this = try_share(std::move(owner), ec);
    if (ec)
        throw error{ec, "share a block"};
}

shared_block shared_block::try_share(block&& owner, std::error_code& ec) noexcept {
    ec.clear();
    shared_block made;
    if (!owner)
        return made;
    // NOLINTNEXTLINE(*-owning-memory): of give_back()
    made.count_ = new (std::nothrow) count{.owners = 1, .held = {}, .home = {}};
    if (made.count_ != nullptr)
        made.count_->held = std::move(owner);
    else
        ec = errc::out_of_memory;
    return made;
}

shared_block::shared_block(block&& owner, const pool& counts) {
    std::error_code ec;
    *this = try_share(std::move(owner), counts, ec);
    if (!ec)
        return;
    const std::string_view name = counts ? counts.name() : std::string_view{};
    throw pool_error{ec, "count owners of a block in pool '" + std::string{name} + '\'', name};
}

shared_block shared_block::try_share(block&& owner, const pool& counts,
                                     std::error_code& ec) noexcept {
    ec.clear();
    shared_block made;
    if (!counts)
        ec = errc::invalid_argument;
    else if (counts.block_size() < count_size || counts.alignment() % alignof(count) != 0)
        ec = errc::unfit_blocks;
    if (ec || !owner)
        return made;
    if (auto* const bytes = counts.try_allocate_bytes(ec))
        // NOLINTNEXTLINE(*-owning-memory): no more than a place
        made.count_ = new (bytes) count{.owners = 1, .held = std::move(owner), .home = counts};
    return made;
}

void shared_block::give_back() noexcept {
    const pool home = std::move(count_->home);
    if (!home) {
        delete count_;
        return;
    }
    std::destroy_at(count_);
    std::error_code ignored;
    home.try_deallocate_bytes(count_, ignored);
}

} // namespace fixedpool
