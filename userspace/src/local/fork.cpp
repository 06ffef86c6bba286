/* SPDX-License-Identifier: MIT */
#include "fork.hpp"

#include <atomic>
#include <cerrno>
#include <new>
#include <system_error>

#include <pthread.h>

#include "channel.hpp"
#include "registry.hpp"
#include "slots.hpp"

namespace fixedpool::detail::local {
namespace {

// NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables)
std::atomic<cache_in_use> kept = nullptr;

/** Every lock that there is, in their order. */
void lock_all() {
    auto& all = registry::instance();
    all.mutex().lock();
    all.for_each_client_locked([](client& each) { each.mutex().lock(); });
    slots::instance().mutex().lock();
    slots::instance().for_each_locked([](pool& each) {
        each.sharing().lock();
        each.growing().lock_for_fork();
        each.queue().lock();
        each.watched().lock();
        for (auto* of : each.registered.channels)
            of->mutex().lock();
    });
}

/** The inner ones first: the lists that lead to a lock may change once theirs is free. */
void unlock_all() {
    auto& all = registry::instance();
    slots::instance().for_each_locked([](pool& each) {
        for (auto* of : each.registered.channels)
            of->mutex().unlock();
        each.watched().unlock();
        each.queue().unlock();
        each.growing().unlock_after_fork();
        each.sharing().unlock();
    });
    slots::instance().mutex().unlock();
    all.for_each_client_locked([](client& each) { each.mutex().unlock(); });
    all.mutex().unlock();
}

/** The pool's books, made of the bitmaps of clients and the queues of channels. */
void rebuild(pool& of) {
    std::vector<std::uint8_t> holders(std::size_t{words_of(of.blocks_begun())} * word_blocks);
    registry::instance().for_each_client_locked([&](client& each) {
        each.for_each_attachment_locked([&](attachment& held) {
            if (&held.pool() == &of)
                held.count_holders(holders);
        });
    });
    for (auto* each : of.registered.channels)
        each->count_holders(holders);
    of.rebuild(holders);
}

/** Were other threads at work? Else the books are whole, and not a page is touched. */
bool busy(const pool& of) {
    bool found = false;
    registry::instance().for_each_client_locked(
        [&](const client& each) { found = found || each.busy_locked(of); });
    return found;
}

/**
 * Those whose caches these were do not exist, or have emptied them. Where the books
 * are not whole they are no better afterwards, but the blocks are nobody's.
 */
void empty_caches(pool& of) {
    const auto in_use = kept.load();
    if (in_use != nullptr && in_use(of.id()))
        return;
    depot::giving giving{of.free_blocks()};
    registry::instance().for_each_client_locked([&](client& each) {
        each.for_each_attachment_locked([&](attachment& held) {
            if (&held.pool() == &of)
                held.empty_cache(giving);
        });
    });
}

/** Those who were about to attach never will be. */
void recount_attached(pool& to) {
    std::uint32_t count = 0;
    registry::instance().for_each_client_locked([&](client& each) {
        each.for_each_attachment_locked(
            [&](const attachment& held) { count += &held.pool() == &to ? 1 : 0; });
    });
    to.registered.attached = count;
}

/** The same of those who were about to open a set, or to close it. */
void recount_opened() {
    auto& all = registry::instance();
    all.for_each_set_locked([&all](set& each) {
        each.opened = 0;
        all.for_each_client_locked(
            [&each](const client& of) { each.opened += of.has_opened_locked(each) ? 1 : 0; });
    });
}

void renew_child() {
    std::vector<client*> clients;
    slots::instance().for_each_locked([](pool& each) {
        empty_caches(each);
        if (busy(each))
            rebuild(each);
        recount_attached(each);
        each.queue().forget_all();
        each.watched().forget_all();
        for (auto* of : each.registered.channels)
            of->after_fork();
    });
    recount_opened();
    registry::instance().for_each_client_locked([&clients](client& each) {
        each.forget_callers_locked();
        clients.push_back(&each);
    });
    unlock_all();
    for (auto* each : clients) {
        each->finish_leaving();
        if (each->closing())
            registry::instance().close_client(*each);
    }
    registry::instance().unlink_left();
}

} // namespace

void handle_forks() {
    const int error = ::pthread_atfork(lock_all, unlock_all, renew_child);
    if (error != 0)
        throw std::bad_alloc{};
}

void keep_caches(cache_in_use in_use) noexcept { kept.store(in_use); }

} // namespace fixedpool::detail::local
