/* SPDX-License-Identifier: MIT */
/** @file
 * Which call has taken which block of a pool.
 *
 * What is written is by whom a block was taken last. That a block is given back is not
 * written at all: of its handle it is known anyway whether it is still good.
 */
#ifndef FIXEDPOOL_SRC_LEDGER_HPP
#define FIXEDPOOL_SRC_LEDGER_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include <fixedpool/handle.hpp>
#include <fixedpool/leak.hpp>

#include "transport.hpp"

namespace fixedpool::detail {

/** Null: nobody is to be told. */
[[nodiscard]] leak_handler leak_handler_in_use() noexcept;

class ledger {
  public:
    /** Null if there is no memory. Pages come with the first entry on them. */
    static std::unique_ptr<ledger> make(std::uint32_t blocks) noexcept;

    ledger(mapping entries, std::uint32_t blocks) noexcept;

    /**
     * Block @p index is held as @p name, because of the caller.
     * Thread safety: any thread, but of one block only who holds it.
     */
    void note(std::uint32_t index, handle name) noexcept;

    /** Calls @p visit with every entry; those that are written meanwhile are left out. */
    template <typename function>
    void for_each(function visit) const {
        for (std::uint32_t index = 0; index < blocks_; ++index)
            if (handle_at(index))
                if (auto noted = read(index); noted.handle)
                    visit(noted);
    }

  private:
    static constexpr std::size_t depth = 24;

    // All members are atomic. A writer clears the handle first and sets it last, so who
    // reads the same one before and after has read what belongs to it.
    struct entry {
        std::uint64_t handle;
        std::uint32_t thread;
        std::uint32_t count; // of callers
        std::array<void*, depth> callers;
    };

    [[nodiscard]] handle handle_at(std::uint32_t index) const noexcept;
    [[nodiscard]] held_block read(std::uint32_t index) const;

    mapping memory_;
    entry* entries_;
    std::uint32_t blocks_;
};

} // namespace fixedpool::detail

#endif
