/* SPDX-License-Identifier: MIT */
/*
 * A first pool: make one, take a block of it, hand the block to another client
 * by its handle, and see that a handle kept too long is refused.
 *
 * Both clients live in this process to keep the example short; the handle is a
 * number and may as well travel through a pipe.
 */
#include <cstdlib>
#include <cstring>
#include <iostream>

#include <fixedpool/fixedpool.hpp>

int main() {
    try {
        // A client is one open /dev/fixedpool. What it holds goes back when it closes, or dies.
        const auto alice = fixedpool::client::open();
        const auto pool =
            alice.create({.name = "first", .block_size = 256, .blocks = 16, .auto_destroy = true});

        // Another client attaches to the same pool by name, and sees the same memory.
        const auto bob = fixedpool::client::open();
        const auto same_pool = bob.attach("first");

        // A block is memory; its owner frees it at the end of its scope.
        auto block = pool.allocate();
        constexpr char text[] = "no byte was copied";
        std::memcpy(block.data(), text, sizeof(text));

        // Giving changes the holder. What travels is the handle: 64 bits.
        const fixedpool::handle handle = block.give(bob.id());
        {
            const auto received = same_pool.adopt(handle);
            std::cout << reinterpret_cast<const char*>(received.data()) << '\n';
        } // Bob frees the block here, and the handle dies with the allocation ...

        // ... so that nobody reaches the block by it, with a system call or without.
        if (pool.get(handle) != nullptr)
            return EXIT_FAILURE;
        try {
            pool.free(handle);
        } catch (const fixedpool::handle_error& refused) {
            std::cout << refused.what() << '\n';
            return EXIT_SUCCESS;
        }
        return EXIT_FAILURE;
    } catch (const fixedpool::error& refused) {
        std::cerr << "first_pool: " << refused.what() << '\n';
        return EXIT_FAILURE;
    }
}
