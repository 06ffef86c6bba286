/* SPDX-License-Identifier: MIT */
/** @file
 * How calls of this library fail.
 *
 * A call that can fail comes in two forms:
 *
 *     x(...)           throws an exception derived from fixedpool::error
 *     try_x(..., ec)   never throws: it sets ec, to zero when all went well,
 *                      and returns an empty object, false or zero when it did not
 *
 * Everything else is the same; the documentation stands at the throwing form.
 * Codes compare equal to the std::errc of the system error behind them.
 */
#ifndef FIXEDPOOL_ERROR_HPP
#define FIXEDPOOL_ERROR_HPP

#include <cstddef>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <system_error>

#include <fixedpool/export.hpp>
#include <fixedpool/handle.hpp>

namespace fixedpool {

/** One value per cause. */
enum class errc {
    // any call
    unknown_command = 1, ///< the module does not know the call
    bad_address,         ///< a pointer leads nowhere
    invalid_argument,    ///< a flag or value outside its range
    module_too_old,      ///< the call carries data that the module does not know
    out_of_memory,       ///< of the system, or of the memory cgroup

    // opening a client
    no_device,        ///< no such device: the module is not loaded
    device_forbidden, ///< the permissions of the device file
    not_the_device,   ///< what was opened is something else
    abi_mismatch,     ///< the module speaks another version of the interface

    // pools by name
    name_taken,       ///< somebody has the name already
    no_such_pool,     ///< no pool has this name
    pool_forbidden,   ///< mode bits or ownership
    already_attached, ///< this client has attached the pool before
    too_many_pools,   ///< limit of the module
    byte_limit,       ///< limit of the module
    lock_limit,       ///< RLIMIT_MEMLOCK of the caller
    pool_too_large,   ///< for the address or handle space
    not_attached,     ///< no pool there that this client is attached to
    not_noted,        ///< what this client holds: it is not to report leaks

    // mapping
    map_forbidden, ///< the mapping asks for more access than the client has
    not_mappable,  ///< the blocks of this pool cannot be mapped
    interrupted,   ///< a signal arrived

    // blocks and handles
    out_of_blocks,       ///< the pool has no free block
    index_out_of_range,  ///< beyond the end of the handle's pool
    double_free,         ///< the block was freed before
    stale_handle,        ///< the allocation has ended
    not_holder,          ///< allocated, but not held by this client
    wrong_pool,          ///< a block of another pool than the one asked
    not_a_block,         ///< no block of the pool, or none that is allocated, begins at the address
    beyond_block,        ///< bytes beyond the end of the block
    too_many_holders,    ///< of one block
    no_such_client,      ///< no client has this number
    client_not_attached, ///< the receiver is not attached to the pool
    block_allocated,     ///< a block of a cache is allocated

    // scopes
    scope_ended,     ///< the scope has ended, or never was
    too_many_scopes, ///< of this client
    scope_too_deep,  ///< nested too deep

    // sets of pools
    no_such_set,       ///< no set has this name
    set_forbidden,     ///< ownership
    already_open,      ///< this client has opened the set before
    set_not_attached,  ///< this client is not attached to the pools of the set
    too_large_for_set, ///< no pool of the set has blocks as large as that

    // channels
    no_such_channel, ///< no channel of the pool has this name
    no_receiver,     ///< all who could receive have gone
    would_block,     ///< nothing to receive, or no room, and the end does not wait
    channel_left,    ///< the client of the end has left the pool

    // waiting for blocks
    timed_out,       ///< the time has come, and there are not enough
    beyond_capacity, ///< more than the pool can ever have
    pool_destroyed,  ///< and has not enough that are free
    pool_left,       ///< the client has left the pool meanwhile

    // watching pools
    too_many_watches, ///< of this client and pool
    no_such_watch,    ///< this client has none of this number

    // objects and containers on pools
    unfit_blocks, ///< too small for what is to be kept in them, or not aligned for it
    no_upstream,  ///< more than the blocks can serve, and no resource to pass it on to
    stale_marker, ///< the arena has been rewound behind it, or never was there
};

/** The category of errc. Thread safety: any thread, as all of std::error_category. */
[[nodiscard]] FIXEDPOOL_EXPORT const std::error_category& error_category() noexcept;

/** Returns: @p cause with error_category(); what a std::error_code is made with. */
[[nodiscard]] FIXEDPOOL_EXPORT std::error_code make_error_code(errc cause) noexcept;

/**
 * What every throwing call throws. what() reads "request: cause": what was
 * asked, with names and numbers, and why it was refused; code() is the cause.
 */
class FIXEDPOOL_EXPORT error : public std::system_error {
  public:
    /** Effects: says that @p request was refused, for @p cause. */
    error(std::error_code cause, const std::string& request);
};

/** A pool was asked for something. */
class FIXEDPOOL_EXPORT pool_error : public error {
  public:
    /** Effects: as error, of the pool that was asked for as @p pool_name. */
    pool_error(std::error_code cause, const std::string& request, std::string_view pool_name);

    /** The name as it was asked for. */
    [[nodiscard]] const std::string& pool_name() const noexcept { return *pool_name_; }

  private:
    std::shared_ptr<const std::string> pool_name_; // copies of exceptions must not throw
};

/** Something was asked for by handle. */
class FIXEDPOOL_EXPORT handle_error : public error {
  public:
    /** Effects: as error, of the handle @p refused, after @p done others that were served. */
    handle_error(std::error_code cause, const std::string& request, fixedpool::handle refused,
                 std::size_t done = 0);

    /** The handle that was refused. */
    [[nodiscard]] fixedpool::handle handle() const noexcept { return refused_; }

    /** Handles of the same call that came before it, and were served. */
    [[nodiscard]] std::size_t done() const noexcept { return done_; }

  private:
    fixedpool::handle refused_;
    std::size_t done_;
};

/**
 * What allocators and memory resources throw where the standard wants
 * std::bad_alloc; behind it is the error that other calls would have thrown.
 */
class FIXEDPOOL_EXPORT bad_alloc : public std::bad_alloc {
  public:
    /** Effects: keeps a copy of @p cause. */
    // NOLINTNEXTLINE(modernize-pass-by-value, bugprone-throw-keyword-missing): of any error
    explicit bad_alloc(const error& cause) noexcept : cause_{cause} {}

    /** What other calls would have thrown. */
    [[nodiscard]] const error& cause() const noexcept { return cause_; }
    /** Its code. */
    [[nodiscard]] const std::error_code& code() const noexcept { return cause_.code(); }
    /** Its message: "request: cause". */
    [[nodiscard]] const char* what() const noexcept override { return cause_.what(); }

  private:
    error cause_;
};

} // namespace fixedpool

/** For making a std::error_code of an errc, and comparing the two. */
template <>
struct std::is_error_code_enum<fixedpool::errc> : std::true_type {};

#endif
