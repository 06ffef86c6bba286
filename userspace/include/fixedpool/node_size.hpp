/* SPDX-License-Identifier: MIT */
/** @file
 * fixedpool::node_size(): how large the nodes of a container are.
 *
 * The standard does not say what a node is, so one is asked for: a container of
 * that kind allocates its first node with an allocator that only looks at the type, and
 * refuses. No element is made, so they need not be default-constructible.
 */
#ifndef FIXEDPOOL_NODE_SIZE_HPP
#define FIXEDPOOL_NODE_SIZE_HPP

#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>

namespace fixedpool {

namespace detail {

struct node_layout {
    std::size_t size = 0;
    std::size_t alignment = 0;
};

/** Of a node. Not std::bad_alloc, which is for others to catch. */
struct measuring_refusal {};

template <typename T>
class measuring_allocator {
  public:
    using value_type = T;

    explicit measuring_allocator(node_layout& result) noexcept : result_{&result} {}
    template <typename U>
    measuring_allocator(const measuring_allocator<U>& other) noexcept // NOLINT(*-explicit-*)
        : result_{other.result_} {}

    T* allocate(std::size_t count) {
        if (count != 1)
            return std::allocator<T>{}.allocate(count); // buckets
        // NOLINTNEXTLINE(bugprone-sizeof-expression): T may be a pointer
        *result_ = {.size = sizeof(T), .alignment = alignof(T)};
        throw measuring_refusal{};
    }
    void deallocate(T* memory, std::size_t count) noexcept {
        std::allocator<T>{}.deallocate(memory, count);
    }

    // Never called; containers want to be able to.
    template <typename U, typename... Args>
    void construct(U*, Args&&...) noexcept {}
    template <typename U>
    void destroy(U*) noexcept {}

    template <typename U>
    [[nodiscard]] bool operator==(const measuring_allocator<U>& other) const noexcept {
        return result_ == other.result_;
    }

  private:
    template <typename U>
    friend class measuring_allocator;
    node_layout* result_;
};

/** The same container with a measuring_allocator. */
template <typename container>
struct measured;
template <template <typename...> typename kind, typename... Args>
struct measured<kind<Args...>> {
    using container = kind<Args...>;
    using allocator = measuring_allocator<typename container::value_type>;
    // NOLINTNEXTLINE(modernize-use-transparent-functors): what the container has
    using type = kind<std::conditional_t<std::is_same_v<Args, typename container::allocator_type>,
                                         allocator, Args>...>;
};

/** Only those that have nodes can hand them over. */
template <typename container>
concept node_container = requires(container a, container b) {
    typename container::allocator_type;
    typename measured<container>::type;
    a.merge(b);
};

template <node_container container>
node_layout measure_node() {
    using measuring = measured<container>;
    using measuring_container = typename measuring::type;
    node_layout result;
    try {
        // No braces: elements that take anything would be made of the allocator.
        measuring_container measured_one(typename measuring::allocator{result});
        if constexpr (requires { measured_one.emplace_front(0); })
            measured_one.emplace_front(0);
        else
            measured_one.emplace(0);
    } catch (const measuring_refusal&) { // NOLINT(bugprone-empty-catch): as intended
    }
    return result;
}

template <node_container container>
const node_layout& layout_of_node() {
    static const auto layout = measure_node<container>();
    return layout;
}

} // namespace detail

/**
 * Returns: the bytes of a node of @p container, which is std::list, std::map,
 * std::unordered_map or another that has nodes, with whatever allocator; the least
 * pool_options::block_size for an allocator of it.
 * Throws: std::bad_alloc if there is no memory for what a container has besides nodes.
 * Complexity: constant; the first call throws and catches one exception.
 */
template <detail::node_container container>
[[nodiscard]] std::uint32_t node_size() {
    return static_cast<std::uint32_t>(detail::layout_of_node<container>().size);
}

/** The same for pool_options::alignment. */
template <detail::node_container container>
[[nodiscard]] std::uint32_t node_alignment() {
    return static_cast<std::uint32_t>(detail::layout_of_node<container>().alignment);
}

} // namespace fixedpool

#endif
