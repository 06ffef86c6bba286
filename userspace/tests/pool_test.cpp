/* SPDX-License-Identifier: MIT */
#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "device_test.hpp"

namespace {

using namespace fixedpool;
using namespace fixedpool::testing;

class Pool : public any_transport_test {
  protected:
    const pool pool_ = client_.create(small_pool());
};

std::vector<std::byte> pattern(std::size_t size) {
    std::vector<std::byte> bytes(size);
    std::ranges::generate(bytes, [value = 1]() mutable { return std::byte(value++); });
    return bytes;
}

TEST_P(Pool, IsEmptyAfterItWasMoved) {
    auto first = pool_;
    const auto second = std::move(first);
    EXPECT_FALSE(first);
    EXPECT_TRUE(second);
}

TEST_P(Pool, HandsOutEveryBlockOnce) {
    std::vector<handle> handles(pool_.capacity());
    pool_.allocate(handles);
    std::set<std::uint32_t> indices;
    for (const auto name : handles) {
        EXPECT_EQ(name.version() % 2, 1U);
        ASSERT_TRUE(pool_.index_of(name));
        EXPECT_TRUE(indices.insert(*pool_.index_of(name)).second);
    }
    EXPECT_EQ(*indices.rbegin(), pool_.capacity() - 1);
    pool_.free(handles);
}

TEST_P(Pool, CountsWhatIsInUse) {
    {
        const auto first = pool_.allocate();
        const auto second = pool_.allocate();
        EXPECT_EQ(pool_.usage().in_use, 2U);
    }
    EXPECT_EQ(pool_.usage().in_use, 0U);
    EXPECT_EQ(pool_.usage().peak, 2U);
}

TEST_P(Pool, IsOutOfBlocksWhenAllAreTaken) {
    std::vector<handle> handles(pool_.capacity());
    pool_.allocate(handles);
    EXPECT_REFUSED(pool_error, errc::out_of_blocks, pool_.allocate());
    handle one;
    EXPECT_REFUSED(pool_error, errc::out_of_blocks, pool_.allocate_some({&one, 1}));
    std::error_code ec;
    EXPECT_FALSE(pool_.try_allocate(ec));
    EXPECT_EQ(ec, errc::out_of_blocks);
    EXPECT_EQ(ec, std::errc::no_buffer_space);
}

TEST_P(Pool, GrowsAsFarAsItMay) {
    auto options = small_pool();
    options.max_blocks = 1000;
    const auto growing = client_.create(options);
    EXPECT_EQ(growing.capacity(), 1000U);
    EXPECT_EQ(growing.usage().blocks, 16U);
    std::vector<handle> handles(growing.capacity());
    growing.allocate(handles);
    EXPECT_EQ(growing.usage().blocks, 1000U);
    EXPECT_REFUSED(pool_error, errc::out_of_blocks, growing.allocate());
    for (const auto name : handles) {
        ASSERT_NE(growing.get(name), nullptr);
        *growing.get(name) = std::byte{1};
    }
    growing.free(handles);
}

TEST_P(Pool, SaysHowManyBlocksItWasAskedFor) {
    std::vector<handle> handles(pool_.capacity() + 1);
    try {
        pool_.allocate(handles);
        ADD_FAILURE();
    } catch (const pool_error& refused) {
        EXPECT_EQ(refused.what(), "allocate 17 blocks of pool '" + std::string{pool_.name()} +
                                      "': the pool has no free block");
        EXPECT_EQ(refused.pool_name(), pool_.name());
    }
}

TEST_P(Pool, TakesAllOrNothing) {
    std::vector<handle> handles(pool_.capacity() + 1);
    EXPECT_REFUSED(pool_error, errc::out_of_blocks, (pool_.allocate(handles), true));
    EXPECT_EQ(pool_.usage().in_use, 0U);
}

TEST_P(Pool, TakesSomeWhenAskedForSome) {
    std::vector<handle> handles(pool_.capacity() + 1);
    EXPECT_EQ(pool_.allocate_some(handles), pool_.capacity());
    EXPECT_EQ(pool_.usage().in_use, pool_.capacity());
}

TEST_P(Pool, TakesNothingWhenAskedForNothing) {
    pool_.allocate(std::span<handle>{});
    EXPECT_EQ(pool_.allocate_some({}), 0U);
    pool_.free(std::span<const handle>{});
    EXPECT_EQ(pool_.usage().in_use, 0U);
}

TEST_P(Pool, ServesMoreHandlesThanFitOneSystemCall) {
    const auto large = client_.create(with_blocks(3000));
    std::vector<handle> handles(large.capacity());
    large.allocate(handles);
    EXPECT_EQ(large.usage().in_use, 3000U);
    large.free(handles);
    EXPECT_EQ(large.usage().in_use, 0U);

    handles.resize(3001);
    std::error_code ec;
    EXPECT_FALSE(large.try_allocate(handles, contents::unspecified, ec));
    EXPECT_EQ(ec, errc::out_of_blocks);
    EXPECT_EQ(large.usage().in_use, 0U) << "what was taken before the failure went back";
    EXPECT_EQ(large.allocate_some(handles), 3000U);
}

TEST_P(Pool, FillsBlocksWithZeroesOnRequest) {
    const auto one = client_.create(with_blocks(1));
    std::ranges::fill(one.allocate().bytes(), std::byte{0xff});
    const auto zeroed = one.allocate(contents::zero);
    EXPECT_TRUE(std::ranges::all_of(zeroed.bytes(), [](auto byte) { return byte == std::byte{}; }));
}

TEST_P(Pool, PlacesBlocksApartAndAligned) {
    auto options = small_pool();
    options.block_size = 100;
    options.blocks = 500;
    options.alignment = 32;
    const auto odd = client_.create(options);
    std::vector<handle> handles(odd.capacity());
    odd.allocate(handles);
    std::vector<std::byte*> places(handles.size());
    std::ranges::transform(handles, places.begin(), [&](auto name) { return odd.get(name); });
    std::ranges::sort(places);
    for (std::size_t i = 0; i < places.size(); ++i) {
        ASSERT_EQ(reinterpret_cast<std::uintptr_t>(places[i]) % 32, 0U);
        if (i > 0) {
            ASSERT_GE(places[i] - places[i - 1], 100);
        }
    }
}

TEST_P(Pool, MapsTheBytesThatTheKernelReadsAndWrites) {
    auto options = small_pool();
    options.block_size = 1000;
    options.blocks = 100;
    const auto mapped = client_.create(options);
    const auto bytes = pattern(options.block_size);
    std::vector<handle> handles(options.blocks);
    mapped.allocate(handles);
    for (const auto name : handles) {
        mapped.write(name, 0, bytes);
        ASSERT_TRUE(std::ranges::equal(std::span(mapped.get(name), options.block_size), bytes));
        mapped.get(name)[999] = std::byte{0x5a};
        std::byte last{};
        mapped.read(name, 999, {&last, 1});
        ASSERT_EQ(last, std::byte{0x5a});
    }
}

TEST_P(Pool, ReadsAndWritesBlocksThatCannotBeMapped) {
    const auto slab = client_.create(slab_pool());
    const auto block = slab.allocate();
    const auto sent = pattern(slab.block_size());
    slab.write(block.handle(), 0, sent);
    std::vector<std::byte> received(slab.block_size());
    slab.read(block.handle(), 0, received);
    EXPECT_EQ(received, sent);

    slab.write(block.handle(), 10, std::span{sent}.first(2));
    slab.read(block.handle(), 9, std::span{received}.first(4));
    EXPECT_EQ(received[0], sent[9]);
    EXPECT_EQ(received[1], sent[0]);
    EXPECT_EQ(received[2], sent[1]);
    EXPECT_EQ(received[3], sent[12]);
}

TEST_P(Pool, HasNoAddressForBlocksThatCannotBeMapped) {
    const auto slab = client_.create(slab_pool());
    const auto block = slab.allocate();
    EXPECT_EQ(slab.get(block.handle()), nullptr);
    EXPECT_EQ(block.data(), nullptr);
    EXPECT_TRUE(block.bytes().empty());
    EXPECT_EQ(block.size(), slab.block_size());
}

TEST_P(Pool, RefusesBytesBeyondTheBlock) {
    const auto block = pool_.allocate();
    std::array<std::byte, 65> bytes{};
    const auto part = std::span{bytes};
    EXPECT_REFUSED(handle_error, errc::beyond_block, (pool_.read(block.handle(), 0, bytes), true));
    EXPECT_REFUSED(handle_error, errc::beyond_block, (pool_.write(block.handle(), 0, bytes), true));
    EXPECT_REFUSED(handle_error, errc::beyond_block,
                   (pool_.read(block.handle(), 64, part.first(1)), true));
    EXPECT_REFUSED(handle_error, errc::beyond_block,
                   (pool_.write(block.handle(), UINT32_MAX, part.first(2)), true));
}

TEST_P(Pool, GivesTheAddressOfALivingBlock) {
    const auto block = pool_.allocate();
    EXPECT_EQ(pool_.get(block.handle()), block.data());
}

TEST_P(Pool, GivesNoAddressForAStaleHandle) {
    const auto one = client_.create(with_blocks(1));
    const auto stale = one.allocate().handle();
    EXPECT_EQ(one.get(stale), nullptr) << "freed";
    const auto again = one.allocate();
    EXPECT_EQ(one.get(stale), nullptr) << "allocated since";
    EXPECT_NE(one.get(again.handle()), nullptr);
}

TEST_P(Pool, GivesNoAddressForWhatIsNoHandleOfIt) {
    const auto block = pool_.allocate();
    const auto name = block.handle();
    const auto other = client_.create(small_pool());
    EXPECT_EQ(pool_.get({}), nullptr);
    EXPECT_EQ(other.get(name), nullptr) << "another pool's";
    EXPECT_EQ(pool_.get(handle{name.version() + 1, name.slot()}), nullptr) << "never allocated";
    EXPECT_EQ(pool_.get(handle{name.version(), name.slot() + pool_.capacity()}), nullptr)
        << "beyond the end";
    EXPECT_EQ(pool_.get(handle{name.version(), name.slot() - 65536}), nullptr) << "before";
}

TEST_P(Pool, GivesNoAddressForAFreeBlocksVersion) {
    const auto one = client_.create(with_blocks(1));
    const auto name = one.allocate().handle();
    EXPECT_EQ(one.get(handle{name.version() + 1, name.slot()}), nullptr);
}

TEST_P(Pool, KnowsTheIndexOfItsHandlesOnly) {
    const auto block = pool_.allocate();
    const auto name = block.handle();
    EXPECT_TRUE(pool_.index_of(name));
    EXPECT_FALSE(pool_.index_of({}));
    EXPECT_FALSE(pool_.index_of(handle{1, name.slot() + pool_.capacity()}));
}

TEST_P(Pool, KnowsTheHandleThatABlockHas) {
    const auto one = client_.create(with_blocks(1));
    EXPECT_FALSE(one.handle_at(0)) << "free";
    const auto block = one.allocate();
    EXPECT_EQ(one.handle_at(0), block.handle());
    EXPECT_FALSE(one.handle_at(1)) << "beyond the end";
    EXPECT_FALSE(one.handle_at(UINT32_MAX));
    const auto unmapped = client_.create(slab_pool());
    const auto elsewhere = unmapped.allocate();
    EXPECT_FALSE(unmapped.handle_at(*unmapped.index_of(elsewhere.handle())));
}

TEST_P(Pool, KnowsWhichMemoryIsItsOwn) {
    const auto block = pool_.allocate();
    const auto others = client_.create(small_pool());
    EXPECT_TRUE(pool_.contains(block.data()));
    EXPECT_TRUE(pool_.contains(block.data() + 1));
    EXPECT_FALSE(pool_.owns(block.data() + 1));
    EXPECT_FALSE(others.contains(block.data()));
    EXPECT_FALSE(pool_.contains(&pool_));
    EXPECT_FALSE(pool_.contains(nullptr));
    EXPECT_FALSE(client_.create(slab_pool()).contains(nullptr));
}

TEST_P(Pool, IsEqualToItsCopies) {
    const auto copy = pool_; // NOLINT(performance-unnecessary-copy-initialization)
    EXPECT_EQ(pool_, copy);
    EXPECT_NE(pool_, client_.create(small_pool()));
    EXPECT_NE(pool_, open_client().attach(pool_.name())) << "of another client";
    EXPECT_NE(pool_, pool{});
    EXPECT_EQ(pool{}, pool{});
}

TEST_P(Pool, TellsWhatAHandleIsWorth) {
    auto block = pool_.allocate();
    const auto name = block.handle();
    auto state = pool_.check(name);
    EXPECT_TRUE(state.alive);
    EXPECT_TRUE(state.mine);
    EXPECT_FALSE(state.shared);

    const auto other = open_client().attach(pool_.name());
    state = other.check(name);
    EXPECT_TRUE(state.alive);
    EXPECT_FALSE(state.mine);

    block = {};
    state = pool_.check(name);
    EXPECT_FALSE(state.alive);
    EXPECT_FALSE(state.mine);
}

TEST_P(Pool, RefusesToCheckWhatCannotBeAHandle) {
    const auto block = pool_.allocate();
    const auto name = block.handle();
    const auto strangers = open_client().create(small_pool());
    const auto strange = strangers.allocate();
    EXPECT_REFUSED(handle_error, errc::invalid_argument, pool_.check({}));
    EXPECT_REFUSED(handle_error, errc::index_out_of_range,
                   pool_.check(handle{name.version(), name.slot() + pool_.capacity()}));
    EXPECT_REFUSED(handle_error, errc::not_attached, pool_.check(strange.handle()));
}

TEST_P(Pool, RefusesADoubleFree) {
    const auto name = pool_.allocate().release();
    pool_.free(name);
    EXPECT_REFUSED(handle_error, errc::double_free, (pool_.free(name), true));
    EXPECT_EQ(pool_.usage().in_use, 0U);
}

TEST_P(Pool, RefusesAHandleWhoseBlockBelongsToTheNextAlready) {
    const auto one = client_.create(with_blocks(1));
    const auto stale = one.allocate().handle();
    const auto next = one.allocate();
    std::byte byte{};
    EXPECT_REFUSED(handle_error, errc::stale_handle, (one.free(stale), true));
    EXPECT_REFUSED(handle_error, errc::stale_handle, (one.read(stale, 0, {&byte, 1}), true));
    EXPECT_REFUSED(handle_error, errc::stale_handle, (one.write(stale, 0, {&byte, 1}), true));
    EXPECT_REFUSED(handle_error, errc::stale_handle, (one.give(stale, client_.id()), true));
    EXPECT_TRUE(one.check(next.handle()).mine);
}

TEST_P(Pool, RefusesABlockThatAnotherClientHolds) {
    const auto other = open_client().attach(pool_.name());
    const auto block = other.allocate();
    const auto name = block.handle();
    std::byte byte{};
    EXPECT_REFUSED(handle_error, errc::not_holder, (pool_.free(name), true));
    EXPECT_REFUSED(handle_error, errc::not_holder, (pool_.read(name, 0, {&byte, 1}), true));
    EXPECT_REFUSED(handle_error, errc::not_holder, (pool_.write(name, 0, {&byte, 1}), true));
    EXPECT_REFUSED(handle_error, errc::not_holder, (pool_.give(name, client_.id()), true));
    EXPECT_TRUE(other.check(name).mine);
}

TEST_P(Pool, RefusesHandlesFromBeyondItsEndOrOfNoPool) {
    const auto block = pool_.allocate();
    const auto name = block.handle();
    const handle beyond{name.version(), name.slot() + pool_.capacity()};
    EXPECT_REFUSED(handle_error, errc::index_out_of_range, (pool_.free(beyond), true));
    EXPECT_REFUSED(handle_error, errc::not_attached, (pool_.free(handle{1, UINT32_MAX}), true));
    EXPECT_REFUSED(handle_error, errc::invalid_argument, (pool_.free(handle{}), true));
}

TEST_P(Pool, StopsAtTheFirstHandleThatIsRefused) {
    std::array<handle, 4> handles;
    pool_.allocate(handles);
    auto scrambled = handles;
    scrambled[2] = handles[0];
    try {
        pool_.free(scrambled);
        ADD_FAILURE();
    } catch (const handle_error& refused) {
        EXPECT_EQ(refused.code(), errc::double_free);
        EXPECT_EQ(refused.done(), 2U);
        EXPECT_EQ(refused.handle(), handles[0]);
    }
    EXPECT_TRUE(pool_.check(handles[2]).mine);
    EXPECT_TRUE(pool_.check(handles[3]).mine);
    EXPECT_EQ(pool_.usage().in_use, 2U);
}

TEST_P(Pool, TakesReleasedBlocksBackWhenItIsLeft) {
    auto attached = open_client().attach(pool_.name());
    static_cast<void>(attached.allocate().release());
    EXPECT_EQ(pool_.usage().in_use, 1U);
    attached = {};
    EXPECT_EQ(pool_.usage().in_use, 0U);
}

bool all_are(std::span<const std::byte> bytes, std::byte value) {
    return std::ranges::all_of(bytes, [value](std::byte each) { return each == value; });
}

TEST_P(Pool, ZeroesBlocksAsSoonAsTheyAreFree) {
    auto options = with_blocks(1);
    options.zero_on_free = true;
    const auto clean = client_.create(options);
    std::span<std::byte> bytes;
    {
        const auto brief = clean.allocate();
        bytes = brief.bytes();
        std::ranges::fill(bytes, std::byte{0xff});
    }
    EXPECT_TRUE(all_are(bytes, std::byte{0}));
}

TEST_P(Pool, ZeroesBlocksThatAreTaken) {
    auto options = with_blocks(1);
    options.zero_on_allocate = true;
    const auto clean = client_.create(options);
    std::ranges::fill(clean.allocate().bytes(), std::byte{0xff});
    EXPECT_TRUE(all_are(clean.allocate().bytes(), std::byte{0}));
}

TEST_P(Pool, PoisonsFreeBlocks) {
    auto options = with_blocks(1);
    options.poison = true;
    const auto poisoned = client_.create(options);
    std::span<std::byte> bytes;
    {
        const auto brief = poisoned.allocate();
        bytes = brief.bytes();
        EXPECT_TRUE(all_are(bytes, std::byte{0x6b}));
        std::ranges::fill(bytes, std::byte{0xff});
    }
    EXPECT_TRUE(all_are(bytes, std::byte{0x6b}));
    bytes[5] = std::byte{1}; // written after the free: found, and made good
    EXPECT_TRUE(all_are(poisoned.allocate().bytes(), std::byte{0x6b}));

    options.zero_on_free = true;
    options.name = unique_name();
    EXPECT_REFUSED(pool_error, errc::invalid_argument, client_.create(options));
}

TEST_P(Pool, LeavesNoGapsIfAsked) {
    auto options = with_blocks(100);
    options.block_size = 4096;
    options.packed = true;
    EXPECT_EQ(client_.create(options).stride(), 4096U);
}

TEST_P(Pool, ShowsOnlyWhatIsHeldIfRevocable) {
    auto options = with_blocks(4);
    options.block_size = 4096;
    options.alignment = 4096;
    options.revocable = true;
    if (GetParam() == transport::in_process) {
        EXPECT_REFUSED(pool_error, errc::invalid_argument, client_.create(options));
        return;
    }
    const auto revocable = client_.create(options);
    std::byte* freed = nullptr;
    {
        const auto brief = revocable.allocate();
        freed = brief.data();
        *freed = std::byte{1};
    }
    const volatile std::byte* const touched = freed;
    EXPECT_EQ(end_of(start_child([touched] { return static_cast<int>(*touched); })), -SIGBUS);
}

TEST_P(Pool, IsTrackedByTheModuleOnly) {
    auto options = small_pool();
    options.track = true;
    if (GetParam() == transport::in_process)
        EXPECT_REFUSED(pool_error, errc::invalid_argument, client_.create(options))
    else
        EXPECT_TRUE(client_.create(options).allocate());
}

TEST_P(Pool, CanBeUsedByManyThreadsAtTheSameTime) {
    std::atomic<int> failures = 0;
    const auto work = [&] {
        for (int round = 0; round < 500; ++round) {
            std::error_code ec;
            const auto block = pool_.try_allocate(ec);
            if (!block) {
                if (ec != errc::out_of_blocks)
                    ++failures;
                continue;
            }
            std::ranges::fill(block.bytes(), std::byte(round));
            if (pool_.get(block.handle()) != block.data() ||
                std::ranges::count(block.bytes(), std::byte(round)) != 64)
                ++failures;
        }
    };
    {
        const std::array<std::jthread, 4> threads{std::jthread{work}, std::jthread{work},
                                                  std::jthread{work}, std::jthread{work}};
    }
    EXPECT_EQ(failures, 0);
    EXPECT_EQ(pool_.usage().in_use, 0U);
}

FIXEDPOOL_ON_ANY_TRANSPORT(Pool);

} // namespace
