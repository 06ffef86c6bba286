/* SPDX-License-Identifier: MIT */
/** @file
 * What the structures of <linux/fixedpool.h> have in common.
 */
#ifndef FIXEDPOOL_SRC_LOCAL_REQUEST_HPP
#define FIXEDPOOL_SRC_LOCAL_REQUEST_HPP

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include <linux/fixedpool.h>

namespace fixedpool::detail::local {

/** What a member that is a pointer points to. */
template <typename type>
std::span<type> array_at(std::uint64_t address, std::uint32_t count) noexcept {
    // NOLINTNEXTLINE(performance-no-int-to-ptr): so they travel in the interface
    return {reinterpret_cast<type*>(static_cast<std::uintptr_t>(address)), count};
}

template <std::size_t size>
bool terminated(const char (&name)[size]) noexcept {
    return ::strnlen(name, size) < size;
}

constexpr bool batch_valid(std::uint32_t count) noexcept {
    return count != 0 && count <= FIXEDPOOL_MAX_BATCH;
}

} // namespace fixedpool::detail::local

#endif
