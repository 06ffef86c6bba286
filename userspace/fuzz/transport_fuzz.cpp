/* SPDX-License-Identifier: MIT */
/*
 * Bytes as calls of three clients against the transport in process, with structures of
 * any content: what the interface forbids is to be refused and to change nothing, and
 * all else to do what a model of the interface says.
 *
 * Left out is what would not end or fit: waiting for longer than until now, receiving
 * on ends that wait, pools of more than a megabyte; and addresses, which the transport
 * follows.
 */
#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <sys/eventfd.h>
#include <unistd.h>

#include <linux/fixedpool.h>

#include "transport.hpp"

#include "input.hpp"
#include "transport_model.hpp"

namespace fixedpool::fuzz {
namespace {

constexpr std::size_t longest_row = FIXEDPOOL_MAX_BATCH;
constexpr std::uint32_t most_bytes = 1U << 16;
constexpr std::uint32_t largest_block = most_bytes;
constexpr std::uint32_t page_bytes = 4096;

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

    // ---- calls

    void open(std::size_t client) {
        std::error_code ec;
        clients_.at(client) = detail::open_local(ec);
        demand(!ec && clients_.at(client), "a client opens");
        fixedpool_query request; // NOLINT(*-member-init): it is right here
        std::memset(&request, 0xa5, sizeof(request));
        demand(!clients_.at(client)->call(request), "QUERY never fails");
        demand(request.client != 0 && request.reserved == 0, "QUERY writes all of its members");
        demand(std::ranges::count(numbers_, request.client) == 0, "numbers of clients differ");
        numbers_.at(client) = request.client;
        ++lives_.at(client);
    }

    /** Makes a call and sees whether it is refused just where it must be. */
    template <typename request_type>
    bool call(std::size_t client, request_type& request, bool allowed, const char* rule) {
        const auto ec = clients_.at(client)->call(request);
        demand(!ec == allowed, rule);
        return allowed;
    }

    void step(std::size_t client) {
        switch (in_.below(25)) {
        case 0:
            return create(client);
        case 1:
            return attach(client);
        case 2:
            return detach(client);
        case 3:
            return destroy(client);
        case 4:
        case 5:
        case 6:
            return alloc(client);
        case 7:
        case 8:
        case 9:
            return free(client);
        case 10:
            return check(client);
        case 11:
            return read(client);
        case 12:
            return write(client);
        case 13:
            return pass_on<fixedpool_give>(client, false);
        case 14:
            return pass_on<fixedpool_share>(client, true);
        case 15:
            return create_scope(client);
        case 16:
            return end_scope(client);
        case 17:
            return in_.once_in(2) ? fill(client) : use_cached(client);
        case 18:
            return drain(client);
        case 19:
            return create_set(client);
        case 20:
            return destroy_set(client);
        case 21:
            return in_.once_in(2) ? create_channel(client) : open_channel(client);
        case 22:
            return use_channel();
        case 23:
            return in_.once_in(2) ? watch(client) : map(client);
        default:
            return in_.once_in(4) ? come_back(client) : info(client);
        }
    }

    void create(std::size_t client) {
        if (model_.pools.size() > 12)
            return;
        fixedpool_pool_create request{};
        name(request.name);
        request.block_size = in_.once_in(4) ? small(200) + 1 : 8 * in_.below(6) + 8;
        request.align = in_.once_in(8) ? in_.take<std::uint32_t>() : 1U << in_.below(13);
        request.blocks = small(150);
        request.reserve = in_.once_in(4) ? small(150) : 0;
        request.storage = in_.once_in(8) ? zero() : in_.below(2);
        request.flags =
            in_.once_in(16)
                ? in_.take<std::uint32_t>()
                : in_.byte() &
                      (FIXEDPOOL_POOL_AUTO_DESTROY | FIXEDPOOL_POOL_ZERO_ON_ALLOC |
                       FIXEDPOOL_POOL_ZERO_ON_FREE | FIXEDPOOL_POOL_POISON | FIXEDPOOL_POOL_PACKED);
        request.mode = in_.once_in(16) ? in_.take<std::uint32_t>() : 0600;
        request.numa_node = static_cast<std::int32_t>(zero());
        request.max_blocks = in_.once_in(2) ? small(200) : 0;
        // Whether there is such a node is not known here.
        request.flags &= ~FIXEDPOOL_POOL_NUMA_NODE;

        constexpr auto both = FIXEDPOOL_POOL_ZERO_ON_FREE | FIXEDPOOL_POOL_POISON;
        constexpr auto valid = both | FIXEDPOOL_POOL_AUTO_DESTROY | FIXEDPOOL_POOL_ZERO_ON_ALLOC |
                               FIXEDPOOL_POOL_PACKED;
        const bool slab = request.storage == FIXEDPOOL_STORAGE_SLAB;
        const auto largest = slab ? FIXEDPOOL_MAX_SLAB_BLOCK_SIZE : FIXEDPOOL_MAX_BLOCK_SIZE;
        bool allowed = name_valid(std::begin(request.name)) &&
                       model_.linked_pool(std::begin(request.name)) == 0;
        allowed = allowed && request.storage <= FIXEDPOOL_STORAGE_SLAB;
        allowed = allowed && request.block_size >= 1 && request.block_size <= largest;
        allowed = allowed && request.blocks >= 1 && request.reserve <= request.blocks;
        allowed = allowed && (request.max_blocks == 0 || request.max_blocks >= request.blocks);
        allowed = allowed && (request.align == 0 ||
                              (std::has_single_bit(request.align) && request.align <= page_bytes));
        allowed = allowed && (request.flags & ~valid) == 0 && (request.flags & both) != both;
        allowed = allowed && (request.mode & ~0666U) == 0 && request.numa_node == 0;
        if (slab && std::max(request.blocks, request.max_blocks) > 262144)
            allowed = false;
        if (allowed) {
            // What is valid is made, and would take too much.
            request.mode |= request.mode != 0 ? 0600U : 0U;
            if (std::uint64_t{std::max(request.blocks, request.max_blocks)} *
                    std::max(request.block_size, request.align) >
                most_bytes) {
                request.block_size = request.block_size % 200 + 1;
                request.align = std::min(request.align, 64U);
                request.blocks = request.blocks % 200 + 1;
                request.reserve = 0;
                request.max_blocks = request.max_blocks != 0 ? request.blocks + 50 : 0;
            }
        }
        if (!call(client, request, allowed, "POOL_CREATE refuses what it must, and that only"))
            return;
        auto& made = model_.pools[request.id];
        demand(request.id != 0 && made.blocks.empty(), "numbers of pools differ");
        made.made = request;
        made.attached.insert(client);
        made.blocks.resize(std::max(request.blocks, request.max_blocks));
        fixedpool_pool_info shown{};
        shown.id = request.id;
        demand(!clients_.at(client)->call(shown), "who makes a pool is attached");
        made.first_slot = shown.first_slot;
        if (made.mappable())
            begin(made, version_word(client, shown, 0).load());
    }

    /** All blocks begin with the same version, which is any. */
    static void begin(pool& made, std::uint32_t version) {
        demand(version % 2 == 0, "versions of free blocks are even");
        made.begun = true;
        for (auto& each : made.blocks)
            each.version = version;
    }

    void attach(std::size_t client) {
        fixedpool_pool_attach request{};
        name(request.name);
        request.flags = zero();
        const bool valid = terminated(std::begin(request.name)) && request.flags == 0;
        const auto id = valid ? model_.linked_pool(std::begin(request.name)) : 0;
        const bool allowed = id != 0 && model_.attached(client, id) == nullptr;
        if (!call(client, request, allowed, "POOL_ATTACH is for pools of that name"))
            return;
        demand(request.id == id, "POOL_ATTACH tells the number of the pool");
        model_.pools.at(id).attached.insert(client);
    }

    void detach(std::size_t client) {
        fixedpool_pool_detach request{.id = any_of(model_.pools), .flags = zero()};
        auto* const left = model_.attached(client, request.id);
        if (call(client, request, left != nullptr && request.flags == 0,
                 "POOL_DETACH is for those who are attached"))
            model_.leave(client, *left);
    }

    void destroy(std::size_t client) {
        fixedpool_pool_destroy request{};
        name(request.name);
        request.flags = zero();
        request.reserved = zero();
        const bool valid =
            terminated(std::begin(request.name)) && request.flags == 0 && request.reserved == 0;
        const auto id = valid ? model_.linked_pool(std::begin(request.name)) : 0;
        if (call(client, request, id != 0, "POOL_DESTROY is for pools of that name"))
            model_.pools.at(id).linked = false;
    }

    void info(std::size_t client) {
        fixedpool_pool_info request{};
        request.id = any_of(model_.pools);
        request.query_flags = zero();
        call(client, request,
             model_.attached(client, request.id) != nullptr && request.query_flags == 0,
             "POOL_INFO is for those who are attached");
    }

    /** Blocks that a call can have of a pool, or of the pools of a set that fit. */
    struct supply {
        std::vector<std::uint32_t> pools; // in the order in which they are asked
        std::uint32_t free = 0;
        bool reachable = true; // the client is attached to those that would give some
    };

    supply supply_of(std::size_t client, const fixedpool_alloc& request) {
        supply found;
        if ((request.flags & FIXEDPOOL_ALLOC_BY_SIZE) == 0) {
            if (auto* const of = model_.attached(client, request.pool); of != nullptr)
                found = {{request.pool}, of->free(), true};
            return found;
        }
        const auto set = model_.sets.find(request.pool);
        if (set == model_.sets.end() || !set->second.opened.contains(client))
            return found;
        for (const auto each : set->second.pools) {
            const auto& of = model_.pools.at(each);
            if (of.made.block_size < request.size)
                continue;
            if (found.free < request.count && of.free() != 0 && !of.attached.contains(client))
                found.reachable = false;
            found.pools.push_back(each);
            found.free += of.free();
        }
        return found;
    }

    void alloc(std::size_t client) {
        fixedpool_alloc request{};
        request.flags =
            flags(FIXEDPOOL_ALLOC_PARTIAL | FIXEDPOOL_ALLOC_ZERO | FIXEDPOOL_ALLOC_WAIT);
        if (in_.once_in(4))
            request.flags ^= FIXEDPOOL_ALLOC_BY_SIZE;
        const bool by_size = (request.flags & FIXEDPOOL_ALLOC_BY_SIZE) != 0;
        const bool waits = (request.flags & FIXEDPOOL_ALLOC_WAIT) != 0;
        const bool partial = (request.flags & FIXEDPOOL_ALLOC_PARTIAL) != 0;
        request.pool = by_size ? any_of(model_.sets) : any_of(model_.pools);
        request.count = in_.once_in(8) ? small(200) : in_.below(20);
        request.scope = any_scope(client);
        // Mostly around the sizes of blocks.
        const auto any_size = in_.once_in(4);
        const auto eighths = in_.below(7);
        const auto around = 8 * eighths + in_.below(3);
        request.size = !by_size && !in_.once_in(32) ? 0 : any_size ? small(250) : around;
        request.timeout = waits ? in_.below(2) : zero();
        request.handles = address(row_.data());
        request.done = in_.byte();

        constexpr auto valid = FIXEDPOOL_ALLOC_PARTIAL | FIXEDPOOL_ALLOC_ZERO |
                               FIXEDPOOL_ALLOC_WAIT | FIXEDPOOL_ALLOC_BY_SIZE;
        bool allowed = batch_valid(request.count) && (request.flags & ~valid) == 0;
        allowed = allowed && (waits || request.timeout == 0) && by_size == (request.size != 0);
        allowed = allowed && model_.open(client, request.scope);
        const auto found = allowed ? supply_of(client, request) : supply{};
        allowed = allowed && found.reachable && found.free >= (partial ? 1 : request.count);
        const bool made = call(client, request, allowed, "ALLOC gives what there is");
        demand(request.done == (made ? std::min(found.free, request.count) : 0),
               "ALLOC tells how many it gave");
        auto from = found.pools.begin();
        for (std::uint32_t i = 0; i < request.done; ++i) {
            while (model_.pools.at(*from).free() == 0)
                ++from;
            taken(client, model_.pools.at(*from), request, row_.at(i));
        }
    }

    void taken(std::size_t client, pool& from, const fixedpool_alloc& request,
               std::uint64_t handle) {
        const auto index = FIXEDPOOL_HANDLE_SLOT(handle) - from.first_slot;
        const auto version = FIXEDPOOL_HANDLE_VERSION(handle);
        demand(index < from.blocks.size(), "the block is of the smallest pool that has some");
        auto& given = from.blocks.at(index);
        demand(given.free(), "a block that is given was free");
        if (!from.begun)
            begin(from, version - 1);
        demand(version == given.version + 1, "versions advance by one");
        given.version = version;
        given.holders[client] = request.scope;
        given.known.clear();
        const bool poison = (from.made.flags & FIXEDPOOL_POOL_POISON) != 0;
        const bool zero =
            (request.flags & FIXEDPOOL_ALLOC_ZERO) != 0 ||
            (from.made.flags & (FIXEDPOOL_POOL_ZERO_ON_ALLOC | FIXEDPOOL_POOL_ZERO_ON_FREE)) != 0;
        if (zero || poison)
            for (const auto offset : {0U, from.made.block_size / 2, from.made.block_size - 1})
                given.known[offset] = zero ? 0 : FIXEDPOOL_POISON;
        remember(handle);
    }

    void remember(std::uint64_t handle) {
        seen_.push_back(handle);
        if (seen_.size() > 200)
            seen_.erase(seen_.begin(), seen_.begin() + 50);
    }

    void free(std::size_t client) {
        fixedpool_free request{};
        request.count = fill_row();
        request.handles = address(row_.data());
        request.flags = zero();
        request.reserved = zero();
        std::uint32_t good = 0;
        const bool valid =
            batch_valid(request.count) && request.flags == 0 && request.reserved == 0;
        for (; valid && good < request.count; ++good) {
            if (model_.judge(client, row_.at(good)) != refusal::none)
                break;
            model_.drop(client, row_.at(good));
        }
        call(client, request, valid && good == request.count,
             "FREE takes back what the client holds");
        demand(request.done == good, "FREE stops at the first that is refused");
    }

    void check(std::size_t client) {
        fixedpool_check request{};
        request.handle = any_handle();
        request.flags = zero();
        check(client, request);
    }

    void check(std::size_t client, fixedpool_check& request) {
        const auto judged = model_.judge(client, request.handle);
        const bool allowed = request.flags == 0 && judged != refusal::no_handle;
        const bool answered =
            call(client, request, allowed, "CHECK answers for any handle of an attached pool");
        std::uint32_t expected = 0;
        if (answered && judged != refusal::ended) {
            const auto& named = model_.find(client, request.handle).at();
            expected = FIXEDPOOL_CHECK_ALIVE;
            expected |= judged == refusal::none ? FIXEDPOOL_CHECK_MINE : 0;
            expected |= named.holds() > 1 ? FIXEDPOOL_CHECK_SHARED : 0;
        }
        demand(request.state == expected, "CHECK tells who holds the block");
    }

    template <typename request_type>
    request_type transfer() {
        request_type request{};
        request.handle = any_handle();
        request.buffer = address(bytes_.data());
        request.offset = in_.once_in(8) ? in_.take<std::uint32_t>() : in_.below(256);
        request.length = in_.once_in(8) ? in_.take<std::uint32_t>() : in_.below(64);
        request.flags = zero();
        request.reserved = zero();
        return request;
    }

    template <typename request_type>
    bool transfer_allowed(std::size_t client, const request_type& request) {
        if (request.flags != 0 || request.reserved != 0 ||
            model_.judge(client, request.handle) != refusal::none)
            return false;
        const std::uint64_t size = model_.find(client, request.handle).in->made.block_size;
        return std::uint64_t{request.offset} + request.length <= size;
    }

    void read(std::size_t client) {
        auto request = transfer<fixedpool_read>();
        if (!call(client, request, transfer_allowed(client, request),
                  "READ is for bytes of blocks that the client holds"))
            return;
        const auto& known = model_.find(client, request.handle).at().known;
        for (auto each = known.lower_bound(request.offset);
             each != known.end() && each->first - request.offset < request.length; ++each)
            demand(bytes_.at(each->first - request.offset) == each->second,
                   "bytes stay what they were");
    }

    void write(std::size_t client) {
        auto request = transfer<fixedpool_write>();
        const auto value = in_.byte();
        const bool allowed = transfer_allowed(client, request);
        if (allowed)
            for (std::uint32_t i = 0; i < request.length; ++i)
                bytes_.at(i) = static_cast<std::uint8_t>(value + i);
        if (!call(client, request, allowed, "WRITE is for bytes of blocks that the client holds"))
            return;
        auto& known = model_.find(client, request.handle).at().known;
        for (std::uint32_t i = 0; i < request.length; ++i)
            known[request.offset + i] = bytes_.at(i);
    }

    template <typename request_type>
    void pass_on(std::size_t client, bool keep) {
        request_type request{};
        request.count = fill_row();
        request.handles = address(row_.data());
        request.client = any_client();
        request.flags = zero();
        const auto other = static_cast<std::size_t>(
            std::distance(numbers_.begin(), std::ranges::find(numbers_, request.client)));
        const bool valid = batch_valid(request.count) && request.flags == 0 && other < client_count;
        std::uint32_t good = 0;
        for (; valid && good < request.count; ++good) {
            if (model_.judge(client, row_.at(good)) != refusal::none)
                break;
            const auto named = model_.find(client, row_.at(good));
            if (!named.in->attached.contains(other))
                break;
            if (other == client)
                continue;
            named.at().holders.emplace(other, 0);
            if (!keep)
                named.at().holders.erase(client);
        }
        call(client, request, valid && good == request.count,
             "GIVE and SHARE are for blocks of pools that the other is attached to");
        demand(request.done == good, "GIVE and SHARE stop at the first that is refused");
    }

    void create_scope(std::size_t client) {
        fixedpool_scope_create request{};
        request.parent = any_scope(client);
        request.flags = zero();
        request.reserved = zero();
        auto& mine = model_.parents.at(client);
        const bool allowed = request.flags == 0 && request.reserved == 0 &&
                             model_.open(client, request.parent) &&
                             model_.depth(client, request.parent) < FIXEDPOOL_MAX_SCOPE_DEPTH &&
                             mine.size() < FIXEDPOOL_MAX_SCOPES;
        if (!call(client, request, allowed, "SCOPE_CREATE wants a parent that is open"))
            return;
        demand(request.scope != 0 && mine.emplace(request.scope, request.parent).second,
               "numbers of open scopes differ");
    }

    void end_scope(std::size_t client) {
        fixedpool_scope_release request{};
        request.scope = any_scope(client);
        request.flags = flags(FIXEDPOOL_SCOPE_DISSOLVE);
        request.blocks = in_.byte();
        const bool dissolve = (request.flags & FIXEDPOOL_SCOPE_DISSOLVE) != 0;
        const bool allowed = (request.flags & ~FIXEDPOOL_SCOPE_DISSOLVE) == 0 &&
                             model_.open(client, request.scope) &&
                             !(dissolve && request.scope == 0);
        std::uint64_t expected = 0;
        if (call(client, request, allowed, "SCOPE_RELEASE is for scopes that are open"))
            expected = dissolve ? model_.dissolve(client, request.scope)
                                : model_.release(client, request.scope);
        demand(request.blocks == expected, "SCOPE_RELEASE counts blocks");
    }

    void fill(std::size_t client) {
        fixedpool_cache_fill request{};
        request.pool = any_of(model_.pools);
        request.flags = zero();
        request.count = small(40);
        request.blocks = address(indices_.data());
        auto* const from = model_.attached(client, request.pool);
        const bool valid =
            request.flags == 0 && batch_valid(request.count) && from != nullptr && from->mappable();
        const auto expected = valid ? std::min(from->free(), request.count) : 0;
        call(client, request, expected != 0, "CACHE_FILL gives what there is");
        demand(request.done == expected, "CACHE_FILL tells how many it gave");
        for (std::uint32_t i = 0; i < request.done; ++i) {
            demand(indices_.at(i) < from->blocks.size(), "CACHE_FILL gives blocks of the pool");
            auto& given = from->blocks.at(indices_.at(i));
            demand(given.free() && given.version % 2 == 0, "CACHE_FILL gives free blocks");
            given.holders[client] = 0;
            given.known.clear();
        }
    }

    std::atomic_ref<std::uint32_t>
    version_word(std::size_t client, const fixedpool_pool_info& shown, std::size_t index) {
        std::error_code ec;
        const auto mapped = clients_.at(client)->map(shown.versions_offset, shown.versions_length,
                                                     detail::access::read_write, ec);
        demand(!ec && mapped, "versions can be mapped");
        // The pool has them, and is there.
        return std::atomic_ref{*std::next(reinterpret_cast<std::uint32_t*>(mapped.get()),
                                          static_cast<std::ptrdiff_t>(index))};
    }

    /** What the library does in its caches: allocates and frees by advancing the version. */
    void use_cached(std::size_t client) {
        const auto id = any_of(model_.pools);
        auto* const in = model_.attached(client, id);
        if (in == nullptr || !in->mappable())
            return;
        const auto start = in_.below(in->blocks.size());
        for (std::size_t i = 0; i < in->blocks.size(); ++i) {
            const auto index = (start + i) % in->blocks.size();
            auto& each = in->blocks[index];
            const auto held = each.holders.find(client);
            if (held == each.holders.end() || held->second != 0 || each.holds() != 1)
                continue;
            fixedpool_pool_info shown{};
            shown.id = id;
            demand(!clients_.at(client)->call(shown), "POOL_INFO of an attached pool");
            auto word = version_word(client, shown, index);
            demand(word.load() == each.version, "versions are what they were");
            word.store(++each.version);
            if (each.version % 2 != 0)
                remember(FIXEDPOOL_HANDLE(each.version, in->first_slot + index));
            else
                each.known.clear();
            return;
        }
    }

    void drain(std::size_t client) {
        fixedpool_cache_drain request{};
        request.pool = any_of(model_.pools);
        request.flags = zero();
        request.count = in_.once_in(32) ? in_.take<std::uint32_t>() : in_.below(12);
        request.blocks = address(indices_.data());
        auto* const in = model_.attached(client, request.pool);
        const bool valid =
            request.flags == 0 && batch_valid(request.count) && in != nullptr && in->mappable();
        const auto first = small(200);
        for (std::uint32_t i = 0; i < std::min<std::size_t>(request.count, longest_row); ++i)
            indices_.at(i) = in_.once_in(4) ? small(200) : first + i;
        std::uint32_t good = 0;
        for (; valid && good < request.count; ++good) {
            const auto index = indices_.at(good);
            if (index >= in->blocks.size())
                break;
            auto& each = in->blocks.at(index);
            if (!each.holders.contains(client) || each.version % 2 != 0)
                break;
            each.holders.erase(client);
        }
        call(client, request, valid && good == request.count,
             "CACHE_DRAIN takes back what is in the cache");
        demand(request.done == good, "CACHE_DRAIN stops at the first that is refused");
    }

    void create_set(std::size_t client) {
        fixedpool_set_create request{};
        name(request.name);
        request.count = in_.once_in(32) ? in_.take<std::uint32_t>() : in_.below(5);
        request.flags = zero();
        request.reserved = zero();
        request.pools = request.count != 0 || in_.once_in(16) ? address(indices_.data()) : 0;
        std::vector<std::uint32_t> named(
            std::min<std::size_t>(request.count, FIXEDPOOL_MAX_SET_POOLS));
        for (auto& each : named)
            each = any_of(model_.pools);
        std::ranges::copy(named, indices_.begin());

        bool allowed = terminated(std::begin(request.name)) && request.flags == 0 &&
                       request.reserved == 0 && request.count <= FIXEDPOOL_MAX_SET_POOLS;
        allowed = allowed && std::ranges::all_of(named, [&](std::uint32_t each) {
                      return model_.attached(client, each) != nullptr;
                  });
        if (request.count == 0)
            return open_set(client, request, allowed && request.pools == 0);
        allowed = allowed && name_valid(std::begin(request.name)) &&
                  model_.linked_set(std::begin(request.name)) == 0 &&
                  std::set<std::uint32_t>{named.begin(), named.end()}.size() == named.size();
        if (!call(client, request, allowed, "SET_CREATE is for pools of the client's"))
            return;
        std::ranges::stable_sort(
            named, {}, [&](std::uint32_t each) { return model_.pools.at(each).made.block_size; });
        demand(request.id != 0 && !model_.sets.contains(request.id), "numbers of sets differ");
        model_.sets[request.id] = {
            .name = std::begin(request.name), .pools = named, .opened = {client}};
    }

    void open_set(std::size_t client, fixedpool_set_create& request, bool allowed) {
        const auto id = allowed ? model_.linked_set(std::begin(request.name)) : 0;
        allowed = id != 0 && !model_.sets.at(id).opened.contains(client);
        allowed = allowed && std::ranges::all_of(model_.sets.at(id).pools, [&](std::uint32_t each) {
                      return model_.attached(client, each) != nullptr;
                  });
        if (!call(client, request, allowed, "SET_CREATE opens sets of that name"))
            return;
        demand(request.id == id, "SET_CREATE tells the number of the set");
        model_.sets.at(id).opened.insert(client);
    }

    void destroy_set(std::size_t client) {
        fixedpool_set_destroy request{};
        const bool leaves = in_.once_in(2);
        if (!leaves)
            name(request.name);
        request.id = leaves ? any_of(model_.sets) : zero();
        request.flags = zero();
        const bool valid = terminated(std::begin(request.name)) && request.flags == 0;
        if (request.name[0] != '\0') {
            const auto id =
                valid && request.id == 0 ? model_.linked_set(std::begin(request.name)) : 0;
            if (call(client, request, id != 0, "SET_DESTROY is for sets of that name"))
                model_.sets.at(id).linked = false;
            return;
        }
        const auto left = model_.sets.find(request.id);
        const bool allowed =
            valid && left != model_.sets.end() && left->second.opened.contains(client);
        if (call(client, request, allowed, "SET_DESTROY leaves a set that is open"))
            model_.close_set(client, left->second);
    }

    std::uint32_t channel_flags() {
        constexpr auto directions = FIXEDPOOL_CHANNEL_READ | FIXEDPOOL_CHANNEL_WRITE;
        return flags(directions) | FIXEDPOOL_CHANNEL_NONBLOCK;
    }

    static bool channel_flags_valid(std::uint32_t flags) {
        constexpr auto directions = FIXEDPOOL_CHANNEL_READ | FIXEDPOOL_CHANNEL_WRITE;
        return (flags & ~(directions | FIXEDPOOL_CHANNEL_NONBLOCK)) == 0 &&
               (flags & directions) != 0;
    }

    void keep_end(std::size_t client, const std::shared_ptr<channel>& of, std::uint32_t flags,
                  std::unique_ptr<detail::channel_end> end) {
        if ((flags & FIXEDPOOL_CHANNEL_READ) != 0) {
            ++of->readers;
            of->readers_gone = false;
        }
        if ((flags & FIXEDPOOL_CHANNEL_WRITE) != 0) {
            ++of->writers;
            of->writers_gone = false;
        }
        ends_.push_back({of, client, flags, std::move(end), lives_.at(client)});
    }

    std::shared_ptr<channel> find_channel(std::uint32_t pool, const char* name) {
        for (const auto& each : ends_)
            if (each.of->pool == pool && each.of->name == name && *name != '\0')
                return each.of;
        return {};
    }

    void create_channel(std::size_t client) {
        if (ends_.size() > 12)
            return;
        fixedpool_channel_create request{};
        if (in_.once_in(2))
            name(request.name);
        request.pool = any_of(model_.pools);
        request.capacity = in_.once_in(16) ? in_.take<std::uint32_t>() : in_.below(20);
        request.flags = channel_flags();
        const auto* const field = std::begin(request.name);
        const bool allowed = terminated(field) && (*field == '\0' || name_valid(field)) &&
                             channel_flags_valid(request.flags) && request.capacity >= 1 &&
                             request.capacity <= FIXEDPOOL_MAX_CHANNEL_CAPACITY &&
                             model_.attached(client, request.pool) != nullptr &&
                             !find_channel(request.pool, field);
        std::error_code ec;
        auto end = clients_.at(client)->open(request, ec);
        demand(!ec == allowed && (end != nullptr) == allowed,
               "CHANNEL_CREATE refuses what it must, and that only");
        if (!allowed)
            return;
        auto made = std::make_shared<channel>();
        made->name = field;
        made->pool = request.pool;
        made->capacity = request.capacity;
        keep_end(client, made, request.flags, std::move(end));
    }

    void open_channel(std::size_t client) {
        if (ends_.size() > 12)
            return;
        fixedpool_channel_open request{};
        name(request.name);
        request.pool = any_of(model_.pools);
        request.flags = channel_flags();
        request.reserved = zero();
        const auto* const field = std::begin(request.name);
        const bool valid = name_valid(field) && channel_flags_valid(request.flags) &&
                           request.reserved == 0 &&
                           model_.attached(client, request.pool) != nullptr;
        const auto found = valid ? find_channel(request.pool, field) : nullptr;
        std::error_code ec;
        auto end = clients_.at(client)->open(request, ec);
        demand(!ec == (found != nullptr) && !end == !found,
               "CHANNEL_OPEN is for channels of that name");
        if (found)
            keep_end(client, found, request.flags, std::move(end));
    }

    void use_channel() {
        if (ends_.empty())
            return;
        const auto number = in_.below(ends_.size());
        auto& end = ends_.at(number);
        switch (in_.below(5)) {
        case 0:
        case 1:
            return send(end);
        case 2:
        case 3:
            return receive(end);
        default:
            close_end(number);
        }
    }

    bool usable(const end_of_channel& end) {
        return end.life == lives_.at(end.client) &&
               model_.attached(end.client, end.of->pool) != nullptr;
    }

    void send(end_of_channel& end) {
        const auto count = std::min<std::size_t>(fill_row(), longest_row);
        auto& queue = end.of->queue;
        std::size_t good = 0;
        const bool usable = world::usable(end) && (end.flags & FIXEDPOOL_CHANNEL_WRITE) != 0 &&
                            !end.of->readers_gone;
        for (; usable && good < count && queue.size() < end.of->capacity; ++good) {
            const auto handle = row_.at(good);
            if (model_.judge(end.client, handle) != refusal::none)
                break;
            const auto named = model_.find(end.client, handle);
            if (named.in != model_.attached(end.client, end.of->pool))
                break;
            named.at().holders.erase(end.client);
            ++named.at().queued;
            queue.push_back(handle);
        }
        std::vector<handle> handles;
        for (std::size_t i = 0; i < count; ++i)
            handles.push_back(handle::from_value(row_.at(i)));
        std::error_code ec;
        demand(end.end->send(handles, ec) == good, "a channel takes what the client holds");
        // Nothing to be sent is no error, unless this end may not.
        if (count != 0)
            demand(!ec == (good != 0), "a channel that takes nothing says why");
    }

    void receive(end_of_channel& end) {
        const auto count = in_.below(20);
        std::vector<handle> handles(count);
        auto& queue = end.of->queue;
        const bool usable = world::usable(end) && (end.flags & FIXEDPOOL_CHANNEL_READ) != 0;
        const auto expected = usable ? std::min<std::size_t>(count, queue.size()) : 0;
        std::error_code ec;
        demand(end.end->receive(handles, ec) == expected, "a channel gives what is queued");
        if (count != 0)
            demand(!ec == (expected != 0 || (usable && end.of->writers_gone)),
                   "a channel that gives nothing says why");
        for (std::size_t i = 0; i < expected; ++i) {
            demand(handles[i].value() == queue.front(), "handles come out as they went in");
            auto& moved = model_.find(end.client, queue.front()).at();
            queue.pop_front();
            --moved.queued;
            moved.holders.emplace(end.client, 0);
        }
    }

    void close_end(std::size_t number) {
        auto closed = std::move(ends_.at(number));
        ends_.erase(ends_.begin() + static_cast<std::ptrdiff_t>(number));
        auto& of = *closed.of;
        if ((closed.flags & FIXEDPOOL_CHANNEL_READ) != 0)
            of.readers_gone = --of.readers == 0;
        if ((closed.flags & FIXEDPOOL_CHANNEL_WRITE) != 0)
            of.writers_gone = --of.writers == 0;
        if (of.readers != 0 || of.writers != 0)
            return;
        auto& in = model_.pools.at(of.pool);
        for (const auto each : of.queue) {
            auto& queued = in.blocks.at(FIXEDPOOL_HANDLE_SLOT(each) - in.first_slot);
            --queued.queued;
            queued.dropped();
        }
    }

    void watch(std::size_t client) {
        fixedpool_watch request{};
        request.pool = any_of(model_.pools);
        request.flags = flags(FIXEDPOOL_WATCH_REMOVE);
        const bool removes = (request.flags & FIXEDPOOL_WATCH_REMOVE) != 0;
        request.low = removes ? zero() : small(100);
        request.high = removes ? zero() : small(200);
        request.fd = removes ? static_cast<std::int32_t>(zero()) : in_.once_in(8) ? -1 : event_;
        request.id = removes ? in_.below(20) : zero();
        auto* const watched = model_.attached(client, request.pool);
        const bool valid = (request.flags & ~FIXEDPOOL_WATCH_REMOVE) == 0 && watched != nullptr;
        if (removes) {
            const bool allowed = valid && request.low == 0 && request.high == 0 &&
                                 request.fd == 0 && watched->watches[client].contains(request.id);
            if (call(client, request, allowed, "WATCH ends watches that there are"))
                watched->watches[client].erase(request.id);
            return;
        }
        const bool allowed =
            valid && request.id == 0 && (request.low != 0 || request.high != 0) &&
            request.low <= watched->blocks.size() && request.high <= watched->blocks.size() &&
            (request.high == 0 || request.high >= request.low) && request.fd == event_ &&
            watched->watches[client].size() < FIXEDPOOL_MAX_WATCHES;
        if (call(client, request, allowed, "WATCH wants marks that can be reached"))
            demand(request.id != 0 && watched->watches[client].insert(request.id).second,
                   "numbers of watches differ");
    }

    static std::byte touch(const volatile std::byte& place) { return place; }

    void map(std::size_t client) {
        fixedpool_pool_info shown{};
        shown.id = any_of(model_.pools);
        const bool known = !clients_.at(client)->call(shown);
        const std::array<std::pair<std::uint64_t, std::uint64_t>, 4> regions{
            {{shown.data_offset, shown.data_length},
             {shown.versions_offset, shown.versions_length},
             {shown.header_offset, shown.header_length},
             {shown.holds_offset, shown.holds_length}}};
        const auto chosen = in_.below(regions.size());
        auto [offset, length] = regions.at(chosen);
        if (in_.once_in(2))
            offset += std::uint64_t{in_.below(4)} * (in_.once_in(4) ? 1 : page_bytes);
        if (in_.once_in(2))
            length = std::uint64_t{in_.below(4)} * page_bytes;
        if (in_.once_in(16))
            length = in_.take<std::uint64_t>();
        const bool writes = in_.once_in(2);
        bool allowed = false;
        for (std::size_t i = 0; known && i < regions.size(); ++i) {
            const auto [begin, bytes] = regions.at(i);
            const bool inside = length != 0 && offset >= begin && offset - begin < bytes &&
                                length <= bytes - (offset - begin);
            allowed = allowed || (inside && offset % page_bytes == 0 && !(writes && i >= 2));
        }
        if (!known && in_.once_in(2))
            offset = in_.take<std::uint64_t>();
        if (!known && offset != 0)
            return; // it may be another pool's
        std::error_code ec;
        const auto mapped = clients_.at(client)->map(
            offset, length, writes ? detail::access::read_write : detail::access::read, ec);
        demand(!ec == allowed && (mapped != nullptr) == allowed,
               "what can be mapped is what POOL_INFO says");
        // Where there are no blocks yet there is no memory.
        if (allowed && shown.blocks == shown.max_blocks) {
            static_cast<void>(touch(mapped[0]));
            static_cast<void>(touch(mapped[static_cast<std::ptrdiff_t>(length - 1)]));
        }
    }

    void come_back(std::size_t client) {
        clients_.at(client).reset();
        model_.close(client);
        open(client);
    }

    // ---- comparing

    fixedpool_pool_info shown(std::size_t client, std::uint32_t id) {
        fixedpool_pool_info request{};
        request.id = id;
        demand(!clients_.at(client)->call(request), "POOL_INFO of an attached pool");
        return request;
    }

    /** After every call, refused or not. */
    void compare() {
        for (const auto& [id, each] : model_.pools) {
            if (each.attached.empty())
                continue;
            const auto info = shown(*each.attached.begin(), id);
            demand(info.in_use == each.in_use(), "as many blocks are in use as the model has");
            demand(info.clients == each.attached.size(), "as many clients as the model has");
            demand(info.peak >= info.in_use && info.peak <= each.blocks.size(), "a peak");
            demand(info.blocks >= each.made.blocks && info.blocks <= each.blocks.size() &&
                       info.blocks >= info.in_use,
                   "as many blocks as the pool may have");
            demand(info.max_blocks == each.blocks.size() && info.first_slot == each.first_slot &&
                       info.block_size == each.made.block_size && info.waiters == 0 &&
                       std::strcmp(info.name, each.made.name) == 0,
                   "what was fixed at creation stays");
        }
    }

    /** Each block as each client sees it, and as it is mapped. */
    void compare_blocks() {
        for (auto& [id, each] : model_.pools)
            for (const auto client : each.attached) {
                const auto info = shown(client, id);
                for (std::uint32_t i = 0; i < each.blocks.size(); ++i) {
                    fixedpool_check request{};
                    request.handle =
                        FIXEDPOOL_HANDLE(each.blocks[i].version | 1, each.first_slot + i);
                    check(client, request);
                }
                if (each.mappable())
                    compare_mapped(client, info, each);
            }
    }

    void compare_mapped(std::size_t client, const fixedpool_pool_info& info, const pool& with) {
        std::error_code ec;
        const auto mapped = clients_.at(client)->map(info.holds_offset, info.holds_length,
                                                     detail::access::read, ec);
        demand(!ec, "holds can be mapped");
        const auto* const holds = reinterpret_cast<const std::uint16_t*>(mapped.get());
        for (std::size_t i = 0; i < info.blocks; ++i) {
            const auto& each = with.blocks[i];
            demand(version_word(client, info, i).load() == each.version, "versions are mapped");
            const auto expected = each.holds();
            demand(expected == 0   ? holds[i] == 0
                   : expected == 1 ? holds[i] == FIXEDPOOL_HELD_ONCE
                                   : holds[i] != 0 && holds[i] != FIXEDPOOL_HELD_ONCE,
                   "holds are mapped");
        }
    }

    /** When all have gone, nothing is left but pools with names, and nothing in them. */
    void end() {
        for (std::size_t i = 0; i < client_count; ++i)
            come_back(i);
        while (!ends_.empty())
            close_end(ends_.size() - 1);
        for (auto& [id, each] : model_.pools) {
            fixedpool_pool_attach request{};
            std::memcpy(request.name, each.made.name, sizeof(request.name));
            const auto named = model_.linked_pool(std::begin(request.name));
            if (!call(0, request, named != 0, "names stay until they are taken away"))
                continue;
            demand(request.id == named, "the name leads to the pool that has it");
            demand(shown(0, named).in_use == 0, "all blocks have come back");
            model_.pools.at(named).attached.insert(0);
            fixedpool_pool_destroy gone{};
            std::memcpy(gone.name, each.made.name, sizeof(gone.name));
            demand(!clients_[0]->call(gone), "POOL_DESTROY of a name that there is");
            model_.pools.at(named).linked = false;
        }
        compare_blocks();
    }

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

} // namespace
} // namespace fixedpool::fuzz

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer looks for it
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fixedpool::fuzz::world{fixedpool::fuzz::input{{data, size}}}.run();
    return 0;
}
