/* SPDX-License-Identifier: MIT */
/** @file
 * Where the threads of a process pass blocks of one pool to each other, a whole
 * shelf at a time.
 *
 * Two words of bits say which shelves are full and which are empty. Who clears a bit
 * has the shelf; a shelf that somebody is at has neither bit. No one waits for anyone,
 * signal handlers included.
 */
#ifndef FIXEDPOOL_SRC_RACK_HPP
#define FIXEDPOOL_SRC_RACK_HPP

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstdint>
#include <memory>

namespace fixedpool::detail {

class rack {
  public:
    static constexpr std::uint32_t max_shelves = 64;
    static constexpr std::uint32_t max_batch = 64;

    /** Throws: std::bad_alloc. Requires: neither number is beyond its maximum. */
    rack(std::uint32_t shelves, std::uint32_t batch)
        : shelves_{std::make_unique<shelf[]>(shelves)},
          count_{shelves},
          batch_{batch} {
        clear();
    }

    [[nodiscard]] std::uint32_t batch() const noexcept { return batch_; }

    /** Puts batch() blocks away; false if there is no empty shelf. */
    [[nodiscard]] bool put(const std::uint32_t* blocks) noexcept {
        const auto number = grab(empty_);
        if (number == max_shelves)
            return false;
        std::copy_n(blocks, batch_, shelves_[number].data());
        release(full_, number);
        return true;
    }

    /** Takes batch() blocks; false if there is no full shelf. */
    [[nodiscard]] bool take(std::uint32_t* blocks) noexcept {
        const auto number = grab(full_);
        if (number == max_shelves)
            return false;
        std::copy_n(shelves_[number].data(), batch_, blocks);
        release(empty_, number);
        return true;
    }

    [[nodiscard]] std::uint32_t blocks() const noexcept {
        return batch_ *
               static_cast<std::uint32_t>(std::popcount(full_.load(std::memory_order_relaxed)));
    }

    /** Forgets all blocks. Requires: nobody is at work. */
    void clear() noexcept {
        full_.store(0, std::memory_order_relaxed);
        empty_.store(count_ == max_shelves ? ~UINT64_C(0) : (UINT64_C(1) << count_) - 1,
                     std::memory_order_relaxed);
    }

  private:
    using shelf = std::array<std::uint32_t, max_batch>;
    using bits = std::atomic<std::uint64_t>;

    // Acquire and release: who has the shelf sees what was put on it, and is not
    // written over before he has read it.
    static std::uint32_t grab(bits& from) noexcept {
        auto seen = from.load(std::memory_order_relaxed);
        while (seen != 0)
            if (from.compare_exchange_weak(seen, seen & (seen - 1), std::memory_order_acquire,
                                           std::memory_order_relaxed))
                return static_cast<std::uint32_t>(std::countr_zero(seen));
        return max_shelves;
    }
    static void release(bits& to, std::uint32_t number) noexcept {
        to.fetch_or(UINT64_C(1) << number, std::memory_order_release);
    }

    alignas(64) bits full_ = 0;
    bits empty_ = 0;
    const std::unique_ptr<shelf[]> shelves_;
    const std::uint32_t count_;
    const std::uint32_t batch_;
};

} // namespace fixedpool::detail

#endif
