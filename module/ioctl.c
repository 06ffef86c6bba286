// SPDX-License-Identifier: GPL-2.0
/*
 * The ioctls of the device: what comes from userspace is checked here and
 * handed down.
 *
 * A command is known by its number alone; the size in the command word is that
 * of the caller's structure. The structure is copied in, the handler works on
 * the copy, and it is copied out again also when the handler failed, since it
 * says how far the handler got. What cannot be copied out is undone.
 */
#include "ioctl.h"

#include <linux/file.h>
#include <linux/kernel.h>
#include <linux/nospec.h>
#include <linux/uaccess.h>

#include "attachment.h"
#include "compat.h"
#include "ioctl_call.h"
#include "user_words.h"

/* The ABI does not move; the library asserts the same. */
static_assert(sizeof(struct fixedpool_query) == 40);
static_assert(sizeof(struct fixedpool_pool_create) == 72);
static_assert(sizeof(struct fixedpool_pool_attach) == 40);
static_assert(sizeof(struct fixedpool_pool_detach) == 8);
static_assert(sizeof(struct fixedpool_pool_destroy) == 40);
static_assert(sizeof(struct fixedpool_pool_info) == 184);
static_assert(sizeof(struct fixedpool_header) == 64);
static_assert(sizeof(struct fixedpool_alloc) == 40);
static_assert(sizeof(struct fixedpool_free) == 24);
static_assert(sizeof(struct fixedpool_check) == 16);
static_assert(sizeof(struct fixedpool_read) == 32);
static_assert(sizeof(struct fixedpool_write) == 32);
static_assert(sizeof(struct fixedpool_give) == 24);
static_assert(sizeof(struct fixedpool_share) == 24);
static_assert(sizeof(struct fixedpool_scope_create) == 16);
static_assert(sizeof(struct fixedpool_scope_release) == 16);
static_assert(sizeof(struct fixedpool_watch) == 24);
static_assert(sizeof(struct fixedpool_cache_fill) == 24);
static_assert(sizeof(struct fixedpool_cache_drain) == 24);
static_assert(sizeof(struct fixedpool_set_create) == 56);
static_assert(sizeof(struct fixedpool_set_destroy) == 40);
static_assert(sizeof(struct fixedpool_channel_create) == 48);
static_assert(sizeof(struct fixedpool_channel_open) == 48);

/**
 * struct command - one ioctl
 * @size: bytes of its structure today
 * @size_first: bytes of its structure in the first version of the ABI
 * @answers: something comes out, so the structure is copied back
 * @run: does it
 * @undo: takes it back if the answer cannot be copied out, or NULL where that
 *	changes nothing or cannot be taken back
 */
struct command {
	u16 size;
	u16 size_first;
	bool answers;
	long (*run)(struct client *client, struct call *call);
	void (*undo)(struct client *client, struct call *call);
};

/* Whole u64s, so that argument_in() and argument_out() can copy them. */
#define COMMAND(ioc, first, out, how, back)			\
	[_IOC_NR(ioc)] = {					\
		.size = _IOC_SIZE(ioc) +			\
			BUILD_BUG_ON_ZERO(_IOC_SIZE(ioc) % 8),	\
		.size_first = (first),				\
		.answers = (out),				\
		.run = (how),					\
		.undo = (back),					\
	}

static const struct command commands[] = {
	COMMAND(FIXEDPOOL_IOC_QUERY, 40, true, call_query, NULL),
	COMMAND(FIXEDPOOL_IOC_POOL_CREATE, 72, true, call_pool_create,
		undo_pool_create),
	COMMAND(FIXEDPOOL_IOC_POOL_ATTACH, 40, true, call_pool_attach,
		undo_pool_attach),
	COMMAND(FIXEDPOOL_IOC_POOL_DETACH, 8, false, call_pool_detach, NULL),
	COMMAND(FIXEDPOOL_IOC_POOL_DESTROY, 40, false, call_pool_destroy, NULL),
	COMMAND(FIXEDPOOL_IOC_POOL_INFO, 144, true, call_pool_info, NULL),
	COMMAND(FIXEDPOOL_IOC_ALLOC, 24, true, call_alloc, undo_alloc),
	COMMAND(FIXEDPOOL_IOC_FREE, 24, true, call_free, NULL),
	COMMAND(FIXEDPOOL_IOC_CHECK, 16, true, call_check, NULL),
	COMMAND(FIXEDPOOL_IOC_READ, 32, false, call_read, NULL),
	COMMAND(FIXEDPOOL_IOC_WRITE, 32, false, call_write, NULL),
	COMMAND(FIXEDPOOL_IOC_GIVE, 24, true, call_give, NULL),
	COMMAND(FIXEDPOOL_IOC_SHARE, 24, true, call_share, NULL),
	COMMAND(FIXEDPOOL_IOC_SCOPE_CREATE, 16, true, call_scope_create,
		undo_scope_create),
	COMMAND(FIXEDPOOL_IOC_SCOPE_RELEASE, 16, true, call_scope_release, NULL),
	COMMAND(FIXEDPOOL_IOC_SET_CREATE, 56, true, call_set_create,
		undo_set_create),
	COMMAND(FIXEDPOOL_IOC_SET_DESTROY, 40, false, call_set_destroy, NULL),
	COMMAND(FIXEDPOOL_IOC_CHANNEL_CREATE, 48, true, call_channel_create,
		undo_channel),
	COMMAND(FIXEDPOOL_IOC_CHANNEL_OPEN, 48, true, call_channel_open,
		undo_channel),
	COMMAND(FIXEDPOOL_IOC_WATCH, 24, true, call_watch, undo_watch),
	COMMAND(FIXEDPOOL_IOC_CACHE_FILL, 24, true, call_cache_fill,
		undo_cache_fill),
	COMMAND(FIXEDPOOL_IOC_CACHE_DRAIN, 24, true, call_cache_drain, NULL),
};

/* A caller of our own age has a structure of our size. */
static int argument_in(union argument *argument, const struct command *command,
		       const void __user *user, size_t size)
{
	if (likely(size == command->size))
		return words_from_user((u64 *)argument, user,
				       size / sizeof(u64));
	return copy_struct_from_user(argument, command->size, user, size);
}

static int argument_out(void __user *user, const struct command *command,
			const union argument *argument, size_t size)
{
	if (likely(size == command->size))
		return words_to_user(user, (const u64 *)argument,
				     size / sizeof(u64));
	return copy_to_user(user, argument,
			    min_t(size_t, size, command->size)) ? -EFAULT : 0;
}

/* Of these four nothing comes out but how far they got, and at the same place. */
#define DONE_AT	offsetof(struct fixedpool_alloc, done)
static_assert(offsetof(struct fixedpool_free, done) == DONE_AT);
static_assert(offsetof(struct fixedpool_cache_fill, done) == DONE_AT);
static_assert(offsetof(struct fixedpool_cache_drain, done) == DONE_AT);

static __always_inline long run_hot(struct client *client, void __user *user,
				    size_t size,
				    long (*run)(struct client *client,
						struct call *call),
				    void (*undo)(struct client *client,
						 struct call *call))
{
	struct call call __uninitialized;
	long error;

	if (struct_from_user((u64 *)&call.argument, user, size))
		return -EFAULT;
	error = run(client, &call);
	if (likely(!u32_to_user(user + DONE_AT, call.argument.alloc.done)))
		return error;
	if (!error && undo)
		undo(client, &call);
	return -EFAULT;
}

static noinline long hot_alloc(struct client *client, void __user *user)
{
	return run_hot(client, user, sizeof(struct fixedpool_alloc), call_alloc,
		       undo_alloc);
}

static noinline long hot_free(struct client *client, void __user *user)
{
	return run_hot(client, user, sizeof(struct fixedpool_free), call_free,
		       NULL);
}

static noinline long hot_fill(struct client *client, void __user *user)
{
	return run_hot(client, user, sizeof(struct fixedpool_cache_fill),
		       call_cache_fill, undo_cache_fill);
}

static noinline long hot_drain(struct client *client, void __user *user)
{
	return run_hot(client, user, sizeof(struct fixedpool_cache_drain),
		       call_cache_drain, NULL);
}

static noinline long dispatch(struct client *client, unsigned int word,
			      void __user *user)
{
	unsigned int number = _IOC_NR(word);
	const struct command *command;
	size_t size = _IOC_SIZE(word);
	struct call call __uninitialized;
	long error;

	if (_IOC_TYPE(word) != FIXEDPOOL_IOC_MAGIC ||
	    number >= ARRAY_SIZE(commands))
		return -ENOTTY;
	command = &commands[array_index_nospec(number, ARRAY_SIZE(commands))];
	if (!command->run)
		return -ENOTTY;
	if (size < command->size_first)
		return -EINVAL;
	if (size > PAGE_SIZE)
		return -E2BIG;
	error = argument_in(&call.argument, command, user, size);
	if (error)
		return error;
	call.made = NULL;
	call.file = NULL;

	error = command->run(client, &call);

	if (command->answers &&
	    argument_out(user, command, &call.argument, size)) {
		if (!error && command->undo)
			command->undo(client, &call);
		error = -EFAULT;
	} else if (!error && call.file) {
		/* last: nobody can take it back from now on */
		fd_install(call.fd, call.file);
	}
	attachment_put(call.made);
	return error;
}

/**
 * ioctl_dispatch() - do what a client asks for
 * @client: the client
 * @word: the command word
 * @user: the structure in userspace
 *
 * Context: process; may sleep.
 * Return: 0 or an error that <uapi/linux/fixedpool.h> lists.
 */
long ioctl_dispatch(struct client *client, unsigned int word,
		    void __user *user)
{
	/* what is called most, by callers of our own age, with less ado */
	switch (word) {
	case FIXEDPOOL_IOC_ALLOC:
		return hot_alloc(client, user);
	case FIXEDPOOL_IOC_FREE:
		return hot_free(client, user);
	case FIXEDPOOL_IOC_CACHE_FILL:
		return hot_fill(client, user);
	case FIXEDPOOL_IOC_CACHE_DRAIN:
		return hot_drain(client, user);
	default:
		return dispatch(client, word, user);
	}
}
