// SPDX-License-Identifier: GPL-2.0
/* As mechanism.c; apart, since a bare verb here is one there. */
#include "../../module/group.c"
#include "../../module/word.c"
