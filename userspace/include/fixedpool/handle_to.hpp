/* SPDX-License-Identifier: MIT */
/** @file
 * fixedpool::handle_to: a handle that knows what is in the block.
 */
#ifndef FIXEDPOOL_HANDLE_TO_HPP
#define FIXEDPOOL_HANDLE_TO_HPP

#include <compare>
#include <cstddef>
#include <functional>
#include <new>
#include <type_traits>

#include <fixedpool/handle.hpp>
#include <fixedpool/pool.hpp>

namespace fixedpool {

/**
 * A name, not an owner, as fixedpool::handle. That a T is there is what its maker
 * says; between processes it must be a type that means the same to both.
 */
template <typename T>
class handle_to {
  public:
    static_assert(std::is_object_v<T> && !std::is_array_v<T>);
    /** What it names. */
    using element_type = T;

    constexpr handle_to() noexcept = default;
    /** Says that what @p name names is a T. */
    constexpr explicit handle_to(handle name) noexcept : name_{name} {}
    /** From one to what is not const. */
    template <typename U>
    requires std::is_same_v<const U, T>
    constexpr handle_to(handle_to<U> other) noexcept // NOLINT(*-explicit-*): as of pointers
        : name_{other.untyped()} {}

    /** The name alone. */
    [[nodiscard]] constexpr handle untyped() const noexcept { return name_; }

    /** Whether it names anything at all; says nothing about being alive. */
    [[nodiscard]] constexpr explicit operator bool() const noexcept {
        return static_cast<bool>(name_);
    }

    /**
     * Returns: the object; null if the handle is dead or not of @p from, and if a T does
     * not fit into the blocks of that. As with pool::get(), null is final, and an address
     * holds as long as somebody keeps the block.
     * Complexity: constant, no system call.
     */
    [[nodiscard]] T* get(const pool& from) const noexcept {
        auto* const bytes = from.get(name_);
        if (bytes == nullptr || from.block_size() < sizeof(T) || from.alignment() % alignof(T) != 0)
            return nullptr;
        return std::launder(reinterpret_cast<T*>(bytes));
    }

    /** In the order of handle::value(). */
    [[nodiscard]] friend constexpr auto operator<=>(handle_to, handle_to) noexcept = default;

  private:
    handle name_;
};

} // namespace fixedpool

/** For containers whose keys are handles. */
template <typename T>
struct std::hash<fixedpool::handle_to<T>> {
    /** That of untyped(). */
    [[nodiscard]] std::size_t operator()(fixedpool::handle_to<T> name) const noexcept {
        return std::hash<fixedpool::handle>{}(name.untyped());
    }
};

#endif
