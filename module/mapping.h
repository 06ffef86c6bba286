/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The files that mappings of pools stand on, and the address space that their
 * pages belong to.
 *
 * It is an address space of our own: a shared futex is named by the inode
 * behind a page and the page's place in it, and that of /dev/fixedpool would not
 * do, since there may be many such nodes, nor that of anonymous inodes, which
 * others map too. One serves all pools, as no two have the same offsets; but a
 * revocable pool has its own, see revoke.h.
 */
#ifndef FIXEDPOOL_MAPPING_H
#define FIXEDPOOL_MAPPING_H

#include "attachment.h"

struct address_space;
struct file;
struct page;

/**
 * struct mapping - what the file of a mapping leads to
 * @pool: the pool, with a reference
 * @att: of a revocable pool: whose blocks are to be seen; its memory is kept
 */
struct mapping {
	struct fixedpool *pool;
	struct attachment *att;
};

int mapping_init(void);
void mapping_exit(void);

struct file *mapping_file(struct attachment *att);
struct address_space *mapping_space(const struct fixedpool *pool);
void mapping_own_page(const struct fixedpool *pool, struct page *page,
		      u64 offset);

#endif /* FIXEDPOOL_MAPPING_H */
