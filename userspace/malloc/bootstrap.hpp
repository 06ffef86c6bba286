/* SPDX-License-Identifier: MIT */
/** @file
 * Memory for the library itself: what it, or the C library on its behalf, allocates
 * while it is at work must not come from the pools that it is at work on. And for the
 * program: what it asks for so seldom that the books of a pool would take more, and what
 * pools cannot be had for.
 *
 * Simple: pieces of a few ranges of addresses, by which they are known again; what is freed
 * is used again for the same size.
 */
#ifndef FIXEDPOOL_MALLOC_BOOTSTRAP_HPP
#define FIXEDPOOL_MALLOC_BOOTSTRAP_HPP

#include <cstddef>

namespace fixedpool::preload::bootstrap {

/** Returns: null if there is no memory, or where a handler has interrupted the same. */
[[nodiscard]] void* allocate(std::size_t size, std::size_t alignment) noexcept;
[[nodiscard]] bool owns(const void* address) noexcept;
enum class standing {
    none, // no block begins there
    allocated,
    freed,
};
// Requires: owns().
[[nodiscard]] standing standing_of(const void* block) noexcept;
// Requires: it is allocated.
void deallocate(void* block) noexcept;
[[nodiscard]] std::size_t size_of(const void* block) noexcept;

/**
 * Has fork() leave it whole. Requires: called before any other of the library's handlers of
 * fork() is set, so that it is locked last, and unlocked first.
 */
void handle_forks() noexcept;

} // namespace fixedpool::preload::bootstrap

#endif
