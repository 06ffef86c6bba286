// SPDX-License-Identifier: GPL-2.0
/* When magazines are shut, and when they open again; see magazine.h. */
#include "magazine_entry.h"

#include <linux/cpumask.h>
#include <linux/rcupdate.h>

/*
 * Protects: the list of all magazines, the number of those who watch.
 * Ordering: inside the lock of all tracepoints; @lock of magazines is taken
 * inside.
 */
static DEFINE_MUTEX(watch_lock);
static LIST_HEAD(all_magazines);
static unsigned int watchers;

/* Shuts the magazines, and drains them, or opens them again. */
static void set_shut(struct magazines *mags, bool shut)
{
	long limit = shut ? -1 : (long)mags->room - 1;
	int cpu;

	lockdep_assert_held(&mags->lock);
	if (mags->shut == shut)
		return;
	WRITE_ONCE(mags->shut, shut);
	for_each_possible_cpu(cpu)
		WRITE_ONCE(per_cpu_ptr(mags->cpu, cpu)->limit, limit);
	if (!shut)
		return;
	magazines_count_path(mags, PATH_SHUTS);
	magazines_drain(mags);
	/* those who took out of magazines have looked at no mark */
	waiting_look(mags->waiting);
}

/*
 * When the depot runs low, what is left goes into it, so that a caller who
 * cannot reach the magazines of other CPUs, as an interrupt cannot, finds the
 * last block as well. They open again when a good part has come back, unless
 * somebody demands that they stay shut, or watches.
 */
static void settle(struct magazines *mags)
{
	/* Between a demand that ended and the look at what is free: came() looks
	 * the other way round.
	 */
	smp_mb();
	if (magazines_to_stay_shut(mags) || magazines_reachable(mags) < mags->low)
		set_shut(mags, true);
	/* what came out of the magazines may be plenty */
	if (!magazines_to_stay_shut(mags) && magazines_reachable(mags) >= mags->high)
		set_shut(mags, false);
}

static void magazines_work(struct work_struct *work)
{
	struct magazines *mags = container_of(work, struct magazines, work);

	mutex_lock(&mags->lock);
	if (!mags->stopped)
		settle(mags);
	mutex_unlock(&mags->lock);
}

/**
 * magazines_demand() - have all blocks go through the depot
 * @mags: the pool's magazines
 *
 * When it returns, every free block is in the depot, and until
 * magazines_undemand() every one that becomes free goes there. Demands are counted.
 *
 *   1. The limits are set, then all CPUs are interrupted; one that was inside its
 *	magazine is interrupted again, until it is out. So all are done who go by
 *	an older limit: who fill a magazine, put one onto the rack, or load one.
 *	What they have left in magazines, the interrupt has put into the depot.
 *   2. From then on the rack gets no more. So it gets empty for good, and whoever
 *	has taken something from it has put it into the depot before drain_rack()
 *	is done.
 *   3. All of this is done under @lock, before anybody else who takes it finds
 *	them shut; and nobody opens them while there is a demand.
 *   4. A CPU that was going offline by then has not been interrupted, and can put
 *	nothing more into its magazine either. It is waited for until it is dead.
 *
 * Others may drain magazines at the same time without @lock. What they take out
 * of one is in the depot when our interrupt is served, since theirs was before;
 * what they take from the rack is as in 2.
 *
 * Context: process; may sleep.
 */
void magazines_demand(struct magazines *mags)
{
	if (!mags->room)
		return;
	mutex_lock(&mags->lock);
	WRITE_ONCE(mags->demands, mags->demands + 1);
	settle(mags);
	mutex_unlock(&mags->lock);
	magazines_wait_for_dead(mags);
}

/**
 * magazines_undemand() - end magazines_demand()
 * @mags: the pool's magazines
 *
 * Context: process; may sleep.
 */
void magazines_undemand(struct magazines *mags)
{
	if (!mags->room)
		return;
	mutex_lock(&mags->lock);
	WRITE_ONCE(mags->demands, mags->demands - 1);
	settle(mags);
	mutex_unlock(&mags->lock);
}

/**
 * magazines_undemand_shut() - magazines_undemand(), but do not open them
 * @mags: the pool's magazines
 *
 * For whoever has found too few free blocks, and may try again soon: no CPU is
 * interrupted then. They open when a block comes and there are enough.
 *
 * Context: process; may sleep.
 */
void magazines_undemand_shut(struct magazines *mags)
{
	if (!mags->room)
		return;
	mutex_lock(&mags->lock);
	WRITE_ONCE(mags->demands, mags->demands - 1);
	mutex_unlock(&mags->lock);
}

static void set_watched(struct magazines *mags, bool watched)
{
	lockdep_assert_held(&watch_lock);
	mutex_lock(&mags->lock);
	WRITE_ONCE(mags->watched, watched);
	settle(mags);
	mutex_unlock(&mags->lock);
}

static void watch_all(bool watched)
{
	struct magazines *mags;

	list_for_each_entry(mags, &all_magazines, link)
		set_watched(mags, watched);
}

/**
 * magazines_watch() - from now on, no block goes past whoever wants to see it
 *
 * Shuts the magazines of all pools, those to come too. A task that is taking or
 * giving many blocks at this moment may still do so unseen.
 *
 * Context: process; may sleep.
 * Return: 0.
 */
int magazines_watch(void)
{
	mutex_lock(&watch_lock);
	if (!watchers++)
		watch_all(true);
	mutex_unlock(&watch_lock);
	return 0;
}

/**
 * magazines_unwatch() - undo one magazines_watch()
 *
 * Context: process; may sleep.
 */
void magazines_unwatch(void)
{
	mutex_lock(&watch_lock);
	if (!--watchers)
		watch_all(false);
	mutex_unlock(&watch_lock);
}

/**
 * magazines_set_mark() - shut magazines earlier
 * @mags: the pool's magazines
 * @mark: as long as they are open, there are more free blocks than this, but for
 *	the moment that it takes to shut them
 *
 * Context: process; may sleep.
 */
void magazines_set_mark(struct magazines *mags, u32 mark)
{
	mutex_lock(&mags->lock);
	if (mags->low != mags->low_own + mark) {
		WRITE_ONCE(mags->low, mags->low_own + mark);
		WRITE_ONCE(mags->high, mags->high_own + mark);
		settle(mags);
	}
	mutex_unlock(&mags->lock);
}

/**
 * magazines_count() - free blocks, for who has set a mark or a demand
 * @mags: the pool's magazines
 *
 * Context: process; may sleep.
 * Return: how many; exact, if there is a demand or there are not more than the
 * mark; 0 if callers wait, as none is left for others then.
 */
u32 magazines_count(struct magazines *mags)
{
	u32 count;

	mutex_lock(&mags->lock);
	count = magazines_reachable(mags);
	if (!mags->shut && count < mags->low) {
		set_shut(mags, true);
		count = magazines_reachable(mags);
	}
	mutex_unlock(&mags->lock);
	return waiting_any(mags->waiting) ? 0 : count;
}

static void magazines_kicked(struct irq_work *kick)
{
	schedule_work(&container_of(kick, struct magazines, kick)->work);
}

/**
 * magazines_shut_init() - they are open, and nobody wants them otherwise
 * @mags: the magazines, whose room is known
 *
 * Context: process.
 */
void magazines_shut_init(struct magazines *mags)
{
	u32 cpus = num_possible_cpus();

	mags->low_own = cpus * mags->room / 4;
	mags->high_own = cpus * mags->room;
	mags->low = mags->low_own;
	mags->high = mags->high_own;
	mags->shut = false;
	mags->demands = 0;
	mags->stopped = false;
	mags->watched = false;
	mutex_init(&mags->lock);
	mags->kick = IRQ_WORK_INIT_HARD(magazines_kicked);
	mags->kicked = false;
	INIT_WORK(&mags->work, magazines_work);
}

/**
 * magazines_shut_begin() - shut them from now on when somebody watches
 * @mags: the magazines, ready for use
 *
 * Context: process; may sleep.
 */
void magazines_shut_begin(struct magazines *mags)
{
	mutex_lock(&watch_lock);
	list_add(&mags->link, &all_magazines);
	if (watchers)
		set_watched(mags, true);
	mutex_unlock(&watch_lock);
}

static void forget_watchers(struct magazines *mags)
{
	mutex_lock(&watch_lock);
	list_del(&mags->link);
	mutex_unlock(&watch_lock);
}

/**
 * magazines_shut_stop() - undo magazines_shut_begin(): they stay as they are
 * @mags: the magazines, which nobody takes from or gives to any more
 *
 * Context: process; may sleep.
 */
void magazines_shut_stop(struct magazines *mags)
{
	forget_watchers(mags);
	/* The work itself may ask for more of it, when it drains magazines. */
	mutex_lock(&mags->lock);
	mags->stopped = true;
	mutex_unlock(&mags->lock);
	if (READ_ONCE(mags->kicked)) {
		/* Of two callbacks that run at once, irq_work_sync() does not
		 * wait for the slower one; the grace period does, since they
		 * run in hard interrupts.
		 */
		irq_work_sync(&mags->kick);
		synchronize_rcu();
	}
	cancel_work_sync(&mags->work);
}
