/* SPDX-License-Identifier: GPL-2.0 */
#ifndef FIXEDPOOL_MMAP_H
#define FIXEDPOOL_MMAP_H

#include "attachment.h"

struct vm_area_struct;

/**
 * enum mmap_region - what of a pool can be mapped, in the order of offsets
 * @MMAP_DATA: its blocks
 * @MMAP_VERSIONS: its version words
 * @MMAP_HEADER: struct fixedpool_header, to be read only
 * @MMAP_HOLDS: how many hold each block, to be read only
 * @MMAP_REGIONS: how many there are
 */
enum mmap_region {
	MMAP_DATA,
	MMAP_VERSIONS,
	MMAP_HEADER,
	MMAP_HOLDS,
	MMAP_REGIONS
};

u64 mmap_offset(const struct fixedpool *pool, enum mmap_region region);
u64 mmap_length(const struct fixedpool *pool, enum mmap_region region);

int mmap_pool(struct attachment *att, struct vm_area_struct *vma);

#endif /* FIXEDPOOL_MMAP_H */
