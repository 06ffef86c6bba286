/* SPDX-License-Identifier: MIT */
/** @file
 * The handle space of the process and the pools that live in it.
 */
#ifndef FIXEDPOOL_SRC_LOCAL_SLOTS_HPP
#define FIXEDPOOL_SRC_LOCAL_SLOTS_HPP

#include <cstdint>
#include <map>
#include <mutex>

#include "shape.hpp"

namespace fixedpool::detail::local {

class pool;

/**
 * Units go round, so that those of a dead pool, and with them old handles, come
 * back as late as possible.
 *
 * Thread safety: all calls from any thread, the lock is theirs.
 */
class slots {
  public:
    [[nodiscard]] static slots& instance() noexcept;

    /** Returns: the first of @p count neighbouring units; 0 if there are none. */
    [[nodiscard]] std::uint32_t take(std::uint32_t count);
    void settle(std::uint32_t first, pool* owner) noexcept;
    void give(std::uint32_t first) noexcept;

    // For fork(): the lock, and all pools that there are.
    // Ordering: inside the locks of the registry and of clients.
    [[nodiscard]] std::mutex& mutex() noexcept { return mutex_; }
    template <typename function>
    void for_each_locked(function act) {
        for (const auto& [first, range] : taken_)
            if (range.owner != nullptr)
                act(*range.owner);
    }

  private:
    struct span {
        std::uint32_t count;
        pool* owner;
    };

    [[nodiscard]] std::uint32_t find(std::uint32_t from, std::uint32_t count) const noexcept;

    std::mutex mutex_;
    std::map<std::uint32_t, span> taken_;
    std::uint32_t next_ = 1;
};

} // namespace fixedpool::detail::local

#endif
