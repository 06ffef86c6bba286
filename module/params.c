// SPDX-License-Identifier: GPL-2.0
/* Pools made when the module is loaded: pools=name:block_size:blocks[:mode],... */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "params.h"

#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "registry.h"

#define MAX_FIELDS	4

static char *pools;
module_param(pools, charp, 0444);
MODULE_PARM_DESC(pools, "pools to make at load: name:block_size:blocks[:mode],...");

/* Splits one pool's text, in place; returns why it makes no sense, or NULL. */
static const char *parse(char *text, struct fixedpool_params *params)
{
	char *fields[MAX_FIELDS];
	unsigned int count = 0;
	unsigned int mode = 0;
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
	if (kstrtouint(fields[2], 0, &params->blocks))
		return "has a count of blocks that is no number";
	if (count == 4 && (kstrtouint(fields[3], 8, &mode) || !mode ||
			   mode & ~0666))
		return "has a mode that is not octal, or not within 0666";
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

static int create_one(char *text)
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
 * params_create_pools() - make the pools that the parameter names
 *
 * Return: 0 or an error, told in the log in one line; some pools may have been
 * made then.
 */
int params_create_pools(void)
{
	char *list, *rest, *text;
	int error = 0;

	if (!pools || !*pools)
		return 0;
	list = kstrdup(pools, GFP_KERNEL);
	if (!list)
		return -ENOMEM;
	rest = list;
	while (!error && (text = strsep(&rest, ",")))
		error = create_one(text);
	kfree(list);
	return error;
}
