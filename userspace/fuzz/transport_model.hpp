/* SPDX-License-Identifier: MIT */
/** @file
 * What <linux/fixedpool.h> says of pools, blocks, scopes, sets and channels, and no
 * more: no caches, locks, bitmaps or growth. Slow, and obviously right.
 */
#ifndef FIXEDPOOL_FUZZ_TRANSPORT_MODEL_HPP
#define FIXEDPOOL_FUZZ_TRANSPORT_MODEL_HPP

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <linux/fixedpool.h>

namespace fixedpool::fuzz {

inline constexpr std::size_t client_count = 3;

struct block {
    std::uint32_t version = 0;                    // odd: allocated
    std::map<std::size_t, std::uint32_t> holders; // their scopes, by client
    std::uint32_t queued = 0;                     // in how many places of channels
    std::map<std::uint32_t, std::uint8_t> known;  // bytes, by offset

    [[nodiscard]] bool free() const { return holders.empty() && queued == 0; }
    [[nodiscard]] std::uint32_t holds() const {
        return static_cast<std::uint32_t>(holders.size()) + queued;
    }
    /** Somebody has let go of it. */
    void dropped() {
        if (free() && version % 2 != 0)
            ++version;
    }
};

struct pool {
    fixedpool_pool_create made{};
    std::uint32_t first_slot = 0;
    bool linked = true;
    bool begun = false; // versions are known
    std::set<std::size_t> attached;
    std::vector<block> blocks; // as many as it may grow to
    std::map<std::size_t, std::set<std::uint32_t>> watches;

    [[nodiscard]] bool mappable() const { return made.storage == FIXEDPOOL_STORAGE_PAGES; }
    [[nodiscard]] std::uint32_t in_use() const {
        return static_cast<std::uint32_t>(
            std::ranges::count_if(blocks, [](const block& each) { return !each.free(); }));
    }
    [[nodiscard]] std::uint32_t free() const {
        return static_cast<std::uint32_t>(blocks.size()) - in_use();
    }
};

struct set {
    std::string name;
    std::vector<std::uint32_t> pools; // the smallest blocks first
    std::set<std::size_t> opened;
    bool linked = true;
};

struct channel {
    std::string name;
    std::uint32_t pool = 0;
    std::size_t capacity = 0;
    std::deque<std::uint64_t> queue;
    std::uint32_t readers = 0;
    std::uint32_t writers = 0;
    bool readers_gone = false;
    bool writers_gone = false;
};

/** Why a handle is refused; of freeing the first two are one case more than of the rest. */
enum class refusal { none, no_handle, ended, not_held };

class model {
  public:
    std::map<std::uint32_t, pool> pools; // by id, also those that are gone
    std::map<std::uint32_t, set> sets;
    std::array<std::map<std::uint32_t, std::uint32_t>, client_count> parents; // of scopes

    [[nodiscard]] pool* attached(std::size_t client, std::uint32_t id) {
        const auto found = pools.find(id);
        return found != pools.end() && found->second.attached.contains(client) ? &found->second
                                                                               : nullptr;
    }

    [[nodiscard]] std::uint32_t linked_pool(const std::string& name) const {
        for (const auto& [id, each] : pools)
            if (each.linked && name == std::begin(each.made.name))
                return id;
        return 0;
    }
    [[nodiscard]] std::uint32_t linked_set(const std::string& name) const {
        for (const auto& [id, each] : sets)
            if (each.linked && name == each.name)
                return id;
        return 0;
    }

    /** The pool that a slot belongs to, if the client is attached to it, and the block. */
    struct place {
        pool* in = nullptr;
        std::uint32_t index = 0;
        [[nodiscard]] block& at() const { return in->blocks.at(index); }
    };
    [[nodiscard]] place find(std::size_t client, std::uint64_t handle) {
        for (auto& [id, each] : pools) {
            const auto index = FIXEDPOOL_HANDLE_SLOT(handle) - each.first_slot;
            if (each.attached.contains(client) && index < each.blocks.size())
                return {&each, index};
        }
        return {};
    }

    [[nodiscard]] refusal judge(std::size_t client, std::uint64_t handle) {
        const auto named = find(client, handle);
        const auto version = FIXEDPOOL_HANDLE_VERSION(handle);
        if (version % 2 == 0 || named.in == nullptr)
            return refusal::no_handle;
        if (named.at().version != version)
            return refusal::ended;
        return named.at().holders.contains(client) ? refusal::none : refusal::not_held;
    }

    void drop(std::size_t client, std::uint64_t handle) {
        auto& named = find(client, handle).at();
        named.holders.erase(client);
        named.dropped();
    }

    /** All that a client holds in a pool. */
    void leave(std::size_t client, pool& left) {
        for (auto& each : left.blocks)
            if (each.holders.erase(client) != 0)
                each.dropped();
        left.watches.erase(client);
        left.attached.erase(client);
        if (left.attached.empty() && (left.made.flags & FIXEDPOOL_POOL_AUTO_DESTROY) != 0)
            left.linked = false;
    }

    void close_set(std::size_t client, set& closed) {
        closed.opened.erase(client);
        if (closed.opened.empty())
            closed.linked = false;
    }

    void close(std::size_t client) {
        for (auto& [id, each] : pools)
            if (each.attached.contains(client))
                leave(client, each);
        for (auto& [id, each] : sets)
            if (each.opened.contains(client))
                close_set(client, each);
        parents.at(client).clear();
    }

    [[nodiscard]] bool open(std::size_t client, std::uint32_t scope) const {
        return scope == 0 || parents.at(client).contains(scope);
    }
    [[nodiscard]] std::uint32_t depth(std::size_t client, std::uint32_t scope) const {
        std::uint32_t result = 0;
        for (; scope != 0; scope = parents.at(client).at(scope))
            ++result;
        return result;
    }
    [[nodiscard]] bool below(std::size_t client, std::uint32_t scope, std::uint32_t above) const {
        for (; scope != above; scope = parents.at(client).at(scope))
            if (scope == 0)
                return false;
        return true;
    }

    std::uint64_t release(std::size_t client, std::uint32_t scope) {
        std::uint64_t count = 0;
        for (auto& [id, in] : pools)
            for (auto& each : in.blocks) {
                const auto held = each.holders.find(client);
                if (held == each.holders.end() || !below(client, held->second, scope))
                    continue;
                each.holders.erase(held);
                each.dropped();
                ++count;
            }
        auto& mine = parents.at(client);
        std::set<std::uint32_t> ended;
        for (const auto& [each, parent] : mine)
            if (below(client, each, scope))
                ended.insert(each);
        for (const auto each : ended)
            mine.erase(each);
        return count;
    }

    std::uint64_t dissolve(std::size_t client, std::uint32_t scope) {
        auto& mine = parents.at(client);
        const auto up = mine.at(scope);
        std::uint64_t count = 0;
        for (auto& [id, in] : pools)
            for (auto& each : in.blocks)
                if (const auto held = each.holders.find(client);
                    held != each.holders.end() && held->second == scope) {
                    held->second = up;
                    ++count;
                }
        mine.erase(scope);
        for (auto& [each, parent] : mine)
            parent = parent == scope ? up : parent;
        return count;
    }
};

} // namespace fixedpool::fuzz

#endif
