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

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <span>

#include <fixedpool/detail/front.hpp>
#include <fixedpool/detail/magazine.hpp>

#include "rack.hpp"
#include "transport.hpp"

namespace fixedpool::detail {

/** For whom a thread has to come out of its magazine. */
enum class patience { some, any };

class cache {
  public:
    /** How much is cached of a pool. */
    struct size {
        std::uint32_t batch = 0;   // blocks that go from and to the pool at a time; zero: no cache
        std::uint32_t shelves = 0; // for so many blocks each
        bool exact = false;        // blocks are put by front::put_exactly() alone
    };

    /** Who else may want the blocks: other processes, or none. */
    enum class others { processes, none };

    /**
     * Of a pool of @p blocks: a batch is 1/64 of them, a thread has up to two batches.
     * If there are others a batch is 64 blocks at most, and the rack has up to 1/16 of
     * all blocks, but 64 batches at most; else a batch is 256 at most, and the rack may
     * have all blocks, as who finds none empties the caches of his process. Pools of less
     * than 512 blocks have no cache.
     */
    [[nodiscard]] static constexpr size size_for(std::uint32_t blocks, others besides) noexcept {
        constexpr std::uint32_t granule = 8;
        constexpr std::uint32_t few = 64;
        const auto share = blocks / few / granule * granule;
        if (share == 0)
            return {};
        if (besides == others::none) {
            const auto batch = std::min(share, rack::max_batch);
            return {.batch = batch, .shelves = blocks / batch, .exact = false};
        }
        const auto batch = std::min(share, few);
        return {.batch = batch, .shelves = std::min(blocks / 16 / batch, few), .exact = false};
    }

    /** Under thrift a batch is no more bytes than this, unless it is one block. */
    static constexpr std::uint32_t thrifty_batch_bytes = 16384;
    static constexpr std::uint32_t thrifty_shelves = 12;

    /** The same under thrift, of blocks that lie @p stride bytes apart. */
    [[nodiscard]] static constexpr size thrifty_size_for(std::uint32_t blocks,
                                                         std::uint32_t stride) noexcept {
        auto of = size_for(blocks, others::processes);
        const auto fitting = thrifty_batch_bytes / stride;
        of.batch = std::min(of.batch, std::max(fitting, 1U));
        of.shelves = std::min(of.shelves, thrifty_shelves);
        return of;
    }

    /**
     * Of that pool of the module, whose blocks the table is about: all of a cache are `own`.
     * Returns: null if there is no cache to be had: no memory, too many, an old kernel.
     */
    static std::unique_ptr<cache> make(transport& module, std::uint32_t pool,
                                       const block_table& table, size of) noexcept;

    cache(transport& module, std::uint32_t pool, const block_table& table, size of);
    cache(const cache&) = delete;
    cache& operator=(const cache&) = delete;
    /** Requires: close() was called, and nobody is at work. */
    ~cache();

    /** Its place on desks. */
    [[nodiscard]] std::uint32_t number() const noexcept { return number_; }

    /** Has this thread its magazine at hand, now if it had none? Not if it is shut. */
    [[nodiscard]] bool lay_at_hand() noexcept;

    // While the thread's own magazine is entered. What the transport calls meanwhile finds no
    // magazine of any pool: it must not need blocks, nor the heap, which may be of pools.

    /** Gets blocks for an empty magazine, if there are any. */
    void refill(magazine& empty) noexcept;
    /** Makes room for a batch. */
    void make_room(magazine& full) noexcept;

    /** Gives back a block whose allocation has ended, though somebody holds it. */
    void drop(std::uint32_t index) noexcept { drain({&index, 1}); }

    /** Gives back all that threads have cached; returns how many blocks. */
    std::uint32_t trim() noexcept;

    /**
     * Shuts for good and gives everything back. Not for handlers.
     * Returns: the sum of owners of all magazines; from now on none changes.
     */
    std::int64_t close() noexcept;

    /** Blocks in it, more or less. */
    [[nodiscard]] std::uint32_t blocks() noexcept;

  private:
    friend class caches;

    static void pause(unsigned times) noexcept;
    void shut_locked() noexcept;
    void open_locked() noexcept;
    std::uint32_t empty_shut(patience with) noexcept;
    void drain(std::span<const std::uint32_t> blocks) noexcept;
    using batch = std::array<std::uint32_t, rack::max_batch>;

    [[nodiscard]] std::uint32_t index_of(std::uint64_t next) const noexcept;
    [[nodiscard]] bool is_inside(const magazine& each) const noexcept;
    void fill(magazine& empty, std::span<const std::uint32_t> blocks) const noexcept;
    std::span<const std::uint32_t> list(std::span<const std::uint64_t> some,
                                        batch& room) const noexcept;
    void disown(std::uint32_t index) const noexcept;
    std::uint32_t empty_rack() noexcept;
    std::uint32_t empty_locked(magazine& left) noexcept;
    std::uint32_t empty_idle_locked(bool& all) noexcept;
    [[nodiscard]] bool is_shut_locked() const noexcept { return shut_ != 0; }
    void begin_locked(magazine& fresh, thread_desk& on) noexcept;
    void end_locked(magazine& left) noexcept;
    void forget_locked(bool interrupted) noexcept;

    rack rack_;
    transport& module_;
    const std::uint32_t pool_;
    const block_table table_;

    // Under the lock of all caches.
    magazine* first_ = nullptr;
    std::int64_t owners_of_gone_ = 0; // counted by threads that have ended
    std::uint32_t shut_ = 0;          // how many keep it shut
    bool closed_ = false;             // one of them for good
    std::uint32_t visitors_ = 0;      // threads that are emptying it

    const bool exact_;
    std::uint32_t number_ = 0; // once there is one others know of the cache
};

} // namespace fixedpool::detail

#endif
