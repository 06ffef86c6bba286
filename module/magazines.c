// SPDX-License-Identifier: GPL-2.0
/* All the magazines of a pool, made and counted; see magazine.h. */
#include "magazine_entry.h"

#include <linux/cpu.h>
#include <linux/cpuhotplug.h>
#include <linux/cpumask.h>
#include <linux/errno.h>
#include <linux/log2.h>
#include <linux/mm.h>

#include "storage.h"

/* A pool with less than this for each CPU is not worth a magazine. */
#define ROOM_MIN	16U
/* All magazines together may keep this share of a pool from the depot. */
#define CACHED_SHARE	4U

static enum cpuhp_state hotplug_state;

static void set_empty(struct fixedpool_magazine *mag)
{
	local_set(&mag->state, -1);
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

		sum += magazine_count(mag);
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
	int error, cpu;

	mags->depot = depot;
	mags->waiting = waiting;
	atomic_set(&mags->in_hand, 0);
	mags->room = choose_room(blocks);
	magazines_shut_init(mags);
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
	magazines_shut_begin(mags);
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
	if (mags->room)
		cpuhp_state_remove_instance_nocalls(hotplug_state, &mags->node);
	magazines_shut_stop(mags);
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

	magazine_empty(mags, mag);
	/* pairs with magazines_wait_for_dead() */
	smp_mb();
	set_empty(mag);
	return 0;
}

/* The CPU is offline, but not all of its magazine is in the depot yet. */
static bool magazine_stranded(const struct magazines *mags, int cpu)
{
	const struct fixedpool_magazine *mag = per_cpu_ptr(mags->cpu, cpu);

	return !cpu_online(cpu) &&
	       (magazine_count(mag) || READ_ONCE(mag->words));
}

/**
 * magazines_wait_for_dead() - wait for the blocks of CPUs that go offline
 * @mags: the magazines, shut and drained
 *
 * Such a CPU is not interrupted any more; cpu_dead() empties its magazine a bit
 * later.
 *
 * Context: process; may sleep. Not from where a CPU is taken offline.
 */
void magazines_wait_for_dead(const struct magazines *mags)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		if (magazine_stranded(mags, cpu)) {
			/* held by who takes it offline until that is done */
			cpus_read_lock();
			cpus_read_unlock();
			return;
		}
	}
	/* Pairs with cpu_dead(): where we found nothing, it is in the depot. */
	smp_mb();
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
