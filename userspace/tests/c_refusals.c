/* SPDX-License-Identifier: MIT */
/* What is refused, from C: nulls, sizes of other versions, and what there is no memory for. */
#include "c_bench.h"

#include <stdio.h>
#include <string.h>

#define EXPECT_BAD(call) EXPECT_STATUS(FP_ERROR_BAD_ADDRESS, call)

void c_nulls(c_opener open, const char* name) {
    struct bench made = begin(open, name);
    struct fp_pool_options options = small_pool(NULL);
    struct fp_channel_options ways = FP_CHANNEL_OPTIONS_INIT;
    struct fp_limits limits = FP_LIMITS_INIT;
    struct fp_pool_info info = FP_POOL_INFO_INIT;
    struct fp_pool_usage usage = FP_POOL_USAGE_INIT;
    const fp_pool* pools[1];
    fp_client* client = NULL;
    fp_pool* pool = NULL;
    fp_scope* scope = NULL;
    fp_scope* some = NULL;
    fp_pool_set* set = NULL;
    fp_channel* channel = NULL;
    fp_watch* watch = NULL;
    fp_handle held = 0;
    uint32_t number = 0;
    size_t count = 0;
    void* bytes = NULL;
    char byte = 0;

    pools[0] = made.pool;
    EXPECT_BAD(fp_client_open(NULL, NULL));
    EXPECT_BAD(fp_client_open_in_process(NULL));
    EXPECT_BAD(fp_client_copy(NULL, &client));
    EXPECT_BAD(fp_client_copy(made.client, NULL));
    EXPECT(fp_client_get_id(NULL) == 0);
    EXPECT_BAD(fp_client_get_limits(NULL, &limits));
    EXPECT_BAD(fp_client_get_limits(made.client, NULL));

    EXPECT_BAD(fp_pool_create(NULL, &options, &pool));
    EXPECT_BAD(fp_pool_create(made.client, NULL, &pool));
    EXPECT_BAD(fp_pool_create(made.client, &options, NULL));
    EXPECT_BAD(fp_pool_attach(NULL, name, 0, &pool));
    EXPECT_BAD(fp_pool_attach(made.client, NULL, 0, &pool));
    EXPECT_BAD(fp_pool_attach(made.client, name, 0, NULL));
    EXPECT_BAD(fp_pool_destroy(NULL, name));
    EXPECT_BAD(fp_pool_destroy(made.client, NULL));
    EXPECT_BAD(fp_pool_copy(NULL, &pool));
    EXPECT_BAD(fp_pool_copy(made.pool, NULL));
    EXPECT_BAD(fp_pool_get_info(NULL, &info));
    EXPECT_BAD(fp_pool_get_info(made.pool, NULL));
    EXPECT_BAD(fp_pool_get_usage(NULL, &usage));
    EXPECT_BAD(fp_pool_get_usage(made.pool, NULL));
    EXPECT(fp_pool_trim(NULL) == 0);

    EXPECT_BAD(fp_pool_allocate(NULL, 0, &held));
    EXPECT_BAD(fp_pool_allocate(made.pool, 0, NULL));
    EXPECT_BAD(fp_pool_allocate_all(NULL, 0, &held, 1));
    EXPECT_BAD(fp_pool_allocate_all(made.pool, 0, NULL, 1));
    EXPECT_BAD(fp_pool_allocate_some(NULL, 0, &held, 1, &count));
    EXPECT_BAD(fp_pool_allocate_some(made.pool, 0, NULL, 1, &count));
    EXPECT_BAD(fp_pool_allocate_some(made.pool, 0, &held, 1, NULL));
    EXPECT_BAD(fp_pool_allocate_for(NULL, 0, &held, 1, 0));
    EXPECT_BAD(fp_pool_allocate_for(made.pool, 0, NULL, 1, 0));
    EXPECT_BAD(fp_pool_allocate_until(NULL, 0, &held, 1, 0));
    EXPECT_BAD(fp_pool_allocate_until(made.pool, 0, NULL, 1, 0));
    EXPECT_BAD(fp_pool_free(NULL, held));
    EXPECT_BAD(fp_pool_free_all(NULL, &held, 1, &count));
    EXPECT_BAD(fp_pool_free_all(made.pool, NULL, 1, &count));
    EXPECT_BAD(fp_pool_allocate_bytes(NULL, &bytes));
    EXPECT_BAD(fp_pool_allocate_bytes(made.pool, NULL));
    EXPECT_BAD(fp_pool_deallocate_bytes(NULL, &byte));
    EXPECT(fp_pool_get(NULL, held) == NULL);
    EXPECT(fp_pool_handle_of(NULL, &byte) == 0);
    EXPECT(fp_pool_handle_of(made.pool, NULL) == 0);
    EXPECT(fp_pool_owns(NULL, &byte) == 0);
    EXPECT(fp_pool_owns(made.pool, NULL) == 0);
    EXPECT_BAD(fp_pool_index_of(NULL, held, &number));
    EXPECT_BAD(fp_pool_index_of(made.pool, held, NULL));
    EXPECT_BAD(fp_pool_check(NULL, held, &number));
    EXPECT_BAD(fp_pool_check(made.pool, held, NULL));
    EXPECT_BAD(fp_pool_read(NULL, held, 0, &byte, 1));
    EXPECT_BAD(fp_pool_read(made.pool, held, 0, NULL, 1));
    EXPECT_BAD(fp_pool_write(NULL, held, 0, &byte, 1));
    EXPECT_BAD(fp_pool_write(made.pool, held, 0, NULL, 1));
    EXPECT_BAD(fp_pool_give(NULL, &held, 1, 1, &count));
    EXPECT_BAD(fp_pool_give(made.pool, NULL, 1, 1, &count));
    EXPECT_BAD(fp_pool_share(NULL, held, 1));
    EXPECT_BAD(fp_pool_adopt(NULL, held));

    EXPECT_OK(fp_scope_create(made.client, &some));
    EXPECT_BAD(fp_scope_create(NULL, &scope));
    EXPECT_BAD(fp_scope_create(made.client, NULL));
    EXPECT_BAD(fp_scope_nested(NULL, &scope));
    EXPECT_BAD(fp_scope_nested(some, NULL));
    EXPECT_BAD(fp_scope_allocate(NULL, made.pool, 0, &held, 1));
    EXPECT_BAD(fp_scope_allocate(some, NULL, 0, &held, 1));
    EXPECT_BAD(fp_scope_allocate(some, made.pool, 0, NULL, 1));
    EXPECT_BAD(fp_scope_release(NULL, NULL));
    EXPECT_BAD(fp_scope_dissolve(NULL, NULL));
    fp_scope_close(some);

    EXPECT_BAD(fp_pool_set_create(NULL, name, pools, 1, &set));
    EXPECT_BAD(fp_pool_set_create(made.client, NULL, pools, 1, &set));
    EXPECT_BAD(fp_pool_set_create(made.client, name, NULL, 1, &set));
    EXPECT_BAD(fp_pool_set_create(made.client, name, pools, 1, NULL));
    EXPECT_BAD(fp_pool_set_open(NULL, name, pools, 1, &set));
    EXPECT_BAD(fp_pool_set_open(made.client, NULL, pools, 1, &set));
    EXPECT_BAD(fp_pool_set_open(made.client, name, NULL, 1, &set));
    EXPECT_BAD(fp_pool_set_open(made.client, name, pools, 1, NULL));
    EXPECT_BAD(fp_pool_set_destroy(NULL, name));
    EXPECT_BAD(fp_pool_set_destroy(made.client, NULL));
    EXPECT_BAD(fp_pool_set_allocate(NULL, 1, 0, &held, NULL, NULL));
    EXPECT_OK(fp_pool_set_create(made.client, name, pools, 1, &set));
    EXPECT_BAD(fp_pool_set_allocate(set, 1, 0, NULL, NULL, NULL));
    fp_pool_set_close(set);

    ways.capacity = 1;
    ways.flags = FP_CHANNEL_SEND | FP_CHANNEL_RECEIVE;
    EXPECT_BAD(fp_channel_create(NULL, &ways, &channel));
    EXPECT_BAD(fp_channel_create(made.pool, NULL, &channel));
    EXPECT_BAD(fp_channel_create(made.pool, &ways, NULL));
    EXPECT_BAD(fp_channel_open(NULL, name, FP_CHANNEL_SEND, &channel));
    EXPECT_BAD(fp_channel_open(made.pool, NULL, FP_CHANNEL_SEND, &channel));
    EXPECT_BAD(fp_channel_open(made.pool, name, FP_CHANNEL_SEND, NULL));
    EXPECT(fp_channel_descriptor(NULL) == -1);
    EXPECT_BAD(fp_channel_send(NULL, &held, 1, &count));
    EXPECT_BAD(fp_channel_receive(NULL, &held, 1, &count));
    EXPECT_OK(fp_channel_create(made.pool, &ways, &channel));
    EXPECT_BAD(fp_channel_send(channel, NULL, 1, &count));
    EXPECT_BAD(fp_channel_receive(channel, NULL, 1, &count));
    EXPECT_BAD(fp_channel_receive(channel, &held, 1, NULL));
    fp_channel_close(channel);

    EXPECT_BAD(fp_watch_create(NULL, 1, 0, &watch));
    EXPECT_BAD(fp_watch_create(made.pool, 1, 0, NULL));
    EXPECT(fp_watch_descriptor(NULL) == -1);
    EXPECT(fp_watch_signals(NULL) == 0);
    EXPECT(in_use(made.pool) == 0);
    end(&made);
}

/* As of a program that was built with a later version of the header. */
struct later_options {
    struct fp_pool_options known;
    uint64_t unknown;
};
struct later_usage {
    struct fp_pool_usage known;
    uint64_t unknown;
};

void c_sizes(c_opener open, const char* name) {
    struct bench made = begin(open, name);
    struct later_options later;
    struct later_usage usage;
    struct fp_limits limits = FP_LIMITS_INIT;
    struct fp_pool_info info = FP_POOL_INFO_INIT;
    struct fp_channel_options ways = FP_CHANNEL_OPTIONS_INIT;
    char other_name[FIXEDPOOL_NAME_SIZE];
    fp_pool* pool = NULL;
    fp_channel* channel = NULL;
    void* block = NULL;

    (void)snprintf(other_name, sizeof(other_name), "%.25s-later", name);
    memset(&later, 0, sizeof(later));
    later.known = small_pool(other_name);
    later.known.size = sizeof(later);
    later.unknown = 1;
    EXPECT_STATUS(FP_ERROR_INVALID_ARGUMENT, fp_pool_create(made.client, &later.known, &pool));
    later.unknown = 0;
    later.known.flags = 512;
    EXPECT_STATUS(FP_ERROR_INVALID_ARGUMENT, fp_pool_create(made.client, &later.known, &pool));
    later.known.flags = FP_POOL_AUTO_DESTROY;
    later.known.caching = 3;
    EXPECT_STATUS(FP_ERROR_INVALID_ARGUMENT, fp_pool_create(made.client, &later.known, &pool));
    later.known.caching = 0;
    later.known.storage = 2;
    EXPECT_STATUS(FP_ERROR_INVALID_ARGUMENT, fp_pool_create(made.client, &later.known, &pool));
    later.known.storage = 0;
    later.known.numa_node = 77; /* and is not meant */
    EXPECT(pool == NULL);
    later.known.flags |= FP_POOL_ZERO_ON_FREE;
    EXPECT_OK(fp_pool_create(made.client, &later.known, &pool));
    EXPECT_OK(fp_pool_allocate_bytes(pool, &block));
    memset(block, 1, 1);
    EXPECT_OK(fp_pool_deallocate_bytes(pool, block));
    EXPECT(*(const char*)block == 0);
    fp_pool_close(pool);
    pool = NULL;
    later.known.flags |= FP_POOL_NUMA_NODE;
    later.known.numa_node = -7;
    EXPECT_STATUS(FP_ERROR_INVALID_ARGUMENT, fp_pool_create(made.client, &later.known, &pool));
    later.known.flags = FP_POOL_AUTO_DESTROY;
    later.known.size = 0;
    EXPECT_STATUS(FP_ERROR_INVALID_ARGUMENT, fp_pool_create(made.client, &later.known, &pool));
    later.known.size = sizeof(later.known) - 1;
    EXPECT_STATUS(FP_ERROR_INVALID_ARGUMENT, fp_pool_create(made.client, &later.known, &pool));
    later.known.size = SIZE_MAX;
    EXPECT_STATUS(FP_ERROR_INVALID_ARGUMENT, fp_pool_create(made.client, &later.known, &pool));
    EXPECT(pool == NULL);

    memset(&usage, 0xff, sizeof(usage));
    usage.known.size = sizeof(usage);
    EXPECT_OK(fp_pool_get_usage(made.pool, &usage.known));
    EXPECT(usage.known.size == sizeof(usage));
    EXPECT(usage.known.blocks == blocks);
    EXPECT(usage.unknown == 0);
    usage.known.size = offsetof(struct fp_pool_usage, waiters);
    EXPECT_STATUS(FP_ERROR_INVALID_ARGUMENT, fp_pool_get_usage(made.pool, &usage.known));
    usage.known.size = SIZE_MAX;
    EXPECT_STATUS(FP_ERROR_INVALID_ARGUMENT, fp_pool_get_usage(made.pool, &usage.known));
    limits.size = 1;
    EXPECT_STATUS(FP_ERROR_INVALID_ARGUMENT, fp_client_get_limits(made.client, &limits));
    info.size = 1;
    EXPECT_STATUS(FP_ERROR_INVALID_ARGUMENT, fp_pool_get_info(made.pool, &info));
    ways.size = 1;
    EXPECT_STATUS(FP_ERROR_INVALID_ARGUMENT, fp_channel_create(made.pool, &ways, &channel));
    EXPECT(channel == NULL);
    end(&made);
}

int c_everything(c_opener open, const char* name) {
    struct fp_pool_options options = small_pool(name);
    struct fp_channel_options ways = FP_CHANNEL_OPTIONS_INIT;
    const fp_pool* pools[1];
    fp_client* client = NULL;
    fp_client* client_copy = NULL;
    fp_pool* pool = NULL;
    fp_pool* pool_copy = NULL;
    fp_scope* scope = NULL;
    fp_scope* nested = NULL;
    fp_pool_set* set = NULL;
    fp_channel* channel = NULL;
    fp_watch* watch = NULL;
    fp_handle held = 0;
    int status = open(&client);

    ways.name = "a-name-that-needs-memory-itself";
    ways.capacity = 4;
    ways.flags = FP_CHANNEL_SEND | FP_CHANNEL_RECEIVE;
    if (status == FP_OK)
        status = fp_client_copy(client, &client_copy);
    if (status == FP_OK)
        status = fp_pool_create(client, &options, &pool);
    if (status == FP_OK)
        status = fp_pool_copy(pool, &pool_copy);
    if (status == FP_OK)
        status = fp_scope_create(client, &scope);
    if (status == FP_OK)
        status = fp_scope_nested(scope, &nested);
    if (status == FP_OK)
        status = fp_scope_allocate(nested, pool, 0, &held, 1);
    if (status == FP_OK)
        status = fp_scope_dissolve(nested, NULL);
    if (status == FP_OK)
        status = fp_pool_allocate_for(pool, 0, &held, 1, FP_NEVER);
    pools[0] = pool;
    if (status == FP_OK)
        status = fp_pool_set_create(client, name, pools, 1, &set);
    if (status == FP_OK)
        status = fp_channel_create(pool, &ways, &channel);
    if (status == FP_OK)
        status = fp_channel_send(channel, &held, 1, NULL);
    if (status == FP_OK)
        status = fp_watch_create(pool, 1, 0, &watch);
    fp_watch_close(watch);
    fp_channel_close(channel);
    fp_pool_set_close(set);
    fp_scope_close(nested);
    fp_scope_close(scope);
    fp_pool_close(pool_copy);
    fp_pool_close(pool);
    fp_client_close(client_copy);
    fp_client_close(client);
    return status;
}
