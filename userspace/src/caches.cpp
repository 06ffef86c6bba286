/* SPDX-License-Identifier: MIT */
#include "caches.hpp"

#include <algorithm>
#include <cerrno>
#include <new>

#include <linux/membarrier.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cache.hpp"
#include "local/fork.hpp"
#include "local/registry.hpp"

namespace fixedpool::detail {
namespace {

/** Of who has none. The mark is set, and stays so; else it would be looked at, and entered. */
constinit const desk no_desk{.inside = ~std::uint32_t{0}, .at_hand = {}};

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
constinit thread_local desk* this_desk = const_cast<desk*>(&no_desk); // never written to

// NOLINTBEGIN(cppcoreguidelines-avoid-non-const-global-variables)
constinit magazine caches::shut;
constinit magazine caches::none;
// NOLINTEND(cppcoreguidelines-avoid-non-const-global-variables)

namespace {

// Set when the thread's own magazines have gone: it makes no others, which would be left
// behind. What is still to come takes and frees by calls.
// NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables)
constinit thread_local bool thread_over [[gnu::tls_model("initial-exec")]] = false;

} // namespace

caches& caches::instance() noexcept {
    // Never destroyed: threads may end after the last static object.
    alignas(caches) static std::array<std::byte, sizeof(caches)> place;
    // NOLINTNEXTLINE(*-avoid-non-const-global-variables,*-owning-memory)
    static auto* const only = new (place.data()) caches;
    return *only;
}

caches::caches() noexcept {
    // Its handlers of fork() must be there first: they run inside of ours.
    static_cast<void>(local::registry::instance());
    local::keep_caches(&caches::forked_inside);
    possible_ = membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) &&
                ::pthread_key_create(&key_, &caches::thread_ends) == 0 &&
                key_ < keys_without_malloc &&
                ::pthread_atfork(&caches::before_fork, &caches::after_fork, &caches::in_child) == 0;
}

void caches::barrier() noexcept { membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED); }

std::uint32_t caches::add(cache& added) noexcept {
    std::uint32_t number = 0;
    lock_.lock();
    auto unused = std::uint32_t{1};
    while (unused < max_caches && all_[unused] != nullptr)
        ++unused;
    if (unused < max_caches) {
        number = unused;
        all_[number] = &added;
        for (auto* each = desks_; each != nullptr; each = each->next)
            each->at_hand[number].store(&none, std::memory_order_relaxed);
        for (const auto* each = closures_; each != nullptr; each = each->next_)
            added.shut_ += each->covers(added) ? 1 : 0;
        used_ = std::max(used_.load(), number + 1);
    }
    lock_.unlock();
    return number;
}

void caches::remove(cache& removed) noexcept {
    lock_.lock();
    for (unsigned times = 0; removed.visitors_ != 0; ++times) {
        lock_.unlock();
        cache::pause(times);
        lock_.lock();
    }
    for (auto* each = desks_; each != nullptr; each = each->next) {
        each->at_hand[removed.number()].store(&none, std::memory_order_relaxed);
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
    return this_desk != &no_desk && this_desk->inside.load(std::memory_order_relaxed) != 0;
}

caches::lying caches::at_hand(std::uint32_t number) noexcept {
    if (this_desk == &no_desk)
        return lying::nowhere;
    const auto* const found = this_desk->at_hand[number].load(std::memory_order_relaxed);
    if (found == &none)
        return lying::nowhere;
    return found == &shut ? lying::shut : lying::here;
}

bool caches::make_magazine(cache& of) noexcept {
    // Whoever has the lock may wait for the very magazine this thread is in.
    if (thread_over || thread_inside() || !lock())
        return false;
    auto* const on = desk_of_thread();
    const auto number = of.number();
    // A handler may have been here since the caller looked.
    if (on != nullptr && on->own[number] == nullptr) {
        on->own[number] = new_magazine();
        if (on->own[number] != nullptr)
            of.begin_locked(*on->own[number], *on);
    }
    auto* const mine = on != nullptr ? on->own[number] : nullptr;
    const bool usable = mine != nullptr && !of.is_shut();
    if (mine != nullptr)
        on->at_hand[number].store(usable ? mine : &shut, std::memory_order_release);
    unlock();
    return usable;
}

/** With nothing on it. */
void caches::clear_desk(thread_desk& cleared) noexcept {
    const auto used = used_.load(std::memory_order_relaxed);
    for (std::uint32_t number = 0; number < used; ++number)
        cleared.at_hand[number].store(&none, std::memory_order_relaxed);
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
    unused->inside.store(0, std::memory_order_relaxed); // its thread may have ended inside
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
    unused.of = nullptr;
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
    this_desk = const_cast<desk*>(&no_desk);
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
        each->forget_locked(forked_inside(each->pool_));
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

/** In the child, before renew(): is a call to be continued that may have a block in hand? */
bool caches::forked_inside(std::uint32_t pool) noexcept {
    if (!thread_inside())
        return false;
    const auto* const in = instance().all_[this_desk->inside.load(std::memory_order_relaxed)];
    return in != nullptr && in->pool_ == pool;
}

} // namespace fixedpool::detail
