/* SPDX-License-Identifier: GPL-2.0 */
#ifndef FIXEDPOOL_IOCTL_H
#define FIXEDPOOL_IOCTL_H

struct client;

long ioctl_dispatch(struct client *client, unsigned int command,
		    void __user *argument);

#endif /* FIXEDPOOL_IOCTL_H */
