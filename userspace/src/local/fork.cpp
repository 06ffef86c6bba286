/* SPDX-License-Identifier: MIT */
#include "fork.hpp"

#include <cerrno>
#include <new>
#include <system_error>

#include <pthread.h>

#include "channel.hpp"
#include "registry.hpp"
#include "slots.hpp"

namespace fixedpool::detail::local {
namespace {

/** Calls @p act with every lock that there is, in their order. */
template <typename function>
void for_each_lock(function act) {
    auto& all = registry::instance();
    act(all.mutex());
    all.for_each_client_locked([&act](client& each) { act(each.mutex()); });
    act(slots::instance().mutex());
    slots::instance().for_each_locked([&act](pool& each) {
        act(each.sharing());
        act(each.growing());
        act(each.queue());
        act(each.watched());
        for (auto* of : each.registered.channels)
            act(of->mutex());
    });
}

void lock_all() {
    for_each_lock([](auto& each) { each.lock(); });
}

void unlock_all() {
    for_each_lock([](auto& each) { each.unlock(); });
}

/** The pool's books, made of the bitmaps of clients and the queues of channels. */
void rebuild(pool& of) {
    std::vector<std::uint8_t> holders(std::size_t{of.words()} * word_blocks);
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

void renew_child() {
    std::vector<client*> clients;
    slots::instance().for_each_locked([](pool& each) {
        if (busy(each))
            rebuild(each);
        each.queue().forget_all();
        each.watched().forget_all();
        for (auto* of : each.registered.channels)
            of->after_fork();
    });
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
}

} // namespace

void handle_forks() {
    const int error = ::pthread_atfork(lock_all, unlock_all, renew_child);
    if (error != 0)
        throw std::bad_alloc{};
}

} // namespace fixedpool::detail::local
