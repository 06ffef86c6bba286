/* SPDX-License-Identifier: MIT */
#include <array>
#include <string>
#include <vector>

#include "device_test.hpp"

namespace {

using namespace fixedpool;
using namespace fixedpool::testing;

pool_options of_size(std::uint32_t size) {
    auto options = small_pool();
    options.block_size = size;
    options.blocks = 2;
    return options;
}

class PoolSet : public any_transport_test {
  protected:
    const std::string name_ = unique_name();
    const std::array<pool, 3> pools_{client_.create(of_size(256)), client_.create(of_size(16)),
                                     client_.create(of_size(64))};
    const pool_set set_ = pool_set::create(client_, name_, pools_);
};

TEST_P(PoolSet, ServesFromTheSmallestBlocksThatFit) {
    EXPECT_EQ(set_.allocate(1).size(), 16U);
    EXPECT_EQ(set_.allocate(16).size(), 16U);
    EXPECT_EQ(set_.allocate(17).size(), 64U);
    EXPECT_EQ(set_.allocate(256, contents::zero).bytes()[255], std::byte{});
    EXPECT_EQ(pools_[0].usage().in_use, 0U);
}

TEST_P(PoolSet, FallsBackToLargerBlocksUntilThereAreNone) {
    std::vector<block> held;
    for (const std::size_t size : {16U, 16U, 64U, 64U, 256U, 256U}) {
        held.push_back(set_.allocate(10));
        EXPECT_EQ(held.back().size(), size);
    }
    EXPECT_REFUSED(error, errc::out_of_blocks, set_.allocate(10));
    held.clear();
    EXPECT_EQ(set_.allocate(10).size(), 16U);
}

TEST_P(PoolSet, RefusesSizesThatItDoesNotHave) {
    EXPECT_REFUSED(error, errc::too_large_for_set, set_.allocate(257));
    EXPECT_REFUSED(error, errc::invalid_argument, set_.allocate(0));
}

TEST_P(PoolSet, IsOpenedByName) {
    const auto other = open_client();
    EXPECT_REFUSED(error, errc::not_attached, pool_set::open(other, name_, pools_));
    const std::array attached{other.attach(pools_[1].name())};
    EXPECT_REFUSED(error, errc::set_not_attached, pool_set::open(other, name_, attached));
    const std::array all{attached[0], other.attach(pools_[0].name()),
                         other.attach(pools_[2].name())};
    const auto opened = pool_set::open(other, name_, all);
    EXPECT_EQ(opened.allocate(60).size(), 64U);
    EXPECT_REFUSED(error, errc::already_open, pool_set::open(other, name_, all));
    EXPECT_REFUSED(error, errc::no_such_set, pool_set::open(other, unique_name(), all));
}

TEST_P(PoolSet, HasANameOfItsOwn) {
    EXPECT_REFUSED(error, errc::name_taken, pool_set::create(client_, name_, pools_));
    EXPECT_REFUSED(error, errc::invalid_argument, pool_set::create(client_, "a/b", pools_));
    EXPECT_REFUSED(error, errc::invalid_argument, pool_set::create(client_, unique_name(), {}));
    pool_set::destroy(client_, name_);
    EXPECT_REFUSED(error, errc::no_such_set, (pool_set::destroy(client_, name_), true));
    EXPECT_TRUE(set_.allocate(1)) << "who has it keeps it";
}

TEST_P(PoolSet, LosesItsNameWithItsLastCopy) {
    const auto name = unique_name();
    {
        const auto first = pool_set::create(client_, name, pools_);
        // NOLINTNEXTLINE(performance-unnecessary-copy-initialization): it is tested
        const auto second = first;
        EXPECT_TRUE(second);
    }
    EXPECT_TRUE(pool_set::create(client_, name, pools_));
}

FIXEDPOOL_ON_ANY_TRANSPORT(PoolSet);

} // namespace
