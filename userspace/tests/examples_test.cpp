/* SPDX-License-Identifier: MIT */
#include <cstdlib>

#include <gtest/gtest.h>

int first_pool_main();

namespace {

TEST(Examples, FirstPoolWorks) { EXPECT_EQ(first_pool_main(), EXIT_SUCCESS); }

} // namespace
