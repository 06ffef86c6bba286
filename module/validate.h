/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Does the accounting equation of a pool hold, with what its clients and channels
 * say they have?
 */
#ifndef FIXEDPOOL_VALIDATE_H
#define FIXEDPOOL_VALIDATE_H

#include "attachment.h"
#include "audit.h"

/**
 * enum validate_verdict - what has been found
 * @VALIDATE_WRONG: the books do not balance, and nothing moves
 * @VALIDATE_RIGHT: they balance
 * @VALIDATE_MOVING: they do not, but somebody is at work, or is promised blocks that
 *	he has not taken yet: look again
 */
enum validate_verdict {
	VALIDATE_WRONG,
	VALIDATE_RIGHT,
	VALIDATE_MOVING,
};

enum validate_verdict validate_pool(struct fixedpool *pool,
				    struct audit *audit, bool named);

#endif /* FIXEDPOOL_VALIDATE_H */
