/* SPDX-License-Identifier: MIT */
#include <fixedpool/error.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <initializer_list>
#include <iterator>

#include "errno_code.hpp"

namespace fixedpool {
namespace {

using detail::operation;

struct cause {
    errc code;
    int number;
    unsigned operations; // in which @number means @code: bits of on()
    const char* message;
};

constexpr unsigned on(std::initializer_list<operation> operations) {
    unsigned bits = 0;
    for (auto each : operations)
        bits |= 1U << static_cast<unsigned>(each);
    return bits;
}

constexpr unsigned nowhere = 0; // found by the library, never by the kernel
constexpr unsigned opening = on({operation::open});
constexpr unsigned querying = on({operation::query});
constexpr unsigned mapping = on({operation::map});
constexpr unsigned freeing = on({operation::free});
constexpr unsigned naming = on({operation::create, operation::attach, operation::destroy});
constexpr unsigned making =
    on({operation::create, operation::create_channel, operation::create_set});
constexpr unsigned taking = on({operation::alloc, operation::alloc_by_size});
constexpr unsigned paying = naming | making | taking;
constexpr unsigned scoping = on({operation::create_scope, operation::release_scope}) | taking;
constexpr unsigned sets = on({operation::create_set, operation::destroy_set});
constexpr unsigned watching = on({operation::watch});
constexpr unsigned refilling = on({operation::fill, operation::drain});
constexpr unsigned seeking_channel = on({operation::open_channel});
constexpr unsigned moving = on({operation::send, operation::receive});
constexpr unsigned open_client = ~opening;

constexpr cause causes[] = {
    {errc::no_device, ENOENT, opening, "no such device: is the fixedpool module loaded?"},
    {errc::no_device, ENXIO, opening, "no such device: is the fixedpool module loaded?"},
    {errc::no_device, ENODEV, opening, "no such device: is the fixedpool module loaded?"},
    {errc::device_forbidden, EACCES, opening, "the permissions of the device forbid it"},
    {errc::device_forbidden, EPERM, opening, "the permissions of the device forbid it"},
    {errc::not_the_device, ENOTTY, querying, "this is not the fixedpool device"},
    {errc::abi_mismatch, ENOTSUP, nowhere, "the module speaks another version of the interface"},
    {errc::not_noted, ENODATA, nowhere, "the client does not report leaks of it"},

    {errc::unknown_command, ENOTTY, open_client & ~querying, "the module does not know this call"},
    {errc::bad_address, EFAULT, open_client, "a pointer leads nowhere"},
    {errc::invalid_argument, EINVAL, open_client, "a value is outside its range"},
    {errc::module_too_old, E2BIG, open_client, "the module is too old for this call"},
    {errc::out_of_memory, ENOMEM, ~0U, "the system or the memory cgroup is out of memory"},

    {errc::name_taken, EEXIST, making, "the name is taken"},
    {errc::no_such_pool, ENOENT, naming, "no pool has this name"},
    {errc::pool_forbidden, EACCES, naming, "mode or ownership of the pool forbid it"},
    {errc::already_attached, EALREADY, naming, "this client is attached to it already"},
    {errc::too_many_pools, ENFILE, naming, "the module's limit on pools is reached"},
    {errc::byte_limit, ENOSPC, paying, "the module's limit on bytes would be exceeded"},
    {errc::lock_limit, EDQUOT, paying, "the limit on locked memory would be exceeded"},
    {errc::pool_too_large, EOVERFLOW, naming, "larger than the address or handle space"},
    {errc::not_attached, ENXIO, open_client, "no pool there that this client is attached to"},

    {errc::map_forbidden, EACCES, mapping, "the mapping asks for more access than the client has"},
    {errc::not_mappable, ENODEV, mapping | refilling, "the blocks of this pool cannot be mapped"},
    {errc::interrupted, EINTR, mapping | moving | taking, "a signal arrived"},

    {errc::out_of_blocks, ENOBUFS, open_client, "the pool has no free block"},
    {errc::index_out_of_range, ERANGE, open_client, "beyond the last block of its pool"},
    {errc::double_free, EALREADY, freeing, "the block was freed before"},
    {errc::stale_handle, ESTALE, open_client & ~scoping, "the allocation has ended"},
    {errc::not_holder, EPERM, open_client, "this client does not hold the block"},
    {errc::wrong_pool, EINVAL, nowhere, "the block belongs to another pool"},
    {errc::not_a_block, EINVAL, nowhere, "no allocated block of the pool begins there"},
    {errc::beyond_block, EMSGSIZE, open_client & ~on({operation::alloc_by_size}),
     "beyond the last byte of the block"},
    {errc::too_many_holders, EBUSY, open_client, "the block has too many holders"},
    {errc::no_such_client, ESRCH, open_client, "no client has this number"},
    {errc::client_not_attached, ENOTCONN, open_client & ~moving & ~sets & ~taking & ~watching,
     "that client is not attached to the pool"},
    {errc::block_allocated, EADDRINUSE, refilling, "the block is allocated"},

    {errc::timed_out, ETIMEDOUT, taking, "the time has come, and there are not enough blocks"},
    {errc::beyond_capacity, EFBIG, taking, "the pool can never have as many blocks"},
    {errc::pool_destroyed, EIDRM, taking, "the pool has been destroyed"},
    {errc::pool_left, ENOTCONN, on({operation::alloc}) | watching,
     "the client has left the pool meanwhile"},

    {errc::too_many_watches, EMFILE, watching, "the client has too many watches of the pool"},
    {errc::no_such_watch, ENOENT, watching, "the client has no such watch of the pool"},

    {errc::scope_ended, ESTALE, scoping, "the scope has ended, or never was"},
    {errc::too_many_scopes, EMFILE, scoping, "the client has too many scopes"},
    {errc::scope_too_deep, EMLINK, scoping, "the scope would be nested too deep"},

    {errc::no_such_set, ENOENT, sets, "no set has this name"},
    {errc::set_forbidden, EACCES, sets, "the set is somebody else's"},
    {errc::already_open, EALREADY, sets, "this client has opened it already"},
    {errc::set_not_attached, ENOTCONN, sets | on({operation::alloc_by_size}),
     "this client is not attached to the pools of the set"},
    {errc::too_large_for_set, EMSGSIZE, on({operation::alloc_by_size}),
     "no pool of the set has blocks as large as that"},

    {errc::no_such_channel, ENOENT, seeking_channel, "no channel of the pool has this name"},
    {errc::no_receiver, EPIPE, moving, "all who could receive have gone"},
    {errc::would_block, EAGAIN, moving, "it cannot be done without waiting"},
    {errc::channel_left, ENOTCONN, moving, "the client has left the pool"},

    {errc::unfit_blocks, EINVAL, nowhere, "the blocks are too small, or not aligned for it"},
    {errc::no_upstream, ENOMEM, nowhere, "the blocks do not serve that, and no resource beyond"},
    {errc::stale_marker, EINVAL, nowhere,
     "the arena has been rewound behind it, or never was there"},
};

const cause* find(errc code) noexcept {
    const auto* found = std::ranges::find(causes, code, &cause::code);
    return found != std::end(causes) ? found : nullptr;
}

class category final : public std::error_category {
  public:
    [[nodiscard]] const char* name() const noexcept override { return "fixedpool"; }

    [[nodiscard]] std::string message(int value) const override {
        const auto* known = find(static_cast<errc>(value));
        return known != nullptr ? known->message : "unknown cause " + std::to_string(value);
    }

    [[nodiscard]] std::error_condition default_error_condition(int value) const noexcept override {
        const auto* known = find(static_cast<errc>(value));
        return known != nullptr ? std::error_condition{known->number, std::generic_category()}
                                : std::error_condition{value, *this};
    }
};

/** Is there before anything runs, and never goes: handlers of signals need no lock for it. */
union lasting_category {
    category instance;

    constexpr lasting_category() noexcept : instance{} {}
    lasting_category(const lasting_category&) = delete;
    lasting_category& operator=(const lasting_category&) = delete;
    ~lasting_category() {} // NOLINT(modernize-use-equals-default): would be deleted
};

constinit const lasting_category the_category;

} // namespace

const std::error_category& error_category() noexcept {
    return the_category.instance; // NOLINT(*-union-access): it is always that
}

std::error_code make_error_code(errc cause) noexcept {
    return {static_cast<int>(cause), error_category()};
}

std::error_code detail::errno_code(operation during, int number) noexcept {
    const auto* found = std::ranges::find_if(causes, [=](const cause& each) {
        return each.number == number && (each.operations & on({during})) != 0;
    });
    return found != std::end(causes) ? make_error_code(found->code)
                                     : std::error_code{number, std::system_category()};
}

const char* detail::message_of(errc code) noexcept {
    const auto* known = find(code);
    return known != nullptr ? known->message : nullptr;
}

int detail::number_of(errc code) noexcept {
    const auto* known = find(code);
    return known != nullptr ? known->number : 0;
}

error::error(std::error_code cause, const std::string& request)
    : std::system_error{cause, request} {}

pool_error::pool_error(std::error_code cause, const std::string& request,
                       std::string_view pool_name)
    : error{cause, request},
      pool_name_{std::make_shared<const std::string>(pool_name)} {}

handle_error::handle_error(std::error_code cause, const std::string& request,
                           fixedpool::handle refused, std::size_t done)
    : error{cause, request},
      refused_{refused},
      done_{done} {}

} // namespace fixedpool
