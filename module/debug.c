// SPDX-License-Identifier: GPL-2.0
/*
 * Files of a pool in debugfs; see debug.h and docs/observing.md.
 *
 * Who reads takes no lock that the taking or giving of blocks needs. An open file
 * keeps the module, not the pool. To take a pool's name away is to wait for those
 * who are reading at that moment, with the registry's lock held, so that must not
 * be taken here, and who looks for long looks whether the name is still there; who
 * reads later gets an error.
 */
#include "debug.h"

#include <linux/debugfs.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/pid_namespace.h>
#include <linux/sched.h>
#include <linux/seq_file.h>

#include "channel.h"
#include "ranges.h"
#include "validate.h"

static struct dentry *root;

/**
 * struct scope_ranges - what a client holds, on its way to a file
 * @ranges: blocks of a scope
 * @file: where
 * @scope: the scope
 * @any: there was one
 */
struct scope_ranges {
	struct ranges ranges;
	struct seq_file *file;
	u32 scope;
	bool any;
};

static void show_holding(void *data, u32 scope, u32 word, unsigned long mask)
{
	struct scope_ranges *scopes = data;

	if (!scopes->any || scopes->scope != scope) {
		if (scopes->any)
			ranges_end(&scopes->ranges);
		seq_printf(scopes->file, "  scope %u: ", scope);
		ranges_begin(&scopes->ranges, scopes->file);
		scopes->scope = scope;
		scopes->any = true;
	}
	ranges_add(&scopes->ranges, word, mask);
}

static void show_attachment(struct seq_file *file, struct attachment *att)
{
	struct scope_ranges scopes = { .file = file };
	u64 age = ktime_get_ns() - att->since;
	u32 ms = do_div(age, NSEC_PER_SEC) / NSEC_PER_MSEC;

	seq_printf(file, "client %u: pid %d, comm ", att->client,
		   pid_nr_ns(att->opener.pid, task_active_pid_ns(current)));
	seq_escape(file, att->opener.comm, " \t\n\\");
	seq_printf(file, ", attached %llu.%03u s ago\n", age, ms);
	attachment_each(att, show_holding, &scopes);
	if (scopes.any)
		ranges_end(&scopes.ranges);
}

/* Blocks that modules hold. */
static void show_modules(struct seq_file *file, const struct fixedpool *pool)
{
	u32 blocks = pool_geometry(pool)->blocks;
	struct ranges ranges;
	u32 index;

	seq_puts(file, "modules: ");
	ranges_begin(&ranges, file);
	for (index = 0; index < blocks; index++) {
		if (READ_ONCE(pool->hot.holds[index]) >= HOLDER_KERNEL)
			ranges_add(&ranges, index / POOL_BATCH,
				   BIT(index % POOL_BATCH));
		if (index % SZ_64K == 0)
			cond_resched();
	}
	ranges_end(&ranges);
}

static void show_channel(void *data, const struct fixedpool_channel *channel)
{
	struct seq_file *file = data;

	seq_printf(file, "channel %s: %u of %lu handles, %u readers, %u writers\n",
		   channel->name[0] ? channel->name : "-",
		   ring_queued(&channel->ring), channel->ring.capacity,
		   channel->readers.ends, channel->writers.ends);
}

/* The list of attachments stays as it is while a buffer is filled. */
static void *holders_start(struct seq_file *file, loff_t *position)
{
	struct fixedpool *pool = file->private;

	mutex_lock(&pool->attachments_lock);
	return seq_list_start_head(&pool->attachments, *position);
}

static void *holders_next(struct seq_file *file, void *at, loff_t *position)
{
	struct fixedpool *pool = file->private;

	return seq_list_next(at, &pool->attachments, position);
}

static void holders_stop(struct seq_file *file, void *at)
{
	struct fixedpool *pool = file->private;

	mutex_unlock(&pool->attachments_lock);
}

static int holders_show(struct seq_file *file, void *at)
{
	struct fixedpool *pool = file->private;

	if (at != &pool->attachments) {
		show_attachment(file, list_entry(at, struct attachment, link));
		return 0;
	}
	show_modules(file, pool);
	channel_each(pool, show_channel, file);
	return 0;
}

static const struct seq_operations holders_sops = {
	.start = holders_start,
	.next = holders_next,
	.stop = holders_stop,
	.show = holders_show,
};
DEFINE_SEQ_ATTRIBUTE(holders);

static void show_sums(struct seq_file *file, const struct audit *audit)
{
	static const char *const names[AUDIT_TERMS] = {
		[AUDIT_DEPOT] = "depot",
		[AUDIT_MAGAZINES] = "magazines",
		[AUDIT_RACK] = "rack",
		[AUDIT_CLIENTS] = "clients",
		[AUDIT_MODULES] = "modules",
		[AUDIT_QUEUED] = "queued",
	};
	const struct audit_sums *sums = &audit->sums;
	u32 i;

	for (i = 0; i < AUDIT_TERMS; i++)
		seq_printf(file, "%s: %llu\n", names[i], sums->term[i]);
	seq_printf(file, "blocks: %u\n", pool_blocks(audit->pool));
	seq_printf(file, "promised: %llu\n", sums->promised);
	seq_printf(file, "holds: %llu of clients, %llu in channels, %llu of blocks\n",
		   sums->bits, sums->queued, sums->holds);
	seq_printf(file, "wrong: %llu in two places, %llu foreign, %llu counters\n",
		   sums->twice, sums->foreign, sums->counters);
}

static int valid_show(struct seq_file *file, void *unused)
{
	static const char *const verdicts[] = {
		[VALIDATE_WRONG] = "0",
		[VALIDATE_RIGHT] = "1",
		[VALIDATE_MOVING] = "moving",
	};
	struct fixedpool *pool = file->private;
	struct audit audit;
	int error = audit_init(&audit, pool);

	if (error)
		return error;
	seq_printf(file, "%s\n", verdicts[validate_pool(pool, &audit, true)]);
	show_sums(file, &audit);
	audit_exit(&audit);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(valid);

static int magazines_show(struct seq_file *file, void *unused)
{
	const struct fixedpool *pool = file->private;
	const struct magazines *mags = &pool->magazines;
	int cpu;

	seq_printf(file, "room: %u\n", mags->room);
	seq_printf(file, "state: %s\n", magazines_watched(mags) ? "shut, traced" :
		   READ_ONCE(mags->demands) ? "shut, somebody waits or watches" :
		   READ_ONCE(mags->shut) ? "shut, few blocks left" : "open");
	for_each_possible_cpu(cpu) {
		const struct fixedpool_magazine *mag = per_cpu_ptr(mags->cpu, cpu);
		/* its CPU works on it without care for us */
		u32 words = data_race(mag->words);

		seq_printf(file, "cpu %d: %u blocks, %u words\n", cpu,
			   magazine_count(mag), words);
	}
	seq_printf(file, "rack: %u of %u magazines\n",
		   atomic_read(&mags->rack.magazines), mags->rack.count);
	seq_printf(file, "depot: %lu blocks\n", depot_free(&pool->depot));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(magazines);

/* Blocks of a pool that keeps track of them, those that somebody holds. */
static void *tracks_at(const struct fixedpool *pool, loff_t *position)
{
	for (; *position < pool_geometry(pool)->blocks; ++*position) {
		if (pool_allocated(pool, *position))
			return &pool->track[*position];
		if (*position % SZ_64K == 0)
			cond_resched();
	}
	return NULL;
}

static void *tracks_start(struct seq_file *file, loff_t *position)
{
	return tracks_at(file->private, position);
}

static void *tracks_next(struct seq_file *file, void *at, loff_t *position)
{
	++*position;
	return tracks_at(file->private, position);
}

static void tracks_stop(struct seq_file *file, void *at)
{
}

static int tracks_show(struct seq_file *file, void *at)
{
	const struct fixedpool *pool = file->private;
	const struct track *track = at;
	unsigned long caller = READ_ONCE(track->caller);
	u64 age = track_age(track);
	u32 ms = do_div(age, NSEC_PER_SEC) / NSEC_PER_MSEC;

	seq_printf(file, "block %td: taken %llu.%03u s ago, pid %d",
		   track - pool->track, age, ms, READ_ONCE(track->pid));
	if (caller)
		seq_printf(file, ", from %pS", (void *)caller);
	seq_putc(file, '\n');
	return 0;
}

static const struct seq_operations tracks_sops = {
	.start = tracks_start,
	.next = tracks_next,
	.stop = tracks_stop,
	.show = tracks_show,
};
DEFINE_SEQ_ATTRIBUTE(tracks);

/**
 * debug_pool_added() - show a pool
 * @pool: the pool; it stays until debug_pool_removed() has returned
 *
 * Context: process; may sleep.
 */
void debug_pool_added(struct fixedpool *pool)
{
	pool->debug = debugfs_create_dir(pool->name, root);
	debugfs_create_file("holders", 0400, pool->debug, pool, &holders_fops);
	debugfs_create_file("valid", 0400, pool->debug, pool, &valid_fops);
	debugfs_create_file("magazines", 0400, pool->debug, pool,
			    &magazines_fops);
	if (pool->track)
		debugfs_create_file("tracks", 0400, pool->debug, pool,
				    &tracks_fops);
}

/**
 * debug_pool_removed() - stop showing a pool
 * @pool: the pool
 *
 * Waits for those who are reading a file.
 *
 * Context: process; may sleep.
 */
void debug_pool_removed(struct fixedpool *pool)
{
	debugfs_remove(pool->debug);
	pool->debug = NULL;
}

/**
 * debug_init() - make the folder of all pools
 */
void debug_init(void)
{
	root = debugfs_create_dir("fixedpool", NULL);
}

/**
 * debug_exit() - remove the folder; no pool is shown any more
 */
void debug_exit(void)
{
	debugfs_remove(root);
}
