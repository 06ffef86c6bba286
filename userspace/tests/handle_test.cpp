/* SPDX-License-Identifier: MIT */
#include <cstdint>
#include <string>
#include <type_traits>
#include <unordered_set>

#include <gtest/gtest.h>

#include <fixedpool/handle.hpp>

namespace {

using fixedpool::handle;

static_assert(std::is_trivially_copyable_v<handle>);
static_assert(!std::is_convertible_v<std::uint64_t, handle>, "a number is no handle by accident");
static_assert(!std::is_convertible_v<handle, std::uint64_t>);
static_assert(!std::is_convertible_v<handle, bool>);

TEST(Handle, HoldsTheVersionAboveTheSlot) {
    constexpr handle name{0x89abcdef, 0x01234567};
    EXPECT_EQ(name.version(), 0x89abcdefU);
    EXPECT_EQ(name.slot(), 0x01234567U);
    EXPECT_EQ(name.value(), 0x89abcdef01234567U);
}

TEST(Handle, SurvivesTheWayThroughANumber) {
    for (const std::uint64_t value : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{1} << 32,
                                      std::uint64_t{1} << 63, UINT64_MAX})
        EXPECT_EQ(handle::from_value(value).value(), value);
}

TEST(Handle, NamesNothingOnlyWhenItIsZero) {
    EXPECT_FALSE(handle{});
    EXPECT_TRUE((handle{1, 0}));
    EXPECT_TRUE((handle{0, 1}));
}

TEST(Handle, IsOrderedByItsNumber) {
    EXPECT_EQ((handle{1, 2}), (handle{1, 2}));
    EXPECT_NE((handle{1, 2}), (handle{3, 2}));
    EXPECT_LT((handle{1, 9}), (handle{3, 2}));
}

TEST(Handle, CanBeHashed) {
    const std::unordered_set<handle> names{handle{1, 2}, handle{1, 2}, handle{1, 3}};
    EXPECT_EQ(names.size(), 2U);
}

TEST(Handle, PrintsVersionAndSlot) { EXPECT_EQ(to_string(handle{7, 65536}), "7:65536"); }

} // namespace
