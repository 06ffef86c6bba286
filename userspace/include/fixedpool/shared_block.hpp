/* SPDX-License-Identifier: MIT */
/** @file
 * fixedpool::shared_block: one of several owners of a block, in one process.
 */
#ifndef FIXEDPOOL_SHARED_BLOCK_HPP
#define FIXEDPOOL_SHARED_BLOCK_HPP

#include <atomic>
#include <cstddef>
#include <span>
#include <system_error>
#include <utility>

#include <fixedpool/block.hpp>
#include <fixedpool/export.hpp>
#include <fixedpool/handle.hpp>
#include <fixedpool/pool.hpp>

namespace fixedpool {

/**
 * Copies own the same block; with the last of them it goes back. To let
 * another client own a block, too, is pool::share(). An empty one, default-made or moved
 * from, owns nothing.
 *
 * The owners are counted outside of the block: in memory of the process, or in a block
 * of another pool, so that sharing allocates no memory. Such a block contains addresses of this
 * process that are followed: nobody may be attached to that pool, with the right to write, who is
 * trusted less than this process. The block that is owned may be of any pool.
 *
 * After fork() owners in the child are copies that do not count: they are not to be destroyed
 * there, so the child leaves with _exit().
 *
 * Thread safety: as of std::shared_ptr: different owners from different threads, also of
 * one block.
 */
class [[nodiscard]] FIXEDPOOL_EXPORT shared_block {
  public:
    /** What the blocks of a pool for counts must have. */
    static constexpr std::size_t count_size = 64;

    shared_block() noexcept = default;

    /**
     * Effects: owns what @p owner does, which becomes empty. Of an empty block: owns nothing.
     * Throws: error: errc::out_of_memory, and @p owner is unchanged.
     * Complexity: one allocation from the process.
     */
    explicit shared_block(block&& owner);
    [[nodiscard]] static shared_block try_share(block&& owner, std::error_code& ec) noexcept;

    /**
     * The same, but counts in a block of @p counts, which stays attached meanwhile.
     * Throws: pool_error: as pool::allocate_bytes() of @p counts; errc::unfit_blocks if those
     * have less than count_size bytes, invalid_argument if @p counts is empty; @p owner is
     * unchanged.
     */
    shared_block(block&& owner, const pool& counts);
    [[nodiscard]] static shared_block try_share(block&& owner, const pool& counts,
                                                std::error_code& ec) noexcept;

    /** Effects: owns what @p other does, too; what it owned before it owns no more. */
    shared_block(const shared_block& other) noexcept : count_{other.count_} {
        if (count_ != nullptr)
            count_->owners.fetch_add(1, std::memory_order_relaxed);
    }
    shared_block& operator=(const shared_block& other) noexcept {
        shared_block{other}.swap(*this);
        return *this;
    }
    /** Effects: the same, but @p other becomes empty. */
    shared_block(shared_block&& other) noexcept : count_{std::exchange(other.count_, nullptr)} {}
    shared_block& operator=(shared_block&& other) noexcept {
        shared_block{std::move(other)}.swap(*this);
        return *this;
    }

    /** Effects: gives the block back if this was its last owner. */
    ~shared_block() {
        // Release: all that was done with the block is done before it goes back.
        // Acquire: whoever gives it back has seen that.
        if (count_ != nullptr && count_->owners.fetch_sub(1, std::memory_order_acq_rel) == 1)
            give_back();
    }

    /** Effects: exchanges what the two own. */
    void swap(shared_block& other) noexcept { std::swap(count_, other.count_); }
    friend void swap(shared_block& a, shared_block& b) noexcept { a.swap(b); }
    /** Effects: owns nothing; gives the block back if this was its last owner. */
    void reset() noexcept { shared_block{}.swap(*this); }

    /** Whether it is not empty. */
    [[nodiscard]] explicit operator bool() const noexcept { return count_ != nullptr; }

    /** How many own the block; old at once if other threads have owners. */
    [[nodiscard]] std::size_t use_count() const noexcept {
        return count_ != nullptr ? count_->owners.load(std::memory_order_relaxed) : 0;
    }

    /** As block::handle(). */
    [[nodiscard]] fixedpool::handle handle() const noexcept {
        return count_ != nullptr ? count_->held.handle() : fixedpool::handle{};
    }
    /** As block::data(). */
    [[nodiscard]] std::byte* data() const noexcept {
        return count_ != nullptr ? count_->held.data() : nullptr;
    }
    /** As block::size(). */
    [[nodiscard]] std::size_t size() const noexcept {
        return count_ != nullptr ? count_->held.size() : 0;
    }
    /** As block::bytes(). */
    [[nodiscard]] std::span<std::byte> bytes() const noexcept {
        return count_ != nullptr ? count_->held.bytes() : std::span<std::byte>{};
    }

    /** Do both own the same block? */
    [[nodiscard]] friend bool operator==(const shared_block&,
                                         const shared_block&) noexcept = default;

  private:
    struct count {
        std::atomic<std::size_t> owners;
        block held;
        pool home; // empty if this is memory of the process
    };
    static_assert(sizeof(count) <= count_size);

    void give_back() noexcept;

    count* count_ = nullptr;
};

} // namespace fixedpool

#endif
