/* SPDX-License-Identifier: MIT */
/** @file
 * fixedpool::hashed_resource: pieces of any size, kept for the next request of the
 * same size.
 */
#ifndef FIXEDPOOL_HASHED_RESOURCE_HPP
#define FIXEDPOOL_HASHED_RESOURCE_HPP

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
 * Cuts blocks into pieces of just the size that is asked for, in steps of 16 bytes. A
 * piece that comes back waits in a list, chosen by a hash of its size, for the next
 * request of that size; so this is for programs that use few sizes, whichever they are.
 * Nothing is joined, and blocks go back with release() only.
 *
 * Each piece has a header of 16 bytes in front of it with a cookie, which names its
 * owner, its place and size, and whether it is taken. What has another cookie is refused; so
 * is a piece whose header was overrun from the one in front of it. A free piece that has
 * been overwritten is not used again, and maybe others of its list are not, before release().
 *
 * What does not fit into a block, or is to be aligned to more than 16 bytes, comes from a
 * resource upstream, if there is one. The pool stays attached; upstream must outlive the
 * resource. After fork() it is the parent's: the child is not to use or destroy it, so it leaves
 * with _exit().
 *
 * Thread safety: one thread at a time, as std::pmr::unsynchronized_pool_resource.
 */
class FIXEDPOOL_EXPORT hashed_resource final : public std::pmr::memory_resource {
  public:
    /**
     * Complexity: no block is taken yet.
     * Throws: pool_error: errc::unfit_blocks if they have less than 64 bytes or are not
     * aligned to 16; not_mappable, and invalid_argument for an empty pool.
     */
    explicit hashed_resource(pool blocks, std::pmr::memory_resource* upstream = nullptr);
    [[nodiscard]] static std::unique_ptr<hashed_resource>
    try_create(const pool& blocks, std::pmr::memory_resource* upstream,
               std::error_code& ec) noexcept;

    hashed_resource(const hashed_resource&) = delete;
    hashed_resource& operator=(const hashed_resource&) = delete;
    /** Effects: release(). */
    ~hashed_resource() override;

    /** The pool that the blocks are of. */
    [[nodiscard]] const pool& blocks() const noexcept { return pool_; }
    /** Where the rest comes from; null: it is refused. */
    [[nodiscard]] std::pmr::memory_resource* upstream() const noexcept { return upstream_; }

    /** How many blocks it has. */
    [[nodiscard]] std::size_t blocks_held() const noexcept { return blocks_.size(); }

    /**
     * Effects: gives all blocks back, and with them all pieces, but for those of upstream. They
     * are refused from then on, whoever has the blocks.
     */
    void release() noexcept;

    /**
     * allocate() and deallocate() are those of std::pmr.
     * Throws: bad_alloc: errc::out_of_blocks; no_upstream if blocks do not serve that and no
     * resource was named; invalid_argument if the alignment is no power of two; out_of_memory.
     * What upstream throws. deallocate(): handle_error: errc::not_a_block if no piece of
     * that size is allocated there, or it is another's; from destructors of containers
     * that ends the program.
     * Complexity: linear in the free pieces of other sizes that have the same of 64 hashes, and
     * for each of them, as deallocate(), logarithmic in the number of blocks held; where a block is
     * taken linear in it.
     */
    [[nodiscard]] void* try_allocate(std::size_t bytes, std::size_t alignment,
                                     std::error_code& ec) noexcept;
    /** The same; what upstream throws, if it is no fixedpool::error, is errc::not_a_block. */
    bool try_deallocate(void* memory, std::size_t bytes, std::size_t alignment,
                        std::error_code& ec) noexcept;

  private:
    static constexpr std::size_t step = 16;
    static constexpr std::size_t lists = 64;

    struct alignas(step) header {
        std::uint64_t cookie;
        std::uint64_t size; // of the piece, without the header
    };
    struct free_piece {
        header head;
        free_piece* next;
    };
    enum class state : std::uint8_t { free, taken };

    static std::error_code suits(const pool& blocks) noexcept;
    static std::size_t list_of(std::size_t size) noexcept;
    [[nodiscard]] std::uint64_t cookie_of(const void* piece, std::size_t size,
                                          state now) const noexcept;

    [[nodiscard]] void* do_allocate(std::size_t bytes, std::size_t alignment) override;
    void do_deallocate(void* memory, std::size_t bytes, std::size_t alignment) override;
    [[nodiscard]] bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override {
        return this == &other;
    }

    [[nodiscard]] bool serves(std::size_t bytes, std::size_t alignment) const noexcept;
    [[nodiscard]] void* take(std::size_t bytes, std::size_t alignment,
                             std::error_code& ec) noexcept;
    [[nodiscard]] void* take_piece(std::size_t size, std::error_code& ec) noexcept;
    [[nodiscard]] std::byte* take_kept(std::size_t size) noexcept;
    bool add_block(std::error_code& ec) noexcept;
    bool keep(void* memory, std::size_t bytes, std::size_t alignment, std::error_code& ec) noexcept;
    void keep_piece(std::byte* piece, std::size_t size) noexcept;
    /** The begin of the block of this resource that @p memory lies in; null if in none. */
    [[nodiscard]] const std::byte* base_of(const void* memory) const noexcept;
    [[nodiscard]] bool is_free(const free_piece* piece) const noexcept;
    [[nodiscard]] header* taken_at(void* memory, std::size_t size) const noexcept;

    struct held {
        handle name;
        std::byte* base = nullptr;
    };

    pool pool_;
    std::pmr::memory_resource* upstream_;
    std::uint64_t owner_;      // a number that no other resource has, nor this one before release()
    std::vector<held> blocks_; // by address
    std::byte* next_ = nullptr; // what has not been cut yet, of one block
    std::byte* end_ = nullptr;
    std::array<free_piece*, lists> free_{}; // is_free(), or overwritten
    std::size_t kept_ = 0;                  // pieces in lists, at most
};

} // namespace fixedpool

#endif
