/* SPDX-License-Identifier: MIT */
/*
 * Making sure of free blocks: those that there are, those that the pool grows by, and
 * those that somebody gives back.
 */
#include <algorithm>
#include <cerrno>
#include <ctime>
#include <mutex>

#include "pool.hpp"

namespace fixedpool::detail::local {
namespace {

// Between two tries to make a pool grow for those who wait.
constexpr std::int64_t grow_again_ns = 100'000'000;
constexpr std::int64_t second_ns = 1'000'000'000;

/** CLOCK_MONOTONIC, in so many nanoseconds, less than a second. */
timespec later(std::int64_t nanoseconds) noexcept {
    timespec time{};
    ::clock_gettime(CLOCK_MONOTONIC, &time);
    time.tv_nsec += nanoseconds;
    if (time.tv_nsec >= second_ns) {
        time.tv_nsec -= second_ns;
        ++time.tv_sec;
    }
    return time;
}

bool before(const timespec& a, const timespec& b) noexcept {
    return a.tv_sec != b.tv_sec ? a.tv_sec < b.tv_sec : a.tv_nsec < b.tv_nsec;
}

} // namespace

void pool::note_peak() noexcept {
    const auto used = in_use();
    auto peak = peak_.load(std::memory_order_relaxed);
    while (used > peak && !peak_.compare_exchange_weak(peak, used, std::memory_order_relaxed)) {
    }
}

std::uint32_t pool::reserve(std::uint32_t least, std::uint32_t most) noexcept {
    if (queue_.any())
        return 0;
    auto count = depot_.reserve(most, most);
    if (count == 0 && growth_.possible() && !growth_.lock().mine())
        count = reserve_growing(least, most);
    if (count == 0)
        count = depot_.reserve(least, most);
    if (count != 0) {
        note_peak();
        watched_.look();
    }
    return count;
}

/**
 * Until it is served, or until this is why it gives up. A pool that has failed to
 * grow may be able to after a while, and nobody else tries as long as we wait.
 */
int pool::doze_and_grow(waiter& asleep, const timespec* deadline) noexcept {
    for (;;) {
        grow(asleep.least, asleep.most);
        if (!growth_.possible())
            return waiting::doze(asleep, deadline);
        const auto again = later(grow_again_ns);
        const bool last = deadline != nullptr && !before(again, *deadline);
        const int error = waiting::doze(asleep, last ? deadline : &again);
        if (last || error != ETIMEDOUT)
            return error;
    }
}

int pool::reserve_in_turn(const party& of, std::uint32_t least, std::uint32_t most,
                          const timespec* deadline, std::uint32_t& count) noexcept {
    if (least > shape_.blocks)
        return EFBIG;
    count = reserve(least, most);
    if (count != 0)
        return 0;
    if (deadline != nullptr && !before(later(0), *deadline))
        return ETIMEDOUT;
    waiter self{.of = &of, .least = least, .most = most};
    int error = queue_.enter(self);
    if (error != 0)
        return error;
    watched_.look();
    error = queue_.leave(self, doze_and_grow(self, deadline));
    watched_.look();
    if (error != 0)
        return error;
    note_peak();
    count = self.granted;
    return 0;
}

bool pool::grow_by_chunk() noexcept {
    const auto first = growth_.blocks();
    const auto end = growth_.extend();
    if (end == 0)
        return false;
    begin_versions(first, end);
    // Before the first is given: who gets it sees this, too, by the depot's word.
    growth_.begin(end);
    for (auto word = first / word_blocks; word < words_of(end); ++word) {
        const auto begin = std::max(first, word * word_blocks) % word_blocks;
        const auto count = std::min(end - word * word_blocks, word_blocks) - begin;
        const auto mask = (count == word_blocks ? all_blocks : bit_of(count) - 1) << begin;
        ended(word, mask);
        depot_.give(word, mask);
    }
    // Last: as long as the sum is short, blocks seem free that are in use, which
    // nobody takes for a new peak.
    growth_.settle(end);
    return true;
}

/** Blocks that are free or still to come. */
std::uint64_t pool::within_reach() const noexcept {
    return std::uint64_t{depot_.free()} + shape_.blocks - growth_.blocks();
}

/**
 * Under the lock there is no other who makes the pool grow. So if its last try to reserve
 * fails, so many blocks are in use, or reserved, that there cannot be enough.
 */
std::uint32_t pool::reserve_growing(std::uint32_t least, std::uint32_t most) noexcept {
    std::uint32_t count = 0;
    bool grown = false;
    {
        const std::scoped_lock lock{growth_.lock()};
        for (;;) {
            count = depot_.reserve(most, most);
            if (count != 0 || queue_.any() || !growth_.possible() || within_reach() < least)
                break;
            // What came back in between is looked at again first.
            if (depot_.free() < most && !grow_by_chunk())
                break;
            grown = true;
        }
    }
    if (grown)
        came();
    return count;
}

/** For those who wait, and look again. */
void pool::grow(std::uint32_t least, std::uint32_t most) noexcept {
    if (!growth_.possible() || within_reach() < least)
        return;
    {
        const std::scoped_lock lock{growth_.lock()};
        while (depot_.free() < most && growth_.possible() && grow_by_chunk()) {
        }
    }
    came();
}

} // namespace fixedpool::detail::local
