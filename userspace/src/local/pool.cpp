/* SPDX-License-Identifier: MIT */
#include "pool.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>

#include <sys/random.h>
#include <unistd.h>

#include <fixedpool/detail/word.hpp>

#include "../thrift.hpp"
#include "slots.hpp"

namespace fixedpool::detail::local {
namespace {

constexpr std::uint32_t hygiene_flags =
    FIXEDPOOL_POOL_ZERO_ON_ALLOC | FIXEDPOOL_POOL_ZERO_ON_FREE | FIXEDPOOL_POOL_POISON;
constexpr std::uint32_t default_mode = 0600;
constexpr std::uint32_t max_holds = 254;

/*
 * Words of blocks, read and written one by one or as many as fit 64 bits: four
 * neighbours, a quad, have their holds in one of those and their versions in
 * two. Versions are written only by whoever owns the block alone, so a pair of
 * them is read and written as a whole. Others may look meanwhile: hence atomic.
 */
using wide [[gnu::may_alias]] = std::uint64_t;

template <typename type>
type get(const type* word, int order = __ATOMIC_RELAXED) noexcept {
    return __atomic_load_n(word, order);
}

template <typename type>
void put(type* word, type value, int order = __ATOMIC_RELAXED) noexcept {
    __atomic_store_n(word, value, order);
}

// Acquire and release: what each holder did to the block lies before what the
// last one, and the next owner, do to it.
template <typename type>
bool exchange(type* word, type& expected, type value, int order = __ATOMIC_ACQ_REL) noexcept {
    return __atomic_compare_exchange_n(word, &expected, value, false, order, __ATOMIC_RELAXED);
}

constexpr unsigned quad_blocks = 4;
constexpr std::uint64_t quad_mask = 15;
constexpr wide quad_held = 0x0001000100010001; // by one client each
constexpr wide pair_odd = 0x0000000100000001;  // bit 0 of each version of a pair
constexpr wide pair_top = 0x8000000080000000;

// A version that is even stays, and one that is odd goes on, never back: else a
// handle would come to life again.
constexpr std::uint32_t even(std::uint32_t version) noexcept { return (version + 1) & ~1U; }

/** Both versions of a pair: no carry from one to the other. */
constexpr wide pair_even(wide pair) noexcept {
    return ((pair & ~pair_top) + (pair & pair_odd)) ^ (pair & pair_top);
}

static_assert(pair_even(0x00000001ffffffff) == 0x0000000200000000);
static_assert(pair_even(0xffffffff7fffffff) == 0x0000000080000000);
static_assert(pair_even(0xfffffffe00000003) == 0xfffffffe00000004);
static_assert(pair_even(0x7fffffff80000000) == 0x8000000080000000);

#ifdef FIXEDPOOL_WORDS_IN_ORDER
/*
 * A whole group at once, 16 bytes at a time: what splits such a move does so between words.
 * Loads and stores stay in order.
 */
using eight_holds [[gnu::vector_size(16)]] = std::uint16_t;
using four_versions [[gnu::vector_size(16)]] = std::uint32_t;

template <typename lanes>
lanes get_lanes(const void* words) noexcept {
    lanes got;
    std::memcpy(&got, words, sizeof(got));
    asm volatile("" : "+x"(got)); // read once
    return got;
}
template <typename lanes>
void put_lanes(void* words, lanes what) noexcept {
    asm volatile("" : "+x"(what)); // nor all of them as one fill, in whatever order
    std::memcpy(words, &what, sizeof(what));
}

/** Is each block of a group held once, by a client? */
bool all_held_once(const std::uint16_t* holds) noexcept {
    auto others = eight_holds{};
    for (std::size_t i = 0; i < word_blocks; i += 8)
        others |= get_lanes<eight_holds>(holds + i) ^ std::uint16_t{FIXEDPOOL_HELD_ONCE};
    std::array<std::uint64_t, 2> halves{};
    std::memcpy(halves.data(), &others, sizeof(others));
    return (halves[0] | halves[1]) == 0;
}

void end_all(std::uint16_t* holds, std::uint32_t* versions) noexcept {
    for (std::size_t i = 0; i < word_blocks; i += 8)
        put_lanes(holds + i, eight_holds{});
    for (std::size_t i = 0; i < word_blocks; i += 4) {
        const auto now = get_lanes<four_versions>(versions + i);
        put_lanes(versions + i, now + (now & 1U)); // as even()
    }
}
#endif

std::uint16_t in_word(holder kind) noexcept { return static_cast<std::uint16_t>(kind); }

std::uint32_t count_in(std::uint16_t holds, holder kind) noexcept {
    return kind == holder::client ? holds & 0xffU : static_cast<std::uint32_t>(holds >> 8);
}

// Groups are read as a whole: the rest of the last one lies in the same page.
static_assert(page_bytes % (word_blocks * sizeof(std::uint32_t)) == 0);

/** What can be mapped, and the depot. */
std::uint64_t memory_of(const shape& chosen) noexcept {
    return chosen.holds().end() + depot::bytes(chosen.blocks);
}

/** Makes memory for all that is kept of blocks; under thrift, of those that there are. */
bool begin_books(const shape& chosen, region& memory, books& kept) noexcept {
    const auto first = chosen.data_bytes();
    const auto length = whole_pages(memory_of(chosen)) - first;
    if (!thrift::on())
        return memory.commit(first, length);
    const auto header = chosen.header();
    auto* const begin = memory.begin();
    spread_thin(begin + first, length);
    return memory.commit(header.begin, header.length) && kept.open(chosen.initial) &&
           kept.add(begin + chosen.versions().begin, 0, 32) &&
           kept.add(begin + chosen.holds().begin, 0, 16) &&
           kept.add(begin + chosen.holds().end(), depot::head_bytes(chosen.blocks), 1);
}

/** As hard to guess as the system makes it; but there is always one. */
std::uint32_t any_number() noexcept {
    std::uint32_t number = 0;
    if (::getrandom(&number, sizeof(number), GRND_NONBLOCK) == sizeof(number))
        return number;
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<std::uint32_t>(now.tv_nsec);
}

std::optional<std::uint32_t> node_of(const fixedpool_pool_create& request) noexcept {
    if ((request.flags & FIXEDPOOL_POOL_NUMA_NODE) == 0)
        return {};
    return static_cast<std::uint32_t>(request.numa_node);
}

} // namespace

std::shared_ptr<pool> pool::make(const fixedpool_pool_create& request, const local::shape& chosen,
                                 int& error) {
    auto memory = region::reserve(memory_of(chosen), node_of(request));
    books kept{chosen};
    error = memory && memory.commit(0, growth::data_of(chosen, chosen.initial)) &&
                    begin_books(chosen, memory, kept)
                ? 0
                : ENOMEM;
    if (error != 0)
        return {};
    const auto id = slots::instance().take(static_cast<std::uint32_t>(chosen.units()));
    error = id != 0 ? 0 : EOVERFLOW;
    if (error != 0)
        return {};
    try {
        auto made = std::make_shared<pool>(request, chosen, id, std::move(memory), kept);
        slots::instance().settle(id, made.get());
        return made;
    } catch (...) {
        slots::instance().give(id);
        throw;
    }
}

pool::pool(const fixedpool_pool_create& request, const local::shape& chosen, std::uint32_t id,
           region memory, const books& kept)
    : registered{.name = request.name,
                 .flags = request.flags,
                 .reserve = request.reserve != 0 ? request.reserve : request.blocks,
                 .storage = request.storage,
                 .mode = request.mode != 0 ? request.mode : default_mode,
                 .numa_node = node_of(request) ? request.numa_node : -1,
                 .uid = ::geteuid(),
                 .gid = ::getegid()},
      id_{id},
      units_{static_cast<std::uint32_t>(chosen.units())},
      // Versions begin anywhere, so that a handle of an earlier pool that had the
      // same slots is not taken for one of this pool.
      first_version_{any_number() & ~1U},
      shape_{chosen},
      memory_{std::move(memory)},
      versions_{reinterpret_cast<std::uint32_t*>(versions())},
      holds_{reinterpret_cast<std::uint16_t*>(data() + chosen.holds().begin)},
      depot_{chosen.blocks, data() + chosen.holds().end()},
      growth_{shape_, memory_, kept},
      queue_{depot_, *new (data() + chosen.header().begin) fixedpool_header{}},
      watched_{depot_, queue_} {
    begin_versions(0, chosen.initial);
    rebuild(std::vector<std::uint8_t>(std::size_t{words_of(chosen.initial)} * word_blocks));
}

/** Of blocks that become the pool's; books beyond are not touched. */
void pool::begin_versions(std::uint32_t first, std::uint32_t end) noexcept {
    std::fill(versions_ + first, versions_ + end, first_version_);
}

bool pool::keep_books(std::byte* begin, unsigned bits) noexcept {
    const std::scoped_lock lock{growth_.lock()};
    return growth_.books().add(begin, 0, bits);
}

void pool::end_books(const std::byte* begin) noexcept {
    if (!opens_books())
        return;
    const std::scoped_lock lock{growth_.lock()};
    growth_.books().remove(begin);
}

pool::~pool() { slots::instance().give(id_); }

std::uint32_t pool::in_use() const noexcept {
    const auto free = depot_.free();
    const auto all = blocks();
    return all - std::min(free, all);
}

std::uint32_t pool::version(std::uint32_t index) const noexcept { return get(versions_ + index); }

std::uint64_t pool::unallocated(std::uint32_t word, std::uint64_t mask) const noexcept {
    std::uint64_t found = 0;
    for_each_block(word, mask, [&](std::uint32_t index) {
        found |= version(index) % 2 == 0 ? bit_of(index) : 0;
    });
    return found;
}

bool pool::shared(std::uint32_t index) const noexcept {
    const auto holds = get(holds_ + index);
    return count_in(holds, holder::client) + count_in(holds, holder::copy) > 1;
}

int pool::check(std::uint32_t index, std::uint32_t version) const noexcept {
    const auto now = pool::version(index);
    if (now == version)
        return get(holds_ + index) != 0 ? 0 : EALREADY;
    return now == version + 1 ? EALREADY : ESTALE;
}

bool pool::hygienic() const noexcept { return (registered.flags & hygiene_flags) != 0; }

/** What has been written into the block since it ended is gone afterwards. */
void pool::block_taken(std::uint32_t index) noexcept {
    auto* const begin = block(index);
    if ((registered.flags & FIXEDPOOL_POOL_POISON) != 0 &&
        std::any_of(begin, begin + shape_.block_size,
                    [](std::byte each) { return each != std::byte{FIXEDPOOL_POISON}; })) {
        poison_hits_.fetch_add(1, std::memory_order_relaxed);
        std::memset(begin, FIXEDPOOL_POISON, shape_.block_size);
    }
    if ((registered.flags & FIXEDPOOL_POOL_ZERO_ON_ALLOC) != 0)
        std::memset(begin, 0, shape_.block_size);
}

void pool::block_ended(std::uint32_t index) const noexcept {
    if ((registered.flags & FIXEDPOOL_POOL_POISON) != 0)
        std::memset(block(index), FIXEDPOOL_POISON, shape_.block_size);
    else if ((registered.flags & FIXEDPOOL_POOL_ZERO_ON_FREE) != 0)
        std::memset(block(index), 0, shape_.block_size);
}

void pool::taken(std::uint32_t word, std::uint64_t mask) noexcept {
    if (hygienic())
        for_each_block(word, mask, [this](std::uint32_t index) { block_taken(index); });
}

void pool::ended(std::uint32_t word, std::uint64_t mask) const noexcept {
    if (hygienic())
        for_each_block(word, mask, [this](std::uint32_t index) { block_ended(index); });
}

std::uint64_t pool::claim(std::uint32_t want, std::uint32_t& word,
                          std::uint64_t* handles) noexcept {
    const auto mask = depot_.claim(want, word);
    taken(word, mask);
    for_each_block(word, mask, [&](std::uint32_t index) {
        const auto version = (pool::version(index) + 1) | 1U;
        put(versions_ + index, version);
        // Release: pairs with the exchange in hold(). Who finds a hold here finds
        // the new version, too; were it the old one, a stale handle would pass.
        put(holds_ + index, in_word(holder::client), __ATOMIC_RELEASE);
        *handles++ = FIXEDPOOL_HANDLE(version, first_slot() + index);
    });
    return mask;
}

std::uint64_t pool::cache(std::uint32_t want, std::uint32_t& word) noexcept {
    const auto mask = depot_.claim(want, word);
    taken(word, mask);
    for_each_block(word, mask, [&](std::uint32_t index) {
        // Odd only if somebody has scribbled there.
        put(versions_ + index, even(pool::version(index)));
        put(holds_ + index, in_word(holder::client), __ATOMIC_RELEASE);
    });
    return mask;
}

void pool::end_version(std::uint32_t index) noexcept {
    put(versions_ + index, even(version(index)));
}

/** Ends those quads of @p mask whose only holds are the caller's; returns their blocks. */
template <pool::ending how>
std::uint64_t pool::end_quads(std::uint32_t word, std::uint64_t mask) noexcept {
    auto* holds = reinterpret_cast<wide*>(holds_ + std::size_t{word} * word_blocks);
    auto* versions = reinterpret_cast<wide*>(versions_ + std::size_t{word} * word_blocks);
    std::uint64_t left = 0;

    for (unsigned bit = 0; bit < word_blocks; bit += quad_blocks, ++holds, versions += 2) {
        auto ours = quad_held;
        bool alone = (mask >> bit & quad_mask) == quad_mask;
        if constexpr (how == ending::alone) {
            // Acquire: as in exchange().
            alone = alone && get(holds, __ATOMIC_ACQUIRE) == ours;
            if (alone)
                put(holds, wide{0});
        } else {
            alone = alone && exchange(holds, ours, wide{0});
        }
        if (!alone) {
            left |= quad_mask << bit;
        } else {
            put(versions, pair_even(get(versions)));
            put(versions + 1, pair_even(get(versions + 1)));
        }
    }
    return mask & ~left;
}

/** The same of all blocks of a group, or of none. Requires: sharing() is locked. */
std::uint64_t pool::end_group([[maybe_unused]] std::uint32_t word,
                              [[maybe_unused]] std::uint64_t mask) noexcept {
#ifdef FIXEDPOOL_WORDS_IN_ORDER
    auto* const holds = holds_ + std::size_t{word} * word_blocks;
    if (mask != all_blocks || !all_held_once(holds))
        return 0;
    end_all(holds, versions_ + std::size_t{word} * word_blocks);
    return mask;
#else
    return 0;
#endif
}

/** Lets go of single blocks; returns those that were held by nobody else. */
std::uint64_t pool::end_ones(std::uint32_t word, std::uint64_t mask) noexcept {
    std::uint64_t ended = 0;
    for_each_block(word, mask, [&](std::uint32_t index) {
        const auto before =
            __atomic_fetch_sub(holds_ + index, in_word(holder::client), __ATOMIC_ACQ_REL);
        if (before != in_word(holder::client))
            return;
        end_version(index);
        ended |= bit_of(index);
    });
    return ended;
}

void pool::give(std::uint32_t word, std::uint64_t mask) noexcept {
    depot_.give(word, mask);
    came();
}

void pool::drop(std::uint32_t word, std::uint64_t mask) noexcept {
    auto done = end_quads<ending::among_others>(word, mask);
    done |= end_ones(word, mask & ~done);
    ended(word, done);
    if (done != 0)
        give(word, done);
}

void pool::sweep(depot::giving& giving, std::uint32_t word, std::uint64_t mask) noexcept {
    auto done = end_group(word, mask);
    if (done == 0) {
        done = end_quads<ending::alone>(word, mask);
        done |= end_ones(word, mask & ~done);
    }
    ended(word, done);
    if (done != 0)
        giving.give(word, done);
}

void pool::drop(std::uint32_t index, holder kind) noexcept {
    const auto before = __atomic_fetch_sub(holds_ + index, in_word(kind), __ATOMIC_ACQ_REL);
    if (before != in_word(kind))
        return;
    end_version(index);
    ended(index / word_blocks, bit_of(index));
    give(index / word_blocks, bit_of(index));
}

int pool::hold(std::uint32_t index, std::uint32_t version, holder kind) noexcept {
    auto holds = get(holds_ + index);
    do {
        if (holds == 0)
            return ESTALE;
        if (count_in(holds, kind) >= max_holds)
            return EBUSY;
    } while (!exchange(holds_ + index, holds, static_cast<std::uint16_t>(holds + in_word(kind)),
                       __ATOMIC_SEQ_CST));

    // Now no allocation of this block can end, unless it does so in a cache. Who ends
    // it there advances the version first and looks at the holds then; all of that is
    // sequentially consistent, so he sees our hold, or we his version.
    if (get(versions_ + index, __ATOMIC_SEQ_CST) == version)
        return 0;
    drop(index, kind);
    return ESTALE;
}

void pool::rebuild(const std::vector<std::uint8_t>& holders) noexcept {
    const auto free_in = [&](std::uint32_t word) {
        const auto first = word * word_blocks;
        const auto end = std::clamp(blocks(), first, first + word_blocks);
        std::uint64_t free = 0;
        for (auto index = first; index < end; ++index)
            free |= holders[index] == 0 ? bit_of(index) : 0;
        return free;
    };
    // What the depot does not have was about to be taken or given back, and may be
    // neither zeroes nor poison yet; the rest is not touched.
    const auto groups = words_of(blocks());
    for (std::uint32_t word = 0; word < groups; ++word)
        ended(word, free_in(word) & ~depot_.in_group(word));
    depot_.clear(groups);
    depot::giving giving{depot_};
    for (std::uint32_t index = 0; index < blocks(); ++index)
        put(holds_ + index, std::uint16_t{holders[index]});
    for (std::uint32_t word = 0; word < groups; ++word) {
        const auto free = free_in(word);
        for_each_block(word, free, [this](std::uint32_t index) {
            if (version(index) % 2 != 0)
                end_version(index);
        });
        giving.give(word, free);
    }
}

bool pool::valid() const noexcept {
    std::uint32_t free = 0;
    for (std::uint32_t index = 0; index < blocks(); ++index) {
        const bool held = get(holds_ + index) != 0;
        if (!held && version(index) % 2 != 0)
            return false;
        free += held ? 0 : 1;
    }
    return depot_.valid() && depot_.free() == free;
}

} // namespace fixedpool::detail::local
