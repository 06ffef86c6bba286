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

/** What the library knows of a block. */
enum class standing : std::uint8_t {
    unknown,  // not held, or held otherwise
    own,      // held in the root scope, maybe in a cache
    in_scope, // or was, once: as long as the block is not allocated anew
};

/** A block that was free, and its number; an empty handle if there was none. */
struct allocated {
    handle name;
    std::uint32_t index = 0;

    [[nodiscard]] explicit operator bool() const noexcept { return static_cast<bool>(name); }
};

class front {
  public:
    /** A block of this thread's magazine, allocated; an empty one if there is none. */
    template <counting count>
    [[nodiscard, gnu::always_inline]] allocated take() const noexcept {
        magazine* const mine = thread_magazines[cache_number_];
        if (mine == nullptr || !mine->enter())
            return {};
        auto next = mine->hot.load(std::memory_order_relaxed);
        if (magazine::is_there(next)) [[likely]] {
            mine->hot.store(magazine::gone(next), std::memory_order_relaxed);
        } else {
            const auto have = mine->count.load(std::memory_order_relaxed);
            if (have == 0) {
                mine->leave();
                return {};
            }
            next = mine->blocks[have - 1];
            mine->count.store(have - 1, std::memory_order_relaxed);
        }
        const auto name = handle::from_value(next);
        const auto index = name.slot() - first_slot_;
        if (!begin(index, name.version())) [[unlikely]] {
            mine->leave();
            return {};
        }
        if constexpr (count == counting::yes)
            add(mine->owners, 1);
        mine->leave();
        if (!name) // versions are odd
            __builtin_unreachable();
        return {name, index};
    }

    /**
     * Frees block @p index, allocated as @p name, into this thread's magazine; not if the
     * pool is exact. Requires: there is such a block, and its version is that of the name.
     */
    template <counting count>
    [[nodiscard, gnu::always_inline]] putting put(handle name, std::uint32_t index) const noexcept {
        magazine* const mine = thread_magazines[cache_number_];
        return mine != nullptr ? put<count>(*mine, name, index) : putting::not_here;
    }

    /** The same of the block that @p name names, if it does. */
    template <counting count>
    [[nodiscard, gnu::always_inline]] putting put(handle name) const noexcept {
        const auto index = name.slot() - first_slot_;
        magazine* const mine = thread_magazines[cache_number_];
        // In this order: where there is no magazine there may be no versions.
        if (mine == nullptr || index >= max_blocks_ || !is_version_of(index, name.version()))
            return putting::not_here;
        return put<count>(*mine, name, index);
    }

    /**
     * The same with a locked step and a full barrier: of those who free a handle at the
     * same instant one succeeds, and a hold that was not seen was not got.
     */
    template <counting count>
    [[nodiscard]] putting put_exactly(handle name) const noexcept {
        const auto index = name.slot() - first_slot_;
        magazine* const mine = thread_magazines[cache_number_];
        auto version = name.version();
        auto result = putting::not_here;
        if (mine == nullptr || !may_put(name, index) || !mine->enter())
            return result;
        const auto have = mine->count.load(std::memory_order_relaxed);
        if (have < mine->room_limit) {
            mine->blocks[have] = magazine::after(name);
            if (__atomic_compare_exchange_n(versions_ + index, &version, version + 1, false,
                                            __ATOMIC_SEQ_CST, __ATOMIC_RELAXED)) {
                // Sequentially consistent, as the exchange: not read before that is written.
                result = __atomic_load_n(holds_ + index, __ATOMIC_SEQ_CST) == held_once
                             ? putting::done
                             : putting::ended;
                if (result == putting::done)
                    mine->count.store(have + 1, std::memory_order_relaxed);
                if (result == putting::done && count == counting::yes)
                    add(mine->owners, -1);
            }
        }
        mine->leave();
        return result;
    }

    /** Counts @p change of owners; false: not here. */
    [[nodiscard]] bool count_owners(std::int64_t change) const noexcept {
        magazine* const mine = thread_magazines[cache_number_];
        if (mine == nullptr || !mine->enter())
            return false;
        add(mine->owners, change);
        mine->leave();
        return true;
    }

    /** Null if the pool cannot be mapped. */
    [[nodiscard]] std::byte* address(std::uint32_t index) const noexcept {
        return data_ != nullptr ? data_ + geometry_.offset(index) : nullptr;
    }

    /** Block @p name names or named; geometry::no_index if that is of another pool. */
    [[nodiscard]] std::uint32_t index_of(handle name) const noexcept {
        const std::uint32_t index = name.slot() - first_slot_;
        return name && index < max_blocks_ ? index : geometry::no_index;
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
        return index < max_blocks_ ? index : geometry::no_index;
    }

    /** Of the allocation that block @p index has, or had last. */
    [[nodiscard]] handle name_of(std::uint32_t index) const noexcept {
        return {version_of(index), first_slot_ + index};
    }

    /** The handle of the allocation that block @p index has now; empty if it has none. */
    [[nodiscard]] handle handle_of(std::uint32_t index) const noexcept {
        const auto version = version_of(index);
        return version % 2 != 0 ? handle{version, first_slot_ + index} : handle{};
    }

    [[nodiscard, gnu::always_inline]] std::byte* get(handle name) const noexcept {
        const auto index = index_of(name);
        if (index == geometry::no_index || versions_ == nullptr || name.version() % 2 == 0)
            return nullptr;
        // Acquire: pairs with the store that published the allocation, so that its
        // contents are seen with it.
        if (__atomic_load_n(versions_ + index, __ATOMIC_ACQUIRE) != name.version())
            return nullptr;
        return address(index);
    }

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

  public:
    front(const front&) = delete;
    front& operator=(const front&) = delete;

    [[nodiscard]] standing standing_of(std::uint32_t index) const noexcept {
        return static_cast<standing>(__atomic_load_n(standings_ + index, __ATOMIC_RELAXED));
    }
    void set_standing(std::uint32_t index, standing now) const noexcept {
        __atomic_store_n(standings_ + index, static_cast<std::uint8_t>(now), __ATOMIC_RELAXED);
    }
    [[nodiscard]] std::uint32_t version_of(std::uint32_t index) const noexcept {
        return __atomic_load_n(versions_ + index, __ATOMIC_RELAXED);
    }
    [[nodiscard, gnu::always_inline]] bool anyone_waits() const noexcept {
        return !equals(*waiters_, 0);
    }

    /**
     * May the block be kept in a cache when it is freed? Who owns it has an odd version.
     * Requires: there is a cache.
     */
    [[nodiscard]] bool may_put(handle name, std::uint32_t index) const noexcept {
        return index < max_blocks_ && is_version_of(index, name.version()) &&
               may_keep(index, name.version());
    }

  protected:
    // NOLINTBEGIN(*-non-private-member-variables-in-classes): filled by the class it is of
    // What is read by every call lies together.
    std::uint32_t cache_number_ = 0;
    std::uint32_t first_slot_ = 0;
    std::uint32_t max_blocks_ = 0;
    bool exact_ = false; // the limits of magazines are zero, and put_exactly() is to be called
    std::uint32_t* versions_ = nullptr;
    std::uint8_t* standings_ = nullptr;
    const std::uint16_t* holds_ = nullptr;
    const std::uint32_t* waiters_ = nullptr;
    std::byte* data_ = nullptr;
    std::uint64_t data_length_ = 0;
    geometry geometry_{1, 1, 1};
    // NOLINTEND(*-non-private-member-variables-in-classes)

  private:
    static constexpr std::uint16_t held_once = 1; // FIXEDPOOL_HELD_ONCE

    struct many;

    [[nodiscard]] std::uintptr_t offset_of(const void* address) const noexcept {
        return reinterpret_cast<std::uintptr_t>(address) - reinterpret_cast<std::uintptr_t>(data_);
    }

    template <counting count>
    [[nodiscard, gnu::always_inline]] putting put(magazine& mine, handle name,
                                                  std::uint32_t index) const noexcept {
        if (!may_keep(index, name.version()) || !mine.enter())
            return putting::not_here;
        const auto have = mine.count.load(std::memory_order_relaxed);
        if (!below(have, mine.limit)) {
            mine.leave();
            return putting::not_here;
        }
        const auto last = mine.hot.load(std::memory_order_relaxed);
        if (magazine::is_there(last)) {
            mine.blocks[have] = last;
            mine.count.store(have + 1, std::memory_order_relaxed);
        }
        // In this order: a child that is forked right here finds the block in the magazine.
        mine.hot.store(magazine::after(name), std::memory_order_relaxed);
        set_version(index, name.version() + 1);
        if constexpr (count == counting::yes)
            add(mine.owners, -1);
        mine.leave();
        return putting::done;
    }

    /**
     * Begins the allocation of that version. False if the block's last did not end as the one
     * before it: it was freed twice at the same instant, and its other owner has it.
     */
    [[nodiscard, gnu::always_inline]] bool begin(std::uint32_t index,
                                                 std::uint32_t version) const noexcept {
        if (!is_version_of(index, version - 1)) [[unlikely]]
            return false;
        set_version(index, version);
        return true;
    }

    void set_version(std::uint32_t index, std::uint32_t version) const noexcept {
        __atomic_store_n(versions_ + index, version, __ATOMIC_RELEASE);
    }

    [[nodiscard, gnu::always_inline]] bool is_version_of(std::uint32_t index,
                                                         std::uint32_t version) const noexcept {
        return equals(versions_[index], version);
    }

    /** Allocated, with that version, to this client alone, and in its root scope. */
    [[nodiscard, gnu::always_inline]] bool is_own(std::uint32_t index,
                                                  std::uint32_t version) const noexcept {
        // Of versions the lowest bit says it, too: of free blocks there are no handles.
        static_assert(static_cast<std::uint8_t>(standing::own) == 1);
        static_assert(static_cast<std::uint8_t>(standing::in_scope) % 2 == 0);
        return has(standings_[index], static_cast<std::uint8_t>(version & 1U)) &&
               equals(holds_[index], held_once);
    }

    [[nodiscard, gnu::always_inline]] bool may_keep(std::uint32_t index,
                                                    std::uint32_t version) const noexcept {
        return is_own(index, version) && !anyone_waits();
    }
};

} // namespace fixedpool::detail

#endif
