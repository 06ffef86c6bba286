/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include <fixedpool/fixedpool.h>

int main(void) {
    struct fp_pool_options options = FP_POOL_OPTIONS_INIT;
    fp_client* client = NULL;
    fp_pool* pool = NULL;
    void* block = NULL;
    int good = 0;

    options.name = "blocks";
    options.block_size = 64;
    options.blocks = 1000;
    if (fp_client_open_in_process(&client) == 0 && fp_pool_create(client, &options, &pool) == 0 &&
        fp_pool_allocate_bytes(pool, &block) == 0) {
        strcpy((char*)block, "installed");
        good = strcmp((char*)block, "installed") == 0 && fp_pool_deallocate_bytes(pool, block) == 0;
    }
    fp_pool_close(pool);
    fp_client_close(client);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
