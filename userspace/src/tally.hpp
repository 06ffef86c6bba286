/* SPDX-License-Identifier: MIT */
/** @file
 * Counters without a locked instruction: each of the first threads of the process
 * has a line of its own in every tally, which nobody else writes to; those that come
 * when all lines are taken share one.
 */
#ifndef FIXEDPOOL_SRC_TALLY_HPP
#define FIXEDPOOL_SRC_TALLY_HPP

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace fixedpool::detail {

class tally {
  public:
    static constexpr unsigned own_lines = 32;

    explicit tally(std::size_t counters)
        : width_{(counters + per_row - 1) / per_row},
          rows_((own_lines + 1) * width_) {}

    void count(std::size_t which) noexcept {
        const auto line = line_of_thread();
        auto& counter = rows_[line * width_ + which / per_row].counters[which % per_row];
        if (line < own_lines) [[likely]]
            counter.store(counter.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
        else
            counter.fetch_add(1, std::memory_order_relaxed);
    }

    /** What other threads count at this moment may be missing. */
    [[nodiscard]] std::uint64_t sum(std::size_t which) const noexcept {
        std::uint64_t total = 0;
        for (std::size_t line = 0; line <= own_lines; ++line)
            total += rows_[line * width_ + which / per_row].counters[which % per_row].load(
                std::memory_order_relaxed);
        return total;
    }

  private:
    static constexpr std::size_t per_row = 8;
    struct alignas(64) row {
        std::array<std::atomic<std::uint64_t>, per_row> counters{};
    };

    static unsigned line_of_thread() noexcept;

    std::size_t width_;
    std::vector<row> rows_;
};

} // namespace fixedpool::detail

#endif
