// SPDX-License-Identifier: GPL-2.0
/* An inode for mappings; see mapping.h. */
#include "mapping.h"

#include <linux/delay.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/fs_context.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mount.h>
#include <linux/pseudo_fs.h>
#include <linux/slab.h>

#include "registry.h"
#include "revoke.h"

#define MAPPING_FS_MAGIC	0x46504f4c	/* "FPOL" */

static struct vfsmount *mount;
static struct inode *inode;

static int init_fs_context(struct fs_context *context)
{
	return init_pseudo(context, MAPPING_FS_MAGIC) ? 0 : -ENOMEM;
}

/* Nobody but us can mount it, since it is not registered. It has no owner,
 * since our own mount, which lasts as long as the module, would pin that.
 */
static struct file_system_type mapping_fs = {
	.name = "fixedpool",
	.init_fs_context = init_fs_context,
	.kill_sb = kill_anon_super,
};

static int mapping_release(struct inode *node, struct file *file)
{
	struct mapping *mapping = file->private_data;

	if (mapping->att)
		attachment_put_memory(mapping->att);
	registry_put(mapping->pool);
	kfree(mapping);
	return 0;
}

static const struct file_operations mapping_fops = {
	.owner = THIS_MODULE,
	.release = mapping_release,
	.llseek = noop_llseek,
};

/* The inode for a new mapping of a pool, with a reference. */
static struct inode *inode_of(struct fixedpool *pool)
{
	struct inode *own;

	if (!revocable(pool)) {
		ihold(inode);
		return inode;
	}
	own = READ_ONCE(pool->inode);
	if (!own) {
		struct inode *first;

		own = alloc_anon_inode(mount->mnt_sb);
		if (IS_ERR(own))
			return own;
		/* Pairs with the barrier in revoke_blocks_slow(). */
		first = cmpxchg(&pool->inode, NULL, own);
		if (first) {
			iput(own);
			own = first;
		}
	}
	ihold(own);
	return own;
}

/**
 * mapping_file() - a file for a new mapping
 * @att: the attachment that is mapped through, to a pool that the file keeps;
 *	the caller has a reference
 *
 * Context: process; may sleep.
 * Return: the file, whose private data is a struct mapping, or an error.
 */
struct file *mapping_file(struct attachment *att)
{
	struct fixedpool *pool = att->pool;
	char name[FIXEDPOOL_NAME_SIZE + 16];
	struct mapping *mapping;
	struct inode *node;
	struct file *file;

	mapping = kzalloc(sizeof(*mapping), GFP_KERNEL_ACCOUNT);
	if (!mapping)
		return ERR_PTR(-ENOMEM);
	node = inode_of(pool);
	if (IS_ERR(node)) {
		kfree(mapping);
		return ERR_CAST(node);
	}
	snprintf(name, sizeof(name), "fixedpool:%s", pool->name);
	file = alloc_file_pseudo(node, mount, name, O_RDWR, &mapping_fops);
	if (IS_ERR(file)) {
		iput(node);
		kfree(mapping);
		return file;
	}
	/* put back when the file goes, as for an opened one */
	__module_get(THIS_MODULE);
	registry_ref(pool);
	mapping->pool = pool;
	if (revocable(pool)) {
		attachment_keep_memory(att);
		mapping->att = att;
	}
	file->private_data = mapping;
	return file;
}

/**
 * mapping_space() - the address space that the pages of a pool belong to
 * @pool: the pool, mapped at least once
 *
 * Context: any.
 */
struct address_space *mapping_space(const struct fixedpool *pool)
{
	return (READ_ONCE(pool->inode) ?: inode)->i_mapping;
}

/**
 * mapping_own_page() - give a page of blocks its place in the address space
 * @pool: the pool, mapped at least once
 * @page: a page of page storage
 * @offset: page offset in the device
 *
 * Storage takes it away again before it frees the page.
 *
 * Context: any; the first time for a page before anybody can map it.
 */
void mapping_own_page(const struct fixedpool *pool, struct page *page,
		      u64 offset)
{
	struct folio *folio = page_folio(page);

	/* the same for all pages of a chunk, and for all who get here at once */
	WRITE_ONCE(folio->index, offset - folio_page_idx(folio, page));
	WRITE_ONCE(folio->mapping, mapping_space(pool));
}

/**
 * mapping_init() - make the address space
 *
 * Return: 0 or an error.
 */
int mapping_init(void)
{
	mount = kern_mount(&mapping_fs);
	if (IS_ERR(mount))
		return PTR_ERR(mount);
	inode = alloc_anon_inode(mount->mnt_sb);
	if (IS_ERR(inode)) {
		kern_unmount(mount);
		return PTR_ERR(inode);
	}
	return 0;
}

/*
 * A file that goes lets go of its module first and of its mount last. So that of
 * the last mapping may still have ours, whose type is gone with the module. With
 * our own reference and this one there are two as soon as it has not.
 */
static void wait_for_files(void)
{
	mntget(mount);
	while (!may_umount(mount))
		usleep_range(1000, 2000);
	mntput(mount);
}

/**
 * mapping_exit() - no mapping is left
 *
 * Context: process; may sleep.
 */
void mapping_exit(void)
{
	wait_for_files();
	iput(inode);
	kern_unmount(mount);
}
