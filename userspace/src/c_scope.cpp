/* SPDX-License-Identifier: MIT */
#include "c_border.hpp"

using namespace fixedpool;
using namespace fixedpool::c;

extern "C" {

int fp_scope_create(const fp_client* client, fp_scope** created) noexcept {
    if (missing(client) || missing(created))
        return FP_ERROR_BAD_ADDRESS;
    std::error_code ec;
    auto made = scope::try_create(client->value, ec);
    return hand_out(created, std::move(made), ec);
}

int fp_scope_nested(const fp_scope* scope, fp_scope** created) noexcept {
    if (missing(scope) || missing(created))
        return FP_ERROR_BAD_ADDRESS;
    if (!scope->value)
        return FP_ERROR_SCOPE_ENDED;
    std::error_code ec;
    auto made = scope->value.try_nested(ec);
    return hand_out(created, std::move(made), ec);
}

int fp_scope_allocate(const fp_scope* scope, const fp_pool* pool, std::uint32_t flags,
                      fp_handle* handles, std::size_t count) noexcept {
    const auto places = handles_at(handles, count);
    if (missing(scope) || missing(pool) || !places)
        return FP_ERROR_BAD_ADDRESS;
    const auto wanted = wanted_by(flags);
    if (!wanted)
        return FP_ERROR_INVALID_ARGUMENT;
    if (!scope->value)
        return FP_ERROR_SCOPE_ENDED;
    std::error_code ec;
    static_cast<void>(scope->value.try_allocate(pool->value, *places, *wanted, ec));
    return status_of(ec);
}

int fp_scope_release(fp_scope* scope, std::uint64_t* released) noexcept {
    if (missing(scope))
        return FP_ERROR_BAD_ADDRESS;
    if (!scope->value)
        return FP_ERROR_SCOPE_ENDED;
    std::error_code ec;
    const auto count = scope->value.try_release(ec);
    if (!ec)
        tell(released, count);
    return status_of(ec);
}

int fp_scope_dissolve(fp_scope* scope, std::uint64_t* left) noexcept {
    if (missing(scope))
        return FP_ERROR_BAD_ADDRESS;
    if (!scope->value)
        return FP_ERROR_SCOPE_ENDED;
    std::error_code ec;
    const auto count = scope->value.try_dissolve(ec);
    if (!ec)
        tell(left, count);
    return status_of(ec);
}

void fp_scope_close(fp_scope* scope) noexcept {
    delete scope; // NOLINT(*-owning-memory)
}

} // extern "C"
