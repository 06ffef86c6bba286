/* SPDX-License-Identifier: MIT */
#include <fixedpool/typed_arena.hpp>

#include <new>
#include <string>

namespace fixedpool::detail {

block_list::block_list(pool blocks, fit element, std::error_code& ec) noexcept {
    ec.clear();
    if (!blocks)
        ec = errc::invalid_argument;
    else if (!blocks.mappable())
        ec = errc::not_mappable;
    else if (blocks.alignment() % element.alignment != 0 || blocks.block_size() < element.size)
        ec = errc::unfit_blocks;
    if (ec)
        return;
    per_block_ = blocks.block_size() / element.size;
    pool_ = std::move(blocks);
}

block_list::block_list(pool blocks, fit element) {
    std::error_code ec;
    const std::string name{blocks ? blocks.name() : std::string_view{}};
    block_list made{std::move(blocks), element, ec};
    if (ec)
        throw pool_error{ec,
                         "make an arena of objects of " + std::to_string(element.size) +
                             " bytes, aligned to " + std::to_string(element.alignment) +
                             ", of pool '" + name + '\'',
                         name};
    swap(made);
}

block_list::block_list(block_list&& other) noexcept { swap(other); }

void block_list::swap(block_list& other) noexcept {
    std::swap(pool_, other.pool_);
    std::swap(per_block_, other.per_block_);
    blocks_.swap(other.blocks_);
}

void block_list::push() {
    std::error_code ec;
    if (!try_push(ec))
        throw pool_error{ec,
                         "take a block for an arena of pool '" + std::string{pool_.name()} + '\'',
                         pool_.name()};
}

bool block_list::try_push(std::error_code& ec) noexcept {
    try {
        blocks_.emplace_back();
    } catch (const std::bad_alloc&) {
        ec = errc::out_of_memory;
        return false;
    }
    auto& added = blocks_.back();
    added.name = pool_.try_allocate_handle(ec);
    added.bytes = added.name ? pool_.get(added.name) : nullptr;
    if (added.bytes != nullptr)
        return true;
    if (!ec)
        ec = errc::stale_handle; // its version has been overwritten
    blocks_.pop_back();
    return false;
}

void block_list::pop() noexcept {
    std::error_code ignored;
    pool_.try_free(blocks_.back().name, ignored);
    blocks_.pop_back();
}

} // namespace fixedpool::detail
