/* SPDX-License-Identifier: MIT */
#include <cerrno>
#include <memory>
#include <utility>
#include <vector>

#include "calls.hpp"
#include "registry.hpp"
#include "request.hpp"

namespace fixedpool::detail::local {

int carry_out(client& of, fixedpool_scope_create& request) {
    request.scope = root_scope;
    if (request.flags != 0 || request.reserved != 0)
        return EINVAL;
    return of.create_scope(request.parent, request.scope);
}

int carry_out(client& of, fixedpool_scope_release& request) noexcept {
    const bool dissolve = (request.flags & FIXEDPOOL_SCOPE_DISSOLVE) != 0;
    std::uint64_t blocks = 0;
    request.blocks = 0;
    if ((request.flags & ~FIXEDPOOL_SCOPE_DISSOLVE) != 0)
        return EINVAL;
    // The root has nobody to leave anything to.
    if (dissolve && request.scope == root_scope)
        return EINVAL;
    const int error = dissolve ? of.dissolve_scope(request.scope, blocks)
                               : of.release_scope(request.scope, blocks);
    request.blocks = blocks;
    return error;
}

int carry_out(client& of, fixedpool_set_create& request) {
    if (!terminated(request.name) || request.flags != 0 || request.reserved != 0)
        return EINVAL;
    if (request.count > FIXEDPOOL_MAX_SET_POOLS || (request.count == 0 && request.pools != 0))
        return EINVAL;
    if (request.count == 0)
        return registry::instance().open_set(request.name, of, request.id);
    std::vector<std::shared_ptr<pool>> pools;
    for (const auto id : array_at<const std::uint32_t>(request.pools, request.count)) {
        const auto att = of.find_pool(id);
        if (!att)
            return ENXIO;
        pools.push_back(att->shared_pool());
    }
    return registry::instance().create_set(request.name, std::move(pools), of, request.id);
}

int carry_out(client& of, fixedpool_set_destroy& request) {
    if (!terminated(request.name) || request.flags != 0)
        return EINVAL;
    if (request.name[0] != '\0')
        return request.id != 0 ? EINVAL : registry::instance().destroy_set(request.name);
    const auto left = of.drop_set(request.id);
    if (!left)
        return ENXIO;
    registry::instance().close_set(left);
    return 0;
}

} // namespace fixedpool::detail::local
