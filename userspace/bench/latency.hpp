/* SPDX-License-Identifier: MIT */
/** @file
 * What single operations take, each timed by itself with the time stamp counter; what
 * that takes is in all of them.
 */
#ifndef FIXEDPOOL_BENCH_LATENCY_HPP
#define FIXEDPOOL_BENCH_LATENCY_HPP

#include <random>
#include <string>
#include <utility>
#include <vector>

#include <sys/resource.h>

#include "workloads.hpp"

namespace bench {

/** Nothing after it begins before, and it begins when all before has ended. */
inline std::uint64_t ticks() {
    unsigned processor = 0;
    const auto now = __builtin_ia32_rdtscp(&processor);
    __builtin_ia32_lfence();
    return now;
}

inline double ns_per_tick() {
    static const double found = [] {
        constexpr double long_enough = 2e7;
        const auto begin = now_ns();
        const auto first = ticks();
        while (now_ns() - begin < long_enough) {
        }
        const auto last = ticks();
        return (now_ns() - begin) / static_cast<double>(last - first);
    }();
    return found;
}

inline long faults() {
    rusage used = {};
    ::getrusage(RUSAGE_THREAD, &used);
    return used.ru_minflt + used.ru_majflt;
}

/** Tells how many nanoseconds shares of @p took, in ticks, are not above. */
inline void tell_quantiles(benchmark::State& state, std::span<std::uint32_t> took) {
    constexpr double p50 = 0.5;
    constexpr double p99 = 0.99;
    constexpr double p99_9 = 0.999;
    constexpr double p99_99 = 0.9999;
    for (const auto& [name, share] : {std::pair{"p50", p50}, std::pair{"p99", p99},
                                      std::pair{"p99.9", p99_9}, std::pair{"p99.99", p99_99}})
        state.counters[name] =
            ns_per_tick() * static_cast<double>(quantile<std::uint32_t>(took, share));
    tell_ns(state, state.counters["p50"]);
}

/** Allocations while the number of live blocks walks at random between none and 10,000. */
template <typename peer>
void run_latency(benchmark::State& state, shape of) {
    const std::size_t wanted = smoke() ? 1000 : 500000;
    peer with{of};
    [[maybe_unused]] const auto inside = with.enter();
    std::vector<std::uint32_t> took(2 * wanted);
    const std::size_t most = live();
    std::vector<typename peer::token> taken(most);
    std::mt19937 random{1}; // NOLINT(*-msc51-cpp,*-msc32-c): the same in every run
    for (auto _ : state) {
        std::size_t count = 0;
        std::size_t at = 0;
        while (at < took.size()) {
            const auto number = random();
            if (count == 0 || (count < most && number % 2 == 0)) {
                const auto begin = ticks();
                auto block = with.take();
                const auto end = ticks();
                took[at++] = static_cast<std::uint32_t>(end - begin);
                touch(with.at(block));
                taken[count++] = std::move(block);
            } else {
                std::swap(taken[number / 2 % count], taken[count - 1]);
                with.give(std::move(taken[--count]));
            }
        }
        while (count != 0)
            with.give(std::move(taken[--count]));
        // The first half has warmed it up.
        tell_quantiles(state, std::span{took}.subspan(wanted));
    }
}

/** Allocations of blocks that have never been used, and their first touch. */
template <typename peer>
void run_fresh(benchmark::State& state, shape of) {
    const std::size_t wanted = smoke() ? 64 : of.blocks / 2;
    constexpr std::size_t before = 64;
    peer with{of};
    [[maybe_unused]] const auto inside = with.enter();
    std::vector<std::uint32_t> took(wanted);
    std::vector<typename peer::token> taken(wanted);
    for (std::size_t i = 0; i < before; ++i)
        taken[i] = with.take();
    for (std::size_t i = 0; i < before; ++i)
        with.give(std::move(taken[i]));
    for (auto _ : state) {
        const auto faults_before = faults();
        for (std::size_t i = 0; i < wanted; ++i) {
            const auto begin = ticks();
            taken[i] = with.take();
            touch(with.at(taken[i]));
            const auto end = ticks();
            took[i] = static_cast<std::uint32_t>(end - begin);
        }
        state.counters["faults"] = static_cast<double>(faults() - faults_before);
        tell_quantiles(state, took);
    }
    for (auto& each : taken)
        with.give(std::move(each));
}

template <typename peer>
void add_latency(const std::string& name) {
    add("latency/" + name, [](benchmark::State& state) { run_latency<peer>(state, small()); });
}

template <typename peer>
void add_fresh(const std::string& name, std::size_t size) {
    const shape of{size, pool_blocks()};
    add("fresh/" + name, [of](benchmark::State& state) { run_fresh<peer>(state, of); });
}

} // namespace bench

#endif
