/* SPDX-License-Identifier: MIT */
/** @file
 * What stands behind <fixedpool/fixedpool.h>: the objects, and the border that no
 * exception crosses.
 */
#ifndef FIXEDPOOL_SRC_C_BORDER_HPP
#define FIXEDPOOL_SRC_C_BORDER_HPP

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <new>
#include <optional>
#include <span>
#include <system_error>
#include <utility>

#include <fixedpool/fixedpool.h>
#include <fixedpool/fixedpool.hpp>

// NOLINTBEGIN(readability-identifier-naming): named in C
struct fp_client {
    fixedpool::client value;
};
struct fp_pool {
    fixedpool::pool value;
};
struct fp_scope {
    fixedpool::scope value;
};
struct fp_pool_set {
    fixedpool::pool_set value;
};
struct fp_channel {
    fixedpool::channel value;
};
struct fp_watch {
    fixedpool::watch value;
};
// NOLINTEND(readability-identifier-naming)

namespace fixedpool::c {

static_assert(sizeof(handle) == sizeof(fp_handle));
static_assert(alignof(handle) == alignof(std::uint64_t));

/** Returns: FP_OK or the enum fp_error of @p cause. */
[[nodiscard]] int status_of(const std::error_code& cause) noexcept;

/** Every call that can fail: what @p body returns or, where it throws, what that means. */
template <typename function>
[[nodiscard]] int guarded(function body) noexcept {
    try {
        return body();
    } catch (const std::bad_alloc&) {
        return FP_ERROR_OUT_OF_MEMORY;
    } catch (const std::system_error& failed) {
        return status_of(failed.code());
    } catch (...) {
        return FP_SYSTEM_ERROR(EIO);
    }
}

/** Is one of the pointers null that must not be? */
template <typename... pointer>
[[nodiscard]] bool missing(const pointer*... each) noexcept {
    return (... || (each == nullptr));
}

/** Effects: unless @p failed, makes the object that @p made points to. */
template <typename object, typename content>
[[nodiscard]] int hand_out(object** made, content&& value, const std::error_code& failed) noexcept {
    if (failed)
        return status_of(failed);
    // NOLINTNEXTLINE(*-owning-memory): C owns it
    auto* const fresh = new (std::nothrow) object{std::forward<content>(value)};
    if (fresh == nullptr)
        return FP_ERROR_OUT_OF_MEMORY;
    *made = fresh;
    return FP_OK;
}

template <typename result>
void tell(result* where, result what) noexcept {
    if (where != nullptr)
        *where = what;
}

/** Nothing for null, unless there are none; then an empty one. */
[[nodiscard]] inline std::optional<std::span<handle>> handles_at(fp_handle* first,
                                                                 std::size_t count) noexcept {
    if (first == nullptr && count != 0)
        return {};
    return std::span{reinterpret_cast<handle*>(first), count};
}
[[nodiscard]] inline std::optional<std::span<const handle>> handles_at(const fp_handle* first,
                                                                       std::size_t count) noexcept {
    if (first == nullptr && count != 0)
        return {};
    return std::span{reinterpret_cast<const handle*>(first), count};
}

/** Nothing if there are flags that nobody knows. */
[[nodiscard]] inline std::optional<contents> wanted_by(std::uint32_t flags) noexcept {
    if ((flags & ~FP_ALLOCATE_ZERO) != 0)
        return {};
    return (flags & FP_ALLOCATE_ZERO) != 0 ? contents::zero : contents::unspecified;
}

// Structs that begin with their size. A caller that is older has less than what is known
// here, but not less than there was at first; what is missing is zero. What one that is
// younger has beyond must be zero when it is read, and is made zero when it is written. None is
// larger than a page: who says so has not set the size.
inline constexpr std::size_t max_struct_size = 4096;

/** The end of the last member that there was at first. */
template <typename type>
inline constexpr std::size_t first_size = type::first_size;
template <>
inline constexpr std::size_t first_size<fp_limits> = offsetof(fp_limits, max_bytes) +
                                                     sizeof(fp_limits::max_bytes);
template <>
inline constexpr std::size_t first_size<fp_pool_options> = offsetof(fp_pool_options, caching) +
                                                           sizeof(fp_pool_options::caching);
template <>
inline constexpr std::size_t first_size<fp_pool_info> = offsetof(fp_pool_info, mappable) +
                                                        sizeof(fp_pool_info::mappable);
template <>
inline constexpr std::size_t first_size<fp_pool_usage> = offsetof(fp_pool_usage, waiters) +
                                                         sizeof(fp_pool_usage::waiters);
template <>
inline constexpr std::size_t first_size<fp_channel_options> = offsetof(fp_channel_options, flags) +
                                                              sizeof(fp_channel_options::flags);

template <typename type>
[[nodiscard]] bool good_size(std::size_t size) noexcept {
    return size >= first_size<type> && size <= max_struct_size;
}

/** What a caller has beyond what is known; @p bytes: of either kind. */
template <typename type, typename byte>
[[nodiscard]] std::span<byte> beyond(byte* bytes, std::size_t size) noexcept {
    return {bytes + std::min(size, sizeof(type)), size - std::min(size, sizeof(type))};
}

/** Returns: FP_OK, and @p known is what is there, or zero; or why not. */
template <typename type>
[[nodiscard]] int read_struct(const type* given, type& known) noexcept {
    if (given == nullptr)
        return FP_ERROR_BAD_ADDRESS;
    const auto size = given->size;
    if (!good_size<type>(size))
        return FP_ERROR_INVALID_ARGUMENT;
    const auto rest = beyond<type>(reinterpret_cast<const std::byte*>(given), size);
    if (std::ranges::any_of(rest, [](std::byte each) { return each != std::byte{}; }))
        return FP_ERROR_INVALID_ARGUMENT;
    known = {};
    std::memcpy(&known, given, std::min(size, sizeof(type)));
    return FP_OK;
}

/** Can @p given be written? */
template <typename type>
[[nodiscard]] int writable(const type* given) noexcept {
    if (given == nullptr)
        return FP_ERROR_BAD_ADDRESS;
    return good_size<type>(given->size) ? FP_OK : FP_ERROR_INVALID_ARGUMENT;
}

/** Requires: writable(). */
template <typename type>
void write_struct(type* given, type known) noexcept {
    const auto size = given->size;
    known.size = size;
    std::ranges::fill(beyond<type>(reinterpret_cast<std::byte*>(given), size), std::byte{});
    std::memcpy(given, &known, std::min(size, sizeof(type)));
}

} // namespace fixedpool::c

#endif
