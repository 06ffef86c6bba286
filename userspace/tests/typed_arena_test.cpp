/* SPDX-License-Identifier: MIT */
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <numeric>
#include <stdexcept>
#include <type_traits>
#include <utility>
#include <vector>

#include "device_test.hpp"
#include "noting.hpp"

namespace {

using namespace fixedpool;
using namespace fixedpool::testing;

static_assert(std::forward_iterator<typed_arena<int>::iterator>);
static_assert(std::forward_iterator<typed_arena<int>::const_iterator>);
static_assert(std::is_convertible_v<typed_arena<int>::iterator, typed_arena<int>::const_iterator>);
static_assert(!std::is_copy_constructible_v<typed_arena<int>>);
static_assert(std::is_nothrow_move_constructible_v<typed_arena<int>>);

class TypedArena : public any_transport_test {
  protected:
    const pool pool_ = client_.create(for_arenas());
    std::vector<int> order_;
    typed_arena<noting> notes_{pool_};
};

TEST_P(TypedArena, PacksObjectsIntoBlocks) {
    typed_arena<int> numbers{pool_};
    EXPECT_EQ(numbers.per_block(), 64U);
    EXPECT_TRUE(numbers.empty());
    EXPECT_EQ(pool_.usage().in_use, 0U);
    auto* const first = &numbers.emplace_back(0);
    for (int i = 1; i < 64; ++i)
        EXPECT_EQ(&numbers.push_back(i), first + i);
    EXPECT_EQ(pool_.usage().in_use, 1U);
    numbers.emplace_back(64);
    EXPECT_EQ(pool_.usage().in_use, 2U);
    EXPECT_EQ(numbers.size(), 65U);
}

TEST_P(TypedArena, IteratesInTheOrderOfTheObjects) {
    for (const int count : {0, 1, 63, 64, 65, 128, 300}) {
        typed_arena<int> numbers{pool_};
        for (int i = 0; i < count; ++i)
            numbers.emplace_back(i);
        std::vector<int> expected(static_cast<std::size_t>(count));
        std::iota(expected.begin(), expected.end(), 0);
        EXPECT_TRUE(std::ranges::equal(numbers, expected)) << count;
        EXPECT_TRUE(std::ranges::equal(std::as_const(numbers), expected)) << count;
        for (auto& each : numbers)
            ++each;
        EXPECT_EQ(std::accumulate(numbers.cbegin(), numbers.cend(), 0), count * (count + 1) / 2);
    }
}

TEST_P(TypedArena, AlignsObjects) {
    struct alignas(64) aligned {
        int number = 0;
    };
    typed_arena<aligned> objects{pool_};
    EXPECT_EQ(objects.per_block(), 4U);
    for (int i = 0; i < 10; ++i)
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(&objects.emplace_back()) % 64, 0U);
}

TEST_P(TypedArena, DestroysTheLastFirst) {
    for (int i = 0; i < 40; ++i)
        notes_.emplace_back(order_, i);
    notes_.clear();
    std::vector<int> expected(40);
    std::iota(expected.rbegin(), expected.rend(), 0);
    EXPECT_EQ(order_, expected);
    EXPECT_TRUE(notes_.empty());
    EXPECT_EQ(pool_.usage().in_use, 0U);
}

TEST_P(TypedArena, DestroysAllInTheEnd) {
    {
        typed_arena<noting> brief{pool_};
        for (int i = 0; i < 40; ++i)
            brief.emplace_back(order_, i);
    }
    EXPECT_EQ(order_.size(), 40U);
    EXPECT_EQ(pool_.usage().in_use, 0U);
}

TEST_P(TypedArena, RewindsToASize) {
    for (int i = 0; i < 40; ++i)
        notes_.emplace_back(order_, i);
    const auto blocks = pool_.usage().in_use;
    for (int i = 0; i < 50; ++i)
        notes_.emplace_back(order_, i);
    notes_.rewind(40);
    EXPECT_EQ(order_.size(), 50U);
    EXPECT_EQ(notes_.size(), 40U);
    EXPECT_EQ(pool_.usage().in_use, blocks);
    notes_.rewind(40);
    EXPECT_REFUSED(error, errc::stale_marker, (notes_.rewind(41), true));
    std::error_code ec;
    EXPECT_FALSE(notes_.try_rewind(41, ec));
    EXPECT_EQ(ec, errc::stale_marker);
    EXPECT_EQ(notes_.size(), 40U);
    EXPECT_TRUE(notes_.try_rewind(0, ec));
    EXPECT_EQ(pool_.usage().in_use, 0U);
    EXPECT_EQ(notes_.emplace_back(order_, 7).number(), 7);
}

TEST_P(TypedArena, IsUnchangedWhenAConstructorThrows) {
    EXPECT_THROW(notes_.emplace_back(order_, 0, true), std::runtime_error);
    EXPECT_EQ(pool_.usage().in_use, 0U);
    notes_.emplace_back(order_, 1);
    EXPECT_THROW(notes_.emplace_back(order_, 2, true), std::runtime_error);
    EXPECT_EQ(notes_.size(), 1U);
    EXPECT_EQ(notes_.begin()->number(), 1);
    EXPECT_TRUE(order_.empty());
}

TEST_P(TypedArena, RefusesMoreThanThePoolHas) {
    typed_arena<std::array<char, 200>> large{pool_};
    for (int i = 0; i < 16; ++i)
        large.emplace_back();
    EXPECT_REFUSED(pool_error, errc::out_of_blocks, large.emplace_back());
    std::error_code ec;
    EXPECT_EQ(large.try_emplace_back(ec), nullptr);
    EXPECT_EQ(ec, errc::out_of_blocks);
    EXPECT_EQ(large.size(), 16U);
    large.rewind(15);
    EXPECT_NE(large.try_emplace_back(ec), nullptr);
    EXPECT_FALSE(ec);
}

TEST_P(TypedArena, MovesWithItsObjects) {
    for (int i = 0; i < 20; ++i)
        notes_.emplace_back(order_, i);
    auto moved = std::move(notes_);
    EXPECT_FALSE(notes_); // NOLINT(bugprone-use-after-move): that is what is shown
    EXPECT_TRUE(notes_.empty());
    EXPECT_EQ(moved.size(), 20U);
    EXPECT_EQ(std::next(moved.begin(), 19)->number(), 19);
    moved = typed_arena<noting>{pool_};
    EXPECT_EQ(order_.size(), 20U);
    moved.emplace_back(order_, 1);
    swap(moved, notes_);
    EXPECT_EQ(notes_.size(), 1U);
    EXPECT_TRUE(moved.empty());
}

TEST_P(TypedArena, KeepsIteratorsThatStandAtTheEnd) {
    typed_arena<int> numbers{pool_};
    for (int i = 0; i < 200; ++i) {
        const auto end = numbers.end();
        auto walked = numbers.begin();
        std::advance(walked, i);
        EXPECT_EQ(walked, end);
        numbers.push_back(i);
        EXPECT_EQ(*walked, i);
        EXPECT_EQ(*end, i);
        EXPECT_NE(end, numbers.end());
        EXPECT_EQ(std::next(end), numbers.end());
    }
}

TEST_P(TypedArena, FindsObjectsByTheirNumbers) {
    typed_arena<int> numbers{pool_};
    std::error_code ec;
    for (int i = 0; i < 200; ++i) {
        const auto* const made = numbers.try_push_back(i, ec);
        EXPECT_EQ(made, &numbers.back());
        EXPECT_EQ(std::as_const(numbers).back(), i);
    }
    for (std::size_t i = 0; i < 200; ++i)
        EXPECT_EQ(numbers[i] - std::as_const(numbers)[i] + static_cast<int>(i), numbers[i]);
    numbers.rewind(64);
    EXPECT_EQ(numbers.back(), 63);
    typed_arena<std::unique_ptr<int>> owners{pool_};
    EXPECT_EQ(**owners.try_push_back(std::make_unique<int>(5), ec), 5);
}

TEST_P(TypedArena, GivesTheBlockBackWhenItsFirstConstructorThrows) {
    for (std::size_t i = 0; i < notes_.per_block(); ++i)
        notes_.emplace_back(order_, 1);
    std::error_code ec;
    EXPECT_THROW(notes_.try_emplace_back(ec, order_, 2, true), std::runtime_error);
    EXPECT_THROW(notes_.emplace_back(order_, 2, true), std::runtime_error);
    EXPECT_EQ(pool_.usage().in_use, 1U);
    EXPECT_EQ(notes_.size(), notes_.per_block());
    EXPECT_EQ(std::distance(notes_.begin(), notes_.end()), std::ssize(order_) + 16);
    notes_.emplace_back(order_, 3);
    EXPECT_EQ(notes_.back().number(), 3);
}

TEST_P(TypedArena, IteratesOverWhatHasAnAddressOperatorOfItsOwn) {
    struct hidden {
        int number = 7;
        void operator&() const = delete; // NOLINT(google-runtime-operator)
    };
    typed_arena<hidden> elements{pool_};
    elements.emplace_back();
    EXPECT_EQ(elements.begin()->number, 7);
}

TEST_P(TypedArena, LeavesABlockAloneThatWasFreedByItsHandle) {
    const auto one = client_.create(for_arenas(1));
    typed_arena<int> numbers{one};
    one.free(one.handle_of(&numbers.emplace_back(1)));
    const auto next = one.allocate();
    numbers.clear();
    EXPECT_TRUE(one.check(next.handle()).mine);
}

TEST_P(TypedArena, RefusesBlocksThatDoNotFit) {
    struct alignas(128) aligned {
        int number;
    };
    EXPECT_REFUSED(pool_error, errc::unfit_blocks, (typed_arena<std::array<char, 257>>{pool_}));
    EXPECT_REFUSED(pool_error, errc::unfit_blocks, typed_arena<aligned>{pool_});
    EXPECT_REFUSED(pool_error, errc::not_mappable, typed_arena<int>{client_.create(slab_pool())});
    EXPECT_REFUSED(pool_error, errc::invalid_argument, typed_arena<int>{pool{}});
    std::error_code ec;
    EXPECT_FALSE(typed_arena<aligned>::try_create(pool_, ec));
    EXPECT_EQ(ec, errc::unfit_blocks);
    EXPECT_TRUE((typed_arena<std::array<char, 256>>::try_create(pool_, ec)));
    EXPECT_FALSE(ec);
}

FIXEDPOOL_ON_ANY_TRANSPORT(TypedArena);

} // namespace
