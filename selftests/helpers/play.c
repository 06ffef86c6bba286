// SPDX-License-Identifier: GPL-2.0
/*
 * play SCENARIO pages|slab - play one scenario inside the kernel
 *
 * Exit status as of a kselftest: 0 passed, 1 failed, 4 skipped.
 */
#include "fixedpool_test.h"

#include "client/fixedpool_client.h"

int main(int count, char **arguments)
{
	struct fixedpool_client_run run = {};
	int driver, error;

	REQUIRE(count == 3);
	snprintf(run.scenario, sizeof(run.scenario), "%s", arguments[1]);
	run.storage = !strcmp(arguments[2], "slab") ? FIXEDPOOL_STORAGE_SLAB :
						      FIXEDPOOL_STORAGE_PAGES;
	driver = open(FIXEDPOOL_CLIENT_DEVICE, O_RDWR | O_CLOEXEC);
	REQUIRE(driver >= 0);
	error = call(driver, FIXEDPOOL_CLIENT_IOC_RUN, &run);
	if (error)
		printf("%s: %s\n", strerror(error), run.failure);
	return error == EOPNOTSUPP ? KSFT_SKIP : error ? KSFT_FAIL : KSFT_PASS;
}
