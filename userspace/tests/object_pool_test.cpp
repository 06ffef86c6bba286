/* SPDX-License-Identifier: MIT */
#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "device_test.hpp"

namespace {

using namespace fixedpool;
using namespace fixedpool::testing;

/** Counts how many there are of it, and fails when it is told to. */
class witness {
  public:
    explicit witness(int value, bool fails = false) : value_{value} {
        if (fails)
            throw std::runtime_error{"told to"};
        ++alive;
    }
    witness(const witness&) = delete;
    witness& operator=(const witness&) = delete;
    ~witness() { --alive; }

    [[nodiscard]] int value() const { return value_; }

    static inline std::atomic<int> alive = 0;

  private:
    int value_;
};

static_assert(!std::is_copy_constructible_v<object_pool<witness>>);
static_assert(std::is_nothrow_move_constructible_v<object_pool<witness>>);
static_assert(std::is_nothrow_move_assignable_v<object_pool<witness>>);
static_assert(sizeof(object_pool<witness>::pointer) == 2 * sizeof(void*) + sizeof(handle));

/** For objects of any type that has no size of its own here. */
pool_options for_objects(std::uint32_t blocks, std::uint32_t max_blocks = 0) {
    return {.name = unique_name(), .blocks = blocks, .max_blocks = max_blocks};
}

class ObjectPool : public any_transport_test {
  protected:
    ObjectPool() { witness::alive = 0; }

    object_pool<witness> objects_{client_, for_objects(4)};
};

TEST_P(ObjectPool, ConstructsWithTheArguments) {
    object_pool<std::pair<std::string, int>> pairs{client_, for_objects(1)};
    const auto made = pairs.construct("seven", 7);
    EXPECT_EQ(made->first, "seven");
    EXPECT_EQ(made->second, 7);
}

TEST_P(ObjectPool, MakesThePoolForTheSizeAndTheAlignmentOfTheType) {
    struct alignas(256) wide {
        std::array<std::byte, 700> bytes;
    };
    object_pool<wide> objects{client_, for_objects(8)};
    EXPECT_GE(objects.blocks().block_size(), sizeof(wide));
    std::vector<object_pool<wide>::pointer> owners;
    owners.reserve(8);
    for (int i = 0; i < 8; ++i) {
        owners.push_back(objects.construct());
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(owners.back().get()) % 256, 0U);
    }
}

TEST_P(ObjectPool, AlignsUpToAPage) {
    struct alignas(4096) page {
        int number;
    };
    object_pool<page> objects{client_, for_objects(2)};
    const auto made = objects.construct(page{3});
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(made.get()) % 4096, 0U);
}

TEST_P(ObjectPool, TakesSingleBytes) {
    object_pool<char> objects{client_, for_objects(16)};
    std::vector<object_pool<char>::pointer> owners;
    owners.reserve(16);
    for (char c = 'a'; c < 'q'; ++c)
        owners.push_back(objects.construct(c));
    for (char c = 'a'; c < 'q'; ++c)
        EXPECT_EQ(*owners[static_cast<std::size_t>(c - 'a')], c);
}

TEST_P(ObjectPool, DestroysWithTheOwner) {
    {
        const auto made = objects_.construct(1);
        EXPECT_EQ(witness::alive, 1);
        EXPECT_EQ(objects_.blocks().usage().in_use, 1U);
    }
    EXPECT_EQ(witness::alive, 0);
    objects_.blocks().trim();
    EXPECT_EQ(objects_.blocks().usage().in_use, 0U);
}

TEST_P(ObjectPool, LeavesWhatItsOwnerReleasedToDeleteObject) {
    auto* const left = objects_.construct(5).release();
    EXPECT_EQ(witness::alive, 1);
    EXPECT_EQ(left->value(), 5);
    objects_.delete_object(left);
    EXPECT_EQ(witness::alive, 0);
}

TEST_P(ObjectPool, OwnsWhatHadNoOwner) {
    auto* const bare = objects_.new_object(1);
    objects_.own(bare).reset();
    EXPECT_EQ(witness::alive, 0);
    EXPECT_FALSE(objects_.owns(bare));
}

TEST_P(ObjectPool, DestroysLeftoversInTheEnd) {
    {
        object_pool<witness> brief{client_, for_objects(300)};
        for (int i = 0; i < 300; ++i)
            static_cast<void>(brief.new_object(i));
        EXPECT_EQ(witness::alive, 300);
    }
    EXPECT_EQ(witness::alive, 0);
}

TEST_P(ObjectPool, DestroysLeftoversOnlyOnce) {
    std::array<witness*, 3> made{};
    std::ranges::generate(made, [&] { return objects_.new_object(0); });
    objects_.delete_object(made[1]);
    EXPECT_EQ(objects_.clear(), 2U);
    EXPECT_EQ(witness::alive, 0);
    EXPECT_EQ(objects_.clear(), 0U);
}

TEST_P(ObjectPool, GivesTheBlocksOfLeftoversBackToAPoolThatStays) {
    auto options = with_blocks(200);
    const auto blocks = client_.create(options);
    const auto foreign = blocks.allocate();
    {
        object_pool<witness> brief{blocks};
        for (int i = 0; i < 199; ++i)
            static_cast<void>(brief.new_object(i));
        EXPECT_EQ(blocks.usage().in_use, 200U);
    }
    EXPECT_EQ(witness::alive, 0);
    EXPECT_EQ(blocks.usage().in_use, 1U);
    EXPECT_TRUE(blocks.check(foreign.handle()).mine);
}

TEST_P(ObjectPool, DestroysATreeWhoseNodesOwnEachOther) {
    struct node {
        object_pool<node>::pointer left;
        object_pool<node>::pointer right;
        std::unique_ptr<witness> seen = std::make_unique<witness>(0);
    };
    {
        object_pool<node> nodes{client_, for_objects(7)};
        auto* const root = nodes.new_object();
        for (auto* each : {root}) {
            each->left = nodes.construct();
            each->right = nodes.construct();
            each->left->left = nodes.construct();
            each->right->right = nodes.construct();
        }
        EXPECT_EQ(witness::alive, 5);
    }
    EXPECT_EQ(witness::alive, 0);
}

TEST_P(ObjectPool, GivesTheBlockBackWhenAConstructorThrows) {
    object_pool<witness> one{client_, for_objects(1)};
    EXPECT_THROW(static_cast<void>(one.construct(1, true)), std::runtime_error);
    std::error_code ec;
    EXPECT_THROW(static_cast<void>(one.try_construct(ec, 1, true)), std::runtime_error);
    EXPECT_TRUE(one.construct(1));
    EXPECT_EQ(witness::alive, 0);
}

TEST_P(ObjectPool, RefusesMoreObjectsThanThereAreBlocks) {
    std::array<object_pool<witness>::pointer, 4> owners;
    std::ranges::generate(owners, [&] { return objects_.construct(0); });
    EXPECT_REFUSED(pool_error, errc::out_of_blocks, objects_.construct(0));
    EXPECT_REFUSED(pool_error, errc::out_of_blocks, objects_.new_object(0));
    std::error_code ec;
    EXPECT_FALSE(objects_.try_construct(ec, 0));
    EXPECT_EQ(ec, errc::out_of_blocks);
    EXPECT_EQ(objects_.try_new_object(ec, 0), nullptr);
    owners[2].reset();
    EXPECT_TRUE(objects_.try_construct(ec, 0));
    EXPECT_FALSE(ec);
}

TEST_P(ObjectPool, GrowsUpToItsMaximum) {
    object_pool<std::array<std::byte, 1024>> objects{client_, for_objects(1, 64)};
    const auto before = objects.blocks().usage().blocks;
    EXPECT_EQ(objects.blocks().capacity(), 64U);
    for (int i = 0; i < 64; ++i)
        static_cast<void>(objects.new_object());
    EXPECT_GT(objects.blocks().usage().blocks, before);
    EXPECT_REFUSED(pool_error, errc::out_of_blocks, objects.new_object());
    EXPECT_EQ(objects.clear(), 64U);
}

TEST_P(ObjectPool, BeginsSmallWhereOnlyTheMaximumIsSaid) {
    object_pool<witness> objects{client_, for_objects(0, 1000)};
    EXPECT_EQ(objects.blocks().capacity(), 1000U);
    EXPECT_LT(objects.blocks().usage().blocks, 1000U);
    for (int i = 0; i < 1000; ++i)
        static_cast<void>(objects.new_object(i));
    EXPECT_EQ(objects.size(), 1000U);
    const object_pool<witness> few{client_, for_objects(0, 3)};
    EXPECT_EQ(few.blocks().usage().blocks, 3U);
}

TEST_P(ObjectPool, HasNoObjectsWithoutAPool) {
    object_pool<witness> none;
    EXPECT_EQ(none.size(), 0U);
    EXPECT_EQ(none.clear(), 0U);
}

TEST_P(ObjectPool, RefusesToDeleteTwice) {
    auto* const made = objects_.new_object(0);
    objects_.delete_object(made);
    EXPECT_REFUSED(handle_error, errc::not_a_block, (objects_.delete_object(made), true));
    EXPECT_EQ(witness::alive, 0);
}

TEST_P(ObjectPool, RefusesToDeleteWhatIsNotItsObject) {
    object_pool<witness> others{client_, for_objects(1)};
    auto* const strange = others.new_object(0);
    auto* const made = objects_.new_object(0);
    auto* const inside = reinterpret_cast<witness*>(reinterpret_cast<std::byte*>(made) + 1);
    witness local{0};
    for (auto* wrong : {strange, inside, &local, static_cast<witness*>(nullptr)}) {
        EXPECT_FALSE(objects_.owns(wrong));
        EXPECT_FALSE(objects_.handle_of(wrong));
        EXPECT_REFUSED(handle_error, errc::not_a_block, (objects_.delete_object(wrong), true));
        std::error_code ec;
        EXPECT_FALSE(objects_.try_delete_object(wrong, ec));
        EXPECT_EQ(ec, errc::not_a_block);
    }
    EXPECT_EQ(witness::alive, 3);
    std::error_code ec = errc::stale_handle;
    EXPECT_TRUE(objects_.try_delete_object(made, ec));
    EXPECT_FALSE(ec);
}

TEST_P(ObjectPool, RefusesToDeleteABlockThatIsNoObject) {
    const auto blocks = client_.create(small_pool());
    object_pool<witness> objects{blocks};
    const auto block = blocks.allocate();
    EXPECT_REFUSED(handle_error, errc::not_a_block,
                   (objects.delete_object(reinterpret_cast<witness*>(block.data())), true));
    EXPECT_TRUE(blocks.check(block.handle()).mine);
}

TEST_P(ObjectPool, LeavesAloneWhatWasFreedByItsHandle) {
    const auto blocks = client_.create(with_blocks(1));
    block next;
    {
        object_pool<int> objects{blocks};
        auto* const made = objects.new_object(1);
        const auto name = objects.handle_of(made);
        EXPECT_EQ(blocks.get(name), reinterpret_cast<std::byte*>(made));
        blocks.free(name);
        next = blocks.allocate();
        EXPECT_FALSE(objects.owns(made));
        EXPECT_REFUSED(handle_error, errc::not_a_block, (objects.delete_object(made), true));
    }
    EXPECT_TRUE(blocks.check(next.handle()).mine);
}

TEST_P(ObjectPool, RefusesBlocksThatDoNotFit) {
    using large = std::array<std::byte, 65>;
    struct alignas(128) aligned {
        int number;
    };
    const auto blocks = client_.create(small_pool());
    EXPECT_REFUSED(pool_error, errc::unfit_blocks, object_pool<large>{blocks});
    EXPECT_REFUSED(pool_error, errc::unfit_blocks, object_pool<aligned>{blocks});
    EXPECT_REFUSED(pool_error, errc::unfit_blocks, (object_pool<large>{client_, small_pool()}));
    auto options = for_objects(1);
    options.alignment = 8;
    EXPECT_REFUSED(pool_error, errc::unfit_blocks, (object_pool<aligned>{client_, options}));
    std::error_code ec;
    EXPECT_FALSE(object_pool<large>::try_create(blocks, ec));
    EXPECT_EQ(ec, errc::unfit_blocks);
    EXPECT_FALSE(object_pool<large>::try_create(client_, small_pool(), ec));
    EXPECT_EQ(ec, errc::unfit_blocks);
    EXPECT_TRUE((object_pool<std::array<std::byte, 64>>::try_create(blocks, ec)));
    EXPECT_FALSE(ec);
}

TEST_P(ObjectPool, RefusesPoolsThatCannotBeUsedInPlace) {
    EXPECT_REFUSED(pool_error, errc::not_mappable, object_pool<int>{client_.create(slab_pool())});
    EXPECT_REFUSED(pool_error, errc::not_mappable, (object_pool<int>{client_, slab_pool()}));
    EXPECT_REFUSED(pool_error, errc::invalid_argument, object_pool<int>{pool{}});
    EXPECT_REFUSED(pool_error, errc::invalid_argument, (object_pool<int>{client_, {}}));
    auto taken = for_objects(1);
    taken.name = objects_.blocks().name();
    EXPECT_REFUSED(pool_error, errc::name_taken, (object_pool<int>{client_, taken}));
}

TEST_P(ObjectPool, TakesItsPoolAlong) {
    auto options = for_objects(1);
    { const object_pool<int> brief{client_, options}; }
    EXPECT_TRUE((object_pool<int>{client_, options})) << "the name is free again";
}

TEST_P(ObjectPool, KeepsItsOwnersWhenItIsMoved) {
    auto owner = objects_.construct(9);
    auto moved = std::move(objects_);
    EXPECT_FALSE(objects_);
    EXPECT_TRUE(moved.owns(owner.get()));
    owner.reset();
    EXPECT_EQ(witness::alive, 0);

    static_cast<void>(moved.new_object(1));
    moved = object_pool<witness>{client_, for_objects(1)};
    EXPECT_EQ(witness::alive, 0) << "what the old one had";
    EXPECT_TRUE(moved.construct(2));
}

TEST_P(ObjectPool, LetsOwnersAloneWhateverHasComeIntoTheirBlock) {
    object_pool<witness> one{client_, for_objects(1)};
    auto constructed = one.construct(1);
    one.delete_object(constructed.get());
    auto* const next = one.new_object(2);
    ASSERT_EQ(next, constructed.get()) << "the same block";
    constructed.reset();
    EXPECT_TRUE(one.owns(next));

    auto first = one.own(next);
    auto second = one.own(next); // wrong, but harmless
    first.reset();
    auto last = one.construct(3);
    second.reset();
    EXPECT_EQ(last->value(), 3);
    EXPECT_EQ(witness::alive, 1);
    object_pool<witness>::pointer{last.get(), {}}.reset();
    EXPECT_TRUE(one.owns(last.get())) << "of a deleter that is for nothing";
}

TEST_P(ObjectPool, CountsItsObjects) {
    EXPECT_EQ(objects_.size(), 0U);
    auto* const first = objects_.new_object(1);
    const auto second = objects_.construct(2);
    EXPECT_EQ(objects_.size(), 2U);
    objects_.delete_object(first);
    EXPECT_EQ(objects_.size(), 1U);
    objects_.blocks().free(objects_.handle_of(second.get()));
    EXPECT_EQ(objects_.size(), 0U) << "freed by its handle";
    --witness::alive; // as it was not destroyed
}

TEST_P(ObjectPool, HandsObjectsOverToAnotherClient) {
    const auto there = open_client();
    object_pool<std::string> sent{client_, for_objects(2)};
    object_pool<std::string> received{there.attach(sent.blocks().name())};
    auto* const object = sent.new_object("from the one to the other, and not copied");
    const auto name = sent.release(object);
    EXPECT_FALSE(sent.owns(object));
    EXPECT_EQ(sent.size(), 0U);
    EXPECT_REFUSED(handle_error, errc::not_holder, received.adopt(name));
    sent.blocks().give(name.untyped(), there.id());

    EXPECT_EQ(sent.clear(), 0U);
    auto owner = received.own(received.adopt(name));
    EXPECT_EQ(*owner, "from the one to the other, and not copied");
    EXPECT_EQ(received.size(), 1U);
    EXPECT_EQ(received.adopt(name), owner.get()) << "as before";
    EXPECT_EQ(received.size(), 1U);
    owner.reset();
    EXPECT_EQ(sent.blocks().usage().in_use, 0U);
    EXPECT_REFUSED(handle_error, errc::stale_handle, received.adopt(name));
}

TEST_P(ObjectPool, TakesBackWhatItReleased) {
    auto owner = objects_.construct(4);
    std::error_code ec = errc::stale_handle;
    const auto name = objects_.try_release(owner.get(), ec);
    EXPECT_TRUE(name);
    EXPECT_FALSE(ec);
    EXPECT_EQ(objects_.clear(), 0U);
    auto* const object = owner.get();
    owner.reset();
    EXPECT_EQ(witness::alive, 1) << "it is not the owner's any more";
    EXPECT_EQ(objects_.try_adopt(name, ec), object);
    EXPECT_FALSE(ec);
    EXPECT_EQ(objects_.clear(), 1U);
    EXPECT_EQ(witness::alive, 0);
}

TEST_P(ObjectPool, RefusesToReleaseOrAdoptWhatItCannot) {
    const auto blocks = client_.create(small_pool());
    object_pool<int> numbers{blocks};
    const auto block = blocks.allocate();
    int local = 0;
    for (auto* wrong : {&local, reinterpret_cast<int*>(block.data()), static_cast<int*>(nullptr)}) {
        EXPECT_REFUSED(handle_error, errc::not_a_block, numbers.release(wrong));
        std::error_code ec;
        EXPECT_FALSE(numbers.try_release(wrong, ec));
        EXPECT_EQ(ec, errc::not_a_block);
    }
    const auto others = client_.create(small_pool());
    const auto strange = others.allocate();
    const handle_to<int> wrong{strange.handle()};
    EXPECT_REFUSED(handle_error, errc::wrong_pool, numbers.adopt(wrong));
    std::error_code ec;
    EXPECT_EQ(numbers.try_adopt(wrong, ec), nullptr);
    EXPECT_EQ(ec, errc::wrong_pool);
    const auto name = numbers.release(numbers.new_object(1));
    blocks.free(name.untyped());
    EXPECT_REFUSED(handle_error, errc::stale_handle, numbers.adopt(name));
    EXPECT_EQ(numbers.size(), 0U);
}

TEST_P(ObjectPool, CanBeUsedByManyThreadsAtTheSameTime) {
    for (const auto& options : with_any_caching(for_objects(64), 64)) {
        object_pool<std::array<int, 8>> objects{client_, options};
        std::atomic<int> failures = 0;
        std::array<std::atomic<std::array<int, 8>*>, 16> handed{};
        const auto work = [&](int number) {
            for (int round = 0; round < 300; ++round) {
                std::error_code ec;
                auto made = objects.try_construct(ec);
                if (!made)
                    continue;
                made->fill(number);
                std::this_thread::yield();
                failures += std::ranges::count(*made, number) == 8 ? 0 : 1;
                // Some are deleted by others.
                auto& place = handed[static_cast<std::size_t>(round) % handed.size()];
                if (auto* const before = place.exchange(made.release()); before != nullptr)
                    failures += objects.try_delete_object(before, ec) ? 0 : 1;
            }
        };
        {
            const std::array<std::jthread, 4> threads{std::jthread{work, 1}, std::jthread{work, 2},
                                                      std::jthread{work, 3}, std::jthread{work, 4}};
        }
        EXPECT_EQ(failures, 0);
        EXPECT_EQ(objects.size(), handed.size());
        EXPECT_EQ(objects.clear(), handed.size());
        objects.blocks().trim();
        EXPECT_EQ(objects.blocks().usage().in_use, 0U);
    }
}

TEST_P(ObjectPool, IsDeletedByOneOfThoseWhoDoSoAtTheSameTime) {
    for (const auto& options : with_any_caching(for_objects(4), 4)) {
        object_pool<witness> objects{client_, options};
        constexpr int rounds = 2000;
        std::atomic<int> deleted = 0;
        std::atomic<int> arrived = 0;
        std::atomic<witness*> target = nullptr;
        // They wait without sleeping, to be at the same place at the same time.
        const auto work = [&](bool makes) {
            for (int round = 0; round < rounds; ++round) {
                std::error_code ec;
                if (makes)
                    target = objects.try_new_object(ec, 0);
                for (++arrived; arrived < 4 * round + 2;)
                    std::this_thread::yield();
                deleted += objects.try_delete_object(target, ec) ? 1 : 0;
                for (++arrived; arrived < 4 * round + 4;)
                    std::this_thread::yield();
            }
        };
        {
            const std::array<std::jthread, 2> threads{std::jthread{work, true},
                                                      std::jthread{work, false}};
        }
        EXPECT_EQ(deleted, rounds);
        EXPECT_EQ(witness::alive, 0);
        EXPECT_EQ(objects.size(), 0U);
    }
}

FIXEDPOOL_ON_ANY_TRANSPORT(ObjectPool);

} // namespace
