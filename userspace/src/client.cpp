/* SPDX-License-Identifier: MIT */
#include <fixedpool/client.hpp>

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <iterator>
#include <new>
#include <utility>

#include <unistd.h>

#include <fixedpool/error.hpp>

#include "client_state.hpp"
#include "name.hpp"
#include "pool_state.hpp"

namespace fixedpool {
namespace {

using detail::put_name;

[[noreturn]] void refuse(std::error_code cause, const char* verb, std::string_view name,
                         const std::string& details = {}) {
    throw pool_error{cause, std::string{verb} + " pool '" + std::string{name} + '\'' + details,
                     name};
}

// What has as many bytes as a block is aligned as well as a block then, whatever it is, at no
// cost: blocks follow each other at the same distance.
std::uint32_t alignment_of(const pool_options& options) noexcept {
    constexpr std::uint32_t strictest = alignof(std::max_align_t);
    if (options.alignment == 0 && options.block_size != 0 && options.block_size % strictest == 0)
        return strictest;
    return options.alignment;
}

std::uint32_t flags_of(const pool_options& options) noexcept {
    const auto flag = [](bool wanted, std::uint32_t value) { return wanted ? value : 0; };
    return flag(options.auto_destroy, FIXEDPOOL_POOL_AUTO_DESTROY) |
           flag(options.numa_node.has_value(), FIXEDPOOL_POOL_NUMA_NODE) |
           flag(options.zero_on_allocate, FIXEDPOOL_POOL_ZERO_ON_ALLOC) |
           flag(options.zero_on_free, FIXEDPOOL_POOL_ZERO_ON_FREE) |
           flag(options.poison, FIXEDPOOL_POOL_POISON) |
           flag(options.revocable, FIXEDPOOL_POOL_REVOCABLE) |
           flag(options.track, FIXEDPOOL_POOL_TRACK) | flag(options.packed, FIXEDPOOL_POOL_PACKED);
}

// A name for a pool that is given none: others may have had the same idea, such as processes
// of the same number in other containers, so it is only the next to be tried.
void put_private_name(char (&field)[FIXEDPOOL_NAME_SIZE]) noexcept {
    static std::atomic<std::uint32_t> last = 0;
    const auto number = last.fetch_add(1, std::memory_order_relaxed);
    std::snprintf(field, std::size(field), "private-%u-%u", static_cast<unsigned>(::getpid()),
                  number);
}

bool is_name(std::string_view name) noexcept {
    constexpr std::string_view allowed =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    return !name.empty() && name.size() < FIXEDPOOL_NAME_SIZE && name.front() != '.' &&
           name.find_first_not_of(allowed) == std::string_view::npos;
}

/**
 * Which of the options has a value that no pool can have, for the message: who refuses does not
 * say. The last depend on the machine, and on where the pool is to be.
 */
std::string_view unfit_option(const pool_options& options) noexcept {
    constexpr std::uint32_t page = 4096;
    constexpr std::uint32_t permissions = 0666;
    const bool slab = options.storage == storage_type::slab;

    if (!options.name.empty() && !is_name(options.name))
        return "name";
    if (!slab && options.storage != storage_type::pages)
        return "storage";
    if (options.block_size == 0 ||
        options.block_size > (slab ? FIXEDPOOL_MAX_SLAB_BLOCK_SIZE : FIXEDPOOL_MAX_BLOCK_SIZE))
        return "block_size";
    if (options.blocks == 0)
        return "blocks";
    if (options.alignment != 0 &&
        (!std::has_single_bit(options.alignment) || options.alignment > page))
        return "alignment";
    if (options.max_blocks != 0 && options.max_blocks < options.blocks)
        return "max_blocks";
    if (options.reserve > options.blocks)
        return "reserve";
    if ((options.mode & ~permissions) != 0)
        return "mode";
    if (options.zero_on_free && options.poison)
        return "zero_on_free, poison";
    if (options.numa_node.has_value())
        return "numa_node";
    return options.revocable ? "revocable" : options.track ? "track" : "";
}

} // namespace

client::client(std::shared_ptr<detail::client_state> state) noexcept : state_{std::move(state)} {}

client client::open(const std::string& path) {
    std::error_code ec;
    auto result = try_open(path, ec);
    if (ec)
        throw error{ec, "open " + path};
    return result;
}

client client::try_open(std::error_code& ec) noexcept { return try_open(default_device, ec); }

client client::try_open(const std::string& path, std::error_code& ec) noexcept {
    auto transport = detail::open_device(path, ec);
    return ec ? client{} : make(std::move(transport), ec);
}

client client::open_in_process() {
    std::error_code ec;
    auto result = try_open_in_process(ec);
    if (ec)
        throw error{ec, "open a client in process"};
    return result;
}

client client::try_open_in_process(std::error_code& ec) noexcept {
    auto transport = detail::open_local(ec);
    return ec ? client{} : make(std::move(transport), ec);
}

client client::make(std::unique_ptr<detail::transport> transport, std::error_code& ec) noexcept {
    fixedpool_query module = {};
    ec = transport->call(module);
    if (!ec && module.abi_version != FIXEDPOOL_ABI_VERSION)
        ec = errc::abi_mismatch;
    if (ec)
        return {};
    try {
        return client{std::make_shared<detail::client_state>(detail::client_state{
            .transport = std::move(transport), .module = module, .pools = nullptr})};
    } catch (const std::bad_alloc&) {
        ec = errc::out_of_memory;
        return {};
    }
}

client_id client::id() const noexcept { return client_id{state_->module.client}; }

limits client::limits() const noexcept {
    return {.max_block_size = state_->module.max_block_size,
            .max_batch = state_->module.max_batch,
            .max_pools = state_->module.max_pools,
            .max_bytes = state_->module.max_bytes};
}

pool client::create(const pool_options& options) const {
    std::error_code ec;
    auto result = try_create(options, ec);
    if (!ec)
        return result;
    auto details = " of " + std::to_string(options.blocks) + " blocks of " +
                   std::to_string(options.block_size) + " bytes";
    if (const auto unfit = unfit_option(options); ec == errc::invalid_argument && !unfit.empty())
        details += " (" + std::string{unfit} + ')';
    refuse(ec, "create", options.name, details);
}

pool client::try_create(const pool_options& options, std::error_code& ec) const noexcept {
    const bool is_private = options.name.empty();
    fixedpool_pool_create request = {};
    ec = put_name(request.name, options.name);
    if (ec)
        return {};
    request.block_size = options.block_size;
    request.align = alignment_of(options);
    request.blocks = options.blocks;
    request.max_blocks = options.max_blocks;
    request.reserve = options.reserve;
    request.storage = static_cast<std::uint32_t>(options.storage);
    request.mode = options.mode;
    request.flags = flags_of(options) | (is_private ? FIXEDPOOL_POOL_AUTO_DESTROY : 0);
    request.numa_node = options.numa_node.value_or(0);
    do {
        if (is_private)
            put_private_name(request.name);
        ec = state_->transport->call(request);
    } while (is_private && ec == errc::name_taken);
    if (ec)
        return {};

    pool created{detail::pool_state::make(
        state_, request.id, {.cache = options.cache, .report_leaks = options.report_leaks}, ec)};
    if (ec) {
        std::error_code ignored;
        try_destroy(request.name, ignored);
    }
    return created;
}

pool client::attach(std::string_view name, const attach_options& how) const {
    std::error_code ec;
    auto result = try_attach(name, how, ec);
    if (ec)
        refuse(ec, "attach to", name);
    return result;
}

pool client::try_attach(std::string_view name, const attach_options& how,
                        std::error_code& ec) const noexcept {
    fixedpool_pool_attach request = {};
    ec = put_name(request.name, name);
    if (!ec)
        ec = state_->transport->call(request);
    if (ec)
        return {};
    return pool{detail::pool_state::make(state_, request.id, how, ec)};
}

void client::destroy(std::string_view name) const {
    std::error_code ec;
    if (!try_destroy(name, ec))
        refuse(ec, "destroy", name);
}

bool client::try_destroy(std::string_view name, std::error_code& ec) const noexcept {
    fixedpool_pool_destroy request = {};
    ec = put_name(request.name, name);
    if (!ec)
        ec = state_->transport->call(request);
    return !ec;
}

} // namespace fixedpool
