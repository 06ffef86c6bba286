/* SPDX-License-Identifier: MIT */
/*
 * Taking blocks, freeing them and passing them on: by the caches of threads, or by calls.
 */
#include "pool_state.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>

#include <fixedpool/error.hpp>

#include "address.hpp"
#include "caches.hpp"

namespace fixedpool::detail {
namespace {

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

/** Returns: whether there is something in this thread's magazine now. */
bool pool_state::refill() const noexcept {
    if (!cache_ || !cache_->lay_at_hand())
        return false;
    const entered mine{cache_number_};
    if (!mine.is_own())
        return false;
    if (mine->all() == 0)
        cache_->refill(*mine);
    return mine->all() != 0;
}

handle pool_state::allocate_one(contents wanted, counting count,
                                std::error_code& ec) const noexcept {
    handle taken;
    ec.clear();
    if (refill()) {
        const auto found = count == counting::yes ? take<counting::yes>(cache_number_)
                                                  : take<counting::no>(cache_number_);
        taken = found.name;
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
    if (cache_ && table_.anyone_waits() && cache_->blocks() != 0)
        cache_->trim();
}

/** After there is room in the magazine; where somebody waits, all caches go back instead. */
putting pool_state::put_again(handle name, counting count) const noexcept {
    if (!cache_->lay_at_hand() || caches::thread_inside())
        return putting::not_here;
    if (table_.anyone_waits()) {
        give_back_if_awaited();
        return putting::not_here;
    }
    {
        const entered mine{cache_number_};
        if (!mine.is_own())
            return putting::not_here;
        if (mine->count.load(std::memory_order_relaxed) >= mine->limit)
            cache_->make_room(*mine);
    }
    if (exact_)
        return put_exactly(name, count);
    return count == counting::yes ? put<counting::yes>(cache_number_, name)
                                  : put<counting::no>(cache_number_, name);
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
    if (ledger_)
        for (const auto each : handles)
            ledger_->note(each.slot() - table_.first_slot, each);
    if (cache_number_ == 0)
        return;
    for (const auto each : handles)
        table_.set_standing(each.slot() - table_.first_slot, now);
}

void pool_state::received(std::span<const handle> handles) const noexcept {
    if (ledger_)
        for (const auto each : handles)
            if (const auto index = index_of(each); index != geometry::no_index)
                ledger_->note(index, each);
    if (cache_number_ == 0)
        return;
    for (const auto each : handles)
        if (const auto index = index_of(each);
            index != geometry::no_index && table_.standing_of(index) != standing::in_scope)
            table_.set_standing(index, standing::own);
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
    if (cache_number_ != 0 && table_.version_of(index) == name.version() &&
        table_.standing_of(index) == standing::own)
        table_.set_standing(index, standing::unknown);
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
    if (taken < handles.size() && (!ec || ec == errc::out_of_blocks)) {
        std::optional<caches::closure> shut;
        shut_caches(patience::some, shut);
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
            if (refill())
                continue;
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
    auto at_once = allocation(handles, flags_of(wanted));
    if (!module().call(at_once)) {
        note_taken(handles, standing::own);
        return at_once.done;
    }
    // While a thread of this process waits, none of it keeps blocks back, of whichever client:
    // what is freed after that goes to the pool, and so to who has waited longest.
    std::optional<caches::closure> shut;
    shut_caches(patience::any, shut);
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
    const auto kept = std::ranges::find_if(handles, [this](handle each) {
        return table_.may_keep(each.slot() - table_.first_slot, each.version());
    });
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

} // namespace fixedpool::detail
