/* SPDX-License-Identifier: MIT */
/*
 * Random calls of several clients, in process, against a model that knows of each
 * block no more than its version and who holds it where.
 */
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <vector>

#include <gtest/gtest.h>

#include <fixedpool/error.hpp>

#include "transport.hpp"

namespace {

using fixedpool::errc;
using fixedpool::detail::open_local;
using fixedpool::detail::transport;

constexpr std::uint32_t pool_blocks = 150;
constexpr std::size_t client_count = 3;

struct model {
    struct block {
        std::uint32_t version = 0;                   // of the living allocation, 0: free
        std::map<std::size_t, std::uint32_t> scopes; // of holders, by client
    };
    std::map<std::uint32_t, block> blocks; // by slot
    std::array<std::map<std::uint32_t, std::uint32_t>, client_count> parents;

    [[nodiscard]] std::uint32_t in_use() const {
        return static_cast<std::uint32_t>(std::ranges::count_if(
            blocks, [](const auto& each) { return !each.second.scopes.empty(); }));
    }

    /** Why @p client may not do anything with a handle; default: it may. */
    [[nodiscard]] errc refusal(std::size_t client, std::uint64_t handle, bool freeing) const {
        const auto version = static_cast<std::uint32_t>(handle >> 32);
        const auto& named = blocks.at(static_cast<std::uint32_t>(handle));
        if (named.version != version)
            return freeing && named.version == version + 1 ? errc::double_free : errc::stale_handle;
        return named.scopes.contains(client) ? errc{} : errc::not_holder;
    }

    void drop(std::size_t client, std::uint32_t slot) {
        auto& named = blocks.at(slot);
        named.scopes.erase(client);
        if (named.scopes.empty())
            ++named.version;
    }

    [[nodiscard]] bool below(std::size_t client, std::uint32_t scope, std::uint32_t above) const {
        for (; scope != above; scope = parents.at(client).at(scope))
            if (scope == 0)
                return false;
        return true;
    }
};

class Model : public ::testing::TestWithParam<unsigned> {
  protected:
    void SetUp() override {
        std::error_code ec;
        for (auto& each : clients_) {
            each = open_local(ec);
            fixedpool_query query = {};
            each->call(query);
            numbers_.push_back(query.client);
        }
        fixedpool_pool_create create = {};
        std::snprintf(create.name, sizeof(create.name), "model");
        create.block_size = 24;
        create.blocks = pool_blocks;
        create.flags = FIXEDPOOL_POOL_AUTO_DESTROY;
        ASSERT_FALSE(clients_[0]->call(create));
        pool_ = create.id;
        for (std::size_t i = 1; i < client_count; ++i)
            attach(i);
        fixedpool_pool_info info = {};
        info.id = pool_;
        clients_[0]->call(info);
        for (std::uint32_t i = 0; i < pool_blocks; ++i)
            model_.blocks[info.first_slot + i] = {};
    }

    void attach(std::size_t client) {
        fixedpool_pool_attach request = {};
        std::snprintf(request.name, sizeof(request.name), "model");
        ASSERT_FALSE(clients_.at(client)->call(request));
        ASSERT_EQ(request.id, pool_);
    }

    std::uint32_t below(std::size_t bound) { return static_cast<std::uint32_t>(random_() % bound); }

    std::uint32_t any_scope(std::size_t client) {
        const auto& all = model_.parents.at(client);
        return all.empty() || below(3) == 0 ? 0 : std::next(all.begin(), below(all.size()))->first;
    }

    std::uint64_t any_handle() { return seen_.empty() ? 0 : seen_[below(seen_.size())]; }

    void alloc(std::size_t client) {
        std::array<std::uint64_t, 40> handles{};
        fixedpool_alloc request = {};
        request.pool = pool_;
        request.count = below(handles.size()) + 1;
        request.flags = below(2) != 0 ? FIXEDPOOL_ALLOC_PARTIAL : 0;
        request.scope = any_scope(client);
        request.handles = reinterpret_cast<std::uintptr_t>(handles.data());
        const auto ec = clients_.at(client)->call(request);
        const auto free = pool_blocks - model_.in_use();
        const auto expected = request.flags != 0      ? std::min(free, request.count)
                              : free >= request.count ? request.count
                                                      : 0;
        ASSERT_EQ(request.done, expected);
        ASSERT_EQ(ec, expected != 0 ? std::error_code{} : make_error_code(errc::out_of_blocks));
        for (std::uint32_t i = 0; i < request.done; ++i) {
            auto& taken = model_.blocks.at(static_cast<std::uint32_t>(handles.at(i)));
            const auto version = static_cast<std::uint32_t>(handles.at(i) >> 32);
            ASSERT_TRUE(taken.scopes.empty());
            ASSERT_EQ(version % 2, 1U);
            ASSERT_TRUE(taken.version == 0 || taken.version + 1 == version);
            taken.version = version;
            taken.scopes[client] = request.scope;
            seen_.push_back(handles.at(i));
        }
        if (seen_.size() > 400)
            seen_.erase(seen_.begin(), seen_.begin() + 100);
    }

    void free(std::size_t client) {
        std::vector<std::uint64_t> handles(below(12) + 1);
        // Often neighbours, as they were allocated.
        const auto first = below(seen_.size() + 1);
        const bool row = below(2) != 0 && first + handles.size() <= seen_.size();
        for (std::size_t i = 0; i < handles.size(); ++i)
            handles[i] = row ? seen_[first + i] : any_handle();
        fixedpool_free request = {};
        request.handles = reinterpret_cast<std::uintptr_t>(handles.data());
        request.count = static_cast<std::uint32_t>(handles.size());
        const auto ec = clients_.at(client)->call(request);
        std::uint32_t done = 0;
        auto expected = errc{};
        for (const auto each : handles) {
            expected = each != 0 ? model_.refusal(client, each, true) : errc::invalid_argument;
            if (expected != errc{})
                break;
            model_.drop(client, static_cast<std::uint32_t>(each));
            ++done;
        }
        ASSERT_EQ(request.done, done);
        ASSERT_EQ(ec.value(), static_cast<int>(expected));
    }

    template <typename request_type>
    void pass_on(std::size_t client, bool keep) {
        const auto other = below(client_count);
        const auto handle = any_handle();
        if (handle == 0)
            return;
        request_type request = {};
        request.handles = reinterpret_cast<std::uintptr_t>(&handle);
        request.count = 1;
        request.client = numbers_[other];
        const auto ec = clients_.at(client)->call(request);
        const auto expected = model_.refusal(client, handle, false);
        ASSERT_EQ(ec.value(), static_cast<int>(expected));
        if (expected != errc{} || other == client)
            return;
        auto& named = model_.blocks.at(static_cast<std::uint32_t>(handle));
        named.scopes.emplace(other, 0);
        if (!keep)
            named.scopes.erase(client);
    }

    void check(std::size_t client) {
        const auto handle = any_handle();
        if (handle == 0)
            return;
        fixedpool_check request = {};
        request.handle = handle;
        ASSERT_FALSE(clients_.at(client)->call(request));
        const auto& named = model_.blocks.at(static_cast<std::uint32_t>(handle));
        std::uint32_t expected = 0;
        if (named.version == handle >> 32) {
            expected = FIXEDPOOL_CHECK_ALIVE;
            expected |= named.scopes.contains(client) ? FIXEDPOOL_CHECK_MINE : 0;
            expected |= named.scopes.size() > 1 ? FIXEDPOOL_CHECK_SHARED : 0;
        }
        ASSERT_EQ(request.state, expected);
    }

    void create_scope(std::size_t client) {
        if (model_.parents.at(client).size() > 6)
            return;
        fixedpool_scope_create request = {};
        request.parent = any_scope(client);
        ASSERT_FALSE(clients_.at(client)->call(request));
        ASSERT_TRUE(model_.parents.at(client).emplace(request.scope, request.parent).second);
    }

    void end_scope(std::size_t client) {
        fixedpool_scope_release request = {};
        request.scope = any_scope(client);
        if (request.scope == 0 && below(5) != 0)
            return;
        const bool dissolve = request.scope != 0 && below(2) != 0;
        request.flags = dissolve ? FIXEDPOOL_SCOPE_DISSOLVE : 0;
        ASSERT_FALSE(clients_.at(client)->call(request));
        std::uint64_t count = 0;
        auto& parents = model_.parents.at(client);
        for (auto& [slot, each] : model_.blocks) {
            const auto held = each.scopes.find(client);
            if (held == each.scopes.end())
                continue;
            if (dissolve ? held->second != request.scope
                         : !model_.below(client, held->second, request.scope))
                continue;
            ++count;
            if (dissolve)
                held->second = parents.at(request.scope);
            else
                model_.drop(client, slot);
        }
        ASSERT_EQ(request.blocks, count);
        if (dissolve) {
            const auto up = parents.at(request.scope);
            for (auto& [scope, parent] : parents)
                parent = parent == request.scope ? up : parent;
            parents.erase(request.scope);
        } else {
            std::erase_if(parents, [&, before = model_](const auto& each) {
                return before.below(client, each.first, request.scope);
            });
        }
    }

    void leave_and_come_back() {
        const auto client = below(client_count - 1) + 1;
        fixedpool_pool_detach request = {.id = pool_, .flags = 0};
        ASSERT_FALSE(clients_.at(client)->call(request));
        for (auto& [slot, each] : model_.blocks)
            if (each.scopes.contains(client))
                model_.drop(client, slot);
        attach(client);
    }

    void compare() {
        fixedpool_pool_info info = {};
        info.id = pool_;
        ASSERT_FALSE(clients_[0]->call(info));
        ASSERT_EQ(info.in_use, model_.in_use());
    }

    model model_;
    std::mt19937 random_{GetParam()};
    std::array<std::unique_ptr<transport>, client_count> clients_;
    std::vector<std::uint32_t> numbers_;
    std::vector<std::uint64_t> seen_;
    std::uint32_t pool_ = 0;
};

TEST_P(Model, AgreesWithTheEngine) {
    for (int step = 0; step < 4000 && !HasFatalFailure(); ++step) {
        const auto client = below(client_count);
        switch (below(12)) {
        case 0:
        case 1:
        case 2:
            alloc(client);
            break;
        case 3:
        case 4:
        case 5:
            free(client);
            break;
        case 6:
            pass_on<fixedpool_give>(client, false);
            break;
        case 7:
            pass_on<fixedpool_share>(client, true);
            break;
        case 8:
            check(client);
            break;
        case 9:
            create_scope(client);
            break;
        case 10:
            end_scope(client);
            break;
        default:
            if (below(10) == 0)
                leave_and_come_back();
            break;
        }
        if (HasFatalFailure())
            FAIL() << "step " << step;
        compare();
    }
}

INSTANTIATE_TEST_SUITE_P(Seeds, Model, ::testing::Range(1U, 9U));

} // namespace
