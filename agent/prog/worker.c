/* SPDX-License-Identifier: MIT */
/*
 * tellus-worker: one planning or job attempt.  Started by tellusd with the
 * control socket as descriptor 3; its argument then only names the attempt
 * for those who look at the process list.  Errands beside that: --doctor
 * STATE, --heads STATE (work/heads.h), and --sweep STATE RUN... or
 * --sweep-others STATE BELOW RUN... (all runs below that number but those
 * named), and --trim STATE BUDGET FLOOR KEEP-SECONDS yes|no (only look) BELOW
 * NAME... (trim.h).
 */
#include "base/base.h"
#include "base/enc.h"
#include "base/log.h"
#include "os/fd.h"
#include "os/path.h"
#include "work/heads.h"
#include "work/sweep.h"
#include "work/trim.h"
#include "work/worker.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>

#define CONTROL_FD 3

static int
sweep(bool others, const char *state, char **runs, int n)
{
	struct err e = { 0 };
	AUTO(fd_closep) int fd = path_open_dir(AT_FDCWD, state, &e);
	int bad = fd < 0;
	int64_t below = 0;

	/* The next tellusd does not know of this process and might start
	 * a run again under its hands. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (others && !bad)
		bad = n < 1 || num_parse(runs[0], 0, INT64_MAX, &below) < 0 ||
		      sweep_others(fd, (uint64_t)below, runs + 1, (size_t)n - 1,
			      &e) < 0;
	for (int i = 0; !others && !bad && i < n; i++)
		bad = sweep_run(fd, runs[i], &e) < 0;
	if (bad)
		log_line(LOG_ERROR, "clean up: %s", e.msg);
	return bad;
}

/* What was found and done goes to standard output as JSON. */
static int
trim(const char *state, char **args, int n)
{
	struct trim_spec t = { .live = args + 5, .nlive = (size_t)(n - 5) };
	int64_t below = 0;
	struct err e = { 0 };
	AUTO(fd_closep) int fd = path_open_dir(AT_FDCWD, state, &e);
	AUTO(json_decrefp) json_t *found = NULL;
	int rc = fd < 0 ? -1 : 0;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (rc == 0 &&
		(num_parse(args[0], 0, INT64_MAX, &t.budget_bytes) < 0 ||
			num_parse(args[1], 0, INT64_MAX, &t.floor_bytes) < 0 ||
			num_parse(args[2], 0, INT64_MAX, &t.keep_s) < 0))
		rc = err_set(&e, ERR_PERM, "--trim wants numbers");
	t.dry_run = str_eq(args[3], "yes");
	if (rc == 0 && num_parse(args[4], 0, INT64_MAX, &below) < 0)
		rc = err_set(&e, ERR_PERM, "--trim wants a run's number");
	t.below = (uint64_t)below;
	if (rc == 0)
		rc = trim_state(fd, &t, &found, &e);
	if (rc < 0)
		log_line(LOG_ERROR, "trim: %s", e.msg);
	if (found && json_dumpf(found, stdout, JSON_COMPACT) < 0)
		rc = -1;
	return rc < 0 || fflush(stdout) != 0;
}

static int
heads(const char *state)
{
	struct err e = { 0 };

	/* Nobody would read the answer. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_IGN);
	if (heads_answer(state, &e) == 0)
		return 0;
	log_line(LOG_ERROR, "missed pushes: %s", e.msg);
	return 1;
}

int
main(int argc, char **argv)
{
	if (argc > 1 && str_eq(argv[1], "--version")) {
		printf("tellus-worker %s\n", PACKAGE_VERSION);
		return 0;
	}
	log_set_name("tellus-worker");
	if (argc > 2 && str_eq(argv[1], "--doctor"))
		return worker_doctor(argv[2]) ? 0 : 1;
	if (argc > 2 && str_eq(argv[1], "--heads"))
		return heads(argv[2]);
	if (argc > 2 && str_starts(argv[1], "--sweep"))
		return sweep(str_eq(argv[1], "--sweep-others"), argv[2],
			argv + 3, argc - 3);
	if (argc > 7 && str_eq(argv[1], "--trim"))
		return trim(argv[2], argv + 3, argc - 3);
	return worker_main(CONTROL_FD);
}
