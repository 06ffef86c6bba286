/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Seeds of rounds that have failed once, and a few that never did, one a line:
 * model_test.c plays all of them. Included where SEED() says what to do.
 */
SEED(0x1)
SEED(0x2)
SEED(0xfeedfacecafebeef)
SEED(0x3)
SEED(0x4)
SEED(0x5)
SEED(0x8ff43b10e3952d93)
SEED(0x69aaa5136f1053e)
