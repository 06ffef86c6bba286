/* SPDX-License-Identifier: MIT */
/** @file
 * Resources upstream, asked where nothing may be thrown.
 */
#ifndef FIXEDPOOL_UPSTREAM_HPP
#define FIXEDPOOL_UPSTREAM_HPP

#include <cstddef>
#include <memory_resource>
#include <system_error>

#include <fixedpool/error.hpp>

namespace fixedpool::detail {

/** Null if @p ec is set: to what one of this library says, to errc::out_of_memory otherwise. */
[[nodiscard]] inline void* try_take(std::pmr::memory_resource& upstream, std::size_t bytes,
                                    std::size_t alignment, std::error_code& ec) noexcept {
    try {
        ec.clear();
        return upstream.allocate(bytes, alignment);
    } catch (const bad_alloc& refused) {
        ec = refused.code();
    } catch (...) {
        ec = errc::out_of_memory;
    }
    return nullptr;
}

/** False if @p ec is set: to what one of this library says, to errc::not_a_block otherwise. */
inline bool try_give(std::pmr::memory_resource& upstream, void* memory, std::size_t bytes,
                     std::size_t alignment, std::error_code& ec) noexcept {
    try {
        ec.clear();
        upstream.deallocate(memory, bytes, alignment);
    } catch (const error& refused) {
        ec = refused.code();
    } catch (...) {
        ec = errc::not_a_block;
    }
    return !ec;
}

} // namespace fixedpool::detail

#endif
