/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The pools there are: names, handle space, permission, lifetime.
 *
 * A pool has a reference from its name, from each attached client, from each
 * mapping, from each channel and from each kernel user. Taking the name away ends none of the
 * others; the memory goes with the last of them.
 */
#ifndef FIXEDPOOL_REGISTRY_H
#define FIXEDPOOL_REGISTRY_H

#include "pool.h"

/**
 * struct registry_observer - who is told of names
 * @added: the pool is complete, its name is not yet to be found; an error
 *	stops the creation
 * @removed: the name cannot be found any more
 *
 * Both run under the registry's lock, in turn for each pool, in process
 * context.
 */
struct registry_observer {
	int (*added)(struct fixedpool *pool);
	void (*removed)(struct fixedpool *pool);
};

void registry_init(const struct registry_observer *observer);
void registry_exit(void);

struct fixedpool *registry_create(const struct fixedpool_params *params,
				  bool by_client);
struct fixedpool *registry_get(const char *name);
struct fixedpool *registry_attach(const char *name);
void registry_detach(struct fixedpool *pool);
int registry_destroy(const char *name);
void registry_unlink(struct fixedpool *pool);
void registry_ref(struct fixedpool *pool);
void registry_put(struct fixedpool *pool);
u32 registry_max_pools(void);
bool registry_name_valid(const char *name);

#endif /* FIXEDPOOL_REGISTRY_H */
