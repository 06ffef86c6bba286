/* SPDX-License-Identifier: MIT */
/** @file
 * fixedpool::pool: a pool that a client is attached to.
 */
#ifndef FIXEDPOOL_POOL_HPP
#define FIXEDPOOL_POOL_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <fixedpool/block.hpp>
#include <fixedpool/deadline.hpp>
#include <fixedpool/detail/front.hpp>
#include <fixedpool/export.hpp>
#include <fixedpool/handle.hpp>
#include <fixedpool/leak.hpp>

namespace fixedpool {

namespace detail {
class object_table;
class pool_state;
} // namespace detail

/** Where the blocks of a pool come from. */
enum class storage_type : std::uint32_t {
    pages, ///< blocks are mapped and used in place
    slab,  ///< not mappable: bytes are reached with pool::read() and pool::write()
};

/**
 * Whether threads of this process keep some free blocks of a pool for their next
 * allocations, which then need no system call. What is kept so counts as held by the
 * client in what others see of the pool. It goes back when a client of this process finds no
 * other or waits; when another client waits, and a thread of this one frees a block; when
 * the thread ends; and with pool::trim(). After fork() the child of a process that
 * has opened the device keeps none.
 */
enum class caching {
    automatic, ///< if the pool has 512 blocks or more, can be mapped, and does nothing to blocks
               ///< that are taken or freed (such as to zero them)
    exact,     ///< as well, and slower: of threads that free a handle at the same instant, into
               ///< their caches, all but one are refused
    none,      ///< none are kept
};

/** What client::create() makes. What stays zero takes the default. */
struct pool_options {
    std::string name = {};        ///< 1 to 31 of [A-Za-z0-9._-], not beginning with a dot; default:
                                  ///< one that nobody has, and auto_destroy
    std::uint32_t block_size = 0; ///< usable bytes, at least 1
    std::uint32_t blocks = 0;     ///< how many, at least 1
    std::uint32_t alignment = 0; ///< bytes, a power of two up to the page size; default: 16 if that
                                 ///< divides block_size, else 8
    std::uint32_t max_blocks = 0; ///< how many it may grow to; default: it does not grow
    std::uint32_t reserve = 0;    ///< blocks that no shortage can take away; default all
    storage_type storage = storage_type::pages; ///< where they come from
    bool auto_destroy = false;                  ///< the pool goes with its last client
    std::uint32_t mode = 0;                     ///< who may attach, as for a file; default 0600
    std::optional<std::int32_t> numa_node = {}; ///< whose memory is wanted; default: any

    // What is done to blocks as they are taken and come back. Of these only packed pools
    // have caches. What goes together, and with which storage, says <linux/fixedpool.h>.
    bool zero_on_allocate = false; ///< blocks are zeroes when they are taken
    bool zero_on_free = false;     ///< ... and as soon as they are free, also after a crash
    bool poison = false;           ///< free blocks are filled with 0x6b, and what is written into
                                   ///< them is found, and counted, when they are taken
    bool revocable = false;        ///< a touch of a block that this client does not hold is SIGBUS;
                                   ///< not in process
    bool track = false;            ///< the module notes when and by whom blocks were taken; not in
                                   ///< process
    bool packed = false;           ///< blocks follow each other without a gap

    caching cache = caching::automatic; ///< of this client
    bool report_leaks = false;          ///< of this client; see leak.hpp
};

/** How a client is attached to a pool that is there. */
struct attach_options {
    caching cache = caching::automatic; ///< of this client
    bool report_leaks = false;          ///< see leak.hpp
};

/** How much of a pool is taken. */
struct pool_usage {
    std::uint32_t in_use;  ///< blocks held by anybody
    std::uint32_t peak;    ///< the most blocks ever held at the same time
    std::uint32_t clients; ///< clients attached
    std::uint32_t blocks;  ///< blocks there are, up to pool::capacity()
    std::uint32_t waiters; ///< callers that wait for blocks
};

/** What a handle is worth to this client. */
struct handle_state {
    bool alive;  ///< the allocation has not ended
    bool mine;   ///< this client holds the block
    bool shared; ///< the block has more holders than one
};

/** What allocated blocks contain. */
enum class contents {
    unspecified, ///< what the last holder left
    zero,        ///< nothing but zeroes
};

/**
 * A counted reference to an attached pool and its mapping. Copies and blocks
 * share both, and keep the client open; with the last of them the client
 * leaves the pool, which gives back every block that it still holds there, such
 * as those released from their owners.
 *
 * An empty pool, default-made or moved from, refers to none and may only be
 * assigned to, destroyed and tested.
 *
 * Handles passed to one pool may name blocks of any pool of its client where
 * not said otherwise. Every handle is judged, by the kernel or, where a block is freed into
 * a cache, by the library, so all that are not good are refused with one of errc::stale_handle,
 * not_holder, index_out_of_range, not_attached and invalid_argument; "the handle errors" below.
 *
 * Thread safety: all const calls from any thread, also on the same pool.
 */
class FIXEDPOOL_EXPORT pool {
  public:
    pool() noexcept = default;
    /** Effects: refers to what @p other does. */
    pool(const pool& other) = default;
    /** Effects: refers to what @p other did, which becomes empty. */
    pool(pool&& other) noexcept
        : front_{std::move(other.front_)},
          cache_number_{std::exchange(other.cache_number_, 0)} {}
    /** Effects: refers to what @p other does, and no more to what it did. */
    pool& operator=(const pool& other) = default;
    /** Effects: refers to what @p other did, which becomes empty. */
    pool& operator=(pool&& other) noexcept {
        front_ = std::move(other.front_);
        cache_number_ = std::exchange(other.cache_number_, 0);
        return *this;
    }
    ~pool() = default;

    /** Whether it is not empty. */
    [[nodiscard]] explicit operator bool() const noexcept { return front_ != nullptr; }

    /** Do both refer to the same attachment, so that either takes back what the other gave? */
    [[nodiscard]] friend bool operator==(const pool& a, const pool& b) noexcept {
        return a.front_ == b.front_;
    }

    // What was fixed at creation. Complexity: no system call.

    [[nodiscard]] std::string_view name() const noexcept;    ///< by which others attach to it
    [[nodiscard]] std::uint32_t block_size() const noexcept; ///< usable bytes of a block
    [[nodiscard]] std::uint32_t stride() const noexcept;     ///< bytes from block to block
    [[nodiscard]] std::uint32_t alignment() const noexcept;  ///< of a block, in bytes
    [[nodiscard]] std::uint32_t capacity() const noexcept;   ///< blocks, when it is full grown
    [[nodiscard]] storage_type storage() const noexcept;     ///< where blocks come from
    [[nodiscard]] bool mappable() const noexcept;            ///< whether blocks have addresses

    /**
     * Returns: the figures of this moment.
     * Throws: pool_error.
     * Complexity: one system call.
     */
    [[nodiscard]] pool_usage usage() const;
    [[nodiscard]] pool_usage try_usage(std::error_code& ec) const noexcept;

    /**
     * Effects: gives back all blocks that threads of this process have cached of this
     * pool. (A thread that a debugger has stopped in the middle keeps its own.)
     * Returns: how many.
     */
    std::uint32_t trim() const noexcept; // NOLINT(modernize-use-nodiscard)

    /**
     * Returns: the blocks that this client holds, and which calls took them. Those that
     * others give to it are only known once they are received or adopted.
     * Throws: pool_error: errc::not_noted, unless the client is to report leaks.
     * Complexity: linear in capacity(), one system call for each block held.
     */
    [[nodiscard]] std::vector<held_block> held() const;

    /**
     * Returns: the owner of a block that was free.
     * Throws: pool_error: errc::out_of_blocks if there is none. Never waits.
     * Complexity: not depending on capacity(). From the thread's cache: no system
     * call, and none for most blocks that are freed into it; see caching.
     */
    block allocate() const {
        if (const auto taken = detail::take<detail::counting::yes>(cache_number_)) [[likely]]
            return {*front_, taken};
        return allocate_slowly(contents::unspecified);
    }
    block allocate(contents wanted) const {
        return wanted == contents::unspecified ? allocate() : allocate_slowly(wanted);
    }
    block try_allocate(std::error_code& ec) const noexcept {
        const auto taken = detail::take<detail::counting::yes>(cache_number_);
        if (!taken) [[unlikely]]
            return try_allocate_slowly(contents::unspecified, ec);
        if (ec)
            ec.clear();
        return {*front_, taken};
    }
    block try_allocate(contents wanted, std::error_code& ec) const noexcept {
        return wanted == contents::unspecified ? try_allocate(ec) : try_allocate_slowly(wanted, ec);
    }

    /** The same, but the handle is bare: free(), give() or adopt() it. */
    [[nodiscard, gnu::always_inline]] handle allocate_handle() const {
        const auto taken = detail::take<detail::counting::no>(cache_number_);
        return taken ? taken.name : allocate_handle_slowly();
    }
    [[nodiscard]] handle try_allocate_handle(std::error_code& ec) const noexcept {
        const auto taken = detail::take<detail::counting::no>(cache_number_);
        if (!taken) [[unlikely]]
            return try_allocate_handle_slowly(ec);
        if (ec)
            ec.clear();
        return taken.name;
    }

    /**
     * For containers, which keep addresses.
     * Returns: the first byte of a block that was free.
     * Throws: pool_error: as allocate(), and errc::not_mappable.
     * Complexity: as allocate().
     */
    [[nodiscard, gnu::always_inline]] std::byte* allocate_bytes() const {
        const auto taken = detail::take<detail::counting::no>(cache_number_);
        return taken ? front_->address(taken.index) : allocate_mapped_slowly();
    }
    [[nodiscard]] std::byte* try_allocate_bytes(std::error_code& ec) const noexcept;
    /**
     * Effects: gives back the block that begins at @p block.
     * Throws: handle_error, as free(): errc::double_free if the block that begins there is
     * free; errc::not_a_block if none of this pool begins there.
     * Complexity: as free().
     */
    [[gnu::always_inline]] void deallocate_bytes(const void* block) const {
        const auto index = front_->index_at(block);
        if (index == detail::geometry::no_index ||
            detail::put<detail::counting::no>(cache_number_, front_->name_of(index)) !=
                detail::putting::done) [[unlikely]]
            deallocate_slowly(block);
    }
    bool try_deallocate_bytes(const void* block, std::error_code& ec) const noexcept;

    /** Does a block of this pool, allocated or not, begin at @p address? */
    [[nodiscard]] bool owns(const void* address) const noexcept {
        return front_->index_at(address) != detail::geometry::no_index;
    }

    /** Is @p address in the memory of this pool, wherever in or between blocks? */
    [[nodiscard]] bool contains(const void* address) const noexcept {
        return front_->contains(address);
    }

    /**
     * Returns: the handle of the allocated block that begins at @p address; an empty one
     * if there is none.
     * Complexity: constant, no system call.
     */
    [[nodiscard]] handle handle_of(const void* address) const noexcept {
        const auto index = front_->index_at(address);
        return index != detail::geometry::no_index ? front_->handle_of(index) : handle{};
    }

    /**
     * Returns: the handle of the allocation that block number @p index has; an empty one
     * if it has none, there is no such block, or the pool is not mappable.
     * Complexity: constant, no system call.
     */
    [[nodiscard]] handle handle_at(std::uint32_t index) const noexcept;

    /**
     * Effects: takes as many blocks as @p handles has room for, or none. The
     * handles are bare: free(), give() or adopt() them.
     * Throws: pool_error: errc::out_of_blocks; @p handles is then unspecified.
     * Complexity: one system call per limits::max_batch handles. Beyond one
     * batch others may see blocks taken that a failure then gives back.
     */
    void allocate(std::span<handle> handles, contents wanted = contents::unspecified) const;
    [[nodiscard]] bool try_allocate(std::span<handle> handles, std::error_code& ec) const noexcept {
        return try_allocate(handles, contents::unspecified, ec);
    }
    [[nodiscard]] bool try_allocate(std::span<handle> handles, contents wanted,
                                    std::error_code& ec) const noexcept;

    /**
     * Effects: waits until there is a free block, and takes it. Whoever waits for
     * blocks of a pool is served in the order in which he has come; meanwhile all
     * other calls find none. The times are those of a steady clock; a deadline that
     * has passed, or a timeout that is not positive, means to try once.
     * Returns: its owner.
     * Throws: pool_error: errc::timed_out; pool_destroyed if the pool has lost its
     * name, and too few blocks are free; interrupted if a signal came whose handler
     * does not restart calls, in process maybe also if it does; what allocate()
     * throws, but for errc::out_of_blocks.
     * Complexity: one system call, in process none where nobody has to wait.
     * Signal safety: none. While somebody waits, a handler may give blocks back.
     */
    block allocate_wait(contents wanted = contents::unspecified) const {
        return allocate_until(never, wanted);
    }
    block try_allocate_wait(std::error_code& ec) const noexcept {
        return try_allocate_wait(contents::unspecified, ec);
    }
    block try_allocate_wait(contents wanted, std::error_code& ec) const noexcept {
        return try_allocate_until(never, wanted, ec);
    }
    /** The same, but it gives up after @p timeout. */
    template <typename rep, typename period>
    block allocate_for(const std::chrono::duration<rep, period>& timeout,
                       contents wanted = contents::unspecified) const {
        return allocate_until(deadline_after(timeout), wanted);
    }
    template <typename rep, typename period>
    block try_allocate_for(const std::chrono::duration<rep, period>& timeout,
                           std::error_code& ec) const noexcept {
        return try_allocate_for(timeout, contents::unspecified, ec);
    }
    template <typename rep, typename period>
    block try_allocate_for(const std::chrono::duration<rep, period>& timeout, contents wanted,
                           std::error_code& ec) const noexcept {
        return try_allocate_until(deadline_after(timeout), wanted, ec);
    }
    /** The same, but it gives up at @p until. */
    block allocate_until(deadline until, contents wanted = contents::unspecified) const;
    block try_allocate_until(deadline until, std::error_code& ec) const noexcept {
        return try_allocate_until(until, contents::unspecified, ec);
    }
    block try_allocate_until(deadline until, contents wanted, std::error_code& ec) const noexcept;

    /**
     * The same for as many blocks as @p handles has room for, up to
     * limits::max_batch; the call waits until there are all of them, also where
     * others behind it want fewer.
     * Throws: pool_error: also errc::beyond_capacity if there can never be as many,
     * invalid_argument if there are more than limits::max_batch; @p handles is then
     * unspecified.
     */
    void allocate_wait(std::span<handle> handles, contents wanted = contents::unspecified) const {
        allocate_until(handles, never, wanted);
    }
    [[nodiscard]] bool try_allocate_wait(std::span<handle> handles, contents wanted,
                                         std::error_code& ec) const noexcept {
        return try_allocate_until(handles, never, wanted, ec);
    }
    /** The same, but it gives up after @p timeout. */
    template <typename rep, typename period>
    void allocate_for(std::span<handle> handles, const std::chrono::duration<rep, period>& timeout,
                      contents wanted = contents::unspecified) const {
        allocate_until(handles, deadline_after(timeout), wanted);
    }
    template <typename rep, typename period>
    [[nodiscard]] bool try_allocate_for(std::span<handle> handles,
                                        const std::chrono::duration<rep, period>& timeout,
                                        contents wanted, std::error_code& ec) const noexcept {
        return try_allocate_until(handles, deadline_after(timeout), wanted, ec);
    }
    /** The same, but it gives up at @p until. */
    void allocate_until(std::span<handle> handles, deadline until,
                        contents wanted = contents::unspecified) const;
    [[nodiscard]] bool try_allocate_until(std::span<handle> handles, deadline until,
                                          contents wanted, std::error_code& ec) const noexcept;

    /**
     * Effects: takes up to as many blocks as @p handles has room for.
     * Returns: how many, at least one unless @p handles is empty; so many
     * handles are written.
     * Throws: pool_error: errc::out_of_blocks if there is none at all.
     * Complexity: as allocate().
     */
    [[nodiscard]] std::size_t allocate_some(std::span<handle> handles,
                                            contents wanted = contents::unspecified) const;
    [[nodiscard]] std::size_t try_allocate_some(std::span<handle> handles,
                                                std::error_code& ec) const noexcept {
        return try_allocate_some(handles, contents::unspecified, ec);
    }
    [[nodiscard]] std::size_t try_allocate_some(std::span<handle> handles, contents wanted,
                                                std::error_code& ec) const noexcept;

    /**
     * Effects: gives blocks back, in order, up to the first that is refused.
     * Returns: (try_free of several) how many went back; the refused handle is
     * the one of that number.
     * Throws: handle_error: errc::double_free, or one of the handle errors.
     * Complexity: no system call for most that go into the thread's cache; for the others
     * one for as many as follow each other, up to limits::max_batch.
     */
    [[gnu::always_inline]] void free(handle name) const {
        const auto tried = detail::put<detail::counting::no>(cache_number_, name);
        if (tried != detail::putting::done) [[unlikely]]
            free_slowly(name, tried);
    }
    void free(std::span<const handle> handles) const;
    bool try_free(handle name, std::error_code& ec) const noexcept {
        const auto tried = detail::put<detail::counting::no>(cache_number_, name);
        if (tried != detail::putting::done) [[unlikely]]
            return try_free_slowly(name, tried, ec);
        if (ec)
            ec.clear();
        return true;
    }
    std::size_t try_free(std::span<const handle> handles, std::error_code& ec) const noexcept;

    /**
     * Effects: lets the client @p receiver hold blocks instead of this one, in
     * order, up to the first that is refused. The handles stay valid; telling
     * the receiver about them is the caller's job.
     * Returns: (try_give of several) how many were given.
     * Throws: handle_error: errc::no_such_client, client_not_attached,
     * too_many_holders, or one of the handle errors.
     * Complexity: one system call per limits::max_batch handles.
     */
    void give(handle name, client_id receiver) const;
    void give(std::span<const handle> handles, client_id receiver) const;
    [[nodiscard]] bool try_give(handle name, client_id receiver,
                                std::error_code& ec) const noexcept;
    [[nodiscard]] std::size_t try_give(std::span<const handle> handles, client_id receiver,
                                       std::error_code& ec) const noexcept;

    /**
     * Effects: lets the client @p receiver hold a block, too; it is free when the
     * last of its holders has let go of it. Sharing with who holds it changes
     * nothing.
     * Throws: handle_error: as give().
     * Complexity: one system call.
     */
    void share(handle name, client_id receiver) const;
    [[nodiscard]] bool try_share(handle name, client_id receiver,
                                 std::error_code& ec) const noexcept;

    /**
     * Returns: an owner for a block that this client holds and nothing in this
     * process owns: one received from another client, or a bare handle.
     * Requires: no other block owns @p name.
     * Throws: handle_error: errc::wrong_pool if the block is not of this pool,
     * or one of the handle errors.
     * Complexity: one system call.
     */
    block adopt(handle name) const;
    block try_adopt(handle name, std::error_code& ec) const noexcept;

    /**
     * Returns: what the kernel knows of @p name. Dead is an answer, not an
     * error.
     * Throws: handle_error: errc::invalid_argument, not_attached,
     * index_out_of_range for what cannot be a handle of this client's pools.
     * Complexity: one system call.
     */
    [[nodiscard]] handle_state check(handle name) const;
    [[nodiscard]] handle_state try_check(handle name, std::error_code& ec) const noexcept;

    /**
     * Returns: the first byte of the block that @p name names; null if it names
     * none of this pool, its allocation has ended, or the pool is not mappable.
     * Another holder may end the allocation right after: null is final, an
     * address holds as long as somebody keeps the block.
     * Complexity: constant, no system call, no division.
     */
    [[nodiscard]] std::byte* get(handle name) const noexcept { return front_->get(name); }

    /**
     * Returns: the number in this pool, from zero, of the block that @p name
     * names or named; nothing if that is not of this pool.
     */
    [[nodiscard]] std::optional<std::uint32_t> index_of(handle name) const noexcept {
        const auto index = front_->index_of(name);
        return index != detail::geometry::no_index ? std::optional{index} : std::nullopt;
    }

    /**
     * Effects: fills @p bytes with those of the block from @p offset on, whatever its
     * storage.
     * Throws: handle_error: errc::beyond_block if they do not lie inside the
     * block, or one of the handle errors.
     * Complexity: one system call.
     */
    void read(handle name, std::uint32_t offset, std::span<std::byte> bytes) const;
    [[nodiscard]] bool try_read(handle name, std::uint32_t offset, std::span<std::byte> bytes,
                                std::error_code& ec) const noexcept;
    /** The same the other way round: @p bytes into the block. */
    void write(handle name, std::uint32_t offset, std::span<const std::byte> bytes) const;
    [[nodiscard]] bool try_write(handle name, std::uint32_t offset,
                                 std::span<const std::byte> bytes,
                                 std::error_code& ec) const noexcept;

  private:
    friend class channel;
    friend class client;
    friend class detail::object_table;
    friend class pool_set;
    friend class scope;
    friend class watch;
    explicit pool(std::shared_ptr<const detail::pool_state> state) noexcept;

    block allocate_slowly(contents wanted) const;
    block try_allocate_slowly(contents wanted, std::error_code& ec) const noexcept;
    [[nodiscard]] handle allocate_handle_slowly() const;
    [[nodiscard]] handle try_allocate_handle_slowly(std::error_code& ec) const noexcept;
    [[nodiscard]] std::byte* allocate_mapped_slowly() const;
    void free_slowly(handle name, detail::putting tried) const;
    bool try_free_slowly(handle name, detail::putting tried, std::error_code& ec) const noexcept;
    void deallocate_slowly(const void* block) const;

    [[nodiscard]] const detail::pool_state& state() const noexcept;
    [[nodiscard]] std::shared_ptr<const detail::pool_state> shared_state() const noexcept;

    std::shared_ptr<const detail::front> front_; // of state(), what is known of it here
    std::uint32_t cache_number_ = 0;             // of front_, which is so not looked at for it
};

} // namespace fixedpool

#endif
