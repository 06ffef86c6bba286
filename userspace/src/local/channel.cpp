/* SPDX-License-Identifier: MIT */
#include "channel.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "holding.hpp"
#include "registry.hpp"

namespace fixedpool::detail::local {
namespace {

constexpr std::uint32_t directions = FIXEDPOOL_CHANNEL_READ | FIXEDPOOL_CHANNEL_WRITE;
constexpr std::uint32_t valid_channel_flags = directions | FIXEDPOOL_CHANNEL_NONBLOCK;
constexpr std::size_t batch = 64;

// An eventfd can be read if its counter is not 0, and written if that is not the
// largest number.
constexpr std::uint64_t only_writable = 0;
constexpr std::uint64_t readable_and_writable = 1;
constexpr std::uint64_t only_readable = UINT64_MAX - 1;

void set_level(int descriptor, std::uint64_t& level, std::uint64_t wanted) noexcept {
    if (level == wanted)
        return;
    const int before = errno;
    std::uint64_t dropped = 0;
    // Neither can fail: it is never read at 0, nor written beyond the largest.
    if (level == 0 || ::read(descriptor, &dropped, sizeof(dropped)) > 0)
        level = 0;
    if (wanted == 0 || ::write(descriptor, &wanted, sizeof(wanted)) > 0)
        level = wanted;
    errno = before;
}

channel* find(const pool& in, std::string_view name) noexcept {
    const auto& all = in.registered.channels;
    const auto found =
        std::ranges::find_if(all, [name](const auto* each) { return each->name() == name; });
    return found != all.end() ? *found : nullptr;
}

template <std::size_t size>
bool name_of(const char (&field)[size], std::string_view& name) noexcept {
    name = {std::begin(field), ::strnlen(field, size)};
    return name.size() < size;
}

} // namespace

channel::channel(std::shared_ptr<local::pool> carried, std::string_view name,
                 std::uint32_t capacity)
    : pool_{std::move(carried)},
      name_{name},
      ring_(capacity) {}

/** Something is not as it was: tells those who sleep, here or in poll(). */
void channel::change() noexcept {
    changed_.happen();
    for (auto* each : polled_)
        set_level(each->polled_, each->level_, level_for(*each));
}

std::uint64_t channel::level_for(const end_of_channel& of) const noexcept {
    const bool left = !of.client_->find_pool(pool_->id());
    const bool reads = (of.flags_ & FIXEDPOOL_CHANNEL_READ) != 0;
    const bool writes = (of.flags_ & FIXEDPOOL_CHANNEL_WRITE) != 0;
    const bool readable = left || count_ != 0 || (reads && writers_.gone);
    const bool writable = left || count_ < ring_.size() || (writes && readers_.gone);
    if (readable)
        return writable ? readable_and_writable : only_readable;
    return only_writable;
}

channel::look channel::push(std::span<const std::uint64_t> handles) noexcept {
    const std::scoped_lock lock{mutex_};
    const auto count = readers_.gone ? 0 : std::min(handles.size(), ring_.size() - count_);
    for (std::size_t i = 0; i < count; ++i)
        ring_[(first_ + count_ + i) % ring_.size()] = handles[i];
    count_ += count;
    if (count != 0)
        change();
    return {.moved = count, .gone = readers_.gone, .seen = changed_.seen()};
}

channel::look channel::pop(std::span<std::uint64_t> handles) noexcept {
    const std::scoped_lock lock{mutex_};
    const auto count = std::min(handles.size(), count_);
    for (std::size_t i = 0; i < count; ++i)
        handles[i] = ring_[(first_ + i) % ring_.size()];
    first_ = (first_ + count) % ring_.size();
    count_ -= count;
    if (count != 0)
        change();
    return {.moved = count, .gone = writers_.gone, .seen = changed_.seen()};
}

std::uint32_t channel::room() noexcept {
    const std::scoped_lock lock{mutex_};
    return static_cast<std::uint32_t>(ring_.size() - count_);
}

void channel::wake_all() noexcept {
    const std::scoped_lock lock{mutex_};
    change();
}

void channel::open_end(std::uint32_t opened) noexcept {
    const std::scoped_lock lock{mutex_};
    if ((opened & FIXEDPOOL_CHANNEL_READ) != 0)
        readers_ = {.ends = readers_.ends + 1};
    if ((opened & FIXEDPOOL_CHANNEL_WRITE) != 0)
        writers_ = {.ends = writers_.ends + 1};
    change();
}

bool channel::close_end(std::uint32_t closed) noexcept {
    const std::scoped_lock lock{mutex_};
    if ((closed & FIXEDPOOL_CHANNEL_READ) != 0)
        readers_.gone = --readers_.ends == 0;
    if ((closed & FIXEDPOOL_CHANNEL_WRITE) != 0)
        writers_.gone = --writers_.ends == 0;
    change();
    return readers_.ends == 0 && writers_.ends == 0;
}

void channel::drain() noexcept {
    std::array<std::uint64_t, batch> handles{};
    while (const auto count = pop(handles).moved)
        for (const auto each : std::span{handles}.first(count))
            pool_->drop(FIXEDPOOL_HANDLE_SLOT(each) - pool_->first_slot(), holder::client);
}

int channel::poll_descriptor(end_of_channel& of) noexcept {
    const std::scoped_lock lock{mutex_};
    if (of.polled_ >= 0)
        return of.polled_;
    try {
        polled_.push_back(&of);
    } catch (const std::bad_alloc&) {
        return -1;
    }
    of.polled_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (of.polled_ < 0)
        polled_.pop_back();
    else
        set_level(of.polled_, of.level_, level_for(of));
    return of.polled_;
}

void channel::forget(end_of_channel& of) noexcept {
    const std::scoped_lock lock{mutex_};
    std::erase(polled_, &of);
    if (of.polled_ >= 0)
        ::close(of.polled_);
}

void channel::count_holders(std::vector<std::uint8_t>& holders) const noexcept {
    for (std::size_t i = 0; i < count_; ++i)
        ++holders[FIXEDPOOL_HANDLE_SLOT(ring_[(first_ + i) % ring_.size()]) - pool_->first_slot()];
}

/** The descriptors are the parent's, too: gets others, of the same numbers. */
void channel::after_fork() noexcept {
    changed_.forget_sleepers();
    for (auto* each : polled_) {
        const int own = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (own < 0)
            continue;
        ::dup3(own, each->polled_, O_CLOEXEC);
        ::close(own);
        const auto wanted = std::exchange(each->level_, 0);
        set_level(each->polled_, each->level_, wanted);
    }
}

end_of_channel::~end_of_channel() {
    channel_->forget(*this);
    {
        const std::scoped_lock lock{registry::instance().mutex()};
        if (!channel_->close_end(flags_ & directions))
            return;
        std::erase(channel_->pool().registered.channels, channel_.get());
        channel_->drain(); // under the lock, so that fork() does not come between
    }
}

bool end_of_channel::waits() const noexcept { return (flags_ & FIXEDPOOL_CHANNEL_NONBLOCK) == 0; }

/** Moves up to 64 handles without waiting. Returns: 0, also if none was moved; an errno. */
int end_of_channel::send_batch(std::span<const std::uint64_t> handles,
                               channel::look& sent) noexcept {
    holding taken;
    std::size_t count = 0;
    int error = 0;

    const auto att = client_->find_pool(channel_->pool().id());
    if (!att)
        return ENOTCONN;
    sent = channel_->push({}); // who is there, and when it was asked
    if (sent.gone)
        return EPIPE;
    handles = handles.first(std::min({handles.size(), std::size_t{channel_->room()}, batch}));
    for (; count < handles.size(); ++count) {
        error = taken.resolve(*client_, handles[count]);
        if (error != EINVAL && error != ENXIO && &taken.att->pool() != &channel_->pool())
            error = ENXIO;
        if (error == 0)
            error = taken.take();
        if (error != 0)
            break;
    }
    if (count == 0)
        return error == EALREADY ? ESTALE : error;
    sent = channel_->push(handles.first(count));
    // Others may have come first; these have never left the client, but for those
    // of its threads that were looking at them right now.
    for (const auto each : handles.subspan(sent.moved, count - sent.moved))
        accept(*att, FIXEDPOOL_HANDLE_SLOT(each) - channel_->pool().first_slot());
    return 0;
}

int end_of_channel::receive_batch(std::span<std::uint64_t> handles,
                                  channel::look& received) noexcept {
    const auto att = client_->find_pool(channel_->pool().id());
    if (!att)
        return ENOTCONN;
    received = channel_->pop(handles.first(std::min(handles.size(), batch)));
    for (const auto each : handles.first(received.moved))
        accept(*att, FIXEDPOOL_HANDLE_SLOT(each) - channel_->pool().first_slot());
    return 0;
}

int end_of_channel::send(std::span<const std::uint64_t> handles, std::size_t& moved) noexcept {
    moved = 0;
    if ((flags_ & FIXEDPOOL_CHANNEL_WRITE) == 0)
        return EBADF;
    while (moved < handles.size()) {
        channel::look sent{};
        int error = send_batch(handles.subspan(moved), sent);
        moved += sent.moved;
        if (error == 0 && sent.moved == 0)
            error = waits() ? channel_->wait(sent.seen) : EAGAIN;
        if (error != 0)
            return moved != 0 ? 0 : error;
    }
    return 0;
}

int end_of_channel::receive(std::span<std::uint64_t> handles, std::size_t& moved) noexcept {
    moved = 0;
    if ((flags_ & FIXEDPOOL_CHANNEL_READ) == 0)
        return EBADF;
    while (moved < handles.size()) {
        channel::look received{};
        int error = receive_batch(handles.subspan(moved), received);
        moved += received.moved;
        if (error == 0 && received.moved == 0) {
            if (moved != 0 || received.gone)
                return 0;
            error = waits() ? channel_->wait(received.seen) : EAGAIN;
        }
        if (error != 0)
            return moved != 0 ? 0 : error;
    }
    return 0;
}

std::unique_ptr<end_of_channel> create_channel(const std::shared_ptr<client>& creator,
                                               const fixedpool_channel_create& request,
                                               int& error) {
    std::string_view name;
    error = EINVAL;
    if (!name_of(request.name, name) || (request.flags & ~valid_channel_flags) != 0)
        return {};
    const auto att = creator->find_pool(request.pool);
    if (!att) {
        error = ENXIO;
        return {};
    }
    if ((!name.empty() && !name_valid(name)) || request.capacity == 0 ||
        request.capacity > FIXEDPOOL_MAX_CHANNEL_CAPACITY || (request.flags & directions) == 0)
        return {};
    auto made = std::make_shared<channel>(att->shared_pool(), name, request.capacity);
    const std::scoped_lock lock{registry::instance().mutex()};
    if (!name.empty() && find(att->pool(), name) != nullptr) {
        error = EEXIST;
        return {};
    }
    att->pool().registered.channels.reserve(att->pool().registered.channels.size() + 1);
    auto end = std::make_unique<end_of_channel>(creator, made, request.flags);
    made->open_end(request.flags);
    att->pool().registered.channels.push_back(made.get());
    error = 0;
    return end;
}

std::unique_ptr<end_of_channel> open_channel(const std::shared_ptr<client>& opener,
                                             const fixedpool_channel_open& request, int& error) {
    std::string_view name;
    error = EINVAL;
    if (!name_of(request.name, name) || (request.flags & ~valid_channel_flags) != 0 ||
        request.reserved != 0)
        return {};
    const auto att = opener->find_pool(request.pool);
    if (!att) {
        error = ENXIO;
        return {};
    }
    if (!name_valid(name) || (request.flags & directions) == 0)
        return {};
    const std::scoped_lock lock{registry::instance().mutex()};
    auto* const found = find(att->pool(), name);
    if (found == nullptr) {
        error = ENOENT;
        return {};
    }
    auto end = std::make_unique<end_of_channel>(opener, found->shared_from_this(), request.flags);
    found->open_end(request.flags);
    error = 0;
    return end;
}

} // namespace fixedpool::detail::local
