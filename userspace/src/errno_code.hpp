/* SPDX-License-Identifier: MIT */
/** @file
 * The one place where an errno becomes an error_code.
 */
#ifndef FIXEDPOOL_SRC_ERRNO_CODE_HPP
#define FIXEDPOOL_SRC_ERRNO_CODE_HPP

#include <system_error>

#include <fixedpool/error.hpp>
#include <linux/fixedpool.h>

namespace fixedpool::detail {

/** What was going on: an errno means different things in different calls. */
enum class operation : unsigned {
    open,
    query,
    create,
    attach,
    detach,
    destroy,
    info,
    alloc,
    alloc_by_size,
    free,
    check,
    read,
    write,
    give,
    share,
    create_scope,
    release_scope,
    create_set,
    destroy_set,
    fill,
    drain,
    watch,
    create_channel,
    open_channel,
    send,
    receive,
    map,
};

constexpr operation operation_of(const fixedpool_alloc& request) noexcept {
    return (request.flags & FIXEDPOOL_ALLOC_BY_SIZE) != 0 ? operation::alloc_by_size
                                                          : operation::alloc;
}

/**
 * Returns: the errc of the interface's cause, or @p number in
 * std::system_category() where the interface defines none.
 */
[[nodiscard]] std::error_code errno_code(operation during, int number) noexcept;

/** Returns: what error_category() says of @p code, for good; null for what is none. */
[[nodiscard]] const char* message_of(errc code) noexcept;

/** Returns: the errno that @p code compares equal to; zero for what is none. */
[[nodiscard]] int number_of(errc code) noexcept;

} // namespace fixedpool::detail

#endif
