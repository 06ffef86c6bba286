// SPDX-License-Identifier: GPL-2.0
/* As mechanism.c; sets without the layer that pools get their names from. */
#include "../../module/set.c"

void registry_ref(struct fixedpool *pool)
{
	refcount_inc(&pool->refs);
}

void registry_put(struct fixedpool *pool)
{
	refcount_dec(&pool->refs);
}

bool registry_name_valid(const char *name)
{
	return name[0];
}
