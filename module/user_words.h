/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Small copies from and to userspace, u64 by u64: handles, and structures of the
 * ABI, all of which are made of these. For so few bytes the general copy costs
 * more than the bytes do.
 */
#ifndef FIXEDPOOL_USER_WORDS_H
#define FIXEDPOOL_USER_WORDS_H

#include <linux/uaccess.h>

/* Returns 0 or -EFAULT; @to is filled in part then. */
static __always_inline int words_from_user(u64 *to, const u64 __user *from,
					   unsigned int count)
{
	unsigned int i;

	might_fault();
	if (!user_read_access_begin(from, count * sizeof(u64)))
		return -EFAULT;
	for (; count >= 16; count -= 16, to += 16, from += 16) {
#pragma GCC unroll 16
		for (i = 0; i < 16; i++)
			unsafe_get_user(to[i], from + i, fault);
	}
	for (; count >= 4; count -= 4, to += 4, from += 4) {
#pragma GCC unroll 4
		for (i = 0; i < 4; i++)
			unsafe_get_user(to[i], from + i, fault);
	}
	while (count--)
		unsafe_get_user(*to++, from++, fault);
	user_read_access_end();
	return 0;

fault:
	user_read_access_end();
	return -EFAULT;
}

static __always_inline int words_to_user(u64 __user *to, const u64 *from,
					 unsigned int count)
{
	unsigned int i;

	might_fault();
	if (!user_write_access_begin(to, count * sizeof(u64)))
		return -EFAULT;
	for (; count >= 16; count -= 16, to += 16, from += 16) {
#pragma GCC unroll 16
		for (i = 0; i < 16; i++)
			unsafe_put_user(from[i], to + i, fault);
	}
	for (; count >= 4; count -= 4, to += 4, from += 4) {
#pragma GCC unroll 4
		for (i = 0; i < 4; i++)
			unsafe_put_user(from[i], to + i, fault);
	}
	while (count--)
		unsafe_put_user(*from++, to++, fault);
	user_write_access_end();
	return 0;

fault:
	user_write_access_end();
	return -EFAULT;
}

/* A structure whose size the compiler knows. */
static __always_inline int struct_from_user(u64 *to, const u64 __user *from,
					    size_t size)
{
	unsigned int i;

	might_fault();
	if (!user_read_access_begin(from, size))
		return -EFAULT;
#pragma GCC unroll 8
	for (i = 0; i < size / sizeof(u64); i++)
		unsafe_get_user(to[i], from + i, fault);
	user_read_access_end();
	return 0;

fault:
	user_read_access_end();
	return -EFAULT;
}

static __always_inline int u32_to_user(u32 __user *to, u32 value)
{
	might_fault();
	if (!user_write_access_begin(to, sizeof(*to)))
		return -EFAULT;
	unsafe_put_user(value, to, fault);
	user_write_access_end();
	return 0;

fault:
	user_write_access_end();
	return -EFAULT;
}

#endif /* FIXEDPOOL_USER_WORDS_H */
