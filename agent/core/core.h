/* SPDX-License-Identifier: MIT */
/*
 * The agent's decisions.  One thread runs core_run(); every other thread
 * talks to it by asks, which it answers after the commit of the loop turn
 * that took them.
 */
#ifndef CORE_CORE_H
#define CORE_CORE_H

#include "base/base.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "forge/forge.h"
#include "model/config.h"
#include "model/run.h"
#include "store/journal.h"

struct core;

struct core_opts {
	const char *config_path; /* for SIGHUP; or NULL */
	const char *libexecdir;  /* where tellus-worker is */
	bool private_agent;      /* of tellus run: ends when idle */
};

/* Takes the configuration.  Opens the state folder, its lock (ERR_TEMP
 * "already running as pid N"), the journal, and recovers. */
int core_new(struct core **ret, struct config *take, const struct core_opts *o,
	struct err *e);
/* Runs until SIGTERM or SIGINT (or idle, for a private agent). */
int core_run(struct core *c, struct err *e);
void core_free(struct core *c);
/* From any thread: as SIGTERM. */
void core_stop(struct core *c);

/*
 * The configuration in force, for other threads: a counted reference.  A
 * re-read makes a new one and never changes an old one.
 */
struct config_ref {
	struct config conf;
	unsigned int refs;
};
struct config_ref *core_config(struct core *c);
void config_unref(struct config_ref *r);

/* A snapshot of a run for other threads, counted and never changed. */
struct run_view {
	struct run *run;
	unsigned int refs;
};
void run_view_unref(struct run_view *v);
struct run_view *run_view_ref(struct run_view *v);

enum ask_kind {
	ASK_DELIVER, /* push, keys: a run for each of pushes */
	ASK_RUNS,    /* filter: json gets a JSON array of list rows */
	ASK_RUN,     /* run: view */
	ASK_RETRY,   /* run, options, by; runs: a new one, when the options
		      * name a ref */
	ASK_APPROVE, /* run, by */
	ASK_CANCEL,  /* run, by */
	ASK_STATUS,  /* json: the agent's state, for doctor and healthz */
	ASK_STORY,   /* run: view, json: {"slots","busy":[runs],"events":[]} */
	ASK_TRIM,    /* options: dry_run; json: what was removed */
};

struct ask {
	enum ask_kind kind;
	/* in; owned by the asker until answered */
	struct push *pushes; /* DELIVER */
	size_t npushes;
	struct push *seen; /* DELIVER: what moved and starts nothing */
	size_t nseen;
	struct strv keys; /* DELIVER: dedupe keys; any match is a repeat */
	struct journal_filter filter;
	uint64_t run;
	const char *by;
	const json_t *options; /* RETRY: job from skip set limits as in the
				* "retried" event, and ref */
	/* out */
	bool ok;
	struct err err; /* ABSENT 404, PERM 409, TEMP 503 */
	bool later;     /* it is answered in another turn */
	bool duplicate; /* DELIVER */
	uint64_t *runs; /* DELIVER: heap, the asker frees */
	size_t nruns;
	struct buf json;
	struct run_view *view;
	/* Called on the core's thread after the commit; hand over quickly. */
	void (*done)(struct ask *a);
	void *arg;
	struct ask *next; /* the queue's */
};

/* From any thread.  The ask belongs to the core until done is called. */
void core_ask(struct core *c, struct ask *a);

/*
 * Live runs: fn is called on the core's thread with a new snapshot after
 * each commit that changed the run and when its output grew (at most every
 * 5 ms; run_step.live then says how much there is), and is told of the
 * current state at once; NULL: there is no such run.  The
 * view is a reference of the callee's.  run 0: any run's change (the list
 * page), the view of the changed run.  From any thread.
 */
typedef void core_watch_fn(uint64_t run, struct run_view *take, void *arg);
uint64_t core_watch(struct core *c, uint64_t run, core_watch_fn *fn, void *arg);
/* After it returns fn is not called any more (it waits for the core). */
void core_unwatch(struct core *c, uint64_t id);

/* The folder of an attempt below the state folder, for reading its output:
 * "runs/42/0.1" (job -1: "runs/42/plan.1"). */
void core_attempt_path(uint64_t run, int job, int attempt, struct buf *out);

#endif
