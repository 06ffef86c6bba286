/* SPDX-License-Identifier: MIT */
/** @file
 * Telling, by eventfd, that free blocks of a pool have become few, or enough.
 *
 * Of all watches together two marks are kept: whoever takes blocks and leaves
 * fewer than the first, or gives some and makes them as many as the second, looks
 * at each watch. No crossing is missed: the marks are set first and the blocks
 * counted then; who takes or gives changes their number first and looks at the
 * marks then, all of that sequentially consistent. Blocks that go and come back
 * within a moment may not be told.
 */
#ifndef FIXEDPOOL_SRC_LOCAL_WATCH_HPP
#define FIXEDPOOL_SRC_LOCAL_WATCH_HPP

#include <atomic>
#include <cstdint>
#include <limits>
#include <vector>

#include "depot.hpp"
#include "lock.hpp"
#include "waiting.hpp"

namespace fixedpool::detail::local {

/** Thread safety: all calls from any thread. */
class watches {
  public:
    /** While somebody waits in @p queue, what is free in @p of does not count. */
    watches(const depot& of, const waiting& queue) noexcept : depot_{of}, queue_{queue} {}
    watches(const watches&) = delete;
    watches& operator=(const watches&) = delete;
    ~watches() { forget_all(); }

    /**
     * Signals @p event when there are fewer free blocks than @p low, and as many as
     * @p high after that; zero: not. What is so already is signalled at once.
     * Returns: 0, having set @p id; EBADF; EINVAL for what is no eventfd, as far as the
     * system tells; EMFILE if the owner has FIXEDPOOL_MAX_WATCHES, or the process no
     * descriptor left. Throws: std::bad_alloc.
     */
    [[nodiscard]] int add(const void* owner, std::uint32_t low, std::uint32_t high, int event,
                          std::uint32_t& id);
    /** Returns: 0; ENOENT. */
    [[nodiscard]] int remove(const void* owner, std::uint32_t id) noexcept;
    void remove_all(const void* owner) noexcept;

    /** Blocks have come, or gone, or somebody has begun or ended to wait. Async-signal-safe. */
    void look() noexcept {
        if (marks_.load(std::memory_order_seq_cst) != no_marks && crossed())
            lock_.ask([this] { look_locked(); });
    }

    /**
     * Protects: all watches.
     * Ordering: innermost.
     */
    void lock() noexcept { lock_.lock(); }
    void unlock() noexcept {
        lock_.unlock([this] { look_locked(); });
    }

    /** In the child after fork(), under the lock: the eventfds are the parent's. */
    void forget_all() noexcept;

  private:
    struct watch {
        const void* owner;
        std::uint32_t id;
        std::uint32_t low;
        std::uint32_t high;
        int event;
        bool few; // what is to be told next is that there are enough

        [[nodiscard]] std::uint32_t fall() const noexcept { return low != 0 ? low : high; }
        [[nodiscard]] std::uint32_t rise() const noexcept { return high != 0 ? high : low; }
    };

    /** Both in one word: fewer than the low half, or as many as the high one. */
    static constexpr std::uint64_t marks_of(std::uint32_t fall, std::uint32_t rise) noexcept {
        return std::uint64_t{rise} << 32 | fall;
    }
    static constexpr std::uint64_t no_marks =
        std::uint64_t{std::numeric_limits<std::uint32_t>::max()} << 32;

    [[nodiscard]] std::uint32_t free() const noexcept { return queue_.any() ? 0 : depot_.free(); }
    [[nodiscard]] bool crossed() const noexcept;
    void set_marks() noexcept;
    void look_locked() noexcept;
    static void consider(watch& each, std::uint32_t free) noexcept;

    const depot& depot_;
    const waiting& queue_;
    std::vector<watch> all_;
    std::uint32_t last_ = 0; // number that was given out
    std::atomic<std::uint64_t> marks_ = no_marks;
    helping_lock lock_;
};

} // namespace fixedpool::detail::local

#endif
