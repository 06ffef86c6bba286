/* SPDX-License-Identifier: MIT */
/** @file
 * fixedpool::watch: being told that free blocks have become few, or enough.
 */
#ifndef FIXEDPOOL_WATCH_HPP
#define FIXEDPOOL_WATCH_HPP

#include <cstdint>
#include <memory>
#include <system_error>
#include <utility>

#include <fixedpool/export.hpp>
#include <fixedpool/pool.hpp>

namespace fixedpool {

/** When a watch signals. At least one is not zero, and neither is beyond pool::capacity(). */
struct watch_marks {
    std::uint32_t low = 0;  ///< when fewer blocks are free than this; zero: not
    std::uint32_t high = 0; ///< when as many are free, after fewer than low; zero: not
};

/**
 * Watches the free blocks of a pool, and signals when they cross a mark. With one
 * mark alone it signals again after their number has been on the other side of it.
 * What goes and comes back within a moment may be missed. While callers wait for
 * blocks, those that are free are theirs and do not count.
 *
 * A watch keeps its pool attached. An empty one, default-made or moved from, may
 * only be assigned to, destroyed and tested. In process, the child of fork() is not
 * signalled; on the device, it shares the watch and its signals.
 *
 * Thread safety: all const calls from any thread, also on the same watch.
 */
class [[nodiscard]] FIXEDPOOL_EXPORT watch {
  public:
    watch() noexcept = default;
    /** Effects: becomes the watch that @p other was, which is empty then; its own before ends. */
    watch(watch&& other) noexcept { swap(other); }
    watch& operator=(watch&& other) noexcept {
        watch{std::move(other)}.swap(*this);
        return *this;
    }
    watch(const watch&) = delete;
    watch& operator=(const watch&) = delete;

    /** Effects: ends the watch. */
    ~watch() {
        if (*this)
            end();
    }

    /** Effects: exchanges the watches. */
    void swap(watch& other) noexcept {
        std::swap(pool_, other.pool_);
        std::swap(number_, other.number_);
        std::swap(event_, other.event_);
    }
    friend void swap(watch& a, watch& b) noexcept { a.swap(b); }

    /**
     * Returns: a new watch. What is so already is signalled at once: that there are
     * fewer free blocks than @p marks says, or, without a low mark, as many.
     * Throws: pool_error: errc::invalid_argument, too_many_watches, out_of_memory, or
     * a std::system_category() code such as that for too many open files.
     * Complexity: three system calls.
     */
    static watch create(const pool& watched, watch_marks marks);
    static watch try_create(const pool& watched, watch_marks marks, std::error_code& ec) noexcept;

    /** Whether it is not empty. */
    [[nodiscard]] explicit operator bool() const noexcept { return pool_ != nullptr; }

    /** For poll() and the like: POLLIN when it has signalled. */
    [[nodiscard]] int descriptor() const noexcept { return event_; }

    /**
     * Returns: how many times it has signalled since it was asked last; does not wait.
     * Complexity: one system call.
     * Signal safety: async-signal-safe.
     */
    [[nodiscard]] std::uint64_t signals() const noexcept;

  private:
    void end() noexcept;

    std::shared_ptr<const detail::pool_state> pool_;
    std::uint32_t number_ = 0;
    int event_ = -1;
};

} // namespace fixedpool

#endif
