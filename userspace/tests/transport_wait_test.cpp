/* SPDX-License-Identifier: MIT */
/*
 * Pools that grow, callers that wait, and watches, at the seam: what stands in
 * <linux/fixedpool.h>, on each transport.
 */
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "caller.hpp"

namespace {

using namespace fixedpool;
using fixedpool::testing::caller;
using fixedpool::testing::unique_name;
using namespace std::chrono_literals;

/** Waits in a thread, and frees what it got; the result is why it was refused. */
std::future<std::error_code> wait_for(caller& own, std::uint32_t pool, std::uint32_t count,
                                      std::uint32_t flags = 0, std::uint32_t size = 0) {
    return std::async(std::launch::async, [&raw = own.raw(), pool, count, flags, size] {
        std::vector<std::uint64_t> handles(count);
        fixedpool_alloc request = {};
        request.pool = pool;
        request.flags = flags | FIXEDPOOL_ALLOC_WAIT;
        request.count = count;
        request.handles = reinterpret_cast<std::uintptr_t>(handles.data());
        request.size = size;
        request.timeout = FIXEDPOOL_NEVER;
        const auto ec = raw.call(request);
        fixedpool_free back = {};
        back.handles = request.handles;
        back.count = request.done;
        if (request.done != 0)
            raw.call(back);
        return ec;
    });
}

class Growth : public ::testing::TestWithParam<fixedpool::testing::transport> {
  protected:
    caller first_{GetParam()};
};

class Wait : public Growth {
  protected:
    void see_waiters(std::uint32_t count) {
        for (int i = 0; i < 20000 && first_.info(pool_).waiters != count; ++i)
            std::this_thread::sleep_for(1ms);
        ASSERT_EQ(first_.info(pool_).waiters, count);
    }

    caller second_{GetParam()};
    const std::string name_ = unique_name();
    const std::uint32_t pool_ = first_.create(name_, 200);
    const std::uint32_t same_ = second_.attach(name_);
};

TEST_P(Growth, IsAFeature) {
    fixedpool_query query = {};
    first_.call(query);
    EXPECT_NE(query.features & FIXEDPOOL_FEATURE_GROW, 0U);
    EXPECT_NE(query.features & FIXEDPOOL_FEATURE_WAIT, 0U);
}

TEST_P(Growth, GoesFromBlocksToMaxBlocks) {
    const auto pool = first_.create_growing(100, 50000);
    auto info = first_.info(pool);
    EXPECT_EQ(info.blocks, 100U);
    EXPECT_EQ(info.max_blocks, 50000U);
    EXPECT_GE(info.data_length, 50000U * 64);
    EXPECT_EQ(first_.alloc(pool, 100).size(), 100U);
    EXPECT_EQ(first_.info(pool).blocks, 100U) << "there is no need yet";
    EXPECT_EQ(first_.alloc(pool, 50, 0, FIXEDPOOL_ALLOC_PARTIAL).size(), 50U);
    EXPECT_GE(first_.info(pool).blocks, 150U);
    EXPECT_LT(first_.info(pool).blocks, 50000U);
    for (std::size_t count = 150; count < 50000; count += 50)
        ASSERT_EQ(first_.alloc(pool, 50).size(), 50U);
    info = first_.info(pool);
    EXPECT_EQ(info.blocks, 50000U);
    EXPECT_EQ(info.in_use, 50000U);
    EXPECT_EQ(info.peak, 50000U);
    EXPECT_TRUE(first_.alloc(pool, 1).empty());
    EXPECT_EQ(first_.why(), errc::out_of_blocks);
    EXPECT_EQ(first_.release(0), 50000U);
}

TEST_P(Growth, IsNotBegunInVain) {
    const auto pool = first_.create_growing(10, 20);
    EXPECT_TRUE(first_.alloc(pool, 21).empty());
    EXPECT_EQ(first_.why(), errc::out_of_blocks);
    EXPECT_EQ(first_.info(pool).blocks, 10U);
    EXPECT_EQ(first_.alloc(pool, 21, 0, FIXEDPOOL_ALLOC_PARTIAL).size(), 20U);
}

TEST_P(Growth, IsServedToCaches) {
    const auto pool = first_.create_growing(10, 100);
    EXPECT_EQ(first_.fill(pool, 100).size(), 100U);
}

TEST_P(Growth, BringsBlocksAsTheFlagsSay) {
    const auto zero = first_.create_growing(1, 300, FIXEDPOOL_POOL_ZERO_ON_ALLOC);
    for (const auto each : first_.alloc(zero, 300))
        ASSERT_EQ(first_.byte_of(each, 63), 0);
    const auto poisoned = first_.create_growing(1, 300, FIXEDPOOL_POOL_POISON);
    for (const auto each : first_.alloc(poisoned, 300))
        ASSERT_EQ(first_.byte_of(each, 63), FIXEDPOOL_POISON);
}

TEST_P(Growth, KnowsNoHandlesOfBlocksThatAreNotThere) {
    const auto pool = first_.create_growing(1, 1000);
    const auto slot = first_.info(pool).first_slot + 999;
    EXPECT_EQ(first_.check(FIXEDPOOL_HANDLE(1, slot)), 0U);
    EXPECT_FALSE(first_.why());
    EXPECT_EQ(first_.free({FIXEDPOOL_HANDLE(1, slot)}), 0U);
    EXPECT_TRUE(first_.why() == errc::stale_handle || first_.why() == errc::double_free);
    EXPECT_EQ(first_.drain(pool, {999}), 0U);
    EXPECT_EQ(first_.why(), errc::not_holder);
    EXPECT_EQ(first_.free({FIXEDPOOL_HANDLE(1, slot + 1)}), 0U);
    EXPECT_EQ(first_.why(), errc::index_out_of_range);
}

TEST_P(Growth, IsRefusedWhereItWouldBeShrinking) {
    EXPECT_EQ(first_.create_growing(10, 9), 0U);
    EXPECT_EQ(first_.why(), errc::invalid_argument);
    const auto pool = first_.create_growing(10, 10);
    EXPECT_EQ(first_.info(pool).max_blocks, 10U);
}

TEST_P(Growth, BySeveralAtTheSameTimeGivesEachBlockToOne) {
    const auto pool = first_.create_growing(1, 6000);
    std::vector<std::future<std::vector<std::uint64_t>>> threads;
    threads.reserve(3);
    for (int i = 0; i < 3; ++i)
        threads.push_back(std::async(std::launch::async, [this, pool] {
            std::vector<std::uint64_t> handles(2000);
            for (std::uint32_t done = 0; done < handles.size(); done += 8) {
                fixedpool_alloc request = {};
                request.pool = pool;
                request.count = 8;
                request.handles = reinterpret_cast<std::uintptr_t>(&handles[done]);
                EXPECT_FALSE(first_.raw().call(request)) << done;
            }
            return handles;
        }));
    std::vector<std::uint32_t> slots;
    for (auto& each : threads)
        for (const auto handle : each.get())
            slots.push_back(FIXEDPOOL_HANDLE_SLOT(handle));
    std::ranges::sort(slots);
    EXPECT_EQ(std::ranges::adjacent_find(slots), slots.end());
    EXPECT_EQ(slots.size(), 6000U);
    EXPECT_EQ(first_.release(0), 6000U);
    EXPECT_EQ(first_.in_use(pool), 0U);
}

TEST_P(Wait, EndsWhenTheClientLeavesThePool) {
    ASSERT_EQ(first_.alloc(pool_, 200).size(), 200U);
    auto sent_away = wait_for(second_, same_, 1);
    see_waiters(1);
    auto stays = wait_for(first_, pool_, 1);
    see_waiters(2);
    EXPECT_TRUE(second_.detach(same_));
    EXPECT_EQ(sent_away.get(), errc::pool_left);
    EXPECT_EQ(first_.info(pool_).waiters, 1U);
    EXPECT_EQ(first_.release(0), 200U);
    EXPECT_FALSE(stays.get());
    // Its own waiters are no concern of the next attachment.
    const auto again = second_.attach(name_);
    ASSERT_EQ(first_.alloc(pool_, 200).size(), 200U);
    auto served = wait_for(second_, again, 1);
    see_waiters(1);
    EXPECT_EQ(first_.release(0), 200U);
    EXPECT_FALSE(served.get());
}

TEST_P(Wait, EndsForAllWhenThePoolIsDestroyed) {
    const auto handles = first_.alloc(pool_, 200);
    auto one = wait_for(second_, same_, 1);
    auto other = wait_for(first_, pool_, 100, FIXEDPOOL_ALLOC_PARTIAL);
    see_waiters(2);
    fixedpool_pool_destroy request = {};
    std::ranges::copy(name_, std::begin(request.name));
    ASSERT_TRUE(first_.call(request));
    EXPECT_EQ(one.get(), errc::pool_destroyed);
    EXPECT_EQ(other.get(), errc::pool_destroyed);
    EXPECT_EQ(first_.free(handles), 200U);
}

TEST_P(Wait, EndsHoweverABlockComesBack) {
    const auto scope = first_.create_scope();
    const auto blocks = first_.fill(pool_, 1);
    const auto freed = first_.alloc(pool_, 1);
    const auto released = first_.alloc(pool_, 1, scope);
    ASSERT_EQ(first_.alloc(pool_, 197).size(), 197U);

    auto served = wait_for(second_, same_, 1);
    see_waiters(1);
    EXPECT_EQ(first_.drain(pool_, blocks), 1U);
    EXPECT_FALSE(served.get());
    const auto taken = first_.alloc(pool_, 1);

    served = wait_for(second_, same_, 1);
    see_waiters(1);
    EXPECT_EQ(first_.release(scope), 1U);
    EXPECT_FALSE(served.get());

    served = wait_for(second_, same_, 3);
    see_waiters(1);
    EXPECT_EQ(first_.free(taken), 1U);
    EXPECT_EQ(first_.free(freed), 1U);
    EXPECT_FALSE(served.get());

    served = wait_for(second_, same_, 200);
    see_waiters(1);
    EXPECT_TRUE(first_.detach(pool_));
    EXPECT_FALSE(served.get());
}

TEST_P(Wait, IsToldInTheHeader) {
    const auto info = first_.info(pool_);
    const auto header = first_.map(info.header_offset, info.header_length, detail::access::read);
    ASSERT_TRUE(header) << first_.why().message();
    const auto waiters = [&header] {
        return std::atomic_ref{reinterpret_cast<fixedpool_header*>(header.get())->waiters}.load();
    };
    EXPECT_EQ(waiters(), 0U);
    ASSERT_EQ(first_.alloc(pool_, 200).size(), 200U);
    auto one = wait_for(first_, pool_, 1);
    auto other = wait_for(second_, same_, 2);
    see_waiters(2);
    EXPECT_EQ(waiters(), 2U);
    EXPECT_EQ(first_.release(0), 200U);
    EXPECT_FALSE(one.get());
    EXPECT_FALSE(other.get());
    EXPECT_EQ(waiters(), 0U);
}

TEST_P(Wait, TakesWhatThereIsIfThatIsEnough) {
    ASSERT_EQ(first_.alloc(pool_, 200).size(), 200U);
    auto all = wait_for(first_, pool_, 200);
    see_waiters(1);
    auto some = wait_for(second_, same_, 100, FIXEDPOOL_ALLOC_PARTIAL);
    see_waiters(2);
    EXPECT_EQ(first_.release(0), 200U);
    EXPECT_FALSE(all.get());
    EXPECT_FALSE(some.get());
    EXPECT_EQ(first_.in_use(pool_), 0U);
}

TEST_P(Wait, BySizeIsForTheSmallestBlocksThatFit) {
    const auto large = first_.create(unique_name(), 4, 0, 256);
    const auto set = first_.create_set(unique_name(), {pool_, large});
    ASSERT_NE(set, 0U);
    const auto small = first_.alloc(pool_, 200);
    const auto big = first_.alloc(large, 4);
    auto served = wait_for(first_, set, 1, FIXEDPOOL_ALLOC_BY_SIZE, 10);
    see_waiters(1);
    EXPECT_EQ(first_.free(big), 4U);
    EXPECT_EQ(served.wait_for(30ms), std::future_status::timeout);
    EXPECT_EQ(first_.free(small), 200U);
    EXPECT_FALSE(served.get());
    EXPECT_EQ(wait_for(first_, set, 5, FIXEDPOOL_ALLOC_BY_SIZE, 100).get(), errc::beyond_capacity);
}

TEST_P(Wait, IsRefusedWhereItMakesNoSense) {
    EXPECT_EQ(wait_for(first_, pool_, 201).get(), errc::beyond_capacity);
    fixedpool_alloc request = {};
    request.pool = pool_;
    request.count = 1;
    request.timeout = 1;
    EXPECT_FALSE(first_.call(request));
    EXPECT_EQ(first_.why(), errc::invalid_argument) << "a timeout without waiting";
    request.flags = FIXEDPOOL_ALLOC_WAIT;
    request.pool = 0;
    EXPECT_FALSE(first_.call(request));
    EXPECT_EQ(first_.why(), errc::not_attached);
}

/** An eventfd. */
class event {
  public:
    event() = default;
    event(const event&) = delete;
    event& operator=(const event&) = delete;
    ~event() { ::close(number_); }

    [[nodiscard]] int number() const { return number_; }
    [[nodiscard]] bool signalled(int patience_ms) const {
        pollfd asked{.fd = number_, .events = POLLIN, .revents = 0};
        return ::poll(&asked, 1, patience_ms) == 1;
    }

  private:
    int number_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
};

class WatchCall : public Wait {
  protected:
    std::uint32_t watch(std::uint32_t low, int descriptor) {
        fixedpool_watch request = {};
        request.pool = same_;
        request.low = low;
        request.fd = descriptor;
        second_.call(request);
        return request.id;
    }

    bool end(std::uint32_t id) {
        fixedpool_watch request = {};
        request.pool = same_;
        request.flags = FIXEDPOOL_WATCH_REMOVE;
        request.id = id;
        return second_.call(request);
    }

    const event event_{};
};

TEST_P(WatchCall, EndsAWatchByItsNumber) {
    const auto id = watch(100, event_.number());
    ASSERT_NE(id, 0U);
    EXPECT_FALSE(end(id + 1));
    EXPECT_EQ(second_.why(), errc::no_such_watch);
    EXPECT_TRUE(end(id));
    EXPECT_FALSE(end(id));
    EXPECT_EQ(first_.alloc(pool_, 200).size(), 200U);
    EXPECT_FALSE(event_.signalled(30));
}

TEST_P(WatchCall, IsOverWhenTheClientLeavesThePool) {
    ASSERT_NE(watch(100, event_.number()), 0U);
    ASSERT_TRUE(second_.detach(same_));
    EXPECT_EQ(first_.alloc(pool_, 200).size(), 200U);
    EXPECT_FALSE(event_.signalled(30));
    EXPECT_EQ(watch(100, event_.number()), 0U);
    EXPECT_EQ(second_.why(), errc::not_attached);
}

TEST_P(WatchCall, NeedsAnEventfd) {
    watch(100, -1);
    EXPECT_EQ(second_.why(), std::errc::bad_file_descriptor);
    const auto raw = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    watch(100, raw);
    EXPECT_EQ(second_.why(), errc::invalid_argument);
    ::close(raw);
}

TEST_P(WatchCall, KeepsTheEventfdThatItWasGiven) {
    const event given{};
    const event kept{};
    ASSERT_EQ(::dup2(given.number(), kept.number()), kept.number()); // the same eventfd
    ASSERT_NE(watch(100, given.number()), 0U);
    ASSERT_EQ(::dup2(event_.number(), given.number()), given.number()); // another one
    EXPECT_EQ(first_.alloc(pool_, 200).size(), 200U);
    EXPECT_TRUE(kept.signalled(20000));
    EXPECT_FALSE(event_.signalled(0));
}

TEST_P(WatchCall, CountsBlocksThatAPoolGrowsBy) {
    const auto growing = second_.create_growing(10, 1000);
    fixedpool_watch request = {};
    request.pool = growing;
    request.high = 20;
    request.fd = event_.number();
    ASSERT_TRUE(second_.call(request));
    const auto handles = second_.alloc(growing, 11);
    const auto free = second_.info(growing).blocks - 11;
    EXPECT_EQ(event_.signalled(free >= 20 ? 20000 : 30), free >= 20);
}

FIXEDPOOL_ON_ANY_TRANSPORT(Growth);
FIXEDPOOL_ON_ANY_TRANSPORT(Wait);
FIXEDPOOL_ON_ANY_TRANSPORT(WatchCall);

} // namespace
