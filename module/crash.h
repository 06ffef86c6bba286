/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Blocks of a killed process come back before its address space is torn down,
 * which takes the longer the more it had mapped. The close of the file, which
 * comes after that, stays as the backstop; without CONFIG_MMU_NOTIFIER it is
 * all there is.
 */
#ifndef FIXEDPOOL_CRASH_H
#define FIXEDPOOL_CRASH_H

#include <linux/kconfig.h>

struct client;
struct file_operations;

#if IS_ENABLED(CONFIG_MMU_NOTIFIER)
void crash_init(const struct file_operations *fops);
void crash_exit(void);
void crash_watch(struct client *client);
void crash_unwatch(struct client *client);
#else
static inline void crash_init(const struct file_operations *fops) { }
static inline void crash_exit(void) { }
static inline void crash_watch(struct client *client) { }
static inline void crash_unwatch(struct client *client) { }
#endif

#endif /* FIXEDPOOL_CRASH_H */
