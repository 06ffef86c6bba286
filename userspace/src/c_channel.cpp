/* SPDX-License-Identifier: MIT */
#include "c_border.hpp"

using namespace fixedpool;
using namespace fixedpool::c;

namespace {

struct way {
    channel_end end;
    blocking waits;
};

/** Nothing for flags that nobody knows, or no end. */
std::optional<way> way_of(std::uint32_t flags) noexcept {
    constexpr auto ends = FP_CHANNEL_RECEIVE | FP_CHANNEL_SEND;
    if ((flags & ~(ends | FP_CHANNEL_NONBLOCK)) != 0 || (flags & ends) == 0)
        return {};
    return way{.end = static_cast<channel_end>(flags & ends),
               .waits = (flags & FP_CHANNEL_NONBLOCK) != 0 ? blocking::no : blocking::yes};
}

static_assert(FP_CHANNEL_RECEIVE == static_cast<std::uint32_t>(channel_end::receive) &&
              FP_CHANNEL_SEND == static_cast<std::uint32_t>(channel_end::send));

} // namespace

extern "C" {

int fp_channel_create(const fp_pool* pool, const fp_channel_options* options,
                      fp_channel** created) noexcept {
    return guarded([&]() -> int {
        if (missing(pool) || missing(created))
            return FP_ERROR_BAD_ADDRESS;
        fp_channel_options asked = FP_CHANNEL_OPTIONS_INIT;
        if (const int refused = read_struct(options, asked); refused != FP_OK)
            return refused;
        const auto chosen = way_of(asked.flags);
        if (!chosen)
            return FP_ERROR_INVALID_ARGUMENT;
        std::error_code ec;
        auto made = channel::try_create(pool->value,
                                        {.name = asked.name != nullptr ? asked.name : "",
                                         .capacity = asked.capacity,
                                         .end = chosen->end,
                                         .waits = chosen->waits},
                                        ec);
        return hand_out(created, std::move(made), ec);
    });
}

int fp_channel_open(const fp_pool* pool, const char* name, std::uint32_t flags,
                    fp_channel** opened) noexcept {
    if (missing(pool) || missing(name) || missing(opened))
        return FP_ERROR_BAD_ADDRESS;
    const auto chosen = way_of(flags);
    if (!chosen)
        return FP_ERROR_INVALID_ARGUMENT;
    std::error_code ec;
    auto made = channel::try_open(pool->value, name, chosen->end, chosen->waits, ec);
    return hand_out(opened, std::move(made), ec);
}

int fp_channel_descriptor(const fp_channel* channel) noexcept {
    return missing(channel) ? -1 : channel->value.descriptor();
}

int fp_channel_send(const fp_channel* channel, const fp_handle* handles, std::size_t count,
                    std::size_t* sent) noexcept {
    tell(sent, std::size_t{0});
    const auto names = handles_at(handles, count);
    if (missing(channel) || !names)
        return FP_ERROR_BAD_ADDRESS;
    std::error_code ec;
    tell(sent, channel->value.try_send(*names, ec));
    return status_of(ec);
}

int fp_channel_receive(const fp_channel* channel, fp_handle* handles, std::size_t count,
                       std::size_t* received) noexcept {
    const auto places = handles_at(handles, count);
    if (missing(channel) || missing(received) || !places)
        return FP_ERROR_BAD_ADDRESS;
    std::error_code ec;
    const auto got = channel->value.try_receive(*places, ec);
    if (!ec)
        *received = got;
    return status_of(ec);
}

void fp_channel_close(fp_channel* channel) noexcept {
    delete channel; // NOLINT(*-owning-memory)
}

} // extern "C"
