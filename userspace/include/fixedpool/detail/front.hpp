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
 * step is a locked one. One after the other: the second is always refused.
 */
#ifndef FIXEDPOOL_DETAIL_FRONT_HPP
#define FIXEDPOOL_DETAIL_FRONT_HPP

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include <fixedpool/detail/geometry.hpp>
#include <fixedpool/detail/magazine.hpp>
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
    own,      // held in the root scope
    in_scope, // or was, once: as long as the block is not allocated anew
};

class front {
  public:
    /** A block of this thread's magazine, allocated; empty if there is none. */
    template <counting count>
    [[nodiscard]] handle take() const noexcept {
        magazine* const mine = thread_magazines[cache_number_];
        if (mine == nullptr || !mine->enter())
            return {};
        const auto have = mine->count.load(std::memory_order_relaxed);
        if (have == 0) {
            mine->leave();
            return {};
        }
        const auto left = have - 1;
        const auto index = mine->blocks[left];
        mine->count.store(left, std::memory_order_relaxed);
        const auto version = version_of(index) + 1;
        if (version % 2 == 0) [[unlikely]] {
            mine->leave();
            return {}; // freed twice at the same instant: its other owner has it
        }
        set_version(index, version);
        set_standing(index, standing::own);
        if constexpr (count == counting::yes)
            add_owners(*mine, 1);
        mine->leave();
        return {version, first_slot_ + index};
    }

    /** Frees a block into this thread's magazine; not if the pool is exact. */
    template <counting count>
    [[nodiscard]] putting put(handle name) const noexcept {
        const auto index = name.slot() - first_slot_;
        magazine* const mine = thread_magazines[cache_number_];
        if (mine == nullptr || !may_put(name, index) || !mine->enter())
            return putting::not_here;
        const auto have = mine->count.load(std::memory_order_relaxed);
        if (have >= mine->limit.load(std::memory_order_relaxed)) {
            mine->leave();
            return putting::not_here;
        }
        set_version(index, name.version() + 1);
        set_standing(index, standing::unknown);
        push<count>(*mine, have, index);
        mine->leave();
        return putting::done;
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
        if (have < mine->room_limit &&
            __atomic_compare_exchange_n(versions_ + index, &version, version + 1, false,
                                        __ATOMIC_SEQ_CST, __ATOMIC_RELAXED)) {
            set_standing(index, standing::unknown);
            // Sequentially consistent, as the exchange: not read before that is written.
            result = __atomic_load_n(holds_ + index, __ATOMIC_SEQ_CST) == held_once
                         ? putting::done
                         : putting::ended;
            if (result == putting::done)
                push<count>(*mine, have, index);
        }
        mine->leave();
        return result;
    }

    /**
     * Takes up to as many blocks as there is room for.
     * Returns: how many.
     */
    [[nodiscard]] std::size_t take_some(std::span<handle> handles) const noexcept {
        magazine* const mine = thread_magazines[cache_number_];
        if (mine == nullptr || !mine->enter())
            return 0;
        auto left = mine->count.load(std::memory_order_relaxed);
        std::size_t taken = 0;
        while (left != 0 && taken < handles.size()) {
            const auto index = mine->blocks[--left];
            const auto version = version_of(index) + 1;
            if (version % 2 == 0) [[unlikely]]
                continue; // as in take()
            set_version(index, version);
            set_standing(index, standing::own);
            handles[taken++] = {version, first_slot_ + index};
        }
        mine->count.store(left, std::memory_order_relaxed);
        mine->leave();
        return taken;
    }

    /**
     * put() of several, in order, up to the first that is refused.
     * Returns: how many were freed.
     */
    [[nodiscard]] std::size_t put_some(std::span<const handle> handles) const noexcept {
        magazine* const mine = thread_magazines[cache_number_];
        if (mine == nullptr || !mine->enter())
            return 0;
        auto have = mine->count.load(std::memory_order_relaxed);
        const auto limit = mine->limit.load(std::memory_order_relaxed);
        std::size_t freed = 0;
        for (; freed < handles.size() && have < limit; ++freed) {
            const auto index = handles[freed].slot() - first_slot_;
            if (!may_put(handles[freed], index))
                break;
            set_version(index, handles[freed].version() + 1);
            set_standing(index, standing::unknown);
            mine->blocks[have++] = index;
        }
        mine->count.store(have, std::memory_order_relaxed);
        mine->leave();
        return freed;
    }

    /** Counts @p change of owners; false: not here. */
    [[nodiscard]] bool count_owners(std::int64_t change) const noexcept {
        magazine* const mine = thread_magazines[cache_number_];
        if (mine == nullptr || !mine->enter())
            return false;
        add_owners(*mine, change);
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

    /** The block that begins at @p address; geometry::no_index if none does. */
    [[nodiscard]] std::uint32_t index_at(const void* address) const noexcept {
        const auto offset =
            reinterpret_cast<std::uintptr_t>(address) - reinterpret_cast<std::uintptr_t>(data_);
        if (offset >= data_length_)
            return geometry::no_index;
        const auto index = geometry_.index(offset);
        return index < max_blocks_ ? index : geometry::no_index;
    }

    /** The handle of the allocation that block @p index has now; empty if it has none. */
    [[nodiscard]] handle handle_of(std::uint32_t index) const noexcept {
        const auto version = version_of(index);
        return version % 2 != 0 ? handle{version, first_slot_ + index} : handle{};
    }

    [[nodiscard]] std::byte* get(handle name) const noexcept {
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
    [[nodiscard]] bool anyone_waits() const noexcept {
        return __atomic_load_n(waiters_, __ATOMIC_RELAXED) != 0;
    }

    /**
     * May the block be kept in a cache when it is freed? Who owns it has an odd version.
     * Requires: there is a cache.
     */
    [[nodiscard]] bool may_put(handle name, std::uint32_t index) const noexcept {
        return index < max_blocks_ && version_of(index) == name.version() &&
               standing_of(index) == standing::own && !held_by_others(index) && !anyone_waits();
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

    static void add_owners(magazine& mine, std::int64_t change) noexcept {
        mine.owners.store(mine.owners.load(std::memory_order_relaxed) + change,
                          std::memory_order_relaxed);
    }

    void set_version(std::uint32_t index, std::uint32_t version) const noexcept {
        __atomic_store_n(versions_ + index, version, __ATOMIC_RELEASE);
    }

    [[nodiscard]] bool held_by_others(std::uint32_t index) const noexcept {
        return __atomic_load_n(holds_ + index, __ATOMIC_RELAXED) != held_once;
    }

    template <counting count>
    static void push(magazine& mine, std::uint32_t have, std::uint32_t index) noexcept {
        mine.blocks[have] = index;
        mine.count.store(have + 1, std::memory_order_relaxed);
        if constexpr (count == counting::yes)
            add_owners(mine, -1);
    }
};

} // namespace fixedpool::detail

#endif
