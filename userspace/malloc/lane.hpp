/* SPDX-License-Identifier: MIT */
/** @file
 * The pool of one class as malloc() and free() see it: what they read of it lies in one
 * line of the cache, and they do to a block only what a heap needs.
 *
 * A heap has all blocks of its pools to itself, in the root scope, and never waits for
 * one. So front's questions about a block, whose answers lie in other lines, are none
 * here: whether a block may be kept its version says alone.
 */
#ifndef FIXEDPOOL_MALLOC_LANE_HPP
#define FIXEDPOOL_MALLOC_LANE_HPP

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include <fixedpool/detail/geometry.hpp>
#include <fixedpool/detail/magazine.hpp>
#include <fixedpool/detail/word.hpp>
#include <fixedpool/handle.hpp>

#include "../src/pool_state.hpp"

namespace fixedpool::preload {

class alignas(64) lane {
  public:
    static constexpr auto no_index = fixedpool::detail::geometry::no_index;

    constexpr lane() noexcept = default;

    /**
     * Begins to be of @p pool. Blocks are found in it when it has grown().
     * Thread safety: take() may be called meanwhile, and finds nothing.
     */
    void begin(const fixedpool::detail::pool_state& pool) noexcept {
        const auto& known = pool.info();
        data_ = pool.address(0);
        versions_ = pool.versions();
        first_slot_ = known.first_slot;
        stride_ = known.stride;
        by_stride_ = fixedpool::detail::exact_reciprocal{known.stride};
        grow(known.blocks);
        cache_number_.store(pool.cache_number(), std::memory_order_release);
    }

    /** There are that many blocks now. To be called before any of the new ones is given away. */
    void grow(std::uint32_t blocks) noexcept {
        auto before = blocks_.load(std::memory_order_relaxed);
        while (before < blocks &&
               !blocks_.compare_exchange_weak(before, blocks, std::memory_order_relaxed)) {
        }
    }

    /** Usable bytes of a block. */
    [[nodiscard]] std::uint32_t block_size() const noexcept { return stride_; }

    /** The block that begins at @p address; no_index if none does. */
    [[nodiscard, gnu::always_inline]] std::uint32_t index_at(const void* address) const noexcept {
        const auto number = by_stride_.quotient(reinterpret_cast<std::uintptr_t>(address) -
                                                reinterpret_cast<std::uintptr_t>(data_));
        return number < blocks_.load(std::memory_order_relaxed) ? static_cast<std::uint32_t>(number)
                                                                : no_index;
    }

    /** The handle of the allocation that a block has now; empty if it has none. */
    [[nodiscard]] handle handle_of(std::uint32_t index) const noexcept {
        const auto version = version_of(index);
        return version % 2 != 0 ? handle{version, first_slot_ + index} : handle{};
    }

    /** A block of this thread's magazine; null if there is none. */
    [[nodiscard, gnu::always_inline]] void* take() const noexcept {
        using fixedpool::detail::magazine;
        const fixedpool::detail::entered mine{cache_number_.load(std::memory_order_acquire)};
        if (!mine) [[unlikely]]
            return nullptr;
        auto next = mine->hot.load(std::memory_order_relaxed);
        if (magazine::is_there(next)) {
            mine->hot.store(magazine::gone(next), std::memory_order_relaxed);
        } else {
            const auto have = mine->count.load(std::memory_order_relaxed);
            if (have == 0) [[unlikely]]
                return nullptr;
            next = mine->blocks[have - 1];
            mine->count.store(have - 1, std::memory_order_relaxed);
        }
        const auto name = handle::from_value(next);
        const auto index = name.slot() - first_slot_;
        // It was freed twice at the same instant, and its other owner has it.
        if (!fixedpool::detail::equals(versions_[index], name.version() - 1)) [[unlikely]]
            return nullptr;
        set_version(index, name.version());
        auto* const block = data_ + std::size_t{index} * stride_;
        if (block == nullptr)
            __builtin_unreachable();
        return block;
    }

    /** Frees a block into this thread's magazine. False: nothing was done. */
    [[nodiscard, gnu::always_inline]] bool put(const void* block) const noexcept {
        using fixedpool::detail::magazine;
        const auto index = index_at(block);
        if (index == no_index) [[unlikely]]
            return false;
        const auto version = version_of(index);
        const fixedpool::detail::entered mine{cache_number_.load(std::memory_order_acquire)};
        if (version % 2 == 0 || !mine.is_own()) [[unlikely]]
            return false;
        const auto last = mine->hot.load(std::memory_order_relaxed);
        if (magazine::is_there(last)) {
            const auto have = mine->count.load(std::memory_order_relaxed);
            if (have >= mine->limit) [[unlikely]]
                return false;
            mine->blocks[have] = last;
            mine->count.store(have + 1, std::memory_order_relaxed);
        }
        // In this order, as front has it: a child that is forked right here finds the block.
        mine->hot.store(magazine::after(handle{version, first_slot_ + index}),
                        std::memory_order_relaxed);
        set_version(index, version + 1);
        return true;
    }

  private:
    [[nodiscard]] std::uint32_t version_of(std::uint32_t index) const noexcept {
        return __atomic_load_n(versions_ + index, __ATOMIC_RELAXED);
    }
    void set_version(std::uint32_t index, std::uint32_t version) const noexcept {
        __atomic_store_n(versions_ + index, version, __ATOMIC_RELEASE);
    }

    std::byte* data_ = nullptr;
    std::uint32_t* versions_ = nullptr;
    std::atomic<std::uint32_t> cache_number_ = 0;
    std::uint32_t first_slot_ = 0;
    std::uint32_t stride_ = 0;
    std::atomic<std::uint32_t> blocks_ = 0;
    fixedpool::detail::exact_reciprocal by_stride_{1};
};

static_assert(sizeof(lane) == 64);

} // namespace fixedpool::preload

#endif
