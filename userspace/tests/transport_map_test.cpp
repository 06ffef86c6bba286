/* SPDX-License-Identifier: MIT */
/*
 * What a client maps and looks at by itself, on each transport: the versions that
 * its cache works on, the counts of holds, and the header of a pool.
 */
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "caller.hpp"

namespace {

using namespace fixedpool;
using detail::access;
using fixedpool::testing::caller;
using fixedpool::testing::unique_name;

constexpr std::uint32_t alive_and_mine = FIXEDPOOL_CHECK_ALIVE | FIXEDPOOL_CHECK_MINE;

class Mapped : public ::testing::TestWithParam<fixedpool::testing::transport> {
  protected:
    [[nodiscard]] std::uint32_t version(std::uint32_t index) const {
        return version_word(index).load(std::memory_order_relaxed);
    }

    /** As a cache does: allocates a block, or frees it. Returns: what its handle is then. */
    std::uint64_t advance(std::uint32_t index) {
        version_word(index).fetch_add(1);
        return name_of(index);
    }

    [[nodiscard]] std::uint32_t held(std::uint32_t index) const {
        return std::atomic_ref{reinterpret_cast<std::uint16_t*>(holds_.get())[index]}.load();
    }

    [[nodiscard]] std::uint64_t name_of(std::uint32_t index) const {
        return FIXEDPOOL_HANDLE(version(index), info_.first_slot + index);
    }

    [[nodiscard]] std::uint32_t index_of(std::uint64_t handle) const {
        return FIXEDPOOL_HANDLE_SLOT(handle) - info_.first_slot;
    }

    caller first_{GetParam()};
    caller second_{GetParam()};
    const std::string name_ = unique_name();
    const std::uint32_t pool_ = first_.create(name_, 200);
    const std::uint32_t same_ = second_.attach(name_);
    const fixedpool_pool_info info_ = first_.info(pool_);

  private:
    [[nodiscard]] std::atomic_ref<std::uint32_t> version_word(std::uint32_t index) const {
        return std::atomic_ref{reinterpret_cast<std::uint32_t*>(versions_.get())[index]};
    }

    const detail::mapping versions_ = first_.map(info_.versions_offset, info_.versions_length);
    const detail::mapping holds_ = first_.map(info_.holds_offset, info_.holds_length, access::read);
};

using Cache = Mapped;
using Holds = Mapped;
using Map = Mapped;

TEST_P(Cache, HoldsBlocksThatAreNotAllocated) {
    const auto blocks = first_.fill(pool_, 100);
    ASSERT_EQ(blocks.size(), 100U);
    EXPECT_EQ(first_.in_use(pool_), 100U);
    for (const auto each : blocks) {
        EXPECT_EQ(version(each) % 2, 0U);
        EXPECT_EQ(first_.check(name_of(each) + FIXEDPOOL_HANDLE(1, 0)), 0U);
    }
    EXPECT_EQ(first_.drain(pool_, blocks), 100U);
    EXPECT_EQ(first_.in_use(pool_), 0U);
}

TEST_P(Cache, TakesWhatThereIs) {
    EXPECT_EQ(first_.fill(pool_, 1000).size(), 200U);
    EXPECT_TRUE(first_.fill(pool_, 1).empty());
    EXPECT_EQ(first_.why(), errc::out_of_blocks);
}

TEST_P(Cache, StopsAtTheFirstBlockThatIsRefused) {
    auto blocks = first_.fill(pool_, 10);
    const auto taken = second_.fill(same_, 1);
    const auto handles = first_.alloc(pool_, 1);
    const auto allocated = static_cast<std::uint32_t>(handles[0]) - first_.info(pool_).first_slot;
    const auto stops = [&](std::uint32_t wrong, errc cause) {
        EXPECT_EQ(first_.drain(pool_, {blocks[0], blocks[1], wrong, blocks[2]}), 2U);
        EXPECT_EQ(first_.why(), cause);
        blocks.erase(blocks.begin(), blocks.begin() + 2);
    };
    stops(200, errc::index_out_of_range);
    stops(taken[0], errc::not_holder);
    stops(allocated, errc::block_allocated);
    EXPECT_EQ(first_.drain(pool_, {blocks[0], blocks[0]}), 1U);
    EXPECT_EQ(first_.why(), errc::not_holder);
}

TEST_P(Cache, NeedsAPoolThatCanBeMapped) {
    const auto slab = first_.create(unique_name(), 10, 0, 64, FIXEDPOOL_STORAGE_SLAB);
    EXPECT_TRUE(first_.fill(slab, 1).empty());
    EXPECT_EQ(first_.why(), errc::not_mappable);
    EXPECT_EQ(first_.drain(slab, {0}), 0U);
    EXPECT_EQ(first_.why(), errc::not_mappable);
}

TEST_P(Cache, AllocatesAndFreesWithoutACall) {
    const auto block = first_.fill(pool_, 1).front();
    const auto name = advance(block);
    EXPECT_EQ(first_.check(name), alive_and_mine);
    EXPECT_EQ(first_.drain(pool_, {block}), 0U);
    EXPECT_EQ(first_.why(), errc::block_allocated);
    advance(block);
    EXPECT_EQ(first_.check(name), 0U);
    EXPECT_EQ(first_.free({name}), 0U);
    EXPECT_EQ(first_.why(), errc::double_free);
    const auto next = advance(block);
    EXPECT_EQ(first_.free({name}), 0U);
    EXPECT_EQ(first_.why(), errc::stale_handle);
    EXPECT_EQ(first_.free({next}), 1U);
    EXPECT_EQ(first_.in_use(pool_), 0U);
}

TEST_P(Cache, TakesWhatWasAllocatedByACall) {
    const auto handles = first_.alloc(pool_, 70);
    std::vector<std::uint32_t> blocks;
    for (const auto each : handles) {
        blocks.push_back(index_of(each));
        advance(blocks.back());
        ASSERT_EQ(held(blocks.back()), FIXEDPOOL_HELD_ONCE);
    }
    EXPECT_EQ(first_.free(handles), 0U);
    EXPECT_EQ(first_.why(), errc::double_free);
    EXPECT_EQ(first_.drain(pool_, blocks), 70U);
    EXPECT_EQ(first_.in_use(pool_), 0U);
}

TEST_P(Cache, LeavesABlockToThoseWhoHoldItToo) {
    const auto handles = first_.alloc(pool_, 1);
    const auto block = index_of(handles[0]);
    ASSERT_TRUE(first_.share(handles[0], second_.number()));
    advance(block);
    EXPECT_NE(held(block), FIXEDPOOL_HELD_ONCE);
    EXPECT_EQ(first_.drain(pool_, {block}), 1U);
    EXPECT_EQ(first_.in_use(pool_), 1U);
    EXPECT_EQ(second_.release(0), 1U);
    EXPECT_EQ(first_.in_use(pool_), 0U);
    EXPECT_EQ(version(block) % 2, 0U);
    EXPECT_EQ(first_.check(handles[0]), 0U);
}

// Some of them allocated, next to others that are not.
TEST_P(Cache, GoesBackWithItsClient) {
    for (const bool leaves : {false, true}) {
        std::vector<std::uint64_t> names;
        for (const auto each : first_.fill(pool_, 150))
            if (each % 3 != 0)
                names.push_back(advance(each));
        if (leaves) {
            ASSERT_TRUE(first_.detach(pool_));
            ASSERT_EQ(first_.attach(name_), pool_);
        } else {
            EXPECT_EQ(first_.release(0), 150U);
        }
        EXPECT_EQ(first_.in_use(pool_), 0U);
        for (std::uint32_t i = 0; i < 200; ++i) {
            EXPECT_EQ(version(i) % 2, 0U);
            EXPECT_EQ(held(i), 0U);
        }
        EXPECT_EQ(second_.alloc(same_, 200).size(), 200U);
        for (const auto each : names)
            EXPECT_EQ(second_.check(each), 0U);
        EXPECT_EQ(second_.release(0), 200U);
    }
}

// Who ends a block in the cache while it is read by its handle sees that, or is seen.
TEST_P(Cache, KeepsABlockAsItIsWhileItIsRead) {
    const auto data = first_.map(info_.data_offset, info_.data_length);
    std::atomic<std::uint64_t> name = 0;
    std::atomic<int> wrong = 0;
    const auto byte_for = [](std::uint64_t of) { return static_cast<std::uint8_t>(of >> 33); };
    const std::jthread reading{[&](const std::stop_token& stop) {
        while (!stop.stop_requested()) {
            const auto of = name.load();
            std::uint8_t byte = 0;
            fixedpool_read request = {};
            request.handle = of;
            request.buffer = reinterpret_cast<std::uintptr_t>(&byte);
            request.length = 1;
            if (of != 0 && !first_.raw().call(request) && byte != byte_for(of))
                ++wrong;
        }
    }};
    for (int round = 0; round < 2000; ++round) {
        const auto block = first_.fill(pool_, 1).at(0);
        const std::atomic_ref content{
            reinterpret_cast<std::uint8_t*>(data.get())[std::size_t{block} * info_.stride]};
        do {
            content.store(byte_for(name_of(block) + FIXEDPOOL_HANDLE(1, 0)));
            name = advance(block);
            std::this_thread::yield();
            advance(block);
        } while (++round % 100 != 0 && held(block) == FIXEDPOOL_HELD_ONCE);
        ASSERT_EQ(first_.drain(pool_, {block}), 1U);
    }
    EXPECT_EQ(wrong, 0);
}

TEST_P(Holds, AreCountedBlockByBlock) {
    const auto handles = first_.alloc(pool_, 3);
    const auto block = index_of(handles[1]);
    EXPECT_EQ(held(block), FIXEDPOOL_HELD_ONCE);
    ASSERT_TRUE(first_.share(handles[1], second_.number()));
    EXPECT_GT(held(block), FIXEDPOOL_HELD_ONCE);
    EXPECT_EQ(first_.free(handles), 3U);
    EXPECT_EQ(held(block), FIXEDPOOL_HELD_ONCE) << "by the other";
    EXPECT_EQ(held(index_of(handles[0])), 0U);
    EXPECT_EQ(second_.release(0), 1U);
    EXPECT_EQ(held(block), 0U);
}

TEST_P(Holds, CountWhatIsInACache) {
    const auto block = first_.fill(pool_, 1).front();
    EXPECT_EQ(held(block), FIXEDPOOL_HELD_ONCE);
    first_.drain(pool_, {block});
    EXPECT_EQ(held(block), 0U);
}

TEST_P(Holds, CountWhatIsQueued) {
    fixedpool_channel_create request = {};
    request.pool = pool_;
    request.capacity = 1;
    request.flags = FIXEDPOOL_CHANNEL_READ | FIXEDPOOL_CHANNEL_WRITE;
    std::error_code ec;
    auto end = first_.raw().open(request, ec);
    ASSERT_TRUE(end) << ec.message();
    const auto name = handle::from_value(first_.alloc(pool_, 1).front());
    ASSERT_EQ(end->send({&name, 1}, ec), 1U);
    EXPECT_EQ(held(index_of(name.value())), FIXEDPOOL_HELD_ONCE);
    end.reset();
    EXPECT_EQ(held(index_of(name.value())), 0U);
}

TEST_P(Holds, AreThereForPoolsThatCanBeMapped) {
    fixedpool_query query = {};
    ASSERT_TRUE(first_.call(query));
    EXPECT_NE(query.features & FIXEDPOOL_FEATURE_HOLDS, 0U);
    EXPECT_GE(info_.holds_length, 200 * sizeof(std::uint16_t));
    EXPECT_GE(info_.header_length, sizeof(fixedpool_header));
    const auto slab = first_.info(first_.create(unique_name(), 10, 0, 64, FIXEDPOOL_STORAGE_SLAB));
    EXPECT_EQ(slab.holds_offset + slab.holds_length, 0U);
    EXPECT_EQ(slab.header_offset + slab.header_length, 0U);
}

struct region {
    std::uint64_t offset;
    std::uint64_t length;
    bool only_read;
};

std::vector<region> regions_of(const fixedpool_pool_info& info) {
    return {{info.data_offset, info.data_length, false},
            {info.versions_offset, info.versions_length, false},
            {info.header_offset, info.header_length, true},
            {info.holds_offset, info.holds_length, true}};
}

TEST_P(Map, ForWritingIsForDataAndVersions) {
    for (const auto& each : regions_of(info_)) {
        EXPECT_TRUE(first_.map(each.offset, each.length, access::read)) << first_.why().message();
        EXPECT_EQ(first_.map(each.offset, each.length) != nullptr, !each.only_read);
        EXPECT_EQ(first_.why(),
                  each.only_read ? make_error_code(errc::map_forbidden) : std::error_code{});
    }
}

TEST_P(Map, IsOfOneRegion) {
    const auto refused = [this](std::uint64_t offset, std::uint64_t length) {
        EXPECT_FALSE(first_.map(offset, length, access::read));
        EXPECT_EQ(first_.why(), errc::invalid_argument) << offset << ' ' << length;
    };
    for (const auto& each : regions_of(info_)) {
        refused(each.offset, each.length + 1);
        refused(each.offset, 0);
        refused(each.offset + 1, 1);
        // Of so much the kernel says that there is no room for it.
        if (GetParam() == fixedpool::testing::transport::in_process)
            refused(each.offset, std::numeric_limits<std::uint64_t>::max() - 4095);
    }
}

FIXEDPOOL_ON_ANY_TRANSPORT(Cache);
FIXEDPOOL_ON_ANY_TRANSPORT(Holds);
FIXEDPOOL_ON_ANY_TRANSPORT(Map);

} // namespace
