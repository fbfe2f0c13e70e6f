/* SPDX-License-Identifier: MIT */
/*
 * tellus-worker: one planning or job attempt.  Started by tellusd with the
 * control socket as descriptor 3; its arguments only name the attempt for
 * those who look at the process list.
 */
#include "base/base.h"
#include "base/log.h"
#include "work/worker.h"

#define CONTROL_FD 3

int
main(int argc, char **argv)
{
	if (argc > 1 && str_eq(argv[1], "--version")) {
		printf("tellus-worker %s\n", PACKAGE_VERSION);
		return 0;
	}
	log_set_name("tellus-worker");
	return worker_main(CONTROL_FD);
}
