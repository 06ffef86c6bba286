/* SPDX-License-Identifier: MIT */
/** @file
 * What the tests of arenas share: a pool for them, and objects that tell of their end.
 */
#ifndef FIXEDPOOL_TESTS_NOTING_HPP
#define FIXEDPOOL_TESTS_NOTING_HPP

#include <cstdint>
#include <stdexcept>
#include <vector>

#include "device_test.hpp"

namespace fixedpool::testing {

/** Writes down when it is destroyed. */
class noting {
  public:
    noting(std::vector<int>& into, int number, bool fails = false) : into_{into}, number_{number} {
        if (fails)
            throw std::runtime_error{"told to"};
    }
    noting(const noting&) = delete;
    noting& operator=(const noting&) = delete;
    ~noting() { into_.push_back(number_); }

    [[nodiscard]] int number() const { return number_; }

  private:
    std::vector<int>& into_; // NOLINT(*-avoid-const-or-ref-data-members)
    int number_;
};

inline pool_options for_arenas(std::uint32_t blocks = 16) {
    auto options = with_blocks(blocks);
    options.block_size = 256;
    options.alignment = 64;
    return options;
}

} // namespace fixedpool::testing

#endif
