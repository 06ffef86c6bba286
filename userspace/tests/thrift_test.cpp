/* SPDX-License-Identifier: MIT */
/*
 * Pools that take memory as it is needed.
 */
#include <array>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <vector>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fixedpool/fixedpool.hpp>

#include "thrift.hpp"

namespace {

using namespace fixedpool;
using detail::thrift;

class Thrift : public ::testing::Test {
  protected:
    void SetUp() override { thrift::begin(); }
    void TearDown() override { thrift::end(); }

    static pool_options huge() {
        return {.name = "thrift",
                .block_size = 64,
                .blocks = 1024,
                .max_blocks = 1U << 27,
                .auto_destroy = true};
    }
};

long resident_pages() {
    std::ifstream file{"/proc/self/statm"};
    long size = 0;
    long resident = 0;
    file >> size >> resident;
    return resident;
}

std::uintptr_t number_of(const void* address) { return reinterpret_cast<std::uintptr_t>(address); }

TEST_F(Thrift, TakesNoMemoryForWhatIsNotThere) {
    const auto all = client::open_in_process();
    const auto before = resident_pages();
    const auto pool = all.create(huge());
    std::vector<block> some;
    some.reserve(100);
    for (int i = 0; i < 100; ++i)
        some.push_back(pool.allocate());
    // Sanitizers keep books of their own.
    EXPECT_LT(resident_pages(), before + 5000) << "the books of all would be 200,000";
    EXPECT_EQ(pool.capacity(), 1U << 27);
}

TEST_F(Thrift, HasPlacesThatATableTells) {
    const auto all = client::open_in_process();
    auto options = huge();
    options.max_blocks = 4096;
    const auto first = all.create(options);
    options.name = "other";
    const auto second = all.create(options);
    const auto* const one = first.allocate_bytes();
    const auto* const two = second.allocate_bytes();
    EXPECT_EQ(number_of(first.get(first.handle_of(one))) % thrift::span,
              number_of(one) - number_of(one) / thrift::span * thrift::span);
    EXPECT_NE(number_of(one) >> thrift::span_shift, number_of(two) >> thrift::span_shift);
    EXPECT_LT(number_of(one) % thrift::span, 4096U * first.stride());
    EXPECT_LT(number_of(two) % thrift::span, 4096U * second.stride());
}

TEST_F(Thrift, GrowsAndKeepsItsBooks) {
    const auto all = client::open_in_process();
    const auto pool = all.create(huge());
    std::vector<handle> taken(100'000);
    pool.allocate(taken);
    for (const auto each : taken) {
        ASSERT_NE(pool.get(each), nullptr);
        *pool.get(each) = std::byte{1};
    }
    EXPECT_EQ(pool.usage().in_use, 100'000U);
    const auto child = ::fork();
    if (child == 0) {
        // Its own, as they were.
        pool.free(taken);
        ::_exit(pool.usage().in_use == 0 && pool.get(taken[0]) == nullptr ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
    pool.free(taken);
    EXPECT_EQ(pool.usage().in_use, 0U);
    std::error_code ec;
    EXPECT_FALSE(pool.try_free(taken[99'999], ec));
    EXPECT_EQ(ec, errc::double_free);
}

TEST_F(Thrift, HasSmallerCachesOfLargeBlocks) {
    const auto all = client::open_in_process();
    auto options = huge();
    options.block_size = 32768;
    options.blocks = 2;
    options.max_blocks = 4096;
    const auto pool = all.create(options);
    const auto block = pool.allocate();
    EXPECT_LE(pool.usage().blocks, 4U) << "with a batch of 64 it would have grown";
}

} // namespace
