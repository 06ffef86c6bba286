/* SPDX-License-Identifier: MIT */
/** @file
 * fixedpool::scope: blocks that go back together.
 */
#ifndef FIXEDPOOL_SCOPE_HPP
#define FIXEDPOOL_SCOPE_HPP

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <system_error>
#include <utility>

#include <fixedpool/client.hpp>
#include <fixedpool/export.hpp>
#include <fixedpool/handle.hpp>
#include <fixedpool/pool.hpp>

namespace fixedpool {

/**
 * A group of blocks, of any pools of one client, that it gives back together:
 * with release(), or in its destructor. Which scope holds a block concerns nothing
 * else: it may be freed, given and shared as any other, and the scope does
 * not hold it any more then.
 *
 * A scope keeps its client open, but no pool attached. Scopes that were made with
 * nested() end with the one that they were made of. An empty scope, default-made
 * or moved from, may only be assigned to, destroyed and tested.
 *
 * Thread safety: all const calls from any thread, also on the same scope.
 */
class [[nodiscard]] FIXEDPOOL_EXPORT scope {
  public:
    scope() noexcept = default;
    /** Effects: holds what @p other did, which becomes empty; what it held before goes back. */
    scope(scope&& other) noexcept
        : client_{std::move(other.client_)},
          number_{std::exchange(other.number_, 0)} {}
    scope& operator=(scope&& other) noexcept {
        scope{std::move(other)}.swap(*this);
        return *this;
    }
    scope(const scope&) = delete;
    scope& operator=(const scope&) = delete;

    /** Effects: release(), if not empty; a refusal is ignored. */
    ~scope() {
        if (*this)
            release_held();
    }

    /** Effects: exchanges what the two hold. */
    void swap(scope& other) noexcept {
        std::swap(client_, other.client_);
        std::swap(number_, other.number_);
    }
    friend void swap(scope& a, scope& b) noexcept { a.swap(b); }

    /**
     * Returns: a new scope of the client's.
     * Throws: error: errc::too_many_scopes, out_of_memory.
     * Complexity: one system call.
     */
    static scope create(const client& owner);
    static scope try_create(const client& owner, std::error_code& ec) noexcept;

    /**
     * Returns: a scope that ends with this one, unless it has ended before.
     * Throws: error: errc::too_many_scopes, scope_too_deep, scope_ended,
     * out_of_memory.
     * Complexity: one system call.
     */
    scope nested() const;
    scope try_nested(std::error_code& ec) const noexcept;

    /** Whether it is not empty. */
    [[nodiscard]] explicit operator bool() const noexcept { return number_ != 0; }

    /**
     * Effects: takes as many blocks of @p from as @p handles has room for, or
     * none. The scope holds them.
     * Throws: pool_error: errc::out_of_blocks, scope_ended, byte_limit,
     * lock_limit, out_of_memory, and not_attached if @p from is another
     * client's; @p handles is then unspecified.
     * Complexity: one system call per limits::max_batch handles.
     */
    void allocate(const pool& from, std::span<handle> handles,
                  contents wanted = contents::unspecified) const;
    [[nodiscard]] bool try_allocate(const pool& from, std::span<handle> handles,
                                    std::error_code& ec) const noexcept {
        return try_allocate(from, handles, contents::unspecified, ec);
    }
    [[nodiscard]] bool try_allocate(const pool& from, std::span<handle> handles, contents wanted,
                                    std::error_code& ec) const noexcept;

    /** The same for one block. */
    [[nodiscard]] handle allocate(const pool& from, contents wanted = contents::unspecified) const;
    [[nodiscard]] handle try_allocate(const pool& from, std::error_code& ec) const noexcept {
        return try_allocate(from, contents::unspecified, ec);
    }
    [[nodiscard]] handle try_allocate(const pool& from, contents wanted,
                                      std::error_code& ec) const noexcept;

    /**
     * Effects: gives back everything in this scope and in those made of it; they
     * end, and this one becomes empty.
     * Returns: how many blocks these were.
     * Throws: error: errc::scope_ended, and the scope is empty also then.
     * Complexity: one system call, linear in the blocks.
     */
    std::uint64_t release();
    std::uint64_t try_release(std::error_code& ec) noexcept;

    /**
     * Effects: leaves the blocks to the scope that this one was made of, or to
     * the client, and those that were made of this one, too; becomes empty.
     * Returns: how many blocks were left so.
     * Throws: error: errc::scope_ended, and the scope is empty also then;
     * out_of_memory, and it holds what could not be moved.
     * Complexity: as release().
     */
    std::uint64_t dissolve();
    std::uint64_t try_dissolve(std::error_code& ec) noexcept;

  private:
    scope(std::shared_ptr<detail::client_state> owner, std::uint32_t number) noexcept
        : client_{std::move(owner)},
          number_{number} {}
    static scope make(const std::shared_ptr<detail::client_state>& owner, std::uint32_t parent,
                      std::error_code& ec) noexcept;
    std::uint64_t end(std::uint32_t flags, std::error_code& ec) noexcept;
    void release_held() noexcept;

    std::shared_ptr<detail::client_state> client_;
    std::uint32_t number_ = 0;
};

} // namespace fixedpool

#endif
