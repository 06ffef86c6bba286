/* SPDX-License-Identifier: MIT */
#include "c_border.hpp"

#include <algorithm>
#include <string_view>

using namespace fixedpool;
using namespace fixedpool::c;

namespace {

std::optional<caching> caching_of(std::uint32_t number) noexcept {
    switch (number) {
    case FP_CACHING_AUTOMATIC:
        return caching::automatic;
    case FP_CACHING_EXACT:
        return caching::exact;
    case FP_CACHING_NONE:
        return caching::none;
    default:
        return {};
    }
}

constexpr std::uint32_t all_flags =
    FP_POOL_AUTO_DESTROY | FP_POOL_NUMA_NODE | FP_POOL_ZERO_ON_ALLOCATE | FP_POOL_ZERO_ON_FREE |
    FP_POOL_POISON | FP_POOL_REVOCABLE | FP_POOL_PACKED | FP_POOL_TRACK | FP_POOL_REPORT_LEAKS;

} // namespace

extern "C" {

int fp_pool_create(const fp_client* client, const fp_pool_options* options,
                   fp_pool** created) noexcept {
    return guarded([&]() -> int {
        if (missing(client, created))
            return FP_ERROR_BAD_ADDRESS;
        fp_pool_options asked = FP_POOL_OPTIONS_INIT;
        if (const int refused = read_struct(options, asked); refused != FP_OK)
            return refused;
        const auto cache = caching_of(asked.caching);
        if (!cache || (asked.flags & ~all_flags) != 0)
            return FP_ERROR_INVALID_ARGUMENT;
        const auto is_set = [&asked](std::uint32_t flag) { return (asked.flags & flag) != 0; };
        pool_options wanted{.name = asked.name != nullptr ? asked.name : "",
                            .block_size = asked.block_size,
                            .blocks = asked.blocks,
                            .alignment = asked.alignment,
                            .max_blocks = asked.max_blocks,
                            .reserve = asked.reserve,
                            .storage = static_cast<storage_type>(asked.storage),
                            .auto_destroy = is_set(FP_POOL_AUTO_DESTROY),
                            .mode = asked.mode,
                            .zero_on_allocate = is_set(FP_POOL_ZERO_ON_ALLOCATE),
                            .zero_on_free = is_set(FP_POOL_ZERO_ON_FREE),
                            .poison = is_set(FP_POOL_POISON),
                            .revocable = is_set(FP_POOL_REVOCABLE),
                            .track = is_set(FP_POOL_TRACK),
                            .packed = is_set(FP_POOL_PACKED),
                            .cache = *cache,
                            .report_leaks = is_set(FP_POOL_REPORT_LEAKS)};
        if (is_set(FP_POOL_NUMA_NODE))
            wanted.numa_node = asked.numa_node;
        std::error_code ec;
        auto made = client->value.try_create(wanted, ec);
        const std::string name{made ? made.name() : ""};
        const int status = hand_out(created, std::move(made), ec);
        if (!ec && status != FP_OK) {
            std::error_code ignored;
            client->value.try_destroy(name, ignored);
        }
        return status;
    });
}

int fp_pool_attach(const fp_client* client, const char* name, std::uint32_t caching,
                   fp_pool** attached) noexcept {
    if (missing(client, name) || missing(attached))
        return FP_ERROR_BAD_ADDRESS;
    const auto cache = caching_of(caching);
    if (!cache)
        return FP_ERROR_INVALID_ARGUMENT;
    std::error_code ec;
    auto made = client->value.try_attach(name, *cache, ec);
    return hand_out(attached, std::move(made), ec);
}

int fp_pool_destroy(const fp_client* client, const char* name) noexcept {
    if (missing(client, name))
        return FP_ERROR_BAD_ADDRESS;
    std::error_code ec;
    client->value.try_destroy(name, ec);
    return status_of(ec);
}

int fp_pool_copy(const fp_pool* pool, fp_pool** copy) noexcept {
    return missing(pool, copy) ? FP_ERROR_BAD_ADDRESS : hand_out(copy, pool->value, {});
}

void fp_pool_close(fp_pool* pool) noexcept {
    delete pool; // NOLINT(*-owning-memory)
}

int fp_pool_get_info(const fp_pool* pool, fp_pool_info* info) noexcept {
    if (missing(pool))
        return FP_ERROR_BAD_ADDRESS;
    if (const int refused = writable(info); refused != FP_OK)
        return refused;
    const auto& asked = pool->value;
    fp_pool_info found{.size = 0,
                       .name = {},
                       .block_size = asked.block_size(),
                       .stride = asked.stride(),
                       .alignment = asked.alignment(),
                       .capacity = asked.capacity(),
                       .storage = static_cast<std::uint32_t>(asked.storage()),
                       .mappable = asked.mappable() ? 1U : 0U};
    const auto name = asked.name().substr(0, sizeof(found.name) - 1);
    std::ranges::copy(name, found.name);
    write_struct(info, found);
    return FP_OK;
}

int fp_pool_get_usage(const fp_pool* pool, fp_pool_usage* usage) noexcept {
    if (missing(pool))
        return FP_ERROR_BAD_ADDRESS;
    if (const int refused = writable(usage); refused != FP_OK)
        return refused;
    std::error_code ec;
    const auto found = pool->value.try_usage(ec);
    if (!ec)
        write_struct(usage, fp_pool_usage{.size = 0,
                                          .in_use = found.in_use,
                                          .peak = found.peak,
                                          .clients = found.clients,
                                          .blocks = found.blocks,
                                          .waiters = found.waiters});
    return status_of(ec);
}

std::uint32_t fp_pool_trim(const fp_pool* pool) noexcept {
    return missing(pool) ? 0 : pool->value.trim();
}

} // extern "C"
