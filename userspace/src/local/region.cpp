/* SPDX-License-Identifier: MIT */
#include "region.hpp"

#include <array>
#include <cerrno>
#include <cstdio>
#include <limits>

#include <linux/mempolicy.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../round.hpp"
#include "../thrift.hpp"
#include "shape.hpp"

namespace fixedpool::detail::local {
namespace {

constexpr std::uint32_t max_nodes = 1024; // of the kernel's largest configuration

// A preference: where it is not allowed to have one, any node does.
void prefer(std::byte* begin, std::size_t bytes, std::uint32_t node) noexcept {
    constexpr auto bits = std::numeric_limits<unsigned long>::digits;
    std::array<unsigned long, max_nodes / bits> nodes{};
    nodes[node / bits] = 1UL << node % bits;
    ::syscall(SYS_mbind, begin, bytes, MPOL_PREFERRED, nodes.data(), max_nodes, 0);
}

bool populate(std::byte* begin, std::size_t bytes) noexcept {
#ifdef MADV_POPULATE_WRITE
    if (::madvise(begin, bytes, MADV_POPULATE_WRITE) == 0)
        return true;
    if (errno != EINVAL) // as before Linux 5.14
        return false;
#endif
    for (std::size_t at = 0; at < bytes; at += page_bytes)
        *static_cast<volatile std::byte*>(begin + at) = std::byte{};
    return true;
}

} // namespace

/** Whole spans of thrift, if it is a matter of that; or null. */
std::byte* region::reserve_pages(std::size_t bytes, bool placed) noexcept {
    const auto more = placed ? thrift::span : 0;
    // Not reserved: what is never touched is nobody's business.
    const int frugal = placed || thrift::on() ? MAP_NORESERVE : 0;
    void* const mapped =
        ::mmap(nullptr, bytes + more, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | frugal, -1, 0);
    if (mapped == MAP_FAILED)
        return nullptr;
    auto* const first = static_cast<std::byte*>(mapped);
    if (more == 0)
        return first;
    const auto misplaced = reinterpret_cast<std::uintptr_t>(first) % more;
    const auto before = misplaced == 0 ? 0 : more - misplaced;
    if (before != 0)
        ::munmap(first, before);
    ::munmap(first + before + bytes, more - before);
    return first + before;
}

region region::reserve(std::uint64_t bytes, std::optional<std::uint32_t> node) noexcept {
    return reserve(bytes, node, thrift::on());
}

region region::reserve(std::uint64_t bytes, std::optional<std::uint32_t> node,
                       bool placed) noexcept {
    region made;
    made.thrifty_ = thrift::on();
    const auto step = placed ? thrift::span : page_bytes;
    const auto length = static_cast<std::size_t>(rounded_up<std::uint64_t>(bytes, step));
    made.begin_ = reserve_pages(length, placed);
    if (made.begin_ == nullptr)
        return made;
    made.bytes_ = length;
    if (node)
        prefer(made.begin_, length, *node);
    return made;
}

region region::reserve_books(std::uint64_t bytes) noexcept { return reserve(bytes, {}, false); }

region::region(std::uint64_t bytes, std::optional<std::uint32_t> node) noexcept {
    auto made = reserve(bytes, node, false);
    if (made && made.commit(0, made.bytes_))
        *this = std::move(made);
}

bool region::commit(std::uint64_t offset, std::uint64_t bytes) noexcept {
    const int before = errno;
    // To try would take all the memory there is before it failed.
    const auto pages = thrifty_ ? 0 : ::sysconf(_SC_PHYS_PAGES);
    if (pages > 0 && (committed_ + bytes) / page_bytes > static_cast<std::uint64_t>(pages))
        return false;
    auto* const begin = begin_ + offset;
    const bool made = ::mprotect(begin, bytes, PROT_READ | PROT_WRITE) == 0 &&
                      (thrifty_ || populate(begin, bytes));
    errno = before;
    if (made)
        committed_ += bytes;
    return made;
}

region::~region() {
    if (begin_ != nullptr)
        ::munmap(begin_, bytes_);
}

void spread_thin(std::byte* begin, std::uint64_t bytes) noexcept {
    const int before = errno;
    ::madvise(begin, bytes, MADV_NOHUGEPAGE);
    errno = before;
}

bool node_exists(std::uint32_t node) noexcept {
    if (node == 0)
        return true;
    std::array<char, 64> path{};
    std::snprintf(path.data(), path.size(), "/sys/devices/system/node/node%u", node);
    return node < max_nodes && ::access(path.data(), F_OK) == 0;
}

} // namespace fixedpool::detail::local
