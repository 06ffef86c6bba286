/* SPDX-License-Identifier: MIT */
/** @file
 * Bytes of a fuzzer as a sequence of choices, and what ends the run when it does not hold.
 */
#ifndef FIXEDPOOL_FUZZ_INPUT_HPP
#define FIXEDPOOL_FUZZ_INPUT_HPP

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <span>
#include <type_traits>

namespace fixedpool::fuzz {

/** Ends the run, which keeps the input, if @p holds is false. */
inline void demand(bool holds, const char* what) {
    if (holds)
        return;
    std::fprintf(stderr, "does not hold: %s\n", what);
    std::abort();
}

/** When the bytes are used up, all choices are zero. */
class input {
  public:
    explicit input(std::span<const std::uint8_t> bytes) noexcept : left_{bytes} {}

    [[nodiscard]] bool empty() const noexcept { return left_.empty(); }

    template <typename number>
    [[nodiscard]] number take() noexcept {
        static_assert(std::is_integral_v<number>);
        number result = 0;
        const auto count = left_.size() < sizeof(result) ? left_.size() : sizeof(result);
        if (count != 0)
            std::memcpy(&result, left_.data(), count);
        left_ = left_.subspan(count);
        return result;
    }

    [[nodiscard]] std::uint8_t byte() noexcept { return take<std::uint8_t>(); }

    /** Less than @p bound, which is not zero. Takes one byte if that is enough. */
    [[nodiscard]] std::uint32_t below(std::size_t bound) noexcept {
        return bound <= UINT8_MAX + 1U ? byte() % static_cast<std::uint32_t>(bound)
                                       : take<std::uint32_t>() % static_cast<std::uint32_t>(bound);
    }

    /** True once in @p times. */
    [[nodiscard]] bool once_in(std::uint8_t times) noexcept { return byte() % times == times - 1; }

  private:
    std::span<const std::uint8_t> left_;
};

} // namespace fixedpool::fuzz

#endif
