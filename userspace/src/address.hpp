/* SPDX-License-Identifier: MIT */
/** @file
 * Pointers as the ABI has them.
 */
#ifndef FIXEDPOOL_SRC_ADDRESS_HPP
#define FIXEDPOOL_SRC_ADDRESS_HPP

#include <cstdint>

namespace fixedpool::detail {

[[nodiscard]] inline std::uint64_t address_of(const void* pointer) noexcept {
    return reinterpret_cast<std::uintptr_t>(pointer);
}

} // namespace fixedpool::detail

#endif
