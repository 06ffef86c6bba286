/* SPDX-License-Identifier: MIT */
#include <fixedpool/detail/object_table.hpp>

#include <algorithm>
#include <string>

#include <fixedpool/error.hpp>

namespace fixedpool::detail {
namespace {

// What a pool that may grow begins with.
constexpr std::uint32_t first_blocks = 64;

[[noreturn]] void refuse_pool(std::error_code cause, std::string_view name, fit wanted) {
    throw pool_error{cause,
                     "keep objects of " + std::to_string(wanted.size) + " bytes, aligned to " +
                         std::to_string(wanted.alignment) + ", in pool '" + std::string{name} +
                         '\'',
                     name};
}

bool fits(std::size_t size, std::size_t alignment, fit wanted) noexcept {
    return size >= wanted.size && alignment % wanted.alignment == 0;
}

} // namespace

object_table::object_table(pool blocks, fit wanted, std::error_code& ec) noexcept
    : pool_{std::move(blocks)} {
    ec.clear();
    if (!pool_)
        ec = errc::invalid_argument;
    else if (!pool_.mappable())
        ec = errc::not_mappable;
    else if (!fits(pool_.block_size(), pool_.alignment(), wanted))
        ec = errc::unfit_blocks;
    if (ec)
        return;
    capacity_ = pool_.capacity();
    // NOLINTNEXTLINE(*-no-malloc, *-owning-memory): zeroed memory that is not touched
    versions_.reset(static_cast<std::uint32_t*>(std::calloc(capacity_, sizeof(std::uint32_t))));
    if (!versions_)
        ec = errc::out_of_memory;
}

object_table::object_table(pool blocks, fit wanted) {
    std::error_code ec;
    const std::string name{blocks ? blocks.name() : std::string_view{}};
    object_table made{std::move(blocks), wanted, ec};
    if (ec)
        refuse_pool(ec, name, wanted);
    *this = std::move(made);
}

object_table::object_table(const client& owner, const pool_options& options, fit wanted) {
    std::error_code ec;
    auto blocks = make_pool(owner, options, wanted, ec);
    if (ec)
        refuse_pool(ec, options.name, wanted);
    *this = object_table{std::move(blocks), wanted};
}

pool object_table::make_pool(const client& owner, const pool_options& options, fit wanted,
                             std::error_code& ec) noexcept {
    try {
        auto chosen = options;
        chosen.auto_destroy = true;
        if (chosen.block_size == 0)
            chosen.block_size = static_cast<std::uint32_t>(wanted.size);
        if (chosen.alignment == 0)
            chosen.alignment = static_cast<std::uint32_t>(
                std::max<std::size_t>(wanted.alignment, alignof(std::uint64_t)));
        if (chosen.blocks == 0)
            chosen.blocks = std::min(chosen.max_blocks, first_blocks);
        ec.clear();
        if (chosen.storage != storage_type::pages)
            ec = errc::not_mappable;
        else if (!fits(chosen.block_size, chosen.alignment, wanted))
            ec = errc::unfit_blocks;
        return ec ? pool{} : owner.try_create(chosen, ec);
    } catch (const std::bad_alloc&) {
        ec = errc::out_of_memory;
        return {};
    }
}

std::unique_ptr<object_table> object_table::try_make(const pool& blocks, fit wanted,
                                                     std::error_code& ec) noexcept {
    object_table made{blocks, wanted, ec};
    if (ec)
        return {};
    std::unique_ptr<object_table> result{new (std::nothrow) object_table{std::move(made)}};
    if (!result)
        ec = errc::out_of_memory;
    return result;
}

std::unique_ptr<object_table> object_table::try_make(const client& owner,
                                                     const pool_options& options, fit wanted,
                                                     std::error_code& ec) noexcept {
    const auto blocks = make_pool(owner, options, wanted, ec);
    return ec ? nullptr : try_make(blocks, wanted, ec);
}

std::uint32_t object_table::count() const noexcept {
    std::uint32_t found = 0;
    for (auto index = next(0); index < capacity_; index = next(index + 1))
        ++found;
    return found;
}

std::uint32_t object_table::take_over(handle name, std::error_code& ec) const noexcept {
    auto owner = pool_.try_adopt(name, ec);
    return ec ? 0 : *pool_.index_of(owner.release());
}

void object_table::give_back(std::span<const handle> names) const noexcept {
    while (!names.empty()) {
        std::error_code ignored;
        const auto done = pool_.try_free(names, ignored);
        names = names.subspan(std::min(done + 1, names.size())); // one refused, maybe
    }
}

void object_table::refuse(std::error_code cause, const char* request, handle name) const {
    throw handle_error{cause,
                       std::string{request} + ' ' + to_string(name) + " in pool '" +
                           std::string{pool_.name()} + '\'',
                       name};
}

} // namespace fixedpool::detail
