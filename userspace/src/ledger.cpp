/* SPDX-License-Identifier: MIT */
#include "ledger.hpp"

#include <algorithm>
#include <atomic>
#include <new>

#include <execinfo.h>
#include <sys/mman.h>
#include <unistd.h>

namespace fixedpool::detail {
namespace {

template <typename value_type>
value_type get(value_type& word, std::memory_order order = std::memory_order_relaxed) noexcept {
    return std::atomic_ref<value_type>{word}.load(order);
}

template <typename value_type>
void set(value_type& word, value_type value,
         std::memory_order order = std::memory_order_relaxed) noexcept {
    std::atomic_ref<value_type>{word}.store(value, order);
}

/** What backtrace() needs is loaded by its first call. */
void load_unwinder() noexcept {
    void* caller = nullptr;
    ::backtrace(&caller, 1);
}

} // namespace

std::unique_ptr<ledger> ledger::make(std::uint32_t blocks) noexcept {
    const std::size_t bytes = blocks * sizeof(entry);
    void* const begin = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (begin == MAP_FAILED)
        return nullptr;
    load_unwinder();
    try {
        return std::make_unique<ledger>(
            mapping{static_cast<std::byte*>(begin),
                    [bytes](std::byte* mapped) noexcept { ::munmap(mapped, bytes); }},
            blocks);
    } catch (const std::bad_alloc&) { // and unmapped
        return nullptr;
    }
}

ledger::ledger(mapping entries, std::uint32_t blocks) noexcept
    : memory_{std::move(entries)},
      entries_{reinterpret_cast<entry*>(memory_.get())},
      blocks_{blocks} {}

void ledger::note(std::uint32_t index, handle name) noexcept {
    std::array<void*, depth + 1> callers = {};
    const auto found = std::max(::backtrace(callers.data(), static_cast<int>(callers.size())), 1);
    auto& here = entries_[index];
    set(here.handle, std::uint64_t{0});
    std::atomic_thread_fence(std::memory_order_release);
    set(here.thread, static_cast<std::uint32_t>(::gettid()));
    set(here.count, static_cast<std::uint32_t>(found - 1));
    for (std::size_t i = 0; i < depth; ++i)
        set(here.callers[i], callers[i + 1]); // the first is this call
    set(here.handle, name.value(), std::memory_order_release);
}

handle ledger::handle_at(std::uint32_t index) const noexcept {
    return handle::from_value(get(entries_[index].handle));
}

held_block ledger::read(std::uint32_t index) const {
    auto& here = entries_[index];
    const auto before = get(here.handle, std::memory_order_acquire);
    held_block noted{
        .handle = handle::from_value(before), .thread = get(here.thread), .callers = {}};
    const auto count = std::min<std::size_t>(get(here.count), depth);
    for (std::size_t i = 0; i < count; ++i)
        noted.callers.push_back(get(here.callers[i]));
    std::atomic_thread_fence(std::memory_order_acquire);
    if (get(here.handle) != before)
        noted.handle = {};
    return noted;
}

} // namespace fixedpool::detail
