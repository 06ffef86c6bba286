/* SPDX-License-Identifier: MIT */
/** @file
 * Sizes as whole steps.
 */
#ifndef FIXEDPOOL_SRC_ROUND_HPP
#define FIXEDPOOL_SRC_ROUND_HPP

#include <concepts>

namespace fixedpool::detail {

/** The least multiple of step that is not below value; must not overflow. */
template <std::unsigned_integral T>
constexpr T rounded_up(T value, T step) noexcept {
    return (value + step - 1) / step * step;
}

} // namespace fixedpool::detail

#endif
