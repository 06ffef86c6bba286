/* SPDX-License-Identifier: MIT */
/** @file
 * What the clients of the process share: names, numbers, permission, lifetime.
 */
#ifndef FIXEDPOOL_SRC_LOCAL_REGISTRY_HPP
#define FIXEDPOOL_SRC_LOCAL_REGISTRY_HPP

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string_view>
#include <vector>

#include <linux/fixedpool.h>

#include "client.hpp"
#include "pool.hpp"
#include "set.hpp"

namespace fixedpool::detail::local {

/** May a pool, a set or a channel be called so? */
[[nodiscard]] bool name_valid(std::string_view name) noexcept;

/**
 * Calls return 0 or the errno of the interface, and throw std::bad_alloc.
 *
 * Thread safety: all calls from any thread.
 */
class registry {
  public:
    /** Made at the first call, never destroyed: clients may outlive static objects. */
    [[nodiscard]] static registry& instance();

    [[nodiscard]] std::shared_ptr<client> open_client();
    void close_client(client& closed) noexcept;

    /** Makes a pool, with its name, and attaches @p creator to it. */
    [[nodiscard]] int create_pool(const fixedpool_pool_create& request, client& creator,
                                  std::uint32_t& id);
    [[nodiscard]] int attach_pool(std::string_view name, client& attached, std::uint32_t& id);
    [[nodiscard]] int destroy_pool(std::string_view name);

    /**
     * The attachment of client @p number to a pool.
     * Returns: 0; ESRCH; ENOTCONN.
     */
    [[nodiscard]] int find_attachment(std::uint32_t number, const pool& to, attachment_ref& found);

    /** Makes a set and opens it for a client. @p pools are what it is attached to. */
    [[nodiscard]] int create_set(std::string_view name, std::vector<std::shared_ptr<pool>> pools,
                                 client& creator, std::uint32_t& id);
    [[nodiscard]] int open_set(std::string_view name, client& opener, std::uint32_t& id);
    [[nodiscard]] int destroy_set(std::string_view name);
    void close_set(const std::shared_ptr<set>& closed) noexcept;
    [[nodiscard]] static std::uint32_t id_of(const set& of) noexcept { return of.id; }

    /**
     * Protects: names, numbers of clients, the entry of each pool, what of a set
     * changes, the ends of channels.
     * Ordering: outermost. Pools are freed outside of it.
     */
    [[nodiscard]] std::mutex& mutex() noexcept { return mutex_; }

    /** A client has left; under the lock. Pools that end so lose their name. */
    void detached_locked(pool& left) noexcept;

    /** In the child after fork(): ends pools and sets that nobody has, and that end so. */
    void unlink_left() noexcept;

    /** Lets all who sleep on a channel of a pool look again. */
    void wake_channels(pool& of) noexcept;

    template <typename function>
    void for_each_client_locked(function act) {
        for (const auto& [number, each] : clients_)
            act(*each);
    }
    template <typename function>
    void for_each_set_locked(function act) {
        for (const auto& each : sets_)
            act(*each);
    }

  private:
    [[nodiscard]] std::shared_ptr<pool> find_pool(std::string_view name) const noexcept;
    [[nodiscard]] std::shared_ptr<set> find_set(std::string_view name) const noexcept;
    [[nodiscard]] int attach(const std::shared_ptr<pool>& to, client& attached);
    [[nodiscard]] std::shared_ptr<pool> unlink(pool& named) noexcept;
    void unlink(set& named) noexcept;
    void unlink_left_pools() noexcept;
    void unlink_left_sets() noexcept;

    std::mutex mutex_;
    std::map<std::uint32_t, client*> clients_;
    std::uint32_t last_client_ = 0;            // number that was given out
    std::vector<std::shared_ptr<pool>> pools_; // that have a name
    std::vector<std::shared_ptr<set>> sets_;   // that have a name
    std::uint32_t last_set_ = 0;
};

} // namespace fixedpool::detail::local

#endif
