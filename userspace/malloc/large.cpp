/* SPDX-License-Identifier: MIT */
#include "large.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>

#include <sys/mman.h>

#include "../src/local/lock.hpp"
#include "../src/local/shape.hpp"
#include "../src/thrift.hpp"

namespace fixedpool::preload {
namespace {

using fixedpool::detail::thrift;
using fixedpool::detail::local::page_bytes;
using fixedpool::detail::local::whole_pages;

/** Before each block, in the page that it begins in or the one before. */
struct alignas(64) prefix {
    std::uint64_t seal;
    std::byte* pages;   // where they begin
    std::size_t length; // of the pages
};

std::uint64_t seal_of(const void* block) noexcept {
    return reinterpret_cast<std::uintptr_t>(block) ^ UINT64_C(0x6d616c6c6f63ed6e);
}

prefix& prefix_of(void* block) noexcept { return *(static_cast<prefix*>(block) - 1); }
const prefix& prefix_of(const void* block) noexcept {
    return *(static_cast<const prefix*>(block) - 1);
}

// The bits, one for each page: a table for each span of addresses, made when needed.
constexpr unsigned page_shift = 12;
constexpr std::size_t spans = std::size_t{1} << (47 - thrift::span_shift);
constexpr std::size_t bits = 64;
constexpr std::size_t words = (thrift::span >> page_shift) / bits;
using word = std::atomic<std::uint64_t>;

// NOLINTBEGIN(cppcoreguidelines-avoid-non-const-global-variables)
constinit std::array<std::atomic<word*>, spans> tables = {};

struct kept_pages {
    std::byte* begin;
    std::size_t length;
};
// Protects: what is kept. Ordering: inside all but that of bootstrap; tried, never waited for.
constinit fixedpool::detail::local::handler_lock kept_lock;
constinit std::array<kept_pages, 8> kept = {};
constinit std::size_t kept_bytes = 0;

constinit std::atomic<std::size_t> bytes_in_use = 0;
// NOLINTEND(cppcoreguidelines-avoid-non-const-global-variables)

std::byte* new_pages(std::size_t length) noexcept {
    const int before = errno;
    void* const made =
        ::mmap(nullptr, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    errno = before;
    return made != MAP_FAILED ? static_cast<std::byte*>(made) : nullptr;
}

void unmap(std::byte* begin, std::size_t length) noexcept {
    const int before = errno;
    // There may be no more mappings, of which it would make two of one: the addresses are
    // lost then, the memory is not.
    if (::munmap(begin, length) != 0)
        ::madvise(begin, length, MADV_DONTNEED);
    errno = before;
}

/** The word with the bit of an address; null if there is none. */
word* word_of(const void* address, bool make) noexcept {
    const auto number = reinterpret_cast<std::uintptr_t>(address);
    if (number >> thrift::span_shift >= spans)
        return nullptr;
    auto& entry = tables[number >> thrift::span_shift];
    auto* table = entry.load(std::memory_order_acquire);
    if (table == nullptr) {
        if (!make)
            return nullptr;
        auto* const made = new_pages(words * sizeof(word));
        if (made == nullptr)
            return nullptr;
        auto* const fresh = reinterpret_cast<word*>(made);
        if (entry.compare_exchange_strong(table, fresh, std::memory_order_acq_rel))
            table = fresh;
        else
            unmap(made, words * sizeof(word));
    }
    return table + (number % thrift::span >> page_shift) / bits;
}

std::uint64_t bit_of(const void* address) noexcept {
    return UINT64_C(1) << (reinterpret_cast<std::uintptr_t>(address) >> page_shift) % bits;
}

/** Makes known, or unknown, that a block begins there. */
bool mark(const void* block) noexcept {
    auto* const found = word_of(block, true);
    if (found != nullptr)
        found->fetch_or(bit_of(block), std::memory_order_relaxed);
    return found != nullptr;
}
bool unmark(const void* block) noexcept {
    auto* const found = word_of(block, false);
    return found != nullptr &&
           (found->fetch_and(~bit_of(block), std::memory_order_relaxed) & bit_of(block)) != 0;
}

/** Pages that are kept, of which not more than a quarter would be wasted; or null. */
std::byte* take_kept(std::size_t& length) noexcept {
    if (kept_bytes == 0 || kept_lock.mine() || !kept_lock.try_lock())
        return nullptr;
    kept_pages* best = nullptr;
    for (auto& each : kept)
        if (each.length >= length && each.length - length <= length / 4 &&
            (best == nullptr || each.length < best->length))
            best = &each;
    std::byte* found = nullptr;
    if (best != nullptr) {
        found = best->begin;
        length = best->length;
        kept_bytes -= length;
        *best = {};
    }
    kept_lock.unlock();
    return found;
}

bool keep(std::byte* begin, std::size_t length) noexcept {
    constexpr std::size_t always = std::size_t{1} << 20;
    const auto most = always + bytes_in_use.load(std::memory_order_relaxed) / 8;
    if (length > most || kept_lock.mine() || !kept_lock.try_lock())
        return false;
    bool done = false;
    for (auto& each : kept)
        if (each.length == 0 && kept_bytes + length <= most) {
            each = {.begin = begin, .length = length};
            kept_bytes += length;
            done = true;
            break;
        }
    kept_lock.unlock();
    return done;
}

/** Effects: gives back the pages before and behind those that are needed. */
std::byte* aligned_pages(std::size_t length, std::size_t alignment) noexcept {
    // One page more, for the prefix.
    auto* const made = new_pages(length + alignment);
    if (made == nullptr)
        return nullptr;
    const auto first = reinterpret_cast<std::uintptr_t>(made) + page_bytes;
    const auto before = (alignment - first % alignment) % alignment;
    if (before != 0)
        unmap(made, before);
    if (alignment != before)
        unmap(made + before + length, alignment - before);
    return made + before;
}

void* begin_block(std::byte* pages, std::size_t length, std::size_t offset) noexcept {
    auto* const block = pages + offset;
    prefix_of(block) = {.seal = seal_of(block), .pages = pages, .length = length};
    if (!mark(block)) {
        unmap(pages, length);
        return nullptr;
    }
    bytes_in_use.fetch_add(length, std::memory_order_relaxed);
    return block;
}

} // namespace

void* large::allocate(std::size_t size, std::size_t alignment, content wanted) noexcept {
    constexpr auto most = static_cast<std::size_t>(std::numeric_limits<std::ptrdiff_t>::max());
    if (size > most / 2 || alignment > most / 4)
        return nullptr;
    size = std::max(size, std::size_t{1}); // or its address were behind its mapping
    if (alignment > sizeof(prefix)) {
        const auto step = alignment < page_bytes ? page_bytes : alignment;
        const auto length = whole_pages(size) + page_bytes;
        auto* const pages = aligned_pages(length, step);
        return pages != nullptr ? begin_block(pages, length, page_bytes) : nullptr;
    }
    auto length = static_cast<std::size_t>(whole_pages(size + sizeof(prefix)));
    auto* pages = take_kept(length);
    if (pages != nullptr && wanted == content::zero)
        std::memset(pages, 0, length);
    if (pages == nullptr)
        pages = new_pages(length);
    return pages != nullptr ? begin_block(pages, length, sizeof(prefix)) : nullptr;
}

bool large::owns(const void* address) noexcept {
    const auto* const found = word_of(address, false);
    return found != nullptr && (found->load(std::memory_order_relaxed) & bit_of(address)) != 0 &&
           reinterpret_cast<std::uintptr_t>(address) % alignof(prefix) == 0 &&
           prefix_of(address).seal == seal_of(address);
}

void large::deallocate(void* block) noexcept {
    const auto [seal, pages, length] = prefix_of(block);
    if (!unmark(block)) // somebody else has done it at this instant
        return;
    prefix_of(block).seal = 0;
    bytes_in_use.fetch_sub(length, std::memory_order_relaxed);
    if (!keep(pages, length))
        unmap(pages, length);
}

std::size_t large::size_of(const void* block) noexcept {
    const auto& known = prefix_of(block);
    return known.length -
           static_cast<std::size_t>(static_cast<const std::byte*>(block) - known.pages);
}

void* large::resize(void* block, std::size_t size) noexcept {
    constexpr auto most = static_cast<std::size_t>(std::numeric_limits<std::ptrdiff_t>::max());
    if (size > most / 2)
        return nullptr;
    const auto [seal, pages, length] = prefix_of(block);
    const auto offset = static_cast<std::size_t>(static_cast<std::byte*>(block) - pages);
    const auto wanted = static_cast<std::size_t>(whole_pages(size + offset));
    if (wanted == length)
        return block;
    if (!unmark(block))
        return nullptr;
    const int before = errno;
    void* const moved = ::mremap(pages, length, wanted, MREMAP_MAYMOVE);
    errno = before;
    if (moved == MAP_FAILED) {
        mark(block);
        return nullptr;
    }
    bytes_in_use.fetch_sub(length, std::memory_order_relaxed);
    return begin_block(static_cast<std::byte*>(moved), wanted, offset);
}

std::size_t large::trim() noexcept {
    std::size_t given = 0;
    if (kept_lock.mine() || !kept_lock.try_lock())
        return 0;
    for (auto& each : kept) {
        if (each.length != 0)
            unmap(each.begin, each.length);
        given += each.length;
        each = {};
    }
    kept_bytes = 0;
    kept_lock.unlock();
    return given;
}

void large::lock() noexcept { kept_lock.lock_for_fork(); }
void large::unlock() noexcept { kept_lock.unlock_after_fork(); }

} // namespace fixedpool::preload
