/* SPDX-License-Identifier: MIT */
/*
 * A peer that crashes with blocks in hand: they are back when its end is known, and its
 * handles are dead. Nobody has to clean up, and no heartbeat has to be missed first.
 */
#include <array>
#include <csignal>
#include <cstdlib>
#include <iostream>

#include <sys/wait.h>
#include <unistd.h>

#include <fixedpool/fixedpool.hpp>

namespace {

/** Takes blocks, tells of one, and comes to a bad end. */
[[noreturn]] void crash(int report) {
    try {
        const auto client = fixedpool::client::open();
        const auto pool = client.attach("jobs");
        std::array<fixedpool::handle, 10> held;
        pool.allocate(held);
        const auto told = held[0].value();
        if (::write(report, &told, sizeof(told)) == sizeof(told))
            ::kill(::getpid(), SIGKILL);
    } catch (const fixedpool::error& refused) {
        std::cerr << "peer: " << refused.what() << '\n';
    }
    ::_exit(EXIT_FAILURE);
}

} // namespace

int main() {
    try {
        const auto client = fixedpool::client::open();
        const auto pool =
            client.create({.name = "jobs", .block_size = 256, .blocks = 16, .auto_destroy = true});
        const auto mine = pool.allocate();

        std::array<int, 2> report{};
        if (::pipe(report.data()) != 0)
            return EXIT_FAILURE;
        const pid_t child = ::fork();
        if (child == 0)
            crash(report[1]);
        std::uint64_t told = 0;
        if (::read(report[0], &told, sizeof(told)) != sizeof(told) ||
            ::waitpid(child, nullptr, 0) != child)
            return EXIT_FAILURE;

        const auto usage = pool.usage();
        std::cout << usage.in_use << " block in use, at most there were " << usage.peak << '\n';
        const auto state = pool.check(fixedpool::handle::from_value(told));
        std::cout << "the dead one's handle is " << (state.alive ? "alive" : "dead") << '\n';
        return usage.in_use == 1 && usage.peak == 11 && !state.alive ? EXIT_SUCCESS : EXIT_FAILURE;
    } catch (const fixedpool::error& refused) {
        std::cerr << "crash_of_a_peer: " << refused.what() << '\n';
        return EXIT_FAILURE;
    }
}
