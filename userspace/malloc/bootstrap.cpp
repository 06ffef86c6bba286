/* SPDX-License-Identifier: MIT */
#include "bootstrap.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cerrno>
#include <cstddef>
#include <cstdint>

#include <pthread.h>
#include <sys/mman.h>

#include "../src/local/lock.hpp"
#include "../src/round.hpp"
#include "size_class.hpp"

namespace fixedpool::preload {
namespace {

/** Before each block. */
struct prefix {
    std::uint32_t size;   // of the piece that the block is in
    std::uint32_t offset; // of the block in its piece
    std::uint64_t seal;   // what is freed keeps it
};
static_assert(sizeof(prefix) == granule);

struct free_piece {
    free_piece* next;
};
static_assert(sizeof(free_piece) <= offsetof(prefix, seal));

std::uint64_t seal_of(const void* block) noexcept {
    return reinterpret_cast<std::uintptr_t>(block) ^ UINT64_C(0x706965636501ed6e);
}
std::uint64_t broken_seal_of(const void* block) noexcept { return ~seal_of(block); }

// Addresses: as many as that at a time, or fewer where they are scarce. Memory comes in steps.
constexpr std::size_t most_range_bytes = std::size_t{1} << 30;
constexpr std::size_t least_range_bytes = std::size_t{1} << 20;
constexpr std::size_t most_bytes = most_range_bytes / 2;
constexpr std::size_t step_bytes = std::size_t{1} << 16;

/** Pieces have eight sizes to each doubling, but at least a granule apart. */
struct piece_size {
    std::size_t bytes;
    std::size_t number;
};

constexpr piece_size piece_for(std::size_t least) noexcept {
    const auto doubling = static_cast<unsigned>(std::bit_width(least - 1));
    const auto step = std::max(granule, (std::size_t{1} << doubling) / 16);
    const auto bytes = fixedpool::detail::rounded_up(least, step);
    const auto before = std::size_t{1} << doubling >> 1;
    return {.bytes = bytes, .number = std::size_t{doubling} * 9 + (bytes - before) / step};
}

constexpr std::size_t piece_sizes = piece_for(most_bytes).number + 1;
static_assert(piece_for(2064).bytes == 2304);
static_assert(piece_for(2304).number == piece_for(2064).number);
static_assert(piece_for(2305).number > piece_for(2304).number);
static_assert(piece_for(4096).number < piece_for(4097).number);
static_assert(piece_for(64).number < piece_for(65).number);

// NOLINTBEGIN(cppcoreguidelines-avoid-non-const-global-variables)
// Protects: all that follows. Ordering: inside every other lock of the library.
constinit fixedpool::detail::local::handler_lock lock;
constinit std::array<free_piece*, piece_sizes> unused_pieces = {};

/** Where pieces come from, one behind the other. */
struct range {
    std::atomic<std::uintptr_t> begin = 0; // zero: none yet
    std::atomic<std::size_t> bytes = 0;
    std::atomic<std::size_t> there = 0; // bytes of memory
    std::size_t used = 0;
};
constexpr std::size_t most_ranges = 64;
constinit std::array<range, most_ranges> ranges = {};
constinit std::size_t ranges_begun = 0;
// NOLINTEND(cppcoreguidelines-avoid-non-const-global-variables)

/** Addresses for pieces of up to that many bytes. */
bool begin_range_locked(std::size_t bytes) noexcept {
    if (ranges_begun == most_ranges)
        return false;
    auto& fresh = ranges[ranges_begun];
    for (auto length = most_range_bytes; length >= std::max(bytes, least_range_bytes);
         length /= 4) {
        void* const made =
            ::mmap(nullptr, length, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (made == MAP_FAILED)
            continue;
        // Little, and spread thin.
        ::madvise(made, length, MADV_NOHUGEPAGE);
        fresh.bytes.store(length, std::memory_order_relaxed);
        fresh.begin.store(reinterpret_cast<std::uintptr_t>(made), std::memory_order_release);
        ++ranges_begun;
        return true;
    }
    return false;
}

std::byte* piece_of_locked(range& from, std::size_t bytes) noexcept {
    const auto all = from.bytes.load(std::memory_order_relaxed);
    if (all - from.used < bytes)
        return nullptr;
    // NOLINTNEXTLINE(performance-no-int-to-ptr)
    auto* const begin = reinterpret_cast<std::byte*>(from.begin.load(std::memory_order_relaxed));
    const auto there = from.there.load(std::memory_order_relaxed);
    if (there - from.used < bytes) {
        const auto missing = from.used + bytes - there;
        auto step = fixedpool::detail::rounded_up(missing, step_bytes);
        step = std::min(std::max(step, from.used / 8 / step_bytes * step_bytes), all - there);
        if (::mprotect(begin + there, step, PROT_READ | PROT_WRITE) != 0)
            return nullptr;
        from.there.store(there + step, std::memory_order_release);
    }
    auto* const piece = begin + from.used;
    from.used += bytes;
    return piece;
}

std::byte* piece_locked(piece_size size) noexcept {
    if (auto* const piece = unused_pieces[size.number]; piece != nullptr) {
        unused_pieces[size.number] = piece->next;
        return reinterpret_cast<std::byte*>(piece);
    }
    const int before = errno;
    std::byte* piece = nullptr;
    if (ranges_begun != 0)
        piece = piece_of_locked(ranges[ranges_begun - 1], size.bytes);
    if (piece == nullptr && begin_range_locked(size.bytes))
        piece = piece_of_locked(ranges[ranges_begun - 1], size.bytes);
    errno = before;
    return piece;
}

prefix& prefix_of(void* block) noexcept { return *(static_cast<prefix*>(block) - 1); }
const prefix& prefix_of(const void* block) noexcept {
    return *(static_cast<const prefix*>(block) - 1);
}

void before_fork() noexcept { lock.lock_for_fork(); }
void after_fork() noexcept { lock.unlock_after_fork(); }

} // namespace

void* bootstrap::allocate(std::size_t size, std::size_t alignment) noexcept {
    if (alignment < granule)
        alignment = granule;
    if (size > most_bytes / 2 || alignment > most_bytes / 4 || lock.mine())
        return nullptr;
    const auto needed = size + sizeof(prefix) + alignment - granule;
    const auto kind = piece_for(std::max(needed, 2 * granule));
    lock.lock();
    auto* const piece = piece_locked(kind);
    lock.unlock();
    if (piece == nullptr)
        return nullptr;
    const auto first = reinterpret_cast<std::uintptr_t>(piece) + sizeof(prefix);
    const auto offset = sizeof(prefix) + (alignment - first % alignment) % alignment;
    auto* const block = piece + offset;
    prefix_of(block) = {.size = static_cast<std::uint32_t>(kind.bytes),
                        .offset = static_cast<std::uint32_t>(offset),
                        .seal = seal_of(block)};
    return block;
}

bool bootstrap::owns(const void* address) noexcept {
    const auto place = reinterpret_cast<std::uintptr_t>(address);
    for (const auto& each : ranges) {
        const auto begin = each.begin.load(std::memory_order_acquire);
        if (begin == 0)
            break;
        // Behind what there is nothing has been given out.
        if (place - begin < each.there.load(std::memory_order_acquire))
            return place != begin;
    }
    return false;
}

bootstrap::standing bootstrap::standing_of(const void* block) noexcept {
    if (reinterpret_cast<std::uintptr_t>(block) % granule != 0)
        return standing::none;
    const auto seal = prefix_of(block).seal;
    if (seal == seal_of(block))
        return standing::allocated;
    return seal == broken_seal_of(block) ? standing::freed : standing::none;
}

void bootstrap::deallocate(void* block) noexcept {
    const auto [size, offset, seal] = prefix_of(block);
    prefix_of(block).seal = broken_seal_of(block);
    // A handler that has interrupted the same leaves it be.
    if (lock.mine())
        return;
    auto* const piece = reinterpret_cast<free_piece*>(static_cast<std::byte*>(block) - offset);
    lock.lock();
    auto& others = unused_pieces[piece_for(size).number];
    piece->next = others;
    others = piece;
    lock.unlock();
}

std::size_t bootstrap::size_of(const void* block) noexcept {
    const auto& known = prefix_of(block);
    return known.size - known.offset;
}

void bootstrap::handle_forks() noexcept {
    static_cast<void>(::pthread_atfork(&before_fork, &after_fork, &after_fork));
}

} // namespace fixedpool::preload
