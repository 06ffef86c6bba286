/* SPDX-License-Identifier: MIT */
#include <cstdlib>

#include <gtest/gtest.h>

int containers_main();
int crash_of_a_peer_main();
int first_pool_main();
int game_loop_main();
int pipeline_main();
int real_time_main();
int signal_handler_main();

namespace {

TEST(DeviceExamples, CrashOfAPeerWorks) { EXPECT_EQ(crash_of_a_peer_main(), EXIT_SUCCESS); }
TEST(DeviceExamples, FirstPoolWorks) { EXPECT_EQ(first_pool_main(), EXIT_SUCCESS); }
TEST(DeviceExamples, PipelineWorks) { EXPECT_EQ(pipeline_main(), EXIT_SUCCESS); }

TEST(Examples, ContainersWork) { EXPECT_EQ(containers_main(), EXIT_SUCCESS); }
TEST(Examples, GameLoopWorks) { EXPECT_EQ(game_loop_main(), EXIT_SUCCESS); }
TEST(Examples, RealTimeWorks) { EXPECT_EQ(real_time_main(), EXIT_SUCCESS); }
TEST(Examples, SignalHandlerWorks) { EXPECT_EQ(signal_handler_main(), EXIT_SUCCESS); }

} // namespace
