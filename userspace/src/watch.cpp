/* SPDX-License-Identifier: MIT */
#include <fixedpool/watch.hpp>

#include <cerrno>
#include <string>

#include <sys/eventfd.h>
#include <unistd.h>

#include <fixedpool/error.hpp>

#include "pool_state.hpp"

namespace fixedpool {

watch watch::create(const pool& watched, watch_marks marks) {
    std::error_code ec;
    auto made = try_create(watched, marks, ec);
    if (ec)
        throw pool_error{ec,
                         "watch pool '" + std::string{watched.name()} + "' for fewer than " +
                             std::to_string(marks.low) + " and as many as " +
                             std::to_string(marks.high) + " free blocks",
                         watched.name()};
    return made;
}

watch watch::try_create(const pool& watched, watch_marks marks, std::error_code& ec) noexcept {
    watch made;
    made.event_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (made.event_ < 0) {
        ec = {errno, std::system_category()};
        return {};
    }
    made.number_ = watched.state().watch(marks.low, marks.high, made.event_, ec);
    if (ec)
        ::close(std::exchange(made.event_, -1));
    else
        made.pool_ = watched.shared_state();
    return made;
}

std::uint64_t watch::signals() const noexcept {
    const int before = errno;
    std::uint64_t count = 0;
    if (::read(event_, &count, sizeof(count)) != sizeof(count))
        count = 0;
    errno = before;
    return count;
}

void watch::end() noexcept {
    pool_->unwatch(number_);
    ::close(event_);
}

} // namespace fixedpool
