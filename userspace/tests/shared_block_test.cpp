/* SPDX-License-Identifier: MIT */
#include <algorithm>
#include <array>
#include <cstddef>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "device_test.hpp"

namespace {

using namespace fixedpool;
using namespace fixedpool::testing;

static_assert(std::is_nothrow_copy_constructible_v<shared_block>);
static_assert(std::is_nothrow_move_constructible_v<shared_block>);
static_assert(std::is_nothrow_swappable_v<shared_block>);

class SharedBlock : public any_transport_test {
  protected:
    const pool pool_ = client_.create(small_pool());
    const pool counts_ = client_.create(small_pool());
};

TEST_P(SharedBlock, OwnsNothingByDefault) {
    const shared_block empty;
    EXPECT_FALSE(empty);
    EXPECT_FALSE(empty.handle());
    EXPECT_EQ(empty.data(), nullptr);
    EXPECT_EQ(empty.size(), 0U);
    EXPECT_TRUE(empty.bytes().empty());
    EXPECT_EQ(empty.use_count(), 0U);
    EXPECT_EQ(empty, shared_block{block{}});
    EXPECT_EQ(empty, (shared_block{block{}, counts_}));
    EXPECT_EQ(counts_.usage().in_use, 0U);
}

TEST_P(SharedBlock, TakesTheBlockOver) {
    auto held = pool_.allocate();
    const auto name = held.handle();
    auto* const data = held.data();
    const shared_block shared{std::move(held)};
    EXPECT_FALSE(held); // NOLINT(bugprone-use-after-move): that is what is shown
    EXPECT_EQ(shared.handle(), name);
    EXPECT_EQ(shared.data(), data);
    EXPECT_EQ(shared.size(), 64U);
    EXPECT_EQ(shared.bytes().size(), 64U);
    EXPECT_EQ(shared.use_count(), 1U);
}

TEST_P(SharedBlock, GoesBackWithItsLastOwner) {
    shared_block first{pool_.allocate()};
    const auto name = first.handle();
    auto second = first;
    EXPECT_EQ(first, second);
    EXPECT_EQ(first.use_count(), 2U);
    first.reset();
    EXPECT_FALSE(first);
    EXPECT_TRUE(pool_.check(name).mine);
    EXPECT_EQ(second.use_count(), 1U);
    second = shared_block{};
    EXPECT_FALSE(pool_.check(name).alive);
}

TEST_P(SharedBlock, IsEmptyAfterItWasMoved) {
    shared_block first{pool_.allocate()};
    const auto second = std::move(first);
    EXPECT_FALSE(first); // NOLINT(bugprone-use-after-move): that is what is shown
    EXPECT_EQ(second.use_count(), 1U);
}

TEST_P(SharedBlock, SurvivesAssignmentToItself) {
    shared_block one{pool_.allocate()};
    auto& same = one;
    one = same;
    EXPECT_EQ(one.use_count(), 1U);
    one = std::move(same);
    EXPECT_EQ(one.use_count(), 1U);
}

TEST_P(SharedBlock, SwapsWithAnother) {
    shared_block one{pool_.allocate()};
    shared_block two{pool_.allocate()};
    const auto name = one.handle();
    EXPECT_NE(one, two);
    swap(one, two);
    EXPECT_EQ(two.handle(), name);
}

TEST_P(SharedBlock, CountsInABlockOfAnotherPool) {
    {
        const shared_block first{pool_.allocate(), counts_};
        const auto second = first; // NOLINT(performance-unnecessary-copy-initialization)
        EXPECT_EQ(counts_.usage().in_use, 1U);
        EXPECT_EQ(pool_.usage().in_use, 1U);
        EXPECT_EQ(second.use_count(), 2U);
    }
    EXPECT_EQ(counts_.usage().in_use, 0U);
    EXPECT_EQ(pool_.usage().in_use, 0U);
}

TEST_P(SharedBlock, KeepsThePoolOfItsCountAttached) {
    shared_block shared;
    {
        const auto brief = open_client().attach(counts_.name());
        shared = shared_block{pool_.allocate(), brief};
    }
    EXPECT_EQ(counts_.usage().clients, 2U);
    EXPECT_EQ(shared.use_count(), 1U);
    shared.reset();
    EXPECT_EQ(counts_.usage().clients, 1U);
    EXPECT_EQ(counts_.usage().in_use, 0U);
}

TEST_P(SharedBlock, LeavesTheOwnerAloneWhereItCannotCount) {
    auto tiny = small_pool();
    tiny.block_size = shared_block::count_size - 1;
    const auto full = client_.create(with_blocks(1));
    const auto last = full.allocate();
    auto held = pool_.allocate();
    EXPECT_REFUSED(pool_error, errc::unfit_blocks,
                   (shared_block{std::move(held), client_.create(tiny)}));
    EXPECT_REFUSED(pool_error, errc::invalid_argument, (shared_block{std::move(held), pool{}}));
    EXPECT_REFUSED(pool_error, errc::not_mappable,
                   (shared_block{std::move(held), client_.create(slab_pool())}));
    EXPECT_REFUSED(pool_error, errc::out_of_blocks, (shared_block{std::move(held), full}));
    std::error_code ec;
    EXPECT_FALSE(shared_block::try_share(std::move(held), full, ec));
    EXPECT_EQ(ec, errc::out_of_blocks);
    EXPECT_TRUE(held); // NOLINT(bugprone-use-after-move): it was refused
    EXPECT_TRUE(shared_block::try_share(std::move(held), counts_, ec));
    EXPECT_FALSE(ec);
    EXPECT_TRUE(shared_block::try_share(pool_.allocate(), ec));
    EXPECT_FALSE(ec);
}

TEST_P(SharedBlock, IsOwnedByManyThreads) {
    for (const auto& options : with_any_caching(small_pool(), 16)) {
        const auto blocks = client_.create(options);
        auto for_counts = options;
        for_counts.name = unique_name();
        const auto counts = client_.create(for_counts);
        const auto share = [&](bool in_pool) {
            return in_pool ? shared_block{blocks.allocate(), counts}
                           : shared_block{blocks.allocate()};
        };
        for (const bool in_pool : {false, true}) {
            auto shared = share(in_pool);
            std::ranges::fill(shared.bytes(), std::byte{7});
            std::vector<std::jthread> threads;
            std::array<bool, 4> seen{};
            threads.reserve(seen.size());
            for (auto& each : seen)
                threads.emplace_back([&share, &each, in_pool, mine = shared] {
                    each = true;
                    for (int i = 0; i < 1000; ++i) {
                        // NOLINTNEXTLINE(performance-unnecessary-copy-initialization)
                        const auto more = mine;
                        each = each && more.data()[i % 64] == std::byte{7};
                        if (i % 16 == 0)
                            each = each && share(in_pool).use_count() == 1;
                    }
                });
            shared.reset();
            threads.clear();
            EXPECT_TRUE(std::ranges::all_of(seen, [](bool each) { return each; }));
        }
        blocks.trim();
        counts.trim();
        EXPECT_EQ(blocks.usage().in_use, 0U);
        EXPECT_EQ(counts.usage().in_use, 0U);
    }
}

FIXEDPOOL_ON_ANY_TRANSPORT(SharedBlock);

} // namespace
