/* SPDX-License-Identifier: MIT */
#include "pool_state.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <limits>
#include <new>
#include <utility>

#include <sys/mman.h>

#include <fixedpool/error.hpp>

#include "caches.hpp"
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
                                                   std::uint32_t id, caching wanted,
                                                   std::error_code& ec) noexcept {
    auto* const transport = client->transport.get();
    auto* const made = new (std::nothrow) pool_state{std::move(client), id, wanted, ec};
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

pool_state::pool_state(std::shared_ptr<client_state> client, std::uint32_t id, caching wanted,
                       std::error_code& ec) noexcept
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
    first_slot_ = info_.first_slot;
    max_blocks_ = info_.max_blocks;
    if (info_.data_length != 0)
        ec = map();
    if (!ec)
        begin_caching(wanted);
}

pool_state::~pool_state() {
    cache_.reset();
    leave_client();
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
    versions_ = reinterpret_cast<std::uint32_t*>(versions_region_.get());
    geometry_ = geometry{info_.chunk_blocks, info_.chunk_size, info_.stride};
    return ec;
}

/** Zeroes, one for each block. In the child of fork() the parent's, where that is the same client.
 */
mapping pool_state::new_standings() const noexcept {
    const std::size_t bytes = info_.max_blocks;
    const int sharing = module().survives_fork() ? MAP_SHARED : MAP_PRIVATE;
    void* const begin = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                               sharing | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (begin == MAP_FAILED)
        return {};
    try {
        return {static_cast<std::byte*>(begin),
                [bytes](std::byte* mapped) noexcept { ::munmap(mapped, bytes); }};
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
    auto size = cache::size_for(info_.max_blocks);
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
    cache_ = cache::make(module(), info_.id, size);
    if (!cache_)
        return;
    holds_ = reinterpret_cast<const std::uint16_t*>(holds_region_.get());
    waiters_ = &reinterpret_cast<const fixedpool_header*>(header_region_.get())->waiters;
    standings_ = reinterpret_cast<std::uint8_t*>(standings_region_.get());
    exact_ = wanted == caching::exact;
    cache_number_ = cache_->number();
}

handle pool_state::allocate_one(contents wanted, counting count,
                                std::error_code& ec) const noexcept {
    handle taken;
    ec.clear();
    auto* const mine = cache_ ? cache_->mine() : nullptr;
    if (mine != nullptr) {
        if (mine->enter()) {
            if (mine->count.load(std::memory_order_relaxed) == 0)
                cache_->refill(*mine);
            mine->leave();
        }
        taken = count == counting::yes ? take<counting::yes>() : take<counting::no>();
    }
    if (!taken) {
        allocate(std::span{&taken, 1}, flags_of(wanted), 0, ec);
        if (!ec && count == counting::yes)
            add_owner();
    } else if (wanted == contents::zero) {
        std::memset(address(index_of(taken)), 0, info_.block_size);
    }
    return ec ? handle{} : taken;
}

putting pool_state::put_exactly(handle name, counting count) const noexcept {
    return count == counting::yes ? front::put_exactly<counting::yes>(name)
                                  : front::put_exactly<counting::no>(name);
}

/** What threads have cached is for those who wait. */
void pool_state::give_back_if_awaited() const noexcept {
    if (cache_ && anyone_waits() && cache_->blocks() != 0)
        cache_->trim();
}

/** After there is room in the magazine; where somebody waits, all caches go back instead. */
putting pool_state::put_again(handle name, counting count) const noexcept {
    auto* const mine = cache_->mine();
    if (mine == nullptr || !mine->enter())
        return putting::not_here;
    const bool waited_for = anyone_waits();
    if (!waited_for && mine->count.load(std::memory_order_relaxed) >= mine->room_limit)
        cache_->make_room(*mine);
    mine->leave();
    if (waited_for) {
        give_back_if_awaited();
        return putting::not_here;
    }
    if (exact_)
        return put_exactly(name, count);
    return count == counting::yes ? put<counting::yes>(name) : put<counting::no>(name);
}

bool pool_state::free_one(handle name, counting count, putting tried,
                          std::error_code& ec) const noexcept {
    ec.clear();
    if (tried == putting::not_here && exact_)
        tried = put_exactly(name, count);
    if (tried == putting::not_here && cache_)
        tried = put_again(name, count);
    if (tried == putting::done)
        return true;
    if (tried == putting::ended) {
        cache_->drop(index_of(name));
    } else {
        forget({&name, 1});
        fixedpool_free request = {};
        request.handles = address_of(&name);
        request.count = 1;
        ec = module().call(request);
    }
    const bool freed = !ec;
    if (count == counting::yes)
        drop_owner();
    return freed;
}

void pool_state::note_taken(std::span<const handle> handles, standing now) const noexcept {
    if (cache_number_ == 0)
        return;
    for (const auto each : handles)
        set_standing(each.slot() - first_slot_, now);
}

void pool_state::received(std::span<const handle> handles) const noexcept {
    if (cache_number_ == 0)
        return;
    for (const auto each : handles)
        if (const auto index = index_of(each);
            index != geometry::no_index && standing_of(index) != standing::in_scope)
            set_standing(index, standing::own);
}

void pool_state::forget(std::span<const handle> handles) const noexcept {
    for (const auto each : handles)
        if (!forget_here(each))
            forget_elsewhere(each);
}

/** Returns: false if the block is not of this pool. */
bool pool_state::forget_here(handle name) const noexcept {
    const auto index = index_of(name);
    if (index == geometry::no_index)
        return false;
    // Not where the handle is stale: then it is about another allocation. Nor that the
    // block may be in a scope: it may be still, whatever became of what was asked.
    if (cache_number_ != 0 && version_of(index) == name.version() &&
        standing_of(index) == standing::own)
        set_standing(index, standing::unknown);
    return true;
}

/** Handles may name blocks of any pool of the client. */
void pool_state::forget_elsewhere(handle name) const noexcept {
    auto& caches = caches::instance();
    if (!caches.lock())
        return;
    for (const auto* each = client_->pools; each != nullptr; each = each->next_)
        if (each != this && each->forget_here(name))
            break;
    caches.unlock();
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

fixedpool_alloc pool_state::allocation(std::span<handle> batch,
                                       std::uint32_t flags) const noexcept {
    fixedpool_alloc request = {};
    request.pool = info_.id;
    request.flags = flags;
    request.count = static_cast<std::uint32_t>(batch.size());
    request.handles = address_of(batch.data());
    return request;
}

std::size_t pool_state::allocate_in_turn(std::span<handle> handles, std::uint32_t flags,
                                         std::uint32_t scope, std::error_code& ec) const noexcept {
    return in_batches(handles, client_->module.max_batch, ec,
                      [&](std::span<handle> batch, std::error_code& stopped) {
                          auto request = allocation(batch, flags);
                          request.scope = scope;
                          stopped = module().call(request);
                          return std::size_t{request.done};
                      });
}

std::size_t pool_state::allocate(std::span<handle> handles, std::uint32_t flags,
                                 std::uint32_t scope, std::error_code& ec) const noexcept {
    auto taken = allocate_in_turn(handles, flags, scope, ec);
    // What the process has in its caches is not missing. Again whether there was any or not:
    // another thread may just have given it back.
    if (cache_ && taken < handles.size() && (!ec || ec == errc::out_of_blocks)) {
        const cache::shutting shut{*cache_, cache::patience::some};
        taken += allocate_in_turn(handles.subspan(taken), flags, scope, ec);
    }
    note_taken(handles.first(taken), scope == 0 ? standing::own : standing::in_scope);
    return taken;
}

std::size_t pool_state::allocate_all(std::span<handle> handles, contents wanted,
                                     std::error_code& ec, std::uint32_t scope) const noexcept {
    if (cache_ && scope == 0 && handles.size() <= rack::max_batch) {
        std::size_t cached = 0;
        ec.clear();
        while (cached < handles.size() && !ec) {
            const auto some = take_some(handles.subspan(cached));
            if (wanted == contents::zero)
                for (const auto each : handles.subspan(cached, some))
                    std::memset(address(index_of(each)), 0, info_.block_size);
            cached += some;
            if (cached == handles.size())
                return cached;
            handles[cached] = allocate_one(wanted, counting::no, ec);
            cached += ec ? 0 : 1;
        }
        if (!ec)
            return cached;
        // Others may have as few: at once it is for one of us.
        std::error_code ignored;
        free(handles.first(cached), ignored);
    }
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
    if (!cache_) {
        ec = module().call(request);
        return request.done;
    }
    auto at_once = allocation(handles, flags_of(wanted));
    if (!module().call(at_once)) {
        note_taken(handles, standing::own);
        return at_once.done;
    }
    // While a thread of this process waits, the others of it keep no blocks back: what
    // they free after that goes to the pool, and so to who has waited longest.
    const cache::shutting shut{*cache_, cache::patience::any};
    ec = module().call(request);
    note_taken(handles.first(request.done), standing::own);
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
    ec.clear();
    std::size_t freed = 0;
    while (freed < handles.size() && !ec) {
        const auto rest = handles.subspan(freed);
        const auto kept = cache_ ? put_some(rest) : 0;
        // Then there may be room again; but not for those behind it that are not to be kept.
        const auto others = kept == 0 ? not_to_be_kept(rest) : 0;
        if (others != 0) {
            give_back_if_awaited();
            freed += free_by_call(rest.first(others), ec);
        } else if (kept != 0 || free_one(rest.front(), counting::no, putting::not_here, ec)) {
            freed += std::max<std::size_t>(kept, 1);
        }
    }
    return freed;
}

/** How many at the head of @p handles have to go back to the pool. */
std::size_t pool_state::not_to_be_kept(std::span<const handle> handles) const noexcept {
    if (!cache_)
        return handles.size();
    const auto kept = std::ranges::find_if(
        handles, [this](handle each) { return may_put(each, each.slot() - first_slot_); });
    return static_cast<std::size_t>(kept - handles.begin());
}

std::size_t pool_state::free_by_call(std::span<const handle> handles,
                                     std::error_code& ec) const noexcept {
    return in_batches(handles, client_->module.max_batch, ec,
                      [&](std::span<const handle> batch, std::error_code& stopped) {
                          forget(batch);
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
    // Before: another process may be given the block next.
    forget(handles);
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

} // namespace fixedpool::detail
