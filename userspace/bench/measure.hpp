/* SPDX-License-Identifier: MIT */
/** @file
 * How things are timed: in batches, of which the median and the fastest count, as
 * other programs on the machine disturb some of them.
 */
#ifndef FIXEDPOOL_BENCH_MEASURE_HPP
#define FIXEDPOOL_BENCH_MEASURE_HPP

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include <benchmark/benchmark.h>

namespace bench {

/** What FIXEDPOOL_BENCH_BATCHES says: 1 makes a test of a benchmark. */
inline std::int64_t batches() {
    constexpr std::int64_t usual = 100;
    static const std::int64_t wanted = [] {
        const char* const text = std::getenv("FIXEDPOOL_BENCH_BATCHES"); // NOLINT(*-mt-unsafe)
        return text != nullptr ? std::max<std::int64_t>(1, std::atoll(text)) : usual;
    }();
    return wanted;
}

/** Is this only a test whether it runs? Then sizes are small, too. */
inline bool smoke() { return batches() == 1; }

inline double now_ns() {
    using namespace std::chrono;
    return duration<double, std::nano>(steady_clock::now().time_since_epoch()).count();
}

/** The compiler knows nothing of @p value and of memory any more: both may have changed. */
template <typename type>
inline void keep(type& value) {
    if constexpr (std::is_trivially_copyable_v<type> && sizeof(type) <= sizeof(void*))
        asm volatile("" : "+r,m"(value) : : "memory");
    else
        asm volatile("" : "+m"(value) : : "memory");
}

/** What an application does with a block at least. */
inline void touch(std::byte* block) { *reinterpret_cast<volatile std::uint64_t*>(block) = 1; }

/** The value that a @p share of all is not above. Orders @p values. */
template <typename type>
type quantile(std::span<type> values, double share) {
    const auto last = values.size() - 1;
    const auto at =
        std::min(last, static_cast<std::size_t>(share * static_cast<double>(values.size())));
    std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(at),
                     values.end());
    return values[at];
}

/** What Google Benchmark shows as the time. */
inline void tell_ns(benchmark::State& state, double time) {
    constexpr double nano = 1e-9;
    state.SetIterationTime(time * nano);
}

/**
 * Runs @p batch, which returns how many nanoseconds it took for @p operations, as often
 * as wanted, after one that does not count, but not for longer than it takes anybody to see
 * that it is slow.
 */
template <typename function>
void measure(benchmark::State& state, double operations, function&& batch) {
    constexpr double half = 0.5;
    constexpr double usual_ns = 3e6;
    std::vector<double> samples;
    samples.reserve(static_cast<std::size_t>(batches()));
    for (auto _ : state) {
        batch();
        const auto end = now_ns() + static_cast<double>(batches()) * usual_ns;
        for (auto left = batches(); left > 0; --left) {
            samples.push_back(batch() / operations);
            if (now_ns() > end)
                break;
        }
        state.counters["ns_min"] = *std::min_element(samples.begin(), samples.end());
        const auto median = quantile<double>(samples, half);
        state.counters["ns"] = median;
        tell_ns(state, median);
    }
}

/** A benchmark called WORKLOAD/PEER, which repeats by itself what is to be repeated. */
template <typename function>
void add([[maybe_unused]] const std::string& name, [[maybe_unused]] function&& run) {
#ifndef __clang_analyzer__ // which takes for lost what Google Benchmark keeps
    benchmark::RegisterBenchmark(name.c_str(), run)
        ->UseManualTime()
        ->Unit(benchmark::kNanosecond)
        ->Iterations(1);
#endif
}

} // namespace bench

#endif
