// SPDX-License-Identifier: GPL-2.0
/*
 * Scopes of a client and what they hold; see client_scope.h.
 *
 * Ending a scope against putting blocks into it: whoever puts asks whether the
 * scope is open, and sets the bits, under the lock of the attachment's parts,
 * for reading. Whoever ends a scope closes it first, and then takes that lock of
 * each attachment for writing. So bits are set either before the write lock is
 * had, and are found, or not at all. An attachment that has left the client
 * meanwhile is not looked at; what is put there goes back when its last call is
 * done.
 *
 * Ending against freeing: a bit of a part is looked for under the same lock.
 * Once a part is unlinked it is out of reach, so nobody else clears bits of it,
 * and what is given back is given back once.
 */
#include "client_scope.h"

#include <linux/err.h>

/**
 * client_scope_create() - make a scope
 * @client: the client
 * @parent: number of the scope it is to belong to
 * @number: set to its number
 *
 * Context: process; may sleep.
 * Return: 0 or an error of scope_create().
 */
int client_scope_create(struct client *client, u32 parent, u32 *number)
{
	struct scope *scope;

	mutex_lock(&client->lock);
	scope = scope_create(&client->scopes, parent);
	if (!IS_ERR(scope))
		*number = scope->number;
	mutex_unlock(&client->lock);
	return PTR_ERR_OR_ZERO(scope);
}

/**
 * client_scope_put() - put blocks into a scope
 * @client: the client
 * @att: its attachment
 * @number: of the scope, not the root
 * @word: number of a group of 64 blocks
 * @mask: which blocks of it; the caller has a hold of each
 *
 * Context: process; may sleep.
 * Return: 0; -ESTALE if the scope has ended; an error of parts_add().
 */
int client_scope_put(struct client *client, struct attachment *att, u32 number,
		     u32 word, unsigned long mask)
{
	int error = -ESTALE;

	down_read(&att->parts.lock);
	if (scope_open(&client->scopes, number))
		error = parts_add(&att->parts, number, word, mask);
	up_read(&att->parts.lock);
	return error;
}

/* Gives back what the closed scopes hold of one pool. */
static u64 release_parts(struct client *client, struct attachment *att)
{
	struct scope *scope;
	unsigned long number;
	u64 count = 0;

	xa_for_each(&client->scopes.scopes, number, scope) {
		struct part *part;

		if (!scope->closed)
			continue;
		down_write(&att->parts.lock);
		part = parts_unlink(&att->parts, scope->number);
		up_write(&att->parts.lock);
		if (part)
			count += part_release(part, att->pool);
	}
	return count;
}

static void close_below(struct client *client, u32 above)
{
	struct scope *scope;
	unsigned long number;

	xa_for_each(&client->scopes.scopes, number, scope) {
		if (scope_below(&client->scopes, scope, above))
			WRITE_ONCE(scope->closed, true);
	}
}

static void remove_closed(struct client *client)
{
	struct scope *scope;
	unsigned long number;

	xa_for_each(&client->scopes.scopes, number, scope) {
		if (scope->closed)
			scope_remove(&client->scopes, scope);
	}
}

/**
 * client_scope_release() - give back all in a scope and below, and end them
 * @client: the client
 * @number: of the scope; the root itself does not end
 * @released: set to the number of blocks held
 *
 * Context: process; may sleep.
 * Return: 0 or -ESTALE.
 */
int client_scope_release(struct client *client, u32 number, u64 *released)
{
	struct attachment *att;
	unsigned long unit;
	int error = -ESTALE;

	*released = 0;
	mutex_lock(&client->lock);
	if (number != SCOPE_ROOT && !scope_find(&client->scopes, number))
		goto unlock;
	close_below(client, number);
	xa_for_each(&client->attachments, unit, att) {
		/* an entry for each unit of the pool, the first counts */
		if (unit != att->pool->id)
			continue;
		*released += release_parts(client, att);
		if (number == SCOPE_ROOT)
			*released += attachment_release_root(att);
	}
	remove_closed(client);
	error = 0;
unlock:
	mutex_unlock(&client->lock);
	return error;
}

static int dissolve_part(struct attachment *att, const struct scope *scope,
			 u64 *moved)
{
	struct part *part;
	int error = 0;

	down_write(&att->parts.lock);
	if (scope->parent == SCOPE_ROOT) {
		part = parts_unlink(&att->parts, scope->number);
		if (part)
			*moved += part_pour(part, att->pool, att->held);
	} else {
		error = parts_pour(&att->parts, att->pool, scope->number,
				   scope->parent, moved);
	}
	up_write(&att->parts.lock);
	return error;
}

static void adopt(struct client *client, const struct scope *from)
{
	struct scope *scope;
	unsigned long number;

	xa_for_each(&client->scopes.scopes, number, scope) {
		if (scope->parent == from->number)
			scope->parent = from->parent;
	}
}

/**
 * client_scope_dissolve() - end a scope, leaving all in it to its parent
 * @client: the client
 * @number: of the scope, not the root
 * @moved: set to the number of blocks moved
 *
 * The scopes right below it belong to its parent from then on.
 *
 * Context: process; may sleep.
 * Return: 0; -ESTALE; -ENOMEM: the scope lives on with what is left in it.
 */
int client_scope_dissolve(struct client *client, u32 number, u64 *moved)
{
	struct attachment *att;
	struct scope *scope;
	unsigned long unit;
	int error = -ESTALE;

	*moved = 0;
	mutex_lock(&client->lock);
	scope = scope_find(&client->scopes, number);
	if (!scope)
		goto unlock;
	WRITE_ONCE(scope->closed, true);
	xa_for_each(&client->attachments, unit, att) {
		if (unit != att->pool->id)
			continue;
		error = dissolve_part(att, scope, moved);
		if (error) {
			WRITE_ONCE(scope->closed, false);
			goto unlock;
		}
	}
	adopt(client, scope);
	scope_remove(&client->scopes, scope);
	error = 0;
unlock:
	mutex_unlock(&client->lock);
	return error;
}
