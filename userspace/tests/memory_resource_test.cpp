/* SPDX-License-Identifier: MIT */
#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <map>
#include <memory_resource>
#include <new>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

#include "device_test.hpp"
#include "upstream.hpp"

namespace {

using namespace fixedpool;
using namespace fixedpool::testing;
using fixedpool::memory_resource;

static_assert(std::is_base_of_v<std::pmr::memory_resource, memory_resource>);
static_assert(!std::is_copy_constructible_v<memory_resource>);

TEST(SizeClasses, DoubleFromTheSmallestToTheLargest) {
    const auto classes = size_classes({.name = "c", .blocks = 3}, 10, 100);
    ASSERT_EQ(classes.size(), 4U);
    EXPECT_EQ(classes[0].name, "c-16");
    EXPECT_EQ(classes[0].block_size, 16U);
    EXPECT_EQ(classes[0].blocks, 3U);
    EXPECT_EQ(classes[3].block_size, 128U);
    EXPECT_EQ(classes[3].alignment, 16U);
    EXPECT_EQ(size_classes({}, 64, 64).size(), 1U);
    EXPECT_EQ(size_classes({}, 1, 4)[0].alignment, 1U);
    EXPECT_EQ(size_classes({.name = {}, .alignment = 64}, 1, 4)[0].alignment, 64U);
    EXPECT_EQ(size_classes({}, 1, 1U << 31).back().block_size, 1U << 31);
}

TEST(SizeClasses, AreRefusedWhereThereAreNone) {
    EXPECT_REFUSED(error, errc::invalid_argument, size_classes({}, 0, 64));
    EXPECT_REFUSED(error, errc::invalid_argument, size_classes({}, 65, 64));
    EXPECT_REFUSED(error, errc::invalid_argument, size_classes({}, 1, (1U << 31) + 1));
}

class MemoryResource : public any_transport_test {
  protected:
    [[nodiscard]] pool make(std::uint32_t size, std::uint32_t blocks,
                            std::uint32_t alignment = 16) const {
        auto options = with_blocks(blocks);
        options.block_size = size;
        options.alignment = alignment;
        return client_.create(options);
    }

    const pool small_ = make(32, 4);
    const pool middle_ = make(64, 4);
    const pool large_ = make(256, 2);
    memory_resource memory_{{middle_, large_, small_}};
};

TEST_P(MemoryResource, ServesFromTheSmallestBlocksThatFit) {
    EXPECT_TRUE(small_.owns(memory_.allocate(1, 1)));
    EXPECT_TRUE(small_.owns(memory_.allocate(32, 16)));
    EXPECT_TRUE(middle_.owns(memory_.allocate(33, 1)));
    EXPECT_TRUE(large_.owns(memory_.allocate(256, 16)));
    EXPECT_TRUE(small_.owns(memory_.allocate(0, 1)));
}

TEST_P(MemoryResource, SaysWhichClassHasServedWhat) {
    EXPECT_EQ(memory_.class_of(memory_.allocate(1, 1)), 0U);
    EXPECT_EQ(memory_.class_of(memory_.allocate(33, 1)), 1U);
    auto* const large = static_cast<std::byte*>(memory_.allocate(256, 16));
    EXPECT_EQ(memory_.class_of(large), 2U);
    EXPECT_EQ(memory_.class_of(large + 1), std::nullopt);
    EXPECT_EQ(memory_.class_of(&memory_), std::nullopt);
    EXPECT_EQ(memory_.class_of(nullptr), std::nullopt);
    memory_.deallocate(large, 256, 16);
}

TEST_P(MemoryResource, HasItsPoolsInTheOrderOfTheirSizes) {
    ASSERT_EQ(memory_.pools().size(), 3U);
    EXPECT_EQ(memory_.pools()[0], small_);
    EXPECT_EQ(memory_.pools()[1], middle_);
    EXPECT_EQ(memory_.pools()[2], large_);
    EXPECT_EQ(memory_.upstream(), nullptr);
}

TEST_P(MemoryResource, TakesTheNextLargerBlocksWhenThereAreNoMore) {
    std::array<void*, 10> taken{};
    std::ranges::generate(taken, [&] { return memory_.allocate(20); });
    EXPECT_TRUE(small_.owns(taken[3]));
    EXPECT_TRUE(middle_.owns(taken[4]));
    EXPECT_TRUE(large_.owns(taken[9]));
    EXPECT_REFUSED(fixedpool::bad_alloc, errc::out_of_blocks, memory_.allocate(20));
    std::error_code ec;
    EXPECT_EQ(memory_.try_allocate(20, 1, ec), nullptr);
    EXPECT_EQ(ec, errc::out_of_blocks);
    for (auto* each : taken)
        memory_.deallocate(each, 20);
    EXPECT_EQ(small_.usage().in_use + middle_.usage().in_use + large_.usage().in_use, 0U);
}

TEST_P(MemoryResource, CountsWhichPoolHasServed) {
    std::array<void*, 6> taken{};
    std::ranges::generate(taken, [&] { return memory_.allocate(20); });
    memory_.deallocate(taken[5], 20);
    EXPECT_EQ(memory_.served_by(0).served, 4U);
    EXPECT_EQ(memory_.served_by(0).fallbacks, 0U);
    EXPECT_EQ(memory_.served_by(1).served, 2U);
    EXPECT_EQ(memory_.served_by(1).fallbacks, 2U);
    EXPECT_EQ(memory_.served_by(1).taken_back, 1U);
    EXPECT_EQ(memory_.served_by(2).served, 0U);
    EXPECT_EQ(memory_.refused(), 0U);
    std::error_code ec;
    static_cast<void>(memory_.try_allocate(257, 1, ec));
    EXPECT_EQ(memory_.refused(), 1U);
    EXPECT_EQ(memory_.served_upstream(), 0U);
}

TEST_P(MemoryResource, TakesWhatIsLargerFromUpstream) {
    counting_resource upstream;
    memory_resource memory{{small_}, &upstream};
    auto* const large = memory.allocate(33);
    EXPECT_EQ(upstream.live(), 33U);
    EXPECT_EQ(memory.served_upstream(), 1U);
    memory.deallocate(large, 33);
    EXPECT_EQ(upstream.live(), 0U);
}

TEST_P(MemoryResource, TakesWhatIsAlignedMoreStrictlyFromUpstream) {
    counting_resource upstream;
    const auto strict = make(128, 1, 64);
    memory_resource memory{{small_, strict}, &upstream};
    auto* const aligned = memory.allocate(8, 64);
    EXPECT_TRUE(strict.owns(aligned)) << "larger, but aligned";
    EXPECT_EQ(memory.served_by(1).fallbacks, 0U);
    auto* const more = memory.allocate(8, 128);
    EXPECT_EQ(upstream.calls(), 1U);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(more) % 128, 0U);
    EXPECT_REFUSED(fixedpool::bad_alloc, errc::out_of_blocks, memory.allocate(8, 64));
    memory.deallocate(aligned, 8, 64);
    memory.deallocate(more, 8, 128);
    EXPECT_EQ(upstream.live(), 0U);
}

TEST_P(MemoryResource, RefusesWhatIsLargerWithoutUpstream) {
    EXPECT_REFUSED(fixedpool::bad_alloc, errc::no_upstream, memory_.allocate(257));
    EXPECT_REFUSED(fixedpool::bad_alloc, errc::no_upstream, memory_.allocate(1, 32));
    EXPECT_REFUSED(fixedpool::bad_alloc, errc::no_upstream, memory_.allocate(PTRDIFF_MAX));
    std::error_code ec;
    EXPECT_EQ(memory_.try_allocate(257, 1, ec), nullptr);
    EXPECT_EQ(ec, errc::no_upstream);
}

TEST_P(MemoryResource, RefusesAnAlignmentThatIsNone) {
    for (const std::size_t alignment : {0U, 3U, 12U})
        EXPECT_REFUSED(fixedpool::bad_alloc, errc::invalid_argument,
                       memory_.allocate(8, alignment));
}

TEST_P(MemoryResource, PassesOnWhatUpstreamThrows) {
    counting_resource upstream;
    upstream.run_out();
    memory_resource memory{{small_}, &upstream};
    EXPECT_THROW(static_cast<void>(memory.allocate(100)), std::bad_alloc);
    std::error_code ec;
    EXPECT_EQ(memory.try_allocate(100, 1, ec), nullptr);
    EXPECT_EQ(ec, errc::out_of_memory);
    EXPECT_EQ(memory.served_upstream(), 0U);
}

TEST_P(MemoryResource, RefusesMemoryThatIsNotItsOwn) {
    counting_resource upstream;
    memory_resource with_upstream{{small_, middle_}, &upstream};
    for (auto* each : {&memory_, &with_upstream}) {
        auto* const mine = static_cast<std::byte*>(each->allocate(40));
        std::array<std::byte, 40> local{};
        const std::array<void*, 4> wrong{local.data(), mine + 1, mine + 16, nullptr};
        for (auto* memory : wrong) {
            if (memory != nullptr) { // a resource may take null for granted
                EXPECT_REFUSED(handle_error, errc::not_a_block,
                               (each->deallocate(memory, 40), true));
            }
            std::error_code ec;
            EXPECT_FALSE(each->try_deallocate(memory, 40, 1, ec));
            EXPECT_EQ(ec, errc::not_a_block);
            EXPECT_FALSE(each->owns(memory) && memory != mine);
        }
        EXPECT_TRUE(each->owns(mine));
        for (const int inside : {0, 1, 16})
            EXPECT_REFUSED(handle_error, errc::not_a_block,
                           (each->deallocate(mine + inside, 1000), true));
        each->deallocate(mine, 40);
        EXPECT_REFUSED(handle_error, errc::double_free, (each->deallocate(mine, 40), true));
    }
    EXPECT_EQ(upstream.live(), 0U);
}

TEST_P(MemoryResource, DoesNotThrowWhereItIsTriedAndUpstreamDoes) {
    memory_resource inner{{make(256, 1)}};
    memory_resource outer{{small_}, &inner};
    std::array<std::byte, 100> local{};
    std::error_code ec;
    EXPECT_FALSE(outer.try_deallocate(local.data(), 100, 1, ec));
    EXPECT_EQ(ec, errc::not_a_block);
    auto* const memory = outer.try_allocate(100, 1, ec);
    EXPECT_NE(memory, nullptr);
    EXPECT_EQ(outer.try_allocate(100, 1, ec), nullptr);
    EXPECT_EQ(ec, errc::out_of_blocks);
    EXPECT_TRUE(outer.try_deallocate(memory, 100, 1, ec));
    EXPECT_FALSE(ec);
    EXPECT_EQ(inner.served_by(0).taken_back, 1U);
}

TEST_P(MemoryResource, RefusesABlockThatIsTooSmallForWhatIsSaidToBeThere) {
    auto* const mine = memory_.allocate(32);
    EXPECT_REFUSED(handle_error, errc::not_a_block, (memory_.deallocate(mine, 33), true));
    memory_.deallocate(mine, 32);
}

TEST_P(MemoryResource, RefusesPoolsThatItCannotServeFrom) {
    const std::vector<pool> no_pools;
    EXPECT_REFUSED(pool_error, errc::invalid_argument, memory_resource{no_pools});
    EXPECT_REFUSED(pool_error, errc::invalid_argument, (memory_resource{{small_, pool{}}}));
    EXPECT_REFUSED(pool_error, errc::invalid_argument, (memory_resource{{small_, small_}}));
    EXPECT_REFUSED(pool_error, errc::not_mappable,
                   (memory_resource{{small_, client_.create(slab_pool())}}));
    std::error_code ec;
    EXPECT_FALSE(memory_resource::try_create(no_pools, nullptr, ec));
    EXPECT_EQ(ec, errc::invalid_argument);
    const std::array good{small_, middle_};
    const auto made = memory_resource::try_create(good, nullptr, ec);
    ASSERT_TRUE(made);
    EXPECT_FALSE(ec);
    EXPECT_TRUE(small_.owns(made->allocate(8)));
}

TEST_P(MemoryResource, MakesItsOwnPools) {
    auto classes = size_classes({.name = unique_name(), .blocks = 4}, 8, 1024);
    {
        memory_resource memory{client_, classes};
        EXPECT_EQ(memory.pools().size(), 8U);
        for (std::size_t size = 1; size <= 1024; size *= 2)
            EXPECT_NE(memory.allocate(size, std::min<std::size_t>(size, 16)), nullptr);
    }
    std::error_code ec;
    EXPECT_TRUE(memory_resource::try_create(client_, classes, nullptr, ec)) << "names are free";
    classes.push_back(classes.front());
    EXPECT_REFUSED(pool_error, errc::name_taken, (memory_resource{client_, classes}));
    EXPECT_FALSE(memory_resource::try_create(client_, classes, nullptr, ec));
    EXPECT_EQ(ec, errc::name_taken);
    classes.pop_back();
    EXPECT_TRUE(memory_resource::try_create(client_, classes, nullptr, ec)) << "nothing is left";
    EXPECT_REFUSED(pool_error, errc::invalid_argument,
                   (memory_resource{client_, std::vector<pool_options>{}}));
}

TEST_P(MemoryResource, IsEqualToOneOfTheSamePoolsAndUpstream) {
    counting_resource upstream;
    const memory_resource same{{small_, middle_, large_}};
    const memory_resource fewer{{small_, middle_}};
    const memory_resource other{{small_, middle_, large_}, &upstream};
    EXPECT_TRUE(memory_ == memory_);
    EXPECT_TRUE(memory_ == same);
    EXPECT_FALSE(memory_ == fewer);
    EXPECT_FALSE(memory_ == other);
    EXPECT_FALSE(memory_ == upstream);
    const auto second = make(32, 4);
    EXPECT_TRUE((memory_resource{{small_, second}} == memory_resource{{second, small_}}));
    EXPECT_FALSE((memory_resource{{small_, second}} == memory_resource{{middle_, small_}}));
}

class PolymorphicContainers : public any_transport_test {
  protected:
    [[nodiscard]] static std::vector<pool_options> classes() {
        return size_classes({.name = unique_name(), .blocks = 128}, 16, 4096);
    }
    [[nodiscard]] static std::uint32_t in_use(const memory_resource& memory) {
        std::uint32_t sum = 0;
        for (const auto& each : memory.pools())
            sum += each.usage().in_use;
        return sum;
    }

    counting_resource upstream_;
    memory_resource one_{client_, classes(), &upstream_};
    memory_resource two_{client_, classes()};
};

TEST_P(PolymorphicContainers, Work) {
    {
        std::pmr::vector<int> vector{&one_};
        std::pmr::string string{&one_};
        std::pmr::map<int, std::pmr::string> map{&one_};
        std::pmr::unordered_map<int, int> unordered{&one_};
        std::pmr::deque<int> deque{&one_};
        std::pmr::list<int> list{&one_};
        for (int i = 0; i < 100; ++i) {
            vector.push_back(i);
            string += static_cast<char>('a' + i % 26);
            map.emplace(i, "a string that is too long to be kept in place");
            unordered[i] = i;
            deque.push_front(i);
            list.push_back(i);
        }
        for (int i = 0; i < 100; ++i) {
            EXPECT_EQ(vector[static_cast<std::size_t>(i)], i);
            EXPECT_EQ(map.at(i).get_allocator().resource(), &one_) << "inside, too";
            EXPECT_EQ(unordered.at(i), i);
        }
        EXPECT_EQ(deque.back(), 0);
        EXPECT_EQ(list.back(), 99);
        EXPECT_EQ(string.size(), 100U);
        vector.resize(10000);
        EXPECT_GT(upstream_.live(), 0U);
        EXPECT_GT(in_use(one_), 300U);
    }
    EXPECT_EQ(upstream_.live(), 0U);
    EXPECT_EQ(in_use(one_), 0U);
}

TEST_P(PolymorphicContainers, AreCopiedToTheDefaultResource) {
    const std::pmr::vector<int> from{{1, 2, 3}, &one_};
    const auto copy = from; // NOLINT(performance-unnecessary-copy-initialization)
    EXPECT_EQ(copy.get_allocator().resource(), std::pmr::get_default_resource());
    const std::pmr::vector<int> other{from, &two_};
    EXPECT_EQ(other.get_allocator().resource(), &two_);
    EXPECT_EQ(other, from);
}

TEST_P(PolymorphicContainers, TakeTheirResourceAlongWhenTheyAreMade) {
    std::pmr::list<std::pmr::string> from{{"first string, of some length", "second"}, &one_};
    const auto moved = std::move(from);
    EXPECT_EQ(moved.get_allocator().resource(), &one_);
    EXPECT_EQ(moved.size(), 2U);
}

TEST_P(PolymorphicContainers, CopyElementsWhenTheyAreMovedToAnotherResource) {
    std::pmr::vector<std::pmr::string> from{{"first string, of some length", "second"}, &one_};
    std::pmr::vector<std::pmr::string> to{&two_};
    to = std::move(from);
    EXPECT_EQ(to.get_allocator().resource(), &two_);
    EXPECT_EQ(to[0].get_allocator().resource(), &two_);
    EXPECT_EQ(to[0], "first string, of some length");
    EXPECT_EQ(in_use(two_), 2U);
}

TEST_P(PolymorphicContainers, SwapWithinOneResource) {
    std::pmr::vector<int> a{{1, 2, 3}, &one_};
    std::pmr::vector<int> b{{4}, &one_};
    const auto* const where = a.data();
    swap(a, b);
    EXPECT_EQ(b.data(), where);
    EXPECT_EQ(a, (std::pmr::vector<int>{4}));
}

TEST_P(PolymorphicContainers, StealFromAnEqualResource) {
    std::vector<pool> pools{two_.pools().begin(), two_.pools().end()};
    memory_resource same{pools};
    std::pmr::vector<int> from{{1, 2, 3}, &two_};
    std::pmr::vector<int> to{&same};
    const auto* const where = from.data();
    to = std::move(from);
    EXPECT_EQ(to.data(), where);
}

TEST_P(PolymorphicContainers, KeepTheirElementsWhenThereIsNoMemory) {
    std::pmr::vector<int> numbers{&two_};
    for (int i = 0; i < 1024; ++i)
        numbers.push_back(i);
    EXPECT_REFUSED(fixedpool::bad_alloc, errc::no_upstream, (numbers.push_back(1024), true));
    EXPECT_EQ(numbers.size(), 1024U);
    EXPECT_EQ(numbers.back(), 1023);
}

TEST_P(PolymorphicContainers, WorkInManyThreadsAtTheSameTime) {
    for (const auto& options : with_any_caching({}, 128)) {
        memory_resource memory{client_, size_classes(options, 16, 4096)};
        std::atomic<int> failures = 0;
        const auto work = [&](unsigned seed) {
            std::minstd_rand random{seed};
            for (int round = 0; round < 30; ++round) {
                std::pmr::list<std::pmr::vector<unsigned>> lists{&memory};
                try {
                    for (unsigned i = 0; i < 20; ++i)
                        lists.emplace_back(random() % 100 + 1, seed);
                } catch (const fixedpool::bad_alloc& refused) {
                    failures += refused.code() == errc::out_of_blocks ? 0 : 1;
                }
                for (const auto& each : lists)
                    failures += std::ranges::count(each, seed) == std::ssize(each) ? 0 : 1;
            }
        };
        {
            const std::array<std::jthread, 4> threads{std::jthread{work, 1}, std::jthread{work, 2},
                                                      std::jthread{work, 3}, std::jthread{work, 4}};
        }
        EXPECT_EQ(failures, 0);
        for (const auto& each : memory.pools())
            each.trim();
        EXPECT_EQ(in_use(memory), 0U);
        std::uint64_t served = 0;
        std::uint64_t taken_back = 0;
        for (std::size_t number = 0; number < memory.pools().size(); ++number) {
            served += memory.served_by(number).served;
            taken_back += memory.served_by(number).taken_back;
        }
        EXPECT_EQ(served, taken_back);
        EXPECT_GT(served, 2000U);
    }
}

TEST_P(PolymorphicContainers, CountsOfEndedThreadsAreKept) {
    constexpr int count = 80; // more than have counters of their own
    for (int i = 0; i < count; ++i)
        std::jthread{[&] { two_.deallocate(two_.allocate(16), 16); }};
    EXPECT_EQ(two_.served_by(0).served, static_cast<std::uint64_t>(count));
    std::vector<std::jthread> threads;
    threads.reserve(count);
    std::atomic<int> arrived = 0;
    for (int i = 0; i < count; ++i)
        threads.emplace_back([&] {
            two_.deallocate(two_.allocate(16), 16);
            for (++arrived; arrived != count;)
                std::this_thread::yield();
        });
    threads.clear();
    std::uint64_t served = 0;
    for (std::size_t number = 0; number < two_.pools().size(); ++number)
        served += two_.served_by(number).served;
    EXPECT_EQ(served, 2U * count);
}

FIXEDPOOL_ON_ANY_TRANSPORT(MemoryResource);
FIXEDPOOL_ON_ANY_TRANSPORT(PolymorphicContainers);

} // namespace
