/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Groups of 64 neighbouring blocks: what pool.h does to a block, done to many
 * blocks of one group at a time, four by four where nobody else is concerned.
 */
#ifndef FIXEDPOOL_WORD_H
#define FIXEDPOOL_WORD_H

#include "pool.h"

unsigned long pool_claim_word(struct fixedpool *pool, enum holder holder,
			      unsigned int want, u32 *word, u64 *handles);
void pool_drop_word(struct fixedpool *pool, u32 word, unsigned long mask,
		    enum holder holder);
unsigned long pool_cache_word(struct fixedpool *pool, enum holder holder,
			      unsigned int want, u32 *word);
void pool_uncache_word(struct fixedpool *pool, u32 word, unsigned long mask,
		       enum holder holder);

#endif /* FIXEDPOOL_WORD_H */
