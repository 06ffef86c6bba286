/* SPDX-License-Identifier: MIT */
/** @file
 * All caches of the process: which thread has which magazine, and what becomes of
 * them when threads end and in the child after fork().
 *
 * Desks and magazines are made of pages of their own, used again and never freed:
 * signal handlers may get them, and a malloc() built on pools.
 */
#ifndef FIXEDPOOL_SRC_CACHES_HPP
#define FIXEDPOOL_SRC_CACHES_HPP

#include <array>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>

#include <pthread.h>

#include <fixedpool/detail/magazine.hpp>

#include "local/lock.hpp"

namespace fixedpool::detail {

class cache;
enum class patience;

/** A desk, and what others than its thread need to know. Under the lock of all caches. */
struct thread_desk : desk {                // NOLINT(*-member-init): of pages that are zero
    std::array<magazine*, max_caches> own; // also while they are shut; not made one by one either
    thread_desk* next;
    bool used;
};

class caches {
  public:
    static caches& instance() noexcept;

    /** What lies on desks in the place of a magazine that is shut. Nobody writes to it. */
    [[nodiscard]] static magazine* shut() noexcept;

    /** What does this thread find on its desk? */
    enum class finding { none, shut, mine };
    [[nodiscard]] static finding look_for(std::uint32_t number) noexcept;

    caches(const caches&) = delete;
    caches& operator=(const caches&) = delete;

    /** Whether there can be caches at all: membarrier() works. */
    [[nodiscard]] bool possible() const noexcept { return possible_; }

    /** A full barrier in every thread of the process. */
    static void barrier() noexcept;

    /** Gives @p added its number; none if there are too many. */
    void add(cache& added) noexcept;
    /** Takes back the number and all magazines. */
    void remove(cache& removed) noexcept;

    /**
     * Keeps the caches that clients of this process have of one pool, also such as come
     * later, shut and empty as long as it is there. A handler must not have any
     * patience, and one that has interrupted its thread in here does nothing.
     */
    class closure {
      public:
        /** @p of_module: it is the module's pool of that number, not one in process. */
        closure(std::uint32_t pool, bool of_module, patience with) noexcept;
        closure(const closure&) = delete;
        closure& operator=(const closure&) = delete;
        ~closure();

      private:
        friend class caches;

        [[nodiscard]] bool covers(const cache& each) const noexcept;

        const std::uint32_t pool_;
        const bool of_module_;
        bool begun_ = false;
        closure* next_ = nullptr;
    };

    /**
     * Has a magazine for this thread, if there was none.
     * Returns: whether it is at hand: not if it is shut, there is no memory, or it is no time
     * for that.
     */
    bool make_magazine(cache& of) noexcept;

    /**
     * Protects: lists of caches, desks and magazines, and those members of them that
     * say so. False: this thread has it already, being interrupted.
     * Ordering: outside all locks of the in-process engine.
     */
    [[nodiscard]] bool lock() noexcept {
        if (lock_.mine())
            return false;
        const int before = errno;
        lock_.lock();
        errno = before;
        return true;
    }
    void unlock() noexcept { lock_.unlock(); }

    /** Is this thread inside a magazine, or about to be? Then it runs a signal handler. */
    [[nodiscard]] static bool thread_inside() noexcept;

  private:
    caches() noexcept;
    ~caches() = default;

    [[nodiscard]] cache* visit(const closure& with, std::uint32_t& number) noexcept;
    void end_visit(cache& visited) noexcept;

    static void thread_ends(void* ended) noexcept;
    static void before_fork() noexcept;
    static void after_fork() noexcept;
    static void in_child() noexcept;
    static std::uint32_t number_inside() noexcept;
    static bool forked_inside(std::uint32_t pool) noexcept;

    void clear_desk(thread_desk& cleared) noexcept;
    thread_desk* desk_of_thread() noexcept;
    magazine* magazine_of_thread(cache& of) noexcept;
    magazine* new_magazine() noexcept;
    void free_magazine(magazine& unused) noexcept;
    void leave_desk(thread_desk& left) noexcept;
    void renew() noexcept;

    local::handler_lock lock_;
    bool possible_ = false;
    pthread_key_t key_{};
    std::atomic<std::uint32_t> used_ = 1; // numbers from here on were never used
    std::array<cache*, max_caches> all_ = {};
    closure* closures_ = nullptr;
    thread_desk* desks_ = nullptr;
    magazine* unused_ = nullptr;
};

} // namespace fixedpool::detail

#endif
