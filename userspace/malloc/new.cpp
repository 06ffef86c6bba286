/* SPDX-License-Identifier: MIT */
/*
 * What the library makes for itself, in all of its parts. Nobody else sees these: they
 * are not exported, so the program's own operators are what they were.
 */
#include <cstddef>
#include <new>

#include "bootstrap.hpp"

using namespace fixedpool::preload;

namespace {

void* make(std::size_t size, std::size_t alignment) {
    if (void* const made = bootstrap::allocate(size, alignment))
        return made;
    throw std::bad_alloc{};
}

void unmake(void* unused) noexcept {
    if (unused != nullptr)
        bootstrap::deallocate(unused);
}

} // namespace

// NOLINTBEGIN(misc-new-delete-overloads)
void* operator new(std::size_t size) { return make(size, 1); }
void* operator new[](std::size_t size) { return make(size, 1); }
void* operator new(std::size_t size, std::align_val_t alignment) {
    return make(size, static_cast<std::size_t>(alignment));
}
void* operator new(std::size_t size, const std::nothrow_t& /*tag*/) noexcept {
    return bootstrap::allocate(size, 1);
}
void* operator new[](std::size_t size, const std::nothrow_t& /*tag*/) noexcept {
    return bootstrap::allocate(size, 1);
}
void operator delete(void* unused) noexcept { unmake(unused); }
void operator delete[](void* unused) noexcept { unmake(unused); }
void operator delete(void* unused, std::size_t /*size*/) noexcept { unmake(unused); }
void operator delete[](void* unused, std::size_t /*size*/) noexcept { unmake(unused); }
void operator delete(void* unused, std::align_val_t /*alignment*/) noexcept { unmake(unused); }
void operator delete(void* unused, std::size_t /*size*/, std::align_val_t /*alignment*/) noexcept {
    unmake(unused);
}
void operator delete(void* unused, const std::nothrow_t& /*tag*/) noexcept { unmake(unused); }
void operator delete[](void* unused, const std::nothrow_t& /*tag*/) noexcept { unmake(unused); }
// NOLINTEND(misc-new-delete-overloads)
