/* SPDX-License-Identifier: MIT */
#include <algorithm>
#include <array>
#include <cstdint>
#include <random>

#include <gtest/gtest.h>

#include <fixedpool/detail/geometry.hpp>

namespace {

using fixedpool::detail::geometry;
using fixedpool::detail::reciprocal;

// Where truncation could go wrong: around the multiples of the divisor, small
// and as large as they get.
testing::AssertionResult exact_around_multiples(std::uint32_t divisor) {
    const reciprocal by{divisor};
    const std::uint64_t last = UINT32_MAX / divisor;
    for (const std::uint64_t multiple : {std::uint64_t{0}, std::uint64_t{1}, last / 2,
                                         last - std::min<std::uint64_t>(last, 1), last, last + 1}) {
        for (int distance = -1; distance <= 1; ++distance) {
            const auto dividend = static_cast<std::uint32_t>(multiple * divisor +
                                                             static_cast<std::uint64_t>(distance));
            if (by.quotient(dividend) != dividend / divisor)
                return testing::AssertionFailure() << dividend << " / " << divisor;
        }
    }
    return testing::AssertionSuccess();
}

TEST(Reciprocal, IsExactForEverySmallDivisor) {
    for (std::uint32_t divisor = 1; divisor <= 1U << 18; ++divisor)
        ASSERT_TRUE(exact_around_multiples(divisor));
}

TEST(Reciprocal, IsExactForEveryLargeDivisor) {
    for (std::uint32_t divisor = UINT32_MAX; divisor >= UINT32_MAX - (1U << 18); --divisor)
        ASSERT_TRUE(exact_around_multiples(divisor));
}

TEST(Reciprocal, IsExactAroundPowersOfTwo) {
    for (unsigned power = 0; power < 32; ++power)
        for (int distance = -2; distance <= 2; ++distance)
            if (const auto divisor = (1U << power) + static_cast<std::uint32_t>(distance);
                divisor != 0) {
                ASSERT_TRUE(exact_around_multiples(divisor));
            }
}

TEST(Reciprocal, IsExactForEveryDividendOfAPoolOfMillions) {
    constexpr std::array<std::uint32_t, 8> divisors{1, 3, 7, 16, 100, 1023, 4096, 65535};
    for (const auto divisor : divisors) {
        const reciprocal by{divisor};
        for (std::uint32_t dividend = 0; dividend < 1U << 22; ++dividend)
            ASSERT_EQ(by.quotient(dividend), dividend / divisor);
    }
}

TEST(Reciprocal, IsExactForMillionsOfRandomPairs) {
    std::mt19937 random{1}; // the same pairs in every run
    for (int i = 0; i < 4'000'000; ++i) {
        const auto divisor = static_cast<std::uint32_t>(random() >> (i % 32)) | 1;
        const auto dividend = static_cast<std::uint32_t>(random());
        ASSERT_EQ(reciprocal{divisor}.quotient(dividend), dividend / divisor)
            << dividend << " / " << divisor;
    }
}

TEST(Geometry, PlacesBlocksAtStridesInsideChunks) {
    constexpr geometry places{3, 4096, 1360};
    static_assert(places.offset(0) == 0);
    static_assert(places.offset(2) == 2720);
    static_assert(places.offset(3) == 4096);
    static_assert(places.offset(3000) == 4096000);
    static_assert(places.offset(3002) == 4096000 + 2720);
}

TEST(Geometry, ReachesBeyondFourGigabytes) {
    constexpr geometry places{1, 4U << 20, 4U << 20};
    static_assert(places.offset(UINT32_MAX) == std::uint64_t{UINT32_MAX} << 22);
    constexpr geometry one_chunk{UINT32_MAX, UINT64_MAX, 64};
    static_assert(one_chunk.offset(UINT32_MAX - 1) == (std::uint64_t{UINT32_MAX} - 1) * 64);
}

// Every block is found where it is placed, and nothing right before or behind its begin.
testing::AssertionResult finds_what_it_places(const geometry& places, std::uint32_t first,
                                              std::uint32_t count) {
    for (auto index = first; index - first < count; ++index) {
        const auto offset = places.offset(index);
        if (places.index(offset) != index)
            return testing::AssertionFailure() << "block " << index;
        if (places.index(offset + 1) == index || (offset != 0 && places.index(offset - 1) == index))
            return testing::AssertionFailure() << "next to block " << index;
    }
    return testing::AssertionSuccess();
}

TEST(Geometry, FindsBlocksByTheirPlace) {
    EXPECT_TRUE(finds_what_it_places({3, 4096, 1360}, 0, 10000));
    EXPECT_TRUE(finds_what_it_places({64, 4096, 64}, 0, 10000));
    EXPECT_TRUE(finds_what_it_places({63, 4096, 65}, UINT32_MAX - 20000, 10000));
    EXPECT_TRUE(finds_what_it_places({1, 4U << 20, 4U << 20}, UINT32_MAX - 20000, 10000));
    EXPECT_TRUE(finds_what_it_places({UINT32_MAX, UINT64_MAX, 64}, UINT32_MAX - 20000, 10000));
    EXPECT_TRUE(finds_what_it_places({UINT32_MAX, UINT64_MAX, 72}, 0, 10000));
    EXPECT_TRUE(finds_what_it_places({4096, 3U << 20, 513}, 1U << 30, 10000));
}

TEST(Geometry, FindsNoBlockInTheRestOfAChunk) {
    constexpr geometry places{3, 4096, 1360};
    static_assert(places.index(4080) == geometry::no_index);
    static_assert(places.index(1) == geometry::no_index);
    static_assert(places.index(4096) == 3);
}

} // namespace
