/* SPDX-License-Identifier: MIT */
/** @file
 * What the copies of a pool and its blocks share: the attachment, the mapping,
 * and all that is done with them. Nothing here throws.
 */
#ifndef FIXEDPOOL_SRC_POOL_STATE_HPP
#define FIXEDPOOL_SRC_POOL_STATE_HPP

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <system_error>

#include <fixedpool/detail/geometry.hpp>
#include <fixedpool/handle.hpp>
#include <fixedpool/pool.hpp>

#include "client_state.hpp"

namespace fixedpool::detail {

class pool_state {
  public:
    /**
     * Takes over the attachment of @p client to pool @p id: leaves it in the
     * destructor, or right here if this fails.
     */
    static std::shared_ptr<const pool_state> make(std::shared_ptr<client_state> client,
                                                  std::uint32_t id, std::error_code& ec) noexcept;

    /** Use make(). */
    pool_state(std::shared_ptr<client_state> client, std::uint32_t id,
               std::error_code& ec) noexcept;
    ~pool_state();
    pool_state(const pool_state&) = delete;
    pool_state& operator=(const pool_state&) = delete;

    /** As of attaching; the figures in it are old, see usage(). */
    [[nodiscard]] const fixedpool_pool_info& info() const noexcept { return info_; }

    [[nodiscard]] bool is_of(const client_state& client) const noexcept {
        return client_.get() == &client;
    }

    [[nodiscard]] bool mappable() const noexcept { return data_ != nullptr; }

    pool_usage usage(std::error_code& ec) const noexcept;

    // Each returns how many handles it has served, in order.
    std::size_t allocate_all(std::span<handle> handles, contents wanted, std::error_code& ec,
                             std::uint32_t scope = 0) const noexcept;
    std::size_t allocate_until(std::span<handle> handles, deadline until, contents wanted,
                               std::error_code& ec) const noexcept;
    std::size_t allocate_some(std::span<handle> handles, contents wanted,
                              std::error_code& ec) const noexcept;
    std::size_t free(std::span<const handle> handles, std::error_code& ec) const noexcept;
    std::size_t give(std::span<const handle> handles, client_id receiver,
                     std::error_code& ec) const noexcept;
    std::size_t share(std::span<const handle> handles, client_id receiver,
                      std::error_code& ec) const noexcept;

    handle_state check(handle name, std::error_code& ec) const noexcept;
    [[nodiscard]] std::error_code read(handle name, std::uint32_t offset,
                                       std::span<std::byte> bytes) const noexcept;
    [[nodiscard]] std::error_code write(handle name, std::uint32_t offset,
                                        std::span<const std::byte> bytes) const noexcept;

    // Each returns null on failure.
    std::unique_ptr<channel_end> create_channel(std::string_view name, std::uint32_t capacity,
                                                std::uint32_t flags,
                                                std::error_code& ec) const noexcept;
    std::unique_ptr<channel_end> open_channel(std::string_view name, std::uint32_t flags,
                                              std::error_code& ec) const noexcept;

    /** Has @p event signalled; returns the number of the watch. */
    [[nodiscard]] std::uint32_t watch(std::uint32_t low, std::uint32_t high, int event,
                                      std::error_code& ec) const noexcept;
    void unwatch(std::uint32_t number) const noexcept;

    [[nodiscard]] std::optional<std::uint32_t> index_of(handle name) const noexcept {
        const std::uint32_t index = name.slot() - info_.first_slot;
        return name && index < info_.max_blocks ? std::optional{index} : std::nullopt;
    }

    /** Null if not mappable. Requires: @p index is one of index_of(). */
    [[nodiscard]] std::byte* address(std::uint32_t index) const noexcept {
        return data_ ? data_.get() + geometry_.offset(index) : nullptr;
    }

    [[nodiscard]] std::byte* get(handle name) const noexcept;

  private:
    [[nodiscard]] transport& module() const noexcept { return *client_->transport; }
    std::error_code map() noexcept;
    [[nodiscard]] fixedpool_alloc allocation(std::span<handle> batch,
                                             std::uint32_t flags) const noexcept;
    std::size_t allocate(std::span<handle> handles, std::uint32_t flags, std::uint32_t scope,
                         std::error_code& ec) const noexcept;
    template <typename request_type>
    std::size_t pass_on(std::span<const handle> handles, client_id receiver,
                        std::error_code& ec) const noexcept;

    std::shared_ptr<client_state> client_;
    fixedpool_pool_info info_ = {};
    geometry geometry_{1, 0, 0};
    mapping data_;
    mapping versions_;
};

} // namespace fixedpool::detail

#endif
