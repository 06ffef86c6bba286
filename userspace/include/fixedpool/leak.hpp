/* SPDX-License-Identifier: MIT */
/** @file
 * Which blocks a client still holds, and which calls took them.
 *
 * For looking for leaks: pool_options::report_leaks or attach_options::report_leaks
 * has a client note every block of a pool that it takes, receives or adopts. It then
 * tells what it holds at any time (pool::held()), and what it still holds when it leaves
 * the pool, that is with the last pool and block that refer to it: nobody has the handles
 * of those any more, or nobody cares. The blocks go back all the same.
 *
 * The price: each of these calls walks the stack, about a microsecond; there is no
 * cache of the pool, so each is a system call; 216 bytes a block. A program that ends
 * without leaving the pool reports nothing.
 */
#ifndef FIXEDPOOL_LEAK_HPP
#define FIXEDPOOL_LEAK_HPP

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include <fixedpool/export.hpp>
#include <fixedpool/handle.hpp>

namespace fixedpool {

/** A block that a client holds, and how it came to. */
struct held_block {
    fixedpool::handle handle; ///< names it
    std::uint32_t thread;     ///< that took it, as of gettid()
    /**
     * Where: return addresses, the innermost first, up to 24. What addr2line makes of
     * them are lines of source code, also below allocators and containers, whose own
     * lines would say little.
     */
    std::vector<void*> callers;
};

/** What a leak_handler is told: a client has left a pool, and held these blocks of it. */
struct leak_report {
    std::string_view pool;              ///< its name
    std::uint32_t block_size;           ///< bytes
    std::span<const held_block> blocks; ///< as long as the call lasts
};

/** May do what destructors may. */
using leak_handler = void (*)(const leak_report&) noexcept;

/**
 * Writes to the standard error how many blocks of which pool were not given back, and
 * for each place that took some: how many, the thread of one of them, and the callers.
 */
FIXEDPOOL_EXPORT void print_leaks(const leak_report& report) noexcept;

/**
 * Effects: a client that leaves a pool and still holds blocks of it calls @p handler,
 * if it was to report leaks. Null: nothing is called. It is print_leaks() at first.
 * Returns: the one before.
 * Thread safety: any thread. A handler may be called by several at the same time.
 */
FIXEDPOOL_EXPORT leak_handler set_leak_handler(leak_handler handler) noexcept;

} // namespace fixedpool

#endif
