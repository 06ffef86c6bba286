/* SPDX-License-Identifier: MIT */
/*
 * Every function of <fixedpool/fixedpool.h>, called from C; what each of these sees
 * amiss it tells c_amiss().
 */
#ifndef FIXEDPOOL_TESTS_C_CALLS_H
#define FIXEDPOOL_TESTS_C_CALLS_H

/* The uapi must get along with it. */
#include <fixedpool/fixedpool.h>
#include <linux/fixedpool.h>

#ifdef __cplusplus
extern "C" {
#endif

void c_amiss(const char* what, const char* file, int line);

/* Opens a client of the transport that is tested. NOLINTNEXTLINE(modernize-use-using) */
typedef int (*c_opener)(fp_client** opened);

/* @name: of pools, that nobody else has */
void c_errors(void);
void c_clients(c_opener open);
void c_pools(c_opener open, const char* name);
void c_blocks(c_opener open, const char* name);
void c_waiting(c_opener open, const char* name);
void c_bytes(c_opener open, const char* name);
void c_holders(c_opener open, const char* name);
void c_scopes(c_opener open, const char* name);
void c_sets(c_opener open, const char* name);
void c_channels(c_opener open, const char* name);
void c_watches(c_opener open, const char* name);
void c_nulls(c_opener open, const char* name);
void c_sizes(c_opener open, const char* name);

/* Makes one of everything; returns the first refusal, after closing all. */
int c_everything(c_opener open, const char* name);

#ifdef __cplusplus
}
#endif

#endif
