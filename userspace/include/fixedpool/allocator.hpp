/* SPDX-License-Identifier: MIT */
/** @file
 * fixedpool::allocator: blocks of a pool for the nodes of containers.
 */
#ifndef FIXEDPOOL_ALLOCATOR_HPP
#define FIXEDPOOL_ALLOCATOR_HPP

#include <cstddef>
#include <limits>
#include <memory_resource>
#include <new>
#include <system_error>
#include <type_traits>
#include <utility>

#include <fixedpool/error.hpp>
#include <fixedpool/export.hpp>
#include <fixedpool/pool.hpp>

namespace fixedpool {

namespace detail {

/** The part of an allocator that does not depend on its type. */
class FIXEDPOOL_EXPORT node_source {
  public:
    node_source(pool blocks, std::pmr::memory_resource* upstream);

    [[nodiscard]] const pool& blocks() const noexcept { return pool_; }
    [[nodiscard]] std::pmr::memory_resource* upstream() const noexcept { return upstream_; }
    [[nodiscard]] bool fits(std::size_t size, std::size_t alignment) const noexcept;

    [[nodiscard]] void* take() const {
        try {
            return pool_.allocate_bytes();
        } catch (const pool_error& refused) {
            throw bad_alloc{refused};
        }
    }
    [[nodiscard]] void* take_upstream(std::size_t size, std::size_t alignment) const;
    void give_upstream(void* memory, std::size_t size, std::size_t alignment) const;
    [[nodiscard]] void* try_take_upstream(std::size_t size, std::size_t alignment,
                                          std::error_code& ec) const noexcept;

    [[nodiscard]] friend bool operator==(const node_source& a, const node_source& b) noexcept {
        return a.pool_ == b.pool_ &&
               (a.upstream_ == b.upstream_ || (a.upstream_ != nullptr && b.upstream_ != nullptr &&
                                               a.upstream_->is_equal(*b.upstream_)));
    }

  private:
    pool pool_;
    std::pmr::memory_resource* upstream_;
};

} // namespace detail

/**
 * Single objects come from a pool, if they fit into its blocks, and from there
 * only: no more of them than the pool has. Arrays, as the buckets of
 * std::unordered_map, and what does not fit come from a resource upstream if the
 * caller names one. What size the nodes of a container have says node_size().
 *
 *     pool nodes = client.create({.name = "nodes",
 *                                 .block_size = node_size<std::map<int, int>>(), ...});
 *     std::map<int, int, std::less<>, allocator<std::pair<const int, int>>> map{nodes};
 *
 * Allocators are equal if pool and upstream are. A container takes its allocator along
 * when it is moved or swapped, and keeps its own when another is copied into it. The
 * pool stays attached as long as there is an allocator; upstream must outlive it. (libstdc++
 * up to 13 forgets the allocator of a node that was extracted and is inserted again, so the pool
 * stays attached to the end of the process: there, take merge().)
 *
 * Thread safety: as of pool, and of upstream.
 */
template <typename T>
class allocator {
  public:
    /** As the standard wants them of allocators. */
    using value_type = T;
    using size_type = std::size_t;
    using difference_type = std::ptrdiff_t;
    using propagate_on_container_copy_assignment = std::false_type;
    using propagate_on_container_move_assignment = std::true_type;
    using propagate_on_container_swap = std::true_type;
    using is_always_equal = std::false_type;

    /** Throws: pool_error: errc::not_mappable, and invalid_argument for an empty pool. */
    allocator(pool blocks, // NOLINT(*-explicit-*): as std::pmr::polymorphic_allocator
              std::pmr::memory_resource* upstream = nullptr)
        : source_{std::move(blocks), upstream},
          fits_{source_.fits(object_size, alignof(T))} {}

    /**
     * Effects: takes from the same pool and upstream as the other. There is no move: what an
     * allocator was moved from must stay equal.
     */
    allocator(const allocator&) noexcept = default;
    allocator& operator=(const allocator&) noexcept = default;
    template <typename U>
    allocator(const allocator<U>& other) noexcept // NOLINT(*-explicit-*): as the standard wants
        : source_{other.source_},
          fits_{source_.fits(object_size, alignof(T))} {}
    ~allocator() = default;

    /**
     * Returns: memory for @p count objects; null if that is zero.
     * Throws: bad_alloc: errc::out_of_blocks; no_upstream if this is no single object that
     * fits and no resource was named. std::bad_array_new_length if there are no
     * so large arrays; what upstream throws.
     * Complexity: of a single object as pool::allocate().
     */
    [[nodiscard]] T* allocate(size_type count) {
        if (count == 1 && fits_) [[likely]]
            return static_cast<T*>(source_.take());
        if (count > max_count)
            throw std::bad_array_new_length{};
        if (count == 0)
            return nullptr;
        return static_cast<T*>(source_.take_upstream(count * object_size, alignof(T)));
    }
    /** Sets also errc::out_of_memory, for what the throwing form throws otherwise. */
    [[nodiscard]] T* try_allocate(size_type count, std::error_code& ec) noexcept {
        if (count == 1 && fits_)
            return reinterpret_cast<T*>(source_.blocks().try_allocate_bytes(ec));
        ec.clear();
        if (count > max_count)
            ec = errc::out_of_memory;
        if (ec || count == 0)
            return nullptr;
        return static_cast<T*>(source_.try_take_upstream(count * object_size, alignof(T), ec));
    }

    /**
     * Effects: gives memory back.
     * Requires: what the standard does; where that is not so, and it is a matter of blocks,
     * the call is refused. Containers call it where nothing can be thrown: there the
     * program ends.
     * Throws: handle_error: errc::not_a_block, double_free.
     */
    void deallocate(T* memory, size_type count) {
        if (count == 1 && fits_) [[likely]]
            source_.blocks().deallocate_bytes(memory);
        else if (count != 0 || memory != nullptr)
            source_.give_upstream(memory, count * object_size, alignof(T));
    }

    /** The pool that the blocks are of. */
    [[nodiscard]] const pool& blocks() const noexcept { return source_.blocks(); }
    /** Where the rest comes from; null: it is refused. */
    [[nodiscard]] std::pmr::memory_resource* upstream() const noexcept {
        return source_.upstream();
    }

    /** Do both take from the same pool, and from equal resources upstream? */
    template <typename U>
    [[nodiscard]] bool operator==(const allocator<U>& other) const noexcept {
        return source_ == other.source_;
    }

  private:
    template <typename U>
    friend class allocator;

    // NOLINTNEXTLINE(bugprone-sizeof-expression): T may be a pointer
    static constexpr size_type object_size = sizeof(T);
    static constexpr size_type max_count =
        static_cast<size_type>(std::numeric_limits<difference_type>::max()) / object_size;

    detail::node_source source_;
    bool fits_;
};

/** Of no type yet: for making those of other types of it. */
template <>
class allocator<void> {
  public:
    /** As the standard wants them of allocators. */
    using value_type = void;
    using propagate_on_container_copy_assignment = std::false_type;
    using propagate_on_container_move_assignment = std::true_type;
    using propagate_on_container_swap = std::true_type;
    using is_always_equal = std::false_type;

    /** Throws: as those of other types. */
    allocator(pool blocks, // NOLINT(*-explicit-*): as std::pmr::polymorphic_allocator
              std::pmr::memory_resource* upstream = nullptr)
        : source_{std::move(blocks), upstream} {}

    /** Effects: takes from the same pool and upstream as the other. */
    allocator(const allocator&) noexcept = default;
    allocator& operator=(const allocator&) noexcept = default;
    template <typename U>
    allocator(const allocator<U>& other) noexcept // NOLINT(*-explicit-*): as the standard wants
        : source_{other.source_} {}
    ~allocator() = default;

    /** The pool that the blocks are of. */
    [[nodiscard]] const pool& blocks() const noexcept { return source_.blocks(); }
    /** Where the rest comes from; null: it is refused. */
    [[nodiscard]] std::pmr::memory_resource* upstream() const noexcept {
        return source_.upstream();
    }

    /** Do both take from the same pool, and from equal resources upstream? */
    template <typename U>
    [[nodiscard]] bool operator==(const allocator<U>& other) const noexcept {
        return source_ == other.source_;
    }

  private:
    template <typename U>
    friend class allocator;

    detail::node_source source_;
};

} // namespace fixedpool

#endif
