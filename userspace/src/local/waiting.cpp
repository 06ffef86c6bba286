/* SPDX-License-Identifier: MIT */
#include "waiting.hpp"

#include <mutex>

namespace fixedpool::detail::local {

void waiting::remove(waiter& left) noexcept {
    (left.before != nullptr ? left.before->behind : first_) = left.behind;
    (left.behind != nullptr ? left.behind->before : last_) = left.before;
    count_.fetch_sub(1, std::memory_order_seq_cst);
}

/** Under the lock, without which the waiter does not go away. */
void waiting::finish(waiter& first, std::uint32_t granted, int error) noexcept {
    remove(first);
    first.granted = granted;
    first.error = error;
    // Release: pairs with doze().
    first.done.store(1, std::memory_order_release);
    futex_wake(first.done);
}

void waiting::serve() noexcept {
    // The depot's sum is read as the head of the file says; reserve() need not.
    while (first_ != nullptr && depot_.free() >= first_->least) {
        const auto granted = depot_.reserve(first_->least, first_->most);
        if (granted != 0)
            finish(*first_, granted, 0);
    }
}

int waiting::enter(waiter& last) noexcept {
    const std::scoped_lock lock{*this};
    const int error = last.of != nullptr && last.of->error != 0 ? last.of->error : error_;
    if (error != 0)
        return error;
    last.before = last_;
    (last_ != nullptr ? last_->behind : first_) = &last;
    last_ = &last;
    count_.fetch_add(1, std::memory_order_seq_cst);
    lock_.ask_owner(); // what is there already
    return 0;
}

int waiting::doze(waiter& asleep, const timespec* deadline) noexcept {
    while (asleep.done.load(std::memory_order_acquire) == 0)
        if (const int error = futex_wait(asleep.done, 0, deadline); error != 0)
            return error;
    return 0;
}

int waiting::leave(waiter& left, int error) noexcept {
    const std::scoped_lock lock{*this};
    // Acquire: as in doze().
    if (left.done.load(std::memory_order_acquire) != 0)
        return left.error;
    remove(left);
    lock_.ask_owner(); // those behind may want less
    return error;
}

void waiting::end(int error) noexcept {
    const std::scoped_lock lock{*this};
    error_ = error;
    while (first_ != nullptr)
        finish(*first_, 0, error);
}

void waiting::dismiss(party& all, int error) noexcept {
    const std::scoped_lock lock{*this};
    all.error = error;
    for (auto* each = first_; each != nullptr;) {
        auto* const next = each->behind;
        if (each->of == &all)
            finish(*each, 0, error);
        each = next;
    }
    lock_.ask_owner();
}

void waiting::forget_all() noexcept {
    first_ = nullptr;
    last_ = nullptr;
    count_.store(0, std::memory_order_relaxed);
    lock_.forget();
}

} // namespace fixedpool::detail::local
