/* SPDX-License-Identifier: MIT */
#include <cerrno>
#include <cstring>
#include <utility>

#include "calls.hpp"
#include "holding.hpp"
#include "request.hpp"

namespace fixedpool::detail::local {
namespace {

/** READ and WRITE, which differ in the direction. */
template <typename request_type, typename function>
int transfer(client& of, const request_type& request, function copy) noexcept {
    if (request.flags != 0 || request.reserved != 0)
        return EINVAL;
    holding lent;
    int error = lent.resolve(of, request.handle);
    if (error == 0)
        error = borrow(lent);
    if (error != 0)
        return error;
    const auto size = lent.att->pool().shape().block_size;
    if (request.offset > size || request.length > size - request.offset)
        error = EMSGSIZE;
    else if (request.length != 0)
        copy(lent.att->pool().block(lent.index) + request.offset);
    give_back(lent);
    return error;
}

/** GIVE and SHARE. */
template <typename request_type, typename function>
int for_each_handle(client& of, request_type& request, function act) {
    request.done = 0;
    if (!batch_valid(request.count) || request.flags != 0)
        return EINVAL;
    holding named;
    for (const auto each : array_at<const std::uint64_t>(request.handles, request.count)) {
        int error = named.resolve(of, each);
        if (error == 0)
            error = act(named, request.client);
        if (error != 0)
            return error;
        ++request.done;
    }
    return 0;
}

} // namespace

int carry_out(client& of, fixedpool_free& request) noexcept {
    request.done = 0;
    if (!batch_valid(request.count) || request.flags != 0 || request.reserved != 0)
        return EINVAL;
    return free_all(of, array_at<const std::uint64_t>(request.handles, request.count),
                    request.done);
}

int carry_out(client& of, fixedpool_check& request) noexcept {
    holding asked;
    request.state = 0;
    const int error = request.flags != 0 ? EINVAL : asked.resolve(of, request.handle);
    if (error == 0)
        request.state = state_of(asked);
    return error;
}

int carry_out(client& of, fixedpool_read& request) noexcept {
    return transfer(of, request, [&](std::byte* block) {
        std::memcpy(array_at<std::byte>(request.buffer, request.length).data(), block,
                    request.length);
    });
}

int carry_out(client& of, fixedpool_write& request) noexcept {
    return transfer(of, request, [&](std::byte* block) {
        std::memcpy(block, array_at<const std::byte>(request.buffer, request.length).data(),
                    request.length);
    });
}

int carry_out(client& of, fixedpool_give& request) { return for_each_handle(of, request, give); }

int carry_out(client& of, fixedpool_share& request) { return for_each_handle(of, request, share); }

int carry_out(client& of, fixedpool_cache_fill& request) noexcept {
    request.done = 0;
    if (!batch_valid(request.count) || request.flags != 0)
        return EINVAL;
    const auto att = of.find_pool(request.pool);
    if (!att)
        return ENXIO;
    if (!att->pool().shape().mappable)
        return ENODEV;
    auto* const blocks = array_at<std::uint32_t>(request.blocks, request.count).data();
    auto reserved = att->pool().reserve(1, request.count);
    if (reserved == 0)
        return ENOBUFS;
    while (reserved != 0) {
        std::uint32_t word = 0;
        const auto mask = fill(*att, reserved, word);
        reserved -= count_of(mask);
        for_each_block(word, mask, [&](std::uint32_t index) { blocks[request.done++] = index; });
    }
    return 0;
}

int carry_out(client& of, fixedpool_cache_drain& request) noexcept {
    request.done = 0;
    if (!batch_valid(request.count) || request.flags != 0)
        return EINVAL;
    auto att = of.find_pool(request.pool);
    if (!att)
        return ENXIO;
    if (!att->pool().shape().mappable)
        return ENODEV;
    return drain(std::move(att), array_at<const std::uint32_t>(request.blocks, request.count),
                 request.done);
}

} // namespace fixedpool::detail::local
