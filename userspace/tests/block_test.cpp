/* SPDX-License-Identifier: MIT */
#include <algorithm>
#include <cstddef>
#include <type_traits>
#include <utility>

#include "device_test.hpp"

namespace {

using namespace fixedpool;
using namespace fixedpool::testing;

static_assert(!std::is_copy_constructible_v<block>);
static_assert(std::is_nothrow_move_constructible_v<block>);
static_assert(std::is_nothrow_move_assignable_v<block>);
static_assert(std::is_nothrow_swappable_v<block>);

class Block : public any_transport_test {
  protected:
    const pool pool_ = client_.create(small_pool());
};

TEST_P(Block, HoldsNothingByDefault) {
    const block empty;
    EXPECT_FALSE(empty);
    EXPECT_FALSE(empty.handle());
    EXPECT_EQ(empty.data(), nullptr);
    EXPECT_EQ(empty.size(), 0U);
    EXPECT_TRUE(empty.bytes().empty());
}

TEST_P(Block, IsMemoryOfTheSizeOfThePoolsBlocks) {
    const auto held = pool_.allocate();
    ASSERT_NE(held.data(), nullptr);
    EXPECT_EQ(held.size(), 64U);
    EXPECT_EQ(held.bytes().data(), held.data());
    EXPECT_EQ(held.bytes().size(), 64U);
    std::ranges::fill(held.bytes(), std::byte{0xa5});
}

TEST_P(Block, GoesBackAtTheEndOfItsScope) {
    handle name;
    {
        const auto held = pool_.allocate();
        name = held.handle();
        EXPECT_TRUE(pool_.check(name).mine);
    }
    EXPECT_FALSE(pool_.check(name).alive);
}

TEST_P(Block, IsEmptyAfterItWasMoved) {
    auto first = pool_.allocate();
    const auto name = first.handle();
    const auto second = std::move(first);
    EXPECT_FALSE(first);
    EXPECT_EQ(first.data(), nullptr);
    EXPECT_EQ(first.size(), 0U);
    EXPECT_EQ(second.handle(), name);
    EXPECT_EQ(pool_.usage().in_use, 1U);
}

TEST_P(Block, GivesBackWhatItHeldWhenItIsAssignedTo) {
    auto held = pool_.allocate();
    const auto before = held.handle();
    held = pool_.allocate();
    EXPECT_FALSE(pool_.check(before).alive);
    EXPECT_TRUE(pool_.check(held.handle()).mine);
    EXPECT_EQ(pool_.usage().in_use, 1U);
}

TEST_P(Block, SurvivesAssignmentToItself) {
    auto held = pool_.allocate();
    auto& same = held;
    held = std::move(same);
    EXPECT_TRUE(pool_.check(held.handle()).mine);
}

TEST_P(Block, SwapsWithAnother) {
    auto first = pool_.allocate();
    auto second = pool_.allocate();
    const auto a = first.handle();
    const auto b = second.handle();
    swap(first, second);
    EXPECT_EQ(first.handle(), b);
    EXPECT_EQ(second.handle(), a);
    EXPECT_EQ(first.data(), pool_.get(b));
}

TEST_P(Block, StaysAllocatedWhenItIsReleased) {
    auto held = pool_.allocate();
    const auto name = held.release();
    EXPECT_FALSE(held);
    EXPECT_TRUE(pool_.check(name).mine);
    pool_.free(name);
}

TEST_P(Block, DoesNotFreeAnythingElseAfterItWasFreedByItsHandle) {
    const auto one = client_.create(with_blocks(1));
    block next;
    {
        const auto held = one.allocate();
        one.free(held.handle());
        next = one.allocate();
    }
    EXPECT_TRUE(one.check(next.handle()).mine);
}

TEST_P(Block, KeepsItsPoolAttached) {
    block left;
    {
        auto brief = open_client().attach(pool_.name());
        left = brief.allocate();
    }
    EXPECT_EQ(pool_.usage().clients, 2U);
    left.data()[0] = std::byte{1};
    left = {};
    EXPECT_EQ(pool_.usage().clients, 1U);
    EXPECT_EQ(pool_.usage().in_use, 0U);
}

FIXEDPOOL_ON_ANY_TRANSPORT(Block);

} // namespace
