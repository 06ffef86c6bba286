/* SPDX-License-Identifier: MIT */
#include <cstdlib>
#include <string>

#include <fixedpool/fixedpool.hpp>

int main() {
    const auto client = fixedpool::client::open_in_process();
    fixedpool::object_pool<std::string> strings{client, {.name = "strings", .blocks = 1000}};
    const auto greeting = strings.construct("installed");
    return *greeting == "installed" && strings.size() == 1 ? EXIT_SUCCESS : EXIT_FAILURE;
}
