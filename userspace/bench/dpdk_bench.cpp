/* SPDX-License-Identifier: MIT */
/*
 * DPDK's rte_mempool, with the biggest cache per thread that it allows.
 */
#include <array>
#include <cstdio>
#include <cstdlib>
#include <string>

// Before all others; without what only spares them a header of another library.
#include <rte_config.h>
#undef RTE_USE_LIBBSD

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_mempool.h>

#include "suite.hpp"

namespace bench {
namespace {

class dpdk {
  public:
    using token = void*;

    explicit dpdk(shape of) {
        static int number = 0;
        const auto name = "bench-" + std::to_string(++number);
        pool_ = rte_mempool_create(name.c_str(), of.blocks, static_cast<unsigned>(of.size),
                                   RTE_MEMPOOL_CACHE_MAX_SIZE, 0, nullptr, nullptr, nullptr,
                                   nullptr, SOCKET_ID_ANY, 0);
        if (pool_ == nullptr) {
            (void)std::fprintf(stderr, "rte_mempool_create: %s\n", rte_strerror(rte_errno));
            std::exit(EXIT_FAILURE); // NOLINT(*-mt-unsafe)
        }
    }
    dpdk(const dpdk&) = delete;
    dpdk& operator=(const dpdk&) = delete;
    ~dpdk() { rte_mempool_free(pool_); }

    /** A thread of our own becomes one of theirs. */
    class registered {
      public:
        registered() : by_us_{rte_lcore_id() == LCORE_ID_ANY} {
            if (by_us_ && rte_thread_register() != 0)
                std::exit(EXIT_FAILURE); // NOLINT(*-mt-unsafe)
        }
        registered(const registered&) = delete;
        registered& operator=(const registered&) = delete;
        ~registered() {
            if (by_us_)
                rte_thread_unregister();
        }

      private:
        bool by_us_;
    };
    static registered enter() { return {}; }

    token take() {
        void* block = nullptr;
        if (rte_mempool_get(pool_, &block) != 0)
            std::abort();
        return block;
    }
    void give(token block) { rte_mempool_put(pool_, block); }
    static std::byte* at(token block) { return static_cast<std::byte*>(block); }
    void take_bulk(std::span<token> blocks) {
        if (rte_mempool_get_bulk(pool_, blocks.data(), static_cast<unsigned>(blocks.size())) != 0)
            std::abort();
    }
    void give_bulk(std::span<token> blocks) {
        rte_mempool_put_bulk(pool_, blocks.data(), static_cast<unsigned>(blocks.size()));
    }

  private:
    rte_mempool* pool_ = nullptr;
};

} // namespace
} // namespace bench

int main(int argc, char** argv) {
    std::array<std::string, 9> words = {"bench",    "--no-huge",      "--no-shconf",
                                        "--no-pci", "--log-level=1",  "-m",
                                        "1024",     "--no-telemetry", "--lcores=0"};
    std::array<char*, words.size()> pointers = {};
    for (std::size_t i = 0; i < words.size(); ++i)
        pointers.at(i) = words.at(i).data();
    bench::pin(0); // and remember which CPUs there are: it leaves us one
    if (rte_eal_init(static_cast<int>(pointers.size()), pointers.data()) < 0) {
        (void)std::fprintf(stderr, "rte_eal_init: %s\n", rte_strerror(rte_errno));
        return EXIT_FAILURE;
    }
    bench::add_suite<bench::dpdk>("dpdk");
    return bench::main_of(argc, argv);
}
