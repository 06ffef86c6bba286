/* SPDX-License-Identifier: MIT */
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <functional>
#include <future>
#include <latch>
#include <optional>
#include <random>
#include <semaphore>
#include <set>
#include <thread>
#include <vector>

#include <pthread.h>

#include "device_test.hpp"

namespace {

using namespace fixedpool;
using namespace fixedpool::testing;
using namespace std::chrono_literals;

constexpr std::uint32_t blocks = 4096;
constexpr std::uint32_t batch = 64; // of a pool of so many blocks
constexpr auto patience = 20s;

/** A thread that does what it is told, and keeps its caches in between. */
class worker {
  public:
    worker() : thread_{[this] { run(); }} {}
    worker(const worker&) = delete;
    worker& operator=(const worker&) = delete;
    ~worker() {
        work_ = {};
        go_.release();
        thread_.join();
    }

    template <typename function>
    void run(function work) {
        work_ = work;
        go_.release();
        done_.acquire();
    }

  private:
    void run() {
        for (;;) {
            go_.acquire();
            if (!work_)
                return;
            work_();
            done_.release();
        }
    }

    std::function<void()> work_;
    std::binary_semaphore go_{0};
    std::binary_semaphore done_{0};
    std::thread thread_;
};

class Cache : public any_transport_test {
  protected:
    /** Blocks that are free to everybody; what we have cached is not. */
    [[nodiscard]] std::uint32_t free_to_others() const { return blocks - watcher_.usage().in_use; }

    void see_a_waiter() const {
        const auto until = deadline_after(patience);
        while (watcher_.usage().waiters == 0 && std::chrono::steady_clock::now() < until)
            std::this_thread::sleep_for(1ms);
        ASSERT_NE(watcher_.usage().waiters, 0U);
    }

    [[nodiscard]] std::vector<handle> take_all() const {
        std::vector<handle> all(blocks);
        pool_.allocate(all);
        return all;
    }

    std::error_code ec_;
    const pool pool_ = client_.create(with_blocks(blocks));
    const client other_ = open_client();
    const pool watcher_ = other_.attach(pool_.name(), caching::none);
};

TEST_P(Cache, KeepsWhatIsFreedForTheNextAllocation) {
    const auto first = pool_.allocate_handle();
    pool_.free(first);
    for (int i = 0; i < 1000; ++i) {
        const auto next = pool_.allocate_handle();
        ASSERT_EQ(next.slot(), first.slot());
        pool_.free(next);
        ASSERT_EQ(free_to_others(), blocks - batch);
    }
    EXPECT_EQ(pool_.usage().in_use, 0U);
}

TEST_P(Cache, GivesBackWhatItHasWhenAsked) {
    pool_.free(pool_.allocate_handle());
    ASSERT_EQ(free_to_others(), blocks - batch);
    EXPECT_EQ(pool_.trim(), batch);
    EXPECT_EQ(free_to_others(), blocks);
    EXPECT_EQ(pool_.trim(), 0U);
    pool_.free(pool_.allocate_handle()); // goes on as before
    EXPECT_EQ(free_to_others(), blocks - batch);
}

TEST_P(Cache, IsNotForThoseWhoDoNotWantIt) {
    const auto plain = client_.create([] {
        auto options = with_blocks(blocks);
        options.cache = caching::none;
        return options;
    }());
    const auto seen = other_.attach(plain.name());
    plain.free(plain.allocate_handle());
    EXPECT_EQ(seen.usage().in_use, 0U);
    EXPECT_EQ(plain.trim(), 0U);
}

TEST_P(Cache, ForgetsAnErrorOfBefore) {
    pool_.free(pool_.allocate_handle());
    ec_ = errc::out_of_blocks;
    auto taken = pool_.try_allocate(ec_);
    EXPECT_TRUE(taken);
    EXPECT_FALSE(ec_);
    ec_ = errc::out_of_blocks;
    EXPECT_TRUE(pool_.try_free(taken.release(), ec_));
    EXPECT_FALSE(ec_);
}

TEST_P(Cache, IsNotForSmallPools) {
    const auto small = client_.create(with_blocks(511));
    const auto seen = other_.attach(small.name());
    small.free(small.allocate_handle());
    EXPECT_EQ(seen.usage().in_use, 0U);
}

TEST_P(Cache, KeepsNoMoreThanItSays) {
    auto all = take_all();
    pool_.free(all);
    // A magazine of two batches, and a 16th of all; or all, if there are only others of the
    // process.
    if (GetParam() == transport::device) {
        EXPECT_GE(free_to_others(), blocks - 2 * batch - blocks / 16);
    }
    EXPECT_EQ(pool_.usage().in_use, 0U);
}

TEST_P(Cache, IsThereForOtherClientsOfTheProcess) {
    const auto mine = take_all();
    pool_.free(mine);
    ASSERT_LT(free_to_others(), blocks);
    std::vector<handle> all(blocks);
    watcher_.allocate(all);
    watcher_.free(all);

    pool_.free(pool_.allocate_handle());
    std::vector<handle> most(free_to_others());
    ASSERT_LT(most.size(), blocks);
    watcher_.allocate(most);
    EXPECT_TRUE(watcher_.allocate_for(1h)) << "and who waits finds it";
}

TEST_P(Cache, HandsOutEveryBlockOnce) {
    std::set<std::uint32_t> slots;
    std::vector<block> all;
    for (std::uint32_t i = 0; i < blocks; ++i) {
        all.push_back(pool_.allocate());
        ASSERT_TRUE(slots.insert(all.back().handle().slot()).second);
        ASSERT_EQ(pool_.get(all.back().handle()), all.back().data());
    }
    EXPECT_REFUSED(pool_error, errc::out_of_blocks, pool_.allocate());
    EXPECT_EQ(pool_.usage().in_use, blocks);
    all.clear();
    EXPECT_EQ(pool_.usage().in_use, 0U);
}

TEST_P(Cache, RefusesASecondFree) {
    const auto freed = pool_.allocate_handle();
    pool_.free(freed);
    EXPECT_REFUSED(handle_error, errc::double_free, (pool_.free(freed), true));
    const auto anew = pool_.allocate_handle();
    ASSERT_EQ(anew.slot(), freed.slot());
    EXPECT_REFUSED(handle_error, errc::stale_handle, (pool_.free(freed), true));
    EXPECT_EQ(pool_.get(freed), nullptr);
    EXPECT_TRUE(pool_.check(anew).mine);
    pool_.free(anew);
}

TEST_P(Cache, RefusesAnEndedHandleForEverything) {
    const auto freed = pool_.allocate_handle();
    std::array<std::byte, 1> byte{};
    pool_.free(freed);
    EXPECT_FALSE(pool_.check(freed).alive);
    EXPECT_REFUSED(handle_error, errc::stale_handle, (pool_.read(freed, 0, byte), true));
    EXPECT_REFUSED(handle_error, errc::stale_handle, (pool_.give(freed, other_.id()), true));
    EXPECT_REFUSED(handle_error, errc::stale_handle, pool_.adopt(freed));
}

TEST_P(Cache, LetsGoOfWhatIsGivenAway) {
    auto given = pool_.allocate();
    const auto name = given.give(other_.id());
    EXPECT_REFUSED(handle_error, errc::not_holder, (pool_.free(name), true));
    auto taken = watcher_.adopt(name);
    EXPECT_EQ(watcher_.usage().in_use, batch);
    taken = {};
    EXPECT_EQ(watcher_.usage().in_use, batch - 1);
    EXPECT_REFUSED(handle_error, errc::double_free, (pool_.free(name), true));
}

TEST_P(Cache, KeepsWhatWasReceived) {
    const auto name = watcher_.allocate_handle();
    watcher_.give(name, client_.id());
    pool_.adopt(name).data()[0] = std::byte{1}; // and freed
    EXPECT_EQ(watcher_.usage().in_use, 1U);
    EXPECT_EQ(pool_.trim(), 1U);
    EXPECT_EQ(watcher_.usage().in_use, 0U);
}

TEST_P(Cache, DoesNotKeepWhatOthersHoldToo) {
    const auto name = pool_.allocate_handle();
    pool_.share(name, other_.id());
    pool_.free(name);
    EXPECT_TRUE(watcher_.check(name).alive);
    EXPECT_TRUE(watcher_.check(name).mine);
    const auto index = *pool_.index_of(name);
    std::vector<handle> rest(blocks - 1);
    pool_.allocate(rest);
    EXPECT_TRUE(
        std::ranges::none_of(rest, [&](handle each) { return *pool_.index_of(each) == index; }));
    watcher_.free(name);
    pool_.free(rest);
}

TEST_P(Cache, DoesNotKeepWhatAScopeHolds) {
    auto group = scope::create(client_);
    std::array<handle, 100> held;
    group.allocate(pool_, held);
    pool_.free(std::span{held}.first(50));
    EXPECT_EQ(free_to_others(), blocks - 50);
    EXPECT_EQ(group.release(), 50U);
    EXPECT_EQ(free_to_others(), blocks);
    for (const auto each : held)
        EXPECT_EQ(pool_.get(each), nullptr);
}

TEST_P(Cache, DoesNotKeepWhatAScopeHoldsThoughItWasRefusedElsewhere) {
    auto group = scope::create(client_);
    const auto name = group.allocate(pool_);
    std::error_code ec;
    EXPECT_FALSE(pool_.try_give(name, client_id{UINT32_MAX}, ec));
    pool_.adopt(name).data()[0] = std::byte{1}; // and freed
    const auto mine = pool_.allocate_handle();
    EXPECT_EQ(group.release(), 0U);
    EXPECT_TRUE(pool_.check(mine).mine);
    pool_.free(mine);
}

TEST_P(Cache, LetsGoOfWhatIsGivenAwayThroughAnotherPool) {
    const auto second = client_.create(with_blocks(blocks));
    const auto given = pool_.allocate_handle();
    second.give(given, other_.id());
    EXPECT_REFUSED(handle_error, errc::not_holder, (pool_.free(given), true));
    EXPECT_TRUE(watcher_.check(given).mine);
    watcher_.free(given);

    const auto freed = pool_.allocate_handle();
    second.free(freed);
    pool_.trim();
    std::vector<handle> all(blocks);
    watcher_.allocate(all);
    for (const auto each : all)
        ASSERT_FALSE(pool_.try_free(each, ec_));
    EXPECT_EQ(ec_, errc::not_holder);
    watcher_.free(all);
}

TEST_P(Cache, IsNotMissedByASet) {
    const std::array<pool, 1> pools{pool_};
    const auto set = pool_set::create(client_, unique_name(), pools);
    worker elsewhere;
    elsewhere.run([this] { pool_.free(pool_.allocate_handle()); });
    std::vector<handle> most(blocks - batch);
    ASSERT_EQ(watcher_.allocate_some(most), most.size());
    EXPECT_EQ(free_to_others(), 0U);
    EXPECT_TRUE(set.allocate(1));
    watcher_.free(most);
}

TEST_P(Cache, OfIdleThreadsGoesToWhoWaitsElsewhereToo) {
    worker idle;
    idle.run([this] { pool_.free(pool_.allocate_handle()); });
    const auto mine = pool_.allocate_handle();
    std::vector<handle> most(blocks - std::size_t{2} * batch);
    ASSERT_EQ(watcher_.allocate_some(most), most.size());
    std::vector<handle> wanted(std::size_t{2} * batch);
    auto waiting = std::async(std::launch::async, [&] { watcher_.allocate_for(wanted, patience); });
    see_a_waiter();
    pool_.free(mine);
    waiting.get();
    EXPECT_EQ(free_to_others(), 0U);
}

TEST_P(Cache, ZeroesWhenAsked) {
    auto dirty = pool_.allocate();
    const auto slot = dirty.handle().slot();
    std::memset(dirty.data(), 0xff, dirty.size());
    dirty = {};
    const auto clean = pool_.allocate(contents::zero);
    ASSERT_EQ(clean.handle().slot(), slot);
    EXPECT_TRUE(std::ranges::all_of(clean.bytes(), [](auto each) { return each == std::byte{}; }));
}

TEST_P(Cache, KeepsNothingBackFromItsOwnProcess) {
    worker elsewhere;
    elsewhere.run([this] { pool_.free(pool_.allocate_handle()); });
    EXPECT_EQ(free_to_others(), blocks - batch);
    std::vector<handle> singly;
    for (std::uint32_t i = 0; i < blocks; ++i)
        singly.push_back(pool_.allocate_handle());
    EXPECT_EQ(free_to_others(), 0U);
    pool_.free(singly);
    elsewhere.run([this] { pool_.free(pool_.allocate_handle()); });
    EXPECT_EQ(take_all().size(), blocks); // at once
}

TEST_P(Cache, IsEmptiedForWhoWaitsInItsOwnProcess) {
    worker elsewhere;
    handle last;
    elsewhere.run([&] { last = pool_.allocate_handle(); }); // and 63 are cached
    std::vector<handle> most(1024);
    std::vector<handle> rest(blocks - 1024); // and one is missing
    pool_.allocate(rest);
    elsewhere.run([&] { pool_.free(pool_.allocate_handle()); });
    auto waiting = std::async(std::launch::async, [&] { pool_.allocate_for(most, patience); });
    see_a_waiter();
    elsewhere.run([&] { pool_.free(last); });
    waiting.get();
    pool_.free(most);
    pool_.free(rest);
    elsewhere.run([&] { pool_.free(pool_.allocate_handle()); }); // kept again
    EXPECT_EQ(pool_.usage().in_use, 0U);
    EXPECT_GT(pool_.trim(), 0U);
}

TEST_P(Cache, IsEmptiedAtTheNextFreeForWhoWaitsElsewhere) {
    const auto mine = pool_.allocate_handle();
    std::vector<handle> wanted(1024);
    std::vector<handle> rest(blocks - 1024);
    ASSERT_EQ(watcher_.allocate_some(std::span{rest}.first(blocks - 1024)), blocks - 1024);
    auto waiting = std::async(std::launch::async, [&] { watcher_.allocate_for(wanted, patience); });
    see_a_waiter();
    pool_.free(mine);
    waiting.get();
    EXPECT_EQ(free_to_others(), 0U);
}

TEST_P(Cache, OfAThreadThatEndsIsNotLost) {
    std::thread{[this] {
        std::array<handle, batch> some;
        pool_.allocate(some);
        pool_.free(some);
    }}.join();
    EXPECT_EQ(pool_.usage().in_use, 0U);
    const auto kept = blocks - free_to_others();
    EXPECT_EQ(kept, batch); // for other threads
    pool_.free(pool_.allocate_handle());
    EXPECT_EQ(blocks - free_to_others(), kept);
    EXPECT_EQ(pool_.trim(), kept);
}

TEST_P(Cache, ServesThreadsThatComeAndGo) {
    for (int round = 0; round < 100; ++round)
        std::thread{[this] {
            std::array<handle, 10> some;
            pool_.allocate(some);
            pool_.free(some);
        }}.join();
    EXPECT_LE(blocks - free_to_others(), 2 * batch + blocks / 16);
    EXPECT_EQ(pool_.usage().in_use, 0U);
}

TEST_P(Cache, IsEmptyInTheChildOfFork) {
    const auto mine = pool_.allocate_handle();
    const auto cached = pool_.allocate_handle();
    pool_.free(cached);
    const auto child = start_child([&] {
        const auto next = pool_.allocate_handle();
        const bool in_process = GetParam() == transport::in_process;
        // With the module, parent and child are one client: the parent's cache is there still.
        if (!in_process && next.slot() == cached.slot())
            return 1;
        if (pool_.get(cached) != nullptr || pool_.get(mine) == nullptr)
            return 2;
        pool_.free(next);
        pool_.trim();
        if (in_process && watcher_.usage().in_use != 1)
            return 3;
        return 0;
    });
    EXPECT_EQ(end_of(child), 0);
    // And the parent's is as it was.
    const auto next = pool_.allocate_handle();
    EXPECT_EQ(next.slot(), cached.slot());
    pool_.free(next);
    pool_.free(mine);
}

TEST_P(Cache, ForgetsWhatTheChildOfForkGivesAway) {
    const auto name = pool_.allocate_handle();
    ASSERT_EQ(end_of(start_child([&] {
                  pool_.give(name, other_.id());
                  return 0;
              })),
              0);
    if (GetParam() == transport::in_process) { // the child had a copy of it all
        pool_.free(name);
        return;
    }
    EXPECT_REFUSED(handle_error, errc::not_holder, (pool_.free(name), true));
    EXPECT_TRUE(watcher_.check(name).mine);
    watcher_.free(name);
}

TEST_P(Cache, FreesManyInOneGoThoughSomeAreNotKept) {
    auto group = scope::create(client_);
    std::vector<handle> mixed(200);
    pool_.allocate(std::span{mixed}.first(50));
    group.allocate(pool_, std::span{mixed}.subspan(50, 100));
    pool_.allocate(std::span{mixed}.subspan(150));
    std::error_code ec;
    EXPECT_EQ(pool_.try_free(mixed, ec), mixed.size());
    EXPECT_EQ(pool_.usage().in_use, 0U);
    EXPECT_EQ(pool_.try_free(mixed, ec), 0U);
    EXPECT_TRUE(ec);
    EXPECT_EQ(group.release(), 0U);
}

TEST_P(Cache, BlocksKeepTheirPool) {
    std::optional<pool> last{client_.create(with_blocks(blocks))};
    const std::string name{last->name()};
    auto here = last->allocate();
    std::optional<block> there;
    worker elsewhere;
    elsewhere.run([&] { there = last->allocate(); });
    last.reset();
    here.data()[0] = std::byte{1};
    EXPECT_NO_THROW(static_cast<void>(other_.attach(name))); // it is there still
    here = {};
    std::memset(there->data(), 1, there->size());
    EXPECT_NO_THROW(static_cast<void>(other_.attach(name)));
    there.reset();
    EXPECT_REFUSED(pool_error, errc::no_such_pool, other_.attach(name));
}

TEST_P(Cache, PoolsComeAndGoInSeveralThreads) {
    std::vector<std::thread> threads;
    threads.reserve(3);
    for (int i = 0; i < 3; ++i)
        threads.emplace_back([this, i] {
            const auto own = open_client();
            for (int round = 0; round < 40; ++round) {
                auto options = with_blocks(512);
                options.name += '-' + std::to_string(i) + '-' + std::to_string(round);
                const auto made = own.create(options);
                std::vector<block> some;
                some.reserve(100);
                for (int j = 0; j < 100; ++j)
                    some.push_back(made.allocate());
                const auto mine = pool_.allocate();
                ASSERT_NE(mine.data(), nullptr);
            }
        });
    for (auto& each : threads)
        each.join();
    EXPECT_EQ(pool_.usage().in_use, 0U);
}

/** Marks a block as taken, or as free; says whether it was the other before. */
class marks {
  public:
    [[nodiscard]] bool take(std::uint32_t index) { return !taken_[index].exchange(true); }
    [[nodiscard]] bool give(std::uint32_t index) { return taken_[index].exchange(false); }

  private:
    std::vector<std::atomic<bool>> taken_ = std::vector<std::atomic<bool>>(blocks);
};

TEST_P(Cache, NoBlockIsHandedOutTwiceToManyThreads) {
    marks seen;
    std::atomic<int> wrong = 0;
    std::vector<std::thread> threads;
    threads.reserve(4);
    for (unsigned i = 0; i < 4; ++i)
        threads.emplace_back([&, i] {
            std::mt19937 random{i};
            std::vector<handle> held;
            for (int step = 0; step < 20'000; ++step) {
                std::error_code ec;
                if (random() % 2 == 0) {
                    if (const auto name = pool_.try_allocate_handle(ec)) {
                        wrong += seen.take(*pool_.index_of(name)) ? 0 : 1;
                        held.push_back(name);
                    } else {
                        wrong += ec == errc::out_of_blocks ? 0 : 1;
                    }
                } else if (!held.empty()) {
                    std::swap(held[random() % held.size()], held.back());
                    wrong += seen.give(*pool_.index_of(held.back())) ? 0 : 1;
                    pool_.free(held.back());
                    held.pop_back();
                }
                if (random() % 5000 == 0)
                    pool_.trim();
            }
            for (const auto each : held) {
                wrong += seen.give(*pool_.index_of(each)) ? 0 : 1;
                pool_.free(each);
            }
        });
    for (auto& each : threads)
        each.join();
    EXPECT_EQ(wrong, 0);
    EXPECT_EQ(pool_.usage().in_use, 0U);
    pool_.trim();
    EXPECT_EQ(free_to_others(), blocks);
}

TEST_P(Cache, NobodyFindsItEmptyWhileBlocksAreFree) {
    // Each thread wants a quarter, all at the same time, again and again.
    std::atomic<int> refused = 0;
    std::vector<std::thread> threads;
    threads.reserve(4);
    for (int i = 0; i < 4; ++i)
        threads.emplace_back([&] {
            std::vector<handle> quarter(blocks / 4);
            for (int round = 0; round < 20; ++round) {
                for (auto& each : quarter) {
                    std::error_code ec;
                    each = pool_.try_allocate_handle(ec);
                    refused += ec ? 1 : 0;
                }
                std::size_t freed = 0;
                for (const auto each : quarter)
                    if (std::error_code ec; each && pool_.try_free(each, ec))
                        ++freed;
                refused += freed == quarter.size() ? 0 : 1;
            }
        });
    for (auto& each : threads)
        each.join();
    EXPECT_EQ(refused, 0);
}

TEST_P(Cache, PassesBlocksFromThreadToThread) {
    constexpr std::uint32_t rounds = 20'000;
    std::array<std::atomic<std::uint64_t>, 64> ring{};
    std::thread consumer{[&] {
        for (std::uint32_t i = 0; i < rounds; ++i) {
            auto& place = ring[i % ring.size()];
            while (place.load(std::memory_order_acquire) == 0)
                std::this_thread::yield();
            const auto name = handle::from_value(place.exchange(0, std::memory_order_acq_rel));
            std::uint32_t number = 0;
            std::memcpy(&number, pool_.get(name), sizeof(number));
            EXPECT_EQ(number, i);
            pool_.free(name);
        }
    }};
    for (std::uint32_t i = 0; i < rounds; ++i) {
        const auto name = pool_.allocate_handle();
        std::memcpy(pool_.get(name), &i, sizeof(i));
        auto& place = ring[i % ring.size()];
        while (place.load(std::memory_order_acquire) != 0)
            std::this_thread::yield();
        place.store(name.value(), std::memory_order_release);
    }
    consumer.join();
    EXPECT_EQ(pool_.usage().in_use, 0U);
    EXPECT_GE(free_to_others(), blocks - 4 * batch - blocks / 16);
}

TEST_P(Cache, RefusesOneOfTwoRacingFreesIfExact) {
    auto options = with_blocks(blocks);
    options.cache = caching::exact;
    const auto strict = client_.create(options);
    std::atomic<std::uint64_t> shared = 0;
    std::atomic<int> freed = 0;
    constexpr int rounds = 5000;
    std::atomic<int> round = -1;
    worker elsewhere;
    std::thread second{[&] {
        for (int i = 0; i < rounds; ++i) {
            while (round.load(std::memory_order_acquire) < i)
                std::this_thread::yield();
            std::error_code ec;
            freed += strict.try_free(handle::from_value(shared), ec) ? 1 : 0;
            round.store(-i - 2, std::memory_order_release);
        }
    }};
    for (int i = 0; i < rounds; ++i) {
        const auto name = strict.allocate_handle();
        shared = name.value();
        round.store(i, std::memory_order_release);
        std::error_code ec;
        freed += strict.try_free(name, ec) ? 1 : 0;
        while (round.load(std::memory_order_acquire) != -i - 2)
            std::this_thread::yield();
        ASSERT_EQ(freed, i + 1);
    }
    second.join();
    EXPECT_EQ(strict.usage().in_use, 0U);
}

// What the handler works on; it has no argument.
const pool* interrupted = nullptr;
std::atomic<int> interrupts = 0;
std::atomic<int> handler_wrong = 0;
marks* handler_marks = nullptr;

void take_and_free(int /*signal*/) {
    const int before = errno;
    std::array<handle, 3> some;
    std::error_code ec;
    for (auto& each : some) {
        each = interrupted->try_allocate_handle(ec);
        if (each && !handler_marks->take(*interrupted->index_of(each)))
            ++handler_wrong;
    }
    for (const auto each : some) {
        if (!each)
            continue;
        if (!handler_marks->give(*interrupted->index_of(each)))
            ++handler_wrong;
        if (!interrupted->try_free(each, ec))
            ++handler_wrong;
    }
    ++interrupts;
    errno = before;
}

TEST_P(Cache, IsForSignalHandlersToo) {
    marks seen;
    interrupted = &pool_;
    handler_marks = &seen;
    interrupts = 0;
    handler_wrong = 0;
    struct sigaction action {};
    action.sa_handler = take_and_free;
    struct sigaction before {};
    ASSERT_EQ(::sigaction(SIGUSR1, &action, &before), 0);

    std::atomic<bool> done = false;
    int wrong = 0;
    const auto self = ::pthread_self();
    std::thread sender{[&] {
        for (int i = 0; i < 3000; ++i) {
            const int seen_before = interrupts;
            ::pthread_kill(self, SIGUSR1);
            for (int j = 0; j < 1000 && interrupts == seen_before; ++j)
                std::this_thread::yield();
        }
        done = true;
    }};
    std::vector<handle> held;
    std::mt19937 random{1};
    while (!done) {
        if (held.size() < 300 && random() % 2 == 0) {
            std::error_code ec;
            const auto name = pool_.try_allocate_handle(ec);
            wrong += name && seen.take(*pool_.index_of(name)) ? 0 : 1;
            held.push_back(name);
        } else if (!held.empty()) {
            wrong += seen.give(*pool_.index_of(held.back())) ? 0 : 1;
            pool_.free(held.back());
            held.pop_back();
        }
    }
    sender.join();
    ::sigaction(SIGUSR1, &before, nullptr);
    EXPECT_EQ(wrong, 0);
    EXPECT_EQ(handler_wrong, 0);
    EXPECT_GT(interrupts, 0);
    pool_.free(held);
    EXPECT_EQ(pool_.usage().in_use, 0U);
    pool_.trim();
    EXPECT_EQ(free_to_others(), blocks);
}

TEST_P(Cache, FindsBlocksByAddress) {
    auto* const bytes = pool_.allocate_bytes();
    ASSERT_TRUE(pool_.owns(bytes));
    EXPECT_FALSE(pool_.owns(bytes + 1));
    EXPECT_FALSE(pool_.owns(&bytes));
    const auto name = pool_.handle_of(bytes);
    EXPECT_EQ(pool_.get(name), bytes);
    pool_.deallocate_bytes(bytes);
    EXPECT_TRUE(pool_.owns(bytes));
    EXPECT_FALSE(pool_.handle_of(bytes));
    EXPECT_REFUSED(handle_error, errc::double_free, (pool_.deallocate_bytes(bytes), true));
    EXPECT_REFUSED(handle_error, errc::not_a_block, (pool_.deallocate_bytes(nullptr), true));
    std::error_code ec;
    EXPECT_FALSE(pool_.try_deallocate_bytes(&ec, ec));
    EXPECT_EQ(ec, errc::not_a_block);
    auto* const again = pool_.try_allocate_bytes(ec);
    EXPECT_EQ(again, bytes);
    EXPECT_FALSE(ec);
    EXPECT_TRUE(pool_.try_deallocate_bytes(again, ec));
}

TEST_P(Cache, HasNoAddressesOfBlocksThatCannotBeMapped) {
    const auto slab = client_.create(slab_pool());
    EXPECT_REFUSED(pool_error, errc::not_mappable, slab.allocate_bytes());
    std::error_code ec;
    EXPECT_EQ(slab.try_allocate_bytes(ec), nullptr);
    EXPECT_EQ(ec, errc::not_mappable);
    EXPECT_FALSE(slab.owns(nullptr));
}

FIXEDPOOL_ON_ANY_TRANSPORT(Cache);

} // namespace
