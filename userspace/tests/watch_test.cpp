/* SPDX-License-Identifier: MIT */
#include <array>
#include <chrono>
#include <cstdint>
#include <span>
#include <thread>
#include <utility>
#include <vector>

#include <poll.h>

#include "device_test.hpp"

namespace {

using namespace fixedpool;
using namespace fixedpool::testing;
using namespace std::chrono_literals;

class Watch : public any_transport_test {
  protected:
    /** Makes so many blocks free. */
    void set_free(std::size_t count) {
        while (16 - held_.size() > count)
            held_.push_back(pool_.allocate());
        held_.resize(16 - count);
    }

    /**
     * Makes so many free of which nothing is told, and so many of which it is. Who gets there
     * before the module has seen that he was back goes once more, and is slower.
     */
    void cross(const watch& asked, std::size_t back, std::size_t there);

    const pool pool_ = client_.create(small_pool());
    std::vector<block> held_;
};

bool readable(const watch& asked, std::chrono::milliseconds patience) {
    pollfd entry{.fd = asked.descriptor(), .events = POLLIN, .revents = 0};
    return ::poll(&entry, 1, static_cast<int>(patience.count())) == 1;
}

/** Signals that it sees, waiting for one; the module sends them a moment later. */
std::uint64_t told(const watch& asked, std::chrono::milliseconds patience = 60s) {
    return readable(asked, patience) ? asked.signals() : 0;
}

bool silent(const watch& asked) { return !readable(asked, 30ms); }

void Watch::cross(const watch& asked, std::size_t back, std::size_t there) {
    std::uint64_t signals = 0;
    std::uint64_t tries = 0;
    for (auto pause = 30ms; signals == 0 && pause < 10s; pause *= 2) {
        set_free(back);
        signals += told(asked, pause);
        set_free(there);
        signals += told(asked, pause);
        ++tries;
    }
    EXPECT_GE(signals, 1U);
    EXPECT_LE(signals, tries);
}

TEST_P(Watch, TellsWhenFewBlocksAreFree) {
    const auto few = watch::create(pool_, {.low = 4});
    set_free(4);
    EXPECT_TRUE(silent(few));
    set_free(3);
    EXPECT_EQ(told(few), 1U);
    set_free(0);
    EXPECT_TRUE(silent(few)) << "it is no news";
    cross(few, 4, 2);
}

TEST_P(Watch, TellsWhenEnoughBlocksAreFree) {
    set_free(0);
    const auto enough = watch::create(pool_, {.high = 8});
    set_free(7);
    EXPECT_TRUE(silent(enough));
    set_free(8);
    EXPECT_EQ(told(enough), 1U);
    set_free(16);
    EXPECT_TRUE(silent(enough));
    cross(enough, 7, 9);
}

TEST_P(Watch, TellsOfBothMarksInTurn) {
    const auto both = watch::create(pool_, {.low = 4, .high = 12});
    for (int round = 0; round < 3; ++round) {
        set_free(3);
        EXPECT_EQ(told(both), 1U);
        set_free(11);
        EXPECT_TRUE(silent(both)) << "between the marks nothing happens";
        set_free(12);
        EXPECT_EQ(told(both), 1U);
        set_free(4);
        EXPECT_TRUE(silent(both));
    }
}

TEST_P(Watch, TellsAtOnceWhatIsSoAlready) {
    set_free(3);
    EXPECT_EQ(told(watch::create(pool_, {.low = 4, .high = 5})), 1U);
    EXPECT_EQ(told(watch::create(pool_, {.high = 3})), 1U);
    EXPECT_TRUE(silent(watch::create(pool_, {.low = 3})));
    EXPECT_TRUE(silent(watch::create(pool_, {.high = 4})));
}

TEST_P(Watch, DoesNotCountWhatBelongsToThoseWhoWait) {
    set_free(8);
    const auto few = watch::create(pool_, {.low = 4});
    std::vector<handle> handles(10);
    std::jthread waits{[&] { pool_.allocate_wait(handles); }};
    EXPECT_EQ(told(few), 1U);
    set_free(10);
    waits.join();
    pool_.free(handles);
}

TEST_P(Watch, IsOneOfSixteenOfAClient) {
    std::vector<watch> all;
    all.reserve(16);
    for (int i = 0; i < 16; ++i)
        all.push_back(watch::create(pool_, {.low = 4}));
    EXPECT_REFUSED(pool_error, errc::too_many_watches, watch::create(pool_, {.low = 4}));
    const auto other = open_client();
    const auto same = other.attach(pool_.name());
    const auto others = watch::create(same, {.low = 4});
    all.pop_back();
    all.push_back(watch::create(pool_, {.low = 4}));
    set_free(3);
    EXPECT_EQ(told(others), 1U);
    for (const auto& each : all)
        EXPECT_EQ(told(each), 1U);
}

TEST_P(Watch, IsRefusedWhereItsMarksMakeNoSense) {
    EXPECT_REFUSED(pool_error, errc::invalid_argument, watch::create(pool_, {}));
    EXPECT_REFUSED(pool_error, errc::invalid_argument, watch::create(pool_, {.low = 17}));
    EXPECT_REFUSED(pool_error, errc::invalid_argument, watch::create(pool_, {.high = 17}));
    EXPECT_REFUSED(pool_error, errc::invalid_argument, watch::create(pool_, {.low = 5, .high = 4}));
}

TEST_P(Watch, MovesWithItsDescriptor) {
    auto first = watch::create(pool_, {.low = 4});
    const int descriptor = first.descriptor();
    const auto second = std::move(first);
    EXPECT_FALSE(first); // NOLINT(bugprone-use-after-move)
    EXPECT_EQ(second.descriptor(), descriptor);
    set_free(0);
    EXPECT_EQ(told(second), 1U);
}

// Whoever crosses the mark last is not overlooked, whatever the others do.
TEST_P(Watch, MissesNothingThatLasts) {
    const auto both = watch::create(pool_, {.low = 4, .high = 12});
    std::uint64_t signals = 0;
    for (int round = 0; round < 200; ++round) {
        {
            std::vector<std::jthread> threads;
            threads.reserve(3);
            for (int i = 0; i < 3; ++i)
                threads.emplace_back([this] {
                    std::array<handle, 5> handles;
                    std::error_code ec;
                    const auto count = pool_.try_allocate_some(handles, contents::unspecified, ec);
                    pool_.try_free(std::span{handles}.first(count), ec);
                });
        }
        // It tells of the two marks in turn: when it has told of the first, it is to tell that
        // all are back now. Who takes them before is told nothing.
        signals += both.signals();
        if (signals % 2 != 0)
            signals += told(both);
        std::vector<std::jthread> threads;
        threads.reserve(3);
        std::array<std::array<handle, 5>, 3> taken;
        for (auto& each : taken)
            threads.emplace_back([this, &each] { pool_.allocate(each); });
        threads.clear();
        auto news = told(both);
        ASSERT_NE(news, 0U) << "that one is left";
        signals += news;
        for (auto& each : taken)
            threads.emplace_back([this, &each] { pool_.free(each); });
        threads.clear();
        news = told(both);
        ASSERT_NE(news, 0U) << "that all are back";
        signals += news;
    }
}

FIXEDPOOL_ON_ANY_TRANSPORT(Watch);

} // namespace
