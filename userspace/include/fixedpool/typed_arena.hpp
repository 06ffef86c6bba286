/* SPDX-License-Identifier: MIT */
/** @file
 * fixedpool::typed_arena: objects of one type, packed into blocks, that go together.
 */
#ifndef FIXEDPOOL_TYPED_ARENA_HPP
#define FIXEDPOOL_TYPED_ARENA_HPP

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <new>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

#include <fixedpool/detail/object_table.hpp>
#include <fixedpool/error.hpp>
#include <fixedpool/export.hpp>
#include <fixedpool/handle.hpp>
#include <fixedpool/pool.hpp>

namespace fixedpool {

namespace detail {

/** The blocks of a typed_arena, whatever is in them. */
class FIXEDPOOL_EXPORT block_list {
  public:
    block_list() noexcept = default;
    /** Sets errc::invalid_argument, not_mappable or unfit_blocks. */
    block_list(pool blocks, fit element, std::error_code& ec) noexcept;
    block_list(pool blocks, fit element);

    block_list(block_list&& other) noexcept;
    block_list& operator=(block_list&& other) = delete;
    block_list(const block_list&) = delete;
    block_list& operator=(const block_list&) = delete;
    ~block_list() = default;
    void swap(block_list& other) noexcept;

    [[nodiscard]] const pool& blocks() const noexcept { return pool_; }
    [[nodiscard]] std::size_t per_block() const noexcept { return per_block_; }
    [[nodiscard]] std::size_t size() const noexcept { return blocks_.size(); }

    /** The first byte of one. */
    [[nodiscard]] std::byte* operator[](std::size_t number) const noexcept {
        return blocks_[number].bytes;
    }

    void push();
    bool try_push(std::error_code& ec) noexcept;
    /** Requires: there is one. */
    void pop() noexcept;

  private:
    struct held {
        handle name;
        std::byte* bytes = nullptr;
    };

    pool pool_;
    std::size_t per_block_ = 0;
    std::vector<held> blocks_;
};

} // namespace detail

/**
 * Objects in the order in which they were made, many in a block; none is destroyed
 * alone, but those from some number on, or all. Addresses stay. Nothing is kept for an
 * object, and 16 bytes for a block, outside of the pool.
 *
 * An empty typed_arena, default-made or moved from, may only be assigned to,
 * destroyed and tested; iterators end when it is moved.
 *
 * Requires: constructors of objects make no others in the same typed_arena. After fork() the
 * objects are the parent's: the child is not to destroy them, so it leaves with _exit().
 *
 * Thread safety: as of containers of the standard: const calls from any thread, others
 * from one.
 */
template <typename T>
class typed_arena {
    template <bool constant>
    class basic_iterator;

  public:
    /** As of containers of the standard; iterators are forward iterators. */
    using value_type = T;
    using size_type = std::size_t;
    using difference_type = std::ptrdiff_t;
    using reference = T&;
    using const_reference = const T&;
    using iterator = basic_iterator<false>;
    using const_iterator = basic_iterator<true>;

    typed_arena() noexcept = default;

    /**
     * Complexity: no block is taken yet.
     * Throws: pool_error: errc::unfit_blocks if no T fits into a block, or it is not aligned for
     * it; not_mappable, and invalid_argument for an empty pool.
     */
    explicit typed_arena(pool blocks) : list_{std::move(blocks), detail::fit::of<T>()} {}
    static typed_arena try_create(const pool& blocks, std::error_code& ec) noexcept {
        return typed_arena{detail::block_list{blocks, detail::fit::of<T>(), ec}};
    }

    /**
     * Effects: takes the objects of @p other, which becomes empty; those that it had before
     * are destroyed.
     */
    typed_arena(typed_arena&& other) noexcept
        : list_{std::move(other.list_)},
          used_{std::exchange(other.used_, 0)},
          size_{std::exchange(other.size_, 0)} {}
    typed_arena& operator=(typed_arena&& other) noexcept {
        typed_arena{std::move(other)}.swap(*this);
        return *this;
    }
    typed_arena(const typed_arena&) = delete;
    typed_arena& operator=(const typed_arena&) = delete;

    /** Effects: clear(). */
    ~typed_arena() { clear(); }

    /** Effects: exchanges what the two have. */
    void swap(typed_arena& other) noexcept {
        list_.swap(other.list_);
        std::swap(used_, other.used_);
        std::swap(size_, other.size_);
    }
    friend void swap(typed_arena& a, typed_arena& b) noexcept { a.swap(b); }

    /** Whether it is not empty. */
    [[nodiscard]] explicit operator bool() const noexcept {
        return static_cast<bool>(list_.blocks());
    }

    /** The pool that the blocks are of. */
    [[nodiscard]] const pool& blocks() const noexcept { return list_.blocks(); }
    /** How many objects a block takes. */
    [[nodiscard]] size_type per_block() const noexcept { return list_.per_block(); }

    /** Whether there are no objects. */
    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
    /** How many objects there are. */
    [[nodiscard]] size_type size() const noexcept { return size_; }

    /**
     * Returns: a new object T(@p args...), the last one. Iterators stay good.
     * Throws: pool_error: errc::out_of_blocks, out_of_memory; what the constructor throws, and
     * nothing has changed. (The try_ forms: the latter only; null if @p ec is set.)
     * Complexity: constant; for each block once pool::allocate_handle().
     */
    template <typename... Args>
    T& emplace_back(Args&&... args) {
        if (full()) {
            list_.push();
            used_ = 0;
        }
        return *construct(std::forward<Args>(args)...);
    }
    template <typename... Args>
    T* try_emplace_back(std::error_code& ec, Args&&... args) {
        ec.clear();
        if (full()) {
            if (!list_.try_push(ec))
                return nullptr;
            used_ = 0;
        }
        return construct(std::forward<Args>(args)...);
    }
    /** emplace_back(@p value). */
    T& push_back(const T& value) { return emplace_back(value); }
    T& push_back(T&& value) { return emplace_back(std::move(value)); }
    T* try_push_back(const T& value, std::error_code& ec) { return try_emplace_back(ec, value); }
    T* try_push_back(T&& value, std::error_code& ec) {
        return try_emplace_back(ec, std::move(value));
    }

    /** Requires: there is an object of that number. Complexity: constant. */
    [[nodiscard]] T& operator[](size_type number) noexcept { return *at(list_, number); }
    [[nodiscard]] const T& operator[](size_type number) const noexcept {
        return *at(list_, number);
    }
    /** The one that was made last. Requires: not empty. */
    [[nodiscard]] T& back() noexcept { return *at(list_, list_.size() - 1, used_ - 1); }
    [[nodiscard]] const T& back() const noexcept { return *at(list_, list_.size() - 1, used_ - 1); }

    /**
     * Effects: destroys objects, the last first, until @p size are left. So size() is a
     * marker.
     * Throws: error: errc::stale_marker if there are fewer already; nothing has changed then.
     * Complexity: linear in what is destroyed.
     */
    void rewind(size_type size) {
        if (std::error_code ec; !try_rewind(size, ec))
            throw error{ec, "rewind a typed arena"};
    }
    bool try_rewind(size_type size, std::error_code& ec) noexcept {
        ec.clear();
        if (size > size_) {
            ec = errc::stale_marker;
            return false;
        }
        while (size_ > size)
            pop_back();
        return true;
    }
    /** Effects: destroys all objects, the last first, and gives all blocks back. */
    void clear() noexcept {
        while (size_ != 0)
            pop_back();
    }

    /** Iterators, in the order in which the objects were made. */
    [[nodiscard]] iterator begin() noexcept { return {list_, 0, 0}; }
    [[nodiscard]] iterator end() noexcept { return last<iterator>(); }
    [[nodiscard]] const_iterator begin() const noexcept { return {list_, 0, 0}; }
    [[nodiscard]] const_iterator end() const noexcept { return last<const_iterator>(); }
    [[nodiscard]] const_iterator cbegin() const noexcept { return begin(); }
    [[nodiscard]] const_iterator cend() const noexcept { return end(); }

  private:
    template <bool constant>
    class basic_iterator {
      public:
        using iterator_category = std::forward_iterator_tag;
        using value_type = T;
        using difference_type = std::ptrdiff_t;
        using pointer = std::conditional_t<constant, const T*, T*>;
        using reference = std::conditional_t<constant, const T&, T&>;

        basic_iterator() noexcept = default;
        operator basic_iterator<true>() const noexcept // NOLINT(*-explicit-*): as of containers
            requires(!constant) {
            basic_iterator<true> same;
            same.list_ = list_;
            same.block_ = block_;
            same.inside_ = inside_;
            return same;
        }

        [[nodiscard]] reference operator*() const noexcept { return *operator->(); }
        [[nodiscard]] pointer operator->() const noexcept {
            return typed_arena::at(*list_, block_, inside_);
        }

        basic_iterator& operator++() noexcept {
            if (++inside_ == list_->per_block()) {
                ++block_;
                inside_ = 0;
            }
            return *this;
        }
        basic_iterator operator++(int) noexcept { // NOLINT(cert-dcl21-cpp): it may be moved from
            auto before = *this;
            ++*this;
            return before;
        }

        [[nodiscard]] friend bool operator==(const basic_iterator& a,
                                             const basic_iterator& b) noexcept = default;

      private:
        friend class typed_arena;
        basic_iterator(const detail::block_list& list, size_type block, size_type inside) noexcept
            : list_{&list},
              block_{block},
              inside_{inside} {}

        const detail::block_list* list_ = nullptr;
        size_type block_ = 0;
        size_type inside_ = 0; // less than there are in a block
    };

    explicit typed_arena(detail::block_list list) noexcept : list_{std::move(list)} {}

    static T* at(const detail::block_list& list, size_type block, size_type inside) noexcept {
        return std::launder(reinterpret_cast<T*>(list[block]) + inside);
    }
    static T* at(const detail::block_list& list, size_type number) noexcept {
        return at(list, number / list.per_block(), number % list.per_block());
    }

    /** An iterator to what is made next. */
    template <typename iterator>
    [[nodiscard]] iterator last() const noexcept {
        return full() ? iterator{list_, list_.size(), 0} : iterator{list_, list_.size() - 1, used_};
    }

    [[nodiscard]] bool full() const noexcept {
        return list_.size() == 0 || used_ == list_.per_block();
    }

    template <typename... Args>
    T* construct(Args&&... args) {
        auto* const place = reinterpret_cast<T*>(list_[list_.size() - 1]) + used_;
        try {
            std::construct_at(place, std::forward<Args>(args)...);
        } catch (...) {
            drop_if_empty();
            throw;
        }
        ++used_;
        ++size_;
        return place;
    }

    void pop_back() noexcept {
        std::destroy_at(at(list_, list_.size() - 1, --used_));
        --size_;
        drop_if_empty();
    }

    void drop_if_empty() noexcept {
        if (used_ != 0)
            return;
        list_.pop();
        used_ = list_.size() != 0 ? list_.per_block() : 0;
    }

    detail::block_list list_;
    size_type used_ = 0; // of the last block
    size_type size_ = 0;
};

} // namespace fixedpool

#endif
