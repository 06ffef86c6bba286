/* SPDX-License-Identifier: MIT */
/*
 * The engine of the transport in process, below the interface.
 */
#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <mutex>
#include <span>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "local/client.hpp"
#include "local/holding.hpp"
#include "local/pool.hpp"
#include "local/registry.hpp"
#include "local/slots.hpp"

namespace {

using namespace fixedpool::detail::local;

std::shared_ptr<pool> make_pool(std::uint32_t blocks, std::uint32_t flags = 0,
                                std::uint32_t max_blocks = 0, std::uint32_t block_size = 64) {
    fixedpool_pool_create request = {};
    request.block_size = block_size;
    request.blocks = blocks;
    request.max_blocks = max_blocks;
    request.flags = flags;
    shape chosen{};
    int error = shape::choose(request, chosen);
    auto made = error == 0 ? pool::make(request, chosen, error) : nullptr;
    EXPECT_EQ(error, 0);
    return made;
}

TEST(LocalPool, SweepsWholeAndPartialGroups) {
    for (const std::uint32_t blocks : {1U, 63U, 64U, 65U, 1000U}) {
        const auto swept = make_pool(blocks);
        std::vector<std::pair<std::uint32_t, std::uint64_t>> groups;
        std::array<std::uint64_t, word_blocks> handles{};
        for (auto left = swept->reserve(blocks, blocks); left != 0;) {
            std::uint32_t word = 0;
            const auto mask = swept->claim(left, word, handles.data());
            groups.emplace_back(word, mask);
            left -= count_of(mask);
            EXPECT_EQ(swept->check(word * word_blocks + first_of(mask),
                                   static_cast<std::uint32_t>(handles[0] >> 32)),
                      0);
        }
        ASSERT_TRUE(swept->valid());
        {
            const std::scoped_lock lock{swept->sharing()};
            depot::giving giving{swept->free_blocks()};
            for (const auto& [word, mask] : groups)
                swept->sweep(giving, word, mask);
        }
        EXPECT_EQ(swept->in_use(), 0U);
        EXPECT_EQ(swept->peak(), blocks);
        EXPECT_TRUE(swept->valid());
    }
}

TEST(LocalPool, SweepsNothingThatSomebodyElseHolds) {
    const auto swept = make_pool(64);
    std::array<std::uint64_t, word_blocks> handles{};
    std::uint32_t word = 0;
    ASSERT_EQ(swept->reserve(64, 64), 64U);
    ASSERT_EQ(swept->claim(64, word, handles.data()), all_blocks);
    const auto version = static_cast<std::uint32_t>(handles[5] >> 32);
    const std::scoped_lock lock{swept->sharing()};
    ASSERT_EQ(swept->hold(5, version, holder::copy), 0);
    {
        depot::giving giving{swept->free_blocks()};
        swept->sweep(giving, 0, all_blocks);
    }
    EXPECT_EQ(swept->in_use(), 1U);
    EXPECT_EQ(swept->check(5, version), 0);
    EXPECT_EQ(swept->check(6, static_cast<std::uint32_t>(handles[6] >> 32)), EALREADY);
    swept->drop(5, holder::copy);
    EXPECT_EQ(swept->in_use(), 0U);
    EXPECT_TRUE(swept->valid());
}

TEST(LocalPool, HasNoCarryBetweenVersions) {
    const auto old = make_pool(64);
    auto* const versions = reinterpret_cast<std::uint32_t*>(old->versions());
    for (std::uint32_t i = 0; i < 64; ++i)
        versions[i] = 0xfffffffe;
    std::array<std::uint64_t, word_blocks> handles{};
    std::uint32_t word = 0;
    ASSERT_EQ(old->reserve(64, 64), 64U);
    ASSERT_EQ(old->claim(64, word, handles.data()), all_blocks);
    EXPECT_EQ(versions[7], 0xffffffffU);
    old->drop(0, all_blocks);
    for (std::uint32_t i = 0; i < 64; ++i)
        EXPECT_EQ(versions[i], 0U);
}

// Of blocks of a cache some versions are even and some are odd, side by side.
TEST(LocalPool, NeverSetsAVersionBack) {
    constexpr std::uint32_t first = 0xfffffff0;
    const auto cached = make_pool(64);
    auto* const versions = reinterpret_cast<std::uint32_t*>(cached->versions());
    for (const bool swept : {false, true}) {
        std::uint32_t word = 0;
        for (std::uint32_t i = 0; i < 64; ++i)
            versions[i] = first + i / 2;
        ASSERT_EQ(cached->reserve(64, 64), 64U);
        ASSERT_EQ(cached->cache(64, word), all_blocks);
        for (std::uint32_t i = 0; i < 64; ++i) {
            EXPECT_EQ(versions[i], first + (i + 2) / 4 * 2) << "as it was, or the next even one";
            versions[i] += i % 3;
        }
        if (swept) {
            const std::scoped_lock lock{cached->sharing()};
            depot::giving giving{cached->free_blocks()};
            cached->sweep(giving, 0, all_blocks);
        } else {
            cached->drop(0, all_blocks & ~bit_of(5)); // and so quad 1 is not whole
            cached->drop(5, holder::client);
        }
        for (std::uint32_t i = 0; i < 64; ++i)
            EXPECT_EQ(versions[i], first + (i + 2) / 4 * 2 + (i % 3 + 1) / 2 * 2);
        EXPECT_TRUE(cached->valid());
    }
}

TEST(LocalPool, CountsWhatWasWrittenAfterTheFree) {
    const auto poisoned = make_pool(2, FIXEDPOOL_POOL_POISON);
    poisoned->block(1)[3] = std::byte{};
    std::uint32_t word = 0;
    std::array<std::uint64_t, word_blocks> handles{};
    ASSERT_EQ(poisoned->reserve(2, 2), 2U);
    ASSERT_EQ(poisoned->claim(2, word, handles.data()), 3U);
    EXPECT_EQ(poisoned->poison_hits(), 1U);
}

// As in the child of fork(), of a thread that was about to take a block or give it back.
TEST(LocalPool, CleansWhatIsFreeOnlyAfterwards) {
    const auto poisoned = make_pool(100, FIXEDPOOL_POOL_POISON);
    std::array<std::uint64_t, word_blocks> handles{};
    std::uint32_t word = 0;
    ASSERT_EQ(poisoned->reserve(2, 2), 2U);
    ASSERT_EQ(count_of(poisoned->claim(2, word, handles.data())), 2U);
    for (const auto each : {handles[0], handles[1]})
        poisoned->block(FIXEDPOOL_HANDLE_SLOT(each) - poisoned->first_slot())[3] = std::byte{};
    const auto left = (FIXEDPOOL_HANDLE_SLOT(handles[0]) - poisoned->first_slot() + 50) % 100;
    poisoned->block(left)[3] = std::byte{};
    poisoned->rebuild(std::vector<std::uint8_t>(100));
    for (auto rest = poisoned->reserve(100, 100); rest != 0;)
        rest -= count_of(poisoned->claim(rest, word, handles.data()));
    EXPECT_EQ(poisoned->poison_hits(), 1U) << "that of the block that was free before";
}

TEST(LocalPool, GrowsByBlocksThatArePoisoned) {
    const auto growing = make_pool(1, FIXEDPOOL_POOL_POISON, 300);
    std::array<std::uint64_t, word_blocks> handles{};
    ASSERT_EQ(growing->reserve(300, 300), 300U);
    for (auto left = 300U; left != 0;) {
        std::uint32_t word = 0;
        left -= count_of(growing->claim(left, word, handles.data()));
    }
    EXPECT_EQ(growing->blocks(), 300U);
    EXPECT_EQ(growing->poison_hits(), 0U);
    EXPECT_TRUE(growing->valid());
}

// A pool of large blocks does not take 64 of them where it needs one.
TEST(LocalPool, RefusesNobodyWhileItCanGrow) {
    constexpr std::uint32_t users = 3;
    constexpr std::uint32_t share = 20;
    std::atomic<int> refused = 0;
    for (int round = 0; round < 30; ++round) {
        const auto growing = make_pool(1, 0, users * share, 65536);
        std::vector<std::thread> threads;
        threads.reserve(users);
        for (std::uint32_t i = 0; i < users; ++i)
            threads.emplace_back([&] {
                for (int again = 0; again < 20; ++again) {
                    const auto count = growing->reserve(share, share);
                    refused += count == share ? 0 : 1;
                    growing->cancel(count);
                }
            });
        for (auto& each : threads)
            each.join();
    }
    EXPECT_EQ(refused, 0);
}

TEST(LocalPool, GrowsByLargeBlocksOneByOne) {
    const auto growing = make_pool(1, 0, 130, 65536);
    for (std::uint32_t blocks = 1; blocks <= 130; ++blocks) {
        ASSERT_EQ(growing->reserve(1, 1), 1U);
        ASSERT_EQ(growing->blocks(), blocks);
    }
    EXPECT_EQ(growing->reserve(1, 1), 0U);
    growing->cancel(130);
    std::array<std::uint64_t, word_blocks> handles{};
    std::uint32_t word = 0;
    for (auto left = growing->reserve(130, 130); left != 0;)
        left -= count_of(growing->claim(left, word, handles.data()));
    EXPECT_EQ(growing->in_use(), 130U);
    EXPECT_TRUE(growing->valid());
}

// Whoever grows does it alone: each block comes once, and memory once.
TEST(LocalPool, GrowsOnceForAllWhoNeedIt) {
    for (int round = 0; round < 300; ++round) {
        const auto growing = make_pool(1, 0, 1024);
        std::vector<std::atomic<int>> taken(1024);
        std::atomic<int> ready = 0;
        {
            std::vector<std::jthread> threads;
            threads.reserve(3);
            for (int i = 0; i < 3; ++i)
                threads.emplace_back([&] {
                    std::array<std::uint64_t, word_blocks> handles{};
                    ++ready;
                    while (ready != 3)
                        std::this_thread::yield();
                    while (growing->reserve(1, 1) != 0) {
                        std::uint32_t word = 0;
                        const auto mask = growing->claim(1, word, handles.data());
                        for_each_block(word, mask, [&](std::uint32_t index) { ++taken[index]; });
                    }
                });
        }
        ASSERT_EQ(growing->blocks(), 1024U);
        ASSERT_TRUE(std::ranges::all_of(taken, [](const auto& each) { return each == 1; }));
        ASSERT_TRUE(growing->valid());
    }
}

TEST(LocalPool, CountsFallbacksOfSets) {
    const auto small = make_pool(3);
    const auto large = make_pool(10);
    const set both{.id = 1, .name = "both", .uid = 0, .pools = {small, large}};
    shares blocks{};
    ASSERT_EQ(reserve(both, 1, 5, 5, blocks), 5U);
    count_fallbacks(both, both.first(1), blocks);
    EXPECT_EQ(large->fallbacks(), 2U);
    EXPECT_EQ(small->overflows(), 2U);
    cancel(both, blocks);
    EXPECT_EQ(small->in_use() + large->in_use(), 0U);
}

TEST(Slots, GoRound) {
    auto& all = slots::instance();
    const auto first = all.take(1);
    const auto second = all.take(10);
    EXPECT_EQ(second, first + 1);
    all.give(first);
    const auto third = all.take(1);
    EXPECT_EQ(third, second + 10) << "not the one that has just become free";
    EXPECT_EQ(all.take(slot_units), 0U);
    all.give(second);
    all.give(third);
}

// Releases of one client, frees of its threads, shares, copies and other clients'
// scopes, all at once, on few blocks.
TEST(LocalPool, KeepsItsBooksWhileEverybodyIsAtWork) {
    auto& all = registry::instance();
    const auto one = all.open_client();
    const auto two = all.open_client();
    fixedpool_pool_create request = {};
    std::snprintf(request.name, sizeof(request.name), "busy");
    request.block_size = 16;
    request.blocks = 150;
    std::uint32_t id = 0;
    ASSERT_EQ(all.create_pool(request, *one, id), 0);
    ASSERT_EQ(all.attach_pool("busy", *two, id), 0);
    const auto work = [&](client& own, client& other, unsigned seed) {
        std::array<std::uint64_t, 16> mine{};
        for (int round = 0; round < 2000; ++round) {
            const auto att = own.find_pool(id);
            std::uint32_t scope = root_scope;
            if ((seed + static_cast<unsigned>(round)) % 3 != 0) {
                ASSERT_EQ(own.create_scope(root_scope, scope), 0);
            }
            std::uint32_t count = 0;
            for (auto left = att->pool().reserve(1, 16); left != 0;) {
                claim made; // NOLINT(cppcoreguidelines-pro-type-member-init)
                const int error = allocate(own, *att, scope, false, left, made);
                left -= count_of(made.mask);
                // Another thread of the client may have released everything.
                ASSERT_TRUE(error == 0 || (error == ESTALE && scope != root_scope));
                if (error != 0)
                    continue;
                std::copy_n(made.handles.data(), count_of(made.mask), &mine[count]);
                count += count_of(made.mask);
            }
            for (std::uint32_t i = 0; i < count; ++i) {
                holding named;
                ASSERT_EQ(named.resolve(own, mine[i]), 0);
                if (i % 4 == 0)
                    static_cast<void>(share(named, other.number));
                if (i % 4 == 1 && borrow(named) == 0)
                    give_back(named);
                if (i % 4 == 2)
                    static_cast<void>(give(named, other.number));
            }
            std::uint32_t done = 0;
            static_cast<void>(free_all(own, std::span{mine}.first(count / 3), done));
            std::uint64_t released = 0;
            // Now and then everything, also what others have given.
            static_cast<void>(own.release_scope(round % 7 == 0 ? root_scope : scope, released));
        }
    };
    {
        std::vector<std::jthread> threads;
        threads.emplace_back([&] { work(*one, *two, 0); });
        threads.emplace_back([&] { work(*one, *two, 1); });
        threads.emplace_back([&] { work(*two, *one, 2); });
    }
    std::uint64_t released = 0;
    EXPECT_EQ(one->release_scope(root_scope, released), 0);
    EXPECT_EQ(two->release_scope(root_scope, released), 0);
    const auto left = one->find_pool(id)->shared_pool();
    EXPECT_EQ(left->in_use(), 0U);
    EXPECT_TRUE(left->valid());
    all.close_client(*one);
    all.close_client(*two);
    EXPECT_EQ(all.destroy_pool("busy"), 0);
}

} // namespace
