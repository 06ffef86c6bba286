/* SPDX-License-Identifier: MIT */
/** @file
 * Two threads, each on its CPU, that do something at the same time, often.
 */
#ifndef FIXEDPOOL_BENCH_TEAM_HPP
#define FIXEDPOOL_BENCH_TEAM_HPP

#include <atomic>
#include <cstdint>
#include <functional>
#include <thread>

#include <sched.h>

namespace bench {

/** Keeps this thread on the CPU of that number among those that the process may use. */
inline void pin(int number) {
    static const cpu_set_t usable = [] {
        cpu_set_t set;
        ::sched_getaffinity(0, sizeof(set), &set);
        return set;
    }();
    const int wanted = number % CPU_COUNT(&usable);
    for (int cpu = 0, seen = 0; cpu < CPU_SETSIZE; ++cpu) {
        if (!CPU_ISSET(cpu, &usable) || seen++ != wanted)
            continue;
        cpu_set_t one;
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        ::sched_setaffinity(0, sizeof(one), &one);
        return;
    }
}

/** Waits a moment for another thread, which may need this CPU. */
class patience {
  public:
    void wait() {
        constexpr unsigned spins = 2000;
        if (++waited_ % spins == 0)
            std::this_thread::yield();
        else
            __builtin_ia32_pause();
    }

  private:
    unsigned waited_ = 0;
};

/** Both have to come before either goes on. */
class meeting {
  public:
    void meet() {
        const auto round = round_.load(std::memory_order_acquire);
        if (come_.fetch_add(1, std::memory_order_acq_rel) == 1) {
            come_.store(0, std::memory_order_relaxed);
            round_.store(round + 1, std::memory_order_release);
            return;
        }
        for (patience some; round_.load(std::memory_order_acquire) == round;)
            some.wait();
    }

  private:
    alignas(64) std::atomic<unsigned> come_ = 0;
    alignas(64) std::atomic<unsigned> round_ = 0;
};

/**
 * A second thread that runs its task whenever the first asks for it. The first is the one
 * that makes the team.
 */
class team {
  public:
    /** @p task is run between begin() and end(), on the second CPU. */
    template <typename entered>
    team(entered enter, std::function<void()> task) {
        second_ = std::thread{[this, enter, task = std::move(task)] {
            pin(1);
            [[maybe_unused]] const auto inside = enter();
            for (;;) {
                begun_.meet();
                if (over_.load(std::memory_order_relaxed))
                    return;
                task();
                ended_.meet();
            }
        }};
    }
    team(const team&) = delete;
    team& operator=(const team&) = delete;
    ~team() {
        over_.store(true, std::memory_order_relaxed);
        begun_.meet();
        second_.join();
    }

    void begin() { begun_.meet(); }
    void end() { ended_.meet(); }

  private:
    meeting begun_;
    meeting ended_;
    std::atomic<bool> over_ = false;
    std::thread second_;
};

} // namespace bench

#endif
