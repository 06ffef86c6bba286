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

#include "caches.hpp"

namespace fixedpool::detail {
namespace {

std::uint64_t address_of(const void* pointer) noexcept {
    return reinterpret_cast<std::uintptr_t>(pointer);
}

std::uint32_t count_of(const magazine& in) noexcept {
    return in.count.load(std::memory_order_relaxed);
}

void set_count(magazine& in, std::uint32_t count) noexcept {
    in.count.store(count, std::memory_order_relaxed);
}

/** Waits a little, and a little longer after many times, for a thread that must go on. */
void pause(unsigned times) noexcept {
    constexpr unsigned few = 64;
    constexpr timespec nap{.tv_sec = 0, .tv_nsec = 100'000};
    const int before = errno;
    if (times < few)
        ::sched_yield();
    else // no point of cancellation
        ::syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &nap, nullptr);
    errno = before;
}

/** After so many pauses, about a second, a thread that does not come out is left alone. */
constexpr unsigned most_pauses = 10'000;

} // namespace

static_assert(2 * rack::max_batch <= magazine::room);

std::unique_ptr<cache> cache::make(transport& module, std::uint32_t pool, size of) noexcept {
    if (of.batch == 0 || !caches::instance().possible())
        return {};
    try {
        auto made = std::make_unique<cache>(module, pool, of);
        return made->number_ != 0 ? std::move(made) : nullptr;
    } catch (const std::bad_alloc&) {
        return {};
    }
}

cache::cache(transport& module, std::uint32_t pool, size of)
    : rack_{of.shelves, of.batch},
      module_{module},
      pool_{pool},
      exact_{of.exact},
      number_{caches::instance().add(*this)} {}

cache::~cache() {
    if (number_ != 0)
        caches::instance().remove(*this);
}

magazine* cache::mine() noexcept {
    auto* const found = thread_magazines[number_];
    return found != nullptr ? found : caches::instance().make_magazine(*this);
}

void cache::refill(magazine& empty) noexcept {
    if (rack_.take(empty.blocks.data())) {
        set_count(empty, rack_.batch());
        return;
    }
    fixedpool_cache_fill request = {};
    request.pool = pool_;
    request.count = rack_.batch();
    request.blocks = address_of(empty.blocks.data());
    if (!module_.call(request))
        set_count(empty, request.done);
}

void cache::make_room(magazine& full) noexcept {
    const auto count = count_of(full);
    const auto batch = rack_.batch();
    if (count < batch)
        return;
    // Those that have been in it longest.
    if (!rack_.put(full.blocks.data()))
        drain({full.blocks.data(), batch});
    std::copy(full.blocks.begin() + batch, full.blocks.begin() + count, full.blocks.begin());
    set_count(full, count - batch);
}

/** Gives back blocks in order, leaving out those that are refused. */
void cache::drain(std::span<const std::uint32_t> blocks) noexcept {
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
    std::array<std::uint32_t, rack::max_batch> blocks{};
    std::uint32_t given = 0;
    while (rack_.take(blocks.data())) {
        drain({blocks.data(), rack_.batch()});
        given += rack_.batch();
    }
    return given;
}

std::uint32_t cache::empty_locked(magazine& left) noexcept {
    const auto count = count_of(left);
    drain({left.blocks.data(), count});
    set_count(left, 0);
    return count;
}

/** Empties the magazines whose owners are outside; @p all says whether these are all. */
std::uint32_t cache::empty_idle_locked(bool& all) noexcept {
    const auto* const own = thread_magazines[number_];
    std::uint32_t given = 0;
    all = true;
    for (auto* each = first_; each != nullptr; each = each->next) {
        // Acquire: pairs with leave(). What the owner did inside is done.
        if (each->busy.load(std::memory_order_acquire) == 0)
            given += empty_locked(*each);
        else if (each != own) // else we are the handler that it waits for
            all = false;
    }
    return given;
}

/** Returns: false if it cannot be shut: this thread has the lock, being interrupted. */
bool cache::shut_and_empty(patience with, std::uint32_t* given) noexcept {
    auto& everyone = caches::instance();
    if (!everyone.lock())
        return false;
    ++shut_;
    for (auto* each = first_; each != nullptr; each = each->next)
        each->shut.store(shut_, std::memory_order_relaxed);
    everyone.unlock();
    caches::barrier();

    // Without the lock while we wait: who is inside a magazine may be stopped there by a
    // handler that wants it. What is on its way from the rack to the pool is so under the
    // lock: who has had it finds no block missing.
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
    if (given != nullptr)
        *given = count;
    return true;
}

void cache::open() noexcept {
    auto& everyone = caches::instance();
    static_cast<void>(everyone.lock());
    // Zero in the child of a fork() of whoever had shut it.
    if (shut_ != 0)
        --shut_;
    // Release: pairs with enter().
    for (auto* each = first_; each != nullptr; each = each->next)
        each->shut.store(shut_, std::memory_order_release);
    everyone.unlock();
}

std::uint32_t cache::trim() noexcept {
    std::uint32_t given = 0;
    if (shut_and_empty(patience::some, &given))
        open();
    return given;
}

std::int64_t cache::close() noexcept {
    auto& everyone = caches::instance();
    static_cast<void>(everyone.lock());
    closed_ = true;
    everyone.unlock();
    static_cast<void>(shut_and_empty(patience::any));

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
        count += count_of(*each);
    everyone.unlock();
    return count;
}

void cache::begin_locked(magazine& fresh) noexcept {
    fresh.count.store(0, std::memory_order_relaxed);
    fresh.owners.store(0, std::memory_order_relaxed);
    fresh.room_limit = 2 * rack_.batch();
    fresh.limit.store(exact_ ? 0 : fresh.room_limit, std::memory_order_relaxed);
    fresh.busy.store(0, std::memory_order_relaxed);
    fresh.shut.store(shut_, std::memory_order_release);
    fresh.of = this;
    fresh.next = first_;
    first_ = &fresh;
}

/** What the magazine's owner leaves behind; it is in no list then. */
void cache::end_locked(magazine& left) noexcept {
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

/** In the child after fork(): the blocks are not its own, or have gone back already. */
void cache::forget_locked() noexcept {
    rack_.clear();
    for (auto* each = first_; each != nullptr; each = each->next) {
        set_count(*each, 0);
        owners_of_gone_ += each->owners.exchange(0, std::memory_order_relaxed);
    }
}

} // namespace fixedpool::detail
