/* SPDX-License-Identifier: MIT */
/*
 * Numbers, versions and slots of handles, their text, and how a pool finds blocks by
 * handles and addresses, compared with arithmetic that is written down once more.
 */
#include <array>
#include <charconv>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include <linux/fixedpool.h>

#include <fixedpool/client.hpp>
#include <fixedpool/detail/geometry.hpp>
#include <fixedpool/error.hpp>
#include <fixedpool/handle.hpp>
#include <fixedpool/handle_to.hpp>
#include <fixedpool/pool.hpp>

#include "input.hpp"

namespace {

using fixedpool::handle;
using fixedpool::detail::geometry;
using fixedpool::fuzz::demand;
using fixedpool::fuzz::input;

/** A handle, byte by byte, the lowest first: the slot, then the version. */
struct parts {
    std::array<std::uint8_t, 8> bytes{};

    explicit parts(std::uint64_t value) {
        for (auto& each : bytes) {
            each = static_cast<std::uint8_t>(value % 256);
            value /= 256;
        }
    }
    [[nodiscard]] std::uint32_t word(std::size_t first) const {
        std::uint32_t result = 0;
        for (std::size_t i = 4; i-- > 0;)
            result = result * 256 + bytes.at(first + i);
        return result;
    }
    [[nodiscard]] std::uint32_t slot() const { return word(0); }
    [[nodiscard]] std::uint32_t version() const { return word(4); }
};

std::uint32_t number(const std::string& text, std::size_t from, std::size_t to) {
    std::uint32_t result = 0;
    const auto [end, error] = std::from_chars(text.data() + from, text.data() + to, result);
    demand(error == std::errc{} && end == text.data() + to, "each half of the text is a number");
    return result;
}

void check_text(handle name, const parts& expected) {
    const auto text = to_string(name);
    const auto colon = text.find(':');
    demand(colon != std::string::npos, "the text has two halves");
    demand(number(text, 0, colon) == expected.version(), "the text tells the version");
    demand(number(text, colon + 1, text.size()) == expected.slot(), "the text tells the slot");
}

void check_codec(std::uint64_t value) {
    const auto name = handle::from_value(value);
    const parts expected{value};
    demand(name.value() == value, "a handle keeps its value");
    demand(name.version() == expected.version(), "the version is the higher half");
    demand(name.slot() == expected.slot(), "the slot is the lower half");
    demand(handle{expected.version(), expected.slot()} == name, "the halves make the handle");
    demand(FIXEDPOOL_HANDLE(expected.version(), expected.slot()) == value, "so says the interface");
    demand(FIXEDPOOL_HANDLE_VERSION(value) == expected.version(), "version, of the interface");
    demand(FIXEDPOOL_HANDLE_SLOT(value) == expected.slot(), "slot, of the interface");
    demand(static_cast<bool>(name) == (value != 0), "only zero names nothing");
    const fixedpool::handle_to<int> typed{name};
    demand(typed.untyped() == name, "a type changes nothing");
    check_text(name, expected);
}

void check_order(std::uint64_t a, std::uint64_t b) {
    const auto first = handle::from_value(a);
    const auto second = handle::from_value(b);
    demand((first <=> second) == (a <=> b), "handles are ordered as their values");
    demand((first == second) == (a == b), "handles are equal as their values");
    demand(a != b || std::hash<handle>{}(first) == std::hash<handle>{}(second),
           "equal handles have equal hashes");
}

/** Blocks in chunks: by division, and by what the library has instead. */
void check_geometry(input& in) {
    const auto stride = in.below(std::size_t{1} << 23) + 1;
    const auto chunk_blocks = in.take<std::uint32_t>() % (in.once_in(2) ? 64U : 1U << 31) + 1;
    const auto chunk_size = std::uint64_t{chunk_blocks} * stride + in.take<std::uint16_t>();
    const geometry places{chunk_blocks, chunk_size, stride};

    const auto index = in.take<std::uint32_t>();
    if (index == geometry::no_index)
        return;
    const auto offset =
        (index / chunk_blocks) * chunk_size + std::uint64_t{index % chunk_blocks} * stride;
    demand(places.offset(index) == offset, "a block begins where division says");
    demand(places.index(offset) == index, "a block is found where it begins");

    const auto place = in.once_in(2) ? in.take<std::uint64_t>() : offset + in.take<std::uint16_t>();
    const auto chunk = place / chunk_size;
    const auto step = place % chunk_size / stride;
    auto expected = geometry::no_index;
    if (place % chunk_size % stride == 0 && step < chunk_blocks) {
        // What is beyond all numbers is no block.
        const auto wide = static_cast<unsigned __int128>(chunk) * chunk_blocks + step;
        if (wide < geometry::no_index)
            expected = static_cast<std::uint32_t>(wide);
    }
    demand(places.index(place) == expected, "no block is found but where one begins");
}

/** What a pool makes of any handle and any address, with some blocks allocated. */
void check_lookup(input& in) {
    const auto client = fixedpool::client::open_in_process();
    const auto pool = client.create({.name = "lookup",
                                     .block_size = in.below(300) + 1,
                                     .blocks = in.below(100) + 1,
                                     .alignment = 1U << in.below(8),
                                     .auto_destroy = true,
                                     .packed = in.once_in(2)});
    std::vector<handle> names(in.below(pool.capacity()) + 1);
    pool.allocate(names);
    const auto* const base =
        pool.get(names.front()) - std::ptrdiff_t{*pool.index_of(names.front())} * pool.stride();
    const auto first_slot = names.front().slot() - *pool.index_of(names.front());
    std::vector<handle> alive(pool.capacity());
    for (const auto each : names)
        alive.at(each.slot() - first_slot) = each;

    while (!in.empty()) {
        const auto known = names.at(in.below(names.size())).value();
        const auto tried = handle::from_value(in.once_in(2) ? in.take<std::uint64_t>()
                                                            : known ^ (1ULL << in.below(64)));
        const auto index = tried.slot() - first_slot;
        const bool inside = index < pool.capacity();
        demand(pool.index_of(tried) == (inside ? std::optional{index} : std::nullopt),
               "the slot tells the number of the block");
        const bool lives = inside && tried && alive.at(index) == tried;
        demand(pool.get(tried) == (lives ? base + std::ptrdiff_t{index} * pool.stride() : nullptr),
               "a handle leads to its block while it lives, and nowhere else");
        const auto offset = in.take<std::uint32_t>() % (pool.capacity() * pool.stride() + 4096U);
        const auto* const address = base + offset;
        const auto number = offset / pool.stride();
        const bool begins = offset % pool.stride() == 0 && number < pool.capacity();
        demand(pool.owns(address) == begins, "a pool owns where a block begins");
        demand(pool.handle_of(address) == (begins ? alive.at(number) : handle{}),
               "an address leads to the handle of its block");
    }
    pool.free(names);
    demand(pool.usage().in_use == 0, "all blocks are back");
}

} // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer looks for it
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    input in{{data, size}};
    switch (in.below(4)) {
    case 0:
        check_lookup(in);
        break;
    case 1:
        while (!in.empty())
            check_geometry(in);
        break;
    default:
        while (!in.empty()) {
            const auto value = in.take<std::uint64_t>();
            check_codec(value);
            check_order(value, in.once_in(3) ? value : in.take<std::uint64_t>());
        }
        break;
    }
    return 0;
}
