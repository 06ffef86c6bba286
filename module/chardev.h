/* SPDX-License-Identifier: GPL-2.0 */
#ifndef FIXEDPOOL_CHARDEV_H
#define FIXEDPOOL_CHARDEV_H

int chardev_init(void);
void chardev_exit(void);

#endif /* FIXEDPOOL_CHARDEV_H */
