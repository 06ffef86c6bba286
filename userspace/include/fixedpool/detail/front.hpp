/* SPDX-License-Identifier: MIT */
/** @file
 * What can be done with a pool without a call: taking a block out of this thread's
 * magazine, freeing one into it, looking up handles and addresses.
 *
 * A block of a magazine is held by this client, in its root scope; its version is
 * even. To allocate it is to make the version odd, and to free it is to make it even
 * again. That may be done to blocks only that are this client's alone and in its
 * root scope: `own` says which the library knows to be so, in memory of the
 * process, and the counts of holds say that nobody else has any of them.
 *
 * Two threads that free the same handle at the same instant may both succeed, as
 * versions are looked at and written in two steps; with `exact` one is refused, as the
 * step is a locked one. One after the other: the second is always refused. For a call
 * that takes or frees many, all of it is an instant, also for a handler that interrupts it.
 */
#ifndef FIXEDPOOL_DETAIL_FRONT_HPP
#define FIXEDPOOL_DETAIL_FRONT_HPP

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include <fixedpool/detail/block_table.hpp>
#include <fixedpool/detail/geometry.hpp>
#include <fixedpool/detail/magazine.hpp>
#include <fixedpool/detail/word.hpp>
#include <fixedpool/handle.hpp>

namespace fixedpool::detail {

enum class putting {
    done,
    not_here, // and nothing has been done: the call has to be made
    ended,    // the allocation has ended, but somebody else holds the block
};

/** Is an owner of the block made, or ended, with it? Not if that fails. */
enum class counting { no, yes };

/** A block that was free, and its number; an empty handle if there was none. */
struct allocated {
    handle name;
    std::uint32_t index = 0;

    [[nodiscard]] explicit operator bool() const noexcept { return static_cast<bool>(name); }
};

/** A block of this thread's magazine of a cache, allocated; an empty one if there is none. */
template <counting count>
[[nodiscard, gnu::always_inline]] inline allocated take(std::uint32_t cache_number) noexcept {
    const entered mine{cache_number};
    if (!mine) [[unlikely]]
        return {};
    auto next = mine->hot.load(std::memory_order_relaxed);
    if (magazine::is_there(next)) [[likely]] {
        mine->hot.store(magazine::gone(next), std::memory_order_relaxed);
    } else {
        const auto have = mine->count.load(std::memory_order_relaxed);
        if (have == 0)
            return {};
        next = mine->blocks[have - 1];
        mine->count.store(have - 1, std::memory_order_relaxed);
    }
    const auto name = handle::from_value(next);
    const auto index = name.slot() - mine->table.first_slot;
    if (!mine->table.begin(index, name.version())) [[unlikely]]
        return {};
    if constexpr (count == counting::yes)
        add(mine->owners, 1);
    if (!name) // versions are odd
        __builtin_unreachable();
    return {name, index};
}

/**
 * Frees the block that @p name names into this thread's magazine of a cache; not if the pool is
 * exact.
 */
template <counting count>
[[nodiscard, gnu::always_inline]] inline putting put(std::uint32_t cache_number,
                                                     handle name) noexcept {
    const entered mine{cache_number};
    if (!mine) [[unlikely]]
        return putting::not_here;
    const auto& table = mine->table;
    const auto index = name.slot() - table.first_slot;
    auto* const versions = table.versions; // it is not read again for the store
    if (!table.may_keep(index, name.version())) [[unlikely]]
        return putting::not_here;
    const auto last = mine->hot.load(std::memory_order_relaxed);
    if (magazine::is_there(last)) {
        const auto have = mine->count.load(std::memory_order_relaxed);
        if (have >= mine->limit) [[unlikely]]
            return putting::not_here;
        mine->blocks[have] = last;
        mine->count.store(have + 1, std::memory_order_relaxed);
    }
    // In this order: a child that is forked right here finds the block in the magazine.
    mine->hot.store(magazine::after(name), std::memory_order_relaxed);
    __atomic_store_n(versions + index, name.version() + 1, __ATOMIC_RELEASE);
    if constexpr (count == counting::yes)
        add(mine->owners, -1);
    return putting::done;
}

class front {
  public:
    [[nodiscard]] std::uint32_t cache_number() const noexcept { return cache_number_; }

    /**
     * The same with a locked step and a full barrier: of those who free a handle at the
     * same instant one succeeds, and a hold that was not seen was not got.
     */
    template <counting count>
    [[nodiscard]] putting put_exactly(handle name) const noexcept {
        const entered mine{cache_number_};
        const auto index = name.slot() - table_.first_slot;
        auto version = name.version();
        if (!mine.is_own() || !table_.may_keep(index, version))
            return putting::not_here;
        const auto have = mine->count.load(std::memory_order_relaxed);
        if (have >= mine->limit)
            return putting::not_here;
        mine->blocks[have] = magazine::after(name);
        if (!__atomic_compare_exchange_n(table_.versions + index, &version, version + 1, false,
                                         __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
            return putting::not_here;
        // Sequentially consistent, as the exchange: not read before that is written.
        if (__atomic_load_n(table_.holds + index, __ATOMIC_SEQ_CST) != block_table::held_once)
            return putting::ended;
        mine->count.store(have + 1, std::memory_order_relaxed);
        if constexpr (count == counting::yes)
            add(mine->owners, -1);
        return putting::done;
    }

    /** Counts @p change of owners; false: not here. */
    [[nodiscard]] bool count_owners(std::int64_t change) const noexcept {
        const entered mine{cache_number_};
        if (!mine.is_own())
            return false;
        add(mine->owners, change);
        return true;
    }

    /** Null if the pool cannot be mapped. */
    [[nodiscard]] std::byte* address(std::uint32_t index) const noexcept {
        return data_ != nullptr ? data_ + geometry_.offset(index) : nullptr;
    }

    /** Block @p name names or named; geometry::no_index if that is of another pool. */
    [[nodiscard]] std::uint32_t index_of(handle name) const noexcept {
        const std::uint32_t index = name.slot() - table_.first_slot;
        return name && index < table_.blocks ? index : geometry::no_index;
    }

    [[nodiscard]] bool contains(const void* address) const noexcept {
        return offset_of(address) < data_length_;
    }

    /** The block that begins at @p address; geometry::no_index if none does. */
    [[nodiscard]] std::uint32_t index_at(const void* address) const noexcept {
        const auto offset = offset_of(address);
        if (offset >= data_length_)
            return geometry::no_index;
        const auto index = geometry_.index(offset);
        return index < table_.blocks ? index : geometry::no_index;
    }

    /** Of the allocation that block @p index has, or had last. */
    [[nodiscard]] handle name_of(std::uint32_t index) const noexcept {
        return {table_.version_of(index), table_.first_slot + index};
    }

    /** The handle of the allocation that block @p index has now; empty if it has none. */
    [[nodiscard]] handle handle_of(std::uint32_t index) const noexcept {
        const auto name = name_of(index);
        return name.version() % 2 != 0 ? name : handle{};
    }

    [[nodiscard, gnu::always_inline]] std::byte* get(handle name) const noexcept {
        const std::uint32_t index = name.slot() - table_.first_slot;
        const auto version = name.version();
        if (index >= mapped_ || version % 2 == 0)
            return nullptr;
        // Acquire: pairs with the store that published the allocation, so that its
        // contents are seen with it.
        if (!equals_acquire(table_.versions[index], version))
            return nullptr;
        auto* const block = data_ + geometry_.offset(index);
        if (block == nullptr)
            __builtin_unreachable();
        return block;
    }

    front(const front&) = delete;
    front& operator=(const front&) = delete;

  protected:
    front() noexcept = default;
    ~front() = default;

    /**
     * Takes up to as many blocks as there is room for.
     * Returns: how many.
     */
    [[nodiscard]] std::size_t take_some(std::span<handle> handles) const noexcept;

    /**
     * put() of several, in order, up to the first that is refused.
     * Returns: how many were freed.
     */
    [[nodiscard]] std::size_t put_some(std::span<const handle> handles) const noexcept;

    // NOLINTBEGIN(*-non-private-member-variables-in-classes): filled by the class it is of
    // What is read by every call lies together.
    block_table table_;
    std::uint32_t mapped_ = 0; // blocks that have an address: all, or none
    std::uint32_t cache_number_ = 0;
    std::byte* data_ = nullptr;
    std::uint64_t data_length_ = 0;
    geometry geometry_{1, 1, 1};
    // NOLINTEND(*-non-private-member-variables-in-classes)

  private:
    struct many;

    [[nodiscard]] std::uintptr_t offset_of(const void* address) const noexcept {
        return reinterpret_cast<std::uintptr_t>(address) - reinterpret_cast<std::uintptr_t>(data_);
    }
};

} // namespace fixedpool::detail

#endif
