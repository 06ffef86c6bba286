/* SPDX-License-Identifier: MIT */
#include <cstddef>
#include <cstdint>

#include <gtest/gtest.h>

#include "c_border.hpp"

namespace {

using fixedpool::c::read_struct;
using fixedpool::c::writable;
using fixedpool::c::write_struct;

/** What a struct looked like at first, is like now, and will be. */
struct now {
    std::size_t size;
    std::uint64_t first;
    std::uint64_t second;

    static constexpr std::size_t first_size = 16;
};
struct later {
    now known;
    std::uint64_t third;
};

constexpr std::uint64_t untouched = 99;

TEST(StructOfC, IsReadAsFarAsItGoes) {
    now read{.size = 0, .first = untouched, .second = untouched};
    const now old{.size = now::first_size, .first = 1, .second = 2};
    EXPECT_EQ(read_struct(&old, read), FP_OK);
    EXPECT_EQ(read.first, 1U);
    EXPECT_EQ(read.second, 0U) << "what the caller does not know";
    const now same{.size = sizeof(now), .first = 1, .second = 2};
    EXPECT_EQ(read_struct(&same, read), FP_OK);
    EXPECT_EQ(read.second, 2U);
}

TEST(StructOfC, MayHaveMoreThatIsZero) {
    now read{};
    later young{.known = {.size = sizeof(later), .first = 1, .second = 2}, .third = 0};
    EXPECT_EQ(read_struct(&young.known, read), FP_OK);
    young.third = 1;
    EXPECT_EQ(read_struct(&young.known, read), FP_ERROR_INVALID_ARGUMENT);
}

TEST(StructOfC, IsRefusedWithASizeThatItNeverHad) {
    now given{.size = now::first_size - 1, .first = 0, .second = 0};
    now read{};
    EXPECT_EQ(read_struct(&given, read), FP_ERROR_INVALID_ARGUMENT);
    EXPECT_EQ(writable(&given), FP_ERROR_INVALID_ARGUMENT);
    given.size = 4097;
    EXPECT_EQ(read_struct(&given, read), FP_ERROR_INVALID_ARGUMENT);
    EXPECT_EQ(writable(&given), FP_ERROR_INVALID_ARGUMENT);
    EXPECT_EQ(read_struct(static_cast<const now*>(nullptr), read), FP_ERROR_BAD_ADDRESS);
    EXPECT_EQ(writable(static_cast<const now*>(nullptr)), FP_ERROR_BAD_ADDRESS);
}

TEST(StructOfC, IsWrittenAsFarAsItGoes) {
    now old{.size = now::first_size, .first = 0, .second = untouched};
    ASSERT_EQ(writable(&old), FP_OK);
    write_struct(&old, now{.size = 0, .first = 1, .second = 2});
    EXPECT_EQ(old.size, now::first_size);
    EXPECT_EQ(old.first, 1U);
    EXPECT_EQ(old.second, untouched);

    later young{.known = {.size = sizeof(later), .first = 0, .second = 0}, .third = untouched};
    write_struct(&young.known, now{.size = 0, .first = 1, .second = 2});
    EXPECT_EQ(young.known.size, sizeof(later));
    EXPECT_EQ(young.known.second, 2U);
    EXPECT_EQ(young.third, 0U) << "what the library does not know";
}

} // namespace
