/* SPDX-License-Identifier: MIT */
/** @file
 * Sixteen handles in a row that name neighbours, looked at and written to at once.
 *
 * What the library knows of blocks lies by their index: sixteen neighbours have their versions
 * in 64 bytes, their holds in 32, what they stand as in 16. Pools give out neighbours, and
 * who takes and frees many at a time keeps them together.
 *
 * Others may look at these words, and write them, at any time; so one by one they are
 * atomic. Here they are moved 16 bytes at a time, which x86-64 does without tearing any
 * word apart that lies at a multiple of its size: what it may split is a move, at eight
 * bytes. Its loads stay in order, and its stores, if the compiler keeps theirs. Who finds
 * a version sees what was done before all of the sixteen were written. Elsewhere, and for
 * the thread sanitizer, which sees no words in this, nothing counts as neighbours.
 *
 * Nothing is refused here, and nothing done by halves: either all sixteen pass what a single one
 * has to pass, or the caller goes on one by one. As they are neighbours none is there twice;
 * and whatever was named in an earlier sixteen has another version by now.
 */
#ifndef FIXEDPOOL_SRC_NEIGHBOURS_HPP
#define FIXEDPOOL_SRC_NEIGHBOURS_HPP

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include <fixedpool/detail/word.hpp>

// GCC has it since 12.
#if defined(FIXEDPOOL_WORDS_IN_ORDER) && __has_builtin(__builtin_shufflevector)
#define FIXEDPOOL_NEIGHBOURS 1
#endif

// Of lambdas; an attribute in brackets would be their type's.
#define FIXEDPOOL_INLINE __attribute__((always_inline))

namespace fixedpool::detail {

class neighbours {
    using words [[gnu::vector_size(16)]] = std::uint32_t;

  public:
    static constexpr std::size_t count = 16;

#ifdef FIXEDPOOL_NEIGHBOURS
    static constexpr bool possible = true;

    /** Reads the versions of sixteen blocks. */
    [[gnu::always_inline]] explicit neighbours(const std::uint32_t* versions) noexcept {
        for_parts([&](std::size_t i) FIXEDPOOL_INLINE { versions_[i] = load(versions + 4 * i); });
    }

    /**
     * Do sixteen handles, of these values, name the blocks from @p slot on, one after the
     * other, with their versions plus @p change? Writes such handles, with versions changed by
     * @p more, whether or not: room for them is no loss.
     */
    [[nodiscard, gnu::always_inline]] bool are_named(const std::uint64_t* names, std::uint32_t slot,
                                                     std::uint32_t change, std::uint64_t* to,
                                                     std::uint32_t more) const noexcept {
        auto slots = every<words>(slot) + words{0, 1, 2, 3};
        auto same = ~words{};
        for_parts([&](std::size_t i) FIXEDPOOL_INLINE {
            const auto versions = versions_[i] + every<words>(change);
            const auto low = __builtin_shufflevector(slots, versions, 0, 4, 1, 5);
            const auto high = __builtin_shufflevector(slots, versions, 2, 6, 3, 7);
            same &= load(names + 4 * i) == low;
            same &= load(names + 4 * i + 2) == high;
            store(to + 4 * i, low + words{0, more, 0, more});
            store(to + 4 * i + 2, high + words{0, more, 0, more});
            slots += every<words>(4U);
        });
        return all_of(same);
    }

    /** Is the lowest bit of each version set? */
    [[nodiscard, gnu::always_inline]] bool are_odd() const noexcept {
        const auto common = versions_[0] & versions_[1] & versions_[2] & versions_[3];
        return all_of((common & every<words>(1U)) == every<words>(1U));
    }

    template <typename word>
    [[nodiscard, gnu::always_inline]] static bool are_all(const word* now, word value) noexcept {
        using vector [[gnu::vector_size(16)]] = word;
        constexpr std::size_t lanes = sizeof(vector) / sizeof(word);
        static_assert(count == lanes || count == 2 * lanes);
        auto same = load<vector>(now) == every<vector>(value);
        if constexpr (count != lanes)
            same &= load<vector>(now + lanes) == every<vector>(value);
        return all_of(same);
    }

    /** Not before anything that stands before it. */
    [[gnu::always_inline]] void store_versions(std::uint32_t* to,
                                               std::uint32_t change) const noexcept {
        std::atomic_signal_fence(std::memory_order_release);
        for_parts([&](std::size_t i)
                      FIXEDPOOL_INLINE { store(to + 4 * i, versions_[i] + every<words>(change)); });
        std::atomic_signal_fence(std::memory_order_release);
    }

  private:
    static constexpr std::size_t parts = count / 4;

    /** Compilers do not unroll a loop that is not longer for it. */
    template <typename function>
    [[gnu::always_inline]] static void for_parts(function act) noexcept {
        act(0);
        act(1);
        act(2);
        act(3);
    }

    /** Read once: the compiler does not know what it has got. */
    template <typename vector = words>
    [[nodiscard, gnu::always_inline]] static vector load(const void* from) noexcept {
        vector got;
        std::memcpy(&got, from, sizeof(got));
        asm volatile("" : "+x"(got));
        return got;
    }
    template <typename vector>
    [[gnu::always_inline]] static void store(void* to, vector what) noexcept {
        asm volatile("" : "+x"(what));
        std::memcpy(to, &what, sizeof(what));
    }
    template <typename vector, typename word>
    [[nodiscard, gnu::always_inline]] static vector every(word value) noexcept {
        return vector{} + value;
    }
    /** Of the result of a comparison. */
    template <typename vector>
    [[nodiscard, gnu::always_inline]] static bool all_of(vector same) noexcept {
        using bytes [[gnu::vector_size(16)]] = char;
        return __builtin_ia32_pmovmskb128(reinterpret_cast<bytes>(same)) == 0xffff;
    }

    words versions_[parts] = {};
#else
    static constexpr bool possible = false;
#endif
};

} // namespace fixedpool::detail

#undef FIXEDPOOL_INLINE

#endif
