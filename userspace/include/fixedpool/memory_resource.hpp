/* SPDX-License-Identifier: MIT */
/** @file
 * fixedpool::memory_resource: pools of several block sizes behind std::pmr.
 */
#ifndef FIXEDPOOL_MEMORY_RESOURCE_HPP
#define FIXEDPOOL_MEMORY_RESOURCE_HPP

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <memory_resource>
#include <optional>
#include <span>
#include <string_view>
#include <system_error>
#include <vector>

#include <fixedpool/client.hpp>
#include <fixedpool/export.hpp>
#include <fixedpool/pool.hpp>

namespace fixedpool {

namespace detail {
class tally;
}

/**
 * Serves each request from the pool with the smallest blocks that are large enough and
 * aligned for it; if that has none left, from the next larger, and so on. So a memory
 * of known size serves all requests that fit, and no more: when all those pools are
 * empty the request is refused. What is larger than the largest blocks, or aligned more
 * strictly than any blocks as large, comes from a resource upstream, if there is one.
 *
 * Memory is given back to the pool that its address is in. What is no block of
 * these pools, though the request would have been served by them, is refused.
 *
 * It keeps the pools attached as long as it is there: of pools that nothing else refers to
 * the memory goes with it, so nothing may be left in them. Upstream must outlive it.
 *
 * Thread safety: all calls from any thread, if that is true of upstream.
 */
class FIXEDPOOL_EXPORT memory_resource : public std::pmr::memory_resource {
  public:
    /** How much one pool has done. */
    struct figures {
        std::uint64_t served;     ///< requests
        std::uint64_t fallbacks;  ///< those of them that smaller blocks would have fitted
        std::uint64_t taken_back; ///< blocks
    };

    /**
     * Effects: serves from @p pools, in any order, none twice.
     * Throws: pool_error: errc::invalid_argument if there are none, or one is empty or there
     * twice; not_mappable, out_of_memory.
     * Complexity: not depending on the sizes of the pools.
     */
    explicit memory_resource(std::span<const pool> pools,
                             std::pmr::memory_resource* upstream = nullptr);
    memory_resource(std::initializer_list<pool> pools,
                    std::pmr::memory_resource* upstream = nullptr)
        : memory_resource{std::span<const pool>{pools.begin(), pools.size()}, upstream} {}
    [[nodiscard]] static std::unique_ptr<memory_resource>
    try_create(std::span<const pool> pools, std::pmr::memory_resource* upstream,
               std::error_code& ec) noexcept;

    /**
     * Effects: serves from new pools of @p owner, which go with their last client whatever
     * the options say; size_classes() are good ones.
     * Throws: also what client::create() throws; no pool is left then.
     * Complexity: linear in the bytes of the pools.
     */
    memory_resource(const client& owner, std::span<const pool_options> classes,
                    std::pmr::memory_resource* upstream = nullptr);
    [[nodiscard]] static std::unique_ptr<memory_resource>
    try_create(const client& owner, std::span<const pool_options> classes,
               std::pmr::memory_resource* upstream, std::error_code& ec) noexcept;

    memory_resource(const memory_resource&) = delete;
    memory_resource& operator=(const memory_resource&) = delete;
    ~memory_resource() override;

    /**
     * allocate() and deallocate() are those of std::pmr.
     * Throws: bad_alloc: errc::out_of_blocks if all pools that would do are empty;
     * no_upstream; invalid_argument if the alignment is no power of two. What upstream
     * throws. deallocate(): handle_error: errc::not_a_block, double_free; from
     * destructors of containers that ends the program.
     * Complexity: as pool::allocate(), and linear in the pools.
     */
    [[nodiscard]] void* try_allocate(std::size_t bytes, std::size_t alignment,
                                     std::error_code& ec) noexcept;
    /** The same; what upstream throws, if it is no fixedpool::error, is errc::not_a_block. */
    bool try_deallocate(void* memory, std::size_t bytes, std::size_t alignment,
                        std::error_code& ec) noexcept;

    /** Those that it serves from, the smallest blocks first. */
    [[nodiscard]] std::span<const pool> pools() const noexcept { return parts_.pools; }
    /** Where the rest comes from; null: it is refused. */
    [[nodiscard]] std::pmr::memory_resource* upstream() const noexcept { return upstream_; }

    /** Does a block of one of the pools begin there? */
    [[nodiscard]] bool owns(const void* memory) const noexcept;

    /** Returns: which of pools() a block that begins there is of, if one does. */
    [[nodiscard]] std::optional<std::size_t> class_of(const void* memory) const noexcept;

    /**
     * Returns: what pools()[number] has done, as far as this thread can know.
     * Requires: there is one of that number.
     */
    [[nodiscard]] figures served_by(std::size_t number) const noexcept;
    /** Requests that upstream has served. */
    [[nodiscard]] std::uint64_t served_upstream() const noexcept;
    /** Requests that were refused. */
    [[nodiscard]] std::uint64_t refused() const noexcept;

  private:
    [[nodiscard]] void* do_allocate(std::size_t bytes, std::size_t alignment) override;
    void do_deallocate(void* memory, std::size_t bytes, std::size_t alignment) override;
    /** Equal: the same pools, and upstream. */
    [[nodiscard]] bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override;

    struct size_class {
        std::size_t size;
        std::size_t alignment;
    };
    struct parts {
        std::vector<pool> pools;         // the smallest first
        std::vector<size_class> classes; // of pools, close together
        std::unique_ptr<detail::tally> tally;
    };

    memory_resource(parts of, std::pmr::memory_resource* upstream) noexcept;
    static parts prepare(std::span<const pool> pools, std::error_code& ec) noexcept;
    static parts prepare(const client& owner, std::span<const pool_options> classes,
                         std::string_view& refused, std::error_code& ec) noexcept;
    static std::unique_ptr<memory_resource> make(parts of, std::pmr::memory_resource* upstream,
                                                 std::error_code& ec) noexcept;

    [[nodiscard]] std::size_t first_for(std::size_t bytes, std::size_t alignment) const noexcept;
    [[nodiscard]] void* take_from(std::size_t first, std::size_t alignment,
                                  std::error_code& ec) noexcept;
    [[nodiscard]] void* take(std::size_t bytes, std::size_t alignment,
                             std::error_code& ec) noexcept;
    [[nodiscard]] bool keep(void* memory, std::size_t bytes, std::size_t alignment,
                            std::error_code& ec) noexcept;

    parts parts_;
    std::pmr::memory_resource* upstream_;
};

/**
 * Returns: options of pools whose block sizes double, from the first power of two that
 * is not less than @p smallest to the first not less than @p largest. Each is called after
 * its size, "NAME-64", and aligned to 16 bytes or its size if that is less; all else is as
 * @p each says, but for the block size.
 * Throws: error: errc::invalid_argument if @p smallest is zero or larger than @p largest, or
 * @p largest more than 2^31.
 */
[[nodiscard]] FIXEDPOOL_EXPORT std::vector<pool_options>
size_classes(const pool_options& each, std::uint32_t smallest, std::uint32_t largest);

} // namespace fixedpool

#endif
