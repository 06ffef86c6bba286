/* SPDX-License-Identifier: MIT */
#include "watch.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <mutex>
#include <string>
#include <string_view>

#include <fcntl.h>
#include <unistd.h>

#include <linux/fixedpool.h>

namespace fixedpool::detail::local {
namespace {

/** Returns: 0; EBADF; EINVAL for what is no eventfd, as far as the system tells. */
int check_eventfd(int descriptor) {
    if (::fcntl(descriptor, F_GETFD) < 0)
        return EBADF;
    constexpr std::string_view name = "anon_inode:[eventfd]";
    std::array<char, 64> target{};
    const auto link = "/proc/self/fd/" + std::to_string(descriptor);
    const auto length = ::readlink(link.c_str(), target.data(), target.size());
    if (length < 0)
        return 0;
    return std::string_view{target.data(), static_cast<std::size_t>(length)} == name ? 0 : EINVAL;
}

/** Async-signal-safe. */
void signal(int event) noexcept {
    const int before = errno;
    const std::uint64_t once = 1;
    // Fails only when it has signalled more often than can be counted.
    [[maybe_unused]] const auto written = ::write(event, &once, sizeof(once));
    errno = before;
}

} // namespace

bool watches::crossed() const noexcept {
    const auto marks = marks_.load(std::memory_order_seq_cst);
    const auto now = free();
    return now < static_cast<std::uint32_t>(marks) || now >= marks >> 32;
}

void watches::set_marks() noexcept {
    std::uint32_t fall = 0;
    auto rise = std::numeric_limits<std::uint32_t>::max();
    for (const auto& each : all_) {
        if (each.few)
            rise = std::min(rise, each.rise());
        else
            fall = std::max(fall, each.fall());
    }
    marks_.store(marks_of(fall, rise), std::memory_order_seq_cst);
}

void watches::consider(watch& each, std::uint32_t free) noexcept {
    if (!each.few && free < each.fall()) {
        each.few = true;
        if (each.low != 0)
            signal(each.event);
    } else if (each.few && free >= each.rise()) {
        each.few = false;
        if (each.high != 0)
            signal(each.event);
    }
}

/** Until all are as they should be; whoever moves blocks meanwhile is seen here, or looks. */
void watches::look_locked() noexcept {
    for (set_marks(); crossed(); set_marks())
        for (auto& each : all_)
            consider(each, free());
}

int watches::add(const void* owner, std::uint32_t low, std::uint32_t high, int event,
                 std::uint32_t& id) {
    const int error = check_eventfd(event);
    if (error != 0)
        return error;
    const std::scoped_lock lock{*this};
    const auto count = std::ranges::count(all_, owner, &watch::owner);
    if (count == FIXEDPOOL_MAX_WATCHES)
        return EMFILE;
    all_.reserve(all_.size() + 1);
    const int kept = ::fcntl(event, F_DUPFD_CLOEXEC, 0);
    if (kept < 0)
        return errno;
    id = ++last_;
    all_.push_back(
        {.owner = owner, .id = id, .low = low, .high = high, .event = kept, .few = low == 0});
    look_locked();
    return 0;
}

int watches::remove(const void* owner, std::uint32_t id) noexcept {
    const std::scoped_lock lock{*this};
    const auto found = std::ranges::find_if(
        all_, [=](const watch& each) { return each.owner == owner && each.id == id; });
    if (found == all_.end())
        return ENOENT;
    ::close(found->event);
    all_.erase(found);
    look_locked();
    return 0;
}

void watches::remove_all(const void* owner) noexcept {
    const std::scoped_lock lock{*this};
    std::erase_if(all_, [owner](const watch& each) {
        if (each.owner == owner)
            ::close(each.event);
        return each.owner == owner;
    });
    look_locked();
}

void watches::forget_all() noexcept {
    for (const auto& each : all_)
        ::close(each.event);
    all_.clear();
    marks_.store(no_marks, std::memory_order_relaxed);
}

} // namespace fixedpool::detail::local
