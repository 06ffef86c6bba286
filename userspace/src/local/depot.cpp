/* SPDX-License-Identifier: MIT */
#include "depot.hpp"

#include <algorithm>
#include <memory>
#include <new>

namespace fixedpool::detail::local {
namespace {

constexpr std::uint32_t groups_of(std::size_t entries) noexcept {
    return words_of(static_cast<std::uint32_t>(entries));
}

/** Takes up to @p want off a counter; returns how many. */
std::uint32_t take(std::atomic<std::uint32_t>& counter, std::uint32_t least,
                   std::uint32_t want) noexcept {
    auto value = counter.load(std::memory_order_relaxed);
    std::uint32_t count = 0;
    do {
        count = std::min(value, want);
        if (count < least)
            return 0;
        // Acquire: pairs with the release of who gives. What he has added below
        // before he added here is found below. Sequentially consistent for who asks
        // then whether somebody wants to know that few are left.
    } while (!counter.compare_exchange_weak(value, value - count, std::memory_order_seq_cst,
                                            std::memory_order_relaxed));
    return count;
}

/** Takes up to @p want set bits out of a word; returns the bits. */
std::uint64_t take(std::atomic<std::uint64_t>& word, std::uint32_t want) noexcept {
    auto mask = word.load(std::memory_order_relaxed);
    if (mask == 0)
        return 0;
    mask = lowest_of(mask, want);
    // What the last holder did to the block before he gave it back lies before
    // what the next holder does with it.
    return word.fetch_and(~mask, std::memory_order_acq_rel) & mask;
}

/** @p count objects at @p memory, which is zero and not touched; moves behind them. */
template <typename type>
std::span<type> make_array(std::byte*& memory, std::size_t count) noexcept {
    auto* const first = reinterpret_cast<type*>(memory);
    memory += count * sizeof(type);
    return {std::launder(first), count};
}

} // namespace

std::size_t depot::bytes(std::uint32_t blocks) noexcept {
    std::size_t entries = words_of(blocks);
    // One more, for what the counters leave of a word.
    std::size_t bytes = (entries + 1) * sizeof(bitmap_word);
    while (entries > fanout) {
        entries = groups_of(entries);
        bytes += entries * sizeof(counter);
    }
    return bytes;
}

std::size_t depot::head_bytes(std::uint32_t blocks) noexcept {
    return bytes(blocks) - words_of(blocks) * sizeof(bitmap_word);
}

depot::depot(std::uint32_t blocks, std::byte* memory) noexcept {
    std::array<std::size_t, max_levels> entries{};
    for (std::size_t below = words_of(blocks); below > fanout;)
        below = entries[levels_++] = groups_of(below);
    // The upper ones first, few and close to each other.
    for (auto level = levels_; level-- > 0;)
        counters_[level] = make_array<counter>(memory, entries[level]);
    memory += reinterpret_cast<std::uintptr_t>(memory) % sizeof(bitmap_word);
    words_ = make_array<bitmap_word>(memory, words_of(blocks));
}

std::uint32_t depot::reserve(std::uint32_t least, std::uint32_t most) noexcept {
    return take(free_, least, most);
}

void depot::cancel(std::uint32_t count) noexcept {
    free_.fetch_add(count, std::memory_order_seq_cst);
}

std::uint64_t depot::claim_bits(std::uint32_t first, std::uint32_t want,
                                std::uint32_t& word) noexcept {
    const auto end = std::min<std::size_t>(std::size_t{first} + fanout, words_.size());
    // A round may miss: bits move behind it while it looks. Each miss means that
    // somebody else took or gave a block, and the rule says that enough are there.
    for (;;) {
        for (word = first; word < end; ++word)
            if (const auto taken = take(words_[word], want); taken != 0)
                return taken;
    }
}

std::uint64_t depot::claim(std::uint32_t count, std::uint32_t& word) noexcept {
    std::array<std::uint32_t, max_levels> promised{};
    std::array<std::uint32_t, max_levels> entry{};
    std::uint32_t want = std::min(count, word_blocks);
    std::uint32_t first = 0;

    for (unsigned level = levels_; level-- > 0;) {
        const auto counters = counters_[level];
        const auto end = std::min<std::size_t>(std::size_t{first} + fanout, counters.size());
        // As in claim_bits().
        for (entry[level] = first;; ++entry[level]) {
            if (entry[level] == end)
                entry[level] = first;
            promised[level] = take(counters[entry[level]], 1, want);
            if (promised[level] != 0)
                break;
        }
        want = promised[level];
        first = entry[level] * fanout;
    }
    const auto taken = claim_bits(first, want, word);
    const auto found = count_of(taken);
    // What was promised below and not found goes up again, from the bottom, as in
    // give().
    for (unsigned level = 0; level < levels_; ++level)
        if (promised[level] > found)
            counters_[level][entry[level]].fetch_add(promised[level] - found,
                                                     std::memory_order_release);
    return taken;
}

std::uint64_t depot::put(std::uint32_t word, std::uint64_t mask) noexcept {
    // A group that is given whole has no bit that anybody could take or give
    // meanwhile.
    if (mask == all_blocks) {
        words_[word].store(mask, std::memory_order_release);
        return mask;
    }
    // Callers give what they hold, so a bit that is there is a stray write of
    // somebody. To count it twice would send a claim on an endless search.
    return mask & ~words_[word].fetch_or(mask, std::memory_order_acq_rel);
}

void depot::add(std::uint32_t word, std::uint32_t count) noexcept {
    auto entry = word;
    for (unsigned level = 0; level < levels_; ++level) {
        entry /= fanout;
        // Release: pairs with the acquire of who takes from the same counter.
        counters_[level][entry].fetch_add(count, std::memory_order_release);
    }
    // Sequentially consistent, for who asks then whether somebody waits.
    free_.fetch_add(count, std::memory_order_seq_cst);
}

void depot::give(std::uint32_t word, std::uint64_t mask) noexcept {
    add(word, count_of(put(word, mask)));
}

void depot::giving::give(std::uint32_t word, std::uint64_t mask) noexcept {
    if (word / fanout != word_ / fanout)
        count();
    word_ = word;
    count_ += count_of(to_.put(word, mask));
}

void depot::giving::count() noexcept {
    if (count_ != 0)
        to_.add(word_, count_);
    count_ = 0;
}

void depot::clear(std::uint32_t words) noexcept {
    for (auto& word : words_.first(words))
        word.store(0, std::memory_order_relaxed);
    auto entries = words;
    for (unsigned level = 0; level < levels_; ++level) {
        entries = groups_of(entries);
        for (auto& entry : counters_[level].first(entries))
            entry.store(0, std::memory_order_relaxed);
    }
    free_.store(0, std::memory_order_release);
}

bool depot::valid() const noexcept {
    const auto below = [this](unsigned level, std::uint32_t entry) -> std::uint32_t {
        return level == 0 ? count_of(words_[entry].load()) : counters_[level - 1][entry].load();
    };
    const auto entries = [this](unsigned level) {
        return level == 0 ? words_.size() : counters_[level - 1].size();
    };
    const auto sum = [&](unsigned level, std::size_t first, std::size_t end) {
        std::uint32_t total = 0;
        for (; first < std::min(end, entries(level)); ++first)
            total += below(level, static_cast<std::uint32_t>(first));
        return total;
    };
    for (unsigned level = 0; level < levels_; ++level)
        for (std::uint32_t i = 0; i < counters_[level].size(); ++i)
            if (counters_[level][i].load() !=
                sum(level, std::size_t{i} * fanout, (std::size_t{i} + 1) * fanout))
                return false;
    return free() == sum(levels_, 0, entries(levels_));
}

} // namespace fixedpool::detail::local
