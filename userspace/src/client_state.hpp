/* SPDX-License-Identifier: MIT */
/** @file
 * What the copies of a client, its pools and their blocks share.
 */
#ifndef FIXEDPOOL_SRC_CLIENT_STATE_HPP
#define FIXEDPOOL_SRC_CLIENT_STATE_HPP

#include <memory>

#include "transport.hpp"

namespace fixedpool::detail {

class pool_state;

struct client_state {
    std::unique_ptr<detail::transport> transport;
    fixedpool_query module;            // the answer of when the client was opened
    const pool_state* pools = nullptr; // of the client; under the lock of all caches
};

} // namespace fixedpool::detail

#endif
