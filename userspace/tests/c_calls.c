/* SPDX-License-Identifier: MIT */
#include "c_calls.h"

#include <errno.h>
#include <math.h> /* has names that begin with FP_, too */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define EXPECT(holds)                                                                              \
    do {                                                                                           \
        if (!(holds))                                                                              \
            c_amiss(#holds, __FILE__, __LINE__);                                                   \
    } while (0)

#define EXPECT_STATUS(wanted, call)                                                                \
    do {                                                                                           \
        const int status_ = (call);                                                                \
        if (status_ != (wanted)) {                                                                 \
            c_amiss(#call, __FILE__, __LINE__);                                                    \
            c_amiss(fp_strerror(status_), "is", status_);                                          \
        }                                                                                          \
    } while (0)

#define EXPECT_OK(call) EXPECT_STATUS(FP_OK, call)

enum { block_size = 64, blocks = 16 };

/* A client, and a pool that goes with it. */
struct bench {
    fp_client* client;
    fp_pool* pool;
};

static struct fp_pool_options small_pool(const char* name) {
    struct fp_pool_options options = FP_POOL_OPTIONS_INIT;

    options.name = name;
    options.block_size = block_size;
    options.blocks = blocks;
    options.flags = FP_POOL_AUTO_DESTROY;
    return options;
}

static struct bench begin(c_opener open, const char* name) {
    struct fp_pool_options options = small_pool(name);
    struct bench made = {NULL, NULL};

    EXPECT_OK(open(&made.client));
    EXPECT_OK(fp_pool_create(made.client, &options, &made.pool));
    return made;
}

static void end(struct bench* made) {
    fp_pool_close(made->pool);
    fp_client_close(made->client);
}

static uint32_t in_use(const fp_pool* pool) {
    struct fp_pool_usage usage = FP_POOL_USAGE_INIT;

    EXPECT_OK(fp_pool_get_usage(pool, &usage));
    return usage.in_use;
}

static uint32_t state_of(const fp_pool* pool, fp_handle name) {
    uint32_t state = 0;

    EXPECT_OK(fp_pool_check(pool, name, &state));
    return state;
}

void c_errors(void) {
    EXPECT(strcmp(fp_strerror(FP_OK), "no error") == 0);
    EXPECT(strcmp(fp_strerror(FP_ERROR_OUT_OF_BLOCKS), "the pool has no free block") == 0);
    EXPECT(strcmp(fp_strerror(FP_SYSTEM_ERROR(EMFILE)), "Too many open files") == 0);
    EXPECT(strcmp(fp_strerror(1), "unknown cause") == 0);
    EXPECT(strcmp(fp_strerror(-4095), "unknown cause") == 0);
    EXPECT(strcmp(fp_strerror(-4096), "unknown cause") == 0);
    EXPECT(strcmp(fp_strerror(FP_SYSTEM_ERROR(4000)), "unknown cause") == 0);
    EXPECT(strcmp(fp_strerror(INT32_MIN), "unknown cause") == 0);
    EXPECT(fp_errno(FP_OK) == 0);
    EXPECT(fp_errno(FP_ERROR_OUT_OF_BLOCKS) == ENOBUFS);
    EXPECT(fp_errno(FP_ERROR_NO_SUCH_WATCH) == ENOENT);
    EXPECT(fp_errno(FP_SYSTEM_ERROR(EMFILE)) == EMFILE);
    EXPECT(fp_errno(17) == 0);
    EXPECT(fp_errno(-4095) == 0);
    EXPECT(fp_errno(-4096) == 0);
    EXPECT(fp_errno(INT32_MIN) == 0);
    EXPECT(FP_NAN != 4711); /* of <math.h> */
}

void c_clients(c_opener open) {
    struct fp_limits limits = FP_LIMITS_INIT;
    fp_client* client = NULL;
    fp_client* other = NULL;
    fp_client* copy = NULL;
    fp_client* none = NULL;

    EXPECT_STATUS(FP_ERROR_NO_DEVICE, fp_client_open("/nonexistent", &none));
    EXPECT_STATUS(FP_ERROR_NOT_THE_DEVICE, fp_client_open("/dev/null", &none));
    EXPECT(none == NULL);
    EXPECT_OK(open(&client));
    EXPECT_OK(open(&other));
    EXPECT_OK(fp_client_copy(client, &copy));
    EXPECT(copy != client);
    EXPECT(fp_client_get_id(client) != 0);
    EXPECT(fp_client_get_id(client) == fp_client_get_id(copy));
    EXPECT(fp_client_get_id(client) != fp_client_get_id(other));
    EXPECT_OK(fp_client_get_limits(client, &limits));
    EXPECT(limits.size == sizeof(limits));
    EXPECT(limits.max_block_size == FIXEDPOOL_MAX_BLOCK_SIZE);
    EXPECT(limits.max_batch == FIXEDPOOL_MAX_BATCH);
    fp_client_close(client);
    EXPECT(fp_client_get_id(copy) != 0);
    fp_client_close(copy);
    fp_client_close(other);
    fp_client_close(NULL);
}

void c_pools(c_opener open, const char* name) {
    struct fp_pool_options options = small_pool(name);
    struct fp_pool_info info = FP_POOL_INFO_INIT;
    struct fp_pool_usage usage = FP_POOL_USAGE_INIT;
    struct bench made = begin(open, name);
    fp_client* other_client = NULL;
    fp_pool* other = NULL;
    fp_pool* copy = NULL;
    fp_pool* none = NULL;
    fp_handle held = 0;

    EXPECT_OK(fp_pool_get_info(made.pool, &info));
    EXPECT(strcmp(info.name, name) == 0);
    EXPECT(info.block_size == block_size);
    EXPECT(info.stride >= block_size);
    EXPECT(info.alignment == 16);
    EXPECT(info.capacity == blocks);
    EXPECT(info.storage == FP_STORAGE_PAGES);
    EXPECT(info.mappable == 1);

    EXPECT_STATUS(FP_ERROR_NAME_TAKEN, fp_pool_create(made.client, &options, &none));
    EXPECT_STATUS(FP_ERROR_ALREADY_ATTACHED,
                  fp_pool_attach(made.client, name, FP_CACHING_AUTOMATIC, &none));
    EXPECT_OK(open(&other_client));
    EXPECT_STATUS(FP_ERROR_NO_SUCH_POOL,
                  fp_pool_attach(other_client, "nowhere", FP_CACHING_NONE, &none));
    EXPECT_STATUS(FP_ERROR_INVALID_ARGUMENT, fp_pool_attach(other_client, name, 3, &none));
    EXPECT(none == NULL);
    EXPECT_OK(fp_pool_attach(other_client, name, FP_CACHING_EXACT, &other));
    EXPECT_OK(fp_pool_copy(other, &copy));
    fp_pool_close(other);
    EXPECT_OK(fp_pool_allocate(copy, 0, &held));
    EXPECT_OK(fp_pool_get_usage(made.pool, &usage));
    EXPECT(usage.size == sizeof(usage));
    EXPECT(usage.in_use == 1);
    EXPECT(usage.peak == 1);
    EXPECT(usage.clients == 2);
    EXPECT(usage.blocks == blocks);
    EXPECT(usage.waiters == 0);
    EXPECT(fp_pool_trim(copy) == 0);
    fp_pool_close(copy); /* and the block goes back */
    EXPECT(in_use(made.pool) == 0);

    EXPECT_OK(fp_pool_destroy(made.client, name));
    EXPECT_STATUS(FP_ERROR_NO_SUCH_POOL, fp_pool_destroy(made.client, name));
    options.name = NULL;
    options.flags = 0;
    EXPECT_OK(fp_pool_create(made.client, &options, &none));
    EXPECT_OK(fp_pool_get_info(none, &info));
    EXPECT(strlen(info.name) > 0);
    fp_pool_close(none);
    none = NULL;
    options.name = "a/b";
    EXPECT_STATUS(FP_ERROR_INVALID_ARGUMENT, fp_pool_create(made.client, &options, &none));
    EXPECT_STATUS(FP_ERROR_NO_SUCH_POOL, fp_pool_destroy(made.client, options.name));
    fp_client_close(other_client);
    end(&made);
    fp_pool_close(NULL);
}

void c_blocks(c_opener open, const char* name) {
    struct bench made = begin(open, name);
    fp_handle all[blocks + 1] = {0};
    fp_handle one = 0;
    size_t count = 99;
    uint32_t index = 99;
    uint32_t i = 0;

    EXPECT_OK(fp_pool_allocate(made.pool, 0, &one));
    EXPECT(one != 0);
    EXPECT(state_of(made.pool, one) == (FP_HANDLE_ALIVE | FP_HANDLE_MINE));
    EXPECT_OK(fp_pool_index_of(made.pool, one, &index));
    EXPECT(index < blocks);
    EXPECT_STATUS(FP_ERROR_WRONG_POOL, fp_pool_index_of(made.pool, 0, &index));
    EXPECT_STATUS(FP_ERROR_INVALID_ARGUMENT, fp_pool_allocate(made.pool, 2, &one));
    EXPECT_OK(fp_pool_free(made.pool, one));
    EXPECT_STATUS(FP_ERROR_DOUBLE_FREE, fp_pool_free(made.pool, one));
    EXPECT(fp_pool_get(made.pool, one) == NULL);
    EXPECT(state_of(made.pool, one) == 0);
    EXPECT(fp_pool_free(made.pool, 0) != FP_OK);
    EXPECT(fp_pool_free(made.pool, UINT64_MAX) != FP_OK);

    EXPECT_STATUS(FP_ERROR_OUT_OF_BLOCKS, fp_pool_allocate_all(made.pool, 0, all, blocks + 1));
    EXPECT(in_use(made.pool) == 0);
    EXPECT_STATUS(FP_ERROR_INVALID_ARGUMENT, fp_pool_allocate_all(made.pool, 8, all, 1));
    EXPECT_OK(fp_pool_allocate_all(made.pool, 0, all, 4));
    EXPECT_OK(fp_pool_allocate_all(made.pool, 0, NULL, 0));
    EXPECT_OK(fp_pool_allocate_some(made.pool, 0, all + 4, blocks, &count));
    EXPECT(count == blocks - 4);
    EXPECT_STATUS(FP_ERROR_OUT_OF_BLOCKS, fp_pool_allocate_some(made.pool, 0, &one, 1, &count));
    EXPECT_STATUS(FP_ERROR_OUT_OF_BLOCKS, fp_pool_allocate(made.pool, 0, &one));
    EXPECT_STATUS(FP_ERROR_OUT_OF_BLOCKS, fp_pool_allocate(made.pool, FP_ALLOCATE_ZERO, &one));
    for (i = 0; i < blocks; i++)
        memset(fp_pool_get(made.pool, all[i]), 0xff, block_size);

    one = all[3];
    all[3] = all[2]; /* freed before, then */
    EXPECT_STATUS(FP_ERROR_DOUBLE_FREE, fp_pool_free_all(made.pool, all, blocks, &count));
    EXPECT(count == 3);
    all[3] = one;
    EXPECT_OK(fp_pool_free_all(made.pool, all + 3, blocks - 3, NULL));
    EXPECT(in_use(made.pool) == 0);

    EXPECT_OK(fp_pool_allocate_all(made.pool, FP_ALLOCATE_ZERO, all, blocks - 1));
    EXPECT_OK(fp_pool_allocate(made.pool, FP_ALLOCATE_ZERO, &all[blocks - 1]));
    for (i = 0; i < blocks; i++) {
        const unsigned char* bytes = fp_pool_get(made.pool, all[i]);

        EXPECT(bytes[0] == 0 && memcmp(bytes, bytes + 1, block_size - 1) == 0);
    }
    EXPECT_OK(fp_pool_free_all(made.pool, all, blocks, &count));
    EXPECT(count == blocks);
    EXPECT_OK(fp_pool_free_all(made.pool, NULL, 0, &count));
    EXPECT(count == 0);
    end(&made);
}

void c_waiting(c_opener open, const char* name) {
    struct bench made = begin(open, name);
    fp_handle all[blocks] = {0};
    fp_handle one = 0;

    EXPECT_OK(fp_pool_allocate_for(made.pool, 0, all, blocks - 1, FP_NEVER));
    EXPECT_OK(fp_pool_allocate_until(made.pool, FP_ALLOCATE_ZERO, all + blocks - 1, 1, FP_NEVER));
    EXPECT_STATUS(FP_ERROR_TIMED_OUT, fp_pool_allocate_for(made.pool, 0, &one, 1, 1000000));
    EXPECT_STATUS(FP_ERROR_TIMED_OUT, fp_pool_allocate_for(made.pool, 0, &one, 1, 0));
    EXPECT_STATUS(FP_ERROR_TIMED_OUT, fp_pool_allocate_for(made.pool, 0, &one, 1, INT64_MIN));
    EXPECT_STATUS(FP_ERROR_TIMED_OUT, fp_pool_allocate_until(made.pool, 0, &one, 1, 1));
    EXPECT_STATUS(FP_ERROR_TIMED_OUT, fp_pool_allocate_until(made.pool, 0, &one, 1, -1));
    EXPECT_STATUS(FP_ERROR_INVALID_ARGUMENT, fp_pool_allocate_for(made.pool, 2, &one, 1, 0));
    EXPECT_OK(fp_pool_free_all(made.pool, all, blocks, NULL));
    {
        fp_handle too_many[blocks + 1];

        EXPECT_STATUS(FP_ERROR_BEYOND_CAPACITY,
                      fp_pool_allocate_for(made.pool, 0, too_many, blocks + 1, FP_NEVER));
    }
    end(&made);
}

void c_bytes(c_opener open, const char* name) {
    struct bench made = begin(open, name);
    struct fp_pool_options options;
    char name_of_slab[FIXEDPOOL_NAME_SIZE];
    unsigned char there[block_size];
    unsigned char back[block_size];
    void* bytes = NULL;
    fp_handle held = 0;
    fp_pool* slab = NULL;
    int i = 0;

    EXPECT_OK(fp_pool_allocate_bytes(made.pool, &bytes));
    EXPECT(fp_pool_owns(made.pool, bytes) == 1);
    EXPECT(fp_pool_owns(made.pool, (char*)bytes + 1) == 0);
    EXPECT(fp_pool_owns(made.pool, &made) == 0);
    held = fp_pool_handle_of(made.pool, bytes);
    EXPECT(held != 0);
    EXPECT(fp_pool_get(made.pool, held) == bytes);
    EXPECT_STATUS(FP_ERROR_NOT_A_BLOCK, fp_pool_deallocate_bytes(made.pool, (char*)bytes + 1));
    EXPECT_STATUS(FP_ERROR_NOT_A_BLOCK, fp_pool_deallocate_bytes(made.pool, NULL));
    EXPECT_OK(fp_pool_deallocate_bytes(made.pool, bytes));
    EXPECT_STATUS(FP_ERROR_NOT_A_BLOCK, fp_pool_deallocate_bytes(made.pool, bytes));
    EXPECT(fp_pool_handle_of(made.pool, bytes) == 0);
    EXPECT(fp_pool_owns(made.pool, bytes) == 1);

    for (i = 0; i < block_size; i++)
        there[i] = (unsigned char)i;
    (void)snprintf(name_of_slab, sizeof(name_of_slab), "%.25s-slab", name);
    options = small_pool(name_of_slab);
    options.storage = FP_STORAGE_SLAB;
    EXPECT_OK(fp_pool_create(made.client, &options, &slab));
    EXPECT_STATUS(FP_ERROR_NOT_MAPPABLE, fp_pool_allocate_bytes(slab, &bytes));
    EXPECT_OK(fp_pool_allocate(slab, FP_ALLOCATE_ZERO, &held));
    EXPECT(fp_pool_get(slab, held) == NULL);
    EXPECT_OK(fp_pool_write(slab, held, 1, there + 1, block_size - 1));
    EXPECT_OK(fp_pool_read(slab, held, 0, back, block_size));
    EXPECT(memcmp(there, back, block_size) == 0);
    EXPECT_STATUS(FP_ERROR_BEYOND_BLOCK, fp_pool_write(slab, held, 1, there, block_size));
    EXPECT_STATUS(FP_ERROR_BEYOND_BLOCK, fp_pool_read(slab, held, 0, back, (size_t)1 << 32));
    EXPECT_OK(fp_pool_read(slab, held, 0, NULL, 0));
    EXPECT_OK(fp_pool_free(slab, held));
    EXPECT_STATUS(FP_ERROR_STALE_HANDLE, fp_pool_read(slab, held, 0, back, 1));
    EXPECT_STATUS(FP_ERROR_STALE_HANDLE, fp_pool_write(slab, held, 0, there, 1));
    fp_pool_close(slab);
    end(&made);
}

void c_holders(c_opener open, const char* name) {
    struct bench made = begin(open, name);
    fp_client* other_client = NULL;
    fp_pool* other = NULL;
    fp_handle held[3] = {0};
    fp_client_id receiver = 0;
    size_t count = 99;

    EXPECT_OK(open(&other_client));
    receiver = fp_client_get_id(other_client);
    EXPECT_OK(fp_pool_allocate_all(made.pool, 0, held, 3));
    EXPECT_STATUS(FP_ERROR_CLIENT_NOT_ATTACHED, fp_pool_share(made.pool, held[0], receiver));
    EXPECT_OK(fp_pool_attach(other_client, name, FP_CACHING_AUTOMATIC, &other));
    EXPECT_STATUS(FP_ERROR_NOT_HOLDER, fp_pool_adopt(other, held[0]));
    EXPECT_STATUS(FP_ERROR_NOT_HOLDER, fp_pool_free(other, held[0]));
    EXPECT_OK(fp_pool_share(made.pool, held[0], receiver));
    EXPECT(state_of(made.pool, held[0]) == (FP_HANDLE_ALIVE | FP_HANDLE_MINE | FP_HANDLE_SHARED));
    EXPECT_OK(fp_pool_adopt(other, held[0]));
    EXPECT_OK(fp_pool_free(made.pool, held[0]));
    EXPECT(state_of(other, held[0]) == (FP_HANDLE_ALIVE | FP_HANDLE_MINE));
    EXPECT_STATUS(FP_ERROR_NO_SUCH_CLIENT,
                  fp_pool_give(made.pool, held + 1, 2, UINT32_MAX, &count));
    EXPECT(count == 0);
    EXPECT_OK(fp_pool_give(made.pool, held + 1, 2, receiver, &count));
    EXPECT(count == 2);
    EXPECT(state_of(made.pool, held[1]) == FP_HANDLE_ALIVE);
    EXPECT_STATUS(FP_ERROR_NOT_HOLDER, fp_pool_give(made.pool, held + 1, 1, receiver, NULL));
    EXPECT_STATUS(FP_ERROR_NOT_HOLDER, fp_pool_share(made.pool, held[1], receiver));
    EXPECT_OK(fp_pool_adopt(other, held[1]));
    EXPECT_OK(fp_pool_free_all(other, held, 3, NULL));
    EXPECT_STATUS(FP_ERROR_STALE_HANDLE, fp_pool_adopt(other, held[1]));
    EXPECT(in_use(made.pool) == 0);
    fp_pool_close(other);
    fp_client_close(other_client);
    end(&made);
}

void c_scopes(c_opener open, const char* name) {
    struct bench made = begin(open, name);
    fp_handle names[blocks + 1] = {0};
    fp_scope* outer = NULL;
    fp_scope* inner = NULL;
    fp_scope* none = NULL;
    uint64_t count = 99;

    EXPECT_OK(fp_scope_create(made.client, &outer));
    EXPECT_OK(fp_scope_nested(outer, &inner));
    EXPECT_STATUS(FP_ERROR_OUT_OF_BLOCKS,
                  fp_scope_allocate(inner, made.pool, 0, names, blocks + 1));
    EXPECT_STATUS(FP_ERROR_INVALID_ARGUMENT, fp_scope_allocate(inner, made.pool, 2, names, 1));
    EXPECT_OK(fp_scope_allocate(inner, made.pool, 0, names, 3));
    EXPECT_OK(fp_scope_allocate(outer, made.pool, FP_ALLOCATE_ZERO, names + 3, 2));
    EXPECT_OK(fp_scope_dissolve(inner, &count));
    EXPECT(count == 3);
    EXPECT_STATUS(FP_ERROR_SCOPE_ENDED, fp_scope_dissolve(inner, NULL));
    EXPECT_STATUS(FP_ERROR_SCOPE_ENDED, fp_scope_release(inner, NULL));
    EXPECT_STATUS(FP_ERROR_SCOPE_ENDED, fp_scope_nested(inner, &none));
    EXPECT_STATUS(FP_ERROR_SCOPE_ENDED, fp_scope_allocate(inner, made.pool, 0, names, 1));
    fp_scope_close(inner);
    EXPECT_OK(fp_scope_nested(outer, &inner));
    EXPECT_OK(fp_scope_release(outer, &count));
    EXPECT(count == 5);
    EXPECT(state_of(made.pool, names[0]) == 0);
    EXPECT_STATUS(FP_ERROR_SCOPE_ENDED, fp_scope_nested(inner, &none)); /* with the outer one */
    EXPECT_STATUS(FP_ERROR_SCOPE_ENDED, fp_scope_release(inner, &count));
    EXPECT(none == NULL);
    fp_scope_close(inner);
    fp_scope_close(outer);

    EXPECT_OK(fp_scope_create(made.client, &outer));
    EXPECT_OK(fp_scope_allocate(outer, made.pool, 0, names, 1));
    fp_scope_close(outer);
    EXPECT(in_use(made.pool) == 0);
    fp_scope_close(NULL);
    end(&made);
}

void c_sets(c_opener open, const char* name) {
    struct bench made = begin(open, name);
    struct fp_pool_options options;
    char name_of_large[FIXEDPOOL_NAME_SIZE];
    const fp_pool* pools[2];
    const fp_pool* many[40];
    fp_pool* large = NULL;
    fp_pool_set* set = NULL;
    fp_pool_set* none = NULL;
    fp_handle held[2] = {0};
    void* bytes = NULL;
    size_t size = 0;
    size_t i = 0;

    (void)snprintf(name_of_large, sizeof(name_of_large), "%.25s-large", name);
    options = small_pool(name_of_large);
    options.block_size = 256;
    EXPECT_OK(fp_pool_create(made.client, &options, &large));
    pools[0] = large;
    pools[1] = made.pool;
    EXPECT_OK(fp_pool_set_create(made.client, name, pools, 2, &set));
    EXPECT_STATUS(FP_ERROR_NAME_TAKEN, fp_pool_set_create(made.client, name, pools, 2, &none));
    EXPECT_STATUS(FP_ERROR_ALREADY_OPEN, fp_pool_set_open(made.client, name, pools, 2, &none));
    EXPECT_STATUS(FP_ERROR_NO_SUCH_SET, fp_pool_set_open(made.client, "none", pools, 2, &none));
    EXPECT_STATUS(FP_ERROR_INVALID_ARGUMENT,
                  fp_pool_set_create(made.client, "none", NULL, 0, &none));
    for (i = 0; i < 40; i++)
        many[i] = made.pool;
    EXPECT_STATUS(FP_ERROR_INVALID_ARGUMENT,
                  fp_pool_set_create(made.client, "none", many, 40, &none));
    pools[1] = NULL;
    EXPECT_STATUS(FP_ERROR_BAD_ADDRESS, fp_pool_set_create(made.client, "none", pools, 2, &none));
    EXPECT(none == NULL);

    EXPECT_OK(fp_pool_set_allocate(set, 10, 0, &held[0], &bytes, &size));
    EXPECT(size == block_size);
    EXPECT(fp_pool_get(made.pool, held[0]) == bytes);
    EXPECT_OK(fp_pool_set_allocate(set, 65, FP_ALLOCATE_ZERO, &held[1], NULL, NULL));
    EXPECT(*(char*)fp_pool_get(large, held[1]) == 0);
    EXPECT_STATUS(FP_ERROR_TOO_LARGE_FOR_SET,
                  fp_pool_set_allocate(set, 257, 0, &held[0], NULL, NULL));
    EXPECT_STATUS(FP_ERROR_INVALID_ARGUMENT, fp_pool_set_allocate(set, 0, 0, &held[0], NULL, NULL));
    EXPECT_STATUS(FP_ERROR_INVALID_ARGUMENT, fp_pool_set_allocate(set, 1, 2, &held[0], NULL, NULL));
    EXPECT_OK(fp_pool_free_all(made.pool, held, 2, NULL));
    EXPECT_OK(fp_pool_set_destroy(made.client, name));
    EXPECT_STATUS(FP_ERROR_NO_SUCH_SET, fp_pool_set_destroy(made.client, name));
    fp_pool_set_close(set);
    fp_pool_set_close(NULL);
    {
        fp_client* other_client = NULL;
        fp_pool* other = NULL;
        const fp_pool* others[1];

        pools[1] = made.pool;
        EXPECT_OK(fp_pool_set_create(made.client, name, pools + 1, 1, &set));
        EXPECT_OK(open(&other_client));
        EXPECT_OK(fp_pool_attach(other_client, name, FP_CACHING_NONE, &other));
        others[0] = other;
        EXPECT_OK(fp_pool_set_open(other_client, name, others, 1, &none));
        fp_pool_set_close(none);
        fp_pool_set_close(set);
        fp_pool_close(other);
        fp_client_close(other_client);
    }
    fp_pool_close(large);
    end(&made);
}

static int events_of(int descriptor, short asked) {
    struct pollfd entry = {descriptor, asked, 0};

    return poll(&entry, 1, 0) == 1 ? entry.revents : 0;
}

void c_channels(c_opener open, const char* name) {
    struct bench made = begin(open, name);
    struct fp_channel_options options = FP_CHANNEL_OPTIONS_INIT;
    fp_client* other_client = NULL;
    fp_pool* other = NULL;
    fp_channel* sender = NULL;
    fp_channel* receiver = NULL;
    fp_channel* none = NULL;
    fp_handle sent[4] = {0};
    fp_handle received[4] = {0};
    size_t count = 99;

    EXPECT_OK(open(&other_client));
    EXPECT_OK(fp_pool_attach(other_client, name, FP_CACHING_AUTOMATIC, &other));
    options.name = "to";
    options.capacity = 2;
    EXPECT_STATUS(FP_ERROR_INVALID_ARGUMENT, fp_channel_create(made.pool, &options, &none));
    options.flags = FP_CHANNEL_SEND | 8;
    EXPECT_STATUS(FP_ERROR_INVALID_ARGUMENT, fp_channel_create(made.pool, &options, &none));
    options.flags = FP_CHANNEL_SEND | FP_CHANNEL_NONBLOCK;
    EXPECT_OK(fp_channel_create(made.pool, &options, &sender));
    EXPECT_STATUS(FP_ERROR_NAME_TAKEN, fp_channel_create(made.pool, &options, &none));
    EXPECT_STATUS(FP_ERROR_NO_SUCH_CHANNEL,
                  fp_channel_open(other, "elsewhere", FP_CHANNEL_RECEIVE, &none));
    EXPECT_STATUS(FP_ERROR_INVALID_ARGUMENT, fp_channel_open(other, "to", 0, &none));
    EXPECT(none == NULL);
    EXPECT_OK(fp_channel_open(other, "to", FP_CHANNEL_RECEIVE | FP_CHANNEL_NONBLOCK, &receiver));

    EXPECT_STATUS(FP_ERROR_WOULD_BLOCK, fp_channel_receive(receiver, received, 4, &count));
    EXPECT(events_of(fp_channel_descriptor(receiver), POLLIN) == 0);
    EXPECT_OK(fp_pool_allocate_all(made.pool, 0, sent, 4));
    EXPECT_OK(fp_channel_send(sender, sent, 4, &count));
    EXPECT(count == 2);
    EXPECT_STATUS(FP_ERROR_WOULD_BLOCK, fp_channel_send(sender, sent + 2, 1, NULL));
    EXPECT(events_of(fp_channel_descriptor(receiver), POLLIN) == POLLIN);
    EXPECT_OK(fp_channel_receive(receiver, received, 4, &count));
    EXPECT(count == 2);
    EXPECT(memcmp(sent, received, 2 * sizeof(sent[0])) == 0);
    EXPECT_STATUS(FP_ERROR_NOT_HOLDER, fp_channel_send(sender, sent, 1, &count));
    EXPECT(count == 0);
    EXPECT_OK(fp_pool_free_all(other, received, 2, NULL));
    EXPECT_OK(fp_channel_send(sender, sent + 2, 1, NULL));
    fp_channel_close(sender);
    EXPECT_OK(fp_channel_receive(receiver, received, 1, &count));
    EXPECT(count == 1);
    EXPECT_OK(fp_channel_receive(receiver, received + 1, 1, &count));
    EXPECT(count == 0); /* there will be nothing */

    EXPECT_OK(fp_channel_open(made.pool, "to", FP_CHANNEL_SEND, &sender));
    fp_channel_close(receiver);
    EXPECT_STATUS(FP_ERROR_NO_RECEIVER, fp_channel_send(sender, sent + 3, 1, NULL));
    fp_channel_close(sender);
    fp_channel_close(NULL);

    options.name = NULL;
    options.flags = FP_CHANNEL_SEND | FP_CHANNEL_RECEIVE;
    EXPECT_OK(fp_channel_create(made.pool, &options, &sender));
    EXPECT_OK(fp_channel_send(sender, sent + 3, 1, NULL));
    EXPECT_OK(fp_channel_receive(sender, received, 4, &count));
    EXPECT(count == 1 && received[0] == sent[3]);
    fp_channel_close(sender);
    fp_pool_close(other);
    fp_client_close(other_client);
    end(&made);
}

void c_watches(c_opener open, const char* name) {
    struct bench made = begin(open, name);
    struct pollfd entry = {-1, POLLIN, 0};
    fp_watch* watch = NULL;
    fp_watch* none = NULL;
    fp_handle held[blocks] = {0};

    EXPECT_STATUS(FP_ERROR_INVALID_ARGUMENT, fp_watch_create(made.pool, 0, 0, &none));
    EXPECT_STATUS(FP_ERROR_INVALID_ARGUMENT, fp_watch_create(made.pool, 5, 4, &none));
    EXPECT(none == NULL);
    EXPECT_OK(fp_watch_create(made.pool, 4, 0, &watch));
    EXPECT(fp_watch_signals(watch) == 0);
    entry.fd = fp_watch_descriptor(watch);
    EXPECT(entry.fd >= 0);
    EXPECT_OK(fp_pool_allocate_all(made.pool, 0, held, blocks));
    EXPECT(poll(&entry, 1, 60000) == 1);
    EXPECT(fp_watch_signals(watch) == 1);
    EXPECT(fp_watch_signals(watch) == 0);
    fp_watch_close(watch);
    fp_watch_close(NULL);
    end(&made);
}

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
