/* SPDX-License-Identifier: MIT */
/** @file
 * Three clients that make calls of any content, and a model that says what comes of them.
 */
#ifndef FIXEDPOOL_FUZZ_WORLD_HPP
#define FIXEDPOOL_FUZZ_WORLD_HPP

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <memory>
#include <string_view>
#include <vector>

#include <sys/eventfd.h>
#include <unistd.h>

#include <linux/fixedpool.h>

#include "transport.hpp"

#include "input.hpp"
#include "transport_model.hpp"

namespace fixedpool::fuzz {

inline constexpr std::size_t longest_row = FIXEDPOOL_MAX_BATCH;
inline constexpr std::uint32_t most_bytes = 1U << 16;
inline constexpr std::uint32_t largest_block = most_bytes;
inline constexpr std::uint32_t page_bytes = 4096;

class world {
  public:
    explicit world(input in) : in_{in} {
        for (std::size_t i = 0; i < client_count; ++i)
            open(i);
    }
    world(const world&) = delete;
    world& operator=(const world&) = delete;
    ~world() { ::close(event_); }

    void run() {
        while (!in_.empty()) {
            // Most by one, or nobody would get far.
            step(in_.once_in(3) ? in_.below(client_count) : 0);
            compare();
        }
        compare_blocks();
        end();
    }

  private:
    struct end_of_channel {
        std::shared_ptr<channel> of;
        std::size_t client;
        std::uint32_t flags;
        std::unique_ptr<detail::channel_end> end;
        std::uint32_t life; // of the client that opened it
    };

    // ---- what goes into structures: mostly what makes sense, now and then anything

    std::uint32_t zero() { return in_.once_in(32) ? in_.take<std::uint32_t>() : 0; }
    std::uint32_t flags(std::uint32_t valid) {
        return in_.once_in(32) ? in_.take<std::uint32_t>() : in_.byte() & valid;
    }
    std::uint32_t small(std::uint32_t bound) {
        return in_.once_in(32) ? in_.take<std::uint32_t>() : in_.below(bound);
    }
    template <std::size_t size>
    void name(char (&field)[size]) {
        std::memset(field, 0, size);
        field[0] = static_cast<char>('a' + in_.below(6));
        if (in_.once_in(32))
            for (auto& each : field)
                each = static_cast<char>(in_.byte());
    }
    template <typename map>
    std::uint32_t any_of(const map& known) {
        if (known.empty() || in_.once_in(32))
            return in_.take<std::uint32_t>();
        return std::next(known.begin(), in_.below(known.size()))->first;
    }
    std::uint32_t any_scope(std::size_t client) {
        return in_.once_in(2) ? 0 : any_of(model_.parents.at(client));
    }
    std::uint32_t any_client() {
        return in_.once_in(32) ? in_.take<std::uint32_t>() : numbers_.at(in_.below(client_count));
    }
    std::uint64_t any_handle() {
        if (seen_.empty() || in_.once_in(32))
            return in_.take<std::uint64_t>();
        const auto handle = seen_.at(in_.below(seen_.size()));
        return in_.once_in(16) ? handle ^ (1ULL << in_.below(64)) : handle;
    }
    /** Handles for a call; how many it is told is another matter. */
    std::uint32_t fill_row() {
        const auto count = in_.once_in(32) ? in_.take<std::uint32_t>() : in_.below(12);
        const auto filled = std::min<std::size_t>(count, longest_row);
        const bool neighbours = in_.once_in(2);
        const auto first = seen_.empty() ? 0 : in_.below(seen_.size());
        for (std::size_t i = 0; i < filled; ++i)
            row_.at(i) = neighbours && first + i < seen_.size() ? seen_.at(first + i)
                         : !in_.empty()                         ? any_handle()
                                                                : 0;
        return count;
    }
    static std::uint64_t address(const void* of) { return reinterpret_cast<std::uintptr_t>(of); }

    static bool terminated(const char* name) {
        return ::strnlen(name, FIXEDPOOL_NAME_SIZE) < FIXEDPOOL_NAME_SIZE;
    }
    static bool name_valid(const char* name) {
        constexpr std::string_view allowed =
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
        if (!terminated(name))
            return false;
        const std::string_view text{name};
        return !text.empty() && text.front() != '.' &&
               text.find_first_not_of(allowed) == std::string_view::npos;
    }
    static bool batch_valid(std::uint32_t count) {
        return count >= 1 && count <= FIXEDPOOL_MAX_BATCH;
    }

    /** Makes a call and sees whether it is refused just where it must be. */
    template <typename request_type>
    bool call(std::size_t client, request_type& request, bool allowed, const char* rule) {
        const auto ec = clients_.at(client)->call(request);
        demand(!ec == allowed, rule);
        return allowed;
    }

    /** Blocks that a call can have of a pool, or of the pools of a set that fit. */
    struct supply {
        std::vector<std::uint32_t> pools; // in the order in which they are asked
        std::uint32_t free = 0;
        bool reachable = true; // the client is attached to those that would give some
    };

    static std::byte touch(const volatile std::byte& place) { return place; }

    // ---- world.cpp

    void open(std::size_t client);
    void step(std::size_t client);
    void come_back(std::size_t client);
    fixedpool_pool_info shown(std::size_t client, std::uint32_t id);
    /** After every call, refused or not. */
    void compare();
    /** Each block as each client sees it, and as it is mapped. */
    void compare_blocks();
    void compare_mapped(std::size_t client, const fixedpool_pool_info& info, const pool& with);
    /** When all have gone, nothing is left but pools with names, and nothing in them. */
    void end();

    // ---- pool_calls.cpp

    void create(std::size_t client);
    /** All blocks begin with the same version, which is any. */
    static void begin(pool& made, std::uint32_t version);
    void attach(std::size_t client);
    void detach(std::size_t client);
    void destroy(std::size_t client);
    void info(std::size_t client);
    void create_set(std::size_t client);
    void open_set(std::size_t client, fixedpool_set_create& request, bool allowed);
    void destroy_set(std::size_t client);
    void watch(std::size_t client);
    void map(std::size_t client);

    // ---- block_calls.cpp

    supply supply_of(std::size_t client, const fixedpool_alloc& request);
    void alloc(std::size_t client);
    void taken(std::size_t client, pool& from, const fixedpool_alloc& request,
               std::uint64_t handle);
    void remember(std::uint64_t handle);
    void free(std::size_t client);
    void check(std::size_t client);
    void check(std::size_t client, fixedpool_check& request);
    template <typename request_type>
    request_type transfer();
    template <typename request_type>
    bool transfer_allowed(std::size_t client, const request_type& request);
    void read(std::size_t client);
    void write(std::size_t client);
    template <typename request_type>
    void pass_on(std::size_t client, bool keep);
    void fill(std::size_t client);
    std::atomic_ref<std::uint32_t>
    version_word(std::size_t client, const fixedpool_pool_info& shown, std::size_t index);
    /** What the library does in its caches: allocates and frees by advancing the version. */
    void use_cached(std::size_t client);
    void drain(std::size_t client);

    // ---- group_calls.cpp

    void create_scope(std::size_t client);
    void end_scope(std::size_t client);
    std::uint32_t channel_flags();
    static bool channel_flags_valid(std::uint32_t flags);
    void keep_end(std::size_t client, const std::shared_ptr<channel>& of, std::uint32_t flags,
                  std::unique_ptr<detail::channel_end> end);
    std::shared_ptr<channel> find_channel(std::uint32_t pool, const char* name);
    void create_channel(std::size_t client);
    void open_channel(std::size_t client);
    void use_channel();
    bool usable(const end_of_channel& end);
    void send(end_of_channel& end);
    void receive(end_of_channel& end);
    void close_end(std::size_t number);

    input in_;
    model model_;
    std::array<std::unique_ptr<detail::transport>, client_count> clients_;
    std::array<std::uint32_t, client_count> numbers_{};
    std::array<std::uint32_t, client_count> lives_{};
    std::vector<end_of_channel> ends_;
    std::vector<std::uint64_t> seen_; // handles, alive or not
    std::array<std::uint64_t, longest_row> row_{};
    std::array<std::uint32_t, longest_row> indices_{};
    std::vector<std::uint8_t> bytes_ = std::vector<std::uint8_t>(largest_block);
    int event_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
};

} // namespace fixedpool::fuzz

#endif
