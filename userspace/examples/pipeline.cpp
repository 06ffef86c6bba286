/* SPDX-License-Identifier: MIT */
/*
 * A pipeline of processes: one makes frames, the next looks at them. No byte is
 * copied and none is lost: a channel passes the blocks on, and waits where one side is slower.
 */
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <iostream>

#include <sys/wait.h>
#include <unistd.h>

#include <fixedpool/fixedpool.hpp>

namespace {

constexpr std::uint64_t frames = 1000;

std::uint64_t checksum(const fixedpool::block& frame) {
    std::uint64_t sum = 0;
    for (const auto byte : frame.bytes())
        sum += std::to_integer<std::uint64_t>(byte);
    return sum;
}

/** In a process of its own, as any other program that knows the names. */
int consume() {
    try {
        const auto client = fixedpool::client::open();
        const auto pool = client.attach("frames");
        const auto input =
            fixedpool::channel::open(pool, "frames", fixedpool::channel_end::receive);
        std::uint64_t count = 0;
        std::uint64_t sum = 0;
        // Ends when the last sender has gone. Each frame is free at the end of its turn.
        while (const auto frame = input.receive()) {
            sum += checksum(frame);
            ++count;
        }
        std::cout << count << " frames, checksum " << sum << std::endl;
        return count == frames ? EXIT_SUCCESS : EXIT_FAILURE;
    } catch (const fixedpool::error& refused) {
        std::cerr << "consumer: " << refused.what() << '\n';
        return EXIT_FAILURE;
    }
}

void produce(const fixedpool::pool& pool, const fixedpool::channel& output) {
    for (std::uint64_t number = 0; number < frames; ++number) {
        auto frame = pool.allocate_wait(); // until the consumer has freed one
        std::memset(frame.data(), static_cast<int>(number % 256), frame.size());
        output.send(std::move(frame));
    }
}

} // namespace

int main() {
    try {
        // Before anything is opened: a child that had the parent's end of the channel, too, would
        // wait for itself to send something.
        std::array<int, 2> ready{};
        if (::pipe(ready.data()) != 0)
            return EXIT_FAILURE;
        const pid_t child = ::fork();
        char go = 0;
        if (child == 0) {
            ::close(ready[1]);
            ::_exit(::read(ready[0], &go, 1) == 1 ? consume() : EXIT_FAILURE);
        }

        const auto client = fixedpool::client::open();
        const auto pool = client.create(
            {.name = "frames", .block_size = 4096, .blocks = 32, .auto_destroy = true});
        {
            const auto output = fixedpool::channel::create(
                pool, {.name = "frames", .capacity = 8, .end = fixedpool::channel_end::send});
            if (::write(ready[1], &go, 1) != 1)
                return EXIT_FAILURE;
            produce(pool, output);
        } // the end of the channel is the end of the work
        int status = EXIT_FAILURE;
        return ::waitpid(child, &status, 0) == child && status == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
    } catch (const fixedpool::error& refused) {
        std::cerr << "pipeline: " << refused.what() << '\n';
        return EXIT_FAILURE;
    }
}
