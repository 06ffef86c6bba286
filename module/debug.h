/* SPDX-License-Identifier: GPL-2.0 */
/*
 * /sys/kernel/debug/fixedpool/<pool>/: who holds what, where free blocks lie,
 * and whether the books balance. Where there is no debugfs, nothing happens.
 */
#ifndef FIXEDPOOL_DEBUG_H
#define FIXEDPOOL_DEBUG_H

struct fixedpool;

void debug_init(void);
void debug_exit(void);
void debug_pool_added(struct fixedpool *pool);
void debug_pool_removed(struct fixedpool *pool);

#endif /* FIXEDPOOL_DEBUG_H */
