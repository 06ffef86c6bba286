// SPDX-License-Identifier: GPL-2.0
/* /dev/fixedpool: opening makes a client, the last close ends it. */
#include "chardev.h"

#include <linux/err.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/poll.h>

#include "client.h"
#include "crash.h"
#include "fdinfo.h"
#include "ioctl.h"
#include "mmap.h"

static int chardev_open(struct inode *inode, struct file *file)
{
	struct client *client = client_create(file);

	if (IS_ERR(client))
		return PTR_ERR(client);
	file->private_data = client;
	return nonseekable_open(inode, file);
}

static int chardev_release(struct inode *inode, struct file *file)
{
	crash_unwatch(file->private_data);
	client_destroy(file->private_data);
	return 0;
}

/* Why a call has failed: whoever has the descriptor of a client that was ended
 * early has it from a dying process.
 */
static long failed(const struct client *client, long error)
{
	return READ_ONCE(client->ended) ? -EOWNERDEAD : error;
}

static long chardev_ioctl(struct file *file, unsigned int command,
			  unsigned long argument)
{
	long error = ioctl_dispatch(file->private_data, command,
				    (void __user *)argument);

	return error ? failed(file->private_data, error) : 0;
}

static int chardev_mmap(struct file *file, struct vm_area_struct *vma)
{
	unsigned long unit = vma->vm_pgoff >> (MMAP_UNIT_SHIFT - PAGE_SHIFT);
	struct attachment *att = NULL;
	int error;

	if (unit < SLOT_UNITS)
		att = client_attachment(file->private_data, unit);
	if (!att)
		return failed(file->private_data, -ENXIO);
	error = mmap_pool(att, vma);
	attachment_put_later(att);
	return error;
}

static void chardev_show_fdinfo(struct seq_file *text, struct file *file)
{
	fdinfo_client(text, file->private_data);
}

static __poll_t chardev_poll(struct file *file, poll_table *table)
{
	struct client *client = file->private_data;

	poll_wait(file, &client->pollers, table);
	/* pairs with watching_starved() */
	smp_mb();
	return client_poll(client);
}

static const struct file_operations chardev_fops = {
	.owner = THIS_MODULE,
	.open = chardev_open,
	.release = chardev_release,
	.unlocked_ioctl = chardev_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.poll = chardev_poll,
	.mmap = chardev_mmap,
	.show_fdinfo = chardev_show_fdinfo,
	.llseek = noop_llseek,
};

static struct miscdevice chardev = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "fixedpool",
	.fops = &chardev_fops,
};

/**
 * chardev_init() - let processes in
 *
 * Return: 0 or an error.
 */
int chardev_init(void)
{
	crash_init(&chardev_fops);
	return misc_register(&chardev);
}

/**
 * chardev_exit() - no file is open any more
 */
void chardev_exit(void)
{
	misc_deregister(&chardev);
	crash_exit();
}
