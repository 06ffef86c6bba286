/* SPDX-License-Identifier: MIT */
/** @file
 * fixedpool::channel: blocks on their way from client to client.
 */
#ifndef FIXEDPOOL_CHANNEL_HPP
#define FIXEDPOOL_CHANNEL_HPP

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <fixedpool/block.hpp>
#include <fixedpool/export.hpp>
#include <fixedpool/handle.hpp>
#include <fixedpool/pool.hpp>

namespace fixedpool {

namespace detail {
class channel_end;
}

/** What an end of a channel is for. */
enum class channel_end : std::uint32_t {
    receive = 1, ///< takes blocks out
    send = 2,    ///< puts blocks in
    both = 3,    ///< does both
};

/** Whether calls on an end wait. */
enum class blocking : bool { no, yes };

/** What channel::create() makes. */
struct channel_options {
    std::string name = {};               ///< unique in the pool, as names of pools; or empty
    std::uint32_t capacity = 0;          ///< most handles in it, 1 to 65536
    channel_end end = channel_end::both; ///< what create() returns
    blocking waits = blocking::yes;      ///< of that end
};

/**
 * One end of a bounded queue of handles of one pool. Ownership of a block
 * travels with its handle: from the client of the sender to the channel, and on
 * to the client of the receiver. The channel ends with its last end; what is
 * queued then goes back to the pool.
 *
 * An end keeps its pool attached. An empty channel, default-made or moved from,
 * may only be assigned to, destroyed and tested.
 *
 * Thread safety: all const calls from any thread, also on the same end.
 */
class [[nodiscard]] FIXEDPOOL_EXPORT channel {
  public:
    channel() noexcept;
    /** Effects: becomes the end that @p other was, which is empty then; its own before ends. */
    channel(channel&& other) noexcept;
    channel& operator=(channel&& other) noexcept;
    channel(const channel&) = delete;
    channel& operator=(const channel&) = delete;
    ~channel();

    /** Effects: exchanges the ends. */
    void swap(channel& other) noexcept {
        std::swap(pool_, other.pool_);
        std::swap(end_, other.end_);
    }
    friend void swap(channel& a, channel& b) noexcept { a.swap(b); }

    /**
     * Effects: makes a channel for blocks of @p carried.
     * Throws: pool_error: errc::name_taken, invalid_argument, byte_limit,
     * lock_limit, out_of_memory, or a std::system_category() code such as that
     * for too many open files.
     * Complexity: linear in the capacity.
     */
    static channel create(const pool& carried, const channel_options& options);
    static channel try_create(const pool& carried, const channel_options& options,
                              std::error_code& ec) noexcept;

    /**
     * Returns: an end of the channel of that name, which any client of the pool
     * may have made.
     * Throws: pool_error: errc::no_such_channel, invalid_argument, or a
     * std::system_category() code.
     */
    static channel open(const pool& carried, std::string_view name, channel_end end,
                        blocking waits = blocking::yes);
    static channel try_open(const pool& carried, std::string_view name, channel_end end,
                            std::error_code& ec) noexcept {
        return try_open(carried, name, end, blocking::yes, ec);
    }
    static channel try_open(const pool& carried, std::string_view name, channel_end end,
                            blocking waits, std::error_code& ec) noexcept;

    /** Whether it is not empty. */
    [[nodiscard]] explicit operator bool() const noexcept { return end_ != nullptr; }

    /**
     * For poll() and the like: POLLIN when there is something to receive,
     * POLLOUT when there is room, POLLHUP when all senders have gone, POLLERR
     * when all receivers have. In process poll() knows no POLLHUP and POLLERR: such
     * an end can be received from, or sent to, and the call says why. There it
     * is made by the first call of this, and is -1 if that fails.
     */
    [[nodiscard]] int descriptor() const noexcept;

    /**
     * Effects: sends the block and empties @p sent, after waiting for room where
     * the end waits; on failure @p sent is unchanged.
     * Requires: @p sent is a block of the channel's pool, and not empty.
     * Throws: handle_error: errc::no_receiver if all have gone, would_block,
     * interrupted, channel_left, stale_handle, not_holder.
     * Complexity: one system call.
     */
    void send(block&& sent) const;
    bool try_send(block& sent, std::error_code& ec) const noexcept;

    /**
     * Effects: sends bare handles, in order, up to the first that is refused.
     * Returns: how many were sent; fewer than asked for where the end does not
     * wait and the room has ended, or where @p ec says why.
     * Complexity: one system call.
     */
    [[nodiscard]] std::size_t try_send(std::span<const handle> handles,
                                       std::error_code& ec) const noexcept;

    /**
     * Returns: the owner of the next block, after waiting for one where the end
     * waits; empty if nothing is queued and all senders have gone.
     * Throws: pool_error: errc::would_block, interrupted, channel_left.
     * Complexity: one system call.
     */
    block receive() const;
    block try_receive(std::error_code& ec) const noexcept;

    /**
     * Effects: receives what there is, up to as many as @p handles has room for.
     * The handles are bare: pool::free() or pool::adopt() them.
     * Returns: how many; none, without an error, if all senders have gone.
     * Complexity: one system call.
     */
    [[nodiscard]] std::size_t try_receive(std::span<handle> handles,
                                          std::error_code& ec) const noexcept;

  private:
    channel(std::shared_ptr<const detail::pool_state> carried,
            std::unique_ptr<detail::channel_end> end) noexcept;
    [[noreturn]] void refuse(std::error_code cause, const char* request) const;

    std::shared_ptr<const detail::pool_state> pool_;
    std::unique_ptr<detail::channel_end> end_;
};

} // namespace fixedpool

#endif
