// SPDX-License-Identifier: GPL-2.0
/*
 * What /proc/<pid>/fdinfo/<descriptor> says of a client. Others may read it who
 * may trace the process: it tells nothing that its owner could not be told.
 */
#include "fdinfo.h"

#include <linux/bitops.h>
#include <linux/seq_file.h>

#include "client_set.h"

/**
 * struct held - what a client holds of a pool, counted
 * @blocks: in all
 * @scopes: scopes that have some
 * @last: the scope seen last, if there was one
 */
struct held {
	u64 blocks;
	u32 scopes;
	u32 last;
};

static void count_held(void *data, u32 scope, u32 word, unsigned long mask)
{
	struct held *held = data;

	if (!held->scopes || held->last != scope)
		held->scopes++;
	held->last = scope;
	held->blocks += hweight_long(mask);
}

static void show_attachment(struct seq_file *file, struct attachment *att)
{
	struct held held = {};

	attachment_each(att, count_held, &held);
	seq_printf(file, "pool:\t%s id %u blocks %llu scopes %u\n",
		   att->pool->name, att->pool->id, held.blocks, held.scopes);
}

static void show_pools(struct seq_file *file, struct client *client)
{
	struct attachment *att;
	unsigned long unit;

	xa_for_each(&client->attachments, unit, att) {
		/* it may go meanwhile */
		att = client_attachment(client, unit);
		if (!att)
			continue;
		/* an entry for each unit of the pool, the first counts */
		if (unit == att->pool->id)
			show_attachment(file, att);
		attachment_put(att);
	}
}

static void show_sets(struct seq_file *file, struct client *client)
{
	struct fixedpool_set *set;
	unsigned long id;

	xa_for_each(&client->sets, id, set) {
		set = client_set(client, id);
		if (!set)
			continue;
		seq_printf(file, "set:\t%s id %u pools %u\n", set->name,
			   set->id, set->count);
		set_put(set);
	}
}

/**
 * fdinfo_client() - tell what a client has
 * @file: where
 * @client: the client, whose file the caller has
 *
 * Context: process, without mmap_lock; may sleep. O(blocks of its pools).
 */
void fdinfo_client(struct seq_file *file, struct client *client)
{
	seq_printf(file, "client:\t%u\n", client->id);
	if (READ_ONCE(client->ended))
		seq_puts(file, "ended:\t1\n");
	show_pools(file, client);
	show_sets(file, client);
}
