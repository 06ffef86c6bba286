/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The scopes of a client: a tree of numbers. What a scope holds stands in the
 * attachments, see part.h. The root has number 0 and is not stored.
 */
#ifndef FIXEDPOOL_SCOPE_H
#define FIXEDPOOL_SCOPE_H

#include <linux/rcupdate.h>
#include <linux/xarray.h>

#include <uapi/linux/fixedpool.h>

#define SCOPE_ROOT	0U

/**
 * struct scope - a scope below the root
 * @number: of it
 * @parent: number of the scope it belongs to
 * @closed: it is being ended: nothing may be put into it any more
 * @rcu: frees it
 */
struct scope {
	u32 number;
	u32 parent;
	bool closed;
	struct rcu_head rcu;
};

/**
 * struct scopes - the scopes of a client below the root
 * @scopes: by number
 * @next: number to try first for the next
 * @count: how many there are
 *
 * Changed under the client's lock, which those who go up or down the tree hold.
 * That a scope is open is asked under RCU.
 */
struct scopes {
	struct xarray scopes;
	u32 next;
	u32 count;
};

void scopes_init(struct scopes *scopes);
void scopes_exit(struct scopes *scopes);

struct scope *scope_create(struct scopes *scopes, u32 parent);
struct scope *scope_find(struct scopes *scopes, u32 number);
bool scope_below(struct scopes *scopes, const struct scope *scope, u32 above);
void scope_remove(struct scopes *scopes, struct scope *scope);

/* May blocks be put into it at this moment? */
static inline bool scope_open(struct scopes *scopes, u32 number)
{
	struct scope *scope;
	bool open;

	rcu_read_lock();
	scope = xa_load(&scopes->scopes, number);
	open = scope && !READ_ONCE(scope->closed);
	rcu_read_unlock();
	return open;
}

#endif /* FIXEDPOOL_SCOPE_H */
