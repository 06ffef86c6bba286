/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Giving chunks back when the system runs out of memory: the shrinker of all
 * pools that grow.
 */
#ifndef FIXEDPOOL_SHRINK_H
#define FIXEDPOOL_SHRINK_H

#include "growth.h"

int shrink_init(void);
void shrink_exit(void);
void shrink_add(struct growth *growth);
void shrink_remove(struct growth *growth);

#endif /* FIXEDPOOL_SHRINK_H */
