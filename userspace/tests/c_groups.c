/* SPDX-License-Identifier: MIT */
/* Scopes, sets, channels and watches, from C. */
#include "c_bench.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

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
