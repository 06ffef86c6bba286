/* SPDX-License-Identifier: MIT */
/** @file
 * Blocks of every size: small ones of pools, one for each class of sizes; large ones
 * of their own pages; and the library's own. An address tells which it is.
 */
#ifndef FIXEDPOOL_MALLOC_HEAP_HPP
#define FIXEDPOOL_MALLOC_HEAP_HPP

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "../src/thrift.hpp"
#include "lane.hpp"
#include "size_class.hpp"

namespace fixedpool::preload {

class heap {
  public:
    /** Aligned to the granule. Returns: null, and errno is ENOMEM, if there is no memory. */
    [[nodiscard, gnu::always_inline]] static void* allocate(std::size_t size) noexcept {
        if (size > max_block) [[unlikely]]
            return allocate_large(size);
        const auto number = class_of(size);
        if (void* const block = lane_of(number).take()) [[likely]]
            return block;
        return allocate_slowly(number);
    }
    // So are the others where there is no memory.
    [[nodiscard]] static void* allocate_zero(std::size_t size) noexcept;
    [[nodiscard]] static void* allocate_aligned(std::size_t size, std::size_t alignment) noexcept;

    /** Effects: ends the process with a message if @p block is none. */
    [[gnu::always_inline]] static void deallocate(void* block) noexcept {
        auto& of = lane_at(block);
        if (!of.put(block)) [[unlikely]]
            deallocate_slowly(of, block);
    }

    /** Usable bytes; ends the process with a message if no block can begin there. */
    [[nodiscard]] static std::size_t size_of(void* block) noexcept;
    /**
     * Requires: not null.
     * Effects: ends the process with a message if @p block is none.
     * Returns: null, and it is what it was, if there is no memory.
     */
    [[nodiscard]] static void* resize(void* block, std::size_t size) noexcept;

    /** Effects: handles fork() from now on, as at the first call. */
    static void begin() noexcept;

    /** Effects: gives back what can be. Returns: whether that was anything. */
    static bool trim() noexcept;

  private:
    using pool = fixedpool::detail::pool_state;

    static constexpr std::size_t spans = std::size_t{1}
                                         << (47 - fixedpool::detail::thrift::span_shift);

    static lane& lane_of(std::uint32_t number) noexcept { return lanes_[number + 1]; }

    /** One that has no blocks if there is none. */
    [[nodiscard, gnu::always_inline]] static lane& lane_at(const void* address) noexcept {
        const auto span =
            reinterpret_cast<std::uintptr_t>(address) >> fixedpool::detail::thrift::span_shift;
        // What is beyond has no block at that place, either.
        return lanes_[classes_[span % spans].load(std::memory_order_relaxed)];
    }
    [[nodiscard]] static bool is_pool(const lane& of) noexcept { return &of != lanes_.data(); }
    [[nodiscard]] static std::uint32_t number_of(const lane& of) noexcept {
        return static_cast<std::uint32_t>(&of - lanes_.data()) - 1;
    }

    [[nodiscard]] static void* allocate_slowly(std::uint32_t number) noexcept;
    [[nodiscard]] static void* allocate_elsewhere(std::size_t size, std::size_t alignment) noexcept;
    [[nodiscard]] static void* allocate_large(std::size_t size) noexcept;
    [[nodiscard]] static void* allocate_somewhere(std::uint32_t number,
                                                  std::size_t alignment) noexcept;
    static void deallocate_slowly(lane& of, void* block) noexcept;
    [[nodiscard]] static std::uint32_t index_in(lane& of, const void* block) noexcept;
    static void deallocate_elsewhere(void* block) noexcept;
    [[nodiscard]] static void* take_from(std::uint32_t number) noexcept;
    [[nodiscard]] static bool is_wanted(std::uint32_t number) noexcept;
    [[nodiscard]] static bool is_due(std::uint32_t number) noexcept;
    [[nodiscard]] static const pool* pool_for(std::uint32_t number) noexcept;
    [[nodiscard]] static const pool* make_pool(std::uint32_t number) noexcept;
    [[nodiscard]] static const pool* make_pool_locked(std::uint32_t number) noexcept;
    static bool begin_locked() noexcept;

    // It is one heap, as there is one malloc().
    // NOLINTBEGIN(cppcoreguidelines-avoid-non-const-global-variables)
    // One more than the class of the pool in each span of addresses; zero for none.
    static std::array<std::atomic<std::uint8_t>, spans> classes_;
    // By that number, the first being of none.
    static std::array<lane, class_count + 1> lanes_;
    static std::array<std::atomic<const pool*>, class_count> pools_;
    // Times that those without a pool were asked for.
    static std::array<std::atomic<std::uint32_t>, class_count> asked_;
    // Requests that pass until it is tried again to get what was not to be had.
    static std::array<std::atomic<std::uint32_t>, class_count> vain_;
    // NOLINTEND(cppcoreguidelines-avoid-non-const-global-variables)
};

} // namespace fixedpool::preload

#endif
