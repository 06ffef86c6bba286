// SPDX-License-Identifier: GPL-2.0
/*
 * load MODULE [PARAMETERS [faults]] - load a module, in one attempt
 *
 * With faults: load and unload fixedpool.ko again and again, first so that the
 * first allocation or copy in the load fails, then the second, and so on until
 * none fails.
 */
#include "fixedpool_test.h"
#include "helpers/faults.h"

static int load(int file, const char *parameters)
{
	return syscall(SYS_finit_module, file, parameters, 0) ? errno : 0;
}

static bool load_with_fault(int file, const char *parameters, int faults, unsigned int nth)
{
	bool came;
	int error;

	faults_arm(faults, nth);
	error = load(file, parameters);
	came = faults_disarm(faults);
	if (!error)
		REQUIRE(syscall(SYS_delete_module, "fixedpool", O_NONBLOCK) == 0);
	else
		REQUIRE(came && (error == ENOMEM || error == EFAULT));
	REQUIRE(access(FIXEDPOOL_DEVICE, F_OK) != 0);
	REQUIRE(access("/sys/class/fixedpool", F_OK) != 0);
	return came;
}

int main(int count, char **arguments)
{
	int file, faults, error;
	unsigned int nth = 1;

	REQUIRE(count >= 2 && count <= 4);
	file = open(arguments[1], O_RDONLY | O_CLOEXEC);
	REQUIRE(file >= 0);
	if (count < 4) {
		error = load(file, count == 3 ? arguments[2] : "");
		if (error)
			fprintf(stderr, "cannot load: %s\n", strerror(error));
		return error ? KSFT_FAIL : KSFT_PASS;
	}
	faults = faults_open();
	REQUIRE(faults >= 0);
	while (load_with_fault(file, arguments[2], faults, nth))
		nth++;
	return KSFT_PASS;
}
