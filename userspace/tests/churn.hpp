/* SPDX-License-Identifier: MIT */
/** @file
 * Pieces of memory that come and go at random.
 */
#ifndef FIXEDPOOL_TESTS_CHURN_HPP
#define FIXEDPOOL_TESTS_CHURN_HPP

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <random>
#include <system_error>
#include <vector>

#include <gtest/gtest.h>

#include <fixedpool/error.hpp>

namespace fixedpool::testing {

/**
 * Takes pieces of @p memory, as large as @p any_size makes of random numbers, and gives them
 * back, all in the end. None changes while it is ours, though in the second half of
 * @p rounds those that are free are written over.
 */
template <typename resource, typename function>
void churn(resource& memory, int rounds, function any_size) {
    struct piece {
        std::byte* bytes;
        std::size_t size;
        std::byte pattern;
    };
    std::vector<piece> pieces;
    std::mt19937 random{4711};
    const auto intact = [](const piece& each) {
        return std::count(each.bytes, each.bytes + each.size, each.pattern) ==
               static_cast<std::ptrdiff_t>(each.size);
    };
    for (int round = 0; round < rounds; ++round) {
        const bool spoils = round >= rounds / 2; // what is free
        if (random() % 2 == 0) {
            const std::size_t size = any_size(random);
            std::error_code ec;
            auto* const bytes = static_cast<std::byte*>(memory.try_allocate(size, 1, ec));
            if (bytes == nullptr) {
                EXPECT_EQ(ec, errc::out_of_blocks);
                continue;
            }
            pieces.push_back({bytes, size, std::byte(round)});
            std::memset(bytes, round & 0xff, size);
        } else if (!pieces.empty()) {
            auto& gone = pieces[random() % pieces.size()];
            EXPECT_TRUE(intact(gone));
            memory.deallocate(gone.bytes, gone.size, 1);
            if (spoils)
                std::memset(gone.bytes, round & 0xff, gone.size);
            gone = pieces.back();
            pieces.pop_back();
        }
    }
    for (const auto& each : pieces) {
        EXPECT_TRUE(intact(each));
        memory.deallocate(each.bytes, each.size, 1);
    }
}

} // namespace fixedpool::testing

#endif
