/* SPDX-License-Identifier: MIT */
/** @file
 * What the tests of malloc() share.
 */
#ifndef FIXEDPOOL_MALLOC_TESTS_MALLOC_TEST_HPP
#define FIXEDPOOL_MALLOC_TESTS_MALLOC_TEST_HPP

#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

// NOLINTBEGIN(*-no-malloc, *-owning-memory): that is what it is about

namespace fixedpool::testing {

inline bool aligned(const void* block, std::size_t to) {
    return reinterpret_cast<std::uintptr_t>(block) % to == 0;
}

/** Bytes that tell where they are, and of what. */
inline void fill(void* block, std::size_t size, unsigned seed) {
    auto* const bytes = static_cast<unsigned char*>(block);
    for (std::size_t i = 0; i < size; ++i)
        bytes[i] = static_cast<unsigned char>(i * 7 + i / 251 + seed);
}

inline bool filled(const void* block, std::size_t size, unsigned seed) {
    const auto* const bytes = static_cast<const unsigned char*>(block);
    for (std::size_t i = 0; i < size; ++i)
        if (bytes[i] != static_cast<unsigned char>(i * 7 + i / 251 + seed))
            return false;
    return true;
}

inline std::vector<std::size_t> interesting_sizes() {
    std::vector<std::size_t> sizes;
    for (std::size_t size = 0; size <= 2100; ++size)
        sizes.push_back(size);
    for (std::size_t step = 4096; step <= 1U << 20; step *= 2)
        for (const std::size_t size : {step - 17, step - 1, step, step + 1, step + step / 3})
            sizes.push_back(size);
    return sizes;
}

/** Ends of a child that runs @p body: exit status, or minus the signal. */
template <typename function>
int in_child(function body) {
    const auto child = ::fork();
    if (child == 0) {
        body();
        ::_exit(0);
    }
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

/** This program, running the tests of @p filter, where there is no more of something. */
inline int in_limited(int resource, rlim_t most, const std::string& filter) {
    const auto option = "--gtest_filter=" + filter;
    return in_child([&] {
        const rlimit limit{.rlim_cur = most, .rlim_max = most};
        if (::setrlimit(static_cast<__rlimit_resource>(resource), &limit) != 0)
            ::_exit(1);
        // Of what is told there only the end counts.
        ::dup2(::open("/dev/null", O_WRONLY | O_CLOEXEC), STDOUT_FILENO);
        ::execl("/proc/self/exe", "malloc_test", option.c_str(), "--gtest_also_run_disabled_tests",
                nullptr);
    });
}

/** The figure of a line of /proc/self/status, in KiB. */
inline long status_kib(std::string_view name) {
    std::ifstream file{"/proc/self/status"};
    std::string word;
    while (file >> word)
        if (word == name) {
            long kib = 0;
            file >> kib;
            return kib;
        }
    return -1;
}

/** Of each class, enough for a pool, and more. */
inline std::vector<void*> some_of_all_sizes() {
    std::vector<void*> blocks;
    for (std::size_t size = 16; size <= 32768; size += size / 9 + 8)
        for (int i = 0; i < 400; ++i)
            blocks.push_back(std::malloc(size));
    return blocks;
}

} // namespace fixedpool::testing

// NOLINTEND(*-no-malloc, *-owning-memory)

#endif
