/* SPDX-License-Identifier: MIT */
/*
 * What stands in <linux/fixedpool.h>, on each transport: calls that the other
 * tests do not reach, and refusals.
 */
#include <array>
#include <cstdint>
#include <memory>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include "caller.hpp"

#include "address.hpp"

namespace {

using namespace fixedpool;
using fixedpool::testing::caller;
using fixedpool::testing::unique_name;
using which = fixedpool::testing::transport;

constexpr std::uint32_t alive_and_mine = FIXEDPOOL_CHECK_ALIVE | FIXEDPOOL_CHECK_MINE;

class Transport : public ::testing::TestWithParam<which> {
  protected:
    caller first_{GetParam()};
    caller second_{GetParam()};
    const std::string name_ = unique_name();
    const std::uint32_t pool_ = first_.create(name_, 200);
    const std::uint32_t same_ = second_.attach(name_);
};

using Share = Transport;
using Scope = Transport;
using Set = Transport;
using Hygiene = Transport;
using Request = Transport;
using Lifetime = Transport;

TEST_P(Share, LeavesABlockFreeWhenTheLastHolderLetsGo) {
    const auto handles = first_.alloc(pool_, 1);
    ASSERT_TRUE(first_.share(handles[0], second_.number()));
    EXPECT_EQ(first_.check(handles[0]), alive_and_mine | FIXEDPOOL_CHECK_SHARED);
    EXPECT_EQ(second_.check(handles[0]), alive_and_mine | FIXEDPOOL_CHECK_SHARED);
    EXPECT_EQ(first_.free(handles), 1U);
    EXPECT_EQ(second_.check(handles[0]), alive_and_mine);
    EXPECT_EQ(first_.free(handles), 0U);
    EXPECT_EQ(first_.why(), errc::not_holder);
    EXPECT_EQ(second_.free(handles), 1U);
    EXPECT_EQ(first_.in_use(pool_), 0U);
}

TEST_P(Share, ChangesNothingForWhoHoldsTheBlock) {
    const auto handles = first_.alloc(pool_, 1);
    EXPECT_TRUE(first_.share(handles[0], first_.number()));
    EXPECT_TRUE(first_.share(handles[0], second_.number()));
    EXPECT_TRUE(first_.share(handles[0], second_.number()));
    EXPECT_EQ(first_.free(handles) + second_.free(handles), 2U);
    EXPECT_EQ(first_.in_use(pool_), 0U);
}

TEST_P(Share, IsForHoldersOnly) {
    const auto handles = first_.alloc(pool_, 1);
    EXPECT_FALSE(second_.share(handles[0], second_.number()));
    EXPECT_EQ(second_.why(), errc::not_holder);
    first_.free(handles);
    EXPECT_FALSE(first_.share(handles[0], second_.number()));
    EXPECT_EQ(first_.why(), errc::stale_handle);
    const auto next = first_.alloc(pool_, 1);
    EXPECT_FALSE(first_.share(next[0], 0));
    EXPECT_EQ(first_.why(), errc::no_such_client);
    ASSERT_TRUE(second_.detach(same_));
    EXPECT_FALSE(first_.share(next[0], second_.number()));
    EXPECT_EQ(first_.why(), errc::client_not_attached);
}

TEST_P(Share, HasRoomFor254Holders) {
    const auto handles = first_.alloc(pool_, 1);
    std::vector<std::unique_ptr<caller>> others;
    for (int i = 0; i < 254; ++i) {
        others.push_back(std::make_unique<caller>(GetParam()));
        ASSERT_NE(others.back()->attach(name_), 0U);
        ASSERT_EQ(first_.share(handles[0], others.back()->number()), i < 253) << i;
    }
    EXPECT_EQ(first_.why(), errc::too_many_holders);
    others.clear();
    EXPECT_EQ(first_.check(handles[0]), alive_and_mine);
    EXPECT_EQ(first_.free(handles), 1U);
    EXPECT_EQ(first_.in_use(pool_), 0U);
}

TEST_P(Share, IsLetGoOfInAScope) {
    const auto scope = first_.create_scope();
    const auto handles = first_.alloc(pool_, 100, scope);
    for (std::size_t i = 0; i < handles.size(); i += 3)
        ASSERT_TRUE(first_.share(handles[i], second_.number()));
    EXPECT_EQ(first_.release(scope), 100U);
    EXPECT_EQ(first_.in_use(pool_), 34U);
    for (std::size_t i = 0; i < handles.size(); ++i)
        EXPECT_EQ(second_.check(handles[i]), i % 3 == 0 ? alive_and_mine : 0);
}

TEST_P(Scope, GivesBackWhatItHoldsAndNothingElse) {
    const auto scope = first_.create_scope();
    ASSERT_NE(scope, 0U);
    const auto outside = first_.alloc(pool_, 10);
    const auto inside = first_.alloc(pool_, 150, scope);
    ASSERT_EQ(inside.size(), 150U);
    EXPECT_EQ(first_.check(inside[7]), alive_and_mine);
    EXPECT_EQ(first_.release(scope), 150U);
    EXPECT_EQ(first_.in_use(pool_), 10U);
    for (const auto each : inside)
        EXPECT_EQ(first_.check(each), 0U);
    for (const auto each : outside)
        EXPECT_EQ(first_.check(each), alive_and_mine);
}

TEST_P(Scope, MayLoseBlocksOneByOne) {
    const auto scope = first_.create_scope();
    const auto inside = first_.alloc(pool_, 100, scope);
    EXPECT_EQ(first_.free({inside.begin(), inside.begin() + 40}), 40U);
    EXPECT_EQ(first_.free({inside[0]}), 0U);
    EXPECT_EQ(first_.why(), errc::double_free);
    EXPECT_TRUE(first_.give(inside[50], second_.number()));
    EXPECT_EQ(first_.release(scope), 59U);
    EXPECT_EQ(first_.in_use(pool_), 1U);
    EXPECT_EQ(second_.check(inside[50]), alive_and_mine);
}

TEST_P(Scope, HoldsBlocksOfAllPools) {
    const auto other = first_.create(unique_name(), 100);
    const auto scope = first_.create_scope();
    ASSERT_EQ(first_.alloc(pool_, 50, scope).size(), 50U);
    ASSERT_EQ(first_.alloc(other, 60, scope).size(), 60U);
    EXPECT_EQ(first_.release(scope), 110U);
    EXPECT_EQ(first_.in_use(pool_) + first_.in_use(other), 0U);
}

TEST_P(Scope, EndsWithThatItBelongsTo) {
    const auto outer = first_.create_scope();
    const auto inner = first_.create_scope(outer);
    const auto innermost = first_.create_scope(inner);
    ASSERT_EQ(first_.alloc(pool_, 10, outer).size(), 10U);
    ASSERT_EQ(first_.alloc(pool_, 20, inner).size(), 20U);
    ASSERT_EQ(first_.alloc(pool_, 30, innermost).size(), 30U);
    EXPECT_EQ(first_.release(inner), 50U);
    EXPECT_EQ(first_.in_use(pool_), 10U);
    EXPECT_TRUE(first_.alloc(pool_, 1, innermost).empty());
    EXPECT_EQ(first_.why(), errc::scope_ended);
    EXPECT_EQ(first_.release(inner), 0U);
    EXPECT_EQ(first_.why(), errc::scope_ended);
    EXPECT_EQ(first_.release(outer), 10U);
}

TEST_P(Scope, LeavesItsBlocksToItsParentWhenItIsDissolved) {
    const auto outer = first_.create_scope();
    const auto inner = first_.create_scope(outer);
    const auto innermost = first_.create_scope(inner);
    const auto handles = first_.alloc(pool_, 20, inner);
    ASSERT_EQ(first_.alloc(pool_, 30, innermost).size(), 30U);
    EXPECT_EQ(first_.release(inner, FIXEDPOOL_SCOPE_DISSOLVE), 20U);
    EXPECT_EQ(first_.in_use(pool_), 50U);
    EXPECT_EQ(first_.check(handles[0]), alive_and_mine);
    EXPECT_EQ(first_.free({handles[0]}), 1U);
    EXPECT_EQ(first_.release(outer), 49U) << "with the scope that was inherited";
}

TEST_P(Scope, LeavesItsBlocksToTheRootWhenItIsDissolved) {
    const auto scope = first_.create_scope();
    const auto handles = first_.alloc(pool_, 100, scope);
    EXPECT_EQ(first_.release(scope, FIXEDPOOL_SCOPE_DISSOLVE), 100U);
    EXPECT_EQ(first_.free(handles), 100U);
    EXPECT_FALSE(first_.release(0, FIXEDPOOL_SCOPE_DISSOLVE));
    EXPECT_EQ(first_.why(), errc::invalid_argument);
}

TEST_P(Scope, OfTheRootIsEverything) {
    const auto scope = first_.create_scope();
    ASSERT_EQ(first_.alloc(pool_, 70).size(), 70U);
    ASSERT_EQ(first_.alloc(pool_, 70, scope).size(), 70U);
    EXPECT_EQ(first_.release(0), 140U);
    EXPECT_EQ(first_.in_use(pool_), 0U);
    EXPECT_TRUE(first_.alloc(pool_, 1, scope).empty()) << "it has ended, too";
    EXPECT_EQ(first_.alloc(pool_, 1).size(), 1U) << "the root does not end";
}

TEST_P(Scope, EndsWithItsClient) {
    {
        caller brief{GetParam()};
        const auto pool = brief.attach(name_);
        ASSERT_EQ(brief.alloc(pool, 90, brief.create_scope()).size(), 90U);
        ASSERT_EQ(first_.in_use(pool_), 90U);
    }
    EXPECT_EQ(first_.in_use(pool_), 0U);
}

TEST_P(Scope, IsNestedSixteenDeepAndNoDeeper) {
    std::uint32_t scope = 0;
    for (int depth = 1; depth <= FIXEDPOOL_MAX_SCOPE_DEPTH; ++depth)
        ASSERT_NE(scope = first_.create_scope(scope), 0U);
    EXPECT_EQ(first_.create_scope(scope), 0U);
    EXPECT_EQ(first_.why(), errc::scope_too_deep);
    EXPECT_EQ(first_.create_scope(54321), 0U);
    EXPECT_EQ(first_.why(), errc::scope_ended);
}

TEST_P(Scope, IsOneOf1024AtMost) {
    std::vector<std::uint32_t> all;
    for (int i = 0; i < FIXEDPOOL_MAX_SCOPES; ++i) {
        all.push_back(first_.create_scope());
        ASSERT_NE(all.back(), 0U);
    }
    EXPECT_EQ(first_.create_scope(), 0U);
    EXPECT_EQ(first_.why(), errc::too_many_scopes);
    first_.release(all[3]);
    const auto next = first_.create_scope();
    EXPECT_NE(next, 0U);
    EXPECT_NE(next, all[3]) << "numbers are not used again soon";
}

TEST_P(Set, TakesTheSmallestBlocksThatFit) {
    const auto large = first_.create(unique_name(), 10, 0, 1000);
    const auto small = first_.create(unique_name(), 10, 0, 16);
    const auto set = first_.create_set(unique_name(), {large, pool_, small});
    ASSERT_NE(set, 0U);
    for (const auto& [size, pool] : {std::pair{1U, small}, std::pair{16U, small},
                                     std::pair{17U, pool_}, std::pair{65U, large}}) {
        const auto before = first_.in_use(pool);
        ASSERT_EQ(first_.alloc(set, 1, 0, FIXEDPOOL_ALLOC_BY_SIZE, size).size(), 1U);
        EXPECT_EQ(first_.in_use(pool), before + 1) << size;
    }
    EXPECT_TRUE(first_.alloc(set, 1, 0, FIXEDPOOL_ALLOC_BY_SIZE, 1001).empty());
    EXPECT_EQ(first_.why(), errc::too_large_for_set);
}

TEST_P(Set, FallsBackToLargerBlocks) {
    const auto small = first_.create(unique_name(), 10, 0, 16);
    const auto set = first_.create_set(unique_name(), {small, pool_});
    EXPECT_EQ(first_.alloc(set, 15, 0, FIXEDPOOL_ALLOC_BY_SIZE, 8).size(), 15U);
    EXPECT_EQ(first_.in_use(small), 10U);
    EXPECT_EQ(first_.in_use(pool_), 5U);
    EXPECT_TRUE(first_.alloc(set, 196, 0, FIXEDPOOL_ALLOC_BY_SIZE, 8).empty());
    EXPECT_EQ(first_.why(), errc::out_of_blocks);
    EXPECT_EQ(first_.in_use(pool_), 5U);
    EXPECT_EQ(
        first_.alloc(set, 196, 0, FIXEDPOOL_ALLOC_BY_SIZE | FIXEDPOOL_ALLOC_PARTIAL, 8).size(),
        195U);
}

TEST_P(Set, PutsBlocksIntoAScope) {
    const auto small = first_.create(unique_name(), 10, 0, 16);
    const auto set = first_.create_set(unique_name(), {small, pool_});
    const auto scope = first_.create_scope();
    ASSERT_EQ(first_.alloc(set, 15, scope, FIXEDPOOL_ALLOC_BY_SIZE, 8).size(), 15U);
    EXPECT_EQ(first_.release(scope), 15U);
}

TEST_P(Set, IsOpenedByWhoIsAttachedToAllItsPools) {
    const auto name = unique_name();
    const auto other_name = unique_name();
    const auto other = first_.create(other_name, 10);
    const auto set = first_.create_set(name, {pool_, other});
    second_.create_set(name, {});
    EXPECT_EQ(second_.why(), errc::set_not_attached);
    second_.attach(other_name);
    EXPECT_EQ(second_.create_set(name, {}), set);
    second_.create_set(name, {});
    EXPECT_EQ(second_.why(), errc::already_open);
    ASSERT_TRUE(second_.detach(same_));
    EXPECT_TRUE(second_.alloc(set, 11, 0, FIXEDPOOL_ALLOC_BY_SIZE, 1).empty());
    EXPECT_EQ(second_.why(), errc::set_not_attached);
    EXPECT_EQ(first_.in_use(pool_) + first_.in_use(other), 0U);
}

TEST_P(Set, HasANameAsLongAsItIsOpen) {
    const auto name = unique_name();
    const auto set = first_.create_set(name, {pool_});
    first_.create_set(name, {pool_});
    EXPECT_EQ(first_.why(), errc::name_taken);
    EXPECT_TRUE(first_.destroy_set("", set));
    EXPECT_FALSE(first_.destroy_set("", set));
    EXPECT_EQ(first_.why(), errc::not_attached);
    EXPECT_EQ(second_.create_set(name, {}), 0U);
    EXPECT_EQ(second_.why(), errc::no_such_set);
    const auto again = first_.create_set(name, {pool_});
    EXPECT_TRUE(first_.destroy_set(name));
    EXPECT_FALSE(first_.destroy_set(name));
    EXPECT_EQ(first_.why(), errc::no_such_set);
    EXPECT_EQ(first_.alloc(again, 1, 0, FIXEDPOOL_ALLOC_BY_SIZE, 1).size(), 1U) << "still open";
}

TEST_P(Set, RefusesWhatIsNoSet) {
    const auto refused = [&](const std::string& name, const std::vector<std::uint32_t>& pools,
                             errc cause) {
        first_.create_set(name, pools);
        EXPECT_EQ(first_.why(), cause) << name;
    };
    refused(".hidden", {pool_}, errc::invalid_argument);
    refused(unique_name(), {pool_, pool_}, errc::invalid_argument);
    refused(unique_name(), std::vector<std::uint32_t>(33, pool_), errc::invalid_argument);
    refused(unique_name(), {pool_ + 4321}, errc::not_attached);
    EXPECT_TRUE(first_.alloc(12345, 1, 0, FIXEDPOOL_ALLOC_BY_SIZE, 1).empty());
    EXPECT_EQ(first_.why(), errc::not_attached);
}

TEST_P(Hygiene, ZeroesBlocksThatAreTaken) {
    const auto pool = first_.create(unique_name(), 1, FIXEDPOOL_POOL_ZERO_ON_ALLOC);
    const auto info = first_.info(pool);
    const auto data = first_.map(info.data_offset, info.data_length);
    data[63] = std::byte{7};
    const auto handles = first_.alloc(pool, 1);
    EXPECT_EQ(first_.byte_of(handles[0], 63), 0);
}

TEST_P(Hygiene, ZeroesBlocksThatAreFreed) {
    const auto pool = first_.create(unique_name(), 1, FIXEDPOOL_POOL_ZERO_ON_FREE);
    const auto info = first_.info(pool);
    const auto data = first_.map(info.data_offset, info.data_length);
    const auto handles = first_.alloc(pool, 1);
    data[63] = std::byte{7};
    first_.free(handles);
    EXPECT_EQ(data[63], std::byte{0});
}

TEST_P(Hygiene, PoisonsFreeBlocks) {
    const auto pool = first_.create(unique_name(), 2, FIXEDPOOL_POOL_POISON);
    const auto info = first_.info(pool);
    const auto data = first_.map(info.data_offset, info.data_length);
    EXPECT_EQ(data[0], std::byte{FIXEDPOOL_POISON});
    const auto scope = first_.create_scope();
    const auto handles = first_.alloc(pool, 2, scope);
    EXPECT_EQ(first_.byte_of(handles[0], 0), FIXEDPOOL_POISON);
    data[0] = std::byte{1};
    first_.release(scope);
    EXPECT_EQ(data[0], std::byte{FIXEDPOOL_POISON});
    data[0] = std::byte{1}; // after it was freed
    const auto again = first_.alloc(pool, 2);
    EXPECT_EQ(first_.byte_of(again[0], 0), FIXEDPOOL_POISON);
}

TEST_P(Hygiene, CannotPoisonAndZeroAtTheSameTime) {
    first_.create(unique_name(), 1, FIXEDPOOL_POOL_POISON | FIXEDPOOL_POOL_ZERO_ON_FREE);
    EXPECT_EQ(first_.why(), errc::invalid_argument);
}

TEST_P(Request, IsRefusedWhenItIsOutOfRange) {
    first_.alloc(pool_, 0);
    EXPECT_EQ(first_.why(), errc::invalid_argument);
    first_.alloc(pool_, FIXEDPOOL_MAX_BATCH + 1);
    EXPECT_EQ(first_.why(), errc::invalid_argument);
    first_.alloc(pool_, 1, 0, 1U << 31);
    EXPECT_EQ(first_.why(), errc::invalid_argument);
    first_.alloc(pool_, 1, 0, 0, 8);
    EXPECT_EQ(first_.why(), errc::invalid_argument) << "a size without a set";
    first_.alloc(pool_, 1, 0, FIXEDPOOL_ALLOC_BY_SIZE);
    EXPECT_EQ(first_.why(), errc::invalid_argument) << "a set without a size";
    first_.alloc(pool_, 1, 99);
    EXPECT_EQ(first_.why(), errc::scope_ended);
    first_.alloc(pool_ + 4321, 1);
    EXPECT_EQ(first_.why(), errc::not_attached);
    first_.release(0, 2);
    EXPECT_EQ(first_.why(), errc::invalid_argument);
    first_.create(unique_name(), 1, 1U << 31);
    EXPECT_EQ(first_.why(), errc::invalid_argument);
}

template <typename request_type>
request_type with_name(const std::string& name) {
    request_type request = {};
    std::snprintf(std::begin(request.name), std::size(request.name), "%s", name.c_str());
    return request;
}

// But for the flag nothing is wrong with them.
TEST_P(Request, IsRefusedWithAFlagThatDoesNotExist) {
    const auto handles = first_.alloc(pool_, 1);
    const auto scope = first_.create_scope();
    const auto set = first_.create_set(unique_name(), {pool_});
    std::array<std::uint32_t, 1> block{};
    const auto names = detail::address_of(handles.data());
    const auto buffer = detail::address_of(block.data());
    const auto refused = [this](auto request) {
        request.flags |= 1U << 31;
        return !first_.call(request) && first_.why() == errc::invalid_argument;
    };
    EXPECT_TRUE(refused(with_name<fixedpool_pool_attach>(name_)));
    EXPECT_TRUE(refused(with_name<fixedpool_pool_destroy>(name_)));
    EXPECT_TRUE(refused(fixedpool_pool_detach{.id = pool_, .flags = 0}));
    EXPECT_TRUE(refused(
        fixedpool_free{.handles = names, .count = 1, .done = 0, .flags = 0, .reserved = 0}));
    EXPECT_TRUE(refused(fixedpool_check{.handle = handles[0], .flags = 0, .state = 0}));
    EXPECT_TRUE(refused(fixedpool_read{.handle = handles[0],
                                       .buffer = buffer,
                                       .offset = 0,
                                       .length = 1,
                                       .flags = 0,
                                       .reserved = 0}));
    EXPECT_TRUE(refused(fixedpool_write{.handle = handles[0],
                                        .buffer = buffer,
                                        .offset = 0,
                                        .length = 1,
                                        .flags = 0,
                                        .reserved = 0}));
    EXPECT_TRUE(refused(fixedpool_give{
        .handles = names, .count = 1, .done = 0, .client = second_.number(), .flags = 0}));
    EXPECT_TRUE(refused(fixedpool_share{
        .handles = names, .count = 1, .done = 0, .client = second_.number(), .flags = 0}));
    EXPECT_TRUE(refused(fixedpool_scope_create{}));
    EXPECT_TRUE(refused(fixedpool_scope_release{.scope = scope, .flags = 0, .blocks = 0}));
    EXPECT_TRUE(refused(with_name<fixedpool_set_create>(unique_name())));
    fixedpool_set_destroy left = {};
    left.id = set;
    EXPECT_TRUE(refused(left));
    EXPECT_TRUE(refused(
        fixedpool_cache_fill{.pool = pool_, .flags = 0, .count = 1, .done = 0, .blocks = buffer}));
    EXPECT_TRUE(refused(
        fixedpool_cache_drain{.pool = pool_, .flags = 0, .count = 1, .done = 0, .blocks = buffer}));
    fixedpool_pool_info asked = {};
    asked.id = pool_;
    asked.query_flags = 1;
    EXPECT_FALSE(first_.call(asked));
    EXPECT_EQ(first_.why(), errc::invalid_argument);
    // And nothing of it was done.
    EXPECT_EQ(first_.check(handles[0]), alive_and_mine);
    EXPECT_EQ(first_.in_use(pool_), 1U);
    EXPECT_TRUE(first_.destroy_set("", set));
    EXPECT_EQ(first_.release(scope), 0U);
    EXPECT_FALSE(first_.why());
}

TEST_P(Request, IsRefusedForAPoolThatTheClientHasLeft) {
    ASSERT_TRUE(second_.detach(same_));
    const auto refused = [this] { return second_.why() == errc::not_attached; };
    second_.info(same_);
    EXPECT_TRUE(refused());
    EXPECT_TRUE(second_.fill(same_, 1).empty() && refused());
    EXPECT_TRUE(second_.drain(same_, {0}) == 0 && refused());
    fixedpool_watch watched = {};
    watched.pool = same_;
    watched.low = 1;
    EXPECT_FALSE(second_.call(watched));
    EXPECT_TRUE(refused());
    std::error_code ec;
    auto made = with_name<fixedpool_channel_create>("channel");
    made.pool = same_;
    made.capacity = 1;
    made.flags = FIXEDPOOL_CHANNEL_READ;
    EXPECT_EQ(second_.raw().open(made, ec), nullptr);
    EXPECT_EQ(ec, errc::not_attached);
    auto opened = with_name<fixedpool_channel_open>("channel");
    opened.pool = same_;
    opened.flags = FIXEDPOOL_CHANNEL_WRITE;
    EXPECT_EQ(second_.raw().open(opened, ec), nullptr);
    EXPECT_EQ(ec, errc::not_attached);
}

TEST_P(Request, ForAChannelIsRefusedWithAFlagThatDoesNotExist) {
    std::error_code ec;
    auto made = with_name<fixedpool_channel_create>("channel");
    made.pool = pool_;
    made.capacity = 1;
    made.flags = FIXEDPOOL_CHANNEL_READ;
    const auto end = first_.raw().open(made, ec);
    ASSERT_NE(end, nullptr);
    auto opened = with_name<fixedpool_channel_open>("channel");
    opened.pool = pool_;
    opened.flags = FIXEDPOOL_CHANNEL_WRITE | 1U << 31;
    EXPECT_EQ(first_.raw().open(opened, ec), nullptr);
    EXPECT_EQ(ec, errc::invalid_argument);
    opened.flags = 0;
    EXPECT_EQ(first_.raw().open(opened, ec), nullptr);
    EXPECT_EQ(ec, errc::invalid_argument) << "neither direction";
    made = with_name<fixedpool_channel_create>("other");
    made.pool = pool_;
    made.capacity = 1;
    made.flags = FIXEDPOOL_CHANNEL_READ | 1U << 31;
    EXPECT_EQ(first_.raw().open(made, ec), nullptr);
    EXPECT_EQ(ec, errc::invalid_argument);
}

TEST_P(Request, SaysFirstThatANameIsTaken) {
    first_.create(name_, 0);
    EXPECT_EQ(first_.why(), errc::name_taken);
    first_.create(name_, 1, 1U << 31);
    EXPECT_EQ(first_.why(), errc::name_taken);
    first_.create(name_, 1, 0, 0);
    EXPECT_EQ(first_.why(), errc::name_taken);
}

TEST_P(Request, SaysWhereBlocksLie) {
    const auto coloured = first_.info(first_.create(unique_name(), 10000, 0, 256));
    EXPECT_EQ(coloured.stride, 320U);
    const auto packed =
        first_.info(first_.create(unique_name(), 10000, FIXEDPOOL_POOL_PACKED, 256));
    EXPECT_EQ(packed.stride, 256U);
    EXPECT_GE(packed.data_length, 2560000U);
    EXPECT_EQ(packed.blocks, 10000U);
    const auto slab = first_.info(first_.create(unique_name(), 10, 0, 256, FIXEDPOOL_STORAGE_SLAB));
    EXPECT_EQ(slab.data_length, 0U);
    EXPECT_EQ(slab.versions_length, 0U);
    EXPECT_EQ(slab.chunk_blocks, 0U);
}

TEST_P(Lifetime, OfMemoryIsThatOfItsMapping) {
    const auto info = first_.info(pool_);
    const auto data = first_.map(info.data_offset, info.data_length);
    ASSERT_TRUE(data);
    ASSERT_TRUE(first_.detach(pool_));
    ASSERT_TRUE(second_.detach(same_));
    data[0] = std::byte{1};
    EXPECT_EQ(data[0], std::byte{1});
    EXPECT_FALSE(first_.detach(pool_));
    EXPECT_EQ(first_.why(), errc::not_attached);
}

TEST_P(Lifetime, LetsAPoolComeBackUnderItsName) {
    for (int round = 0; round < 50; ++round) {
        ASSERT_TRUE(second_.detach(round == 0 ? same_ : second_.attach(name_)));
        const auto handles = first_.alloc(pool_, 100);
        const auto name = unique_name();
        const auto brief = second_.create(name, 70000);
        ASSERT_EQ(second_.alloc(brief, 100).size(), 100U);
        ASSERT_TRUE(second_.detach(brief));
        second_.attach(name);
        ASSERT_EQ(second_.why(), errc::no_such_pool);
        ASSERT_EQ(first_.free(handles), 100U);
    }
}

FIXEDPOOL_ON_ANY_TRANSPORT(Share);
FIXEDPOOL_ON_ANY_TRANSPORT(Scope);
FIXEDPOOL_ON_ANY_TRANSPORT(Set);
FIXEDPOOL_ON_ANY_TRANSPORT(Hygiene);
FIXEDPOOL_ON_ANY_TRANSPORT(Request);
FIXEDPOOL_ON_ANY_TRANSPORT(Lifetime);

} // namespace
