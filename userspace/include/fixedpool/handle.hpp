/* SPDX-License-Identifier: MIT */
/** @file
 * fixedpool::handle: the 64-bit name of one allocation of one block.
 */
#ifndef FIXEDPOOL_HANDLE_HPP
#define FIXEDPOOL_HANDLE_HPP

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include <fixedpool/export.hpp>

namespace fixedpool {

/**
 * A name, not an owner: copying it copies nothing but the number, and it may
 * travel to other processes as such. It is dead as soon as the allocation that
 * it names ends; the kernel and pool::get() then refuse it.
 *
 * The version is odd for an allocation and repeats after 2^31 allocations of
 * the same block. The slot tells pool and block. The default handle names
 * nothing.
 */
class handle {
  public:
    constexpr handle() noexcept = default;
    /** The handle that has these two; any values may be tried. */
    constexpr handle(std::uint32_t version, std::uint32_t slot) noexcept
        : value_{std::uint64_t{version} << 32 | slot} {}

    /** The handle that has value() @p value; any value may be tried. */
    [[nodiscard]] static constexpr handle from_value(std::uint64_t value) noexcept {
        return {static_cast<std::uint32_t>(value >> 32), static_cast<std::uint32_t>(value)};
    }

    /** The number to send to another process, or to a driver. */
    [[nodiscard]] constexpr std::uint64_t value() const noexcept { return value_; }

    /** Which allocation of the block. */
    [[nodiscard]] constexpr std::uint32_t version() const noexcept {
        return static_cast<std::uint32_t>(value_ >> 32);
    }
    /** Which block, among those of all pools. */
    [[nodiscard]] constexpr std::uint32_t slot() const noexcept {
        return static_cast<std::uint32_t>(value_);
    }

    /** Whether it names anything at all; says nothing about being alive. */
    [[nodiscard]] constexpr explicit operator bool() const noexcept { return value_ != 0; }

    /** In the order of value(). */
    [[nodiscard]] friend constexpr auto operator<=>(handle, handle) noexcept = default;

  private:
    std::uint64_t value_ = 0;
};

/** "version:slot" in decimal, for messages. */
[[nodiscard]] FIXEDPOOL_EXPORT std::string to_string(handle name);

} // namespace fixedpool

/** For containers whose keys are handles. */
template <>
struct std::hash<fixedpool::handle> {
    /** That of value(). */
    [[nodiscard]] std::size_t operator()(fixedpool::handle name) const noexcept {
        return std::hash<std::uint64_t>{}(name.value());
    }
};

#endif
