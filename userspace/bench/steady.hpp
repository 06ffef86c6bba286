/* SPDX-License-Identifier: MIT */
/** @file
 * How often the kernel is needed once everything is warm: system calls and page faults.
 *
 * The calls are counted by the kernel itself: a filter of the thread that works, and of no
 * other, announces each to a second thread, which lets it go on.
 */
#ifndef FIXEDPOOL_BENCH_STEADY_HPP
#define FIXEDPOOL_BENCH_STEADY_HPP

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "latency.hpp"
#include "workloads.hpp"

namespace bench {

class call_counter {
  public:
    call_counter() : listener_{[this] { listen(); }} {}
    call_counter(const call_counter&) = delete;
    call_counter& operator=(const call_counter&) = delete;
    /** Requires: the thread that has called begin() has ended. */
    ~call_counter() {
        int unset = unknown;
        announced_.compare_exchange_strong(unset, none);
        listener_.join();
    }

    /** For the rest of this thread's life; false: the kernel does not do that. */
    bool begin() {
        sock_filter announce = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);
        const sock_fprog filter = {.len = 1, .filter = &announce};
        if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
            return false;
        const auto descriptor = ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                                          SECCOMP_FILTER_FLAG_NEW_LISTENER, &filter);
        if (descriptor < 0)
            return false;
        announced_ = static_cast<int>(descriptor);
        return true;
    }

    void count(bool now) { counting_ = now; }
    [[nodiscard]] std::uint64_t counted() const { return calls_; }

  private:
    static constexpr int unknown = -1;
    static constexpr int none = -2;

    void listen() {
        for (patience some; announced_ == unknown;)
            some.wait();
        if (announced_ == none)
            return;
        for (;;) {
            pollfd state = {.fd = announced_, .events = POLLIN, .revents = 0};
            seccomp_notif told = {};
            if (::poll(&state, 1, -1) != 1 || (state.revents & POLLIN) == 0)
                break; // the thread has ended
            if (::ioctl(announced_, SECCOMP_IOCTL_NOTIF_RECV, &told) != 0)
                continue;
            if (counting_)
                ++calls_;
            seccomp_notif_resp answer = {
                .id = told.id, .val = 0, .error = 0, .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE};
            ::ioctl(announced_, SECCOMP_IOCTL_NOTIF_SEND, &answer);
        }
        ::close(announced_);
    }

    std::atomic<int> announced_ = unknown;
    std::atomic<bool> counting_ = false;
    std::atomic<std::uint64_t> calls_ = 0;
    std::thread listener_;
};

template <typename peer>
void run_steady(benchmark::State& state, shape of) {
    const int rounds = smoke() ? 1 : 30;
    peer with{of};
    for (auto _ : state) {
        call_counter calls;
        bool possible = false;
        long faulted = 0;
        std::thread{[&] {
            pin(0);
            [[maybe_unused]] const auto inside = with.enter();
            fills<peer> random{with, 1};
            pairs<peer> tight{with, 1};
            const auto work = [&] {
                random();
                tight();
            };
            work();
            work();
            const auto before = faults();
            possible = calls.begin();
            calls.count(true);
            for (int i = 0; i < rounds; ++i)
                work();
            calls.count(false);
            faulted = faults() - before;
        }}.join();
        if (possible)
            state.counters["calls"] = static_cast<double>(calls.counted());
        else
            state.SkipWithError("no seccomp filters");
        state.counters["faults"] = static_cast<double>(faulted);
        tell_ns(state, 1);
    }
}

template <typename peer>
void add_steady(const std::string& name) {
    add("steady/" + name, [](benchmark::State& state) { run_steady<peer>(state, small()); });
}

} // namespace bench

#endif
