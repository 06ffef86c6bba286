/* SPDX-License-Identifier: MIT */
#include <algorithm>
#include <array>
#include <cstddef>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <unordered_set>
#include <utility>
#include <vector>

#include "device_test.hpp"

namespace {

using namespace fixedpool;
using namespace fixedpool::testing;

using strings = slab<std::string>;

static_assert(std::forward_iterator<strings::iterator>);
static_assert(std::forward_iterator<strings::const_iterator>);
static_assert(std::is_convertible_v<strings::iterator, strings::const_iterator>);
static_assert(!std::is_convertible_v<strings::const_iterator, strings::iterator>);
static_assert(sizeof(strings::key) == 8);
static_assert(std::is_trivially_copyable_v<handle_to<int>>);
static_assert(std::is_convertible_v<handle_to<int>, handle_to<const int>>);
static_assert(!std::is_convertible_v<handle_to<const int>, handle_to<int>>);
static_assert(!std::is_convertible_v<handle, handle_to<int>>);

pool_options for_elements(std::uint32_t blocks) {
    return {.name = unique_name(), .blocks = blocks};
}

class HandleTo : public any_transport_test {
  protected:
    const pool pool_ = client_.create(small_pool());
};

TEST_P(HandleTo, FindsTheObject) {
    const auto block = pool_.allocate();
    new (block.data()) int{7};
    const handle_to<int> name{block.handle()};
    ASSERT_NE(name.get(pool_), nullptr);
    EXPECT_EQ(*name.get(pool_), 7);
    const handle_to<const int> constant = name;
    EXPECT_EQ(constant.get(pool_), name.get(pool_));
    EXPECT_EQ(name.untyped(), block.handle());
}

TEST_P(HandleTo, FindsNothingWhenTheAllocationHasEnded) {
    const handle_to<int> name{pool_.allocate().handle()};
    EXPECT_TRUE(name);
    EXPECT_EQ(name.get(pool_), nullptr);
    EXPECT_EQ(handle_to<int>{}.get(pool_), nullptr);
    EXPECT_FALSE(handle_to<int>{});
}

TEST_P(HandleTo, FindsNothingInAnotherPool) {
    const auto block = pool_.allocate();
    EXPECT_EQ(handle_to<int>{block.handle()}.get(client_.create(small_pool())), nullptr);
}

TEST_P(HandleTo, FindsNothingThatDoesNotFit) {
    struct alignas(128) aligned {
        int number;
    };
    const auto block = pool_.allocate();
    using large = std::array<std::byte, 65>;
    using fits = std::array<std::byte, 64>;
    EXPECT_EQ(handle_to<large>{block.handle()}.get(pool_), nullptr);
    EXPECT_EQ(handle_to<aligned>{block.handle()}.get(pool_), nullptr);
    EXPECT_NE(handle_to<fits>{block.handle()}.get(pool_), nullptr);
}

TEST_P(HandleTo, MeansTheSameToAnotherClient) {
    const auto other = open_client().attach(pool_.name());
    const auto block = pool_.allocate();
    new (block.data()) int{42};
    const handle_to<int> name{block.handle()};
    ASSERT_NE(name.get(other), nullptr);
    EXPECT_EQ(*name.get(other), 42);
}

TEST_P(HandleTo, ComparesAndHashesAsTheHandle) {
    const handle_to<int> one{handle{1, 1}};
    const handle_to<int> two{handle{1, 2}};
    EXPECT_NE(one, two);
    EXPECT_LT(one, two);
    EXPECT_EQ(std::hash<handle_to<int>>{}(one), std::hash<handle>{}(handle{1, 1}));
    EXPECT_EQ((std::unordered_set<handle_to<int>>{one, two, one}.size()), 2U);
}

FIXEDPOOL_ON_ANY_TRANSPORT(HandleTo);

class Slab : public any_transport_test {
  protected:
    strings strings_{client_, for_elements(16)};
};

TEST_P(Slab, FindsElementsByTheirKeys) {
    const auto one = strings_.emplace(3, 'x');
    const auto two = strings_.insert("two");
    EXPECT_NE(one, two);
    EXPECT_EQ(*strings_.get(one), "xxx");
    EXPECT_EQ(strings_.at(two), "two");
    EXPECT_EQ(*std::as_const(strings_).get(two), "two");
    EXPECT_EQ(std::as_const(strings_).at(two), "two");
    EXPECT_EQ(strings_.size(), 2U);
    EXPECT_EQ(strings_.max_size(), 16U);
}

TEST_P(Slab, MovesOrCopiesWhatIsInserted) {
    slab<std::unique_ptr<int>> movable{client_, for_elements(2)};
    const auto first = movable.insert(std::make_unique<int>(4));
    std::error_code ec;
    EXPECT_TRUE(movable.try_insert(std::make_unique<int>(5), ec));
    EXPECT_EQ(**movable.get(first), 4);
    const std::string text = "kept";
    EXPECT_EQ(strings_.at(strings_.insert(text)), "kept");
    EXPECT_EQ(strings_.at(strings_.try_insert(text, ec)), "kept");
    EXPECT_EQ(text, "kept");
}

TEST_P(Slab, KeepsKeysAndAddressesWhileOthersComeAndGo) {
    const auto kept = strings_.emplace("kept");
    const auto* const where = strings_.get(kept);
    for (int i = 0; i < 50; ++i)
        strings_.erase(strings_.emplace("brief"));
    EXPECT_EQ(strings_.get(kept), where);
    EXPECT_EQ(*where, "kept");
}

TEST_P(Slab, KnowsAStaleKey) {
    strings one{client_, for_elements(1)};
    const auto stale = one.emplace("first");
    one.erase(stale);
    for (const auto* when : {"erased", "in use again"}) {
        EXPECT_FALSE(one.contains(stale)) << when;
        EXPECT_EQ(one.get(stale), nullptr) << when;
        EXPECT_REFUSED(handle_error, errc::stale_handle, one.at(stale));
        EXPECT_REFUSED(handle_error, errc::stale_handle, std::as_const(one).at(stale));
        EXPECT_REFUSED(handle_error, errc::stale_handle, (one.erase(stale), true));
        std::error_code ec;
        EXPECT_FALSE(one.try_erase(stale, ec));
        EXPECT_EQ(ec, errc::stale_handle);
        if (one.empty())
            one.emplace("second");
    }
    EXPECT_EQ(one.size(), 1U);
    EXPECT_EQ(*one.begin(), "second");
}

TEST_P(Slab, RefusesWhatIsNoKeyOfIt) {
    strings others{client_, for_elements(1)};
    const auto strange = others.emplace("strange");
    const auto mine = strings_.emplace("mine").untyped();
    EXPECT_EQ(strings_.get(strange), nullptr);
    EXPECT_REFUSED(handle_error, errc::wrong_pool, strings_.at(strange));
    EXPECT_REFUSED(handle_error, errc::wrong_pool, (strings_.erase(strange), true));
    EXPECT_REFUSED(handle_error, errc::wrong_pool, strings_.at({}));
    for (const handle wrong : {handle{mine.version() + 1, mine.slot()},
                               handle{mine.version() + 2, mine.slot()}, handle{0, mine.slot()}}) {
        EXPECT_EQ(strings_.get(strings::key{wrong}), nullptr);
        EXPECT_REFUSED(handle_error, errc::stale_handle, strings_.at(strings::key{wrong}));
    }
    const handle beyond{mine.version(), mine.slot() + 65536};
    EXPECT_REFUSED(handle_error, errc::wrong_pool, strings_.at(strings::key{beyond}));
}

TEST_P(Slab, DoesNotTakeABlockForAnElement) {
    const auto blocks = client_.create(small_pool());
    slab<int> numbers{blocks};
    const auto block = blocks.allocate();
    EXPECT_EQ(numbers.get(slab<int>::key{block.handle()}), nullptr);
    EXPECT_REFUSED(handle_error, errc::stale_handle, numbers.at(slab<int>::key{block.handle()}));
    EXPECT_EQ(std::distance(numbers.begin(), numbers.end()), 0);
}

TEST_P(Slab, RefusesMoreElementsThanThereAreBlocks) {
    for (int i = 0; i < 16; ++i)
        strings_.emplace();
    EXPECT_REFUSED(pool_error, errc::out_of_blocks, strings_.emplace());
    std::error_code ec;
    EXPECT_FALSE(strings_.try_emplace(ec));
    EXPECT_EQ(ec, errc::out_of_blocks);
    EXPECT_EQ(strings_.size(), 16U);
}

TEST_P(Slab, IsUnchangedWhenAConstructorThrows) {
    struct failing {
        failing() { throw std::runtime_error{"told to"}; }
    };
    slab<failing> one{client_, for_elements(1)};
    for (int i = 0; i < 3; ++i)
        EXPECT_THROW(one.emplace(), std::runtime_error);
    EXPECT_TRUE(one.empty());
}

TEST_P(Slab, IteratesOverTheLivingOnes) {
    std::vector<strings::key> keys;
    keys.reserve(16);
    for (int i = 0; i < 16; ++i)
        keys.push_back(strings_.emplace(std::to_string(i)));
    for (std::size_t i = 0; i < 16; i += 2)
        strings_.erase(keys[i]);
    std::vector<std::string> seen{strings_.begin(), strings_.end()};
    std::ranges::sort(seen);
    EXPECT_EQ(seen, (std::vector<std::string>{"1", "11", "13", "15", "3", "5", "7", "9"}));
    for (auto each = strings_.begin(); each != strings_.end(); ++each)
        EXPECT_EQ(&strings_.at(each.key()), &*each);
    for (auto& each : strings_)
        each += "!";
    EXPECT_EQ(strings_.at(keys[1]), "1!");
    EXPECT_EQ(std::distance(strings_.cbegin(), strings_.cend()), 8);
    strings_.clear();
    EXPECT_EQ(strings_.begin(), strings_.end());
}

TEST_P(Slab, ErasesWhereAnIteratorStands) {
    for (int i = 0; i < 10; ++i)
        strings_.emplace(std::to_string(i % 2));
    EXPECT_EQ(erase_if(strings_, [](const std::string& each) { return each == "1"; }), 5U);
    EXPECT_EQ(strings_.size(), 5U);
    EXPECT_TRUE(std::ranges::all_of(strings_, [](const auto& each) { return each == "0"; }));
    auto each = strings_.begin();
    while (each != strings_.end())
        each = strings_.erase(each);
    EXPECT_TRUE(strings_.empty());
}

TEST_P(Slab, DestroysItsElementsInTheEnd) {
    const auto counted = std::make_shared<int>(0);
    {
        slab<std::shared_ptr<int>> copies{client_, for_elements(300)};
        for (int i = 0; i < 300; ++i)
            copies.insert(counted);
        EXPECT_EQ(counted.use_count(), 301);
    }
    EXPECT_EQ(counted.use_count(), 1);
}

TEST_P(Slab, MakesAllKeysStaleWhenItIsCleared) {
    const auto name = strings_.emplace("gone");
    strings_.clear();
    EXPECT_EQ(strings_.size(), 0U);
    EXPECT_EQ(strings_.get(name), nullptr);
    strings_.emplace("new");
    EXPECT_EQ(strings_.get(name), nullptr);
}

/** Leaves another one when it goes, so often. */
struct hydra {
    slab<hydra>* where;
    int heads;
    hydra(slab<hydra>* place, int count) : where{place}, heads{count} { ++alive; }
    hydra(const hydra&) = delete;
    hydra& operator=(const hydra&) = delete;
    ~hydra() {
        --alive;
        if (heads > 0)
            where->emplace(where, heads - 1);
    }
    static inline int alive = 0;
};

TEST_P(Slab, ClearsWhatDestructorsInsert) {
    slab<hydra> elements{client_, for_elements(8)};
    std::array<slab<hydra>::key, 4> keys;
    for (auto& key : keys)
        key = elements.emplace(&elements, 0);
    elements.erase(keys[0]); // so that there is room in front of the next
    elements.emplace(&elements, 3);
    elements.clear();
    EXPECT_EQ(elements.size(), 0U);
    EXPECT_EQ(hydra::alive, 0);
    EXPECT_EQ(elements.begin(), elements.end());
    EXPECT_EQ(elements.blocks().usage().in_use, 0U);
}

TEST_P(Slab, ContainsNothingThatWasFreedByItsKey) {
    slab<int> numbers{client_, for_elements(4)};
    const auto key = numbers.insert(1);
    EXPECT_TRUE(numbers.contains(key));
    numbers.blocks().free(key.untyped());
    EXPECT_FALSE(numbers.contains(key));
    EXPECT_EQ(numbers.find(key), numbers.end());
}

TEST_P(Slab, HasNoElementsWithoutAPool) {
    slab<int> none;
    EXPECT_EQ(none.begin(), none.end());
    EXPECT_EQ(std::as_const(none).begin(), std::as_const(none).end());
    EXPECT_EQ(none.max_size(), 0U);
    none.clear();
    slab<int> numbers{client_, for_elements(4)};
    const auto key = numbers.insert(1);
    const auto moved = std::move(numbers);
    EXPECT_TRUE(moved.contains(key));
    EXPECT_FALSE(numbers.contains(key));
    EXPECT_EQ(numbers.get(key), nullptr);
    EXPECT_EQ(std::distance(numbers.begin(), numbers.end()), 0);
}

TEST_P(Slab, MovesWithItsElements) {
    const auto name = strings_.emplace("along");
    auto moved = std::move(strings_);
    EXPECT_FALSE(strings_);
    EXPECT_TRUE(strings_.empty());
    EXPECT_EQ(moved.at(name), "along");
    strings others{client_, for_elements(1)};
    swap(moved, others);
    EXPECT_EQ(others.at(name), "along");
    EXPECT_EQ(others.size(), 1U);
    EXPECT_EQ(moved.size(), 0U);
}

TEST_P(Slab, RefusesBlocksThatDoNotFit) {
    using large = std::array<std::byte, 65>;
    const auto blocks = client_.create(small_pool());
    EXPECT_REFUSED(pool_error, errc::unfit_blocks, slab<large>{blocks});
    EXPECT_REFUSED(pool_error, errc::unfit_blocks, (slab<large>{client_, small_pool()}));
    EXPECT_REFUSED(pool_error, errc::not_mappable, slab<int>{client_.create(slab_pool())});
    EXPECT_REFUSED(pool_error, errc::invalid_argument, slab<int>{pool{}});
    std::error_code ec;
    EXPECT_FALSE(slab<large>::try_create(blocks, ec));
    EXPECT_EQ(ec, errc::unfit_blocks);
    EXPECT_FALSE(slab<large>::try_create(client_, small_pool(), ec));
    EXPECT_EQ(ec, errc::unfit_blocks);
    EXPECT_TRUE(slab<int>::try_create(client_, for_elements(1), ec));
}

TEST_P(Slab, PassesOverWhatWasFreedByItsKey) {
    const auto first = strings_.emplace("first");
    const auto gone = strings_.emplace("gone");
    const auto last = strings_.emplace("last");
    strings_.blocks().free(gone.untyped()); // short enough to have no memory elsewhere
    EXPECT_FALSE(strings_.get(gone));
    EXPECT_EQ(strings_.find(gone), strings_.end());
    std::vector<std::string> seen{strings_.begin(), strings_.end()};
    std::ranges::sort(seen);
    EXPECT_EQ(seen, (std::vector<std::string>{"first", "last"}));
    EXPECT_REFUSED(handle_error, errc::stale_handle, (strings_.erase(gone), true));
    for (int i = 0; i < 14; ++i)
        strings_.emplace("next");
    EXPECT_EQ(strings_.size(), 16U) << "the block has an element again";
    EXPECT_EQ(std::distance(strings_.begin(), strings_.end()), 16);
    EXPECT_EQ(erase_if(strings_, [](const auto& each) { return each == "next"; }), 14U);
    EXPECT_EQ(strings_.at(first) + strings_.at(last), "firstlast");
    strings_.blocks().free(last.untyped());
    strings_.clear();
    EXPECT_TRUE(strings_.empty());
}

TEST_P(Slab, FindsIteratorsAndKeysOfElements) {
    const auto one = strings_.emplace("one");
    const auto two = strings_.emplace("two");
    EXPECT_EQ(*strings_.find(two), "two");
    EXPECT_EQ(strings_.find(two)->size(), 3U);
    EXPECT_EQ(std::as_const(strings_).find(two).key(), two);
    EXPECT_EQ(strings_.key_of(strings_.at(one)), one);
    EXPECT_FALSE(strings_.key_of("somewhere else"));
    strings_.erase(strings_.find(one));
    EXPECT_EQ(strings_.find(one), strings_.end());
    EXPECT_EQ(std::as_const(strings_).find({}), strings_.cend());
    strings::const_iterator none = strings::iterator{};
    EXPECT_EQ(none, strings::const_iterator{});
}

TEST_P(Slab, IteratesOverWhatHasAnAddressOperatorOfItsOwn) {
    struct hidden {
        int number = 7;
        void operator&() const = delete; // NOLINT(google-runtime-operator)
    };
    slab<hidden> elements{client_, for_elements(1)};
    const auto name = elements.emplace();
    EXPECT_EQ(elements.begin()->number, 7);
    EXPECT_EQ(elements.key_of(elements.at(name)), name);
}

TEST_P(Slab, HandsElementsOverToAnotherClient) {
    const auto there = open_client();
    slab<std::string> sent{client_, for_elements(2)};
    slab<std::string> received{there.attach(sent.blocks().name())};
    const auto name = sent.emplace("from the one to the other, and not copied");
    sent.release(name);
    EXPECT_TRUE(sent.empty());
    EXPECT_EQ(sent.begin(), sent.end());
    EXPECT_REFUSED(handle_error, errc::stale_handle, (sent.release(name), true));
    EXPECT_REFUSED(handle_error, errc::not_holder, received.adopt(name));
    sent.blocks().give(name.untyped(), there.id());

    EXPECT_EQ(received.adopt(name), "from the one to the other, and not copied");
    std::error_code ec;
    EXPECT_EQ(received.try_adopt(name, ec), received.get(name)) << "as before";
    EXPECT_EQ(received.size(), 1U);
    sent.clear();
    EXPECT_EQ(received.begin()->front(), 'f');
    received.erase(name);
    EXPECT_EQ(sent.blocks().usage().in_use, 0U);
    EXPECT_EQ(received.try_adopt(name, ec), nullptr);
    EXPECT_EQ(ec, errc::stale_handle);
    EXPECT_FALSE(received.try_release(strings_.emplace("other"), ec));
    EXPECT_EQ(ec, errc::wrong_pool);
}

TEST_P(Slab, AgreesWithAMapWhateverIsDone) {
    for (const auto& options : with_any_caching(for_elements(64), 64)) {
        slab<int> numbers{client_, options};
        std::map<slab<int>::key, int> expected;
        std::vector<slab<int>::key> erased;
        std::mt19937 random{4711};
        for (int round = 0; round < 4000; ++round) {
            if (random() % 2 == 0) {
                std::error_code ec;
                const auto name = numbers.try_emplace(ec, round);
                EXPECT_EQ(static_cast<bool>(name), expected.size() < numbers.max_size());
                if (name) {
                    EXPECT_TRUE(expected.emplace(name, round).second);
                }
            } else if (!expected.empty()) {
                const auto gone = std::next(
                    expected.begin(), static_cast<std::ptrdiff_t>(random() % expected.size()));
                numbers.erase(gone->first);
                erased.push_back(gone->first);
                expected.erase(gone);
            }
        }
        EXPECT_EQ(numbers.size(), expected.size());
        for (const auto& [name, value] : expected)
            EXPECT_EQ(numbers.at(name), value);
        for (const auto name : erased)
            EXPECT_FALSE(numbers.contains(name));
        for (auto each = numbers.begin(); each != numbers.end(); ++each)
            EXPECT_EQ(expected.at(each.key()), *each);
        EXPECT_EQ(std::distance(numbers.begin(), numbers.end()),
                  static_cast<std::ptrdiff_t>(expected.size()));
    }
}

FIXEDPOOL_ON_ANY_TRANSPORT(Slab);

} // namespace
