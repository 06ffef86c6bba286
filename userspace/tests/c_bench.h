/* SPDX-License-Identifier: MIT */
/*
 * What the calls from C share: what is expected of them, and a client with a pool.
 */
#ifndef FIXEDPOOL_TESTS_C_BENCH_H
#define FIXEDPOOL_TESTS_C_BENCH_H

#include "c_calls.h"

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

static inline struct fp_pool_options small_pool(const char* name) {
    struct fp_pool_options options = FP_POOL_OPTIONS_INIT;

    options.name = name;
    options.block_size = block_size;
    options.blocks = blocks;
    options.flags = FP_POOL_AUTO_DESTROY;
    return options;
}

static inline struct bench begin(c_opener open, const char* name) {
    struct fp_pool_options options = small_pool(name);
    struct bench made = {NULL, NULL};

    EXPECT_OK(open(&made.client));
    EXPECT_OK(fp_pool_create(made.client, &options, &made.pool));
    return made;
}

static inline void end(struct bench* made) {
    fp_pool_close(made->pool);
    fp_client_close(made->client);
}

static inline uint32_t in_use(const fp_pool* pool) {
    struct fp_pool_usage usage = FP_POOL_USAGE_INIT;

    EXPECT_OK(fp_pool_get_usage(pool, &usage));
    return usage.in_use;
}

static inline uint32_t state_of(const fp_pool* pool, fp_handle name) {
    uint32_t state = 0;

    EXPECT_OK(fp_pool_check(pool, name, &state));
    return state;
}

#endif
