/* SPDX-License-Identifier: MIT */
#include "c_border.hpp"

using namespace fixedpool;
using namespace fixedpool::c;

extern "C" {

int fp_watch_create(const fp_pool* pool, std::uint32_t low, std::uint32_t high,
                    fp_watch** created) noexcept {
    if (missing(pool) || missing(created))
        return FP_ERROR_BAD_ADDRESS;
    std::error_code ec;
    auto made = watch::try_create(pool->value, {.low = low, .high = high}, ec);
    return hand_out(created, std::move(made), ec);
}

int fp_watch_descriptor(const fp_watch* watch) noexcept {
    return missing(watch) ? -1 : watch->value.descriptor();
}

std::uint64_t fp_watch_signals(const fp_watch* watch) noexcept {
    return missing(watch) ? 0 : watch->value.signals();
}

void fp_watch_close(fp_watch* watch) noexcept {
    delete watch; // NOLINT(*-owning-memory)
}

} // extern "C"
