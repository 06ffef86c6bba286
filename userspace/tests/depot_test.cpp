/* SPDX-License-Identifier: MIT */
#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <random>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "local/depot.hpp"

namespace {

using fixedpool::detail::local::all_blocks;
using fixedpool::detail::local::bit_of;
using fixedpool::detail::local::count_of;
using fixedpool::detail::local::depot;
using fixedpool::detail::local::for_each_block;
using fixedpool::detail::local::word_blocks;
using fixedpool::detail::local::words_of;

/** A depot with its memory, filled. */
class full_depot {
  public:
    explicit full_depot(std::uint32_t blocks)
        : memory_(depot::bytes(blocks) / sizeof(std::uint64_t) + 1),
          depot_{blocks, reinterpret_cast<std::byte*>(memory_.data())} {
        depot::giving giving{depot_};
        for (std::uint32_t word = 0; word < words_of(blocks); ++word)
            giving.give(word, word < blocks / word_blocks ? all_blocks : bit_of(blocks) - 1);
    }

    depot* operator->() { return &depot_; }

  private:
    std::vector<std::uint64_t> memory_;
    depot depot_;
};

// One word, one level, two levels, three; each just below, at and just above.
constexpr std::array<std::uint32_t, 11> sizes{1,    63,   64,     65,     4095,  4096,
                                              4097, 5000, 262144, 262145, 300000};

TEST(Depot, HandsOutEveryBlockOnceAndTakesItBack) {
    for (const auto blocks : sizes) {
        full_depot all{blocks};
        ASSERT_EQ(all->free(), blocks);
        ASSERT_TRUE(all->valid()) << blocks;
        std::vector<bool> taken(blocks);
        auto left = all->reserve(blocks, blocks);
        ASSERT_EQ(left, blocks);
        while (left != 0) {
            std::uint32_t word = 0;
            const auto mask = all->claim(left, word);
            ASSERT_NE(mask, 0U);
            left -= count_of(mask);
            for_each_block(word, mask, [&](std::uint32_t index) {
                ASSERT_LT(index, blocks);
                ASSERT_FALSE(taken[index]);
                taken[index] = true;
            });
        }
        EXPECT_EQ(all->reserve(1, 1), 0U);
        ASSERT_TRUE(all->valid());
        for (std::uint32_t index = 0; index < blocks; ++index)
            all->give(index / word_blocks, bit_of(index));
        EXPECT_EQ(all->free(), blocks);
        EXPECT_TRUE(all->valid());
    }
}

TEST(Depot, ReservesBetweenLeastAndMost) {
    full_depot ten{10};
    EXPECT_EQ(ten->reserve(11, 20), 0U);
    EXPECT_EQ(ten->reserve(5, 8), 8U);
    EXPECT_EQ(ten->reserve(3, 8), 0U);
    EXPECT_EQ(ten->reserve(1, 8), 2U);
    ten->cancel(10);
    EXPECT_EQ(ten->reserve(10, 10), 10U);
}

TEST(Depot, ClaimsNoMoreThanWasReserved) {
    full_depot many{1000};
    ASSERT_EQ(many->reserve(3, 3), 3U);
    std::uint32_t word = 0;
    EXPECT_EQ(count_of(many->claim(3, word)), 3U);
    EXPECT_EQ(many->free(), 997U);
    EXPECT_TRUE(many->valid());
}

TEST(Depot, PutsBackWhatAWordDidNotHave) {
    full_depot many{3 * 4096 * 64};
    ASSERT_EQ(many->reserve(10, 10), 10U);
    std::uint32_t word = 0;
    const auto mask = many->claim(10, word);
    many->give(word, mask & (mask - 1)); // nine go back, one hole
    ASSERT_EQ(many->reserve(64, 64), 64U);
    auto left = 64U;
    while (left != 0)
        left -= count_of(many->claim(left, word));
    EXPECT_TRUE(many->valid());
}

TEST(Depot, CountsNoBitTwice) {
    full_depot some{100};
    some->give(0, 1);
    EXPECT_EQ(some->free(), 100U);
    EXPECT_TRUE(some->valid());
}

TEST(Depot, IsEmptyAfterItWasCleared) {
    full_depot many{5000};
    many->clear(words_of(5000));
    EXPECT_EQ(many->free(), 0U);
    EXPECT_TRUE(many->valid());
}

// Each block has an owner's mark that must never be there already.
void hammer(std::uint32_t blocks, int threads, int rounds) {
    full_depot all{blocks};
    std::vector<std::atomic<bool>> owned(blocks);
    std::atomic<int> failures = 0;
    {
        std::vector<std::jthread> workers;
        workers.reserve(static_cast<std::size_t>(threads));
        for (int seed = 0; seed < threads; ++seed)
            workers.emplace_back([&, seed] {
                std::mt19937 random(static_cast<unsigned>(seed));
                for (int round = 0; round < rounds; ++round) {
                    const auto most = static_cast<std::uint32_t>(random() % 100 + 1);
                    auto left = all->reserve(1, most);
                    while (left != 0) {
                        std::uint32_t word = 0;
                        const auto mask = all->claim(left, word);
                        left -= count_of(mask);
                        for_each_block(word, mask, [&](std::uint32_t index) {
                            failures += owned[index].exchange(true) ? 1 : 0;
                        });
                        if (random() % 2 != 0)
                            std::this_thread::yield();
                        for_each_block(word, mask, [&](std::uint32_t index) {
                            failures += owned[index].exchange(false) ? 0 : 1;
                        });
                        if (random() % 2 != 0) {
                            all->give(word, mask);
                        } else {
                            for_each_block(word, mask, [&](std::uint32_t index) {
                                all->give(word, bit_of(index));
                            });
                        }
                    }
                }
            });
    }
    EXPECT_EQ(failures, 0);
    EXPECT_EQ(all->free(), blocks);
    EXPECT_TRUE(all->valid());
}

TEST(Depot, GivesNoBlockToTwoThreads) { hammer(50, 4, 3000); }
TEST(Depot, GivesNoBlockToTwoThreadsInATreeOfTwoLevels) { hammer(4200, 4, 3000); }
TEST(Depot, GivesNoBlockToTwoThreadsInATreeOfThreeLevels) { hammer(270000, 4, 1000); }

} // namespace
