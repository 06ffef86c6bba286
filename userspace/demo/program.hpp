/* SPDX-License-Identifier: MIT */
/** @file
 * How a program of the demo ends.
 */
#ifndef FIXEDPOOL_DEMO_PROGRAM_HPP
#define FIXEDPOOL_DEMO_PROGRAM_HPP

#include <cstdio>
#include <cstdlib>
#include <exception>

#include <CLI/CLI.hpp>

namespace demo {

/**
 * Parses the command line as @p declare, which takes the CLI::App, describes
 * it; then runs @p body. Whatever goes wrong becomes one line on stderr.
 * Returns: the exit status.
 */
template <typename declaration, typename function>
[[nodiscard]] int run(const char* name, const char* description, int argc, char** argv,
                      declaration declare, function body) noexcept {
    try {
        CLI::App app{description, name};
        declare(app);
        try {
            app.parse(argc, argv);
        } catch (const CLI::Success& help) {
            return app.exit(help);
        }
        body();
        return EXIT_SUCCESS;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s: %s\n", name, error.what());
        return EXIT_FAILURE;
    }
}

} // namespace demo

#endif
