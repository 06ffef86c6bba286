/* SPDX-License-Identifier: MIT */
/** @file
 * fixedpool::block: the owner of one block.
 */
#ifndef FIXEDPOOL_BLOCK_HPP
#define FIXEDPOOL_BLOCK_HPP

#include <cstddef>
#include <cstdint>
#include <span>
#include <system_error>
#include <utility>

#include <fixedpool/detail/front.hpp>
#include <fixedpool/export.hpp>
#include <fixedpool/handle.hpp>

namespace fixedpool {

class channel;
class pool;

/** The number of a client, unique among the open ones; see client::id(). */
enum class client_id : std::uint32_t {};

/**
 * Holds one block and gives it back in its destructor. Comes from
 * pool::allocate(), pool::adopt() and channel::receive(), and keeps that pool attached. An empty
 * block, default-made or moved from, holds nothing.
 *
 * Like a pointer, a const block may still be written to.
 *
 * Thread safety: different blocks from different threads; one block from one
 * thread at a time.
 */
class [[nodiscard]] FIXEDPOOL_EXPORT block {
  public:
    block() noexcept = default;
    /** Effects: holds what @p other did, which becomes empty; what it held before goes back. */
    block(block&& other) noexcept
        : pool_{std::exchange(other.pool_, nullptr)},
          handle_{std::exchange(other.handle_, {})},
          data_{std::exchange(other.data_, nullptr)} {}
    block& operator=(block&& other) noexcept {
        block{std::move(other)}.swap(*this);
        return *this;
    }
    block(const block&) = delete;
    block& operator=(const block&) = delete;

    /**
     * Effects: gives the block back. A refusal, as after the block was freed
     * through its handle, is ignored: no other allocation is ever touched.
     */
    ~block() {
        if (*this)
            if (const auto tried =
                    detail::put<detail::counting::yes>(pool_->cache_number(), handle_);
                tried != detail::putting::done) [[unlikely]]
                free_held(tried);
    }

    /** Effects: exchanges what the two hold. */
    void swap(block& other) noexcept {
        std::swap(pool_, other.pool_);
        std::swap(handle_, other.handle_);
        std::swap(data_, other.data_);
    }
    friend void swap(block& a, block& b) noexcept { a.swap(b); }

    /** Whether it holds a block. */
    [[nodiscard]] explicit operator bool() const noexcept { return static_cast<bool>(handle_); }

    /** The name of the held allocation; empty for an empty block. */
    [[nodiscard]] fixedpool::handle handle() const noexcept { return handle_; }

    /** The first byte; null if the block is empty or its pool is not mappable. */
    [[nodiscard]] std::byte* data() const noexcept { return data_; }

    /** Usable bytes: pool::block_size(), and zero for an empty block. */
    [[nodiscard]] std::size_t size() const noexcept;

    /** data() and size(); empty where data() is null. */
    [[nodiscard]] std::span<std::byte> bytes() const noexcept {
        return {data_, data_ != nullptr ? size() : 0};
    }

    /**
     * Effects: *this becomes empty without giving the block back.
     * Returns: the handle, by which the block is now to be freed. The client
     * still holds it: it goes back at the latest when the pool is left.
     */
    [[nodiscard]] fixedpool::handle release() noexcept {
        if (*this)
            drop_owner();
        pool_ = nullptr;
        data_ = nullptr;
        return std::exchange(handle_, {});
    }

    /**
     * Effects: the client @p receiver holds the block instead of this one, and
     * *this becomes empty; on failure *this is unchanged.
     * Returns: the handle, for telling the receiver, who passes it to
     * pool::adopt().
     * Requires: not empty.
     * Throws: handle_error: errc::no_such_client, client_not_attached,
     * too_many_holders, stale_handle.
     * Complexity: one system call.
     */
    [[nodiscard]] fixedpool::handle give(client_id receiver);
    [[nodiscard]] fixedpool::handle try_give(client_id receiver, std::error_code& ec) noexcept;

    /**
     * Effects: the client @p receiver holds the block, too.
     * Returns: the handle, for telling the receiver, who passes it to
     * pool::adopt().
     * Requires: not empty.
     * Throws: as give().
     * Complexity: one system call.
     */
    [[nodiscard]] fixedpool::handle share(client_id receiver) const;
    [[nodiscard]] fixedpool::handle try_share(client_id receiver,
                                              std::error_code& ec) const noexcept;

  private:
    friend class channel;
    friend class pool;
    friend class pool_set;
    // Take over an owner that has been counted.
    block(const detail::front& from, detail::allocated taken) noexcept
        : pool_{&from},
          handle_{taken.name},
          data_{from.address(taken.index)} {}
    block(const detail::front& from, fixedpool::handle held) noexcept
        : pool_{&from},
          handle_{held},
          data_{from.address(from.index_of(held))} {}
    void free_held(detail::putting tried) noexcept;
    void drop_owner() noexcept;

    const detail::front* pool_ = nullptr;
    fixedpool::handle handle_;
    std::byte* data_ = nullptr;
};

} // namespace fixedpool

#endif
