/* SPDX-License-Identifier: MIT */
/** @file
 * A client: the pools it is attached to, its scopes, the sets it has opened.
 */
#ifndef FIXEDPOOL_SRC_LOCAL_CLIENT_HPP
#define FIXEDPOOL_SRC_LOCAL_CLIENT_HPP

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "attachment.hpp"
#include "scopes.hpp"

namespace fixedpool::detail::local {

struct set;

/** Thread safety: all calls from any thread; find() from signal handlers, too. */
class client : public std::enable_shared_from_this<client> {
  public:
    /** Throws: std::bad_alloc. */
    client() = default;
    client(const client&) = delete;
    client& operator=(const client&) = delete;
    ~client();

    /** Among the open ones; set by the registry. */
    std::uint32_t number = 0; // NOLINT(*-non-private-member-variables-in-classes)

    /**
     * Attaches to a pool, which counts the client already.
     * Returns: 0; EALREADY. Throws: std::bad_alloc.
     */
    [[nodiscard]] int attach(const std::shared_ptr<pool>& to);

    /** Leaves the pool of number @p id. Returns: 0; ENXIO. */
    int detach(std::uint32_t id) noexcept;

    /** The attachment to whom a unit of handle space belongs. */
    [[nodiscard]] attachment_ref find(std::uint32_t unit) const noexcept;
    /** The attachment to the pool of a number. */
    [[nodiscard]] attachment_ref find_pool(std::uint32_t id) const noexcept;

    // Scopes; as the structures of the same names.
    [[nodiscard]] int create_scope(std::uint32_t parent, std::uint32_t& made);
    [[nodiscard]] bool scope_open(std::uint32_t scope) noexcept;
    [[nodiscard]] int put_in_scope(attachment& to, std::uint32_t scope, std::uint32_t word,
                                   std::uint64_t mask) noexcept;
    [[nodiscard]] int release_scope(std::uint32_t scope, std::uint64_t& released) noexcept;
    [[nodiscard]] int dissolve_scope(std::uint32_t scope, std::uint64_t& moved) noexcept;

    // Sets.
    [[nodiscard]] int keep_set(const std::shared_ptr<set>& opened) noexcept;
    [[nodiscard]] std::shared_ptr<set> find_set(std::uint32_t id) noexcept;
    [[nodiscard]] std::shared_ptr<set> drop_set(std::uint32_t id) noexcept;

    /** Gives back everything, for good. Requires: no other call of it is at work. */
    void close() noexcept;

    /**
     * Protects: the directory against changes, scopes, what is in them, sets.
     * Ordering: inside the registry's lock; no two clients' at a time.
     */
    [[nodiscard]] std::mutex& mutex() noexcept { return mutex_; }

    // For fork(), in the child.

    /** Calls @p act with each attachment, also those about to end; under the lock. */
    template <typename function>
    void for_each_attachment_locked(function act) {
        for (auto* each : used_)
            act(*each);
        for (auto* each : leaving_)
            act(*each);
    }

    /** Is another thread in the middle of a call that concerns a pool? Under the lock. */
    [[nodiscard]] bool busy_locked(const pool& with) const noexcept;
    void forget_callers_locked() noexcept;
    [[nodiscard]] bool has_opened_locked(const set& asked) const noexcept;

    /** Does what threads had begun that are no more. */
    void finish_leaving() noexcept;
    [[nodiscard]] bool closing() const noexcept { return closing_; }

  private:
    static constexpr std::uint32_t leaf_units = 256;
    using leaf = std::array<std::atomic<attachment*>, leaf_units>;

    [[nodiscard]] std::atomic<attachment*>* entry(std::uint32_t unit) const noexcept;
    void make_entries(const pool& of);
    void publish(const pool& of, attachment* to) noexcept;
    void end(attachment& left) noexcept;

    std::mutex mutex_;
    std::array<std::atomic<leaf*>, slot_units / leaf_units> directory_{};
    std::deque<attachment> attachments_; // that are used, leaving, or free again
    std::vector<attachment*> used_;
    std::vector<attachment*> leaving_;
    std::vector<attachment*> spare_;
    bool closing_ = false;
    local::scopes scopes_;
    std::map<std::uint32_t, std::shared_ptr<set>> sets_;
};

} // namespace fixedpool::detail::local

#endif
