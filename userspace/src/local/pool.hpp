/* SPDX-License-Identifier: MIT */
/** @file
 * The life of a block.
 *
 *   free        in the depot; holds 0, version even
 *   claimed     taken out of there: nobody else can reach the block, so its
 *               words are written without care for others
 *   allocated   holds > 0, version odd
 *   cached      holds > 0, version even; who has it in his cache allocates and
 *               ends it by the version alone, without a word to the engine
 *   ended       whoever takes holds to 0 owns the block alone, as if it had just
 *               been claimed; he makes the version even and gives it to the depot
 *
 * Each block has its holds in 16 bits, those of clients in the low byte, those of
 * copies at work in the high byte. Who has a hold may take it away at any time,
 * by compare-and-exchange; who has none may add one under sharing() only. So
 * under that lock a block whose only hold is the caller's can be ended with plain
 * loads and stores: nobody else has anything to do with its words.
 */
#ifndef FIXEDPOOL_SRC_LOCAL_POOL_HPP
#define FIXEDPOOL_SRC_LOCAL_POOL_HPP

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <linux/fixedpool.h>
#include <sys/types.h>

#include "depot.hpp"
#include "growth.hpp"
#include "region.hpp"
#include "shape.hpp"
#include "waiting.hpp"
#include "watch.hpp"

namespace fixedpool::detail::local {

class channel;

/** A kind of hold, as it stands in the word of holds. */
enum class holder : std::uint16_t {
    client = 1,
    copy = 0x100, // of bytes, while it is at work
};

class pool {
  public:
    /** What the registry keeps with a pool; under its lock where not const. */
    struct entry {
        const std::string name;
        const std::uint32_t flags;
        const std::uint32_t reserve;
        const std::uint32_t storage;
        const std::uint32_t mode;
        const std::int32_t numa_node;
        const uid_t uid;
        const gid_t gid;
        bool linked = false; // has its name
        std::atomic<std::uint32_t> attached = 0;
        std::vector<channel*> channels = {};
    };

    /**
     * Returns: a pool with all its blocks free; null if there is no memory.
     * Takes its units of handle space, or sets @p error to EOVERFLOW.
     */
    static std::shared_ptr<pool> make(const fixedpool_pool_create& request, const shape& chosen,
                                      int& error);

    pool(const fixedpool_pool_create& request, const shape& chosen, std::uint32_t id, region memory,
         const books& kept);
    pool(const pool&) = delete;
    pool& operator=(const pool&) = delete;
    ~pool();

    // NOLINTNEXTLINE(*-non-private-member-variables-in-classes)
    entry registered;

    [[nodiscard]] std::uint32_t id() const noexcept { return id_; }
    [[nodiscard]] std::uint32_t units() const noexcept { return units_; }
    [[nodiscard]] std::uint32_t first_slot() const noexcept { return id_ << slot_unit_shift; }
    [[nodiscard]] const local::shape& shape() const noexcept { return shape_; }
    [[nodiscard]] std::uint32_t words() const noexcept { return words_of(shape_.blocks); }
    [[nodiscard]] std::byte* data() const noexcept { return memory_.begin(); }
    [[nodiscard]] std::byte* versions() const noexcept { return data() + shape_.versions().begin; }
    [[nodiscard]] std::byte* block(std::uint32_t index) const noexcept {
        return data() + std::uint64_t{index} * shape_.stride;
    }

    /** Blocks that there are; shape().blocks when it is full grown. */
    [[nodiscard]] std::uint32_t blocks() const noexcept { return growth_.blocks(); }
    /** The same and those that are becoming so; every block that somebody holds is among them. */
    [[nodiscard]] std::uint32_t blocks_begun() const noexcept { return growth_.begun(); }
    [[nodiscard]] std::uint32_t in_use() const noexcept;
    [[nodiscard]] std::uint32_t peak() const noexcept { return peak_.load(); }

    // Async-signal-safe, as all that does not say otherwise.

    /**
     * As depot::reserve() and cancel(). A pool that has fewer free blocks than
     * @p most grows, if it may; but not for a handler that interrupts its growing.
     * While somebody waits, there are none.
     */
    [[nodiscard]] std::uint32_t reserve(std::uint32_t least, std::uint32_t most) noexcept;
    void cancel(std::uint32_t count) noexcept {
        depot_.cancel(count);
        came();
    }

    /**
     * The same, but waits in the queue until there are enough, or until @p deadline
     * of CLOCK_MONOTONIC if there is one. Not for handlers.
     * Returns: 0, having set @p count; EFBIG if there will never be enough;
     * ETIMEDOUT; EINTR; EIDRM if the pool has lost its name; or why the party was
     * dismissed.
     */
    [[nodiscard]] int reserve_in_turn(const party& of, std::uint32_t least, std::uint32_t most,
                                      const timespec* deadline, std::uint32_t& count) noexcept;

    /**
     * Allocates neighbours of a reservation of @p want blocks, at least one; what
     * is missing stays reserved. Each has a client's hold then.
     * Returns: which of group @p word, by rising index in @p handles.
     */
    [[nodiscard]] std::uint64_t claim(std::uint32_t want, std::uint32_t& word,
                                      std::uint64_t* handles) noexcept;

    /** The same, but they are not allocated: versions are even. */
    [[nodiscard]] std::uint64_t cache(std::uint32_t want, std::uint32_t& word) noexcept;

    /** Lets go of blocks of which the caller has a client's hold each. */
    void drop(std::uint32_t word, std::uint64_t mask) noexcept;
    void drop(std::uint32_t index, holder kind) noexcept;

    /** Held while a hold is added to a block, or a sweep is at work. Not in handlers. */
    [[nodiscard]] std::mutex& sharing() noexcept { return sharing_; }

    /** drop() of many groups; came() must follow. Requires: sharing() is locked. */
    void sweep(depot::giving& giving, std::uint32_t word, std::uint64_t mask) noexcept;
    [[nodiscard]] depot& free_blocks() noexcept { return depot_; }
    /** Blocks have become free: those who wait are given them. */
    void came() noexcept {
        if (queue_.any())
            queue_.hand_over();
        watched_.look();
    }
    [[nodiscard]] watches& watched() noexcept { return watched_; }
    [[nodiscard]] waiting& queue() noexcept { return queue_; }
    [[nodiscard]] std::uint32_t waiters() const noexcept { return queue_.count(); }
    [[nodiscard]] handler_lock& growing() noexcept { return growth_.lock(); }

    /** Does memory for books come as the pool grows? */
    [[nodiscard]] bool opens_books() noexcept { return !growth_.books().empty(); }
    /** Has memory made for other books, too. False: there is none. Not in handlers. */
    [[nodiscard]] bool keep_books(std::byte* begin, unsigned bits) noexcept;
    void end_books(const std::byte* begin) noexcept;

    /**
     * Adds a hold of a block that somebody holds.
     * Requires: sharing() is locked.
     * Returns: 0; ESTALE if the allocation of @p version has ended; EBUSY if
     * there are too many holds of this kind.
     */
    [[nodiscard]] int hold(std::uint32_t index, std::uint32_t version, holder kind) noexcept;

    /**
     * Returns: 0 if the allocation has not ended; EALREADY if it has and the
     * block has not been allocated since; ESTALE if it has. Out of date at once,
     * unless the caller holds the block.
     */
    [[nodiscard]] int check(std::uint32_t index, std::uint32_t version) const noexcept;

    [[nodiscard]] std::uint32_t version(std::uint32_t index) const noexcept;
    /** Those of group @p word that are in @p mask, and whose versions are even. */
    [[nodiscard]] std::uint64_t unallocated(std::uint32_t word, std::uint64_t mask) const noexcept;

    /** More holders than one at this moment. */
    [[nodiscard]] bool shared(std::uint32_t index) const noexcept;

    // For sets: blocks handed out though too big, and asked for in vain.
    void count_fallbacks(std::uint32_t blocks) noexcept {
        fallbacks_.fetch_add(blocks, std::memory_order_relaxed);
    }
    void count_overflows(std::uint32_t blocks) noexcept {
        overflows_.fetch_add(blocks, std::memory_order_relaxed);
    }
    [[nodiscard]] std::uint64_t fallbacks() const noexcept { return fallbacks_.load(); }
    [[nodiscard]] std::uint64_t overflows() const noexcept { return overflows_.load(); }
    [[nodiscard]] std::uint64_t poison_hits() const noexcept { return poison_hits_.load(); }

    /**
     * Makes holds and depot what @p holders says of each block, and the versions
     * of those that nobody holds even; what becomes free so has ended.
     * Requires: nobody is at work.
     */
    void rebuild(const std::vector<std::uint8_t>& holders) noexcept;

    /** Whether the books balance. Requires: nobody is at work. */
    [[nodiscard]] bool valid() const noexcept;

  private:
    enum class ending { alone, among_others };

    [[nodiscard]] bool hygienic() const noexcept;
    void block_taken(std::uint32_t index) noexcept;
    void block_ended(std::uint32_t index) const noexcept;
    void taken(std::uint32_t word, std::uint64_t mask) noexcept;
    void ended(std::uint32_t word, std::uint64_t mask) const noexcept;
    template <ending how>
    std::uint64_t end_quads(std::uint32_t word, std::uint64_t mask) noexcept;
    [[nodiscard]] std::uint64_t end_group(std::uint32_t word, std::uint64_t mask) noexcept;
    std::uint64_t end_ones(std::uint32_t word, std::uint64_t mask) noexcept;
    void note_peak() noexcept;
    void give(std::uint32_t word, std::uint64_t mask) noexcept;
    int doze_and_grow(waiter& asleep, const timespec* deadline) noexcept;
    [[nodiscard]] std::uint32_t reserve_growing(std::uint32_t least, std::uint32_t most) noexcept;
    void grow(std::uint32_t least, std::uint32_t most) noexcept;
    [[nodiscard]] std::uint64_t within_reach() const noexcept;
    [[nodiscard]] bool grow_by_chunk() noexcept;
    void begin_versions(std::uint32_t first, std::uint32_t end) noexcept;
    void end_version(std::uint32_t index) noexcept;

    const std::uint32_t id_;
    const std::uint32_t units_;
    const std::uint32_t first_version_;
    const local::shape shape_;
    region memory_;
    std::uint32_t* const versions_;
    std::uint16_t* const holds_;
    depot depot_;
    growth growth_;
    waiting queue_;
    watches watched_;
    std::atomic<std::uint32_t> peak_ = 0;
    std::atomic<std::uint64_t> poison_hits_ = 0;
    std::atomic<std::uint64_t> fallbacks_ = 0;
    std::atomic<std::uint64_t> overflows_ = 0;
    std::mutex sharing_;
};

} // namespace fixedpool::detail::local

#endif
