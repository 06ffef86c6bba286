/* SPDX-License-Identifier: MIT */
#include <fixedpool/leak.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdarg>
#include <cstddef>
#include <cstdio>
#include <new>

#include <execinfo.h>
#include <unistd.h>

namespace fixedpool {
namespace {

// NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables)
std::atomic<leak_handler> handler_in_use = print_leaks;

constexpr std::size_t max_places = 32;

/** In one piece, lest several reports mix. */
// NOLINTNEXTLINE(cert-dcl50-cpp): so that the compiler checks the arguments
[[gnu::format(printf, 1, 2)]] void print(const char* format, ...) noexcept {
    std::array<char, 256> line{};
    std::va_list values;
    va_start(values, format);
    const int length = std::vsnprintf(line.data(), line.size(), format, values);
    va_end(values);
    const auto bytes = std::clamp(length, 0, static_cast<int>(line.size()) - 1);
    // There is nobody to tell that this fails.
    [[maybe_unused]] const auto written =
        ::write(STDERR_FILENO, line.data(), static_cast<std::size_t>(bytes));
}

/** Those that were taken in one place; @p blocks is not empty. */
void print_place(std::span<const held_block* const> blocks) noexcept {
    const auto& one = *blocks.front();
    print("  %zu taken by thread %u%s at\n", blocks.size(), one.thread,
          blocks.size() > 1 ? ", and maybe others," : "");
    ::backtrace_symbols_fd(one.callers.data(), static_cast<int>(one.callers.size()), STDERR_FILENO);
}

} // namespace

void print_leaks(const leak_report& report) noexcept {
    print("fixedpool: pool '%.*s': %zu blocks of %u bytes were not given back\n",
          static_cast<int>(report.pool.size()), report.pool.data(), report.blocks.size(),
          report.block_size);
    try {
        std::vector<const held_block*> sorted;
        for (const auto& each : report.blocks)
            sorted.push_back(&each);
        std::ranges::stable_sort(sorted, {}, [](const auto* each) { return each->callers; });
        std::size_t places = 0;
        for (auto first = sorted.begin(); first != sorted.end();) {
            const auto last = std::find_if(first, sorted.end(), [first](const auto* each) {
                return each->callers != (*first)->callers;
            });
            if (places++ < max_places)
                print_place({first, last});
            first = last;
        }
        if (places > max_places)
            print("  and more, in %zu other places\n", places - max_places);
    } catch (const std::bad_alloc&) {
        print("  (no memory to say where they were taken)\n");
    }
}

leak_handler set_leak_handler(leak_handler handler) noexcept {
    return handler_in_use.exchange(handler);
}

namespace detail {

leak_handler leak_handler_in_use() noexcept { return handler_in_use.load(); }

} // namespace detail

} // namespace fixedpool
