/* SPDX-License-Identifier: MIT */
/*
 * Bytes as calls of three clients against the transport in process, with structures of
 * any content: what the interface forbids is to be refused and to change nothing, and
 * all else to do what a model of the interface says.
 *
 * Left out is what would not end or fit: waiting for longer than until now, receiving
 * on ends that wait, pools of more than a megabyte; and addresses, which the transport
 * follows.
 */
#include <cstddef>
#include <cstdint>

#include "input.hpp"
#include "world.hpp"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer looks for it
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fixedpool::fuzz::world{fixedpool::fuzz::input{{data, size}}}.run();
    return 0;
}
