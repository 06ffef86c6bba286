// SPDX-License-Identifier: GPL-2.0
/* Charging pools; see account.h. */
#include "account.h"

#include <linux/atomic.h>
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/sched/signal.h>
#include <linux/sched/user.h>

static unsigned long long max_bytes;
module_param(max_bytes, ullong, 0644);
MODULE_PARM_DESC(max_bytes, "bytes in all pools together, 0: no limit");

static atomic64_t charged_bytes = ATOMIC64_INIT(0);

/**
 * account_max_bytes() - the module's limit
 *
 * Return: bytes, 0 if there is none.
 */
u64 account_max_bytes(void)
{
	return READ_ONCE(max_bytes);
}

static unsigned long pages_of(u64 bytes)
{
	return DIV_ROUND_UP_ULL(bytes, PAGE_SIZE);
}

static int charge_module(u64 bytes)
{
	u64 limit = account_max_bytes();
	s64 old = atomic64_read(&charged_bytes);

	if (!limit)
		limit = S64_MAX;
	do {
		if (bytes > limit || old > limit - bytes)
			return -ENOSPC;
	} while (!atomic64_try_cmpxchg(&charged_bytes, &old, old + bytes));
	return 0;
}

static int charge_locked(struct user_struct *user, unsigned long pages,
			 unsigned long limit)
{
	long old = atomic_long_read(&user->locked_vm);

	do {
		if (pages > limit || old > limit - pages)
			return -EDQUOT;
	} while (!atomic_long_try_cmpxchg(&user->locked_vm, &old, old + pages));
	return 0;
}

/**
 * charge_memory() - charge the memory of a pool before it is allocated
 * @charge: filled with what uncharge_memory() needs
 * @bytes: how much
 * @charge_user: the pool is made by the current process for itself
 *
 * Context: process.
 * Return: 0; -ENOMEM if it is more than the machine has; -ENOSPC if the
 * module's limit forbids it; -EDQUOT if RLIMIT_MEMLOCK does.
 */
int charge_memory(struct charge *charge, u64 bytes, bool charge_user)
{
	int error;

	*charge = (struct charge) { .bytes = bytes };
	error = charge_module(bytes);
	if (error)
		return error;
	if (charge_user && !capable(CAP_IPC_LOCK)) {
		charge->pages = pages_of(bytes);
		charge->user = get_uid(current_user());
		charge->limit = rlimit(RLIMIT_MEMLOCK) >> PAGE_SHIFT;
		error = charge_locked(charge->user, charge->pages,
				      charge->limit);
		if (error) {
			charge->pages = 0;
			uncharge_memory(charge);
			return error;
		}
	}
	/* Trying would take all the memory there is before it failed. */
	if (bytes >> PAGE_SHIFT > totalram_pages()) {
		uncharge_memory(charge);
		return -ENOMEM;
	}
	return 0;
}

/**
 * uncharge_memory() - give back what charge_memory() took
 * @charge: the charge
 *
 * Context: process.
 */
void uncharge_memory(struct charge *charge)
{
	if (charge->user) {
		atomic_long_sub(charge->pages, &charge->user->locked_vm);
		free_uid(charge->user);
	}
	atomic64_sub(charge->bytes, &charged_bytes);
}

/**
 * charge_more() - charge what is added to a pool, before it is allocated
 * @charge: from charge_memory(); the caller alone changes it
 * @bytes: how much more
 *
 * Whoever calls, the creator pays, within the limit it had when it made the
 * pool.
 *
 * Context: process.
 * Return: as charge_memory(); nothing has changed then.
 */
int charge_more(struct charge *charge, u64 bytes)
{
	u64 sum = charge->bytes + bytes;
	int error;

	error = charge_module(bytes);
	if (error)
		return error;
	if (pages_of(sum) > totalram_pages())
		error = -ENOMEM;
	else if (charge->user)
		error = charge_locked(charge->user, pages_of(sum) - charge->pages,
				      charge->limit);
	if (error) {
		atomic64_sub(bytes, &charged_bytes);
		return error;
	}
	if (charge->user)
		charge->pages = pages_of(sum);
	/* sysfs reads it */
	WRITE_ONCE(charge->bytes, sum);
	return 0;
}

/**
 * charge_less() - undo charge_more()
 * @charge: the charge; the caller alone changes it
 * @bytes: how much of it
 *
 * Context: process.
 */
void charge_less(struct charge *charge, u64 bytes)
{
	u64 rest = charge->bytes - bytes;

	if (charge->user) {
		atomic_long_sub(charge->pages - pages_of(rest),
				&charge->user->locked_vm);
		charge->pages = pages_of(rest);
	}
	atomic64_sub(bytes, &charged_bytes);
	WRITE_ONCE(charge->bytes, rest);
}
