/* SPDX-License-Identifier: MIT */
/*
 * Bytes as a use of one of the allocators: what they give is apart, aligned and keeps
 * its contents; what was never given, or is given back twice, is refused and changes
 * nothing; containers agree with those of the standard; and in the end all blocks are back.
 */
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <memory_resource>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

#include <fixedpool/fixedpool.hpp>

#include "input.hpp"
#include "pieces.hpp"

namespace fixedpool::fuzz {
namespace {

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
pool_options any_options(input& in, const char* name, std::uint32_t alignment) {
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

std::size_t any_alignment(input& in) {
    return in.once_in(16) ? in.take<std::uint16_t>() : std::size_t{1} << in.below(7);
}

std::size_t any_size(input& in) {
    return in.once_in(64) ? in.take<std::size_t>() : in.take<std::uint16_t>() % (in.byte() + 1U);
}

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

void expect_all_back(const pool& of) {
    of.trim();
    demand(of.usage().in_use == 0, "all blocks are back");
}

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

/** Pieces, objects and handlers of an arena, with markers to go back to. */
class arena_use {
  public:
    arena_use(input& in, const pool& blocks, counting_upstream* upstream)
        : in_{in},
          used_{blocks, upstream} {}

    void step() {
        switch (in_.below(8)) {
        case 0:
        case 1:
        case 2:
            return allocate();
        case 3:
            return make_object();
        case 4:
            return add_handler();
        case 5:
            return mark();
        case 6:
            return rewind();
        default:
            return in_.once_in(16) ? release() : nest();
        }
    }

    void release() {
        pieces_.remove_if([](const auto&) { return true; });
        marks_.clear();
        used_.release();
        objects_.clear();
        due_ = 0;
        demand(item<8>::alive == 0, "release() destroys all objects");
        demand(called_ == 0, "release() calls all handlers");
        demand(used_.blocks_held() == 0, "release() leaves no blocks");
    }

  private:
    struct mark_made {
        arena::marker marker;
        std::uint64_t pieces = 0;
        std::size_t objects = 0;
        std::int64_t due = 0;
    };

    void allocate() {
        const auto size = any_size(in_);
        const auto alignment = any_alignment(in_);
        std::error_code ec;
        auto* const memory = used_.try_allocate(size, alignment, ec);
        demand((memory == nullptr) == static_cast<bool>(ec), "a refusal says why");
        if (memory != nullptr)
            pieces_.add(memory, size, alignment);
    }

    void make_object() {
        const auto value = in_.once_in(8) ? item<8>::fails : in_.byte();
        std::error_code ec;
        try {
            if (const auto* const made = used_.try_new_object<item<8>>(ec, value); made != nullptr)
                objects_.push_back(made);
        } catch (const std::invalid_argument&) {
            demand(value == item<8>::fails, "constructors fail when they are told so");
        }
        check_objects();
    }

    /** Counts up now, and down when it is called. */
    void add_handler() {
        std::error_code ec;
        if (used_.try_on_rewind(ec, [this] { --called_; })) {
            ++called_;
            ++due_;
        }
    }

    void mark() {
        std::error_code ec;
        const auto made = used_.try_mark(ec);
        if (!ec)
            marks_.push_back({made, pieces_.last(), objects_.size(), due_});
    }

    void rewind() {
        if (marks_.empty())
            return;
        const auto number = in_.below(marks_.size());
        const auto to = marks_.at(number);
        const auto youngest = marks_.back().marker;
        const bool stale = number + 1 < marks_.size();
        forget(to);
        marks_.resize(number + 1);
        used_.rewind(to.marker);
        check();
        std::error_code ec;
        if (stale) {
            demand(!used_.try_rewind(youngest, ec) && ec == errc::stale_marker,
                   "a marker that was rewound over is stale");
            demand(!used_.try_rewind(arena::marker{}, ec) && ec, "no marker is stale, too");
        }
    }

    void nest() {
        std::error_code ec;
        const mark_made before{{}, pieces_.last(), objects_.size(), due_};
        {
            const auto inner = used_.try_nested(ec);
            if (ec)
                return;
            const auto steps = in_.below(4);
            for (std::uint32_t i = 0; i < steps; ++i) {
                allocate();
                make_object();
                add_handler();
            }
            forget(before);
        }
        check();
    }

    void forget(const mark_made& to) {
        pieces_.remove_if([&to](const auto& each) { return each.second.number > to.pieces; });
        objects_.resize(to.objects);
        due_ = to.due;
    }

    void check() {
        pieces_.check();
        demand(called_ == due_, "handlers are called, and only those that are due");
        check_objects();
    }

    void check_objects() {
        demand(item<8>::alive == static_cast<std::int64_t>(objects_.size()),
               "as many objects as were made and not given back");
        for (const auto* each : objects_)
            static_cast<void>(each->value());
    }

    input& in_;
    std::int64_t called_ = 0;
    std::int64_t due_ = 0;
    pieces pieces_;
    std::vector<mark_made> marks_;
    std::vector<const item<8>*> objects_;
    arena used_;
};

void use_arena(input& in, const client& owner, counting_upstream* upstream) {
    const auto blocks = owner.create(any_options(in, "arena", 8));
    {
        arena_use use{in, blocks, upstream};
        while (!in.empty())
            use.step();
        use.release();
    }
    demand(upstream == nullptr || upstream->given() == 0, "all is back upstream");
    expect_all_back(blocks);
}

/** What an object is told; now and then that it cannot be made. */
std::uint32_t any_value(input& in) {
    return in.once_in(16) ? item<24>::fails : in.take<std::uint16_t>();
}

void use_typed_arena(input& in, const client& owner) {
    using object = item<24>;
    const auto blocks = owner.create(any_options(in, "typed", alignof(object)));
    {
        typed_arena<object> used{blocks};
        std::vector<std::uint32_t> model;
        while (!in.empty()) {
            switch (in.below(6)) {
            case 0:
                if (const auto size = in.below(model.size() + 4); size <= model.size()) {
                    used.rewind(size);
                    model.resize(size);
                } else {
                    std::error_code ec;
                    demand(!used.try_rewind(size, ec) && ec == errc::stale_marker,
                           "nothing can be rewound to what is not there yet");
                }
                break;
            case 1:
                if (in.once_in(8)) {
                    used.clear();
                    model.clear();
                }
                break;
            case 2: {
                typed_arena<object> other{std::move(used)};
                used = std::move(other);
                break;
            }
            default: {
                const auto value = any_value(in);
                std::error_code ec;
                try {
                    if (used.try_emplace_back(ec, value) != nullptr)
                        model.push_back(value);
                    else
                        demand(ec == errc::out_of_blocks, "only want of blocks is in the way");
                } catch (const std::invalid_argument&) {
                    demand(value == object::fails, "constructors fail when they are told so");
                }
                break;
            }
            }
            demand(used.size() == model.size() && used.empty() == model.empty(), "as many objects");
            demand(std::ranges::equal(used, model, {}, &object::value), "the same, in order");
            demand(model.empty() || used[model.size() - 1].value() == used.back().value(),
                   "the last one is the last");
            demand(object::alive == static_cast<std::int64_t>(model.size()), "none is forgotten");
        }
    }
    demand(object::alive == 0, "all objects are destroyed");
    expect_all_back(blocks);
}

void use_object_pool(input& in, const client& owner) {
    using object = item<24>;
    const auto blocks = owner.create(any_options(in, "objects", alignof(object)));
    {
        object_pool<object> used{blocks};
        std::map<object*, std::uint32_t> model;
        std::vector<std::pair<handle_to<object>, std::uint32_t>> released;
        const auto any = [&] { return std::next(model.begin(), in.below(model.size())); };
        while (!in.empty()) {
            std::error_code ec;
            switch (in.below(8)) {
            case 0:
            case 1:
            case 2: {
                const auto value = any_value(in);
                try {
                    if (auto* const made = used.try_new_object(ec, value); made != nullptr)
                        demand(model.emplace(made, value).second, "a block has one object");
                    else
                        demand(ec == errc::out_of_blocks, "only want of blocks is in the way");
                } catch (const std::invalid_argument&) {
                    demand(value == object::fails, "constructors fail when they are told so");
                }
                break;
            }
            case 3:
            case 4:
                if (!model.empty()) {
                    const auto gone = any();
                    auto* const place = gone->first;
                    model.erase(gone);
                    if (in.once_in(2))
                        used.own(place).reset();
                    else
                        used.delete_object(place);
                    demand(!used.try_delete_object(place, ec) && ec == errc::not_a_block,
                           "what is deleted twice is refused");
                    demand(!used.owns(place) && !used.handle_of(place), "it is gone");
                }
                break;
            case 5:
                if (!model.empty() && in.once_in(2)) {
                    const auto gone = any();
                    released.emplace_back(used.release(gone->first), gone->second);
                    demand(!used.owns(gone->first), "what is released is none of the pool");
                    model.erase(gone);
                } else if (!released.empty()) {
                    const auto [name, value] = released.back();
                    released.pop_back();
                    demand(model.emplace(used.adopt(name), value).second, "it is adopted");
                }
                break;
            case 6:
                demand(!used.try_delete_object(nullptr, ec) && ec, "nothing is no object");
                if (!model.empty()) {
                    auto* const wrong = reinterpret_cast<object*>(
                        reinterpret_cast<std::byte*>(any()->first) + 1 + in.below(200));
                    if (!model.contains(wrong))
                        demand(!used.try_delete_object(wrong, ec) && ec,
                               "where no object begins there is none");
                }
                break;
            default:
                if (in.once_in(16)) {
                    demand(used.clear() == model.size(), "clear() tells how many there were");
                    model.clear();
                }
                break;
            }
            demand(used.size() == model.size(), "as many objects");
            for (const auto& [place, value] : model)
                demand(place->value() == value && used.owns(place), "the same objects");
            demand(object::alive == static_cast<std::int64_t>(model.size() + released.size()),
                   "none is forgotten, or destroyed twice");
        }
        for (const auto& [name, value] : released)
            demand(used.adopt(name)->value() == value, "what was released is there yet");
    }
    demand(object::alive == 0, "all objects are destroyed");
    expect_all_back(blocks);
}

void use_slab(input& in, const client& owner) {
    using object = item<24>;
    const auto blocks = owner.create(any_options(in, "slab", alignof(object)));
    {
        slab<object> used{blocks};
        std::map<handle, std::uint32_t> model;
        std::vector<slab<object>::key> keys; // dead or alive
        while (!in.empty()) {
            std::error_code ec;
            switch (in.below(6)) {
            case 0:
            case 1:
            case 2: {
                const auto value = any_value(in);
                try {
                    if (const auto key = used.try_emplace(ec, value)) {
                        demand(model.emplace(key.untyped(), value).second, "a key is new");
                        keys.push_back(key);
                    } else {
                        demand(ec == errc::out_of_blocks, "only want of blocks is in the way");
                    }
                } catch (const std::invalid_argument&) {
                    demand(value == object::fails, "constructors fail when they are told so");
                }
                break;
            }
            case 3:
                if (!keys.empty()) {
                    const auto key = keys.at(in.below(keys.size()));
                    const bool lives = model.erase(key.untyped()) != 0;
                    demand(used.try_erase(key, ec) == lives && !ec == lives,
                           "what is there is erased, and a stale key is refused");
                }
                break;
            case 4: {
                const auto parity = in.below(2);
                const auto even = [=](std::uint32_t value) { return value % 2 == parity; };
                if (in.once_in(8)) {
                    const auto gone =
                        std::erase_if(model, [&](const auto& each) { return even(each.second); });
                    demand(erase_if(used, [&](const object& each) { return even(each.value()); }) ==
                               gone,
                           "erase_if() tells how many");
                }
                break;
            }
            default:
                if (in.once_in(16)) {
                    used.clear();
                    model.clear();
                }
                break;
            }
            demand(used.size() == model.size(), "as many elements");
            std::size_t seen = 0;
            for (auto each = used.begin(); each != used.end(); ++each, ++seen) {
                const auto found = model.find(each.key().untyped());
                demand(found != model.end() && found->second == each->value(), "the same elements");
            }
            demand(seen == model.size(), "each is visited once");
            if (!keys.empty()) {
                const auto key = keys.at(in.below(keys.size()));
                demand((used.get(key) != nullptr) == model.contains(key.untyped()),
                       "a key leads to its element while it is there");
            }
            demand(object::alive == static_cast<std::int64_t>(model.size()), "none is forgotten");
        }
    }
    demand(object::alive == 0, "all elements are destroyed");
    expect_all_back(blocks);
}

void use_containers(input& in, const client& owner, counting_upstream* upstream) {
    using tree = std::map<std::uint16_t, std::uint32_t, std::less<>,
                          allocator<std::pair<const std::uint16_t, std::uint32_t>>>;
    using chain = std::list<std::uint32_t, allocator<std::uint32_t>>;
    const auto blocks = owner.create(any_options(in, "nodes", alignof(std::max_align_t)));
    {
        tree map{tree::allocator_type{blocks, upstream}};
        chain list{chain::allocator_type{blocks, upstream}};
        std::map<std::uint16_t, std::uint32_t> map_model;
        std::list<std::uint32_t> list_model;
        while (!in.empty()) {
            try {
                switch (in.below(6)) {
                case 0:
                case 1: {
                    const auto key = in.take<std::uint16_t>();
                    const auto value = in.take<std::uint16_t>();
                    map.insert_or_assign(key, value);
                    map_model.insert_or_assign(key, value);
                    break;
                }
                case 2:
                    if (!map_model.empty()) {
                        const auto key =
                            std::next(map_model.begin(), in.below(map_model.size()))->first;
                        demand(map.erase(key) == 1, "what is there is erased");
                        map_model.erase(key);
                    }
                    break;
                case 3:
                    list.push_front(in.byte());
                    list_model.push_front(list.front());
                    break;
                case 4:
                    if (!list_model.empty()) {
                        list.pop_back();
                        list_model.pop_back();
                    }
                    break;
                default: {
                    const auto moved = in.below(4);
                    if (moved == 0) {
                        chain other{std::move(list)};
                        list = std::move(other);
                    } else if (moved == 1) {
                        list.sort();
                        list_model.sort();
                    } else if (moved == 2) {
                        auto other = list; // takes as many blocks once more
                        other.swap(list);
                    } else {
                        auto other = map;
                        map.swap(other);
                    }
                    break;
                }
                }
            } catch (const fixedpool::bad_alloc& refused) {
                demand(refused.code() == errc::out_of_blocks || refused.code() == errc::no_upstream,
                       "only want of blocks is in the way");
            }
            demand(std::ranges::equal(list, list_model), "the list is that of the standard");
            demand(std::ranges::equal(map, map_model,
                                      [](const auto& a, const auto& b) {
                                          return a.first == b.first && a.second == b.second;
                                      }),
                   "the map is that of the standard");
        }
    }
    demand(upstream == nullptr || upstream->given() == 0, "all is back upstream");
    expect_all_back(blocks);
}

} // namespace
} // namespace fixedpool::fuzz

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer looks for it
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace fixedpool::fuzz; // NOLINT(google-build-using-namespace)
    input in{{data, size}};
    const auto owner = fixedpool::client::open_in_process();
    counting_upstream heap;
    const auto chosen = in.below(8);
    auto* const upstream = in.once_in(2) ? &heap : nullptr;
    switch (chosen) {
    case 0:
        use_memory_resource(in, owner, upstream);
        break;
    case 1:
        use_buddy_resource(in, owner, upstream);
        break;
    case 2:
        use_hashed_resource(in, owner, upstream);
        break;
    case 3:
        use_arena(in, owner, upstream);
        break;
    case 4:
        use_typed_arena(in, owner);
        break;
    case 5:
        use_object_pool(in, owner);
        break;
    case 6:
        use_slab(in, owner);
        break;
    default:
        use_containers(in, owner, upstream);
        break;
    }
    return 0;
}
