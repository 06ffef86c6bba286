/* SPDX-License-Identifier: MIT */
/** @file
 * Where the threads of a process pass blocks of one pool to each other, a whole
 * shelf at a time, as magazines have them: so they are copied, and none of what is known
 * of them is looked at.
 *
 * Two stacks, of the shelves that are full and of those that are empty (R. K. Treiber,
 * "Systems Programming: Coping with Parallelism", 1986). The word of each has a
 * number beside its top that every change makes another, so that a stack that looks
 * as before is as before. Who has taken a shelf from a stack has it alone. No one waits
 * for anyone, signal handlers included.
 */
#ifndef FIXEDPOOL_SRC_RACK_HPP
#define FIXEDPOOL_SRC_RACK_HPP

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <span>

#include "pages.hpp"

namespace fixedpool::detail {

class rack {
  public:
    static constexpr std::uint32_t max_batch = 256;

    /** Throws: std::bad_alloc. Shelves take no memory before they are used. */
    rack(std::uint32_t shelves, std::uint32_t batch)
        : memory_{shelves * (batch * sizeof(std::uint64_t) + sizeof(std::uint32_t))},
          shelves_{static_cast<std::uint64_t*>(memory_.begin())},
          below_{reinterpret_cast<std::uint32_t*>(shelves_ + std::size_t{shelves} * batch)},
          count_{shelves},
          batch_{batch} {}

    [[nodiscard]] std::uint32_t batch() const noexcept { return batch_; }

    /** Puts batch() blocks away; false if there is no empty shelf. */
    [[nodiscard]] bool put(const std::uint64_t* blocks) noexcept {
        auto number = pop(empty_);
        if (number == 0)
            number = begin_another();
        if (number == 0)
            return false;
        std::copy_n(blocks, batch_, shelf(number));
        push(full_, number);
        full_count_.fetch_add(1, std::memory_order_relaxed);
        return true;
    }

    /** Calls @p take with batch() blocks, which are its then; false if there is no full shelf. */
    template <typename function>
    [[nodiscard]] bool take(function take) noexcept {
        const auto number = pop(full_);
        if (number == 0)
            return false;
        full_count_.fetch_sub(1, std::memory_order_relaxed);
        take(std::span<const std::uint64_t>{shelf(number), batch_});
        push(empty_, number);
        return true;
    }

    /** More or less, while others are at work. */
    [[nodiscard]] std::uint32_t blocks() const noexcept {
        const auto full = full_count_.load(std::memory_order_relaxed);
        return full > 0 ? static_cast<std::uint32_t>(full) * batch_ : 0;
    }

    /** Calls @p visit with what lies, or lay, on each. Requires: nobody is at work. */
    template <typename function>
    void for_each_shelf(function visit) const {
        for (std::uint32_t number = 1; number <= begun(); ++number)
            visit(std::span<const std::uint64_t>{shelf(number), batch_});
    }

    /** Forgets all blocks. A shelf that somebody has in hand is his. */
    void clear() noexcept {
        while (const auto number = pop(full_))
            push(empty_, number);
        full_count_.store(0, std::memory_order_relaxed);
    }

  private:
    // The number of the top in the low half, of shelves from 1 on; zero: there is none.
    using stack = std::atomic<std::uint64_t>;

    static constexpr std::uint32_t top(std::uint64_t word) noexcept {
        return static_cast<std::uint32_t>(word);
    }
    static constexpr std::uint64_t with_top(std::uint64_t word, std::uint32_t number) noexcept {
        return ((word >> 32U) + 1) << 32U | number;
    }

    [[nodiscard]] std::uint64_t* shelf(std::uint32_t number) const noexcept {
        return shelves_ + std::size_t{number - 1} * batch_;
    }

    // Acquire and release: who has the shelf sees what was put on it, and is not
    // written over before he has read it.
    std::uint32_t pop(stack& from) noexcept {
        auto seen = from.load(std::memory_order_acquire);
        while (top(seen) != 0) {
            const auto below = __atomic_load_n(below_ + top(seen) - 1, __ATOMIC_RELAXED);
            if (from.compare_exchange_weak(seen, with_top(seen, below), std::memory_order_acquire,
                                           std::memory_order_acquire))
                break;
        }
        return top(seen);
    }
    void push(stack& to, std::uint32_t number) noexcept {
        auto seen = to.load(std::memory_order_relaxed);
        do
            __atomic_store_n(below_ + number - 1, top(seen), __ATOMIC_RELAXED);
        while (!to.compare_exchange_weak(seen, with_top(seen, number), std::memory_order_release,
                                         std::memory_order_relaxed));
    }

    [[nodiscard]] std::uint32_t begun() const noexcept {
        return begun_.load(std::memory_order_relaxed);
    }

    /** A shelf that was never used; zero if all were. */
    std::uint32_t begin_another() noexcept {
        auto number = begun();
        while (number < count_)
            if (begun_.compare_exchange_weak(number, number + 1, std::memory_order_relaxed))
                return number + 1;
        return 0;
    }

    alignas(64) stack full_ = 0;
    alignas(64) stack empty_ = 0;
    std::atomic<std::uint32_t> begun_ = 0; // shelves ever used
    std::atomic<std::int32_t> full_count_ = 0;
    pages memory_;
    std::uint64_t* shelves_;
    std::uint32_t* below_; // of each shelf in its stack
    std::uint32_t count_;
    std::uint32_t batch_;
};

} // namespace fixedpool::detail

#endif
