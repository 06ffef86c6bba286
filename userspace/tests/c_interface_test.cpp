/* SPDX-License-Identifier: MIT */
/*
 * <fixedpool/fixedpool.h>: calls from C on both transports, and what happens at the border.
 */
#include <string>

#include "c_calls.h"
#include "device_test.hpp"
#include "failing_new.hpp"

void c_amiss(const char* what, const char* file, int line) {
    ADD_FAILURE() << file << ':' << line << ": " << what;
}

namespace {

using namespace fixedpool::testing;

int open_device(fp_client** opened) { return fp_client_open(nullptr, opened); }

class CInterface : public ::testing::TestWithParam<transport> {
  protected:
    const c_opener open_ =
        GetParam() == transport::device ? &open_device : &fp_client_open_in_process;
    const std::string name_ = unique_name();
};

// A name that no string keeps inside itself.
std::string long_name() { return "long-" + unique_name() + "-name"; }

TEST(CErrors, HaveTextsAndNumbers) { c_errors(); }
TEST_P(CInterface, OpensClients) { c_clients(open_); }
TEST_P(CInterface, MakesPools) { c_pools(open_, name_.c_str()); }
TEST_P(CInterface, AllocatesBlocks) { c_blocks(open_, name_.c_str()); }
TEST_P(CInterface, WaitsForBlocks) { c_waiting(open_, name_.c_str()); }
TEST_P(CInterface, GetsAtBytes) { c_bytes(open_, name_.c_str()); }
TEST_P(CInterface, PassesBlocksOn) { c_holders(open_, name_.c_str()); }
TEST_P(CInterface, HasScopes) { c_scopes(open_, name_.c_str()); }
TEST_P(CInterface, HasSets) { c_sets(open_, name_.c_str()); }
TEST_P(CInterface, HasChannels) { c_channels(open_, name_.c_str()); }
TEST_P(CInterface, HasWatches) { c_watches(open_, name_.c_str()); }
TEST_P(CInterface, RefusesNull) { c_nulls(open_, name_.c_str()); }
TEST_P(CInterface, UnderstandsStructsOfOtherVersions) { c_sizes(open_, name_.c_str()); }

TEST_P(CInterface, LetsNothingThrownOutWhereMemoryEnds) {
    ASSERT_EQ(c_everything(open_, long_name().c_str()), FP_OK);
    int refusals = 0;
    for (long good = 0;; ++good) {
        const auto name = long_name();
        until_failure = good;
        const int status = c_everything(open_, name.c_str());
        const bool failed = until_failure == 0;
        until_failure = -1;
        // Some that fail are done without.
        EXPECT_TRUE(status == FP_OK || status == FP_ERROR_OUT_OF_MEMORY) << fp_strerror(status);
        refusals += status != FP_OK ? 1 : 0;
        if (!failed)
            break;
    }
    EXPECT_GE(refusals, 9) << "as many objects are made";
}

FIXEDPOOL_ON_ANY_TRANSPORT(CInterface);

} // namespace
