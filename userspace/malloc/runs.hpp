/* SPDX-License-Identifier: MIT */
/** @file
 * Blocks between those of pools and those that have mappings of their own: runs of
 * pages in a few ranges of addresses, whose neighbours become one when they are free.
 *
 * So they cost no system call each, nor one of the mappings that the kernel lets a process
 * have. What is free and has been used keeps its memory up to an eighth of what is in use,
 * and a little.
 *
 * Thread safety: all from any thread; from signal handlers, too.
 */
#ifndef FIXEDPOOL_MALLOC_RUNS_HPP
#define FIXEDPOOL_MALLOC_RUNS_HPP

#include <cstddef>

namespace fixedpool::preload::runs {

inline constexpr std::size_t most_bytes = std::size_t{1} << 20;

/** A block, and whether it may be other than zeroes. */
struct taken {
    void* block;
    bool dirty;
};

/**
 * Aligned to pages. Requires: @p size is not beyond most_bytes.
 * Returns: null if there is no memory, or where a handler has interrupted the same.
 */
[[nodiscard]] taken allocate(std::size_t size) noexcept;
[[nodiscard]] bool owns(const void* address) noexcept;

// Requires: owns().
void deallocate(void* block) noexcept;
[[nodiscard]] std::size_t size_of(const void* block) noexcept;
/** Effects: makes it that large where it is. False: that cannot be, and it is what it was. */
[[nodiscard]] bool resize(void* block, std::size_t size) noexcept;

/** Effects: gives back memory of what is free. Returns: bytes. */
std::size_t trim() noexcept;

// Around fork().
void lock() noexcept;
void unlock() noexcept;

} // namespace fixedpool::preload::runs

#endif
