/* SPDX-License-Identifier: MIT */
/*
 * GoogleTest that speaks TAP version 13: the plan first, then one line a test,
 * diagnostics of a failure before its line. Running no test is a failure.
 */
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace {

void diagnose(std::string_view text) {
    while (!text.empty()) {
        const auto line = text.substr(0, text.find('\n'));
        std::printf("# %.*s\n", static_cast<int>(line.size()), line.data());
        text.remove_prefix(std::min(line.size() + 1, text.size()));
    }
}

class tap_listener final : public testing::EmptyTestEventListener {
    // Filters are known from the first iteration on; the plan covers all of them.
    void OnTestIterationStart(const testing::UnitTest& all, int iteration) override {
        if (iteration == 0)
            std::printf("TAP version 13\n1..%d\n",
                        all.test_to_run_count() * testing::GTEST_FLAG(repeat));
        std::fflush(stdout);
    }

    void OnTestPartResult(const testing::TestPartResult& part) override {
        if (part.skipped())
            return;
        const auto* file = part.file_name();
        diagnose((file != nullptr ? file + (':' + std::to_string(part.line_number())) : "") + ' ' +
                 part.message());
    }

    void OnTestEnd(const testing::TestInfo& test) override {
        const auto& result = *test.result();
        std::printf("%sok %d - %s.%s%s\n", result.Failed() ? "not " : "", ++number_,
                    test.test_suite_name(), test.name(), skipped(result).c_str());
        std::fflush(stdout);
    }

    static std::string skipped(const testing::TestResult& result) {
        if (!result.Skipped())
            return {};
        std::string reason = " # SKIP";
        for (int i = 0; i < result.total_part_count(); ++i) {
            const std::string_view text = result.GetTestPartResult(i).message();
            reason += ' ';
            reason += text.substr(0, text.find('\n'));
        }
        return reason;
    }

    int number_ = 0;
};

} // namespace

int main(int argc, char** argv) {
    testing::InitGoogleTest(&argc, argv);
    if (argc > 1) {
        std::fprintf(stderr, "%s: unknown argument '%s'\n", argv[0], argv[1]);
        return EXIT_FAILURE;
    }
    auto& listeners = testing::UnitTest::GetInstance()->listeners();
    delete listeners.Release(listeners.default_result_printer());
    listeners.Append(std::make_unique<tap_listener>().release());

    const bool failed = RUN_ALL_TESTS() != 0;
    const bool ran = testing::GTEST_FLAG(list_tests) ||
                     testing::UnitTest::GetInstance()->test_to_run_count() != 0;
    return failed || !ran ? EXIT_FAILURE : EXIT_SUCCESS;
}
