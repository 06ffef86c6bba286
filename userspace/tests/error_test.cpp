/* SPDX-License-Identifier: MIT */
#include <cerrno>
#include <new>
#include <set>
#include <string>
#include <system_error>
#include <vector>

#include <gtest/gtest.h>

#include <fixedpool/error.hpp>

#include "errno_code.hpp"

namespace {

using fixedpool::errc;
using fixedpool::detail::errno_code;
using fixedpool::detail::operation;

struct expectation {
    operation during;
    int number;
    errc cause;
};

// The list of errors in <linux/fixedpool.h>, line by line, and those of open().
const std::vector<expectation> expectations{
    {operation::check, ENOTTY, errc::unknown_command},
    {operation::check, EFAULT, errc::bad_address},
    {operation::check, EINVAL, errc::invalid_argument},
    {operation::check, E2BIG, errc::module_too_old},
    {operation::create, EEXIST, errc::name_taken},
    {operation::attach, ENOENT, errc::no_such_pool},
    {operation::destroy, ENOENT, errc::no_such_pool},
    {operation::attach, EACCES, errc::pool_forbidden},
    {operation::destroy, EACCES, errc::pool_forbidden},
    {operation::map, EACCES, errc::map_forbidden},
    {operation::attach, EALREADY, errc::already_attached},
    {operation::free, EALREADY, errc::double_free},
    {operation::create, ENFILE, errc::too_many_pools},
    {operation::create, ENOSPC, errc::byte_limit},
    {operation::create, EDQUOT, errc::lock_limit},
    {operation::create, EOVERFLOW, errc::pool_too_large},
    {operation::create, ENOMEM, errc::out_of_memory},
    {operation::map, ENODEV, errc::not_mappable},
    {operation::alloc, ENXIO, errc::not_attached},
    {operation::alloc, ENOBUFS, errc::out_of_blocks},
    {operation::free, ERANGE, errc::index_out_of_range},
    {operation::read, ESTALE, errc::stale_handle},
    {operation::write, EPERM, errc::not_holder},
    {operation::write, EMSGSIZE, errc::beyond_block},
    {operation::give, EBUSY, errc::too_many_holders},
    {operation::give, ESRCH, errc::no_such_client},
    {operation::give, ENOTCONN, errc::client_not_attached},
    {operation::map, EINTR, errc::interrupted},
    {operation::create_channel, EEXIST, errc::name_taken},
    {operation::create_channel, ENOSPC, errc::byte_limit},
    {operation::create_channel, EDQUOT, errc::lock_limit},
    {operation::open_channel, ENOENT, errc::no_such_channel},
    {operation::send, EPIPE, errc::no_receiver},
    {operation::send, EAGAIN, errc::would_block},
    {operation::receive, ENOTCONN, errc::channel_left},
    {operation::alloc, ETIMEDOUT, errc::timed_out},
    {operation::alloc, EFBIG, errc::beyond_capacity},
    {operation::alloc, EIDRM, errc::pool_destroyed},
    {operation::alloc, ENOTCONN, errc::pool_left},
    {operation::watch, ENOTCONN, errc::pool_left},
    {operation::watch, EMFILE, errc::too_many_watches},
    {operation::watch, ENOENT, errc::no_such_watch},
    {operation::alloc, EINTR, errc::interrupted},
    {operation::alloc_by_size, ENOTCONN, errc::set_not_attached},
    {operation::alloc_by_size, EMSGSIZE, errc::too_large_for_set},
    {operation::alloc_by_size, ESTALE, errc::scope_ended},
    {operation::alloc_by_size, ENOBUFS, errc::out_of_blocks},
    {operation::alloc, EDQUOT, errc::lock_limit},
    {operation::alloc, ENOSPC, errc::byte_limit},
    {operation::alloc, ESTALE, errc::scope_ended},
    {operation::share, EBUSY, errc::too_many_holders},
    {operation::share, ESTALE, errc::stale_handle},
    {operation::create_scope, ESTALE, errc::scope_ended},
    {operation::create_scope, EMFILE, errc::too_many_scopes},
    {operation::create_scope, EMLINK, errc::scope_too_deep},
    {operation::release_scope, ESTALE, errc::scope_ended},
    {operation::create_set, EEXIST, errc::name_taken},
    {operation::create_set, ENOENT, errc::no_such_set},
    {operation::create_set, EALREADY, errc::already_open},
    {operation::create_set, ENOTCONN, errc::set_not_attached},
    {operation::destroy_set, ENOENT, errc::no_such_set},
    {operation::destroy_set, EACCES, errc::set_forbidden},
    {operation::fill, ENODEV, errc::not_mappable},
    {operation::drain, EADDRINUSE, errc::block_allocated},
    {operation::open, ENOENT, errc::no_device},
    {operation::open, ENXIO, errc::no_device},
    {operation::open, ENODEV, errc::no_device},
    {operation::open, EACCES, errc::device_forbidden},
    {operation::open, EPERM, errc::device_forbidden},
    {operation::open, ENOMEM, errc::out_of_memory},
    {operation::query, ENOTTY, errc::not_the_device},
};

TEST(ErrnoCode, TurnsEveryErrorOfTheInterfaceIntoItsCause) {
    for (const auto& expected : expectations)
        EXPECT_EQ(errno_code(expected.during, expected.number), expected.cause)
            << std::generic_category().message(expected.number);
}

TEST(ErrnoCode, StillComparesEqualToTheSystemError) {
    for (const auto& expected : expectations) {
        const auto code = errno_code(expected.during, expected.number);
        if (expected.cause != errc::no_device && expected.cause != errc::device_forbidden) {
            EXPECT_EQ(code, std::error_condition(expected.number, std::generic_category()))
                << code.message();
        }
    }
    EXPECT_EQ(errno_code(operation::open, ENXIO), std::errc::no_such_file_or_directory);
    EXPECT_EQ(errno_code(operation::open, EPERM), std::errc::permission_denied);
}

TEST(ErrnoCode, LeavesOtherErrorsToTheSystem) {
    EXPECT_EQ(errno_code(operation::open, EMFILE), std::error_code(EMFILE, std::system_category()));
    EXPECT_EQ(errno_code(operation::alloc, EIO), std::error_code(EIO, std::system_category()));
}

TEST(ErrorCategory, HasItsOwnSentenceForEveryCause) {
    std::set<std::string> sentences;
    for (int value = 1; value <= static_cast<int>(errc::stale_marker); ++value) {
        const auto sentence = fixedpool::error_category().message(value);
        EXPECT_EQ(sentence.find("unknown"), std::string::npos) << value;
        EXPECT_TRUE(sentences.insert(sentence).second) << "twice: " << sentence;
    }
}

TEST(ErrorCategory, AnswersForAnUnknownCauseToo) {
    EXPECT_EQ(fixedpool::error_category().message(4711), "unknown cause 4711");
    EXPECT_EQ(std::string{fixedpool::error_category().name()}, "fixedpool");
}

TEST(Error, SaysWhatWasAskedAndWhyItWasRefused) {
    const fixedpool::pool_error refused{errc::out_of_blocks, "allocate 1 block of pool 'small'",
                                        "small"};
    EXPECT_STREQ(refused.what(), "allocate 1 block of pool 'small': the pool has no free block");
    EXPECT_EQ(refused.code(), errc::out_of_blocks);
    EXPECT_EQ(refused.pool_name(), "small");
}

TEST(Error, KeepsTheRefusedHandle) {
    const fixedpool::handle name{3, 7};
    const fixedpool::handle_error refused{errc::stale_handle, "free", name, 5};
    EXPECT_EQ(refused.handle(), name);
    EXPECT_EQ(refused.done(), 5U);
}

TEST(BadAlloc, SaysTheSameAsTheErrorBehindIt) {
    const fixedpool::pool_error behind{errc::out_of_blocks, "allocate 1 block of pool 'small'",
                                       "small"};
    try {
        throw fixedpool::bad_alloc{behind};
    } catch (const std::bad_alloc& refused) {
        EXPECT_STREQ(refused.what(), behind.what());
    }
    EXPECT_EQ(fixedpool::bad_alloc{behind}.code(), errc::out_of_blocks);
    EXPECT_STREQ(fixedpool::bad_alloc{behind}.cause().what(), behind.what());
    static_assert(std::is_nothrow_copy_constructible_v<fixedpool::bad_alloc>);
}

TEST(Error, CanBeCaughtAsASystemError) {
    EXPECT_THROW((throw fixedpool::handle_error{errc::stale_handle, "free", {}}),
                 std::system_error);
    static_assert(std::is_nothrow_copy_constructible_v<fixedpool::pool_error>);
    static_assert(std::is_nothrow_copy_constructible_v<fixedpool::handle_error>);
}

} // namespace
