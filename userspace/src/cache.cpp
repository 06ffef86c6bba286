/* SPDX-License-Identifier: MIT */
#include "cache.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>
#include <new>

#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "address.hpp"
#include "caches.hpp"

namespace fixedpool::detail {
namespace {

/** Requires: it is settled. */
std::uint32_t count_of(const magazine& in) noexcept {
    return in.count.load(std::memory_order_relaxed);
}

void set_count(magazine& in, std::uint32_t count) noexcept {
    in.count.store(count, std::memory_order_relaxed);
}

/** Blocks that are got from the pool at a time. */
constexpr std::uint32_t most_filled = 64;

/** After so many pauses, about a second, a thread that does not come out is left alone. */
constexpr unsigned most_pauses = 10'000;

} // namespace

static_assert(2 * rack::max_batch <= magazine::room);

/** Waits a little, and a little longer after many times, for a thread that must go on. */
void cache::pause(unsigned times) noexcept {
    constexpr unsigned few = 64;
    constexpr timespec nap{.tv_sec = 0, .tv_nsec = 100'000};
    const int before = errno;
    if (times < few)
        ::sched_yield();
    else // no point of cancellation
        ::syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &nap, nullptr);
    errno = before;
}

std::unique_ptr<cache> cache::make(transport& module, std::uint32_t pool, const block_table& table,
                                   size of) noexcept {
    if (of.batch == 0 || !caches::instance().possible())
        return {};
    try {
        auto made = std::make_unique<cache>(module, pool, table, of);
        return made->number_ != 0 ? std::move(made) : nullptr;
    } catch (const std::bad_alloc&) {
        return {};
    }
}

cache::cache(transport& module, std::uint32_t pool, const block_table& table, size of)
    : rack_{of.shelves, of.batch},
      module_{module},
      pool_{pool},
      table_{table},
      exact_{of.exact} {
    caches::instance().add(*this);
}

cache::~cache() {
    if (number_ != 0)
        caches::instance().remove(*this);
}

bool cache::lay_at_hand() noexcept {
    const auto now = caches::look_for(number_);
    return now == caches::finding::mine ||
           (now == caches::finding::none && caches::instance().make_magazine(*this));
}

std::uint32_t cache::index_of(std::uint64_t next) const noexcept {
    return handle::from_value(next).slot() - table_.first_slot;
}

/** Acquire: pairs with `entered`. What the owner did inside is done if he is not. */
bool cache::is_inside(const magazine& each) const noexcept {
    return each.on->inside.load(std::memory_order_acquire) == number_;
}

/** Those that were freed twice at the same instant are left to their other owner. */
void cache::fill(magazine& empty, std::span<const std::uint32_t> blocks) const noexcept {
    std::uint32_t count = 0;
    for (const auto index : blocks) {
        const auto version = table_.version_of(index);
        if (version % 2 == 0)
            empty.blocks[count++] = handle{version + 1, table_.first_slot + index}.value();
    }
    set_count(empty, count);
}

/**
 * @p some by their numbers; not more than a batch. Those that were freed twice at the same
 * instant, and have another owner, or had one since, are left to him: as begin() does.
 */
std::span<const std::uint32_t> cache::list(std::span<const std::uint64_t> some,
                                           batch& room) const noexcept {
    std::size_t count = 0;
    for (const auto next : some) {
        const auto index = index_of(next);
        if (table_.version_of(index) + 1 == handle::from_value(next).version())
            room[count++] = index;
    }
    return std::span{room}.first(count);
}

void cache::refill(magazine& empty) noexcept {
    if (rack_.take([&](auto blocks) {
            std::ranges::copy(blocks, empty.blocks.begin());
            set_count(empty, rack_.batch());
        }))
        return;
    batch blocks;
    fixedpool_cache_fill request = {};
    request.pool = pool_;
    // Not a whole batch where that is long: what comes from the pool comes one by one, and
    // somebody waits for all of it.
    request.count = std::min(rack_.batch(), most_filled);
    request.blocks = address_of(blocks.data());
    if (module_.call(request))
        return;
    // In this order: a child that is forked right here finds in a magazine whatever it may
    // think its own.
    const auto filled = std::span{blocks}.first(request.done);
    fill(empty, filled);
    std::atomic_thread_fence(std::memory_order_release);
    for (const auto index : filled)
        table_.set_standing(index, standing::own);
}

/** What it is from now on is not known. */
void cache::disown(std::uint32_t index) const noexcept {
    if (index < table_.blocks && table_.standing_of(index) == standing::own)
        table_.set_standing(index, standing::unknown);
}

void cache::make_room(magazine& full) noexcept {
    full.settle();
    const auto count = count_of(full);
    const auto batch_size = rack_.batch();
    if (count < batch_size)
        return;
    // Those that have been in it longest.
    if (!rack_.put(full.blocks.data())) {
        batch room;
        drain(list(std::span{full.blocks}.first(batch_size), room));
    }
    std::copy(full.blocks.begin() + batch_size, full.blocks.begin() + count, full.blocks.begin());
    set_count(full, count - batch_size);
}

/** Gives back blocks in order, leaving out those that are refused. */
void cache::drain(std::span<const std::uint32_t> blocks) noexcept {
    // Before: others may take them next.
    for (const auto index : blocks)
        disown(index);
    while (!blocks.empty()) {
        fixedpool_cache_drain request = {};
        request.pool = pool_;
        request.count = static_cast<std::uint32_t>(blocks.size());
        request.blocks = address_of(blocks.data());
        const bool refused = static_cast<bool>(module_.call(request));
        blocks =
            blocks.subspan(std::min<std::size_t>(request.done + (refused ? 1 : 0), blocks.size()));
    }
}

std::uint32_t cache::empty_rack() noexcept {
    std::uint32_t given = 0;
    while (rack_.take([&](auto blocks) {
        batch room;
        drain(list(blocks, room));
        given += rack_.batch();
    })) {
    }
    return given;
}

std::uint32_t cache::empty_locked(magazine& left) noexcept {
    left.settle();
    const auto count = count_of(left);
    batch room;
    for (std::span<const std::uint64_t> rest{left.blocks.data(), count}; !rest.empty();) {
        const auto some = rest.first(std::min<std::size_t>(rest.size(), room.size()));
        drain(list(some, room));
        rest = rest.subspan(some.size());
    }
    set_count(left, 0);
    return count;
}

/** Empties the magazines whose owners are outside; @p all says whether these are all. */
std::uint32_t cache::empty_idle_locked(bool& all) noexcept {
    std::uint32_t given = 0;
    all = true;
    for (auto* each = first_; each != nullptr; each = each->next) {
        if (!is_inside(*each))
            given += empty_locked(*each);
        else if (each->on != this_desk) // else we are the handler that it waits for
            all = false;
    }
    return given;
}

void cache::shut_locked() noexcept {
    ++shut_;
    for (auto* each = first_; each != nullptr; each = each->next)
        each->on->lay(number_, caches::shut());
}

void cache::open_locked() noexcept {
    // Not so in the child of a fork() of whoever had shut it.
    if (shut_ > (closed_ ? 1U : 0U))
        --shut_;
    if (shut_ != 0)
        return;
    for (auto* each = first_; each != nullptr; each = each->next)
        each->on->lay(number_, each);
}

/**
 * Gives everything back, after it was shut and all threads have passed a barrier. Without
 * the lock while it waits: who is inside a magazine may be stopped there by a handler that
 * wants it. What is on its way from the rack to the pool is so under the lock: who has had it
 * finds no block missing.
 */
std::uint32_t cache::empty_shut(patience with) noexcept {
    auto& everyone = caches::instance();
    std::uint32_t count = 0;
    bool all = false;
    for (unsigned times = 0; !all && (times < most_pauses || with == patience::any); ++times) {
        if (times != 0)
            pause(times);
        static_cast<void>(everyone.lock());
        count += empty_idle_locked(all);
        count += empty_rack();
        everyone.unlock();
    }
    return count;
}

std::uint32_t cache::trim() noexcept {
    auto& everyone = caches::instance();
    if (!everyone.lock())
        return 0;
    shut_locked();
    everyone.unlock();
    caches::barrier();
    const auto given = empty_shut(patience::some);
    static_cast<void>(everyone.lock());
    open_locked();
    everyone.unlock();
    return given;
}

std::int64_t cache::close() noexcept {
    auto& everyone = caches::instance();
    static_cast<void>(everyone.lock());
    closed_ = true;
    shut_locked();
    everyone.unlock();
    caches::barrier();
    static_cast<void>(empty_shut(patience::any));

    static_cast<void>(everyone.lock());
    auto owners = owners_of_gone_;
    for (const auto* each = first_; each != nullptr; each = each->next)
        owners += each->owners.load(std::memory_order_relaxed);
    everyone.unlock();
    return owners;
}

std::uint32_t cache::blocks() noexcept {
    auto& everyone = caches::instance();
    std::uint32_t count = rack_.blocks();
    if (!everyone.lock())
        return count;
    for (const auto* each = first_; each != nullptr; each = each->next)
        count += each->all();
    everyone.unlock();
    return count;
}

void cache::begin_locked(magazine& fresh, thread_desk& on) noexcept {
    fresh.count.store(0, std::memory_order_relaxed);
    fresh.hot.store(0, std::memory_order_relaxed);
    fresh.owners.store(0, std::memory_order_relaxed);
    fresh.limit = 2 * rack_.batch();
    fresh.table = table_;
    if (exact_)
        fresh.table.blocks = 0;
    fresh.on = &on;
    fresh.next = first_;
    first_ = &fresh;
}

/** What the magazine's owner leaves behind; it is in no list then. */
void cache::end_locked(magazine& left) noexcept {
    left.settle();
    if (shut_ == 0)
        while (count_of(left) >= rack_.batch())
            make_room(left);
    empty_locked(left);
    owners_of_gone_ += left.owners.load(std::memory_order_relaxed);
    for (auto** each = &first_; *each != nullptr; each = &(*each)->next)
        if (*each == &left) {
            *each = left.next;
            break;
        }
}

/**
 * In the child after fork(): the blocks are not its own, or have gone back already.
 * What other threads had in hand is still where they had it from, or were about to put it,
 * so all places are looked at. Some block that is allocated may be in one as well: it is
 * freed by a call then. Of a copied pool that this thread was inside of, @p interrupted by a
 * handler that has forked, all blocks are held as before: what is on the rack stays there.
 */
void cache::forget_locked(bool interrupted) noexcept {
    // Else the parent knows its blocks by the same memory.
    const bool copied = !module_.survives_fork();
    if (copied && !interrupted)
        rack_.for_each_shelf([this](auto blocks) {
            for (const auto next : blocks)
                disown(index_of(next));
        });
    if (!copied || !interrupted)
        rack_.clear();
    for (auto* each = first_; each != nullptr; each = each->next) {
        if (copied) {
            for (const auto next : each->blocks)
                disown(index_of(next));
            disown(index_of(each->hot.load(std::memory_order_relaxed)));
        }
        each->hot.store(0, std::memory_order_relaxed);
        set_count(*each, 0);
        owners_of_gone_ += each->owners.exchange(0, std::memory_order_relaxed);
    }
}

} // namespace fixedpool::detail
