/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The validator: does each block lie in exactly one place, and is each hold
 * somebody's?
 *
 * Nothing stops while it looks. What it finds of a pool on which somebody works
 * meanwhile may be wrong without anything being wrong with the pool; to tell the
 * two apart, look again.
 */
#ifndef FIXEDPOOL_AUDIT_H
#define FIXEDPOOL_AUDIT_H

#include "pool.h"

/**
 * enum audit_term - where a block lies; the terms of the accounting equation,
 *	whose sum is the number of blocks
 * @AUDIT_DEPOT: free, in the depot
 * @AUDIT_MAGAZINES: free, in a magazine
 * @AUDIT_RACK: free, in a full magazine that no CPU has
 * @AUDIT_CLIENTS: held by clients, and maybe by others too
 * @AUDIT_MODULES: held by modules, and by no client
 * @AUDIT_QUEUED: only in a channel
 * @AUDIT_TERMS: how many there are
 */
enum audit_term {
	AUDIT_DEPOT,
	AUDIT_MAGAZINES,
	AUDIT_RACK,
	AUDIT_CLIENTS,
	AUDIT_MODULES,
	AUDIT_QUEUED,
	AUDIT_TERMS
};

/**
 * struct audit_sums - what an audit has found
 * @term: blocks in each place
 * @twice: blocks that are in two places
 * @foreign: blocks that are none of the pool's, or bits of clients without a
 *	hold
 * @bits: holds that clients have, by their own account
 * @queued: handles in channels, by theirs
 * @holds: holds of clients and channels, by the account of the blocks
 * @promised: blocks of the depot that somebody has reserved
 * @counters: those of the depot promise what is not there
 */
struct audit_sums {
	u64 term[AUDIT_TERMS];
	u64 twice;
	u64 foreign;
	u64 bits;
	u64 queued;
	u64 holds;
	u64 promised;
	u64 counters;
};

/**
 * struct audit - one look
 * @pool: the pool
 * @found: blocks found so far
 * @owned: blocks that clients hold
 * @sums: the result
 */
struct audit {
	const struct fixedpool *pool;
	unsigned long *found;
	unsigned long *owned;
	struct audit_sums sums;
};

int audit_init(struct audit *audit, const struct fixedpool *pool);
void audit_exit(struct audit *audit);
void audit_begin(struct audit *audit);
void audit_client(struct audit *audit, u32 word, unsigned long mask);
void audit_end(struct audit *audit, u64 queued);
bool audit_adds_up(const struct audit *audit);
bool audit_balanced(const struct audit *audit);

#endif /* FIXEDPOOL_AUDIT_H */
