/* SPDX-License-Identifier: MIT */
#include <fixedpool/handle.hpp>

namespace fixedpool {

std::string to_string(handle name) {
    return std::to_string(name.version()) + ':' + std::to_string(name.slot());
}

} // namespace fixedpool
