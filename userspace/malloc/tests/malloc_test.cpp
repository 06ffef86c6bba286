/* SPDX-License-Identifier: MIT */
/*
 * malloc() and its family, of libfixedpool_malloc.so: preloaded, so that all of this
 * program, GoogleTest included, lives on it.
 */
#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string_view>
#include <thread>
#include <vector>

#include <dlfcn.h>
#include <malloc.h>
#include <sys/resource.h>

#include "malloc_test.hpp"

// NOLINTBEGIN(*-no-malloc, *-owning-memory): that is what it is about

namespace {

using namespace fixedpool::testing;

// Not known to the compiler.
constexpr std::size_t too_much = SIZE_MAX - 4096;
volatile std::size_t half = SIZE_MAX / 2 + 2;
volatile std::size_t all_ones = SIZE_MAX;
volatile std::size_t forty_eight = 48;

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

} // namespace

// NOLINTEND(*-no-malloc, *-owning-memory)
