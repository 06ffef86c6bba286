/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * /dev/fixedpool_client: a driver that uses the pools of /dev/fixedpool.
 *
 * It is trusted as every driver is: it reaches any block of any pool by name
 * and handle, whoever holds it. Hence the device is for root alone.
 *
 * Errors, besides those that fixedpool_lookup() and fixedpool_get() give:
 *
 *   ENOTTY      unknown command
 *   EFAULT      a pointer leads nowhere
 *   EINVAL      a name without an end, unknown flag, reserved field not zero
 *   EMSGSIZE    CRC32: the bytes lie beyond the end of the block;
 *               TAP: the pool's blocks have no room for a packet's header
 *   EALREADY    TAP: this file taps already
 *   ENOENT      RELEASE: this file does not hold the block;
 *               RUN: no such scenario; TAP: no such pool or channel;
 *               UNTAP: this file does not tap
 *   EPROTO      RUN: a check failed, @failure says which
 *   EOPNOTSUPP  RUN: the scenario cannot be played here, @failure says why
 */
#ifndef _FIXEDPOOL_CLIENT_H
#define _FIXEDPOOL_CLIENT_H

#include <linux/fixedpool.h>
#include <linux/ioctl.h>
#include <linux/types.h>

#define FIXEDPOOL_CLIENT_DEVICE	"/dev/fixedpool_client"

/**
 * struct fixedpool_client_crc32 - checksum of bytes of a block, taken inside
 *	the kernel (FIXEDPOOL_CLIENT_IOC_CRC32)
 * @pool: in: name of the block's pool
 * @handle: in: the block
 * @offset: in: first byte in the block
 * @length: in: bytes
 * @crc: in: zero, or the checksum of what comes before; out: the checksum of
 *	both, as crc32() of zlib gives it
 * @flags: in: zero
 *
 * An open file keeps every pool it was ever asked about, under the name that
 * the pool had then.
 */
struct fixedpool_client_crc32 {
	char pool[FIXEDPOOL_NAME_SIZE];
	__aligned_u64 handle;
	__u32 offset;
	__u32 length;
	__u32 crc;
	__u32 flags;
};

/**
 * struct fixedpool_client_hold - let the driver hold a block
 *	(FIXEDPOOL_CLIENT_IOC_HOLD), or let go of it
 *	(FIXEDPOOL_CLIENT_IOC_RELEASE)
 * @pool: in: name of the block's pool
 * @handle: in: the block
 * @flags: in: zero
 * @reserved: in: zero
 *
 * Every HOLD counts; closing the file releases all of them.
 */
struct fixedpool_client_hold {
	char pool[FIXEDPOOL_NAME_SIZE];
	__aligned_u64 handle;
	__u32 flags;
	__u32 reserved;
};

#define FIXEDPOOL_CLIENT_SCENARIO_SIZE	80
#define FIXEDPOOL_CLIENT_FAILURE_SIZE	160

/**
 * struct fixedpool_client_run - play a scenario inside the kernel
 *	(FIXEDPOOL_CLIENT_IOC_RUN)
 * @scenario: in: its name, see scenarios.h
 * @pool: in: name of a pool, for the scenarios that work on one; else empty
 * @handle: in: a block of @pool; else zero
 * @storage: in: enum fixedpool_storage of the pools that the scenario makes
 * @flags: in: zero
 * @failure: out: the first check that failed, with file and line
 */
struct fixedpool_client_run {
	char scenario[FIXEDPOOL_CLIENT_SCENARIO_SIZE];
	char pool[FIXEDPOOL_NAME_SIZE];
	__aligned_u64 handle;
	__u32 storage;
	__u32 flags;
	char failure[FIXEDPOOL_CLIENT_FAILURE_SIZE];
};

/**
 * struct fixedpool_client_packet - what stands at the beginning of a block with
 *	a packet in it; its bytes, from the network header on, follow
 * @length: bytes of the packet
 * @stored: how many of them are in the block
 */
struct fixedpool_client_packet {
	__u32 length;
	__u32 stored;
};

/**
 * struct fixedpool_client_tap - send every packet that comes in through the
 *	loopback interface, copied into a block, through a channel
 *	(FIXEDPOOL_CLIENT_IOC_TAP), or stop that (FIXEDPOOL_CLIENT_IOC_UNTAP)
 * @pool: TAP: in: name of the pool
 * @channel: TAP: in: name of the channel, which somebody has made
 * @sent: UNTAP: out: packets sent
 * @dropped: UNTAP: out: packets for which there was no block, no room in the
 *	channel or no reader
 * @flags: in: zero
 * @reserved: in: zero
 *
 * One tap per open file; closing it stops the tap.
 */
struct fixedpool_client_tap {
	char pool[FIXEDPOOL_NAME_SIZE];
	char channel[FIXEDPOOL_NAME_SIZE];
	__aligned_u64 sent;
	__aligned_u64 dropped;
	__u32 flags;
	__u32 reserved;
};

/* Numbers of the pool device's own range that it will not use. */
#define FIXEDPOOL_CLIENT_IOC_CRC32	\
	_IOWR(FIXEDPOOL_IOC_MAGIC, 0xc0, struct fixedpool_client_crc32)
#define FIXEDPOOL_CLIENT_IOC_HOLD	\
	_IOWR(FIXEDPOOL_IOC_MAGIC, 0xc1, struct fixedpool_client_hold)
#define FIXEDPOOL_CLIENT_IOC_RELEASE	\
	_IOWR(FIXEDPOOL_IOC_MAGIC, 0xc2, struct fixedpool_client_hold)
#define FIXEDPOOL_CLIENT_IOC_RUN	\
	_IOWR(FIXEDPOOL_IOC_MAGIC, 0xc3, struct fixedpool_client_run)
#define FIXEDPOOL_CLIENT_IOC_TAP	\
	_IOWR(FIXEDPOOL_IOC_MAGIC, 0xc4, struct fixedpool_client_tap)
#define FIXEDPOOL_CLIENT_IOC_UNTAP	\
	_IOWR(FIXEDPOOL_IOC_MAGIC, 0xc5, struct fixedpool_client_tap)

#endif /* _FIXEDPOOL_CLIENT_H */
