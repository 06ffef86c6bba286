/* SPDX-License-Identifier: MIT */
/** @file
 * What the fuzzer does with allocators, and what these uses share.
 */
#ifndef FIXEDPOOL_FUZZ_ALLOCATOR_USES_HPP
#define FIXEDPOOL_FUZZ_ALLOCATOR_USES_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory_resource>
#include <new>
#include <utility>

#include <fixedpool/fixedpool.hpp>

#include "input.hpp"
#include "pieces.hpp"

namespace fixedpool::fuzz {

/** Memory of the heap that must be given back as it was taken. */
class counting_upstream final : public std::pmr::memory_resource {
  public:
    [[nodiscard]] std::size_t given() const noexcept { return given_.size(); }

  private:
    void* do_allocate(std::size_t bytes, std::size_t alignment) override {
        if (bytes > most)
            throw std::bad_alloc{};
        auto* const memory = std::pmr::new_delete_resource()->allocate(bytes, alignment);
        given_.emplace(memory, std::pair{bytes, alignment});
        return memory;
    }
    void do_deallocate(void* memory, std::size_t bytes, std::size_t alignment) override {
        const auto found = given_.find(memory);
        demand(found != given_.end() && found->second == std::pair{bytes, alignment},
               "upstream gets back what it has given");
        given_.erase(found);
        std::pmr::new_delete_resource()->deallocate(memory, bytes, alignment);
    }
    [[nodiscard]] bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override {
        return this == &other;
    }

    static constexpr std::size_t most = std::size_t{1} << 20;
    std::map<void*, std::pair<std::size_t, std::size_t>> given_;
};

/** Options of a pool that takes little; of 512 blocks or more it has caches. */
inline pool_options any_options(input& in, const char* name, std::uint32_t alignment) {
    const std::uint32_t blocks = in.once_in(4) ? 512 + in.below(200) : in.below(40) + 1;
    return {.name = name,
            .block_size = in.below(std::size_t{1} << 10) + 64,
            .blocks = blocks,
            .alignment = std::max(alignment, 1U << in.below(8)),
            .max_blocks = in.once_in(4) ? blocks + in.below(100) : 0,
            .auto_destroy = true,
            .zero_on_allocate = in.once_in(8),
            .poison = in.once_in(8),
            .packed = in.once_in(2),
            .cache = in.once_in(4) ? caching::exact : caching::automatic};
}

inline std::size_t any_alignment(input& in) {
    return in.once_in(16) ? in.take<std::uint16_t>() : std::size_t{1} << in.below(7);
}

inline std::size_t any_size(input& in) {
    return in.once_in(64) ? in.take<std::size_t>() : in.take<std::uint16_t>() % (in.byte() + 1U);
}
inline void expect_all_back(const pool& of) {
    of.trim();
    demand(of.usage().in_use == 0, "all blocks are back");
}

/** What an object is told; now and then that it cannot be made. */
inline std::uint32_t any_value(input& in) {
    return in.once_in(16) ? item<24>::fails : in.take<std::uint16_t>();
}

// The uses: what is done with each allocator until the input is empty.

void use_memory_resource(input& in, const client& owner, counting_upstream* upstream);
void use_buddy_resource(input& in, const client& owner, counting_upstream* upstream);
void use_hashed_resource(input& in, const client& owner, counting_upstream* upstream);
void use_arena(input& in, const client& owner, counting_upstream* upstream);
void use_typed_arena(input& in, const client& owner);
void use_object_pool(input& in, const client& owner);
void use_slab(input& in, const client& owner);
void use_containers(input& in, const client& owner, counting_upstream* upstream);

} // namespace fixedpool::fuzz

#endif
