/* SPDX-License-Identifier: MIT */
/*
 * What the system has not, in process: memory and addresses. Each in a child, as limits
 * are of the whole process.
 */
#include <cstdint>
#include <fstream>
#include <latch>
#include <system_error>
#include <thread>
#include <vector>

#include <sys/resource.h>
#include <unistd.h>

#include "device_test.hpp"

namespace {

using namespace fixedpool;
using namespace fixedpool::testing;

/** For as long as it is there, the process gets no more of @p resource. */
class no_more {
  public:
    explicit no_more(__rlimit_resource resource) : resource_{resource} {
        ::getrlimit(resource_, &before_);
        const rlimit none{.rlim_cur = 4096, .rlim_max = before_.rlim_max};
        ::setrlimit(resource_, &none);
    }
    no_more(const no_more&) = delete;
    no_more& operator=(const no_more&) = delete;
    ~no_more() { ::setrlimit(resource_, &before_); }

  private:
    __rlimit_resource resource_;
    rlimit before_{};
};

class LocalLimits : public ::testing::Test {
  protected:
    [[nodiscard]] static pool_options growing_pool() {
        auto options = small_pool();
        options.max_blocks = 5000;
        options.cache = caching::none;
        return options;
    }

    const client client_ = client::open_in_process();
};

TEST_F(LocalLimits, RefuseAPoolThatIsLargerThanAllMemory) {
    constexpr std::uint32_t size = 4U << 20;
    const auto memory = static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) *
                        static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    auto options = with_blocks(static_cast<std::uint32_t>(memory / size + 1));
    options.block_size = size;
    EXPECT_EQ(end_of(start_child([&] {
                  // If it tries to get it all, nobody else shall suffer.
                  std::ofstream{"/proc/self/oom_score_adj"} << 1000;
                  std::error_code ec;
                  if (client_.try_create(options, ec) || ec != errc::out_of_memory)
                      return 1;
                  options.blocks = 1;
                  return client_.try_create(options, ec) && !ec ? 0 : 2;
              })),
              0);
}

TEST_F(LocalLimits, RefuseAPoolForWhichThereAreNoAddresses) {
    auto options = with_blocks(1024);
    options.block_size = 65536;
    EXPECT_EQ(end_of(start_child([&] {
                  std::error_code ec;
                  {
                      const no_more addresses{RLIMIT_AS};
                      if (client_.try_create(options, ec) || ec != errc::out_of_memory)
                          return 1;
                  }
                  return client_.try_create(options, ec) && !ec ? 0 : 2;
              })),
              0);
}

TEST_F(LocalLimits, KeepAPoolAsItIsThatCannotGrow) {
    EXPECT_EQ(end_of(start_child([&] {
                  const auto growing = client_.create(growing_pool());
                  std::vector<handle> all(5000);
                  std::error_code ec;
                  {
                      const no_more memory{RLIMIT_DATA};
                      if (growing.try_allocate_some(all, contents::unspecified, ec) != 16)
                          return 1;
                      if (growing.try_allocate_handle(ec) || ec != errc::out_of_blocks)
                          return 2;
                      if (growing.usage().blocks != 16)
                          return 3;
                  }
                  return growing.allocate_some(all) == 5000 - 16 ? 0 : 4;
              })),
              0);
}

// Nobody gives anything back, and nobody else asks.
TEST_F(LocalLimits, LetAPoolGrowForWhoWaitsOnceThereIsMemory) {
    EXPECT_EQ(end_of(start_child([&] {
                  ::alarm(60); // who is not served waits for ever
                  const auto growing = client_.create(growing_pool());
                  std::vector<handle> first(16);
                  growing.allocate(first);
                  std::latch limited{1};
                  bool served = false;
                  std::thread waiter{[&] {
                      limited.wait();
                      std::error_code ec;
                      const auto taken = growing.try_allocate_wait(contents::unspecified, ec);
                      served = taken && !ec;
                  }};
                  {
                      const no_more memory{RLIMIT_DATA};
                      limited.count_down();
                      while (growing.usage().waiters == 0)
                          std::this_thread::yield();
                  }
                  waiter.join();
                  return served && growing.usage().blocks > 16 ? 0 : 1;
              })),
              0);
}

} // namespace
