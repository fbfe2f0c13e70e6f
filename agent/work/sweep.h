/* SPDX-License-Identifier: MIT */
/*
 * Cleaning up behind runs that are final: their layers go, what people may
 * still ask for (events, output, plan, records) stays.  A process of its
 * own, since deleting may take long and the core never waits.
 */
#ifndef WORK_SWEEP_H
#define WORK_SWEEP_H

#include "base/base.h"
#include "base/err.h"

/* The layers of one run.  An absent run is fine. */
int sweep_run(int state_fd, const char *run, struct err *e);

/* Those of every run below that number that is not among the n named
 * ones. */
int sweep_others(int state_fd, uint64_t below, char *const *runs, size_t n,
	struct err *e);

/* What "tellus doctor" shows of the box, on standard output; false when
 * something that is needed is missing. */
bool worker_doctor(const char *state);

#endif
