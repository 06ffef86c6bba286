/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Between the dispatch of ioctls and what they do. call_...() does what is asked
 * in call->argument and leaves the answer there; undo_...() takes that back.
 */
#ifndef FIXEDPOOL_IOCTL_CALL_H
#define FIXEDPOOL_IOCTL_CALL_H

#include <uapi/linux/fixedpool.h>

struct attachment;
struct client;
struct file;

union argument {
	struct fixedpool_query query;
	struct fixedpool_pool_create pool_create;
	struct fixedpool_pool_attach pool_attach;
	struct fixedpool_pool_detach pool_detach;
	struct fixedpool_pool_destroy pool_destroy;
	struct fixedpool_pool_info pool_info;
	struct fixedpool_alloc alloc;
	struct fixedpool_free free;
	struct fixedpool_check check;
	struct fixedpool_read read;
	struct fixedpool_write write;
	struct fixedpool_give give;
	struct fixedpool_channel_create channel_create;
	struct fixedpool_channel_open channel_open;
	struct fixedpool_set_create set_create;
	struct fixedpool_set_destroy set_destroy;
	struct fixedpool_watch watch;
	struct fixedpool_share share;
	struct fixedpool_scope_create scope_create;
	struct fixedpool_scope_release scope_release;
	struct fixedpool_cache_fill cache_fill;
	struct fixedpool_cache_drain cache_drain;
};

/**
 * struct call - an ioctl at work
 * @argument: the caller's structure
 * @made: attachment that the call has made, which goes again if the caller
 *	cannot be told of it
 * @file: open file that the call has made, or NULL
 * @fd: the descriptor kept for it, which it gets when the caller has been told
 */
struct call {
	union argument argument;
	struct attachment *made;
	struct file *file;
	int fd;
};

long call_query(struct client *client, struct call *call);
long call_pool_create(struct client *client, struct call *call);
void undo_pool_create(struct client *client, struct call *call);
long call_pool_attach(struct client *client, struct call *call);
void undo_pool_attach(struct client *client, struct call *call);
long call_pool_detach(struct client *client, struct call *call);
long call_pool_destroy(struct client *client, struct call *call);
long call_pool_info(struct client *client, struct call *call);
long call_alloc(struct client *client, struct call *call);
void undo_alloc(struct client *client, struct call *call);
long call_free(struct client *client, struct call *call);
long call_check(struct client *client, struct call *call);
long call_read(struct client *client, struct call *call);
long call_write(struct client *client, struct call *call);
long call_give(struct client *client, struct call *call);
long call_channel_create(struct client *client, struct call *call);
long call_channel_open(struct client *client, struct call *call);
void undo_channel(struct client *client, struct call *call);
long call_set_create(struct client *client, struct call *call);
void undo_set_create(struct client *client, struct call *call);
long call_set_destroy(struct client *client, struct call *call);
long call_watch(struct client *client, struct call *call);
void undo_watch(struct client *client, struct call *call);
long call_share(struct client *client, struct call *call);
long call_scope_create(struct client *client, struct call *call);
void undo_scope_create(struct client *client, struct call *call);
long call_scope_release(struct client *client, struct call *call);
long call_cache_fill(struct client *client, struct call *call);
void undo_cache_fill(struct client *client, struct call *call);
long call_cache_drain(struct client *client, struct call *call);

/* ALLOC from a set, and what both ways of ALLOC share: how many blocks there are
 * for it, of which at least @least must be, or an error; and moving them to the
 * client.
 */
long alloc_by_size(struct client *client, struct fixedpool_alloc *alloc);
int alloc_reserve(struct client *client, struct attachment *att,
		  const struct fixedpool_alloc *alloc, u32 least);
long alloc_deliver(struct client *client, struct attachment *att,
		   struct fixedpool_alloc *alloc, u32 reserved);

#endif /* FIXEDPOOL_IOCTL_CALL_H */
