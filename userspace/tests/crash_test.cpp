/* SPDX-License-Identifier: MIT */
/*
 * What is left of a process that ends without giving anything back: nothing.
 */
#include <array>
#include <csignal>
#include <cstdlib>
#include <string>
#include <vector>

#include <unistd.h>

#include "device_test.hpp"

namespace {

using namespace fixedpool;
using namespace fixedpool::testing;

class DeviceCrash : public device_test {
  protected:
    const pool pool_ = client_.create(small_pool());
};

TEST_F(DeviceCrash, BySigkillGivesEveryBlockBack) {
    std::array<int, 2> ready{};
    ASSERT_EQ(::pipe(ready.data()), 0);
    const auto child = start_child([&] {
        const auto attached = client::open().attach(pool_.name());
        std::array<handle, 5> handles;
        attached.allocate(handles);
        if (::write(ready[1], handles.data(), sizeof(handles)) != sizeof(handles))
            return EXIT_FAILURE;
        for (;;)
            ::pause();
    });
    std::array<handle, 5> handles;
    ASSERT_EQ(::read(ready[0], handles.data(), sizeof(handles)), ssize_t{sizeof(handles)});
    EXPECT_EQ(pool_.usage().in_use, 5U);
    EXPECT_NE(pool_.get(handles[0]), nullptr);

    ASSERT_EQ(::kill(child, SIGKILL), 0);
    EXPECT_EQ(end_of(child), -SIGKILL);
    EXPECT_EQ(pool_.usage().in_use, 0U);
    EXPECT_EQ(pool_.usage().clients, 1U);
    for (const auto name : handles) {
        EXPECT_EQ(pool_.get(name), nullptr);
        EXPECT_FALSE(pool_.check(name).alive);
    }
    ::close(ready[0]);
    ::close(ready[1]);
}

TEST_F(DeviceCrash, WhileBlocksComeAndGoLosesNothing) {
    for (int round = 0; round < 20; ++round) {
        const auto child = start_child([&]() -> int {
            const auto attached = client::open().attach(pool_.name());
            std::vector<block> held(7);
            for (std::size_t i = 0;; i = (i + 1) % held.size())
                held[i] = attached.allocate();
        });
        ::usleep(static_cast<useconds_t>(1000 * round));
        ASSERT_EQ(::kill(child, SIGKILL), 0);
        ASSERT_EQ(end_of(child), -SIGKILL);
        ASSERT_EQ(pool_.usage().in_use, 0U) << "round " << round;
        ASSERT_EQ(pool_.usage().clients, 1U) << "round " << round;
    }
    std::vector<handle> handles(pool_.capacity());
    pool_.allocate(handles);
}

TEST_F(DeviceCrash, OfAReceiverGivesBackWhatItNeverLookedAt) {
    std::array<int, 2> ready{};
    ASSERT_EQ(::pipe(ready.data()), 0);
    const auto child = start_child([&] {
        const auto receiver = client::open();
        const auto attached = receiver.attach(pool_.name());
        const auto id = receiver.id();
        if (::write(ready[1], &id, sizeof(id)) != sizeof(id))
            return EXIT_FAILURE;
        for (;;)
            ::pause();
    });
    client_id receiver{};
    ASSERT_EQ(::read(ready[0], &receiver, sizeof(receiver)), ssize_t{sizeof(receiver)});
    static_cast<void>(pool_.allocate().give(receiver));
    auto kept = pool_.allocate();
    ASSERT_EQ(::kill(child, SIGKILL), 0);
    EXPECT_EQ(end_of(child), -SIGKILL);
    EXPECT_EQ(pool_.usage().in_use, 1U) << "only the one that was not given";
    EXPECT_REFUSED(handle_error, errc::no_such_client, kept.give(receiver));
    ::close(ready[0]);
    ::close(ready[1]);
}

} // namespace
