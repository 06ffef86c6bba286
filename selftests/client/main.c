// SPDX-License-Identifier: GPL-2.0
/*
 * /dev/fixedpool_client: the device and its commands.
 */

#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "client.h"
#include "compat.h"
#include "scenarios/scenario.h"

static int client_open(struct inode *inode, struct file *file)
{
	struct client *client = kzalloc(sizeof(*client), GFP_KERNEL_ACCOUNT);

	if (!client)
		return -ENOMEM;
	mutex_init(&client->lock);
	INIT_LIST_HEAD(&client->pools);
	INIT_LIST_HEAD(&client->holds);
	file->private_data = client;
	return nonseekable_open(inode, file);
}

/* Blocks and channels first: a pool may be put only when nothing of it is held. */
static int client_close(struct inode *inode, struct file *file)
{
	struct client *client = file->private_data;

	client_tap_end(client);
	client_holds_release(client);
	client_pools_put(client);
	mutex_destroy(&client->lock);
	kfree(client);
	return 0;
}

union client_data {
	struct fixedpool_client_crc32 crc32;
	struct fixedpool_client_hold hold;
	struct fixedpool_client_run run;
	struct fixedpool_client_tap tap;
};

static int client_command(struct client *client, unsigned int cmd,
			  union client_data *data)
{
	switch (cmd) {
	case FIXEDPOOL_CLIENT_IOC_CRC32:
		return client_crc32(client, &data->crc32);
	case FIXEDPOOL_CLIENT_IOC_HOLD:
		return client_hold(client, &data->hold);
	case FIXEDPOOL_CLIENT_IOC_RELEASE:
		return client_release(client, &data->hold);
	case FIXEDPOOL_CLIENT_IOC_RUN:
		return scenario_run(client, &data->run);
	case FIXEDPOOL_CLIENT_IOC_TAP:
		return client_tap(client, &data->tap);
	case FIXEDPOOL_CLIENT_IOC_UNTAP:
		return client_untap(client, &data->tap);
	}
	return -ENOTTY;
}

static long client_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	void __user *user = (void __user *)arg;
	union client_data data;
	int err;

	switch (cmd) {
	case FIXEDPOOL_CLIENT_IOC_CRC32:
	case FIXEDPOOL_CLIENT_IOC_HOLD:
	case FIXEDPOOL_CLIENT_IOC_RELEASE:
	case FIXEDPOOL_CLIENT_IOC_RUN:
	case FIXEDPOOL_CLIENT_IOC_TAP:
	case FIXEDPOOL_CLIENT_IOC_UNTAP:
		break;
	default:
		return -ENOTTY;
	}

	if (copy_from_user(&data, user, _IOC_SIZE(cmd)))
		return -EFAULT;
	err = client_command(file->private_data, cmd, &data);
	if (copy_to_user(user, &data, _IOC_SIZE(cmd)))
		return -EFAULT;
	return err;
}

static const struct file_operations client_fops = {
	.owner = THIS_MODULE,
	.open = client_open,
	.release = client_close,
	.unlocked_ioctl = client_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

static struct miscdevice client_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "fixedpool_client",
	.fops = &client_fops,
	.mode = 0600,
};

module_misc_device(client_device);

MODULE_DESCRIPTION("Driver that uses fixed-size block pools: example and test");
MODULE_LICENSE("GPL");
IMPORT_FIXEDPOOL;
