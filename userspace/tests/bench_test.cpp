/* SPDX-License-Identifier: MIT */
#include <array>
#include <cstdlib>
#include <string>

#include <gtest/gtest.h>

int fixedpool_bench_main(int argc, char** argv);

namespace {

TEST(Bench, EveryMeasurementOfTheLibraryRuns) {
    ASSERT_EQ(::setenv("FIXEDPOOL_BENCH_BATCHES", "1", 1), 0); // NOLINT(*-mt-unsafe)
    std::string name = "bench";
    std::string quiet = "--benchmark_format=json";
    std::array<char*, 3> words = {name.data(), quiet.data(), nullptr};
    testing::internal::CaptureStdout();
    const auto status = fixedpool_bench_main(static_cast<int>(words.size() - 1), words.data());
    const auto told = testing::internal::GetCapturedStdout();
    EXPECT_EQ(status, EXIT_SUCCESS) << told;
}

} // namespace
