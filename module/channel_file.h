/* SPDX-License-Identifier: GPL-2.0 */
/* Descriptors of channels. */
#ifndef FIXEDPOOL_CHANNEL_FILE_H
#define FIXEDPOOL_CHANNEL_FILE_H

#include <linux/types.h>

struct client;
struct file;
struct fixedpool_channel;

struct file *channel_file_open(struct client *client,
			       struct fixedpool_channel *channel, u32 ends,
			       bool nonblock);

#endif /* FIXEDPOOL_CHANNEL_FILE_H */
