/* SPDX-License-Identifier: MIT */
#include "c_border.hpp"

#include <string>

using namespace fixedpool;
using namespace fixedpool::c;

extern "C" {

int fp_client_open(const char* path, fp_client** opened) noexcept {
    return guarded([&]() -> int {
        if (missing(opened))
            return FP_ERROR_BAD_ADDRESS;
        std::error_code ec;
        auto made = client::try_open(std::string{path != nullptr ? path : default_device}, ec);
        return hand_out(opened, std::move(made), ec);
    });
}

int fp_client_open_in_process(fp_client** opened) noexcept {
    return guarded([&]() -> int {
        if (missing(opened))
            return FP_ERROR_BAD_ADDRESS;
        std::error_code ec;
        auto made = client::try_open_in_process(ec);
        return hand_out(opened, std::move(made), ec);
    });
}

int fp_client_copy(const fp_client* client, fp_client** copy) noexcept {
    return missing(client, copy) ? FP_ERROR_BAD_ADDRESS : hand_out(copy, client->value, {});
}

void fp_client_close(fp_client* client) noexcept {
    delete client; // NOLINT(*-owning-memory)
}

fp_client_id fp_client_get_id(const fp_client* client) noexcept {
    return missing(client) ? 0 : static_cast<fp_client_id>(client->value.id());
}

int fp_client_get_limits(const fp_client* client, fp_limits* limits) noexcept {
    if (missing(client))
        return FP_ERROR_BAD_ADDRESS;
    if (const int refused = writable(limits); refused != FP_OK)
        return refused;
    const auto found = client->value.limits();
    write_struct(limits, fp_limits{.size = 0,
                                   .max_block_size = found.max_block_size,
                                   .max_batch = found.max_batch,
                                   .max_pools = found.max_pools,
                                   .max_bytes = found.max_bytes});
    return FP_OK;
}

} // extern "C"
