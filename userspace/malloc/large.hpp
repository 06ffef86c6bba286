/* SPDX-License-Identifier: MIT */
/** @file
 * What is too large for a block: pages of its own.
 *
 * A word before each says what it is; but an address is believed to be one only if a
 * bit of its page says so, too. A few that were freed are kept for the next; they are
 * never more than an eighth of what is in use, and a little.
 *
 * Thread safety: all from any thread; from signal handlers, too.
 */
#ifndef FIXEDPOOL_MALLOC_LARGE_HPP
#define FIXEDPOOL_MALLOC_LARGE_HPP

#include <cstddef>

namespace fixedpool::preload::large {

enum class content : bool { any, zero };

/** Returns: null if there is no memory, having errno as it was. */
[[nodiscard]] void* allocate(std::size_t size, std::size_t alignment, content wanted) noexcept;
[[nodiscard]] bool owns(const void* address) noexcept;

// Requires: owns().
void deallocate(void* block) noexcept;
[[nodiscard]] std::size_t size_of(const void* block) noexcept;
/** Returns: where it is now; null, and it is what it was, if there is no memory. */
[[nodiscard]] void* resize(void* block, std::size_t size) noexcept;

/** Effects: gives back what is kept. Returns: bytes. */
std::size_t trim() noexcept;

// Around fork().
void lock() noexcept;
void unlock() noexcept;

} // namespace fixedpool::preload::large

#endif
