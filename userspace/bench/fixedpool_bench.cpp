/* SPDX-License-Identifier: MIT */
/*
 * The library: blocks by handle, by address, and with an owner. In process, or on the
 * device if FIXEDPOOL_BENCH_DEVICE is set.
 */
#include <algorithm>
#include <cstdlib>
#include <span>
#include <string>
#include <vector>

#include <fixedpool/fixedpool.hpp>

#include "suite.hpp"

namespace bench {
namespace {

bool on_device() {
    return std::getenv("FIXEDPOOL_BENCH_DEVICE") != nullptr; // NOLINT(*-mt-unsafe)
}

fixedpool::client new_client() {
    return on_device() ? fixedpool::client::open() : fixedpool::client::open_in_process();
}

fixedpool::pool new_pool_of(const fixedpool::client& client, shape of, fixedpool::caching cache) {
    static int number = 0;
    return client.create({.name = "bench-" + std::to_string(++number),
                          .block_size = static_cast<std::uint32_t>(of.size),
                          .blocks = of.blocks,
                          .alignment = 64,
                          .auto_destroy = true,
                          .cache = cache});
}

fixedpool::pool new_pool(shape of, fixedpool::caching cache) {
    static const auto client = new_client();
    return new_pool_of(client, of, cache);
}

/** Every free and every access goes by a handle that is checked. */
template <fixedpool::caching cache>
class by_handle_with : public needs_nothing {
  public:
    using token = fixedpool::handle;

    explicit by_handle_with(shape of) : pool_{new_pool(of, cache)} {}
    token take() { return pool_.allocate_handle(); }
    void give(token name) { pool_.free(name); }
    std::byte* at(const token& name) { return pool_.get(name); }
    void take_bulk(std::span<token> names) { pool_.allocate(names); }
    void give_bulk(std::span<token> names) { pool_.free(std::span<const token>{names}); }

  private:
    fixedpool::pool pool_;
};
using by_handle = by_handle_with<fixedpool::caching::automatic>;
using by_handle_exact = by_handle_with<fixedpool::caching::exact>;

class by_address : public needs_nothing {
  public:
    using token = std::byte*;

    explicit by_address(shape of) : pool_{new_pool(of, fixedpool::caching::automatic)} {}
    token take() { return pool_.allocate_bytes(); }
    void give(token block) { pool_.deallocate_bytes(block); }
    static std::byte* at(token block) { return block; }

  private:
    fixedpool::pool pool_;
};

class by_owner : public needs_nothing {
  public:
    using token = fixedpool::block;

    explicit by_owner(shape of) : pool_{new_pool(of, fixedpool::caching::automatic)} {}
    token take() { return pool_.allocate(); }
    static void give(token&& owner) { const token ended{std::move(owner)}; }
    static std::byte* at(const token& owner) { return owner.data(); }

  private:
    fixedpool::pool pool_;
};

/** A million blocks in a scope, and their handles, all dead when it has been released. */
class scope_of_many {
  public:
    scope_of_many() : names_(many_blocks()) {
        static const auto client = new_client();
        static const auto pool =
            new_pool_of(client, {small_size, many_blocks()}, fixedpool::caching::automatic);
        pool_ = &pool;
        scope_ = fixedpool::scope::create(client);
        scope_.allocate(pool, names_);
    }
    void release() { scope_.release(); }
    [[nodiscard]] bool check() const {
        return std::ranges::none_of(
            names_, [this](fixedpool::handle name) { return pool_->get(name) != nullptr; });
    }

  private:
    const fixedpool::pool* pool_ = nullptr;
    std::vector<fixedpool::handle> names_;
    fixedpool::scope scope_;
};

/** The address of a block whose handle is checked. */
void dereference(benchmark::State& state) {
    constexpr std::uint32_t count = 1000;
    const auto pool = new_pool({small_size, pool_blocks()}, fixedpool::caching::automatic);
    std::vector<fixedpool::handle> names(count);
    pool.allocate(names);
    run_dereference(state, names, [&](fixedpool::handle name) { return pool.get(name); });
    pool.free(names);
}

} // namespace
} // namespace bench

int main(int argc, char** argv) {
    bench::add_suite<bench::by_handle>("fixedpool");
    bench::add_suite<bench::by_handle_exact>("fixedpool-exact");
    bench::add_suite<bench::by_address>("fixedpool-bytes");
    bench::add_suite<bench::by_owner>("fixedpool-block");
    bench::add_release("fixedpool", [] { return bench::scope_of_many{}; });
    bench::add("dereference/fixedpool", bench::dereference);
    return bench::main_of(argc, argv);
}
