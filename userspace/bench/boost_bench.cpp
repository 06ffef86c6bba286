/* SPDX-License-Identifier: MIT */
/*
 * Boost.Pool: the one with a lock, and, as a reference, the one of a single thread.
 */
#include <memory>

#include <boost/pool/pool.hpp>
#include <boost/pool/singleton_pool.hpp>

#include "suite.hpp"

namespace bench {
namespace {

struct tag {};

template <std::size_t size>
class singleton : public needs_nothing {
  public:
    using token = void*;

    explicit singleton(shape /*of*/) {}
    singleton(const singleton&) = delete;
    singleton& operator=(const singleton&) = delete;
    ~singleton() { blocks::purge_memory(); }
    static token take() { return blocks::malloc(); }
    static void give(token block) { blocks::free(block); }
    static std::byte* at(token block) { return static_cast<std::byte*>(block); }

  private:
    using blocks = boost::singleton_pool<tag, size>;
};

class single : public needs_nothing {
  public:
    using token = void*;

    explicit single(shape of) : blocks_{of.size} {}
    token take() { return blocks_.malloc(); }
    void give(token block) { blocks_.free(block); }
    static std::byte* at(token block) { return static_cast<std::byte*>(block); }

  private:
    boost::pool<> blocks_;
};

class pool_of_many {
  public:
    pool_of_many() : blocks_{std::make_unique<boost::pool<>>(small_size)} {
        for (std::uint32_t i = 0; i < many_blocks(); ++i)
            touch(static_cast<std::byte*>(blocks_->malloc()));
    }
    void release() { blocks_->purge_memory(); }

  private:
    std::unique_ptr<boost::pool<>> blocks_;
};

} // namespace
} // namespace bench

int main(int argc, char** argv) {
    using namespace bench;
    add_suite_of_small<singleton<64>>("boost-singleton", true);
    add_random<singleton<64>>("boost-singleton", 64);
    add_random<singleton<256>>("boost-singleton", 256);
    add_random<singleton<4096>>("boost-singleton", 4096);
    add_fresh<singleton<4096>>("boost-singleton", 4096);
    add_release("boost-pool", [] { return pool_of_many{}; });
    add_suite<single>("boost-pool", false);
    return main_of(argc, argv);
}
