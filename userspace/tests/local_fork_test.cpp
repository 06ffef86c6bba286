/* SPDX-License-Identifier: MIT */
/*
 * fork() and signals, in process: the child has pools of its own, and handlers
 * interrupt anything.
 */
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <span>
#include <stop_token>
#include <thread>
#include <vector>

#include <poll.h>
#include <sys/time.h>
#include <unistd.h>

#include "caller.hpp"

#include "local/fork.hpp"
#include "local/registry.hpp"
#include "local/slots.hpp"

namespace {

using namespace fixedpool;
using namespace fixedpool::testing;

class Fork : public ::testing::Test {
  protected:
    const client client_ = client::open_in_process();
};

TEST_F(Fork, LeavesTheChildACopyOfItsOwn) {
    const auto shared = client_.create(small_pool());
    auto kept = shared.allocate();
    kept.data()[0] = std::byte{1};
    EXPECT_EQ(end_of(start_child([&] {
                  kept.data()[0] = std::byte{2};
                  std::vector<handle> rest(15);
                  shared.allocate(rest);
                  std::error_code ec;
                  if (shared.try_allocate(ec) || ec != errc::out_of_blocks)
                      return 1;
                  kept = {};
                  return shared.usage().in_use == 15 ? 0 : 2;
              })),
              0);
    EXPECT_EQ(kept.data()[0], std::byte{1});
    EXPECT_EQ(shared.usage().in_use, 1U);
    EXPECT_TRUE(shared.check(kept.handle()).mine);
}

TEST_F(Fork, LeavesTheChildItsOwnChannels) {
    const auto carried = client_.create(small_pool());
    const auto end = channel::create(carried, {.name = "", .capacity = 1, .waits = blocking::no});
    pollfd asked{.fd = end.descriptor(), .events = POLLIN, .revents = 0};
    ASSERT_EQ(::poll(&asked, 1, 0), 0);
    EXPECT_EQ(end_of(start_child([&] {
                  end.send(carried.allocate());
                  return ::poll(&asked, 1, 0) == 1 && end.receive() ? 0 : 1;
              })),
              0);
    EXPECT_EQ(::poll(&asked, 1, 0), 0) << "what the child sent is none of ours";
    end.send(carried.allocate());
    EXPECT_EQ(end_of(start_child([&] {
                  if (::poll(&asked, 1, 0) != 1 || !end.receive())
                      return 1;
                  return carried.usage().in_use == 0 ? 0 : 2;
              })),
              0);
    EXPECT_EQ(::poll(&asked, 1, 0), 1);
}

/** In the child, where nobody else is at work: lets all clients give everything back. */
void release_everything() {
    std::vector<detail::local::client*> all;
    detail::local::registry::instance().for_each_client_locked(
        [&all](detail::local::client& each) { all.push_back(&each); });
    std::uint64_t released = 0;
    for (auto* each : all)
        static_cast<void>(each->release_scope(detail::local::root_scope, released));
}

bool books_balance() {
    bool valid = true;
    detail::local::slots::instance().for_each_locked(
        [&valid](const detail::local::pool& each) { valid = valid && each.valid(); });
    return valid;
}

// What threads were doing that do not exist in the child leaves no trace there.
TEST_F(Fork, InTheMidstOfEverythingLosesNothing) {
    const auto pool_of_all = client_.create(with_blocks(5000));
    const auto end =
        channel::create(pool_of_all, {.name = "", .capacity = 64, .waits = blocking::no});
    std::array<handle, 10> kept;
    pool_of_all.allocate(kept);
    const auto churn = [&](const std::stop_token& stop, unsigned seed) {
        const auto own = client::open_in_process();
        std::vector<handle> taken(100);
        while (!stop.stop_requested()) {
            std::error_code ec;
            {
                const auto attached = own.attach(pool_of_all.name());
                const auto count =
                    attached.try_allocate_some(std::span{taken}.first(seed), contents::zero, ec);
                attached.try_free(std::span{taken}.first(count / 2), ec);
            }
            const auto count = pool_of_all.try_allocate_some(taken, contents::unspecified, ec);
            const auto sent = end.try_send(std::span{taken}.first(count), ec);
            pool_of_all.try_free(std::span{taken}.subspan(sent, count - sent), ec);
            const auto received = end.try_receive(taken, ec);
            pool_of_all.try_free(std::span{taken}.first(received), ec);
        }
    };
    std::vector<std::jthread> threads;
    for (unsigned seed = 1; seed <= 3; ++seed)
        threads.emplace_back(churn, seed * 30);
    for (int round = 0; round < 60; ++round) {
        const auto status = end_of(start_child([&] {
            ::alarm(30); // where books do not balance, who looks for a block finds no end
            std::vector<handle> queued(64);
            std::error_code ec;
            const auto count = end.try_receive(queued, ec);
            pool_of_all.free(std::span{queued}.first(count));
            for (const auto each : kept)
                if (!pool_of_all.check(each).mine)
                    return 1;
            // What other threads' variables held is held still. All the rest is free,
            // and can be had, each once.
            const auto used = pool_of_all.usage().in_use;
            std::vector<handle> all(5000);
            const auto taken = pool_of_all.allocate_some(all);
            if (used + taken != 5000)
                return 2;
            all.resize(taken);
            std::ranges::sort(all, {}, &handle::slot);
            if (std::ranges::adjacent_find(all, {}, &handle::slot) != all.end())
                return 3;
            release_everything();
            return pool_of_all.usage().in_use == 0 && books_balance() ? 0 : 4;
        }));
        ASSERT_EQ(status, 0) << "round " << round;
    }
    threads.clear();
    EXPECT_EQ(pool_of_all.usage().in_use, 10U);
    EXPECT_EQ(pool_of_all.usage().clients, 1U);
}

// The parent goes on where clients, pools and channels come and go.
TEST_F(Fork, LetsOthersComeAndGo) {
    const auto churn = [](const std::stop_token& stop, const pool_options& options) {
        while (!stop.stop_requested()) {
            const auto brief = client::open_in_process();
            const auto pool_of_it = brief.create(options);
            const auto end =
                channel::create(pool_of_it, {.name = "", .capacity = 1, .waits = blocking::no});
            end.send(pool_of_it.allocate());
        }
    };
    std::vector<std::jthread> threads;
    threads.reserve(3);
    for (int i = 0; i < 3; ++i)
        threads.emplace_back(churn, small_pool());
    for (int round = 0; round < 200; ++round)
        ASSERT_EQ(end_of(start_child([] { return 0; })), 0);
}

/** A client that works on the versions of its cache by itself. */
class cacher {
  public:
    /** Makes a pool, or attaches to one that is there. */
    explicit cacher(const std::string& name, std::uint32_t blocks = 0, std::uint32_t flags = 0)
        : pool_{blocks != 0 ? caller_.create(name, blocks, flags) : caller_.attach(name)} {}

    caller& operator*() { return caller_; }
    caller* operator->() { return &caller_; }
    [[nodiscard]] std::uint32_t pool() const { return pool_; }

    /** Allocates a block of the cache, or frees it. Returns: what its handle is then. */
    std::uint64_t advance(std::uint32_t index) {
        return FIXEDPOOL_HANDLE(word(index).fetch_add(1) + 1, info_.first_slot + index);
    }

    [[nodiscard]] std::uint32_t count_allocated() const {
        std::uint32_t count = 0;
        for (std::uint32_t i = 0; i < info_.blocks; ++i)
            count += word(i).load() % 2;
        return count;
    }

  private:
    [[nodiscard]] std::atomic_ref<std::uint32_t> word(std::uint32_t index) const {
        return std::atomic_ref{reinterpret_cast<std::uint32_t*>(versions_.get())[index]};
    }

    caller caller_{fixedpool::testing::transport::in_process};
    const std::uint32_t pool_;
    const fixedpool_pool_info info_ = caller_.info(pool_);
    const detail::mapping versions_ = caller_.map(info_.versions_offset, info_.versions_length);
};

TEST_F(Fork, LeavesTheChildEmptyCaches) {
    const auto name = unique_name();
    cacher one{name, 200, FIXEDPOOL_POOL_POISON};
    cacher other{name};
    auto blocks = one->fill(one.pool(), 100);
    const auto info = one->info(one.pool());
    const auto data = one->map(info.data_offset, info.data_length);
    data[std::ptrdiff_t{blocks[0]} * info.stride] = std::byte{};
    std::vector<std::uint64_t> names;
    for (int i = 0; i < 30; ++i, blocks.pop_back())
        names.push_back(one.advance(blocks.back()));
    ASSERT_TRUE(one->share(names[0], other->number()));
    ASSERT_TRUE(one->share(names[1], other->number()));
    const auto freed = static_cast<std::uint32_t>(names[1]) - info.first_slot;
    one.advance(freed); // and is about to give back what it has not alone
    const auto scope = other->create_scope();
    ASSERT_EQ(other->alloc(other.pool(), 10, scope).size(), 10U);
    ASSERT_EQ(other->fill(other.pool(), 20).size(), 20U);
    EXPECT_EQ(end_of(start_child([&] {
                  if (one->in_use(one.pool()) != 39)
                      return 1;
                  if (one->check(names[0]) !=
                      (FIXEDPOOL_CHECK_ALIVE | FIXEDPOOL_CHECK_MINE | FIXEDPOOL_CHECK_SHARED))
                      return 2;
                  const auto all = other->alloc(other.pool(), 161);
                  if (all.size() != 161 || !other->alloc(other.pool(), 1).empty())
                      return 3;
                  for (const auto each : all)
                      if (other->byte_of(each, 0) != FIXEDPOOL_POISON)
                          return 4;
                  if (other->free(all) != 161 || other->release(scope) != 10)
                      return 5;
                  names.erase(names.begin() + 1);
                  return one->free(names) == 29 && other->free({names[0]}) == 1 &&
                                 one->in_use(one.pool()) == 0 && books_balance()
                             ? 0
                             : 6;
              })),
              0);
    EXPECT_EQ(one->in_use(one.pool()), 130U);
    EXPECT_EQ(one->drain(one.pool(), blocks), 70U);
    EXPECT_EQ(one->drain(one.pool(), {freed}), 1U);
}

// What others were taking into their caches, or giving back, is free.
TEST_F(Fork, InTheMidstOfCachingLosesNothing) {
    const auto name = unique_name();
    cacher own{name, 500};
    const auto churn = [&name](const std::stop_token& stop) {
        cacher busy{name};
        while (!stop.stop_requested()) {
            const auto blocks = busy->fill(busy.pool(), 100);
            std::vector<std::uint64_t> names;
            for (const auto each : blocks)
                if (each % 4 != 0)
                    names.push_back(busy.advance(each));
            busy->free(names);
            for (const auto each : busy->fill(busy.pool(), 10))
                busy.advance(each);
            busy->drain(busy.pool(), blocks);
            busy->release(0);
        }
    };
    std::vector<std::jthread> threads;
    threads.reserve(3);
    for (int i = 0; i < 3; ++i)
        threads.emplace_back(churn);
    int status = 0;
    for (int round = 0; round < 200 && status == 0; ++round)
        status = end_of(start_child([&] {
            ::alarm(30); // as below
            if (own->in_use(own.pool()) != own.count_allocated())
                return 1;
            const auto free = 500 - own.count_allocated();
            if (own->alloc(own.pool(), 500, 0, FIXEDPOOL_ALLOC_PARTIAL).size() != free)
                return 2;
            release_everything();
            return own->in_use(own.pool()) == 0 && books_balance() ? 0 : 3;
        }));
    EXPECT_EQ(status, 0);
}

std::uint32_t pool_in_use = 0;

bool in_use(std::uint32_t pool) noexcept { return pool == pool_in_use; }

TEST_F(Fork, LeavesTheChildACacheThatIsInUse) {
    cacher kept{unique_name(), 100};
    cacher emptied{unique_name(), 100};
    const auto blocks = kept->fill(kept.pool(), 50);
    ASSERT_EQ(emptied->fill(emptied.pool(), 50).size(), 50U);
    pool_in_use = kept.pool();
    detail::local::keep_caches(in_use);
    EXPECT_EQ(end_of(start_child([&] {
                  if (emptied->in_use(emptied.pool()) != 0)
                      return 1;
                  return kept->drain(kept.pool(), blocks) == 50 ? 0 : 2;
              })),
              0);
    detail::local::keep_caches(nullptr);
}

// Who was about to attach, or to create, is not counted in the child.
TEST_F(Fork, CountsThoseWhoAreAttached) {
    const auto other = client::open_in_process();
    const auto counted = client_.create(with_blocks(100'000));
    const auto brief = small_pool();
    const std::jthread attaching{[&](const std::stop_token& stop) {
        while (!stop.stop_requested()) {
            static_cast<void>(other.attach(counted.name()));
            static_cast<void>(other.create(brief));
        }
    }};
    for (int round = 0; round < 200; ++round)
        ASSERT_EQ(end_of(start_child([&] {
                      std::error_code ec;
                      static_cast<void>(other.try_attach(counted.name(), ec));
                      if (!ec && counted.usage().clients != 1)
                          return 1;
                      static_cast<void>(other.try_attach(brief.name, ec));
                      return ec ? 0 : 2; // there only if it is attached already
                  })),
                  0)
            << "round " << round;
}

// Who was about to make a set, to open or to close it, is not counted in the child.
TEST_F(Fork, CountsThoseWhoHaveOpenedASet) {
    constexpr auto kind = fixedpool::testing::transport::in_process;
    caller opener{kind};
    caller maker{kind};
    const auto pool_name = unique_name();
    const auto name = unique_name();
    opener.create(pool_name, 16);
    const auto pool = maker.attach(pool_name);
    const std::jthread making{[&](const std::stop_token& stop) {
        while (!stop.stop_requested()) {
            const auto set = maker.create_set(name, {pool});
            caller brief{kind};
            brief.attach(pool_name);
            brief.create_set(name, {});
            maker.destroy_set("", set);
        }
    }};
    int status = 0;
    for (int round = 0; round < 300 && status == 0; ++round)
        status = end_of(start_child([&] {
            const auto set = opener.create_set(name, {});
            if (set == 0)
                return opener.why() == errc::no_such_set ? 0 : 1;
            // Others that are there leave it, and the opener is the last.
            detail::local::registry::instance().for_each_client_locked(
                [&](detail::local::client& each) {
                    const bool leaves = each.number != opener.number();
                    if (const auto left = leaves ? each.drop_set(set) : nullptr)
                        --left->opened;
                });
            opener.destroy_set("", set);
            opener.create_set(name, {});
            return opener.why() == errc::no_such_set ? 0 : 2;
        }));
    EXPECT_EQ(status, 0);
}

// Those who wait do not exist in the child, where the pool is open to who does not.
TEST_F(Fork, LeavesTheChildNobodyWhoWaits) {
    const auto shared = client_.create(small_pool());
    std::vector<handle> held(16);
    shared.allocate(held);
    std::vector<std::jthread> threads;
    threads.reserve(3);
    for (int i = 0; i < 3; ++i)
        threads.emplace_back([&shared] { EXPECT_TRUE(shared.allocate_wait()); });
    while (shared.usage().waiters != 3)
        std::this_thread::yield();
    EXPECT_EQ(
        end_of(start_child([&] {
            ::alarm(30);
            if (shared.usage().waiters != 0)
                return 1;
            shared.free(std::span{held}.first(1));
            if (!shared.allocate_for(std::chrono::seconds{20}))
                return 2;
            std::error_code ec;
            auto last = shared.allocate();
            if (shared.try_allocate_for(std::chrono::milliseconds{1}, contents::unspecified, ec) ||
                ec != errc::timed_out)
                return 3;
            last = {};
            release_everything();
            return shared.usage().in_use == 0 && books_balance() ? 0 : 4;
        })),
        0);
    EXPECT_EQ(shared.usage().waiters, 3U);
    shared.free(held);
    threads.clear();
    EXPECT_EQ(shared.usage().in_use, 0U);
}

TEST_F(Fork, OfAGrowingPoolLeavesTheChildItsOwn) {
    auto options = small_pool();
    options.max_blocks = 5000;
    const auto growing = client_.create(options);
    EXPECT_EQ(end_of(start_child([&] {
                  std::vector<handle> all(5000);
                  growing.allocate(all);
                  growing.get(all.back())[0] = std::byte{1};
                  return growing.usage().blocks == 5000 ? 0 : 1;
              })),
              0);
    EXPECT_EQ(growing.usage().blocks, 16U);
}

// A handler that allocates and frees interrupts a thread that does the same.
const pool* handlers_pool = nullptr;
std::atomic<int> handled = 0;
std::atomic<int> failed = 0;

void on_alarm(int /*signal*/) {
    std::error_code ec;
    std::array<handle, 3> names;
    const auto count = handlers_pool->try_allocate_some(names, contents::unspecified, ec);
    for (const auto each : std::span{names}.first(count))
        if (!handlers_pool->try_check(each, ec).mine || handlers_pool->get(each) == nullptr)
            ++failed;
    if (handlers_pool->try_free(std::span{names}.first(count), ec) != count)
        ++failed;
    ++handled;
}

TEST_F(Fork, AndHandlersOfSignalsFindThePoolInOrder) {
    const auto interrupted = client_.create(with_blocks(70));
    handlers_pool = &interrupted;
    struct sigaction action = {};
    action.sa_handler = on_alarm;
    action.sa_flags = SA_RESTART;
    struct sigaction before = {};
    EXPECT_EQ(::sigaction(SIGALRM, &action, &before), 0);
    const itimerval often{.it_interval = {.tv_sec = 0, .tv_usec = 50},
                          .it_value = {.tv_sec = 0, .tv_usec = 50}};
    EXPECT_EQ(::setitimer(ITIMER_REAL, &often, nullptr), 0);
    std::vector<handle> names(70);
    std::error_code ec;
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds{300};
    for (std::size_t most = 1; std::chrono::steady_clock::now() < end; most = most % 70 + 1) {
        const auto count =
            interrupted.try_allocate_some(std::span{names}.first(most), contents::unspecified, ec);
        EXPECT_EQ(interrupted.try_free(std::span{names}.first(count), ec), count);
    }
    const itimerval never{};
    EXPECT_EQ(::setitimer(ITIMER_REAL, &never, nullptr), 0);
    EXPECT_EQ(::sigaction(SIGALRM, &before, nullptr), 0);
    handlers_pool = nullptr;
    EXPECT_GT(handled, 0);
    EXPECT_EQ(failed, 0);
    EXPECT_EQ(interrupted.usage().in_use, 0U);
}

// The handler gives back blocks for which others wait, whatever it interrupts.
const pool* waiters_pool = nullptr;
std::array<std::atomic<std::uint64_t>, 4> to_be_freed;

void on_alarm_give_back(int /*signal*/) {
    for (auto& each : to_be_freed) {
        const auto name = each.exchange(0);
        std::error_code ec;
        if (name != 0 && (!waiters_pool->try_free(handle::from_value(name), ec) || ec))
            ++failed;
    }
    ++handled;
}

TEST_F(Fork, AndHandlersOfSignalsServeThoseWhoWait) {
    const auto scarce = client_.create(with_blocks(4));
    waiters_pool = &scarce;
    handled = 0;
    failed = 0;
    struct sigaction action = {};
    action.sa_handler = on_alarm_give_back;
    action.sa_flags = SA_RESTART;
    struct sigaction before = {};
    EXPECT_EQ(::sigaction(SIGALRM, &action, &before), 0);
    const itimerval often{.it_interval = {.tv_sec = 0, .tv_usec = 100},
                          .it_value = {.tv_sec = 0, .tv_usec = 100}};
    EXPECT_EQ(::setitimer(ITIMER_REAL, &often, nullptr), 0);
    const auto work = [&scarce] {
        for (int round = 0; round < 400;) {
            std::error_code ec;
            auto taken =
                scarce.try_allocate_for(std::chrono::seconds{20}, contents::unspecified, ec);
            if (ec == errc::interrupted)
                continue;
            if (!taken)
                ++failed;
            ++round;
            if (round % 2 != 0)
                continue; // in the destructor
            for (auto name = taken.release().value(); name != 0;)
                for (auto& each : to_be_freed)
                    if (std::uint64_t none = 0; each.compare_exchange_strong(none, name)) {
                        name = 0;
                        break;
                    }
        }
    };
    {
        std::vector<std::jthread> threads;
        threads.reserve(6);
        for (int i = 0; i < 6; ++i)
            threads.emplace_back(work);
    }
    const itimerval never_again{};
    ::setitimer(ITIMER_REAL, &never_again, nullptr);
    ::sigaction(SIGALRM, &before, nullptr);
    on_alarm_give_back(0);
    waiters_pool = nullptr;
    EXPECT_GT(handled, 10);
    EXPECT_EQ(failed, 0);
    EXPECT_EQ(scarce.usage().in_use, 0U);
    EXPECT_EQ(scarce.usage().waiters, 0U);
    EXPECT_TRUE(books_balance());
}

} // namespace
