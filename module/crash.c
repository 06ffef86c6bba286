// SPDX-License-Identifier: GPL-2.0
/*
 * Ending the clients of a dying process early; see crash.h.
 *
 * The address space of whoever attached a pool through a client, or asked for
 * one, last is watched by an mmu notifier. Its release runs in the task that
 * gives the address space up last, before anything is unmapped, and before that
 * task gives up its descriptors. A client may be ended there if nobody can ever
 * use it again, that is if
 *
 *   - the current task is exiting: it will not return to userspace, so what is
 *     in its table of descriptors is beyond its own reach. An exec, which gives
 *     up an address space and keeps descriptors, is no exit. Nor is anybody who
 *     only looked at the address space, as a reader of /proc/<pid>/mem does,
 *     and happens to give it up last; if such a one is exiting itself, what
 *     follows is about its own descriptors, and no less true.
 *   - the table is used by exiting threads of this process alone. A task made
 *     with CLONE_FILES that is of another process, or not exiting, has one
 *     more reference to it. So nobody can add to the table, copy it in a fork,
 *     or use what is in it without a reference to the file.
 *   - all references to the file are from that table. A descriptor in another
 *     table (fork, dup, a socket that it was sent over), in flight in a socket
 *     (SCM_RIGHTS), registered with an io_uring or just being used by a call
 *     has one more. Mappings have none: they stand on files of their own.
 *
 * None of these can become untrue again, with one exception: pidfd_getfd() can
 * still take a descriptor out of the table of a dying process. If it comes
 * before we count, there is one reference more; if it comes after, its caller
 * has a client that has ended, holds nothing and can attach nothing (EOWNERDEAD).
 * Kernels that refuse it for who is exiting ask before they take, so there the
 * caller must have been held up in between, from before the exit until we are
 * done.
 *
 * Whatever does not fit is left to the close of the file.
 */
#include "crash.h"

#include <linux/delay.h>
#include <linux/err.h>
#include <linux/fdtable.h>
#include <linux/fs.h>
#include <linux/mmu_notifier.h>
#include <linux/mutex.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>

#include "client.h"

/* How often, and how long, to wait for threads between two steps of their end. */
#define TABLE_TRIES	8
#define TABLE_WAIT_US	50

static const struct file_operations *client_fops;

/*
 * Protects: @dying and @descriptors of all clients.
 * Ordering: outermost; not held while a client is ended.
 */
static DEFINE_MUTEX(crash_lock);

static struct mmu_notifier *watch_alloc(struct mm_struct *mm)
{
	struct mmu_notifier *watch = kzalloc(sizeof(*watch), GFP_KERNEL_ACCOUNT);

	return watch ?: ERR_PTR(-ENOMEM);
}

static void watch_free(struct mmu_notifier *watch)
{
	kfree(watch);
}

/* Those threads of the current process that exit and still have this table. */
static int exiting_users(const struct files_struct *files)
{
	struct task_struct *thread;
	int users = 0;

	rcu_read_lock();
	for_each_thread(current, thread) {
		task_lock(thread);
		if (thread->files == files &&
		    READ_ONCE(thread->flags) & PF_EXITING)
			users++;
		task_unlock(thread);
	}
	rcu_read_unlock();
	return users;
}

/*
 * A thread that ends lets go of the table first and of its reference to it
 * next, and in between it seems to be somebody else. That does not last.
 */
static bool table_is_dead(const struct files_struct *files)
{
	int tries;

	for (tries = 0; tries < TABLE_TRIES; tries++) {
		/* In this order: a user that goes in between is counted in the
		 * table only, which is the safe way to be wrong.
		 */
		int references = atomic_read(&files->count);

		if (references <= exiting_users(files))
			return true;
		if (thread_group_empty(current))
			return false;
		usleep_range(TABLE_WAIT_US, 2 * TABLE_WAIT_US);
	}
	return false;
}

struct search {
	struct list_head *found;
};

/* Lists the clients of the table, and counts how often each is there. */
static int note_client(const void *data, struct file *file, unsigned int fd)
{
	const struct search *search = data;
	struct client *client;

	if (file->f_op != client_fops)
		return 0;
	client = file->private_data;
	if (list_empty(&client->dying)) {
		client->descriptors = 0;
		list_add(&client->dying, search->found);
	}
	client->descriptors++;
	return 0;
}

static void watch_release(struct mmu_notifier *watch, struct mm_struct *mm)
{
	struct files_struct *files = current->files;
	struct client *client, *next;
	LIST_HEAD(found);
	const struct search search = { .found = &found };

	if (!(current->flags & PF_EXITING) || !files || !table_is_dead(files))
		return;

	/* The table stays as it is until we leave it: so do the files. */
	mutex_lock(&crash_lock);
	iterate_fd(files, 0, note_client, &search);
	list_for_each_entry_safe(client, next, &found, dying) {
		if (file_count(client->file) != client->descriptors)
			list_del_init(&client->dying);
	}
	mutex_unlock(&crash_lock);

	/* They never leave this list, so that nobody else takes them, should one
	 * have been taken out of the table by pidfd_getfd().
	 */
	list_for_each_entry(client, &found, dying)
		client_end(client, true);
}

static const struct mmu_notifier_ops watch_ops = {
	.release = watch_release,
	.alloc_notifier = watch_alloc,
	.free_notifier = watch_free,
};

/**
 * crash_watch() - end a client early if the current process dies
 * @client: the client
 *
 * One address space is watched for each client, the last that this was called
 * in. That it cannot be is no error: the close of the file will do.
 *
 * Context: process, without mmap_lock; may sleep.
 */
void crash_watch(struct client *client)
{
	struct mm_struct *mm = current->mm;
	struct mmu_notifier *watch;

	if (!mm)
		return;
	mutex_lock(&client->lock);
	/* a watched one is not freed, so its address is nobody else's */
	if (!client->watch || client->watch->mm != mm) {
		watch = mmu_notifier_get(&watch_ops, mm);
		if (!IS_ERR(watch)) {
			crash_unwatch(client);
			client->watch = watch;
		}
	}
	mutex_unlock(&client->lock);
}

/**
 * crash_unwatch() - undo crash_watch()
 * @client: the client, locked or gone
 *
 * Context: process.
 */
void crash_unwatch(struct client *client)
{
	if (client->watch)
		mmu_notifier_put(client->watch);
	client->watch = NULL;
}

/**
 * crash_init() - get ready
 * @fops: how to know the file of a client, before there is any
 */
void crash_init(const struct file_operations *fops)
{
	client_fops = fops;
}

/**
 * crash_exit() - no client is left; wait for what is being freed
 */
void crash_exit(void)
{
	mmu_notifier_synchronize();
}
