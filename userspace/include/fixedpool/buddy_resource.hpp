/* SPDX-License-Identifier: MIT */
/** @file
 * fixedpool::buddy_resource: pieces of any size, of blocks that are halved and joined
 * again.
 */
#ifndef FIXEDPOOL_BUDDY_RESOURCE_HPP
#define FIXEDPOOL_BUDDY_RESOURCE_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <memory_resource>
#include <system_error>
#include <vector>

#include <fixedpool/export.hpp>
#include <fixedpool/handle.hpp>
#include <fixedpool/pool.hpp>

namespace fixedpool {

/**
 * Serves a request with the smallest power of two that is large enough, cut from a
 * block by halving. What is given back is joined with its other half as soon as that is
 * free, too, and a block that is whole again goes back to the pool, but for one.
 *
 * Blocks should have a power of two of bytes, and be large, as only whole halves are
 * used. What is larger than a block comes from a resource upstream, if there is one. For
 * each piece of the smallest size two bytes are kept outside of the pool: which are free.
 * Those are also linked in place, for finding one at once; what has been written into them
 * meanwhile is seen, and the links are made anew.
 *
 * It keeps its pool attached; upstream must outlive it. After fork() it is the parent's: the
 * child is not to use or destroy it, so it leaves with _exit().
 *
 * Thread safety: one thread at a time, as std::pmr::unsynchronized_pool_resource.
 */
class FIXEDPOOL_EXPORT buddy_resource final : public std::pmr::memory_resource {
  public:
    /** Bytes: no piece can be smaller. */
    static constexpr std::size_t least_piece = 32;

    /**
     * Effects: cuts @p blocks, and into no pieces smaller than @p smallest, a power of two.
     * Complexity: no block is taken yet.
     * Throws: pool_error: errc::unfit_blocks if they have less than @p smallest bytes or are
     * not aligned to 16; not_mappable; invalid_argument for an empty pool, or a @p smallest
     * that is no power of two or less than least_piece.
     */
    explicit buddy_resource(pool blocks, std::size_t smallest = least_piece,
                            std::pmr::memory_resource* upstream = nullptr);
    [[nodiscard]] static std::unique_ptr<buddy_resource>
    try_create(const pool& blocks, std::size_t smallest, std::pmr::memory_resource* upstream,
               std::error_code& ec) noexcept;

    buddy_resource(const buddy_resource&) = delete;
    buddy_resource& operator=(const buddy_resource&) = delete;
    /** Effects: release(). */
    ~buddy_resource() override;

    /** The pool that the blocks are of. */
    [[nodiscard]] const pool& blocks() const noexcept { return pool_; }
    /** Where the rest comes from; null: it is refused. */
    [[nodiscard]] std::pmr::memory_resource* upstream() const noexcept { return upstream_; }

    /** How many blocks it has. */
    [[nodiscard]] std::size_t blocks_held() const noexcept { return roots_.size(); }
    /** The largest piece: as much of a block as is a power of two. */
    [[nodiscard]] std::size_t largest_piece() const noexcept { return smallest_ << top_; }
    /** What a request of @p bytes takes from a block; 0: it does not fit into one. */
    [[nodiscard]] std::size_t piece_size(std::size_t bytes) const noexcept;

    /** Effects: gives all blocks back, and with them all pieces, but for those of upstream. */
    void release() noexcept;

    /**
     * allocate() and deallocate() are those of std::pmr. Pieces are aligned to their
     * size, or to pool::alignment() if that is less.
     * Throws: bad_alloc: errc::out_of_blocks; no_upstream if it does not fit into a block, or is
     * to be aligned more strictly than that, and no resource was named; invalid_argument if
     * the alignment is no power of two; out_of_memory. What upstream throws. deallocate():
     * handle_error: errc::not_a_block if no piece of that size is allocated there; from
     * destructors of containers that ends the program.
     * Complexity: logarithmic in the number of blocks held and in the pieces of a block; where a
     * block comes or goes, linear in both, without a look at the pieces themselves. Where
     * free pieces have been written to, linear in all pieces.
     */
    [[nodiscard]] void* try_allocate(std::size_t bytes, std::size_t alignment,
                                     std::error_code& ec) noexcept;
    /** The same; what upstream throws, if it is no fixedpool::error, is errc::not_a_block. */
    bool try_deallocate(void* memory, std::size_t bytes, std::size_t alignment,
                        std::error_code& ec) noexcept;

  private:
    // Pieces are numbered as the nodes of a binary tree: the whole is 1, the halves of
    // number n are 2n and 2n + 1.

    enum class state : std::uint8_t { none, free, taken };

    /** At the begin of a free piece. Checked before it is followed. */
    struct free_piece {
        free_piece* next;
        free_piece* previous;
    };

    struct root {
        handle name;
        std::byte* base;
        std::vector<state> states;
    };

    static constexpr std::size_t most_orders = 32;

    static std::error_code suits(const pool& blocks, std::size_t smallest) noexcept;

    [[nodiscard]] void* do_allocate(std::size_t bytes, std::size_t alignment) override;
    void do_deallocate(void* memory, std::size_t bytes, std::size_t alignment) override;
    [[nodiscard]] bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override {
        return this == &other;
    }

    [[nodiscard]] bool serves(std::size_t bytes, std::size_t alignment) const noexcept;
    [[nodiscard]] unsigned order_for(std::size_t bytes, std::size_t alignment) const noexcept;
    [[nodiscard]] std::size_t number_of(const root& in, const std::byte* piece,
                                        unsigned order) const noexcept;
    [[nodiscard]] root* root_of(const void* piece) noexcept;
    [[nodiscard]] void* take(std::size_t bytes, std::size_t alignment,
                             std::error_code& ec) noexcept;
    [[nodiscard]] std::byte* take_piece(unsigned order, std::error_code& ec) noexcept;
    bool add_block(std::error_code& ec) noexcept;
    void drop_block(root& whole) noexcept;
    bool keep(void* memory, std::size_t bytes, std::size_t alignment, std::error_code& ec) noexcept;
    void keep_piece(root& in, std::byte* piece, unsigned order) noexcept;
    [[nodiscard]] bool is_free(const free_piece* piece, unsigned order) noexcept;
    void link(root& in, std::byte* piece, unsigned order) noexcept;
    void unlink(root& in, std::byte* piece, unsigned order) noexcept;
    void link_anew(unsigned order) noexcept;

    pool pool_;
    std::size_t smallest_;
    unsigned smallest_bits_; // its logarithm
    unsigned top_ = 0;       // the order of a whole block
    std::pmr::memory_resource* upstream_;
    std::vector<root> roots_;                     // by address
    std::array<free_piece*, most_orders> free_{}; // each is_free(), if there is any
    std::array<std::size_t, most_orders> free_count_{};
};

} // namespace fixedpool

#endif
