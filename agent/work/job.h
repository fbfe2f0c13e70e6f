/* SPDX-License-Identifier: MIT */
/*
 * A job attempt while it runs: what its steps share.
 */
#ifndef WORK_JOB_H
#define WORK_JOB_H

#include "base/base.h"
#include "base/err.h"
#include "base/json.h"
#include "base/strv.h"
#include "model/expr.h"
#include "model/run.h"
#include "store/outlog.h"
#include "work/source.h"
#include "work/worker.h"

/* overlayfs' work folder, below the attempt's. */
#define WORK_FOLDER "work"

struct job {
	struct worker *w;
	const json_t *plan; /* the job, borrowed from the spec */
	struct source source;
	json_t *contexts;   /* of expressions: github env steps ... */
	json_t *path_added; /* by GITHUB_PATH: an array, first wins */
	/* The layered tree, as paths below the state folder. */
	struct strv tree;       /* the base tree, topmost first */
	struct strv layers;     /* .git and the steps', oldest first */
	char *objects;          /* shown to the box for .git, or NULL */
	struct stat objects_is; /* which folder that is ... */
	int objects_fd; /* ... held, so that no other becomes it; or -1 */
	struct outlog *out;
	enum box_net net;
	bool say_no_net;     /* the next step's output begins with that */
	int64_t deadline_ms; /* boot clock; 0: none */
	int64_t cleanup_ms;  /* once cancelled or out of time: until then */
	bool failed, canceled, timed_out;
	bool blocked; /* its first failure is for a person to mend */
	bool undoing; /* this attempt runs the undos of a job that is over */
	enum retry_kind yield; /* a step is tried again, by a later attempt */
	struct reason reason;  /* of the first failure */
};

/* What expressions see of the job's state. */
struct expr_env job_expr(const struct job *j);

/* Cancelled since we last looked?  Sets j->canceled. */
bool job_is_canceled(struct job *j);

/* The end of all steps: the job's deadline, or once it is over (or the job
 * was cancelled) that of the steps which clean up.  0: none. */
int64_t job_deadline(struct job *j);

/* Keeps the first failure's reason. */
void job_blame(struct job *j, const struct reason *why);

/* ---- context.c ---- */

/* github, env, needs, runner, ... at the job's start. */
int context_make(struct job *j, struct err *e);
/* steps.ID: outcome, conclusion, outputs (borrowed, or NULL). */
void context_step(struct job *j, const char *id, const char *outcome,
	const char *conclusion, const json_t *outputs);
/* Sets env.NAME for what comes after. */
void context_env(struct job *j, const char *name, const char *value);
/* Expands each value of an "env" object in order, each seeing those before
 * it, into the env context. */
int context_expand_env(struct job *j, const json_t *env, struct err *e);
/* The job's outputs, expanded, or NULL when it has none. */
json_t *context_outputs(struct job *j, struct err *e);

/* ---- layers.c ---- */

/* Finds or makes the base tree and the folder with .git, and takes in the
 * layers of the finished steps. */
int layers_prepare(struct job *j, struct err *e);

#endif
