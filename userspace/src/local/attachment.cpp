/* SPDX-License-Identifier: MIT */
#include "attachment.hpp"

#include <algorithm>
#include <array>
#include <new>

namespace fixedpool::detail::local {

void attachment::begin(std::shared_ptr<local::pool> to) {
    const auto bytes = std::uint64_t{to->words()} * sizeof(std::uint64_t);
    auto memory = to->opens_books() ? region::reserve_books(bytes) : region{bytes};
    if (!memory)
        throw std::bad_alloc{};
    if (to->opens_books()) {
        spread_thin(memory.begin(), whole_pages(bytes));
        if (!to->keep_books(memory.begin(), 1))
            throw std::bad_alloc{};
    }
    memory_ = std::move(memory);
    // Zeroes as they are: what is not used is not touched.
    auto* const first = reinterpret_cast<std::atomic<std::uint64_t>*>(memory_.begin());
    root_ = {std::launder(first), to->words()};
    pool_ = std::move(to);
    party_ = {};
    // Release: pairs with try_ref(), for who still has the address from before.
    refs_.store(1, std::memory_order_release);
}

bool attachment::try_ref() noexcept {
    auto refs = refs_.load(std::memory_order_relaxed);
    do {
        if (refs == 0)
            return false;
    } while (!refs_.compare_exchange_weak(refs, refs + 1, std::memory_order_acquire,
                                          std::memory_order_relaxed));
    return true;
}

void attachment::unref() noexcept {
    // Release: pairs with drain(). Only who leaves waits for the last one, so
    // nobody is woken otherwise.
    if (refs_.fetch_sub(1, std::memory_order_release) == 1)
        futex_wake(refs_);
}

void attachment::drain() noexcept {
    while (const auto refs = refs_.load(std::memory_order_acquire))
        futex_wait(refs_, refs);
}

std::shared_ptr<pool> attachment::end() noexcept {
    {
        const std::scoped_lock lock{pool_->sharing()};
        depot::giving giving{pool_->free_blocks()};
        release_root(giving);
        for (const auto& [scope, held] : parts_)
            release_part(giving, held);
    }
    pool_->came();
    parts_.clear();
    tags_.reset();
    has_parts_.store(false, std::memory_order_relaxed);
    root_ = {};
    pool_->end_books(memory_.begin());
    memory_ = {};
    return std::exchange(pool_, nullptr);
}

bool attachment::holds(std::uint32_t index) noexcept {
    if ((root(index / word_blocks).load(std::memory_order_acquire) & bit_of(index)) != 0)
        return true;
    if (!has_parts())
        return false;
    const std::scoped_lock lock{lock_};
    return holds_locked(index);
}

bool attachment::holds_locked(std::uint32_t index) noexcept {
    if ((root(index / word_blocks).load(std::memory_order_acquire) & bit_of(index)) != 0)
        return true;
    const auto* word = find(index);
    return word != nullptr && (*word & bit_of(index)) != 0;
}

std::uint64_t* attachment::find(std::uint32_t index) noexcept {
    if (!tags_)
        return nullptr;
    const auto held = parts_.find(tags_[index]);
    if (held == parts_.end())
        return nullptr;
    const auto word = index / word_blocks;
    const auto found = held->second.find(word / page_words);
    return found != held->second.end() ? &(*found->second)[word % page_words] : nullptr;
}

void attachment::put(std::uint32_t scope, std::uint32_t word, std::uint64_t mask) {
    if (!tags_)
        tags_ = std::make_unique<std::uint16_t[]>(std::size_t{pool_->words()} * word_blocks);
    auto& held = parts_[scope];
    auto& bits = held[word / page_words];
    if (!bits) {
        try {
            bits = std::make_unique<page>();
        } catch (...) {
            held.erase(word / page_words);
            throw;
        }
    }
    for_each_block(word, mask,
                   [&](std::uint32_t index) { tags_[index] = static_cast<std::uint16_t>(scope); });
    (*bits)[word % page_words] |= mask;
    // Release: pairs with has_parts(). Who frees a block that he has been told of
    // looks for it here.
    has_parts_.store(true, std::memory_order_release);
}

std::uint64_t attachment::release_root(depot::giving& giving) noexcept {
    std::uint64_t count = 0;
    // Behind those there is nothing, maybe not even memory.
    for (std::uint32_t word = 0; word < words_of(pool_->blocks_begun()); ++word) {
        if (root_[word].load(std::memory_order_relaxed) == 0)
            continue;
        // Acquire: the versions that came with the holds.
        const auto mask = root_[word].exchange(0, std::memory_order_acq_rel);
        pool_->sweep(giving, word, mask);
        count += count_of(mask);
    }
    return count;
}

std::uint64_t attachment::release_part(depot::giving& giving, const part& held) noexcept {
    std::uint64_t count = 0;
    for (const auto& [number, bits] : held) {
        for (std::uint32_t i = 0; i < page_words; ++i) {
            const auto mask = (*bits)[i];
            if (mask == 0)
                continue;
            pool_->sweep(giving, number * page_words + i, mask);
            count += count_of(mask);
        }
    }
    return count;
}

std::uint64_t attachment::release(std::uint32_t scope) noexcept {
    std::uint64_t count = 0;
    {
        const std::scoped_lock lock{pool_->sharing()};
        depot::giving giving{pool_->free_blocks()};
        if (scope == root_scope)
            count = release_root(giving);
        else if (const auto held = parts_.extract(scope))
            count = release_part(giving, held.mapped());
    }
    pool_->came();
    return count;
}

/**
 * Adds the bits of a word to another scope. A bit that is there already is a
 * second hold of the same client, which can come about while somebody gives it a
 * block; it is one too many.
 */
std::uint64_t attachment::pour_word(std::uint32_t word, std::uint64_t mask, std::uint32_t to) {
    if (to != root_scope) {
        put(to, word, mask);
        return count_of(mask);
    }
    const auto twice = mask & root_[word].fetch_or(mask, std::memory_order_acq_rel);
    if (twice != 0)
        pool_->drop(word, twice);
    return count_of(mask);
}

void attachment::pour(std::uint32_t from, std::uint32_t to, std::uint64_t& moved) {
    const auto held = parts_.find(from);
    if (held == parts_.end())
        return;
    for (const auto& [number, bits] : held->second)
        for (std::uint32_t i = 0; i < page_words; ++i)
            if (const auto mask = std::exchange((*bits)[i], 0); mask != 0) {
                try {
                    moved += pour_word(number * page_words + i, mask, to);
                } catch (...) {
                    (*bits)[i] = mask;
                    throw;
                }
            }
    parts_.erase(held);
}

void attachment::empty_cache(depot::giving& giving) noexcept {
    for (std::uint32_t word = 0; word < words_of(pool_->blocks_begun()); ++word) {
        const auto mask = pool_->unallocated(word, root_[word].load(std::memory_order_relaxed));
        if (mask == 0)
            continue;
        root_[word].fetch_and(~mask, std::memory_order_relaxed);
        pool_->sweep(giving, word, mask);
    }
}

void attachment::count_holders(std::vector<std::uint8_t>& holders) const noexcept {
    const auto count = [&](std::uint32_t word, std::uint64_t mask) {
        for_each_block(word, mask, [&](std::uint32_t index) { ++holders[index]; });
    };
    for (std::uint32_t word = 0; word < words_of(pool_->blocks_begun()); ++word)
        count(word, root_[word].load(std::memory_order_relaxed));
    for (const auto& [scope, held] : parts_)
        for (const auto& [number, bits] : held)
            for (std::uint32_t i = 0; i < page_words; ++i)
                count(number * page_words + i, (*bits)[i]);
}

} // namespace fixedpool::detail::local
