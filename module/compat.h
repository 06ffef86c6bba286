/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Differences between the kernels this module builds for, and nothing else.
 * Kbuild finds out by compiling a few lines, not by version number.
 */
#ifndef FIXEDPOOL_COMPAT_H
#define FIXEDPOOL_COMPAT_H

#include <linux/eventfd.h>
#include <linux/export.h>
#include <linux/mm.h>
#include <linux/shrinker.h>
#include <linux/slab.h>

#ifdef HAVE_UNQUOTED_NS
#define FIXEDPOOL_EXPORT(symbol) EXPORT_SYMBOL_NS_GPL(symbol, FIXEDPOOL)
#else
#define FIXEDPOOL_EXPORT(symbol) EXPORT_SYMBOL_NS_GPL(symbol, "FIXEDPOOL")
#endif

#ifndef HAVE_VM_FLAGS_SET
static inline void vm_flags_mod(struct vm_area_struct *vma, vm_flags_t set,
				vm_flags_t clear)
{
	vma->vm_flags = (vma->vm_flags | set) & ~clear;
}
#endif

typedef unsigned long shrinker_fn(struct shrinker *shrinker,
				  struct shrink_control *control);

#ifdef HAVE_SHRINKER_ALLOC
static inline struct shrinker *shrinker_make(const char *name,
					     shrinker_fn *count,
					     shrinker_fn *scan)
{
	struct shrinker *shrinker = shrinker_alloc(0, "%s", name);

	if (!shrinker)
		return NULL;
	shrinker->count_objects = count;
	shrinker->scan_objects = scan;
	shrinker_register(shrinker);
	return shrinker;
}

static inline void shrinker_unmake(struct shrinker *shrinker)
{
	shrinker_free(shrinker);
}
#else
static inline struct shrinker *shrinker_make(const char *name,
					     shrinker_fn *count,
					     shrinker_fn *scan)
{
	struct shrinker *shrinker = kzalloc(sizeof(*shrinker), GFP_KERNEL);

	if (!shrinker)
		return NULL;
	shrinker->count_objects = count;
	shrinker->scan_objects = scan;
	shrinker->seeks = DEFAULT_SEEKS;
	if (register_shrinker(shrinker, "%s", name)) {
		kfree(shrinker);
		return NULL;
	}
	return shrinker;
}

static inline void shrinker_unmake(struct shrinker *shrinker)
{
	unregister_shrinker(shrinker);
	kfree(shrinker);
}
#endif

static inline void event_signal(struct eventfd_ctx *event)
{
#ifdef HAVE_EVENTFD_SIGNAL_ONE
	eventfd_signal(event);
#else
	eventfd_signal(event, 1);
#endif
}

/* Kernels may be built to clear what is on the stack; not what is filled at once. */
#ifndef __uninitialized
#if __has_attribute(__uninitialized__)
#define __uninitialized	__attribute__((__uninitialized__))
#else
#define __uninitialized
#endif
#endif

/* Without it a cache with a usercopy region is not merged either. */
#ifndef SLAB_NO_MERGE
#define SLAB_NO_MERGE	0
#endif

#endif /* FIXEDPOOL_COMPAT_H */
