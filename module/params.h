/* SPDX-License-Identifier: GPL-2.0 */
#ifndef FIXEDPOOL_PARAMS_H
#define FIXEDPOOL_PARAMS_H

int params_create(void);

#endif /* FIXEDPOOL_PARAMS_H */
