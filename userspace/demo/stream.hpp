/* SPDX-License-Identifier: MIT */
/** @file
 * What goes from the producer to the consumer.
 */
#ifndef FIXEDPOOL_DEMO_STREAM_HPP
#define FIXEDPOOL_DEMO_STREAM_HPP

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>

#include <fixedpool/fixedpool.hpp>

namespace demo {

/** What stands at the beginning of a block; the bytes of the file follow. */
struct header {
    std::uint64_t length; ///< bytes of the file in this block
};

inline constexpr std::uint32_t queue_capacity = 64;

/** One end of the stream; whoever of the two comes first makes it. */
inline fixedpool::channel open_stream(const fixedpool::pool& pool, const std::string& name,
                                      fixedpool::channel_end end) {
    std::error_code ec;
    do {
        auto made = fixedpool::channel::try_create(
            pool, {.name = name, .capacity = queue_capacity, .end = end}, ec);
        if (ec == fixedpool::errc::name_taken)
            made = fixedpool::channel::try_open(pool, name, end, fixedpool::blocking::yes, ec);
        if (!ec)
            return made;
    } while (ec == fixedpool::errc::no_such_channel); // gone in between
    return fixedpool::channel::open(pool, name, end); // throws what this means
}

/** Where the bytes of the file go. */
inline std::span<std::byte> payload_room(const fixedpool::block& block) {
    if (block.size() <= sizeof(header))
        throw std::runtime_error{"the pool has blocks without room for a byte"};
    return block.bytes().subspan(sizeof(header));
}

inline void set_length(const fixedpool::block& block, std::size_t length) {
    const header first{length};
    std::memcpy(block.data(), &first, sizeof(first));
}

/** The bytes of the file in a block that was received. */
inline std::span<std::byte> payload(const fixedpool::block& block) {
    const auto room = payload_room(block);
    header first{};
    std::memcpy(&first, block.data(), sizeof(first));
    if (first.length > room.size())
        throw std::runtime_error{"the producer says more bytes than a block has"};
    return room.first(first.length);
}

} // namespace demo

#endif
