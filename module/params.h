/* SPDX-License-Identifier: GPL-2.0 */
#ifndef FIXEDPOOL_PARAMS_H
#define FIXEDPOOL_PARAMS_H

int params_create_pools(void);

#endif /* FIXEDPOOL_PARAMS_H */
