/* SPDX-License-Identifier: MIT */
#include "c_border.hpp"

#include <cstring>

#include "errno_code.hpp"

namespace fixedpool {
namespace {

struct same {
    int number;
    errc code;
};

constexpr same numbers[] = {
    {FP_ERROR_UNKNOWN_COMMAND, errc::unknown_command},
    {FP_ERROR_BAD_ADDRESS, errc::bad_address},
    {FP_ERROR_INVALID_ARGUMENT, errc::invalid_argument},
    {FP_ERROR_MODULE_TOO_OLD, errc::module_too_old},
    {FP_ERROR_OUT_OF_MEMORY, errc::out_of_memory},
    {FP_ERROR_NO_DEVICE, errc::no_device},
    {FP_ERROR_DEVICE_FORBIDDEN, errc::device_forbidden},
    {FP_ERROR_NOT_THE_DEVICE, errc::not_the_device},
    {FP_ERROR_ABI_MISMATCH, errc::abi_mismatch},
    {FP_ERROR_NAME_TAKEN, errc::name_taken},
    {FP_ERROR_NO_SUCH_POOL, errc::no_such_pool},
    {FP_ERROR_POOL_FORBIDDEN, errc::pool_forbidden},
    {FP_ERROR_ALREADY_ATTACHED, errc::already_attached},
    {FP_ERROR_TOO_MANY_POOLS, errc::too_many_pools},
    {FP_ERROR_BYTE_LIMIT, errc::byte_limit},
    {FP_ERROR_LOCK_LIMIT, errc::lock_limit},
    {FP_ERROR_POOL_TOO_LARGE, errc::pool_too_large},
    {FP_ERROR_NOT_ATTACHED, errc::not_attached},
    {FP_ERROR_NOT_NOTED, errc::not_noted},
    {FP_ERROR_MAP_FORBIDDEN, errc::map_forbidden},
    {FP_ERROR_NOT_MAPPABLE, errc::not_mappable},
    {FP_ERROR_INTERRUPTED, errc::interrupted},
    {FP_ERROR_OUT_OF_BLOCKS, errc::out_of_blocks},
    {FP_ERROR_INDEX_OUT_OF_RANGE, errc::index_out_of_range},
    {FP_ERROR_DOUBLE_FREE, errc::double_free},
    {FP_ERROR_STALE_HANDLE, errc::stale_handle},
    {FP_ERROR_NOT_HOLDER, errc::not_holder},
    {FP_ERROR_WRONG_POOL, errc::wrong_pool},
    {FP_ERROR_NOT_A_BLOCK, errc::not_a_block},
    {FP_ERROR_BEYOND_BLOCK, errc::beyond_block},
    {FP_ERROR_TOO_MANY_HOLDERS, errc::too_many_holders},
    {FP_ERROR_NO_SUCH_CLIENT, errc::no_such_client},
    {FP_ERROR_CLIENT_NOT_ATTACHED, errc::client_not_attached},
    {FP_ERROR_BLOCK_ALLOCATED, errc::block_allocated},
    {FP_ERROR_SCOPE_ENDED, errc::scope_ended},
    {FP_ERROR_TOO_MANY_SCOPES, errc::too_many_scopes},
    {FP_ERROR_SCOPE_TOO_DEEP, errc::scope_too_deep},
    {FP_ERROR_NO_SUCH_SET, errc::no_such_set},
    {FP_ERROR_SET_FORBIDDEN, errc::set_forbidden},
    {FP_ERROR_ALREADY_OPEN, errc::already_open},
    {FP_ERROR_SET_NOT_ATTACHED, errc::set_not_attached},
    {FP_ERROR_TOO_LARGE_FOR_SET, errc::too_large_for_set},
    {FP_ERROR_NO_SUCH_CHANNEL, errc::no_such_channel},
    {FP_ERROR_NO_RECEIVER, errc::no_receiver},
    {FP_ERROR_WOULD_BLOCK, errc::would_block},
    {FP_ERROR_CHANNEL_LEFT, errc::channel_left},
    {FP_ERROR_TIMED_OUT, errc::timed_out},
    {FP_ERROR_BEYOND_CAPACITY, errc::beyond_capacity},
    {FP_ERROR_POOL_DESTROYED, errc::pool_destroyed},
    {FP_ERROR_POOL_LEFT, errc::pool_left},
    {FP_ERROR_TOO_MANY_WATCHES, errc::too_many_watches},
    {FP_ERROR_NO_SUCH_WATCH, errc::no_such_watch},
};

static_assert(std::ranges::all_of(numbers, [](const same& each) {
    return each.number == -static_cast<int>(each.code);
}));

/** The errno behind one of FP_SYSTEM_ERROR(); zero if it is none. */
constexpr int system_number(int error) noexcept {
    constexpr int most = 4095;
    const int first = FP_SYSTEM_ERROR(1);
    return error <= first && error > first - most ? FP_SYSTEM_ERROR(0) - error : 0;
}

} // namespace

int c::status_of(const std::error_code& cause) noexcept {
    if (!cause)
        return FP_OK;
    return cause.category() == error_category() ? -cause.value() : FP_SYSTEM_ERROR(cause.value());
}

} // namespace fixedpool

using namespace fixedpool;

extern "C" {

const char* fp_strerror(int error) noexcept {
    if (error == FP_OK)
        return "no error";
    const char* text = nullptr;
    if (const int number = system_number(error); number != 0)
        text = ::strerrordesc_np(number);
    else if (error < 0 && error > FP_SYSTEM_ERROR(0))
        text = detail::message_of(static_cast<errc>(-error));
    return text != nullptr ? text : "unknown cause";
}

int fp_errno(int error) noexcept {
    if (const int number = system_number(error); number != 0)
        return number;
    if (error >= 0 || error <= FP_SYSTEM_ERROR(0))
        return 0;
    return detail::number_of(static_cast<errc>(-error));
}

} // extern "C"
