/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Who pays for a pool's memory: the module's limit for all pools together, and
 * the creator's RLIMIT_MEMLOCK. (The memory cgroup is charged by the
 * allocators themselves.)
 */
#ifndef FIXEDPOOL_ACCOUNT_H
#define FIXEDPOOL_ACCOUNT_H

#include <linux/types.h>

struct user_struct;

/**
 * struct charge - what has been charged, to be given back
 * @bytes: against the module's limit
 * @pages: against the locked memory of @user
 * @user: the creator, or NULL if it may lock any amount
 * @limit: pages that @user may lock, as it was when the charge began
 */
struct charge {
	u64 bytes;
	unsigned long pages;
	struct user_struct *user;
	unsigned long limit;
};

int charge_memory(struct charge *charge, u64 bytes, bool charge_user);
void uncharge_memory(struct charge *charge);
int charge_more(struct charge *charge, u64 bytes);
void charge_less(struct charge *charge, u64 bytes);
u64 account_max_bytes(void);

#endif /* FIXEDPOOL_ACCOUNT_H */
