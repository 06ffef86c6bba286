/* SPDX-License-Identifier: MIT */
/** @file
 * What is known of the blocks of a pool, by their index, and asked and changed without a call.
 *
 * Of a block that this client may free into a magazine three things have to be so: its version is
 * that of the handle, it is this client's in its root scope, which `standings` say in memory of
 * the process, and nobody else has a hold on it, which `holds` say.
 */
#ifndef FIXEDPOOL_DETAIL_BLOCK_TABLE_HPP
#define FIXEDPOOL_DETAIL_BLOCK_TABLE_HPP

#include <cstdint>

#include <fixedpool/detail/word.hpp>

namespace fixedpool::detail {

/** What the library knows of a block. */
enum class standing : std::uint8_t {
    unknown,  // not held, or held otherwise
    own,      // held in the root scope, maybe in a cache
    in_scope, // or was, once: as long as the block is not allocated anew
};

struct block_table {
    static constexpr std::uint16_t held_once = 1; // FIXEDPOOL_HELD_ONCE

    std::uint32_t first_slot = 0;
    std::uint32_t blocks = 0;
    std::uint32_t* versions = nullptr;
    std::uint8_t* standings = nullptr;
    const std::uint16_t* holds = nullptr;
    const std::uint32_t* waiters = nullptr;

    [[nodiscard]] std::uint32_t version_of(std::uint32_t index) const noexcept {
        return __atomic_load_n(versions + index, __ATOMIC_RELAXED);
    }
    void set_version(std::uint32_t index, std::uint32_t version) const noexcept {
        __atomic_store_n(versions + index, version, __ATOMIC_RELEASE);
    }
    [[nodiscard, gnu::always_inline]] bool is_version_of(std::uint32_t index,
                                                         std::uint32_t version) const noexcept {
        return equals(versions[index], version);
    }

    [[nodiscard]] standing standing_of(std::uint32_t index) const noexcept {
        return static_cast<standing>(__atomic_load_n(standings + index, __ATOMIC_RELAXED));
    }
    void set_standing(std::uint32_t index, standing now) const noexcept {
        __atomic_store_n(standings + index, static_cast<std::uint8_t>(now), __ATOMIC_RELAXED);
    }

    /** Allocated, with that version, to this client alone, and in its root scope. */
    [[nodiscard, gnu::always_inline]] bool is_own(std::uint32_t index,
                                                  std::uint32_t version) const noexcept {
        // Of versions the lowest bit says it, too: of free blocks there are no handles.
        static_assert(static_cast<std::uint8_t>(standing::own) == 1);
        static_assert(static_cast<std::uint8_t>(standing::in_scope) % 2 == 0);
        return has(standings[index], static_cast<std::uint8_t>(version & 1U)) &&
               equals(holds[index], held_once);
    }

    [[nodiscard, gnu::always_inline]] bool anyone_waits() const noexcept {
        return !equals(*waiters, 0);
    }

    /** May a block be kept in a cache when the allocation of that version ends? */
    [[nodiscard, gnu::always_inline]] bool may_keep(std::uint32_t index,
                                                    std::uint32_t version) const noexcept {
        return index < blocks && is_version_of(index, version) && is_own(index, version) &&
               !anyone_waits();
    }

    /**
     * Begins the allocation of that version. False if the block's last did not end as the one
     * before it: it was freed twice at the same instant, and its other owner has it.
     */
    [[nodiscard, gnu::always_inline]] bool begin(std::uint32_t index,
                                                 std::uint32_t version) const noexcept {
        if (!is_version_of(index, version - 1)) [[unlikely]]
            return false;
        set_version(index, version);
        return true;
    }
};

} // namespace fixedpool::detail

#endif
