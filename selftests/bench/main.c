// SPDX-License-Identifier: GPL-2.0
/*
 * Measures while it is loaded: what one CPU does, or with cpus=1 what two do to
 * each other. What came out stands in /proc/fixedpool_bench until it is
 * unloaded.
 */

#include <linux/kernel.h>
#include <linux/module.h>

#include "cpus.h"
#include "events.h"
#include "order.h"
#include "pairs.h"
#include "report.h"
#include "step.h"
#include "subject.h"

static bool cpus;
module_param(cpus, bool, 0444);
MODULE_PARM_DESC(cpus, "measure two CPUs beside one, in nanoseconds");

static const struct bench_subject *const subjects[] = {
	&bench_subject_loop,
	&bench_subject_pages_64,
	&bench_subject_slab_64,
	&bench_subject_pages_4096,
	&bench_subject_slab_4096,
	&bench_subject_kmem_cache_64,
	&bench_subject_kmem_cache_4096,
	&bench_subject_mempool_64,
	&bench_subject_objpool_64,
	&bench_subject_array_64,
	&bench_subject_array_irqsave_64,
};

/* Stepping is slow, and the size of a block makes no difference to it. */
static const struct bench_subject *const stepped[] = {
	&bench_subject_loop,
	&bench_subject_pages_64,
	&bench_subject_slab_64,
	&bench_subject_kmem_cache_64,
	&bench_subject_mempool_64,
	&bench_subject_objpool_64,
	&bench_subject_array_64,
	&bench_subject_array_irqsave_64,
};

static const struct bench_subject *const shared[] = {
	&bench_subject_pages_64,
	&bench_subject_slab_64,
	&bench_subject_kmem_cache_64,
	&bench_subject_objpool_64,
};

typedef int (*measure_fn)(const struct bench_subject *subject,
			  const struct bench_order *order);

static int measure_each(const struct bench_subject *const *list,
			size_t count, measure_fn measure,
			const struct bench_order *order)
{
	size_t i;
	int err;

	for (i = 0; i < count; i++) {
		err = measure(list[i], order);
		if (err) {
			pr_err("fixedpool_bench: %s: error %d\n",
			       list[i]->name, err);
			return err;
		}
	}
	return 0;
}

static int measure_events(const struct bench_order *order)
{
	int err = step_init();

	if (err)
		return err;
	err = measure_each(stepped, ARRAY_SIZE(stepped), events_measure,
			   order);
	step_exit();
	return err;
}

static int measure_all(const struct bench_order *order)
{
	if (cpus)
		return measure_each(shared, ARRAY_SIZE(shared), cpus_measure,
				    order);
	return measure_each(subjects, ARRAY_SIZE(subjects), pairs_measure,
			    order) ?:
	       measure_events(order);
}

static int __init bench_init(void)
{
	struct bench_order order;
	int err;

	/* There slab takes sleeping locks, and the peers are measured and
	 * stepped through with interrupts or preemption off.
	 */
	if (IS_ENABLED(CONFIG_PREEMPT_RT)) {
		pr_err("fixedpool_bench: not made for PREEMPT_RT\n");
		return -EOPNOTSUPP;
	}
	err = order_init(&order);
	if (err)
		return err;
	err = measure_all(&order);
	order_free(&order);
	if (!err)
		err = report_init();
	if (err)
		report_forget();
	return err;
}

static void __exit bench_exit(void)
{
	report_exit();
}

module_init(bench_init);
module_exit(bench_exit);

MODULE_DESCRIPTION("What fixed-size block pools cost, beside the kernel's own");
MODULE_LICENSE("GPL");
#ifdef HAVE_UNQUOTED_NS
MODULE_IMPORT_NS(FIXEDPOOL);
#else
MODULE_IMPORT_NS("FIXEDPOOL");
#endif
