/* SPDX-License-Identifier: MIT */
/** @file
 * What resources say that cut pieces from the blocks of a pool, where they refuse.
 */
#ifndef FIXEDPOOL_CUT_HPP
#define FIXEDPOOL_CUT_HPP

#include <cstddef>
#include <string>
#include <system_error>

#include <fixedpool/error.hpp>
#include <fixedpool/pool.hpp>

namespace fixedpool::detail {

[[nodiscard]] inline std::string cut_from(const pool& from) {
    return ", cut from pool '" + std::string{from.name()} + '\'';
}

[[noreturn]] inline void refuse_piece(std::error_code cause, std::size_t bytes,
                                      std::size_t alignment, const pool& from) {
    throw bad_alloc{pool_error{cause,
                               "allocate " + std::to_string(bytes) + " bytes, aligned to " +
                                   std::to_string(alignment) + cut_from(from),
                               from.name()}};
}

[[noreturn]] inline void refuse_return(std::error_code cause, std::size_t bytes, const pool& from) {
    throw handle_error{
        cause, "deallocate " + std::to_string(bytes) + " bytes" + cut_from(from), {}};
}

} // namespace fixedpool::detail

#endif
