/* SPDX-License-Identifier: MIT */
/*
 * What the planning child does: commit, workflow files, plan, base tree.
 * It only reads the repository and only writes below trees/.
 */
#ifndef WORK_PLANNER_H
#define WORK_PLANNER_H

#include "base/base.h"
#include "base/err.h"
#include "base/json.h"
#include "work/source.h"
#include "work/worker.h"

struct planner {
	const struct worker *w;
	const struct source *source;
};

/* For source_child; arg is a struct planner.  *ret is the plan (plan.h)
 * with "dirty" beside "sha", and "skipped" where the commit has no
 * workflow at all. */
int planner_run(void *arg, int progress_fd, json_t **ret, struct err *e);

/* Does any workflow of the plan apply? */
bool planner_applies(const json_t *plan);

/* Builds the base tree of a known commit again; for source_child too. */
struct tree_again {
	const struct worker *w;
	const struct source *source;
	const char *tree;
};
int planner_tree(void *arg, int progress_fd, json_t **ret, struct err *e);

#endif
