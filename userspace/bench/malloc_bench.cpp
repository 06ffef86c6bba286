/* SPDX-License-Identifier: MIT */
/*
 * malloc() and free() of whichever library is preloaded; FIXEDPOOL_BENCH_MALLOC is
 * what that is called.
 */
#include <cstdlib>
#include <string>

#include <dlfcn.h>

#include "suite.hpp"

namespace bench {
namespace {

class heap : public needs_nothing {
  public:
    using token = void*;

    explicit heap(shape of) : size_{of.size} {}
    // NOLINTBEGIN(*-no-malloc,*-owning-memory): it is what is measured
    [[nodiscard]] token take() const { return std::malloc(size_); }
    static void give(token block) { std::free(block); }
    // NOLINTEND(*-no-malloc,*-owning-memory)
    static std::byte* at(token block) { return static_cast<std::byte*>(block); }

  private:
    std::size_t size_;
};

/** What mimalloc has beside malloc(), if it is the one that is preloaded. */
class heap_of_many {
  public:
    static bool possible() { return call<void*()>("mi_heap_new") != nullptr; }

    heap_of_many() : heap_{call<void*()>("mi_heap_new")()} {
        auto* const allocate = call<void*(void*, std::size_t)>("mi_heap_malloc");
        for (std::uint32_t i = 0; i < many_blocks(); ++i)
            touch(static_cast<std::byte*>(allocate(heap_, small_size)));
    }
    void release() { call<void(void*)>("mi_heap_destroy")(heap_); }

  private:
    template <typename function>
    static function* call(const char* name) {
        return reinterpret_cast<function*>(::dlsym(RTLD_DEFAULT, name));
    }

    void* heap_;
};

} // namespace
} // namespace bench

int main(int argc, char** argv) {
    const char* const wanted = std::getenv("FIXEDPOOL_BENCH_MALLOC"); // NOLINT(*-mt-unsafe)
    const std::string name = wanted != nullptr ? wanted : "glibc";
    bench::add_suite<bench::heap>(name);
    if (bench::heap_of_many::possible())
        bench::add_release(name, [] { return bench::heap_of_many{}; });
    return bench::main_of(argc, argv);
}
