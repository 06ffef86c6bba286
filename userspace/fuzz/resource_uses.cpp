/* SPDX-License-Identifier: MIT */
/* Memory resources: pools of classes, buddies, hashed. */
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <new>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

#include <fixedpool/fixedpool.hpp>

#include "allocator_uses.hpp"
#include "input.hpp"
#include "pieces.hpp"

namespace fixedpool::fuzz {
namespace {

/** One of the memory resources, with or without another behind it. */
template <typename resource>
class pmr_use {
  public:
    pmr_use(input& in, resource& used, const counting_upstream* upstream,
            std::function<bool(const void*)> of_pool)
        : in_{in},
          used_{used},
          upstream_{upstream},
          of_pool_{std::move(of_pool)} {}

    void step() {
        switch (in_.below(8)) {
        case 0:
        case 1:
        case 2:
            return allocate();
        case 3:
        case 4:
            return deallocate();
        case 5:
            return misuse();
        case 6:
            return in_.once_in(16) ? release() : allocate();
        default:
            return pieces_.check();
        }
    }

    /** Gives back one by one what there is, but what the resource gives back by itself. */
    void end() {
        if constexpr (can_release)
            pieces_.remove_if([this](const auto& each) { return of_pool_(each.first); });
        while (!pieces_.empty())
            give_back(pieces_.begin());
    }

    static constexpr bool can_release = requires(resource & of) { of.release(); };

  private:
    void allocate() {
        const auto size = any_size(in_);
        const auto alignment = any_alignment(in_);
        std::error_code ec;
        void* memory = nullptr;
        if (in_.once_in(4) && alignment != 0 && (alignment & (alignment - 1)) == 0) {
            try {
                memory = used_.allocate(size, alignment);
            } catch (const std::bad_alloc&) {
                return pieces_.check();
            }
        } else {
            memory = used_.try_allocate(size, alignment, ec);
            demand((memory == nullptr) == static_cast<bool>(ec), "a refusal says why");
        }
        if (memory != nullptr)
            pieces_.add(memory, size, alignment);
        if (upstream_ == nullptr && memory != nullptr)
            demand(of_pool_(memory), "there is no other memory than that of the pool");
    }

    void give_back(pieces::iterator given) {
        auto* const memory = given->first;
        const auto [size, alignment, pattern, number] = given->second;
        pieces_.remove(given);
        if (in_.once_in(2)) {
            used_.deallocate(memory, size, alignment);
        } else {
            std::error_code ec;
            demand(used_.try_deallocate(memory, size, alignment, ec) && !ec,
                   "what was given is taken back");
        }
        if (upstream_ == nullptr && in_.once_in(4)) {
            std::error_code ec;
            demand(!used_.try_deallocate(memory, size, alignment, ec) && ec,
                   "what is given back twice is refused");
        }
    }

    void deallocate() {
        if (!pieces_.empty())
            give_back(pieces_.any(in_));
    }

    /** What upstream is given instead it need not survive. */
    void misuse() {
        if (upstream_ != nullptr || pieces_.empty())
            return;
        const auto& [memory, given] = *pieces_.any(in_);
        std::error_code ec;
        bool taken = false;
        switch (in_.below(4)) {
        case 0: {
            std::array<std::byte, 64> elsewhere{};
            taken = used_.try_deallocate(elsewhere.data(), 1, 1, ec);
            break;
        }
        case 1:
            if (auto* const inside = memory + 1 + in_.below(256); !pieces_.contains(inside)) {
                taken = used_.try_deallocate(inside, 1, 1, ec);
                break;
            }
            return;
        case 2:
            if constexpr (!std::is_same_v<resource, fixedpool::memory_resource>) {
                taken = used_.try_deallocate(
                    memory, 2 * std::max(given.size, given.alignment) + 256, given.alignment, ec);
                break;
            }
            return;
        default:
            taken = used_.try_deallocate(nullptr, given.size, given.alignment, ec);
            break;
        }
        demand(!taken && ec, "what was never given is refused");
        pieces_.check();
    }

    void release() {
        if constexpr (can_release) {
            pieces_.remove_if([this](const auto& each) { return of_pool_(each.first); });
            used_.release();
            demand(used_.blocks_held() == 0, "release() leaves no blocks");
            pieces_.check();
        }
    }

    input& in_;
    resource& used_;
    const counting_upstream* upstream_;
    std::function<bool(const void*)> of_pool_;
    pieces pieces_;
};

/** Runs @p use of a resource, then looks whether all is where it came from. */
template <typename resource, typename... Args>
void use_resource(input& in, const std::vector<pool>& pools, counting_upstream* upstream,
                  Args&&... args) {
    {
        resource used{std::forward<Args>(args)..., upstream};
        pmr_use<resource> use{in, used, upstream, [&pools](const void* memory) {
                                  return std::ranges::any_of(pools, [=](const pool& each) {
                                      return each.contains(memory);
                                  });
                              }};
        while (!in.empty())
            use.step();
        use.end();
    }
    demand(upstream == nullptr || upstream->given() == 0, "all is back upstream");
    for (const auto& each : pools)
        expect_all_back(each);
}

} // namespace

void use_memory_resource(input& in, const client& owner, counting_upstream* upstream) {
    std::vector<pool> pools;
    const auto count = in.below(4) + 1;
    for (std::uint32_t i = 0; i < count; ++i)
        pools.push_back(owner.create(any_options(in, ("class-" + std::to_string(i)).c_str(), 1)));
    use_resource<fixedpool::memory_resource>(in, pools, upstream, pools);
}

void use_buddy_resource(input& in, const client& owner, counting_upstream* upstream) {
    auto options = any_options(in, "buddy", 16);
    options.block_size = 32U << in.below(8);
    const auto blocks = owner.create(options);
    const auto smallest = std::min<std::size_t>(std::size_t{32} << in.below(3), options.block_size);
    use_resource<buddy_resource>(in, {blocks}, upstream, blocks, smallest);
}

void use_hashed_resource(input& in, const client& owner, counting_upstream* upstream) {
    const auto blocks = owner.create(any_options(in, "hashed", 16));
    use_resource<hashed_resource>(in, {blocks}, upstream, blocks);
}

} // namespace fixedpool::fuzz
