/* SPDX-License-Identifier: MIT */
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory_resource>
#include <new>
#include <set>
#include <string>
#include <type_traits>
#include <vector>

#include <unistd.h>

#include "churn.hpp"
#include "device_test.hpp"
#include "upstream.hpp"

namespace {

using namespace fixedpool;
using namespace fixedpool::testing;

static_assert(!std::is_copy_constructible_v<hashed_resource>);

class HashedResource : public any_transport_test {
  protected:
    [[nodiscard]] pool make(std::uint32_t size, std::uint32_t blocks,
                            std::uint32_t alignment = 16) const {
        auto options = with_blocks(blocks);
        options.block_size = size;
        options.alignment = alignment;
        return client_.create(options);
    }
    [[nodiscard]] static pool_options small_pool_of_pieces() {
        auto options = small_pool();
        options.alignment = 16;
        return options;
    }
    /** As allocate(), of which compilers think that nothing is in front of what it returns. */
    [[nodiscard]] static std::byte* piece_of(hashed_resource& memory, std::size_t bytes) {
        std::error_code ec;
        return static_cast<std::byte*>(memory.try_allocate(bytes, 1, ec));
    }
    [[nodiscard]] std::byte* take(std::size_t bytes, std::size_t alignment = 1) {
        return static_cast<std::byte*>(memory_.allocate(bytes, alignment));
    }

    const pool pool_ = make(1024, 4);
    counting_resource upstream_;
    hashed_resource memory_{pool_};
};

TEST_P(HashedResource, IsEqualToItselfAlone) {
    const hashed_resource other{pool_};
    const std::pmr::memory_resource& same = memory_;
    EXPECT_TRUE(memory_.is_equal(same));
    EXPECT_FALSE(memory_.is_equal(other));
}

TEST_P(HashedResource, TakesNoBlockBeforeItIsUsed) {
    EXPECT_EQ(memory_.blocks_held(), 0U);
    EXPECT_EQ(pool_.usage().in_use, 0U);
    EXPECT_EQ(memory_.blocks(), pool_);
    EXPECT_EQ(memory_.upstream(), nullptr);
}

TEST_P(HashedResource, CutsPiecesInStepsOf16Bytes) {
    auto* const first = take(1);
    auto* const second = take(17);
    auto* const third = take(48);
    EXPECT_EQ(second, first + 32);
    EXPECT_EQ(third, second + 48);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(take(100, 16)) % 16, 0U);
    EXPECT_EQ(memory_.blocks_held(), 1U);
}

TEST_P(HashedResource, GivesAPieceToTheNextRequestOfItsSize) {
    std::array<std::byte*, 12> pieces{};
    for (std::size_t i = 0; i < pieces.size(); ++i)
        pieces[i] = take(16 * (i + 1));
    const auto held = memory_.blocks_held();
    for (std::size_t i = 0; i < pieces.size(); ++i)
        memory_.deallocate(pieces[i], 16 * (i + 1), 1);
    for (std::size_t i = pieces.size(); i-- > 0;)
        EXPECT_EQ(take(16 * (i + 1)), pieces[i]);
    EXPECT_EQ(memory_.blocks_held(), held);
}

TEST_P(HashedResource, KeepsTheRestOfABlockAsAPiece) {
    auto* const first = take(800); // 208 bytes are left
    static_cast<void>(take(400));
    EXPECT_EQ(memory_.blocks_held(), 2U);
    EXPECT_EQ(take(192), first + 816);
}

TEST_P(HashedResource, RefusesMoreThanThePoolHas) {
    for (int i = 0; i < 4; ++i)
        static_cast<void>(take(1008));
    EXPECT_REFUSED(fixedpool::bad_alloc, errc::out_of_blocks, take(1));
    std::error_code ec;
    EXPECT_EQ(memory_.try_allocate(1, 1, ec), nullptr);
    EXPECT_EQ(ec, errc::out_of_blocks);
}

TEST_P(HashedResource, RefusesWhatBlocksDoNotServe) {
    EXPECT_REFUSED(fixedpool::bad_alloc, errc::no_upstream, take(1009));
    EXPECT_REFUSED(fixedpool::bad_alloc, errc::no_upstream, take(PTRDIFF_MAX));
    EXPECT_REFUSED(fixedpool::bad_alloc, errc::no_upstream, take(1, 32));
    for (const std::size_t alignment : {0U, 3U, 12U})
        EXPECT_REFUSED(fixedpool::bad_alloc, errc::invalid_argument, take(8, alignment));
}

TEST_P(HashedResource, TakesFromUpstreamWhatBlocksDoNotServe) {
    hashed_resource mixed{pool_, &upstream_};
    auto* const large = mixed.allocate(1009);
    auto* const strict = mixed.allocate(8, 64);
    EXPECT_EQ(upstream_.calls(), 2U);
    EXPECT_EQ(mixed.blocks_held(), 0U);
    mixed.deallocate(large, 1009);
    mixed.deallocate(strict, 8, 64);
    EXPECT_EQ(upstream_.live(), 0U);
    upstream_.run_out();
    std::error_code ec;
    EXPECT_EQ(mixed.try_allocate(1009, 1, ec), nullptr);
    EXPECT_EQ(ec, errc::out_of_memory);
}

TEST_P(HashedResource, RefusesThePiecesOfAnotherOwner) {
    hashed_resource other{pool_};
    auto* const strange = other.allocate(64);
    auto* const mine = take(64);
    EXPECT_REFUSED(handle_error, errc::not_a_block, (memory_.deallocate(strange, 64), true));
    EXPECT_REFUSED(handle_error, errc::not_a_block, (other.deallocate(mine, 64), true));
    other.deallocate(strange, 64);
}

TEST_P(HashedResource, RefusesABlockThatHadAnotherOwner) {
    const auto one = make(1024, 1);
    hashed_resource before{one};
    static_cast<void>(before.allocate(16));
    auto* const stale = before.allocate(16);
    before.release();
    hashed_resource after{one};
    auto* const large = after.allocate(1000); // the header of the stale one is in it
    std::memset(static_cast<std::byte*>(large) + 48, 7, 952);
    EXPECT_REFUSED(handle_error, errc::not_a_block, (after.deallocate(stale, 16), true));
    EXPECT_REFUSED(handle_error, errc::not_a_block, (before.deallocate(stale, 16), true));
    EXPECT_REFUSED(fixedpool::bad_alloc, errc::out_of_blocks, after.allocate(16));
}

TEST_P(HashedResource, RefusesWhatItHadBeforeItWasReleased) {
    hashed_resource one{make(1024, 1)};
    static_cast<void>(one.allocate(16));
    auto* const stale = one.allocate(16);
    one.release();
    static_cast<void>(one.allocate(1000)); // the same block
    EXPECT_REFUSED(handle_error, errc::not_a_block, (one.deallocate(stale, 16), true));
    EXPECT_REFUSED(fixedpool::bad_alloc, errc::out_of_blocks, one.allocate(16));
}

TEST_P(HashedResource, RefusesAPieceThatWasCopiedWithItsHeader) {
    auto* const piece = piece_of(memory_, 64);
    auto* const large = piece_of(memory_, 256);
    std::memcpy(large, piece - 16, 16 + 64);
    EXPECT_REFUSED(handle_error, errc::not_a_block, (memory_.deallocate(large + 16, 64, 1), true));
    memory_.deallocate(piece, 64, 1);
    memory_.deallocate(large, 256, 1);
}

TEST_P(HashedResource, HasAnotherCookieInEveryProcess) {
    struct seen {
        const std::byte* place;
        std::uint64_t cookie;
    };
    std::array<seen, 2> all{};
    for (auto& each : all) {
        std::array<int, 2> ends{};
        ASSERT_EQ(::pipe(ends.data()), 0);
        const auto child = start_child([&] {
            const auto blocks = open_client().create(small_pool_of_pieces());
            hashed_resource memory{blocks};
            const auto* const header = piece_of(memory, 16) - 16;
            seen here{.place = header, .cookie = 0};
            std::memcpy(&here.cookie, header, sizeof(here.cookie));
            return ::write(ends[1], &here, sizeof(here)) == sizeof(here) ? 0 : 1;
        });
        EXPECT_EQ(end_of(child), 0);
        EXPECT_EQ(::read(ends[0], &each, sizeof(each)), sizeof(each));
        ::close(ends[0]);
        ::close(ends[1]);
    }
    EXPECT_EQ(all[0].place, all[1].place) << "at the same address";
    EXPECT_NE(all[0].cookie, all[1].cookie);
}

TEST_P(HashedResource, DoesNotFollowWhatWasWrittenIntoFreePieces) {
    const auto spoil = [](std::byte* piece, std::ptrdiff_t from, int pattern) {
        std::memset(piece + from, pattern, static_cast<std::size_t>(64 - from));
    };
    for (const int pattern : {0, 0x41, 0xff})
        for (const std::ptrdiff_t from : {-16, -8, 0}) { // the header, its size, the link
            hashed_resource memory{pool_};
            auto* const live = piece_of(memory, 64);
            auto* const first = piece_of(memory, 64);
            auto* const second = piece_of(memory, 64);
            std::memset(live, 7, 64);
            memory.deallocate(first, 64);
            memory.deallocate(second, 64);
            spoil(second, from, pattern);
            std::set<std::byte*> taken{live};
            for (int i = 0; i < 30; ++i)
                EXPECT_TRUE(taken.insert(static_cast<std::byte*>(memory.allocate(64))).second);
            EXPECT_EQ(std::count(live, live + 64, std::byte{7}), 64);
            for (auto* each : taken)
                memory.deallocate(each, 64);
        }
    EXPECT_EQ(pool_.usage().in_use, 0U);
}

TEST_P(HashedResource, DoesNotHandOutWhatALinkWasMadeToPointTo) {
    auto* const live = take(64);
    auto* const gone = take(64);
    memory_.deallocate(gone, 64, 1);
    const auto* const header = live - 16;
    std::memcpy(gone, static_cast<const void*>(&header), sizeof(header));
    EXPECT_EQ(take(64), gone);
    EXPECT_NE(take(64), live);
}

TEST_P(HashedResource, DoesNotGoRoundInCircles) {
    hashed_resource memory{make(65536, 16)};
    std::map<std::size_t, std::byte*> pieces;
    for (std::size_t size = 16; size <= 2048; size += 16) // several sizes in each list
        pieces[size] = static_cast<std::byte*>(memory.allocate(size));
    for (const auto& [size, piece] : pieces) {
        memory.deallocate(piece, size);
        const auto* const header = piece - 16;
        std::memcpy(piece, static_cast<const void*>(&header), sizeof(header));
    }
    for (std::size_t size = 2064; size <= 4096; size += 16)
        EXPECT_NE(memory.allocate(size), nullptr);
}

TEST_P(HashedResource, LeavesABlockAloneThatWasFreedByItsHandle) {
    const auto one = make(1024, 1);
    hashed_resource memory{one};
    auto* const piece = piece_of(memory, 16);
    one.free(one.handle_of(piece - 16));
    const auto next = one.allocate();
    memory.release();
    EXPECT_TRUE(one.check(next.handle()).mine);
}

TEST_P(HashedResource, DoesNotThrowWhereItIsTriedAndUpstreamDoes) {
    memory_resource inner{{make(4096, 1)}};
    hashed_resource outer{pool_, &inner};
    std::array<std::byte, 2000> local{};
    std::error_code ec;
    EXPECT_FALSE(outer.try_deallocate(local.data(), local.size(), 1, ec));
    EXPECT_EQ(ec, errc::not_a_block);
    auto* const memory = outer.try_allocate(2000, 1, ec);
    EXPECT_NE(memory, nullptr);
    EXPECT_EQ(outer.try_allocate(2000, 1, ec), nullptr);
    EXPECT_EQ(ec, errc::out_of_blocks);
    EXPECT_TRUE(outer.try_deallocate(memory, 2000, 1, ec));
    EXPECT_FALSE(ec);
}

TEST_P(HashedResource, RefusesWhatIsNoPieceOfIt) {
    hashed_resource other{pool_};
    auto* const strange = other.allocate(64);
    hashed_resource with_upstream{pool_, &upstream_};
    for (auto* each : {&memory_, &with_upstream}) {
        auto* const mine = static_cast<std::byte*>(each->allocate(64));
        std::memset(mine, 0, 64);
        std::array<std::byte, 64> local{};
        for (void* wrong : {static_cast<void*>(mine + 1), static_cast<void*>(mine + 32),
                            static_cast<void*>(mine - 16), static_cast<void*>(local.data()),
                            static_cast<void*>(nullptr)}) {
            if (wrong != nullptr) { // a resource may take null for granted
                EXPECT_REFUSED(handle_error, errc::not_a_block,
                               (each->deallocate(wrong, 64), true));
            }
            std::error_code ec;
            EXPECT_FALSE(each->try_deallocate(wrong, 64, 1, ec));
            EXPECT_EQ(ec, errc::not_a_block);
        }
        EXPECT_REFUSED(handle_error, errc::not_a_block, (each->deallocate(strange, 2000), true));
        for (const std::size_t wrong : {0U, 48U, 65U, 1009U})
            EXPECT_REFUSED(handle_error, errc::not_a_block, (each->deallocate(mine, wrong), true));
        each->deallocate(mine, 60);
        EXPECT_REFUSED(handle_error, errc::not_a_block, (each->deallocate(mine, 64), true));
    }
}

TEST_P(HashedResource, GivesEverythingBackWhenItIsReleased) {
    for (int i = 0; i < 3; ++i)
        static_cast<void>(take(900));
    memory_.deallocate(take(50), 50, 1);
    EXPECT_EQ(pool_.usage().in_use, 3U);
    memory_.release();
    EXPECT_EQ(pool_.usage().in_use, 0U);
    EXPECT_EQ(memory_.blocks_held(), 0U);
    static_cast<void>(take(50));
    EXPECT_EQ(memory_.blocks_held(), 1U);
    {
        hashed_resource brief{pool_};
        static_cast<void>(brief.allocate(1));
    }
    EXPECT_EQ(pool_.usage().in_use, 1U);
}

TEST_P(HashedResource, RefusesPoolsThatItCannotCut) {
    EXPECT_REFUSED(pool_error, errc::unfit_blocks, hashed_resource{make(63, 1)});
    EXPECT_REFUSED(pool_error, errc::unfit_blocks, hashed_resource{make(64, 1, 8)});
    EXPECT_REFUSED(pool_error, errc::not_mappable, hashed_resource{client_.create(slab_pool())});
    EXPECT_REFUSED(pool_error, errc::invalid_argument, hashed_resource{pool{}});
    std::error_code ec;
    EXPECT_FALSE(hashed_resource::try_create(pool{}, nullptr, ec));
    EXPECT_EQ(ec, errc::invalid_argument);
    EXPECT_TRUE(hashed_resource::try_create(pool_, nullptr, ec));
    EXPECT_FALSE(ec);
}

TEST_P(HashedResource, ServesContainers) {
    hashed_resource mixed{make(65536, 4), &upstream_};
    std::size_t held = 0;
    for (int round = 0; round < 3; ++round) {
        {
            std::pmr::map<int, std::pmr::string> words{&mixed};
            for (int i = 0; i < 200; ++i)
                words.emplace(i, "a string that is too long to be kept in place");
            EXPECT_EQ(words.at(100).size(), 45U);
        }
        EXPECT_TRUE(round == 0 || mixed.blocks_held() == held) << "the same pieces again";
        held = mixed.blocks_held();
    }
    EXPECT_EQ(upstream_.live(), 0U);
}

TEST_P(HashedResource, KeepsPiecesApartWhateverIsDone) {
    churn(memory_, 4000, [](auto& random) -> std::size_t { return random() % 300; });
    memory_.release();
    EXPECT_EQ(pool_.usage().in_use, 0U);
}

FIXEDPOOL_ON_ANY_TRANSPORT(HashedResource);

} // namespace
