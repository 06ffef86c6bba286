/* SPDX-License-Identifier: MIT */
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <list>
#include <map>
#include <memory_resource>
#include <new>
#include <random>
#include <string>
#include <type_traits>
#include <vector>

#include "churn.hpp"
#include "device_test.hpp"
#include "upstream.hpp"

namespace {

using namespace fixedpool;
using namespace fixedpool::testing;

static_assert(!std::is_copy_constructible_v<buddy_resource>);

class BuddyResource : public any_transport_test {
  protected:
    [[nodiscard]] pool make(std::uint32_t size, std::uint32_t blocks,
                            std::uint32_t alignment = 64) const {
        auto options = with_blocks(blocks);
        options.block_size = size;
        options.alignment = alignment;
        return client_.create(options);
    }
    [[nodiscard]] std::byte* take(std::size_t bytes, std::size_t alignment = 1) {
        return static_cast<std::byte*>(memory_.allocate(bytes, alignment));
    }

    const pool pool_ = make(4096, 4);
    counting_resource upstream_;
    buddy_resource memory_{pool_, 64};
};

TEST_P(BuddyResource, IsEqualToItselfAlone) {
    const buddy_resource other{pool_};
    const std::pmr::memory_resource& same = memory_;
    EXPECT_TRUE(memory_.is_equal(same));
    EXPECT_FALSE(memory_.is_equal(other));
}

TEST_P(BuddyResource, TakesNoBlockBeforeItIsUsed) {
    EXPECT_EQ(memory_.blocks_held(), 0U);
    EXPECT_EQ(pool_.usage().in_use, 0U);
    EXPECT_EQ(memory_.blocks(), pool_);
    EXPECT_EQ(memory_.upstream(), nullptr);
    EXPECT_EQ(memory_.largest_piece(), 4096U);
}

TEST_P(BuddyResource, TakesTheNextPowerOfTwo) {
    EXPECT_EQ(memory_.piece_size(0), 64U);
    EXPECT_EQ(memory_.piece_size(64), 64U);
    EXPECT_EQ(memory_.piece_size(65), 128U);
    EXPECT_EQ(memory_.piece_size(2049), 4096U);
    EXPECT_EQ(memory_.piece_size(4096), 4096U);
    EXPECT_EQ(memory_.piece_size(4097), 0U);
    EXPECT_EQ(memory_.piece_size(SIZE_MAX), 0U);
}

TEST_P(BuddyResource, HalvesABlock) {
    auto* const first = take(1000);
    auto* const second = take(1024);
    EXPECT_EQ(second, first + 1024) << "the other half of the half";
    EXPECT_EQ(take(2048), first + 2048);
    EXPECT_EQ(memory_.blocks_held(), 1U);
    static_cast<void>(take(64));
    EXPECT_EQ(memory_.blocks_held(), 2U);
}

TEST_P(BuddyResource, JoinsHalvesThatAreFree) {
    std::vector<std::byte*> pieces(64);
    std::ranges::generate(pieces, [&] { return take(64); });
    EXPECT_EQ(memory_.blocks_held(), 1U);
    std::ranges::shuffle(pieces, std::mt19937{4711});
    for (auto* each : pieces)
        memory_.deallocate(each, 64, 1);
    auto* const whole = take(4096);
    EXPECT_EQ(memory_.blocks_held(), 1U);
    EXPECT_EQ(whole, *std::ranges::min_element(pieces));
}

TEST_P(BuddyResource, JoinsNothingWhileTheOtherHalfIsTaken) {
    auto* const kept = take(64);
    auto* const brief = take(64);
    auto* const quarter = take(1024);
    memory_.deallocate(quarter, 1024, 1);
    memory_.deallocate(brief, 64, 1);
    EXPECT_EQ(take(2048), kept + 2048);
    EXPECT_EQ(take(1024), kept + 1024);
    EXPECT_EQ(take(64), brief);
    EXPECT_EQ(memory_.blocks_held(), 1U);
}

TEST_P(BuddyResource, GivesWholeBlocksBackToThePoolButForOne) {
    std::array<std::byte*, 4> blocks{};
    std::ranges::generate(blocks, [&] { return take(4096); });
    EXPECT_EQ(pool_.usage().in_use, 4U);
    EXPECT_REFUSED(fixedpool::bad_alloc, errc::out_of_blocks, take(64));
    for (auto* each : blocks)
        memory_.deallocate(each, 4096, 1);
    EXPECT_EQ(memory_.blocks_held(), 1U);
    EXPECT_EQ(pool_.usage().in_use, 1U);
    EXPECT_NE(take(64), nullptr);
}

TEST_P(BuddyResource, GivesEverythingBackInTheEnd) {
    {
        buddy_resource brief{pool_};
        static_cast<void>(brief.allocate(100));
        static_cast<void>(brief.allocate(4096));
        EXPECT_EQ(pool_.usage().in_use, 2U);
    }
    EXPECT_EQ(pool_.usage().in_use, 0U);
}

TEST_P(BuddyResource, AlignsPieces) {
    for (std::size_t alignment = 1; alignment <= 64; alignment *= 2)
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(take(100, alignment)) % alignment, 0U);
    EXPECT_REFUSED(fixedpool::bad_alloc, errc::no_upstream, take(100, 128));
    buddy_resource pages{make(4096, 1, 4096)};
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(pages.allocate(8, 2048)) % 2048, 0U);
    for (const std::size_t alignment : {0U, 3U, 12U})
        EXPECT_REFUSED(fixedpool::bad_alloc, errc::invalid_argument, take(8, alignment));
}

TEST_P(BuddyResource, UsesOfABlockWhatIsAPowerOfTwo) {
    buddy_resource odd{make(3000, 1), 64};
    EXPECT_EQ(odd.largest_piece(), 2048U);
    static_cast<void>(odd.allocate(2048));
    EXPECT_REFUSED(fixedpool::bad_alloc, errc::out_of_blocks, odd.allocate(64));
    EXPECT_REFUSED(fixedpool::bad_alloc, errc::no_upstream, odd.allocate(2049));
    std::error_code ec;
    EXPECT_EQ(odd.try_allocate(64, 1, ec), nullptr);
    EXPECT_EQ(ec, errc::out_of_blocks);
}

TEST_P(BuddyResource, TakesWhatIsLargerFromUpstream) {
    buddy_resource mixed{pool_, 64, &upstream_};
    auto* const large = mixed.allocate(5000);
    EXPECT_EQ(upstream_.live(), 5000U);
    auto* const strict = mixed.allocate(100, 256);
    EXPECT_EQ(upstream_.calls(), 2U);
    mixed.deallocate(large, 5000);
    mixed.deallocate(strict, 100, 256);
    EXPECT_EQ(upstream_.live(), 0U);
    upstream_.run_out();
    std::error_code ec;
    EXPECT_EQ(mixed.try_allocate(5000, 1, ec), nullptr);
    EXPECT_EQ(ec, errc::out_of_memory);
}

TEST_P(BuddyResource, RefusesWhatIsNoPieceOfIt) {
    buddy_resource other{pool_, 64};
    auto* const strange = static_cast<std::byte*>(other.allocate(256));
    buddy_resource with_upstream{pool_, 64, &upstream_};
    for (auto* each : {&memory_, &with_upstream}) {
        auto* const mine = static_cast<std::byte*>(each->allocate(256));
        std::array<std::byte, 256> local{};
        for (void* wrong : {static_cast<void*>(strange), static_cast<void*>(mine + 1),
                            static_cast<void*>(mine + 256), static_cast<void*>(local.data()),
                            static_cast<void*>(nullptr)}) {
            if (wrong != nullptr) { // a resource may take null for granted
                EXPECT_REFUSED(handle_error, errc::not_a_block,
                               (each->deallocate(wrong, 256), true));
            }
            std::error_code ec;
            EXPECT_FALSE(each->try_deallocate(wrong, 256, 1, ec));
            EXPECT_EQ(ec, errc::not_a_block);
        }
        EXPECT_REFUSED(handle_error, errc::not_a_block, (each->deallocate(strange, 5000), true));
        for (const std::size_t wrong : {0U, 128U, 257U, 4096U, 4097U})
            EXPECT_REFUSED(handle_error, errc::not_a_block, (each->deallocate(mine, wrong), true));
        each->deallocate(mine, 255);
        EXPECT_REFUSED(handle_error, errc::not_a_block, (each->deallocate(mine, 256), true));
    }
}

TEST_P(BuddyResource, RefusesPoolsThatItCannotCut) {
    EXPECT_REFUSED(pool_error, errc::unfit_blocks, (buddy_resource{make(63, 1), 64}));
    EXPECT_REFUSED(pool_error, errc::unfit_blocks, (buddy_resource{make(64, 1, 8), 64}));
    EXPECT_REFUSED(pool_error, errc::not_mappable, buddy_resource{client_.create(slab_pool())});
    EXPECT_REFUSED(pool_error, errc::invalid_argument, buddy_resource{pool{}});
    for (const std::size_t smallest : {0U, 16U, 48U})
        EXPECT_REFUSED(pool_error, errc::invalid_argument, (buddy_resource{pool_, smallest}));
    std::error_code ec;
    EXPECT_FALSE(buddy_resource::try_create(pool{}, 64, nullptr, ec));
    EXPECT_EQ(ec, errc::invalid_argument);
    EXPECT_TRUE(buddy_resource::try_create(pool_, 4096, nullptr, ec));
    EXPECT_FALSE(ec);
}

TEST_P(BuddyResource, ServesContainers) {
    buddy_resource mixed{make(65536, 4), 32, &upstream_};
    {
        std::pmr::map<int, std::pmr::string> words{&mixed};
        std::pmr::vector<int> numbers{&mixed};
        std::pmr::list<int> list{&mixed};
        for (int i = 0; i < 200; ++i) {
            words.emplace(i, "a string that is too long to be kept in place");
            numbers.push_back(i);
            list.push_back(i);
        }
        EXPECT_EQ(words.at(100).size(), 45U);
        EXPECT_EQ(numbers.back(), 199);
    }
    EXPECT_LE(mixed.blocks_held(), 1U);
    EXPECT_EQ(upstream_.live(), 0U);
}

TEST_P(BuddyResource, GivesEverythingBackWhenItIsReleased) {
    static_cast<void>(take(100));
    static_cast<void>(take(4096));
    memory_.deallocate(take(1000), 1000, 1);
    EXPECT_EQ(pool_.usage().in_use, 2U);
    memory_.release();
    EXPECT_EQ(pool_.usage().in_use, 0U);
    EXPECT_EQ(memory_.blocks_held(), 0U);
    auto* const whole = take(4096);
    memory_.deallocate(whole, 4096, 1);
    EXPECT_EQ(memory_.blocks_held(), 1U);
}

TEST_P(BuddyResource, FindsAllFreePiecesWhateverWasWrittenIntoThem) {
    for (const int pattern : {0, 0x41, 0xff}) {
        std::vector<std::byte*> pieces(64);
        std::ranges::generate(pieces, [&] { return take(64); });
        std::vector<std::byte*> freed;
        for (std::size_t i = 0; i < pieces.size(); i += 2) {
            memory_.deallocate(pieces[i], 64, 1);
            freed.push_back(pieces[i]);
        }
        for (auto* each : freed)
            std::memset(each, pattern, 64);
        std::vector<std::byte*> again(freed.size());
        std::ranges::generate(again, [&] { return take(64); });
        std::ranges::sort(freed);
        std::ranges::sort(again);
        EXPECT_EQ(freed, again);
        for (auto* each : pieces)
            memory_.deallocate(each, 64, 1);
        EXPECT_EQ(memory_.blocks_held(), 1U);
        memory_.deallocate(take(4096), 4096, 1);
    }
}

TEST_P(BuddyResource, JoinsHalvesWhateverWasWrittenIntoThem) {
    for (const int pattern : {0, 0x41, 0xff}) {
        auto* const first = take(64);
        auto* const second = take(64);
        auto* const third = take(64);
        auto* const fourth = take(64);
        memory_.deallocate(first, 64, 1);
        memory_.deallocate(third, 64, 1);
        std::memset(first, pattern, 64);
        std::memset(third, pattern, 64);
        memory_.deallocate(second, 64, 1);
        memory_.deallocate(fourth, 64, 1);
        auto* const whole = take(4096);
        EXPECT_EQ(whole, first);
        memory_.deallocate(whole, 4096, 1);
    }
}

TEST_P(BuddyResource, DoesNotHandOutWhatALinkWasMadeToPointTo) {
    struct links {
        std::byte* next;
        std::byte* previous;
    };
    auto* const live = take(64);
    auto* const kept = take(64);
    auto* const gone = take(64);
    static_cast<void>(take(64));
    memory_.deallocate(gone, 64, 1);
    const links to_live{.next = live, .previous = nullptr};
    const links back{.next = nullptr, .previous = gone};
    std::memcpy(gone, &to_live, sizeof(to_live));
    std::memcpy(live, &back, sizeof(back));
    EXPECT_EQ(take(64), gone);
    for (int i = 0; i < 30; ++i) {
        auto* const next = take(64);
        EXPECT_NE(next, live);
        EXPECT_NE(next, kept);
    }
}

TEST_P(BuddyResource, LeavesABlockAloneThatWasFreedByItsHandle) {
    const auto one = make(4096, 1);
    buddy_resource memory{one};
    auto* const piece = memory.allocate(16);
    one.free(one.handle_of(piece));
    const auto next = one.allocate();
    memory.deallocate(piece, 16);
    memory.release();
    EXPECT_TRUE(one.check(next.handle()).mine);
}

TEST_P(BuddyResource, DoesNotThrowWhereItIsTriedAndUpstreamDoes) {
    memory_resource inner{{make(8192, 1)}};
    buddy_resource outer{pool_, 64, &inner};
    std::array<std::byte, 5000> local{};
    std::error_code ec;
    EXPECT_FALSE(outer.try_deallocate(local.data(), local.size(), 1, ec));
    EXPECT_EQ(ec, errc::not_a_block);
    auto* const memory = outer.try_allocate(5000, 1, ec);
    EXPECT_NE(memory, nullptr);
    EXPECT_EQ(outer.try_allocate(5000, 1, ec), nullptr);
    EXPECT_EQ(ec, errc::out_of_blocks);
    EXPECT_TRUE(outer.try_deallocate(memory, 5000, 1, ec));
    EXPECT_FALSE(ec);
}

TEST_P(BuddyResource, KeepsPiecesApartWhateverIsDone) {
    churn(memory_, 8000, [](auto& random) -> std::size_t {
        return std::size_t{1} << random() % 12 | random() % 64;
    });
    EXPECT_EQ(memory_.blocks_held(), 1U);
}

FIXEDPOOL_ON_ANY_TRANSPORT(BuddyResource);

} // namespace
