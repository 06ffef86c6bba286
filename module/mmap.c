// SPDX-License-Identifier: GPL-2.0
/*
 * Mapping pools into processes.
 *
 * A pool has one range of the device's offsets: first its blocks, then its
 * version words, then what can only be read, its header and the counts of holds.
 * All pages that there are of a mapping are put in place when it is made, each with
 * a reference of its own, so that a touch does not fault, and a page outlives the
 * pool as long as somebody can see it. Those of a pool that has grown since come by
 * faults.
 *
 * A mapping stands on a file of its own, not on the client's: it keeps the
 * pool, but closing the last descriptor ends the client at once, mapped or not.
 */
#include "mmap.h"

#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/vmalloc.h>

#include "compat.h"
#include "mapping.h"
#include "revoke.h"

#define PAGES_AT_ONCE	32

static u64 first_offset(const struct fixedpool *pool)
{
	return (u64)pool->id << MMAP_UNIT_SHIFT;
}

/**
 * mmap_length() - how many bytes of a region can be mapped
 * @pool: the pool
 * @region: the region
 *
 * Return: the bytes, whole pages; 0 if there are none.
 */
u64 mmap_length(const struct fixedpool *pool, enum mmap_region region)
{
	const struct geometry *geo = pool_geometry(pool);

	if (!pool_mappable(pool))
		return 0;
	switch (region) {
	case MMAP_DATA:
		return geometry_data_bytes(geo);
	case MMAP_VERSIONS:
		return pool_versions_bytes(geo);
	case MMAP_HEADER:
		return PAGE_SIZE;
	case MMAP_HOLDS:
		return pool_holds_bytes(geo, pool->which);
	default:
		return 0;
	}
}

/**
 * mmap_offset() - where a region begins in the device
 * @pool: the pool
 * @region: the region
 *
 * Return: the offset. Where nothing can be mapped, that of the pool.
 */
u64 mmap_offset(const struct fixedpool *pool, enum mmap_region region)
{
	u64 offset = first_offset(pool);
	enum mmap_region before;

	for (before = MMAP_DATA; before < region; before++)
		offset += mmap_length(pool, before);
	return offset;
}

/*
 * A page of the pool's range, counted from the beginning of the device, or NULL
 * where the pool has not grown. It cannot go before it is in its place: there it
 * is in use.
 */
static struct page *page_at(const struct fixedpool *pool, u64 offset)
{
	u64 versions = mmap_offset(pool, MMAP_VERSIONS) >> PAGE_SHIFT;
	struct page *page;

	lockdep_assert_held(&pool->growth.mapping);
	/* versions, header and holds follow each other in memory, too */
	if (offset >= versions)
		return vmalloc_to_page((void *)pool->hot.versions +
				       ((offset - versions) << PAGE_SHIFT));
	page = storage_page(&pool->storage,
			    offset - (first_offset(pool) >> PAGE_SHIFT));
	if (page)
		mapping_own_page(pool, page, offset);
	return page;
}

static int insert_page(struct fixedpool *pool, struct vm_fault *vmf)
{
	struct page *page;
	int error = -ENXIO;

	down_read(&pool->growth.mapping);
	page = page_at(pool, vmf->pgoff);
	if (page)
		error = vm_insert_page(vmf->vma, vmf->address & PAGE_MASK,
				       page);
	up_read(&pool->growth.mapping);
	return error;
}

/*
 * Only where the pool has grown since it was mapped, and after something has
 * removed pages again, as MADV_DONTNEED does. Not with vmf->page: of a large
 * compound page 6.1 would map the whole, from the wrong place on.
 */
static vm_fault_t mapping_fault(struct vm_fault *vmf)
{
	struct mapping *mapping = vmf->vma->vm_file->private_data;

	switch (insert_page(mapping->pool, vmf)) {
	case 0:
	case -EBUSY: /* another thread was faster */
		return VM_FAULT_NOPAGE;
	case -ENOMEM:
		return VM_FAULT_OOM;
	default:
		return VM_FAULT_SIGBUS;
	}
}

/* Is a page part of a block that is to be seen; other pages all are. */
static bool visible(const struct mapping *mapping, u64 offset)
{
	const struct geometry *geo = pool_geometry(mapping->pool);
	u64 page = offset - (first_offset(mapping->pool) >> PAGE_SHIFT);
	u64 within, index;

	if (page >= mmap_length(mapping->pool, MMAP_DATA) >> PAGE_SHIFT)
		return true;
	within = page & ((1U << geo->chunk_order) - 1);
	index = div_u64(within << PAGE_SHIFT, geo->stride);
	if (index >= geo->chunk_blocks)
		return false;
	index += (page >> geo->chunk_order) * geo->chunk_blocks;
	if (index >= geo->blocks)
		return false;
	index = array_index_nospec(index, geo->blocks);
	return attachment_holds(mapping->att, index);
}

/* The first touch of a block, and each one after it was taken away. */
static vm_fault_t revocable_fault(struct vm_fault *vmf)
{
	struct mapping *mapping = vmf->vma->vm_file->private_data;
	struct address_space *space = mapping_space(mapping->pool);
	vm_fault_t result = VM_FAULT_SIGBUS;

	/* against revoke_blocks_slow() */
	filemap_invalidate_lock_shared(space);
	if (visible(mapping, vmf->pgoff))
		result = mapping_fault(vmf);
	filemap_invalidate_unlock_shared(space);
	return result;
}

static const struct vm_operations_struct revocable_vm_ops = {
	.fault = revocable_fault,
};

static const struct vm_operations_struct mapping_vm_ops = {
	.fault = mapping_fault,
};

/* The region that all of a mapping lies in, or MMAP_REGIONS. */
static enum mmap_region region_of(const struct fixedpool *pool,
				  const struct vm_area_struct *vma)
{
	u64 offset = (u64)vma->vm_pgoff << PAGE_SHIFT;
	u64 bytes = vma->vm_end - vma->vm_start;
	enum mmap_region region;

	for (region = MMAP_DATA; region < MMAP_REGIONS; region++) {
		u64 first = mmap_offset(pool, region);
		u64 length = mmap_length(pool, region);

		if (offset >= first && offset - first < length)
			return bytes <= length - (offset - first) ?
				       region : MMAP_REGIONS;
	}
	return MMAP_REGIONS;
}

/* Processes look at these, and the kernel relies on them. */
static bool only_read(enum mmap_region region)
{
	return region == MMAP_HEADER || region == MMAP_HOLDS;
}

static int mapping_check(const struct fixedpool *pool,
			 const struct vm_area_struct *vma,
			 enum mmap_region region)
{
	if (!pool_mappable(pool))
		return -ENODEV;
	/* VM_SHARED is missing where the descriptor is read-only */
	if (!(vma->vm_flags & VM_MAYSHARE))
		return -EINVAL;
	if (vma->vm_flags & VM_EXEC)
		return -EACCES;
	if (region == MMAP_REGIONS)
		return -EINVAL;
	if (only_read(region) && vma->vm_flags & VM_WRITE)
		return -EACCES;
	return 0;
}

/* Up to PAGES_AT_ONCE pages that are there, from @page on; returns how many. */
static unsigned long find_pages(const struct fixedpool *pool, u64 page,
				unsigned long max, struct page **pages)
{
	unsigned long count = 0;

	while (count < min_t(unsigned long, max, PAGES_AT_ONCE)) {
		pages[count] = page_at(pool, page + count);
		if (!pages[count])
			break;
		count++;
	}
	return count;
}

static int insert_pages(struct fixedpool *pool, struct vm_area_struct *vma)
{
	struct page *pages[PAGES_AT_ONCE];
	unsigned long address = vma->vm_start;
	u64 page = vma->vm_pgoff;

	while (address < vma->vm_end) {
		unsigned long left = (vma->vm_end - address) >> PAGE_SHIFT;
		unsigned long count, rest;
		int error = 0;

		if (fatal_signal_pending(current))
			return -EINTR;
		down_read(&pool->growth.mapping);
		count = find_pages(pool, page, left, pages);
		rest = count;
		if (count)
			error = vm_insert_pages(vma, address, pages, &rest);
		up_read(&pool->growth.mapping);
		if (error)
			return error;
		/* one that is missing is left to a fault */
		count = max(count, 1UL);
		address += count << PAGE_SHIFT;
		page += count;
		cond_resched();
	}
	return 0;
}

/**
 * mmap_pool() - map part of a pool
 * @att: attachment to the pool that the offset of the mapping belongs to
 * @vma: the mapping
 *
 * Context: process, with mmap_lock held for writing; may sleep.
 * Return: 0; -ENODEV if the pool cannot be mapped; -EINVAL for a private
 * mapping and for one that is not within one region; -EACCES for an executable
 * one, and for a writable one of what can only be read; -EINTR; -ENOMEM; -ENFILE.
 */
int mmap_pool(struct attachment *att, struct vm_area_struct *vma)
{
	struct fixedpool *pool = att->pool;
	enum mmap_region region = region_of(pool, vma);
	struct file *file;
	int error;

	error = mapping_check(pool, vma, region);
	if (error)
		return error;

	file = mapping_file(att);
	if (IS_ERR(file))
		return PTR_ERR(file);
	/* the mapping takes a reference, which its parts and copies share */
	vma_set_file(vma, file);
	fput(file);

	vm_flags_mod(vma, VM_DONTEXPAND | VM_MIXEDMAP,
		     VM_MAYEXEC | (only_read(region) ? VM_MAYWRITE : 0));
	if (revocable(pool)) {
		vma->vm_ops = &revocable_vm_ops;
		return 0;
	}
	vma->vm_ops = &mapping_vm_ops;
	return insert_pages(pool, vma);
}
