/* SPDX-License-Identifier: MIT */
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <memory_resource>
#include <new>
#include <numeric>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "device_test.hpp"
#include "noting.hpp"
#include "upstream.hpp"

namespace {

using namespace fixedpool;
using namespace fixedpool::testing;

class Arena : public any_transport_test {
  protected:
    const pool pool_ = client_.create(for_arenas());
    counting_resource upstream_;
    std::vector<int> order_;
    arena arena_{pool_};
};

TEST_P(Arena, TakesNoBlockBeforeItIsUsed) {
    EXPECT_EQ(arena_.blocks_held(), 0U);
    EXPECT_EQ(pool_.usage().in_use, 0U);
    EXPECT_EQ(arena_.blocks(), pool_);
    EXPECT_EQ(arena_.upstream(), nullptr);
}

TEST_P(Arena, CutsPiecesThatDoNotOverlap) {
    std::vector<std::byte*> pieces;
    pieces.reserve(40);
    for (int i = 0; i < 40; ++i) {
        pieces.push_back(static_cast<std::byte*>(arena_.allocate(50, 2)));
        std::memset(pieces.back(), i, 50);
    }
    for (int i = 0; i < 40; ++i)
        EXPECT_EQ(std::count(pieces[static_cast<std::size_t>(i)],
                             pieces[static_cast<std::size_t>(i)] + 50, std::byte(i)),
                  50);
    EXPECT_EQ(arena_.blocks_held(), 10U) << "four in a block";
    EXPECT_EQ(pool_.usage().in_use, 10U);
}

TEST_P(Arena, AlignsPieces) {
    for (std::size_t alignment = 1; alignment <= 128; alignment *= 2) {
        static_cast<void>(arena_.allocate(1, 1));
        const auto at = reinterpret_cast<std::uintptr_t>(arena_.allocate(8, alignment));
        EXPECT_EQ(at % alignment, 0U) << alignment;
    }
}

TEST_P(Arena, GivesEachRequestAPlaceOfItsOwn) { EXPECT_NE(arena_.allocate(0), arena_.allocate(0)); }

TEST_P(Arena, TakesTheLargestPieceThatABlockHasRoomFor) {
    EXPECT_NE(arena_.allocate(248, 8), nullptr);
    EXPECT_NE(arena_.allocate(192, 64), nullptr);
    EXPECT_REFUSED(fixedpool::bad_alloc, errc::no_upstream, arena_.allocate(249, 8));
    EXPECT_REFUSED(fixedpool::bad_alloc, errc::no_upstream, arena_.allocate(193, 64));
    EXPECT_REFUSED(fixedpool::bad_alloc, errc::no_upstream, arena_.allocate(8, 256));
    EXPECT_REFUSED(fixedpool::bad_alloc, errc::no_upstream, arena_.allocate(PTRDIFF_MAX, 1));
    std::error_code ec;
    EXPECT_EQ(arena_.try_allocate(249, 8, ec), nullptr);
    EXPECT_EQ(ec, errc::no_upstream);
    EXPECT_EQ(arena_.blocks_held(), 2U);
}

TEST_P(Arena, RefusesMoreThanThePoolHas) {
    for (int i = 0; i < 16; ++i)
        static_cast<void>(arena_.allocate(200));
    EXPECT_REFUSED(fixedpool::bad_alloc, errc::out_of_blocks, arena_.allocate(200));
    EXPECT_NE(arena_.allocate(8, 8), nullptr) << "that is room for";
    std::error_code ec;
    EXPECT_EQ(arena_.try_allocate(200, 1, ec), nullptr);
    EXPECT_EQ(ec, errc::out_of_blocks);
    EXPECT_NE(arena_.try_allocate(8, 8, ec), nullptr);
    EXPECT_FALSE(ec);
}

TEST_P(Arena, RefusesAnAlignmentThatIsNone) {
    for (const std::size_t alignment : {0U, 3U, 12U})
        EXPECT_REFUSED(fixedpool::bad_alloc, errc::invalid_argument, arena_.allocate(8, alignment));
}

TEST_P(Arena, RefusesPoolsThatItCannotCut) {
    auto small = small_pool();
    small.block_size = 63;
    auto loose = small_pool();
    loose.alignment = 4;
    EXPECT_REFUSED(pool_error, errc::unfit_blocks, arena{client_.create(small)});
    EXPECT_REFUSED(pool_error, errc::unfit_blocks, arena{client_.create(loose)});
    EXPECT_REFUSED(pool_error, errc::not_mappable, arena{client_.create(slab_pool())});
    EXPECT_REFUSED(pool_error, errc::invalid_argument, arena{pool{}});
    std::error_code ec;
    EXPECT_FALSE(arena::try_create(pool{}, nullptr, ec));
    EXPECT_EQ(ec, errc::invalid_argument);
    const auto made = arena::try_create(client_.create(small_pool()), nullptr, ec);
    ASSERT_TRUE(made);
    EXPECT_FALSE(ec);
    static_cast<void>(made->mark());
    EXPECT_EQ(made->blocks_held(), 1U) << "the smallest blocks are enough for it";
}

TEST_P(Arena, TakesWhatDoesNotFitFromUpstreamAndGivesItBack) {
    {
        arena large{pool_, &upstream_};
        auto* const memory = static_cast<std::byte*>(large.allocate(10000, 8));
        std::memset(memory, 1, 10000);
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(large.allocate(8, 4096)) % 4096, 0U);
        EXPECT_EQ(upstream_.live(), 10008U);
        const auto here = large.mark();
        static_cast<void>(large.allocate(500));
        large.rewind(here);
        EXPECT_EQ(upstream_.live(), 10008U);
    }
    EXPECT_EQ(upstream_.live(), 0U);
}

TEST_P(Arena, IsUnchangedWhenUpstreamRunsOut) {
    upstream_.run_out();
    arena large{pool_, &upstream_};
    EXPECT_THROW(static_cast<void>(large.allocate(10000)), std::bad_alloc);
    EXPECT_EQ(large.blocks_held(), 0U);
    std::error_code ec;
    EXPECT_EQ(large.try_allocate(10000, 8, ec), nullptr);
    EXPECT_EQ(ec, errc::out_of_memory);
}

TEST_P(Arena, GivesEverythingBackInTheEnd) {
    {
        arena brief{pool_};
        for (int i = 0; i < 16; ++i)
            static_cast<void>(brief.allocate(248, 8));
        EXPECT_EQ(pool_.usage().in_use, 16U);
    }
    EXPECT_EQ(pool_.usage().in_use, 0U);
}

TEST_P(Arena, CanBeUsedAgainAfterRelease) {
    static_cast<void>(arena_.allocate(200));
    arena_.release();
    EXPECT_EQ(arena_.blocks_held(), 0U);
    arena_.release();
    EXPECT_NE(arena_.allocate(200), nullptr);
}

TEST_P(Arena, DestroysObjectsTheYoungestFirst) {
    for (int i = 0; i < 20; ++i)
        EXPECT_EQ(arena_.new_object<noting>(order_, i)->number(), i);
    EXPECT_TRUE(order_.empty());
    arena_.release();
    std::vector<int> expected(20);
    std::iota(expected.rbegin(), expected.rend(), 0);
    EXPECT_EQ(order_, expected);
}

TEST_P(Arena, CallsHandlersTogetherWithObjectsInTheirOrder) {
    arena_.new_object<noting>(order_, 1);
    arena_.on_rewind([this] { order_.push_back(2); });
    arena_.new_object<noting>(order_, 3);
    arena_.on_rewind([this, kept = std::make_unique<int>(4)] { order_.push_back(*kept); });
    arena_.release();
    EXPECT_EQ(order_, (std::vector{4, 3, 2, 1}));
    arena_.release();
    EXPECT_EQ(order_.size(), 4U) << "once";
}

TEST_P(Arena, LetsHandlersAllocate) {
    arena_.on_rewind([this] {
        order_.push_back(1);
        arena_.on_rewind([this] { order_.push_back(2); });
        static_cast<void>(arena_.allocate(200));
    });
    arena_.release();
    EXPECT_EQ(order_, (std::vector{1, 2}));
    EXPECT_EQ(arena_.blocks_held(), 0U);
}

TEST_P(Arena, KeepsNothingForObjectsThatNeedNoDestruction) {
    auto* const first = arena_.new_object<std::uint64_t>(1);
    auto* const second = arena_.new_object<std::uint64_t>(2);
    EXPECT_EQ(second, first + 1);
}

TEST_P(Arena, AlignsObjects) {
    struct alignas(64) aligned {
        std::string text;
    };
    arena_.new_object<char>('x');
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(arena_.new_object<aligned>()) % 64, 0U);
}

TEST_P(Arena, DestroysNothingThatWasNotMade) {
    EXPECT_THROW(arena_.new_object<noting>(order_, 1, true), std::runtime_error);
    std::error_code ec;
    EXPECT_THROW(arena_.try_new_object<noting>(ec, order_, 1, true), std::runtime_error);
    arena_.release();
    EXPECT_TRUE(order_.empty());
}

TEST_P(Arena, RefusesObjectsThatThereIsNoRoomFor) {
    using large = std::array<char, 300>;
    EXPECT_REFUSED(fixedpool::bad_alloc, errc::no_upstream, arena_.new_object<large>());
    std::error_code ec;
    EXPECT_EQ(arena_.try_new_object<large>(ec), nullptr);
    EXPECT_EQ(ec, errc::no_upstream);
    EXPECT_NE(arena_.try_new_object<int>(ec), nullptr);
    EXPECT_FALSE(ec);
}

TEST_P(Arena, KeepsLargeObjectsUntilTheyAreDestroyed) {
    struct large : noting {
        using noting::noting;
        std::array<int, 1000> numbers{};
    };
    arena mixed{pool_, &upstream_};
    mixed.new_object<large>(order_, 7)->numbers.fill(1);
    mixed.release();
    EXPECT_EQ(order_, std::vector{7});
    EXPECT_EQ(upstream_.live(), 0U);
}

TEST_P(Arena, RewindsToAMarker) {
    arena_.new_object<noting>(order_, 1);
    const auto here = arena_.mark();
    auto* const after = arena_.allocate(8, 8);
    const auto held = arena_.blocks_held();
    for (int i = 0; i < 30; ++i)
        arena_.new_object<noting>(order_, i);
    arena_.rewind(here);
    EXPECT_EQ(order_.size(), 30U);
    EXPECT_EQ(arena_.blocks_held(), held);
    EXPECT_EQ(pool_.usage().in_use, held);
    EXPECT_EQ(arena_.allocate(8, 8), after) << "the same place again";
}

TEST_P(Arena, RewindsToTheSameMarkerAsOftenAsOneLikes) {
    const auto here = arena_.mark();
    for (int round = 0; round < 100; ++round) {
        arena_.new_object<noting>(order_, round);
        static_cast<void>(arena_.allocate(200));
        arena_.rewind(here);
    }
    EXPECT_EQ(order_.size(), 100U);
    EXPECT_EQ(arena_.blocks_held(), 1U);
}

TEST_P(Arena, RewindsToNestedMarkers) {
    const auto outer = arena_.mark();
    arena_.new_object<noting>(order_, 1);
    const auto inner = arena_.mark();
    arena_.new_object<noting>(order_, 2);
    arena_.rewind(inner);
    EXPECT_EQ(order_, std::vector{2});
    arena_.rewind(outer);
    EXPECT_EQ(order_, (std::vector{2, 1}));
    EXPECT_REFUSED(error, errc::stale_marker, (arena_.rewind(inner), true));
    arena_.rewind(outer);
}

TEST_P(Arena, RefusesMarkersThatItHasGoneBehind) {
    const auto outer = arena_.mark();
    const auto stale = arena_.mark();
    arena_.rewind(outer);
    EXPECT_REFUSED(error, errc::stale_marker, (arena_.rewind(stale), true));
    const auto again = arena_.mark(); // at the same place
    EXPECT_REFUSED(error, errc::stale_marker, (arena_.rewind(stale), true));
    arena_.rewind(again);
    arena_.release();
    EXPECT_REFUSED(error, errc::stale_marker, (arena_.rewind(outer), true));
    static_cast<void>(arena_.mark());
    EXPECT_REFUSED(error, errc::stale_marker, (arena_.rewind(outer), true));
    std::error_code ec;
    EXPECT_FALSE(arena_.try_rewind(outer, ec));
    EXPECT_EQ(ec, errc::stale_marker);
}

TEST_P(Arena, RefusesMarkersOfOthers) {
    arena other{pool_};
    const auto strange = other.mark();
    arena_.new_object<noting>(order_, 1);
    static_cast<void>(arena_.mark());
    EXPECT_REFUSED(error, errc::stale_marker, (arena_.rewind(strange), true));
    EXPECT_REFUSED(error, errc::stale_marker, (arena_.rewind({}), true));
    EXPECT_TRUE(order_.empty());
}

TEST_P(Arena, RefusesToMarkWhereThereIsNoRoom) {
    const auto one = client_.create(for_arenas(1));
    arena full{one};
    static_cast<void>(full.allocate(230, 1));
    EXPECT_REFUSED(fixedpool::bad_alloc, errc::out_of_blocks, full.mark());
    std::error_code ec;
    static_cast<void>(full.try_mark(ec));
    EXPECT_EQ(ec, errc::out_of_blocks);
    EXPECT_REFUSED(fixedpool::bad_alloc, errc::out_of_blocks, full.nested());
    full.release();
    const auto here = full.try_mark(ec);
    EXPECT_FALSE(ec);
    EXPECT_TRUE(full.try_rewind(here, ec));
    EXPECT_FALSE(ec);
}

TEST_P(Arena, RewindsAtTheEndOfAFrame) {
    arena_.new_object<noting>(order_, 1);
    {
        const auto outer = arena_.nested();
        arena_.new_object<noting>(order_, 2);
        {
            const auto inner = arena_.nested();
            arena_.new_object<noting>(order_, 3);
            for (int i = 0; i < 10; ++i)
                static_cast<void>(arena_.allocate(200));
        }
        EXPECT_EQ(order_, std::vector{3});
        EXPECT_EQ(arena_.blocks_held(), 1U);
    }
    EXPECT_EQ(order_, (std::vector{3, 2}));
    auto* const here = static_cast<std::byte*>(arena_.allocate(1, 1));
    { const auto empty = arena_.nested(); }
    EXPECT_EQ(arena_.allocate(1, 1), here + 1) << "a frame leaves nothing";
}

TEST_P(Arena, TakesNoOffenceAtAFrameThatHasEndedBefore) {
    const auto outer = arena_.mark();
    {
        const auto frame = arena_.nested();
        arena_.new_object<noting>(order_, 1);
        arena_.rewind(outer);
        arena_.new_object<noting>(order_, 2);
    }
    EXPECT_EQ(order_, std::vector{1});
}

TEST_P(Arena, IsAMemoryResource) {
    arena mixed{pool_, &upstream_};
    {
        std::pmr::vector<std::pmr::string> words{&mixed};
        for (int i = 0; i < 50; ++i)
            words.emplace_back("a string that is too long to be kept in place");
        EXPECT_EQ(words.back().get_allocator().resource(), &mixed);
    }
    EXPECT_GT(mixed.blocks_held(), 0U);
    mixed.release();
    EXPECT_EQ(mixed.blocks_held(), 0U);
    EXPECT_EQ(upstream_.live(), 0U);
    EXPECT_TRUE(mixed.is_equal(mixed));
    EXPECT_FALSE(mixed.is_equal(arena_));
}

TEST_P(Arena, SharesItsPoolWithThoseOfOtherThreads) {
    for (const auto& options : with_any_caching(for_arenas(), 64)) {
        const auto blocks = client_.create(options);
        const auto work = [&] {
            arena mine{blocks};
            for (int round = 0; round < 100; ++round) {
                const auto frame = mine.nested();
                for (int i = 0; i < 20; ++i)
                    std::memset(mine.allocate(100), round, 100);
            }
        };
        {
            const std::array<std::jthread, 4> threads{std::jthread{work}, std::jthread{work},
                                                      std::jthread{work}, std::jthread{work}};
        }
        blocks.trim();
        EXPECT_EQ(blocks.usage().in_use, 0U);
    }
}

TEST_P(Arena, RefusesWhatIsTriedWhereThereIsNoRoom) {
    std::error_code ec;
    while (arena_.try_allocate(248, 8, ec) != nullptr) {
    }
    EXPECT_EQ(ec, errc::out_of_blocks);
    EXPECT_FALSE(arena_.try_on_rewind(ec, [this] { order_.push_back(1); }));
    EXPECT_EQ(ec, errc::out_of_blocks);
    const auto held = arena_.blocks_held();
    {
        const auto frame = arena_.try_nested(ec);
        EXPECT_EQ(ec, errc::out_of_blocks);
    }
    EXPECT_EQ(arena_.blocks_held(), held) << "it does nothing";
    arena large{pool_, &upstream_};
    EXPECT_EQ(large.try_allocate(10000, 8, ec), nullptr);
    EXPECT_EQ(ec, errc::out_of_blocks) << "no room to note it";
    EXPECT_EQ(upstream_.calls(), 0U);
    arena_.release();
    EXPECT_TRUE(order_.empty());
    {
        const auto frame = arena_.try_nested(ec);
        EXPECT_FALSE(ec);
        EXPECT_TRUE(arena_.try_on_rewind(ec, [this] { order_.push_back(2); }));
        EXPECT_FALSE(ec);
    }
    EXPECT_EQ(order_, std::vector{2});
}

TEST_P(Arena, PassesOnWhyUpstreamHasNothing) {
    auto options = with_blocks(1);
    options.block_size = 1024;
    options.alignment = 16;
    memory_resource inner{{client_.create(options)}};
    arena mixed{pool_, &inner};
    std::error_code ec;
    EXPECT_NE(mixed.try_allocate(1000, 8, ec), nullptr);
    EXPECT_EQ(mixed.try_allocate(1000, 8, ec), nullptr);
    EXPECT_EQ(ec, errc::out_of_blocks);
    EXPECT_REFUSED(fixedpool::bad_alloc, errc::out_of_blocks, mixed.allocate(1000));
    mixed.release();
    EXPECT_NE(mixed.try_allocate(1000, 8, ec), nullptr);
}

TEST_P(Arena, DoesNotFollowWhatWasWrittenOverTheBeginOfABlock) {
    for (const int pattern : {0, 0x41, 0xff}) {
        const auto blocks = client_.create(for_arenas(4));
        arena spoilt{blocks};
        const auto here = spoilt.mark();
        for (int i = 0; i < 2; ++i)
            static_cast<void>(spoilt.allocate(248, 8));
        // The compiler knows where what is allocated begins, and that this is before it.
        auto* volatile last = static_cast<std::byte*>(spoilt.allocate(248, 8));
        std::byte* const begin = last - 8;
        std::memset(begin, pattern, 8);
        EXPECT_TRUE(spoilt.blocks().owns(begin));
        spoilt.rewind(here);
        EXPECT_EQ(spoilt.blocks_held(), 0U);
        EXPECT_EQ(blocks.usage().in_use, 3U) << "those below cannot be found";
        EXPECT_REFUSED(error, errc::stale_marker, (spoilt.rewind(here), true));
        EXPECT_NE(spoilt.allocate(100), nullptr);
        spoilt.release();
        EXPECT_EQ(blocks.usage().in_use, 3U);
    }
}

TEST_P(Arena, LeavesABlockAloneThatWasFreedByItsHandle) {
    const auto blocks = client_.create(for_arenas(1));
    arena spoilt{blocks};
    auto* const piece = static_cast<std::byte*>(spoilt.allocate(8, 8));
    blocks.free(blocks.handle_of(piece - 8));
    const auto next = blocks.allocate();
    spoilt.release();
    EXPECT_TRUE(blocks.check(next.handle()).mine);
    EXPECT_EQ(spoilt.blocks_held(), 0U);
}

TEST_P(Arena, GivesTheMemoryOfWhatWasNotMadeBackToUpstream) {
    struct large : noting {
        using noting::noting;
        std::array<int, 1000> numbers{};
    };
    arena mixed{pool_, &upstream_};
    std::error_code ec;
    EXPECT_THROW(mixed.try_new_object<large>(ec, order_, 1, true), std::runtime_error);
    mixed.release();
    EXPECT_EQ(upstream_.live(), 0U);
    EXPECT_TRUE(order_.empty());
}

FIXEDPOOL_ON_ANY_TRANSPORT(Arena);

} // namespace
