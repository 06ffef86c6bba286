/* SPDX-License-Identifier: MIT */
#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include <unistd.h>

#include "device_test.hpp"

namespace {

using namespace fixedpool;
using namespace fixedpool::testing;

pool_options reporting(std::uint32_t blocks = 16) {
    auto options = with_blocks(blocks);
    options.report_leaks = true;
    return options;
}

/** What the last report said. */
struct told {
    static inline int times = 0;
    static inline std::string pool;
    static inline std::uint32_t block_size = 0;
    static inline std::vector<held_block> blocks;

    static void listen(const leak_report& report) noexcept {
        ++times;
        pool = report.pool;
        block_size = report.block_size;
        blocks.assign(report.blocks.begin(), report.blocks.end());
    }
};

class Leak : public any_transport_test {
  protected:
    void SetUp() override { told::times = 0; }
    void TearDown() override { set_leak_handler(before_); }

    const leak_handler before_ = set_leak_handler(told::listen);
};

std::vector<handle> handles_of(const std::vector<held_block>& blocks) {
    std::vector<handle> handles(blocks.size());
    std::ranges::transform(blocks, handles.begin(), &held_block::handle);
    return handles;
}

TEST_P(Leak, IsReportedWhenThePoolIsLeft) {
    const auto options = reporting();
    handle lost;
    {
        const auto some = client_.create(options);
        lost = some.allocate_handle();
        const auto kept = some.allocate();
        EXPECT_EQ(told::times, 0);
    }
    ASSERT_EQ(told::times, 1);
    EXPECT_EQ(told::pool, options.name);
    EXPECT_EQ(told::block_size, 64U);
    ASSERT_EQ(told::blocks.size(), 1U);
    EXPECT_EQ(told::blocks[0].handle, lost);
    EXPECT_EQ(told::blocks[0].thread, static_cast<std::uint32_t>(::gettid()));
    EXPECT_FALSE(told::blocks[0].callers.empty());
}

TEST_P(Leak, IsNoneOfWhatWentBack) {
    {
        const auto some = client_.create(reporting());
        std::array<handle, 4> handles;
        some.allocate(handles);
        some.free(handles);
        some.free(some.allocate_handle());
        some.deallocate_bytes(some.allocate_bytes());
        { const auto owner = some.allocate_for(std::chrono::seconds{1}); }
        auto brief = scope::create(client_);
        brief.allocate(some, handles);
    }
    EXPECT_EQ(told::times, 0);
}

TEST_P(Leak, IsNotLookedForUnasked) {
    { static_cast<void>(client_.create(small_pool()).allocate_handle()); }
    EXPECT_EQ(told::times, 0);
    const auto plain = client_.create(small_pool());
    EXPECT_REFUSED(pool_error, errc::not_noted, plain.held());
}

/** Every way to take blocks. */
TEST_P(Leak, IsSeenWhateverTookTheBlock) {
    const auto some = client_.create(reporting(64));
    std::vector<handle> taken(3);
    some.allocate(taken);
    taken.push_back(some.allocate_handle());
    taken.push_back(some.allocate().release());
    taken.push_back(some.allocate(contents::zero).release());
    taken.push_back(some.allocate_wait().release());
    taken.push_back(some.handle_of(some.allocate_bytes()));
    std::array<handle, 2> more;
    some.allocate_for(more, std::chrono::seconds{1});
    taken.insert(taken.end(), more.begin(), more.end());
    ASSERT_EQ(some.allocate_some(more), 2U);
    taken.insert(taken.end(), more.begin(), more.end());
    const auto brief = scope::create(client_);
    brief.allocate(some, more);
    taken.insert(taken.end(), more.begin(), more.end());
    const auto set = pool_set::create(client_, unique_name(), std::array{some});
    taken.push_back(set.allocate(1).release());

    auto held = handles_of(some.held());
    std::ranges::sort(held);
    std::ranges::sort(taken);
    EXPECT_EQ(held, taken);
}

TEST_P(Leak, IsOfWhoReceivedTheBlock) {
    const auto sent_from = client_.create(small_pool());
    const auto receiver = open_client();
    {
        const auto received_by = receiver.attach(sent_from.name(), {.report_leaks = true});
        auto given = sent_from.allocate();
        EXPECT_TRUE(received_by.held().empty());
        static_cast<void>(received_by.adopt(given.give(receiver.id())).release());
        EXPECT_EQ(received_by.held().size(), 1U);
    }
    EXPECT_EQ(told::times, 1);
    EXPECT_EQ(told::blocks.size(), 1U);
    EXPECT_EQ(sent_from.usage().in_use, 0U) << "it went back all the same";
}

TEST_P(Leak, IsNotOfWhoGaveTheBlockAway) {
    const auto receiver = open_client();
    {
        const auto given_from = client_.create(reporting());
        const auto given_to = receiver.attach(given_from.name());
        given_from.give(given_from.allocate_handle(), receiver.id());
        EXPECT_TRUE(given_from.held().empty());
    }
    EXPECT_EQ(told::times, 0);
}

TEST_P(Leak, IsKnownByTheCallThatTookTheBlock) {
    const auto some = client_.create(reporting());
    std::array<handle, 2> same_place;
    const volatile std::size_t count = same_place.size(); // else it might become two calls
    for (std::size_t i = 0; i < count; ++i)
        same_place[i] = some.allocate_handle();
    const auto elsewhere = some.allocate_handle();
    const auto held = some.held();
    ASSERT_EQ(held.size(), 3U);
    const auto callers_of = [&](handle name) {
        return std::ranges::find(held, name, &held_block::handle)->callers;
    };
    EXPECT_EQ(callers_of(same_place[0]), callers_of(same_place[1]));
    EXPECT_NE(callers_of(same_place[0]), callers_of(elsewhere));
}

TEST_P(Leak, IsOfTheLastAllocationOfABlock) {
    const auto one = client_.create(reporting(1));
    one.free(one.allocate_handle());
    const auto again = one.allocate_handle();
    EXPECT_EQ(handles_of(one.held()), std::vector{again});
}

TEST_P(Leak, MayBeLookedForWhileThreadsWork) {
    const auto some = client_.create(reporting(64));
    const auto mine = some.allocate_handle();
    std::atomic<bool> done = false;
    const auto work = [&] {
        while (!done) {
            std::array<handle, 8> handles;
            some.allocate(handles);
            some.free(handles);
        }
    };
    std::array workers{std::thread{work}, std::thread{work}};
    for (int round = 0; round < 50; ++round) {
        const auto held = some.held();
        EXPECT_EQ(std::ranges::count(held, mine, &held_block::handle), 1);
        for (const auto& each : held)
            EXPECT_FALSE(each.callers.empty());
    }
    done = true;
    for (auto& each : workers)
        each.join();
    EXPECT_EQ(handles_of(some.held()), std::vector{mine});
}

TEST_P(Leak, IsNobodysBusinessWithoutAHandler) {
    set_leak_handler(nullptr);
    { static_cast<void>(client_.create(reporting()).allocate_handle()); }
    EXPECT_EQ(told::times, 0);
}

TEST_P(Leak, IsPrintedWithNumbersAndPlaces) {
    const auto options = reporting();
    set_leak_handler(print_leaks);
    ::testing::internal::CaptureStderr();
    {
        const auto some = client_.create(options);
        const volatile int times = 3; // else it might become three calls
        for (int i = 0; i < times; ++i)
            static_cast<void>(some.allocate_handle());
        static_cast<void>(some.allocate_handle());
    }
    const auto printed = ::testing::internal::GetCapturedStderr();
    EXPECT_NE(printed.find("'" + options.name + "': 4 blocks of 64 bytes were not given back"),
              std::string::npos)
        << printed;
    const auto thread = " taken by thread " + std::to_string(::gettid());
    EXPECT_NE(printed.find("  3" + thread), std::string::npos) << printed;
    EXPECT_NE(printed.find("  1" + thread), std::string::npos) << printed;
    EXPECT_NE(printed.find("leak_test("), std::string::npos) << "callers: " << printed;
}

FIXEDPOOL_ON_ANY_TRANSPORT(Leak);

} // namespace
