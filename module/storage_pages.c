// SPDX-License-Identifier: GPL-2.0
/*
 * Chunks that are runs of pages. A run is a compound page where it is more than
 * one page, since only then every page of it can be mapped. The head page
 * carries the chunk's number.
 */
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/page_ref.h>

#include "storage.h"

static int pages_init(struct storage *storage, u32 id)
{
	return 0;
}

static void pages_exit(struct storage *storage)
{
}

static void *pages_alloc(struct storage *storage)
{
	gfp_t gfp = POOL_GFP | __GFP_ZERO | __GFP_COMP;
	struct page *page;

	page = alloc_pages_node(storage->numa_node, gfp,
				storage->geo.chunk_order);
	return page ? page_address(page) : NULL;
}

static void pages_free(struct storage *storage, void *chunk)
{
	struct page *head = virt_to_page(chunk);

	set_page_private(head, 0);
	/* set by who maps it into processes; nobody does any more */
	page_folio(head)->mapping = NULL;
	/* drops our reference; those of pins keep the pages */
	__free_pages(head, storage->geo.chunk_order);
}

static void pages_placed(struct storage *storage, u32 chunk)
{
	set_page_private(virt_to_page(storage_chunk(storage, chunk)), chunk);
}

static void pages_removed(struct storage *storage, u32 chunk)
{
}

/* Mapped pages and pinned ones have references of their own. */
static bool pages_idle(const struct storage *storage, u32 chunk)
{
	return page_ref_count(virt_to_page(storage_chunk(storage, chunk))) == 1;
}

static u32 pages_find(const struct storage *storage, const void *address)
{
	unsigned long chunk = READ_ONCE(virt_to_head_page(address)->private);

	/* of a page that is not ours it can be anything */
	return min_t(unsigned long, chunk, U32_MAX);
}

const struct storage_kind storage_pages = {
	.init = pages_init,
	.exit = pages_exit,
	.alloc = pages_alloc,
	.free = pages_free,
	.placed = pages_placed,
	.removed = pages_removed,
	.idle = pages_idle,
	.find = pages_find,
};
