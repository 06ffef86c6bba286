/* SPDX-License-Identifier: MIT */
#include "runs.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cerrno>
#include <cstdint>

#include <sys/mman.h>

#include "../src/local/lock.hpp"
#include "../src/local/shape.hpp"
#include "../src/round.hpp"

namespace fixedpool::preload::runs {
namespace {

using fixedpool::detail::local::page_bytes;

// Pages have numbers in their range.
using page = std::uint32_t;
constexpr page none = UINT32_MAX;
constexpr page longest = most_bytes / page_bytes;
constexpr std::uint32_t bins = longest + 1; // the last: of all that are longer
constexpr std::uint32_t bits = 64;

enum class state : std::uint8_t { inside, used, free };

/** What is known of a page: of a run the first, and of a free one the last, too. */
struct entry {
    std::uint32_t length; // pages of the run
    page next;            // free runs of the same bin
    page previous;
    std::uint32_t dirty : 30; // pages that may be other than zeroes, of a free run
    std::uint32_t is : 2;
};
static_assert(sizeof(entry) == 16);
constexpr std::uint32_t all_dirty = (UINT32_C(1) << 30) - 1;

constexpr std::size_t most_range_bytes = std::size_t{1} << 30;
constexpr std::size_t least_range_bytes = std::size_t{1} << 24;
// As many as a page of entries is for.
constexpr page step_pages = page_bytes / sizeof(entry);

class range {
  public:
    /** False: there are not as many addresses. */
    bool begin(std::size_t bytes) noexcept;

    [[nodiscard]] std::uintptr_t first() const noexcept {
        return first_.load(std::memory_order_acquire);
    }
    [[nodiscard]] bool contains(const void* address) const noexcept {
        const auto begin = first();
        return begin != 0 && reinterpret_cast<std::uintptr_t>(address) - begin <
                                 std::size_t{pages_.load(std::memory_order_relaxed)} * page_bytes;
    }
    [[nodiscard]] page page_of(const void* address) const noexcept {
        return static_cast<page>((reinterpret_cast<std::uintptr_t>(address) - first()) /
                                 page_bytes);
    }
    [[nodiscard]] std::byte* address_of(page number) const noexcept {
        // NOLINTNEXTLINE(performance-no-int-to-ptr)
        return reinterpret_cast<std::byte*>(first() + std::size_t{number} * page_bytes);
    }

    /** Is it the first of a run in use? By whose owner, or by whom does not know. */
    [[nodiscard]] bool begins(page number) const noexcept {
        return number < there_.load(std::memory_order_acquire) &&
               entries_[number].is == static_cast<std::uint32_t>(state::used);
    }
    [[nodiscard]] std::uint32_t length_of(page number) const noexcept {
        return entries_[number].length;
    }

    // Under the lock.

    /** Takes the first pages of a free run; none if there is none that is so long. */
    [[nodiscard]] page take(std::uint32_t length, bool& dirty) noexcept;
    void give(page number) noexcept;
    /** Gives back the pages of a run in use behind the first @p length, or takes some more. */
    [[nodiscard]] bool resize(page number, std::uint32_t length) noexcept;
    /** Addresses for so many pages more? */
    [[nodiscard]] bool has_room(std::uint32_t length) const noexcept {
        return pages_.load(std::memory_order_relaxed) - there_.load(std::memory_order_relaxed) >=
               length;
    }
    /** Makes memory for @p length pages more, which are free then. */
    [[nodiscard]] bool extend(std::uint32_t length) noexcept;
    std::size_t clean_all() noexcept;

  private:
    void link(page number, std::uint32_t length, std::uint32_t dirty) noexcept;
    void unlink(page number) noexcept;
    void use(page number, std::uint32_t length) noexcept;
    page link_merged(page number, std::uint32_t length, std::uint32_t dirty) noexcept;
    std::size_t clean(page number) noexcept;
    [[nodiscard]] static std::uint32_t bin_of(std::uint32_t length) noexcept {
        return std::min(length, bins) - 1;
    }
    [[nodiscard]] bool is_free(page number) const noexcept {
        return entries_[number].is == static_cast<std::uint32_t>(state::free);
    }

    std::atomic<std::uintptr_t> first_ = 0;
    std::atomic<page> pages_ = 0;
    std::atomic<page> there_ = 0; // pages that have memory
    entry* entries_ = nullptr;
    std::array<std::uint64_t, (bins + bits - 1) / bits> filled_ = {};
    std::array<page, bins> lists_ = {};
};

// NOLINTBEGIN(cppcoreguidelines-avoid-non-const-global-variables)
// Protects: all that follows. Ordering: inside all but that of bootstrap.
constinit fixedpool::detail::local::handler_lock runs_lock;
constexpr std::size_t most_ranges = 256;
constinit std::array<range, most_ranges> ranges = {};
constinit std::size_t begun = 0;
constinit std::size_t used_pages = 0;
constinit std::size_t dirty_pages = 0; // of free runs
// NOLINTEND(cppcoreguidelines-avoid-non-const-global-variables)

std::uint32_t pages_for(std::size_t size) noexcept {
    return static_cast<std::uint32_t>((size + page_bytes - 1) / page_bytes);
}

void* addresses(std::size_t bytes) noexcept {
    void* const made =
        ::mmap(nullptr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return made != MAP_FAILED ? made : nullptr;
}

bool range::begin(std::size_t bytes) noexcept {
    const auto pages = static_cast<page>(bytes / page_bytes);
    // One more, which is never free.
    const auto table = (std::size_t{pages} + step_pages) * sizeof(entry);
    void* const made = addresses(bytes);
    if (made == nullptr)
        return false;
    void* const known = addresses(table);
    if (known == nullptr) {
        ::munmap(made, bytes);
        return false;
    }
    ::madvise(known, table, MADV_NOHUGEPAGE);
    entries_ = static_cast<entry*>(known);
    lists_.fill(none);
    pages_.store(pages, std::memory_order_relaxed);
    first_.store(reinterpret_cast<std::uintptr_t>(made), std::memory_order_release);
    return true;
}

void range::link(page number, std::uint32_t length, std::uint32_t dirty) noexcept {
    const auto bin = bin_of(length);
    const auto next = lists_[bin];
    constexpr auto free = static_cast<std::uint32_t>(state::free);
    entries_[number + length - 1] = {
        .length = length, .next = none, .previous = none, .dirty = 0, .is = free};
    entries_[number] = {
        .length = length, .next = next, .previous = none, .dirty = dirty & all_dirty, .is = free};
    if (next != none)
        entries_[next].previous = number;
    lists_[bin] = number;
    filled_[bin / bits] |= UINT64_C(1) << bin % bits;
    dirty_pages += dirty;
}

void range::unlink(page number) noexcept {
    auto& run = entries_[number];
    const auto bin = bin_of(run.length);
    if (run.next != none)
        entries_[run.next].previous = run.previous;
    if (run.previous != none)
        entries_[run.previous].next = run.next;
    else
        lists_[bin] = run.next;
    if (lists_[bin] == none)
        filled_[bin / bits] &= ~(UINT64_C(1) << bin % bits);
    dirty_pages -= run.dirty;
    // It may come to lie inside another.
    entries_[number + run.length - 1].is = static_cast<std::uint32_t>(state::inside);
    run.is = static_cast<std::uint32_t>(state::inside);
}

void range::use(page number, std::uint32_t length) noexcept {
    entries_[number].length = length;
    entries_[number].is = static_cast<std::uint32_t>(state::used);
}

page range::take(std::uint32_t length, bool& dirty) noexcept {
    auto bin = bin_of(length);
    auto word = bin / bits;
    auto found = filled_[word] & ~std::uint64_t{0} << bin % bits;
    while (found == 0) {
        if (++word == filled_.size())
            return none;
        found = filled_[word];
    }
    bin = static_cast<std::uint32_t>(word) * bits +
          static_cast<std::uint32_t>(std::countr_zero(found));
    const auto number = lists_[bin];
    const auto all = entries_[number].length;
    const std::uint32_t may_be = entries_[number].dirty;
    unlink(number);
    if (all > length)
        link(number + length, all - length, std::min(may_be, all - length));
    use(number, length);
    dirty = may_be != 0;
    return number;
}

/** With its free neighbours. */
page range::link_merged(page number, std::uint32_t length, std::uint32_t dirty) noexcept {
    entries_[number].is = static_cast<std::uint32_t>(state::inside);
    if (const auto behind = number + length; is_free(behind)) {
        length += entries_[behind].length;
        dirty += entries_[behind].dirty;
        unlink(behind);
    }
    if (number != 0 && is_free(number - 1)) {
        const auto before = entries_[number - 1].length;
        number -= before;
        length += before;
        dirty += entries_[number].dirty;
        unlink(number);
    }
    link(number, length, dirty);
    return number;
}

void range::give(page number) noexcept {
    const auto length = entries_[number].length;
    const auto merged = link_merged(number, length, length);
    constexpr std::size_t always = (std::size_t{1} << 19) / page_bytes;
    if (dirty_pages > always + used_pages / 8)
        clean(merged);
}

bool range::resize(page number, std::uint32_t length) noexcept {
    const auto before = entries_[number].length;
    if (length < before) {
        use(number, length);
        use(number + length, before - length);
        used_pages -= before - length;
        give(number + length);
        return true;
    }
    const auto missing = length - before;
    const auto behind = number + before;
    if (missing == 0)
        return true;
    if (!is_free(behind) || entries_[behind].length < missing)
        return false;
    const auto all = entries_[behind].length;
    const std::uint32_t dirty = entries_[behind].dirty;
    unlink(behind);
    if (all > missing)
        link(behind + missing, all - missing, std::min(dirty, all - missing));
    use(number, length);
    used_pages += missing;
    return true;
}

bool range::extend(std::uint32_t length) noexcept {
    const auto there = there_.load(std::memory_order_relaxed);
    const auto all = pages_.load(std::memory_order_relaxed);
    // By steps, and by an eighth of what there is.
    const auto wanted = std::max(length, there / 8);
    const auto more = std::min(fixedpool::detail::rounded_up(wanted, step_pages), all - there);
    if (more < length)
        return false;
    constexpr int access = PROT_READ | PROT_WRITE;
    // The entry behind the last page is there, too.
    if (::mprotect(entries_, (std::size_t{there} + more + step_pages) * sizeof(entry), access) !=
            0 ||
        ::mprotect(address_of(there), std::size_t{more} * page_bytes, access) != 0)
        return false;
    there_.store(there + more, std::memory_order_release);
    link_merged(there, more, 0);
    return true;
}

/** Gives back the memory of a free run. Returns: bytes. */
std::size_t range::clean(page number) noexcept {
    auto& run = entries_[number];
    const std::size_t dirty = run.dirty;
    const int before = errno;
    const bool done =
        dirty != 0 && ::madvise(address_of(number), run.length * page_bytes, MADV_DONTNEED) == 0;
    errno = before;
    if (!done) // it may be locked
        return 0;
    dirty_pages -= dirty;
    run.dirty = 0;
    return dirty * page_bytes;
}

std::size_t range::clean_all() noexcept {
    std::size_t bytes = 0;
    for (const auto first : lists_)
        for (auto number = first; number != none; number = entries_[number].next)
            bytes += clean(number);
    return bytes;
}

range* range_of(const void* address) noexcept {
    for (auto& each : ranges) {
        if (each.first() == 0)
            break;
        if (each.contains(address))
            return &each;
    }
    return nullptr;
}

void* take_locked(std::uint32_t length, bool& dirty) noexcept {
    for (std::size_t i = 0; i < begun; ++i)
        if (const auto found = ranges[i].take(length, dirty); found != none)
            return ranges[i].address_of(found);
    if (begun == 0 || !ranges[begun - 1].extend(length)) {
        // Not where it is memory that there is none of.
        if (begun == most_ranges || (begun != 0 && ranges[begun - 1].has_room(length)))
            return nullptr;
        auto bytes = most_range_bytes;
        while (bytes >= least_range_bytes && !ranges[begun].begin(bytes))
            bytes /= 4;
        if (bytes < least_range_bytes || !ranges[begun++].extend(length))
            return nullptr;
    }
    auto& last = ranges[begun - 1];
    const auto found = last.take(length, dirty);
    return found != none ? last.address_of(found) : nullptr;
}

} // namespace

taken allocate(std::size_t size) noexcept {
    if (runs_lock.mine())
        return {.block = nullptr, .dirty = false};
    const int before = errno;
    const auto length = pages_for(size);
    taken made{.block = nullptr, .dirty = false};
    runs_lock.lock();
    made.block = take_locked(length, made.dirty);
    used_pages += made.block != nullptr ? length : 0;
    runs_lock.unlock();
    errno = before;
    return made;
}

bool owns(const void* address) noexcept {
    const auto* const in = range_of(address);
    return in != nullptr && reinterpret_cast<std::uintptr_t>(address) % page_bytes == 0 &&
           in->begins(in->page_of(address));
}

void deallocate(void* block) noexcept {
    // A handler that has interrupted the same leaves it be.
    if (runs_lock.mine())
        return;
    auto& in = *range_of(block);
    const auto number = in.page_of(block);
    const int before = errno;
    runs_lock.lock();
    if (in.begins(number)) { // else somebody else has done it at this instant
        used_pages -= in.length_of(number);
        in.give(number);
    }
    runs_lock.unlock();
    errno = before;
}

std::size_t size_of(const void* block) noexcept {
    const auto& in = *range_of(block);
    return std::size_t{in.length_of(in.page_of(block))} * page_bytes;
}

bool resize(void* block, std::size_t size) noexcept {
    if (size > most_bytes || runs_lock.mine())
        return false;
    auto& in = *range_of(block);
    const int before = errno;
    runs_lock.lock();
    const bool done = in.resize(in.page_of(block), pages_for(size));
    runs_lock.unlock();
    errno = before;
    return done;
}

std::size_t trim() noexcept {
    std::size_t given = 0;
    if (runs_lock.mine())
        return 0;
    runs_lock.lock();
    for (std::size_t i = 0; i < begun; ++i)
        given += ranges[i].clean_all();
    runs_lock.unlock();
    return given;
}

void lock() noexcept { runs_lock.lock_for_fork(); }
void unlock() noexcept { runs_lock.unlock_after_fork(); }

} // namespace fixedpool::preload::runs
