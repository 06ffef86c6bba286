/* SPDX-License-Identifier: MIT */
/** @file
 * fixedpool::slab: a container whose elements have keys that do not deceive.
 */
#ifndef FIXEDPOOL_SLAB_HPP
#define FIXEDPOOL_SLAB_HPP

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <system_error>
#include <type_traits>
#include <utility>

#include <fixedpool/client.hpp>
#include <fixedpool/detail/object_table.hpp>
#include <fixedpool/error.hpp>
#include <fixedpool/handle_to.hpp>
#include <fixedpool/pool.hpp>

namespace fixedpool {

/**
 * Elements in blocks of a pool. Each has a key, which names it alone: when it has been
 * erased its key is stale, also when the block has the next element. Neither
 * keys nor addresses change as long as the element is there.
 *
 * A key is the handle of the block, so it may be sent to whoever is attached to the
 * pool, to look at the element. Who is to have it gets it with release(), then pool::give() or
 * pool::share() of its block, and takes it with adopt(). An element whose block was freed behind
 * the slab's back, by its key, is there no more, and not destroyed; size() knows when the block is
 * used again. Other users of the pool do not disturb the slab. It keeps four bytes
 * for each block outside of the pool.
 *
 * Requires: after fork() the elements are the parent's; the child is to erase none of them, nor
 * to destroy the slab, so it leaves with _exit().
 *
 * A slab without a pool, default-made or moved from, has no elements, and none can be made:
 * it is to be assigned to.
 *
 * Thread safety: as of containers of the standard: const calls from any thread, others
 * from one.
 */
template <typename T>
class slab {
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

    /** Names an element. */
    using key = handle_to<T>;

    slab() noexcept = default;

    /**
     * Effects: keeps elements in @p blocks.
     * Throws: pool_error: errc::unfit_blocks if they are too small for T, or not
     * aligned for it; not_mappable, out_of_memory, and invalid_argument for an empty pool.
     */
    explicit slab(pool blocks)
        : table_{std::make_unique<detail::object_table>(std::move(blocks), detail::fit::of<T>())} {}
    static slab try_create(const pool& blocks, std::error_code& ec) noexcept {
        return slab{detail::object_table::try_make(blocks, detail::fit::of<T>(), ec)};
    }

    /**
     * Effects: keeps elements in a new pool of @p owner, which goes with its last client
     * whatever @p options say. Size and alignment of blocks default to those of T.
     * Throws: pool_error: as client::create(), errc::unfit_blocks and not_mappable.
     */
    slab(const client& owner, const pool_options& options)
        : table_{std::make_unique<detail::object_table>(owner, options, detail::fit::of<T>())} {}
    static slab try_create(const client& owner, const pool_options& options,
                           std::error_code& ec) noexcept {
        return slab{detail::object_table::try_make(owner, options, detail::fit::of<T>(), ec)};
    }

    /**
     * Effects: takes the elements of @p other, which has no pool then; those that it had before
     * are destroyed. Keys stay good.
     */
    slab(slab&& other) noexcept
        : table_{std::move(other.table_)},
          size_{std::exchange(other.size_, 0)} {}
    slab& operator=(slab&& other) noexcept {
        slab{std::move(other)}.swap(*this);
        return *this;
    }
    slab(const slab&) = delete;
    slab& operator=(const slab&) = delete;

    /** Effects: destroys all elements. */
    ~slab() {
        if (table_)
            clear();
    }

    /** Effects: exchanges what the two have. */
    void swap(slab& other) noexcept {
        table_.swap(other.table_);
        std::swap(size_, other.size_);
    }
    friend void swap(slab& a, slab& b) noexcept { a.swap(b); }

    /** Whether it has a pool. */
    [[nodiscard]] explicit operator bool() const noexcept { return table_ != nullptr; }

    /** The pool that the blocks are of. */
    [[nodiscard]] const pool& blocks() const noexcept { return table_->blocks(); }

    /** Whether there are no elements. */
    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
    /** How many elements there are. */
    [[nodiscard]] size_type size() const noexcept { return size_; }
    /** How many there can be: as many as the pool has blocks when it is full grown. */
    [[nodiscard]] size_type max_size() const noexcept { return table_ ? table_->capacity() : 0; }

    /**
     * Returns: the key of a new element T(@p args...).
     * Throws: pool_error: errc::out_of_blocks; what the constructor throws, and
     * nothing has changed. (try_emplace: the latter only.)
     * Complexity: as pool::allocate().
     */
    template <typename... Args>
    key emplace(Args&&... args) {
        return count(table_->template create<T>(std::forward<Args>(args)...));
    }
    template <typename... Args>
    key try_emplace(std::error_code& ec, Args&&... args) {
        return count(table_->template try_create<T>(ec, std::forward<Args>(args)...));
    }
    /** emplace(@p value). */
    key insert(const T& value) { return emplace(value); }
    key insert(T&& value) { return emplace(std::move(value)); }
    key try_insert(const T& value, std::error_code& ec) { return try_emplace(ec, value); }
    key try_insert(T&& value, std::error_code& ec) { return try_emplace(ec, std::move(value)); }

    /** Does @p name name an element? Complexity: constant, no system call. */
    [[nodiscard]] bool contains(key name) const noexcept { return get(name) != nullptr; }

    /**
     * Returns: the element, null if @p name is stale, or no key of this slab.
     * Complexity: constant, no system call.
     */
    [[nodiscard]] T* get(key name) noexcept {
        return table_ ? table_->template get<T>(name.untyped()) : nullptr;
    }
    [[nodiscard]] const T* get(key name) const noexcept {
        return table_ ? table_->template get<T>(name.untyped()) : nullptr;
    }

    /**
     * The same.
     * Throws: handle_error: errc::wrong_pool if @p name is of another pool, stale_handle.
     */
    [[nodiscard]] T& at(key name) { return checked(get(name), name); }
    [[nodiscard]] const T& at(key name) const { return checked(get(name), name); }

    /** An iterator to the element; end() if get() would find none. */
    [[nodiscard]] iterator find(key name) noexcept { return {*table_, index_of(name)}; }
    [[nodiscard]] const_iterator find(key name) const noexcept { return {*table_, index_of(name)}; }

    /** The key of an element, by its address; empty if there is none of this slab. */
    [[nodiscard]] key key_of(const T& element) const noexcept {
        const auto name = blocks().handle_of(std::addressof(element));
        return table_->contains(name) ? key{name} : key{};
    }

    /**
     * Effects: the element is none of this slab any more; neither is it destroyed nor does its
     * block go back.
     * Throws: as at(), and nothing has changed.
     * Complexity: constant, no system call.
     */
    void release(key name) {
        std::error_code ec;
        if (!try_release(name, ec))
            table_->refuse(ec, "release element", name.untyped());
    }
    bool try_release(key name, std::error_code& ec) noexcept {
        ec.clear();
        if (table_->release(name.untyped()))
            --size_;
        else
            ec = why_not(name);
        return !ec;
    }

    /**
     * Effects: takes over an element that somebody has released: another client, who has
     * given or shared its block, or this one. What is an element already stays one.
     * Requires: there is a T; nothing else in this process owns the block.
     * Throws: handle_error: as pool::adopt().
     * Complexity: one system call.
     */
    T& adopt(key name) {
        std::error_code ec;
        auto* const adopted = try_adopt(name, ec);
        if (ec)
            table_->refuse(ec, "adopt element", name.untyped());
        return *adopted;
    }
    T* try_adopt(key name, std::error_code& ec) noexcept {
        const auto adopted = table_->template adopt<T>(name.untyped(), ec);
        count(adopted);
        return adopted.object;
    }

    /**
     * Effects: destroys the element and gives its block back.
     * Throws: as at(), and nothing has changed.
     * Complexity: as pool::free().
     */
    void erase(key name) {
        std::error_code ec;
        if (!try_erase(name, ec))
            table_->refuse(ec, "erase element", name.untyped());
    }
    bool try_erase(key name, std::error_code& ec) noexcept {
        ec.clear();
        if (table_->template remove<T>(name.untyped()))
            --size_;
        else
            ec = why_not(name);
        return !ec;
    }

    /** Returns: the next element. Requires: @p where is one. */
    iterator erase(const_iterator where) {
        erase(where.key());
        return {*table_, table_->next(where.index_ + 1)};
    }

    /** Effects: destroys all elements, also those that destructors insert; all keys are stale. */
    void clear() noexcept {
        while (table_ && table_->template clear<T>() != 0)
            ;
        size_ = 0;
    }

    /**
     * Iterators, in the order of blocks. Erasing an element ends only iterators to itself.
     * Complexity: of all steps together, linear in the capacity of the pool, four bytes
     * each.
     */
    [[nodiscard]] iterator begin() noexcept {
        return table_ ? iterator{*table_, table_->next(0)} : iterator{};
    }
    [[nodiscard]] iterator end() noexcept {
        return table_ ? iterator{*table_, table_->capacity()} : iterator{};
    }
    [[nodiscard]] const_iterator begin() const noexcept {
        return table_ ? const_iterator{*table_, table_->next(0)} : const_iterator{};
    }
    [[nodiscard]] const_iterator end() const noexcept {
        return table_ ? const_iterator{*table_, table_->capacity()} : const_iterator{};
    }
    [[nodiscard]] const_iterator cbegin() const noexcept { return begin(); }
    [[nodiscard]] const_iterator cend() const noexcept { return end(); }

    /** Erases those for which @p predicate holds; returns how many. */
    template <typename function>
    friend size_type erase_if(slab& from, function predicate) {
        const auto before = from.size();
        for (auto each = from.begin(); each != from.end();)
            each = predicate(*each) ? from.erase(each) : std::next(each);
        return before - from.size();
    }

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
            same.table_ = table_;
            same.index_ = index_;
            return same;
        }

        /** Of the element that it points to. */
        [[nodiscard]] slab::key key() const noexcept { return slab::key{table_->name_at(index_)}; }

        [[nodiscard]] reference operator*() const noexcept { return *operator->(); }
        [[nodiscard]] pointer operator->() const noexcept {
            return table_->template get<T>(table_->name_at(index_));
        }

        basic_iterator& operator++() noexcept {
            index_ = table_->next(index_ + 1);
            return *this;
        }
        basic_iterator operator++(int) noexcept { // NOLINT(cert-dcl21-cpp): it may be moved from
            auto before = *this;
            ++*this;
            return before;
        }

        [[nodiscard]] friend bool operator==(basic_iterator, basic_iterator) noexcept = default;

      private:
        friend class slab;
        basic_iterator(const detail::object_table& table, std::uint32_t index) noexcept
            : table_{&table},
              index_{index} {}

        const detail::object_table* table_ = nullptr;
        std::uint32_t index_ = 0;
    };

    explicit slab(std::unique_ptr<detail::object_table> table) noexcept
        : table_{std::move(table)} {}

    key count(const detail::object_table::created<T>& made) noexcept {
        size_ += made.name && !made.replaces ? 1U : 0U;
        return key{made.name};
    }

    [[nodiscard]] std::uint32_t index_of(key name) const noexcept {
        return get(name) != nullptr ? *blocks().index_of(name.untyped()) : table_->capacity();
    }

    [[nodiscard]] std::error_code why_not(key name) const noexcept {
        return blocks().index_of(name.untyped()) ? errc::stale_handle : errc::wrong_pool;
    }

    template <typename pointer>
    [[nodiscard]] auto& checked(pointer found, key name) const {
        if (found == nullptr)
            table_->refuse(why_not(name), "find element", name.untyped());
        return *found;
    }

    std::unique_ptr<detail::object_table> table_;
    size_type size_ = 0;
};

} // namespace fixedpool

#endif
