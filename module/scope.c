// SPDX-License-Identifier: GPL-2.0
/* The tree of a client's scopes; see scope.h. */
#include "scope.h"

#include <linux/err.h>
#include <linux/slab.h>

/**
 * scopes_init() - no scope but the root
 * @scopes: the scopes, zeroed
 */
void scopes_init(struct scopes *scopes)
{
	xa_init_flags(&scopes->scopes, XA_FLAGS_ALLOC1 | XA_FLAGS_ACCOUNT);
}

/**
 * scopes_exit() - free all scopes, which hold nothing any more
 * @scopes: the scopes
 */
void scopes_exit(struct scopes *scopes)
{
	struct scope *scope;
	unsigned long number;

	xa_for_each(&scopes->scopes, number, scope)
		kfree_rcu(scope, rcu);
	xa_destroy(&scopes->scopes);
}

/**
 * scope_find() - the scope of a number
 * @scopes: the scopes, locked
 * @number: the number
 *
 * Return: the scope, or NULL if there is none; the root is not found.
 */
struct scope *scope_find(struct scopes *scopes, u32 number)
{
	return xa_load(&scopes->scopes, number);
}

/* Scopes from @number up to the root, which does not count. */
static unsigned int depth_of(struct scopes *scopes, u32 number)
{
	unsigned int depth = 0;

	for (; number != SCOPE_ROOT; number = scope_find(scopes, number)->parent)
		depth++;
	return depth;
}

/**
 * scope_create() - a new scope
 * @scopes: the scopes, locked
 * @parent: number of the scope that it is to belong to
 *
 * Context: process; may sleep.
 * Return: the scope; -ESTALE if the parent is not there; -EMFILE or -EMLINK if
 * there would be too many or too deep ones; -ENOMEM.
 */
struct scope *scope_create(struct scopes *scopes, u32 parent)
{
	struct scope *scope;
	int error;

	if (parent != SCOPE_ROOT && !scope_find(scopes, parent))
		return ERR_PTR(-ESTALE);
	if (depth_of(scopes, parent) == FIXEDPOOL_MAX_SCOPE_DEPTH)
		return ERR_PTR(-EMLINK);
	if (scopes->count == FIXEDPOOL_MAX_SCOPES)
		return ERR_PTR(-EMFILE);
	scope = kzalloc(sizeof(*scope), GFP_KERNEL_ACCOUNT);
	if (!scope)
		return ERR_PTR(-ENOMEM);
	scope->parent = parent;
	/* round and round, so that a number that has ended stays dead long */
	error = xa_alloc_cyclic(&scopes->scopes, &scope->number, scope,
				XA_LIMIT(1, FIXEDPOOL_MAX_SCOPE), &scopes->next,
				GFP_KERNEL_ACCOUNT);
	if (error < 0) {
		kfree(scope);
		return ERR_PTR(-ENOMEM);
	}
	scopes->count++;
	return scope;
}

/**
 * scope_below() - is a scope another, or anywhere below it
 * @scopes: the scopes, locked
 * @scope: the one
 * @above: number of the other
 */
bool scope_below(struct scopes *scopes, const struct scope *scope, u32 above)
{
	while (scope->number != above) {
		if (scope->parent == above)
			return true;
		if (scope->parent == SCOPE_ROOT)
			return false;
		scope = scope_find(scopes, scope->parent);
	}
	return true;
}

/**
 * scope_remove() - end a scope, which holds nothing any more
 * @scopes: the scopes, locked
 * @scope: the scope; none has it for its parent
 */
void scope_remove(struct scopes *scopes, struct scope *scope)
{
	xa_erase(&scopes->scopes, scope->number);
	scopes->count--;
	kfree_rcu(scope, rcu);
}
