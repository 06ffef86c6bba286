/* SPDX-License-Identifier: MIT */
/*
 * Reads a file straight into blocks and gives them, one by one, to a consumer.
 * The consumer's client number comes through a pipe; handles leave through
 * another.
 */
#include <chrono>
#include <csignal>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <thread>

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include <fixedpool/fixedpool.hpp>

#include "file.hpp"
#include "program.hpp"

namespace {

struct options {
    std::string input;
    std::string pool;
    std::string number;
    std::string handles;
};

/** Waits for the consumer to free one if need be. */
fixedpool::block next_block(const fixedpool::pool& pool) {
    for (;;) {
        std::error_code ec;
        auto block = pool.try_allocate(ec);
        if (block)
            return block;
        if (ec != fixedpool::errc::out_of_blocks)
            return pool.allocate(); // throws what this means
        std::this_thread::sleep_for(std::chrono::milliseconds{1});
    }
}

void produce(const options& wanted) {
    const demo::file input{wanted.input, O_RDONLY};
    const auto client = fixedpool::client::open();
    const auto pool = client.attach(wanted.pool);
    if (!pool.mappable())
        throw std::runtime_error{"pool '" + wanted.pool + "' cannot be mapped"};

    fixedpool::client_id consumer{};
    if (!demo::file{wanted.number, O_RDONLY}.receive(consumer))
        throw std::runtime_error{"the consumer left without a word"};
    const demo::file handles{wanted.handles, O_WRONLY};

    std::uint64_t blocks = 0;
    std::uint64_t bytes = 0;
    for (;;) {
        auto block = next_block(pool);
        const auto length = input.read(block.bytes());
        if (length == 0)
            break;
        handles.send(demo::message{block.give(consumer).value(), length});
        ++blocks;
        bytes += length;
    }
    fmt::print("blocks {}\nbytes {}\n", blocks, bytes);
}

} // namespace

int main(int argc, char** argv) {
    std::signal(SIGPIPE, SIG_IGN); // a consumer that is gone is an error like others

    options wanted;
    const auto declare = [&](CLI::App& app) {
        app.add_option("input", wanted.input, "file to read")->required();
        app.add_option("--pool", wanted.pool, "name of the pool")->required();
        app.add_option("--number", wanted.number, "pipe that tells the consumer's client number")
            ->required();
        app.add_option("--handles", wanted.handles, "pipe that takes the handles")->required();
    };
    return demo::run("demo-producer", "Reads a file into blocks and gives them to a consumer.",
                     argc, argv, declare, [&] { produce(wanted); });
}
