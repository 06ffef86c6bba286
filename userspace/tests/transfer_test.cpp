/* SPDX-License-Identifier: MIT */
/*
 * Blocks on their way from client to client: give() and adopt().
 */
#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include <unistd.h>

#include "device_test.hpp"

namespace {

using namespace fixedpool;
using namespace fixedpool::testing;

class Transfer : public any_transport_test {
  protected:
    const pool pool_ = client_.create(small_pool());
    const client other_client_ = open_client();
    const pool other_pool_ = other_client_.attach(pool_.name());
};

class DeviceTransfer : public device_test {
  protected:
    const pool pool_ = client_.create(small_pool());
};

TEST_P(Transfer, ChangesTheHolderAndNotTheHandle) {
    auto block = pool_.allocate();
    const auto name = block.handle();
    EXPECT_EQ(block.give(other_client_.id()), name);
    EXPECT_FALSE(block);
    EXPECT_FALSE(pool_.check(name).mine);
    EXPECT_TRUE(other_pool_.check(name).mine);
    EXPECT_REFUSED(handle_error, errc::not_holder, (pool_.free(name), true));
    other_pool_.free(name);
}

TEST_P(Transfer, MovesNoByte) {
    auto sent = pool_.allocate();
    std::ranges::fill(sent.bytes(), std::byte{0x42});
    const auto received = other_pool_.adopt(sent.give(other_client_.id()));
    EXPECT_EQ(std::ranges::count(received.bytes(), std::byte{0x42}), 64);
}

TEST_P(Transfer, OfManyHandlesIsOneCall) {
    std::array<handle, 8> handles;
    pool_.allocate(handles);
    pool_.give(handles, other_client_.id());
    for (const auto name : handles)
        EXPECT_TRUE(other_pool_.check(name).mine);
    other_pool_.free(handles);
}

TEST_P(Transfer, StopsAtTheFirstHandleThatIsRefused) {
    std::array<handle, 4> handles;
    pool_.allocate(handles);
    pool_.free(handles[2]);
    std::error_code ec;
    EXPECT_EQ(pool_.try_give(handles, other_client_.id(), ec), 2U);
    EXPECT_EQ(ec, errc::stale_handle);
    EXPECT_TRUE(other_pool_.check(handles[1]).mine);
    EXPECT_TRUE(pool_.check(handles[3]).mine);
}

TEST_P(Transfer, NeedsAReceiver) {
    auto block = pool_.allocate();
    EXPECT_REFUSED(handle_error, errc::no_such_client, block.give(client_id{0xffffffff}));
    EXPECT_TRUE(block) << "the giver still has it";
    EXPECT_TRUE(pool_.check(block.handle()).mine);
}

TEST_P(Transfer, NeedsAReceiverThatIsAttached) {
    auto block = pool_.allocate();
    const auto stranger = open_client();
    std::error_code ec;
    EXPECT_FALSE(block.try_give(stranger.id(), ec));
    EXPECT_EQ(ec, errc::client_not_attached);
    EXPECT_TRUE(block);
}

TEST_P(Transfer, NamesReceiverAndHandleWhenItIsRefused) {
    auto block = pool_.allocate();
    try {
        static_cast<void>(block.give(client_id{4000000000}));
        ADD_FAILURE();
    } catch (const handle_error& refused) {
        EXPECT_EQ(refused.handle(), block.handle());
        EXPECT_EQ(refused.what(), "give client 4000000000 handle " + to_string(block.handle()) +
                                      " of pool '" + std::string{pool_.name()} +
                                      "': no client has this number");
    }
}

TEST_P(Transfer, EndsWithAnOwner) {
    const auto name = pool_.allocate().release();
    {
        const auto adopted = pool_.adopt(name);
        EXPECT_EQ(adopted.handle(), name);
        EXPECT_EQ(adopted.data(), pool_.get(name));
    }
    EXPECT_FALSE(pool_.check(name).alive);
}

TEST_P(Transfer, GivesNoOwnerToABlockThatSomebodyElseHolds) {
    const auto block = pool_.allocate();
    EXPECT_REFUSED(handle_error, errc::not_holder, other_pool_.adopt(block.handle()));
}

TEST_P(Transfer, GivesNoOwnerToADeadHandle) {
    const auto name = pool_.allocate().handle();
    EXPECT_REFUSED(handle_error, errc::stale_handle, pool_.adopt(name));
}

TEST_P(Transfer, GivesNoOwnerToABlockOfAnotherPool) {
    const auto second = client_.create(small_pool());
    const auto block = second.allocate();
    EXPECT_REFUSED(handle_error, errc::wrong_pool, pool_.adopt(block.handle()));
}

TEST_F(DeviceTransfer, WorksBetweenProcesses) {
    std::array<int, 2> up{};
    std::array<int, 2> down{};
    ASSERT_EQ(::pipe(up.data()), 0);
    ASSERT_EQ(::pipe(down.data()), 0);
    const auto child = start_child([&] {
        const auto receiver = client::open();
        const auto received_from = receiver.attach(pool_.name());
        const auto id = receiver.id();
        handle name;
        if (::write(up[1], &id, sizeof(id)) != sizeof(id) ||
            ::read(down[0], &name, sizeof(name)) != sizeof(name))
            return 1;
        const auto block = received_from.adopt(name);
        return std::ranges::count(block.bytes(), std::byte{0x17}) == 64 ? 0 : 2;
    });

    client_id receiver{};
    ASSERT_EQ(::read(up[0], &receiver, sizeof(receiver)), ssize_t{sizeof(receiver)});
    auto block = pool_.allocate();
    std::ranges::fill(block.bytes(), std::byte{0x17});
    const auto name = block.give(receiver);
    ASSERT_EQ(::write(down[1], &name, sizeof(name)), ssize_t{sizeof(name)});

    EXPECT_EQ(end_of(child), 0);
    EXPECT_FALSE(pool_.check(name).alive);
    EXPECT_EQ(pool_.usage().in_use, 0U);
    for (const int number : {up[0], up[1], down[0], down[1]})
        ::close(number);
}

TEST_P(Transfer, LetsAnotherHoldABlockToo) {
    auto mine = pool_.allocate();
    const auto name = mine.share(other_client_.id());
    EXPECT_EQ(name, mine.handle());
    EXPECT_TRUE(pool_.check(name).shared);
    {
        const auto theirs = other_pool_.adopt(name);
        mine = {};
        EXPECT_TRUE(other_pool_.check(name).alive);
        EXPECT_FALSE(pool_.check(name).mine);
    }
    EXPECT_FALSE(pool_.check(name).alive);
}

TEST_P(Transfer, SharesWithNobodyWhoIsNotThere) {
    const auto mine = pool_.allocate();
    EXPECT_REFUSED(handle_error, errc::no_such_client, mine.share(client_id{}));
    EXPECT_REFUSED(handle_error, errc::no_such_client,
                   (pool_.share(mine.handle(), client_id{}), true));
    const auto stale = pool_.allocate().handle();
    EXPECT_REFUSED(handle_error, errc::stale_handle,
                   (pool_.share(stale, other_client_.id()), true));
}

FIXEDPOOL_ON_ANY_TRANSPORT(Transfer);

} // namespace
