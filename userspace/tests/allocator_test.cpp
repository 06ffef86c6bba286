/* SPDX-License-Identifier: MIT */
#include <any>
#include <array>
#include <barrier>
#include <cstddef>
#include <cstdint>
#include <forward_list>
#include <functional>
#include <limits>
#include <list>
#include <map>
#include <memory>
#include <new>
#include <numeric>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <type_traits>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "device_test.hpp"
#include "upstream.hpp"

namespace {

using namespace fixedpool;
using namespace fixedpool::testing;

using traits = std::allocator_traits<allocator<int>>;
static_assert(std::is_same_v<traits::rebind_alloc<std::string>, allocator<std::string>>);
static_assert(!traits::propagate_on_container_copy_assignment::value);
static_assert(traits::propagate_on_container_move_assignment::value);
static_assert(traits::propagate_on_container_swap::value);
static_assert(!traits::is_always_equal::value);
static_assert(std::is_nothrow_copy_constructible_v<allocator<int>>);
static_assert(std::is_nothrow_move_constructible_v<allocator<int>>);

template <typename T>
using list = std::list<T, allocator<T>>;
template <typename K, typename V>
using map = std::map<K, V, std::less<>, allocator<std::pair<const K, V>>>;
template <typename T>
using set = std::set<T, std::less<>, allocator<T>>;
template <typename K, typename V>
using unordered_map =
    std::unordered_map<K, V, std::hash<K>, std::equal_to<>, allocator<std::pair<const K, V>>>;

/** An element that no container can make of what it is given. */
struct unwilling {
    unwilling() = delete;
    explicit unwilling(const std::vector<int>&) {}
    unwilling(const unwilling&) = delete;
    unwilling& operator=(const unwilling&) = delete;
    ~unwilling() = default;
    bool operator<(const unwilling&) const { return false; }
    std::array<char, 100> bytes{};
};

struct alignas(64) aligned {
    int number;
};

TEST(NodeSize, IsLargerThanTheElement) {
    EXPECT_GT((node_size<std::list<int>>()), sizeof(int));
    EXPECT_GT((node_size<std::forward_list<int>>()), sizeof(int));
    EXPECT_GT((node_size<std::map<int, int>>()), 2 * sizeof(int));
    EXPECT_GT((node_size<std::multimap<int, int>>()), 2 * sizeof(int));
    EXPECT_GT((node_size<std::set<std::array<char, 300>>>()), 300U);
    EXPECT_GT((node_size<std::multiset<int>>()), sizeof(int));
    EXPECT_GT((node_size<std::unordered_map<int, int>>()), 2 * sizeof(int));
    EXPECT_GT((node_size<std::unordered_set<std::string>>()), sizeof(std::string));
    EXPECT_LT((node_size<std::forward_list<int>>()), (node_size<std::list<int>>()));
}

TEST(NodeSize, DoesNotDependOnTheAllocator) {
    EXPECT_EQ((node_size<list<int>>()), (node_size<std::list<int>>()));
    EXPECT_EQ((node_size<map<int, int>>()), (node_size<std::map<int, int>>()));
    EXPECT_EQ((node_size<unordered_map<int, int>>()), (node_size<std::unordered_map<int, int>>()));
}

TEST(NodeSize, MakesNoElements) {
    EXPECT_GT((node_size<std::list<unwilling>>()), 100U);
    EXPECT_GT((node_size<std::set<unwilling>>()), 100U);
    EXPECT_GT((node_size<std::map<int, unwilling>>()), 100U);
}

TEST(NodeSize, MeasuresElementsThatTakeAnything) {
    EXPECT_GT((node_size<std::list<std::any>>()), sizeof(std::any));
    EXPECT_GT((node_size<std::set<std::any, bool (*)(const std::any&, const std::any&)>>()),
              sizeof(std::any));
}

TEST(NodeSize, SaysHowNodesAreAligned) {
    EXPECT_EQ((node_alignment<std::list<aligned>>()), 64U);
    EXPECT_EQ((node_alignment<std::list<int>>()), alignof(void*));
    EXPECT_EQ((node_size<std::list<aligned>>() % 64), 0U);
}

template <typename container>
concept has_node_size = requires {
    node_size<container>();
};
static_assert(has_node_size<std::list<int>>);
static_assert(!has_node_size<std::vector<int>>);
static_assert(!has_node_size<std::string>);
static_assert(!has_node_size<int>);

class Allocator : public any_transport_test {
  protected:
    template <typename container>
    [[nodiscard]] pool nodes_of(std::uint32_t count) const {
        auto options = with_blocks(count);
        options.block_size = node_size<container>();
        options.alignment = node_alignment<container>();
        return client_.create(options);
    }
};

TEST_P(Allocator, ServesListsWithAsManyNodesAsThereAreBlocks) {
    const auto nodes = nodes_of<list<int>>(100);
    list<int> numbers{nodes};
    for (int i = 0; i < 100; ++i)
        numbers.push_back(i);
    EXPECT_EQ(nodes.usage().in_use, 100U);
    EXPECT_EQ(std::accumulate(numbers.begin(), numbers.end(), 0), 4950);
    try {
        numbers.push_back(100);
        ADD_FAILURE();
    } catch (const std::bad_alloc& refused) {
        EXPECT_NE(std::string_view{refused.what()}.find(nodes.name()), std::string_view::npos);
    }
    EXPECT_REFUSED(fixedpool::bad_alloc, errc::out_of_blocks, (numbers.push_back(0), true));
    EXPECT_EQ(numbers.size(), 100U);
    numbers.pop_front();
    numbers.push_back(100);
}

TEST_P(Allocator, ServesThreadsThatGiveBackWhatOthersTook) {
    auto options = with_blocks(0);
    options.block_size = node_size<list<int>>();
    for (const auto& each : with_any_caching(options, 256)) {
        const auto nodes = client_.create(each);
        std::array<list<int>, 2> lists{list<int>{nodes}, list<int>{nodes}};
        std::barrier turn{2};
        const auto work = [&](std::size_t number) {
            for (int round = 0; round < 20; ++round) {
                auto& mine = lists[(number + static_cast<std::size_t>(round)) % 2];
                mine.clear(); // what the other has made
                for (int i = 0; i < 100; ++i)
                    mine.push_back(i);
                turn.arrive_and_wait();
            }
        };
        { const std::array<std::jthread, 2> threads{std::jthread{work, 0}, std::jthread{work, 1}}; }
        for (const auto& one : lists)
            EXPECT_EQ(std::accumulate(one.begin(), one.end(), 0), 4950);
        nodes.trim();
        EXPECT_EQ(nodes.usage().in_use, 200U);
    }
}

TEST_P(Allocator, IsOneOfNoTypeAndOfEachType) {
    const auto blocks = client_.create(small_pool());
    const allocator<void> general{blocks};
    allocator<int> numbers{general};
    numbers.deallocate(numbers.allocate(1), 1);
    EXPECT_EQ(general, numbers);
    EXPECT_EQ(numbers, allocator<void>{numbers});
    EXPECT_EQ(general.blocks(), blocks);
    EXPECT_EQ(general.upstream(), nullptr);
    static_assert(
        std::is_same_v<std::allocator_traits<allocator<void>>::rebind_alloc<int>, allocator<int>>);
    EXPECT_REFUSED(pool_error, errc::invalid_argument, allocator<void>{pool{}});
}

TEST_P(Allocator, TakesNothingForNothing) {
    allocator<int> numbers{client_.create(small_pool())};
    std::error_code ec = errc::no_upstream;
    EXPECT_EQ(numbers.allocate(0), nullptr);
    EXPECT_EQ(numbers.try_allocate(0, ec), nullptr);
    EXPECT_FALSE(ec);
    numbers.deallocate(nullptr, 0);
    int local = 0;
    EXPECT_REFUSED(handle_error, errc::not_a_block, (numbers.deallocate(&local, 0), true));
}

TEST_P(Allocator, ServesForwardLists) {
    using container = std::forward_list<std::string, allocator<std::string>>;
    container words{nodes_of<container>(2)};
    words.push_front("two");
    words.push_front("one");
    EXPECT_EQ(words.front(), "one");
    EXPECT_REFUSED(fixedpool::bad_alloc, errc::out_of_blocks, (words.push_front(""), true));
}

TEST_P(Allocator, ServesMapsAndSets) {
    map<std::string, int> ages{nodes_of<map<std::string, int>>(3)};
    ages["a"] = 1;
    ages["b"] = 2;
    ages["c"] = 3;
    EXPECT_REFUSED(fixedpool::bad_alloc, errc::out_of_blocks, ages["d"]);
    EXPECT_EQ(ages.size(), 3U);
    ages.erase("b");
    ages["d"] = 4;
    EXPECT_EQ(ages.at("d"), 4);

    set<aligned*> pointers{nodes_of<set<aligned*>>(1)};
    EXPECT_TRUE(pointers.insert(nullptr).second);
}

TEST_P(Allocator, AlignsNodes) {
    list<aligned> elements{nodes_of<list<aligned>>(8)};
    for (int i = 0; i < 8; ++i)
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(&elements.emplace_back()) % 64, 0U);
}

TEST_P(Allocator, TakesBucketsFromUpstream) {
    counting_resource upstream;
    {
        const auto nodes = nodes_of<unordered_map<int, int>>(500);
        unordered_map<int, int> squares{unordered_map<int, int>::allocator_type{nodes, &upstream}};
        for (int i = 0; i < 500; ++i)
            squares[i] = i * i;
        EXPECT_GT(upstream.live(), 0U);
        EXPECT_EQ(nodes.usage().in_use, 500U);
        EXPECT_EQ(squares.at(20), 400);
    }
    EXPECT_EQ(upstream.live(), 0U);
}

TEST_P(Allocator, RefusesArraysWithoutUpstream) {
    const auto blocks = client_.create(small_pool());
    unordered_map<int, int> squares{blocks};
    EXPECT_REFUSED(fixedpool::bad_alloc, errc::no_upstream, (squares.reserve(100), true));
    allocator<int> numbers{blocks};
    EXPECT_REFUSED(fixedpool::bad_alloc, errc::no_upstream, numbers.allocate(2));
    std::error_code ec;
    EXPECT_EQ(numbers.try_allocate(2, ec), nullptr);
    EXPECT_EQ(ec, errc::no_upstream);
}

TEST_P(Allocator, TakesWhatDoesNotFitFromUpstream) {
    counting_resource upstream;
    const auto blocks = client_.create(small_pool());
    list<std::array<char, 100>> large{allocator<std::array<char, 100>>{blocks, &upstream}};
    large.emplace_back();
    EXPECT_EQ(upstream.calls(), 1U);
    list<aligned> strict{allocator<aligned>{blocks, &upstream}};
    strict.emplace_back();
    EXPECT_EQ(upstream.calls(), 2U);
    EXPECT_EQ(blocks.usage().in_use, 0U);
    list<aligned> none{blocks};
    EXPECT_REFUSED(fixedpool::bad_alloc, errc::no_upstream, none.emplace_back());
}

TEST_P(Allocator, DoesNotTurnToUpstreamWhenThePoolIsEmpty) {
    counting_resource upstream;
    list<int> numbers{allocator<int>{nodes_of<list<int>>(1), &upstream}};
    numbers.push_back(1);
    EXPECT_REFUSED(fixedpool::bad_alloc, errc::out_of_blocks, (numbers.push_back(2), true));
    EXPECT_EQ(upstream.calls(), 0U);
}

TEST_P(Allocator, PassesOnWhatUpstreamThrows) {
    counting_resource upstream;
    upstream.run_out();
    allocator<int> numbers{client_.create(small_pool()), &upstream};
    EXPECT_THROW(static_cast<void>(numbers.allocate(2)), std::bad_alloc);
    std::error_code ec;
    EXPECT_EQ(numbers.try_allocate(2, ec), nullptr);
    EXPECT_EQ(ec, errc::out_of_memory);
}

TEST_P(Allocator, RefusesArraysBeyondAllMemory) {
    counting_resource upstream;
    allocator<int> numbers{client_.create(small_pool()), &upstream};
    for (const auto count :
         {std::numeric_limits<std::size_t>::max(), std::numeric_limits<std::size_t>::max() / 4 + 2,
          std::numeric_limits<std::size_t>::max() / 8 + 1}) {
        EXPECT_THROW(static_cast<void>(numbers.allocate(count)), std::bad_array_new_length);
        std::error_code ec;
        EXPECT_EQ(numbers.try_allocate(count, ec), nullptr);
        EXPECT_EQ(ec, errc::out_of_memory);
    }
    EXPECT_EQ(upstream.calls(), 0U);
}

TEST_P(Allocator, DoesNotThrowWhereItIsTried) {
    allocator<int> numbers{client_.create(with_blocks(1))};
    std::error_code ec = errc::no_upstream;
    auto* const first = numbers.try_allocate(1, ec);
    EXPECT_NE(first, nullptr);
    EXPECT_FALSE(ec);
    EXPECT_EQ(numbers.try_allocate(1, ec), nullptr);
    EXPECT_EQ(ec, errc::out_of_blocks);
    numbers.deallocate(first, 1);
}

TEST_P(Allocator, RefusesToDeallocateWhatItDidNotAllocate) {
    counting_resource upstream;
    const auto blocks = client_.create(small_pool());
    for (auto* each : {static_cast<std::pmr::memory_resource*>(nullptr),
                       static_cast<std::pmr::memory_resource*>(&upstream)}) {
        allocator<int> numbers{blocks, each};
        auto* const memory = numbers.allocate(1);
        int local = 0;
        EXPECT_REFUSED(handle_error, errc::not_a_block, (numbers.deallocate(&local, 1), true));
        EXPECT_REFUSED(handle_error, errc::not_a_block, (numbers.deallocate(memory + 1, 1), true));
        EXPECT_REFUSED(handle_error, errc::not_a_block, (numbers.deallocate(nullptr, 1), true));
        for (const int inside : {0, 1, 5})
            EXPECT_REFUSED(handle_error, errc::not_a_block,
                           (numbers.deallocate(memory + inside, 2), true));
        numbers.deallocate(memory, 1);
        EXPECT_REFUSED(handle_error, errc::double_free, (numbers.deallocate(memory, 1), true));
    }
    allocator<int> bounded{blocks};
    int local = 0;
    EXPECT_REFUSED(handle_error, errc::not_a_block, (bounded.deallocate(&local, 2), true));
}

TEST_P(Allocator, RefusesPoolsThatCannotBeUsedInPlace) {
    EXPECT_REFUSED(pool_error, errc::not_mappable, allocator<int>{client_.create(slab_pool())});
    EXPECT_REFUSED(pool_error, errc::invalid_argument, allocator<int>{pool{}});
}

TEST_P(Allocator, IsEqualIfPoolAndUpstreamAre) {
    counting_resource upstream;
    counting_resource another;
    const auto blocks = client_.create(small_pool());
    const allocator<int> one{blocks};
    EXPECT_EQ(one, allocator<int>{pool{blocks}});
    EXPECT_EQ(one, allocator<std::string>{one}) << "of another type";
    EXPECT_NE(one, allocator<int>{client_.create(small_pool())});
    EXPECT_NE(one, (allocator<int>{blocks, &upstream}));
    EXPECT_NE((allocator<int>{blocks, &another}), (allocator<int>{blocks, &upstream}));
    EXPECT_EQ((allocator<int>{blocks, &upstream}), (allocator<int>{blocks, &upstream}));
}

TEST_P(Allocator, StaysEqualToWhatItWasMovedTo) {
    allocator<int> one{client_.create(small_pool())};
    const auto two = std::move(one); // NOLINT(performance-move-const-arg): it is asked for
    EXPECT_EQ(one, two);             // NOLINT(bugprone-use-after-move): the standard promises
    one.deallocate(allocator<int>{two}.allocate(1), 1);
}

TEST_P(Allocator, KeepsThePoolAttached) {
    const auto nodes = nodes_of<list<int>>(4);
    auto other = open_client().attach(nodes.name());
    {
        list<int> numbers{other};
        other = {};
        numbers.push_back(1);
        EXPECT_EQ(nodes.usage().clients, 2U);
    }
    EXPECT_EQ(nodes.usage().clients, 1U);
}

TEST_P(Allocator, GoesAlongWhenAContainerIsMoved) {
    const auto one = nodes_of<list<int>>(4);
    const auto two = nodes_of<list<int>>(4);
    list<int> from{{1, 2, 3}, one};
    list<int> to{{4}, two};
    to = std::move(from);
    EXPECT_EQ(to.get_allocator().blocks(), one);
    EXPECT_EQ(to, (std::list<int, allocator<int>>{{1, 2, 3}, two}));
    const auto stolen = std::move(to);
    EXPECT_EQ(stolen.size(), 3U);
    EXPECT_EQ(one.usage().in_use, 3U);
}

TEST_P(Allocator, GoesAlongWhenContainersAreSwapped) {
    const auto one = nodes_of<list<int>>(4);
    const auto two = nodes_of<list<int>>(4);
    list<int> a{{1, 2, 3}, one};
    list<int> b{{4}, two};
    swap(a, b);
    EXPECT_EQ(a.get_allocator().blocks(), two);
    EXPECT_EQ(b.size(), 3U);
    b.clear();
    EXPECT_EQ(one.usage().in_use, 0U);
    EXPECT_EQ(two.usage().in_use, 1U);
}

TEST_P(Allocator, StaysWhenAnotherContainerIsCopied) {
    const auto one = nodes_of<map<int, int>>(4);
    const auto two = nodes_of<map<int, int>>(4);
    const map<int, int> from{{{1, 1}, {2, 2}}, one};
    map<int, int> to{two};
    to = from;
    EXPECT_EQ(to.get_allocator().blocks(), two);
    EXPECT_EQ(to, from);
    const auto copy = from; // NOLINT(performance-unnecessary-copy-initialization)
    EXPECT_EQ(copy.get_allocator().blocks(), one);
    EXPECT_EQ(one.usage().in_use, 4U);
}

TEST_P(Allocator, LetsNodesPassBetweenContainersOfOnePool) {
    const auto nodes = nodes_of<list<int>>(4);
    list<int> from{{1, 2}, nodes};
    list<int> to{{3}, nodes};
    to.splice(to.begin(), from);
    EXPECT_EQ(to.size(), 3U);
    map<int, int> source{{{1, 1}}, nodes_of<map<int, int>>(2)};
    map<int, int> target{source.get_allocator()};
    target.merge(source);
    EXPECT_EQ(target.at(1), 1);
}

TEST_P(Allocator, ServesSharedPointersWithTheirCount) {
    const auto blocks = client_.create(with_blocks(1));
    {
        const auto shared = std::allocate_shared<int>(allocator<int>{blocks}, 7);
        EXPECT_EQ(*shared, 7);
        EXPECT_EQ(blocks.usage().in_use, 1U);
        EXPECT_REFUSED(fixedpool::bad_alloc, errc::out_of_blocks,
                       std::allocate_shared<int>(allocator<int>{blocks}, 8));
    }
    EXPECT_EQ(blocks.usage().in_use, 0U);
}

FIXEDPOOL_ON_ANY_TRANSPORT(Allocator);

} // namespace
