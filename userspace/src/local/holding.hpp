/* SPDX-License-Identifier: MIT */
/** @file
 * What a client does with blocks and handles. Each returns 0 or the errno of the
 * interface.
 *
 * Async-signal-safe as long as no block concerned is in a scope, if not said
 * otherwise.
 */
#ifndef FIXEDPOOL_SRC_LOCAL_HOLDING_HPP
#define FIXEDPOOL_SRC_LOCAL_HOLDING_HPP

#include <array>
#include <cstdint>
#include <span>

#include "attachment.hpp"
#include "client.hpp"

namespace fixedpool::detail::local {

/** A handle that came from a client, looked up. Kept from one to the next. */
struct holding {
    attachment_ref att = {};
    std::uint32_t index = 0;
    std::uint32_t version = 0;

    /** Returns: 0; EINVAL; ENXIO; ERANGE. */
    [[nodiscard]] int resolve(const client& of, std::uint64_t handle) noexcept;

    /** Takes the hold away from the client. Returns: 0; EALREADY; ESTALE; EPERM. */
    [[nodiscard]] int take() const noexcept;
};

/** Blocks that are neighbours, newly a client's. */
struct claim {
    std::uint32_t word;
    std::uint64_t mask;
    std::array<std::uint64_t, word_blocks> handles;
};

/**
 * Allocates some of @p want reserved blocks, at least one, into a scope.
 * Returns: 0; ESTALE; ENOMEM: those in @p made, of which nobody has been told,
 * are free again.
 */
[[nodiscard]] int allocate(client& to, attachment& att, std::uint32_t scope, bool zero,
                           std::uint32_t want, claim& made) noexcept;

/** Frees in order, adding to @p done, up to the first that is refused. */
[[nodiscard]] int free_all(const client& of, std::span<const std::uint64_t> handles,
                           std::uint32_t& done) noexcept;

/** Lets a client have a hold, in its root scope, that the caller has. */
void accept(attachment& to, std::uint32_t index) noexcept;

// With locks: not for handlers.
[[nodiscard]] int give(const holding& given, std::uint32_t receiver);
[[nodiscard]] int share(const holding& shared, std::uint32_t receiver);

/** FIXEDPOOL_CHECK_* bits. */
[[nodiscard]] std::uint32_t state_of(const holding& asked) noexcept;

/** Holds a block of the client while its bytes are copied. Not for handlers. */
[[nodiscard]] int borrow(const holding& lent) noexcept;
void give_back(const holding& lent) noexcept;

/** Takes some of @p want reserved blocks into the cache; returns which of group @p word. */
[[nodiscard]] std::uint64_t fill(attachment& to, std::uint32_t want, std::uint32_t& word) noexcept;

/** Gives back blocks of the cache in order, adding to @p done. */
[[nodiscard]] int drain(attachment_ref from, std::span<const std::uint32_t> indices,
                        std::uint32_t& done) noexcept;

} // namespace fixedpool::detail::local

#endif
