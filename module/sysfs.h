/* SPDX-License-Identifier: GPL-2.0 */
#ifndef FIXEDPOOL_SYSFS_H
#define FIXEDPOOL_SYSFS_H

struct fixedpool;

int sysfs_init(void);
void sysfs_exit(void);
int sysfs_pool_added(struct fixedpool *pool);
void sysfs_pool_removed(struct fixedpool *pool);

#endif /* FIXEDPOOL_SYSFS_H */
