/* SPDX-License-Identifier: MIT */
#include "c_border.hpp"

#include <chrono>

using namespace fixedpool;
using namespace fixedpool::c;

namespace {

/** Has @p take fill the handles of @p count at @p handles; it sets the code. */
template <typename function>
int allocated_by(const fp_pool* pool, std::uint32_t flags, fp_handle* handles, std::size_t count,
                 function take) noexcept {
    return guarded([&]() -> int {
        const auto places = handles_at(handles, count);
        if (missing(pool) || !places)
            return FP_ERROR_BAD_ADDRESS;
        const auto wanted = wanted_by(flags);
        if (!wanted)
            return FP_ERROR_INVALID_ARGUMENT;
        std::error_code ec;
        take(pool->value, *places, *wanted, ec);
        return status_of(ec);
    });
}

int allocated_until(const fp_pool* pool, std::uint32_t flags, fp_handle* handles, std::size_t count,
                    deadline until) noexcept {
    return allocated_by(pool, flags, handles, count,
                        [=](const fixedpool::pool& from, std::span<handle> places, contents wanted,
                            std::error_code& ec) {
                            static_cast<void>(from.try_allocate_until(places, until, wanted, ec));
                        });
}

} // namespace

extern "C" {

int fp_pool_allocate(const fp_pool* pool, std::uint32_t flags, fp_handle* allocated) noexcept {
    if (missing(pool) || missing(allocated))
        return FP_ERROR_BAD_ADDRESS;
    std::error_code ec;
    handle taken;
    if (flags == 0)
        taken = pool->value.try_allocate_handle(ec);
    else if (flags == FP_ALLOCATE_ZERO)
        static_cast<void>(pool->value.try_allocate({&taken, 1}, contents::zero, ec));
    else
        ec = errc::invalid_argument;
    if (!ec)
        *allocated = taken.value();
    return status_of(ec);
}

int fp_pool_allocate_all(const fp_pool* pool, std::uint32_t flags, fp_handle* handles,
                         std::size_t count) noexcept {
    return allocated_by(
        pool, flags, handles, count,
        [](const fixedpool::pool& from, std::span<handle> places, contents wanted,
           std::error_code& ec) { static_cast<void>(from.try_allocate(places, wanted, ec)); });
}

int fp_pool_allocate_some(const fp_pool* pool, std::uint32_t flags, fp_handle* handles,
                          std::size_t count, std::size_t* allocated) noexcept {
    if (missing(allocated))
        return FP_ERROR_BAD_ADDRESS;
    return allocated_by(pool, flags, handles, count,
                        [=](const fixedpool::pool& from, std::span<handle> places, contents wanted,
                            std::error_code& ec) {
                            const auto taken = from.try_allocate_some(places, wanted, ec);
                            if (!ec)
                                *allocated = taken;
                        });
}

int fp_pool_allocate_for(const fp_pool* pool, std::uint32_t flags, fp_handle* handles,
                         std::size_t count, std::int64_t timeout_ns) noexcept {
    const auto until = deadline_after(std::chrono::nanoseconds{timeout_ns});
    return allocated_until(pool, flags, handles, count, until);
}

int fp_pool_allocate_until(const fp_pool* pool, std::uint32_t flags, fp_handle* handles,
                           std::size_t count, std::int64_t deadline_ns) noexcept {
    return allocated_until(pool, flags, handles, count,
                           deadline{std::chrono::nanoseconds{deadline_ns}});
}

int fp_pool_free(const fp_pool* pool, fp_handle name) noexcept {
    if (missing(pool))
        return FP_ERROR_BAD_ADDRESS;
    std::error_code ec;
    pool->value.try_free(handle::from_value(name), ec);
    return status_of(ec);
}

int fp_pool_free_all(const fp_pool* pool, const fp_handle* handles, std::size_t count,
                     std::size_t* freed) noexcept {
    tell(freed, std::size_t{0});
    const auto names = handles_at(handles, count);
    if (missing(pool) || !names)
        return FP_ERROR_BAD_ADDRESS;
    std::error_code ec;
    tell(freed, pool->value.try_free(*names, ec));
    return status_of(ec);
}

int fp_pool_allocate_bytes(const fp_pool* pool, void** allocated) noexcept {
    if (missing(pool) || missing(allocated))
        return FP_ERROR_BAD_ADDRESS;
    std::error_code ec;
    auto* const taken = pool->value.try_allocate_bytes(ec);
    if (!ec)
        *allocated = taken;
    return status_of(ec);
}

int fp_pool_deallocate_bytes(const fp_pool* pool, const void* block) noexcept {
    if (missing(pool))
        return FP_ERROR_BAD_ADDRESS;
    std::error_code ec;
    pool->value.try_deallocate_bytes(block, ec);
    return status_of(ec);
}

void* fp_pool_get(const fp_pool* pool, fp_handle name) noexcept {
    return missing(pool) ? nullptr : pool->value.get(handle::from_value(name));
}

fp_handle fp_pool_handle_of(const fp_pool* pool, const void* address) noexcept {
    return missing(pool) ? 0 : pool->value.handle_of(address).value();
}

int fp_pool_owns(const fp_pool* pool, const void* address) noexcept {
    return !missing(pool) && pool->value.owns(address) ? 1 : 0;
}

int fp_pool_index_of(const fp_pool* pool, fp_handle name, std::uint32_t* index) noexcept {
    if (missing(pool) || missing(index))
        return FP_ERROR_BAD_ADDRESS;
    const auto found = pool->value.index_of(handle::from_value(name));
    if (!found)
        return FP_ERROR_WRONG_POOL;
    *index = *found;
    return FP_OK;
}

int fp_pool_check(const fp_pool* pool, fp_handle name, std::uint32_t* state) noexcept {
    if (missing(pool) || missing(state))
        return FP_ERROR_BAD_ADDRESS;
    std::error_code ec;
    const auto found = pool->value.try_check(handle::from_value(name), ec);
    if (!ec)
        *state = (found.alive ? FP_HANDLE_ALIVE : 0U) | (found.mine ? FP_HANDLE_MINE : 0U) |
                 (found.shared ? FP_HANDLE_SHARED : 0U);
    return status_of(ec);
}

int fp_pool_read(const fp_pool* pool, fp_handle name, std::uint32_t offset, void* bytes,
                 std::size_t length) noexcept {
    if (missing(pool) || (missing(bytes) && length != 0))
        return FP_ERROR_BAD_ADDRESS;
    std::error_code ec;
    static_cast<void>(pool->value.try_read(handle::from_value(name), offset,
                                           {static_cast<std::byte*>(bytes), length}, ec));
    return status_of(ec);
}

int fp_pool_write(const fp_pool* pool, fp_handle name, std::uint32_t offset, const void* bytes,
                  std::size_t length) noexcept {
    if (missing(pool) || (missing(bytes) && length != 0))
        return FP_ERROR_BAD_ADDRESS;
    std::error_code ec;
    static_cast<void>(pool->value.try_write(handle::from_value(name), offset,
                                            {static_cast<const std::byte*>(bytes), length}, ec));
    return status_of(ec);
}

int fp_pool_give(const fp_pool* pool, const fp_handle* handles, std::size_t count,
                 fp_client_id receiver, std::size_t* given) noexcept {
    tell(given, std::size_t{0});
    const auto names = handles_at(handles, count);
    if (missing(pool) || !names)
        return FP_ERROR_BAD_ADDRESS;
    std::error_code ec;
    tell(given, pool->value.try_give(*names, client_id{receiver}, ec));
    return status_of(ec);
}

int fp_pool_share(const fp_pool* pool, fp_handle name, fp_client_id receiver) noexcept {
    if (missing(pool))
        return FP_ERROR_BAD_ADDRESS;
    std::error_code ec;
    static_cast<void>(pool->value.try_share(handle::from_value(name), client_id{receiver}, ec));
    return status_of(ec);
}

int fp_pool_adopt(const fp_pool* pool, fp_handle name) noexcept {
    if (missing(pool))
        return FP_ERROR_BAD_ADDRESS;
    std::error_code ec;
    static_cast<void>(pool->value.try_adopt(handle::from_value(name), ec).release());
    return status_of(ec);
}

} // extern "C"
