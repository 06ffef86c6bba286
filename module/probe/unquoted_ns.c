// SPDX-License-Identifier: GPL-2.0
/*
 * Compiles where a symbol namespace is written without quotes. (With them it
 * compiles there too, but means another namespace.)
 */
#include <linux/module.h>

MODULE_IMPORT_NS(PROBE);
