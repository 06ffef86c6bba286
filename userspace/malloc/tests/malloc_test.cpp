/* SPDX-License-Identifier: MIT */
/*
 * malloc() and its family, of libfixedpool_malloc.so: preloaded, so that all of this
 * program, GoogleTest included, lives on it.
 */
#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <mutex>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <dlfcn.h>
#include <fcntl.h>

#include <malloc.h>
#include <pthread.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

// NOLINTBEGIN(*-no-malloc, *-owning-memory): that is what it is about

namespace {

// Not known to the compiler.
constexpr std::size_t too_much = SIZE_MAX - 4096;
volatile std::size_t half = SIZE_MAX / 2 + 2;
volatile std::size_t all_ones = SIZE_MAX;
volatile std::size_t forty_eight = 48;

bool aligned(const void* block, std::size_t to) {
    return reinterpret_cast<std::uintptr_t>(block) % to == 0;
}

/** Bytes that tell where they are, and of what. */
void fill(void* block, std::size_t size, unsigned seed) {
    auto* const bytes = static_cast<unsigned char*>(block);
    for (std::size_t i = 0; i < size; ++i)
        bytes[i] = static_cast<unsigned char>(i * 7 + i / 251 + seed);
}

bool filled(const void* block, std::size_t size, unsigned seed) {
    const auto* const bytes = static_cast<const unsigned char*>(block);
    for (std::size_t i = 0; i < size; ++i)
        if (bytes[i] != static_cast<unsigned char>(i * 7 + i / 251 + seed))
            return false;
    return true;
}

std::vector<std::size_t> interesting_sizes() {
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
int in_limited(int resource, rlim_t most, const std::string& filter) {
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
long status_kib(std::string_view name) {
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
std::vector<void*> some_of_all_sizes() {
    std::vector<void*> blocks;
    for (std::size_t size = 16; size <= 32768; size += size / 9 + 8)
        for (int i = 0; i < 400; ++i)
            blocks.push_back(std::malloc(size));
    return blocks;
}

TEST(Malloc, IsTheOneThatIsTested) {
    Dl_info info{};
    ASSERT_NE(::dladdr(reinterpret_cast<void*>(&std::malloc), &info), 0);
    EXPECT_NE(std::string_view{info.dli_fname}.find("fixedpool_malloc"), std::string_view::npos)
        << info.dli_fname;
    // As all others of the family are.
    for (const char* name :
         {"free", "calloc", "realloc", "reallocarray", "memalign", "aligned_alloc",
          "posix_memalign", "valloc", "pvalloc", "malloc_usable_size", "malloc_trim"}) {
        Dl_info other{};
        ASSERT_NE(::dladdr(::dlsym(RTLD_DEFAULT, name), &other), 0) << name;
        EXPECT_EQ(other.dli_fbase, info.dli_fbase) << name;
    }
}

TEST(Malloc, GivesBlocksThatDoNotOverlap) {
    const auto sizes = interesting_sizes();
    std::vector<void*> blocks;
    unsigned seed = 0;
    for (const auto size : sizes) {
        void* const block = std::malloc(size);
        ASSERT_NE(block, nullptr) << size;
        ASSERT_TRUE(aligned(block, 16)) << size;
        ASSERT_GE(::malloc_usable_size(block), size);
        // All that is usable may be used.
        fill(block, ::malloc_usable_size(block), seed++);
        blocks.push_back(block);
    }
    seed = 0;
    for (void* const block : blocks) {
        ASSERT_TRUE(filled(block, ::malloc_usable_size(block), seed++));
        std::free(block);
    }
}

TEST(Malloc, WastesNotMoreThanAQuarter) {
    std::vector<void*> blocks;
    for (std::size_t size = 129; size < 32768; size += 97)
        for (int i = 0; i < 2000 && (i < 20 || size < 200); ++i)
            blocks.push_back(std::malloc(size));
    // Those that are asked for often.
    for (const std::size_t size : {std::size_t{130}, std::size_t{161}}) {
        std::vector<void*> many;
        for (int i = 0; i < 2000; ++i)
            many.push_back(std::malloc(size));
        EXPECT_LE(::malloc_usable_size(many.back()), size + size / 4);
        std::ranges::for_each(many, &std::free);
    }
    std::ranges::for_each(blocks, &std::free);
}

TEST(Malloc, GivesDifferentBlocksForNothing) {
    void* const first = std::malloc(0);
    void* const second = std::malloc(0);
    EXPECT_NE(first, nullptr);
    EXPECT_NE(first, second);
    std::free(first);
    std::free(second);
    std::free(nullptr);
}

TEST(Malloc, SaysWhereThereIsNoMemory) {
    errno = 0;
    EXPECT_EQ(std::malloc(too_much), nullptr);
    EXPECT_EQ(errno, ENOMEM);
    errno = 0;
    EXPECT_EQ(std::calloc(half, 2), nullptr);
    EXPECT_EQ(errno, ENOMEM);
    void* const block = std::malloc(100);
    fill(block, 100, 1);
    errno = 0;
    EXPECT_EQ(std::realloc(block, too_much), nullptr);
    EXPECT_EQ(errno, ENOMEM);
    errno = 0;
    EXPECT_EQ(::reallocarray(block, half, 2), nullptr);
    EXPECT_EQ(errno, ENOMEM);
    EXPECT_TRUE(filled(block, 100, 1)) << "it is what it was";
    std::free(block);
    void* large = std::malloc(100'000);
    EXPECT_EQ(std::realloc(large, too_much), nullptr);
    std::free(large);
    errno = 0;
    EXPECT_EQ(::pvalloc(SIZE_MAX), nullptr);
    EXPECT_EQ(errno, ENOMEM);
    errno = 0;
    EXPECT_EQ(::memalign(64, too_much), nullptr);
    EXPECT_EQ(errno, ENOMEM);
}

TEST(Malloc, KeepsErrno) {
    errno = 4711;
    for (const auto size : interesting_sizes()) {
        std::free(std::malloc(size));
        std::free(std::calloc(1, size));
        std::free(std::realloc(std::malloc(size), size * 2 + 1));
    }
    EXPECT_EQ(errno, 4711);
}

TEST(Calloc, GivesZeroesAlsoWhereThereWasSomethingElse) {
    for (int round = 0; round < 3; ++round)
        for (const auto size : interesting_sizes()) {
            void* const dirty = std::malloc(size);
            std::memset(dirty, 0xa5, ::malloc_usable_size(dirty));
            std::free(dirty);
            auto* const block = static_cast<unsigned char*>(std::calloc(size, 1));
            ASSERT_TRUE(std::all_of(block, block + size, [](auto each) { return each == 0; }))
                << size;
            std::free(block);
        }
}

TEST(Realloc, KeepsWhatIsThere) {
    const auto sizes = interesting_sizes();
    std::mt19937 random{1};
    std::size_t before = 0;
    unsigned seed = 0;
    void* block = std::realloc(nullptr, 0);
    ASSERT_NE(block, nullptr);
    for (unsigned round = 0; round < 20000; ++round) {
        const auto size = sizes[random() % sizes.size()];
        if (size == 0)
            continue;
        block = ::reallocarray(block, size, 1);
        ASSERT_NE(block, nullptr);
        ASSERT_TRUE(filled(block, std::min(before, size), seed)) << before << " to " << size;
        ASSERT_TRUE(aligned(block, 16));
        ASSERT_GE(::malloc_usable_size(block), size);
        fill(block, size, ++seed);
        before = size;
    }
    EXPECT_EQ(std::realloc(block, 0), nullptr);
}

TEST(Realloc, GivesBackWhatIsWasted) {
    void* block = std::malloc(20000);
    block = std::realloc(block, 100);
    EXPECT_LT(::malloc_usable_size(block), 1000U);
    block = std::realloc(block, 10'000'000);
    block = std::realloc(block, 100'000);
    EXPECT_LT(::malloc_usable_size(block), 110'000U);
    std::free(block);
}

TEST(Aligned, AreAsAlignedAsTheyAreAskedToBe) {
    std::vector<void*> blocks;
    for (std::size_t alignment = 8; alignment <= std::size_t{1} << 24; alignment *= 2)
        for (const std::size_t size : {0U, 1U, 100U, 5000U, 33000U, 200'000U}) {
            void* made = nullptr;
            ASSERT_EQ(::posix_memalign(&made, alignment, size), 0);
            ASSERT_TRUE(aligned(made, alignment)) << alignment << ' ' << size;
            ASSERT_GE(::malloc_usable_size(made), std::max<std::size_t>(size, 1));
            fill(made, std::max<std::size_t>(size, 1), 3);
            blocks.push_back(made);
            made = ::aligned_alloc(alignment, size);
            ASSERT_TRUE(made != nullptr && aligned(made, alignment));
            blocks.push_back(made);
            made = std::realloc(::memalign(alignment, size), size + 50'000);
            ASSERT_NE(made, nullptr);
            fill(made, size + 50'000, 3);
            blocks.push_back(made);
        }
    std::ranges::for_each(blocks, &std::free);
    void* const page = ::valloc(1);
    void* const pages = ::pvalloc(4097);
    EXPECT_TRUE(aligned(page, 4096) && aligned(pages, 4096));
    EXPECT_GE(::malloc_usable_size(pages), 8192U);
    std::free(page);
    std::free(pages);
    void* const between = ::memalign(forty_eight, 10); // up to the next power
    EXPECT_TRUE(aligned(between, 64));
    std::free(between);
}

// For fewer addresses than pools take there are not all pools, and other classes serve.
TEST(Aligned, AreSoWhereAddressesAreFew) {
    EXPECT_EQ(in_limited(RLIMIT_AS, rlim_t{16} << 30, "Aligned.AreAsAlignedAsTheyAreAskedToBe"), 0);
    EXPECT_EQ(in_limited(RLIMIT_AS, rlim_t{512} << 20, "Aligned.AreAsAlignedAsTheyAreAskedToBe"),
              0);
}

TEST(Aligned, RefuseWhatIsNoAlignment) {
    void* made = &made;
    EXPECT_EQ(::posix_memalign(&made, 0, 1), EINVAL);
    EXPECT_EQ(::posix_memalign(&made, 4, 1), EINVAL);
    EXPECT_EQ(::posix_memalign(&made, 24, 1), EINVAL);
    EXPECT_EQ(::posix_memalign(&made, 64, too_much), ENOMEM);
    EXPECT_EQ(made, &made) << "is not touched";
    errno = 0;
    EXPECT_EQ(::memalign(all_ones, 1), nullptr);
    EXPECT_EQ(errno, EINVAL);
}

TEST(Usable, IsNothingForNull) { EXPECT_EQ(::malloc_usable_size(nullptr), 0U); }

TEST(Trim, LeavesAllThatIsInUse) {
    std::vector<void*> blocks;
    for (std::size_t size = 0; size < 10'000; size += 10) {
        blocks.push_back(std::malloc(size));
        fill(blocks.back(), size, 1);
        std::free(std::malloc(size * 30));
    }
    EXPECT_EQ(::malloc_trim(0), 1);
    for (std::size_t i = 0; i < blocks.size(); ++i) {
        EXPECT_TRUE(filled(blocks[i], i * 10, 1));
        std::free(blocks[i]);
    }
}

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

// Runs of pages: neighbours that are free become one, and what was there is gone.
TEST(Large, KeepTheirContentsAmongOthersThatComeAndGo) {
    std::mt19937 random{7};
    struct held {
        void* block;
        std::size_t size;
        unsigned seed;
    };
    std::vector<held> all(100);
    for (unsigned round = 0; round < 20'000; ++round) {
        auto& each = all[random() % all.size()];
        auto& block = each.block;
        auto& size = each.size;
        auto& seed = each.seed;
        const auto wanted = 32'769 + random() % (random() % 8 == 0 ? 1'200'000 : 150'000);
        const auto marks = [&](auto function) {
            // The ends say where it is; to write all of it takes too long.
            auto* const bytes = static_cast<char*>(block);
            return function(bytes, std::size_t{64}, seed) &&
                   function(bytes + size - 64, std::size_t{64}, seed + 1);
        };
        const auto write = [](char* at, std::size_t bytes, unsigned of) {
            fill(at, bytes, of);
            return true;
        };
        if (block != nullptr) {
            ASSERT_TRUE(marks(filled));
        }
        if (block != nullptr && random() % 3 == 0) {
            block = std::realloc(block, wanted);
            ASSERT_TRUE(filled(block, 64, seed));
        } else {
            std::free(block);
            block = random() % 4 == 0 ? std::calloc(wanted, 1) : std::malloc(wanted);
        }
        ASSERT_NE(block, nullptr);
        ASSERT_GE(::malloc_usable_size(block), wanted);
        size = wanted;
        seed = round;
        marks(write);
    }
    for (const auto& each : all)
        std::free(each.block);
    const auto sum = std::size_t{900'000};
    auto* const block = static_cast<unsigned char*>(std::calloc(sum, 1));
    EXPECT_TRUE(std::all_of(block, block + sum, [](auto each) { return each == 0; }));
    std::free(block);
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

/** Its message is on stderr, and the process gets SIGABRT. */
#define EXPECT_DIES(statement, message)                                                            \
    EXPECT_EXIT(statement, ::testing::KilledBySignal(SIGABRT), "libfixedpool_malloc: " message)

void free_twice(std::size_t size) {
    void* const block = std::malloc(size);
    std::free(block);
    std::free(block);
}

TEST(BadFreeDeathTest, SaysSoAndAborts) {
    EXPECT_DIES(free_twice(1), "double free");
    EXPECT_DIES(free_twice(1000), "double free");
    EXPECT_DIES(free_twice(30000), "double free");
    EXPECT_DIES(free_twice(100'000), "free.. of an invalid pointer");
    auto* const block = static_cast<char*>(std::malloc(64));
    EXPECT_DIES(std::free(block + 16), "free.. of an invalid");
    std::free(block);
    auto* const large = static_cast<char*>(std::malloc(100'000));
    EXPECT_DIES(std::free(large + 64), "free.. of an invalid");
    std::free(large);
    static std::array<char, 256> foreign;
    EXPECT_DIES(std::free(foreign.data() + 64), "free.. of an invalid pointer: 0x[0-9a-f]+");
    EXPECT_DIES(std::free(&foreign), "free.. of an invalid pointer");
    // NOLINTNEXTLINE(performance-no-int-to-ptr)
    EXPECT_DIES(std::free(reinterpret_cast<void*>(UINTPTR_MAX - 15)), "free.. of an invalid");
    EXPECT_DIES(std::free(std::realloc(foreign.data(), 10)), "invalid pointer");
}

TEST(BadFreeDeathTest, IsFoundWhereAFreedBlockIsToBeResized) {
    EXPECT_DIES(
        {
            void* const block = std::malloc(100);
            std::free(block);
            std::free(std::realloc(block, 50));
        },
        "realloc.. of what was freed");
}

TEST(BadFreeDeathTest, FindsABlockThatAnotherThreadHasFreed) {
    EXPECT_DIES(
        {
            void* const block = std::malloc(100);
            std::thread{[=] { std::free(block); }}.join();
            std::free(block);
        },
        "double free");
}

// Each thread gives blocks to the next.
TEST(Threads, FreeWhatOthersAllocated) {
    constexpr unsigned threads = 4;
    constexpr unsigned rounds = 20000;
    struct entry {
        std::size_t size;
        unsigned seed;
    };
    std::array<std::atomic<entry*>, 64> places = {};
    std::atomic<unsigned> damaged = 0;
    const auto work = [&](unsigned number) {
        std::mt19937 random{number};
        for (unsigned round = 0; round < rounds; ++round) {
            const auto size = sizeof(entry) + random() % (random() % 64 == 0 ? 50000 : 600);
            auto* made = static_cast<entry*>(std::malloc(size));
            *made = {.size = size - sizeof(entry), .seed = static_cast<unsigned>(random())};
            fill(made + 1, made->size, made->seed);
            auto* const found = places[random() % places.size()].exchange(made);
            if (found == nullptr)
                continue;
            damaged += filled(found + 1, found->size, found->seed) ? 0 : 1;
            std::free(found);
        }
    };
    std::vector<std::thread> all;
    for (unsigned i = 0; i < threads; ++i)
        all.emplace_back(work, i);
    for (auto& each : all)
        each.join();
    for (auto& each : places)
        std::free(each.load());
    EXPECT_EQ(damaged, 0U);
}

// One makes the pool larger, another has got one of the new blocks already.
TEST(Threads, FreeAtOnceWhatComesOfAPoolThatGrows) {
    constexpr std::size_t size = 16; // so that a pool grows by many blocks
    constexpr int blocks = 400000;
    const auto work = [] {
        std::vector<void*> kept;
        kept.reserve(blocks);
        for (int i = 0; i < blocks; ++i) {
            std::free(std::realloc(std::malloc(size), size - 8));
            kept.push_back(std::malloc(size));
        }
        std::ranges::for_each(kept, &std::free);
    };
    std::vector<std::thread> all;
    for (int i = 0; i < 8; ++i)
        all.emplace_back(work);
    for (auto& each : all)
        each.join();
}

long resident_pages() {
    std::ifstream file{"/proc/self/statm"};
    long size = 0;
    long resident = 0;
    file >> size >> resident;
    return resident;
}

void end_and_start(int threads) {
    for (int i = 0; i < threads; ++i)
        std::thread{[] {
            // Of the thread's own, freed after most of it has gone.
            thread_local std::vector<std::string> kept;
            for (int k = 0; k < 20; ++k)
                kept.emplace_back(static_cast<std::size_t>(k) * 50, 'x');
        }}.join();
}

TEST(Threads, LeaveNothingBehindWhenTheyEnd) {
    end_and_start(200);
    const auto before = resident_pages();
    end_and_start(3000);
    EXPECT_LT(resident_pages(), before + 250) << "a page for each would be 3,000";
}

pthread_key_t last_key;

TEST(Threads, AllocateInDestructorsOfTheirData) {
    static std::atomic<int> calls = 0;
    ASSERT_EQ(::pthread_key_create(&last_key,
                                   [](void* block) {
                                       std::free(block);
                                       // In all rounds that there are.
                                       ++calls;
                                       ::pthread_setspecific(last_key, std::malloc(100));
                                   }),
              0);
    std::vector<std::thread> all;
    for (int i = 0; i < 50; ++i)
        all.emplace_back([] { ::pthread_setspecific(last_key, std::malloc(10)); });
    for (auto& each : all)
        each.join();
    EXPECT_GE(calls, 50 * 4);
    ::pthread_key_delete(last_key);
}

TEST(Fork, LeavesTheChildAHeapOfItsOwn) {
    std::vector<void*> blocks;
    for (unsigned i = 0; i < 2000; ++i) {
        blocks.push_back(std::malloc(i));
        fill(blocks.back(), i, i);
    }
    EXPECT_EQ(in_child([&] {
                  for (unsigned i = 0; i < 2000; ++i) {
                      if (!filled(blocks[i], i, i))
                          ::_exit(1);
                      std::free(blocks[i]);
                      blocks[i] = std::malloc(3000 - i);
                      fill(blocks[i], 3000 - i, i + 1);
                  }
              }),
              0);
    for (unsigned i = 0; i < 2000; ++i) {
        EXPECT_TRUE(filled(blocks[i], i, i));
        std::free(blocks[i]);
    }
}

TEST(Fork, WorksWhileOtherThreadsAreAtIt) {
    std::atomic<bool> stop = false;
    std::vector<std::thread> all;
    for (unsigned number = 0; number < 3; ++number)
        all.emplace_back([&, number] {
            std::mt19937 random{number};
            std::vector<void*> mine(200);
            while (!stop) {
                auto& place = mine[random() % mine.size()];
                std::free(place);
                place = std::malloc(random() % (random() % 100 == 0 ? 100'000 : 2000));
            }
            std::ranges::for_each(mine, &std::free);
        });
    void* const kept = std::malloc(500);
    fill(kept, 500, 9);
    for (int round = 0; round < 40; ++round)
        EXPECT_EQ(in_child([&] {
                      if (!filled(kept, 500, 9))
                          ::_exit(1);
                      std::free(kept);
                      std::vector<void*> blocks;
                      for (std::size_t i = 0; i < 3000; ++i) {
                          blocks.push_back(std::malloc(i % 1500));
                          fill(blocks.back(), i % 1500, 1);
                      }
                      for (std::size_t i = 0; i < 3000; ++i)
                          if (!filled(blocks[i], i % 1500, 1))
                              ::_exit(2);
                      std::thread{[&] { std::ranges::for_each(blocks, &std::free); }}.join();
                  }),
                  0);
    stop = true;
    for (auto& each : all)
        each.join();
    EXPECT_TRUE(filled(kept, 500, 9));
    std::free(kept);
}

TEST(Fork, GrandchildrenAreNoDifferent) {
    EXPECT_EQ(in_child([] {
                  void* const block = std::malloc(50);
                  if (in_child([=] { std::free(block); }) != 0)
                      ::_exit(1);
                  std::free(block);
              }),
              0);
}

std::mutex taken_by_handlers;
std::atomic<int> blocks_of_child = 0;

// Before main() and this program's first handlers, as libraries register theirs.
[[gnu::constructor(101)]] void register_handlers() {
    static_cast<void>(::pthread_atfork([] { taken_by_handlers.lock(); },
                                       [] { taken_by_handlers.unlock(); },
                                       [] {
                                           taken_by_handlers.unlock();
                                           // More than are at hand.
                                           for (int i = 0; i < 5000; ++i) {
                                               void* const block = std::malloc(100);
                                               blocks_of_child += block != nullptr ? 1 : 0;
                                           }
                                       }));
}

TEST(Fork, LetsHandlersAllocateAndWaitForThoseWhoDo) {
    std::atomic<bool> stop = false;
    std::vector<std::thread> all;
    for (int i = 0; i < 2; ++i)
        all.emplace_back([&] {
            std::vector<void*> mine(3000);
            while (!stop) {
                const std::scoped_lock lock{taken_by_handlers};
                for (std::size_t k = 0; k < mine.size(); ++k)
                    mine[k] = std::malloc(40 + k % 20 * 300);
                std::ranges::for_each(mine, &std::free);
            }
        });
    for (int round = 0; round < 300; ++round)
        ASSERT_EQ(in_child([] {
                      if (blocks_of_child != 5000)
                          ::_exit(1);
                  }),
                  0);
    stop = true;
    for (auto& each : all)
        each.join();
}

std::atomic<int> forks = 0;
std::atomic<int> failed_forks = 0;

// Once each time: where fork() takes longer nothing else would be done.
void interrupt_soon() {
    const itimerval timer{.it_interval = {}, .it_value = {.tv_sec = 0, .tv_usec = 1500}};
    ::setitimer(ITIMER_REAL, &timer, nullptr);
}

// In one thread, wherever it is in malloc().
TEST(Fork, MayBeCalledByASignalHandler) {
    EXPECT_EQ(in_child([] {
                  struct sigaction action = {};
                  action.sa_flags = SA_RESTART;
                  action.sa_handler = [](int) {
                      const int before = errno;
                      failed_forks += in_child([] { std::free(std::malloc(512)); }) == 0 ? 0 : 1;
                      errno = before;
                      ++forks;
                      interrupt_soon();
                  };
                  if (::sigaction(SIGALRM, &action, nullptr) != 0)
                      ::_exit(1);
                  interrupt_soon();
                  void** last = nullptr;
                  for (std::size_t made = 1; forks < 200; ++made) {
                      auto** const block = static_cast<void**>(std::malloc(512));
                      if (block == nullptr)
                          ::_exit(2);
                      *block = last;
                      last = block;
                      // Else pools would grow without end.
                      while (made % 100'000 == 0 && last != nullptr) {
                          void* const unused = last;
                          last = static_cast<void**>(*last);
                          std::free(unused);
                      }
                  }
                  ::_exit(failed_forks == 0 ? 0 : 3);
              }),
              0);
}

TEST(Spawn, StartsOtherPrograms) {
    std::array<char, 3> shell{"sh"};
    std::array<char, 3> option{"-c"};
    std::array<char, 7> command{"exit 7"};
    std::array<char*, 4> arguments{shell.data(), option.data(), command.data(), nullptr};
    pid_t child = 0;
    ASSERT_EQ(::posix_spawnp(&child, "sh", nullptr, nullptr, arguments.data(), environ), 0);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(WEXITSTATUS(status), 7);
}

std::atomic<int> handled = 0;

// More than others promise.
TEST(Signals, MayInterruptAndAllocate) {
    struct sigaction action = {};
    action.sa_handler = [](int) {
        const int before = errno;
        for (const std::size_t size : {24U, 700U}) {
            void* const block = std::malloc(size);
            if (block != nullptr)
                std::memset(block, 0x77, size);
            std::free(block);
        }
        errno = before;
        ++handled;
    };
    ASSERT_EQ(::sigaction(SIGUSR1, &action, nullptr), 0);
    std::atomic<bool> stop = false;
    const auto self = ::pthread_self();
    std::thread sender{[&] {
        while (!stop) {
            ::pthread_kill(self, SIGUSR1);
            std::this_thread::yield();
        }
    }};
    std::mt19937 random{5};
    std::vector<std::pair<void*, std::size_t>> mine(300);
    while (handled < 2000) {
        auto& [block, size] = mine[random() % mine.size()];
        EXPECT_TRUE(filled(block, size, 2));
        std::free(block);
        size = random() % 1000;
        block = std::malloc(size);
        fill(block, size, 2);
    }
    stop = true;
    sender.join();
    for (const auto& [block, size] : mine)
        std::free(block);
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
