/* SPDX-License-Identifier: MIT */
#include "c_border.hpp"

#include <string_view>
#include <vector>

using namespace fixedpool;
using namespace fixedpool::c;

namespace {

/** Has @p call make a set of the pools, which it may keep. */
template <typename function>
int made_of(const fp_client* client, const char* name, const fp_pool* const* pools,
            std::size_t count, fp_pool_set** made, function call) noexcept {
    return guarded([&]() -> int {
        if (missing(client, name) || missing(made) || (missing(pools) && count != 0))
            return FP_ERROR_BAD_ADDRESS;
        // As the interface's limit on the pools of a set is, but one: it is for it to refuse more.
        constexpr std::size_t enough = 33;
        std::vector<pool> members;
        for (const auto* each : std::span{pools, count < enough ? count : enough}) {
            if (missing(each))
                return FP_ERROR_BAD_ADDRESS;
            members.push_back(each->value);
        }
        std::error_code ec;
        auto set = call(client->value, name, std::span<const pool>{members}, ec);
        return hand_out(made, std::move(set), ec);
    });
}

} // namespace

extern "C" {

int fp_pool_set_create(const fp_client* client, const char* name, const fp_pool* const* pools,
                       std::size_t count, fp_pool_set** created) noexcept {
    return made_of(
        client, name, pools, count, created,
        [](const fixedpool::client& owner, std::string_view called, std::span<const pool> members,
           std::error_code& ec) { return pool_set::try_create(owner, called, members, ec); });
}

int fp_pool_set_open(const fp_client* client, const char* name, const fp_pool* const* pools,
                     std::size_t count, fp_pool_set** opened) noexcept {
    return made_of(
        client, name, pools, count, opened,
        [](const fixedpool::client& owner, std::string_view called, std::span<const pool> members,
           std::error_code& ec) { return pool_set::try_open(owner, called, members, ec); });
}

int fp_pool_set_destroy(const fp_client* client, const char* name) noexcept {
    if (missing(client) || missing(name))
        return FP_ERROR_BAD_ADDRESS;
    std::error_code ec;
    pool_set::try_destroy(client->value, name, ec);
    return status_of(ec);
}

int fp_pool_set_allocate(const fp_pool_set* set, std::uint32_t wanted, std::uint32_t flags,
                         fp_handle* allocated, void** block, std::size_t* size) noexcept {
    if (missing(set) || missing(allocated))
        return FP_ERROR_BAD_ADDRESS;
    const auto filled = wanted_by(flags);
    if (!filled)
        return FP_ERROR_INVALID_ARGUMENT;
    std::error_code ec;
    auto taken = set->value.try_allocate(wanted, *filled, ec);
    if (ec)
        return status_of(ec);
    tell<void*>(block, taken.data());
    tell(size, taken.size());
    *allocated = taken.release().value();
    return FP_OK;
}

void fp_pool_set_close(fp_pool_set* set) noexcept {
    delete set; // NOLINT(*-owning-memory)
}

} // extern "C"
