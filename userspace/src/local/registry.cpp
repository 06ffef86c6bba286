/* SPDX-License-Identifier: MIT */
#include "registry.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include <unistd.h>

#include "channel.hpp"
#include "fork.hpp"
#include "region.hpp"

namespace fixedpool::detail::local {
namespace {

constexpr std::uint32_t valid_mode = 0666;
// Not REVOCABLE: it takes a mapping of each client's own.
constexpr std::uint32_t valid_flags = FIXEDPOOL_POOL_AUTO_DESTROY | FIXEDPOOL_POOL_NUMA_NODE |
                                      FIXEDPOOL_POOL_ZERO_ON_ALLOC | FIXEDPOOL_POOL_ZERO_ON_FREE |
                                      FIXEDPOOL_POOL_POISON | FIXEDPOOL_POOL_PACKED;

constexpr std::string_view name_characters =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";

bool on_node(const fixedpool_pool_create& request) noexcept {
    return (request.flags & FIXEDPOOL_POOL_NUMA_NODE) != 0;
}

/** What is wrong also if the name is taken. */
int check_fields(const fixedpool_pool_create& request) noexcept {
    if (::strnlen(request.name, FIXEDPOOL_NAME_SIZE) == FIXEDPOOL_NAME_SIZE)
        return EINVAL;
    if (request.mode > UINT16_MAX)
        return EINVAL;
    return (on_node(request) ? request.numa_node < 0 : request.numa_node != 0) ? EINVAL : 0;
}

int check(const fixedpool_pool_create& request) noexcept {
    constexpr auto both = FIXEDPOOL_POOL_ZERO_ON_FREE | FIXEDPOOL_POOL_POISON;

    if (!name_valid(std::begin(request.name)))
        return EINVAL;
    if (request.reserve > request.blocks)
        return EINVAL;
    // A block that has ended would have to be zeroes and poison at the same time.
    if ((request.flags & ~valid_flags) != 0 || (request.flags & both) == both)
        return EINVAL;
    if ((request.mode & ~valid_mode) != 0)
        return EINVAL;
    if (on_node(request) && !node_exists(static_cast<std::uint32_t>(request.numa_node)))
        return EINVAL;
    return 0;
}

bool in_group(gid_t group) {
    if (::getegid() == group)
        return true;
    const int count = ::getgroups(0, nullptr);
    std::vector<gid_t> groups(static_cast<std::size_t>(std::max(count, 0)));
    return ::getgroups(count, groups.data()) == count && std::ranges::count(groups, group) != 0;
}

/** As for a file: the first class that fits decides. */
bool may_attach(const pool& to) {
    auto bits = to.registered.mode;
    if (::geteuid() == to.registered.uid)
        bits >>= 6;
    else if (in_group(to.registered.gid))
        bits >>= 3;
    return (bits & 06) == 06 || ::geteuid() == 0;
}

bool may_destroy(uid_t owner) noexcept { return ::geteuid() == owner || ::geteuid() == 0; }

} // namespace

bool name_valid(std::string_view name) noexcept {
    return !name.empty() && name.size() < FIXEDPOOL_NAME_SIZE && name.front() != '.' &&
           name.find_first_not_of(name_characters) == std::string_view::npos;
}

registry& registry::instance() {
    // NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables)
    static auto& all = *[] {
        handle_forks();
        return new registry; // NOLINT(cppcoreguidelines-owning-memory)
    }();
    return all;
}

std::shared_ptr<client> registry::open_client() {
    auto opened = std::make_shared<client>();
    const std::scoped_lock lock{mutex_};
    // Numbers go round: one that somebody still has in mind is not reused soon.
    do
        ++last_client_;
    while (last_client_ == 0 || clients_.contains(last_client_));
    clients_.emplace(last_client_, opened.get());
    opened->number = last_client_;
    return opened;
}

void registry::close_client(client& closed) noexcept {
    closed.close();
    const std::scoped_lock lock{mutex_};
    clients_.erase(closed.number);
}

std::shared_ptr<pool> registry::find_pool(std::string_view name) const noexcept {
    const auto found = std::ranges::find_if(
        pools_, [name](const auto& each) { return each->registered.name == name; });
    return found != pools_.end() ? *found : nullptr;
}

std::shared_ptr<set> registry::find_set(std::string_view name) const noexcept {
    const auto found =
        std::ranges::find_if(sets_, [name](const auto& each) { return each->name == name; });
    return found != sets_.end() ? *found : nullptr;
}

std::shared_ptr<pool> registry::unlink(pool& named) noexcept {
    const auto found =
        std::ranges::find_if(pools_, [&named](const auto& each) { return each.get() == &named; });
    if (found == pools_.end())
        return {};
    auto name = std::move(*found);
    pools_.erase(found);
    name->registered.linked = false;
    name->queue().end(EIDRM);
    return name;
}

void registry::unlink(set& named) noexcept {
    named.linked = false;
    std::erase_if(sets_, [&named](const auto& each) { return each.get() == &named; });
}

void registry::detached_locked(pool& left) noexcept {
    const bool last = left.registered.attached.fetch_sub(1) == 1;
    if (last && (left.registered.flags & FIXEDPOOL_POOL_AUTO_DESTROY) != 0)
        static_cast<void>(unlink(left)); // the caller still has a reference
}

void registry::unlink_left_pools() noexcept {
    const auto is_left = [](const std::shared_ptr<pool>& each) {
        return each->registered.attached == 0 &&
               (each->registered.flags & FIXEDPOOL_POOL_AUTO_DESTROY) != 0;
    };
    for (;;) {
        std::shared_ptr<pool> left; // freed outside of the lock
        const std::scoped_lock lock{mutex_};
        const auto found = std::ranges::find_if(pools_, is_left);
        if (found == pools_.end())
            return;
        left = unlink(**found);
    }
}

void registry::unlink_left_sets() noexcept {
    for (;;) {
        std::shared_ptr<set> left; // as above
        const std::scoped_lock lock{mutex_};
        const auto found =
            std::ranges::find(sets_, 0U, [](const auto& each) { return each->opened; });
        if (found == sets_.end())
            return;
        left = *found;
        unlink(*left);
    }
}

void registry::unlink_left() noexcept {
    unlink_left_sets();
    unlink_left_pools();
}

/** Attaches to a pool, which counts the client already. */
int registry::attach(const std::shared_ptr<pool>& to, client& attached) {
    int error = 0;
    try {
        error = attached.attach(to);
    } catch (const std::bad_alloc&) {
        error = ENOMEM;
    }
    if (error != 0) {
        const std::scoped_lock lock{mutex_};
        detached_locked(*to);
    }
    return error;
}

int registry::create_pool(const fixedpool_pool_create& request, client& creator,
                          std::uint32_t& id) {
    int error = check_fields(request);
    if (error != 0)
        return error;
    const std::string_view name{std::begin(request.name)};
    shape chosen{};
    {
        // Now to say so before any memory is taken, and once more to be sure.
        const std::scoped_lock lock{mutex_};
        if (find_pool(name))
            return EEXIST;
    }
    error = check(request);
    if (error == 0)
        error = shape::choose(request, chosen);
    if (error != 0)
        return error;
    const auto made = pool::make(request, chosen, error);
    if (!made)
        return error;
    {
        const std::scoped_lock lock{mutex_};
        if (find_pool(name))
            return EEXIST;
        pools_.push_back(made);
        made->registered.linked = true;
        made->registered.attached = 1;
    }
    error = attach(made, creator);
    if (error != 0) {
        const std::scoped_lock lock{mutex_};
        static_cast<void>(unlink(*made)); // as above
        return error;
    }
    id = made->id();
    return 0;
}

int registry::attach_pool(std::string_view name, client& attached, std::uint32_t& id) {
    std::shared_ptr<pool> found;
    {
        const std::scoped_lock lock{mutex_};
        found = find_pool(name);
        if (!found)
            return ENOENT;
        if (!may_attach(*found))
            return EACCES;
        ++found->registered.attached;
    }
    id = found->id();
    return attach(found, attached);
}

int registry::destroy_pool(std::string_view name) {
    std::shared_ptr<pool> found; // freed outside of the lock
    std::shared_ptr<pool> unlinked;
    const std::scoped_lock lock{mutex_};
    found = find_pool(name);
    if (!found)
        return ENOENT;
    if (!may_destroy(found->registered.uid))
        return EACCES;
    unlinked = unlink(*found);
    return 0;
}

int registry::find_attachment(std::uint32_t number, const pool& to, attachment_ref& found) {
    const std::scoped_lock lock{mutex_};
    const auto other = clients_.find(number);
    if (other == clients_.end())
        return ESRCH;
    found = other->second->find_pool(to.id());
    return found ? 0 : ENOTCONN;
}

int registry::create_set(std::string_view name, std::vector<std::shared_ptr<pool>> pools,
                         client& creator, std::uint32_t& id) {
    if (!name_valid(name) || pools.empty() || pools.size() > FIXEDPOOL_MAX_SET_POOLS)
        return EINVAL;
    for (auto each = pools.begin(); each != pools.end(); ++each)
        if (std::find(std::next(each), pools.end(), *each) != pools.end())
            return EINVAL;
    std::ranges::stable_sort(pools, {}, [](const auto& each) { return each->shape().block_size; });
    auto made = std::make_shared<set>(
        set{.id = 0, .name = std::string{name}, .uid = ::geteuid(), .pools = std::move(pools)});
    {
        const std::scoped_lock lock{mutex_};
        if (find_set(name))
            return EEXIST;
        sets_.push_back(made);
        // Numbers go round, so that an old one stays dead for long.
        last_set_ = last_set_ % INT32_MAX + 1;
        made->id = last_set_;
        made->linked = true;
        made->opened = 1;
    }
    id = made->id;
    const int error = creator.keep_set(made);
    if (error != 0)
        close_set(made);
    return error;
}

int registry::open_set(std::string_view name, client& opener, std::uint32_t& id) {
    std::shared_ptr<set> found;
    {
        const std::scoped_lock lock{mutex_};
        found = find_set(name);
        if (!found)
            return ENOENT;
        ++found->opened;
    }
    const bool attached = std::ranges::all_of(found->pools, [&opener](const auto& each) {
        return static_cast<bool>(opener.find_pool(each->id()));
    });
    id = found->id;
    const int error = attached ? opener.keep_set(found) : ENOTCONN;
    if (error != 0)
        close_set(found);
    return error;
}

int registry::destroy_set(std::string_view name) {
    std::shared_ptr<set> found; // freed outside of the lock
    const std::scoped_lock lock{mutex_};
    found = find_set(name);
    if (!found)
        return ENOENT;
    if (!may_destroy(found->uid))
        return EACCES;
    unlink(*found);
    return 0;
}

void registry::close_set(const std::shared_ptr<set>& closed) noexcept {
    const std::scoped_lock lock{mutex_};
    if (--closed->opened == 0 && closed->linked)
        unlink(*closed);
}

void registry::wake_channels(pool& of) noexcept {
    const std::scoped_lock lock{mutex_};
    for (auto* each : of.registered.channels)
        each->wake_all();
}

} // namespace fixedpool::detail::local
