/* SPDX-License-Identifier: MIT */
/** @file
 * fixedpool::client: where everything begins.
 */
#ifndef FIXEDPOOL_CLIENT_HPP
#define FIXEDPOOL_CLIENT_HPP

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>

#include <fixedpool/block.hpp>
#include <fixedpool/export.hpp>
#include <fixedpool/pool.hpp>

namespace fixedpool {

namespace detail {
struct client_state;
class transport;
} // namespace detail

/** What client::open() opens if nothing else is named. */
inline constexpr const char* default_device = "/dev/fixedpool";

/** What the module allows, as of client::open(). */
struct limits {
    std::uint32_t max_block_size; ///< bytes
    std::uint32_t max_batch;      ///< handles in one system call
    std::uint32_t max_pools;      ///< at the same time; zero: no limit
    std::uint64_t max_bytes;      ///< in all pools together; zero: no limit
};

/**
 * A counted reference to one open client. Copies, pools and blocks keep it
 * open; with the last of them, or with the process, everything that the client
 * holds goes back to its pools. After fork() both processes are the same
 * client, unless it is one of open_in_process(): let the child open its own.
 *
 * An empty client, default-made or moved from, may only be assigned to,
 * destroyed and tested.
 *
 * Thread safety: all const calls from any thread, also on the same client.
 */
class FIXEDPOOL_EXPORT client {
  public:
    client() noexcept = default;

    /**
     * Returns: a new client of the module behind @p path.
     * Throws: error: errc::no_device, device_forbidden, not_the_device,
     * abi_mismatch, or a std::system_category() code such as that for too many
     * open files.
     */
    [[nodiscard]] static client open(const std::string& path = default_device);
    [[nodiscard]] static client try_open(const std::string& path, std::error_code& ec) noexcept;
    [[nodiscard]] static client try_open(std::error_code& ec) noexcept;

    /**
     * Returns: a new client of pools that live in this process, without the
     * module. All else is the same, but for what concerns other processes:
     * names, numbers and blocks are known to the clients of this process only;
     * there are no limits on pools, bytes and locked memory, and nobody is
     * charged; a pointer that leads nowhere is no error but a crash; a pool that has
     * grown keeps its size.
     *
     * After fork() the child has pools, clients and blocks of its own, a copy of
     * what the parent had at that moment, as with all other memory.
     * Throws: error: errc::out_of_memory.
     * Signal safety: handlers may call try_allocate(), try_allocate_handle(),
     * try_allocate_some(), try_free(), try_check() and get() of a pool that outlives
     * them, and destroy or release() owners of its blocks, as long as its client has no
     * blocks in scopes.
     */
    [[nodiscard]] static client open_in_process();
    [[nodiscard]] static client try_open_in_process(std::error_code& ec) noexcept;

    /** Whether it is not empty. */
    [[nodiscard]] explicit operator bool() const noexcept { return state_ != nullptr; }

    /** The number that others give() blocks to. Complexity: no system call. */
    [[nodiscard]] client_id id() const noexcept;

    /** Complexity: no system call. */
    [[nodiscard]] fixedpool::limits limits() const noexcept;

    /**
     * Effects: makes a pool with all its blocks, attaches to it, and maps it if
     * it is mappable. On failure nothing is made.
     * Throws: pool_error: errc::name_taken, invalid_argument, too_many_pools,
     * byte_limit, lock_limit, pool_too_large, out_of_memory.
     * Complexity: linear in the bytes of the pool.
     */
    [[nodiscard]] pool create(const pool_options& options) const;
    [[nodiscard]] pool try_create(const pool_options& options, std::error_code& ec) const noexcept;

    /**
     * Effects: attaches to the pool of that name, and maps it if it is mappable.
     * Throws: pool_error: errc::no_such_pool, pool_forbidden, invalid_argument,
     * byte_limit, lock_limit, out_of_memory, and already_attached: copy the pool
     * that is there.
     * Complexity: linear in the pages of the pool.
     */
    [[nodiscard]] pool attach(std::string_view name, const attach_options& how) const;
    [[nodiscard]] pool attach(std::string_view name, caching cache = caching::automatic) const {
        return attach(name, attach_options{.cache = cache});
    }
    [[nodiscard]] pool try_attach(std::string_view name, const attach_options& how,
                                  std::error_code& ec) const noexcept;
    [[nodiscard]] pool try_attach(std::string_view name, caching cache,
                                  std::error_code& ec) const noexcept {
        return try_attach(name, attach_options{.cache = cache}, ec);
    }
    [[nodiscard]] pool try_attach(std::string_view name, std::error_code& ec) const noexcept {
        return try_attach(name, attach_options{}, ec);
    }

    /**
     * Effects: takes the pool's name away, which is free at once. Who is
     * attached keeps what he has; the memory goes with the last of them.
     * Throws: pool_error: errc::no_such_pool, pool_forbidden, invalid_argument.
     */
    void destroy(std::string_view name) const;
    bool try_destroy(std::string_view name, std::error_code& ec) const noexcept;

  private:
    friend class pool_set;
    friend class scope;
    static client make(std::unique_ptr<detail::transport> transport, std::error_code& ec) noexcept;
    explicit client(std::shared_ptr<detail::client_state> state) noexcept;

    std::shared_ptr<detail::client_state> state_;
};

} // namespace fixedpool

#endif
