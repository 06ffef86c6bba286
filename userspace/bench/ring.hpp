/* SPDX-License-Identifier: MIT */
/** @file
 * A bounded queue between one thread that puts and one that takes.
 */
#ifndef FIXEDPOOL_BENCH_RING_HPP
#define FIXEDPOOL_BENCH_RING_HPP

#include <array>
#include <atomic>
#include <cstdint>
#include <utility>

#include "team.hpp"

namespace bench {

template <typename type>
class ring {
  public:
    void put(type value) {
        const auto at = put_.load(std::memory_order_relaxed);
        for (patience some; at - taken_seen_ == room;) {
            taken_seen_ = taken_.load(std::memory_order_acquire);
            if (at - taken_seen_ == room)
                some.wait();
        }
        places_[at % room] = std::move(value);
        put_.store(at + 1, std::memory_order_release);
    }

    type take() {
        const auto at = taken_.load(std::memory_order_relaxed);
        for (patience some; put_seen_ == at;) {
            put_seen_ = put_.load(std::memory_order_acquire);
            if (put_seen_ == at)
                some.wait();
        }
        type value = std::move(places_[at % room]);
        taken_.store(at + 1, std::memory_order_release);
        return value;
    }

  private:
    static constexpr std::uint64_t room = 1024;

    alignas(64) std::atomic<std::uint64_t> put_ = 0;
    std::uint64_t taken_seen_ = 0; // by who puts
    alignas(64) std::atomic<std::uint64_t> taken_ = 0;
    std::uint64_t put_seen_ = 0; // by who takes
    alignas(64) std::array<type, room> places_ = {};
};

} // namespace bench

#endif
