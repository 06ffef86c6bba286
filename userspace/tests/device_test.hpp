/* SPDX-License-Identifier: MIT */
/** @file
 * What the tests of the library share. Those against a loaded module need root.
 */
#ifndef FIXEDPOOL_TESTS_DEVICE_TEST_HPP
#define FIXEDPOOL_TESTS_DEVICE_TEST_HPP

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include <fixedpool/fixedpool.hpp>

/** @p call throws @p type with @p cause. */
#define EXPECT_REFUSED(type, cause, call)                                                          \
    try {                                                                                          \
        static_cast<void>(call);                                                                   \
        ADD_FAILURE() << #call " is not refused";                                                  \
    } catch (const type& refused) {                                                                \
        EXPECT_EQ(refused.code(), cause) << refused.what();                                        \
    }

namespace fixedpool::testing {

/** A name that no other test uses. */
inline std::string unique_name() {
    static std::atomic<int> number = 0;
    return "gtest-" + std::to_string(::getpid()) + '-' + std::to_string(number++);
}

/** 16 blocks of 64 bytes that go with their last client. */
inline pool_options small_pool() {
    return {.name = unique_name(), .block_size = 64, .blocks = 16, .auto_destroy = true};
}

inline pool_options with_blocks(std::uint32_t blocks) {
    auto options = small_pool();
    options.blocks = blocks;
    return options;
}

inline pool_options slab_pool() {
    auto options = small_pool();
    options.storage = storage_type::slab;
    return options;
}

/**
 * The same pool thrice: where each call goes to the transport, where threads keep free
 * blocks, and where they do so exactly. @p few blocks, or as many as caches take.
 */
inline std::vector<pool_options> with_any_caching(const pool_options& options, std::uint32_t few) {
    constexpr std::uint32_t many = 1024;
    std::vector<pool_options> all;
    for (const auto cache : {caching::none, caching::automatic, caching::exact}) {
        all.push_back(options);
        all.back().name = unique_name();
        all.back().blocks = cache == caching::none ? few : many;
        all.back().cache = cache;
    }
    return all;
}

/** Starts @p body in a process of its own, which ends with what it returns. */
template <typename function>
[[nodiscard]] pid_t start_child(function body) {
    const pid_t child = ::fork();
    if (child != 0)
        return child;
    int status = EXIT_FAILURE;
    try {
        status = body();
    } catch (const std::exception& error) {
        std::cerr << "# child: " << error.what() << std::endl;
    }
    ::_exit(status);
}

/** Waits; returns the exit status, or minus the signal that ended it. */
inline int end_of(pid_t child) {
    int status = 0;
    if (::waitpid(child, &status, 0) != child)
        return EXIT_FAILURE;
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

/** The cause for which @p body was refused in a process of user nobody. */
template <typename function>
[[nodiscard]] std::error_code cause_as_nobody(function body) {
    constexpr uid_t nobody = 65534;
    return {end_of(start_child([&] {
                if (::setgid(nobody) != 0 || ::setuid(nobody) != 0)
                    return 0;
                std::error_code ec;
                body(ec);
                return ec.category() == error_category() ? ec.value() : 0;
            })),
            error_category()};
}

class device_test : public ::testing::Test {
  protected:
    const client client_ = client::open();
};

enum class transport { device, in_process };

/** A suite that runs twice: each test with the module, and without it. */
class any_transport_test : public ::testing::TestWithParam<transport> {
  protected:
    [[nodiscard]] static client open_client() {
        return GetParam() == transport::device ? client::open() : client::open_in_process();
    }

    const client client_ = open_client();
};

// NOLINTBEGIN(cppcoreguidelines-macro-usage): as those of GoogleTest
#define FIXEDPOOL_ON_ANY_TRANSPORT(suite)                                                          \
    INSTANTIATE_TEST_SUITE_P(Device, suite,                                                        \
                             ::testing::Values(fixedpool::testing::transport::device));            \
    INSTANTIATE_TEST_SUITE_P(InProcess, suite,                                                     \
                             ::testing::Values(fixedpool::testing::transport::in_process))
// NOLINTEND(cppcoreguidelines-macro-usage)

} // namespace fixedpool::testing

#endif
