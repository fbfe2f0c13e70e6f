/* SPDX-License-Identifier: MIT */
/*
 * What the workflow*.c and plan*.c files share: a workflow that was read.
 * Text stays in the YAML tree, so that every piece keeps its position.
 */
#ifndef MODEL_WORKFLOW_INT_H
#define MODEL_WORKFLOW_INT_H

#include "base/base.h"
#include "base/json.h"
#include "base/strv.h"
#include "model/workflow.h"
#include "model/yaml.h"

struct wpair {
	const struct ynode *key, *value;
};

struct wmap { /* env, outputs */
	struct wpair *v;
	size_t n, cap;
};

/* A value, or text with an expression that planning evaluates. */
struct wtime {
	int64_t ms;   /* 0: not set */
	bool minutes; /* the unit of the text */
	const struct ynode *text;
};

struct wflag {
	bool on;
	const struct ynode *text;
};

struct wlimits { /* 0: not set */
	int64_t memory, cpu, pids, disk, output;
};

struct wdefaults {
	const struct ynode *shell, *dir;
};

struct wstep {
	const struct ynode *node;
	const struct ynode *id, *name, *run, *shell, *dir, *cond, *undo;
	const struct ynode *uses, *with, *on_crash;
	struct wmap env;
	struct wtime timeout;
	struct wflag go_on; /* continue-on-error */
	json_t *retry;
};

struct wjob {
	const struct ynode *key; /* its id */
	const struct ynode *node;
	const struct ynode *name, *cond, *network;
	const struct ynode **needs;
	size_t nneeds, needs_cap;
	struct wmap env, outputs;
	struct wtime timeout;
	struct wflag go_on;
	struct wlimits limits;
	struct wdefaults defaults;
	json_t *retry;
	struct wstep *steps;
	size_t nsteps, steps_cap;
	int mark; /* for the search for cycles */
};

enum wfilter {
	FILTER_BRANCHES,
	FILTER_BRANCHES_IGNORE,
	FILTER_TAGS,
	FILTER_TAGS_IGNORE,
	FILTER_PATHS,
	FILTER_PATHS_IGNORE,
	FILTER_TYPES,
	FILTER_COUNT,
};

struct wtrigger {
	bool on;
	bool has[FILTER_COUNT];
	struct strv list[FILTER_COUNT];
};

struct workflow {
	struct ydoc *doc;
	char *name;
	bool has_on, has_jobs;
	struct wtrigger push, pull_request;
	struct wmap env;
	struct wdefaults defaults;
	struct wjob *jobs;
	size_t njobs, jobs_cap;
	struct strv warnings;
};

/* ---- reading ---- */

struct wreader {
	struct workflow *w;
	char where[200]; /* "in job \"build\"", for messages */
	struct err *e;
};

struct wkey;

/* Reads one key's value into obj. */
typedef int wkey_fn(struct wreader *r, const struct wkey *k,
	const struct ynode *key, const struct ynode *value, void *obj);

struct wkey {
	const char *name;
	wkey_fn *set;
	size_t off;                  /* of the member in obj */
	const char *const *contexts; /* for expressions; NULL: none */
	const char *note; /* for key_ignored, key_later, key_misplaced */
	unsigned int at;  /* where it is allowed, for tables of several uses */
};

#define WKEY_ANYWHERE 0

/* Every entry of the mapping by its row; unknown keys are errors.  Rows
 * whose `at` has none of the bits of `at` are not there. */
int wread_map(struct wreader *r, const struct ynode *map,
	const struct wkey *keys, size_t nkeys, unsigned int at, void *obj);

/* r->where, until the caller sets it again. */
void wread_where(struct wreader *r, const char *fmt, ...) PRINTF(2, 3);
void wread_warn(struct wreader *r, const struct ynode *n, const char *fmt, ...)
	PRINTF(3, 4);
/* "unknown <what> ..." with the nearest name. */
int wread_unknown(struct wreader *r, const struct ynode *n, const char *what,
	const char *const *names, size_t nnames);
/* Wrong kind: "\"steps\" in job \"x\" must be a list, not a mapping". */
int wread_kind(struct wreader *r, const struct ynode *key,
	const struct ynode *value, enum ynode_kind kind);
/* A scalar with something in it. */
int wread_scalar(
	struct wreader *r, const struct ynode *key, const struct ynode *value);
int wread_expr(struct wreader *r, const struct ynode *n, bool is_cond,
	const char *const *contexts);
int wread_pairs(struct wreader *r, const struct ynode *key,
	const struct ynode *map, const char *const *contexts, struct wmap *to);
bool wread_is_id(const char *s);
/* true or false; -1 for anything else. */
int wread_bool(const char *s, bool *ret);
int wread_time(const char *s, bool minutes, int64_t *ret_ms);

/* Setters; the offset's type is in brackets. */
wkey_fn key_text;                  /* struct ynode * */
wkey_fn key_title;                 /* struct ynode *: a name */
wkey_fn key_script;                /* struct ynode * */
wkey_fn key_cond;                  /* struct ynode * */
wkey_fn key_shell;                 /* struct ynode * */
wkey_fn key_env;                   /* struct wmap */
wkey_fn key_minutes, key_duration; /* struct wtime */
wkey_fn key_flag;                  /* struct wflag */
wkey_fn key_limits;                /* struct wlimits */
wkey_fn key_network;               /* struct ynode * */
wkey_fn key_defaults;              /* struct wdefaults */
wkey_fn key_retry;                 /* json_t * */
wkey_fn key_ignored;               /* a warning: note */
wkey_fn key_later;                 /* an error: not supported yet */
wkey_fn key_misplaced;             /* an error: note */

int wread_on(struct wreader *r, const struct ynode *n);
int wread_jobs(struct wreader *r, const struct ynode *n);
/* The job that "run:" at the top stands for; steps is the value of run. */
int wread_run(
	struct wreader *r, const struct ynode *key, const struct ynode *steps);
struct wjob *wread_run_job(
	struct wreader *r, const struct ynode *key, const struct ynode *node);
/* One key of a job, for the top of the file. */
int wread_job_key(struct wreader *r, const struct ynode *key,
	const struct ynode *value, struct wjob *job);
int wread_steps(struct wreader *r, const struct ynode *key,
	const struct ynode *list, struct wjob *job);
/* needs: unknown jobs and cycles. */
int wread_graph(struct wreader *r);

/* Warns of needs.X and steps.X that nothing stands behind. */
void wread_refs(struct wreader *r);

struct wjob *workflow_job(const struct workflow *w, const char *id);

extern const char *const wcontexts_github[],
	*const wcontexts_plan[], *const wcontexts_job[],
					 *const wcontexts_step[];

#endif
