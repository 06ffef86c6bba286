/* SPDX-License-Identifier: MIT */
/** @file
 * Names in requests.
 */
#ifndef FIXEDPOOL_SRC_NAME_HPP
#define FIXEDPOOL_SRC_NAME_HPP

#include <algorithm>
#include <iterator>
#include <string_view>
#include <system_error>

#include <linux/fixedpool.h>

#include <fixedpool/error.hpp>

namespace fixedpool::detail {

/** Writes @p name into a request. What does not fit is no name of anything. */
[[nodiscard]] inline std::error_code put_name(char (&field)[FIXEDPOOL_NAME_SIZE],
                                              std::string_view name) noexcept {
    if (name.size() >= std::size(field) || name.find('\0') != std::string_view::npos)
        return errc::invalid_argument;
    std::ranges::fill(std::ranges::copy(name, field).out, std::end(field), '\0');
    return {};
}

} // namespace fixedpool::detail

#endif
