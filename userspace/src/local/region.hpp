/* SPDX-License-Identifier: MIT */
/** @file
 * Memory of pools and of what clients hold of them.
 *
 * Private to the process and made in advance, or where a pool grows. Private, not a memory file
 * shared with children: after fork() the child has a copy of its own, as of everything that
 * malloc() gave, and whatever parent and child do then does not touch the other. In advance, so
 * that the first touch of a block never faults; but see thrift.
 */
#ifndef FIXEDPOOL_SRC_LOCAL_REGION_HPP
#define FIXEDPOOL_SRC_LOCAL_REGION_HPP

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

namespace fixedpool::detail::local {

/** Zeroed pages, or room for some; none if moved from, or if there was no memory. */
class region {
  public:
    region() noexcept = default;

    /** @p node is preferred, if given; see node_exists(). */
    explicit region(std::uint64_t bytes, std::optional<std::uint32_t> node = {}) noexcept;

    /** Addresses alone, a touch of which ends the process; see commit(). */
    [[nodiscard]] static region reserve(std::uint64_t bytes,
                                        std::optional<std::uint32_t> node = {}) noexcept;

    /** The same wherever they are, for books. */
    [[nodiscard]] static region reserve_books(std::uint64_t bytes) noexcept;
    region(region&& other) noexcept
        : begin_{std::exchange(other.begin_, nullptr)},
          bytes_{std::exchange(other.bytes_, 0)},
          committed_{std::exchange(other.committed_, 0)},
          thrifty_{other.thrifty_} {}
    region& operator=(region&& other) noexcept {
        std::swap(begin_, other.begin_);
        std::swap(bytes_, other.bytes_);
        std::swap(committed_, other.committed_);
        std::swap(thrifty_, other.thrifty_);
        return *this;
    }
    region(const region&) = delete;
    region& operator=(const region&) = delete;
    ~region();

    [[nodiscard]] explicit operator bool() const noexcept { return begin_ != nullptr; }
    [[nodiscard]] std::byte* begin() const noexcept { return begin_; }

    /**
     * Makes pages of a part of what was reserved; false if there is no memory.
     * Requires: @p offset and @p bytes are whole pages; nobody else is at it.
     * Async-signal-safe.
     */
    [[nodiscard]] bool commit(std::uint64_t offset, std::uint64_t bytes) noexcept;

  private:
    [[nodiscard]] static region reserve(std::uint64_t bytes, std::optional<std::uint32_t> node,
                                        bool placed) noexcept;
    [[nodiscard]] static std::byte* reserve_pages(std::size_t bytes, bool placed) noexcept;

    std::byte* begin_ = nullptr;
    std::size_t bytes_ = 0;
    std::uint64_t committed_ = 0; // bytes
    bool thrifty_ = false;        // pages come with the first touch
};

/** Has few touched pages of many not become large ones. Requires: whole pages. */
void spread_thin(std::byte* begin, std::uint64_t bytes) noexcept;

[[nodiscard]] bool node_exists(std::uint32_t node) noexcept;

} // namespace fixedpool::detail::local

#endif
