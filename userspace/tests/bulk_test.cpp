/* SPDX-License-Identifier: MIT */
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <random>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "device_test.hpp"

namespace {

using namespace fixedpool;
using namespace fixedpool::testing;

constexpr std::uint32_t blocks = 4096;

/** Takes and frees many at once, as neighbours or not. */
class Bulk : public any_transport_test {
  protected:
    [[nodiscard]] std::vector<handle> take_all() const { return take(blocks); }
    [[nodiscard]] std::vector<handle> take(std::size_t count) const {
        std::vector<handle> taken(count);
        pool_.allocate(taken);
        return taken;
    }
    /** Blocks from which on others follow each other in the pool. */
    [[nodiscard]] std::vector<handle> take_neighbours(std::size_t count) const {
        auto all = take_all();
        std::ranges::sort(all, {}, &handle::slot);
        pool_.free(std::span{all}.subspan(count));
        all.resize(count);
        return all;
    }
    /** Frees all of @p names but the one refused with @p why. */
    void free_but(std::span<const handle> names, std::size_t refused, errc why) {
        ASSERT_EQ(pool_.try_free(names, ec_), refused);
        ASSERT_EQ(ec_, why);
        ASSERT_EQ(pool_.try_free(names.subspan(refused + 1), ec_), names.size() - refused - 1);
        ASSERT_FALSE(ec_);
    }
    /** No block twice, and every handle good. */
    void see_distinct(std::span<const handle> names) const {
        std::set<std::uint32_t> slots;
        for (const auto each : names) {
            slots.insert(each.slot());
            ASSERT_NE(pool_.get(each), nullptr);
        }
        ASSERT_EQ(slots.size(), names.size());
    }

    std::error_code ec_;
    const pool pool_ = client_.create(with_blocks(blocks));
    const client other_ = open_client();
};

TEST_P(Bulk, AnyNumberIsTakenAndFreed) {
    for (const auto count :
         std::initializer_list<std::size_t>{0,  1,  2,   15,  16,  17,  31,  32,  33,  48,  63,
                                            64, 65, 127, 128, 129, 255, 256, 257, 300, 1000}) {
        for (int i = 0; i < 3; ++i) {
            const auto names = take(count);
            see_distinct(names);
            ASSERT_EQ(pool_.try_free(names, ec_), count);
            ASSERT_FALSE(ec_);
            for (const auto each : names)
                ASSERT_EQ(pool_.get(each), nullptr);
            ASSERT_EQ(pool_.usage().in_use, 0U);
        }
    }
}

TEST_P(Bulk, IsTriedWithoutExceptions) {
    std::error_code ec = errc::out_of_blocks;
    std::vector<handle> all(blocks);
    EXPECT_TRUE(pool_.try_allocate(std::span{all}.first(2), ec));
    EXPECT_FALSE(ec);
    EXPECT_EQ(pool_.try_allocate_some(std::span{all}.subspan(2), ec), blocks - 2);
    std::array<handle, 1> one;
    EXPECT_FALSE(pool_.try_allocate(one, ec));
    EXPECT_EQ(ec, errc::out_of_blocks);
    pool_.free(all);
}

TEST_P(Bulk, NeighboursStayTogether) {
    pool_.free(take_neighbours(32));
    for (int i = 0; i < 4; ++i) {
        const auto names = take(32);
        for (std::size_t at = 1; at < names.size(); ++at)
            ASSERT_EQ(names[at].slot(), names[0].slot() + at);
        pool_.free(names);
    }
}

TEST_P(Bulk, EveryVersionGoesUp) {
    auto names = take_neighbours(32);
    // Each has been allocated a number of times of its own.
    for (std::size_t at = 0; at < names.size(); ++at)
        for (std::size_t times = at % 5; times != 0; --times) {
            pool_.free(names[at]);
            names[at] = pool_.allocate_handle();
        }
    pool_.free(names);
    const auto again = take(32);
    for (std::size_t at = 0; at < names.size(); ++at)
        EXPECT_EQ(again[at], (handle{names[at].version() + 2, names[at].slot()}));
    pool_.free(again);
}

TEST_P(Bulk, RefusesAHandleThatIsThereTwice) {
    for (const auto at : std::initializer_list<std::size_t>{1, 15, 16, 17, 31, 32, 40}) {
        auto names = take_neighbours(48);
        names.insert(names.begin() + static_cast<std::ptrdiff_t>(at), names.front());
        free_but(names, at, errc::double_free);
        ASSERT_EQ(pool_.usage().in_use, 0U);
    }
}

TEST_P(Bulk, RefusesNeighboursThatAreThereTwice) {
    const auto names = take_neighbours(16);
    auto twice = names;
    twice.insert(twice.end(), names.begin(), names.end());
    EXPECT_EQ(pool_.try_free(twice, ec_), 16U);
    EXPECT_EQ(ec_, errc::double_free);
    see_distinct(take_all());
}

TEST_P(Bulk, RefusesAStaleHandleAmongNeighbours) {
    for (std::size_t at = 0; at < 32; ++at) {
        auto names = take_neighbours(32);
        names[at] = {names[at].version() - 2, names[at].slot()};
        free_but(names, at, errc::stale_handle);
        pool_.free(handle{names[at].version() + 2, names[at].slot()});
        ASSERT_EQ(pool_.usage().in_use, 0U);
    }
}

TEST_P(Bulk, RefusesAHandleOfNoAllocationAmongNeighbours) {
    for (const std::uint32_t off : {1U, 0U - 1}) {
        for (std::size_t at = 0; at < 32; at += 5) {
            auto names = take_neighbours(32);
            const auto good = names[at];
            // If it is one less, it is the version that the block had when it was free.
            names[at] = {good.version() + off, good.slot()};
            free_but(names, at, errc::invalid_argument);
            pool_.free(good);
        }
    }
}

TEST_P(Bulk, RefusesNeighboursThatAreFree) {
    auto names = take(32); // a magazine has room for them twice
    pool_.free(names);
    for (auto& each : names) // as free blocks are: even
        each = {each.version() + 1, each.slot()};
    EXPECT_EQ(pool_.try_free(names, ec_), 0U);
    EXPECT_EQ(ec_, errc::invalid_argument);
    see_distinct(take_all());
}

TEST_P(Bulk, RefusesWhatLiesBeyondThePool) {
    const auto all = take_all();
    const auto last = *std::ranges::max_element(all, {}, &handle::slot);
    std::vector<handle> names;
    for (std::uint32_t at = 0; at < 16; ++at)
        names.emplace_back(last.version(), last.slot() - 7 + at);
    std::error_code ec;
    EXPECT_EQ(pool_.try_free(names, ec), 8U);
    EXPECT_TRUE(ec);
    names.assign(16, handle{1, last.slot() + 1});
    for (std::uint32_t at = 0; at < 16; ++at)
        names[at] = {1, 0U - 8 + at};
    EXPECT_EQ(pool_.try_free(names, ec), 0U);
    EXPECT_TRUE(ec);
}

TEST_P(Bulk, DoesNotKeepWhatOthersHoldAmongNeighbours) {
    const auto sharer = other_.attach(pool_.name(), caching::none);
    for (const auto at : std::initializer_list<std::size_t>{0, 7, 15, 16, 31}) {
        const auto names = take_neighbours(32);
        pool_.share(names[at], other_.id());
        // Now it is known to be ours again; that it is not only ours, its holds say.
        static_cast<void>(pool_.adopt(names[at]).release());
        pool_.free(take(40)); // there is room
        pool_.free(names);
        ASSERT_TRUE(sharer.check(names[at]).alive);
        const auto all_others = take(blocks - 1);
        ASSERT_TRUE(std::ranges::none_of(
            all_others, [&](auto each) { return each.slot() == names[at].slot(); }));
        pool_.free(all_others);
        sharer.free(names[at]);
    }
}

TEST_P(Bulk, DoesNotKeepWhatAScopeHoldsAmongNeighbours) {
    pool_.trim();
    auto group = scope::create(client_);
    std::vector<handle> names(48);
    // The three follow each other, as a pool without caches gives them out in order.
    pool_.allocate(std::span{names}.first(16));
    group.allocate(pool_, std::span{names}.subspan(16, 16));
    pool_.allocate(std::span{names}.subspan(32));
    std::ranges::sort(names, {}, &handle::slot);
    EXPECT_EQ(pool_.try_free(names, ec_), names.size());
    EXPECT_EQ(group.release(), 0U);
    EXPECT_EQ(pool_.usage().in_use, 0U);
    see_distinct(take_all());
}

TEST_P(Bulk, FreesNeighboursOfSeveralPools) {
    const auto second = client_.create(with_blocks(blocks));
    auto names = take_neighbours(20);
    std::vector<handle> others(20);
    second.allocate(others);
    names.insert(names.begin() + 10, others.begin(), others.end());
    EXPECT_EQ(pool_.try_free(names, ec_), names.size());
    EXPECT_EQ(pool_.usage().in_use, 0U);
    EXPECT_EQ(second.usage().in_use, 0U);
}

TEST_P(Bulk, FreesNeighboursBackwardsAndMixed) {
    auto names = take_neighbours(64);
    std::ranges::reverse(names);
    pool_.free(names);
    names = take(64);
    see_distinct(names);
    std::ranges::shuffle(names, std::mt19937{1}); // NOLINT(*-msc51-cpp,*-msc32-c)
    pool_.free(names);
    names = take(64);
    see_distinct(names);
    pool_.free(names);
    // These look like neighbours from their ends.
    names = take_neighbours(16);
    pool_.free(names[3]);
    names[3] = pool_.allocate_handle();
    std::swap(names[3], names[9]);
    pool_.free(names);
    names = take(16);
    see_distinct(names);
    pool_.free(names);
    see_distinct(take_all());
}

TEST_P(Bulk, EndsWithItsScopeWhoeverElseHoldsANeighbour) {
    const auto sharer = other_.attach(pool_.name(), caching::none);
    for (const auto at : std::initializer_list<std::size_t>{0, 63, 64, 100, 1023}) {
        pool_.trim();
        auto group = scope::create(client_);
        std::vector<handle> names(1024);
        group.allocate(pool_, names);
        std::ranges::sort(names, {}, &handle::slot);
        const auto held = names[at];
        pool_.share(held, other_.id());
        EXPECT_EQ(group.release(), names.size());
        for (const auto each : names)
            ASSERT_EQ(pool_.get(each) != nullptr, each == held);
        ASSERT_EQ(pool_.usage().in_use, 1U);
        sharer.free(held);
        ASSERT_EQ(pool_.get(held), nullptr);
        ASSERT_EQ(pool_.usage().in_use, 0U);
    }
    see_distinct(take_all());
}

FIXEDPOOL_ON_ANY_TRANSPORT(Bulk);

} // namespace
