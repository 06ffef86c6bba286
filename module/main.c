// SPDX-License-Identifier: GPL-2.0
/* The order of init and exit, nothing else. */
#include <linux/module.h>

#include "attachment.h"
#include "channel.h"
#include "chardev.h"
#include "client.h"
#include "debug.h"
#include "magazine.h"
#include "mapping.h"
#include "params.h"
#include "registry.h"
#include "set.h"
#include "shrink.h"
#include "sysfs.h"

static int pool_added(struct fixedpool *pool)
{
	int error = sysfs_pool_added(pool);

	if (!error)
		debug_pool_added(pool);
	return error;
}

static void pool_removed(struct fixedpool *pool)
{
	debug_pool_removed(pool);
	sysfs_pool_removed(pool);
}

static const struct registry_observer observer = {
	.added = pool_added,
	.removed = pool_removed,
};

static int __init fixedpool_init(void)
{
	int error;

	error = magazine_module_init();
	if (error)
		return error;
	error = shrink_init();
	if (error)
		goto exit_magazine;
	error = mapping_init();
	if (error)
		goto exit_shrink;
	error = attachment_init();
	if (error)
		goto exit_mapping;
	error = client_init();
	if (error)
		goto exit_attachment;
	error = channel_init();
	if (error)
		goto exit_client;
	error = sysfs_init();
	if (error)
		goto exit_channel;
	debug_init();
	registry_init(&observer);
	error = params_create();
	if (error)
		goto exit_sets;
	error = chardev_init();
	if (error)
		goto exit_sets;
	return 0;

exit_sets:
	sets_exit();
	registry_exit();
	debug_exit();
	sysfs_exit();
exit_channel:
	channel_exit();
exit_client:
	client_exit();
exit_attachment:
	attachment_exit();
exit_mapping:
	mapping_exit();
exit_shrink:
	shrink_exit();
exit_magazine:
	magazine_module_exit();
	return error;
}

/* No file, mapping or module is left that uses a pool: each pins the module. */
static void __exit fixedpool_exit(void)
{
	chardev_exit();
	client_exit();
	/* before the registry: the end of an attachment may be put off */
	attachment_exit();
	sets_exit();
	registry_exit();
	debug_exit();
	sysfs_exit();
	channel_exit();
	mapping_exit();
	shrink_exit();
	magazine_module_exit();
}

module_init(fixedpool_init);
module_exit(fixedpool_exit);

MODULE_DESCRIPTION("Fixed-size block pools shared by the kernel, drivers and processes");
MODULE_LICENSE("GPL");
