/* SPDX-License-Identifier: MIT */
/*
 * Reads a file straight into blocks and sends them, one by one, through a
 * channel.
 */
#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include <fixedpool/fixedpool.hpp>

#include "file.hpp"
#include "program.hpp"
#include "stream.hpp"

namespace {

struct options {
    std::string input;
    std::string pool;
    std::string channel;
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

    const auto stream = demo::open_stream(pool, wanted.channel, fixedpool::channel_end::send);

    std::uint64_t blocks = 0;
    std::uint64_t bytes = 0;
    for (;;) {
        auto block = next_block(pool);
        const auto length = input.read(demo::payload_room(block));
        if (length == 0)
            break;
        demo::set_length(block, length);
        stream.send(std::move(block));
        ++blocks;
        bytes += length;
    }
    fmt::print("blocks {}\nbytes {}\n", blocks, bytes);
}

} // namespace

int main(int argc, char** argv) {
    options wanted;
    const auto declare = [&](CLI::App& app) {
        app.add_option("input", wanted.input, "file to read")->required();
        app.add_option("--pool", wanted.pool, "name of the pool")->required();
        app.add_option("--channel", wanted.channel, "name of the channel")->required();
    };
    return demo::run("demo-producer", "Reads a file into blocks and sends them through a channel.",
                     argc, argv, declare, [&] { produce(wanted); });
}
