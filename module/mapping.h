/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The files that mappings of pools stand on, and the address space that their
 * pages belong to.
 *
 * It is an address space of our own: a shared futex is named by the inode
 * behind a page and the page's place in it, and that of /dev/fixedpool would not
 * do, since there may be many such nodes, nor that of anonymous inodes, which
 * others map too. One serves all pools, as no two have the same offsets.
 */
#ifndef FIXEDPOOL_MAPPING_H
#define FIXEDPOOL_MAPPING_H

#include "pool.h"

struct file;
struct page;

int mapping_init(void);
void mapping_exit(void);

struct file *mapping_file(struct fixedpool *pool);
void mapping_own_page(struct page *page, u64 offset);

#endif /* FIXEDPOOL_MAPPING_H */
