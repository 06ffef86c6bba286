/* SPDX-License-Identifier: MIT */
/** @file
 * What an allocator has given and not taken back: memory, and objects.
 */
#ifndef FIXEDPOOL_FUZZ_PIECES_HPP
#define FIXEDPOOL_FUZZ_PIECES_HPP

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>
#include <stdexcept>

#include "input.hpp"

namespace fixedpool::fuzz {

/** Memory that is ours: aligned, apart from all other, and nobody else writes to it. */
class pieces {
  public:
    struct piece {
        std::size_t size;
        std::size_t alignment;
        std::uint8_t pattern;
        std::uint64_t number; // the order in which they were given
    };
    using map = std::map<std::byte*, piece>;
    using iterator = map::iterator;

    [[nodiscard]] bool empty() const noexcept { return all_.empty(); }
    [[nodiscard]] std::size_t size() const noexcept { return all_.size(); }
    [[nodiscard]] bool contains(std::byte* memory) const { return all_.contains(memory); }
    [[nodiscard]] std::uint64_t last() const noexcept { return last_; }

    void add(void* memory, std::size_t size, std::size_t alignment) {
        auto* const begin = static_cast<std::byte*>(memory);
        demand(begin != nullptr, "memory is somewhere");
        demand(reinterpret_cast<std::uintptr_t>(begin) % alignment == 0, "memory is aligned");
        // Two pieces of no bytes are apart, too.
        const auto after = all_.lower_bound(begin);
        demand(after == all_.end() || begin + (size != 0 ? size : 1) <= after->first,
               "memory does not reach into what is behind it");
        if (after != all_.begin()) {
            const auto& [place, before] = *std::prev(after);
            demand(place + before.size <= begin, "memory is not of the piece before it");
        }
        const auto pattern = static_cast<std::uint8_t>(++last_ * 37);
        for (std::size_t i = 0; i < size; ++i)
            begin[i] = static_cast<std::byte>(pattern + i);
        all_.emplace(begin, piece{size, alignment, pattern, last_});
    }

    static void check(const map::value_type& each) {
        for (std::size_t i = 0; i < each.second.size; ++i)
            demand(each.first[i] == static_cast<std::byte>(each.second.pattern + i),
                   "contents stay what they were");
    }
    void check() const {
        for (const auto& each : all_)
            check(each);
    }

    /** Requires: not empty. */
    [[nodiscard]] iterator any(input& in) { return std::next(all_.begin(), in.below(all_.size())); }
    [[nodiscard]] iterator begin() noexcept { return all_.begin(); }
    [[nodiscard]] iterator end() noexcept { return all_.end(); }

    /** Checks it once more, as it goes. */
    void remove(iterator gone) {
        check(*gone);
        all_.erase(gone);
    }
    template <typename predicate>
    void remove_if(predicate gone) {
        check();
        std::erase_if(all_, gone);
    }

  private:
    map all_;
    std::uint64_t last_ = 0;
};

/** An object that knows where it is, how many there are, and fails to be made if told so. */
template <std::size_t bytes>
class item {
  public:
    static constexpr std::uint32_t fails = UINT32_MAX;

    explicit item(std::uint32_t value) : value_{value} {
        if (value == fails)
            throw std::invalid_argument{"told so"};
        ++alive;
    }
    item(const item&) = delete;
    item& operator=(const item&) = delete;
    ~item() {
        demand(here_ == this, "what is destroyed is an object, and once");
        here_ = nullptr;
        --alive;
    }

    [[nodiscard]] std::uint32_t value() const {
        demand(here_ == this, "an object is where it was made");
        return value_;
    }

    inline static std::int64_t alive = 0;

  private:
    const item* here_ = this;
    std::uint32_t value_;
    std::byte rest_[bytes] = {};
};

} // namespace fixedpool::fuzz

#endif
