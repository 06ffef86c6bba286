// SPDX-License-Identifier: GPL-2.0
/* Sets of blocks in a file; see ranges.h. */
#include "ranges.h"

#include <linux/bitops.h>
#include <linux/seq_file.h>

/* More are left out: a file is for people, and is to end. */
#define RANGES_MAX	64

/**
 * ranges_begin() - show a set
 * @ranges: the set, no block so far
 * @file: where
 */
void ranges_begin(struct ranges *ranges, struct seq_file *file)
{
	*ranges = (struct ranges) { .file = file };
}

/* The last range is complete. */
static void show_last(struct ranges *ranges)
{
	const char *comma = ranges->shown ? "," : "";

	if (ranges->first == ranges->end)
		return;
	if (ranges->shown == RANGES_MAX)
		seq_puts(ranges->file, ",...");
	else if (ranges->shown > RANGES_MAX)
		; /* left out */
	else if (ranges->end - ranges->first == 1)
		seq_printf(ranges->file, "%s%u", comma, ranges->first);
	else
		seq_printf(ranges->file, "%s%u-%u", comma, ranges->first,
			   ranges->end - 1);
	ranges->shown++;
}

/**
 * ranges_add() - more blocks
 * @ranges: the set
 * @word: number of a group of 64 blocks, not below the last one
 * @mask: which blocks of it
 */
void ranges_add(struct ranges *ranges, u32 word, unsigned long mask)
{
	ranges->blocks += hweight_long(mask);
	for (; mask; mask &= mask - 1) {
		u32 index = word * BITS_PER_LONG + __ffs(mask);

		if (ranges->first == ranges->end || index != ranges->end) {
			show_last(ranges);
			ranges->first = index;
		}
		ranges->end = index + 1;
	}
}

/**
 * ranges_end() - end the line
 * @ranges: the set
 */
void ranges_end(struct ranges *ranges)
{
	show_last(ranges);
	seq_printf(ranges->file, " (%llu blocks)\n", ranges->blocks);
}
