/* SPDX-License-Identifier: MIT */
/*
 * libfixedpool_malloc.so: malloc() and its family over pools of this process.
 *
 *   LD_PRELOAD=libfixedpool_malloc.so program
 *
 * Every block has a version that is odd while it is allocated: who frees it twice, or
 * something that is no block, gets a message and SIGABRT. Otherwise all is as the C library
 * has it: docs/malloc.md.
 */
#include <bit>
#include <cerrno>
#include <cstddef>

#include "../src/round.hpp"
#include "heap.hpp"

using fixedpool::preload::heap;

namespace {

constexpr std::size_t page = 4096;

bool product(std::size_t count, std::size_t size, std::size_t& bytes) noexcept {
    return !__builtin_mul_overflow(count, size, &bytes);
}

/** Of no bytes: an end of it, as in the C library. */
void* resize(void* block, std::size_t size) noexcept {
    if (block == nullptr)
        return heap::allocate(size);
    if (size != 0)
        return heap::resize(block, size);
    heap::deallocate(block);
    return nullptr;
}

} // namespace

#define FIXEDPOOL_MALLOC_EXPORT [[gnu::visibility("default")]]

// NOLINTBEGIN(readability-inconsistent-declaration-parameter-name): they are named in C
extern "C" {

FIXEDPOOL_MALLOC_EXPORT void* malloc(std::size_t size) noexcept { return heap::allocate(size); }

FIXEDPOOL_MALLOC_EXPORT void free(void* block) noexcept {
    if (block != nullptr)
        heap::deallocate(block);
}

FIXEDPOOL_MALLOC_EXPORT void* calloc(std::size_t count, std::size_t size) noexcept {
    std::size_t bytes = 0;
    if (product(count, size, bytes))
        return heap::allocate_zero(bytes);
    errno = ENOMEM;
    return nullptr;
}

FIXEDPOOL_MALLOC_EXPORT void* realloc(void* block, std::size_t size) noexcept {
    return resize(block, size);
}

FIXEDPOOL_MALLOC_EXPORT void* reallocarray(void* block, std::size_t count,
                                           std::size_t size) noexcept {
    std::size_t bytes = 0;
    if (!product(count, size, bytes)) {
        errno = ENOMEM;
        return nullptr;
    }
    return resize(block, bytes);
}

/** Any alignment will do that is not beyond the next power of two. */
FIXEDPOOL_MALLOC_EXPORT void* memalign(std::size_t alignment, std::size_t size) noexcept {
    if (alignment > SIZE_MAX / 2 + 1) {
        errno = EINVAL;
        return nullptr;
    }
    return heap::allocate_aligned(size, std::bit_ceil(alignment));
}

FIXEDPOOL_MALLOC_EXPORT void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept {
    return memalign(alignment, size);
}

FIXEDPOOL_MALLOC_EXPORT int posix_memalign(void** block, std::size_t alignment,
                                           std::size_t size) noexcept {
    if (!std::has_single_bit(alignment) || alignment % sizeof(void*) != 0)
        return EINVAL;
    void* const made = heap::allocate_aligned(size, alignment);
    if (made == nullptr)
        return ENOMEM;
    *block = made;
    return 0;
}

FIXEDPOOL_MALLOC_EXPORT void* valloc(std::size_t size) noexcept { return memalign(page, size); }

FIXEDPOOL_MALLOC_EXPORT void* pvalloc(std::size_t size) noexcept {
    if (size > SIZE_MAX - page + 1) {
        errno = ENOMEM;
        return nullptr;
    }
    return memalign(page, fixedpool::detail::rounded_up(size, page));
}

FIXEDPOOL_MALLOC_EXPORT std::size_t malloc_usable_size(void* block) noexcept {
    return block != nullptr ? heap::size_of(block) : 0;
}

FIXEDPOOL_MALLOC_EXPORT int malloc_trim(std::size_t /*pad*/) noexcept {
    return heap::trim() ? 1 : 0;
}

} // extern "C"
// NOLINTEND(readability-inconsistent-declaration-parameter-name)
