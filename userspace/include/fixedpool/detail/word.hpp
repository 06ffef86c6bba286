/* SPDX-License-Identifier: MIT */
/** @file
 * Looking at a word that others may write at any time, and comparing it.
 *
 * As a relaxed atomic load. Compilers keep such a load apart from the comparison of what
 * it has got; here they are one instruction where the processor has one. On x86-64
 * loads stay in order by themselves, so that what is here asked for also acquires, if
 * the compiler keeps the order, as for equals_acquire().
 */
#ifndef FIXEDPOOL_DETAIL_WORD_HPP
#define FIXEDPOOL_DETAIL_WORD_HPP

#include <atomic>
#include <cstdint>

namespace fixedpool::detail {

using atomic_word = std::atomic<std::uint32_t>;
using atomic_count = std::atomic<std::int64_t>;

// The sanitizer of threads does not see what assembly does. GCC says by a macro that it is at
// work, clang by a feature.
#if defined(__SANITIZE_THREAD__)
#define FIXEDPOOL_WORDS_SEEN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define FIXEDPOOL_WORDS_SEEN 1
#endif
#endif

#if defined(__x86_64__) && !defined(FIXEDPOOL_WORDS_SEEN)

// Loads stay in order, and stores, and words are not torn apart.
#define FIXEDPOOL_WORDS_IN_ORDER 1

// In the dialect that is wanted, with -masm=intel too; there the size stands before the
// operand, which GCC would do by itself, and clang does not.

[[nodiscard]] inline bool equals(const std::uint32_t& word, std::uint32_t value) noexcept {
    bool same = false;
    asm volatile inline("cmp{l %2, %1| DWORD PTR %1, %2}" : "=@cce"(same) : "m"(word), "ri"(value));
    return same;
}

[[nodiscard]] inline bool equals(const atomic_word& word, std::uint32_t value) noexcept {
    return equals(reinterpret_cast<const std::uint32_t&>(word), value);
}

[[nodiscard]] inline bool equals(const std::uint16_t& word, std::uint16_t value) noexcept {
    bool same = false;
    asm volatile inline("cmp{w %2, %1| WORD PTR %1, %2}" : "=@cce"(same) : "m"(word), "ri"(value));
    return same;
}

/** Is there a bit of @p mask in the word? */
[[nodiscard]] inline bool has(const std::uint8_t& word, std::uint8_t mask) noexcept {
    bool any = false;
    asm volatile inline("test{b %2, %1| BYTE PTR %1, %2}" : "=@ccnz"(any) : "m"(word), "qi"(mask));
    return any;
}

/** equals(), and what follows sees what was before the store of that value. */
[[nodiscard]] inline bool equals_acquire(const std::uint32_t& word, std::uint32_t value) noexcept {
    const bool same = equals(word, value);
    std::atomic_signal_fence(std::memory_order_acquire);
    return same;
}

/** Nobody else writes it. */
inline void add(atomic_count& word, std::int64_t change) noexcept {
    auto& plain = reinterpret_cast<std::int64_t&>(word);
    asm volatile inline("add{q %1, %0| QWORD PTR %0, %1}" : "+m"(plain) : "re"(change));
}

#else

[[nodiscard]] inline bool equals(const std::uint32_t& word, std::uint32_t value) noexcept {
    return __atomic_load_n(&word, __ATOMIC_RELAXED) == value;
}
[[nodiscard]] inline bool equals(const std::uint16_t& word, std::uint16_t value) noexcept {
    return __atomic_load_n(&word, __ATOMIC_RELAXED) == value;
}
[[nodiscard]] inline bool has(const std::uint8_t& word, std::uint8_t mask) noexcept {
    return (__atomic_load_n(&word, __ATOMIC_RELAXED) & mask) != 0;
}
[[nodiscard]] inline bool equals(const atomic_word& word, std::uint32_t value) noexcept {
    return word.load(std::memory_order_relaxed) == value;
}
[[nodiscard]] inline bool equals_acquire(const std::uint32_t& word, std::uint32_t value) noexcept {
    return __atomic_load_n(&word, __ATOMIC_ACQUIRE) == value;
}
inline void add(atomic_count& word, std::int64_t change) noexcept {
    word.store(word.load(std::memory_order_relaxed) + change, std::memory_order_relaxed);
}

#endif

} // namespace fixedpool::detail

#endif
