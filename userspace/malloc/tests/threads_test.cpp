/* SPDX-License-Identifier: MIT */
/*
 * malloc() in several threads, around fork() and in signal handlers.
 */
#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <pthread.h>
#include <spawn.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "malloc_test.hpp"

// NOLINTBEGIN(*-no-malloc, *-owning-memory): that is what it is about

namespace {

using namespace fixedpool::testing;

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

// NOLINTEND(*-no-malloc, *-owning-memory)
