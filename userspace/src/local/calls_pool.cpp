/* SPDX-License-Identifier: MIT */
#include <algorithm>
#include <cerrno>
#include <iterator>

#include "calls.hpp"
#include "registry.hpp"
#include "request.hpp"

namespace fixedpool::detail::local {
namespace {

std::uint64_t map_offset(const pool& of) noexcept {
    return std::uint64_t{of.id()} << map_unit_shift;
}

/** May @p wanted of a pool be mapped? Returns: 0; ENODEV; EINVAL; EACCES. */
int check_map(const shape& of, const extent& wanted, bool writable) noexcept {
    if (wanted.begin % page_bytes != 0 || wanted.length == 0)
        return EINVAL;
    if (!of.mappable)
        return ENODEV;
    if (of.data().contains(wanted) || of.versions().contains(wanted))
        return 0;
    if (!of.header().contains(wanted) && !of.holds().contains(wanted))
        return EINVAL;
    return writable ? EACCES : 0;
}

/** Where the parts of a pool that can be mapped are. */
void put_extents(const pool& of, fixedpool_pool_info& request) noexcept {
    const auto& shape = of.shape();
    const auto first = map_offset(of);
    request.data_offset = first + shape.data().begin;
    request.data_length = shape.data().length;
    request.header_offset = first + shape.header().begin;
    request.header_length = shape.header().length;
    request.versions_offset = first + shape.versions().begin;
    request.versions_length = shape.versions().length;
    request.holds_offset = first + shape.holds().begin;
    request.holds_length = shape.holds().length;
}

} // namespace

int carry_out(client& of, fixedpool_query& request) noexcept {
    request = {};
    request.features = FIXEDPOOL_FEATURE_GIVE | FIXEDPOOL_FEATURE_SHARE | FIXEDPOOL_FEATURE_SCOPES |
                       FIXEDPOOL_FEATURE_WAIT | FIXEDPOOL_FEATURE_SETS |
                       FIXEDPOOL_FEATURE_CHANNELS | FIXEDPOOL_FEATURE_CACHE |
                       FIXEDPOOL_FEATURE_WATCH | FIXEDPOOL_FEATURE_GROW |
                       FIXEDPOOL_FEATURE_HYGIENE | FIXEDPOOL_FEATURE_HOLDS;
    request.abi_version = FIXEDPOOL_ABI_VERSION;
    request.client = of.number;
    request.max_block_size = FIXEDPOOL_MAX_BLOCK_SIZE;
    request.max_batch = FIXEDPOOL_MAX_BATCH;
    return 0;
}

int carry_out(client& of, fixedpool_pool_create& request) {
    return registry::instance().create_pool(request, of, request.id);
}

int carry_out(client& of, fixedpool_pool_attach& request) {
    if (!terminated(request.name) || request.flags != 0)
        return EINVAL;
    return registry::instance().attach_pool(request.name, of, request.id);
}

int carry_out(client& of, fixedpool_pool_detach& request) noexcept {
    return request.flags != 0 ? EINVAL : of.detach(request.id);
}

int carry_out(client& /*of*/, fixedpool_pool_destroy& request) {
    if (!terminated(request.name) || request.flags != 0 || request.reserved != 0)
        return EINVAL;
    return registry::instance().destroy_pool(request.name);
}

int carry_out(client& of, fixedpool_pool_info& request) noexcept {
    if (request.query_flags != 0)
        return EINVAL;
    const auto att = of.find_pool(request.id);
    if (!att)
        return ENXIO;
    const auto& pool = att->pool();
    const auto& shape = pool.shape();
    request = {};
    request.id = pool.id();
    request.block_size = shape.block_size;
    request.stride = shape.stride;
    request.align = shape.align;
    request.blocks = pool.blocks_begun();
    request.reserve = pool.registered.reserve;
    request.storage = pool.registered.storage;
    request.flags = pool.registered.flags;
    request.mode = pool.registered.mode;
    request.uid = pool.registered.uid;
    request.gid = pool.registered.gid;
    request.numa_node = pool.registered.numa_node;
    request.first_slot = pool.first_slot();
    request.in_use = pool.in_use();
    request.peak = pool.peak();
    request.clients = pool.registered.attached.load();
    request.max_blocks = shape.blocks;
    request.waiters = pool.waiters();
    if (shape.mappable) {
        request.chunk_blocks = shape.blocks;
        request.chunk_size = shape.data_bytes();
        put_extents(pool, request);
    }
    std::ranges::copy(pool.registered.name, std::begin(request.name));
    return 0;
}

int carry_out(client& of, fixedpool_watch& request) {
    if ((request.flags & ~FIXEDPOOL_WATCH_REMOVE) != 0)
        return EINVAL;
    const auto att = of.find_pool(request.pool);
    if (!att)
        return ENXIO;
    auto& watched = att->pool().watched();
    const auto most = att->pool().shape().blocks;
    if ((request.flags & FIXEDPOOL_WATCH_REMOVE) != 0) {
        if (request.low != 0 || request.high != 0 || request.fd != 0)
            return EINVAL;
        return watched.remove(att.get(), request.id);
    }
    if (request.id != 0 || (request.low == 0 && request.high == 0))
        return EINVAL;
    if (request.low > most || request.high > most)
        return EINVAL;
    if (request.high != 0 && request.high < request.low)
        return EINVAL;
    return watched.add(att.get(), request.low, request.high, request.fd, request.id);
}

// There is nothing to map: the memory is there, and handed out as it is. Nobody is
// kept from writing to it, whatever he has asked for; not even to header and holds,
// which the engine relies on.
int map(const client& of, const mapped_range& wanted,
        std::shared_ptr<std::byte[]>& mapped) noexcept {
    const auto unit = wanted.offset >> map_unit_shift;
    const auto att =
        unit < slot_units ? of.find(static_cast<std::uint32_t>(unit)) : attachment_ref{};
    if (!att)
        return ENXIO;
    const auto& pool = att->pool();
    const auto from = wanted.offset - map_offset(pool);
    const int error =
        check_map(pool.shape(), {.begin = from, .length = wanted.length}, wanted.writable);
    // The pool lives as long as the mapping.
    if (error == 0)
        mapped = {att->shared_pool(), pool.data() + from};
    return error;
}

bool keep_books(client& of, std::uint32_t pool, std::byte* begin, unsigned bits) noexcept {
    const auto att = of.find_pool(pool);
    return att && att->pool().opens_books() && att->pool().keep_books(begin, bits);
}

void end_books(client& of, std::uint32_t pool, const std::byte* begin) noexcept {
    if (const auto att = of.find_pool(pool))
        att->pool().end_books(begin);
}

} // namespace fixedpool::detail::local
