/* SPDX-License-Identifier: MIT */
/** @file
 * Everything that is measured of a peer.
 */
#ifndef FIXEDPOOL_BENCH_SUITE_HPP
#define FIXEDPOOL_BENCH_SUITE_HPP

#include <array>
#include <cstddef>
#include <string>

#include "latency.hpp"
#include "many.hpp"
#include "steady.hpp"
#include "workloads.hpp"

namespace bench {

inline constexpr std::size_t page_size = 4096;
inline constexpr std::array<std::size_t, 3> sizes = {small_size, 256, page_size};

/** Of a peer whose blocks are small ones only. */
template <typename peer>
void add_suite_of_small(const std::string& name, bool threads) {
    add_small<peer>(name, threads);
    add_latency<peer>(name);
    add_steady<peer>(name);
    add_overhead<peer>(name);
}

template <typename peer>
void add_suite(const std::string& name, bool threads = true) {
    add_suite_of_small<peer>(name, threads);
    for (const std::size_t size : sizes)
        add_random<peer>(name, size);
    add_fresh<peer>(name, page_size);
}

} // namespace bench

#endif
