/* SPDX-License-Identifier: MIT */
/*
 * What is no allocator for general use, and shows what is possible: free lists of one
 * thread, the ring alone, and the loop alone.
 */
#include <mutex>
#include <vector>

#include <sys/mman.h>

#include "suite.hpp"

namespace bench {
namespace {

/** Memory that is there. */
class memory {
  public:
    explicit memory(std::size_t bytes)
        : bytes_{bytes},
          begin_{
              static_cast<std::byte*>(::mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0))} {}
    memory(const memory&) = delete;
    memory& operator=(const memory&) = delete;
    ~memory() { ::munmap(begin_, bytes_); }
    [[nodiscard]] std::byte* begin() const { return begin_; }

  private:
    std::size_t bytes_;
    std::byte* begin_;
};

/** The free blocks are linked through themselves. */
class list : public needs_nothing {
  public:
    using token = void*;

    explicit list(shape of) : blocks_{of.size * of.blocks} {
        for (std::uint32_t i = of.blocks; i-- != 0;)
            give(blocks_.begin() + i * of.size);
    }
    token take() {
        void* const block = first_;
        first_ = *static_cast<void**>(block);
        return block;
    }
    void give(token block) {
        *static_cast<void**>(block) = first_;
        first_ = block;
    }
    static std::byte* at(token block) { return static_cast<std::byte*>(block); }

  private:
    memory blocks_;
    void* first_ = nullptr;
};

/** The same with a lock. */
class locked_list : public needs_nothing {
  public:
    using token = void*;

    explicit locked_list(shape of) : list_{of} {}
    token take() {
        const std::lock_guard held{lock_};
        return list_.take();
    }
    void give(token block) {
        const std::lock_guard held{lock_};
        list_.give(block);
    }
    static std::byte* at(token block) { return static_cast<std::byte*>(block); }

  private:
    std::mutex lock_;
    list list_;
};

/** A stack of indices outside of the blocks, which are @p apart bytes further apart. */
template <std::size_t apart>
class array : public needs_nothing {
  public:
    using token = std::uint32_t;

    explicit array(shape of)
        : stride_{of.size + apart},
          blocks_{stride_ * of.blocks},
          free_(of.blocks) {
        for (std::uint32_t i = 0; i < of.blocks; ++i)
            free_[i] = of.blocks - 1 - i;
        count_ = of.blocks;
    }
    token take() { return free_[--count_]; }
    void give(token block) { free_[count_++] = block; }
    std::byte* at(token block) { return blocks_.begin() + block * stride_; }

  private:
    std::size_t stride_;
    memory blocks_;
    std::vector<std::uint32_t> free_;
    std::size_t count_ = 0;
};

/** Nothing: the loop, and the ring. */
class none : public needs_nothing {
  public:
    using token = void*;

    explicit none(shape /*of*/) {}
    token take() { return &place_; }
    static void give(token block) { keep(block); }
    static std::byte* at(token block) { return static_cast<std::byte*>(block); }

  private:
    alignas(64) std::uint64_t place_ = 0;
};

void ring_alone(benchmark::State& state) {
    constexpr int count = 20000;
    ring<std::uint64_t> way;
    team both{[] { return 0; },
              [&] {
                  std::uint64_t sum = 0;
                  for (int i = 0; i < count; ++i)
                      sum += way.take();
                  keep(sum);
              }};
    measure(state, count, [&] {
        both.begin();
        const auto begin = now_ns();
        for (int i = 0; i < count; ++i)
            way.put(static_cast<std::uint64_t>(i));
        both.end();
        return now_ns() - begin;
    });
}

void dereference(benchmark::State& state) {
    constexpr std::uint32_t count = 1000;
    const memory blocks{small_size * count};
    std::vector<const std::byte*> pointers(count);
    for (std::uint32_t i = 0; i < count; ++i)
        pointers[i] = blocks.begin() + i * small_size;
    run_dereference(state, pointers, [](const std::byte* pointer) { return pointer; });
}

} // namespace
} // namespace bench

int main(int argc, char** argv) {
    using namespace bench;
    constexpr std::size_t line = 64;
    add_suite<list>("list", false);
    add_suite<array<0>>("array", false);
    for (const std::size_t size : sizes)
        add_random<array<line>>("array-longer", size);
    add_suite_of_small<locked_list>("list-mutex", true);
    add_small<none>("loop", false);
    add_latency<none>("timer");
    add_fresh<none>("timer", page_size);
    add("dereference/pointer", dereference);
    add("handover/ring", ring_alone);
    return main_of(argc, argv);
}
