// SPDX-License-Identifier: GPL-2.0
/*
 * Pools and sets made when the module is loaded:
 * pools=name:block_size:blocks[-max_blocks][:mode[:flags]],... sets=name:pool+pool+...,...
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "params.h"

#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "registry.h"
#include "set.h"

#define MAX_FIELDS	5

static char *pools;
module_param(pools, charp, 0444);
MODULE_PARM_DESC(pools, "pools to make at load: name:block_size:blocks[-max_blocks][:mode[:flags]],...");

static char *sets;
module_param(sets, charp, 0444);
MODULE_PARM_DESC(sets, "sets to make at load: name:pool+pool+...,...");

/* Reads "blocks" or "blocks-max_blocks"; returns why it makes no sense, or NULL. */
static const char *parse_blocks(char *text, struct fixedpool_params *params)
{
	const char *blocks = strsep(&text, "-");

	if (kstrtouint(blocks, 0, &params->blocks))
		return "has a count of blocks that is no number";
	if (!text)
		return NULL;
	if (kstrtouint(text, 0, &params->max_blocks))
		return "has a largest count of blocks that is no number";
	if (params->max_blocks < params->blocks)
		return "has a largest count of blocks that is less than the count";
	return NULL;
}

/* Splits one pool's text, in place; returns why it makes no sense, or NULL. */
static const char *parse(char *text, struct fixedpool_params *params)
{
	char *fields[MAX_FIELDS];
	unsigned int count = 0;
	unsigned int mode = 0;
	const char *why;
	char *field;

	while ((field = strsep(&text, ":"))) {
		if (count == MAX_FIELDS)
			return "has too many fields";
		fields[count++] = field;
	}
	if (count < 3)
		return "is not name:block_size:blocks";
	if (kstrtouint(fields[1], 0, &params->block_size))
		return "has a block size that is no number";
	why = parse_blocks(fields[2], params);
	if (why)
		return why;
	if (count >= 4 && (kstrtouint(fields[3], 8, &mode) || !mode ||
			   mode & ~0666))
		return "has a mode that is not octal, or not within 0666";
	/* what is no flag of a pool is refused with it */
	if (count == 5 && kstrtouint(fields[4], 0, &params->flags))
		return "has flags that are no number";
	params->name = fields[0];
	params->mode = mode;
	return NULL;
}

/* In words, since the log is all that a failed load leaves. */
static const char *reason(const struct fixedpool_params *params, int error)
{
	switch (error) {
	case -EINVAL:
		if (!params->block_size ||
		    params->block_size > FIXEDPOOL_MAX_BLOCK_SIZE)
			return "has a block size out of range";
		if (!params->blocks)
			return "has no blocks";
		if (params->flags)
			return "has flags that do not exist, or not together";
		return "has a name that is not 1 to 31 of [A-Za-z0-9._-]";
	case -EEXIST:
		return "is named twice";
	case -EOVERFLOW:
		return "is larger than the handle space";
	case -ENFILE:
		return "is one more than max_pools";
	case -ENOSPC:
		return "needs more than max_bytes";
	case -ENOMEM:
		return "needs more memory than there is";
	default:
		return "cannot be made";
	}
}

static int create_pool(char *text)
{
	struct fixedpool_params params = { .numa_node = NUMA_NO_NODE };
	char *whole = kstrdup(text, GFP_KERNEL);
	struct fixedpool *pool;
	const char *why;
	int error = -EINVAL;

	if (!whole)
		return -ENOMEM;
	why = parse(text, &params);
	if (!why) {
		pool = registry_create(&params, false);
		error = PTR_ERR_OR_ZERO(pool);
		if (error)
			why = reason(&params, error);
		else
			registry_put(pool);
	}
	if (why)
		pr_err("pools: \"%s\" %s\n", whole, why);
	kfree(whole);
	return error;
}

/**
 * struct members - the pools of a set that is being made
 * @pools: with a reference to each
 * @count: how many
 */
struct members {
	struct fixedpool *pools[FIXEDPOOL_MAX_SET_POOLS];
	unsigned int count;
};

/* Finds the pools whose names stand in @text; returns why it cannot, or NULL. */
static const char *find_members(char *text, struct members *members)
{
	char *name;

	while ((name = strsep(&text, "+"))) {
		struct fixedpool *pool;

		if (members->count == FIXEDPOOL_MAX_SET_POOLS)
			return "has too many pools";
		pool = registry_get(name);
		if (IS_ERR(pool))
			return "has a pool that does not exist";
		members->pools[members->count++] = pool;
	}
	return NULL;
}

static const char *set_reason(const char *name, int error)
{
	switch (error) {
	case -EINVAL:
		if (registry_name_valid(name))
			return "has the same pool twice";
		return "has a name that is not 1 to 31 of [A-Za-z0-9._-]";
	case -EEXIST:
		return "is named twice";
	default:
		return "cannot be made";
	}
}

static int create_set(char *text)
{
	char *whole = kstrdup(text, GFP_KERNEL);
	struct members *members = kzalloc(sizeof(*members), GFP_KERNEL);
	const char *why = "is not name:pool+pool+...";
	struct fixedpool_set *set;
	int error = -EINVAL;
	char *name;

	if (!whole || !members) {
		error = -ENOMEM;
		goto free;
	}
	name = strsep(&text, ":");
	if (text)
		why = find_members(text, members);
	if (!why) {
		set = set_create(name, members->pools, members->count, false);
		error = PTR_ERR_OR_ZERO(set);
		if (error)
			why = set_reason(name, error);
		else
			set_put(set);
	}
	if (why)
		pr_err("sets: \"%s\" %s\n", whole, why);
	while (members->count)
		registry_put(members->pools[--members->count]);
free:
	kfree(members);
	kfree(whole);
	return error;
}

static int create_each(const char *texts, int (*create)(char *text))
{
	char *list, *rest, *text;
	int error = 0;

	if (!texts || !*texts)
		return 0;
	list = kstrdup(texts, GFP_KERNEL);
	if (!list)
		return -ENOMEM;
	rest = list;
	while (!error && (text = strsep(&rest, ",")))
		error = create(text);
	kfree(list);
	return error;
}

/**
 * params_create() - make the pools, and then the sets, that parameters name
 *
 * Return: 0 or an error, told in the log in one line; some may have been made
 * then.
 */
int params_create(void)
{
	return create_each(pools, create_pool) ?: create_each(sets, create_set);
}
