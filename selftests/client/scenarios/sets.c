// SPDX-License-Identifier: GPL-2.0
/*
 * Scenarios: blocks taken by size out of a set of pools.
 */

#include <linux/err.h>
#include <linux/irq_work.h>
#include <linux/completion.h>
#include <linux/kernel.h>
#include <linux/string.h>

#include "scenarios/nmi.h"
#include "scenarios/scenario.h"

#define POOLS	3
#define BLOCKS	2U

/**
 * struct family - a set and its pools, smallest blocks first
 * @scenario: whose checks these are
 * @pools: the pools
 * @set: the set, made of the pools in another order
 */
struct family {
	struct scenario *scenario;
	struct fixedpool *pools[POOLS];
	struct fixedpool_set *set;
};

static const u32 sizes[POOLS] = { 64, 256, 1024 };

static void family_end(struct family *family)
{
	int i;

	if (!IS_ERR_OR_NULL(family->set))
		fixedpool_set_destroy(family->set);
	for (i = 0; i < POOLS; i++)
		if (family->pools[i])
			scenario_pool_end(family->scenario, family->pools[i]);
}

static bool family_begin(struct family *family, struct scenario *s)
{
	static const char *const names[POOLS] = {
		"scenario-small", "scenario-medium", "scenario-large",
	};
	int i;

	*family = (struct family) { .scenario = s };
	for (i = 0; i < POOLS; i++) {
		family->pools[i] = scenario_pool(s, names[i], sizes[i], BLOCKS);
		if (!family->pools[i])
			goto fail;
	}
	family->set = fixedpool_set_create("scenario", (struct fixedpool *[]) {
		family->pools[1], family->pools[2], family->pools[0] }, POOLS);
	if (EXPECT_EQ(s, PTR_ERR_OR_ZERO(family->set), 0))
		return true;
fail:
	family_end(family);
	return false;
}

/* Takes all that fit @size, which are of the pools from @first on, in order. */
static void drain(struct family *family, u32 size, int first)
{
	struct scenario *s = family->scenario;
	u64 handles[POOLS * BLOCKS];
	struct fixedpool *pool;
	unsigned int taken;
	u64 handle = 0;
	void *block;

	for (taken = 0; taken < (POOLS - first) * BLOCKS; taken++) {
		block = fixedpool_set_alloc(family->set, size, &pool,
					    &handles[taken]);
		if (!EXPECT(s, block))
			break;
		EXPECT(s, pool == family->pools[first + taken / BLOCKS]);
		EXPECT(s, fixedpool_pointer(pool, handles[taken]) == block);
		EXPECT(s, fixedpool_set_pool(family->set, handles[taken]) ==
			  pool);
		memset(block, 0x5a, fixedpool_block_size(pool));
	}
	EXPECT(s, !fixedpool_set_alloc(family->set, size, &pool, &handle));
	EXPECT_EQ(s, handle, 0);
	while (taken--) {
		pool = fixedpool_set_pool(family->set, handles[taken]);
		EXPECT_EQ(s, fixedpool_free(pool, handles[taken]), 0);
	}
}

void a_size_is_served_by_the_smallest_pool_and_then_the_next(struct scenario *s)
{
	struct family family;

	if (!family_begin(&family, s))
		return;
	drain(&family, 1, 0);
	drain(&family, 64, 0);
	drain(&family, 65, 1);
	drain(&family, 1024, 2);
	family_end(&family);
}

void a_size_that_no_pool_has_is_not_served(struct scenario *s)
{
	struct fixedpool *pool = NULL;
	struct family family;
	u64 handle = 0;

	if (!family_begin(&family, s))
		return;
	EXPECT(s, !fixedpool_set_alloc(family.set, 0, &pool, &handle));
	EXPECT(s, !fixedpool_set_alloc(family.set, 1025, &pool, &handle));
	EXPECT(s, !fixedpool_set_alloc(family.set, U32_MAX, &pool, &handle));
	EXPECT(s, !pool && !handle);
	EXPECT(s, !fixedpool_set_pool(family.set, 0));
	family_end(&family);
}

void a_bad_set_is_refused(struct scenario *s)
{
	struct fixedpool *many[FIXEDPOOL_MAX_SET_POOLS + 1];
	struct family family;
	size_t i;

	if (!family_begin(&family, s))
		return;
	for (i = 0; i < ARRAY_SIZE(many); i++)
		many[i] = family.pools[i % POOLS];
#define REFUSED(error, name, pools, count) \
	EXPECT_EQ(s, PTR_ERR(fixedpool_set_create(name, pools, count)), error)
	REFUSED(-EINVAL, NULL, many, 1);
	REFUSED(-EINVAL, "", many, 1);
	REFUSED(-EINVAL, "a/b", many, 1);
	REFUSED(-EINVAL, "another", many, 0);
	REFUSED(-EINVAL, "another", many, POOLS + 1);
	REFUSED(-EINVAL, "another", many, ARRAY_SIZE(many));
	REFUSED(-EEXIST, "scenario", many, 1);
#undef REFUSED
	family_end(&family);
}

void a_set_is_found_by_its_name(struct scenario *s)
{
	struct fixedpool_set *found;
	struct family family;

	if (!family_begin(&family, s))
		return;
	found = fixedpool_set_get("scenario");
	if (EXPECT(s, found == family.set))
		fixedpool_set_put(found);
	EXPECT_EQ(s, PTR_ERR(fixedpool_set_get("scenario-small")), -ENOENT);
	fixedpool_set_destroy(family.set);
	family.set = NULL;
	EXPECT_EQ(s, PTR_ERR(fixedpool_set_get("scenario")), -ENOENT);
	family_end(&family);
}

void a_destroyed_pool_serves_its_set(struct scenario *s)
{
	struct fixedpool *pool;
	struct family family;
	u64 handle;

	if (!family_begin(&family, s))
		return;
	fixedpool_destroy(family.pools[0]);
	EXPECT_EQ(s, PTR_ERR(fixedpool_get("scenario-small")), -ENOENT);
	if (EXPECT(s, fixedpool_set_alloc(family.set, 1, &pool, &handle))) {
		EXPECT(s, pool == family.pools[0]);
		EXPECT_EQ(s, fixedpool_free(pool, handle), 0);
	}
	family.pools[0] = NULL;
	family_end(&family);
}

/* In an interrupt, or in an NMI on each CPU in turn. */
struct set_visit {
	struct family family;
	struct irq_work work;
	struct completion done;
	atomic_t begun;
};

static void visit_in_irq_work(struct irq_work *work)
{
	struct set_visit *visit = container_of(work, struct set_visit, work);

	drain(&visit->family, 1, 0);
	complete(&visit->done);
}

void a_set_serves_a_hard_interrupt(struct scenario *s)
{
	struct set_visit visit = {};

	if (!family_begin(&visit.family, s))
		return;
	init_completion(&visit.done);
	visit.work = IRQ_WORK_INIT_HARD(visit_in_irq_work);
	EXPECT(s, irq_work_queue(&visit.work));
	wait_for_completion(&visit.done);
	irq_work_sync(&visit.work);
	family_end(&visit.family);
}

static void visit_in_nmi(void *data)
{
	struct set_visit *visit = data;

	if (!atomic_xchg(&visit->begun, 1))
		drain(&visit->family, 1, 0);
}

void a_set_serves_an_nmi(struct scenario *s)
{
	struct set_visit visit = {};
	int err;

	if (!family_begin(&visit.family, s))
		return;
	err = nmi_begin(visit_in_nmi, &visit);
	if (!err) {
		EXPECT_EQ(s, nmi_send(), 0);
		nmi_end();
		EXPECT(s, atomic_read(&visit.begun));
	} else if (err == -EOPNOTSUPP) {
		scenario_skip(s, "no NMI can be sent on this machine");
	} else {
		EXPECT_EQ(s, err, 0);
	}
	family_end(&visit.family);
}
