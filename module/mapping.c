// SPDX-License-Identifier: GPL-2.0
/* An inode for mappings; see mapping.h. */
#include "mapping.h"

#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/fs_context.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mount.h>
#include <linux/pseudo_fs.h>

#include "registry.h"

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
	registry_put(file->private_data);
	return 0;
}

static const struct file_operations mapping_fops = {
	.owner = THIS_MODULE,
	.release = mapping_release,
	.llseek = noop_llseek,
};

/**
 * mapping_file() - a file for a new mapping
 * @pool: the pool, which the file keeps; the caller has a reference
 *
 * Context: process; may sleep.
 * Return: the file or an error.
 */
struct file *mapping_file(struct fixedpool *pool)
{
	char name[FIXEDPOOL_NAME_SIZE + 16];
	struct file *file;

	snprintf(name, sizeof(name), "fixedpool:%s", pool->name);
	ihold(inode);
	file = alloc_file_pseudo(inode, mount, name, O_RDWR, &mapping_fops);
	if (IS_ERR(file)) {
		iput(inode);
		return file;
	}
	/* put back when the file goes, as for an opened one */
	__module_get(THIS_MODULE);
	registry_ref(pool);
	file->private_data = pool;
	return file;
}

/**
 * mapping_own_page() - give a page of blocks its place in the address space
 * @page: a page of page storage
 * @offset: page offset in the device
 *
 * Storage takes it away again before it frees the page.
 *
 * Context: any; the first time for a page before anybody can map it.
 */
void mapping_own_page(struct page *page, u64 offset)
{
	struct folio *folio = page_folio(page);

	/* the same for all pages of a chunk, and for all who get here at once */
	WRITE_ONCE(folio->index, offset - folio_page_idx(folio, page));
	WRITE_ONCE(folio->mapping, inode->i_mapping);
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

/**
 * mapping_exit() - no mapping is left
 */
void mapping_exit(void)
{
	iput(inode);
	kern_unmount(mount);
}
