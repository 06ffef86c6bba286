/* SPDX-License-Identifier: MIT */
/*
 * Containers of the standard on pools: std::pmr ones on a resource of several block
 * sizes, and one that takes all its nodes from a pool of just their size. Neither asks
 * the heap for an element, and both end at a limit that was chosen, not at that of the machine.
 */
#include <cstdlib>
#include <iostream>
#include <map>
#include <memory_resource>
#include <string>
#include <vector>

#include <fixedpool/fixedpool.hpp>

namespace {

bool words(const fixedpool::client& client) {
    // 64 blocks each of 64, 128, ... 4,096 bytes.
    fixedpool::memory_resource memory{
        client, fixedpool::size_classes({.name = "words", .blocks = 64}, 64, 4096)};
    std::pmr::map<std::pmr::string, int> count{&memory};
    for (const char* word : {"a", "word", "that", "is", "a", "word", "is", "not", "long",
                             "but this one does not fit into the string itself"})
        ++count[std::pmr::string{word, &memory}];
    for (const auto& [word, times] : count)
        std::cout << times << " x " << word << '\n';
    return count.size() == 7;
}

bool nodes(const fixedpool::client& client) {
    using numbers =
        std::map<int, int, std::less<>, fixedpool::allocator<std::pair<const int, int>>>;
    // What the standard does not say: how large a node is.
    const auto pool =
        client.create({.name = "nodes",
                       .block_size = static_cast<std::uint32_t>(fixedpool::node_size<numbers>()),
                       .blocks = 100,
                       .auto_destroy = true});
    numbers squares{fixedpool::allocator<std::pair<const int, int>>{pool}};
    try {
        for (int i = 0; i < 1000; ++i)
            squares.emplace(i, i * i);
    } catch (const std::bad_alloc& refused) {
        std::cout << "after " << squares.size() << ": " << refused.what() << '\n';
    }
    return squares.size() == 100 && squares.at(99) == 9801;
}

} // namespace

int main() {
    try {
        // In process: no module is needed. client::open() does the same with one.
        const auto client = fixedpool::client::open_in_process();
        return words(client) && nodes(client) ? EXIT_SUCCESS : EXIT_FAILURE;
    } catch (const std::exception& refused) {
        std::cerr << "containers: " << refused.what() << '\n';
        return EXIT_FAILURE;
    }
}
