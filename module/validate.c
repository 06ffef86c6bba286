// SPDX-License-Identifier: GPL-2.0
/* Does the accounting equation of a pool hold; see validate.h. */
#include "validate.h"

#include <linux/delay.h>
#include <linux/fixedpool.h>
#include <linux/rcupdate.h>

#include "channel.h"
#include "compat.h"

/* How often a pool is looked at before its books are said to be wrong. */
#define LOOKS_MAX	10
/* Before the second look; twice as long before each that follows, in all 1 s. */
#define PAUSE_MS	2

static void audit_holding(void *data, u32 scope, u32 word, unsigned long mask)
{
	audit_client(data, word, mask);
}

static void look(struct audit *audit, struct fixedpool *pool)
{
	struct attachment *att;

	audit_begin(audit);
	mutex_lock(&pool->attachments_lock);
	list_for_each_entry(att, &pool->attachments, link)
		attachment_each(att, audit_holding, audit);
	mutex_unlock(&pool->attachments_lock);
	audit_end(audit, channel_queued(pool));
}

/* Nothing has moved between two looks, as far as they tell. */
static bool same(const struct audit_sums *a, const struct audit_sums *b)
{
	return !memcmp(a, b, sizeof(*a));
}

/* Lets every processor get on, and every task; false if there is no use in that. */
static bool let_others_on(const struct fixedpool *pool, u32 ms, bool named)
{
	synchronize_rcu();
	for (; ms; ms -= PAUSE_MS) {
		/* whoever destroys the pool waits for us then */
		if (named && !READ_ONCE(pool->linked))
			return false;
		msleep(PAUSE_MS);
	}
	return true;
}

/**
 * validate_pool() - do the books of a pool balance
 * @pool: the pool
 * @audit: from audit_init(); left as the last look has filled it in
 * @named: do not look again when the pool has lost its name
 *
 * What is on its way from one place to another is found in neither, or in both.
 * So books are wrong only if they stay wrong in the same way however often one
 * looks. In between every processor gets on, also one that its host has stopped,
 * and then every task that was interrupted on the way.
 *
 * Context: process; may sleep, a second if books are wrong. O(blocks).
 * Return: the verdict.
 */
enum validate_verdict validate_pool(struct fixedpool *pool,
				    struct audit *audit, bool named)
{
	struct audit_sums first;
	u32 pause = PAUSE_MS;
	bool still = true;
	u32 i;

	look(audit, pool);
	first = audit->sums;
	for (i = 1; !audit_balanced(audit) && i < LOOKS_MAX; i++) {
		if (!let_others_on(pool, pause, named))
			return VALIDATE_MOVING;
		look(audit, pool);
		still &= same(&first, &audit->sums);
		pause = still ? 2 * pause : PAUSE_MS;
	}
	if (audit_balanced(audit))
		return VALIDATE_RIGHT;
	/* what is promised may be so for long, to who waits for a page of its own */
	return still && !audit_adds_up(audit) ? VALIDATE_WRONG :
						VALIDATE_MOVING;
}

/**
 * fixedpool_valid() - check that no block of a pool is lost or held by mistake
 * @pool: the pool
 *
 * For tests and for those who look for a mistake: it looks at every block. Where
 * blocks are taken and freed all the time it may find no moment to do so, and
 * says so.
 *
 * Context: Process context; may sleep.
 * Return: 0; -EUCLEAN if the books do not balance; -EAGAIN if too much moves, or
 * somebody is promised blocks and does not come to take them; -ENOMEM.
 */
int fixedpool_valid(struct fixedpool *pool)
{
	static const int errors[] = {
		[VALIDATE_WRONG] = -EUCLEAN,
		[VALIDATE_RIGHT] = 0,
		[VALIDATE_MOVING] = -EAGAIN,
	};
	struct audit audit;
	int error = audit_init(&audit, pool);

	if (error)
		return error;
	error = errors[validate_pool(pool, &audit, false)];
	audit_exit(&audit);
	return error;
}
FIXEDPOOL_EXPORT(fixedpool_valid);
