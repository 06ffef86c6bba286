/* SPDX-License-Identifier: MIT */
/** @file
 * The seam below the library: who carries out the calls of <linux/fixedpool.h>.
 */
#ifndef FIXEDPOOL_SRC_TRANSPORT_HPP
#define FIXEDPOOL_SRC_TRANSPORT_HPP

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <system_error>

#include <linux/fixedpool.h>

#include <fixedpool/handle.hpp>

namespace fixedpool::detail {

/** The owner of a mapped region; outlives the transport that made it. */
using mapping = std::shared_ptr<std::byte[]>;

enum class access { read, read_write };

/**
 * One end of a channel; what fixedpool_channel_create says of its descriptor.
 * Destroying it closes the end. Outlives the transport that made it.
 *
 * Thread safety: all calls from any thread at the same time.
 */
class channel_end {
  public:
    channel_end() = default;
    channel_end(const channel_end&) = delete;
    channel_end& operator=(const channel_end&) = delete;
    virtual ~channel_end() = default;

    // Each returns how many handles were moved, in order, and sets @p ec only
    // if that is none.
    virtual std::size_t send(std::span<const handle> handles, std::error_code& ec) noexcept = 0;
    virtual std::size_t receive(std::span<handle> handles, std::error_code& ec) noexcept = 0;

    /** For poll(); -1 if there is none to be had. */
    virtual int descriptor() noexcept = 0;
};

/**
 * One client. Each call does what the structure of its name says, writes its
 * out members, and returns the code of detail::errno_code(). Destroying the
 * transport closes the client.
 *
 * Thread safety: all calls from any thread at the same time.
 */
class transport {
  public:
    transport() = default;
    transport(const transport&) = delete;
    transport& operator=(const transport&) = delete;
    virtual ~transport() = default;

    virtual std::error_code call(fixedpool_query& request) noexcept = 0;
    virtual std::error_code call(fixedpool_pool_create& request) noexcept = 0;
    virtual std::error_code call(fixedpool_pool_attach& request) noexcept = 0;
    virtual std::error_code call(fixedpool_pool_detach& request) noexcept = 0;
    virtual std::error_code call(fixedpool_pool_destroy& request) noexcept = 0;
    virtual std::error_code call(fixedpool_pool_info& request) noexcept = 0;
    virtual std::error_code call(fixedpool_alloc& request) noexcept = 0;
    virtual std::error_code call(fixedpool_free& request) noexcept = 0;
    virtual std::error_code call(fixedpool_check& request) noexcept = 0;
    virtual std::error_code call(fixedpool_read& request) noexcept = 0;
    virtual std::error_code call(fixedpool_write& request) noexcept = 0;
    virtual std::error_code call(fixedpool_give& request) noexcept = 0;
    virtual std::error_code call(fixedpool_share& request) noexcept = 0;
    virtual std::error_code call(fixedpool_scope_create& request) noexcept = 0;
    virtual std::error_code call(fixedpool_scope_release& request) noexcept = 0;
    virtual std::error_code call(fixedpool_set_create& request) noexcept = 0;
    virtual std::error_code call(fixedpool_set_destroy& request) noexcept = 0;
    virtual std::error_code call(fixedpool_watch& request) noexcept = 0;
    virtual std::error_code call(fixedpool_cache_fill& request) noexcept = 0;
    virtual std::error_code call(fixedpool_cache_drain& request) noexcept = 0;

    /** Null if that fails. The member fd has no meaning. */
    virtual std::unique_ptr<channel_end> open(const fixedpool_channel_create& request,
                                              std::error_code& ec) noexcept = 0;
    virtual std::unique_ptr<channel_end> open(const fixedpool_channel_open& request,
                                              std::error_code& ec) noexcept = 0;

    /** Whether parent and child are the same client after fork(). */
    [[nodiscard]] virtual bool survives_fork() const noexcept = 0;

    /** Maps @p length bytes from @p offset of fixedpool_pool_info on. */
    virtual mapping map(std::uint64_t offset, std::uint64_t length, access wanted,
                        std::error_code& ec) noexcept = 0;

    /**
     * Has memory made for @p bits of each block of a pool as it grows. Requires: at
     * @p begin, a page, there are addresses for all. False: that is not done.
     */
    [[nodiscard]] virtual bool keep_books(std::uint32_t /*pool*/, std::byte* /*begin*/,
                                          unsigned /*bits*/) noexcept {
        return false;
    }
    /** Before the addresses go; if the pool has not gone before. */
    virtual void end_books(std::uint32_t /*pool*/, const std::byte* /*begin*/) noexcept {}
};

/** Opens a client of the module; null and @p ec if that fails. */
std::unique_ptr<transport> open_device(const std::string& path, std::error_code& ec) noexcept;

/**
 * Opens a client of the process's own pools. They do what those of the module
 * do, between the clients of this process, but for
 *
 *   pointers   one that leads nowhere ends the process
 *   limits     none on pools, bytes or locked memory
 *   REVOCABLE  EINVAL: nobody has a mapping of his own
 *   TRACK      EINVAL: there is nobody to show it
 *   growing    all blocks lie in one chunk of POOL_INFO; memory comes in smaller
 *              ones, and does not go back
 *   waiting    a signal may end it, also if it restarts calls
 *   poll()     knows no POLLHUP and POLLERR: an end on which nobody will come or
 *              listen any more can be read or written, and the call says why
 *   fork()     leaves the child with pools, clients and blocks of its own, which
 *              look as the parent's did at that moment, but for empty caches,
 *              and nobody who waits or watches
 */
std::unique_ptr<transport> open_local(std::error_code& ec) noexcept;

} // namespace fixedpool::detail

#endif
