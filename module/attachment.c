// SPDX-License-Identifier: GPL-2.0
/* What one client holds of one pool; see attachment.h. */
#include "attachment.h"

#include <linux/bitops.h>
#include <linux/err.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "registry.h"
#include "revoke.h"
#include "trace.h"
#include "word.h"

/* Ends attachments for those who may not, see attachment_put_later(). */
static struct workqueue_struct *workqueue;

/**
 * attachment_init() - get ready for attachments
 *
 * Return: 0 or -ENOMEM.
 */
int attachment_init(void)
{
	workqueue = alloc_workqueue("fixedpool", WQ_UNBOUND, 0);
	return workqueue ? 0 : -ENOMEM;
}

/**
 * attachment_exit() - no client is left; wait for what has been put off
 */
void attachment_exit(void)
{
	destroy_workqueue(workqueue);
}

static u32 held_words(const struct fixedpool *pool)
{
	return BITS_TO_LONGS((u64)pool_geometry(pool)->blocks);
}

/**
 * attachment_create() - a new attachment, holding nothing
 * @pool: the pool, a reference to which and whose count of clients become the
 *	attachment's
 * @client: number of the client
 * @opener: who opened its file
 *
 * Context: process; may sleep.
 * Return: the attachment with a reference; -EDQUOT or -ENOSPC if a limit forbids
 * what it takes; -ENOMEM. The pool is left then.
 */
struct attachment *attachment_create(struct fixedpool *pool,
				     u32 client, const struct opener *opener)
{
	size_t bytes = struct_size_t(struct attachment, held, held_words(pool));
	struct attachment *att = NULL;
	struct charge charge;
	int error;

	error = charge_memory(&charge, bytes, true);
	if (error)
		goto leave;
	att = kvzalloc(bytes, POOL_GFP);
	if (!att) {
		error = -ENOMEM;
		goto uncharge;
	}
	att->charge = charge;
	att->pool = pool;
	waiting_party_init(&att->party);
	att->client = client;
	att->opener = *opener;
	get_pid(att->opener.pid);
	att->since = ktime_get_ns();
	watching_init(&att->watching);
	parts_init(&att->parts);
	refcount_set(&att->refs, 1);
	refcount_set(&att->memory, 1);
	mutex_lock(&pool->attachments_lock);
	list_add_tail(&att->link, &pool->attachments);
	mutex_unlock(&pool->attachments_lock);
	return att;

uncharge:
	uncharge_memory(&charge);
leave:
	registry_detach(pool);
	return ERR_PTR(error);
}

/**
 * attachment_release_root() - give back all that the root scope holds
 * @att: the attachment
 *
 * Others may work on it: what they put there meanwhile may stay.
 *
 * Context: process; may sleep.
 * Return: how many blocks were held.
 */
u64 attachment_release_root(struct attachment *att)
{
	u32 words = held_words(att->pool);
	u64 count = 0;
	u32 word;

	for (word = 0; word < words; word++) {
		unsigned long mask;

		cond_resched();
		if (!READ_ONCE(att->held[word]))
			continue;
		mask = atomic_long_xchg(attachment_word(att, word), 0);
		if (!mask)
			continue;
		revoke_mask(att->pool, word, mask);
		pool_drop_word(att->pool, word, mask, HOLDER_CLIENT);
		count += hweight_long(mask);
	}
	return count;
}

/* Mappings of a revocable pool still look at it all, and find nothing then. */
static void release_all(struct attachment *att)
{
	u64 reclaimed = attachment_release_root(att);
	struct part *part;

	do {
		down_write(&att->parts.lock);
		part = parts_unlink_any(&att->parts);
		if (!part)
			parts_exit(&att->parts);
		up_write(&att->parts.lock);
		if (part)
			reclaimed += part_release(part, att->pool);
	} while (part);
	pool_count(att->pool, POOL_RECLAIMED, reclaimed);
	if (reclaimed)
		trace_fixedpool_reclaim(att->pool->name, att->client, reclaimed);
	if (READ_ONCE(att->early))
		pool_count(att->pool, POOL_RECLAIMED_EARLY, reclaimed);
}

/**
 * attachment_holds() - does the client hold a block, in whichever scope
 * @att: the attachment, whose memory at least the caller keeps
 * @index: the block
 *
 * Context: process; may sleep.
 */
bool attachment_holds(struct attachment *att, u32 index)
{
	unsigned long *word;
	bool held;

	if (test_bit(index, att->held))
		return true;
	if (!parts_used(&att->parts))
		return false;
	/* as in try_take_anywhere() */
	down_read(&att->parts.lock);
	word = parts_word(&att->parts, index);
	held = test_bit(index, att->held) ||
	       (word && test_bit(index % BITS_PER_LONG, word));
	up_read(&att->parts.lock);
	return held;
}

/**
 * attachment_each() - look at all that a client holds
 * @att: the attachment, which cannot end meanwhile, or not finish ending
 * @see: called for each group of 64 blocks of which a scope has some, by rising
 *	scope, from the root on, and group
 * @data: its first argument
 *
 * What changes meanwhile is seen as it was or as it is then.
 *
 * Context: process; may sleep. O(blocks).
 */
void attachment_each(struct attachment *att, holdings_see *see, void *data)
{
	u32 words = held_words(att->pool);
	u32 word;

	for (word = 0; word < words; word++) {
		unsigned long mask = READ_ONCE(att->held[word]);

		if (mask)
			see(data, PARTS_ROOT, word, mask);
		cond_resched();
	}
	if (!parts_used(&att->parts))
		return;
	down_read(&att->parts.lock);
	parts_each(&att->parts, see, data);
	up_read(&att->parts.lock);
}

/**
 * attachment_keep_memory() - be able to look at an attachment after its end
 * @att: the attachment; the caller has a reference
 *
 * Context: any.
 */
void attachment_keep_memory(struct attachment *att)
{
	refcount_inc(&att->memory);
}

/**
 * attachment_put_memory() - undo attachment_keep_memory()
 * @att: the attachment
 *
 * Context: any that may call kvfree_rcu().
 */
void attachment_put_memory(struct attachment *att)
{
	if (refcount_dec_and_test(&att->memory))
		kvfree_rcu(att, rcu);
}

static void attachment_end(struct attachment *att)
{
	release_all(att);
	/* not earlier: until then it holds what those who look should find */
	mutex_lock(&att->pool->attachments_lock);
	list_del(&att->link);
	mutex_unlock(&att->pool->attachments_lock);
	put_pid(att->opener.pid);
	uncharge_memory(&att->charge);
	registry_detach(att->pool);
	attachment_put_memory(att);
}

static void attachment_end_work(struct work_struct *work)
{
	attachment_end(container_of(work, struct attachment, work));
}

/**
 * attachment_put() - stop using an attachment
 * @att: the attachment, or NULL
 *
 * The last one gives back what the client held and leaves the pool.
 *
 * Context: process, without mmap_lock; may sleep.
 */
void attachment_put(struct attachment *att)
{
	if (att && refcount_dec_and_test(&att->refs))
		attachment_end(att);
}

/**
 * attachment_put_later() - the same, where mmap_lock is held
 * @att: the attachment
 *
 * The end of an attachment can be the end of a pool, which takes locks that
 * others hold while they take mmap_lock.
 *
 * Context: process.
 */
void attachment_put_later(struct attachment *att)
{
	if (!refcount_dec_and_test(&att->refs))
		return;
	INIT_WORK(&att->work, attachment_end_work);
	queue_work(workqueue, &att->work);
}
