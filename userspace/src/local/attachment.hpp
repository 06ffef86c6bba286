/* SPDX-License-Identifier: MIT */
/** @file
 * What one client holds of one pool.
 *
 * A hold is a bit in exactly one bitmap: that of the client's root scope, or that
 * of one scope below. Whoever clears the bit has the hold; nothing else decides.
 *
 * The root's bitmap is for any thread and signal handler. Those of other scopes
 * are changed and looked at under the client's lock. To find the bitmap of a
 * block in O(1), each block has a tag there: the scope into which it was last put.
 * A tag may be out of date; then the bit it leads to is clear, or there is no such
 * bitmap any more, and nothing was found.
 *
 * The object itself stays where it is until the client is freed, and is used
 * again for other pools: so that whoever has found it in the client's directory
 * may count himself in, and then see whether it is still what he looked for.
 */
#ifndef FIXEDPOOL_SRC_LOCAL_ATTACHMENT_HPP
#define FIXEDPOOL_SRC_LOCAL_ATTACHMENT_HPP

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

#include "futex.hpp"
#include "pool.hpp"
#include "region.hpp"

namespace fixedpool::detail::local {

inline constexpr std::uint32_t root_scope = 0;

class attachment {
  public:
    /** @p lock is the client's. */
    explicit attachment(std::mutex& lock) noexcept : lock_{lock} {}
    attachment(const attachment&) = delete;
    attachment& operator=(const attachment&) = delete;
    ~attachment() = default;

    /** Begins to be of @p to, with one reference. Throws: std::bad_alloc. */
    void begin(std::shared_ptr<local::pool> to);

    /** Counts the caller in; false if it has ended. Async-signal-safe. */
    [[nodiscard]] bool try_ref() noexcept;
    void unref() noexcept;

    /** Waits until all that were counted in have left. */
    void drain() noexcept;

    /**
     * Gives back all that is held, and lets go of the pool.
     * Requires: drained, or nobody else is there.
     */
    std::shared_ptr<local::pool> end() noexcept;

    [[nodiscard]] local::pool& pool() const noexcept { return *pool_; }
    [[nodiscard]] const std::shared_ptr<local::pool>& shared_pool() const noexcept { return pool_; }
    [[nodiscard]] std::mutex& lock() const noexcept { return lock_; }

    /** Those of the client's threads that wait for blocks. */
    [[nodiscard]] local::party& party() noexcept { return party_; }

    /** The root's bits of group @p word. */
    [[nodiscard]] std::atomic<std::uint64_t>& root(std::uint32_t word) const noexcept {
        return root_[word];
    }

    /** A block may be held though the root does not have it. */
    [[nodiscard]] bool has_parts() const noexcept {
        return has_parts_.load(std::memory_order_acquire);
    }

    /** Is the block held, in whichever scope? Takes the lock if it may be in one. */
    [[nodiscard]] bool holds(std::uint32_t index) noexcept;
    [[nodiscard]] bool holds_locked(std::uint32_t index) noexcept;

    // Under the lock.

    /** Puts blocks into a scope, not the root. Throws: std::bad_alloc, having done nothing. */
    void put(std::uint32_t scope, std::uint32_t word, std::uint64_t mask);

    /** The word with the block's bit, if it is in a scope below the root; or null. */
    [[nodiscard]] std::uint64_t* find(std::uint32_t index) noexcept;

    /** Gives back all that a scope holds; returns how many blocks that was. */
    std::uint64_t release(std::uint32_t scope) noexcept;

    /**
     * Moves all that a scope holds to another; adds to @p moved how many blocks that was.
     * Throws: std::bad_alloc; what has not been moved stays.
     */
    void pour(std::uint32_t from, std::uint32_t to, std::uint64_t& moved);

    // For fork(), in the child.

    /** Gives back what is in the client's cache. Requires: sharing() of the pool is locked. */
    void empty_cache(depot::giving& giving) noexcept;
    /** Adds one to @p holders of each block held. */
    void count_holders(std::vector<std::uint8_t>& holders) const noexcept;
    [[nodiscard]] bool has_callers() const noexcept {
        return refs_.load(std::memory_order_relaxed) != 1;
    }
    void forget_callers() noexcept { refs_.store(1, std::memory_order_relaxed); }

  private:
    static constexpr std::uint32_t page_words = 512; // 32,768 blocks
    using page = std::array<std::uint64_t, page_words>;
    using part = std::map<std::uint32_t, std::unique_ptr<page>>;

    std::uint64_t release_root(depot::giving& giving) noexcept;
    std::uint64_t release_part(depot::giving& giving, const part& held) noexcept;
    std::uint64_t pour_word(std::uint32_t word, std::uint64_t mask, std::uint32_t to);

    futex_word refs_ = 0;
    std::shared_ptr<local::pool> pool_;
    region memory_;
    std::span<std::atomic<std::uint64_t>> root_;
    std::mutex& lock_;
    local::party party_;
    std::atomic<bool> has_parts_ = false;
    std::map<std::uint32_t, part> parts_;
    std::unique_ptr<std::uint16_t[]> tags_;
};

/** Keeps an attachment as it is. Empty if there is none. */
class attachment_ref {
  public:
    attachment_ref() noexcept = default;
    /** Takes over a reference. */
    explicit attachment_ref(attachment* counted) noexcept : counted_{counted} {}
    attachment_ref(attachment_ref&& other) noexcept
        : counted_{std::exchange(other.counted_, nullptr)} {}
    attachment_ref& operator=(attachment_ref&& other) noexcept {
        std::swap(counted_, other.counted_);
        return *this;
    }
    attachment_ref(const attachment_ref&) = delete;
    attachment_ref& operator=(const attachment_ref&) = delete;
    ~attachment_ref() {
        if (counted_ != nullptr)
            counted_->unref();
    }

    [[nodiscard]] explicit operator bool() const noexcept { return counted_ != nullptr; }
    [[nodiscard]] attachment* get() const noexcept { return counted_; }
    attachment& operator*() const noexcept { return *counted_; }
    attachment* operator->() const noexcept { return counted_; }

  private:
    attachment* counted_ = nullptr;
};

} // namespace fixedpool::detail::local

#endif
