/* SPDX-License-Identifier: MIT */
/** @file
 * fixedpool::pool_set: pools ordered by the size of their blocks.
 */
#ifndef FIXEDPOOL_POOL_SET_HPP
#define FIXEDPOOL_POOL_SET_HPP

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <system_error>
#include <utility>

#include <fixedpool/block.hpp>
#include <fixedpool/client.hpp>
#include <fixedpool/export.hpp>
#include <fixedpool/handle.hpp>
#include <fixedpool/pool.hpp>

namespace fixedpool {

namespace detail {
struct set_state;
}

/**
 * Up to 32 pools of one client. A block is asked for by size, and comes from the
 * pool with the smallest blocks that fit and are free.
 *
 * A set keeps its pools attached. It loses its name when the last client has left
 * it, or with destroy(); blocks are not touched by either. An empty set,
 * default-made or moved from, may only be assigned to, destroyed and tested.
 *
 * Thread safety: all const calls from any thread, also on the same set.
 */
class [[nodiscard]] FIXEDPOOL_EXPORT pool_set {
  public:
    pool_set() noexcept = default;

    /**
     * Effects: makes a set of @p pools, in any order, and opens it.
     * Throws: error: errc::name_taken, invalid_argument, not_attached if a pool is
     * not of @p owner, out_of_memory.
     * Complexity: one system call.
     */
    static pool_set create(const client& owner, std::string_view name, std::span<const pool> pools);
    static pool_set try_create(const client& owner, std::string_view name,
                               std::span<const pool> pools, std::error_code& ec) noexcept;

    /**
     * Returns: the set of that name, which any client may have made.
     * Requires: @p pools are those of the set, attached by @p owner.
     * Throws: error: errc::no_such_set, already_open, set_not_attached,
     * invalid_argument, out_of_memory.
     * Complexity: one system call.
     */
    static pool_set open(const client& owner, std::string_view name, std::span<const pool> pools);
    static pool_set try_open(const client& owner, std::string_view name,
                             std::span<const pool> pools, std::error_code& ec) noexcept;

    /**
     * Effects: takes a set's name away.
     * Throws: error: errc::no_such_set, set_forbidden, invalid_argument.
     */
    static void destroy(const client& owner, std::string_view name);
    static bool try_destroy(const client& owner, std::string_view name,
                            std::error_code& ec) noexcept;

    /** Whether it is not empty. */
    [[nodiscard]] explicit operator bool() const noexcept { return state_ != nullptr; }

    /**
     * Returns: the owner of a block of at least @p size bytes; block::size() says
     * how many it has.
     * Throws: error: errc::out_of_blocks if all that fit are taken,
     * too_large_for_set, invalid_argument if @p size is zero, set_not_attached.
     * Complexity: one system call, linear in the pools of the set.
     */
    block allocate(std::uint32_t size, contents wanted = contents::unspecified) const;
    block try_allocate(std::uint32_t size, std::error_code& ec) const noexcept {
        return try_allocate(size, contents::unspecified, ec);
    }
    block try_allocate(std::uint32_t size, contents wanted, std::error_code& ec) const noexcept;

  private:
    explicit pool_set(std::shared_ptr<const detail::set_state> state) noexcept
        : state_{std::move(state)} {}
    static pool_set make(const client& owner, std::string_view name, std::span<const pool> pools,
                         bool create, std::error_code& ec) noexcept;

    std::shared_ptr<const detail::set_state> state_;
};

} // namespace fixedpool

#endif
