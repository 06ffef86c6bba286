/* SPDX-License-Identifier: MIT */
/** @file
 * What the threads of this process have cached of one pool: their magazines and the
 * rack between them.
 *
 * Every block of the cache is in a magazine or on the rack, or a thread is at it that
 * is inside its magazine: filling, emptying and exchanging are done there. So
 * whoever has shut all magazines, and waited until their owners are outside, finds
 * all that there is.
 *
 * All calls from any thread and, where not said otherwise, from signal handlers. A
 * handler that has interrupted its own thread in a magazine, or in here, does
 * without: it finds no magazine, and trim() leaves that one out.
 */
#ifndef FIXEDPOOL_SRC_CACHE_HPP
#define FIXEDPOOL_SRC_CACHE_HPP

#include <cstdint>
#include <memory>
#include <span>

#include <fixedpool/detail/magazine.hpp>

#include "rack.hpp"
#include "transport.hpp"

namespace fixedpool::detail {

class cache {
  public:
    /** How much is cached of a pool. */
    struct size {
        std::uint32_t batch = 0;   // blocks that go from and to the pool at a time; zero: no cache
        std::uint32_t shelves = 0; // for so many blocks each
        bool exact = false;        // blocks are put by front::put_exactly() alone
    };

    /**
     * Of a pool of @p blocks: a batch is 1/64 of them, but 64 at most; a thread has up to
     * two batches, the rack up to 1/16 of all blocks, but 64 batches at most. Pools
     * of less than 512 blocks have no cache.
     */
    [[nodiscard]] static constexpr size size_for(std::uint32_t blocks) noexcept {
        constexpr std::uint32_t granule = 8;
        const auto share = blocks / 64 / granule * granule;
        const auto batch = share < rack::max_batch ? share : rack::max_batch;
        if (batch == 0)
            return {};
        const auto shelves = blocks / 16 / batch;
        return {.batch = batch,
                .shelves = shelves < rack::max_shelves ? shelves : rack::max_shelves,
                .exact = false};
    }

    /** Returns: null if there is no cache to be had: no memory, too many, an old kernel. */
    static std::unique_ptr<cache> make(transport& module, std::uint32_t pool, size of) noexcept;

    cache(transport& module, std::uint32_t pool, size of);
    cache(const cache&) = delete;
    cache& operator=(const cache&) = delete;
    /** Requires: close() was called, and nobody is at work. */
    ~cache();

    /** Its place in thread_magazines. */
    [[nodiscard]] std::uint32_t number() const noexcept { return number_; }

    /** This thread's magazine, now there if it was not; null if that cannot be. */
    [[nodiscard]] magazine* mine() noexcept;

    // Between enter() and leave() of the thread's own magazine.

    /** Gets blocks for an empty magazine, if there are any. */
    void refill(magazine& empty) noexcept;
    /** Makes room for a batch. */
    void make_room(magazine& full) noexcept;

    /** Gives back a block whose allocation has ended, though somebody holds it. */
    void drop(std::uint32_t index) noexcept { drain({&index, 1}); }

    /** Gives back all that threads have cached; returns how many blocks. */
    std::uint32_t trim() noexcept;

    /** For whom a thread has to come out of its magazine. */
    enum class patience { some, any };

    /**
     * Keeps all magazines shut and empty, as long as it is there. A handler must not have any
     * patience, and one that has interrupted its thread in here does nothing.
     */
    class shutting {
      public:
        shutting(cache& all, patience with) noexcept
            : cache_{all.shut_and_empty(with) ? &all : nullptr} {}
        shutting(const shutting&) = delete;
        shutting& operator=(const shutting&) = delete;
        ~shutting() {
            if (cache_ != nullptr)
                cache_->open();
        }

      private:
        cache* cache_;
    };

    /**
     * Shuts for good and gives everything back. Not for handlers.
     * Returns: the sum of owners of all magazines; from now on none changes.
     */
    std::int64_t close() noexcept;

    /** Blocks in it, more or less. */
    [[nodiscard]] std::uint32_t blocks() noexcept;

  private:
    friend class caches;

    [[nodiscard]] bool shut_and_empty(patience with, std::uint32_t* given = nullptr) noexcept;
    void open() noexcept;
    void drain(std::span<const std::uint32_t> blocks) noexcept;
    std::uint32_t empty_rack() noexcept;
    std::uint32_t empty_locked(magazine& left) noexcept;
    std::uint32_t empty_idle_locked(bool& all) noexcept;
    void begin_locked(magazine& fresh) noexcept;
    void end_locked(magazine& left) noexcept;
    void forget_locked() noexcept;

    rack rack_;
    transport& module_;
    const std::uint32_t pool_;

    // Under the lock of all caches.
    magazine* first_ = nullptr;
    std::int64_t owners_of_gone_ = 0; // counted by threads that have ended
    std::uint32_t shut_ = 0;          // how many keep it shut
    bool closed_ = false;             // one of them for good

    const bool exact_;
    const std::uint32_t number_; // last: from then on others know of it
};

} // namespace fixedpool::detail

#endif
