/* SPDX-License-Identifier: MIT */
/*
 * The layout of the kernel's interface, and the library's words for it.
 * Compiles to nothing.
 */
#include <cstddef>
#include <type_traits>

#include <linux/fixedpool.h>

#include <fixedpool/channel.hpp>
#include <fixedpool/client.hpp>
#include <fixedpool/handle.hpp>
#include <fixedpool/pool.hpp>

namespace {

#define FIXEDPOOL_ASSERT_SIZE(type, bytes)                                                         \
    static_assert(sizeof(type) == (bytes) && std::is_standard_layout_v<type> &&                    \
                  std::is_trivially_copyable_v<type>)
#define FIXEDPOOL_ASSERT_OFFSET(type, member, bytes)                                               \
    static_assert(offsetof(type, member) == (bytes))

FIXEDPOOL_ASSERT_SIZE(fixedpool_query, 40);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_query, features, 0);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_query, abi_version, 8);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_query, client, 12);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_query, max_block_size, 16);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_query, max_batch, 20);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_query, max_pools, 24);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_query, reserved, 28);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_query, max_bytes, 32);

FIXEDPOOL_ASSERT_SIZE(fixedpool_pool_create, 72);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_pool_create, name, 0);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_pool_create, block_size, 32);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_pool_create, align, 36);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_pool_create, blocks, 40);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_pool_create, reserve, 44);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_pool_create, storage, 48);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_pool_create, flags, 52);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_pool_create, mode, 56);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_pool_create, numa_node, 60);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_pool_create, id, 64);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_pool_create, max_blocks, 68);

FIXEDPOOL_ASSERT_SIZE(fixedpool_pool_attach, 40);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_pool_attach, name, 0);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_pool_attach, flags, 32);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_pool_attach, id, 36);

FIXEDPOOL_ASSERT_SIZE(fixedpool_pool_detach, 8);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_pool_detach, id, 0);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_pool_detach, flags, 4);

FIXEDPOOL_ASSERT_SIZE(fixedpool_pool_destroy, 40);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_pool_destroy, name, 0);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_pool_destroy, flags, 32);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_pool_destroy, reserved, 36);

FIXEDPOOL_ASSERT_SIZE(fixedpool_pool_info, 184);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_pool_info, id, 0);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_pool_info, query_flags, 4);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_pool_info, name, 8);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_pool_info, block_size, 40);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_pool_info, stride, 44);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_pool_info, align, 48);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_pool_info, blocks, 52);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_pool_info, reserve, 56);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_pool_info, storage, 60);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_pool_info, flags, 64);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_pool_info, mode, 68);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_pool_info, uid, 72);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_pool_info, gid, 76);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_pool_info, numa_node, 80);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_pool_info, first_slot, 84);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_pool_info, chunk_blocks, 88);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_pool_info, in_use, 92);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_pool_info, peak, 96);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_pool_info, clients, 100);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_pool_info, chunk_size, 104);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_pool_info, data_offset, 112);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_pool_info, data_length, 120);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_pool_info, versions_offset, 128);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_pool_info, versions_length, 136);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_pool_info, header_offset, 144);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_pool_info, header_length, 152);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_pool_info, max_blocks, 160);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_pool_info, waiters, 164);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_pool_info, holds_offset, 168);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_pool_info, holds_length, 176);

FIXEDPOOL_ASSERT_SIZE(fixedpool_watch, 24);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_watch, pool, 0);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_watch, flags, 4);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_watch, low, 8);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_watch, high, 12);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_watch, fd, 16);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_watch, id, 20);

FIXEDPOOL_ASSERT_SIZE(fixedpool_header, 64);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_header, waiters, 0);

FIXEDPOOL_ASSERT_SIZE(fixedpool_alloc, 40);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_alloc, pool, 0);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_alloc, flags, 4);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_alloc, count, 8);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_alloc, done, 12);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_alloc, handles, 16);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_alloc, scope, 24);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_alloc, size, 28);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_alloc, timeout, 32);

FIXEDPOOL_ASSERT_SIZE(fixedpool_free, 24);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_free, handles, 0);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_free, count, 8);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_free, done, 12);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_free, flags, 16);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_free, reserved, 20);

FIXEDPOOL_ASSERT_SIZE(fixedpool_check, 16);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_check, handle, 0);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_check, flags, 8);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_check, state, 12);

FIXEDPOOL_ASSERT_SIZE(fixedpool_read, 32);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_read, handle, 0);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_read, buffer, 8);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_read, offset, 16);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_read, length, 20);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_read, flags, 24);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_read, reserved, 28);

FIXEDPOOL_ASSERT_SIZE(fixedpool_write, 32);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_write, handle, 0);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_write, buffer, 8);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_write, offset, 16);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_write, length, 20);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_write, flags, 24);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_write, reserved, 28);

FIXEDPOOL_ASSERT_SIZE(fixedpool_give, 24);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_give, handles, 0);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_give, count, 8);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_give, done, 12);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_give, client, 16);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_give, flags, 20);

FIXEDPOOL_ASSERT_SIZE(fixedpool_share, 24);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_share, handles, 0);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_share, count, 8);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_share, done, 12);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_share, client, 16);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_share, flags, 20);

FIXEDPOOL_ASSERT_SIZE(fixedpool_scope_create, 16);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_scope_create, parent, 0);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_scope_create, flags, 4);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_scope_create, scope, 8);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_scope_create, reserved, 12);

FIXEDPOOL_ASSERT_SIZE(fixedpool_scope_release, 16);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_scope_release, scope, 0);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_scope_release, flags, 4);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_scope_release, blocks, 8);

FIXEDPOOL_ASSERT_SIZE(fixedpool_channel_create, 48);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_channel_create, name, 0);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_channel_create, pool, 32);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_channel_create, capacity, 36);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_channel_create, flags, 40);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_channel_create, fd, 44);

FIXEDPOOL_ASSERT_SIZE(fixedpool_channel_open, 48);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_channel_open, name, 0);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_channel_open, pool, 32);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_channel_open, flags, 36);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_channel_open, fd, 40);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_channel_open, reserved, 44);

FIXEDPOOL_ASSERT_SIZE(fixedpool_cache_fill, 24);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_cache_fill, pool, 0);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_cache_fill, flags, 4);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_cache_fill, count, 8);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_cache_fill, done, 12);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_cache_fill, blocks, 16);

FIXEDPOOL_ASSERT_SIZE(fixedpool_cache_drain, 24);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_cache_drain, pool, 0);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_cache_drain, flags, 4);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_cache_drain, count, 8);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_cache_drain, done, 12);
FIXEDPOOL_ASSERT_OFFSET(fixedpool_cache_drain, blocks, 16);

static_assert(static_cast<__u32>(fixedpool::channel_end::receive) == FIXEDPOOL_CHANNEL_READ);
static_assert(static_cast<__u32>(fixedpool::channel_end::send) == FIXEDPOOL_CHANNEL_WRITE);
static_assert(static_cast<__u32>(fixedpool::channel_end::both) ==
              (FIXEDPOOL_CHANNEL_READ | FIXEDPOOL_CHANNEL_WRITE));

// A span of handles is passed to the kernel as an array of __u64.
FIXEDPOOL_ASSERT_SIZE(fixedpool::handle, 8);
static_assert(alignof(fixedpool::handle) <= alignof(__u64));
static_assert(fixedpool::handle{3, 7}.value() == FIXEDPOOL_HANDLE(3, 7));
static_assert(fixedpool::handle{3, 7}.version() == FIXEDPOOL_HANDLE_VERSION(0x300000007ULL));
static_assert(fixedpool::handle{3, 7}.slot() == FIXEDPOOL_HANDLE_SLOT(0x300000007ULL));

static_assert(static_cast<__u32>(fixedpool::storage_type::pages) == FIXEDPOOL_STORAGE_PAGES);
static_assert(static_cast<__u32>(fixedpool::storage_type::slab) == FIXEDPOOL_STORAGE_SLAB);
static_assert(sizeof(fixedpool::client_id) == sizeof(fixedpool_query::client));
static_assert(std::char_traits<char>::compare(fixedpool::default_device, FIXEDPOOL_DEVICE,
                                              sizeof(FIXEDPOOL_DEVICE)) == 0);

} // namespace
