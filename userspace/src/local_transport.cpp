/* SPDX-License-Identifier: MIT */
/*
 * The calls of <linux/fixedpool.h>, carried out in process: what stands between
 * the structures and the engine in local/. Values are looked at as the module
 * does.
 *
 * ALLOC and FREE in the root scope, CHECK, CACHE_FILL and CACHE_DRAIN are
 * async-signal-safe, as long as no scope of the client below its root has a block
 * that a handle names. ALLOC that waits or is by size, and all other calls, take
 * locks.
 */
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <new>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include <fixedpool/error.hpp>

#include "errno_code.hpp"
#include "local/channel.hpp"
#include "local/holding.hpp"
#include "local/registry.hpp"
#include "transport.hpp"

namespace fixedpool::detail {
namespace {

using local::attachment;
using local::attachment_ref;
using local::holding;
using local::registry;

static_assert(sizeof(handle) == sizeof(std::uint64_t));

template <typename type>
std::span<type> array_at(std::uint64_t address, std::uint32_t count) noexcept {
    // NOLINTNEXTLINE(performance-no-int-to-ptr): so they travel in the interface
    return {reinterpret_cast<type*>(static_cast<std::uintptr_t>(address)), count};
}

template <std::size_t size>
bool terminated(const char (&name)[size]) noexcept {
    return ::strnlen(name, size) < size;
}

constexpr bool batch_valid(std::uint32_t count) noexcept {
    return count != 0 && count <= FIXEDPOOL_MAX_BATCH;
}

/** Returns: 0; EBADF; EINVAL for what is no eventfd, as far as the system tells. */
int check_eventfd(int descriptor) {
    if (::fcntl(descriptor, F_GETFD) < 0)
        return EBADF;
    constexpr std::string_view name = "anon_inode:[eventfd]";
    std::array<char, 64> target{};
    const auto link = "/proc/self/fd/" + std::to_string(descriptor);
    const auto length = ::readlink(link.c_str(), target.data(), target.size());
    if (length < 0)
        return 0;
    return std::string_view{target.data(), static_cast<std::size_t>(length)} == name ? 0 : EINVAL;
}

timespec deadline_of(const fixedpool_alloc& request) noexcept {
    constexpr std::uint64_t second_ns = 1'000'000'000;
    return {.tv_sec = static_cast<time_t>(request.timeout / second_ns),
            .tv_nsec = static_cast<long>(request.timeout % second_ns)};
}

class local_channel_end final : public channel_end {
  public:
    explicit local_channel_end(std::unique_ptr<local::end_of_channel> end) noexcept
        : end_{std::move(end)} {}

    std::size_t send(std::span<const handle> handles, std::error_code& ec) noexcept override {
        std::size_t moved = 0;
        const int error = end_->send(
            {reinterpret_cast<const std::uint64_t*>(handles.data()), handles.size()}, moved);
        ec = error != 0 ? errno_code(operation::send, error) : std::error_code{};
        return moved;
    }

    std::size_t receive(std::span<handle> handles, std::error_code& ec) noexcept override {
        std::size_t moved = 0;
        const int error = end_->receive(
            {reinterpret_cast<std::uint64_t*>(handles.data()), handles.size()}, moved);
        ec = error != 0 ? errno_code(operation::receive, error) : std::error_code{};
        return moved;
    }

    int descriptor() noexcept override { return end_->descriptor(); }

  private:
    std::unique_ptr<local::end_of_channel> end_;
};

class local_transport final : public transport {
  public:
    local_transport() : client_{registry::instance().open_client()} {}
    local_transport(const local_transport&) = delete;
    local_transport& operator=(const local_transport&) = delete;
    ~local_transport() override { registry::instance().close_client(*client_); }

    std::error_code call(fixedpool_query& request) noexcept override {
        request = {};
        request.features =
            FIXEDPOOL_FEATURE_GIVE | FIXEDPOOL_FEATURE_SHARE | FIXEDPOOL_FEATURE_SCOPES |
            FIXEDPOOL_FEATURE_WAIT | FIXEDPOOL_FEATURE_SETS | FIXEDPOOL_FEATURE_CHANNELS |
            FIXEDPOOL_FEATURE_CACHE | FIXEDPOOL_FEATURE_WATCH | FIXEDPOOL_FEATURE_GROW |
            FIXEDPOOL_FEATURE_HYGIENE | FIXEDPOOL_FEATURE_HOLDS;
        request.abi_version = FIXEDPOOL_ABI_VERSION;
        request.client = client_->number;
        request.max_block_size = FIXEDPOOL_MAX_BLOCK_SIZE;
        request.max_batch = FIXEDPOOL_MAX_BATCH;
        return {};
    }
    std::error_code call(fixedpool_pool_create& request) noexcept override {
        return answer(operation::create, [&] {
            return registry::instance().create_pool(request, *client_, request.id);
        });
    }
    std::error_code call(fixedpool_pool_attach& request) noexcept override {
        return answer(operation::attach, [&] {
            if (!terminated(request.name) || request.flags != 0)
                return EINVAL;
            return registry::instance().attach_pool(request.name, *client_, request.id);
        });
    }
    std::error_code call(fixedpool_pool_detach& request) noexcept override {
        return answer(operation::detach,
                      [&] { return request.flags != 0 ? EINVAL : client_->detach(request.id); });
    }
    std::error_code call(fixedpool_pool_destroy& request) noexcept override {
        return answer(operation::destroy, [&] {
            if (!terminated(request.name) || request.flags != 0 || request.reserved != 0)
                return EINVAL;
            return registry::instance().destroy_pool(request.name);
        });
    }
    std::error_code call(fixedpool_pool_info& request) noexcept override {
        return answer(operation::info, [&] { return info(request); });
    }
    std::error_code call(fixedpool_alloc& request) noexcept override {
        return answer(operation_of(request), [&] { return alloc(request); });
    }
    std::error_code call(fixedpool_free& request) noexcept override {
        return answer(operation::free, [&] {
            request.done = 0;
            if (!batch_valid(request.count) || request.flags != 0 || request.reserved != 0)
                return EINVAL;
            return local::free_all(*client_,
                                   array_at<const std::uint64_t>(request.handles, request.count),
                                   request.done);
        });
    }
    std::error_code call(fixedpool_check& request) noexcept override {
        return answer(operation::check, [&] {
            holding asked;
            request.state = 0;
            const int error = request.flags != 0 ? EINVAL : asked.resolve(*client_, request.handle);
            if (error == 0)
                request.state = local::state_of(asked);
            return error;
        });
    }
    std::error_code call(fixedpool_read& request) noexcept override {
        return answer(operation::read, [&] {
            return transfer(request, [&](std::byte* block) {
                std::memcpy(array_at<std::byte>(request.buffer, request.length).data(), block,
                            request.length);
            });
        });
    }
    std::error_code call(fixedpool_write& request) noexcept override {
        return answer(operation::write, [&] {
            return transfer(request, [&](std::byte* block) {
                std::memcpy(block, array_at<const std::byte>(request.buffer, request.length).data(),
                            request.length);
            });
        });
    }
    std::error_code call(fixedpool_give& request) noexcept override {
        return answer(operation::give, [&] { return for_each_handle(request, local::give); });
    }
    std::error_code call(fixedpool_share& request) noexcept override {
        return answer(operation::share, [&] { return for_each_handle(request, local::share); });
    }
    std::error_code call(fixedpool_scope_create& request) noexcept override {
        return answer(operation::create_scope, [&] {
            request.scope = local::root_scope;
            if (request.flags != 0 || request.reserved != 0)
                return EINVAL;
            return client_->create_scope(request.parent, request.scope);
        });
    }
    std::error_code call(fixedpool_scope_release& request) noexcept override {
        return answer(operation::release_scope, [&] {
            const bool dissolve = (request.flags & FIXEDPOOL_SCOPE_DISSOLVE) != 0;
            std::uint64_t blocks = 0;
            request.blocks = 0;
            if ((request.flags & ~FIXEDPOOL_SCOPE_DISSOLVE) != 0)
                return EINVAL;
            // The root has nobody to leave anything to.
            if (dissolve && request.scope == local::root_scope)
                return EINVAL;
            const int error = dissolve ? client_->dissolve_scope(request.scope, blocks)
                                       : client_->release_scope(request.scope, blocks);
            request.blocks = blocks;
            return error;
        });
    }
    std::error_code call(fixedpool_set_create& request) noexcept override {
        return answer(operation::create_set, [&] { return create_set(request); });
    }
    std::error_code call(fixedpool_set_destroy& request) noexcept override {
        return answer(operation::destroy_set, [&] { return destroy_set(request); });
    }
    std::error_code call(fixedpool_watch& request) noexcept override {
        return answer(operation::watch, [&] { return watch(request); });
    }
    std::error_code call(fixedpool_cache_fill& request) noexcept override {
        return answer(operation::fill, [&] { return fill(request); });
    }
    std::error_code call(fixedpool_cache_drain& request) noexcept override {
        return answer(operation::drain, [&] {
            request.done = 0;
            if (!batch_valid(request.count) || request.flags != 0)
                return EINVAL;
            auto att = client_->find_pool(request.pool);
            if (!att)
                return ENXIO;
            if (!att->pool().shape().mappable)
                return ENODEV;
            return local::drain(std::move(att),
                                array_at<const std::uint32_t>(request.blocks, request.count),
                                request.done);
        });
    }

    std::unique_ptr<channel_end> open(const fixedpool_channel_create& request,
                                      std::error_code& ec) noexcept override {
        return end_of(operation::create_channel, ec,
                      [&](int& error) { return local::create_channel(client_, request, error); });
    }
    std::unique_ptr<channel_end> open(const fixedpool_channel_open& request,
                                      std::error_code& ec) noexcept override {
        return end_of(operation::open_channel, ec,
                      [&](int& error) { return local::open_channel(client_, request, error); });
    }

    // There is nothing to map: the memory is there, and handed out as it is. Nobody
    // is kept from writing to it, whatever he has asked for; not even to header and
    // holds, which the engine relies on.
    mapping map(std::uint64_t offset, std::uint64_t length, access wanted,
                std::error_code& ec) noexcept override {
        const auto unit = offset >> local::map_unit_shift;
        const auto att = unit < local::slot_units ? client_->find(static_cast<std::uint32_t>(unit))
                                                  : attachment_ref{};
        const auto from = att ? offset - map_offset(att->pool()) : 0;
        const int error =
            att ? check_map(att->pool().shape(), {.begin = from, .length = length}, wanted) : ENXIO;
        ec = error != 0 ? errno_code(operation::map, error) : std::error_code{};
        if (ec)
            return {};
        // The pool lives as long as the mapping.
        return {att->shared_pool(), att->pool().data() + from};
    }

  private:
    /** Errors of the engine, and want of memory, as codes. */
    template <typename function>
    static std::error_code answer(operation during, function call) noexcept {
        int error = 0;
        try {
            error = call();
        } catch (const std::bad_alloc&) {
            error = ENOMEM;
        }
        return error != 0 ? errno_code(during, error) : std::error_code{};
    }

    template <typename function>
    static std::unique_ptr<channel_end> end_of(operation during, std::error_code& ec,
                                               function open) noexcept {
        std::unique_ptr<channel_end> opened;
        ec = answer(during, [&] {
            int error = 0;
            auto end = open(error);
            if (end)
                opened = std::make_unique<local_channel_end>(std::move(end));
            return error;
        });
        return opened;
    }

    static std::uint64_t map_offset(const local::pool& of) noexcept {
        return std::uint64_t{of.id()} << local::map_unit_shift;
    }

    /** May @p wanted of a pool be mapped? Returns: 0; ENODEV; EINVAL; EACCES. */
    static int check_map(const local::shape& of, const local::extent& wanted,
                         access access) noexcept {
        if (wanted.begin % local::page_bytes != 0 || wanted.length == 0)
            return EINVAL;
        if (!of.mappable)
            return ENODEV;
        if (of.data().contains(wanted) || of.versions().contains(wanted))
            return 0;
        if (!of.header().contains(wanted) && !of.holds().contains(wanted))
            return EINVAL;
        return access == access::read ? 0 : EACCES;
    }

    /** Where the parts of a pool that can be mapped are. */
    static void put_extents(const local::pool& of, fixedpool_pool_info& request) noexcept {
        const auto& shape = of.shape();
        const auto first = map_offset(of);
        request.data_offset = first + shape.data().begin;
        request.data_length = shape.data().length;
        request.header_offset = first + shape.header().begin;
        request.header_length = shape.header().length;
        request.versions_offset = first + shape.versions().begin;
        request.versions_length = shape.versions().length;
        request.holds_offset = first + shape.holds().begin;
        request.holds_length = shape.holds().length;
    }

    int info(fixedpool_pool_info& request) const noexcept {
        if (request.query_flags != 0)
            return EINVAL;
        const auto att = client_->find_pool(request.id);
        if (!att)
            return ENXIO;
        const auto& pool = att->pool();
        const auto& shape = pool.shape();
        request = {};
        request.id = pool.id();
        request.block_size = shape.block_size;
        request.stride = shape.stride;
        request.align = shape.align;
        request.blocks = pool.blocks();
        request.reserve = pool.registered.reserve;
        request.storage = pool.registered.storage;
        request.flags = pool.registered.flags;
        request.mode = pool.registered.mode;
        request.uid = pool.registered.uid;
        request.gid = pool.registered.gid;
        request.numa_node = pool.registered.numa_node;
        request.first_slot = pool.first_slot();
        request.in_use = pool.in_use();
        request.peak = pool.peak();
        request.clients = pool.registered.attached.load();
        request.max_blocks = shape.blocks;
        request.waiters = pool.waiters();
        if (shape.mappable) {
            request.chunk_blocks = shape.blocks;
            request.chunk_size = shape.data_bytes();
            put_extents(pool, request);
        }
        std::ranges::copy(pool.registered.name, std::begin(request.name));
        return 0;
    }

    /** Moves @p reserved blocks to the client, and their handles to its array. */
    int deliver(fixedpool_alloc& request, attachment& att, std::uint32_t reserved) noexcept {
        auto* const handles = array_at<std::uint64_t>(request.handles, request.count).data();
        const bool zero = (request.flags & FIXEDPOOL_ALLOC_ZERO) != 0;
        local::claim made; // NOLINT(cppcoreguidelines-pro-type-member-init): it is 512 bytes
        int error = 0;
        while (reserved != 0 && error == 0) {
            error = local::allocate(*client_, att, request.scope, zero, reserved, made);
            const auto count = local::count_of(made.mask);
            reserved -= count;
            if (error != 0)
                break;
            std::copy_n(made.handles.data(), count, handles + request.done);
            request.done += count;
        }
        if (reserved != 0)
            att.pool().cancel(reserved);
        return error;
    }

    /** Makes sure of blocks, waiting for them if that is wanted. */
    static int reserve(const fixedpool_alloc& request, attachment& att, std::uint32_t least,
                       std::uint32_t& reserved) noexcept {
        auto& pool = att.pool();
        if ((request.flags & FIXEDPOOL_ALLOC_WAIT) != 0) {
            const auto until = deadline_of(request);
            return pool.reserve_in_turn(att.party(), least, request.count,
                                        request.timeout != FIXEDPOOL_NEVER ? &until : nullptr,
                                        reserved);
        }
        reserved = pool.reserve(least, request.count);
        return reserved != 0 ? 0 : ENOBUFS;
    }

    int alloc_of_pool(fixedpool_alloc& request, std::uint32_t least) noexcept {
        const auto att = client_->find_pool(request.pool);
        if (!att)
            return ENXIO;
        std::uint32_t reserved = 0;
        const int error = reserve(request, *att, least, reserved);
        return error != 0 ? error : deliver(request, *att, reserved);
    }

    /** Having found too little in all pools that fit, waits for the smallest. */
    int wait_for_set(fixedpool_alloc& request, const local::set& set,
                     std::uint32_t least) noexcept {
        const auto& smallest = *set.pools[set.first(request.size)];
        const auto att = client_->find_pool(smallest.id());
        if (!att)
            return ENOTCONN;
        std::uint32_t reserved = 0;
        const int error = reserve(request, *att, least, reserved);
        return error != 0 ? error : deliver(request, *att, reserved);
    }

    int alloc_of_set(fixedpool_alloc& request, std::uint32_t least) noexcept {
        std::array<attachment_ref, FIXEDPOOL_MAX_SET_POOLS> atts;
        local::shares blocks{};
        int error = 0;
        const auto set = client_->find_set(request.pool);
        if (!set)
            return ENXIO;
        if (request.size > set->largest())
            return EMSGSIZE;
        // First, so that fork() finds the pools busy.
        for (std::size_t i = 0; i < set->pools.size(); ++i)
            atts[i] = client_->find_pool(set->pools[i]->id());
        if (local::reserve(*set, request.size, least, request.count, blocks) == 0) {
            if ((request.flags & FIXEDPOOL_ALLOC_WAIT) == 0)
                return ENOBUFS;
            atts = {}; // or nobody could leave these pools
            return wait_for_set(request, *set, least);
        }
        for (std::size_t i = 0; i < set->pools.size(); ++i)
            if (blocks[i] != 0 && !atts[i])
                error = ENOTCONN;
        if (error == 0)
            local::count_fallbacks(*set, set->first(request.size), blocks);
        for (std::size_t i = 0; i < set->pools.size(); ++i) {
            if (blocks[i] == 0)
                continue;
            if (error == 0)
                error = deliver(request, *atts[i], blocks[i]);
            else
                set->pools[i]->cancel(blocks[i]);
        }
        return error;
    }

    int alloc(fixedpool_alloc& request) noexcept {
        constexpr std::uint32_t valid = FIXEDPOOL_ALLOC_PARTIAL | FIXEDPOOL_ALLOC_ZERO |
                                        FIXEDPOOL_ALLOC_WAIT | FIXEDPOOL_ALLOC_BY_SIZE;
        const bool waits = (request.flags & FIXEDPOOL_ALLOC_WAIT) != 0;
        const bool by_size = (request.flags & FIXEDPOOL_ALLOC_BY_SIZE) != 0;
        const bool partial = (request.flags & FIXEDPOOL_ALLOC_PARTIAL) != 0;
        const auto least = partial ? 1 : request.count;

        request.done = 0;
        if (!batch_valid(request.count) || (request.flags & ~valid) != 0)
            return EINVAL;
        if ((request.timeout != 0 && !waits) || by_size != (request.size != 0))
            return EINVAL;
        if (request.scope != local::root_scope && !client_->scope_open(request.scope))
            return ESTALE;
        const int error = by_size ? alloc_of_set(request, least) : alloc_of_pool(request, least);
        if (error == 0)
            return 0;
        // Others of the client's threads may have guessed and freed some.
        const auto made = array_at<const std::uint64_t>(request.handles, request.done);
        for (std::uint32_t undone = 0; undone < made.size();)
            if (local::free_all(*client_, made, undone) != 0)
                ++undone;
        request.done = 0;
        return error;
    }

    /** READ and WRITE, which differ in the direction. */
    template <typename request_type, typename function>
    int transfer(const request_type& request, function copy) noexcept {
        if (request.flags != 0 || request.reserved != 0)
            return EINVAL;
        holding lent;
        int error = lent.resolve(*client_, request.handle);
        if (error == 0)
            error = local::borrow(lent);
        if (error != 0)
            return error;
        const auto size = lent.att->pool().shape().block_size;
        if (request.offset > size || request.length > size - request.offset)
            error = EMSGSIZE;
        else if (request.length != 0)
            copy(lent.att->pool().block(lent.index) + request.offset);
        local::give_back(lent);
        return error;
    }

    /** GIVE and SHARE. */
    template <typename request_type, typename function>
    int for_each_handle(request_type& request, function act) {
        request.done = 0;
        if (!batch_valid(request.count) || request.flags != 0)
            return EINVAL;
        holding named;
        for (const auto each : array_at<const std::uint64_t>(request.handles, request.count)) {
            int error = named.resolve(*client_, each);
            if (error == 0)
                error = act(named, request.client);
            if (error != 0)
                return error;
            ++request.done;
        }
        return 0;
    }

    int create_set(fixedpool_set_create& request) {
        if (!terminated(request.name) || request.flags != 0 || request.reserved != 0)
            return EINVAL;
        if (request.count > FIXEDPOOL_MAX_SET_POOLS || (request.count == 0 && request.pools != 0))
            return EINVAL;
        if (request.count == 0)
            return registry::instance().open_set(request.name, *client_, request.id);
        std::vector<std::shared_ptr<local::pool>> pools;
        for (const auto id : array_at<const std::uint32_t>(request.pools, request.count)) {
            const auto att = client_->find_pool(id);
            if (!att)
                return ENXIO;
            pools.push_back(att->shared_pool());
        }
        return registry::instance().create_set(request.name, std::move(pools), *client_,
                                               request.id);
    }

    int destroy_set(const fixedpool_set_destroy& request) {
        if (!terminated(request.name) || request.flags != 0)
            return EINVAL;
        if (request.name[0] != '\0')
            return request.id != 0 ? EINVAL : registry::instance().destroy_set(request.name);
        const auto left = client_->drop_set(request.id);
        if (!left)
            return ENXIO;
        registry::instance().close_set(left);
        return 0;
    }

    int watch(fixedpool_watch& request) {
        if ((request.flags & ~FIXEDPOOL_WATCH_REMOVE) != 0)
            return EINVAL;
        const auto att = client_->find_pool(request.pool);
        if (!att)
            return ENXIO;
        auto& watched = att->pool().watched();
        const auto most = att->pool().shape().blocks;
        if ((request.flags & FIXEDPOOL_WATCH_REMOVE) != 0) {
            if (request.low != 0 || request.high != 0 || request.fd != 0)
                return EINVAL;
            return watched.remove(att.get(), request.id);
        }
        if (request.id != 0 || (request.low == 0 && request.high == 0))
            return EINVAL;
        if (request.low > most || request.high > most)
            return EINVAL;
        if (request.high != 0 && request.high < request.low)
            return EINVAL;
        const int error = check_eventfd(request.fd);
        return error != 0
                   ? error
                   : watched.add(att.get(), request.low, request.high, request.fd, request.id);
    }

    int fill(fixedpool_cache_fill& request) noexcept {
        request.done = 0;
        if (!batch_valid(request.count) || request.flags != 0)
            return EINVAL;
        const auto att = client_->find_pool(request.pool);
        if (!att)
            return ENXIO;
        if (!att->pool().shape().mappable)
            return ENODEV;
        auto* const blocks = array_at<std::uint32_t>(request.blocks, request.count).data();
        auto reserved = att->pool().reserve(1, request.count);
        if (reserved == 0)
            return ENOBUFS;
        while (reserved != 0) {
            std::uint32_t word = 0;
            const auto mask = local::fill(*att, reserved, word);
            reserved -= local::count_of(mask);
            local::for_each_block(word, mask,
                                  [&](std::uint32_t index) { blocks[request.done++] = index; });
        }
        return 0;
    }

    const std::shared_ptr<local::client> client_;
};

} // namespace

std::unique_ptr<transport> open_local(std::error_code& ec) noexcept {
    try {
        ec.clear();
        return std::make_unique<local_transport>();
    } catch (const std::bad_alloc&) {
        ec = errc::out_of_memory;
        return {};
    }
}

} // namespace fixedpool::detail
