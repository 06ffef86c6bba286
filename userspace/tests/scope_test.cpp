/* SPDX-License-Identifier: MIT */
#include <array>
#include <type_traits>
#include <utility>
#include <vector>

#include "device_test.hpp"

namespace {

using namespace fixedpool;
using namespace fixedpool::testing;

static_assert(!std::is_copy_constructible_v<scope>);
static_assert(std::is_nothrow_move_constructible_v<scope>);
static_assert(std::is_nothrow_swappable_v<scope>);

class Scope : public any_transport_test {
  protected:
    const pool pool_ = client_.create(small_pool());
};

TEST_P(Scope, GivesItsBlocksBackAtItsEnd) {
    const auto outside = pool_.allocate();
    std::array<handle, 5> names;
    {
        const auto brief = scope::create(client_);
        brief.allocate(pool_, names);
        EXPECT_TRUE(pool_.check(names[4]).mine);
        EXPECT_EQ(pool_.usage().in_use, 6U);
    }
    EXPECT_FALSE(pool_.check(names[4]).alive);
    EXPECT_EQ(pool_.usage().in_use, 1U);
}

TEST_P(Scope, TriesToTakeABlock) {
    const auto brief = scope::create(client_);
    std::error_code ec = errc::out_of_blocks;
    EXPECT_TRUE(pool_.check(brief.try_allocate(pool_, contents::zero, ec)).mine);
    EXPECT_FALSE(ec);
    std::array<handle, 15> rest;
    pool_.allocate(rest);
    EXPECT_FALSE(brief.try_allocate(pool_, contents::zero, ec));
    EXPECT_EQ(ec, errc::out_of_blocks);
}

TEST_P(Scope, TriesToTakeSeveral) {
    const auto brief = scope::create(client_);
    std::error_code ec = errc::out_of_blocks;
    std::array<handle, 8> names;
    EXPECT_TRUE(brief.try_allocate(pool_, names, ec));
    EXPECT_FALSE(ec);
    EXPECT_TRUE(pool_.check(brief.try_allocate(pool_, ec)).mine);
    std::array<handle, 8> more;
    EXPECT_FALSE(brief.try_allocate(pool_, more, ec));
    EXPECT_EQ(ec, errc::out_of_blocks);
    EXPECT_EQ(pool_.usage().in_use, 9U);
}

TEST_P(Scope, IsExchangedForAnother) {
    auto one = scope::create(client_);
    static_cast<void>(one.allocate(pool_));
    scope none;
    swap(one, none);
    EXPECT_FALSE(one);
    EXPECT_EQ(none.release(), 1U);
}

TEST_P(Scope, TellsHowManyItHasReleased) {
    auto some = scope::create(client_);
    std::array<handle, 5> names;
    some.allocate(pool_, names);
    pool_.free(names[0]);
    EXPECT_EQ(some.release(), 4U);
    EXPECT_FALSE(some);
}

TEST_P(Scope, EndsThoseThatWereMadeOfIt) {
    auto outer = scope::create(client_);
    auto inner = outer.nested();
    const auto name = inner.allocate(pool_);
    EXPECT_EQ(outer.release(), 1U);
    EXPECT_FALSE(pool_.check(name).alive);
    EXPECT_REFUSED(pool_error, errc::scope_ended, inner.allocate(pool_));
    EXPECT_REFUSED(error, errc::scope_ended, inner.nested());
    EXPECT_REFUSED(error, errc::scope_ended, inner.release());
    EXPECT_FALSE(inner);
}

TEST_P(Scope, LeavesItsBlocksWhenItIsDissolved) {
    const auto outer = scope::create(client_);
    auto inner = outer.nested();
    const auto name = inner.allocate(pool_);
    EXPECT_EQ(inner.dissolve(), 1U);
    EXPECT_FALSE(inner);
    auto last = scope::create(client_);
    const auto other = last.allocate(pool_);
    EXPECT_EQ(last.dissolve(), 1U);
    EXPECT_TRUE(pool_.check(name).mine);
    pool_.free(other);
}

TEST_P(Scope, TakesAllOrNothing) {
    const auto some = scope::create(client_);
    std::vector<handle> names(17);
    EXPECT_REFUSED(pool_error, errc::out_of_blocks, (some.allocate(pool_, names), true));
    EXPECT_EQ(pool_.usage().in_use, 0U);
}

TEST_P(Scope, TakesNoBlocksOfAnotherClientsPool) {
    const auto some = scope::create(client_);
    const auto others = open_client().create(small_pool());
    EXPECT_REFUSED(pool_error, errc::not_attached, some.allocate(others));
}

TEST_P(Scope, IsEmptyAfterItWasMoved) {
    auto first = scope::create(client_);
    const auto name = first.allocate(pool_);
    auto second = std::move(first);
    EXPECT_FALSE(first);
    second = {};
    EXPECT_FALSE(pool_.check(name).alive);
}

TEST_P(Scope, KeepsBytesAsTheyWereAskedFor) {
    const auto some = scope::create(client_);
    const auto name = some.allocate(pool_, contents::zero);
    EXPECT_EQ(pool_.get(name)[63], std::byte{});
}

FIXEDPOOL_ON_ANY_TRANSPORT(Scope);

} // namespace
