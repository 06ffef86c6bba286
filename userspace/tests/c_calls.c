/* SPDX-License-Identifier: MIT */
/* Clients, pools and their blocks, from C. */
#include "c_bench.h"

#include <errno.h>
#include <math.h> /* has names that begin with FP_, too */
#include <stdio.h>
#include <string.h>

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
    EXPECT_STATUS(FP_ERROR_DOUBLE_FREE, fp_pool_deallocate_bytes(made.pool, bytes));
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
