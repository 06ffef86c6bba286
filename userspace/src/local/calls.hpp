/* SPDX-License-Identifier: MIT */
/** @file
 * The calls of <linux/fixedpool.h>, carried out in process for a client: what stands
 * between the structures and the engine. Values are looked at as the module does.
 *
 * Each writes the out members of its structure and returns 0 or the errno of the
 * interface. Those that are not noexcept throw std::bad_alloc.
 *
 * ALLOC and FREE in the root scope, CHECK, CACHE_FILL and CACHE_DRAIN are
 * async-signal-safe, as long as no scope of the client below its root has a block
 * that a handle names. ALLOC that waits or is by size, and all other calls, take
 * locks.
 */
#ifndef FIXEDPOOL_SRC_LOCAL_CALLS_HPP
#define FIXEDPOOL_SRC_LOCAL_CALLS_HPP

#include <cstddef>
#include <cstdint>
#include <memory>

#include <linux/fixedpool.h>

#include "client.hpp"

namespace fixedpool::detail::local {

// Pools.
[[nodiscard]] int carry_out(client& of, fixedpool_query& request) noexcept;
[[nodiscard]] int carry_out(client& of, fixedpool_pool_create& request);
[[nodiscard]] int carry_out(client& of, fixedpool_pool_attach& request);
[[nodiscard]] int carry_out(client& of, fixedpool_pool_detach& request) noexcept;
[[nodiscard]] int carry_out(client& of, fixedpool_pool_destroy& request);
[[nodiscard]] int carry_out(client& of, fixedpool_pool_info& request) noexcept;
[[nodiscard]] int carry_out(client& of, fixedpool_watch& request);

/** What is to be mapped: bytes of the offsets in fixedpool_pool_info. */
struct mapped_range {
    std::uint64_t offset;
    std::uint64_t length;
    bool writable;
};

/** As mmap(); @p mapped keeps the pool. */
[[nodiscard]] int map(const client& of, const mapped_range& wanted,
                      std::shared_ptr<std::byte[]>& mapped) noexcept;

// Blocks.
[[nodiscard]] int carry_out(client& of, fixedpool_alloc& request) noexcept;
[[nodiscard]] int carry_out(client& of, fixedpool_free& request) noexcept;
[[nodiscard]] int carry_out(client& of, fixedpool_check& request) noexcept;
[[nodiscard]] int carry_out(client& of, fixedpool_read& request) noexcept;
[[nodiscard]] int carry_out(client& of, fixedpool_write& request) noexcept;
[[nodiscard]] int carry_out(client& of, fixedpool_give& request);
[[nodiscard]] int carry_out(client& of, fixedpool_share& request);
[[nodiscard]] int carry_out(client& of, fixedpool_cache_fill& request) noexcept;
[[nodiscard]] int carry_out(client& of, fixedpool_cache_drain& request) noexcept;

// Scopes and sets.
[[nodiscard]] int carry_out(client& of, fixedpool_scope_create& request);
[[nodiscard]] int carry_out(client& of, fixedpool_scope_release& request) noexcept;
[[nodiscard]] int carry_out(client& of, fixedpool_set_create& request);
[[nodiscard]] int carry_out(client& of, fixedpool_set_destroy& request);

/** As transport::keep_books() and end_books(). */
[[nodiscard]] bool keep_books(client& of, std::uint32_t pool, std::byte* begin,
                              unsigned bits) noexcept;
void end_books(client& of, std::uint32_t pool, const std::byte* begin) noexcept;

} // namespace fixedpool::detail::local

#endif
