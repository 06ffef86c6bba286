/* SPDX-License-Identifier: MIT */
/** @file
 * Until when calls wait.
 */
#ifndef FIXEDPOOL_DEADLINE_HPP
#define FIXEDPOOL_DEADLINE_HPP

#include <chrono>

namespace fixedpool {

/** A moment at which a call gives up. One in the past: it tries once, and does not wait. */
using deadline = std::chrono::steady_clock::time_point;

/** The deadline that never comes. */
inline constexpr deadline never = deadline::max();

/** Returns: the deadline that comes @p timeout from now, or never if that is too far. */
template <typename rep, typename period>
[[nodiscard]] deadline deadline_after(const std::chrono::duration<rep, period>& timeout) {
    // In a unit in which neither overflows.
    using seconds = std::chrono::duration<long double>;
    const auto now = std::chrono::steady_clock::now();
    if (timeout <= timeout.zero())
        return now;
    if (seconds{timeout} >= seconds{never - now})
        return never;
    return now + std::chrono::ceil<deadline::duration>(timeout);
}

} // namespace fixedpool

#endif
