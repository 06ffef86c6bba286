// SPDX-License-Identifier: GPL-2.0
/* Tables of which little is in use; see paged.h. */
#include "paged.h"

#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/slab.h>

/* A failure is the caller's, not the log's or the OOM killer's. */
#define PAGED_GFP (GFP_KERNEL_ACCOUNT | __GFP_NOWARN | __GFP_RETRY_MAYFAIL)

/**
 * paged_init() - a table without pages
 * @table: the table
 */
void paged_init(struct paged *table)
{
	xa_init_flags(&table->pages, XA_FLAGS_ACCOUNT);
}

/**
 * paged_page_free() - free a page that is in no table any more
 * @page: the page
 */
void paged_page_free(struct paged_page *page)
{
	uncharge_memory(&page->charge);
	free_page((unsigned long)page->bytes);
	kfree(page);
}

/**
 * paged_exit() - free a table's pages
 * @table: the table, which nobody uses any more
 *
 * Context: process.
 */
void paged_exit(struct paged *table)
{
	struct paged_page *page;
	unsigned long number;

	xa_for_each(&table->pages, number, page)
		paged_page_free(page);
	xa_destroy(&table->pages);
}

static struct paged_page *paged_page_alloc(void)
{
	struct paged_page *page;
	struct charge charge;
	int error;

	error = charge_memory(&charge, PAGE_SIZE, true);
	if (error)
		return ERR_PTR(error);
	page = kmalloc(sizeof(*page), PAGED_GFP);
	if (!page)
		goto uncharge;
	page->charge = charge;
	page->bytes = (void *)__get_free_page(PAGED_GFP | __GFP_ZERO);
	if (!page->bytes)
		goto free;
	return page;

free:
	kfree(page);
uncharge:
	uncharge_memory(&charge);
	return ERR_PTR(-ENOMEM);
}

/**
 * paged_make() - find a page, or make it
 * @table: the table
 * @number: of the page
 *
 * Others may make pages at the same time.
 *
 * Context: process; may sleep.
 * Return: its bytes, at first zero; -EDQUOT or -ENOSPC if a limit forbids it;
 * -ENOMEM.
 */
void *paged_make(struct paged *table, unsigned long number)
{
	void *bytes = paged_find(table, number);
	struct paged_page *page;
	int error;

	if (bytes)
		return bytes;
	page = paged_page_alloc();
	if (IS_ERR(page))
		return ERR_CAST(page);
	error = xa_insert(&table->pages, number, page, PAGED_GFP);
	if (!error)
		return page->bytes;
	paged_page_free(page);
	/* -EBUSY: somebody was faster */
	return error == -EBUSY ? paged_find(table, number) : ERR_PTR(-ENOMEM);
}
