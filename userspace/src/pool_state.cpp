/* SPDX-License-Identifier: MIT */
#include "pool_state.hpp"

#include <algorithm>
#include <chrono>
#include <limits>
#include <new>
#include <utility>

#include <fixedpool/error.hpp>

#include "name.hpp"

namespace fixedpool::detail {
namespace {

std::uint64_t address_of(const void* pointer) noexcept {
    return reinterpret_cast<std::uintptr_t>(pointer);
}

/**
 * Passes @p handles to @p call, not more than @p max_batch at a time, until it
 * stops early. @p call takes a batch and the code to set, and returns how many
 * of the batch were served.
 */
template <typename handle_type, typename function>
std::size_t in_batches(std::span<handle_type> handles, std::uint32_t max_batch, std::error_code& ec,
                       function call) noexcept {
    ec.clear();
    std::size_t served = 0;
    while (served < handles.size()) {
        const auto rest = handles.subspan(served);
        const auto batch = rest.first(std::min<std::size_t>(rest.size(), max_batch));
        const std::size_t done = call(batch, ec);
        served += done;
        if (ec || done < batch.size())
            break;
    }
    return served;
}

std::uint32_t flags_of(contents wanted) noexcept {
    return wanted == contents::zero ? FIXEDPOOL_ALLOC_ZERO : 0;
}

/** The interface's deadline; std::chrono::steady_clock is CLOCK_MONOTONIC on Linux. */
std::uint64_t monotonic(deadline until) noexcept {
    if (until == never)
        return FIXEDPOOL_NEVER;
    const std::chrono::nanoseconds time = until.time_since_epoch();
    return static_cast<std::uint64_t>(std::max<std::int64_t>(time.count(), 0));
}

} // namespace

std::shared_ptr<const pool_state> pool_state::make(std::shared_ptr<client_state> client,
                                                   std::uint32_t id, std::error_code& ec) noexcept {
    auto* const transport = client->transport.get();
    try {
        auto state = std::make_shared<const pool_state>(std::move(client), id, ec);
        return ec ? nullptr : state;
    } catch (const std::bad_alloc&) {
        fixedpool_pool_detach request = {.id = id, .flags = 0};
        transport->call(request);
        ec = errc::out_of_memory;
        return {};
    }
}

pool_state::pool_state(std::shared_ptr<client_state> client, std::uint32_t id,
                       std::error_code& ec) noexcept
    : client_{std::move(client)} {
    info_.id = id;
    ec = module().call(info_);
    if (!ec && info_.data_length != 0)
        ec = map();
}

pool_state::~pool_state() {
    fixedpool_pool_detach request = {.id = info_.id, .flags = 0};
    module().call(request);
}

std::error_code pool_state::map() noexcept {
    std::error_code ec;
    data_ = module().map(info_.data_offset, info_.data_length, access::read_write, ec);
    if (ec)
        return ec;
    versions_ = module().map(info_.versions_offset, info_.versions_length, access::read, ec);
    if (ec)
        return ec;
    geometry_ = geometry{info_.chunk_blocks, info_.chunk_size, info_.stride};
    return ec;
}

pool_usage pool_state::usage(std::error_code& ec) const noexcept {
    fixedpool_pool_info request = {};
    request.id = info_.id;
    ec = module().call(request);
    if (ec)
        return {};
    return {.in_use = request.in_use,
            .peak = request.peak,
            .clients = request.clients,
            .blocks = request.blocks,
            .waiters = request.waiters};
}

fixedpool_alloc pool_state::allocation(std::span<handle> batch,
                                       std::uint32_t flags) const noexcept {
    fixedpool_alloc request = {};
    request.pool = info_.id;
    request.flags = flags;
    request.count = static_cast<std::uint32_t>(batch.size());
    request.handles = address_of(batch.data());
    return request;
}

std::size_t pool_state::allocate(std::span<handle> handles, std::uint32_t flags,
                                 std::uint32_t scope, std::error_code& ec) const noexcept {
    return in_batches(handles, client_->module.max_batch, ec,
                      [&](std::span<handle> batch, std::error_code& stopped) {
                          auto request = allocation(batch, flags);
                          request.scope = scope;
                          stopped = module().call(request);
                          return std::size_t{request.done};
                      });
}

std::size_t pool_state::allocate_all(std::span<handle> handles, contents wanted,
                                     std::error_code& ec, std::uint32_t scope) const noexcept {
    const auto taken = allocate(handles, flags_of(wanted), scope, ec);
    if (!ec)
        return taken;
    std::error_code ignored;
    free(handles.first(taken), ignored);
    return 0;
}

std::size_t pool_state::allocate_until(std::span<handle> handles, deadline until, contents wanted,
                                       std::error_code& ec) const noexcept {
    ec.clear();
    if (handles.empty())
        return 0;
    // Whoever waited for the second batch would keep the first from others, who
    // might do the same.
    if (handles.size() > client_->module.max_batch) {
        ec = errc::invalid_argument;
        return 0;
    }
    auto request = allocation(handles, flags_of(wanted) | FIXEDPOOL_ALLOC_WAIT);
    request.timeout = monotonic(until);
    ec = module().call(request);
    return request.done;
}

std::size_t pool_state::allocate_some(std::span<handle> handles, contents wanted,
                                      std::error_code& ec) const noexcept {
    const auto taken = allocate(handles, flags_of(wanted) | FIXEDPOOL_ALLOC_PARTIAL, 0, ec);
    if (taken != 0)
        ec.clear();
    return taken;
}

std::size_t pool_state::free(std::span<const handle> handles, std::error_code& ec) const noexcept {
    return in_batches(handles, client_->module.max_batch, ec,
                      [&](std::span<const handle> batch, std::error_code& stopped) {
                          fixedpool_free request = {};
                          request.handles = address_of(batch.data());
                          request.count = static_cast<std::uint32_t>(batch.size());
                          stopped = module().call(request);
                          return std::size_t{request.done};
                      });
}

template <typename request_type>
std::size_t pool_state::pass_on(std::span<const handle> handles, client_id receiver,
                                std::error_code& ec) const noexcept {
    return in_batches(handles, client_->module.max_batch, ec,
                      [&](std::span<const handle> batch, std::error_code& stopped) {
                          request_type request = {};
                          request.handles = address_of(batch.data());
                          request.count = static_cast<std::uint32_t>(batch.size());
                          request.client = static_cast<std::uint32_t>(receiver);
                          stopped = module().call(request);
                          return std::size_t{request.done};
                      });
}

std::size_t pool_state::give(std::span<const handle> handles, client_id receiver,
                             std::error_code& ec) const noexcept {
    return pass_on<fixedpool_give>(handles, receiver, ec);
}

std::size_t pool_state::share(std::span<const handle> handles, client_id receiver,
                              std::error_code& ec) const noexcept {
    return pass_on<fixedpool_share>(handles, receiver, ec);
}

handle_state pool_state::check(handle name, std::error_code& ec) const noexcept {
    fixedpool_check request = {};
    request.handle = name.value();
    ec = module().call(request);
    if (ec)
        return {};
    return {.alive = (request.state & FIXEDPOOL_CHECK_ALIVE) != 0,
            .mine = (request.state & FIXEDPOOL_CHECK_MINE) != 0,
            .shared = (request.state & FIXEDPOOL_CHECK_SHARED) != 0};
}

std::error_code pool_state::read(handle name, std::uint32_t offset,
                                 std::span<std::byte> bytes) const noexcept {
    if (bytes.size() > std::numeric_limits<std::uint32_t>::max())
        return errc::beyond_block;
    fixedpool_read request = {};
    request.handle = name.value();
    request.buffer = address_of(bytes.data());
    request.offset = offset;
    request.length = static_cast<std::uint32_t>(bytes.size());
    return module().call(request);
}

std::error_code pool_state::write(handle name, std::uint32_t offset,
                                  std::span<const std::byte> bytes) const noexcept {
    if (bytes.size() > std::numeric_limits<std::uint32_t>::max())
        return errc::beyond_block;
    fixedpool_write request = {};
    request.handle = name.value();
    request.buffer = address_of(bytes.data());
    request.offset = offset;
    request.length = static_cast<std::uint32_t>(bytes.size());
    return module().call(request);
}

std::unique_ptr<channel_end> pool_state::create_channel(std::string_view name,
                                                        std::uint32_t capacity, std::uint32_t flags,
                                                        std::error_code& ec) const noexcept {
    fixedpool_channel_create request = {};
    ec = put_name(request.name, name);
    if (ec)
        return {};
    request.pool = info_.id;
    request.capacity = capacity;
    request.flags = flags;
    return module().open(request, ec);
}

std::unique_ptr<channel_end> pool_state::open_channel(std::string_view name, std::uint32_t flags,
                                                      std::error_code& ec) const noexcept {
    fixedpool_channel_open request = {};
    ec = put_name(request.name, name);
    if (ec)
        return {};
    request.pool = info_.id;
    request.flags = flags;
    return module().open(request, ec);
}

std::uint32_t pool_state::watch(std::uint32_t low, std::uint32_t high, int event,
                                std::error_code& ec) const noexcept {
    fixedpool_watch request = {};
    request.pool = info_.id;
    request.low = low;
    request.high = high;
    request.fd = event;
    ec = module().call(request);
    return request.id;
}

void pool_state::unwatch(std::uint32_t number) const noexcept {
    fixedpool_watch request = {};
    request.pool = info_.id;
    request.flags = FIXEDPOOL_WATCH_REMOVE;
    request.id = number;
    module().call(request);
}

std::byte* pool_state::get(handle name) const noexcept {
    const auto index = index_of(name);
    if (!index || !versions_ || name.version() % 2 == 0)
        return nullptr;
    // Acquire: pairs with the store that published the allocation, so that its
    // contents are seen with it.
    const auto* words = reinterpret_cast<const std::uint32_t*>(versions_.get());
    if (__atomic_load_n(words + *index, __ATOMIC_ACQUIRE) != name.version())
        return nullptr;
    return address(*index);
}

} // namespace fixedpool::detail
