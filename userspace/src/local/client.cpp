/* SPDX-License-Identifier: MIT */
#include "client.hpp"

#include <algorithm>
#include <cerrno>
#include <new>

#include "registry.hpp"

namespace fixedpool::detail::local {

client::~client() {
    for (auto& entry : directory_)
        delete entry.load(std::memory_order_relaxed); // NOLINT(cppcoreguidelines-owning-memory)
}

std::atomic<attachment*>* client::entry(std::uint32_t unit) const noexcept {
    // Acquire: pairs with the publication of the leaf.
    auto* const found = directory_[unit / leaf_units].load(std::memory_order_acquire);
    return found != nullptr ? &(*found)[unit % leaf_units] : nullptr;
}

void client::make_entries(const pool& of) {
    for (std::uint32_t unit = of.id(); unit < of.id() + of.units(); ++unit)
        if (entry(unit) == nullptr)
            directory_[unit / leaf_units].store(std::make_unique<leaf>().release(),
                                                std::memory_order_release);
}

void client::publish(const pool& of, attachment* to) noexcept {
    for (std::uint32_t unit = of.id(); unit < of.id() + of.units(); ++unit)
        entry(unit)->store(to, std::memory_order_release);
}

attachment_ref client::find(std::uint32_t unit) const noexcept {
    const auto* const place = entry(unit);
    auto* const found = place != nullptr ? place->load(std::memory_order_acquire) : nullptr;
    if (found == nullptr || !found->try_ref())
        return {};
    attachment_ref counted{found};
    // It may have ended, and begun for another pool, before we were counted in.
    const auto& pool = found->pool();
    return unit - pool.id() < pool.units() ? std::move(counted) : attachment_ref{};
}

attachment_ref client::find_pool(std::uint32_t id) const noexcept {
    if (id >= slot_units)
        return {};
    auto found = find(id);
    return found && found->pool().id() == id ? std::move(found) : attachment_ref{};
}

int client::attach(const std::shared_ptr<pool>& to) {
    const std::scoped_lock lock{mutex_};
    make_entries(*to);
    if (entry(to->id())->load(std::memory_order_relaxed) != nullptr)
        return EALREADY;
    if (spare_.empty()) {
        // Room everywhere first: what is leaving must find some without asking.
        const auto count = attachments_.size() + 1;
        used_.reserve(count);
        leaving_.reserve(count);
        spare_.reserve(count);
        attachments_.emplace_back(mutex_);
        spare_.push_back(&attachments_.back());
    }
    auto* const made = spare_.back();
    made->begin(to);
    spare_.pop_back();
    used_.push_back(made);
    publish(*to, made);
    return 0;
}

int client::detach(std::uint32_t id) noexcept {
    attachment* left = nullptr;
    {
        const std::scoped_lock lock{mutex_};
        const auto found = std::ranges::find_if(
            used_, [id](const attachment* each) { return each->pool().id() == id; });
        if (found == used_.end())
            return ENXIO;
        left = *found;
        used_.erase(found);
        leaving_.push_back(left);
        publish(left->pool(), nullptr);
    }
    left->pool().queue().dismiss(left->party(), ENOTCONN);
    left->unref();
    left->drain();
    left->pool().watched().remove_all(left);
    end(*left);
    return 0;
}

void client::end(attachment& left) noexcept {
    std::shared_ptr<pool> freed; // outside of the locks
    {
        const std::scoped_lock lock{registry::instance().mutex(), mutex_};
        freed = left.end();
        registry::instance().detached_locked(*freed);
        std::erase(leaving_, &left);
        spare_.push_back(&left);
    }
    registry::instance().wake_channels(*freed);
}

void client::close() noexcept {
    for (;;) {
        std::uint32_t id = 0;
        {
            const std::scoped_lock lock{mutex_};
            closing_ = true;
            if (used_.empty())
                break;
            id = used_.back()->pool().id();
        }
        detach(id);
    }
    std::map<std::uint32_t, std::shared_ptr<set>> opened;
    {
        const std::scoped_lock lock{mutex_};
        opened.swap(sets_);
    }
    for (const auto& [id, each] : opened)
        registry::instance().close_set(each);
}

int client::create_scope(std::uint32_t parent, std::uint32_t& made) {
    const std::scoped_lock lock{mutex_};
    return scopes_.create(parent, made);
}

bool client::scope_open(std::uint32_t scope) noexcept {
    const std::scoped_lock lock{mutex_};
    return scopes_.open(scope);
}

int client::put_in_scope(attachment& to, std::uint32_t scope, std::uint32_t word,
                         std::uint64_t mask) noexcept {
    const std::scoped_lock lock{mutex_};
    if (!scopes_.open(scope))
        return ESTALE;
    try {
        to.put(scope, word, mask);
        return 0;
    } catch (const std::bad_alloc&) {
        return ENOMEM;
    }
}

int client::release_scope(std::uint32_t scope, std::uint64_t& released) noexcept {
    const std::scoped_lock lock{mutex_};
    if (scope != root_scope && !scopes_.open(scope))
        return ESTALE;
    for (auto* each : used_) {
        scopes_.for_each_of_tree(scope,
                                 [&](std::uint32_t below) { released += each->release(below); });
        if (scope == root_scope)
            released += each->release(root_scope);
    }
    scopes_.remove_tree(scope);
    return 0;
}

int client::dissolve_scope(std::uint32_t scope, std::uint64_t& moved) noexcept {
    const std::scoped_lock lock{mutex_};
    if (!scopes_.open(scope))
        return ESTALE;
    try {
        for (auto* each : used_)
            each->pour(scope, scopes_.parent(scope), moved);
    } catch (const std::bad_alloc&) {
        return ENOMEM;
    }
    scopes_.remove(scope);
    return 0;
}

int client::keep_set(const std::shared_ptr<set>& opened) noexcept {
    const std::scoped_lock lock{mutex_};
    try {
        return sets_.emplace(registry::id_of(*opened), opened).second ? 0 : EALREADY;
    } catch (const std::bad_alloc&) {
        return ENOMEM;
    }
}

std::shared_ptr<set> client::find_set(std::uint32_t id) noexcept {
    const std::scoped_lock lock{mutex_};
    const auto found = sets_.find(id);
    return found != sets_.end() ? found->second : nullptr;
}

std::shared_ptr<set> client::drop_set(std::uint32_t id) noexcept {
    const std::scoped_lock lock{mutex_};
    const auto found = sets_.extract(id);
    return found ? found.mapped() : nullptr;
}

bool client::busy_locked(const pool& with) const noexcept {
    const auto is_of = [&with](const attachment* each) { return &each->pool() == &with; };
    return std::ranges::any_of(leaving_, is_of) ||
           std::ranges::any_of(
               used_, [&](const attachment* each) { return is_of(each) && each->has_callers(); });
}

bool client::has_opened_locked(const set& asked) const noexcept {
    return sets_.contains(registry::id_of(asked));
}

void client::forget_callers_locked() noexcept {
    for (auto* each : used_)
        each->forget_callers();
}

void client::finish_leaving() noexcept {
    while (!leaving_.empty())
        end(*leaving_.back());
}

} // namespace fixedpool::detail::local
