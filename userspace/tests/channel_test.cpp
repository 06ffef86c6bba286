/* SPDX-License-Identifier: MIT */
/*
 * Blocks on their way through a channel.
 */
#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <poll.h>
#include <unistd.h>

#include "device_test.hpp"

namespace {

using namespace fixedpool;
using namespace fixedpool::testing;

class Channel : public any_transport_test {
  protected:
    const pool pool_ = client_.create(small_pool());
    const client other_client_ = open_client();
    const pool other_pool_ = other_client_.attach(pool_.name());
    channel sender_ = channel::create(
        pool_, {.name = "to", .capacity = 4, .end = channel_end::send, .waits = blocking::no});
    channel receiver_ = channel::open(other_pool_, "to", channel_end::receive, blocking::no);
};

class DeviceChannel : public device_test {
  protected:
    const pool pool_ = client_.create(small_pool());
    channel sender_ = channel::create(
        pool_, {.name = "to", .capacity = 4, .end = channel_end::send, .waits = blocking::no});
    channel receiver_ = channel::open(pool_, "to", channel_end::receive, blocking::no);
};

TEST_P(Channel, CarriesTheBlockAndItsBytes) {
    auto sent = pool_.allocate();
    std::ranges::fill(sent.bytes(), std::byte{0x42});
    const auto name = sent.handle();
    sender_.send(std::move(sent));
    EXPECT_FALSE(sent); // NOLINT(bugprone-use-after-move): emptied, as promised
    EXPECT_FALSE(pool_.check(name).mine);
    {
        const auto received = receiver_.receive();
        EXPECT_EQ(received.handle(), name);
        EXPECT_EQ(std::ranges::count(received.bytes(), std::byte{0x42}), 64);
        EXPECT_TRUE(other_pool_.check(name).mine);
    }
    EXPECT_FALSE(pool_.check(name).alive);
}

TEST_P(Channel, CarriesSeveralHandlesInOrder) {
    std::array<handle, 4> sent;
    std::array<handle, 8> received;
    std::error_code ec;
    pool_.allocate(sent);
    EXPECT_EQ(sender_.try_send(sent, ec), 4U);
    EXPECT_FALSE(ec);
    ASSERT_EQ(receiver_.try_receive(received, ec), 4U);
    EXPECT_TRUE(std::ranges::equal(sent, std::span{received}.first(4)));
    other_pool_.free(std::span{received}.first(4));
}

TEST_P(Channel, DoesNotWaitWhereItIsNotTo) {
    EXPECT_REFUSED(pool_error, errc::would_block, receiver_.receive());
    for (int i = 0; i < 4; ++i)
        sender_.send(pool_.allocate());
    auto block = pool_.allocate();
    EXPECT_REFUSED(handle_error, errc::would_block, (sender_.send(std::move(block)), true));
    EXPECT_TRUE(block); // NOLINT(bugprone-use-after-move): unchanged on failure
}

TEST_P(Channel, IsReadToItsEnd) {
    sender_.send(pool_.allocate());
    sender_ = {};
    EXPECT_TRUE(receiver_.receive());
    EXPECT_FALSE(receiver_.receive());
}

TEST_P(Channel, SendsNothingToNobody) {
    receiver_ = {};
    auto block = pool_.allocate();
    std::error_code ec;
    EXPECT_FALSE(sender_.try_send(block, ec));
    EXPECT_EQ(ec, errc::no_receiver);
    EXPECT_EQ(ec, std::errc::broken_pipe);
    EXPECT_TRUE(block);
}

/** The thread that waits is asleep, which its caller sees in the system's books. */
bool sleeps(pid_t thread) {
    std::ifstream file{"/proc/self/task/" + std::to_string(thread) + "/syscall"};
    std::string number;
    file >> number; // "running" of who is not asleep
    return !number.empty() && number != "running";
}

TEST_P(Channel, WaitsForABlockAndForRoom) {
    const auto sender = channel::create(pool_, {.name = "", .capacity = 1});
    for (const bool full : {false, true}) {
        std::atomic<pid_t> waits = 0;
        std::error_code ec;
        if (full)
            sender.send(pool_.allocate());
        auto sent = pool_.allocate();
        std::jthread waiting{[&] {
            waits = ::gettid();
            if (full)
                sender.send(std::move(sent));
            else
                EXPECT_TRUE(sender.receive());
        }};
        while (waits == 0 || !sleeps(waits))
            std::this_thread::yield();
        if (full)
            EXPECT_TRUE(sender.receive());
        else
            sender.send(std::move(sent));
        waiting.join();
        EXPECT_EQ(pool_.usage().in_use, full ? 1U : 0U);
    }
}

TEST_P(Channel, IsForItsOwnDirection) {
    auto block = pool_.allocate();
    std::error_code ec;
    EXPECT_FALSE(receiver_.try_send(block, ec));
    EXPECT_EQ(ec, std::errc::bad_file_descriptor) << ec.message();
    EXPECT_TRUE(block);
    EXPECT_FALSE(sender_.try_receive(ec));
    EXPECT_EQ(ec, std::errc::bad_file_descriptor) << ec.message();
}

TEST_P(Channel, RefusesBlocksOfAnotherPool) {
    const auto strange = client_.create(small_pool());
    const std::array names{strange.allocate_handle()};
    std::error_code ec;
    EXPECT_EQ(sender_.try_send(names, ec), 0U);
    EXPECT_EQ(ec, errc::not_attached) << ec.message();
    EXPECT_TRUE(strange.check(names[0]).mine);
    EXPECT_EQ(receiver_.try_receive(ec).handle(), handle{});
}

TEST_P(Channel, RefusesWhatIsNotHeld) {
    const auto block = pool_.allocate();
    const std::array names{block.handle()};
    channel other = channel::open(other_pool_, "to", channel_end::send, blocking::no);
    std::error_code ec;
    EXPECT_EQ(other.try_send(names, ec), 0U);
    EXPECT_EQ(ec, errc::not_holder);
}

TEST_P(Channel, IsPolled) {
    pollfd asked{.fd = receiver_.descriptor(), .events = POLLIN, .revents = 0};
    EXPECT_EQ(::poll(&asked, 1, 0), 0);
    sender_.send(pool_.allocate());
    EXPECT_EQ(::poll(&asked, 1, 0), 1);
    EXPECT_EQ(asked.revents, POLLIN);
}

TEST_P(Channel, HasANameInItsPool) {
    EXPECT_REFUSED(pool_error, errc::name_taken,
                   channel::create(pool_, {.name = "to", .capacity = 1}));
    EXPECT_REFUSED(pool_error, errc::no_such_channel,
                   channel::open(pool_, "elsewhere", channel_end::send));
    EXPECT_REFUSED(pool_error, errc::invalid_argument,
                   channel::create(pool_, {.name = "a/b", .capacity = 1}));
    EXPECT_REFUSED(pool_error, errc::invalid_argument,
                   channel::create(pool_, {.name = std::string(32, 'x'), .capacity = 1}));
    EXPECT_REFUSED(pool_error, errc::invalid_argument,
                   channel::create(pool_, {.name = {}, .capacity = 0}));
}

TEST_P(Channel, GivesBackWhatIsQueuedWithItsLastEnd) {
    sender_.send(pool_.allocate());
    EXPECT_EQ(pool_.usage().in_use, 1U);
    receiver_ = {};
    EXPECT_EQ(pool_.usage().in_use, 1U);
    sender_ = {};
    EXPECT_EQ(pool_.usage().in_use, 0U);
}

TEST_F(DeviceChannel, LosesNothingWhenAReceiverIsKilled) {
    const auto child = start_child([&]() -> int {
        const auto attached = client::open().attach(pool_.name());
        const auto end = channel::open(attached, "to", channel_end::receive);
        std::vector<block> kept;
        for (;;)
            kept.push_back(end.receive());
    });
    auto waiting = channel::open(pool_, "to", channel_end::send);
    receiver_ = {};
    for (int i = 0; i < 6; ++i) {
        auto block = pool_.allocate();
        std::error_code ec;
        while (!waiting.try_send(block, ec)) // until it has come
            ASSERT_EQ(ec, errc::no_receiver);
    }
    ASSERT_EQ(::kill(child, SIGKILL), 0);
    EXPECT_EQ(end_of(child), -SIGKILL);
    waiting = {};
    sender_ = {};
    EXPECT_EQ(pool_.usage().in_use, 0U);
}

FIXEDPOOL_ON_ANY_TRANSPORT(Channel);

} // namespace
