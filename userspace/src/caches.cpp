/* SPDX-License-Identifier: MIT */
#include "caches.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <mutex>
#include <new>

#include <linux/membarrier.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cache.hpp"
#include "local/fork.hpp"
#include "local/registry.hpp"

namespace fixedpool::detail {
namespace {

// Nobody's. It is never written to; not const, so that it takes no room in the file.
// NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables)
constinit desk no_desk = {};

// What stands for a magazine is const, so that nobody can put a block into it by mistake.
constinit const magazine shut_magazine;
constinit const magazine no_magazine;

// Who finds one of these does not write to it.
magazine* none() noexcept { return const_cast<magazine*>(&no_magazine); } // NOLINT(*-const-cast)

/** For the first so many keys of a process pthread_setspecific() needs no memory. */
constexpr pthread_key_t keys_without_malloc = 32;

bool membarrier(int command) noexcept {
    const int before = errno;
    const bool done = ::syscall(SYS_membarrier, command, 0, 0) == 0;
    errno = before;
    return done;
}

void* new_pages(std::size_t bytes) noexcept {
    const int before = errno;
    void* const made =
        ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    errno = before;
    return made != MAP_FAILED ? made : nullptr;
}

} // namespace

// NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables)
constinit thread_local desk* this_desk = &no_desk;

namespace {

// Set when the thread's own magazines have gone: it makes no others, which would be left
// behind. What is still to come takes and frees by calls.
// NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables)
constinit thread_local bool thread_over [[gnu::tls_model("initial-exec")]] = false;

} // namespace

caches& caches::instance() noexcept {
    // Never destroyed: threads may end after the last static object.
    alignas(caches) static constinit std::array<std::byte, sizeof(caches)> place = {};
    static constinit std::atomic<caches*> only = nullptr;
    auto* made = only.load(std::memory_order_acquire);
    if (made == nullptr) {
        // With a lock that fork() takes: the child of another thread finds them whole or not at
        // all, and would wait for ever for who makes a static object.
        const std::lock_guard alone{local::registry::instance().mutex()};
        made = only.load(std::memory_order_relaxed);
        if (made == nullptr)
            made = new (place.data()) caches; // NOLINT(*-owning-memory)
        only.store(made, std::memory_order_release);
    }
    return *made;
}

caches::caches() noexcept {
    // The registry's handlers of fork() are there already: they run inside of ours.
    local::keep_caches(&caches::forked_inside);
    possible_ = membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) &&
                ::pthread_key_create(&key_, &caches::thread_ends) == 0 &&
                key_ < keys_without_malloc &&
                ::pthread_atfork(&caches::before_fork, &caches::after_fork, &caches::in_child) == 0;
}

void caches::barrier() noexcept { membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED); }

void caches::add(cache& added) noexcept {
    lock_.lock();
    auto unused = std::uint32_t{1};
    while (unused < max_caches && all_[unused] != nullptr)
        ++unused;
    if (unused < max_caches) {
        added.number_ = unused;
        all_[unused] = &added;
        for (auto* each = desks_; each != nullptr; each = each->next)
            each->lay(unused, none());
        for (const auto* each = closures_; each != nullptr; each = each->next_)
            added.shut_ += each->covers(added) ? 1 : 0;
        used_ = std::max(used_.load(), unused + 1);
    }
    lock_.unlock();
}

void caches::remove(cache& removed) noexcept {
    lock_.lock();
    for (unsigned times = 0; removed.visitors_ != 0; ++times) {
        lock_.unlock();
        cache::pause(times);
        lock_.lock();
    }
    for (auto* each = desks_; each != nullptr; each = each->next) {
        each->lay(removed.number(), none());
        each->own[removed.number()] = nullptr;
    }
    while (removed.first_ != nullptr) {
        auto& unused = *removed.first_;
        removed.first_ = unused.next;
        free_magazine(unused);
    }
    all_[removed.number()] = nullptr;
    lock_.unlock();
}

bool caches::closure::covers(const cache& each) const noexcept {
    return each.pool_ == pool_ && each.module_.survives_fork() == of_module_;
}

caches::closure::closure(std::uint32_t pool, bool of_module, patience with) noexcept
    : pool_{pool},
      of_module_{of_module} {
    auto& all = instance();
    if (!all.lock())
        return;
    begun_ = true;
    next_ = all.closures_;
    all.closures_ = this;
    bool any = false;
    for (std::uint32_t number = 1; number < all.used_; ++number)
        if (auto* const each = all.all_[number]; each != nullptr && covers(*each)) {
            each->shut_locked();
            any = true;
        }
    all.unlock();
    if (!any)
        return;
    barrier();
    std::uint32_t number = 0;
    while (auto* const each = all.visit(*this, number)) {
        each->empty_shut(with);
        all.end_visit(*each);
    }
}

caches::closure::~closure() {
    auto& all = instance();
    if (!begun_)
        return;
    static_cast<void>(all.lock());
    auto** where = &all.closures_;
    while (*where != nullptr && *where != this)
        where = &(*where)->next_;
    // In the child of a fork() from a handler it is not there, nor is anything shut.
    if (*where == this) {
        *where = next_;
        for (std::uint32_t number = 1; number < all.used_; ++number)
            if (auto* const each = all.all_[number]; each != nullptr && covers(*each))
                each->open_locked();
    }
    all.unlock();
}

/** The next cache behind @p number; it stays there until the visit has ended. */
cache* caches::visit(const closure& with, std::uint32_t& number) noexcept {
    cache* found = nullptr;
    static_cast<void>(lock());
    while (found == nullptr && ++number < used_)
        if (all_[number] != nullptr && with.covers(*all_[number]))
            found = all_[number];
    if (found != nullptr)
        ++found->visitors_;
    unlock();
    return found;
}

void caches::end_visit(cache& visited) noexcept {
    static_cast<void>(lock());
    // Zero in the child of a fork() from a handler of the visitor.
    if (visited.visitors_ != 0)
        --visited.visitors_;
    unlock();
}

bool caches::thread_inside() noexcept {
    return this_desk != &no_desk &&
           this_desk->inside.load(std::memory_order_relaxed) != desk::outside;
}

magazine* caches::shut() noexcept {
    return const_cast<magazine*>(&shut_magazine); // NOLINT(*-const-cast): as none()
}

caches::finding caches::look_for(std::uint32_t number) noexcept {
    if (this_desk == &no_desk)
        return finding::none;
    const auto* const lying = this_desk->at_hand(number);
    if (lying == &no_magazine)
        return finding::none;
    return lying == &shut_magazine ? finding::shut : finding::mine;
}

bool caches::make_magazine(cache& of) noexcept {
    // Whoever has the lock may wait for the very magazine this thread is in.
    if (thread_over || thread_inside())
        return false;
    // A handler that forks would have the child take from us what we have in hand here.
    sigset_t all;
    sigset_t before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    bool usable = false;
    if (lock()) {
        auto* const mine = magazine_of_thread(of);
        usable = mine != nullptr && !of.is_shut_locked();
        if (mine != nullptr)
            mine->on->lay(of.number(), usable ? mine : shut());
        unlock();
    }
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return usable;
}

/** A handler may have been here since the caller looked. */
magazine* caches::magazine_of_thread(cache& of) noexcept {
    auto* const on = desk_of_thread();
    if (on == nullptr)
        return nullptr;
    auto*& mine = on->own[of.number()];
    if (mine == nullptr) {
        mine = new_magazine();
        if (mine != nullptr)
            of.begin_locked(*mine, *on);
    }
    return mine;
}

/** With nothing on it. */
void caches::clear_desk(thread_desk& cleared) noexcept {
    const auto used = used_.load(std::memory_order_relaxed);
    for (std::uint32_t number = 0; number < used; ++number)
        cleared.lay(number, none());
    std::fill_n(cleared.own.begin(), used, nullptr);
}

thread_desk* caches::desk_of_thread() noexcept {
    auto* unused = desks_;
    for (auto* each = desks_; each != nullptr; each = each->next)
        if (each == this_desk)
            return each;
    while (unused != nullptr && unused->used)
        unused = unused->next;
    if (unused == nullptr) {
        void* const pages = new_pages(sizeof(thread_desk));
        if (pages == nullptr)
            return nullptr;
        // All zero, as the pages are, of which few will be touched.
        unused = new (pages) thread_desk; // NOLINT(*-owning-memory)
        unused->next = desks_;
        desks_ = unused;
    }
    clear_desk(*unused);
    unused->inside.store(desk::outside, std::memory_order_relaxed); // or a thread ended inside
    if (::pthread_setspecific(key_, unused) != 0)
        return nullptr;
    unused->used = true;
    this_desk = unused;
    return unused;
}

magazine* caches::new_magazine() noexcept {
    constexpr std::size_t pages = 65536;
    if (unused_ == nullptr) {
        auto* const place = static_cast<std::byte*>(new_pages(pages));
        for (std::size_t at = 0; place != nullptr && at + sizeof(magazine) <= pages;
             at += sizeof(magazine))
            free_magazine(*new (place + at) magazine);
    }
    auto* const made = unused_;
    if (made != nullptr)
        unused_ = made->next;
    return made;
}

void caches::free_magazine(magazine& unused) noexcept {
    unused.next = unused_;
    unused_ = &unused;
}

/** Its thread has no magazines any more. */
void caches::leave_desk(thread_desk& left) noexcept {
    for (std::uint32_t number = 1; number < used_; ++number) {
        auto* const magazine = left.own[number];
        if (magazine == nullptr)
            continue;
        all_[number]->end_locked(*magazine);
        free_magazine(*magazine);
    }
    clear_desk(left);
    left.used = false;
}

void caches::thread_ends(void* ended) noexcept {
    auto& all = instance();
    thread_over = true;
    this_desk = &no_desk;
    all.lock_.lock();
    all.leave_desk(*static_cast<thread_desk*>(ended));
    all.lock_.unlock();
}

// A handler that has interrupted the owner of the lock, and forks, finds things as
// they are.
void caches::before_fork() noexcept { instance().lock_.lock_for_fork(); }
void caches::after_fork() noexcept { instance().lock_.unlock_after_fork(); }

void caches::in_child() noexcept {
    instance().renew();
    after_fork();
}

/** There is one thread, and no cached block. */
void caches::renew() noexcept {
    closures_ = nullptr;
    for (std::uint32_t number = 1; number < used_; ++number) {
        auto* const each = all_[number];
        if (each == nullptr)
            continue;
        each->forget_locked(number_inside() == number);
        while (each->first_ != nullptr) {
            auto& left = *each->first_;
            each->first_ = left.next;
            // One that a handler of this thread has interrupted, and forked, is left to
            // the interrupted call for good.
            if (left.on != this_desk || !each->is_inside(left))
                free_magazine(left);
            else
                ++each->owners_of_gone_; // it may be about to count one more
        }
        // Of the module's pools the child is the same client as the parent, who cannot know
        // what the child has cached.
        each->visitors_ = 0;
        each->closed_ = each->closed_ || each->module_.survives_fork();
        each->shut_ = each->closed_ ? 1 : 0;
    }
    for (auto* each = desks_; each != nullptr; each = each->next) {
        clear_desk(*each);
        each->used = each == this_desk;
    }
}

/** The cache in whose magazine this thread is; zero: in none. */
std::uint32_t caches::number_inside() noexcept {
    if (!thread_inside())
        return 0;
    const auto number = this_desk->inside.load(std::memory_order_relaxed);
    const auto& on = static_cast<const thread_desk&>(*this_desk); // NOLINT(*-static-cast-downcast)
    return on.own[number] != nullptr ? number : 0;
}

/** In the child, before renew(): is a call to be continued that may have a block in hand? */
bool caches::forked_inside(std::uint32_t pool) noexcept {
    const auto number = number_inside();
    if (number == 0) // and there may be no caches
        return false;
    const auto* const in = instance().all_[number];
    return in != nullptr && in->pool_ == pool && !in->module_.survives_fork();
}

} // namespace fixedpool::detail
