/* SPDX-License-Identifier: MIT */
#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <future>
#include <random>
#include <span>
#include <thread>
#include <vector>

#include <pthread.h>

#include "device_test.hpp"

namespace {

using namespace fixedpool;
using namespace fixedpool::testing;
using namespace std::chrono_literals;

// Long enough for whatever must happen, short enough to be seen failing.
constexpr auto patience = 60s;

class Waiting : public any_transport_test {
  protected:
    void SetUp() override { pool_.allocate(held_); }

    void give_back(std::size_t count) {
        pool_.free(std::span{held_}.subspan(given_, count));
        given_ += count;
    }

    void see_waiters(std::uint32_t count) const {
        const auto until = deadline_after(patience);
        while (pool_.usage().waiters != count && std::chrono::steady_clock::now() < until)
            std::this_thread::sleep_for(1ms);
        ASSERT_EQ(pool_.usage().waiters, count);
    }

    /** Waits for @p count blocks in a thread; the result is why it was refused. */
    [[nodiscard]] std::future<std::error_code> wait_for(std::size_t count,
                                                        std::chrono::milliseconds timeout) const {
        return std::async(std::launch::async, [this, count, timeout] {
            std::vector<handle> handles(count);
            std::error_code ec;
            if (pool_.try_allocate_for(handles, timeout, contents::unspecified, ec))
                pool_.free(handles);
            return ec;
        });
    }

    const pool pool_ = client_.create(small_pool());
    std::array<handle, 16> held_; // all that there are
    std::size_t given_ = 0;
};

bool pending(const std::future<std::error_code>& result) {
    return result.wait_for(30ms) == std::future_status::timeout;
}

TEST_P(Waiting, IsNotNecessaryWhereBlocksAreFree) {
    give_back(4);
    EXPECT_TRUE(pool_.allocate_until(deadline{}));
    EXPECT_TRUE(pool_.allocate_for(-1s));
    EXPECT_TRUE(pool_.allocate_wait());
    std::array<handle, 4> handles;
    pool_.allocate_wait(handles);
    EXPECT_EQ(pool_.usage().in_use, 16U);
    pool_.allocate_wait(std::span<handle>{});
}

TEST_P(Waiting, TriesAllOfThatWithoutExceptions) {
    give_back(7);
    std::error_code ec = errc::timed_out;
    EXPECT_TRUE(pool_.try_allocate_wait(ec));
    EXPECT_FALSE(ec);
    EXPECT_TRUE(pool_.try_allocate_wait(contents::zero, ec));
    EXPECT_TRUE(pool_.try_allocate_until(deadline{}, ec));
    std::array<handle, 7> handles;
    EXPECT_TRUE(pool_.try_allocate_wait(handles, contents::unspecified, ec));
    EXPECT_FALSE(pool_.try_allocate_until(deadline{}, ec));
    EXPECT_EQ(ec, errc::timed_out);
}

TEST_P(Waiting, EndsWhenTheTimeHasCome) {
    const auto start = std::chrono::steady_clock::now();
    EXPECT_REFUSED(pool_error, errc::timed_out, pool_.allocate_for(30ms));
    EXPECT_GE(std::chrono::steady_clock::now() - start, 30ms);
    EXPECT_REFUSED(pool_error, std::errc::timed_out, pool_.allocate_until(deadline{}));
    give_back(3);
    std::array<handle, 4> handles;
    EXPECT_REFUSED(pool_error, errc::timed_out, (pool_.allocate_for(handles, 1ms), 0));
    EXPECT_EQ(pool_.usage().in_use, 13U);
    EXPECT_EQ(pool_.usage().waiters, 0U);
}

TEST_P(Waiting, SaysWhatItWaitedFor) {
    try {
        pool_.allocate_for(std::span{held_}.first(2), 1ms);
        FAIL();
    } catch (const pool_error& refused) {
        EXPECT_EQ(refused.pool_name(), pool_.name());
        EXPECT_NE(std::strstr(refused.what(), "wait for 2 blocks"), nullptr) << refused.what();
    }
}

TEST_P(Waiting, IsServedAsSoonAsABlockIsFree) {
    auto served = wait_for(1, patience);
    see_waiters(1);
    give_back(1);
    EXPECT_FALSE(served.get());
    EXPECT_EQ(pool_.usage().waiters, 0U);
}

TEST_P(Waiting, IsServedInTheOrderOfComing) {
    auto first = wait_for(4, patience);
    see_waiters(1);
    auto second = wait_for(1, patience);
    see_waiters(2);
    give_back(3);
    EXPECT_TRUE(pending(second)) << "though there is a block for it";
    std::error_code ec;
    EXPECT_FALSE(pool_.try_allocate(contents::unspecified, ec));
    EXPECT_EQ(ec, errc::out_of_blocks) << "what is free belongs to those who wait";
    give_back(1);
    EXPECT_FALSE(first.get());
    EXPECT_FALSE(second.get());
    EXPECT_EQ(pool_.usage().in_use, 12U);
}

TEST_P(Waiting, MovesUpWhenWhoIsFirstGivesUp) {
    give_back(2);
    // Who has given up before the other one came has another try, with more time.
    bool in_turn = false;
    for (auto time = 100ms; !in_turn && time < patience; time *= 2) {
        auto first = wait_for(16, time);
        while (pool_.usage().waiters == 0 && pending(first))
            continue;
        auto second = wait_for(2, patience);
        while (pool_.usage().waiters == 1 && pending(first))
            continue;
        in_turn = pool_.usage().waiters == 2;
        EXPECT_EQ(first.get(), errc::timed_out);
        EXPECT_FALSE(second.get());
    }
    EXPECT_TRUE(in_turn);
}

TEST_P(Waiting, EndsWithThePool) {
    auto sent_away = wait_for(2, patience);
    see_waiters(1);
    give_back(1);
    client_.destroy(pool_.name());
    EXPECT_EQ(sent_away.get(), errc::pool_destroyed);
    EXPECT_TRUE(pool_.allocate_wait()) << "there is one";
    std::array<handle, 2> handles;
    EXPECT_REFUSED(pool_error, std::errc::identifier_removed, (pool_.allocate_wait(handles), 0));
}

TEST_P(Waiting, IsForNoMoreBlocksThanThereCanBe) {
    std::vector<handle> handles(17);
    EXPECT_REFUSED(pool_error, errc::beyond_capacity, (pool_.allocate_wait(handles), 0));
    handles.resize(client_.limits().max_batch + 1);
    EXPECT_REFUSED(pool_error, errc::invalid_argument, (pool_.allocate_wait(handles), 0));
}

TEST_P(Waiting, ZeroesWhatItWasHanded) {
    auto dirty = pool_.adopt(held_[0]);
    dirty.data()[5] = std::byte{1};
    auto waiting = std::async(std::launch::async, [this] {
        return pool_.allocate_for(patience, contents::zero).data()[5];
    });
    see_waiters(1);
    dirty = {};
    EXPECT_EQ(waiting.get(), std::byte{});
}

TEST_P(Waiting, MakesAPoolGrow) {
    auto options = small_pool();
    options.max_blocks = 100;
    const auto growing = client_.create(options);
    std::vector<handle> handles(100);
    growing.allocate_for(handles, patience);
    EXPECT_EQ(growing.usage().blocks, 100U);
    EXPECT_REFUSED(pool_error, errc::timed_out, growing.allocate_for(1ms));
}

TEST_P(Waiting, IsServedWhenAClientLeaves) {
    auto served = wait_for(16, patience);
    see_waiters(1);
    {
        const auto other = open_client();
        const auto same = other.attach(pool_.name());
        for (const auto each : held_)
            pool_.give(each, other.id());
    }
    EXPECT_FALSE(served.get());
}

TEST_P(Waiting, EndsWithASignalThatRestartsNothing) {
    struct sigaction action = {};
    action.sa_handler = [](int /*signal*/) {};
    struct sigaction before = {};
    ASSERT_EQ(::sigaction(SIGUSR1, &action, &before), 0);
    std::error_code ec;
    std::jthread asleep{
        [&] { EXPECT_FALSE(pool_.try_allocate_for(patience, contents::unspecified, ec)); }};
    see_waiters(1);
    ::pthread_kill(asleep.native_handle(), SIGUSR1);
    asleep.join();
    EXPECT_EQ(ec, errc::interrupted);
    ::sigaction(SIGUSR1, &before, nullptr);
}

// More threads than blocks: whoever has one has it alone, and nobody is forgotten.
TEST_P(Waiting, GivesEachBlockToOneOfMany) {
    give_back(5);
    std::atomic<int> served = 0;
    std::atomic<int> trouble = 0;
    const auto work = [&](unsigned seed) {
        std::mt19937 random{seed};
        std::array<handle, 3> handles;
        for (int round = 0; round < 300; ++round) {
            const auto wanted = std::span{handles}.first(random() % 3 + 1);
            const auto timeout = round % 5 == 0 ? std::chrono::microseconds{random() % 200}
                                                : std::chrono::microseconds{patience};
            std::error_code ec;
            if (!pool_.try_allocate_for(wanted, timeout, contents::unspecified, ec)) {
                if (ec != errc::timed_out || round % 5 != 0)
                    ++trouble;
                continue;
            }
            for (const auto each : wanted)
                std::memcpy(pool_.get(each), &seed, sizeof(seed));
            std::this_thread::yield();
            for (const auto each : wanted)
                if (std::memcmp(pool_.get(each), &seed, sizeof(seed)) != 0)
                    ++trouble;
            if (pool_.try_free(wanted, ec) != wanted.size())
                ++trouble;
            ++served;
        }
    };
    {
        std::vector<std::jthread> threads;
        threads.reserve(6);
        for (unsigned seed = 0; seed < 6; ++seed)
            threads.emplace_back(work, seed);
    }
    EXPECT_EQ(trouble, 0);
    EXPECT_GT(served, 6 * 200);
    EXPECT_EQ(pool_.usage().waiters, 0U);
    EXPECT_EQ(pool_.usage().in_use, 11U);
}

TEST(Deadline, IsNeverWhereItWouldBeTooFar) {
    EXPECT_EQ(deadline_after(std::chrono::hours::max()), never);
    EXPECT_EQ(deadline_after(std::chrono::duration<double>{1e300}), never);
    const auto past = deadline_after(std::chrono::hours::min());
    EXPECT_LE(past, std::chrono::steady_clock::now());
    EXPECT_GT(deadline_after(1h), std::chrono::steady_clock::now());
}

FIXEDPOOL_ON_ANY_TRANSPORT(Waiting);

} // namespace
