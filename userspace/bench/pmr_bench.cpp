/* SPDX-License-Identifier: MIT */
/*
 * The pool resources of the standard library, called as containers call them.
 */
#include <memory>
#include <memory_resource>
#include <string>

#include "suite.hpp"

namespace bench {
namespace {

template <typename resource>
class standard : public needs_nothing {
  public:
    using token = void*;

    explicit standard(shape of)
        : size_{of.size},
          made_{{.max_blocks_per_chunk = 0, .largest_required_pool_block = of.size}} {}
    token take() { return made_.allocate(size_); }
    void give(token block) { made_.deallocate(block, size_); }
    static std::byte* at(token block) { return static_cast<std::byte*>(block); }

  private:
    std::size_t size_;
    resource made_;
};

template <typename resource>
class resource_of_many {
  public:
    resource_of_many() : made_{std::make_unique<resource>()} {
        for (std::uint32_t i = 0; i < many_blocks(); ++i)
            touch(static_cast<std::byte*>(made_->allocate(small_size)));
    }
    void release() { made_->release(); }

  private:
    std::unique_ptr<resource> made_;
};

template <typename resource>
void add_release_of(const std::string& name) {
    add_release(name, [] { return resource_of_many<resource>{}; });
}

} // namespace
} // namespace bench

int main(int argc, char** argv) {
    using namespace bench;
    add_suite<standard<std::pmr::synchronized_pool_resource>>("pmr-sync");
    add_suite<standard<std::pmr::unsynchronized_pool_resource>>("pmr-unsync", false);
    add_release_of<std::pmr::synchronized_pool_resource>("pmr-sync");
    add_release_of<std::pmr::unsynchronized_pool_resource>("pmr-unsync");
    add_release_of<std::pmr::monotonic_buffer_resource>("pmr-monotonic");
    return main_of(argc, argv);
}
