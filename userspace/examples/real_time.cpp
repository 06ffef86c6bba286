/* SPDX-License-Identifier: MIT */
/*
 * A loop that must not be late. All memory is there before it begins: while it runs there is no
 * page fault, no system call, and no lock in taking and freeing; what the
 * longest of a million took is printed.
 */
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <iostream>

#include <sys/mman.h>
#include <sys/resource.h>

#include <fixedpool/fixedpool.hpp>

namespace {

long faults() {
    rusage usage{};
    ::getrusage(RUSAGE_THREAD, &usage);
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-union-access): so glibc declares them
    return usage.ru_minflt + usage.ru_majflt;
}

/** One turn: a message comes, another goes. */
void turn(const fixedpool::pool& pool, std::array<fixedpool::handle, 64>& queue, int number) {
    auto& place = queue[static_cast<std::size_t>(number) % queue.size()];
    if (place)
        pool.free(place);
    place = pool.allocate_handle();
    *pool.get(place) = std::byte(number);
}

} // namespace

int main() {
    try {
        const auto client = fixedpool::client::open_in_process();
        const auto pool = client.create(
            {.name = "messages", .block_size = 128, .blocks = 4096, .auto_destroy = true});
        // What pools have is there; this is for the rest of the program.
        if (::mlockall(MCL_CURRENT | MCL_FUTURE) != 0)
            std::cout << "(memory is not locked: that takes a right or a limit)\n";

        constexpr int turns = 1'000'000;
        std::array<fixedpool::handle, 64> queue{};
        for (int i = 0; i < 1000; ++i)
            turn(pool, queue, i); // the thread's cache and the stack come to be

        using clock = std::chrono::steady_clock;
        const auto faults_before = faults();
        clock::duration worst{};
        for (int i = 0; i < turns; ++i) {
            const auto begin = clock::now();
            turn(pool, queue, i);
            worst = std::max(worst, clock::now() - begin);
        }
        const auto faulted = faults() - faults_before;
        ::munlockall();

        // Whatever else the machine did meanwhile is in it.
        std::cout << "worst of " << turns << ": "
                  << std::chrono::duration_cast<std::chrono::nanoseconds>(worst).count() << " ns, "
                  << faulted << " page faults\n";
        return faulted == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
    } catch (const fixedpool::error& refused) {
        std::cerr << "real_time: " << refused.what() << '\n';
        return EXIT_FAILURE;
    }
}
