/* SPDX-License-Identifier: MIT */
#include <fixedpool/arena.hpp>

#include <algorithm>
#include <atomic>
#include <bit>
#include <memory>
#include <new>
#include <string>

#include "round.hpp"

namespace fixedpool {
namespace {

constexpr std::size_t least_chunk = 64;

std::size_t padding(const std::byte* from, std::size_t alignment) noexcept {
    return -reinterpret_cast<std::uintptr_t>(from) & (alignment - 1);
}

/** Markers of different arenas, and of the same place at different times, differ. */
std::uint64_t next_number() noexcept {
    static std::atomic<std::uint64_t> last = 0;
    return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

void give_back(const pool& blocks, handle name) noexcept {
    std::error_code ignored;
    if (name)
        blocks.try_free(name, ignored);
}

} // namespace

struct arena::upstream_record : cleanup {
    std::pmr::memory_resource* from;
    void* memory;
    std::size_t bytes;
    std::size_t alignment;
};

std::error_code arena::suits(const pool& blocks) noexcept {
    static_assert(sizeof(chunk) + std::max(sizeof(mark_record), sizeof(upstream_record)) <=
                  least_chunk);
    if (!blocks)
        return errc::invalid_argument;
    if (!blocks.mappable())
        return errc::not_mappable;
    if (blocks.block_size() < least_chunk || blocks.alignment() % alignof(mark_record) != 0)
        return errc::unfit_blocks;
    return {};
}

arena::arena(pool blocks, std::pmr::memory_resource* upstream)
    : pool_{std::move(blocks)},
      upstream_{upstream} {
    const auto ec = suits(pool_);
    if (!ec)
        return;
    const std::string name{pool_ ? pool_.name() : std::string_view{}};
    throw pool_error{ec, "make an arena of pool '" + name + '\'', name};
}

std::unique_ptr<arena> arena::try_create(const pool& blocks, std::pmr::memory_resource* upstream,
                                         std::error_code& ec) noexcept {
    ec = suits(blocks);
    if (ec)
        return {};
    std::unique_ptr<arena> made{new (std::nothrow) arena{blocks, upstream}};
    if (!made)
        ec = errc::out_of_memory;
    return made;
}

arena::~arena() { release(); }

void* arena::cut(std::size_t bytes, std::size_t alignment) noexcept {
    const auto left = static_cast<std::size_t>(end_ - at_.next);
    const auto skipped = padding(at_.next, alignment);
    if (skipped > left || bytes > left - skipped)
        return nullptr;
    auto* const piece = at_.next + skipped;
    at_.next = piece + bytes;
    return piece;
}

/** Into a block of which nothing has been taken. */
bool arena::fits(std::size_t bytes, std::size_t alignment) const noexcept {
    const std::size_t certain = std::min<std::size_t>(alignment, pool_.alignment());
    const auto first = detail::rounded_up(sizeof(chunk), certain) + (alignment - certain);
    return first <= pool_.block_size() && bytes <= pool_.block_size() - first;
}

bool arena::add_block(std::error_code& ec) noexcept {
    const auto added = pool_.try_allocate_handle(ec);
    auto* const bytes = added ? pool_.get(added) : nullptr;
    if (bytes == nullptr) {
        if (!ec)
            ec = errc::stale_handle; // its version has been overwritten
        return false;
    }
    std::construct_at(reinterpret_cast<chunk*>(bytes), chunk{at_.top});
    at_ = {.top = added, .next = bytes + sizeof(chunk)};
    end_ = bytes + pool_.block_size();
    ++held_;
    return true;
}

/** Null without an error: it is upstream's. */
void* arena::take(std::size_t bytes, std::size_t alignment, std::error_code& ec) noexcept {
    ec.clear();
    if (!std::has_single_bit(alignment)) {
        ec = errc::invalid_argument;
        return nullptr;
    }
    bytes = std::max<std::size_t>(bytes, 1);
    if (auto* const piece = cut(bytes, alignment)) [[likely]]
        return piece;
    if (fits(bytes, alignment))
        return add_block(ec) ? cut(bytes, alignment) : nullptr;
    if (upstream_ == nullptr)
        ec = errc::no_upstream;
    return nullptr;
}

/** Notes that in @p room, taken after @p before. */
void* arena::take_upstream(std::size_t bytes, std::size_t alignment, void* room, position before) {
    try {
        auto* const record = std::construct_at(
            static_cast<upstream_record*>(room),
            upstream_record{
                {}, upstream_, upstream_->allocate(bytes, alignment), bytes, alignment});
        push(*record, [](cleanup& each) noexcept {
            // NOLINTNEXTLINE(*-static-cast-downcast): it is one
            auto& gone = static_cast<upstream_record&>(each);
            gone.from->deallocate(gone.memory, gone.bytes, gone.alignment);
        });
        return record->memory;
    } catch (...) {
        go_back_to(before);
        throw;
    }
}

void arena::refuse(std::error_code cause, std::size_t bytes, std::size_t alignment) const {
    throw bad_alloc{pool_error{cause,
                               "allocate " + std::to_string(bytes) + " bytes, aligned to " +
                                   std::to_string(alignment) + ", of an arena of pool '" +
                                   std::string{pool_.name()} + '\'',
                               pool_.name()}};
}

void* arena::do_allocate(std::size_t bytes, std::size_t alignment) {
    std::error_code ec;
    if (auto* const piece = take(bytes, alignment, ec)) [[likely]]
        return piece;
    const auto before = at_;
    auto* const room = ec ? nullptr : take(sizeof(upstream_record), alignof(upstream_record), ec);
    if (ec)
        refuse(ec, bytes, alignment);
    return take_upstream(bytes, alignment, room, before);
}

void* arena::try_allocate(std::size_t bytes, std::size_t alignment, std::error_code& ec) noexcept {
    auto* const piece = take(bytes, alignment, ec);
    if (piece != nullptr || ec)
        return piece;
    const auto before = at_;
    auto* const room = take(sizeof(upstream_record), alignof(upstream_record), ec);
    if (ec)
        return nullptr;
    try {
        return take_upstream(bytes, alignment, room, before);
    } catch (const bad_alloc& refused) {
        ec = refused.code();
    } catch (...) {
        ec = errc::out_of_memory;
    }
    return nullptr;
}

arena::marker arena::put_mark(void* room, position before) noexcept {
    marks_ = std::construct_at(static_cast<mark_record*>(room),
                               mark_record{marks_, cleanups_, before, at_.top, next_number()});
    marker made;
    made.record_ = marks_;
    made.number_ = marks_->number;
    return made;
}

arena::marker arena::mark() {
    std::error_code ec;
    const auto made = try_mark(ec);
    if (ec)
        refuse(ec, sizeof(mark_record), alignof(mark_record));
    return made;
}

arena::marker arena::try_mark(std::error_code& ec) noexcept {
    const auto before = at_;
    void* const room = take(sizeof(mark_record), alignof(mark_record), ec);
    return room != nullptr ? put_mark(room, before) : marker{};
}

void arena::rewind(marker to) {
    std::error_code ec;
    if (!try_rewind(to, ec))
        throw error{ec, "rewind an arena of pool '" + std::string{pool_.name()} + '\''};
}

bool arena::try_rewind(marker to, std::error_code& ec) noexcept {
    return rewind_to(to, rewinding::after, ec);
}

bool arena::rewind_to(marker to, rewinding where, std::error_code& ec) noexcept {
    auto* found = marks_;
    while (found != nullptr && found != to.record_)
        found = found->older;
    if (found == nullptr || found->number != to.number_) {
        ec = errc::stale_marker;
        return false;
    }
    ec.clear();
    run_down_to(found->cleanups);
    const bool keep = where == rewinding::after;
    auto* const end = reinterpret_cast<std::byte*>(found) + sizeof(*found);
    marks_ = keep ? found : found->older;
    go_back_to(keep ? position{.top = found->top, .next = end} : found->before);
    return true;
}

void arena::release() noexcept {
    run_down_to(nullptr);
    marks_ = nullptr;
    go_back_to({});
}

void arena::run_down_to(const cleanup* last) noexcept {
    while (cleanups_ != last && cleanups_ != nullptr) {
        auto& youngest = *cleanups_;
        cleanups_ = youngest.below;
        youngest.run(youngest);
    }
}

void arena::go_back_to(position where) noexcept {
    while (at_.top && at_.top != where.top) {
        const auto gone = at_.top;
        const auto* const bytes = pool_.get(gone);
        at_.top = bytes != nullptr ? std::launder(reinterpret_cast<const chunk*>(bytes))->below
                                   : handle{};
        --held_;
        give_back(pool_, gone);
    }
    auto* const bytes = pool_.get(at_.top);
    if (bytes == nullptr) {
        // All is gone, or, where somebody has freed or overwritten blocks, not to be found: then
        // they go back when the pool is left.
        at_ = {};
        end_ = nullptr;
        cleanups_ = nullptr;
        marks_ = nullptr;
        held_ = 0;
        return;
    }
    at_ = where;
    end_ = bytes + pool_.block_size();
}

} // namespace fixedpool
