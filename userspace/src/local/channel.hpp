/* SPDX-License-Identifier: MIT */
/** @file
 * A bounded queue of handles, and its ends.
 *
 * A block on its way is held all the time: the same hold, counted once, changes
 * its owner. A call keeps the client's attachment only while it moves handles,
 * never while it sleeps, so that a client can leave the pool under it.
 */
#ifndef FIXEDPOOL_SRC_LOCAL_CHANNEL_HPP
#define FIXEDPOOL_SRC_LOCAL_CHANNEL_HPP

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "client.hpp"
#include "futex.hpp"
#include "pool.hpp"

namespace fixedpool::detail::local {

class end_of_channel;

/** Thread safety: all calls from any thread. */
class channel : public std::enable_shared_from_this<channel> {
  public:
    /** Throws: std::bad_alloc. */
    channel(std::shared_ptr<local::pool> carried, std::string_view name, std::uint32_t capacity);
    channel(const channel&) = delete;
    channel& operator=(const channel&) = delete;
    ~channel() = default;

    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    [[nodiscard]] local::pool& pool() const noexcept { return *pool_; }

    /** What a call has found, and until when there is nothing else to be found. */
    struct look {
        std::size_t moved;
        bool gone; // all of the other side
        std::uint32_t seen;
    };

    /** Queues as many of @p handles as there is room for, none if all readers have gone. */
    look push(std::span<const std::uint64_t> handles) noexcept;
    look pop(std::span<std::uint64_t> handles) noexcept;
    [[nodiscard]] std::uint32_t room() noexcept;

    /** Sleeps until the queue, or who is there, is another than was seen. Returns: 0; EINTR. */
    int wait(std::uint32_t seen) noexcept { return changed_.wait(seen); }
    void wake_all() noexcept;

    // Ends, under the registry's lock. The last that goes takes the name along.
    void open_end(std::uint32_t opened) noexcept;
    [[nodiscard]] bool close_end(std::uint32_t closed) noexcept;
    /** Gives back what is queued. Requires: no end is left. */
    void drain() noexcept;

    /** A descriptor for poll(), from now on kept up to date; -1 if there is none to be had. */
    [[nodiscard]] int poll_descriptor(end_of_channel& of) noexcept;
    void forget(end_of_channel& of) noexcept;

    /**
     * Protects: the queue, the number of ends, descriptors.
     * Ordering: innermost.
     */
    [[nodiscard]] std::mutex& mutex() noexcept { return mutex_; }

    // For fork(), in the child, under the lock.
    void count_holders(std::vector<std::uint8_t>& holders) const noexcept;
    void after_fork() noexcept;

  private:
    struct side {
        std::uint32_t ends = 0;
        bool gone = false; // there have been some
    };

    void change() noexcept;
    [[nodiscard]] std::uint64_t level_for(const end_of_channel& of) const noexcept;

    std::mutex mutex_;
    const std::shared_ptr<local::pool> pool_;
    const std::string name_;
    std::vector<std::uint64_t> ring_;
    std::size_t first_ = 0; // that is queued
    std::size_t count_ = 0;
    side readers_;
    side writers_;
    event changed_;
    std::vector<end_of_channel*> polled_;
};

/** What a descriptor is on the device. */
class end_of_channel {
  public:
    /** Takes over an end that has been opened. */
    end_of_channel(std::shared_ptr<client> of, std::shared_ptr<channel> end,
                   std::uint32_t flags) noexcept
        : client_{std::move(of)},
          channel_{std::move(end)},
          flags_{flags} {}
    end_of_channel(const end_of_channel&) = delete;
    end_of_channel& operator=(const end_of_channel&) = delete;
    ~end_of_channel();

    // Each returns 0 or an errno, and then nothing was moved.
    [[nodiscard]] int send(std::span<const std::uint64_t> handles, std::size_t& moved) noexcept;
    [[nodiscard]] int receive(std::span<std::uint64_t> handles, std::size_t& moved) noexcept;
    [[nodiscard]] int descriptor() noexcept { return channel_->poll_descriptor(*this); }

  private:
    friend class channel;

    [[nodiscard]] bool waits() const noexcept;
    [[nodiscard]] int send_batch(std::span<const std::uint64_t> handles,
                                 channel::look& sent) noexcept;
    [[nodiscard]] int receive_batch(std::span<std::uint64_t> handles,
                                    channel::look& received) noexcept;

    const std::shared_ptr<client> client_;
    const std::shared_ptr<channel> channel_;
    const std::uint32_t flags_;

    // The channel's, under its lock.
    int polled_ = -1;
    std::uint64_t level_ = 0; // of the eventfd
};

/** As the structures of the same names; empty and @p error set on failure. */
[[nodiscard]] std::unique_ptr<end_of_channel>
create_channel(const std::shared_ptr<client>& creator, const fixedpool_channel_create& request,
               int& error);
[[nodiscard]] std::unique_ptr<end_of_channel> open_channel(const std::shared_ptr<client>& opener,
                                                           const fixedpool_channel_open& request,
                                                           int& error);

} // namespace fixedpool::detail::local

#endif
