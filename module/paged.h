/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Large tables of which little is in use: pages by number, made when they are
 * first needed and charged to whoever needs them.
 */
#ifndef FIXEDPOOL_PAGED_H
#define FIXEDPOOL_PAGED_H

#include <linux/xarray.h>

#include "account.h"

/**
 * struct paged_page - a page of a table
 * @charge: what its user pays
 * @bytes: PAGE_SIZE bytes
 */
struct paged_page {
	struct charge charge;
	void *bytes;
};

/**
 * struct paged - a table
 * @pages: struct paged_page by number; they are added at any time, and removed
 *	only by whoever has the table for itself
 */
struct paged {
	struct xarray pages;
};

void paged_init(struct paged *table);
void paged_exit(struct paged *table);
void *paged_make(struct paged *table, unsigned long number);
void paged_page_free(struct paged_page *page);

/* The bytes of page @number, or NULL while it is not there. */
static inline void *paged_find(struct paged *table, unsigned long number)
{
	struct paged_page *page = xa_load(&table->pages, number);

	return page ? page->bytes : NULL;
}

#endif /* FIXEDPOOL_PAGED_H */
