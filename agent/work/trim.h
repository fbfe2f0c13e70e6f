/* SPDX-License-Identifier: MIT */
/*
 * Keeping the state folder within its disk budget: what nobody needs goes,
 * the longest unused first.  A process of its own, as sweep.h's.
 */
#ifndef WORK_TRIM_H
#define WORK_TRIM_H

#include "base/base.h"
#include "base/err.h"
#include "base/json.h"

struct trim_spec {
	int64_t budget_bytes; /* for all of it; 0: no bound */
	int64_t floor_bytes;  /* to be left free on the file system */
	int64_t keep_s;       /* what is older goes in any case; 0: nothing */
	bool dry_run;
	uint64_t below; /* runs from this one on came since, and stay */
	/* Runs that are not over, and the trees that they need: theirs is
	 * never touched. */
	char *const *live;
	size_t nlive;
};

/*
 * Trims.  A name of live is a run's number or "tree:ID".  *ret is
 * {"used":bytes before,"freed":bytes,"removed":[{"what":"trees/ID",
 * "bytes":N}]}.
 */
int trim_state(
	int state_fd, const struct trim_spec *t, json_t **ret, struct err *e);

#endif
