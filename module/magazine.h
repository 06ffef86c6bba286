/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Magazines: free blocks at hand on each CPU, in front of the depot.
 *
 * The hot paths, and the argument why they are safe, are in
 * <linux/fixedpool_inline.h>. Here is what happens when a magazine is empty, full
 * or in use. Batches of MAGAZINE_BATCH blocks move between a magazine and the
 * rack or the depot.
 *
 * When the depot runs low, or has too few blocks for somebody who can sleep, or
 * somebody waits for blocks, the magazines are shut: @limit is -1 everywhere and
 * they are drained, so that every block goes through the depot. The hot paths do
 * not look for that; they find the magazine empty, or full. They are shut, too,
 * while somebody watches each block.
 *
 * magazine.c has the slow paths, magazine_drain.c and magazine_shut.c what brings
 * everything to the depot and when, magazines.c makes them and counts.
 */
#ifndef FIXEDPOOL_MAGAZINE_H
#define FIXEDPOOL_MAGAZINE_H

#include <linux/fixedpool.h>
#include <linux/irq_work.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/workqueue.h>

#include "depot.h"
#include "rack.h"
#include "waiting.h"

#define MAGAZINE_ROOM	FIXEDPOOL_ROOM
#define MAGAZINE_BUSY	FIXEDPOOL_BUSY
#define MAGAZINE_WORDS	FIXEDPOOL_WORDS

/**
 * enum magazine_path - which way blocks went, other than through a magazine at
 *	hand; counters only ever grow
 * @PATH_TAKEN_LOADING: blocks taken by who found the magazine empty, and loaded it
 * @PATH_TAKEN_PAST: single blocks taken past the magazines
 * @PATH_GIVEN_PAST: single blocks given past the magazines
 * @PATH_LOADS_WORD: magazines loaded with neighbours that were kept on the CPU
 * @PATH_LOADS_RACK: magazines loaded with one from the rack
 * @PATH_LOADS_DEPOT: magazines loaded from the depot
 * @PATH_UNLOADS_RACK: full magazines of which a batch went to the rack
 * @PATH_UNLOADS_DEPOT: full magazines of which a batch went to the depot
 * @PATH_BUSY: magazines found in use by whom the caller had interrupted
 * @PATH_SHUTS: times that the magazines were shut
 * @PATHS: how many there are
 */
enum magazine_path {
	PATH_TAKEN_LOADING,
	PATH_TAKEN_PAST,
	PATH_GIVEN_PAST,
	PATH_LOADS_WORD,
	PATH_LOADS_RACK,
	PATH_LOADS_DEPOT,
	PATH_UNLOADS_RACK,
	PATH_UNLOADS_DEPOT,
	PATH_BUSY,
	PATH_SHUTS,
	PATHS
};

/* The counters of one CPU. */
struct magazine_paths {
	u64 counters[PATHS];
};

/**
 * struct magazines - all the magazines of a pool
 * @cpu: each CPU's
 * @paths: counters
 * @depot: what is behind them
 * @waiting: those who wait for blocks
 * @rack: full ones that no CPU has loaded
 * @in_hand: how many callers may have one from the rack in hand, to put its
 *	blocks into the depot
 * @room: limit while they are open; 0 for a pool that is too small for them
 * @low: with fewer free blocks in depot and rack than this they are shut;
 *	changed under @lock
 * @high: with this many they open again; changed under @lock
 * @shut: they are shut; changed under @lock
 * @low_own: @low where no mark raises it
 * @high_own: the same for @high
 * @demands: how many demand that they stay shut; changed under @lock
 * @watched: somebody wants to see each block, so they are to be shut; changed
 *	under @lock
 * @stopped: @work does nothing any more; changed under @lock
 * @lock: Protects: changes of the limits. Ordering: innermost.
 * @kick: asks for @work, from any context
 * @kicked: it has been used
 * @work: shuts or opens them as depot and rack demand
 * @node: to be told of CPUs that go
 * @link: in the list of all that there are
 */
struct magazines {
	struct fixedpool_magazine __percpu *cpu;
	struct magazine_paths __percpu *paths;
	struct depot *depot;
	struct waiting *waiting;
	struct rack rack;
	atomic_t in_hand;
	u32 room;
	u32 low;
	u32 high;
	u32 low_own;
	u32 high_own;
	bool shut;
	u32 demands;
	bool stopped;
	bool watched;
	struct mutex lock; /* see above */
	struct irq_work kick;
	bool kicked;
	struct work_struct work;
	struct hlist_node node;
	struct list_head link;
};

int magazine_module_init(void);
void magazine_module_exit(void);

int magazines_init(struct magazines *mags, struct depot *depot,
		   struct waiting *waiting, u32 blocks, u32 shelves);
void magazines_stop(struct magazines *mags);
void magazines_exit(struct magazines *mags);
size_t magazines_bytes(u32 blocks, u32 shelves);
u32 magazines_cached(const struct magazines *mags);
u64 magazines_taken(const struct magazines *mags);
u64 magazines_path(const struct magazines *mags, enum magazine_path path);
void magazines_wait_for_dead(const struct magazines *mags);
void magazines_drain(struct magazines *mags);
void magazines_demand(struct magazines *mags);
void magazines_undemand(struct magazines *mags);
void magazines_undemand_shut(struct magazines *mags);
void magazines_set_mark(struct magazines *mags, u32 mark);
u32 magazines_count(struct magazines *mags);

u32 magazines_reserve(struct magazines *mags, u32 min, u32 max);
void magazines_cancel(struct magazines *mags, u32 count);
void magazines_put(struct magazines *mags, u32 word, unsigned long mask);
void magazines_supplied(struct magazines *mags);
void magazines_withdrawn(struct magazines *mags);
void magazines_put_indices(struct magazines *mags, const u32 *indices,
			   unsigned int count);
bool magazines_unrack(struct magazines *mags, u32 *kept);
void magazine_empty(struct magazines *mags, struct fixedpool_magazine *mag);
void magazines_shut_init(struct magazines *mags);
void magazines_shut_begin(struct magazines *mags);
void magazines_shut_stop(struct magazines *mags);
int magazines_watch(void);
void magazines_unwatch(void);

u32 magazine_take_slowly(struct magazines *mags);
void magazine_leave(struct magazines *mags);
void magazine_give_past(struct magazines *mags, u32 index);
void magazine_give_slowly(struct magazines *mags, u32 index);
u32 magazine_take_word(struct magazines *mags);
void magazine_give_word(struct magazines *mags, u32 word);

/* The state is that of an empty magazine, -1, plus this for each block in it and
 * MAGAZINE_BUSY for each that has entered.
 */
static inline unsigned long magazine_state(const struct fixedpool_magazine *mag)
{
	return local_read(&mag->state) + 1;
}

/* Blocks that lie in a magazine singly, at this moment. */
static inline u32 magazine_count(const struct fixedpool_magazine *mag)
{
	return magazine_state(mag) % MAGAZINE_BUSY;
}

/* Each block taken or given is to be seen, hence goes slowly. */
static inline bool magazines_watched(const struct magazines *mags)
{
	return READ_ONCE(mags->watched);
}

/* Free blocks that everybody can reach, in any context. */
static inline u32 magazines_reachable(const struct magazines *mags)
{
	return depot_free(mags->depot) + rack_blocks(&mags->rack);
}

#endif /* FIXEDPOOL_MAGAZINE_H */
