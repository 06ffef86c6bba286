/* SPDX-License-Identifier: MIT */
/** @file
 * A million blocks: what they take beside their own bytes, and giving them back at once.
 */
#ifndef FIXEDPOOL_BENCH_MANY_HPP
#define FIXEDPOOL_BENCH_MANY_HPP

#include <algorithm>
#include <fstream>
#include <string>
#include <vector>

#include <unistd.h>

#include "workloads.hpp"

namespace bench {

inline std::uint32_t many_blocks() { return smoke() ? 10000 : 1000000; }

/** Of this process, in memory. */
inline double resident_bytes() {
    std::ifstream figures{"/proc/self/statm"};
    double all = 0;
    double resident = 0;
    figures >> all >> resident;
    return resident * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

template <typename peer>
void run_overhead(benchmark::State& state) {
    const auto count = many_blocks();
    std::vector<typename peer::token> taken(count);
    for (auto _ : state) {
        const auto before = resident_bytes();
        peer with{{small_size, count}};
        [[maybe_unused]] const auto inside = with.enter();
        for (auto& each : taken) {
            each = with.take();
            std::fill_n(with.at(each), small_size, std::byte{1});
        }
        state.counters["bytes"] = (resident_bytes() - before) / count - double{small_size};
        for (auto& each : taken)
            with.give(std::move(each));
        tell_ns(state, 1);
    }
}

template <typename peer>
void add_overhead(const std::string& name) {
    add("overhead/" + name, [](benchmark::State& state) { run_overhead<peer>(state); });
}

/**
 * @p make returns what has a million blocks; of that, release() gives them back and
 * is timed, and check() may look whether it did.
 */
template <typename function>
void add_release(const std::string& name, function make) {
    add("release/" + name, [make](benchmark::State& state) {
        measure(state, 1, [&] {
            auto full = make();
            const auto begin = now_ns();
            full.release();
            const auto took = now_ns() - begin;
            if constexpr (requires { full.check(); })
                if (!full.check())
                    state.SkipWithError("a handle is alive");
            return took;
        });
    });
}

} // namespace bench

#endif
