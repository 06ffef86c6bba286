/* SPDX-License-Identifier: MIT */
#include "tally.hpp"

#include <bit>

namespace fixedpool::detail {
namespace {

static_assert(tally::own_lines == 32);
std::atomic<std::uint32_t> lines_taken = 0; // NOLINT(*-avoid-non-const-global-variables)

constexpr unsigned unknown = ~0U;
// NOLINTNEXTLINE(*-avoid-non-const-global-variables)
constinit thread_local unsigned line = unknown;

/** Has a line as long as the thread lives. */
class lease {
  public:
    lease() noexcept {
        auto taken = lines_taken.load(std::memory_order_relaxed);
        line = tally::own_lines;
        while (~taken != 0) {
            const auto lowest = static_cast<unsigned>(std::countr_one(taken));
            // Acquire: pairs with the release below, so that what the last thread has
            // counted is counted on from.
            if (lines_taken.compare_exchange_weak(taken, taken | 1U << lowest,
                                                  std::memory_order_acquire,
                                                  std::memory_order_relaxed)) {
                line = lowest;
                break;
            }
        }
    }
    lease(const lease&) = delete;
    lease& operator=(const lease&) = delete;
    ~lease() {
        const auto left = line;
        line = tally::own_lines; // for destructors of the thread that run later
        if (left != tally::own_lines)
            lines_taken.fetch_and(~(1U << left), std::memory_order_release);
    }
};

} // namespace

unsigned tally::line_of_thread() noexcept {
    if (line == unknown) [[unlikely]] {
        thread_local const lease mine;
    }
    return line;
}

} // namespace fixedpool::detail
