/* SPDX-License-Identifier: GPL-2.0 */
/* Sets of blocks in a file: 0-2,64,70-75 (10 blocks), and no more than a line. */
#ifndef FIXEDPOOL_RANGES_H
#define FIXEDPOOL_RANGES_H

#include <linux/types.h>

struct seq_file;

/**
 * struct ranges - a set that is being shown
 * @file: where
 * @first: first block of the last range so far
 * @end: block after its last
 * @blocks: in all
 * @shown: ranges shown so far, all but the last
 */
struct ranges {
	struct seq_file *file;
	u32 first;
	u32 end;
	u64 blocks;
	unsigned int shown;
};

void ranges_begin(struct ranges *ranges, struct seq_file *file);
void ranges_add(struct ranges *ranges, u32 word, unsigned long mask);
void ranges_end(struct ranges *ranges);

#endif /* FIXEDPOOL_RANGES_H */
