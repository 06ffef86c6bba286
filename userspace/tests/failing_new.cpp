/* SPDX-License-Identifier: MIT */
#include "failing_new.hpp"

#include <cstddef>
#include <cstdlib>
#include <new>

constinit thread_local long fixedpool::testing::until_failure = -1;

namespace {

void* allocate(std::size_t size) noexcept {
    auto& left = fixedpool::testing::until_failure;
    if (left == 0)
        return nullptr;
    if (left > 0)
        --left;
    return std::malloc(size); // NOLINT(*-no-malloc)
}

} // namespace

// NOLINTBEGIN(misc-new-delete-overloads, *-no-malloc)
void* operator new(std::size_t size) {
    if (void* const made = allocate(size))
        return made;
    throw std::bad_alloc{};
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return allocate(size); }
void operator delete(void* unused) noexcept { std::free(unused); }
void operator delete(void* unused, std::size_t) noexcept { std::free(unused); }
void operator delete(void* unused, const std::nothrow_t&) noexcept { std::free(unused); }
// NOLINTEND(misc-new-delete-overloads, *-no-malloc)
