/* SPDX-License-Identifier: MIT */
/*
 * malloc() where there is little left of something: memory, addresses, mappings, blocks.
 */
#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <malloc.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "malloc_test.hpp"

// NOLINTBEGIN(*-no-malloc, *-owning-memory): that is what it is about

namespace {

using namespace fixedpool::testing;

std::size_t usable(const std::vector<void*>& blocks) {
    std::size_t bytes = 0;
    for (void* const block : blocks)
        bytes += ::malloc_usable_size(block);
    return bytes;
}

// What may be written counts, touched or not: `ulimit -d`.
TEST(Limits, OfDataAreThoseOfWhatIsUsed) {
    const auto before = status_kib("VmData:");
    const auto blocks = some_of_all_sizes();
    EXPECT_LT(status_kib("VmData:"),
              before + static_cast<long>(usable(blocks) / 1024) * 5 / 4 + 65536);
    std::ranges::for_each(blocks, &std::free);
    EXPECT_EQ(in_limited(RLIMIT_DATA, rlim_t{256} << 20,
                         "Malloc.GivesBlocksThatDoNotOverlap:Realloc.KeepsWhatIsThere"),
              0);
}

// Run by the next one.
TEST(Limits, DISABLED_SmallBlocksTakeNoPageEach) {
    constexpr std::size_t blocks = 20'000;
    std::vector<void*> all;
    all.reserve(blocks);
    std::size_t used = 0;
    const auto before = status_kib("VmRSS:");
    for (std::size_t i = 0; i < blocks; ++i) {
        const auto size = 16 + i % 60 * 16;
        all.push_back(std::malloc(size));
        ASSERT_NE(all.back(), nullptr);
        fill(all.back(), size, 1);
        used += size;
    }
    EXPECT_LT(status_kib("VmRSS:"), before + static_cast<long>(used / 1024) * 3 / 2 + 8192);
    for (std::size_t i = 0; i < blocks; ++i) {
        ASSERT_TRUE(filled(all[i], 16 + i % 60 * 16, 1));
        std::free(all[i]);
    }
}

TEST(Limits, OfAddressesCostNoPageForEachBlock) {
    for (const rlim_t most : {rlim_t{1} << 29, rlim_t{1} << 31, rlim_t{1} << 33, rlim_t{1} << 36})
        EXPECT_EQ(in_limited(RLIMIT_AS, most, "Limits.DISABLED_SmallBlocksTakeNoPageEach"), 0)
            << most;
}

TEST(Limits, LetPagesBeLocked) {
    if (::geteuid() != 0) {
        rlimit limit{};
        ASSERT_EQ(::getrlimit(RLIMIT_MEMLOCK, &limit), 0);
        if (limit.rlim_cur != RLIM_INFINITY)
            GTEST_SKIP() << "not more than some pages may be locked";
    }
    const int end = in_child([] {
        auto blocks = some_of_all_sizes();
        if (::mlockall(MCL_CURRENT | MCL_FUTURE) != 0)
            ::_exit(errno == EPERM || errno == ENOMEM ? 77 : 1);
        std::ranges::copy(some_of_all_sizes(), std::back_inserter(blocks));
        if (std::ranges::find(blocks, nullptr) != blocks.end())
            ::_exit(2);
        // Besides, what tests before this have used, stacks, and programs as a whole.
        constexpr long others = 524'288;
        ::_exit(status_kib("VmRSS:") < others + static_cast<long>(usable(blocks) / 1024) ? 0 : 3);
    });
    if (end == 77)
        GTEST_SKIP() << "pages may not be locked";
    EXPECT_EQ(end, 0);
}

/** Bytes that may be written, in private mappings of some size, but for those of books. */
std::size_t writable_bytes(std::size_t least) {
    std::size_t bytes = 0;
    std::size_t length = 0;
    bool counts = false;
    std::ifstream file{"/proc/self/smaps"};
    for (std::string line; std::getline(file, line);) {
        unsigned long begin = 0;
        unsigned long end = 0;
        unsigned long inode = 0;
        std::array<char, 5> access{};
        // NOLINTNEXTLINE(*-vararg,cert-err34-c)
        if (std::sscanf(line.c_str(), "%lx-%lx %4s %*s %*s %lu", &begin, &end, access.data(),
                        &inode) == 4) {
            length = end - begin;
            counts = std::string_view{access.data()} == "rw-p" && inode == 0 && length > least &&
                     line.find('[') == std::string::npos;
        } else if (counts && line.starts_with("VmFlags:") &&
                   line.find(" nh") == std::string::npos) {
            bytes += length;
        }
    }
    return bytes;
}

// Run by the next one.
TEST(Limits, DISABLED_BooksAreNotMadeLarge) {
    constexpr std::size_t blocks = 1'200'000;
    constexpr std::size_t large_page = std::size_t{2} << 20;
    const auto before = writable_bytes(large_page);
    for (std::size_t i = 0; i < blocks; ++i)
        ASSERT_NE(std::malloc(16), nullptr);
    const auto grown = writable_bytes(large_page) - before;
    EXPECT_GE(grown, blocks * 16);
    EXPECT_LT(grown, blocks * 16 + large_page);
}

// Where all memory is of large pages, few bytes of each would take as many pages.
TEST(Limits, BooksAreNotMadeLarge) {
    EXPECT_EQ(in_limited(RLIMIT_CORE, 0, "Limits.DISABLED_BooksAreNotMadeLarge"), 0);
}

// The kernel lets a process have 65,530 of them.
TEST(Limits, OfMappingsAreFarAway) {
    constexpr std::size_t blocks = 140'000;
    const auto others = status_kib("VmRSS:");
    std::vector<void*> all(blocks);
    for (auto& each : all) {
        each = std::malloc(40'000);
        ASSERT_NE(each, nullptr);
    }
    for (std::size_t i = 0; i < blocks; i += 2)
        std::free(std::exchange(all[i], nullptr));
    std::size_t mappings = 0;
    std::ifstream file{"/proc/self/maps"};
    for (std::string line; std::getline(file, line);)
        ++mappings;
    EXPECT_LT(mappings, 10'000U);
    std::vector<void*> larger(2000);
    for (auto& each : larger)
        ASSERT_NE(each = std::malloc(300'000), nullptr);
    std::ranges::for_each(larger, &std::free);
    std::ranges::for_each(all, &std::free);
    ::malloc_trim(0);
    // What is known of pages stays.
    EXPECT_LT(status_kib("VmRSS:"), others + 65'536);
}

std::atomic<int> barriers = 0;

// That there is no block left is not asked of all threads with each malloc().
TEST(Limits, FullPoolsAreLeftAloneForAWhile) {
    EXPECT_EQ(in_child([] {
                  std::vector<void*> small;
                  for (int i = 0; i < 1000; ++i)
                      small.push_back(std::malloc(512));
                  const auto most = static_cast<rlim_t>(status_kib("VmData:") + 8192) * 1024;
                  const rlimit limit{.rlim_cur = most, .rlim_max = most};
                  if (::setrlimit(RLIMIT_DATA, &limit) != 0)
                      ::_exit(1);
                  while (std::malloc(512) != nullptr) {
                  }
                  barriers = 0;
                  constexpr int calls = 20'000;
                  for (int i = 0; i < calls; ++i)
                      std::free(std::malloc(512));
                  if (barriers >= calls / 10)
                      ::_exit(2);
                  // But what comes back is there again.
                  std::ranges::for_each(small, &std::free);
                  for (std::size_t i = 0; i < small.size(); ++i)
                      if (std::malloc(512) == nullptr)
                          ::_exit(3);
              }),
              0);
}

} // namespace

/** Instead of the C library's, for the library that is tested, too: counts barriers. */
// NOLINTNEXTLINE(*-vararg,cert-dcl50-cpp,readability-inconsistent-declaration-parameter-name)
extern "C" long syscall(long number, ...) noexcept {
    std::array<long, 6> arguments{};
    std::va_list list;
    va_start(list, number);
    for (auto& each : arguments)
        each = va_arg(list, long);
    va_end(list);
    if (number == SYS_membarrier)
        ++barriers;
    const auto [a, b, c, d, e, f] = arguments;
    long result = number;
    register long fourth asm("r10") = d;
    register long fifth asm("r8") = e;
    register long sixth asm("r9") = f;
    asm volatile("syscall"
                 : "+a"(result)
                 : "D"(a), "S"(b), "d"(c), "r"(fourth), "r"(fifth), "r"(sixth)
                 : "rcx", "r11", "memory");
    constexpr long last_error = -4095;
    if (result < 0 && result >= last_error) {
        errno = static_cast<int>(-result);
        return -1;
    }
    return result;
}

// NOLINTEND(*-no-malloc, *-owning-memory)
