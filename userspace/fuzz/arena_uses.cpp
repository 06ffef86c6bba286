/* SPDX-License-Identifier: MIT */
/* Arenas, of bytes and of objects of one type. */
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <system_error>
#include <utility>
#include <vector>

#include <fixedpool/fixedpool.hpp>

#include "allocator_uses.hpp"
#include "input.hpp"
#include "pieces.hpp"

namespace fixedpool::fuzz {
namespace {

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

} // namespace

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

} // namespace fixedpool::fuzz
