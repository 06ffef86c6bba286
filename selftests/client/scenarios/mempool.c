// SPDX-License-Identifier: GPL-2.0
/*
 * Scenarios: a mempool_t on top of a pool, alone and under a request queue that
 * knows nothing of pools.
 */

#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/mempool.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "requests.h"
#include "scenarios/scenario.h"

#define BLOCKS		8U
#define RESERVE		3U
#define REQUESTS	500U	/* of each thread */
#define THREADS		2

/* The mempool is told of the reserve, and the pool of nothing. */
static mempool_t *mempool_on(struct fixedpool *pool, int reserve)
{
	return mempool_create(reserve, fixedpool_mempool_alloc,
			      fixedpool_mempool_free, pool);
}

/* A pool of BLOCKS and a mempool of RESERVE on it; false is a failed check. */
static bool begin(struct scenario *s, struct fixedpool **pool,
		  mempool_t **mempool)
{
	*pool = scenario_pool(s, "scenario", request_size(), BLOCKS);
	if (!*pool)
		return false;
	*mempool = mempool_on(*pool, RESERVE);
	if (EXPECT(s, *mempool))
		return true;
	scenario_pool_end(s, *pool);
	return false;
}

static void end(struct scenario *s, struct fixedpool *pool, mempool_t *mempool)
{
	EXPECT_EQ(s, fixedpool_in_use(pool), RESERVE);
	mempool_destroy(mempool);
	scenario_pool_end(s, pool);
}

void a_mempool_holds_its_reserve(struct scenario *s)
{
	struct fixedpool *pool;
	mempool_t *mempool;

	if (!begin(s, &pool, &mempool))
		return;
	EXPECT_EQ(s, fixedpool_in_use(pool), RESERVE);
	EXPECT_EQ(s, mempool_resize(mempool, RESERVE + 2), 0);
	EXPECT_EQ(s, fixedpool_in_use(pool), RESERVE + 2);
	EXPECT_EQ(s, mempool_resize(mempool, RESERVE), 0);
	end(s, pool, mempool);
}

void a_mempool_beyond_its_pool_cannot_be_made(struct scenario *s)
{
	struct fixedpool *pool = scenario_pool(s, "scenario", 64, BLOCKS);
	mempool_t *mempool;

	if (!pool)
		return;
	mempool = mempool_on(pool, BLOCKS + 1);
	EXPECT(s, !mempool);
	mempool_destroy(mempool);
	scenario_pool_end(s, pool);
}

static unsigned int take_all(mempool_t *mempool, void **elements)
{
	unsigned int taken = 0;

	while (taken < BLOCKS) {
		elements[taken] = mempool_alloc(mempool, GFP_ATOMIC);
		if (!elements[taken])
			break;
		taken++;
	}
	return taken;
}

void an_exhausted_mempool_refuses_who_may_not_wait(struct scenario *s)
{
	void *elements[BLOCKS], *more;
	struct fixedpool *pool;
	mempool_t *mempool;
	unsigned int taken;
	u64 handle;

	if (!begin(s, &pool, &mempool))
		return;
	taken = take_all(mempool, elements);
	EXPECT_EQ(s, taken, BLOCKS);
	more = mempool_alloc(mempool, GFP_ATOMIC);
	EXPECT(s, !more);
	more = mempool_alloc(mempool, GFP_NOWAIT);
	EXPECT(s, !more);

	/* what comes back fills the reserve first, which nobody else can have */
	while (taken > BLOCKS - RESERVE)
		mempool_free(elements[--taken], mempool);
	EXPECT(s, !fixedpool_alloc(pool, &handle));
	more = mempool_alloc(mempool, GFP_ATOMIC);
	EXPECT(s, more);
	if (more)
		mempool_free(more, mempool);
	while (taken)
		mempool_free(elements[--taken], mempool);
	end(s, pool, mempool);
}

/* One who waits for an element, and gives it back. */
struct patient {
	mempool_t *mempool;
	struct completion done;
	bool served;
};

static int wait_for_element(void *data)
{
	struct patient *patient = data;
	void *element = mempool_alloc(patient->mempool, GFP_NOIO);

	patient->served = element;
	if (element)
		mempool_free(element, patient->mempool);
	complete(&patient->done);
	return 0;
}

void an_exhausted_mempool_makes_a_patient_one_wait(struct scenario *s)
{
	struct patient patient = {};
	void *elements[BLOCKS];
	struct fixedpool *pool;
	struct task_struct *task;
	unsigned int taken;

	if (!begin(s, &pool, &patient.mempool))
		return;
	taken = take_all(patient.mempool, elements);
	EXPECT_EQ(s, taken, BLOCKS);
	init_completion(&patient.done);
	task = kthread_run(wait_for_element, &patient, "fixedpool_patient");
	if (EXPECT(s, !IS_ERR(task))) {
		EXPECT(s, !wait_for_completion_timeout(&patient.done, HZ / 5));
		if (taken)
			mempool_free(elements[--taken], patient.mempool);
		wait_for_completion(&patient.done);
		EXPECT(s, patient.served);
	}
	while (taken)
		mempool_free(elements[--taken], patient.mempool);
	end(s, pool, patient.mempool);
}

struct submitter {
	struct request_queue *queue;
	struct completion done;
	u32 seed;
	bool without_memory;
	unsigned int failed;
};

#ifdef CONFIG_FAULT_INJECTION
static void fail_my_allocations(bool fail)
{
	current->make_it_fail = fail;
}
#else
static void fail_my_allocations(bool fail)
{
}
#endif

static int submit_all(void *data)
{
	struct submitter *submitter = data;
	unsigned int i;

	fail_my_allocations(submitter->without_memory);
	for (i = 0; i < REQUESTS; i++) {
		if (request_submit(submitter->queue, submitter->seed + i,
				   GFP_NOIO))
			submitter->failed++;
	}
	fail_my_allocations(false);
	complete(&submitter->done);
	return 0;
}

/*
 * More requests than there are blocks, by several threads, while somebody has
 * taken every block that is not the mempool's.
 */
static void run_requests(struct scenario *s, bool without_memory)
{
	struct submitter submitters[THREADS] = {};
	struct request_queue queue;
	u64 handles[BLOCKS];
	struct fixedpool *pool;
	struct task_struct *task;
	mempool_t *mempool;
	unsigned int taken;
	int started, i;

	if (!begin(s, &pool, &mempool))
		return;
	if (!EXPECT_EQ(s, request_queue_init(&queue, mempool), 0))
		goto end;
	taken = fixedpool_alloc_bulk(pool, handles, BLOCKS);
	EXPECT_EQ(s, taken, BLOCKS - RESERVE);

	for (started = 0; started < THREADS; started++) {
		struct submitter *submitter = &submitters[started];

		submitter->queue = &queue;
		submitter->seed = started * REQUESTS;
		submitter->without_memory = without_memory;
		init_completion(&submitter->done);
		task = kthread_run(submit_all, submitter, "fixedpool_submit");
		if (!EXPECT(s, !IS_ERR(task)))
			break;
	}
	for (i = 0; i < started; i++) {
		wait_for_completion(&submitters[i].done);
		EXPECT_EQ(s, submitters[i].failed, 0);
	}
	request_queue_exit(&queue);
	EXPECT_EQ(s, atomic_read(&queue.submitted), started * REQUESTS);
	EXPECT_EQ(s, atomic_read(&queue.completed), started * REQUESTS);
	EXPECT_EQ(s, atomic_read(&queue.corrupt), 0);
	EXPECT_EQ(s, fixedpool_free_bulk(pool, handles, taken, NULL), taken);
end:
	end(s, pool, mempool);
}

void requests_complete_with_the_reserve_alone(struct scenario *s)
{
	run_requests(s, false);
}

static bool allocations_fail(void)
{
	void *object;

	fail_my_allocations(true);
	object = kmalloc(64, GFP_KERNEL);
	fail_my_allocations(false);
	kfree(object);
	return !object;
}

void requests_complete_without_memory(struct scenario *s)
{
	if (allocations_fail())
		run_requests(s, true);
	else
		scenario_skip(s, "allocations do not fail in this kernel");
}
