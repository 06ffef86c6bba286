/* SPDX-License-Identifier: MIT */
#include <fixedpool/buddy_resource.hpp>

#include <algorithm>
#include <bit>
#include <functional>
#include <new>
#include <string>
#include <utility>

#include <fixedpool/error.hpp>

#include "cut.hpp"
#include "upstream.hpp"

namespace fixedpool {
namespace {

template <typename T>
T* load(T*& link) noexcept {
    return __atomic_load_n(&link, __ATOMIC_RELAXED);
}

template <typename T>
void store(T*& link, T* target) noexcept {
    __atomic_store_n(&link, target, __ATOMIC_RELAXED);
}

} // namespace

std::error_code buddy_resource::suits(const pool& blocks, std::size_t smallest) noexcept {
    static_assert(sizeof(free_piece) <= least_piece);
    if (!blocks || !std::has_single_bit(smallest) || smallest < least_piece)
        return errc::invalid_argument;
    if (!blocks.mappable())
        return errc::not_mappable;
    if (blocks.block_size() < smallest || blocks.alignment() % 16 != 0)
        return errc::unfit_blocks;
    return {};
}

buddy_resource::buddy_resource(pool blocks, std::size_t smallest,
                               std::pmr::memory_resource* upstream)
    : pool_{std::move(blocks)},
      smallest_{smallest},
      smallest_bits_{static_cast<unsigned>(std::countr_zero(smallest))},
      upstream_{upstream} {
    if (const auto ec = suits(pool_, smallest)) {
        const std::string name{pool_ ? pool_.name() : std::string_view{}};
        throw pool_error{
            ec, "cut pieces of " + std::to_string(smallest) + " bytes from pool '" + name + '\'',
            name};
    }
    top_ = static_cast<unsigned>(std::bit_width(pool_.block_size() / smallest)) - 1;
}

std::unique_ptr<buddy_resource> buddy_resource::try_create(const pool& blocks, std::size_t smallest,
                                                           std::pmr::memory_resource* upstream,
                                                           std::error_code& ec) noexcept {
    ec = suits(blocks, smallest);
    if (ec)
        return {};
    std::unique_ptr<buddy_resource> made{new (std::nothrow)
                                             buddy_resource{blocks, smallest, upstream}};
    if (!made)
        ec = errc::out_of_memory;
    return made;
}

buddy_resource::~buddy_resource() { release(); }

void buddy_resource::release() noexcept {
    for (const auto& each : roots_) {
        std::error_code ignored;
        pool_.try_free(each.name, ignored);
    }
    roots_.clear();
    free_.fill(nullptr);
    free_count_.fill(0);
}

std::size_t buddy_resource::piece_size(std::size_t bytes) const noexcept {
    return serves(bytes, 1) ? smallest_ << order_for(bytes, 1) : 0;
}

bool buddy_resource::serves(std::size_t bytes, std::size_t alignment) const noexcept {
    return std::max(bytes, alignment) <= largest_piece() && alignment <= pool_.alignment();
}

unsigned buddy_resource::order_for(std::size_t bytes, std::size_t alignment) const noexcept {
    const auto size = std::bit_ceil(std::max({bytes, alignment, smallest_}));
    return static_cast<unsigned>(std::countr_zero(size)) - smallest_bits_;
}

std::size_t buddy_resource::number_of(const root& in, const std::byte* piece,
                                      unsigned order) const noexcept {
    const auto offset = static_cast<std::size_t>(piece - in.base);
    return (std::size_t{1} << (top_ - order)) + (offset >> (smallest_bits_ + order));
}

/** The block that @p piece lies in; null if in none. */
buddy_resource::root* buddy_resource::root_of(const void* piece) noexcept {
    const auto* const address = static_cast<const std::byte*>(piece);
    const auto after = std::ranges::upper_bound(roots_, address, std::less<>{}, &root::base);
    if (after == roots_.begin())
        return nullptr;
    auto& found = *std::prev(after);
    return static_cast<std::size_t>(address - found.base) < largest_piece() ? &found : nullptr;
}

/** Wherever @p piece points to. */
bool buddy_resource::is_free(const free_piece* piece, unsigned order) noexcept {
    const auto* const in = root_of(piece);
    if (in == nullptr)
        return false;
    const auto* const bytes = reinterpret_cast<const std::byte*>(piece);
    return (static_cast<std::size_t>(bytes - in->base) & ((smallest_ << order) - 1)) == 0 &&
           in->states[number_of(*in, bytes, order)] == state::free;
}

void buddy_resource::link(root& in, std::byte* piece, unsigned order) noexcept {
    auto*& first = free_[order];
    auto* const linked = std::construct_at(reinterpret_cast<free_piece*>(piece),
                                           free_piece{.next = first, .previous = nullptr});
    if (first != nullptr)
        store(first->previous, linked);
    first = linked;
    ++free_count_[order];
    in.states[number_of(in, piece, order)] = state::free;
}

/** The links are memory that others can write to: each is read once, then looked at. */
void buddy_resource::unlink(root& in, std::byte* piece, unsigned order) noexcept {
    auto* const linked = std::launder(reinterpret_cast<free_piece*>(piece));
    auto* const next = load(linked->next);
    auto* const previous = load(linked->previous);
    const bool is_first = free_[order] == linked;
    const bool good =
        (next == nullptr || (is_free(next, order) && load(next->previous) == linked)) &&
        (is_first || (is_free(previous, order) && load(previous->next) == linked));
    --free_count_[order];
    in.states[number_of(in, piece, order)] = state::none;
    if (good && next != nullptr)
        store(next->previous, is_first ? nullptr : previous);
    if (good && is_first)
        free_[order] = next;
    else if (good)
        store(previous->next, next);
    if (!good || (free_[order] == nullptr && free_count_[order] != 0))
        link_anew(order);
}

void buddy_resource::link_anew(unsigned order) noexcept {
    free_[order] = nullptr;
    free_count_[order] = 0;
    const auto first = std::size_t{1} << (top_ - order);
    for (auto& in : roots_)
        for (std::size_t i = 0; i < first; ++i)
            if (in.states[first + i] == state::free)
                link(in, in.base + i * (smallest_ << order), order);
}

bool buddy_resource::add_block(std::error_code& ec) noexcept {
    try {
        root added{.name = {}, .base = {}, .states = std::vector<state>(std::size_t{2} << top_)};
        if (roots_.size() == roots_.capacity())
            roots_.reserve(std::max<std::size_t>(8, 2 * roots_.size()));
        added.name = pool_.try_allocate_handle(ec);
        added.base = added.name ? pool_.get(added.name) : nullptr;
        if (added.base == nullptr) {
            if (!ec)
                ec = errc::stale_handle; // its version has been overwritten
            return false;
        }
        const auto after = std::ranges::upper_bound(roots_, added.base, std::less<>{}, &root::base);
        const auto where = roots_.insert(after, std::move(added));
        link(*where, where->base, top_);
        return true;
    } catch (const std::bad_alloc&) {
        ec = errc::out_of_memory;
        return false;
    }
}

/** @p whole is free, and in no list. */
void buddy_resource::drop_block(root& whole) noexcept {
    std::error_code ignored;
    pool_.try_free(whole.name, ignored);
    roots_.erase(roots_.begin() + (&whole - roots_.data()));
}

std::byte* buddy_resource::take_piece(unsigned order, std::error_code& ec) noexcept {
    auto have = order;
    while (have <= top_ && free_[have] == nullptr)
        ++have;
    if (have > top_) {
        if (!add_block(ec))
            return nullptr;
        have = top_;
    }
    auto* const piece = reinterpret_cast<std::byte*>(free_[have]);
    auto& in = *root_of(piece);
    unlink(in, piece, have);
    while (have > order) {
        --have;
        link(in, piece + (smallest_ << have), have);
    }
    in.states[number_of(in, piece, order)] = state::taken;
    return piece;
}

/** Null without an error: it is upstream's. */
void* buddy_resource::take(std::size_t bytes, std::size_t alignment, std::error_code& ec) noexcept {
    ec.clear();
    if (!std::has_single_bit(alignment))
        ec = errc::invalid_argument;
    else if (serves(bytes, alignment)) [[likely]]
        return take_piece(order_for(bytes, alignment), ec);
    else if (upstream_ == nullptr)
        ec = errc::no_upstream;
    return nullptr;
}

void* buddy_resource::do_allocate(std::size_t bytes, std::size_t alignment) {
    std::error_code ec;
    if (auto* const piece = take(bytes, alignment, ec)) [[likely]]
        return piece;
    if (!ec)
        return upstream_->allocate(bytes, alignment);
    detail::refuse_piece(ec, bytes, alignment, pool_);
}

void* buddy_resource::try_allocate(std::size_t bytes, std::size_t alignment,
                                   std::error_code& ec) noexcept {
    auto* const piece = take(bytes, alignment, ec);
    return piece != nullptr || ec ? piece : detail::try_take(*upstream_, bytes, alignment, ec);
}

/** False without an error: it is upstream's. */
bool buddy_resource::keep(void* memory, std::size_t bytes, std::size_t alignment,
                          std::error_code& ec) noexcept {
    ec.clear();
    if (!serves(bytes, alignment)) {
        if (upstream_ == nullptr || pool_.contains(memory))
            ec = errc::not_a_block;
        return false;
    }
    auto* const in = root_of(memory);
    auto* const piece = static_cast<std::byte*>(memory);
    const auto order = order_for(bytes, alignment);
    if (in == nullptr ||
        (static_cast<std::size_t>(piece - in->base) & ((smallest_ << order) - 1)) != 0 ||
        in->states[number_of(*in, piece, order)] != state::taken) {
        ec = errc::not_a_block;
        return false;
    }
    keep_piece(*in, piece, order);
    return true;
}

void buddy_resource::keep_piece(root& in, std::byte* piece, unsigned order) noexcept {
    in.states[number_of(in, piece, order)] = state::none;
    while (order < top_) {
        const auto offset = static_cast<std::size_t>(piece - in.base);
        auto* const other = in.base + (offset ^ (smallest_ << order));
        if (in.states[number_of(in, other, order)] != state::free)
            break;
        unlink(in, other, order);
        piece = std::min(piece, other);
        ++order;
    }
    if (order == top_ && free_[top_] != nullptr)
        drop_block(in);
    else
        link(in, piece, order);
}

void buddy_resource::do_deallocate(void* memory, std::size_t bytes, std::size_t alignment) {
    std::error_code ec;
    if (keep(memory, bytes, alignment, ec)) [[likely]]
        return;
    if (ec)
        detail::refuse_return(ec, bytes, pool_);
    upstream_->deallocate(memory, bytes, alignment);
}

bool buddy_resource::try_deallocate(void* memory, std::size_t bytes, std::size_t alignment,
                                    std::error_code& ec) noexcept {
    return keep(memory, bytes, alignment, ec) ||
           (!ec && detail::try_give(*upstream_, memory, bytes, alignment, ec));
}

} // namespace fixedpool
