/* SPDX-License-Identifier: MIT */
#include "pool_state.hpp"

#include <algorithm>
#include <limits>
#include <new>
#include <utility>

#include <sys/mman.h>

#include <fixedpool/error.hpp>

#include "address.hpp"
#include "caches.hpp"
#include "name.hpp"
#include "thrift.hpp"

namespace fixedpool::detail {

std::shared_ptr<const pool_state> pool_state::make(std::shared_ptr<client_state> client,
                                                   std::uint32_t id, const attach_options& how,
                                                   std::error_code& ec) noexcept {
    auto* const transport = client->transport.get();
    auto* const made = new (std::nothrow) pool_state{std::move(client), id, how, ec};
    if (made == nullptr) {
        fixedpool_pool_detach request = {.id = id, .flags = 0};
        transport->call(request);
        ec = errc::out_of_memory;
        return {};
    }
    try {
        std::shared_ptr<const pool_state> state{made, &pool_state::close};
        return ec ? nullptr : state;
    } catch (const std::bad_alloc&) { // and closed
        ec = errc::out_of_memory;
        return {};
    }
}

pool_state::pool_state(std::shared_ptr<client_state> client, std::uint32_t id,
                       const attach_options& how, std::error_code& ec) noexcept
    : client_{std::move(client)} {
    info_.id = id;
    ec = module().call(info_);
    if (ec)
        return;
    auto& caches = caches::instance();
    static_cast<void>(caches.lock());
    next_ = client_->pools;
    client_->pools = this;
    caches.unlock();
    table_.first_slot = info_.first_slot;
    table_.blocks = info_.max_blocks;
    if (info_.data_length != 0)
        ec = map();
    if (!ec && how.report_leaks) {
        ledger_ = ledger::make(table_.blocks);
        if (!ledger_)
            ec = errc::out_of_memory;
    } else if (!ec) {
        begin_caching(how.cache);
    }
}

pool_state::~pool_state() {
    cache_.reset();
    report_leaks();
    leave_client();
    standings_region_.reset();
    fixedpool_pool_detach request = {.id = info_.id, .flags = 0};
    module().call(request);
}

void pool_state::leave_client() const noexcept {
    auto& caches = caches::instance();
    static_cast<void>(caches.lock());
    for (const auto** each = &client_->pools; *each != nullptr; each = &(*each)->next_)
        if (*each == this) {
            *each = next_;
            break;
        }
    caches.unlock();
}

void pool_state::close(const pool_state* left) noexcept {
    const auto counted = left->cache_ ? left->cache_->close() : 0;
    const auto change = counted - referred;
    // Acquire and release: what each owner did to his block lies before its end.
    if (left->owners_.fetch_add(change, std::memory_order_acq_rel) + change == 0)
        delete left; // NOLINT(*-owning-memory)
}

std::vector<held_block> pool_state::held() const {
    std::vector<held_block> blocks;
    ledger_->for_each([&](held_block& noted) {
        std::error_code ignored;
        if (check(noted.handle, ignored).mine)
            blocks.push_back(std::move(noted));
    });
    return blocks;
}

void pool_state::report_leaks() const noexcept {
    const auto handler = leak_handler_in_use();
    if (!ledger_ || handler == nullptr)
        return;
    try {
        if (const auto blocks = held(); !blocks.empty())
            handler({.pool = static_cast<const char*>(info_.name),
                     .block_size = info_.block_size,
                     .blocks = blocks});
    } catch (const std::bad_alloc&) { // NOLINT(bugprone-empty-catch)
        // No memory, no report.
    }
}

void pool_state::add_owner() const noexcept {
    if (!count_owners(1))
        owners_.fetch_add(1, std::memory_order_relaxed);
}

void pool_state::drop_owner() const noexcept {
    if (!count_owners(-1) && owners_.fetch_sub(1, std::memory_order_acq_rel) == 1)
        delete this; // NOLINT(*-owning-memory)
}

std::error_code pool_state::map() noexcept {
    std::error_code ec;
    data_region_ = module().map(info_.data_offset, info_.data_length, access::read_write, ec);
    if (ec)
        return ec;
    versions_region_ =
        module().map(info_.versions_offset, info_.versions_length, access::read_write, ec);
    if (ec)
        return ec;
    data_ = data_region_.get();
    data_length_ = info_.data_length;
    table_.versions = reinterpret_cast<std::uint32_t*>(versions_region_.get());
    mapped_ = table_.blocks;
    geometry_ = geometry{info_.chunk_blocks, info_.chunk_size, info_.stride};
    return ec;
}

/** Zeroes, one for each block. In the child of fork() the parent's, where that is the same client.
 */
mapping pool_state::new_standings() const noexcept {
    constexpr unsigned bits = 8;
    const std::size_t bytes = info_.max_blocks;
    const int sharing = module().survives_fork() ? MAP_SHARED : MAP_PRIVATE;
    const int touched = thrift::on() ? MAP_NORESERVE : MAP_POPULATE;
    const int allowed = thrift::on() ? PROT_NONE : PROT_READ | PROT_WRITE;
    void* const begin = ::mmap(nullptr, bytes, allowed, sharing | MAP_ANONYMOUS | touched, -1, 0);
    if (begin == MAP_FAILED)
        return {};
    bool kept = false;
    if (thrift::on()) {
        ::madvise(begin, bytes, MADV_NOHUGEPAGE);
        kept = module().keep_books(info_.id, static_cast<std::byte*>(begin), bits);
        if (!kept && ::mprotect(begin, bytes, PROT_READ | PROT_WRITE) != 0) {
            ::munmap(begin, bytes);
            return {};
        }
    }
    try {
        return {static_cast<std::byte*>(begin), [this, kept, bytes](std::byte* mapped) noexcept {
                    if (kept)
                        module().end_books(info_.id, mapped);
                    ::munmap(mapped, bytes);
                }};
    } catch (const std::bad_alloc&) { // and unmapped
        return {};
    }
}

/** Whatever stands in the way: then every block is taken and freed by a call. */
void pool_state::begin_caching(caching wanted) noexcept {
    // What these do to each block, they do where it leaves the pool and comes back.
    constexpr std::uint32_t attended = FIXEDPOOL_POOL_ZERO_ON_ALLOC | FIXEDPOOL_POOL_ZERO_ON_FREE |
                                       FIXEDPOOL_POOL_POISON | FIXEDPOOL_POOL_REVOCABLE |
                                       FIXEDPOOL_POOL_TRACK;
    constexpr auto needed = FIXEDPOOL_FEATURE_CACHE | FIXEDPOOL_FEATURE_HOLDS;
    const auto others = module().survives_fork() ? cache::others::processes : cache::others::none;
    auto size = thrift::on() ? cache::thrifty_size_for(info_.max_blocks, info_.stride)
                             : cache::size_for(info_.max_blocks, others);
    size.exact = wanted == caching::exact;
    if (wanted == caching::none || size.batch == 0 || (info_.flags & attended) != 0 ||
        (client_->module.features & needed) != needed || data_ == nullptr ||
        info_.holds_length == 0 || info_.header_length == 0)
        return;
    std::error_code ec;
    holds_region_ = module().map(info_.holds_offset, info_.holds_length, access::read, ec);
    if (!ec)
        header_region_ = module().map(info_.header_offset, info_.header_length, access::read, ec);
    standings_region_ = new_standings();
    if (ec || !standings_region_)
        return;
    table_.standings = reinterpret_cast<std::uint8_t*>(standings_region_.get());
    table_.holds = reinterpret_cast<const std::uint16_t*>(holds_region_.get());
    table_.waiters = &reinterpret_cast<const fixedpool_header*>(header_region_.get())->waiters;
    cache_ = cache::make(module(), info_.id, table_, size);
    if (!cache_)
        return;
    exact_ = wanted == caching::exact;
    cache_number_ = cache_->number();
}

pool_usage pool_state::usage(std::error_code& ec) const noexcept {
    fixedpool_pool_info request = {};
    request.id = info_.id;
    ec = module().call(request);
    if (ec)
        return {};
    // What is cached is free for this process, and at once for who waits.
    const auto cached = cache_ ? cache_->blocks() : 0;
    return {.in_use = request.in_use - std::min(request.in_use, cached),
            .peak = request.peak,
            .clients = request.clients,
            .blocks = request.blocks,
            .waiters = request.waiters};
}

std::uint32_t pool_state::blocks() const noexcept {
    fixedpool_pool_info request = {};
    request.id = info_.id;
    return module().call(request) ? 0 : request.blocks;
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

} // namespace fixedpool::detail
