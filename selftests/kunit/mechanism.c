// SPDX-License-Identifier: GPL-2.0
/* The layers under test, from the module's own sources, without tracepoints. */
#define NOTRACE
#include "../../module/geometry.c"
#include "../../module/depot.c"
#include "../../module/depot_range.c"
#include "../../module/account.c"
#include "../../module/storage_pages.c"
#include "../../module/storage_slab.c"
#include "../../module/storage.c"
#include "../../module/rack.c"
#include "../../module/waiting.c"
#include "../../module/magazine.c"
#include "../../module/magazine_drain.c"
#include "../../module/magazine_shut.c"
#include "../../module/magazines.c"
#include "../../module/alert.c"
#include "../../module/ring.c"
#include "../../module/hygiene.c"
#include "../../module/growth.c"
#include "../../module/shrink.c"
#include "../../module/track.c"
#include "../../module/pool.c"
#include "../../module/pool_books.c"
#include "../../module/pool_reserve.c"
#include "../../module/pool_make.c"
#include "../../module/audit.c"

#include <linux/module.h>

MODULE_DESCRIPTION("Unit tests of fixedpool");
MODULE_LICENSE("GPL");
