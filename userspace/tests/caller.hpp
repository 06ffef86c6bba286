/* SPDX-License-Identifier: MIT */
/** @file
 * The seam as tests use it.
 */
#ifndef FIXEDPOOL_TESTS_CALLER_HPP
#define FIXEDPOOL_TESTS_CALLER_HPP

#include <cstdint>
#include <cstdio>
#include <iterator>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

#include "device_test.hpp"

#include "transport.hpp"

namespace fixedpool::testing {

/** A client, with the calls as functions. */
class caller {
  public:
    explicit caller(transport kind)
        : transport_{kind == transport::device ? detail::open_device(default_device, ec_)
                                               : detail::open_local(ec_)} {
        if (ec_)
            throw std::system_error{ec_};
        fixedpool_query request = {};
        transport_->call(request);
        number_ = request.client;
    }

    [[nodiscard]] std::uint32_t number() const { return number_; }
    [[nodiscard]] detail::transport& raw() { return *transport_; }
    /** Why the last call was refused. */
    [[nodiscard]] std::error_code why() const { return ec_; }

    template <typename request_type>
    bool call(request_type& request) {
        ec_ = transport_->call(request);
        return !ec_;
    }

    std::uint32_t create(const std::string& name, std::uint32_t blocks, std::uint32_t flags = 0,
                         std::uint32_t size = 64, std::uint32_t storage = FIXEDPOOL_STORAGE_PAGES) {
        fixedpool_pool_create request = {};
        std::snprintf(std::begin(request.name), std::size(request.name), "%s", name.c_str());
        request.block_size = size;
        request.blocks = blocks;
        request.flags = flags | FIXEDPOOL_POOL_AUTO_DESTROY;
        request.storage = storage;
        call(request);
        return request.id;
    }

    std::uint32_t attach(const std::string& name) {
        fixedpool_pool_attach request = {};
        std::snprintf(std::begin(request.name), std::size(request.name), "%s", name.c_str());
        call(request);
        return request.id;
    }

    std::uint32_t create_growing(std::uint32_t blocks, std::uint32_t max_blocks,
                                 std::uint32_t flags = 0) {
        fixedpool_pool_create request = {};
        std::snprintf(std::begin(request.name), std::size(request.name), "%s",
                      unique_name().c_str());
        request.block_size = 64;
        request.blocks = blocks;
        request.max_blocks = max_blocks;
        request.flags = flags | FIXEDPOOL_POOL_AUTO_DESTROY;
        call(request);
        return request.id;
    }

    bool detach(std::uint32_t pool) {
        fixedpool_pool_detach request = {.id = pool, .flags = 0};
        return call(request);
    }

    fixedpool_pool_info info(std::uint32_t pool) {
        fixedpool_pool_info request = {};
        request.id = pool;
        call(request);
        return request;
    }

    std::uint32_t in_use(std::uint32_t pool) { return info(pool).in_use; }

    std::vector<std::uint64_t> alloc(std::uint32_t pool, std::uint32_t count,
                                     std::uint32_t scope = 0, std::uint32_t flags = 0,
                                     std::uint32_t size = 0) {
        std::vector<std::uint64_t> handles(count);
        fixedpool_alloc request = {};
        request.pool = pool;
        request.flags = flags;
        request.count = count;
        request.handles = address(handles.data());
        request.scope = scope;
        request.size = size;
        call(request);
        handles.resize(request.done);
        return handles;
    }

    std::uint32_t free(const std::vector<std::uint64_t>& handles) {
        fixedpool_free request = {};
        request.handles = address(handles.data());
        request.count = static_cast<std::uint32_t>(handles.size());
        call(request);
        return request.done;
    }

    bool give(std::uint64_t handle, std::uint32_t client) {
        fixedpool_give request = {};
        request.handles = address(&handle);
        request.count = 1;
        request.client = client;
        return call(request);
    }

    bool share(std::uint64_t handle, std::uint32_t client) {
        fixedpool_share request = {};
        request.handles = address(&handle);
        request.count = 1;
        request.client = client;
        return call(request);
    }

    std::uint32_t check(std::uint64_t handle) {
        fixedpool_check request = {};
        request.handle = handle;
        call(request);
        return request.state;
    }

    std::uint32_t create_scope(std::uint32_t parent = 0) {
        fixedpool_scope_create request = {};
        request.parent = parent;
        call(request);
        return request.scope;
    }

    std::uint64_t release(std::uint32_t scope, std::uint32_t flags = 0) {
        fixedpool_scope_release request = {};
        request.scope = scope;
        request.flags = flags;
        call(request);
        return request.blocks;
    }

    std::uint32_t create_set(const std::string& name, const std::vector<std::uint32_t>& pools) {
        fixedpool_set_create request = {};
        std::snprintf(std::begin(request.name), std::size(request.name), "%s", name.c_str());
        request.pools = pools.empty() ? 0 : address(pools.data());
        request.count = static_cast<std::uint32_t>(pools.size());
        call(request);
        return request.id;
    }

    bool destroy_set(const std::string& name, std::uint32_t id = 0) {
        fixedpool_set_destroy request = {};
        std::snprintf(std::begin(request.name), std::size(request.name), "%s", name.c_str());
        request.id = id;
        return call(request);
    }

    std::vector<std::uint32_t> fill(std::uint32_t pool, std::uint32_t count) {
        std::vector<std::uint32_t> blocks(count);
        fixedpool_cache_fill request = {};
        request.pool = pool;
        request.count = count;
        request.blocks = address(blocks.data());
        call(request);
        blocks.resize(request.done);
        return blocks;
    }

    std::uint32_t drain(std::uint32_t pool, const std::vector<std::uint32_t>& blocks) {
        fixedpool_cache_drain request = {};
        request.pool = pool;
        request.count = static_cast<std::uint32_t>(blocks.size());
        request.blocks = address(blocks.data());
        call(request);
        return request.done;
    }

    /** A byte of a block, however it is stored. */
    int byte_of(std::uint64_t handle, std::uint32_t offset) {
        unsigned char byte = 0;
        fixedpool_read request = {};
        request.handle = handle;
        request.buffer = address(&byte);
        request.offset = offset;
        request.length = 1;
        return call(request) ? byte : -1;
    }

    detail::mapping map(std::uint64_t offset, std::uint64_t length,
                        detail::access wanted = detail::access::read_write) {
        return transport_->map(offset, length, wanted, ec_);
    }

  private:
    static std::uint64_t address(const void* pointer) {
        return reinterpret_cast<std::uintptr_t>(pointer);
    }

    std::error_code ec_;
    std::unique_ptr<detail::transport> transport_;
    std::uint32_t number_ = 0;
};

} // namespace fixedpool::testing

#endif
