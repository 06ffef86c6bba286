/* SPDX-License-Identifier: MIT */
#include <fixedpool/memory_resource.hpp>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <new>
#include <string>
#include <utility>

#include <fixedpool/error.hpp>

#include "tally.hpp"
#include "upstream.hpp"

namespace fixedpool {
namespace {

// What is counted: these for every pool, then the rest.
enum : std::size_t { served, fell_back, taken_back, per_pool };
enum : std::size_t { upstream_served, refusals, in_all };

constexpr std::size_t counter(std::size_t pool, std::size_t which) noexcept {
    return in_all + pool * per_pool + which;
}

/** Where requests go that no pool can serve, whatever is free. */
constexpr std::size_t none = SIZE_MAX;

[[noreturn]] void refuse_pools(std::error_code cause, std::string_view name) {
    throw pool_error{cause,
                     "make a memory resource of pools" +
                         (name.empty() ? std::string{} : ", of them '" + std::string{name} + '\''),
                     name};
}

std::string described(std::size_t bytes, std::size_t alignment, std::size_t pools) {
    return std::to_string(bytes) + " bytes, aligned to " + std::to_string(alignment) + ", of " +
           std::to_string(pools) + " pools";
}

} // namespace

memory_resource::parts memory_resource::prepare(std::span<const pool> pools,
                                                std::error_code& ec) noexcept {
    ec.clear();
    try {
        parts made{.pools = {pools.begin(), pools.end()}, .classes = {}, .tally = {}};
        if (pools.empty() || std::ranges::find(pools, pool{}) != pools.end()) {
            ec = errc::invalid_argument;
            return {};
        }
        std::ranges::stable_sort(made.pools, {}, [](const pool& each) {
            return std::pair{each.block_size(), each.alignment()};
        });
        for (auto each = made.pools.begin(); each != made.pools.end(); ++each) {
            if (!each->mappable())
                ec = errc::not_mappable;
            if (std::find(std::next(each), made.pools.end(), *each) != made.pools.end())
                ec = errc::invalid_argument;
            made.classes.push_back({.size = each->block_size(), .alignment = each->alignment()});
        }
        made.tally = std::make_unique<detail::tally>(counter(pools.size(), 0));
        return ec ? parts{} : std::move(made);
    } catch (const std::bad_alloc&) {
        ec = errc::out_of_memory;
        return {};
    }
}

memory_resource::parts memory_resource::prepare(const client& owner,
                                                std::span<const pool_options> classes,
                                                std::string_view& refused,
                                                std::error_code& ec) noexcept {
    ec.clear();
    try {
        std::vector<pool> pools;
        for (const auto& wanted : classes) {
            auto options = wanted;
            options.auto_destroy = true;
            pools.push_back(owner.try_create(options, ec));
            refused = wanted.name;
            if (ec)
                return {};
        }
        refused = {};
        return prepare(pools, ec);
    } catch (const std::bad_alloc&) {
        ec = errc::out_of_memory;
        return {};
    }
}

memory_resource::memory_resource(parts of, std::pmr::memory_resource* upstream) noexcept
    : parts_{std::move(of)},
      upstream_{upstream} {}

memory_resource::memory_resource(std::span<const pool> pools, std::pmr::memory_resource* upstream)
    : memory_resource{[&] {
                          std::error_code ec;
                          auto made = prepare(pools, ec);
                          if (ec)
                              refuse_pools(ec, {});
                          return made;
                      }(),
                      upstream} {}

memory_resource::memory_resource(const client& owner, std::span<const pool_options> classes,
                                 std::pmr::memory_resource* upstream)
    : memory_resource{[&] {
                          std::error_code ec;
                          std::string_view refused;
                          auto made = prepare(owner, classes, refused, ec);
                          if (ec)
                              refuse_pools(ec, refused);
                          return made;
                      }(),
                      upstream} {}

std::unique_ptr<memory_resource>
memory_resource::make(parts of, std::pmr::memory_resource* upstream, std::error_code& ec) noexcept {
    if (ec)
        return {};
    std::unique_ptr<memory_resource> made{new (std::nothrow)
                                              memory_resource{std::move(of), upstream}};
    if (!made)
        ec = errc::out_of_memory;
    return made;
}

std::unique_ptr<memory_resource> memory_resource::try_create(std::span<const pool> pools,
                                                             std::pmr::memory_resource* upstream,
                                                             std::error_code& ec) noexcept {
    auto prepared = prepare(pools, ec);
    return make(std::move(prepared), upstream, ec);
}

std::unique_ptr<memory_resource> memory_resource::try_create(const client& owner,
                                                             std::span<const pool_options> classes,
                                                             std::pmr::memory_resource* upstream,
                                                             std::error_code& ec) noexcept {
    std::string_view refused;
    auto prepared = prepare(owner, classes, refused, ec);
    return make(std::move(prepared), upstream, ec);
}

memory_resource::~memory_resource() = default;

std::size_t memory_resource::first_for(std::size_t bytes, std::size_t alignment) const noexcept {
    for (std::size_t number = 0; number < parts_.classes.size(); ++number)
        if (parts_.classes[number].size >= bytes && parts_.classes[number].alignment >= alignment)
            return number;
    return none;
}

/** From pool @p first, or a larger one. */
void* memory_resource::take_from(std::size_t first, std::size_t alignment,
                                 std::error_code& ec) noexcept {
    for (auto number = first; number < parts_.pools.size(); ++number) {
        if (parts_.classes[number].alignment < alignment)
            continue;
        if (auto* const block = parts_.pools[number].try_allocate_bytes(ec)) [[likely]] {
            parts_.tally->count(counter(number, served));
            if (number != first)
                parts_.tally->count(counter(number, fell_back));
            return block;
        }
    }
    parts_.tally->count(refusals);
    return nullptr;
}

/** Null without an error: it is upstream's. */
void* memory_resource::take(std::size_t bytes, std::size_t alignment,
                            std::error_code& ec) noexcept {
    ec.clear();
    const auto first = first_for(bytes, alignment);
    if (!std::has_single_bit(alignment)) {
        ec = errc::invalid_argument;
    } else if (first != none) [[likely]] {
        return take_from(first, alignment, ec);
    } else if (upstream_ == nullptr) {
        parts_.tally->count(refusals);
        ec = errc::no_upstream;
    }
    return nullptr;
}

void* memory_resource::do_allocate(std::size_t bytes, std::size_t alignment) {
    std::error_code ec;
    if (auto* const block = take(bytes, alignment, ec)) [[likely]]
        return block;
    if (ec)
        throw bad_alloc{error{ec, "allocate " + described(bytes, alignment, parts_.pools.size())}};
    auto* const memory = upstream_->allocate(bytes, alignment);
    parts_.tally->count(upstream_served);
    return memory;
}

void* memory_resource::try_allocate(std::size_t bytes, std::size_t alignment,
                                    std::error_code& ec) noexcept {
    auto* const block = take(bytes, alignment, ec);
    if (block != nullptr || ec)
        return block;
    auto* const memory = detail::try_take(*upstream_, bytes, alignment, ec);
    if (memory != nullptr)
        parts_.tally->count(upstream_served);
    return memory;
}

/** False without an error: it is upstream's. */
bool memory_resource::keep(void* memory, std::size_t bytes, std::size_t alignment,
                           std::error_code& ec) noexcept {
    ec.clear();
    const auto first = first_for(bytes, alignment);
    for (auto number = first; number < parts_.pools.size(); ++number) {
        if (!parts_.pools[number].owns(memory))
            continue;
        const bool kept = parts_.pools[number].try_deallocate_bytes(memory, ec);
        if (kept) [[likely]]
            parts_.tally->count(counter(number, taken_back));
        return kept;
    }
    const auto is_inside = [=](const pool& each) { return each.contains(memory); };
    if (first != none || upstream_ == nullptr || std::ranges::any_of(parts_.pools, is_inside))
        ec = errc::not_a_block;
    return false;
}

void memory_resource::do_deallocate(void* memory, std::size_t bytes, std::size_t alignment) {
    std::error_code ec;
    if (keep(memory, bytes, alignment, ec)) [[likely]]
        return;
    if (ec)
        throw handle_error{
            ec, "deallocate " + described(bytes, alignment, parts_.pools.size()), {}};
    upstream_->deallocate(memory, bytes, alignment);
}

bool memory_resource::try_deallocate(void* memory, std::size_t bytes, std::size_t alignment,
                                     std::error_code& ec) noexcept {
    const bool kept = keep(memory, bytes, alignment, ec);
    return kept || (!ec && detail::try_give(*upstream_, memory, bytes, alignment, ec));
}

bool memory_resource::do_is_equal(const std::pmr::memory_resource& other) const noexcept {
    if (this == &other)
        return true;
    const auto* const same = dynamic_cast<const memory_resource*>(&other);
    return same != nullptr && std::ranges::is_permutation(same->parts_.pools, parts_.pools) &&
           (same->upstream_ == upstream_ || (upstream_ != nullptr && same->upstream_ != nullptr &&
                                             upstream_->is_equal(*same->upstream_)));
}

bool memory_resource::owns(const void* memory) const noexcept {
    return class_of(memory).has_value();
}

std::optional<std::size_t> memory_resource::class_of(const void* memory) const noexcept {
    for (std::size_t number = 0; number < parts_.pools.size(); ++number)
        if (parts_.pools[number].owns(memory))
            return number;
    return std::nullopt;
}

memory_resource::figures memory_resource::served_by(std::size_t number) const noexcept {
    return {.served = parts_.tally->sum(counter(number, served)),
            .fallbacks = parts_.tally->sum(counter(number, fell_back)),
            .taken_back = parts_.tally->sum(counter(number, taken_back))};
}

std::uint64_t memory_resource::served_upstream() const noexcept {
    return parts_.tally->sum(upstream_served);
}

std::uint64_t memory_resource::refused() const noexcept { return parts_.tally->sum(refusals); }

std::vector<pool_options> size_classes(const pool_options& each, std::uint32_t smallest,
                                       std::uint32_t largest) {
    constexpr std::uint32_t limit = std::uint32_t{1} << 31;
    if (smallest == 0 || smallest > largest || largest > limit)
        throw error{errc::invalid_argument, "make size classes from " + std::to_string(smallest) +
                                                " to " + std::to_string(largest) + " bytes"};
    std::vector<pool_options> classes;
    for (std::uint64_t size = std::bit_ceil(smallest); size < std::uint64_t{largest} * 2;
         size *= 2) {
        auto options = each;
        if (!options.name.empty())
            options.name += '-' + std::to_string(size);
        options.block_size = static_cast<std::uint32_t>(size);
        options.alignment = each.alignment != 0
                                ? each.alignment
                                : std::min(options.block_size,
                                           static_cast<std::uint32_t>(alignof(std::max_align_t)));
        classes.push_back(std::move(options));
    }
    return classes;
}

} // namespace fixedpool
