/* SPDX-License-Identifier: MIT */
/* Objects of one type by pointer and by key, and containers. */
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <new>
#include <system_error>
#include <utility>
#include <vector>

#include <fixedpool/fixedpool.hpp>

#include "allocator_uses.hpp"
#include "input.hpp"
#include "pieces.hpp"

namespace fixedpool::fuzz {

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

} // namespace fixedpool::fuzz
