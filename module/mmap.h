/* SPDX-License-Identifier: GPL-2.0 */
#ifndef FIXEDPOOL_MMAP_H
#define FIXEDPOOL_MMAP_H

#include "attachment.h"

struct vm_area_struct;

u64 mmap_data_offset(const struct fixedpool *pool);
u64 mmap_data_length(const struct fixedpool *pool);
u64 mmap_versions_offset(const struct fixedpool *pool);
u64 mmap_versions_length(const struct fixedpool *pool);
u64 mmap_header_offset(const struct fixedpool *pool);
u64 mmap_header_length(const struct fixedpool *pool);

int mmap_pool(struct attachment *att, struct vm_area_struct *vma);

#endif /* FIXEDPOOL_MMAP_H */
