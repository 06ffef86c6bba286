/* SPDX-License-Identifier: MIT */
/** @file
 * What the copies of a pool and its blocks share: the attachment, the mapping,
 * and all that is done with them. Nothing here throws.
 */
#ifndef FIXEDPOOL_SRC_POOL_STATE_HPP
#define FIXEDPOOL_SRC_POOL_STATE_HPP

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <system_error>
#include <vector>

#include <fixedpool/handle.hpp>
#include <fixedpool/pool.hpp>

#include <fixedpool/detail/front.hpp>

#include "cache.hpp"
#include "caches.hpp"
#include "client_state.hpp"
#include "ledger.hpp"

namespace fixedpool::detail {

/**
 * It lives as long as there are references to it, or owners of its blocks. These do
 * not count a word up and down that all threads share: each thread counts in its
 * magazine, and the sum is taken when the last reference has gone.
 */
class pool_state final : public front {
  public:
    /**
     * Takes over the attachment of @p client to pool @p id: leaves it in the
     * destructor, or right here if this fails.
     */
    static std::shared_ptr<const pool_state> make(std::shared_ptr<client_state> client,
                                                  std::uint32_t id, const attach_options& how,
                                                  std::error_code& ec) noexcept;

    pool_state(const pool_state&) = delete;
    pool_state& operator=(const pool_state&) = delete;

    static const pool_state& of(const front& base) noexcept {
        // NOLINTNEXTLINE(*-static-cast-downcast): there is no other
        return static_cast<const pool_state&>(base);
    }

    /** As of attaching; the figures in it are old, see usage(). */
    [[nodiscard]] const fixedpool_pool_info& info() const noexcept { return info_; }

    [[nodiscard]] bool is_of(const client_state& client) const noexcept {
        return client_.get() == &client;
    }

    [[nodiscard]] bool mappable() const noexcept { return data_ != nullptr; }

    // For who takes and frees blocks by himself.
    [[nodiscard]] std::uint32_t* versions() const noexcept { return table_.versions; }
    /** Blocks that there are by now; zero if it cannot be told. */
    [[nodiscard]] std::uint32_t blocks() const noexcept;

    pool_usage usage(std::error_code& ec) const noexcept;

    // One owner of a block more or less. The last may be the end of *this.
    void add_owner() const noexcept;
    void drop_owner() const noexcept;

    bool refill() const noexcept;
    // Those of one block go through the cache if there is one.
    handle allocate_one(contents wanted, counting count, std::error_code& ec) const noexcept;
    /** @p tried: what front::put() has said. */
    bool free_one(handle name, counting count, putting tried, std::error_code& ec) const noexcept;

    // The client holds the blocks in its root scope; or does not know, or hold them, any more.
    void received(std::span<const handle> handles) const noexcept;
    void forget(std::span<const handle> handles) const noexcept;

    /** Requires: notes(). Throws: std::bad_alloc. */
    [[nodiscard]] std::vector<held_block> held() const;
    [[nodiscard]] bool notes() const noexcept { return ledger_ != nullptr; }

    /** Gives back all that threads have cached; returns how many blocks. */
    std::uint32_t trim() const noexcept { return cache_ ? cache_->trim() : 0; }

    /** Has @p shut keep the caches of the pool empty, of all clients of the process. */
    void shut_caches(patience with, std::optional<caches::closure>& shut) const noexcept {
        shut.emplace(info_.id, module().survives_fork(), with);
    }

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

  private:
    pool_state(std::shared_ptr<client_state> client, std::uint32_t id, const attach_options& how,
               std::error_code& ec) noexcept;
    ~pool_state();

    /** What the last reference does. */
    static void close(const pool_state* left) noexcept;

    [[nodiscard]] transport& module() const noexcept { return *client_->transport; }
    std::error_code map() noexcept;
    void begin_caching(caching wanted) noexcept;
    [[nodiscard]] mapping new_standings() const noexcept;
    [[nodiscard]] putting put_exactly(handle name, counting count) const noexcept;
    void give_back_if_awaited() const noexcept;
    [[nodiscard]] std::size_t not_to_be_kept(std::span<const handle> handles) const noexcept;
    std::size_t free_by_call(std::span<const handle> handles, std::error_code& ec) const noexcept;
    [[nodiscard]] putting put_again(handle name, counting count) const noexcept;
    void note_taken(std::span<const handle> handles, standing now) const noexcept;
    void forget_elsewhere(handle name) const noexcept;
    bool forget_here(handle name) const noexcept;
    void leave_client() const noexcept;
    void report_leaks() const noexcept;
    std::size_t allocate_in_turn(std::span<handle> handles, std::uint32_t flags,
                                 std::uint32_t scope, std::error_code& ec) const noexcept;
    [[nodiscard]] fixedpool_alloc allocation(std::span<handle> batch,
                                             std::uint32_t flags) const noexcept;
    std::size_t allocate(std::span<handle> handles, std::uint32_t flags, std::uint32_t scope,
                         std::error_code& ec) const noexcept;
    template <typename request_type>
    std::size_t pass_on(std::span<const handle> handles, client_id receiver,
                        std::error_code& ec) const noexcept;

    // More than there can be owners: as long as there are references.
    static constexpr std::int64_t referred = std::int64_t{1} << 48;

    std::shared_ptr<client_state> client_;
    fixedpool_pool_info info_ = {};
    mapping data_region_;
    mapping versions_region_;
    mapping holds_region_;
    mapping header_region_;
    mapping standings_region_;
    std::unique_ptr<cache> cache_;
    bool exact_ = false; // put() finds no blocks in magazines, and put_exactly() is to be called
    std::unique_ptr<ledger> ledger_; // if leaks are to be reported; then there is no cache
    mutable const pool_state* next_ = nullptr; // of the client's; under the lock of all caches
    // Owners that no thread has counted in a magazine.
    mutable std::atomic<std::int64_t> owners_ = referred;
};

} // namespace fixedpool::detail

#endif
