// SPDX-License-Identifier: GPL-2.0
/* What happens when a magazine is empty, full, in use or shut; see magazine.h. */
#include "magazine.h"

#include <linux/bitops.h>
#include <linux/cpuhotplug.h>
#include <linux/cpumask.h>
#include <linux/errno.h>
#include <linux/gfp.h>
#include <linux/kernel.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/smp.h>

#include "storage.h"

/* A pool with less than this for each CPU is not worth a magazine. */
#define ROOM_MIN	16U
/* All magazines together may keep this share of a pool from the depot. */
#define CACHED_SHARE	4U

static enum cpuhp_state hotplug_state;

/*
 * Protects: the list of all magazines, the number of those who watch.
 * Ordering: inside the lock of all tracepoints; @lock of magazines is taken
 * inside.
 */
static DEFINE_MUTEX(watch_lock);
static LIST_HEAD(all_magazines);
static unsigned int watchers;

/* The state is that of an empty magazine, -1, plus this for each block in it and
 * MAGAZINE_BUSY for each that has entered.
 */
static unsigned long state_of(const struct fixedpool_magazine *mag)
{
	return local_read(&mag->state) + 1;
}

static u32 count_of(const struct fixedpool_magazine *mag)
{
	return state_of(mag) % MAGAZINE_BUSY;
}

/**
 * magazine_count() - blocks that lie in a magazine singly
 * @mag: the magazine
 *
 * Context: any.
 * Return: the number at this moment.
 */
u32 magazine_count(const struct fixedpool_magazine *mag)
{
	return count_of(mag);
}

/* Whether we, who have entered, are the only ones. */
static bool is_ours(const struct fixedpool_magazine *mag)
{
	return state_of(mag) / MAGAZINE_BUSY == 1;
}

/* Preemption goes off, and we are inside; says whether we are the only ones. */
static bool enter(struct magazines *mags, struct fixedpool_magazine **mag)
{
	unsigned long before;

	preempt_disable();
	*mag = this_cpu_ptr(mags->cpu);
	before = local_add_return(MAGAZINE_BUSY, &(*mag)->state) -
		 MAGAZINE_BUSY;
	barrier();
	return before + 1 < MAGAZINE_BUSY;
}

static void leave(struct fixedpool_magazine *mag)
{
	barrier();
	local_sub(MAGAZINE_BUSY, &mag->state);
	preempt_enable();
}

/* The same for those who have it to themselves, with another number of blocks. */
static void leave_with(struct fixedpool_magazine *mag, u32 count)
{
	barrier();
	local_add((long)count - count_of(mag) - MAGAZINE_BUSY, &mag->state);
	preempt_enable();
}

static void set_empty(struct fixedpool_magazine *mag)
{
	local_set(&mag->state, -1);
}

static void count_path(struct magazines *mags, enum magazine_path path)
{
	this_cpu_inc(mags->paths->counters[path]);
}

static bool is_shut(const struct magazines *mags)
{
	return READ_ONCE(mags->shut);
}

/* Asks for the work that shuts or opens; any context. */
static void kick(struct magazines *mags)
{
	WRITE_ONCE(mags->kicked, true);
	irq_work_queue(&mags->kick);
}

/* However many free blocks there are. */
static bool to_stay_shut(const struct magazines *mags)
{
	return READ_ONCE(mags->demands) || magazines_watched(mags);
}

/*
 * Blocks have come to the depot. Whoever makes any free, in whatever way, ends
 * here: nobody must be left waiting for what is there, nor the magazines shut.
 */
static void came(struct magazines *mags)
{
	/* Between the blocks and the looks, see waiting.c and settle(). Giving,
	 * or cancelling, has ended with an atomic operation on the depot.
	 */
	smp_mb__after_atomic();
	if (unlikely(waiting_heeded(mags->waiting)))
		waiting_came(mags->waiting, magazines_reachable(mags));
	if (is_shut(mags) && !to_stay_shut(mags) &&
	    magazines_reachable(mags) >= READ_ONCE(mags->high))
		kick(mags);
}

/* Blocks have been taken out of the depot, and that matters. */
static noinline void went(struct magazines *mags)
{
	u32 reachable = magazines_reachable(mags);

	if (!is_shut(mags) && reachable < READ_ONCE(mags->low))
		kick(mags);
	waiting_went(mags->waiting, reachable);
}

/**
 * magazines_reserve() - take free blocks past the magazines
 * @mags: the pool's magazines
 * @min: fewer than this are no use, at least 1
 * @max: no more than this
 *
 * Context: any.
 * Return: as depot_reserve(), but 0 if callers wait, since all is theirs then.
 */
u32 magazines_reserve(struct magazines *mags, u32 min, u32 max)
{
	u32 count;

	if (unlikely(waiting_any(mags->waiting)))
		return 0;
	count = depot_reserve(mags->depot, min, max);
	/* between the blocks and the look, as in came() */
	smp_mb__after_atomic();
	if (unlikely(waiting_heeded(mags->waiting)))
		went(mags);
	return count;
}

/**
 * magazines_cancel() - drop a reservation
 * @mags: the pool's magazines
 * @count: blocks reserved and not claimed
 *
 * Context: any.
 */
void magazines_cancel(struct magazines *mags, u32 count)
{
	depot_cancel(mags->depot, count);
	came(mags);
}

/**
 * magazines_put() - make blocks free past the magazines
 * @mags: the pool's magazines
 * @word: number of a group of 64 blocks
 * @mask: which blocks of it; none of them free
 *
 * Context: any.
 */
void magazines_put(struct magazines *mags, u32 word, unsigned long mask)
{
	depot_give(mags->depot, word, mask);
	came(mags);
}

/* Blocks going straight to the depot, however many words they are of. */
static void put_indices(struct magazines *mags, const u32 *indices,
			unsigned int count)
{
	unsigned int i = 0;

	while (i < count) {
		u32 word = indices[i] / BITS_PER_LONG;
		unsigned long mask = 0;

		for (; i < count && indices[i] / BITS_PER_LONG == word; i++)
			mask |= BIT(indices[i] % BITS_PER_LONG);
		magazines_put(mags, word, mask);
	}
}

/*
 * How many blocks to load at once: fewer as the depot gets low, so that the last
 * of them do not all end up on one CPU.
 */
static u32 load_size(const struct magazines *mags)
{
	u32 share = depot_free(mags->depot) / (2 * num_possible_cpus());

	return clamp(share, 1U, min(mags->room / 2, MAGAZINE_BATCH));
}

static u32 load_from_depot(struct magazines *mags, struct fixedpool_magazine *mag)
{
	u32 count = depot_reserve(mags->depot, 1, load_size(mags));

	depot_claim(mags->depot, mag->index, count);
	return count;
}

static void expand_word(u32 *indices, u32 word)
{
	u32 i;

	/* the lowest last, as that is taken first */
	for (i = 0; i < MAGAZINE_BATCH; i++)
		indices[i] = word * MAGAZINE_BATCH + MAGAZINE_BATCH - 1 - i;
}

/* Fills an empty magazine. */
static u32 load(struct magazines *mags, struct fixedpool_magazine *mag)
{
	u32 count = MAGAZINE_BATCH;

	BUILD_BUG_ON(MAGAZINE_BATCH != BITS_PER_LONG);
	if (mag->words) {
		WRITE_ONCE(mag->words, mag->words - 1);
		expand_word(mag->index, mag->word[mag->words]);
		count_path(mags, PATH_LOADS_WORD);
	} else if (rack_take(&mags->rack, mag->index)) {
		count_path(mags, PATH_LOADS_RACK);
	} else {
		count = load_from_depot(mags, mag);
		if (count)
			count_path(mags, PATH_LOADS_DEPOT);
	}
	if (magazines_reachable(mags) < READ_ONCE(mags->low))
		kick(mags);
	return count;
}

/* One block past the magazines. */
static u32 take_directly(struct magazines *mags)
{
	u32 indices[MAGAZINE_BATCH] __aligned(sizeof(u64));
	u32 index;

	if (magazines_reserve(mags, 1, 1)) {
		depot_claim(mags->depot, &index, 1);
		count_path(mags, PATH_TAKEN_PAST);
		return index;
	}
	if (waiting_any(mags->waiting))
		return FIXEDPOOL_NO_INDEX;
	if (!rack_take(&mags->rack, indices)) {
		/* what there is lies in the magazines of other CPUs */
		if (mags->room && !is_shut(mags))
			kick(mags);
		return FIXEDPOOL_NO_INDEX;
	}
	put_indices(mags, indices, MAGAZINE_BATCH - 1);
	count_path(mags, PATH_TAKEN_PAST);
	return indices[MAGAZINE_BATCH - 1];
}

/**
 * magazine_take_slowly() - the rest of fixedpool_pop()
 * @mags: the pool's magazines, of which this CPU's has been entered
 *
 * Context: any; called with preemption off, which it turns on again.
 * Return: the block, or FIXEDPOOL_NO_INDEX if there is none within reach.
 */
u32 magazine_take_slowly(struct magazines *mags)
{
	struct fixedpool_magazine *mag = this_cpu_ptr(mags->cpu);
	u32 count = 0;
	u32 index;

	if (!is_ours(mag))
		count_path(mags, PATH_BUSY);
	else if (READ_ONCE(mag->limit) >= 0)
		count = load(mags, mag);
	if (!count) {
		leave(mag);
		return take_directly(mags);
	}
	index = mag->index[count - 1];
	count_path(mags, PATH_TAKEN_LOADING);
	leave_with(mag, count - 1);
	return index;
}

/* Makes room in a magazine that is full. The upper half goes: nothing need be
 * moved, and the rack hands out first what came last.
 */
static u32 unload(struct magazines *mags, struct fixedpool_magazine *mag)
{
	u32 half = mags->room / 2;
	const u32 *upper = mag->index + half;

	if (half == MAGAZINE_BATCH && rack_put(&mags->rack, upper)) {
		count_path(mags, PATH_UNLOADS_RACK);
	} else {
		put_indices(mags, upper, half);
		count_path(mags, PATH_UNLOADS_DEPOT);
	}
	return half;
}

/**
 * magazines_supplied() - blocks have come into the depot from elsewhere
 * @mags: the pool's magazines
 *
 * Context: any.
 */
void magazines_supplied(struct magazines *mags)
{
	came(mags);
}

/**
 * magazines_withdrawn() - blocks have been taken out of the depot, for good
 * @mags: the pool's magazines
 *
 * Context: any.
 */
void magazines_withdrawn(struct magazines *mags)
{
	/* between the blocks and the looks, as in came() */
	smp_mb();
	went(mags);
}

/**
 * magazine_give_past() - put a block into the depot, whatever room there is
 * @mags: the pool's magazines
 * @index: the block
 *
 * Context: any.
 */
void magazine_give_past(struct magazines *mags, u32 index)
{
	count_path(mags, PATH_GIVEN_PAST);
	magazines_put(mags, index / BITS_PER_LONG, BIT(index % BITS_PER_LONG));
}

/**
 * magazine_give_slowly() - the rest of fixedpool_push()
 * @mags: the pool's magazines, of which this CPU's has been entered
 * @index: the block
 *
 * Context: any; called with preemption off, which it turns on again.
 */
void magazine_give_slowly(struct magazines *mags, u32 index)
{
	struct fixedpool_magazine *mag = this_cpu_ptr(mags->cpu);
	u32 count;

	if (!is_ours(mag) || READ_ONCE(mag->limit) < 0) {
		if (!is_ours(mag))
			count_path(mags, PATH_BUSY);
		leave(mag);
		magazine_give_past(mags, index);
		return;
	}
	/* It was full, or shut and has been opened since: then it is empty. */
	count = count_of(mag);
	if (count == mags->room)
		count = unload(mags, mag);
	mag->index[count] = index;
	leave_with(mag, count + 1);
}

/**
 * magazine_leave() - instead of magazine_give_slowly() or magazine_take_slowly()
 * @mags: the pool's magazines, of which this CPU's has been entered
 *
 * Context: any; called with preemption off, which it turns on again.
 */
void magazine_leave(struct magazines *mags)
{
	leave(this_cpu_ptr(mags->cpu));
}

/**
 * magazine_take_word() - get 64 free blocks that are neighbours
 * @mags: the pool's magazines
 *
 * Only from what magazine_give_word() has put by on this CPU.
 *
 * Context: any. O(1).
 * Return: the number of the group, or FIXEDPOOL_NO_INDEX if there is none at
 * hand.
 */
u32 magazine_take_word(struct magazines *mags)
{
	struct fixedpool_magazine *mag;
	u32 word = FIXEDPOOL_NO_INDEX;

	if (enter(mags, &mag) && mag->words) {
		WRITE_ONCE(mag->words, mag->words - 1);
		WRITE_ONCE(mag->taken, mag->taken + MAGAZINE_BATCH);
		word = mag->word[mag->words];
	}
	leave(mag);
	return word;
}

/**
 * magazine_give_word() - make 64 blocks free that are neighbours
 * @mags: the pool's magazines
 * @word: number of the group, all of it the caller's alone
 *
 * Context: any. O(1).
 */
void magazine_give_word(struct magazines *mags, u32 word)
{
	struct fixedpool_magazine *mag;
	bool given = enter(mags, &mag) && mag->words < MAGAZINE_WORDS &&
		     READ_ONCE(mag->limit) == MAGAZINE_ROOM - 1;

	if (given) {
		mag->word[mag->words] = word;
		WRITE_ONCE(mag->words, mag->words + 1);
	}
	leave(mag);
	if (!given)
		magazines_put(mags, word, ~0UL);
}

/* Empties a magazine that nobody else is in. */
static void empty(struct magazines *mags, struct fixedpool_magazine *mag)
{
	put_indices(mags, mag->index, count_of(mag));
	while (mag->words) {
		WRITE_ONCE(mag->words, mag->words - 1);
		magazines_put(mags, mag->word[mag->words], ~0UL);
	}
}

/* Empties the magazine of this CPU, unless we have interrupted its user. */
static bool drain_this_cpu(struct magazines *mags)
{
	struct fixedpool_magazine *mag;
	bool ours = enter(mags, &mag);

	if (ours) {
		empty(mags, mag);
		leave_with(mag, 0);
	} else {
		leave(mag);
	}
	return ours;
}

static void drain_rack(struct magazines *mags)
{
	u32 indices[MAGAZINE_BATCH] __aligned(sizeof(u64));

	while (rack_take(&mags->rack, indices))
		put_indices(mags, indices, MAGAZINE_BATCH);
}

struct drain {
	struct magazines *mags;
	atomic_t missed;
};

static void drain_interrupt(void *data)
{
	struct drain *drain = data;

	if (!drain_this_cpu(drain->mags))
		atomic_inc(&drain->missed);
}

/**
 * magazines_drain() - put into the depot all that lies in magazines
 * @mags: the pool's magazines
 *
 * What others give meanwhile may lie in magazines again, unless these are shut.
 * All CPUs are interrupted: to look from here whether one has anything would not
 * do, as it may be about to put a block in with a limit it has read before. One
 * that was interrupted while inside is interrupted again, until it has had the
 * time to leave. A CPU that goes offline meanwhile is left to cpu_dead().
 *
 * Context: process; may sleep.
 */
void magazines_drain(struct magazines *mags)
{
	struct drain drain = { .mags = mags };

	if (!mags->room)
		return;
	do {
		cond_resched();
		atomic_set(&drain.missed, 0);
		on_each_cpu(drain_interrupt, &drain, true);
	} while (atomic_read(&drain.missed));
	drain_rack(mags);
}

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
	count_path(mags, PATH_SHUTS);
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
	if (to_stay_shut(mags) || magazines_reachable(mags) < mags->low)
		set_shut(mags, true);
	/* what came out of the magazines may be plenty */
	if (!to_stay_shut(mags) && magazines_reachable(mags) >= mags->high)
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
 * Context: process; may sleep. Until magazines_undemand(); demands are counted.
 */
void magazines_demand(struct magazines *mags)
{
	mutex_lock(&mags->lock);
	WRITE_ONCE(mags->demands, mags->demands + 1);
	settle(mags);
	mutex_unlock(&mags->lock);
}

/**
 * magazines_undemand() - end magazines_demand()
 * @mags: the pool's magazines
 *
 * Context: process; may sleep.
 */
void magazines_undemand(struct magazines *mags)
{
	mutex_lock(&mags->lock);
	WRITE_ONCE(mags->demands, mags->demands - 1);
	settle(mags);
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
 * Shuts the magazines of all pools, those to come too. Blocks that a CPU is
 * taking or giving at this moment are done when this returns.
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

static void watch_add(struct magazines *mags)
{
	mutex_lock(&watch_lock);
	list_add(&mags->link, &all_magazines);
	if (watchers)
		set_watched(mags, true);
	mutex_unlock(&watch_lock);
}

static void watch_remove(struct magazines *mags)
{
	mutex_lock(&watch_lock);
	list_del(&mags->link);
	mutex_unlock(&watch_lock);
}

static void magazines_kicked(struct irq_work *kick)
{
	schedule_work(&container_of(kick, struct magazines, kick)->work);
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

/**
 * magazines_cached() - blocks that lie in magazines and on the rack
 * @mags: the pool's magazines
 *
 * Context: any. Blocks that move meanwhile may be counted twice or not at all.
 */
u32 magazines_cached(const struct magazines *mags)
{
	u32 sum = rack_blocks(&mags->rack);
	int cpu;

	for_each_possible_cpu(cpu) {
		const struct fixedpool_magazine *mag = per_cpu_ptr(mags->cpu, cpu);

		sum += count_of(mag);
		sum += READ_ONCE(mag->words) * MAGAZINE_BATCH;
	}
	return sum;
}

/**
 * magazines_taken() - blocks that were taken without going slowly
 * @mags: the pool's magazines
 *
 * Context: any.
 */
u64 magazines_taken(const struct magazines *mags)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu_ptr(mags->cpu, cpu)->taken);
	return sum;
}

/**
 * magazines_path() - sum up a counter of all CPUs
 * @mags: the pool's magazines
 * @path: the counter
 *
 * Context: any.
 */
u64 magazines_path(const struct magazines *mags, enum magazine_path path)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu_ptr(mags->paths, cpu)->counters[path]);
	return sum;
}

/*
 * The room of each magazine: 0 or an even number. All of them together keep no
 * more than a share of the pool.
 */
static u32 choose_room(u32 blocks)
{
	u32 share = blocks / CACHED_SHARE / num_possible_cpus();

	if (share >= MAGAZINE_ROOM + MAGAZINE_WORDS * MAGAZINE_BATCH)
		return MAGAZINE_ROOM;
	share = min(share, MAGAZINE_ROOM / 2);
	return share < ROOM_MIN ? 0 : rounddown_pow_of_two(share);
}

/* A magazine without room has no array. */
static size_t magazine_bytes(u32 room)
{
	return room ? sizeof(struct fixedpool_magazine) :
		      offsetof(struct fixedpool_magazine, index);
}

/**
 * magazines_bytes() - memory that the magazines of a pool take
 * @blocks: blocks in the pool
 * @shelves: magazines that the rack has room for
 */
size_t magazines_bytes(u32 blocks, u32 shelves)
{
	u32 room = choose_room(blocks);

	return num_possible_cpus() * magazine_bytes(room) +
	       (room ? rack_bytes(shelves) : 0);
}

/**
 * magazines_init() - make empty magazines
 * @mags: the magazines
 * @depot: the depot behind them
 * @waiting: those who wait for what is there
 * @blocks: blocks in the pool
 * @shelves: magazines that the rack is to have room for
 *
 * Context: process; may sleep.
 * Return: 0 or -ENOMEM.
 */
int magazines_init(struct magazines *mags, struct depot *depot,
		   struct waiting *waiting, u32 blocks, u32 shelves)
{
	u32 cpus = num_possible_cpus();
	int error, cpu;

	mags->depot = depot;
	mags->waiting = waiting;
	mags->room = choose_room(blocks);
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
	mags->cpu = __alloc_percpu_gfp(magazine_bytes(mags->room),
				       __alignof__(struct fixedpool_magazine), POOL_GFP);
	if (!mags->cpu)
		return -ENOMEM;
	error = -ENOMEM;
	mags->paths = alloc_percpu_gfp(struct magazine_paths, POOL_GFP);
	if (!mags->paths)
		goto free_magazines;
	for_each_possible_cpu(cpu) {
		struct fixedpool_magazine *mag = per_cpu_ptr(mags->cpu, cpu);

		mag->limit = (long)mags->room - 1;
		set_empty(mag);
	}
	error = rack_init(&mags->rack, mags->room ? shelves : 0);
	if (error)
		goto free_paths;
	if (mags->room)
		error = cpuhp_state_add_instance_nocalls(hotplug_state,
							 &mags->node);
	if (error)
		goto exit_rack;
	watch_add(mags);
	return 0;

exit_rack:
	rack_exit(&mags->rack);
free_paths:
	free_percpu(mags->paths);
free_magazines:
	free_percpu(mags->cpu);
	return error;
}

/**
 * magazines_stop() - nothing happens by itself any more
 * @mags: the magazines, which nobody takes from or gives to any more
 *
 * Context: process; may sleep.
 */
void magazines_stop(struct magazines *mags)
{
	watch_remove(mags);
	if (mags->room)
		cpuhp_state_remove_instance_nocalls(hotplug_state, &mags->node);
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

/**
 * magazines_exit() - undo magazines_init()
 * @mags: the magazines, after magazines_stop()
 *
 * Context: process; may sleep.
 */
void magazines_exit(struct magazines *mags)
{
	rack_exit(&mags->rack);
	free_percpu(mags->paths);
	free_percpu(mags->cpu);
}

/* Nobody can be inside: the CPU is not running. */
static int cpu_dead(unsigned int cpu, struct hlist_node *node)
{
	struct magazines *mags = hlist_entry(node, struct magazines, node);
	struct fixedpool_magazine *mag = per_cpu_ptr(mags->cpu, cpu);

	empty(mags, mag);
	set_empty(mag);
	return 0;
}

/**
 * magazine_module_init() - get ready for CPUs that go
 *
 * Return: 0 or an error.
 */
int magazine_module_init(void)
{
	int state = cpuhp_setup_state_multi(CPUHP_BP_PREPARE_DYN,
					    "fixedpool:magazines", NULL,
					    cpu_dead);

	if (state < 0)
		return state;
	hotplug_state = state;
	return 0;
}

/**
 * magazine_module_exit() - no pool is left
 */
void magazine_module_exit(void)
{
	cpuhp_remove_multi_state(hotplug_state);
}
