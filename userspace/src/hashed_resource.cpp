/* SPDX-License-Identifier: MIT */
#include <fixedpool/hashed_resource.hpp>

#include <algorithm>
#include <atomic>
#include <bit>
#include <chrono>
#include <functional>
#include <iterator>
#include <memory>
#include <new>
#include <string>
#include <utility>

#include <sys/random.h>
#include <unistd.h>

#include <fixedpool/error.hpp>

#include "cut.hpp"
#include "round.hpp"
#include "upstream.hpp"

namespace fixedpool {
namespace {

constexpr std::size_t least_block = 64;

/** The finalizer of SplitMix64: one bit of @p value changes half of the result. */
constexpr std::uint64_t mixed(std::uint64_t value) noexcept {
    value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9;
    value = (value ^ value >> 27) * 0x94d049bb133111eb;
    return value ^ value >> 31;
}

constexpr std::size_t piece_size(std::size_t size, std::size_t step) noexcept {
    return std::max(step, detail::rounded_up(size, step));
}

/** Also of other processes: their resources see the same blocks, maybe at the same address. */
std::uint64_t next_owner() noexcept {
    static std::atomic<std::uint64_t> last = 0;
    std::uint64_t number = 0;
    if (::getrandom(&number, sizeof(number), GRND_NONBLOCK) == sizeof(number))
        return number;
    const auto now = std::chrono::steady_clock::now().time_since_epoch().count();
    const auto process = static_cast<std::uint64_t>(::getpid());
    return mixed(mixed(static_cast<std::uint64_t>(now)) + mixed(process << 32) +
                 last.fetch_add(1, std::memory_order_relaxed));
}

} // namespace

std::error_code hashed_resource::suits(const pool& blocks) noexcept {
    if (!blocks)
        return errc::invalid_argument;
    if (!blocks.mappable())
        return errc::not_mappable;
    if (blocks.block_size() < least_block || blocks.alignment() % step != 0)
        return errc::unfit_blocks;
    return {};
}

hashed_resource::hashed_resource(pool blocks, std::pmr::memory_resource* upstream)
    : pool_{std::move(blocks)},
      upstream_{upstream},
      owner_{next_owner()} {
    if (const auto ec = suits(pool_)) {
        const std::string name{pool_ ? pool_.name() : std::string_view{}};
        throw pool_error{ec, "cut pieces from pool '" + name + '\'', name};
    }
}

std::unique_ptr<hashed_resource> hashed_resource::try_create(const pool& blocks,
                                                             std::pmr::memory_resource* upstream,
                                                             std::error_code& ec) noexcept {
    ec = suits(blocks);
    if (ec)
        return {};
    std::unique_ptr<hashed_resource> made{new (std::nothrow) hashed_resource{blocks, upstream}};
    if (!made)
        ec = errc::out_of_memory;
    return made;
}

hashed_resource::~hashed_resource() { release(); }

void hashed_resource::release() noexcept {
    for (const auto& each : blocks_) {
        std::error_code ignored;
        pool_.try_free(each.name, ignored);
    }
    blocks_.clear();
    free_.fill(nullptr);
    kept_ = 0;
    next_ = nullptr;
    end_ = nullptr;
    owner_ = next_owner(); // the headers that are left in the blocks are nobody's
}

std::size_t hashed_resource::list_of(std::size_t size) noexcept { return mixed(size) % lists; }

std::uint64_t hashed_resource::cookie_of(const void* piece, std::size_t size,
                                         state now) const noexcept {
    const auto place = reinterpret_cast<std::uintptr_t>(piece) ^ std::rotl(std::uint64_t{size}, 32);
    return mixed(owner_ ^ place) + static_cast<unsigned>(now);
}

bool hashed_resource::serves(std::size_t bytes, std::size_t alignment) const noexcept {
    return alignment <= step && bytes <= pool_.block_size() / step * step - sizeof(header);
}

void hashed_resource::keep_piece(std::byte* piece, std::size_t size) noexcept {
    auto*& list = free_[list_of(size)];
    const header head{.cookie = cookie_of(piece, size, state::free), .size = size};
    list = std::construct_at(reinterpret_cast<free_piece*>(piece),
                             free_piece{.head = head, .next = list});
    ++kept_;
}

bool hashed_resource::add_block(std::error_code& ec) noexcept {
    try {
        if (blocks_.size() == blocks_.capacity())
            blocks_.reserve(std::max<std::size_t>(8, 2 * blocks_.size()));
    } catch (const std::bad_alloc&) {
        ec = errc::out_of_memory;
        return false;
    }
    const auto name = pool_.try_allocate_handle(ec);
    auto* const base = name ? pool_.get(name) : nullptr;
    if (base == nullptr) {
        if (!ec)
            ec = errc::stale_handle; // its version has been overwritten
        return false;
    }
    const auto after = std::ranges::upper_bound(blocks_, base, std::less<>{}, &held::base);
    blocks_.insert(after, {.name = name, .base = base});
    // What is left of the last one is a piece, too, if there is room for a header and more.
    const auto left = static_cast<std::size_t>(end_ - next_);
    if (left >= sizeof(header) + step)
        keep_piece(next_, left - sizeof(header));
    next_ = base;
    end_ = base + pool_.block_size() / step * step;
    return true;
}

/**
 * Null if none of that size is kept. The pieces are memory that others can write to: what a list
 * goes on with is looked at before it is followed, and no list is longer than all pieces.
 */
std::byte* hashed_resource::take_kept(std::size_t size) noexcept {
    auto** link = &free_[list_of(size)];
    for (auto left = kept_; *link != nullptr; --left) {
        auto* const piece = *link;
        if (left == 0 || !is_free(piece)) {
            *link = nullptr;
            break;
        }
        if (piece->head.size == size) {
            *link = piece->next;
            --kept_;
            return reinterpret_cast<std::byte*>(piece);
        }
        link = &piece->next;
    }
    return nullptr;
}

void* hashed_resource::take_piece(std::size_t size, std::error_code& ec) noexcept {
    auto* piece = take_kept(size);
    if (piece == nullptr) {
        if (static_cast<std::size_t>(end_ - next_) < sizeof(header) + size && !add_block(ec))
            return nullptr;
        piece = std::exchange(next_, next_ + sizeof(header) + size);
    }
    std::construct_at(reinterpret_cast<header*>(piece),
                      header{.cookie = cookie_of(piece, size, state::taken), .size = size});
    return piece + sizeof(header);
}

/** Null without an error: it is upstream's. */
void* hashed_resource::take(std::size_t bytes, std::size_t alignment,
                            std::error_code& ec) noexcept {
    ec.clear();
    if (!std::has_single_bit(alignment))
        ec = errc::invalid_argument;
    else if (serves(bytes, alignment)) [[likely]]
        return take_piece(piece_size(bytes, step), ec);
    else if (upstream_ == nullptr)
        ec = errc::no_upstream;
    return nullptr;
}

void* hashed_resource::do_allocate(std::size_t bytes, std::size_t alignment) {
    std::error_code ec;
    if (auto* const piece = take(bytes, alignment, ec)) [[likely]]
        return piece;
    if (!ec)
        return upstream_->allocate(bytes, alignment);
    detail::refuse_piece(ec, bytes, alignment, pool_);
}

void* hashed_resource::try_allocate(std::size_t bytes, std::size_t alignment,
                                    std::error_code& ec) noexcept {
    auto* const piece = take(bytes, alignment, ec);
    return piece != nullptr || ec ? piece : detail::try_take(*upstream_, bytes, alignment, ec);
}

const std::byte* hashed_resource::base_of(const void* memory) const noexcept {
    const auto* const address = static_cast<const std::byte*>(memory);
    const auto after = std::ranges::upper_bound(blocks_, address, std::less<>{}, &held::base);
    if (after == blocks_.begin())
        return nullptr;
    const auto* const base = std::prev(after)->base;
    return static_cast<std::size_t>(address - base) < pool_.block_size() ? base : nullptr;
}

/** Wherever @p piece points to. */
bool hashed_resource::is_free(const free_piece* piece) const noexcept {
    const auto* const base = base_of(piece);
    if (base == nullptr)
        return false;
    const auto offset = static_cast<std::size_t>(reinterpret_cast<const std::byte*>(piece) - base);
    return offset % step == 0 && offset + sizeof(free_piece) <= pool_.block_size() &&
           piece->head.cookie == cookie_of(piece, piece->head.size, state::free);
}

/** Null if no piece of that size is taken there. */
hashed_resource::header* hashed_resource::taken_at(void* memory, std::size_t size) const noexcept {
    const auto* const base = base_of(memory);
    if (base == nullptr)
        return nullptr;
    auto* const bytes = static_cast<std::byte*>(memory);
    const auto offset = static_cast<std::size_t>(bytes - base);
    if (offset < sizeof(header) || offset % step != 0)
        return nullptr;
    auto* const head = std::launder(reinterpret_cast<header*>(bytes - sizeof(header)));
    return head->cookie == cookie_of(head, size, state::taken) && head->size == size ? head
                                                                                     : nullptr;
}

/** False without an error: it is upstream's. */
bool hashed_resource::keep(void* memory, std::size_t bytes, std::size_t alignment,
                           std::error_code& ec) noexcept {
    ec.clear();
    if (!serves(bytes, alignment)) {
        if (upstream_ == nullptr || pool_.contains(memory))
            ec = errc::not_a_block;
        return false;
    }
    const auto size = piece_size(bytes, step);
    auto* const head = taken_at(memory, size);
    if (head == nullptr) {
        ec = errc::not_a_block;
        return false;
    }
    keep_piece(reinterpret_cast<std::byte*>(head), size);
    return true;
}

void hashed_resource::do_deallocate(void* memory, std::size_t bytes, std::size_t alignment) {
    std::error_code ec;
    if (keep(memory, bytes, alignment, ec)) [[likely]]
        return;
    if (ec)
        detail::refuse_return(ec, bytes, pool_);
    upstream_->deallocate(memory, bytes, alignment);
}

bool hashed_resource::try_deallocate(void* memory, std::size_t bytes, std::size_t alignment,
                                     std::error_code& ec) noexcept {
    return keep(memory, bytes, alignment, ec) ||
           (!ec && detail::try_give(*upstream_, memory, bytes, alignment, ec));
}

} // namespace fixedpool
