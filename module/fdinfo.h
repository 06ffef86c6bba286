/* SPDX-License-Identifier: GPL-2.0 */
/* What /proc/<pid>/fdinfo/<descriptor> says of a client. */
#ifndef FIXEDPOOL_FDINFO_H
#define FIXEDPOOL_FDINFO_H

#include "client.h"

struct seq_file;

void fdinfo_client(struct seq_file *file, struct client *client);

#endif /* FIXEDPOOL_FDINFO_H */
