/* SPDX-License-Identifier: MIT */
#include "heap.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <string_view>
#include <utility>

#include <pthread.h>
#include <signal.h> // NOLINT(*-deprecated-headers): what POSIX has
#include <unistd.h>

#include "../src/caches.hpp"
#include "../src/client_state.hpp"
#include "../src/local/lock.hpp"
#include "../src/local/shape.hpp"
#include "../src/pool_state.hpp"
#include "bootstrap.hpp"
#include "large.hpp"
#include "runs.hpp"

namespace fixedpool::preload {

// NOLINTBEGIN(cppcoreguidelines-avoid-non-const-global-variables)
constinit std::array<std::atomic<std::uint8_t>, heap::spans> heap::classes_ = {};
constinit std::array<lane, class_count + 1> heap::lanes_ = {};
constinit std::array<std::atomic<const heap::pool*>, class_count> heap::pools_ = {};
constinit std::array<std::atomic<std::uint32_t>, class_count> heap::asked_ = {};
constinit std::array<std::atomic<std::uint32_t>, class_count> heap::vain_ = {};

namespace {

using fixedpool::detail::caches;
using fixedpool::detail::client_state;
using fixedpool::detail::counting;
using fixedpool::detail::pool_state;
using fixedpool::detail::putting;
using fixedpool::detail::thrift;

/** How deep this thread is inside the library: what is asked for there is for itself. */
constinit thread_local int depth [[gnu::tls_model("initial-exec")]] = 0;

// Protects: pools from being made twice. Ordering: outside all locks of the library.
constinit fixedpool::detail::local::handler_lock making;
constinit sigset_t mask_before_fork = {};

// Never destroyed: others allocate and free until the process has gone.
alignas(std::shared_ptr<client_state>) constinit std::array<
    std::byte, sizeof(std::shared_ptr<client_state>)> client_place = {};
constinit const std::shared_ptr<client_state>* owner = nullptr;
// NOLINTEND(cppcoreguidelines-avoid-non-const-global-variables)

/** As long as this is there, the thread is inside; errno is what it was afterwards. */
class inside {
  public:
    inside() noexcept : before_{errno} { ++depth; }
    inside(const inside&) = delete;
    inside& operator=(const inside&) = delete;
    ~inside() {
        --depth;
        errno = before_;
    }

  private:
    int before_;
};

[[noreturn]] void die(std::string_view what, const void* block) noexcept {
    std::array<char, 128> line{};
    constexpr std::string_view who = "libfixedpool_malloc: ";
    constexpr std::string_view at = ": 0x";
    auto* end = std::ranges::copy(who, line.data()).out;
    end = std::ranges::copy(what, end).out;
    end = std::ranges::copy(at, end).out;
    constexpr int hexadecimal = 16;
    end = std::to_chars(end, line.data() + line.size() - 1, reinterpret_cast<std::uintptr_t>(block),
                        hexadecimal)
              .ptr;
    *end++ = '\n';
    [[maybe_unused]] const auto written =
        ::write(STDERR_FILENO, line.data(), static_cast<std::size_t>(end - line.data()));
    std::abort();
}

/** Effects: no handler interrupts this thread. Returns: what was before. */
sigset_t block_signals() noexcept {
    sigset_t all;
    sigset_t before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    return before;
}

void restore_signals(const sigset_t& before) noexcept {
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

// Those of the engine are locked in between these and bootstrap's. A handler that forks
// would wait for what is locked here.
void before_fork() noexcept {
    const auto before = block_signals();
    ++depth;
    making.lock_for_fork();
    mask_before_fork = before;
    runs::lock();
    large::lock();
}

void after_fork() noexcept {
    const auto before = mask_before_fork;
    large::unlock();
    runs::unlock();
    making.unlock_after_fork();
    --depth;
    restore_signals(before);
}

void* or_enomem(void* block) noexcept {
    if (block == nullptr) [[unlikely]]
        errno = ENOMEM;
    return block;
}

/** Returns: the number of the pool; zero if there is none to be had. */
std::uint32_t create(fixedpool::detail::transport& module, std::uint32_t number,
                     std::uint32_t most) noexcept {
    constexpr std::uint32_t at_first = 32768; // bytes
    fixedpool_pool_create request = {};
    auto* const name = request.name;
    constexpr std::string_view prefix = "malloc-";
    std::to_chars(std::ranges::copy(prefix, name).out, name + sizeof(request.name) - 1,
                  class_sizes[number]);
    request.block_size = class_sizes[number];
    request.align = granule;
    request.blocks = std::min(at_first / request.block_size, most);
    request.max_blocks = most;
    // Gone with its name if it cannot be used: the next try makes another.
    request.flags = FIXEDPOOL_POOL_PACKED | FIXEDPOOL_POOL_AUTO_DESTROY;
    return module.call(request) ? 0 : request.id;
}

// The library is initialised before all others: their handlers of fork() run while
// nothing of this is locked, and may wait for threads that allocate.
[[gnu::constructor]] void begin_with_the_process() noexcept { heap::begin(); }

} // namespace

void heap::begin() noexcept {
    const inside guard;
    const auto before = block_signals();
    making.lock();
    static_cast<void>(begin_locked());
    making.unlock();
    restore_signals(before);
}

/** The client, at the first call of all. */
bool heap::begin_locked() noexcept {
    if (owner != nullptr)
        return true;
    thrift::begin();
    static constinit bool begun = false; // once, whatever fails below
    if (!std::exchange(begun, true))
        bootstrap::handle_forks();
    std::error_code ec;
    try {
        auto transport = fixedpool::detail::open_local(ec);
        fixedpool_query module = {};
        if (!ec)
            ec = transport->call(module);
        if (ec)
            return false;
        static_cast<void>(caches::instance());
        if (::pthread_atfork(&before_fork, &after_fork, &after_fork) != 0)
            return false;
        owner = new (client_place.data())
            std::shared_ptr<client_state>{std::make_shared<client_state>(client_state{
                .transport = std::move(transport), .module = module, .pools = nullptr})};
    } catch (const std::bad_alloc&) {
        return false;
    }
    return true;
}

const heap::pool* heap::make_pool_locked(std::uint32_t number) noexcept {
    if (const auto* const there = pools_[number].load(std::memory_order_relaxed))
        return there;
    if (!begin_locked())
        return nullptr;
    // Fewer where addresses are scarce.
    std::uint32_t id = 0;
    for (auto most = most_blocks(number); id == 0 && most >= 1024; most /= 8)
        id = create(*(*owner)->transport, number, most);
    if (id == 0)
        return nullptr;
    std::error_code ec;
    auto made = pool_state::make(*owner, id, {}, ec);
    if (ec)
        return nullptr;
    const auto* const pool = made.get();
    const auto& known = pool->info();
    // For good.
    if (new (std::nothrow) std::shared_ptr<const pool_state>{std::move(made)} == nullptr)
        return nullptr;
    lane_of(number).begin(*pool); // NOLINT(clang-analyzer-cplusplus.NewDeleteLeaks)
    const auto first = reinterpret_cast<std::uintptr_t>(pool->address(0));
    const auto last = first + std::uint64_t{known.max_blocks} * known.stride - 1;
    for (auto span = first >> thrift::span_shift; span <= last >> thrift::span_shift; ++span)
        classes_[span].store(static_cast<std::uint8_t>(number + 1), std::memory_order_relaxed);
    pools_[number].store(pool, std::memory_order_release);
    return pool;
}

const heap::pool* heap::make_pool(std::uint32_t number) noexcept {
    if (making.mine()) // what the engine asks for meanwhile
        return nullptr;
    // Its locks are no business of a handler, who may fork.
    const auto before = block_signals();
    making.lock();
    const auto* const made = make_pool_locked(number);
    making.unlock();
    restore_signals(before);
    return made;
}

/** Is it time to try again what was in vain? */
bool heap::is_due(std::uint32_t number) noexcept {
    auto rest = vain_[number].load(std::memory_order_relaxed);
    while (rest != 0)
        if (vain_[number].compare_exchange_weak(rest, rest - 1, std::memory_order_relaxed))
            return false;
    return true;
}

const heap::pool* heap::pool_for(std::uint32_t number) noexcept {
    const auto* const there = pools_[number].load(std::memory_order_acquire);
    return there != nullptr ? there : make_pool(number);
}

/** Has a class a pool, or been asked for so many times that it is to have one? */
bool heap::is_wanted(std::uint32_t number) noexcept {
    return pools_[number].load(std::memory_order_relaxed) != nullptr ||
           asked_[number].fetch_add(1, std::memory_order_relaxed) >= times_before_pool(number);
}

/** A block of that class; null if there is none, which is remembered for a while. */
void* heap::take_from(std::uint32_t number) noexcept {
    constexpr std::uint32_t requests = 1024;
    auto& from = lane_of(number);
    if (void* const block = from.take())
        return block;
    if (!is_due(number))
        return nullptr;
    if (const auto* const pool = pool_for(number)) {
        std::error_code ec;
        const auto taken = pool->allocate_one(contents::unspecified, counting::no, ec);
        from.grow(pool->blocks());
        if (taken)
            return pool->address(pool->index_of(taken));
    }
    vain_[number].store(requests, std::memory_order_relaxed);
    return nullptr;
}

/** Whole pages: of a run, or of a mapping of its own. */
static void* allocate_pages(std::size_t size, std::size_t alignment,
                            large::content wanted) noexcept {
    if (size <= runs::most_bytes && alignment <= fixedpool::detail::local::page_bytes)
        if (const auto [block, dirty] = runs::allocate(std::max(size, granule)); block != nullptr)
            return dirty && wanted == large::content::zero ? std::memset(block, 0, size) : block;
    return large::allocate(size, alignment, wanted);
}

void* heap::allocate_elsewhere(std::size_t size, std::size_t alignment) noexcept {
    if (void* const own = bootstrap::allocate(size, alignment))
        return own;
    return allocate_pages(size, alignment, large::content::any);
}

void* heap::allocate_slowly(std::uint32_t number) noexcept {
    return or_enomem(allocate_somewhere(number, granule));
}

void* heap::allocate_somewhere(std::uint32_t number, std::size_t alignment) noexcept {
    if (depth != 0)
        return allocate_elsewhere(class_sizes[number], alignment);
    const inside guard;
    bool tried = false;
    const auto take = [&](std::uint32_t at) noexcept -> void* {
        if (class_sizes[at] % alignment != 0)
            return nullptr;
        tried = true;
        return take_from(at);
    };
    if (is_wanted(number))
        if (void* const block = take(number))
            return block;
    if (const auto coarse = coarse_class_of(number); coarse != number && is_wanted(coarse))
        if (void* const block = take(coarse))
            return block;
    // Of others where there is no pool, or no block in it.
    const std::size_t most = std::size_t{2} * class_sizes[number];
    for (auto at = number + 1; tried && at < class_count && class_sizes[at] <= most; ++at)
        if (pools_[at].load(std::memory_order_relaxed) != nullptr)
            if (void* const block = take(at))
                return block;
    return allocate_elsewhere(class_sizes[number], alignment);
}

void* heap::allocate_large(std::size_t size) noexcept {
    return or_enomem(allocate_pages(size, granule, large::content::any));
}

void* heap::allocate_zero(std::size_t size) noexcept {
    if (size > max_block)
        return or_enomem(allocate_pages(size, granule, large::content::zero));
    void* const block = allocate(size);
    return block != nullptr ? std::memset(block, 0, size) : nullptr;
}

void* heap::allocate_aligned(std::size_t size, std::size_t alignment) noexcept {
    if (alignment <= granule)
        return allocate(size);
    constexpr std::size_t page = 4096;
    if (depth != 0)
        return or_enomem(allocate_elsewhere(size, alignment));
    const auto least = std::max(size, alignment);
    if (alignment > page || least > max_block)
        return or_enomem(allocate_pages(size, alignment, large::content::any));
    // Pools begin at multiples of far more.
    auto number = class_of(least);
    while (class_sizes[number] % alignment != 0)
        ++number;
    if (void* const block = lane_of(number).take())
        return block;
    return or_enomem(allocate_somewhere(number, alignment));
}

/** As lane::index_at(), also while nobody has told the lane yet that the pool has grown. */
std::uint32_t heap::index_in(lane& of, const void* block) noexcept {
    const auto index = of.index_at(block);
    if (index != lane::no_index) [[likely]]
        return index;
    of.grow(pools_[number_of(of)].load(std::memory_order_acquire)->blocks());
    return of.index_at(block);
}

void heap::deallocate_slowly(lane& of, void* block) noexcept {
    if (!is_pool(of)) {
        deallocate_elsewhere(block);
        return;
    }
    const auto index = index_in(of, block);
    if (index == lane::no_index)
        die("free() of an invalid pointer", block);
    const auto name = of.handle_of(index);
    if (!name)
        die("double free, or free() of what was never allocated", block);
    const inside guard;
    const auto number = number_of(of);
    std::error_code ec;
    if (!pools_[number]
             .load(std::memory_order_acquire)
             ->free_one(name, counting::no, putting::not_here, ec))
        die("double free", block);
    if (vain_[number].load(std::memory_order_relaxed) != 0)
        vain_[number].store(0, std::memory_order_relaxed);
}

/** Requires: it is one of bootstrap's addresses. */
static void expect_own(const void* block, std::string_view freed,
                       std::string_view invalid) noexcept {
    const auto found = bootstrap::standing_of(block);
    if (found != bootstrap::standing::allocated)
        die(found == bootstrap::standing::freed ? freed : invalid, block);
}

void heap::deallocate_elsewhere(void* block) noexcept {
    if (bootstrap::owns(block)) {
        expect_own(block, "double free", "free() of an invalid pointer");
        bootstrap::deallocate(block);
    } else if (runs::owns(block)) {
        runs::deallocate(block);
    } else if (large::owns(block)) {
        large::deallocate(block);
    } else {
        die("free() of an invalid pointer", block);
    }
}

std::size_t heap::size_of(void* block) noexcept {
    if (auto& of = lane_at(block); is_pool(of)) {
        if (index_in(of, block) == lane::no_index)
            die("invalid pointer", block);
        return of.block_size();
    }
    if (bootstrap::owns(block)) {
        expect_own(block, "realloc() of what was freed", "invalid pointer");
        return bootstrap::size_of(block);
    }
    if (runs::owns(block))
        return runs::size_of(block);
    if (!large::owns(block))
        die("invalid pointer", block);
    return large::size_of(block);
}

/** What shrinks stays, unless more than half of it is wasted. */
static constexpr bool stays(std::size_t before, std::size_t size) noexcept {
    return size <= before && (size >= before / 2 || before <= 2 * granule);
}

void* heap::resize(void* block, std::size_t size) noexcept {
    std::size_t before = 0;
    if (auto& of = lane_at(block); is_pool(of)) [[likely]] {
        const auto index = index_in(of, block);
        if (index == lane::no_index) [[unlikely]]
            die("invalid pointer", block);
        if (!of.handle_of(index)) [[unlikely]]
            die("realloc() of what was freed", block);
        before = of.block_size();
    } else {
        before = size_of(block);
        if (size > max_block && runs::owns(block)) {
            if (runs::resize(block, size))
                return block;
        } else if (size > max_block && large::owns(block)) {
            return or_enomem(large::resize(block, size));
        }
    }
    if (stays(before, size))
        return block;
    void* const moved = allocate(size);
    if (moved == nullptr)
        return nullptr;
    std::memcpy(moved, block, std::min(size, before));
    deallocate(block);
    return moved;
}

bool heap::trim() noexcept {
    const inside guard;
    std::size_t given = large::trim() + runs::trim();
    for (const auto& each : pools_)
        if (const auto* const pool = each.load(std::memory_order_acquire))
            given += pool_state::of(*pool).trim();
    return given != 0;
}

} // namespace fixedpool::preload
