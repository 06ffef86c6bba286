/* SPDX-License-Identifier: MIT */
/** @file
 * What is done with every allocator in the same way, compiled for each, so that no call is
 * more indirect than an application's.
 *
 * A peer is a class that is made of a shape and has
 *
 *   using token       what an application keeps of a block, to give it back
 *   token take()
 *   void give(token) or give(token&&)
 *   std::byte* at(const token&)  the memory, to be looked up as an application does
 *   auto enter()      what a thread keeps while it works with the peer
 *   take_bulk(std::span<token>), give_bulk(std::span<token>) where it has them
 */
#ifndef FIXEDPOOL_BENCH_WORKLOADS_HPP
#define FIXEDPOOL_BENCH_WORKLOADS_HPP

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <numeric>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "measure.hpp"
#include "ring.hpp"
#include "team.hpp"

namespace bench {

struct shape {
    std::size_t size;
    std::uint32_t blocks;
};

/** So many are taken at the same time. */
inline std::uint32_t live() { return smoke() ? 500 : 10000; }
/** For as many by each of two threads, and what they cache. */
inline std::uint32_t pool_blocks() { return smoke() ? 2048 : 32768; }
inline constexpr std::size_t bulk = 32;

/** A peer whose threads need nothing. */
struct needs_nothing {
    struct nothing {};
    static nothing enter() { return {}; }
};

/** The same for everybody. */
inline std::vector<std::uint32_t> random_order(std::uint32_t count, unsigned seed) {
    std::vector<std::uint32_t> order(count);
    std::iota(order.begin(), order.end(), 0);
    std::mt19937 random{seed}; // NOLINT(*-msc51-cpp,*-msc32-c): the same in every run
    std::shuffle(order.begin(), order.end(), random);
    return order;
}

// What is done in a batch. Each says how many pairs of allocation and free that is.

/** A block taken and given back. */
template <typename peer>
class pairs {
  public:
    static constexpr int count = 20000;
    static double operations() { return count; }

    pairs(peer& with, unsigned /*seed*/) : peer_{with} {}
    void operator()() {
        for (int i = 0; i < count; ++i) {
            auto taken = peer_.take();
            keep(taken);
            peer_.give(std::move(taken));
        }
    }

  private:
    peer& peer_;
};

/** Thirty-two taken at a time, and given back. */
template <typename peer>
class bulks {
  public:
    static constexpr int rounds = 1000;
    static double operations() { return rounds * bulk; }

    bulks(peer& with, unsigned /*seed*/) : peer_{with} {}
    void operator()() {
        for (int i = 0; i < rounds; ++i) {
            if constexpr (requires { peer_.take_bulk(std::span{taken_}); }) {
                peer_.take_bulk(std::span{taken_});
                keep(taken_);
                peer_.give_bulk(std::span{taken_});
            } else {
                for (auto& each : taken_)
                    each = peer_.take();
                keep(taken_);
                for (auto& each : taken_)
                    peer_.give(std::move(each));
            }
        }
    }

  private:
    peer& peer_;
    std::array<typename peer::token, bulk> taken_ = {};
};

/** 10,000 taken, each written to, then given back in random order. */
template <typename peer>
class fills {
  public:
    static constexpr int rounds = 3;
    static double operations() { return static_cast<double>(rounds) * live(); }

    fills(peer& with, unsigned seed)
        : peer_{with},
          order_{random_order(live(), seed)},
          taken_(live()) {}
    void operator()() {
        for (int i = 0; i < rounds; ++i) {
            for (auto& each : taken_) {
                each = peer_.take();
                touch(peer_.at(each));
            }
            for (const auto next : order_)
                peer_.give(std::move(taken_[next]));
        }
    }

  private:
    peer& peer_;
    std::vector<std::uint32_t> order_;
    std::vector<typename peer::token> taken_;
};

/** One of 10,000 live blocks, drawn at random, given back, and another taken and written to. */
template <typename peer>
class churns {
  public:
    static double operations() { return live(); }

    churns(peer& with, unsigned seed)
        : peer_{with},
          order_{random_order(live(), seed)},
          taken_(live()) {
        for (auto& each : taken_)
            each = peer_.take();
        for (const auto next : random_order(live(), seed + 1))
            peer_.give(std::move(taken_[next]));
        for (auto& each : taken_)
            each = peer_.take();
    }
    churns(const churns&) = delete;
    churns& operator=(const churns&) = delete;
    ~churns() {
        for (auto& each : taken_)
            peer_.give(std::move(each));
    }
    void operator()() {
        for (const auto next : order_) {
            auto& place = taken_[next];
            peer_.give(std::move(place));
            place = peer_.take();
            touch(peer_.at(place));
        }
    }

  private:
    peer& peer_;
    std::vector<std::uint32_t> order_;
    std::vector<typename peer::token> taken_;
};

template <typename work, typename peer>
void run_alone(benchmark::State& state, shape of) {
    peer with{of};
    [[maybe_unused]] const auto inside = with.enter();
    work batch{with, 1};
    measure(state, work::operations(), [&] {
        const auto begin = now_ns();
        batch();
        return now_ns() - begin;
    });
}

/** The same by two threads at the same time; what one operation takes in each. */
template <typename work, typename peer>
void run_both(benchmark::State& state, shape of) {
    peer with{of};
    [[maybe_unused]] const auto inside = with.enter();
    work own{with, 1};
    double other_took = 0;
    std::unique_ptr<work> other;
    team both{[&] { return with.enter(); },
              [&] {
                  if (!other) // made by the thread itself, so that its blocks are
                      other = std::make_unique<work>(with, 2);
                  const auto begin = now_ns();
                  (*other)();
                  other_took = now_ns() - begin;
              }};
    measure(state, work::operations(), [&] {
        both.begin();
        const auto begin = now_ns();
        own();
        const auto took = now_ns() - begin;
        both.end();
        return (took + other_took) / 2;
    });
}

/** One thread takes, writes, and passes on; another reads and gives back. */
template <typename peer>
void run_handover(benchmark::State& state, shape of) {
    constexpr int count = 20000;
    peer with{of};
    [[maybe_unused]] const auto inside = with.enter();
    ring<typename peer::token> way;
    team both{[&] { return with.enter(); },
              [&] {
                  std::uint64_t sum = 0;
                  for (int i = 0; i < count; ++i) {
                      auto received = way.take();
                      sum += *reinterpret_cast<const std::uint64_t*>(with.at(received));
                      with.give(std::move(received));
                  }
                  keep(sum);
              }};
    measure(state, count, [&] {
        both.begin();
        const auto begin = now_ns();
        for (int i = 0; i < count; ++i) {
            auto taken = with.take();
            touch(with.at(taken));
            way.put(std::move(taken));
        }
        both.end();
        return now_ns() - begin;
    });
}

/** Reads a word of each block that @p names name; @p find says where it is. */
template <typename name, typename function>
void run_dereference(benchmark::State& state, const std::vector<name>& names, function find) {
    constexpr int rounds = 20;
    measure(state, rounds * static_cast<double>(names.size()), [&] {
        const auto begin = now_ns();
        for (int i = 0; i < rounds; ++i)
            for (const auto& each : names) {
                auto word = *reinterpret_cast<const std::uint64_t*>(find(each));
                keep(word);
            }
        return now_ns() - begin;
    });
}

inline constexpr std::size_t small_size = 64;
inline shape small() { return {small_size, pool_blocks()}; }

/** What is said of blocks of one size only. */
template <typename peer>
void add_small(const std::string& name, bool threads) {
    add("pair/" + name,
        [](benchmark::State& state) { run_alone<pairs<peer>, peer>(state, small()); });
    add("bulk/" + name,
        [](benchmark::State& state) { run_alone<bulks<peer>, peer>(state, small()); });
    if (!threads)
        return;
    add("pair-2/" + name,
        [](benchmark::State& state) { run_both<pairs<peer>, peer>(state, small()); });
    add("random-2/" + name,
        [](benchmark::State& state) { run_both<fills<peer>, peer>(state, small()); });
    add("handover/" + name, [](benchmark::State& state) { run_handover<peer>(state, small()); });
}

template <typename peer>
void add_random(const std::string& name, std::size_t size) {
    const auto suffix = (size == small_size ? "" : "-" + std::to_string(size)) + "/" + name;
    const shape of{size, pool_blocks()};
    add("random" + suffix,
        [of](benchmark::State& state) { run_alone<fills<peer>, peer>(state, of); });
    add("churn" + suffix,
        [of](benchmark::State& state) { run_alone<churns<peer>, peer>(state, of); });
}

/** Notices what went wrong. */
class reporter : public benchmark::ConsoleReporter {
  public:
    reporter() : ConsoleReporter{OO_None} {}
    void ReportRuns(const std::vector<Run>& runs) override {
        failed_ =
            failed_ || std::ranges::any_of(runs, [](const Run& run) { return run.error_occurred; });
        ConsoleReporter::ReportRuns(runs);
    }
    [[nodiscard]] bool failed() const { return failed_; }

  private:
    bool failed_ = false;
};

/** What every program has. */
inline int main_of(int argc, char** argv) {
    pin(0);
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv))
        return EXIT_FAILURE;
    reporter told;
    const bool some = benchmark::RunSpecifiedBenchmarks(&told) != 0;
    benchmark::Shutdown();
    return some && !told.failed() ? EXIT_SUCCESS : EXIT_FAILURE;
}

} // namespace bench

#endif
