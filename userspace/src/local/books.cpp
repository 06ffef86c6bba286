/* SPDX-License-Identifier: MIT */
#include "books.hpp"

#include <algorithm>
#include <cerrno>

#include <sys/mman.h>

#include "../round.hpp"

namespace fixedpool::detail::local {
namespace {

// What a depot looks at together.
constexpr std::uint32_t group = 4096;

bool make(std::byte* begin, std::uint64_t from, std::uint64_t to) noexcept {
    if (from >= to)
        return true;
    const int before = errno;
    const bool made = ::mprotect(begin + from, to - from, PROT_READ | PROT_WRITE) == 0;
    errno = before;
    return made;
}

} // namespace

std::uint32_t books::whole_groups(std::uint64_t blocks) const noexcept {
    return static_cast<std::uint32_t>(
        std::min<std::uint64_t>(rounded_up<std::uint64_t>(blocks, group), shape_.blocks));
}

/** A little further than is needed, lest each growth of the pool take as many calls. */
std::uint32_t books::step_to(std::uint32_t blocks) const noexcept {
    constexpr std::uint32_t data = std::uint32_t{1} << 20;
    const auto step = std::max(std::clamp(data / shape_.stride, group, 8 * group), open_ / 8);
    return whole_groups(std::max(std::uint64_t{open_} + step, std::uint64_t{blocks}));
}

bool books::add(std::byte* begin, std::uint64_t head, unsigned bits) noexcept {
    const book added{.begin = begin, .head = head, .bits = bits};
    if (count_ == most || !make(begin, 0, added.bytes(open_)))
        return false;
    all_[count_++] = added;
    return true;
}

void books::remove(const std::byte* begin) noexcept {
    for (std::size_t i = 0; i < count_; ++i)
        if (all_[i].begin == begin) {
            all_[i] = all_[--count_];
            return;
        }
}

bool books::open_to(std::uint32_t end) noexcept {
    for (std::size_t i = 0; i < count_; ++i)
        if (!make(all_[i].begin, open_ == 0 ? 0 : all_[i].bytes(open_), all_[i].bytes(end)))
            return false;
    open_ = end;
    return true;
}

bool books::open(std::uint32_t blocks) noexcept {
    if (blocks <= open_)
        return true;
    return open_to(step_to(blocks)) || open_to(whole_groups(blocks));
}

} // namespace fixedpool::detail::local
